"""Who may appeal which decision, until when; and who may not decide about it.

A decision on an appeal is final. The one exception: what is restrictive now, and about
which whoever uploaded it has not been heard yet, they may appeal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.model import Decision, Reviewer
from provenance.moderation.rows import decisions_of
from provenance.moderation.tables import appeals, cases, clocks, decisions
from provenance.moderation.vocabulary import AppealState, ClockKind, ComplaintState

__all__ = [
    "appeal_open_until",
    "appeal_waits",
    "check_no_appeal",
    "check_outsider",
    "deciders",
    "reporter_may_appeal_until",
    "uploader_was_heard",
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
        clocks.c.decision == decision.id,
        clocks.c.met_at.is_(None),
        clocks.c.due_at > now,
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def uploader_was_heard(connection: Connection, case: str) -> bool:
    """Has whoever uploaded it appealed a decision of this case, and it waits or was decided?

    One that ended because the decision was taken back before anybody looked does not count.
    """
    answer = decisions.alias()
    query = (
        select(appeals.c.id)
        .outerjoin(answer, answer.c.id == appeals.c.new_decision)
        .where(
            appeals.c.case == case,
            appeals.c.complaint.is_(None),
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
    if decision.appeal is not None:
        return None
    return appeal_open_until(connection, decision, complaint.case, now=now)
