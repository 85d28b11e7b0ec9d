"""Reading the descriptive metadata of containers that keep it in parts of their own."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO

from provenance.media.containers import parse_container
from provenance.media.containers.collector import PartCollector, read_at
from provenance.media.containers.id3 import APPENDED_TAG, add_leading_tags
from provenance.media.formats import Container
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata import tags
from provenance.media.metadata.bmff_tags import add_bmff_tags
from provenance.media.metadata.exif import Value, add_exif, read_tiff
from provenance.media.metadata.heif_items import find_items
from provenance.media.metadata.iptc import add_iptc, iptc_of_resources
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.xmp import add_xmp
from provenance.media.ranges import ByteRange

__all__ = ["add_parts"]

_MAX_BLOCKS = 16
_MAX_TEXTS = 1_000


def add_parts(
    stream: BinaryIO,
    size_bytes: int,
    container: Container,
    layout: Layout | None,
    out: FieldCollector,
) -> None:
    """What does this file say about itself? Its layout is found here where it is not known.

    Raises:
        MalformedError, LimitError: The container cannot be followed.
    """
    if container is Container.TIFF:
        _read_tiff_file(stream, size_bytes, out)
        return
    if layout is None:
        layout = parse_container(stream, size_bytes, container, out.limits)
    _read_parts(stream, container, layout, out)
    if container is Container.BMFF:
        add_bmff_tags(stream, layout, out)
        _read_items(stream, layout, out)


_Reader = Callable[[BinaryIO, Segment, FieldCollector], None]


def _read_parts(
    stream: BinaryIO, container: Container, layout: Layout, out: FieldCollector
) -> None:
    """Read every part that holds metadata; few of each kind, whatever the file repeats."""
    left = {
        SegmentKind.EXIF: _MAX_BLOCKS,
        SegmentKind.XMP: _MAX_BLOCKS,
        SegmentKind.TEXT: _MAX_TEXTS,
    }
    readers: dict[SegmentKind, _Reader] = {
        SegmentKind.EXIF: _read_exif,
        SegmentKind.XMP: _read_xmp,
    }
    text_reader = _TEXT_READERS.get(container)
    if text_reader is not None:
        readers[SegmentKind.TEXT] = text_reader
    for part in layout.segments:
        reader = readers.get(part.kind)
        if reader is None:
            continue
        left[part.kind] -= 1
        if left[part.kind] < 0 or out.is_full:
            out.unreadable(f"more {part.kind.value} parts than are read")
            return
        if part.end - part.data_start > out.limits.max_metadata_bytes:
            out.unreadable(f"{part.label}: more than {out.limits.max_metadata_bytes} bytes")
            continue
        reader(stream, part, out)


def _body(stream: BinaryIO, part: Segment, *, from_start: bool = False) -> bytes:
    start = part.start if from_start else part.data_start
    return read_at(stream, start, part.end - start)


def _read_exif(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    body = _body(stream, part)
    if part.label == "brob":
        out.unreadable("EXIF: it is compressed with Brotli")
        return
    if part.label == "Exif":
        # JPEG XL: an offset to the TIFF header comes first (ISO/IEC 18181-2 §9.3).
        body = body[4 + int.from_bytes(body[:4], "big") :]
    add_exif(body, out, part.range)


def _read_xmp(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    body = _body(stream, part)
    if part.label == "brob":
        out.unreadable("XMP: it is compressed with Brotli")
        return
    if part.label in {"iTXt", "tEXt", "zTXt"}:
        found = tags.png_text(part.label, body[:-4], out.limits.max_metadata_bytes)
        if found is None:
            out.unreadable("XMP: its PNG chunk")
            return
        body = found[1]
    elif part.label == "XMP DataXMP":
        # A packet as it is, then 257 bytes that lead any reader of sub-blocks to the end.
        body = body[:-258] if len(body) > 258 else body
    elif part.label == "PRIV":
        body = body.removeprefix(b"XMP\0")
    add_xmp(body, out, part.range)


def _read_png_text(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    tags.add_png_text(part.label, _body(stream, part)[:-4], out, part.range)


def _read_riff_text(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    body = _body(stream, part)
    if part.label == "LIST:INFO":
        tags.add_riff_info(body, out, part.range)
    elif part.label == "bext":
        tags.add_broadcast_extension(body, out, part.range)
    elif part.label in {"id3 ", "ID3 "}:
        parts = PartCollector(len(body), out.limits)
        end = add_leading_tags(io.BytesIO(body), parts)
        for frame in parts.finish(end).segments[:_MAX_TEXTS]:
            if frame.kind is SegmentKind.TEXT:
                content = body[frame.data_start : frame.end]
                tags.add_id3_frame(frame.label, content, out, part.range, unsynchronised=False)


def _read_id3_text(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    if part.label.startswith("ID3v1"):
        tags.add_id3v1(_body(stream, part, from_start=True), out, part.range)
    elif part.label == "VORBIS_COMMENT":
        tags.add_vorbis_comment(_body(stream, part), out, part.range)
    elif part.label in {"APE", "Lyrics3", APPENDED_TAG}:
        out.unreadable(f"a tag of the kind {part.label}")
    else:
        # The flag that every 0xFF is followed by a zero stands in the tag's header.
        unsynchronised = bool(read_at(stream, 5, 1)[:1] >= b"\x80")
        tags.add_id3_frame(
            part.label, _body(stream, part), out, part.range, unsynchronised=unsynchronised
        )


def _read_gif_text(stream: BinaryIO, part: Segment, out: FieldCollector) -> None:
    if part.label != "comment":
        return
    body, texts, at = _body(stream, part), [], 0
    while at < len(body) and body[at]:
        texts.append(body[at + 1 : at + 1 + body[at]])
        at += 1 + body[at]
    out.add("container:comment", decode_text(b"".join(texts)), "container", part.range)


_TEXT_READERS: Mapping[Container, _Reader] = MappingProxyType(
    {
        Container.PNG: _read_png_text,
        Container.RIFF: _read_riff_text,
        Container.MP3: _read_id3_text,
        Container.FLAC: _read_id3_text,
        Container.GIF: _read_gif_text,
    }
)


def _read_items(stream: BinaryIO, layout: Layout, out: FieldCollector) -> None:
    for item in find_items(stream, layout, out.limits):
        body = b"".join(read_at(stream, r.start, r.size_bytes) for r in item.extents)
        where = ByteRange(
            min((r.start for r in item.extents), default=0),
            max((r.end for r in item.extents), default=0),
        )
        if item.is_xmp:
            add_xmp(body, out, where)
        else:
            # An offset to the TIFF header comes first (ISO/IEC 23008-12 A.2.1).
            add_exif(body[4 + int.from_bytes(body[:4], "big") :], out, where)


_TIFF_XMP, _TIFF_IPTC, _TIFF_RESOURCES = 700, 33723, 34377


def _read_tiff_file(stream: BinaryIO, size_bytes: int, out: FieldCollector) -> None:
    def place(value: Value) -> ByteRange:
        return ByteRange(min(value.at, size_bytes), min(value.at + len(value.data), size_bytes))

    largest = out.limits.max_metadata_bytes
    others = read_tiff(
        # A BigTIFF can name offsets that no stream can seek to.
        lambda offset, size: read_at(stream, offset, size) if offset < size_bytes else b"",
        out,
        place,
        others=dict.fromkeys((_TIFF_XMP, _TIFF_IPTC, _TIFF_RESOURCES), largest),
    )
    if _TIFF_XMP in others:
        add_xmp(others[_TIFF_XMP].data, out, place(others[_TIFF_XMP]))
    if _TIFF_IPTC in others:
        add_iptc(others[_TIFF_IPTC].data, out, place(others[_TIFF_IPTC]))
    elif _TIFF_RESOURCES in others:
        records = iptc_of_resources(others[_TIFF_RESOURCES].data)
        add_iptc(records, out, place(others[_TIFF_RESOURCES]))
