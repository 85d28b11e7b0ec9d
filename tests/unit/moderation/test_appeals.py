"""Appeals: everybody is heard once, by somebody else, in the time that they were promised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.clocks import APPEAL_WINDOW, running
from provenance.moderation.model import Decision
from provenance.moderation.public_decisions import PublicDecisions
from provenance.moderation.rows import decision_named
from provenance.moderation.tables import complaints
from provenance.moderation.views import DecisionDraft, Filed
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    AppealState,
    ClockKind,
    ComplaintState,
    Role,
)
from provenance.service.mod_case_rows import complaint_row
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import DEFAULT
from tests.factory.moderation import (
    NOW,
    Desks,
    about,
    draft,
    nothing_found,
    open_desks,
    person,
)
from tests.unit.moderation.test_complaints import case_of

LATER = NOW + timedelta(days=60)
KIM, LEE, PARK = person("kim"), person("lee"), person("park", Role.SENIOR)
CHOI = person("choi", Role.SENIOR)


@dataclass
class Decided:
    """A case of several complaints that was decided."""

    case: str
    made: Decision
    filed: list[Filed]

    def by(self, number: int = 0) -> ByReporter:
        one = self.filed[number]
        return ByReporter(ref=one.complaint.ref, pin=one.pin or "")


def decided(desks: Desks, made: DecisionDraft, *, people: int = 1) -> Decided:
    filed = [
        desks.complaints.file(about(sha="a picture", url=None), now=NOW) for _ in range(people)
    ]
    case = case_of(filed[0])
    desks.cases.claim(case, KIM, now=NOW)
    decision = desks.cases.decide(case, KIM, made, now=NOW)
    assert decision is not None
    for action in desks.cases.get(case, KIM, now=NOW).actions:
        desks.cases.action_done(action.id, now=NOW)
    return Decided(case, decision, filed)


def uploader(desks: Desks, found: Decided) -> ByUploader:
    return ByUploader(token=desks.appeals.uploader_token(found.made.id, found.case))


# A complaint whose appeal waits.


@pytest.mark.parametrize("waits", [True, False])
def test_a_complaint_is_not_rejected_while_an_appeal_of_it_waits(
    desks: Desks,
    waits: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Or nobody could answer any appeal of the case, reopen it or take the decision back."""
    found = decided(desks, draft())
    appeal = desks.appeals.file(found.made.id, by=found.by(), text="No.", now=NOW)
    theirs = desks.appeals.file(found.made.id, by=uploader(desks, found), text="Mine.", now=NOW)
    ref = found.by().ref
    if waits:
        with pytest.raises(ConflictError, match="an appeal waits; it is to be decided first"):
            desks.cases.reject_abusive(ref, PARK, why="a troll", mute_days=9, now=NOW)
    else:
        desks.appeals.withdraw(appeal.id, found.by(), now=NOW)
        desks.cases.reject_abusive(ref, PARK, why="a troll", now=NOW)
    desks.appeals.claim(theirs.id, LEE, now=NOW)
    overturned = AppealOutcome.OVERTURNED
    done = desks.appeals.decide(theirs.id, LEE, overturned, nothing_found(), now=NOW)
    assert done.state is AppealState.DECIDED
    state = desks.complaints.follow(ref, found.by().pin, now=NOW).complaint.state
    assert state is (ComplaintState.ANSWERED if waits else ComplaintState.REJECTED_ABUSIVE)


@pytest.mark.parametrize("outcome", [AppealOutcome.UPHELD, AppealOutcome.OVERTURNED])
@pytest.mark.parametrize("state", [ComplaintState.REJECTED_ABUSIVE, ComplaintState.CONTESTED])
def test_appeals_are_answered_whatever_became_of_a_complaint(
    desks: Desks, state: ComplaintState, outcome: AppealOutcome
) -> None:
    """Earlier versions let a complaint be rejected while its appeal waited: those cases go on."""
    found = decided(desks, draft())
    appeal = desks.appeals.file(found.made.id, by=found.by(), text="No.", now=NOW)
    with desks.office.engine.begin() as connection:
        connection.execute(update(complaints).values(state=state))
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    made = draft() if outcome is AppealOutcome.UPHELD else nothing_found()
    done = desks.appeals.decide(appeal.id, LEE, outcome, made, now=NOW)
    assert done.state is AppealState.DECIDED
    followed = desks.complaints.follow(found.by().ref, found.by().pin, now=NOW)
    rejected = state is ComplaintState.REJECTED_ABUSIVE
    assert followed.complaint.state is (state if rejected else ComplaintState.ANSWERED)


@pytest.mark.parametrize("state", [ComplaintState.CONTESTED, ComplaintState.ANSWERED])
def test_the_page_offers_no_rejection_that_is_refused(desks: Desks, state: ComplaintState) -> None:
    complaint = replace(desks.complaints.file(about(), now=NOW).complaint, state=state)
    row = complaint_row(complaint, False, None, wording_in(DEFAULT))  # noqa: FBT003
    assert row.rejectable is (state is ComplaintState.ANSWERED)


