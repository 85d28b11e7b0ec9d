"""The central directory of a ZIP file, read without inflating anything.

Source: APPNOTE.TXT 6.3.10 (PKWARE) §4.3.12 to §4.3.16, §4.5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.pieces import read_exactly
from provenance.media.ranges import ByteRange

__all__ = ["Directory", "DirectoryEntry", "read_directory", "split_records", "zip64_sizes"]

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_CENTRAL = b"PK\x01\x02"

# How far from the end of the file the end record is looked for: its comment
# holds at most 64 KiB, whatever is appended to the file comes on top.
_MAX_SEARCH_BYTES = 64 * 1024 * 1024
_MAX_CANDIDATES = 100
_MAX_DIRECTORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """One entry as the central directory describes it.

    Attributes:
        name: The entry's name as it stands there, undecoded.
        text: The name, decoded.
        local_start: Offset of its local header in the file, any stub counted in.
        central: Its record in the central directory.
        flags: General-purpose bits.
        method: Compression method, 0 for stored.
        crc: Checksum of the content.
        compressed_bytes: Size of its data in the file.
        content_bytes: Size of its content.
    """

    name: bytes
    text: str
    local_start: int
    central: ByteRange
    flags: int
    method: int
    crc: int
    compressed_bytes: int
    content_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The central directory and the records behind it.

    Attributes:
        entries: In the order of the directory.
        records: The directory's own bytes.
        end64: The zip64 end record and its locator, if there is one.
        end: The end record without its comment.
        comment: The comment behind it, often empty.
        shift: Bytes in front of the archive that its own offsets do not count.
        ambiguous: Whether a second directory stands at the declared offset, so
            that readers may disagree about what the archive holds.
    """

    entries: tuple[DirectoryEntry, ...]
    records: ByteRange
    end64: ByteRange | None
    end: ByteRange
    comment: ByteRange
    shift: int
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class _End:
    at: int
    count: int
    size: int
    offset: int
    comment_bytes: int
    at64: int | None


def zip64_sizes(extra: bytes, fields: tuple[int, ...]) -> tuple[int, ...]:
    """Which values do these 32-bit fields stand for, given the zip64 extra field?

    A field of all ones is replaced by the next 8 bytes of the extra field, in
    the order of the fields; the others stay. Without the extra field all stay.
    """
    block = b""
    at = 0
    while at + 4 <= len(extra):
        size = int.from_bytes(extra[at + 2 : at + 4], "little")
        if extra[at : at + 2] == b"\x01\x00":
            block = extra[at + 4 : at + 4 + size]
            break
        at += 4 + size
    values = []
    for value in fields:
        if value == 0xFFFFFFFF and len(block) >= 8:
            values.append(int.from_bytes(block[:8], "little"))
            block = block[8:]
        else:
            values.append(value)
    return tuple(values)


def split_records(records: bytes) -> list[bytes]:
    """Which central directory records do these bytes consist of?

    Raises:
        MalformedError: They hold anything else.
    """
    found = []
    at = 0
    while at < len(records):
        if records[at : at + 4] != _CENTRAL or at + 46 > len(records):
            raise MalformedError(f"no central directory record at byte {at} of {len(records)}")
        lengths = (int.from_bytes(records[at + i : at + i + 2], "little") for i in (28, 30, 32))
        end = at + 46 + sum(lengths)
        if end > len(records):
            raise MalformedError(f"central directory record at byte {at} is cut off")
        found.append(records[at:end])
        at = end
    return found


def read_directory(stream: BinaryIO, size_bytes: int, limits: Limits) -> Directory:
    """Which entries does this ZIP file list, and where?

    The last end record that leads to a central directory counts: it is the one
    that readers find first.

    Raises:
        MalformedError: There is no end record, or it leads to no directory.
        LimitError: The directory is larger than the limits allow.
    """
    reason = "no end record"
    for at in _end_candidates(stream, size_bytes):
        end = _read_end(stream, at, size_bytes)
        if end is None:
            continue
        limit = end.at if end.at64 is None else end.at64
        # Most readers expect the directory just before the end record and take a
        # difference to the declared offset for a stub in front of the archive.
        starts = [
            start
            for start in dict.fromkeys((limit - end.size, end.offset))
            if 0 <= start <= limit - end.size and _begins(stream, start, end)
        ]
        if starts:
            return _read(stream, end, starts, limits)
        reason = f"the end record at offset {at} leads to no central directory"
    raise MalformedError(f"not a zip file: {reason}")


