"""The only place that writes a state: by the table, under a lock, with an entry of the audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

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


def _held_state(connection: Connection, table: Table, name: str, id_: str, *, what: str) -> str:
    query = select(table.c.state).where(table.c[name] == id_).with_for_update()
    state: str | None = connection.execute(query).scalar_one_or_none()
    if state is None:
        raise NotFoundError(f"{what} {id_!r:.40}: there is none of this name")
    return state


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
    old = CaseState(_held_state(connection, cases, "id", case, what="case"))
    check_move(CASE_MOVES, old, new, what=f"case {case}")
    connection.execute(update(cases).where(cases.c.id == case).values(state=new, **values))
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=verb,
        object=f"case:{case}",
        detail={**(detail or {}), "from": old.value, "to": new.value},
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
    old = ComplaintState(_held_state(connection, complaints, "ref", ref, what="complaint"))
    check_move(COMPLAINT_MOVES, old, new, what=f"complaint {ref}")
    connection.execute(
        update(complaints).where(complaints.c.ref == ref).values(state=new, **values)
    )
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=f"complaint.{new.value}",
        object=f"complaint:{ref}",
        detail={**(detail or {}), "from": old.value, "to": new.value},
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
    old = AppealState(_held_state(connection, appeals, "id", appeal, what="appeal"))
    check_move(APPEAL_MOVES, old, new, what=f"appeal {appeal}")
    connection.execute(update(appeals).where(appeals.c.id == appeal).values(state=new, **values))
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=f"appeal.{new.value}",
        object=f"appeal:{appeal}",
        detail={**(detail or {}), "from": old.value, "to": new.value},
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
    old = ActionState(_held_state(connection, actions, "id", action, what="action"))
    check_move(ACTION_MOVES, old, new, what=f"action {action}")
    connection.execute(update(actions).where(actions.c.id == action).values(state=new, **values))
    audit.append(
        connection,
        at=now,
        actor=actor,
        verb=f"action.{new.value}",
        object=f"action:{action}",
        detail={**(detail or {}), "from": old.value, "to": new.value},
    )
