"""A decision about a complaint that a running service took."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from provenance.moderation.vocabulary import AppealOutcome, Role
from provenance.runtime.clock import system_clock
from provenance.runtime.service_database import open_database
from provenance.runtime.settings import load_settings
from tests.factory.moderation import draft, nothing_found, open_desks, person
from tests.factory.service import RunningService

__all__ = ["Decided", "decide", "overturn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What there is once it is decided.

    Attributes:
        id: The decision's name.
        token: The uploader's.
        maker: Who decided; nobody outside learns it.
    """

    id: str
    token: str = field(repr=False)
    maker: str


def decide(service: RunningService, ref: str, pin: str, *, facts: str) -> Decided:
    """Decide against what was complained of, as a member of the staff does."""
    with open_database(load_settings(environ=service.settings)) as register:
        desks, now = (
            open_desks(register.database.engine, random=secrets.token_bytes),
            system_clock(),
        )
        case = desks.complaints.follow(ref, pin, now=now).complaint.case
        assert case is not None
        reviewer = person(f"reviewer-{secrets.token_hex(4)}")
        desks.cases.claim(case, reviewer, now=now)
        made = desks.cases.decide(case, reviewer, draft(facts=facts), now=now)
        assert made is not None
        token = desks.appeals.uploader_token(made.id, case)
        return Decided(id=made.id, token=token, maker=reviewer.id)


def overturn(service: RunningService, appeal: str) -> str:
    """Decide an appeal the other way: the new decision."""
    with open_database(load_settings(environ=service.settings)) as register:
        desks, now = (
            open_desks(register.database.engine, random=secrets.token_bytes),
            system_clock(),
        )
        other = person(f"other-{secrets.token_hex(4)}", Role.SENIOR)
        desks.appeals.claim(appeal, other, now=now)
        done = desks.appeals.decide(
            appeal, other, AppealOutcome.OVERTURNED, nothing_found(), now=now
        )
        assert done.new_decision is not None
        return done.new_decision
