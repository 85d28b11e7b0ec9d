"""What everybody may read of a decision, and what of it nobody may."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from provenance.errors import NotFoundError
from provenance.moderation.appeals import ByUploader
from provenance.moderation.public_decisions import PublicDecisions
from provenance.moderation.vocabulary import ActionType, AppealOutcome, Category, Outcome, Role
from tests.factory.moderation import (
    CONTACT,
    NOW,
    Desks,
    about,
    draft,
    nothing_found,
    open_desks,
    person,
)


def decided(desks: Desks) -> tuple[str, str]:
    """The decision against what somebody complained of, and the case."""
    filed = desks.complaints.file(about(contact=CONTACT), now=NOW)
    case = filed.complaint.case
    assert case is not None
    desks.cases.claim(case, person("kim"), now=NOW)
    made = desks.cases.decide(case, person("kim"), draft(), now=NOW)
    assert made is not None
    return made.id, case


def test_it_says_what_and_why_and_names_nobody(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    name, _ = decided(desks)
    told = PublicDecisions(either_engine).get(name, now=NOW)
    assert told.outcome is Outcome.VIOLATION
    assert told.actions == (ActionType.REMOVE,)
    assert told.newer == ()
    assert told.may_appeal_until == NOW + timedelta(days=184)
    whole = str(asdict(told))
    for secret in ("kim", CONTACT.name, CONTACT.email, CONTACT.signature, "videos.example"):
        assert str(secret) not in whole
    late = PublicDecisions(either_engine).get(name, now=NOW + timedelta(days=185))
    assert late.may_appeal_until is None


def test_a_newer_decision_is_named_and_is_final(either_engine: Engine) -> None:
    desks = open_desks(either_engine)
    name, case = decided(desks)
    token = desks.appeals.uploader_token(name, case)
    appeal = desks.appeals.file(name, by=ByUploader(token=token), text="No.", now=NOW)
    lee = person("lee", Role.SENIOR)
    desks.appeals.claim(appeal.id, lee, now=NOW)
    done = desks.appeals.decide(appeal.id, lee, AppealOutcome.OVERTURNED, nothing_found(), now=NOW)
    reader = PublicDecisions(either_engine)
    assert reader.get(name, now=NOW).newer == (done.new_decision,)
    assert done.new_decision is not None
    assert reader.get(done.new_decision, now=NOW).newer == ()


def test_there_is_none_of_suspected_abuse_of_a_minor_nor_of_another_name(
    either_engine: Engine,
) -> None:
    desks = open_desks(either_engine)
    filed = desks.complaints.file(about(Category.CHILD_SAFETY), now=NOW)
    case = filed.complaint.case
    assert case is not None
    senior, legal = person("kim", Role.SENIOR), person("lee", Role.LEGAL)
    desks.cases.claim(case, senior, now=NOW)
    made = desks.cases.decide(
        case, senior, draft(ActionType.REFER_AUTHORITY, category=Category.CHILD_SAFETY), now=NOW
    )
    if made is None:
        made = desks.cases.second(case, legal, agree=True, now=NOW)
    assert made is not None
    reader = PublicDecisions(either_engine)
    for name in (made.id, "none", "'; DROP TABLE x"):
        with pytest.raises(NotFoundError, match="none of this name"):
            reader.get(name, now=NOW)
