"""What happens because time passes: clocks, claims, blocks and questions that end, tidying.

Everything is found in the database, so that nothing is lost or done twice where the program
was ended in between, or where several run: each step looks again under the lock of its own
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, exists, select, update

from provenance.database.transactions import transaction
from provenance.moderation.attempts import AttemptCounter
from provenance.moderation.audit import SYSTEM, writing
from provenance.moderation.clocks import breach, breachable, end_block, meet_one
from provenance.moderation.complaints import REPORTER
from provenance.moderation.joining import resume_if_nothing_is_asked, tell_complaint
from provenance.moderation.moves import move_appeal, move_case, move_complaint
from provenance.moderation.office import Office
from provenance.moderation.requeuing import end_lock
from provenance.moderation.rows import clock_of, held_case
from provenance.moderation.tables import (
    appeals,
    bulk_previews,
    cases,
    clocks,
    complaints,
    messages,
    mutes,
)
from provenance.moderation.vocabulary import AppealState, CaseState, ClockKind, ComplaintState

__all__ = ["Clockwork"]

_AT_ONCE = 100
# A transaction that began just before midnight has ended by then.
_DAY_IS_OVER = timedelta(minutes=10)


class Clockwork:
    """Lets time pass.

    Args:
        office: What all desks share.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._attempts = AttemptCounter(office.engine)

    def tick(self, now: datetime) -> int:
        """Do everything that is due by now: how much was there?

        Raises:
            StoreError: The database cannot be read or written; what was done is done.
        """
        done = self._breach(now) + self._warn(now) + self._expire(now)
        done += self._end_claims(now) + self._end_appeal_claims(now) + self._end_questions(now)
        self._tidy(now)
        done += len(self._office.audit.close_days(now=now - _DAY_IS_OVER))
        # The last, so that a contact that does not open keeps nothing else from being done.
        with transaction(self._office.engine) as connection:
            return done + self._office.contacts.seal_again(connection)

    def _breach(self, now: datetime) -> int:
        query = select(clocks.c.id).where(
            breachable(), clocks.c.breached_at.is_(None), clocks.c.due_at <= now
        )
        done = 0
        for clock in self._found(query.order_by(clocks.c.due_at)):
            with writing(self._office.engine) as connection:
                done += breach(connection, self._office, clock, now=now)
        return done

    def _warn(self, now: datetime) -> int:
        soon = now + self._office.rules.due_soon
        due = (
            breachable(),
            clocks.c.warned_at.is_(None),
            clocks.c.breached_at.is_(None),
            clocks.c.due_at <= soon,
            clocks.c.due_at > now,
        )
        done = 0
        for clock in self._found(select(clocks.c.id).where(*due).order_by(clocks.c.due_at)):
            with writing(self._office.engine) as connection:
                row = connection.execute(
                    update(clocks)
                    .where(clocks.c.id == clock, *due)
                    .values(warned_at=now)
                    .returning(clocks)
                ).one_or_none()
                if row is None:
                    continue
                found = clock_of(row)
                self._office.audit.append(
                    connection,
                    at=now,
                    actor=SYSTEM,
                    verb="clock.due-soon",
                    object=f"case:{found.case}",
                    detail={"clock": found.id, "kind": found.kind.value},
                )
                self._office.effects.on_clock(connection, "clock.due-soon", found, now)
                done += 1
        return done

    def _expire(self, now: datetime) -> int:
        kinds = [kind for kind in ClockKind if kind.expires]
        query = select(clocks.c.id).where(
            clocks.c.kind.in_(kinds),
            clocks.c.met_at.is_(None),
            clocks.c.joined.is_(None),
            clocks.c.due_at <= now,
        )
        done = 0
        for clock in self._found(query.order_by(clocks.c.due_at)):
            with writing(self._office.engine) as connection:
                found = meet_one(connection, self._office, clock, verb="clock.expired", now=now)
                if found is None:
                    continue
                self._office.effects.on_clock(connection, "clock.expired", found, now)
                done += 1
                if found.kind is not ClockKind.TEMPORARY_BLOCK:
                    continue
                end_block(connection, self._office, found, now=now)
                held = held_case(connection, found.case)
                if held.state == CaseState.INTERIM_RESTRICTED:
                    move_case(
                        connection,
                        self._office.audit,
                        held.id,
                        CaseState.QUEUED,
                        actor=SYSTEM,
                        verb="case.queued",
                        now=now,
                        detail={"clock": found.id},
                    )
        return done

    def _end_claims(self, now: datetime) -> int:
        over = (cases.c.state == CaseState.ASSIGNED, cases.c.locked_until <= now)
        done = 0
        for case in self._found(select(cases.c.id).where(*over)):
            with writing(self._office.engine) as connection:
                still = select(cases.c.id).where(cases.c.id == case, *over).with_for_update()
                if connection.execute(still).first() is not None:
                    end_lock(connection, self._office, case, now=now)
                    done += 1
        return done

    def _end_appeal_claims(self, now: datetime) -> int:
        over = (appeals.c.state == AppealState.ASSIGNED, appeals.c.locked_until <= now)
        done = 0
        for appeal in self._found(select(appeals.c.id).where(*over)):
            with writing(self._office.engine) as connection:
                still = select(appeals.c.id).where(appeals.c.id == appeal, *over).with_for_update()
                if connection.execute(still).first() is not None:
                    move_appeal(
                        connection,
                        self._office.audit,
                        appeal,
                        AppealState.FILED,
                        actor=SYSTEM,
                        now=now,
                        reviewer=None,
                        locked_until=None,
                    )
                    done += 1
        return done

    def _end_questions(self, now: datetime) -> int:
        """Wait no longer for who was asked and is silent: it is decided by what is known."""
        asked = exists().where(
            messages.c.complaint == complaints.c.ref,
            messages.c.author != REPORTER,
            messages.c.at > now - self._office.rules.answer_within,
        )
        silent = (complaints.c.state == ComplaintState.NEEDS_INFO, ~asked)
        done = 0
        for ref in self._found(select(complaints.c.ref).where(*silent)):
            with writing(self._office.engine) as connection:
                still = select(complaints).where(complaints.c.ref == ref, *silent)
                row = connection.execute(still.with_for_update()).one_or_none()
                if row is None:
                    continue
                move_complaint(
                    connection,
                    self._office.audit,
                    ref,
                    ComplaintState.LINKED,
                    actor=SYSTEM,
                    now=now,
                    detail={"unanswered": True},
                )
                resume_if_nothing_is_asked(connection, self._office, row.case, now=now)
                tell_complaint(connection, self._office, "complaint.linked", ref, now)
                done += 1
        return done

    def _tidy(self, now: datetime) -> None:
        """Forget what was only kept for a time."""
        self._attempts.tidy(now=now)
        kept = timedelta(days=self._office.rules.address_days)
        old = (complaints.c.address_hash.is_not(None), complaints.c.received_at <= now - kept)
        unused = (bulk_previews.c.ends_at <= now, bulk_previews.c.decision.is_(None))
        with transaction(self._office.engine) as connection:
            connection.execute(update(complaints).where(*old).values(address_hash=None))
            connection.execute(delete(mutes).where(mutes.c.until <= now))
            connection.execute(delete(bulk_previews).where(*unused))

    def _found(self, query: Select[Any]) -> Sequence[Any]:
        with transaction(self._office.engine, reads=True) as connection:
            return connection.execute(query.limit(_AT_ONCE)).scalars().all()
