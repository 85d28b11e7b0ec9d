from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.media.ranges import ByteRange, contains, merge, subtract, total_bytes

_RANGES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda r: ByteRange(r[0], sum(r))),
    max_size=12,
)


def _bytes(ranges: Sequence[ByteRange]) -> set[int]:
    """The model: every offset by itself."""
    return {offset for r in ranges for offset in range(r.start, r.end)}


def _is_tidy(ranges: Sequence[ByteRange]) -> bool:
    return all(r.start < r.end for r in ranges) and all(
        a.end < b.start for a, b in pairwise(ranges)
    )


@given(_RANGES)
def test_merging_keeps_the_bytes_and_tidies_the_ranges(ranges: list[ByteRange]) -> None:
    merged = merge(ranges)
    assert _bytes(merged) == _bytes(ranges)
    assert _is_tidy(merged)


@given(_RANGES, _RANGES)
def test_subtracting_leaves_the_bytes_in_no_hole(
    whole: list[ByteRange], holes: list[ByteRange]
) -> None:
    left = subtract(whole, holes)
    assert _bytes(left) == _bytes(whole) - _bytes(holes)
    assert _is_tidy(left)


@given(_RANGES, st.integers(0, 40), st.integers(1, 12))
def test_a_range_is_contained_if_each_byte_is(
    ranges: list[ByteRange], start: int, size: int
) -> None:
    item = ByteRange(start, start + size)
    assert contains(merge(ranges), item) is (_bytes([item]) <= _bytes(ranges))


@given(_RANGES)
def test_bytes_are_counted_once(ranges: list[ByteRange]) -> None:
    assert total_bytes(ranges) == len(_bytes(ranges))


def test_touching_ranges_join_and_empty_ones_vanish() -> None:
    joined = merge([ByteRange(5, 9), ByteRange(0, 5), ByteRange(20, 20)])
    assert joined == (ByteRange(0, 9),)
    assert joined[0].size_bytes == 9


def test_nothing_holds_nothing() -> None:
    assert merge([]) == ()
    assert subtract([], [ByteRange(0, 1)]) == ()
    assert total_bytes([]) == 0
    assert not contains((), ByteRange(0, 1))


@pytest.mark.parametrize("count", [40_000])
def test_many_holes_in_many_parts_take_no_quadratic_time(count: int) -> None:
    whole = [ByteRange(10 * n, 10 * n + 8) for n in range(count)]
    holes = [ByteRange(10 * n + 2, 10 * n + 4) for n in range(count)]

    started = time.process_time()
    left = subtract(whole, holes)
    elapsed_s = time.process_time() - started

    assert total_bytes(left) == 6 * count
    # Looking at every hole for every part takes about half a minute.
    assert elapsed_s < 3
