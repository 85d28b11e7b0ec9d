"""Finding the private metadata of a file of any format."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import bmff, flac, gif, id3, jpeg, jxl, png, riff, svg
from provenance.media.containers.collector import read_at
from provenance.media.containers.jbrd import bare_jpeg
from provenance.media.containers.pieces import is_zero_filled
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout, LayoutParser, Segment, SegmentKind
from provenance.media.metadata import MetadataReading, extract_metadata
from provenance.media.metadata.heif_items import find_items, find_other_types
from provenance.media.privacy.chunks import riff_edits
from provenance.media.privacy.documents import look_into_archive
from provenance.media.privacy.drawings import svg_edits
from provenance.media.privacy.films import bmff_edits
from provenance.media.privacy.model import Category, Edit, Finder, Inside, PrivateReading
from provenance.media.privacy.pdf_streams import look_into_pdf
from provenance.media.privacy.photoshop_eraser import erase_exif_and_blocks, erase_resources
from provenance.media.privacy.pictures import jpeg_edits, png_edits
from provenance.media.privacy.rules import (
    category_of,
    category_of_value,
    is_part_of,
    telling_part,
)
from provenance.media.privacy.sound_tags import tagged_edits
from provenance.media.privacy.tiff_pages import look_into_tiff
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.ranges import ByteRange
from provenance.media.sniff import sniff_stream

__all__ = ["find_private", "look", "look_into"]

_PARSERS: Mapping[Container, LayoutParser] = MappingProxyType(
    {
        Container.JPEG: jpeg.parse_layout,
        Container.PNG: png.parse_layout,
        Container.RIFF: riff.parse_layout,
        Container.BMFF: bmff.parse_layout,
        Container.MP3: id3.parse_layout,
        Container.FLAC: flac.parse_layout,
        Container.GIF: gif.parse_layout,
        Container.SVG: svg.parse_layout,
        Container.JXL: jxl.parse_layout,
    }
)
_Edits = Callable[[BinaryIO, Layout, Finder], list[Edit]]
_ERASERS: Mapping[str, _Edits] = MappingProxyType(
    {
        "jpeg": jpeg_edits,
        "png": png_edits,
        "webp": riff_edits,
        "wav": riff_edits,
        **dict.fromkeys(("mp4", "mov", "m4a"), bmff_edits),
        "mp3": tagged_edits,
        "flac": tagged_edits,
    }
)
_SEARCHED_LIKE: Mapping[Container, _Edits] = MappingProxyType(
    {Container.RIFF: riff_edits, Container.BMFF: bmff_edits}
)
_Blocks = list[tuple[bool, tuple[ByteRange, ...]]]
_MAX_BLOCKS = 256
_MAX_RECONSTRUCTION_BYTES = 256 * 1024
_PACKET, _PACKET_END, _MAX_PACKETS = b"<x:xmpmeta", b"</x:xmpmeta>", 8
_PSD, _PSD_HEAD_BYTES = b"8BPS", 26
_FOUND_WHOLE = (("EXIF: a position that is not", "exif:GPSPosition"),)


def find_private(
    stream: BinaryIO,
    media_format: MediaFormat,
    layout: Layout | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> PrivateReading:
    """Which private metadata does this file hold?

    Positions, serial numbers, names of owners, embedded previews, editing history,
    contacts, and traces of the computer it was made on. Pictures and sound are never
    decoded, so it does not say what is to be seen or heard.

    Returns:
        Each field once, with whether `clean_copy` can take it out, and a sentence for each
        thing that could not be read. Whatever is in the file, it raises nothing.
    """
    finder = Finder(limits, erase=False)
    try:
        look(stream, media_format, layout, finder)
    except (MalformedError, LimitError) as error:
        finder.unreadable(str(error))
    return finder.reading()


def look(
    stream: BinaryIO, media_format: MediaFormat, layout: Layout | None, finder: Finder
) -> list[Edit]:
    """What does the finder find in this file, and which edits erase what it wants erased?

    Raises:
        MalformedError: The container cannot be followed.
        LimitError: A limit is hit.
    """
    size_bytes = stream.seek(0, io.SEEK_END)
    # TIFF, PDF and ZIP files are followed by those who read them.
    if media_format.container is Container.TIFF:
        layout = None
    parser = _PARSERS.get(media_format.container)
    if layout is None and parser is not None:
        layout = parser(stream, size_bytes, finder.limits)
    reading = extract_metadata(stream, media_format, layout, finder.limits, telling_part)
    finder.values = reading.fields
    edits = _edits(stream, media_format, layout, finder)
    for inside in finder.inside:
        look_into(inside, finder)
    _note_rest(reading, finder)
    return edits


def _edits(
    stream: BinaryIO, media_format: MediaFormat, layout: Layout | None, finder: Finder
) -> list[Edit]:
    eraser = _ERASERS.get(media_format.name)
    size_bytes = stream.seek(0, io.SEEK_END)
    if media_format.container is Container.ZIP:
        for inside in look_into_archive(stream, size_bytes, media_format.name, finder):
            look_into(inside, finder)
        return []
    if media_format.container is Container.PDF:
        for inside in look_into_pdf(stream, size_bytes, finder):
            look_into(inside, finder)
        return []
    if media_format.container is Container.TIFF:
        look_into_tiff(stream, size_bytes, finder)
    if layout is None:
        return []
    if eraser is not None:
        edits = eraser(stream, layout, finder)
        if media_format.container is Container.BMFF:
            _look_at_blocks(stream, _items(stream, layout, finder), finder)
        return edits
    _search(stream, media_format, layout, finder)
    return svg_edits(stream, layout, finder) if media_format.container is Container.SVG else []


def _search(stream: BinaryIO, media_format: MediaFormat, layout: Layout, finder: Finder) -> None:
    """Find in a format in which nothing is erased."""
    # Those of whose kind something can be erased are searched like them.
    eraser = _SEARCHED_LIKE.get(media_format.container)
    if eraser is not None:
        only_find = Finder(finder.limits, erase=False, within=finder)
        only_find.values = finder.values
        eraser(stream, layout, only_find)
        finder.inside += only_find.inside
        finder.take_over(only_find.reading())
    if media_format.container is not Container.RIFF:
        blocks: _Blocks = [
            (part.kind is SegmentKind.XMP, (ByteRange(part.data_start, part.end),))
            for part in layout.segments
            if part.kind in {SegmentKind.XMP, SegmentKind.EXIF}
        ]
        if media_format.container is Container.BMFF:
            blocks += _items(stream, layout, finder)
        _look_at_blocks(stream, blocks, finder)
    if media_format.container in {Container.GIF, Container.JXL}:
        _look_at_rest(stream, media_format, layout, finder)


def _note_rest(reading: MetadataReading, finder: Finder) -> None:
    """Note what is private among the fields that nothing else found, and what was not read."""
    names = {field.name for field in finder.reading().fields}
    for sentence in reading.unreadable:
        # What is found as a whole need not be read to be taken out.
        if not any(sentence.startswith(start) and name in names for start, name in _FOUND_WHOLE):
            profile = sentence.removeprefix("PNG: ").lower()
            if f"container:{profile}" not in names:
                finder.unreadable(sentence)
    for field in reading.fields:
        if is_part_of(field, names):
            continue
        category = category_of(field.name) or category_of_value(field.value)
        if category is not None:
            finder.found(field.name, category, field.value, removable=False)


def look_into(inside: Inside, finder: Finder) -> None:
    """Search a file that lies inside this one; nothing in it can be taken out."""
    stream = io.BytesIO(inside.data)
    media_format = sniff_stream(stream, len(inside.data))
    if media_format is not None and media_format.container is Container.C2PA:
        return
    inner = Finder(finder.limits, erase=False, within=finder)
    try:
        if media_format is None:
            _look_into_other(inside.data, inner)
        else:
            look(stream, media_format, None, inner)
    except (MalformedError, LimitError) as error:
        inner.unreadable(str(error))
    for field in inner.reading().fields:
        if not (inside.is_loose and field.name == "trailer"):
            name = f"{inside.name}:{field.name}"
            finder.found(name, field.category, field.preview, removable=False)
    for sentence in inner.reading().unreadable:
        finder.unreadable(f"{inside.name}: {sentence}")


def _look_into_other(data: bytes, finder: Finder) -> None:
    """Search a file of a format that is not signed: the resources of a PSD, XMP in any other."""
    if data.startswith(_PSD):
        # Adobe Photoshop File Formats Specification: a header, colours, then the resources.
        at = _PSD_HEAD_BYTES
        at += 4 + int.from_bytes(data[at : at + 4], "big")
        size = int.from_bytes(data[at : at + 4], "big")
        erase_resources(data[at + 4 : at + 4 + size], finder)
        return
    at = data.find(_PACKET)
    for _ in range(_MAX_PACKETS):
        end = data.find(_PACKET_END, at) + len(_PACKET_END)
        if at < 0 or end < at:
            return
        erase_xmp(data[at:end], finder)
        at = data.find(_PACKET, end)
    if at >= 0:
        finder.unreadable(f"there are more than {_MAX_PACKETS} XMP packets")


def _look_at_rest(
    stream: BinaryIO, media_format: MediaFormat, layout: Layout, finder: Finder
) -> None:
    """Note parts of programmes that are not known here, and what follows the picture."""
    for part in layout.segments:
        if part.label == "jbrd":
            _look_at_reconstruction(stream, part, finder)
        if part.kind is SegmentKind.PADDING and not is_zero_filled(
            stream, ByteRange(part.data_start, part.end)
        ):
            name = f"{media_format.name}:{part.label}"
            preview = f"{part.end - part.data_start} bytes in free space"
            finder.found(name, Category.HISTORY, preview, removable=False)
        if part.kind is SegmentKind.UNKNOWN and part.end <= layout.media_end:
            name = f"{media_format.name}:{part.label.strip()}"
            preview = f"{part.end - part.data_start} bytes of a programme"
            finder.found(name, Category.HISTORY, preview, removable=False)
    if not is_zero_filled(stream, ByteRange(layout.media_end, layout.size_bytes)):
        preview = f"{layout.size_bytes - layout.media_end} bytes after the picture"
        finder.found("trailer", Category.HISTORY, preview, removable=False)


def _look_at_reconstruction(stream: BinaryIO, part: Segment, finder: Finder) -> None:
    """Search what the JPEG had beside its picture: segments of programmes, what followed it."""
    # Of a longer one only a part is read, whose packed bytes have no end.
    size = min(part.end - part.data_start, _MAX_RECONSTRUCTION_BYTES)
    try:
        finder.look_inside("jbrd", bare_jpeg(read_at(stream, part.data_start, size)))
    except MalformedError:
        finder.unreadable("jbrd was not looked into: it holds segments of the JPEG before")


def _items(stream: BinaryIO, layout: Layout, finder: Finder) -> _Blocks:
    for name in find_other_types(stream, layout):
        finder.found(f"item:{name}", Category.HISTORY, "data of a programme", removable=False)
    return [(i.is_xmp, i.extents) for i in find_items(stream, layout, finder.limits)]


def _look_at_blocks(stream: BinaryIO, blocks: _Blocks, finder: Finder) -> None:
    """Find in EXIF and XMP blocks in which nothing is erased; each says if it is XMP."""
    only_find = Finder(finder.limits, erase=False)
    if len(blocks) > _MAX_BLOCKS:
        finder.unreadable(f"there are more than {_MAX_BLOCKS} blocks of metadata")
    for is_xmp, places in blocks[:_MAX_BLOCKS]:
        if sum(place.size_bytes for place in places) > finder.limits.max_metadata_bytes:
            finder.unreadable(f"metadata of more than {finder.limits.max_metadata_bytes} bytes")
            continue
        body = b"".join(read_at(stream, place.start, place.size_bytes) for place in places)
        if is_xmp:
            at, stop = body.find(b"<"), body.rfind(b">") + 1
            erase_xmp(body[at:stop] if 0 <= at < stop else body, only_find)
        else:
            at = min((i for m in (b"II*\0", b"MM\0*") if (i := body.find(m)) >= 0), default=-1)
            if at >= 0:
                erase_exif_and_blocks(body[at:], only_find)
    finder.take_over(only_find.reading())
