"""The layout of an MP3 file: the ID3, APE and Lyrics3 tags around the audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import (
    MULTIPLE_STORES,
    PartCollector,
    label_of,
    read_at,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = [
    "APPENDED_TAG",
    "add_leading_tags",
    "add_trailing_tags",
    "find_trailing_tags",
    "is_mpeg_audio",
    "parse_layout",
    "tag_bytes",
]

_STORE_TYPES = (b"application/c2pa", b"application/x-c2pa-manifest-store")
APPENDED_TAG = "appended ID3v2"
"""The label of an ID3v2 tag behind the audio; its frames are not listed."""

_MAX_TAGS = 8
_FRAME_HEAD_BYTES = 1024


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which tags stand around the audio of this MP3?

    Each frame of an ID3v2 tag is a segment. The audio between the tags is one segment
    and its frames are not followed, so MP3 never shows a trailer: bytes that are no
    audio count as audio here.

    Spec: ID3v2.2, ID3v2.3, ID3v2.4; C2PA 2.2 A.3.4 (a GEOB frame).

    Raises:
        MalformedError: Neither an ID3v2 tag nor an MPEG audio frame at offset 0.
        LimitError: More frames than `max_segments`, or too large a manifest store.
    """
    head = read_at(stream, 0, 10)
    if tag_bytes(head) is None and not is_mpeg_audio(head):
        raise MalformedError("MP3: expected an ID3v2 tag or an audio frame at offset 0")
    parts = PartCollector(size_bytes, limits)
    start = add_leading_tags(stream, parts)
    trailing = find_trailing_tags(stream, start, size_bytes)
    end = trailing[0][0] if trailing else size_bytes
    if end > start and not is_mpeg_audio(read_at(stream, start, 4)):
        parts.problem("what follows the ID3 tag does not start with an audio frame")
    parts.add(start, end, SegmentKind.CONTENT, "audio")
    add_trailing_tags(parts, trailing)
    return parts.finish(size_bytes)


