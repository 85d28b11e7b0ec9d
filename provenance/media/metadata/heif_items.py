"""Finding the EXIF and XMP items of a HEIF or AVIF file, without decoding any picture.

Source: ISO/IEC 14496-12:2022 §8.11.3 (`iloc`), §8.11.6 (`iinf`); ISO/IEC 23008-12 annex A.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.ranges import ByteRange

__all__ = ["MetadataItem", "find_items"]

_MAX_ENTRIES = 5_000
_MAX_LOCATIONS_BYTES = 1024 * 1024
_MAX_EXTENTS = 64
_MAX_ITEMS = 64
_XMP_TYPE = b"application/rdf+xml"
_EXIF_TYPES = (b"application/exif", b"application/x-exif", b"image/x-exif", b"image/tiff")


class MetadataItem(NamedTuple):
    """One item: whether it is XMP (else EXIF), and the parts of the file that hold it."""

    is_xmp: bool
    extents: tuple[ByteRange, ...]


class _Cursor:
    """Reads big-endian numbers one after another."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, width: int) -> int:
        end = self._at + width
        if end > len(self._data):
            raise MalformedError(f"iloc: it ends at byte {len(self._data)}, expected {end}")
        value = int.from_bytes(self._data[self._at : end], "big")
        self._at = end
        return value


@dataclass(slots=True)
class _Table:
    """What one `meta` box says of its items: which are metadata, and where items lie."""

    kinds: dict[int, bool] = field(default_factory=dict)
    locations: Segment | None = None
    data_box: Segment | None = None


def find_items(stream: BinaryIO, layout: Layout, limits: Limits) -> tuple[MetadataItem, ...]:
    """Where in this file do its EXIF and XMP items lie?

    Those of the file itself, of a movie, and of a track.

    Raises:
        MalformedError: The tables of items cannot be followed.
        LimitError: More or larger items than are read.
    """
    tables: dict[str, _Table] = {}
    left, items_left = _MAX_ENTRIES, _MAX_ITEMS
    for part in layout.segments:
        holder, _, step = part.path.rpartition("/")
        if part.label == "infe":
            holder, _, _ = holder.rpartition("/")
            left -= 1
            if left < 0:
                raise LimitError(f"iinf: more than {_MAX_ENTRIES} items")
            found = _read_entry(read_at(stream, part.data_start, 512))
            tables.setdefault(holder, _Table()).kinds |= found
            items_left -= len(found)
            # None is passed over without a word: it might hold the position.
            if items_left < 0:
                raise LimitError(f"iinf: more than {_MAX_ITEMS} items of metadata")
        elif step == "iloc[1]":
            tables.setdefault(holder, _Table()).locations = part
        elif step == "idat[1]":
            tables.setdefault(holder, _Table()).data_box = part
    return tuple(
        item
        for table in tables.values()
        if table.kinds and table.locations is not None
        for item in _items_of(stream, layout, table, table.locations, limits)
    )


def _items_of(
    stream: BinaryIO, layout: Layout, table: _Table, locations: Segment, limits: Limits
) -> Iterator[MetadataItem]:
    if locations.end - locations.data_start > _MAX_LOCATIONS_BYTES:
        raise LimitError(f"iloc: more than {_MAX_LOCATIONS_BYTES} bytes")
    body = read_at(stream, locations.data_start, locations.end - locations.data_start)
    kinds = dict(table.kinds)
    for number, extents in _locations(body, table.data_box, layout.size_bytes):
        if number in kinds:
            if sum(r.size_bytes for r in extents) > limits.max_metadata_bytes:
                raise LimitError(f"metadata item: more than {limits.max_metadata_bytes} bytes")
            yield MetadataItem(kinds.pop(number), extents)


def _read_entry(body: bytes) -> dict[int, bool]:
    """Which item does this `infe` box describe, and is it XMP? Empty if neither EXIF nor XMP."""
    version = body[0] if body else 0
    if version in {0, 1}:
        # The oldest have no type: a name, then what kind of file it would be.
        _, _, rest = body[8:].partition(b"\0")
        media_type = rest.partition(b"\0")[0].lower()
        number = int.from_bytes(body[4:6], "big")
        if media_type == _XMP_TYPE:
            return {number: True}
        return {number: False} if media_type in _EXIF_TYPES else {}
    if version not in {2, 3}:
        return {}
    width = 2 if version == 2 else 4
    number = int.from_bytes(body[4 : 4 + width], "big")
    kind = body[6 + width : 10 + width]
    if kind == b"Exif":
        return {number: False}
    _, _, rest = body[10 + width :].partition(b"\0")
    if kind == b"mime" and rest.partition(b"\0")[0] == _XMP_TYPE:
        return {number: True}
    return {}


def _locations(
    table: bytes, data_box: Segment | None, size_bytes: int
) -> Iterator[tuple[int, tuple[ByteRange, ...]]]:
    cursor = _Cursor(table)
    version = cursor.number(1)
    cursor.number(3)
    sizes = cursor.number(2)
    offset_bytes, length_bytes = sizes >> 12, sizes >> 8 & 15
    base_bytes, index_bytes = sizes >> 4 & 15, sizes & 15 if version in {1, 2} else 0
    wide = 4 if version == 2 else 2
    for _ in range(cursor.number(wide)):
        number = cursor.number(wide)
        method = cursor.number(2) & 15 if version in {1, 2} else 0
        cursor.number(2)
        base = cursor.number(base_bytes)
        count = cursor.number(2)
        if count > _MAX_EXTENTS:
            raise LimitError(f"iloc: item {number} has more than {_MAX_EXTENTS} extents")
        if method == 1 and data_box is not None:
            base += data_box.data_start
        extents = []
        for _ in range(count):
            cursor.number(index_bytes)
            start = base + cursor.number(offset_bytes)
            end = start + cursor.number(length_bytes)
            extents.append(ByteRange(min(start, size_bytes), min(end, size_bytes)))
        # Other methods refer to other items.
        if method in {0, 1}:
            yield number, tuple(extents)
