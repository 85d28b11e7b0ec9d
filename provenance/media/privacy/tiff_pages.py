"""Finding the private tags of every page of a TIFF file.

An EXIF block has its tables at the front and no more than two pages; a TIFF file has its
tables wherever the writer put them, behind the picture as a rule, and any number of pages,
each with a position of its own. Nothing is taken out.

Sources: TIFF 6.0 §2; CIPA DC-008 (EXIF 3.0) §4.6; DNG 1.7; Adobe Photoshop TIFF Technical Notes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO, Literal

from provenance.media.containers.collector import read_at
from provenance.media.containers.pieces import is_zero_filled
from provenance.media.containers.tiff import Entry, parse_layout, read_directories
from provenance.media.privacy.exif_eraser import (
    PRIVATE_TAGS,
    TEXT_TAGS,
    TEXT_TYPES,
    UNSHOWN_TAGS,
    text_name,
    text_of,
)
from provenance.media.privacy.model import Category, Finder
from provenance.media.privacy.photoshop_eraser import erase_iptc, erase_resources
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.ranges import ByteRange

__all__ = ["look_into_tiff"]

_XMP, _IPTC, _RESOURCES, _LAYERS = 700, 33723, 34377, 37724
_BLOCKS = {_XMP: erase_xmp, _IPTC: erase_iptc, _RESOURCES: erase_resources}
_MAX_BLOCKS = 256
_ENTRY_BYTES = 12
_MAX_TABLE_BYTES = 2 + _ENTRY_BYTES * 65_535 + 4
# Thousands of entries may all name the same text, each to be read and searched.
_MAX_TEXT_BYTES = 2 * 1024 * 1024


def look_into_tiff(stream: BinaryIO, size_bytes: int, finder: Finder) -> None:
    """Which private tags has any page of this TIFF, or any directory below one?

    Raises:
        MalformedError, LimitError: Its directories cannot be followed.
    """
    only_find = Finder(finder.limits, erase=False, within=finder)
    order, directories = read_directories(stream, size_bytes, finder.limits)
    known = {read_at(stream, e.at, _ENTRY_BYTES) for _, entries in directories for e in entries}
    _look_at_rest(stream, size_bytes, known, order, only_find)
    blocks: list[Entry] = []
    texts: list[Entry] = []
    for label, entries in directories:
        if label == "GPSIFD" and any(entry.tag for entry in entries):
            only_find.found("exif:GPSPosition", Category.POSITION, f"{len(entries)} tags")
        for entry in entries:
            if entry.tag in _BLOCKS:
                blocks.append(entry)
            elif entry.tag == _LAYERS:
                preview = f"{entry.value_bytes} bytes of layers"
                only_find.found("exif:ImageSourceData", Category.HISTORY, preview)
            elif label != "GPSIFD" and (entry.tag in PRIVATE_TAGS or _is_text(entry)):
                texts.append(entry)
    _look_at_texts(stream, size_bytes, texts, order, only_find)
    for entry in blocks[:_MAX_BLOCKS]:
        _look_at_block(stream, size_bytes, entry, only_find)
    if len(blocks) > _MAX_BLOCKS:
        only_find.unreadable(f"there are more than {_MAX_BLOCKS} blocks of metadata")
    finder.take_over(only_find.reading())


def _look_at_rest(
    stream: BinaryIO,
    size_bytes: int,
    known: Collection[bytes],
    order: Literal["little", "big"],
    finder: Finder,
) -> None:
    """Does anything stand where nothing refers to: an earlier table, or what was put behind?"""
    layout = parse_layout(stream, size_bytes, finder.limits)
    gaps = [
        gap
        for gap in layout.gaps
        if not is_zero_filled(stream, gap) and not _is_told_again(stream, gap, known, order)
    ]
    if gaps:
        preview = f"{sum(gap.size_bytes for gap in gaps)} bytes that nothing refers to"
        finder.found("tiff:gap", Category.HISTORY, preview)
    if not is_zero_filled(stream, ByteRange(layout.media_end, size_bytes)):
        preview = f"{size_bytes - layout.media_end} bytes after the picture"
        finder.found("trailer", Category.HISTORY, preview)


def _is_told_again(
    stream: BinaryIO, gap: ByteRange, known: Collection[bytes], order: Literal["little", "big"]
) -> bool:
    """Is this a table, left behind by who signed the file, of entries that another one has?"""
    raw = read_at(stream, gap.start, min(gap.size_bytes, _MAX_TABLE_BYTES))
    end = 2 + _ENTRY_BYTES * int.from_bytes(raw[:2], order)
    entries = (raw[at : at + _ENTRY_BYTES] for at in range(2, end, _ENTRY_BYTES))
    return end + 4 == gap.size_bytes and all(entry in known for entry in entries)


def _is_text(entry: Entry) -> bool:
    return entry.tag in TEXT_TAGS or entry.type in TEXT_TYPES


def _look_at_block(stream: BinaryIO, size_bytes: int, entry: Entry, finder: Finder) -> None:
    body = _value(stream, size_bytes, entry, finder.limits.max_metadata_bytes + 1)
    if len(body) > finder.limits.max_metadata_bytes:
        finder.unreadable(f"metadata of more than {finder.limits.max_metadata_bytes} bytes")
        return
    if entry.tag == _XMP:
        at, stop = body.find(b"<"), body.rfind(b">") + 1
        body = body[at:stop] if 0 <= at < stop else body
    _BLOCKS[entry.tag](body, finder)


def _look_at_texts(
    stream: BinaryIO,
    size_bytes: int,
    entries: list[Entry],
    order: Literal["little", "big"],
    finder: Finder,
) -> None:
    left = _MAX_TEXT_BYTES
    for entry in entries:
        if entry.tag not in UNSHOWN_TAGS:
            left -= max(1, entry.value_bytes)
        if left < 0:
            finder.unreadable(f"EXIF: texts of more than {_MAX_TEXT_BYTES} bytes")
            return
        text = ""
        if entry.tag not in UNSHOWN_TAGS:
            text = text_of(entry.tag, _value(stream, size_bytes, entry, _MAX_TEXT_BYTES), order)
        name = PRIVATE_TAGS.get(entry.tag)
        if name is not None:
            category = category_of(f"exif:{name}") or Category.SERIAL_NUMBER
            finder.found(f"exif:{name}", category, text)
            continue
        found = category_of_value(text)
        if found is not None:
            finder.found(text_name(entry.tag), found, text)


def _value(stream: BinaryIO, size_bytes: int, entry: Entry, at_most: int) -> bytes:
    # A BigTIFF can name offsets that no stream can seek to.
    if entry.value_at >= size_bytes:
        return b""
    return read_at(stream, entry.value_at, min(entry.value_bytes, at_most))
