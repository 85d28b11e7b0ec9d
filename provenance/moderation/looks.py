"""Looks at evidence: within what a person may see a day, and written down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from provenance.database.statements import insert_unless_there
from provenance.errors import NotFoundError, PermissionRefusedError
from provenance.moderation.audit import writing
from provenance.moderation.case_access import CaseAccess, reason_in
from provenance.moderation.case_pages import looks_today
from provenance.moderation.joining import is_suspected
from provenance.moderation.model import Reviewer
from provenance.moderation.permissions import Permission, check_fit, check_permission
from provenance.moderation.rows import held_case
from provenance.moderation.tables import cases, evidence_access, similarities
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

    def link_similar(
        self, subject: str, other: str, *, algorithm: str, distance: int, now: datetime
    ) -> int:
        """Write down a machine's lead that two subjects are alike: under which number?"""
        one, two = sorted((subject, other))
        with writing(self._office.engine) as connection:
            insert_unless_there(
                connection,
                similarities,
                subject=one,
                other=two,
                algorithm=algorithm,
                distance=distance,
                created_at=now,
                confirmed=None,
            )
            query = select(similarities.c.id).where(
                similarities.c.subject == one,
                similarities.c.other == two,
                similarities.c.algorithm == algorithm,
            )
            number: int = connection.execute(query).scalar_one()
            return number

    def confirm_resemblance(
        self, link: int, reviewer: Reviewer, *, alike: bool, now: datetime
    ) -> None:
        """Say whether two subjects are alike; then complaints about one join the other's case.

        Open cases about them are merged with `merge`, by whoever looked at both.
        """
        check_permission(reviewer, Permission.MERGE)
        with writing(self._office.engine) as connection:
            row = connection.execute(
                select(similarities).where(similarities.c.id == link).with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFoundError(f"resemblance {link}: there is none of this number")
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
