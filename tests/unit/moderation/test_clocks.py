"""Clocks end with what they are about: a block is lifted, and what is gone is not missed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from provenance.moderation.appeals import ByReporter
from provenance.moderation.model import Case, Clock
from provenance.moderation.office import Rules
from provenance.moderation.views import Filed
from provenance.moderation.vocabulary import (
    AppealOutcome,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Role,
    Severity,
)
from tests.factory.moderation import (
    NOW,
    Desks,
    about,
    draft,
    nothing_found,
    open_desks,
    person,
)
from tests.unit.moderation.test_complaints import case_of, own

KIM, LEE = person("kim"), person("lee")
DAY = timedelta(days=1)


def blocked(desks: Desks, *, url: str = "https://x.example/1", at: datetime = NOW) -> Filed:
    """A complaint, whose case is blocked until it is decided."""
    filed = desks.complaints.file(about(Category.PRIVACY, url=url), now=at)
    desks.cases.interim_restrict(case_of(filed), KIM, why="an address", now=at)
    return filed


def told_of(desks: Desks, event: str) -> list[Clock]:
    return [one[1] for one in desks.told.events if one[0] == event]  # type: ignore[misc]


def ended(desks: Desks) -> list[str]:
    """The cases of which whoever blocks was told that it is over."""
    return [clock.case for clock in told_of(desks, "interim.ended")]


def withdraw(desks: Desks, filed: Filed, at: datetime) -> None:
    assert filed.pin is not None
    desks.complaints.withdraw(filed.complaint.ref, filed.pin, now=at)


def state_of(desks: Desks, case: str) -> Case:
    return desks.cases.get(case, KIM, now=NOW).case


@pytest.mark.parametrize("how", ["decided", "voided", "withdrawn", "expired"])
def test_whoever_blocks_is_told_once_that_it_is_over_however_it_ends(
    desks: Desks, how: str
) -> None:
    filed = blocked(desks)
    case = case_of(filed)
    if how == "decided":
        desks.cases.claim(case, KIM, now=NOW + DAY)
        desks.cases.decide(case, KIM, nothing_found(Category.PRIVACY), now=NOW + DAY)
    elif how == "voided":
        desks.cases.void(case, KIM, why="gone", now=NOW + DAY)
    elif how == "withdrawn":
        withdraw(desks, filed, NOW + DAY)
        assert state_of(desks, case).state is CaseState.VOID
    for days in (29, 30, 40):
        desks.clockwork.tick(NOW + days * DAY)
    assert ended(desks) == [case]
    expired = [clock.kind for clock in told_of(desks, "clock.expired")]
    assert expired == ([ClockKind.TEMPORARY_BLOCK] if how == "expired" else [])


@pytest.mark.parametrize("stays", [True, False], ids=["another complains too", "the last one"])
def test_what_nobody_complains_of_any_more_cannot_be_missed(desks: Desks, stays: bool) -> None:  # noqa: FBT001
    filed = desks.complaints.file(own(), now=NOW)
    case = case_of(filed)
    desks.cases.triage(case, KIM, severity=Severity.MEDIUM, now=NOW)
    if stays:
        desks.complaints.file(own(), now=NOW)
    withdraw(desks, filed, NOW + timedelta(hours=1))
    desks.clockwork.tick(NOW + 40 * DAY)
    late = {clock.kind for clock in state_of(desks, case).clocks if clock.breached_at is not None}
    assert late == ({ClockKind.DECIDE, ClockKind.INTIMATE_48H} if stays else set())


@pytest.mark.parametrize("both", [False, True], ids=["one is blocked", "both are blocked"])
def test_a_block_ends_under_every_name_that_it_began_under(desks: Desks, both: bool) -> None:  # noqa: FBT001
    """Whoever blocks knows a block by its case, and a merge does not tell them of another."""
    names = [case_of(blocked(desks))]
    if both:
        names.append(case_of(blocked(desks, url="https://x.example/2", at=NOW + DAY)))
    else:
        other = desks.complaints.file(about(Category.PRIVACY, url="https://x.example/2"), now=NOW)
        names.append(case_of(other))
    at = NOW + 2 * DAY
    desks.cases.merge(names[0], KIM, into=names[1], why="the same", now=at)
    third = desks.complaints.file(about(Category.PRIVACY, url="https://x.example/3"), now=at)
    desks.cases.merge(names[1], KIM, into=case_of(third), why="the same", now=at)
    assert ended(desks) == []
    (block,) = [
        clock
        for clock in state_of(desks, case_of(third)).clocks
        if clock.kind is ClockKind.TEMPORARY_BLOCK
    ]
    assert (block.starts_at, block.due_at) == (NOW, NOW + 30 * DAY)
    desks.clockwork.tick(NOW + 40 * DAY)
    began = {clock.case for clock in told_of(desks, "interim.started")}
    # Nobody asked to block what else the case is about that a blocked one becomes part of.
    assert began == set(names if both else names[:1])
    assert sorted(ended(desks)) == sorted([*names, case_of(third)])
    assert len(told_of(desks, "clock.expired")) == 1


# What was decided is done.


def enforce_clocks(desks: Desks, case: str) -> list[Clock]:
    return [c for c in state_of(desks, case).clocks if c.kind is ClockKind.ENFORCE]


@pytest.mark.parametrize("overturned", [True, False], ids=["overturned", "upheld"])
def test_what_an_appeal_decides_is_not_left_undone_unseen(
    desks: Desks,
    overturned: bool,  # noqa: FBT001
) -> None:
    """The law's 48 hours were met by an answer that was wrong: they do not begin again."""
    filed = desks.complaints.file(own(), now=NOW)
    case, at = case_of(filed), NOW + 30 * DAY
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, nothing_found(Category.INTIMATE_IMAGE), now=NOW)
    assert made is not None
    assert filed.pin is not None
    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin)
    appeal = desks.appeals.file(made.id, by=by, text="It is me.", now=at)
    desks.appeals.claim(appeal.id, LEE, now=at)
    if overturned:
        new, outcome = draft(category=Category.INTIMATE_IMAGE), AppealOutcome.OVERTURNED
    else:
        new, outcome = nothing_found(Category.INTIMATE_IMAGE), AppealOutcome.UPHELD
    desks.appeals.decide(appeal.id, LEE, outcome, new, now=at)
    desks.clockwork.tick(at + 2 * DAY)
    late = [(c.kind, c.due_at) for c in told_of(desks, "clock.breached")]
    assert late == ([(ClockKind.ENFORCE, at + DAY)] if overturned else [])
    waiting = [row.case.id for row in desks.cases.queue(KIM, now=at + 2 * DAY)]
    assert waiting == ([case] if overturned else [])
    if overturned:
        for action in desks.cases.get(case, KIM, now=at).actions:
            desks.cases.action_done(action.id, now=at + 3 * DAY)
        (clock,) = enforce_clocks(desks, case)
        assert clock.met_at == at + 3 * DAY
        assert desks.cases.queue(KIM, now=at + 3 * DAY) == []


