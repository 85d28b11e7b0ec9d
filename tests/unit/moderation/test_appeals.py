"""Appeals: everybody is heard once, by somebody else, in the time that they were promised."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import update

from provenance.errors import ConflictError
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.model import Decision
from provenance.moderation.tables import complaints
from provenance.moderation.views import DecisionDraft, Filed
from provenance.moderation.vocabulary import AppealOutcome, AppealState, ComplaintState, Role
from provenance.service.mod_case_rows import complaint_row
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import DEFAULT
from tests.factory.moderation import NOW, Desks, about, draft, nothing_found, person
from tests.unit.moderation.test_complaints import case_of

KIM, LEE, PARK = person("kim"), person("lee"), person("park", Role.SENIOR)


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
