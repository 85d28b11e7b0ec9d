"""How often somebody may try: counted in the database, so that all processes count together."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import TooOftenError
from provenance.moderation.tables import attempts

__all__ = ["AttemptCounter"]

_FORGOTTEN_AFTER = timedelta(days=2)


class AttemptCounter:
    """Counts, by buckets whose names hold nothing but keyed digests.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def within(self, bucket: str, most: int, per: timedelta, *, now: datetime) -> None:
        """Count one more, if there are not too many already.

        Raises:
            TooOftenError: There are.
        """
        with transaction(self._engine) as connection:
            insert_unless_there(
                connection,
                attempts,
                bucket=bucket,
                tries=0,
                since=now,
                locked_until=None,
                ends_at=now + _FORGOTTEN_AFTER,
            )
            query = select(attempts).where(attempts.c.bucket == bucket).with_for_update()
            row = connection.execute(query).one()
            over = row.since + per <= now
            count, since = (0, now) if over else (row.tries, row.since)
            if count >= most:
                raise TooOftenError(f"expected at most {most} in {per}", since + per)
            connection.execute(
                update(attempts)
                .where(attempts.c.bucket == bucket)
                .values(tries=count + 1, since=since, ends_at=since + per + _FORGOTTEN_AFTER)
            )

    def guess(
        self, bucket: str, *, free: int, first: timedelta, longest: timedelta, now: datetime
    ) -> None:
        """Count a guess before it is looked at: many at once are no more than one by one.

        Raises:
            TooOftenError: There is a pause; what is guessed in it is not looked at.
        """
        with transaction(self._engine) as connection:
            insert_unless_there(
                connection,
                attempts,
                bucket=bucket,
                tries=0,
                since=now,
                locked_until=None,
                ends_at=now + _FORGOTTEN_AFTER,
            )
            query = select(attempts).where(attempts.c.bucket == bucket).with_for_update()
            row = connection.execute(query).one()
            if row.locked_until is not None and row.locked_until > now:
                raise TooOftenError("too many wrong answers", row.locked_until)
            count = row.tries + 1
            locked = None
            if count >= free:
                locked = now + min(first * 2 ** min(count - free, 20), longest)
            connection.execute(
                update(attempts)
                .where(attempts.c.bucket == bucket)
                .values(
                    tries=count, locked_until=locked, ends_at=(locked or now) + _FORGOTTEN_AFTER
                )
            )

    def forgive(self, bucket: str) -> None:
        """It was no wrong guess: forget them."""
        with transaction(self._engine) as connection:
            connection.execute(delete(attempts).where(attempts.c.bucket == bucket))

    def give_back(self, bucket: str) -> None:
        """The last one was no wrong guess: do not count it."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(attempts)
                .where(attempts.c.bucket == bucket, attempts.c.tries > 0)
                .values(tries=attempts.c.tries - 1, locked_until=None)
            )

    def tidy(self, *, now: datetime) -> int:
        """Forget what is long over: how many were there?"""
        with transaction(self._engine) as connection:
            gone = connection.execute(delete(attempts).where(attempts.c.ends_at <= now))
        return gone.rowcount
