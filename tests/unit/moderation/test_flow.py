"""One complaint from the form to the end, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.rows import actions_of
from provenance.moderation.vocabulary import (
    ActionState,
    AppealOutcome,
    AppealState,
    CaseState,
    ComplaintState,
    Role,
)
from tests.factory.moderation import NOW, about, draft, nothing_found, open_desks, person


def test_from_complaint_to_appeal_and_back(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    kim, lee, park = person("kim"), person("lee"), person("park", Role.SENIOR)
    filed = desks.complaints.file(about(), now=NOW, address="203.0.113.7")
    assert filed.complaint.state is ComplaintState.LINKED
    assert filed.due_at == NOW + timedelta(days=7)
    case = filed.complaint.case
    assert case is not None
    assert filed.pin is not None
    [row] = desks.cases.queue(kim, now=NOW)
    assert (row.case.id, row.claimable) == (case, True)
    desks.cases.claim(case, kim, now=NOW)
    with pytest.raises(ConflictError, match="somebody else has it"):
        desks.cases.claim(case, lee, now=NOW)
    made = desks.cases.decide(case, kim, nothing_found(), now=NOW)
    assert made is not None
    assert desks.cases.get(case, kim, now=NOW).case.state is CaseState.CLOSED
    followed = desks.complaints.follow(filed.complaint.ref, filed.pin, now=NOW)
    assert followed.decision == made
    assert followed.complaint.state is ComplaintState.ANSWERED
    assert followed.may_appeal_until == NOW + timedelta(days=184)

    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin)
    appeal = desks.appeals.file(made.id, by=by, text="But it does.", now=NOW)
    with pytest.raises(PermissionRefusedError, match="made or seconded"):
        desks.appeals.claim(appeal.id, kim, now=NOW)
    desks.appeals.claim(appeal.id, lee, now=NOW)
    done = desks.appeals.decide(appeal.id, lee, AppealOutcome.OVERTURNED, draft(), now=NOW)
    assert done.state is AppealState.DECIDED
    page = desks.cases.get(case, kim, now=NOW)
    assert page.case.state is CaseState.ENFORCING
    assert [d.supersedes for d in page.decisions] == [None, made.id]
    final = done.new_decision
    assert final is not None
    with pytest.raises(ConflictError, match="final"):
        desks.appeals.file(final, by=by, text="Once more.", now=NOW)

    token = desks.appeals.uploader_token(final, case)
    second = desks.appeals.file(final, by=ByUploader(token=token), text="It is mine.", now=NOW)
    for one in (kim, lee):
        with pytest.raises(PermissionRefusedError):
            desks.appeals.claim(second.id, one, now=NOW)
    [action] = page.actions
    desks.cases.action_done(action.id, now=NOW)
    assert desks.cases.get(case, kim, now=NOW).case.state is CaseState.CLOSED
    desks.appeals.claim(second.id, park, now=NOW)
    desks.appeals.decide(second.id, park, AppealOutcome.OVERTURNED, nothing_found(), now=NOW)
    with either_engine.connect() as connection:
        assert [a.state for a in actions_of(connection, None, case)] == [ActionState.REVERSED]
    assert desks.told.names().count("reversal") == 2
    assert desks.office.audit.verify() == []
    with pytest.raises(NotFoundError):
        desks.complaints.follow(filed.complaint.ref, "00000000", now=NOW)
