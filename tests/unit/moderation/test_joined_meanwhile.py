"""What joins a case between a look and a decision is decided by nobody who did not see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from provenance.errors import ConflictError
from provenance.moderation.appeals import ByReporter
from provenance.moderation.model import Decision, Locator
from provenance.moderation.tables import cases, proposals
from provenance.moderation.views import Filed, NewComplaint
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Outcome,
    ReporterRole,
    Role,
    Severity,
)
from tests.factory.moderation import ADDRESS, CONTACT, NOW, Desks, about, draft, person
from tests.unit.moderation.test_complaints import case_of

KIM, LEE, PARK = (
    person("kim"),
    person("lee"),
    person("park", Role.SENIOR),
)
VICTIM = Locator(url="https://innocent.example/")
SOON = NOW + timedelta(minutes=5)


def claimed(desks: Desks) -> tuple[str, Filed]:
    filed = desks.complaints.file(about(sha="a", url=None), now=NOW)
    desks.cases.claim(case_of(filed), KIM, now=NOW)
    return case_of(filed), filed


def about_more(*, more: bool = True, category: Category = Category.IMPERSONATION) -> NewComplaint:
    """A complaint about the same file, and about an address that nobody named so far."""
    own = category is Category.INTIMATE_IMAGE
    new = about(
        category,
        sha="a",
        url=None,
        role=ReporterRole.DEPICTED_PERSON if own else ReporterRole.ANYONE,
        contact=CONTACT if own else None,
        good_faith=own,
    )
    return replace(new, locators=(*new.locators, VICTIM)) if more else new


def places(desks: Desks, case: str) -> set[str | None]:
    return {one.url for one in desks.cases.get(case, PARK, now=SOON).case.subjects}


# Between a proposal and whoever agrees.


def agreed(
    desks: Desks, new: NewComplaint, *, agree: bool = True
) -> tuple[str, Filed, Decision | None]:
    """The case, the complaint that joined it while it waited, and what was decided."""
    case, _ = claimed(desks)
    made = draft(ActionType.TERMINATE_ACCOUNT)
    assert desks.cases.decide(case, KIM, made, now=NOW) is None
    late = desks.complaints.file(new, now=SOON)
    assert case_of(late) == case
    return case, late, desks.cases.second(case, PARK, agree=agree, why="no", now=SOON)


@pytest.mark.parametrize("more", [True, False])
def test_who_agrees_agrees_to_what_was_proposed(
    desks: Desks,
    more: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """An account is not ended for an address that joined while the case waited."""
    case, late, made = agreed(desks, about_more(more=more))
    assert made is not None
    page = desks.cases.get(case, KIM, now=SOON)
    assert [action.subject for action in page.actions] == list(made.subjects)
    assert places(desks, case) == {None}
    followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON)
    if not more:
        assert followed.complaint.state is ComplaintState.ANSWERED
        assert followed.decision == made
        assert page.case.complaints == 2
        return
    # It waits by itself, as if it had come a moment later.
    own = followed.complaint.case or ""
    assert own != case
    assert followed.complaint.state is ComplaintState.LINKED
    assert (followed.decision, followed.may_appeal_until) == (None, None)
    assert followed.due_at is not None
    assert places(desks, own) == {None, VICTIM.url}
    found = desks.cases.get(own, LEE, now=SOON)
    assert (found.case.state, found.case.complaints) == (CaseState.OPEN, 1)
    assert page.case.complaints == 1
    told = [event for event in desks.told.events if event[0] == "decision"]
    assert [one.url for one in told[0][2].subjects] == [None]  # type: ignore[attr-defined]
    desks.cases.claim(own, LEE, now=SOON)
    answer = desks.cases.decide(own, LEE, draft(), now=SOON)
    assert answer is not None
    assert len(answer.subjects) == 2
    assert desks.office.audit.verify() == []


def test_who_does_not_agree_gives_all_of_it_back(desks: Desks) -> None:
    case, late, _ = agreed(desks, about_more(), agree=False)
    assert (
        desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON).complaint.case == case
    )
    assert places(desks, case) == {None, VICTIM.url}


@pytest.mark.parametrize("more", [True, False])
def test_the_law_s_time_goes_with_what_is_undecided(
    desks: Desks,
    more: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    case, late, made = agreed(desks, about_more(more=more, category=Category.INTIMATE_IMAGE))
    assert made is not None
    for action in desks.cases.get(case, KIM, now=SOON).actions:
        desks.cases.action_done(action.id, now=SOON)
    followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON)
    own = desks.cases.get(followed.complaint.case or "", PARK, now=SOON).case
    [clock] = [one for one in own.clocks if one.kind is ClockKind.INTIMATE_48H]
    assert clock.due_at == SOON + timedelta(hours=48)
    assert (clock.met_at is None) is more


@pytest.mark.parametrize("first", [True, False], ids=["named first", "named second"])
@pytest.mark.parametrize("sent", [NOW, SOON + timedelta(minutes=1)], ids=["before", "after"])
def test_what_was_sent_before_and_written_after_is_not_lost(
    desks: Desks,
    sent: datetime,
    first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A request waits for its turn to write; another is proposed meanwhile."""
    case, _ = claimed(desks)
    assert desks.cases.decide(case, KIM, draft(ActionType.TERMINATE_ACCOUNT), now=SOON) is None
    new = about_more()
    late = desks.complaints.file(
        replace(new, locators=new.locators[::-1]) if first else new, now=sent
    )
    assert case_of(late) == case
    at = SOON + timedelta(minutes=2)
    assert desks.cases.second(case, PARK, agree=True, now=at) is not None
    followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=at)
    assert followed.decision is None
    own = followed.complaint.case or ""
    assert (own != case, places(desks, own)) == (True, {None, VICTIM.url})
    assert places(desks, case) == {None}