def test_what_was_decided_is_done_by_when_it_had_to_be_decided(desks: Desks) -> None:
    case = case_of(desks.complaints.file(about(), now=NOW))
    desks.cases.claim(case, KIM, now=NOW + DAY)
    desks.cases.decide(case, KIM, draft(), now=NOW + DAY)
    (clock,) = enforce_clocks(desks, case)
    assert (clock.starts_at, clock.due_at) == (NOW + DAY, NOW + 8 * DAY)
    assert desks.cases.queue(KIM, now=NOW + DAY) == []
    (action,) = desks.cases.get(case, KIM, now=NOW).actions
    # What failed is not done.
    desks.cases.action_failed(action.id, "no such post", now=NOW + 2 * DAY)
    assert enforce_clocks(desks, case)[0].met_at is None
    desks.cases.action_retried(action.id, now=NOW + 3 * DAY)
    desks.cases.action_done(action.id, now=NOW + 4 * DAY)
    assert enforce_clocks(desks, case)[0].met_at == NOW + 4 * DAY


@pytest.mark.parametrize("undone", [True, False], ids=["undone", "upheld"])
def test_only_what_is_still_to_be_done_can_be_late(desks: Desks, undone: bool) -> None:  # noqa: FBT001
    filed = desks.complaints.file(about(), now=NOW)
    case = case_of(filed)
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, draft(), now=NOW)
    assert made is not None
    if undone:
        desks.cases.undo(made.id, person("park", Role.SENIOR), why="another post", now=NOW)
    else:
        assert filed.pin is not None
        by = ByReporter(ref=filed.complaint.ref, pin=filed.pin)
        appeal = desks.appeals.file(made.id, by=by, text="More of it.", now=NOW)
        desks.appeals.claim(appeal.id, LEE, now=NOW)
        desks.appeals.decide(appeal.id, LEE, AppealOutcome.UPHELD, draft(), now=NOW)
    (clock,) = enforce_clocks(desks, case)
    assert clock.met_at == (NOW if undone else None)


