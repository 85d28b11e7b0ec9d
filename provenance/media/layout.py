"""What a container is made of: the byte ranges of its parts, and where its manifest lies.

A `Layout` is what each module of `provenance.media.containers` returns for its
container. It is structure only: nothing is decoded, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from provenance.limits import Limits
from provenance.media.ranges import ByteRange

__all__ = ["Layout", "LayoutParser", "Segment", "SegmentKind"]


class SegmentKind(StrEnum):
    """What a segment is for, as far as somebody who judges coverage must know."""

    STRUCTURE = "structure"
    CONTENT = "content"
    EXIF = "exif"
    XMP = "xmp"
    IPTC = "iptc"
    ICC = "icc"
    TEXT = "text"
    MANIFEST = "manifest"
    PADDING = "padding"
    TRAILER = "trailer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a container.

    Attributes:
        start: Offset of its first byte, headers and length fields included.
        end: Offset after its last byte.
        kind: What it is for.
        label: The container's own name for it: `APP1`, `IDAT`, `moov`, an entry's name.
        depth: 0 for a part of the file itself, 1 for a part of such a part, and so on.
        path: For nested containers the path of labels, `/moov/trak`; else `/label`.
        data_start: Offset of the first byte after the part's own header.
    """

    start: int
    end: int
    kind: SegmentKind
    label: str
    data_start: int
    depth: int = 0
    path: str = ""

    @property
    def range(self) -> ByteRange:
        """The segment's bytes, headers included."""
        return ByteRange(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The parts of one file.

    Attributes:
        size_bytes: Size of the file.
        segments: Parts in file order. Those of depth 0 do not overlap and,
            together with `gaps`, cover the file.
        manifest: Whole segments (headers and trailing checksums included) that
            hold the C2PA manifest store, in the order in which they join.
        manifest_payload: The bytes inside them that are the store itself; joined
            in order they are the store, possibly followed by padding.
        media_end: Offset after the last byte that belongs to the container by its
            own rules (JPEG: after EOI; PNG: after IEND; RIFF: after the declared
            size). Bytes from there on are a trailer.
        gaps: Bytes between parts that belong to none.
        problems: What breaks the container's rules, each as one sentence.
    """

    size_bytes: int
    segments: tuple[Segment, ...]
    manifest: tuple[ByteRange, ...] = ()
    manifest_payload: tuple[ByteRange, ...] = ()
    media_end: int
    gaps: tuple[ByteRange, ...] = ()
    problems: tuple[str, ...] = ()


LayoutParser = Callable[[BinaryIO, int, Limits], Layout]
"""`parse_layout(stream, size_bytes, limits)`: reads by seeking, never the whole file.

Raises `MalformedError` where the container cannot be followed from its start, and
`LimitError` where a limit is hit; a container that breaks off half-way gives the
parts up to there and a line in `problems`.
"""
