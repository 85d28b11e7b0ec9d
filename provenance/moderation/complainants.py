"""What the staff does about those who complained: ask, mute, look up."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, select

from provenance.errors import ConflictError
from provenance.moderation.audit import writing
from provenance.moderation.case_access import CaseAccess, reason_in
from provenance.moderation.clocks import pause
from provenance.moderation.joining import leave_case, tell_complaint
from provenance.moderation.model import Contact, Reviewer
from provenance.moderation.moves import move_complaint
from provenance.moderation.permissions import Permission
from provenance.moderation.tables import complaints, messages, mutes
from provenance.moderation.transitions import OPEN_COMPLAINTS
from provenance.moderation.vocabulary import ComplaintState

__all__ = ["ComplainantDesk"]

_MAX_TEXT_CHARS = 5_000
_MOST_MUTE_DAYS = 365


class ComplainantDesk(CaseAccess):
    """Where the staff meets those who complained."""

    def ask_reporter(self, complaint: str, reviewer: Reviewer, *, text: str, now: datetime) -> None:
        """Ask whoever complained; only our own clock stands still, and not for ever.

        It goes on when they answer, or when the time for that is over.
        """
        if not 0 < len(text.strip()) <= _MAX_TEXT_CHARS:
            raise ConflictError(
                f"text: expected 1 to {_MAX_TEXT_CHARS} characters, got {len(text)}"
            )
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.ASK_REPORTER)
            move_complaint(
                connection,
                self._audit,
                complaint,
                ComplaintState.NEEDS_INFO,
                actor=reviewer.id,
                now=now,
            )
            connection.execute(
                insert(messages).values(complaint=complaint, at=now, author=reviewer.id, text=text)
            )
            pause(connection, self._office, case, now=now)
            tell_complaint(connection, self._office, "complaint.needs-info", complaint, now)

    def reject_abusive(
        self,
        complaint: str,
        reviewer: Reviewer,
        *,
        why: str,
        mute_days: int = 0,
        now: datetime,
    ) -> None:
        """Say that a complaint abuses the desk; nothing else changes. Perhaps mute its sender.

        Complaints of somebody muted are kept and decided, and nobody is hurried by them. One
        whose appeal waits is not rejected: whoever appealed is answered first.
        """
        if not 0 <= mute_days <= _MOST_MUTE_DAYS:
            raise ConflictError(f"mute_days: expected 0 to {_MOST_MUTE_DAYS}, got {mute_days}")
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.MUTE)
            row = connection.execute(
                select(complaints).where(complaints.c.ref == complaint).with_for_update()
            ).one()
            if row.state == ComplaintState.CONTESTED:
                raise ConflictError("complaint: an appeal waits; it is to be decided first")
            was_open = ComplaintState(row.state) in OPEN_COMPLAINTS
            move_complaint(
                connection,
                self._audit,
                complaint,
                ComplaintState.REJECTED_ABUSIVE,
                actor=reviewer.id,
                now=now,
                detail={"mute_days": mute_days, "why": reason_in(why)},
            )
            hashes = [h for h in (row.reporter_hash, row.address_hash) if h and mute_days]
            for known in hashes:
                connection.execute(
                    insert(mutes).values(
                        hash=known,
                        until=now + timedelta(days=mute_days),
                        why=reason_in(why),
                        by=reviewer.id,
                        created_at=now,
                    )
                )
            if was_open:
                leave_case(connection, self._office, row, now=now)
            tell_complaint(connection, self._office, "complaint.rejected-abusive", complaint, now)

    def contact_of(
        self, complaint: str, reviewer: Reviewer, *, why: str, now: datetime
    ) -> Contact | None:
        """Who complained, for whoever may know; that they looked is written down."""
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.SEE_CONTACT)
            self._audit.append(
                connection,
                at=now,
                actor=reviewer.id,
                verb="contact.seen",
                object=f"complaint:{complaint}",
                detail={"why": reason_in(why)},
            )
            return self._office.contacts.get(connection, complaint)
