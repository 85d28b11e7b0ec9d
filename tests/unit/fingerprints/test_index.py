"""The index of codes is exact, and may be changed while it is searched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.fingerprints.index import CodeHit, FlatCodeIndex
from provenance.fingerprints.model import Algorithm, Code


def codes_of(
    raw: NDArray[np.uint8] | Iterable[NDArray[np.uint8]], algorithm: Algorithm = Algorithm.PDQ
) -> list[Code]:
    return [Code(algorithm=algorithm, bits=bits.tobytes()) for bits in raw]


@pytest.mark.parametrize("queries", [1, 5, 40])
@pytest.mark.parametrize("radius", [0, 31, 90, 120])
def test_every_code_within_the_radius_is_found_and_no_other(radius: int, queries: int) -> None:
    rng = np.random.default_rng(1)
    # More codes, and more that are asked for, than are compared at a time; sums of near and far.
    raw = rng.integers(0, 256, (70_000, 32), np.uint8)
    asked = raw[rng.integers(0, len(raw), queries)].copy()
    asked[:, :4] ^= rng.integers(0, 256, (queries, 4), np.uint8)
    index = FlatCodeIndex()
    for owner in range(8):
        index.add(owner, codes_of(raw[owner::8]))
    hits = index.search(codes_of(asked), radius=radius, most=100_000)
    got = {(hit.query, hit.owner, hit.distance) for hit in hits}
    expected = set()
    for query, bits in enumerate(asked):
        distances = np.bitwise_count(raw ^ bits).sum(axis=1)
        for row in np.flatnonzero(distances <= radius):
            expected.add((query, int(row % 8), int(distances[row])))
    assert got == expected
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)


def test_of_too_many_the_nearest_are_kept() -> None:
    raw = np.zeros((6, 32), np.uint8)
    raw[:, 0] = [31, 15, 7, 3, 1, 0]
    index = FlatCodeIndex()
    for owner, code in enumerate(codes_of(raw)):
        index.add(owner, [code])
    nearest = index.search(codes_of(raw[5:]), radius=90, most=2)
    assert nearest == [CodeHit(0, 5, 0), CodeHit(0, 4, 1)]


def test_codes_of_different_algorithms_never_meet() -> None:
    raw = np.ones((1, 32), np.uint8)
    index = FlatCodeIndex()
    index.add(1, codes_of(raw, Algorithm.PDQ))
    index.add(2, codes_of(raw, Algorithm.ISCC_IMAGE))
    assert [hit.owner for hit in index.search(codes_of(raw), radius=256)] == [1]


def test_a_hit_says_where_in_a_video_it_is() -> None:
    code = Code(algorithm=Algorithm.PDQ_FRAME, bits=bytes(32), at_ms=4000)
    index = FlatCodeIndex()
    index.add(7, [code])
    assert index.search([code], radius=0) == [CodeHit(0, 7, 0, 4000)]


def test_what_is_removed_is_gone_and_may_come_again() -> None:
    raw = np.random.default_rng(2).integers(0, 256, (9000, 32), np.uint8)
    index = FlatCodeIndex()
    index.add(1, codes_of(raw[:4500]))
    index.add(2, codes_of(raw[4500:]))
    assert index.remove(1) == 4500
    assert index.remove(1) == 0
    assert len(index) == 4500
    assert not index.search(codes_of(raw[:1]), radius=0)
    assert index.search(codes_of(raw[4500:4501]), radius=0) == [CodeHit(0, 2, 0)]
    index.add(1, codes_of(raw[:1]))
    assert index.search(codes_of(raw[:1]), radius=0) == [CodeHit(0, 1, 0)]


def test_whoever_has_nothing_in_an_index_is_not_looked_for() -> None:
    """A search that is built asks this of every owner: it must not read all rows each time."""
    raw = np.random.default_rng(4).integers(0, 256, (400, 32), np.uint8)
    index = FlatCodeIndex()
    for owner in range(1000):
        index.add(owner, codes_of(raw))

    def seconds(owners: range) -> float:
        before = time.thread_time()
        for owner in owners:
            index.remove(owner)
        return time.thread_time() - before

    of_strangers = seconds(range(10_000, 10_100))
    assert len(index) == 400_000
    assert seconds(range(10)) > of_strangers
    assert len(index) == 396_000


def test_an_owner_is_a_number_of_at_least_0() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        FlatCodeIndex().add(-1, [])


def test_registering_withdrawing_and_searching_at_once() -> None:
    """What stays registered is found in every search, whatever others do meanwhile."""
    raw = np.random.default_rng(3).integers(0, 256, (3000, 32), np.uint8)
    index = FlatCodeIndex()
    stays = codes_of(raw[:10])
    index.add(0, stays)
    wrong: list[object] = []
    stop = threading.Event()

    def change(first: int) -> None:
        owners = range(first, first + 30)
        for _ in range(6):
            for owner in owners:
                index.add(owner, codes_of(raw[owner * 20 : owner * 20 + 20]))
            wrong.extend(owner for owner in owners if index.remove(owner) != 20)

    def search() -> None:
        while not stop.is_set():
            hits = index.search(stays, radius=0)
            found = [(hit.query, hit.owner) for hit in hits]
            wrong.extend([] if found == [(n, 0) for n in range(10)] else [found])

    readers = [threading.Thread(target=search) for _ in range(2)]
    writers = [threading.Thread(target=change, args=(first,)) for first in (1, 40, 80)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    assert len(index) == 10
