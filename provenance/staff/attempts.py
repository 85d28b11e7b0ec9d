"""How often somebody may guess: failures counted, and a pause that grows with them.

An attempt is counted before it is looked at, so that many at once are no more guesses than
many one after the other. A pause has an upper bound: whoever keeps guessing at another
person's account can make that person wait, and never lock them out; and a browser that
person has signed in with before has a count of its own, which no stranger adds to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, delete, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.staff.tables import attempts

__all__ = ["Attempts", "PauseRule"]

_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRule:
    """How the pause grows.

    Attributes:
        free: How many failures have none.
        first: The pause after the first failure that is not free; each one more doubles it.
        longest: It never gets longer.
    """

    free: int
    first: timedelta
    longest: timedelta

    def pause(self, failures: int) -> timedelta | None:
        """How long after so many failures in a row?"""
        if failures <= self.free:
            return None
        doublings = min(failures - self.free - 1, 32)
        return min(self.first * (1 << doublings), self.longest)


class Attempts:
    """The counts of a service.

    Args:
        engine: The database.
        rules: How the pause grows, by kind of count.
    """

    def __init__(self, engine: Engine, rules: Mapping[str, PauseRule]) -> None:
        self._engine = engine
        self._rules = rules

    def begin(self, counts: Mapping[str, str], *, now: datetime) -> datetime | None:
        """Count an attempt as failed, or until when has it to wait?

        Args:
            counts: The digest of who tries, by kind of count.
            now: What time it is.

        Returns:
            None where it may go on; otherwise nothing was counted.
        """
        with transaction(self._engine) as connection:
            # In one order, so that two never wait for each other.
            failures = {
                kind: self._hold(connection, kind, counts[kind], now) for kind in sorted(counts)
            }
            waits = [found for found in failures.values() if isinstance(found, datetime)]
            if waits:
                return max(waits)
            for kind, found in failures.items():
                if isinstance(found, int):
                    pause = self._rules[kind].pause(found + 1)
                    connection.execute(
                        update(attempts)
                        .where(attempts.c.kind == kind, attempts.c.who == counts[kind])
                        .values(
                            failures=found + 1,
                            last_at=now,
                            locked_until=None if pause is None else now + pause,
                        )
                    )
        return None

    def succeeded(self, counts: Mapping[str, str], *, shared: str | None = None) -> None:
        """It was no failure: the counts begin anew.

        Args:
            counts: As they were given to `begin`.
            shared: The kind of count that is many people's; of it, only this attempt is
                taken back.
        """
        with transaction(self._engine) as connection:
            for kind in sorted(counts):
                mine = and_(attempts.c.kind == kind, attempts.c.who == counts[kind])
                if kind == shared:
                    connection.execute(
                        update(attempts)
                        .where(mine, attempts.c.failures > 0)
                        .values(failures=attempts.c.failures - 1, locked_until=None)
                    )
                else:
                    connection.execute(delete(attempts).where(mine))

    def forget(self, *, now: datetime) -> None:
        """Drop the counts of which nothing was heard for a day."""
        with transaction(self._engine) as connection:
            connection.execute(delete(attempts).where(attempts.c.last_at <= now - _FORGOTTEN_AFTER))

    def _hold(self, connection: Connection, kind: str, who: str, now: datetime) -> int | datetime:
        """The failures so far, in a row that nobody else changes; or the end of the pause."""
        insert_unless_there(connection, attempts, kind=kind, who=who, failures=0, last_at=now)
        row = connection.execute(
            select(attempts).where(attempts.c.kind == kind, attempts.c.who == who).with_for_update()
        ).one()
        if row.locked_until is not None and row.locked_until > now:
            until: datetime = row.locked_until
            return until
        if row.last_at <= now - _FORGOTTEN_AFTER:
            return 0
        return int(row.failures)
