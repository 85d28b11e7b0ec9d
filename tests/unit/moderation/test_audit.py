"""The audit: whoever edits, removes, adds or moves an entry is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from provenance.errors import StoreError
from provenance.moderation.audit import (
    AuditFault,
    AuditLog,
    detail_of,
    event_digest,
    writing,
)
from provenance.moderation.model import AuditEvent
from provenance.moderation.tables import audit, audit_heads, audit_roots
from provenance.registry.log.statement import canonical_json, parse_statement
from tests.factory.moderation import NOW


def filled(engine: Engine, count: int = 6, *, at: datetime = NOW) -> AuditLog:
    log = AuditLog(engine)
    for number in range(count):
        with writing(engine) as connection:
            log.append(
                connection,
                at=at + timedelta(hours=number),
                actor="kim",
                verb="case.claimed",
                object=f"case:{number}",
                detail={"from": "queued", "n": number, "to": "assigned"},
            )
    return log


def unlocked(engine: Engine, change: Callable[[Connection], object]) -> None:
    """What somebody with the database's own password can do: the triggers are gone first."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE moderation_audit DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER moderation_audit_no_update"))
            connection.execute(text("DROP TRIGGER moderation_audit_no_delete"))
        change(connection)


def at(seq: int) -> Any:
    return audit.c.seq == seq


def swapped(connection: Connection) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        connection.execute(update(audit).where(at(old)).values(seq=new))


def inserted(connection: Connection) -> None:
    row = connection.execute(select(audit).where(at(6))).one()
    added = AuditEvent(**{**row._mapping, "seq": 7, "prev": "0" * 64, "sha256": ""})
    forged = replace(added, sha256=event_digest(added))
    values = {name: getattr(forged, name) for name in AuditEvent.__slots__}
    connection.execute(insert(audit).values(values))


def removed_at_the_end(connection: Connection) -> None:
    connection.execute(delete(audit).where(at(6)))


def rechained(connection: Connection) -> None:
    """One entry is changed, and every later one and the head made again."""
    rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
    prev = "0" * 64
    for row in rows:
        event = AuditEvent(**{**row._mapping, "prev": prev})
        if event.seq == 2:
            event = replace(event, actor="lee")
        prev = event_digest(event)
        connection.execute(
            update(audit)
            .where(at(event.seq))
            .values(actor=event.actor, prev=event.prev, sha256=prev)
        )
    connection.execute(update(audit_heads).values(sha256=prev))


