"""The layout of a FLAC file: its metadata blocks and audio, with the tags around them."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import PartCollector, read_at
from provenance.media.containers.id3 import (
    add_leading_tags,
    add_trailing_tags,
    find_trailing_tags,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = ["parse_layout"]

_BLOCKS = {
    0: ("STREAMINFO", SegmentKind.STRUCTURE),
    1: ("PADDING", SegmentKind.PADDING),
    2: ("APPLICATION", SegmentKind.UNKNOWN),
    3: ("SEEKTABLE", SegmentKind.STRUCTURE),
    4: ("VORBIS_COMMENT", SegmentKind.TEXT),
    5: ("CUESHEET", SegmentKind.TEXT),
    6: ("PICTURE", SegmentKind.TEXT),
}


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which blocks make this FLAC file?

    The manifest store lies in an ID3v2 tag before the `fLaC` marker, as in an MP3. The
    audio is one segment and its frames are not followed, so a FLAC file never shows a
    trailer.

    Spec: RFC 9639 §6, §8; C2PA 2.2 A.3.4 (a GEOB frame of an ID3v2 tag).

    Raises:
        MalformedError: No `fLaC` marker at offset 0 or after the ID3v2 tags.
        LimitError: More parts than `max_segments`, or too large a manifest store.
    """
    parts = PartCollector(size_bytes, limits)
    at = add_leading_tags(stream, parts)
    if read_at(stream, at, 4) != b"fLaC":
        raise MalformedError(f"FLAC: expected the marker fLaC at offset {at}")
    parts.add(at, at + 4, SegmentKind.STRUCTURE, "fLaC", header_bytes=4)
    at += 4
    is_last = False
    while not is_last:
        head = read_at(stream, at, 4)
        end = at + 4 + int.from_bytes(head[1:4], "big")
        if len(head) < 4 or end > size_bytes:
            return parts.break_off(at, "a metadata block does not fit into the file")
        is_last = bool(head[0] & 0x80)
        code = head[0] & 0x7F
        label, kind = _BLOCKS.get(code, (f"block {code}", SegmentKind.UNKNOWN))
        parts.add(at, end, kind, label, header_bytes=4)
        at = end
    tags = find_trailing_tags(stream, at, size_bytes)
    parts.add(at, tags[0][0] if tags else size_bytes, SegmentKind.CONTENT, "audio")
    add_trailing_tags(parts, tags)
    return parts.finish(size_bytes)
