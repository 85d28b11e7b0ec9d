"""A deadline ends when its time is over, and its parts with it."""

from __future__ import annotations

from provenance.deadline import NO_END, Deadline
from tests.factory.ticking import Ticking


def test_it_passes_when_its_time_is_over() -> None:
    clock = Ticking()
    until = Deadline(10, clock=clock)
    clock.now = 9.9
    assert not until.passed()
    clock.now = 10
    assert until.passed()


def test_a_part_began_when_the_whole_did() -> None:
    clock = Ticking()
    until = Deadline(10, clock=clock)
    clock.now = 6
    part = until.part(0.7)
    assert part.seconds == 7
    assert not part.passed()
    clock.now = 7
    assert part.passed()
    assert not until.passed()


def test_without_a_time_nothing_ends() -> None:
    assert NO_END.used() == 0
    assert not NO_END.part(0.5).passed()


def test_no_time_at_all_is_over_at_once() -> None:
    assert Deadline(0).passed()