def test_a_decision_that_asks_for_nothing_has_no_such_clock(desks: Desks) -> None:
    case = case_of(desks.complaints.file(about(), now=NOW))
    desks.cases.claim(case, KIM, now=NOW)
    desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    assert enforce_clocks(desks, case) == []


# Who is asked and does not answer.


def decide_clock(desks: Desks, case: str) -> Clock:
    (clock,) = [c for c in state_of(desks, case).clocks if c.kind is ClockKind.DECIDE]
    return clock


def due(desks: Desks, now: datetime) -> list[datetime | None]:
    return [row.next_due_at for row in desks.cases.queue(KIM, now=now)]


@pytest.mark.parametrize("days", [13, 14, 400])
def test_who_does_not_answer_is_waited_for_only_so_long(desks: Desks, days: int) -> None:
    filed = desks.complaints.file(about(), now=NOW)
    case, asked = case_of(filed), NOW + DAY
    desks.cases.ask_reporter(filed.complaint.ref, KIM, text="Which minute?", now=asked)
    at = asked + days * DAY
    for _ in range(2):
        desks.clockwork.tick(at)
    over = days >= 14
    clock = decide_clock(desks, case)
    assert clock.paused_at == (None if over else asked)
    assert due(desks, at) == [NOW + (7 + days) * DAY if over else None]
    followed = desks.complaints.follow(filed.complaint.ref, filed.pin or "", now=at)
    assert followed.complaint.state is (
        ComplaintState.LINKED if over else ComplaintState.NEEDS_INFO
    )
    verbs = [e.verb for e in desks.cases.get(case, KIM, now=at).events]
    assert verbs.count("clock.resumed") == int(over)
    assert desks.told.names().count("complaint.linked") == 1 + int(over)
    with desks.office.engine.connect() as connection:
        about_it = desks.office.audit.latest(
            connection, f"complaint:{filed.complaint.ref}", limit=9
        )
    assert [e.verb for e in about_it if "unanswered" in e.detail] == (
        ["complaint.linked"] if over else []
    )
    # It is not too late to answer.
    desks.complaints.add_info(filed.complaint.ref, filed.pin or "", "The third.", now=at)
    assert desks.office.audit.verify() == []


def test_who_is_asked_again_or_beside_another_has_the_whole_time(engine: Engine) -> None:
    desks = open_desks(engine, rules=Rules(answer_within=2 * DAY))
    filed = [desks.complaints.file(about(), now=NOW) for _ in range(2)]
    first, second = (one.complaint.ref for one in filed)
    case = case_of(filed[0])
    desks.cases.ask_reporter(first, KIM, text="Which minute?", now=NOW)
    desks.cases.ask_reporter(second, KIM, text="Which one?", now=NOW + DAY)
    desks.complaints.add_info(first, filed[0].pin or "", "The third.", now=NOW + DAY)
    desks.cases.ask_reporter(first, KIM, text="Of what?", now=NOW + 2 * DAY)
    paused = []
    for days in (2, 3, 4):
        desks.clockwork.tick(NOW + days * DAY)
        paused.append(decide_clock(desks, case).paused_at is not None)
    assert paused == [True, True, False]
    assert decide_clock(desks, case).due_at == NOW + 11 * DAY


@pytest.mark.parametrize("asked", [0, 1], ids=["who stays", "who leaves"])
def test_nobody_is_waited_for_who_has_a_case_of_their_own(desks: Desks, asked: int) -> None:
    filed = [desks.complaints.file(about(), now=NOW) for _ in range(2)]
    case, refs = case_of(filed[0]), [one.complaint.ref for one in filed]
    desks.cases.ask_reporter(refs[asked], KIM, text="Which minute?", now=NOW)
    desks.cases.split(case, KIM, complaints=[refs[1]], why="another one", now=NOW + DAY)
    assert (decide_clock(desks, case).paused_at is None) == bool(asked)


