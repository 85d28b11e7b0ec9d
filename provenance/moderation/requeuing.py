"""Cases wait again: nobody works on them any more, or they are looked at once more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from provenance.moderation.audit import SYSTEM
from provenance.moderation.clocks import running, start
from provenance.moderation.moves import move_case, move_complaints
from provenance.moderation.office import Office
from provenance.moderation.rows import held_case
from provenance.moderation.vocabulary import CaseState, ClockKind, ComplaintState, Severity

__all__ = ["end_lock", "give_back", "requeue"]


def end_lock(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """A case that nobody works on any more goes back to where it waited."""
    give_back(connection, office, case, actor=SYSTEM, verb="case.lock-ended", now=now)


def give_back(
    connection: Connection, office: Office, case: str, *, actor: str, verb: str, now: datetime
) -> None:
    """A claim ends undecided: the case waits in the queue, or for whom it was escalated to.

    That holds until it is decided, however often it is claimed and given back before.
    """
    escalated = held_case(connection, case).escalated_to is not None
    move_case(
        connection,
        office.audit,
        case,
        CaseState.ESCALATED if escalated else CaseState.QUEUED,
        actor=actor,
        verb=verb,
        now=now,
        assignee=None,
        locked_until=None,
    )


def requeue(
    connection: Connection, office: Office, case: str, *, actor: str, why: str, now: datetime
) -> None:
    """A decided case is looked at once more, within our own promise from now on."""
    held = held_case(connection, case)
    for new in (CaseState.REOPENED, CaseState.QUEUED):
        move_case(
            connection,
            office.audit,
            case,
            new,
            actor=actor,
            verb=f"case.{new.value}",
            now=now,
            detail={"why": why},
        )
    move_complaints(
        connection,
        office.audit,
        case,
        {ComplaintState.ANSWERED},
        ComplaintState.LINKED,
        actor=SYSTEM,
        now=now,
    )
    if not running(connection, case, {ClockKind.DECIDE}):
        start(
            connection,
            office,
            case,
            ClockKind.DECIDE,
            starts_at=now,
            due_at=now + office.rules.decide_within[Severity(held.severity)],
            now=now,
        )
