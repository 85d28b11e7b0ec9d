"""Finding the EXIF and XMP items of a HEIF or AVIF file, without decoding any picture.

Source: ISO/IEC 14496-12:2022 §8.11.3 (`iloc`), §8.11.6 (`iinf`), §8.11.12 (`iref`);
ISO/IEC 23008-12 annex A.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.metadata.model import decode_text
from provenance.media.ranges import ByteRange

__all__ = ["MetadataItem", "find_items", "find_other_types"]

_MAX_ENTRIES = 5_000
_MAX_LOCATIONS_BYTES = 1024 * 1024
_MAX_REFERENCES_BYTES = 64 * 1024
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
    number_bytes: int = 2
    references: list[Segment] = field(default_factory=list)


class _Place(NamedTuple):
    """Where one item lies, by which method: for each extent an index, a start and a size.

    The index says in which of the items that it refers to (§8.11.3.1).
    """

    method: int
    extents: tuple[tuple[int, int, int], ...]


def find_items(stream: BinaryIO, layout: Layout, limits: Limits) -> tuple[MetadataItem, ...]:
    """Where in this file do its EXIF and XMP items lie?

    Those of the file itself, of a movie, and of a track.

    Raises:
        MalformedError: The tables of items cannot be followed, or an item lies where nobody
            looks here.
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
        elif step == "iref[1]":
            # The numbers of items have 16 bits in version 0, 32 later.
            is_wide = read_at(stream, part.data_start, 1) != b"\0"
            tables.setdefault(holder, _Table()).number_bytes = 4 if is_wide else 2
        elif part.label == "iloc" and holder.endswith("/iref[1]"):
            holder, _, _ = holder.rpartition("/")
            tables.setdefault(holder, _Table()).references.append(part)
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


def find_other_types(stream: BinaryIO, layout: Layout) -> tuple[str, ...]:
    """Of which types are the items of this file that are neither pictures nor EXIF nor XMP?

    A media type, or the address that stands for one.
    """
    found: dict[str, None] = {}
    for part in (part for part in layout.segments if part.label == "infe"):
        body = read_at(stream, part.data_start, 512)
        at = {2: 8, 3: 10}.get(body[0] if body else 0)
        if at is None or _read_entry(body) or body[at : at + 4] not in {b"mime", b"uri "}:
            continue
        _, _, rest = body[at + 4 :].partition(b"\0")
        found[decode_text(rest.partition(b"\0")[0]) or "unnamed"] = None
    return tuple(found)


def _items_of(
    stream: BinaryIO, layout: Layout, table: _Table, locations: Segment, limits: Limits
) -> Iterator[MetadataItem]:
    if locations.end - locations.data_start > _MAX_LOCATIONS_BYTES:
        raise LimitError(f"iloc: more than {_MAX_LOCATIONS_BYTES} bytes")
    body = read_at(stream, locations.data_start, locations.end - locations.data_start)
    places: dict[int, _Place] = {}
    for number, place in _locations(body):
        places.setdefault(number, place)
    items = _Items(places, _references(stream, table), table.data_box, layout.size_bytes)
    for number in places:
        if number in table.kinds:
            extents = items.extents(number)
            if sum(r.size_bytes for r in extents) > limits.max_metadata_bytes:
                raise LimitError(f"metadata item: more than {limits.max_metadata_bytes} bytes")
            yield MetadataItem(table.kinds[number], extents)


def _references(stream: BinaryIO, table: _Table) -> dict[int, tuple[int, ...]]:
    """In which other items do items lie?"""
    found: dict[int, tuple[int, ...]] = {}
    wide = table.number_bytes
    for part in table.references:
        size = min(part.end - part.data_start, _MAX_REFERENCES_BYTES)
        cursor = _Cursor(read_at(stream, part.data_start, size))
        number = cursor.number(wide)
        found[number] = tuple(cursor.number(wide) for _ in range(cursor.number(2)))
    return found


class _Items:
    """The places of all items of one `meta` box, to be followed to bytes of the file."""

    def __init__(
        self,
        places: Mapping[int, _Place],
        references: Mapping[int, tuple[int, ...]],
        data_box: Segment | None,
        size_bytes: int,
    ) -> None:
        self._places = places
        self._references = references
        self._data_box = data_box
        self._size_bytes = size_bytes

    def extents(self, number: int, *, is_source: bool = False) -> tuple[ByteRange, ...]:
        """Which bytes of the file does this item hold?

        Raises:
            MalformedError: It lies in an item that is not there, or that lies in another
                itself, or by a method that is not known.
        """
        place = self._places.get(number)
        if place is None or place.method > (1 if is_source else 2):
            raise MalformedError(f"iloc: item {number} lies where it cannot be followed")
        found: list[ByteRange] = []
        for index, start, size in place.extents:
            implied = not size and len(place.extents) == 1
            if place.method == 2:
                sources = self._references.get(number, ())
                # Without an index the first one is meant.
                if not 0 < max(index, 1) <= len(sources):
                    raise MalformedError(f"iloc: item {number} refers to no item")
                whole = self.extents(sources[max(index, 1) - 1], is_source=True)
            elif place.method == 1:
                if self._data_box is None:
                    raise MalformedError(f"iloc: item {number} lies in a box that is not there")
                whole = (ByteRange(self._data_box.data_start, self._data_box.end),)
            else:
                whole, implied = (ByteRange(0, self._size_bytes),), False
            found += _part_of(whole, start, self._size_bytes if implied else size)
        return tuple(found)


def _part_of(whole: Iterable[ByteRange], start: int, size: int) -> Iterator[ByteRange]:
    """Where do these bytes lie of what these ranges hold together?"""
    for place in whole:
        if start < place.size_bytes and size > 0:
            end = min(place.size_bytes, start + size)
            yield ByteRange(place.start + start, place.start + end)
            size -= end - start
        start = max(0, start - place.size_bytes)


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
    if kind == b"mime" and rest.partition(b"\0")[0].lower() == _XMP_TYPE:
        return {number: True}
    return {}


def _locations(table: bytes) -> Iterator[tuple[int, _Place]]:
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
        extents = tuple(
            (
                cursor.number(index_bytes),
                base + cursor.number(offset_bytes),
                cursor.number(length_bytes),
            )
            for _ in range(count)
        )
        yield number, _Place(method, extents)
