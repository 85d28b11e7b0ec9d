"""Collecting the parts of one container, in file order and within the limits."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import LimitError
from provenance.limits import Limits
from provenance.media.containers.problems import MULTIPLE_STORES
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = ["MULTIPLE_STORES", "PartCollector", "label_of", "read_at"]

_MAX_PROBLEMS = 100


def read_at(stream: BinaryIO, offset: int, size_bytes: int) -> bytes:
    """Which bytes lie at this offset? At most `size_bytes`; fewer where the file ends."""
    stream.seek(offset)
    data = stream.read(size_bytes)
    while len(data) < size_bytes:
        more = stream.read(size_bytes - len(data))
        if not more:
            break
        data += more
    return data


def label_of(code: bytes) -> str:
    """How is a container's own code (a four-character code, a frame name) written?

    Printable ASCII stands for itself, every other byte is escaped, so a label can be
    shown without further care.
    """
    text = code.decode("latin-1")
    if text.isascii() and text.isprintable():
        return text
    return "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in code)


class PartCollector:
    """Builds a `Layout` part by part.

    Invariants: never more than `max_segments` parts; a part ends inside the file; a
    part of depth 0 that would start before its predecessor's end starts there instead.
    """

    __slots__ = (
        "_cursor",
        "_limits",
        "_manifest",
        "_manifest_bytes",
        "_payload",
        "_problems",
        "_segments",
        "_size_bytes",
    )

    def __init__(self, size_bytes: int, limits: Limits) -> None:
        self._size_bytes = size_bytes
        self._limits = limits
        self._segments: list[Segment] = []
        self._manifest: list[ByteRange] = []
        self._payload: list[ByteRange] = []
        self._manifest_bytes = 0
        self._problems: dict[str, None] = {}
        self._cursor = 0

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._size_bytes

    @property
    def limits(self) -> Limits:
        """The bounds that hold."""
        return self._limits

    def problem(self, text: str) -> None:
        """Note one broken rule; the same line is kept once, and 100 lines at most.

        `MULTIPLE_STORES` is kept beyond them.
        """
        if len(self._problems) < _MAX_PROBLEMS or text == MULTIPLE_STORES:
            self._problems[text] = None

    def add(  # a segment has this many sides
        self,
        start: int,
        end: int,
        kind: SegmentKind,
        label: str,
        *,
        header_bytes: int = 0,
        depth: int = 0,
        path: str = "",
    ) -> ByteRange:
        """Add one part and say which bytes it got; one that reaches past the file is cut."""
        end = min(end, self._size_bytes)
        if depth == 0:
            start = max(start, self._cursor)
        start = min(start, end)
        placed = ByteRange(start, end)
        if start == end:
            return placed
        if len(self._segments) >= self._limits.max_segments:
            raise LimitError(f"container parts: expected at most {self._limits.max_segments}")
        if depth == 0:
            self._cursor = end
        self._segments.append(
            Segment(
                start=start,
                end=end,
                kind=kind,
                label=label,
                depth=depth,
                path=path or f"/{label}",
                data_start=min(start + header_bytes, end),
            )
        )
        return placed

    def add_manifest(self, whole: ByteRange) -> None:
        """Note that this whole segment holds the manifest store, or a part of it."""
        if whole.end > whole.start:
            self._manifest.append(whole)

    def add_payload(self, start: int, end: int) -> None:
        """Note that these bytes are the next bytes of the manifest store."""
        end = min(end, self._size_bytes)
        if end <= start:
            return
        # The text of an SVG manifest is base64, a third longer than the store.
        self._manifest_bytes += end - start
        if self._manifest_bytes > 2 * self._limits.max_manifest_store_bytes:
            raise LimitError(
                f"manifest store: expected at most {self._limits.max_manifest_store_bytes} bytes"
            )
        self._payload.append(ByteRange(start, end))

    def break_off(self, at: int, text: str) -> Layout:
        """Give up at this offset: the rest of the file is one unreadable part."""
        self.problem(text)
        self.add(at, self._size_bytes, SegmentKind.UNKNOWN, "unreadable")
        return self.finish(self._size_bytes)

    def finish(self, media_end: int) -> Layout:
        """Which layout do the parts make, if the container ends at `media_end`?

        Bytes after that are one trailer; bytes before it that no part claims are gaps.
        """
        media_end = min(max(media_end, self._cursor), self._size_bytes)
        gaps: list[ByteRange] = []
        at = 0
        for part in self._segments:
            if part.depth == 0:
                if part.start > at:
                    gaps.append(ByteRange(at, part.start))
                at = part.end
        if at < media_end:
            gaps.append(ByteRange(at, media_end))
        self._cursor = media_end
        self.add(media_end, self._size_bytes, SegmentKind.TRAILER, "trailer")
        return Layout(
            size_bytes=self._size_bytes,
            segments=tuple(self._segments),
            manifest=tuple(self._manifest),
            manifest_payload=tuple(self._payload),
            media_end=media_end,
            gaps=tuple(gaps),
            problems=tuple(self._problems),
        )