# Somebody else's appeal.


def answered(
    desks: Desks, found: Decided, outcome: AppealOutcome, made: DecisionDraft, *, by: ByReporter
) -> str:
    """The decision that answered an appeal by this reporter."""
    appeal = desks.appeals.file(found.made.id, by=by, text="No.", now=LATER)
    desks.appeals.claim(appeal.id, LEE, now=LATER)
    done = desks.appeals.decide(appeal.id, LEE, outcome, made, now=LATER)
    assert done.new_decision is not None
    return done.new_decision


@pytest.mark.parametrize("outcome", [AppealOutcome.UPHELD, AppealOutcome.OVERTURNED])
def test_nobodys_time_to_appeal_ends_because_somebody_else_appealed(
    desks: Desks, outcome: AppealOutcome
) -> None:
    found = decided(desks, draft(), people=2)
    first, other = found.by(0), found.by(1)
    promised = desks.complaints.follow(other.ref, other.pin, now=NOW).may_appeal_until
    assert promised == NOW + APPEAL_WINDOW
    upheld = outcome is AppealOutcome.UPHELD
    new = answered(desks, found, outcome, draft() if upheld else nothing_found(), by=first)
    until = desks.complaints.follow(other.ref, other.pin, now=LATER).may_appeal_until
    assert until == (promised if upheld else LATER + APPEAL_WINDOW)
    # Who was heard was heard.
    assert desks.complaints.follow(first.ref, first.pin, now=LATER).may_appeal_until is None
    with pytest.raises(ConflictError, match="final"):
        desks.appeals.file(new, by=first, text="Once more.", now=LATER)
    last = promised - timedelta(seconds=1)
    appeal = desks.appeals.file(new, by=other, text="Now me.", now=last)
    with pytest.raises(PermissionRefusedError, match="earlier decision"):
        desks.appeals.claim(appeal.id, LEE, now=last)
    desks.appeals.claim(appeal.id, PARK, now=last)
    again = draft() if upheld else nothing_found()
    done = desks.appeals.decide(appeal.id, PARK, AppealOutcome.UPHELD, again, now=last)
    with pytest.raises(ConflictError, match="final"):
        desks.appeals.file(done.new_decision or "", by=other, text="Once more.", now=last)


@pytest.mark.parametrize("outcome", [AppealOutcome.UPHELD, AppealOutcome.OVERTURNED])
def test_what_was_told_of_a_decision_appeals_the_one_that_upheld_it(
    desks: Desks, outcome: AppealOutcome
) -> None:
    """Nobody but whoever appealed is told of one that upholds; of another one they are."""
    found = decided(desks, draft(), people=2)
    upheld = outcome is AppealOutcome.UPHELD
    new = answered(
        desks, found, outcome, draft() if upheld else draft(ActionType.LABEL), by=found.by(0)
    )
    page = PublicDecisions(desks.office.engine).get(found.made.id, now=LATER)
    assert (page.may_appeal_until is not None) is upheld
    last = NOW + APPEAL_WINDOW - timedelta(seconds=1)
    for by in (uploader(desks, found), found.by(1)):
        if not upheld:
            with pytest.raises((ConflictError, NotFoundError)):
                desks.appeals.file(found.made.id, by=by, text="No.", now=last)
            continue
        assert desks.appeals.file(found.made.id, by=by, text="No.", now=last).decision == new
    if not upheld:
        token = desks.appeals.uploader_token(new, found.case)
        filed = desks.appeals.file(new, by=ByUploader(token=token), text="No.", now=last)
        assert filed.decision == new


@pytest.mark.parametrize("outcome", [AppealOutcome.UPHELD, AppealOutcome.OVERTURNED])
def test_who_let_their_time_pass_has_more_only_where_it_is_decided_otherwise(
    desks: Desks, outcome: AppealOutcome
) -> None:
    found = decided(desks, draft(), people=2)
    first, other = found.by(0), found.by(1)
    appeal = desks.appeals.file(found.made.id, by=first, text="No.", now=LATER)
    late = NOW + APPEAL_WINDOW
    desks.clockwork.tick(late)
    desks.appeals.claim(appeal.id, LEE, now=late)
    upheld = outcome is AppealOutcome.UPHELD
    made = draft() if upheld else nothing_found()
    desks.appeals.decide(appeal.id, LEE, outcome, made, now=late)
    until = desks.complaints.follow(other.ref, other.pin, now=late).may_appeal_until
    assert until == (None if upheld else late + APPEAL_WINDOW)


# A decision of several cases.