def _end_candidates(stream: BinaryIO, size_bytes: int) -> list[int]:
    found: list[int] = []
    stop = size_bytes
    floor = max(0, size_bytes - _MAX_SEARCH_BYTES)
    step = 128 * 1024
    while stop > floor and len(found) < _MAX_CANDIDATES:
        start = max(floor, stop - step)
        window = read_exactly(stream, start, min(stop + len(_END) - 1, size_bytes) - start)
        hit = window.rfind(_END)
        while hit != -1 and len(found) < _MAX_CANDIDATES:
            found.append(start + hit)
            hit = window.rfind(_END, 0, hit + len(_END) - 1)
        if found and stop <= size_bytes - 128 * 1024:
            # Readers look no further than the longest comment reaches; behind a
            # longer trailer the nearest record is the archive's own.
            break
        stop = start
    return found


def _read_end(stream: BinaryIO, at: int, size_bytes: int) -> _End | None:
    if at + 22 > size_bytes:
        return None
    record = read_exactly(stream, at, 22)
    comment = int.from_bytes(record[20:22], "little")
    if at + 22 + comment > size_bytes:
        return None
    count = int.from_bytes(record[10:12], "little")
    size = int.from_bytes(record[12:16], "little")
    offset = int.from_bytes(record[16:20], "little")
    at64 = None
    if at >= 20 and read_exactly(stream, at - 20, 4) == _LOCATOR64:
        told = int.from_bytes(read_exactly(stream, at - 12, 8), "little")
        # The record's own offset does not count a stub; without an extensible
        # sector it lies just before its locator.
        for start in (told, at - 20 - 56):
            if 0 <= start <= at - 20 - 56 and read_exactly(stream, start, 4) == _END64:
                record64 = read_exactly(stream, start, 56)
                at64 = start
                count = int.from_bytes(record64[32:40], "little")
                size = int.from_bytes(record64[40:48], "little")
                offset = int.from_bytes(record64[48:56], "little")
                break
    return _End(at, count, size, offset, comment, at64)


def _begins(stream: BinaryIO, start: int, end: _End) -> bool:
    if end.count == 0:
        return end.size == 0
    return end.size >= 46 and read_exactly(stream, start, 4) == _CENTRAL


def _read(stream: BinaryIO, end: _End, starts: list[int], limits: Limits) -> Directory:
    start = starts[0]
    if end.count > limits.max_segments:
        raise LimitError(f"too many zip entries: {end.count}, expected up to {limits.max_segments}")
    if end.size > _MAX_DIRECTORY_BYTES:
        raise LimitError(
            f"central directory too large: {end.size} bytes, expected at most"
            f" {_MAX_DIRECTORY_BYTES}"
        )
    shift = start - end.offset
    records = read_exactly(stream, start, end.size)
    entries: list[DirectoryEntry] = []
    at = 0
    for number in range(end.count):
        if records[at : at + 4] != _CENTRAL or at + 46 > len(records):
            raise MalformedError(
                f"central directory ends early: expected {end.count} entries, got {number}"
            )
        entry = _entry(records, at, start, shift)
        at = entry.central.end - start
        if at > len(records):
            raise MalformedError(f"central directory entry {number} reaches beyond the directory")
        entries.append(entry)
    return Directory(
        entries=tuple(entries),
        records=ByteRange(start, start + at),
        end64=None if end.at64 is None else ByteRange(end.at64, end.at),
        end=ByteRange(end.at, end.at + 22),
        comment=ByteRange(end.at + 22, end.at + 22 + end.comment_bytes),
        shift=shift,
        ambiguous=len(starts) > 1,
    )


def _entry(records: bytes, at: int, start: int, shift: int) -> DirectoryEntry:
    def number(offset: int, length: int) -> int:
        return int.from_bytes(records[at + offset : at + offset + length], "little")

    name_end = at + 46 + number(28, 2)
    extra_end = name_end + number(30, 2)
    name = records[at + 46 : name_end]
    flags = number(8, 2)
    content, compressed, offset = zip64_sizes(
        records[name_end:extra_end], (number(24, 4), number(20, 4), number(42, 4))
    )
    return DirectoryEntry(
        name=name,
        # Bit 11: the name is UTF-8; else it is in the DOS code page.
        text=name.decode("utf-8" if flags & 0x800 else "cp437", "replace"),
        local_start=offset + shift,
        central=ByteRange(start + at, start + extra_end + number(32, 2)),
        flags=flags,
        method=number(10, 2),
        crc=number(16, 4),
        compressed_bytes=compressed,
        content_bytes=content,
    )
