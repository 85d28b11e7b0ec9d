"""Finding the EXIF and XMP items of a HEIF or AVIF file, without decoding any picture.

Source: ISO/IEC 14496-12:2022 §8.11.3 (`iloc`), §8.11.6 (`iinf`); ISO/IEC 23008-12 annex A.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.ranges import ByteRange

__all__ = ["MetadataItem", "find_items"]

_META = "/meta[1]"
_MAX_ENTRIES = 5_000
_MAX_LOCATIONS_BYTES = 1024 * 1024
_MAX_EXTENTS = 64
_MAX_ITEMS = 64
_XMP_TYPE = b"application/rdf+xml"


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


def find_items(  # noqa: C901  # one pass over the boxes of one table
    stream: BinaryIO, layout: Layout, limits: Limits
) -> tuple[MetadataItem, ...]:
    """Where in this file do its EXIF and XMP items lie?

    Raises:
        MalformedError: The tables of items cannot be followed.
        LimitError: More or larger items than are read.
    """
    kinds: dict[int, bool] = {}
    left = _MAX_ENTRIES
    locations = data_box = None
    for part in layout.segments:
        if not part.path.startswith(_META):
            continue
        if part.label == "infe":
            left -= 1
            if left < 0:
                raise LimitError(f"iinf: more than {_MAX_ENTRIES} items")
            kinds |= _read_entry(read_at(stream, part.data_start, 512))
            # None is passed over without a word: it might hold the position.
            if len(kinds) > _MAX_ITEMS:
                raise LimitError(f"iinf: more than {_MAX_ITEMS} items of metadata")
        elif part.path == f"{_META}/iloc[1]":
            locations = part
        elif part.path == f"{_META}/idat[1]":
            data_box = part
    if not kinds or locations is None:
        return ()
    if locations.end - locations.data_start > _MAX_LOCATIONS_BYTES:
        raise LimitError(f"iloc: more than {_MAX_LOCATIONS_BYTES} bytes")
    table = read_at(stream, locations.data_start, locations.end - locations.data_start)
    found = []
    for number, extents in _locations(table, data_box, layout.size_bytes):
        if number in kinds:
            if sum(r.size_bytes for r in extents) > limits.max_metadata_bytes:
                raise LimitError(f"metadata item: more than {limits.max_metadata_bytes} bytes")
            found.append(MetadataItem(kinds.pop(number), extents))
    return tuple(found)


def _read_entry(body: bytes) -> dict[int, bool]:
    """Which item does this `infe` box describe, and is it XMP? Empty if neither EXIF nor XMP."""
    version = body[0] if body else 0
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
