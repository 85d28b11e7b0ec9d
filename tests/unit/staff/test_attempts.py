"""Counts of attempts against a model: the pauses, their bound, and what success takes back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from provenance.staff.attempts import Attempts, PauseRule
from provenance.staff.tables import attempts
from tests.unit.staff.conftest import NOW

RULE = PauseRule(free=3, first=timedelta(seconds=10), longest=timedelta(minutes=5))
STEPS = st.lists(
    st.one_of(st.just("fail"), st.just("succeed"), st.integers(1, 100_000)), max_size=25
)


@pytest.fixture
def clean(on_sqlite: Engine) -> Iterator[Engine]:
    yield on_sqlite
    with on_sqlite.connect() as connection, connection.begin():
        connection.execute(delete(attempts))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_they_go_by_the_rule(clean: Engine, steps: list[str | int]) -> None:
    with clean.connect() as connection, connection.begin():
        connection.execute(delete(attempts))
    counts = Attempts(clean, {"name": RULE})
    now: datetime = NOW
    failures, last, until = 0, NOW, NOW
    for step in steps:
        if isinstance(step, int):
            now += timedelta(seconds=step)
            continue
        found = counts.begin({"name": "who"}, now=now)
        if until > now:
            assert found == until
            continue
        assert found is None
        if now - last >= timedelta(days=1):
            failures = 0
        failures, last = failures + 1, now
        pause = RULE.pause(failures)
        assert (pause is None) == (failures <= RULE.free)
        assert pause is None or RULE.first <= pause <= RULE.longest
        until = now if pause is None else now + pause
        if step == "succeed":
            counts.succeeded({"name": "who"})
            failures, until = 0, now


def test_a_shared_count_only_takes_its_own_back(engine: Engine) -> None:
    counts = Attempts(engine, {"address": RULE})
    for _ in range(3):
        assert counts.begin({"address": "who"}, now=NOW) is None
    for _ in range(5):
        assert counts.begin({"address": "who"}, now=NOW) is None
        counts.succeeded({"address": "who"}, shared="address")
    assert counts.begin({"address": "who"}, now=NOW) is None
    assert counts.begin({"address": "who"}, now=NOW) == NOW + RULE.first


def test_many_at_once_are_no_more_guesses(engine: Engine) -> None:
    counts = Attempts(engine, {"name": RULE})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: counts.begin({"name": "who"}, now=NOW), range(24)))
    assert found.count(None) == RULE.free + 1


def test_a_day_of_silence_is_forgotten(engine: Engine) -> None:
    counts = Attempts(engine, {"name": RULE})
    for _ in range(4):
        counts.begin({"name": "who"}, now=NOW)
    counts.forget(now=NOW + timedelta(days=1))
    with engine.connect() as connection:
        assert connection.execute(attempts.select()).all() == []