ATTACKS: dict[str, tuple[Callable[[Connection], object], list[AuditFault]]] = {
    "edited": (
        lambda c: c.execute(update(audit).where(at(3)).values(actor="lee")),
        [AuditFault(seq=3, what="was changed")],
    ),
    "detail edited": (
        lambda c: c.execute(update(audit).where(at(3)).values(detail='{"n":9}')),
        [AuditFault(seq=3, what="was changed")],
    ),
    "time moved by a microsecond": (
        lambda c: c.execute(
            update(audit).where(at(3)).values(at=NOW + timedelta(hours=2, microseconds=1))
        ),
        [AuditFault(seq=3, what="was changed")],
    ),
    "removed": (
        lambda c: c.execute(delete(audit).where(at(3))),
        [AuditFault(seq=3, what="entries 3 to 3 are missing")],
    ),
    "removed at the end": (
        removed_at_the_end,
        [AuditFault(seq=6, what="expected the last entry to be 6, got 5")],
    ),
    "added at the end": (
        inserted,
        [
            AuditFault(seq=7, what="does not follow the entry before it"),
            AuditFault(seq=7, what="expected the last entry to be 6, got 7"),
        ],
    ),
    "two exchanged": (
        swapped,
        [
            AuditFault(seq=2, what="does not follow the entry before it"),
            AuditFault(seq=2, what="was changed"),
            AuditFault(seq=3, what="does not follow the entry before it"),
            AuditFault(seq=3, what="was changed"),
            AuditFault(seq=4, what="does not follow the entry before it"),
        ],
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_done_to_it_is_named(engine: Engine, attack: str) -> None:
    log = filled(engine)
    assert log.verify() == []
    change, faults = ATTACKS[attack]
    unlocked(engine, change)
    assert log.verify() == faults


def test_the_newest_come_first_page_by_page(engine: Engine) -> None:
    log = filled(engine)
    assert [one.seq for one in log.newest(limit=2)] == [6, 5]
    assert [one.seq for one in log.newest(before=5, limit=2)] == [4, 3]
    assert log.newest(before=1) == []
    assert [one.seq for one in log.newest(object="case:3")] == [4]
    assert log.newest(object="case:3", before=4) == []


def test_who_makes_the_whole_chain_again_is_found_by_a_root_given_out(engine: Engine) -> None:
    log = filled(engine)
    [root] = log.close_days(now=NOW + timedelta(days=1))
    unlocked(engine, rechained)
    assert log.verify() == [AuditFault(seq=6, what="does not fit the root of 2026-05-01")]
    with engine.begin() as connection:
        connection.execute(delete(audit_roots))
    assert log.verify() == []
    assert log.verify(given_out=[root]) == [
        AuditFault(seq=6, what="does not fit the root of 2026-05-01")
    ]


def test_the_databases_refuse_a_change_by_hand(either_engine: Engine) -> None:
    log = filled(either_engine)
    for change in (update(audit).values(actor="lee"), delete(audit).where(at(3))):
        with pytest.raises(Exception, match="never changed"), either_engine.begin() as connection:
            connection.execute(change)
    assert log.verify() == []


def test_an_entry_is_there_with_its_change_or_not_at_all(engine: Engine) -> None:
    log = filled(engine)

    def fails() -> None:
        with writing(engine) as connection:
            log.append(connection, at=NOW, actor="kim", verb="x", object="case:1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert log.head()[0] == 6
    assert log.verify() == []


def test_many_writers_at_once_leave_no_gap(either_engine: Engine) -> None:
    log = AuditLog(either_engine)
    errors: list[Exception] = []

    def write(who: str) -> None:
        try:
            for number in range(6):
                with writing(either_engine) as connection:
                    log.append(connection, at=NOW, actor=who, verb="x", object=f"case:{number}")
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert log.head()[0] == 30
    assert [event.seq for event in log.events()] == list(range(1, 31))
    assert log.verify() == []


def test_a_day_has_one_root_and_days_without_anything_have_one_too(engine: Engine) -> None:
    log = filled(engine, 3, at=datetime(2024, 2, 28, 23, tzinfo=UTC))
    made = log.close_days(now=datetime(2024, 3, 2, tzinfo=UTC))
    # A leap day between.
    assert [(root.day, root.entries, root.last) for root in made] == [
        ("2024-02-28", 1, 1),
        ("2024-02-29", 2, 3),
        ("2024-03-01", 0, 3),
    ]
    assert log.close_days(now=datetime(2024, 3, 2, tzinfo=UTC)) == []
    assert log.roots() == made
    assert log.verify() == []
    assert [r.day for r in log.roots(since="2024-02-29")] == ["2024-02-29", "2024-03-01"]


def test_one_that_came_a_moment_late_is_in_the_next_root(engine: Engine) -> None:
    log = filled(engine, 1)
    log.close_days(now=NOW + timedelta(days=1))
    filled(engine, 1, at=NOW)
    [root] = log.close_days(now=NOW + timedelta(days=2))
    assert (root.day, root.entries, root.last) == ("2026-05-02", 1, 2)
    assert log.verify() == []


def test_a_root_is_a_statement_that_a_release_log_takes(engine: Engine) -> None:
    log = filled(engine)
    [root] = log.close_days(now=NOW + timedelta(days=1))
    made = root.statement(
        agency="aurora-entertainment", subject="videos-example", at=NOW + timedelta(days=1)
    )
    assert parse_statement(made.model_dump(mode="json", exclude_none=True), where="x") == made
    assert (made.root, made.count) == (root.root, 6)
    assert b"audit-root" in canonical_json(made)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    detail=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**53) + 1, 2**53 - 1),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
        ),
        max_size=4,
    )
)
def test_whatever_is_written_is_read_back_and_verifies(
    engine: Engine, detail: dict[str, Any]
) -> None:
    log = AuditLog(engine)
    with writing(engine) as connection:
        event = log.append(
            connection, at=NOW, actor="kim", verb="x", object="case:1", detail=detail
        )
    assert detail_of(event) == detail
    assert log.events(after=event.seq - 1) == [event]
    assert log.verify() == []
