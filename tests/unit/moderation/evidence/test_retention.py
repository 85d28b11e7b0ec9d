"""Evidence is kept as long as it must be, and no longer; what stays is the digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.clocks import APPEAL_WINDOW
from provenance.moderation.evidence.retention import (
    GRACE,
    LegalHold,
    RetentionDesk,
    keep_until,
)
from provenance.moderation.tables import appeals, cases, complaints, contacts, decisions, subjects
from provenance.moderation.vocabulary import ActionType, AppealState, CaseState
from provenance.records.tables import reports
from tests.factory.moderation_rows import NOW, CaseOfRows

SHA = "ab" * 32
OVER = NOW + APPEAL_WINDOW + GRACE
DAY = timedelta(days=1)


@pytest.fixture
def desk(engine: Engine, random: Callable[[int], bytes]) -> RetentionDesk:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        case.decide(connection, ActionType.REMOVE)
        connection.execute(update(cases).values(state=CaseState.CLOSED.value))
        connection.execute(update(subjects).values(report="report"))
    return RetentionDesk(engine, AuditLog(engine), random)


def test_it_goes_when_the_time_to_appeal_and_31_days_are_over(
    engine: Engine, random: Callable[[int], bytes], desk: RetentionDesk
) -> None:
    forgotten: list[str] = []
    desk = RetentionDesk(engine, AuditLog(engine), random, forget=forgotten.extend)
    assert desk.delete_due(now=OVER - timedelta(seconds=1)) == []
    (gone,) = desk.delete_due(now=OVER)
    assert (gone.case, gone.digests, gone.reports) == ("case", (SHA,), ("report",))
    assert forgotten == ["report"]
    assert desk.delete_due(now=OVER) == []
    with transaction(engine, reads=True) as connection:
        subject = connection.execute(select(subjects)).one()
        assert (subject.sha256, subject.url, subject.report) == (SHA, None, None)
        assert {row.explanation for row in connection.execute(select(complaints))} == {""}
        assert connection.execute(select(contacts)).all() == []
        # The decision and its reasons stay.
        assert connection.execute(select(decisions)).one().facts
    log = AuditLog(engine)
    assert log.verify() == []
    (event,) = [one for one in log.events() if one.verb == "evidence.deleted"]
    assert json.loads(event.detail)["sha256"] == [SHA]


def test_a_hold_keeps_it_until_it_ends(engine: Engine, desk: RetentionDesk) -> None:
    until = desk.hold("case", "a case in court", by="legal-1", now=NOW, until=OVER + DAY)
    forever = desk.hold("case", "an order", by="legal-1", now=NOW)
    assert desk.delete_due(now=OVER + 100 * DAY) == []
    desk.lift(forever.id, "it ended", by="legal-1", now=NOW + DAY)
    assert desk.delete_due(now=OVER) == []
    assert keep_until(NOW, desk.holds("case")) == OVER + DAY
    lifted = AuditLog(engine).events()[-1]
    assert json.loads(lifted.detail)["reason"] == "it ended"
    with pytest.raises(ConflictError, match="has ended"):
        desk.lift(forever.id, "it ended", by="legal-1", now=NOW + 2 * DAY)
    assert len(desk.delete_due(now=OVER + DAY)) == 1
    verbs = [event.verb for event in AuditLog(engine).events()]
    assert verbs == ["hold.placed", "hold.placed", "hold.lifted", "evidence.deleted"]
    assert until.end == OVER + DAY


def test_an_open_appeal_keeps_it(engine: Engine, desk: RetentionDesk) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(appeals).values(
                id="appeal",
                decision="case-d0",
                case="case",
                text="why",
                filed_at=NOW,
                state=AppealState.FILED.value,
            )
        )
    assert desk.delete_due(now=OVER) == []
    with writing(engine) as connection:
        connection.execute(update(appeals).values(state=AppealState.DECIDED.value))
    assert len(desk.delete_due(now=OVER)) == 1


def test_an_open_case_keeps_it_however_old(engine: Engine, desk: RetentionDesk) -> None:
    with writing(engine) as connection:
        connection.execute(update(cases).values(state=CaseState.ENFORCING.value))
    assert desk.delete_due(now=OVER + 1000 * DAY) == []


def test_a_reported_file_is_not_forgotten_before_its_case(
    engine: Engine, desk: RetentionDesk
) -> None:
    """Reports end after some days by themselves; those that a case is about do not."""
    values = {
        "verdict": "unverified",
        "document": "{}",
        "policy": "default",
        "judged_with": "x",
        "release_stamp": "x",
        "judged_at": NOW,
        "created_at": NOW,
        "ends_at": NOW + 30 * DAY,
    }
    with transaction(engine) as connection:
        for name in ("report", "another"):
            connection.execute(insert(reports).values(id=name, **values))
    at = NOW
    while at < OVER:
        desk.keep_reports(now=at)
        assert _ends(engine)["report"] > at
        at += 20 * DAY
    assert _ends(engine)["another"] == NOW + 30 * DAY
    desk.delete_due(now=OVER)
    before = _ends(engine)
    desk.keep_reports(now=OVER)
    assert _ends(engine) == before


def _ends(engine: Engine) -> dict[str, datetime]:
    with transaction(engine, reads=True) as connection:
        return {row.id: row.ends_at for row in connection.execute(select(reports))}


def test_holds_that_make_no_sense(desk: RetentionDesk) -> None:
    with pytest.raises(NotFoundError, match="expected one, got none"):
        desk.hold("other", "x", by="legal-1", now=NOW)
    with pytest.raises(ConflictError, match="expected a reason"):
        desk.hold("case", " ", by="legal-1", now=NOW)
    with pytest.raises(ConflictError, match="an end that is to come"):
        desk.hold("case", "x", by="legal-1", now=NOW, until=NOW)
    placed = desk.hold("case", "x", by="legal-1", now=NOW)
    with pytest.raises(ConflictError, match="expected a reason"):
        desk.lift(placed.id, " ", by="legal-1", now=NOW)
    assert desk.holds("case")[0].end is None
    with pytest.raises(NotFoundError, match="hold 'none'"):
        desk.lift("none", "it ended", by="legal-1", now=NOW)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(1, 900), st.none() | st.integers(1, 900)), max_size=4
    )
)
def test_it_is_kept_until_the_latest_of_all(ends: list[tuple[int | None, int | None]]) -> None:
    def at(days: int | None) -> datetime | None:
        return None if days is None else NOW + days * DAY

    holds = [
        LegalHold(
            id="h",
            case="c",
            reason="x",
            by="y",
            placed_at=NOW,
            ends_at=at(one),
            lifted_at=at(other),
        )
        for one, other in ends
    ]
    until = keep_until(NOW, holds)
    if any(one is None and other is None for one, other in ends):
        assert until is None
        return
    assert until is not None
    assert until >= OVER
    for one, other in ends:
        known = [days for days in (one, other) if days is not None]
        assert until >= NOW + min(known) * DAY