@pytest.mark.parametrize("known", [True, False], ids=["written down", "proposed before that was"])
@pytest.mark.parametrize("graver", [True, False])
def test_it_is_decided_as_what_it_was_proposed_as(
    desks: Desks, *, graver: bool, known: bool
) -> None:
    """Whoever joins makes a case a graver one, of another kind; they leave with that."""
    case, _ = claimed(desks)
    desks.cases.decide(case, KIM, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    if not known:
        with desks.office.engine.begin() as connection:
            (old,) = connection.execute(select(proposals.c.draft)).scalars()
            kept = {name: value for name, value in old.items() if name != "graded"}
            connection.execute(update(proposals).values(draft=kept))
    category = Category.FRAUD if graver else Category.IMPERSONATION
    late = desks.complaints.file(about_more(category=category), now=SOON)
    joined = desks.cases.get(case, PARK, now=SOON).case
    assert joined.category is category
    desks.cases.second(case, PARK, agree=True, now=SOON)
    page = desks.cases.get(case, PARK, now=SOON)
    was = (Category.IMPERSONATION, Severity.MEDIUM)
    raised = (Category.FRAUD, Severity.HIGH) if graver else was
    assert (page.case.category, page.case.severity) == (was if known else raised)
    graded = [event.verb for event in page.events].count("case.graded")
    assert graded == int(known and graver)
    followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON)
    parted = desks.cases.get(followed.complaint.case or "", PARK, now=SOON).case
    assert (parted.category, parted.severity) == raised


def muted_sender(desks: Desks) -> None:
    """Whoever sends from this address is heard, and hurries nobody, for a month."""
    spam = desks.complaints.file(about(url="https://x.example/spam"), now=NOW, address=ADDRESS)
    desks.cases.reject_abusive(spam.complaint.ref, PARK, why="spam", mute_days=30, now=NOW)


