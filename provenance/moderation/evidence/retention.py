"""How long evidence of a case is kept, what holds it longer, and how it is deleted.

Kept for the time to appeal and 31 days more, or until the last hold on it ends, whichever is
later. What is deleted are the bytes, addresses, contacts and the words of strangers; the
decision, its reasons and the digest stay, and the deletion is an entry of the audit that
names the digest.

Source: the time to appeal is that of DSA Art. 20 (1); 31 days leave room for an appeal filed
on the last day to be decided, or put on hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, func, insert, or_, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import SYSTEM, AuditLog, writing
from provenance.moderation.clocks import APPEAL_WINDOW
from provenance.moderation.outcomes.tables import deletions, legal_holds, statements
from provenance.moderation.tables import (
    appeals,
    case_subjects,
    cases,
    contacts,
    decision_cases,
    decisions,
    messages,
    subjects,
)
from provenance.moderation.tables import complaints as complaint_rows
from provenance.moderation.vocabulary import AppealState, CaseState, Queue
from provenance.records.tables import reports
from provenance.records.tokens import Random, new_id

__all__ = ["GRACE", "DeletedEvidence", "LegalHold", "RetentionDesk", "keep_until"]

GRACE = timedelta(days=31)
_BATCH = 20
_ENDED = (CaseState.CLOSED.value, CaseState.VOID.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A reason to keep what would be deleted.

    Attributes:
        id: Its name.
        case: Of which case.
        reason: Why: an order, a case in court.
        by: Who placed it.
        placed_at: When.
        ends_at: Until when; None: until it is lifted.
        lifted_at: When it was lifted.
    """

    id: str
    case: str
    reason: str
    by: str
    placed_at: datetime
    ends_at: datetime | None = None
    lifted_at: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """Until when it holds; None: nobody knows yet."""
        known = [at for at in (self.ends_at, self.lifted_at) if at is not None]
        return min(known, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedEvidence:
    """What was deleted of a case.

    Attributes:
        case: Of which.
        digests: SHA-256 of the files that it was about; these stay known.
        reports: Machine's reports whose bytes are nobody's now.
    """

    case: str
    digests: tuple[str, ...]
    reports: tuple[str, ...]


def keep_until(last_decided_at: datetime, holds: Sequence[LegalHold]) -> datetime | None:
    """Until when is the evidence of a case kept? None: as long as a hold says nothing else.

    Args:
        last_decided_at: When its last decision was made: the time to appeal runs from then.
        holds: All holds on it, past ones too.
    """
    ends = [hold.end for hold in holds]
    if None in ends:
        return None
    return max([last_decided_at + APPEAL_WINDOW + GRACE, *(end for end in ends if end)])


class RetentionDesk:
    """Holds, and what is deleted when nothing holds it any more.

    Args:
        engine: The database.
        audit: Where it is written down.
        random: Names holds.
        forget: Deletes the kept bytes of these reports, after the transaction; told again of
            those it did not get to.
    """

    def __init__(
        self,
        engine: Engine,
        audit: AuditLog,
        random: Random,
        *,
        forget: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._audit = audit
        self._random = random
        self._forget = forget

    def hold(
        self, case: str, reason: str, *, by: str, now: datetime, until: datetime | None = None
    ) -> LegalHold:
        """Keep everything of a case until then, or until it is lifted.

        Args:
            case: Which one.
            reason: Why.
            by: Who; their right to is checked by whoever calls.
            now: The time.
            until: Until when.

        Raises:
            ConflictError: There is no such case, no reason, or the end is not to come.
        """
        if not reason.strip():
            raise ConflictError("hold: expected a reason, got none")
        if until is not None and until <= now:
            raise ConflictError("hold: expected an end that is to come")
        hold = LegalHold(
            id=new_id(self._random),
            case=case,
            reason=reason.strip()[:400],
            by=by,
            placed_at=now,
            ends_at=until,
        )
        with writing(self._engine) as connection:
            if connection.execute(select(cases.c.id).where(cases.c.id == case)).first() is None:
                raise NotFoundError(f"case {case!r:.40}: expected one, got none")
            connection.execute(
                insert(legal_holds).values(
                    id=hold.id,
                    case=hold.case,
                    reason=hold.reason,
                    by=hold.by,
                    placed_at=hold.placed_at,
                    ends_at=hold.ends_at,
                )
            )
            self._note(connection, now, by, "hold.placed", case, hold=hold.id, reason=hold.reason)
        return hold

    def lift(self, hold: str, reason: str, *, by: str, now: datetime) -> LegalHold:
        """Let a hold end now.

        Args:
            hold: Which one.
            reason: Why; it is written down.
            by: Who; their right to is checked by whoever calls.
            now: The time.

        Raises:
            ConflictError: There is none, it has ended, or there is no reason.
        """
        if not reason.strip():
            raise ConflictError("hold: expected a reason, got none")
        with writing(self._engine) as connection:
            row = connection.execute(
                select(legal_holds).where(legal_holds.c.id == hold)
            ).one_or_none()
            found = None if row is None else _hold(row)
            if found is None:
                raise NotFoundError(f"hold {hold!r:.44}: expected one, got none")
            if found.end is not None and found.end <= now:
                raise ConflictError(f"hold {hold}: has ended")
            connection.execute(
                update(legal_holds).where(legal_holds.c.id == hold).values(lifted_at=now)
            )
            self._note(
                connection,
                now,
                by,
                "hold.lifted",
                found.case,
                hold=hold,
                reason=reason.strip()[:400],
            )
            changed = connection.execute(select(legal_holds).where(legal_holds.c.id == hold)).one()
        return _hold(changed)

    def holds(self, case: str) -> Sequence[LegalHold]:
        """The holds on a case, past ones too, the first first."""
        with transaction(self._engine, reads=True) as connection:
            return _holds(connection, case)

    def keep_reports(self, *, now: datetime) -> None:
        """Let no machine's report, and no file kept with it, end before its case may.

        A report is otherwise forgotten after the days that its policy says.
        """
        held = (
            select(subjects.c.report)
            .join(case_subjects, case_subjects.c.subject == subjects.c.id)
            .join(cases, cases.c.id == case_subjects.c.case)
            .where(
                subjects.c.report.is_not(None),
                # Nothing of suspected abuse of minors is kept any longer for us.
                cases.c.queue != Queue.RESTRICTED.value,
                cases.c.id.not_in(select(deletions.c.case)),
            )
        )
        soon = now + GRACE
        with transaction(self._engine) as connection:
            connection.execute(
                update(reports)
                .where(reports.c.id.in_(held), reports.c.ends_at > now, reports.c.ends_at < soon)
                .values(ends_at=soon + GRACE)
            )

    def delete_due(self, *, now: datetime) -> Sequence[DeletedEvidence]:
        """Delete the evidence of some cases whose time is over: of which?

        Called again until it is none.
        """
        with transaction(self._engine, reads=True) as connection:
            due = _due(connection, now)
        deleted = []
        for case in due:
            with writing(self._engine) as connection:
                # Somebody may have placed a hold, or appealed, since.
                if case not in _due(connection, now, only=case):
                    continue
                gone = self._delete(connection, case, now)
            deleted.append(gone)
            self._forget(gone.reports)
        return deleted

    def _delete(self, connection: Connection, case: str, now: datetime) -> DeletedEvidence:
        rows = connection.execute(
            select(subjects)
            .join(case_subjects, case_subjects.c.subject == subjects.c.id)
            .where(case_subjects.c.case == case)
            .order_by(subjects.c.id)
        ).all()
        shared = set(
            connection.execute(
                select(case_subjects.c.subject).where(
                    case_subjects.c.subject.in_([row.id for row in rows]),
                    case_subjects.c.case != case,
                    case_subjects.c.case.not_in(select(deletions.c.case)),
                )
            ).scalars()
        )
        # What another case is about too stays until that one's time is over.
        own = [row for row in rows if row.id not in shared]
        named = tuple(row.report for row in own if row.report)
        refs = (
            connection.execute(select(complaint_rows.c.ref).where(complaint_rows.c.case == case))
            .scalars()
            .all()
        )
        connection.execute(
            update(subjects)
            .where(subjects.c.id.in_([row.id for row in own]))
            .values(url=None, report=None)
        )
        connection.execute(
            update(complaint_rows)
            .where(complaint_rows.c.ref.in_(refs))
            .values(explanation="", locators=[], reporter_hash=None, address_hash=None)
        )
        connection.execute(contacts.delete().where(contacts.c.complaint.in_(refs)))
        connection.execute(messages.delete().where(messages.c.complaint.in_(refs)))
        connection.execute(update(appeals).where(appeals.c.case == case).values(text=""))
        # Its title tells that there was one; its reasons are those of the decision.
        connection.execute(update(statements).where(statements.c.case == case).values(body=""))
        digests = tuple(row.sha256 for row in rows if row.sha256)
        connection.execute(
            insert(deletions).values(case=case, deleted_at=now, digests=list(digests))
        )
        self._note(
            connection,
            now,
            SYSTEM,
            "evidence.deleted",
            case,
            sha256=list(digests),
            reports=len(named),
            complaints=len(refs),
        )
        return DeletedEvidence(case=case, digests=digests, reports=named)

    def _note(
        self,
        connection: Connection,
        now: datetime,
        by: str,
        verb: str,
        case: str,
        **detail: object,
    ) -> None:
        self._audit.append(
            connection, at=now, actor=by, verb=verb, object=f"case:{case}", detail=detail
        )


def _due(connection: Connection, now: datetime, *, only: str | None = None) -> list[str]:
    """Cases that have ended, whose time is over, and whose evidence was not deleted yet."""
    last = (
        select(func.max(decisions.c.created_at))
        .join(decision_cases, decision_cases.c.decision == decisions.c.id)
        .where(decision_cases.c.case == cases.c.id)
        .scalar_subquery()
    )
    appealed = (
        select(appeals.c.id)
        .where(
            appeals.c.case == cases.c.id,
            appeals.c.state.not_in([AppealState.DECIDED.value, AppealState.WITHDRAWN.value]),
        )
        .exists()
    )
    held = (
        select(legal_holds.c.id)
        .where(
            legal_holds.c.case == cases.c.id,
            legal_holds.c.lifted_at.is_(None),
            or_(legal_holds.c.ends_at.is_(None), legal_holds.c.ends_at > now),
        )
        .exists()
    )
    query = (
        select(cases.c.id)
        .where(
            cases.c.state.in_(_ENDED),
            cases.c.id.not_in(select(deletions.c.case)),
            func.coalesce(last, cases.c.opened_at) <= now - APPEAL_WINDOW - GRACE,
            ~appealed,
            ~held,
        )
        .order_by(cases.c.opened_at)
        .limit(_BATCH)
    )
    if only is not None:
        query = query.where(cases.c.id == only)
    return list(connection.execute(query).scalars())


def _holds(connection: Connection, case: str) -> list[LegalHold]:
    rows = connection.execute(
        select(legal_holds)
        .where(legal_holds.c.case == case)
        .order_by(legal_holds.c.placed_at, legal_holds.c.id)
    ).all()
    return [_hold(row) for row in rows]


def _hold(row: Row[tuple[object, ...]]) -> LegalHold:
    return LegalHold(
        id=row.id,
        case=row.case,
        reason=row.reason,
        by=row.by,
        placed_at=row.placed_at,
        ends_at=row.ends_at,
        lifted_at=row.lifted_at,
    )
