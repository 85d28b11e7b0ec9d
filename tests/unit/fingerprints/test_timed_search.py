"""A search for very many codes ends in time, and is otherwise the search itself."""

from __future__ import annotations

import numpy as np

from provenance.deadline import NO_END, Deadline
from provenance.fingerprints.index import FlatCodeIndex
from provenance.fingerprints.model import Algorithm, Code
from provenance.fingerprints.timed_search import TimedSearch
from tests.factory.ticking import Ticking


def codes(count: int) -> list[Code]:
    raw = np.random.default_rng(1).integers(0, 256, (count, 32), np.uint8)
    return [Code(algorithm=Algorithm.CHROMA, bits=bits.tobytes(), at_ms=0) for bits in raw]


def index(some: list[Code]) -> FlatCodeIndex:
    made = FlatCodeIndex()
    for owner, code in enumerate(some):
        made.add(owner, [code])
    return made


def test_with_time_enough_it_finds_what_the_search_finds() -> None:
    some = codes(700)
    why_not: list[str] = []
    timed = TimedSearch(index(some), "sound", NO_END, why_not)
    found = timed.search(some, radius=90)
    assert found == index(some).search(some, radius=90)
    assert {hit.query for hit in found} == set(range(700))
    assert why_not == []


def test_with_less_it_finds_the_first_of_them_and_says_so() -> None:
    some = codes(700)
    why_not: list[str] = []
    timed = TimedSearch(index(some), "sound", Deadline(2.5, clock=Ticking(each=1)), why_not)
    found = timed.search(some, radius=0)
    assert {hit.query for hit in found} == set(range(512))
    assert why_not == [
        "sound: 512 of 700 codes were searched for in 2.5 seconds, and the rest were not"
    ]