def asked(
    desks: Desks,
    url: str,
    category: Category = Category.IMPERSONATION,
    *,
    of: bool = True,
    at: datetime = NOW,
) -> Filed:
    """A complaint, whose sender is asked something a day later, or is not."""
    filed = desks.complaints.file(about(category, url=url), now=at)
    if of:
        desks.cases.ask_reporter(filed.complaint.ref, KIM, text="Which one?", now=at + DAY)
    return filed


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "not yet"])
@pytest.mark.parametrize("moves", ["the one that waits", "the other"])
def test_what_stood_still_is_not_late_at_once_in_a_merge(
    desks: Desks, moves: str, *, answered: bool
) -> None:
    """As long as it stood still comes on top; it stands still while anybody is asked."""
    waits = asked(desks, "https://x.example/1")
    later, at = NOW + 9 * DAY, NOW + 10 * DAY
    other = desks.complaints.file(about(url="https://x.example/2"), now=later)
    source, target = case_of(waits), case_of(other)
    if moves == "the other":
        source, target = target, source
    if answered:
        desks.complaints.add_info(waits.complaint.ref, waits.pin or "", "This.", now=at)
    desks.cases.merge(source, KIM, into=target, why="the same", now=at)
    clock = decide_clock(desks, target)
    # Due a week after each came, and nine days later where it stood still: the earlier one.
    assert (clock.due_at, clock.paused_at) == (NOW + 16 * DAY, None if answered else at)
    desks.clockwork.tick(at + DAY)
    assert told_of(desks, "clock.breached") == []
    if not answered:
        desks.complaints.add_info(waits.complaint.ref, waits.pin or "", "This.", now=at + DAY)
        assert decide_clock(desks, target).due_at == NOW + 17 * DAY
    desks.clockwork.tick(NOW + 18 * DAY)
    assert len(told_of(desks, "clock.breached")) == 1


@pytest.mark.parametrize("waits", [True, False], ids=["stood still", "ran"])
@pytest.mark.parametrize("graver", ["source", "target"])
def test_what_is_made_graver_by_a_merge_is_due_later_by_as_long_as_it_stood_still(
    desks: Desks, graver: str, *, waits: bool
) -> None:
    early, late = "https://x.example/1", "https://x.example/2"
    at, began = NOW + 10 * DAY, NOW + 9.5 * DAY
    if graver == "source":
        source = asked(desks, early, Category.FRAUD, of=waits)
        target = asked(desks, late, of=False, at=began)
    else:
        source = asked(desks, late, Category.OTHER, of=False, at=began)
        target = asked(desks, early, Category.FRAUD, of=waits)
    desks.cases.merge(case_of(source), KIM, into=case_of(target), why="the same", now=at)
    due_at = NOW + desks.office.rules.decide_within[Severity.HIGH]
    assert decide_clock(desks, case_of(target)).due_at == due_at + (9 * DAY if waits else 0 * DAY)


@pytest.mark.parametrize("waits", [True, False], ids=["stood still", "ran"])
def test_what_stood_still_is_tightened_and_not_late_by_it(desks: Desks, *, waits: bool) -> None:
    target = asked(desks, "https://x.example/1", of=waits)
    at = NOW + 9.5 * DAY
    source = asked(desks, "https://x.example/2", Category.FRAUD, of=False, at=at)
    desks.cases.merge(case_of(source), KIM, into=case_of(target), why="the same", now=at)
    clock = decide_clock(desks, case_of(target))
    assert clock.due_at == NOW + (11.5 if waits else 3) * DAY


@pytest.mark.parametrize("who", [0, 1], ids=["who stays is asked", "who leaves is asked"])
def test_nobody_can_be_late_with_what_waits_for_an_answer(desks: Desks, who: int) -> None:
    filed = [desks.complaints.file(about(), now=NOW) for _ in range(2)]
    case, refs = case_of(filed[0]), [one.complaint.ref for one in filed]
    desks.cases.ask_reporter(refs[who], KIM, text="Which minute?", now=NOW + DAY)
    at = NOW + 10 * DAY
    own = desks.cases.split(case, KIM, complaints=[refs[1]], why="another one", now=at).id
    waits = own if who else case
    assert decide_clock(desks, waits).paused_at == NOW + DAY
    desks.complaints.add_info(refs[who], filed[who].pin or "", "The third.", now=at)
    assert decide_clock(desks, waits).due_at == NOW + 16 * DAY
