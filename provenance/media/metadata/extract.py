"""Reading the descriptive metadata of a file of any format, without decoding its content."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import parse_container
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout
from provenance.media.metadata.model import FieldCollector, MetadataReading

__all__ = ["extract_metadata"]


def extract_metadata(
    stream: BinaryIO,
    media_format: MediaFormat,
    layout: Layout | None,
    limits: Limits = DEFAULT_LIMITS,
    shorten: Callable[[str], str] | None = None,
) -> MetadataReading:
    """What does this file say about itself?

    Descriptive fields only: who, what, when, where, with what. Pixels, samples and pages
    are never decoded, so the size a picture claims to have does not matter. It says
    nothing about who vouches for a field.

    Args:
        stream: The file, seekable.
        media_format: What it is, by its bytes.
        layout: Its parts, where they are known already; else they are found here. TIFF,
            PDF and ZIP files are read without it.
        limits: `max_metadata_bytes` bounds each block, `max_metadata_fields` a quarter of
            the fields.
        shorten: From where on a value is kept that is too long; else its beginning is.

    Returns:
        The fields, and a sentence for each thing that could not be read. Whatever is in
        the file, it raises nothing.
    """
    out = FieldCollector(limits, shorten)
    try:
        _read(stream, media_format.container, layout, out)
    except (MalformedError, LimitError) as error:
        out.unreadable(str(error))
    return out.reading()


def _read(
    stream: BinaryIO, container: Container, layout: Layout | None, out: FieldCollector
) -> None:
    # Each kind of reader is loaded by the first file that has need of it.
    size_bytes = stream.seek(0, io.SEEK_END) if layout is None else layout.size_bytes
    if container is Container.PDF:
        from provenance.media.metadata.pdf import add_pdf_metadata

        add_pdf_metadata(stream, size_bytes, out)
    elif container is Container.ZIP:
        from provenance.media.metadata.documents import add_document_properties

        add_document_properties(stream, size_bytes, out)
    elif container is Container.JPEG:
        from provenance.media.metadata.jpeg_blocks import add_jpeg_blocks

        if layout is None:
            layout = parse_container(stream, size_bytes, container, out.limits)
        add_jpeg_blocks(stream, layout, out)
    elif container is not Container.C2PA:
        from provenance.media.metadata.parts import add_parts

        add_parts(stream, size_bytes, container, layout, out)
