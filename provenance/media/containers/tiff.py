"""The layout of a TIFF file (DNG and BigTIFF included): directories, values, image data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import BinaryIO, Literal, NamedTuple

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES, PartCollector, read_at
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = ["Entry", "parse_layout", "read_directories"]

_STORE_TAG = 0xCD41
_MAX_DEPTH = 8
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_DIRECTORY_TAGS = {330: "SubIFD", 34665: "ExifIFD", 34853: "GPSIFD", 40965: "InteropIFD"}
# The tag that says where data lies, and the one that says how much of it.
_DATA_TAGS = {
    273: (279, SegmentKind.CONTENT, "strips"),
    324: (325, SegmentKind.CONTENT, "tiles"),
    513: (514, SegmentKind.CONTENT, "JPEG data"),
    288: (289, SegmentKind.PADDING, "free"),
}
_VALUE_KINDS = {
    700: SegmentKind.XMP,
    33723: SegmentKind.IPTC,
    34377: SegmentKind.IPTC,
    34675: SegmentKind.ICC,
    270: SegmentKind.TEXT,
    271: SegmentKind.TEXT,
    272: SegmentKind.TEXT,
    305: SegmentKind.TEXT,
    306: SegmentKind.TEXT,
    315: SegmentKind.TEXT,
    316: SegmentKind.TEXT,
    33432: SegmentKind.TEXT,
}


class _Part(NamedTuple):
    start: int
    end: int
    kind: SegmentKind
    label: str
    path: str


class Entry(NamedTuple):
    """One directory entry; `value_at` is where its values lie, in the entry or elsewhere."""

    at: int
    tag: int
    type: int
    item_bytes: int
    items: int
    value_at: int
    is_inline: bool

    @property
    def value_bytes(self) -> int:
        """How long are the values together?"""
        return self.item_bytes * self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How this file writes its numbers."""

    order: Literal["little", "big"]
    is_big: bool

    @property
    def offset_bytes(self) -> int:
        return 8 if self.is_big else 4

    @property
    def count_bytes(self) -> int:
        return 8 if self.is_big else 2

    @property
    def entry_bytes(self) -> int:
        return 20 if self.is_big else 12

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which directories, values and image data make this TIFF?

    Parts lie wherever offsets point, so they are put in file order here; a part that
    overlaps an earlier one is cut, and noted. Adjacent parts of one kind and label
    (strips, as a rule) are one segment. Bytes nothing points at are gaps, after the last
    part a trailer. Of the manifest store two ranges are given: the count in its directory
    entry, which a signer must leave unhashed, and its value.

    Spec: TIFF 6.0 §2; BigTIFF; DNG 1.7; C2PA 2.2 A.3.5 (tag 0xCD41).

    Raises:
        MalformedError: The header is not one of TIFF or BigTIFF.
        LimitError: More directories, entries, strips or parts than `max_segments`, or
            too large a manifest store.
    """
    head = read_at(stream, 0, 16)
    form = _read_form(head)
    walk = _Walk(stream, size_bytes, limits, form)
    first = _first_directory(head, form)
    header_bytes = 16 if form.is_big else 8
    walk.found.append(_Part(0, header_bytes, SegmentKind.STRUCTURE, "header", "/header"))
    walk.follow(first)
    return walk.layout()


def read_directories(
    stream: BinaryIO, size_bytes: int, limits: Limits
) -> tuple[Literal["little", "big"], list[tuple[str, list[Entry]]]]:
    """In which order does this TIFF write its numbers, and which directories has it?

    Each once, with its label (`IFD2`, `SubIFD`, `GPSIFD`), wherever in the file it lies.

    Raises:
        MalformedError, LimitError: As `parse_layout`.
    """
    head = read_at(stream, 0, 16)
    form = _read_form(head)
    walk = _Walk(stream, size_bytes, limits, form)
    walk.follow(_first_directory(head, form))
    return form.order, walk.directories


def _first_directory(head: bytes, form: _Form) -> int:
    return form.number(head[8:16] if form.is_big else head[4:8])


def _read_form(head: bytes) -> _Form:
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    is_known = head[:2] in {b"II", b"MM"} and len(head) >= 8
    version = int.from_bytes(head[2:4], order)
    if is_known and version == 42:
        return _Form(order=order, is_big=False)
    is_big = is_known and version == 43 and len(head) >= 16
    if is_big and int.from_bytes(head[4:6], order) == 8 and head[6:8] == b"\0\0":
        return _Form(order=order, is_big=True)
    raise MalformedError("TIFF: expected a header of TIFF or BigTIFF at offset 0")


class _Walk:
    """Follows directories and collects parts, in no order."""

    def __init__(self, stream: BinaryIO, size_bytes: int, limits: Limits, form: _Form) -> None:
        self._stream = stream
        self._form = form
        self._parts = PartCollector(size_bytes, limits)
        self._size_bytes = size_bytes
        self._left = limits.max_segments
        self._seen: set[int] = set()
        self._stores: list[tuple[Entry, str]] = []
        self.directories: list[tuple[str, list[Entry]]] = []
        self.found: list[_Part] = []

    def follow(self, first: int) -> None:
        """Follow every directory that can be reached from the first one."""
        todo = [(first, "IFD0", 0, "")]
        number = 0
        while todo:
            offset, label, depth, above = todo.pop()
            if offset in self._seen:
                self._parts.problem("a directory is pointed at more than once")
                continue
            if depth > _MAX_DEPTH:
                raise LimitError(f"TIFF: expected directories at most {_MAX_DEPTH} deep")
            self._seen.add(offset)
            path = f"{above}/{label}"
            entries, following = self._read_directory(offset, label, path)
            self.directories.append((label, entries))
            by_tag = {entry.tag: entry for entry in entries}
            for entry in entries:
                if entry.tag in _DIRECTORY_TAGS and entry.item_bytes in {4, 8}:
                    name = _DIRECTORY_TAGS[entry.tag]
                    todo += [(at, name, depth + 1, path) for at in self._values(entry)]
                elif entry.tag == _STORE_TAG:
                    self._stores.append((entry, path))
                elif entry.tag in _DATA_TAGS:
                    self._add_data(entry, by_tag, path)
                self._add_value(entry, label, path)
            if following and depth == 0:
                number += 1
                todo.append((following, f"IFD{number}", 0, ""))

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            limit = self._parts.limits.max_segments
            raise LimitError(f"container parts: expected at most {limit}")

    def _read_directory(self, offset: int, label: str, path: str) -> tuple[list[Entry], int]:
        form = self._form
        if not 8 <= offset < self._size_bytes:
            self._parts.problem(f"{label}: offset {offset} lies outside the file")
            return [], 0
        self._spend(1)
        count = form.number(read_at(self._stream, offset, form.count_bytes))
        table_at = offset + form.count_bytes
        room = max(0, (self._size_bytes - table_at - form.offset_bytes) // form.entry_bytes)
        if count > room:
            self._parts.problem(f"{label}: expected {count} entries, got room for {room}")
            count = room
        self._spend(count)
        end = table_at + count * form.entry_bytes + form.offset_bytes
        table = read_at(self._stream, table_at, end - table_at)
        self.found.append(_Part(offset, end, SegmentKind.STRUCTURE, label, path))
        entries = []
        for index in range(count):
            start = index * form.entry_bytes
            raw = table[start : start + form.entry_bytes]
            entries.append(self._read_entry(raw, table_at + start))
        return entries, form.number(table[count * form.entry_bytes :])

    def _read_entry(self, raw: bytes, at: int) -> Entry:
        form = self._form
        value_at = at + 4 + form.offset_bytes
        # An unknown type has no size, so its values cannot be found (TIFF 6.0 §2).
        kind = form.number(raw[2:4])
        item_bytes = _TYPE_BYTES.get(kind, 0)
        count = form.number(raw[4 : 4 + form.offset_bytes])
        is_inline = item_bytes * count <= form.offset_bytes
        if not is_inline:
            value_at = form.number(raw[4 + form.offset_bytes :])
        return Entry(at, form.number(raw[:2]), kind, item_bytes, count, value_at, is_inline)

    def _values(self, entry: Entry) -> list[int]:
        if entry.item_bytes not in {2, 4, 8}:
            return []
        room = max(0, self._size_bytes - entry.value_at) // entry.item_bytes
        count = min(entry.items, room)
        self._spend(count)
        width, form = entry.item_bytes, self._form
        data = read_at(self._stream, entry.value_at, count * width) if count else b""
        return [form.number(data[i : i + width]) for i in range(0, len(data), width)]

    def _add_data(self, entry: Entry, by_tag: dict[int, Entry], path: str) -> None:
        length_tag, kind, label = _DATA_TAGS[entry.tag]
        lengths = by_tag.get(length_tag)
        if lengths is None:
            self._parts.problem(f"{path}: {label} without their lengths")
            return
        pairs = zip_longest(self._values(entry), self._values(lengths))
        for offset, length in pairs:
            if offset is None or length is None:
                self._parts.problem(f"{path}: {label} and their lengths differ in number")
                return
            self._add_range(offset, offset + length, kind, label, path)

    def _add_value(self, entry: Entry, label: str, path: str) -> None:
        if entry.is_inline or entry.tag == _STORE_TAG:
            return
        if label in {"ExifIFD", "GPSIFD", "InteropIFD"}:
            kind = SegmentKind.EXIF
        else:
            kind = _VALUE_KINDS.get(entry.tag, SegmentKind.STRUCTURE)
        end = entry.value_at + entry.value_bytes
        self._add_range(entry.value_at, end, kind, f"tag {entry.tag}", path)

    def _add_range(self, start: int, end: int, kind: SegmentKind, label: str, path: str) -> None:
        if end > self._size_bytes:
            self._parts.problem(f"{path}: {label} reaches past the end of the file")
        if start < min(end, self._size_bytes):
            end = min(end, self._size_bytes)
            self.found.append(_Part(start, end, kind, label, f"{path}/{label}"))

    def _add_store(self, entry: Entry, *, is_page: bool) -> None:
        if not is_page:
            self._parts.problem("a manifest store inside a directory below a page")
        at, end = entry.value_at, entry.value_at + entry.value_bytes
        count_at = entry.at + 4
        self._parts.add_manifest(ByteRange(count_at, count_at + self._form.offset_bytes))
        if not entry.is_inline:
            self._parts.add_manifest(ByteRange(at, min(end, self._size_bytes)))
            self._add_range(at, end, SegmentKind.MANIFEST, "C2PA", "/C2PA")
        self._parts.add_payload(at, end)

    def layout(self) -> Layout:
        """Put the parts in order."""
        parts = self._parts
        for entry, path in self._stores:
            # One level: the pages, after which the engine adds a directory of its own.
            self._add_store(entry, is_page=path.count("/") == 1)
        if len(self._stores) > 1:
            parts.problem(MULTIPLE_STORES)
        merged: list[_Part] = []
        for part in sorted(self.found):
            last = merged[-1] if merged else None
            start = part.start
            if last is not None and start < last.end:
                parts.problem("parts of the file overlap")
                start = last.end
            if start >= part.end:
                continue
            is_same = last is not None and (last.kind, last.path) == (part.kind, part.path)
            if last is not None and is_same and last.end == start:
                merged[-1] = last._replace(end=part.end)
            else:
                merged.append(part._replace(start=start))
        for part in merged:
            parts.add(part.start, part.end, part.kind, part.label, path=part.path)
        return parts.finish(merged[-1].end)