@pytest.mark.parametrize("cases", [1, 2])
@pytest.mark.parametrize("names", [True, False], ids=["named", "all"])
@pytest.mark.parametrize("second", [True, False], ids=["second", "alone"])
def test_a_decision_is_upheld_in_one_of_its_cases(
    engine: Engine, *, cases: int, names: bool, second: bool
) -> None:
    """It is about what the others are about, too; the appeal is about this one alone."""
    released: set[str] = set()
    desks = open_desks(engine, released=released.__contains__)
    filed = [desks.complaints.file(about(sha=f"{n}", url=None), now=NOW) for n in range(cases)]
    preview = desks.cases.bulk_preview([case_of(one) for one in filed], draft(), PARK, now=NOW)
    made = desks.cases.bulk_decide(preview.token or "", PARK, now=NOW)
    case = desks.cases.get(case_of(filed[0]), PARK, now=NOW).case
    by = ByReporter(ref=filed[0].complaint.ref, pin=filed[0].pin or "")
    appeal = desks.appeals.file(made.id, by=by, text="No.", now=NOW).id
    (subject,) = case.subjects
    if second:
        # An agency says since that it has released these bytes.
        released.add(subject.sha256 or "")
    desks.appeals.claim(appeal, KIM, now=NOW)
    chosen = draft(subjects=[subject.id] if names else [])
    done = desks.appeals.decide(appeal, KIM, AppealOutcome.UPHELD, chosen, now=NOW)
    if second:
        assert done.state is AppealState.AWAITING_SECOND
        done = desks.appeals.second(appeal, CHOI, agree=True, now=NOW)
    assert done.state is AppealState.DECIDED
    with desks.office.engine.connect() as connection:
        upholds = decision_named(connection, done.new_decision or "", case.id)
    assert upholds.subjects == (subject.id,)


def test_twin_a_choice_of_less_than_was_decided_upholds_nothing(desks: Desks) -> None:
    first = desks.complaints.file(about(url="https://x.example/1"), now=NOW)
    other = desks.complaints.file(about(url="https://x.example/2"), now=NOW)
    into = case_of(first)
    desks.cases.merge(case_of(other), PARK, into=into, why="the same", now=NOW)
    desks.cases.claim(into, KIM, now=NOW)
    made = desks.cases.decide(into, KIM, draft(), now=NOW)
    assert made is not None
    by = ByReporter(ref=first.complaint.ref, pin=first.pin or "")
    appeal = desks.appeals.file(made.id, by=by, text="No.", now=NOW).id
    desks.appeals.claim(appeal, LEE, now=NOW)
    less = draft(subjects=made.subjects[:1])
    with pytest.raises(ConflictError, match="decides something else than before"):
        desks.appeals.decide(appeal, LEE, AppealOutcome.UPHELD, less, now=NOW)


# Who complains after it was decided.


@pytest.mark.parametrize("days", [100, 200])
@pytest.mark.parametrize("upheld", [False, True])
def test_who_is_answered_by_a_decision_that_stands_has_as_long_as_they_are_told(
    desks: Desks,
    days: int,
    upheld: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Also where the time of those before is over, or what stands answered an appeal."""
    found = decided(desks, draft())
    holds = found.made.id
    if upheld:
        holds = answered(desks, found, AppealOutcome.UPHELD, draft(), by=found.by())
    late = NOW + timedelta(days=days)
    desks.clockwork.tick(late)
    filed = desks.complaints.file(about(sha="a picture", url=None), now=late)
    assert filed.complaint.decision == holds
    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin or "")
    until = desks.complaints.follow(by.ref, by.pin, now=late).may_appeal_until
    assert until == late + APPEAL_WINDOW
    with desks.office.engine.connect() as connection:
        assert len(running(connection, found.case, {ClockKind.APPEAL_WINDOW})) == 1
    last = until - timedelta(seconds=1)
    desks.clockwork.tick(last)
    assert desks.appeals.file(holds, by=by, text="No.", now=last).decision == holds


# Taken back.


@pytest.mark.parametrize("ours", [True, False])
def test_whoever_uploaded_takes_back_what_they_appealed_with_the_first_link(
    desks: Desks,
    ours: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    found = decided(desks, draft(), people=2)
    answered(desks, found, AppealOutcome.UPHELD, draft(), by=found.by(0))
    by, other = uploader(desks, found), found.by(1)
    appeal = desks.appeals.file(found.made.id, by=by, text="Mine.", now=LATER)
    if not ours:
        for stranger in (other, ByUploader(token=by.token[:-4] + "AAAA")):
            with pytest.raises(NotFoundError):
                desks.appeals.withdraw(appeal.id, stranger, now=LATER)
        return
    assert desks.appeals.withdraw(appeal.id, by, now=LATER).state is AppealState.WITHDRAWN
    assert desks.told.names()[-1] == "appeal.withdrawn"
    # What was taken back was not heard.
    assert desks.appeals.file(found.made.id, by=by, text="Mine.", now=LATER).complaint is None
