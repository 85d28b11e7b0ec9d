"""Arithmetic on half-open byte ranges of a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["ByteRange", "contains", "merge", "subtract", "total_bytes"]


class ByteRange(NamedTuple):
    """The bytes `start <= offset < end` of a file."""

    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many bytes the range holds."""
        return self.end - self.start


def merge(ranges: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """Which bytes do these ranges cover together, as sorted disjoint ranges?

    Empty ranges vanish, touching ranges join.
    """
    merged: list[ByteRange] = []
    for item in sorted(r for r in ranges if r.end > r.start):
        if merged and item.start <= merged[-1].end:
            if item.end > merged[-1].end:
                merged[-1] = ByteRange(merged[-1].start, item.end)
        else:
            merged.append(item)
    return tuple(merged)


def subtract(whole: Iterable[ByteRange], holes: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """Which bytes of `whole` lie in none of the `holes`?"""
    left: list[ByteRange] = []
    cuts = merge(holes)
    first = 0
    for start, end in merge(whole):
        at = start
        # Both are sorted, so a cut that ends before this range is never looked at
        # again: a file's author chooses how many parts there are.
        while first < len(cuts) and cuts[first].end <= start:
            first += 1
        for index in range(first, len(cuts)):
            cut = cuts[index]
            if cut.start >= end:
                break
            if cut.start > at:
                left.append(ByteRange(at, cut.start))
            at = cut.end
            first = index
        if at < end:
            left.append(ByteRange(at, end))
    return tuple(left)


def contains(merged: Sequence[ByteRange], item: ByteRange) -> bool:
    """Does one of these sorted disjoint ranges hold the whole item?

    Takes logarithmic time, so that asking it for every part of a file stays cheap.
    """
    at = bisect_right(merged, item.start, key=lambda entry: entry.start) - 1
    return at >= 0 and merged[at].end >= item.end


def total_bytes(ranges: Iterable[ByteRange]) -> int:
    """How many distinct bytes do these ranges hold?"""
    return sum(r.size_bytes for r in merge(ranges))
