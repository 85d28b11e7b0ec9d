"""Where the samples of a track lie that stand in fragments of a movie.

Source: ISO/IEC 14496-12:2022 §8.3.2 (`tkhd`), §8.8.3 (`trex`), §8.8.7 (`tfhd`), §8.8.8 (`trun`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from provenance.errors import LimitError
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.ranges import ByteRange

__all__ = ["track_runs"]

# Flags of a track fragment: which of its fields there are.
_BASE, _DESCRIPTION, _DURATION, _SIZE, _FROM_MOOF = 0x1, 0x2, 0x8, 0x10, 0x020000
# Flags of a run; the fields of each sample stand in this order.
_OFFSET, _FIRST_FLAGS, _SAMPLE_SIZE = 0x1, 0x4, 0x200
_SAMPLE_FIELDS = (0x100, _SAMPLE_SIZE, 0x400, 0x800)


def track_runs(
    stream: BinaryIO, layout: Layout, *, most_bytes: int
) -> Mapping[str, list[ByteRange]]:
    """Where do the runs of samples of each track lie, by the path of its `trak` box?

    Raises:
        LimitError: The tables of the runs are more than `most_bytes` together.
    """
    tracks: dict[str, int] = {}
    sizes: dict[int, int] = {}
    for part in layout.segments:
        if part.label == "tkhd":
            body = read_at(stream, part.data_start, 24)
            at = 20 if body[:1] == b"\1" else 12
            tracks[part.path.rpartition("/")[0]] = _number(body[at : at + 4])
        elif part.label == "trex":
            body = read_at(stream, part.data_start, 20)
            sizes[_number(body[4:8])] = _number(body[16:20])
    walk = _Walk(stream, sizes, most_bytes)
    for part in layout.segments:
        walk.take(part)
    return {path: walk.runs.get(track, []) for path, track in tracks.items()}


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


class _Walk:
    """One pass over the fragments, in file order."""

    def __init__(self, stream: BinaryIO, sizes: Mapping[int, int], most_bytes: int) -> None:
        self.runs: dict[int, list[ByteRange]] = {}
        self._stream = stream
        self._sizes = sizes
        self._most = self._left = most_bytes
        self._fragment = self._base = self._end = self._track = self._sample_bytes = 0

    def take(self, part: Segment) -> None:
        """Follow this box, where it says something of samples."""
        if part.label == "moof":
            self._fragment = self._end = part.start
        elif part.label == "tfhd":
            self._begin(read_at(self._stream, part.data_start, 40))
        elif part.label == "trun":
            size = part.end - part.data_start
            self._left -= size
            if self._left < 0:
                raise LimitError(f"fragments: tables of more than {self._most} bytes")
            self._add(read_at(self._stream, part.data_start, size))

    def _begin(self, head: bytes) -> None:
        flags, self._track, at = _number(head[1:4]), _number(head[4:8]), 8
        if flags & _BASE:
            self._base, at = _number(head[8:16]), 16
        else:
            # Of several tracks in a fragment one begins where the one before it ends.
            self._base = self._fragment if flags & _FROM_MOOF else self._end
        at += 4 * bool(flags & _DESCRIPTION) + 4 * bool(flags & _DURATION)
        told = _number(head[at : at + 4])
        self._sample_bytes = told if flags & _SIZE else self._sizes.get(self._track, 0)
        self._end = self._base

    def _add(self, run: bytes) -> None:
        flags, count, at = _number(run[1:4]), _number(run[4:8]), 8
        if flags & _OFFSET:
            self._end = self._base + int.from_bytes(run[8:12], "big", signed=True)
            at = 12
        at += 4 * bool(flags & _FIRST_FLAGS)
        fields = [field for field in _SAMPLE_FIELDS if flags & field]
        width = 4 * len(fields)
        size = count * self._sample_bytes
        if _SAMPLE_SIZE in fields:
            first = at + 4 * fields.index(_SAMPLE_SIZE)
            stop = min(len(run), at + count * width)
            size = sum(_number(run[i : i + 4]) for i in range(first, stop, width))
        start = max(0, self._end)
        self._end = start + size
        self.runs.setdefault(self._track, []).append(ByteRange(start, self._end))
