"""The only place that writes a state: by the table, under a lock, with an entry of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, select, update

from provenance.errors import NotFoundError
from provenance.moderation.audit import AuditLog
from provenance.moderation.tables import actions, appeals, cases, complaints
from provenance.moderation.transitions import (
    ACTION_MOVES,
    APPEAL_MOVES,
    CASE_MOVES,
    COMPLAINT_MOVES,
    check_move,
)
from provenance.moderation.vocabulary import ActionState, AppealState, CaseState, ComplaintState

__all__ = ["move_action", "move_appeal", "move_case", "move_complaint", "move_complaints"]


_State = TypeVar("_State", ComplaintState, CaseState, AppealState, ActionState)


def _move(  # noqa: PLR0913 - the facts of one move
    connection: Connection,
    audit: AuditLog,
    row: tuple[Table, str, str],
    new: _State,
    moves: Mapping[_State, frozenset[_State]],
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None,
    values: Mapping[str, Any],
    verb: str | None = None,
) -> None:
    """Lock the row, hold the move against the table, write it, and write it down.

    `row` is its table, the column of its name, and its name; the audit calls it by the
    table's own word.
    """
    table, column, name = row
    what = table.name.removeprefix("moderation_")
    named = table.c[column] == name
    state = connection.execute(select(table.c.state).where(named).with_for_update()).scalar()
    if state is None:
        raise NotFoundError(f"{what} {name!r:.40}: there is none of this name")
    old = type(new)(state)
    check_move(moves, old, new, what=f"{what} {name}")
    connection.execute(update(table).where(named).values(state=new, **values))
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=verb or f"{what}.{new.value}",
        object=f"{what}:{name}",
        detail={**(detail or {}), "from": old.value, "to": new.value},
    )


def move_case(
    connection: Connection,
    audit: AuditLog,
    case: str,
    new: CaseState,
    *,
    actor: str,
    verb: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Let a case go to another state; `values` are written with it.

    Raises:
        ConflictError: There is no such move.
        NotFoundError: There is no such case.
    """
    _move(
        connection,
        audit,
        (cases, "id", case),
        new,
        CASE_MOVES,
        actor=actor,
        now=now,
        detail=detail,
        values=values,
        verb=verb,
    )


def move_complaint(
    connection: Connection,
    audit: AuditLog,
    ref: str,
    new: ComplaintState,
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Let a complaint go to another state.

    Raises:
        ConflictError: There is no such move.
        NotFoundError: There is no such complaint.
    """
    _move(
        connection,
        audit,
        (complaints, "ref", ref),
        new,
        COMPLAINT_MOVES,
        actor=actor,
        now=now,
        detail=detail,
        values=values,
    )


def move_complaints(
    connection: Connection,
    audit: AuditLog,
    case: str,
    old: Iterable[ComplaintState],
    new: ComplaintState,
    *,
    actor: str,
    now: datetime,
    **values: Any,
) -> int:
    """Let all complaints of a case that are in these states go to another one: how many were?

    One entry of the audit tells of all of them, with the digest of their references, sorted
    and joined by commas: a case may have ten thousand.
    """
    states = sorted(set(old))
    for state in states:
        check_move(COMPLAINT_MOVES, state, new, what=f"complaints of case {case}")
    which = (complaints.c.case == case) & complaints.c.state.in_(states)
    refs = connection.execute(select(complaints.c.ref).where(which).with_for_update()).scalars()
    found = sorted(refs)
    if not found:
        return 0
    connection.execute(update(complaints).where(which).values(state=new, **values))
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=f"complaints.{new.value}",
        object=f"case:{case}",
        detail={
            "count": len(found),
            "from": [state.value for state in states],
            "refs": sha256(",".join(found).encode()).hexdigest(),
            "to": new.value,
        },
    )
    return len(found)


def move_appeal(
    connection: Connection,
    audit: AuditLog,
    appeal: str,
    new: AppealState,
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Let an appeal go to another state.

    Raises:
        ConflictError: There is no such move.
        NotFoundError: There is no such appeal.
    """
    _move(
        connection,
        audit,
        (appeals, "id", appeal),
        new,
        APPEAL_MOVES,
        actor=actor,
        now=now,
        detail=detail,
        values=values,
    )


def move_action(
    connection: Connection,
    audit: AuditLog,
    action: str,
    new: ActionState,
    *,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Let an action go to another state.

    Raises:
        ConflictError: There is no such move.
        NotFoundError: There is no such action.
    """
    _move(
        connection,
        audit,
        (actions, "id", action),
        new,
        ACTION_MOVES,
        actor=actor,
        now=now,
        detail=detail,
        values=values,
    )