@pytest.mark.parametrize("how", ["second", "split"])
@pytest.mark.parametrize("muted", [True, False])
@pytest.mark.parametrize("beside", [True, False], ids=["beside another", "alone"])
def test_who_is_muted_hurries_nobody_in_a_case_of_their_own(
    desks: Desks, how: str, *, muted: bool, beside: bool
) -> None:
    muted_sender(desks)
    case, _ = claimed(desks)
    if how == "second":
        desks.cases.decide(case, KIM, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    new = about_more(category=Category.FRAUD)
    late = desks.complaints.file(new, now=SOON, address=ADDRESS if muted else None)
    assert late.complaint.muted is muted
    refs = [late.complaint.ref]
    if beside:
        refs.append(desks.complaints.file(about_more(), now=SOON).complaint.ref)
    if how == "second":
        desks.cases.second(case, PARK, agree=True, now=SOON)
    else:
        desks.cases.split(case, KIM, complaints=refs, why="another", now=SOON)
    followed = desks.complaints.follow(refs[0], late.pin or "", now=SOON)
    own = desks.cases.get(followed.complaint.case or "", PARK, now=SOON).case
    heard = Severity.MEDIUM if beside else Severity.LOW
    kind = Category.IMPERSONATION if muted and beside else Category.FRAUD
    severity = heard if muted else Severity.HIGH
    assert (own.severity, own.category, own.muted) == (severity, kind, int(muted))
    (clock,) = [one for one in own.clocks if one.kind is ClockKind.DECIDE]
    assert clock.due_at == SOON + desks.office.rules.decide_within[severity]


@pytest.mark.parametrize("category", [Category.CHILD_SAFETY, Category.FRAUD])
def test_nobody_is_muted_where_suspected_abuse_is_looked_at(
    desks: Desks, category: Category
) -> None:
    muted_sender(desks)
    case = case_of(desks.complaints.file(about(sha="a", url=None), now=NOW))
    late = desks.complaints.file(about_more(), now=NOW, address=ADDRESS).complaint
    desks.cases.triage(case, PARK, severity=Severity.HIGH, category=category, now=NOW)
    own = desks.cases.split(case, PARK, complaints=[late.ref], why="another", now=NOW)
    restricted = category is Category.CHILD_SAFETY
    assert (late.muted, own.severity) == (True, Severity.MEDIUM if restricted else Severity.LOW)


BLOCK = ClockKind.TEMPORARY_BLOCK


@pytest.mark.parametrize("covered", [True, False], ids=["joined before it", "joined after it"])
@pytest.mark.parametrize("sent", [NOW, SOON], ids=["sent before it", "sent with it"])
def test_a_block_goes_with_what_it_was_asked_for(
    desks: Desks,
    sent: datetime,
    covered: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Whoever blocks was told what is blocked: that, and nothing that came later."""
    filed = desks.complaints.file(about(Category.PRIVACY, sha="a", url=None), now=NOW)
    case = case_of(filed)
    desks.cases.claim(case, KIM, now=NOW)
    made = draft(ActionType.TERMINATE_ACCOUNT, category=Category.PRIVACY)
    desks.cases.decide(case, KIM, made, now=NOW)
    new = about_more(category=Category.PRIVACY)
    if covered:
        late = desks.complaints.file(new, now=sent)
        desks.cases.interim_restrict(case, KIM, why="an address", now=SOON)
    else:
        desks.cases.interim_restrict(case, KIM, why="an address", now=SOON)
        late = desks.complaints.file(new, now=sent)
    desks.cases.second(case, PARK, agree=True, now=SOON)
    followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON)
    own = desks.cases.get(followed.complaint.case or "", PARK, now=SOON).case
    assert own.id != case
    blocks = [(one.due_at, one.met_at) for one in own.clocks if one.kind is BLOCK]
    assert blocks == ([(SOON + timedelta(days=30), None)] if covered else [])
    desks.clockwork.tick(SOON + timedelta(days=31))
    told = {
        name: [event[1].case for event in desks.told.events if event[0] == name]  # type: ignore[attr-defined]
        for name in ("interim.started", "interim.ended")
    }
    both = [case, own.id] if covered else [case]
    assert told == {"interim.started": both, "interim.ended": both}


def test_nothing_is_blocked_because_it_came_beside_what_was(desks: Desks) -> None:
    """Of two that joined a block was asked for one alone: each waits by itself."""
    case, _ = claimed(desks)
    desks.cases.decide(case, KIM, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    first = desks.complaints.file(about_more(), now=SOON)
    with desks.office.engine.begin() as connection:
        connection.execute(update(cases).values(category=Category.PRIVACY))
    desks.cases.interim_restrict(case, KIM, why="an address", now=SOON)
    other = Locator(url="https://another.example/")
    new = replace(about_more(), locators=(*about_more(more=False).locators, other))
    second = desks.complaints.file(new, now=SOON)
    desks.cases.second(case, PARK, agree=True, now=SOON)
    blocked = {}
    for late, place in ((first, VICTIM), (second, other)):
        followed = desks.complaints.follow(late.complaint.ref, late.pin or "", now=SOON)
        own = followed.complaint.case or ""
        assert places(desks, own) == {None, place.url}
        clocks = desks.cases.get(own, PARK, now=SOON).case.clocks
        blocked[own] = BLOCK in {clock.kind for clock in clocks}
    assert list(blocked.values()) == [True, False]
    assert desks.cases.get(case, PARK, now=SOON).case.complaints == 1
    assert desks.office.audit.verify() == []


def test_whoever_took_it_back_leaves_nothing_to_decide(desks: Desks) -> None:
    case, _ = claimed(desks)
    desks.cases.decide(case, KIM, draft(ActionType.TERMINATE_ACCOUNT), now=NOW)
    late = desks.complaints.file(about_more(), now=SOON)
    desks.complaints.withdraw(late.complaint.ref, late.pin or "", now=SOON)
    made = desks.cases.second(case, PARK, agree=True, now=SOON)
    assert made is not None
    assert len(made.subjects) == 1
    assert places(desks, case) == {None}


# Between the page and whoever decides.


@pytest.mark.parametrize("joined", [True, False])
def test_what_was_not_shown_is_not_decided(
    desks: Desks,
    joined: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    case, _ = claimed(desks)
    shown = [one.id for one in desks.cases.get(case, KIM, now=NOW).case.subjects]
    late = desks.complaints.file(about_more(more=joined), now=NOW)
    assert case_of(late) == case
    made = replace(draft(), seen=tuple(shown))
    if joined:
        with pytest.raises(ConflictError, match="changed since it was shown; look again"):
            desks.cases.decide(case, KIM, made, now=NOW)
        found = desks.cases.get(case, KIM, now=NOW).case
        assert found.state is CaseState.ASSIGNED
        made = replace(made, seen=tuple(one.id for one in found.subjects))
    decision = desks.cases.decide(case, KIM, made, now=NOW)
    assert decision is not None
    assert len(decision.subjects) == (2 if joined else 1)


def test_what_upholds_a_decision_is_about_as_much(desks: Desks) -> None:
    """Not about what it chose to leave alone."""
    filed = desks.complaints.file(about_more(), now=NOW)
    case = case_of(filed)
    desks.cases.claim(case, KIM, now=NOW)
    chosen = desks.cases.get(case, KIM, now=NOW).case.subjects[0].id
    first = desks.cases.decide(case, KIM, draft(subjects=(chosen,)), now=NOW)
    assert first is not None
    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin or "")
    appeal = desks.appeals.file(first.id, by=by, text="No.", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    made = draft()
    assert made.outcome is Outcome.VIOLATION
    done = desks.appeals.decide(appeal.id, LEE, AppealOutcome.UPHELD, made, now=NOW)
    line = desks.cases.get(case, KIM, now=NOW).decisions
    assert [(one.id, one.subjects) for one in line] == [
        (first.id, (chosen,)),
        (done.new_decision, (chosen,)),
    ]
