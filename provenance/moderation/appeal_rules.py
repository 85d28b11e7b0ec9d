"""Who may appeal which decision, until when; and who may not decide about it.

A decision on an appeal is final for whoever was heard. Whoever was not yet, whoever uploaded
it or another who complained, may appeal the decision that holds now: nobody's time becomes
shorter because somebody else appealed. One that upholds says what the one before it said, so
it has that one's time, and whatever was told of that one appeals this one.
"""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.model import Decision, Reviewer
from provenance.moderation.rows import decisions_of
from provenance.moderation.tables import appeals, cases, clocks, decisions
from provenance.moderation.vocabulary import AppealOutcome, AppealState, ClockKind, ComplaintState

__all__ = [
    "appeal_open_until",
    "appeal_waits",
    "check_no_appeal",
    "check_outsider",
    "deciders",
    "decision_in_place",
    "reporter_may_appeal_until",
    "was_heard",
]


def deciders(connection: Connection, case: str) -> frozenset[str]:
    """Everybody who made or seconded a decision about this case or one that became part of it."""
    people: set[str] = set()
    queue = [case]
    while queue:
        at = queue.pop()
        for decision in decisions_of(connection, at):
            people |= {decision.maker, decision.second or decision.maker}
        merged = select(cases.c.id).where(cases.c.merged_into == at)
        queue += connection.execute(merged).scalars()
    return frozenset(people)


def check_outsider(connection: Connection, case: str, reviewer: Reviewer) -> None:
    """Make sure that somebody had no part in what was decided so far.

    Raises:
        PermissionRefusedError: They made or seconded one of the decisions.
    """
    if reviewer.id in deciders(connection, case):
        raise PermissionRefusedError(
            f"{reviewer.id}: made or seconded an earlier decision of this case"
        )


def appeal_open_until(
    connection: Connection, decision: Decision, case: str, *, now: datetime
) -> datetime | None:
    """Until when is there time to appeal this decision in this case? None: there is none left."""
    query = select(clocks.c.due_at).where(
        clocks.c.case == case,
        clocks.c.kind == ClockKind.APPEAL_WINDOW,
        clocks.c.decision == decision_in_place(connection, decision.id, case),
        clocks.c.met_at.is_(None),
        clocks.c.due_at > now,
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def decision_in_place(connection: Connection, decision: str, case: str) -> str:
    """Which decision says in this case what this one said: itself, or the last that upheld it?"""
    line = [one.id for one in decisions_of(connection, case)]
    if decision not in line:
        return decision
    query = select(appeals.c.new_decision).where(
        appeals.c.case == case, appeals.c.outcome == AppealOutcome.UPHELD
    )
    upholding = set(connection.execute(query).scalars())
    later = takewhile(upholding.__contains__, line[line.index(decision) + 1 :])
    return [decision, *later][-1]


def was_heard(connection: Connection, case: str, complaint: str | None) -> bool:
    """Did they appeal a decision of this case, and it waits or was decided?

    One that ended because the decision was taken back before anybody looked does not count.

    Args:
        connection: Of a transaction.
        case: The case.
        complaint: Whose: who filed this one; None: whoever uploaded it.
    """
    answer = decisions.alias()
    query = (
        select(appeals.c.id)
        .outerjoin(answer, answer.c.id == appeals.c.new_decision)
        .where(
            appeals.c.case == case,
            appeals.c.complaint.is_not_distinct_from(complaint),
            appeals.c.state != AppealState.WITHDRAWN,
            or_(appeals.c.new_decision.is_(None), answer.c.appeal.is_not(None)),
        )
    )
    return connection.execute(query.limit(1)).first() is not None


def appeal_waits(connection: Connection, case: str) -> bool:
    """Is there an appeal in this case that nobody has decided?"""
    query = select(appeals.c.id).where(
        appeals.c.case == case,
        appeals.c.state.in_((AppealState.FILED, AppealState.ASSIGNED, AppealState.AWAITING_SECOND)),
    )
    return connection.execute(query.limit(1)).first() is not None


def check_no_appeal(connection: Connection, case: str) -> None:
    """Make sure that no appeal waits.

    Raises:
        ConflictError: One does.
    """
    if appeal_waits(connection, case):
        raise ConflictError("case: an appeal waits, which is to be decided")


def reporter_may_appeal_until(
    connection: Connection, complaint: Row[Any], *, now: datetime
) -> datetime | None:
    """Until when may whoever filed this complaint appeal what answers it? None: they may not."""
    if complaint.state != ComplaintState.ANSWERED or complaint.case is None:
        return None
    query = select(cases.c.decision).where(cases.c.id == complaint.case)
    holds = connection.execute(query).scalar_one_or_none()
    if holds is None:
        return None
    decision = next(d for d in decisions_of(connection, complaint.case) if d.id == holds)
    if decision.appeal is not None and was_heard(connection, complaint.case, complaint.ref):
        return None
    return appeal_open_until(connection, decision, complaint.case, now=now)
