"""A case for whoever may work on it: seen, held, and written about."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.case_pages import visible_case
from provenance.moderation.model import Case, Reviewer
from provenance.moderation.office import Office
from provenance.moderation.permissions import (
    Permission,
    check_fit,
    check_no_conflict,
    check_permission,
)
from provenance.moderation.rows import held_case
from provenance.moderation.tables import complaints
from provenance.moderation.vocabulary import CaseState, Role

__all__ = ["CaseAccess", "reason_in"]

_MAX_WHY_CHARS = 400


class CaseAccess:
    """What every desk for cases begins with.

    Args:
        office: What all desks share.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._audit = office.audit

    def _open(
        self,
        connection: Connection,
        case: str,
        reviewer: Reviewer,
        permission: Permission,
    ) -> Case:
        """The case, its row locked, if this person may see it and do this."""
        check_permission(reviewer, permission)
        held_case(connection, case)
        found = visible_case(connection, case, reviewer)
        check_no_conflict(reviewer, found.agencies)
        return found

    def _mine(
        self,
        connection: Connection,
        case: str,
        reviewer: Reviewer,
        permission: Permission,
        *,
        now: datetime,
        fit: bool = True,
    ) -> Case:
        """The case, if this person has claimed it and the lock has not ended."""
        found = self._open(connection, case, reviewer, permission)
        if fit:
            check_fit(reviewer, found.agencies, now=now)
        if found.state is not CaseState.ASSIGNED or found.assignee != reviewer.id:
            raise ConflictError(f"case: expected one that {reviewer.id} has claimed")
        if found.locked_until is None or found.locked_until <= now:
            raise ConflictError("case: the time it was claimed for is over; claim it again")
        return found

    def _case_of(self, connection: Connection, complaint: str) -> str:
        query = select(complaints.c.case).where(complaints.c.ref == complaint)
        case: str | None = connection.execute(query).scalar_one_or_none()
        if case is None:
            raise NotFoundError(f"complaint {complaint!r:.40}: there is none of this reference")
        return case

    def _check_lock(self, case: Case, reviewer: Reviewer, now: datetime) -> None:
        locked = case.locked_until is not None and case.locked_until > now
        if locked and case.assignee != reviewer.id:
            raise ConflictError(f"case: somebody else has it until {case.locked_until}")

    def _check_escalated(self, connection: Connection, case: Case, reviewer: Reviewer) -> None:
        # Also where it is still somebody's whose lock is over: no clock has looked yet.
        to = held_case(connection, case.id).escalated_to
        if case.state is CaseState.ESCALATED or to is not None:
            check_permission(reviewer, Permission.HANDLE_ESCALATED)
        if to is not None and Role(to) not in reviewer.roles:
            raise PermissionRefusedError(f"{reviewer.id}: it was escalated to {to}")

    def _write(
        self,
        connection: Connection,
        verb: str,
        case: str,
        reviewer: Reviewer,
        now: datetime,
        **detail: str,
    ) -> None:
        self._audit.append(
            connection,
            at=now,
            actor=reviewer.id,
            verb=verb,
            object=f"case:{case}",
            detail=detail,
        )


def reason_in(text: str) -> str:
    """The reason that somebody gave.

    Raises:
        ConflictError: There is none, or it is longer than reasons are.
    """
    said = text.strip()
    if not 0 < len(said) <= _MAX_WHY_CHARS:
        raise ConflictError(f"why: expected 1 to {_MAX_WHY_CHARS} characters, got {len(said)}")
    return said
