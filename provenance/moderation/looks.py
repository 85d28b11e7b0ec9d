"""Looks at evidence: within what a person may see a day, and written down."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from provenance.errors import NotFoundError, PermissionRefusedError
from provenance.moderation.audit import writing
from provenance.moderation.case_access import CaseAccess, reason_in
from provenance.moderation.case_pages import looks_today
from provenance.moderation.joining import is_suspected
from provenance.moderation.merging import merge_cases
from provenance.moderation.model import Reviewer
from provenance.moderation.permissions import (
    Permission,
    check_fit,
    check_permission,
    permissions_of,
)
from provenance.moderation.resemblances import open_case_about
from provenance.moderation.rows import held_case
from provenance.moderation.tables import case_subjects, cases, evidence_access, similarities
from provenance.moderation.views import EvidenceAccess
from provenance.moderation.vocabulary import Queue

__all__ = ["EvidenceDesk", "check_exposure"]


class EvidenceDesk(CaseAccess):
    """Where the staff looks at evidence, and says what is alike."""

    def unblur(
        self, case: str, subject: str, reviewer: Reviewer, *, why: str, now: datetime
    ) -> EvidenceAccess:
        """Write down that somebody looks at evidence, within what they may a day."""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.UNBLUR)
            check_fit(reviewer, found.agencies, now=now)
            shown = next((s for s in found.subjects if s.id == subject), None)
            if shown is None:
                raise NotFoundError(f"subject {subject!r:.40}: is none of this case")
            if found.queue is Queue.RESTRICTED or (
                shown.sha256 is not None and is_suspected(connection, shown.sha256)
            ):
                raise PermissionRefusedError("evidence of this kind is shown to nobody")
            left = check_exposure(connection, reviewer, now)
            connection.execute(
                insert(evidence_access).values(
                    case=case, subject=subject, reviewer=reviewer.id, why=reason_in(why), at=now
                )
            )
            self._write(
                connection,
                "evidence.seen",
                case,
                reviewer,
                now,
                subject=subject,
                why=reason_in(why),
            )
            return EvidenceAccess(
                case=case,
                subject=subject,
                reviewer=reviewer.id,
                why=reason_in(why),
                at=now,
                left=left - 1,
            )

    def confirm_resemblance(
        self, link: int, reviewer: Reviewer, *, alike: bool, now: datetime
    ) -> None:
        """Say whether two subjects are alike; then the open cases about them become one.

        Complaints about one join the other's case from then on.

        Raises:
            ConflictError: The two cases cannot become one; then nothing was said.
            NotFoundError: There is none of this number, or it leads to what is not for them.
            PermissionRefusedError: They may not judge one of the cases about either.
        """
        check_permission(reviewer, Permission.MERGE)
        with writing(self._office.engine) as connection:
            row = connection.execute(
                select(similarities).where(similarities.c.id == link).with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFoundError(f"resemblance {link}: there is none of this number")
            self._check_both(connection, row, reviewer, now)
            connection.execute(
                update(similarities)
                .where(similarities.c.id == link)
                .values(confirmed=alike, confirmed_by=reviewer.id, confirmed_at=now)
            )
            self._audit.append(
                connection,
                at=now,
                actor=reviewer.id,
                verb="resemblance.confirmed" if alike else "resemblance.denied",
                object=f"subject:{row.subject}",
                detail={"link": link, "other": row.other},
            )
            if alike:
                self._join(connection, row, reviewer, now)

    def _check_both(
        self, connection: Connection, link: Row[Any], reviewer: Reviewer, now: datetime
    ) -> None:
        """Make sure that somebody may judge whatever is about either of two subjects."""
        query = (
            select(cases.c.id, cases.c.queue)
            .distinct()
            .join(case_subjects, case_subjects.c.case == cases.c.id)
            .where(case_subjects.c.subject.in_((link.subject, link.other)))
            # In the order in which cases are always locked.
            .order_by(cases.c.id)
        )
        rows = connection.execute(query).all()
        hidden = Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles)
        if hidden and any(row.queue == Queue.RESTRICTED for row in rows):
            raise NotFoundError(f"resemblance {link.id}: there is none of this number")
        agencies: set[str] = set()
        for row in rows:
            agencies |= self._open(connection, row.id, reviewer, Permission.MERGE).agencies
        check_fit(reviewer, agencies, now=now)

    def _join(
        self, connection: Connection, link: Row[Any], reviewer: Reviewer, now: datetime
    ) -> None:
        """Let the later of the open cases about two subjects become part of the earlier one.

        Of the one that was escalated, where one was: it is for whom it was escalated to.
        """
        both = {
            held.id: held
            for subject in (link.subject, link.other)
            for case in [open_case_about(connection, subject)]
            if case is not None
            for held in [self._open(connection, case, reviewer, Permission.MERGE)]
        }
        if len(both) < 2:
            return
        for held in both.values():
            self._check_lock(held, reviewer, now)
        escalated = {name: held_case(connection, name).escalated_to is not None for name in both}
        # What was decided before stays by itself, so it is the other that moves.
        target, source = sorted(
            both.values(),
            key=lambda one: (one.decision is None, not escalated[one.id], one.opened_at, one.id),
        )
        self._check_escalated(connection, source, reviewer)
        merge_cases(
            connection,
            self._office,
            source.id,
            target.id,
            actor=reviewer.id,
            why=f"resemblance {link.id} was confirmed",
            now=now,
        )

    def captured(self, case: str, *, actor: str, now: datetime) -> None:
        """Something of its subjects was captured: from now on the case is decided."""
        with writing(self._office.engine) as connection:
            if held_case(connection, case).captured_at is None:
                connection.execute(update(cases).where(cases.c.id == case).values(captured_at=now))
                self._audit.append(
                    connection, at=now, actor=actor, verb="case.captured", object=f"case:{case}"
                )


def check_exposure(connection: Connection, reviewer: Reviewer, now: datetime) -> int:
    """How many looks has this person left today?

    Raises:
        PermissionRefusedError: None.
    """
    left = reviewer.exposure_cap - looks_today(connection, reviewer.id, now=now)
    if left <= 0:
        raise PermissionRefusedError(
            f"{reviewer.id}: has looked {reviewer.exposure_cap} times within a day, which is enough"
        )
    return left
