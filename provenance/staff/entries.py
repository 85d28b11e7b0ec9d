"""Sessions begun when somebody is let in, each with a new token."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from provenance.staff.doors import Begun, Doorkeeper, Refused, RefusedBecause, Visitor
from provenance.staff.events import record
from provenance.staff.sessions import Sessions, Stage
from provenance.staff.tokens import Random

__all__ = ["Entries"]

_DEVICE_BYTES = 16


class Entries:
    """Lets people in who have proved who they are, inside a transaction of the caller.

    Args:
        sessions: Begins sessions.
        door: Marks browsers.
        random: Where marks come from.
    """

    def __init__(self, sessions: Sessions, door: Doorkeeper, random: Random) -> None:
        self._sessions = sessions
        self._door = door
        self._random = random

    def part_way(
        self,
        connection: Connection,
        account: str,
        visitor: Visitor,
        *,
        now: datetime,
        replaces: str | None,
    ) -> Begun:
        """The password was right."""
        if replaces is not None:
            self._sessions.end(connection, replaces)
        session, token = self._sessions.begin(
            connection,
            account=account,
            stage=Stage.PASSWORD,
            means="password",
            agent=visitor.agent,
            now=now,
        )
        return Begun(session=session, token=token)

    def let_in(
        self,
        connection: Connection,
        account: str,
        visitor: Visitor,
        *,
        means: str,
        now: datetime,
        replaces: str | None,
        next_path: str | None = None,
    ) -> Begun:
        """All that is needed was right. The session that their browser had ends."""
        if replaces is not None:
            self._sessions.end(connection, replaces)
        session, token = self._sessions.begin(
            connection,
            account=account,
            stage=Stage.FULL,
            means=means,
            agent=visitor.agent,
            now=now,
        )
        record(connection, account, "signed-in", by=account, now=now, means=means)
        device = self._door.mark(account, self._random(_DEVICE_BYTES).hex())
        return Begun(session=session, token=token, device=device, next_path=next_path)

    def again(
        self, connection: Connection, token: str, *, now: datetime, next_path: str | None = None
    ) -> Begun | Refused:
        """Who is signed in has proved who they are once more."""
        found = self._sessions.replace(connection, token, now=now, proved=True)
        if found is None:
            return Refused(because=RefusedBecause.OVER, why="not signed in")
        session, fresh = found
        record(connection, session.account, "proved-again", by=session.account, now=now)
        return Begun(session=session, token=fresh, next_path=next_path)
