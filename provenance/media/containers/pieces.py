"""Bounded reads from a stream that nobody vouches for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.media.containers.collector import read_at
from provenance.media.ranges import ByteRange

__all__ = ["PIECE_BYTES", "find_all", "is_zero_filled", "iter_pieces", "read_exactly"]

PIECE_BYTES = 1024 * 1024


def read_exactly(stream: BinaryIO, offset: int, size_bytes: int) -> bytes:
    """Which bytes lie at this offset?

    Raises:
        MalformedError: The stream ends before that many bytes.
    """
    data = read_at(stream, offset, size_bytes)
    if len(data) != size_bytes:
        raise MalformedError(
            f"stream ends early: expected {size_bytes} bytes at offset {offset}, got {len(data)}"
        )
    return data


def iter_pieces(stream: BinaryIO, where: ByteRange) -> Iterator[bytes]:
    """Which bytes does this range hold, in pieces of at most `PIECE_BYTES`?

    Raises:
        MalformedError: The stream ends inside the range.
    """
    at = where.start
    while at < where.end:
        piece = read_exactly(stream, at, min(PIECE_BYTES, where.end - at))
        yield piece
        at += len(piece)


def is_zero_filled(stream: BinaryIO, where: ByteRange) -> bool:
    """Does this range hold nothing but zero bytes?"""
    return all(piece.count(0) == len(piece) for piece in iter_pieces(stream, where))


def find_all(
    stream: BinaryIO, where: ByteRange, needles: tuple[bytes, ...], *, at_most: int
) -> dict[bytes, list[int]]:
    """At which offsets does each of these byte strings begin inside the range?

    One pass, whatever the number of needles; every hit lies wholly inside.

    Raises:
        LimitError: One needle is found more than `at_most` times.
    """
    found: dict[bytes, list[int]] = {needle: [] for needle in needles}
    overlap = max(len(needle) for needle in needles) - 1
    tail = b""
    at = where.start
    for piece in iter_pieces(stream, where):
        window = tail + piece
        base = at - len(tail)
        for needle, hits in found.items():
            # A hit that lies wholly in the tail was reported with the piece before.
            hit = window.find(needle, max(0, len(tail) - len(needle) + 1))
            while hit != -1:
                if len(hits) >= at_most:
                    raise LimitError(
                        f"too many occurrences of {needle!r}: expected at most {at_most}"
                    )
                hits.append(base + hit)
                hit = window.find(needle, hit + 1)
        at += len(piece)
        tail = window[-overlap:] if overlap else b""
    return found
