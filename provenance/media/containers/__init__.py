"""The layouts of media containers, one module for each container."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from provenance.limits import Limits
from provenance.media.containers import (
    bmff,
    c2pa_sidecar,
    flac,
    gif,
    id3,
    jpeg,
    jxl,
    pdf,
    png,
    riff,
    svg,
    tiff,
    zip,  # noqa: A004  # named for the container, as its siblings are
)
from provenance.media.containers.extraction import extract_manifest
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout, LayoutParser

__all__ = ["extract_manifest", "parse_layout"]

_PARSERS: Mapping[Container, LayoutParser] = MappingProxyType(
    {
        Container.JPEG: jpeg.parse_layout,
        Container.PNG: png.parse_layout,
        Container.RIFF: riff.parse_layout,
        Container.GIF: gif.parse_layout,
        Container.TIFF: tiff.parse_layout,
        Container.BMFF: bmff.parse_layout,
        Container.JXL: jxl.parse_layout,
        Container.SVG: svg.parse_layout,
        Container.MP3: id3.parse_layout,
        Container.FLAC: flac.parse_layout,
        Container.PDF: pdf.parse_layout,
        Container.ZIP: zip.parse_layout,
        Container.C2PA: c2pa_sidecar.parse_layout,
    }
)


def parse_layout(
    stream: BinaryIO, size_bytes: int, media_format: MediaFormat, limits: Limits
) -> Layout:
    """Which parts make this file of a known format?

    Raises:
        MalformedError: The container cannot be followed from its start.
        LimitError: A limit is hit.
    """
    return _PARSERS[media_format.container](stream, size_bytes, limits)
