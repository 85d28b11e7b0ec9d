"""What a release log has of the register, and what it has yet to be given.

The register takes a change first. What it holds for a log is signed by then, and stays the
same until the log has it: whatever stops in between, it is done again and nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, insert, select

from provenance.database.database import Database
from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.registry.log.leaf import SignedStatement, parse_signed_statement
from provenance.registry.log.statement import Reveal
from provenance.registry.register.moments import to_seconds
from provenance.registry.register.schema import CHANGE, LOG_PLACE, RELEASE

__all__ = ["LogLedger", "PlacedChange", "WaitingStatement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStatement:
    """Something that a log has yet to be given.

    Attributes:
        number: Number of the change.
        signed: What the log gets: the statement, or the commitment to it.
    """

    number: int
    signed: SignedStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedChange:
    """A change of which a log has a commitment alone.

    Attributes:
        number: Number of the change.
        signed: What was stated.
        salt: Opens the commitment.
        entry: Number of the log's entry.
    """

    number: int
    signed: SignedStatement
    salt: bytes
    entry: int


_PLACE = select(LOG_PLACE.c.seq).where(
    LOG_PLACE.c.seq == CHANGE.c.seq, LOG_PLACE.c.origin == bindparam("origin")
)
_PLACED = select(LOG_PLACE.c.entry).where(
    LOG_PLACE.c.seq == bindparam("number"), LOG_PLACE.c.origin == bindparam("origin")
)
_WAITING = (
    select(CHANGE.c.seq, CHANGE.c.encoded, CHANGE.c.commitment)
    .where(~exists(_PLACE.correlate(CHANGE)), CHANGE.c.seq > bindparam("after"))
    .order_by(CHANGE.c.seq)
    .limit(bindparam("most"))
)
_OF_RELEASE = CHANGE.c.release_id.in_(
    select(RELEASE.c.id).where(
        RELEASE.c.agency == bindparam("agency"), RELEASE.c.name == bindparam("name")
    )
)
_COMMITTED = (
    select(CHANGE.c.seq, CHANGE.c.encoded, CHANGE.c.salt, LOG_PLACE.c.entry)
    .join(LOG_PLACE, LOG_PLACE.c.seq == CHANGE.c.seq)
    .where(
        _OF_RELEASE,
        CHANGE.c.salt.is_not(None),
        LOG_PLACE.c.origin == bindparam("origin"),
    )
    .order_by(CHANGE.c.seq)
)
_REVEALS = select(CHANGE.c.encoded).where(_OF_RELEASE, CHANGE.c.type == "reveal")


class LogLedger:
    """The register's side of a release log.

    Args:
        database: The register's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, origin: str, *, after: int = 0, most: int = 1_000) -> list[WaitingStatement]:
        """What has this log yet to be given? In order.

        Args:
            origin: The log's name.
            after: Only changes with a higher number.
            most: How many at once.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                _WAITING, {"origin": origin, "after": after, "most": most}
            ).all()
        return [
            WaitingStatement(
                number=row.seq,
                signed=read_signed(row.commitment or row.encoded, where=f"change {row.seq}"),
            )
            for row in rows
        ]

    def place(self, origin: str, places: Sequence[tuple[int, int]], *, logged_at: datetime) -> None:
        """Note where the log has what: number of the change, number of the entry. Again is no harm.

        Raises:
            RegisterError: It has one of them elsewhere, or it cannot be written.
        """
        if not places:
            return
        with self._database.writing() as connection:
            for number, entry in places:
                key = {"number": number, "origin": origin}
                there = connection.execute(_PLACED, key).scalar()
                if there not in {None, entry}:
                    raise RegisterError(
                        f"change {number}: expected entry {there} of {origin!r}, got {entry}"
                    )
                if there is None:
                    connection.execute(
                        insert(LOG_PLACE),
                        {
                            "seq": number,
                            "origin": origin,
                            "entry": entry,
                            "logged_at": to_seconds(logged_at),
                        },
                    )

    def committed(self, origin: str, agency: str, release: str) -> list[PlacedChange]:
        """Of which changes of a release has the log nothing but a commitment?"""
        key = {"agency": agency, "name": release}
        with self._database.reading() as connection:
            rows = connection.execute(_COMMITTED, key | {"origin": origin}).all()
            reveals = connection.execute(_REVEALS, key).scalars().all()
        revealed = {
            statement.salt
            for encoded in reveals
            if isinstance(statement := read_signed(encoded, where="reveal").statement, Reveal)
        }
        return [
            PlacedChange(
                number=row.seq,
                signed=read_signed(row.encoded, where=f"change {row.seq}"),
                salt=row.salt,
                entry=row.entry,
            )
            for row in rows
            if row.salt.hex() not in revealed
        ]


def read_signed(encoded: bytes, *, where: str) -> SignedStatement:
    """Which signed statement is stored here?

    Raises:
        RegisterError: None; the database was edited or is damaged.
    """
    try:
        return parse_signed_statement(encoded, where=where)
    except (MalformedError, LimitError) as error:
        raise RegisterError(f"{error}; run fsck") from error
