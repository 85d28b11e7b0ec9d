"""Sessions: begun at a sign-in, known by a token's digest, ended for many reasons.

A token is never used for a second purpose: at every step (password known, second factor
known, proved again, password changed) a new one takes its place, so one that somebody
planted in a browser before is worth nothing after. A session is bound to its token alone:
addresses and browsers change under people's feet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from provenance.staff.tables import sessions
from provenance.staff.tokens import Random, digest_of, new_public_id, new_token

__all__ = ["Session", "SessionLengths", "Sessions", "Stage"]

_MAX_AGENT_CHARS = 200
# Seen is written down once a minute: a request that reads should not have to write.
_SEEN_EVERY = timedelta(minutes=1)


class Stage(StrEnum):
    """How far a sign-in has come; only the last one opens anything."""

    PASSWORD = "password"  # noqa: S105 - a word
    """The password was right; the second factor is missing."""
    ENROLLING = "enrolling"
    """Came by an enrolment link; has to set up a second factor."""
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLengths:
    """How long sessions last.

    Attributes:
        whole: From the sign-in, whatever happens.
        idle: Without a request.
        partial: One that is not signed in yet.
        fresh: For how long after a proof something high-impact may be done.
    """

    whole: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(minutes=30)
    partial: timedelta = timedelta(minutes=15)
    fresh: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session, without its token.

    Attributes:
        id: What it is called in lists; opens nothing.
        account: Whose it is.
        stage: How far the sign-in has come.
        means: How its holder proved who they are, as `password+code`.
        agent: What their browser calls itself: a stranger's text.
        created_at: When it began.
        seen_at: When it was last used, to the minute.
        proved_at: When its holder last proved who they are.
        ends_at: When it ends at the latest.
    """

    id: str
    account: str
    stage: Stage
    means: str
    agent: str
    created_at: datetime
    seen_at: datetime
    proved_at: datetime
    ends_at: datetime


class Sessions:
    """What is done to sessions, each inside a transaction of the caller.

    Args:
        random: Where tokens come from.
        lengths: How long they last.
    """

    def __init__(self, random: Random, lengths: SessionLengths) -> None:
        self._random = random
        self.lengths = lengths

    def begin(
        self,
        connection: Connection,
        *,
        account: str,
        stage: Stage,
        means: str,
        agent: str,
        now: datetime,
        enrolment: str | None = None,
    ) -> tuple[Session, str]:
        """A new session and its token, which is told this once."""
        token = new_token(self._random)
        lasts = self.lengths.whole if stage is Stage.FULL else self.lengths.partial
        session = Session(
            id=new_public_id(self._random),
            account=account,
            stage=stage,
            means=means,
            agent="".join(c if c.isprintable() else " " for c in agent)[:_MAX_AGENT_CHARS],
            created_at=now,
            seen_at=now,
            proved_at=now,
            ends_at=now + lasts,
        )
        connection.execute(
            insert(sessions).values(
                sha256=digest_of(token),
                id=session.id,
                account=account,
                stage=stage.value,
                means=means,
                agent=session.agent,
                created_at=now,
                seen_at=now,
                proved_at=now,
                ends_at=session.ends_at,
                enrolment=enrolment,
            )
        )
        return session, token

    def replace(
        self, connection: Connection, token: str, *, now: datetime, proved: bool = False
    ) -> tuple[Session, str] | None:
        """The same session under a new token; the one before opens nothing any more."""
        fresh = new_token(self._random)
        values: dict[str, object] = {"sha256": digest_of(fresh), "seen_at": now}
        if proved:
            values["proved_at"] = now
        changed = connection.execute(
            update(sessions)
            .where(sessions.c.sha256 == digest_of(token), self._counts(now))
            .values(**values)
            .returning(*sessions.c)
        ).one_or_none()
        return None if changed is None else (_session(changed), fresh)

    def row(
        self, connection: Connection, token: str, now: datetime
    ) -> Row[tuple[object, ...]] | None:
        """The row of this token, if it counts."""
        return connection.execute(
            select(sessions).where(sessions.c.sha256 == digest_of(token), self._counts(now))
        ).one_or_none()

    def find(self, connection: Connection, token: str, *, now: datetime) -> Session | None:
        """Whose session is this? None where it counts for nobody."""
        row = self.row(connection, token, now)
        return None if row is None else _session(row)

    def is_fresh(self, session: Session, *, now: datetime) -> bool:
        """Did its holder prove who they are only lately?"""
        return now - session.proved_at < self.lengths.fresh

    def seen(self, connection: Connection, session: Session, *, now: datetime) -> None:
        """It is used now."""
        connection.execute(update(sessions).where(sessions.c.id == session.id).values(seen_at=now))

    def is_seen_due(self, session: Session, *, now: datetime) -> bool:
        """Is it time to write down that it is used?"""
        return now - session.seen_at >= _SEEN_EVERY

    def all(self, connection: Connection, account: str, *, now: datetime) -> Sequence[Session]:
        """The sessions of an account, the latest first."""
        rows = connection.execute(
            select(sessions)
            .where(sessions.c.account == account, self._counts(now))
            .order_by(sessions.c.created_at.desc())
        ).all()
        return [_session(row) for row in rows]

    def end(self, connection: Connection, token: str) -> None:
        """It is over."""
        connection.execute(delete(sessions).where(sessions.c.sha256 == digest_of(token)))

    def end_named(self, connection: Connection, account: str, id_: str) -> bool:
        """One of this account's own is over: was there one?"""
        done = connection.execute(
            delete(sessions).where(sessions.c.account == account, sessions.c.id == id_)
        )
        return done.rowcount == 1

    def end_all(self, connection: Connection, account: str, *, but: str | None = None) -> None:
        """All of an account's are over, but the one of this id."""
        mine = sessions.c.account == account
        connection.execute(
            delete(sessions).where(mine if but is None else and_(mine, sessions.c.id != but))
        )

    def forget(self, connection: Connection, *, now: datetime) -> None:
        """Drop what has ended."""
        connection.execute(
            delete(sessions).where(
                or_(sessions.c.ends_at <= now, sessions.c.seen_at <= now - self.lengths.idle)
            )
        )

    def _counts(self, now: datetime) -> ColumnElement[bool]:
        return and_(sessions.c.ends_at > now, sessions.c.seen_at > now - self.lengths.idle)


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        id=row.id,
        account=row.account,
        stage=Stage(row.stage),
        means=row.means,
        agent=row.agent,
        created_at=row.created_at,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        ends_at=row.ends_at,
    )
