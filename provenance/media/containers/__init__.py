"""The layouts of media containers, one module for each container."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import BinaryIO

from provenance.limits import Limits
from provenance.media.containers.extraction import extract_manifest
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout, LayoutParser

__all__ = ["extract_manifest", "parse_container", "parse_layout"]

# By name: who looks at one photo does not wait for what follows films and documents.
_MODULES: Mapping[Container, str] = MappingProxyType(
    {
        Container.JPEG: "jpeg",
        Container.PNG: "png",
        Container.RIFF: "riff",
        Container.GIF: "gif",
        Container.TIFF: "tiff",
        Container.BMFF: "bmff",
        Container.JXL: "jxl",
        Container.SVG: "svg",
        Container.MP3: "id3",
        Container.FLAC: "flac",
        Container.PDF: "pdf",
        Container.ZIP: "zip",
        Container.C2PA: "c2pa_sidecar",
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
    return parse_container(stream, size_bytes, media_format.container, limits)


def parse_container(
    stream: BinaryIO, size_bytes: int, container: Container, limits: Limits
) -> Layout:
    """The same, for a container that several formats may use.

    Raises:
        MalformedError, LimitError: As above.
    """
    module = import_module(f"{__name__}.{_MODULES[container]}")
    parse: LayoutParser = module.parse_layout
    return parse(stream, size_bytes, limits)
