"""The block list: equal bytes block, likeness proposes, and both can be stopped at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.moderation.outcomes.hash_list import (
    EntryState,
    FloodRule,
    HashAlgorithm,
    HashEntry,
    HashList,
    distance,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BYTES, OTHER = "ab" * 32, "cd" * 32
CODE = "0f" * 32


def turned(code: str, bits: int) -> str:
    """The same code with so many bits turned."""
    return f"{int(code, 16) ^ ((1 << bits) - 1):064x}"


def add(
    engine: Engine,
    *,
    name: str = "entry",
    value: str = BYTES,
    algorithm: HashAlgorithm = HashAlgorithm.SHA256,
    ends_at: datetime | None = None,
    decision: str = "decision",
) -> None:
    with transaction(engine) as connection:
        HashList.add(
            connection,
            id=name,
            decision=decision,
            case="case",
            subject="subject",
            algorithm=algorithm,
            value=value,
            ends_at=ends_at,
            now=NOW,
        )


@pytest.fixture
def blocked(engine: Engine) -> HashList:
    add(engine)
    return HashList(engine)


def test_equal_bytes_are_blocked_and_others_are_not(engine: Engine, blocked: HashList) -> None:
    (entry,) = blocked.check(sha256=BYTES, now=NOW).blocked_by
    assert (entry.decision, entry.hits) == ("decision", 1)
    assert not blocked.check(sha256=OTHER, now=NOW).blocked
    add(engine, name="again")
    assert len(blocked.entries()) == 1
    assert (blocked.count(EntryState.ACTIVE), blocked.count(EntryState.QUARANTINED)) == (1, 0)


def test_likeness_is_proposed_within_31_bits_and_blocks_nothing(engine: Engine) -> None:
    add(engine, value=CODE, algorithm=HashAlgorithm.PDQ)
    hashes = HashList(engine)
    near = hashes.check(sha256=OTHER, pdq=[turned(CODE, 200), turned(CODE, 31)], now=NOW)
    assert not near.blocked
    assert [proposal.distance for proposal in near.proposals] == [31]
    assert hashes.check(sha256=OTHER, pdq=[turned(CODE, 32)], now=NOW).proposals == ()
    # A code is no digest: the same 64 characters are two things.
    assert not hashes.check(sha256=CODE, now=NOW).blocked


def test_official_media_is_never_held_for_looking_alike(engine: Engine) -> None:
    add(engine, value=CODE, algorithm=HashAlgorithm.PDQ)
    hashes = HashList(engine)
    assert hashes.check(sha256=OTHER, pdq=[CODE], official=True, now=NOW).proposals == ()
    assert hashes.check(sha256=OTHER, pdq=[CODE], now=NOW).proposals
    add(engine, name="exact", value=OTHER)
    assert hashes.check(sha256=OTHER, pdq=[CODE], official=True, now=NOW).blocked


def test_it_is_switched_off_at_once_and_on_again(engine: Engine, blocked: HashList) -> None:
    with transaction(engine) as connection:
        HashList.disable(connection, "entry", why="a mistake")
    assert not blocked.check(sha256=BYTES, now=NOW).blocked
    with transaction(engine) as connection:
        HashList.enable(connection, "entry", now=NOW)
    assert blocked.check(sha256=BYTES, now=NOW).blocked
    with transaction(engine) as connection:
        HashList.disable(connection, "entry", why="for now", until=NOW + timedelta(hours=1))
    assert not blocked.check(sha256=BYTES, now=NOW).blocked
    assert blocked.check(sha256=BYTES, now=NOW + timedelta(hours=1)).blocked


def test_what_is_withdrawn_never_counts_again(engine: Engine, blocked: HashList) -> None:
    with transaction(engine) as connection:
        assert HashList.withdraw(connection, decision="decision", case="other", why="x") == []
        (gone,) = HashList.withdraw(connection, decision="decision", case="case", why="x")
        assert HashList.withdraw(connection, decision="decision", case="case", why="x") == []
    assert gone.id == "entry"
    assert blocked.check(sha256=BYTES, now=NOW).blocked_by == ()
    with transaction(engine) as connection:
        with pytest.raises(ConflictError, match="got a withdrawn one"):
            HashList.enable(connection, "entry", now=NOW)
        with pytest.raises(ConflictError, match="got none"):
            HashList.disable(connection, "no such", why="x")


def test_an_entry_ends_with_its_decision(engine: Engine) -> None:
    add(engine, ends_at=NOW + timedelta(days=1))
    hashes = HashList(engine)
    assert hashes.check(sha256=BYTES, now=NOW).blocked
    assert not hashes.check(sha256=BYTES, now=NOW + timedelta(days=1)).blocked


def test_a_flood_quarantines_the_entry_and_calls_for_a_person(engine: Engine) -> None:
    add(engine)
    called: list[tuple[str, datetime]] = []

    def on_flood(_: Connection, entry: HashEntry, at: datetime) -> None:
        called.append((entry.id, at))

    rule = FloodRule(window=timedelta(hours=1), expected=2, factor=3)
    hashes = HashList(engine, flood=rule, on_flood=on_flood)
    for _ in range(rule.most):
        assert hashes.check(sha256=BYTES, now=NOW).blocked
    flooded = hashes.check(sha256=BYTES, now=NOW)
    assert [entry.id for entry in flooded.quarantined] == ["entry"]
    assert called == [("entry", NOW)]
    # It blocks no more, and still goes past a person: sending it often gets nothing through.
    later = hashes.check(sha256=BYTES, now=NOW)
    assert not later.blocked
    assert [(p.entry.state, p.distance) for p in later.proposals] == [(EntryState.QUARANTINED, 0)]
    assert called == [("entry", NOW)]


def test_what_is_quarantined_ends_with_its_decision_too(engine: Engine) -> None:
    ends = NOW + timedelta(days=1)
    add(engine, ends_at=ends)
    hashes = HashList(engine, flood=FloodRule(expected=1, factor=1))
    for _ in range(2):
        hashes.check(sha256=BYTES, now=NOW)
    held = hashes.check(sha256=BYTES, now=ends - timedelta(seconds=1))
    assert [p.entry.state for p in held.proposals] == [EntryState.QUARANTINED]
    assert hashes.check(sha256=BYTES, now=ends).proposals == ()


def test_as_many_over_a_longer_time_are_no_flood(engine: Engine) -> None:
    add(engine)
    rule = FloodRule(window=timedelta(hours=1), expected=2, factor=3)
    hashes = HashList(engine, flood=rule)
    for number in range(3 * rule.most):
        assert hashes.check(sha256=BYTES, now=NOW + timedelta(minutes=15 * number)).blocked
    assert hashes.entries()[0].hits == 3 * rule.most


@pytest.mark.parametrize(("sha256", "pdq"), [("AB" * 32, ()), ("ab", ()), (BYTES, ("xy",))])
def test_what_is_no_digest(blocked: HashList, sha256: str, pdq: tuple[str, ...]) -> None:
    with pytest.raises(ConflictError, match="expected 64 hexadecimal digits"):
        blocked.check(sha256=sha256, pdq=pdq, now=NOW)


@given(st.integers(0, 2**256 - 1), st.sets(st.integers(0, 255), max_size=60))
def test_the_distance_is_the_number_of_turned_bits(code: int, bits: set[int]) -> None:
    other = code
    for bit in bits:
        other ^= 1 << bit
    assert distance(f"{code:064x}", f"{other:064x}") == len(bits)