def is_mpeg_audio(head: bytes) -> bool:
    """Do these bytes start with the header of an MPEG-1 or MPEG-2 audio frame?

    Spec: ISO/IEC 11172-3 §2.4.1.3: the reserved version, layer, bit rate and
    sampling rate are refused, so ADTS AAC and a UTF-16 byte order mark do not pass.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    return (
        head[1] & 0x18 != 0x08
        and head[1] & 0x06 != 0
        and head[2] & 0xF0 != 0xF0
        and head[2] & 0x0C != 0x0C
        and head[3] & 0x03 != 0x02
    )


def tag_bytes(head: bytes) -> int | None:
    """How long is the ID3v2 tag that starts here, header and footer included?

    `head` is 10 bytes or more; None where no tag of version 2.2 to 2.4 starts.
    """
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in {2, 3, 4}:
        return None
    size = _syncsafe(head[6:10])
    if size is None:
        return None
    return 10 + size + (10 if head[3] == 4 and head[5] & 0x10 else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    start: int
    frames_end: int
    end: int
    version: int
    is_unsynchronised: bool
    has_extended_header: bool


def add_leading_tags(stream: BinaryIO, parts: PartCollector) -> int:
    """Add the parts of every ID3v2 tag at the start of the file; where do they end?"""
    at = stores = 0
    for number in range(_MAX_TAGS):
        head = read_at(stream, at, 10)
        length = tag_bytes(head)
        if length is None:
            break
        if number:
            parts.problem("more than one ID3v2 tag")
        if at + length > parts.size_bytes:
            parts.problem(f"the ID3v2 tag: expected {length} bytes, got fewer")
        end = min(at + length, parts.size_bytes)
        has_footer = head[3] == 4 and bool(head[5] & 0x10)
        tag = _Tag(
            start=at,
            frames_end=max(at + 10, end - 10) if has_footer else end,
            end=end,
            version=head[3],
            is_unsynchronised=bool(head[5] & 0x80),
            has_extended_header=bool(head[5] & 0x40) and head[3] > 2,
        )
        stores += _add_frames(stream, parts, tag)
        parts.add(tag.frames_end, end, SegmentKind.STRUCTURE, "ID3 footer")
        at = end
    if stores > 1:
        parts.problem(MULTIPLE_STORES)
    return at


def _add_frames(  # noqa: C901  # one loop over frames
    stream: BinaryIO, parts: PartCollector, tag: _Tag
) -> int:
    parts.add(
        tag.start, tag.start + 10, SegmentKind.STRUCTURE, f"ID3v2.{tag.version}", header_bytes=10
    )
    at, stores = tag.start + 10, 0
    if tag.has_extended_header:
        at = _add_extended_header(stream, parts, tag, at)
    header_bytes = 6 if tag.version == 2 else 10
    while at < tag.frames_end:
        head = read_at(stream, at, min(_FRAME_HEAD_BYTES, tag.frames_end - at))
        if head[:1] == b"\0":
            parts.add(at, tag.frames_end, SegmentKind.PADDING, "ID3 padding")
            break
        size = _frame_bytes(head, tag.version) if len(head) >= header_bytes else None
        end = at + header_bytes + (size or 0)
        if size is None or end > tag.frames_end:
            parts.problem("an ID3 frame does not fit into its tag")
            parts.add(at, tag.frames_end, SegmentKind.UNKNOWN, "unreadable")
            break
        name = head[:3] if tag.version == 2 else head[:4]
        content = head[header_bytes : header_bytes + size]
        kind, payload_at, skipped = SegmentKind.TEXT, None, 0
        if name in {b"GEO", b"GEOB"}:
            skipped, is_plain = _frame_form(head, tag)
            payload_at = _store_in_object(content[skipped:])
            if payload_at is not None:
                kind = SegmentKind.MANIFEST
                if not is_plain:
                    parts.problem("the manifest store's ID3 frame is not stored plainly")
                    payload_at = None
        elif name == b"PRIV" and content.startswith(b"XMP\0"):
            kind = SegmentKind.XMP
        whole = parts.add(at, end, kind, label_of(name), header_bytes=header_bytes)
        if kind is SegmentKind.MANIFEST:
            stores += 1
            parts.add_manifest(whole)
            if tag.start:
                parts.problem("the manifest store stands outside the first ID3v2 tag")
        if payload_at is not None:
            parts.add_payload(at + header_bytes + skipped + payload_at, end)
        at = end
    return stores


def _add_extended_header(stream: BinaryIO, parts: PartCollector, tag: _Tag, at: int) -> int:
    field = read_at(stream, at, 4)
    # Version 2.3 does not count the size field itself, version 2.4 does.
    size = int.from_bytes(field, "big") + 4 if tag.version == 3 else _syncsafe(field)
    if size is None or size < 4 or at + size > tag.frames_end:
        parts.problem("the extended header of the ID3v2 tag does not fit into it")
        return at
    parts.add(at, at + size, SegmentKind.STRUCTURE, "ID3 extended header")
    return at + size


def _frame_bytes(head: bytes, version: int) -> int | None:
    if version == 2:
        return int.from_bytes(head[3:6], "big")
    return int.from_bytes(head[4:8], "big") if version == 3 else _syncsafe(head[4:8])


def _frame_form(head: bytes, tag: _Tag) -> tuple[int, bool]:
    """How many bytes stand before a frame's content, and is it stored plainly?

    Spec: ID3v2.3 §3.3.1, ID3v2.4 §4.1.2.
    """
    if tag.version == 2:
        return 0, not tag.is_unsynchronised
    flags = head[9]
    if tag.version == 3:
        skipped = 1 if flags & 0x20 else 0
        return skipped, not flags & 0xC0 and not tag.is_unsynchronised
    skipped = (1 if flags & 0x40 else 0) + (4 if flags & 0x01 else 0)
    return skipped, not flags & 0x0E


def _store_in_object(content: bytes) -> int | None:
    """Where in a general encapsulated object does its C2PA manifest store start?"""
    media_type, _, _ = content[1:].partition(b"\0")
    if media_type not in _STORE_TYPES:
        return None
    at = 1 + len(media_type) + 1
    wide = content[0] in {1, 2}
    for _ in ("file name", "description"):
        end = content.find(b"\0\0" if wide else b"\0", at)
        while wide and end >= 0 and (end - at) % 2:
            end = content.find(b"\0\0", end + 1)
        if end < 0:
            return None
        at = end + (2 if wide else 1)
    return at


def find_trailing_tags(stream: BinaryIO, start: int, size_bytes: int) -> list[tuple[int, int, str]]:
    """Which ID3v1, ID3v2.4, APE and Lyrics3 tags end the file, after `start`? In file order."""
    found: list[tuple[int, int, str]] = []
    end = size_bytes
    for _ in range(_MAX_TAGS):
        tail_at = max(start, end - 355)
        tail = read_at(stream, tail_at, end - tail_at)
        length, label = 0, ""
        if tail[-128:-125] == b"TAG":
            has_more = len(tail) >= 355 and tail[:4] == b"TAG+"
            length, label = (355, "ID3v1+") if has_more else (128, "ID3v1")
        elif tail[-32:-24] == b"APETAGEX":
            has_header = tail[-9] & 0x80
            length = int.from_bytes(tail[-20:-16], "little") + (32 if has_header else 0)
            length, label = max(length, 32), "APE"
        elif tail[-10:-7] == b"3DI" and (size := _syncsafe(tail[-4:])) is not None:
            # ID3v2.4 §3.4: a footer, by which a tag is found from the end.
            length, label = size + 20, APPENDED_TAG
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            length, label = int(tail[-15:-9]) + 15, "Lyrics3"
        if not length or end - length < start:
            break
        found.append((end - length, end, label))
        end -= length
    return found[::-1]


def add_trailing_tags(parts: PartCollector, tags: list[tuple[int, int, str]]) -> None:
    """Add the tags that `find_trailing_tags` found."""
    for start, end, label in tags:
        parts.add(start, end, SegmentKind.TEXT, label)


def _syncsafe(field: bytes) -> int | None:
    if len(field) < 4 or any(b & 0x80 for b in field):
        return None
    return field[0] << 21 | field[1] << 14 | field[2] << 7 | field[3]
