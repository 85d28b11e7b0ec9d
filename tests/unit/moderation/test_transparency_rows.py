"""The numbers of a period are those of what happened in it, on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from provenance.moderation.appeals import ByUploader
from provenance.moderation.transparency_rows import read_transparency
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    ClockKind,
    Outcome,
    Role,
    Severity,
)
from tests.factory.moderation import NOW, about, draft, nothing_found, open_desks, person

BEGIN, END = NOW - timedelta(days=1), NOW + timedelta(days=30)
SIX = range(6)


def test_what_happened_is_counted_in_its_period_and_in_no_other(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    kim, lee = person("kim"), person("lee", Role.SENIOR)
    for number in SIX:
        filed = desks.complaints.file(about(url=f"https://v.example/{number}"), now=NOW)
        case, pin = filed.complaint.case, filed.pin
        assert case is not None
        assert pin is not None
        then = NOW + timedelta(hours=10)
        desks.cases.claim(case, kim, now=then)
        made = desks.cases.decide(case, kim, draft(), now=then)
        assert made is not None
        later = NOW + timedelta(days=2)
        token = desks.appeals.uploader_token(made.id, case)
        appeal = desks.appeals.file(made.id, by=ByUploader(token=token), text="No.", now=later)
        desks.appeals.claim(appeal.id, lee, now=later)
        answer = AppealOutcome.OVERTURNED
        desks.appeals.decide(appeal.id, lee, answer, nothing_found(), now=later)
    told = read_transparency(either_engine, begins_at=BEGIN, ends_at=END)
    assert told.complaints == 6
    assert told.complaints_by_category[Category.IMPERSONATION] == 6
    assert told.complaints_trusted == 0
    # The first decisions, and those that answer the appeals.
    assert told.decisions == 12
    assert told.decisions_by_outcome[Outcome.VIOLATION] == 6
    assert told.decisions_by_outcome[Outcome.NO_VIOLATION] == 6
    assert told.actions[ActionType.REMOVE] == 6
    assert told.median_hours_to_decision[Severity.MEDIUM] == 10.0
    assert told.appeals == 6
    assert told.appeals_by_outcome[AppealOutcome.OVERTURNED] == 6
    assert told.overturned_percent == 100
    assert told.clocks_met[ClockKind.DECIDE] == 6
    assert told.clocks_breached[ClockKind.DECIDE] == 0
    before = read_transparency(either_engine, begins_at=BEGIN - timedelta(days=9), ends_at=BEGIN)
    assert (before.complaints, before.decisions, before.appeals) == (0, 0, 0)


def test_a_deadline_that_was_missed_is_told(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    for number in SIX:
        desks.complaints.file(about(url=f"https://v.example/{number}"), now=NOW)
    desks.clockwork.tick(NOW + timedelta(days=8))
    told = read_transparency(either_engine, begins_at=BEGIN, ends_at=END)
    assert told.clocks_breached[ClockKind.DECIDE] == 6
    assert told.clocks_met[ClockKind.DECIDE] == 0
