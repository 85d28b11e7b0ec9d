"""The block list: files that a decision keeps from being uploaded again.

An entry exists because of a decision and no longer than it. Equal bytes (SHA-256) are
blocked, because a person has judged exactly these. A picture that looks alike (PDQ) is only
proposed to a person: nearness is a lead. What an agency proves to have released is never
blocked for looking alike.

Two brakes: an entry is switched off by one command, and one that suddenly hits far more
uploads than is to be expected stops blocking by itself and calls for a person. Until that
person has looked, exactly these bytes are still proposed to be held back: else whoever wants
them through would only have to send them often enough.

Source: 31 bits is the distance at which PDQ codes are confidently of the same picture
(Davis, Rosen 2019). Bad entries do spread by lists: Prokos et al., "Squint Hard Enough"
(USENIX Security 2023).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, Select, func, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.fingerprints.pdq import CONFIDENT_BITS
from provenance.moderation.outcomes.tables import hash_entries

__all__ = [
    "BlockAnswer",
    "EntryState",
    "FloodRule",
    "HashAlgorithm",
    "HashEntry",
    "HashList",
    "Proposal",
    "distance",
]

_HEX = re.compile("[0-9a-f]{64}")


class HashAlgorithm(StrEnum):
    """What an entry compares."""

    SHA256 = "sha-256"
    PDQ = "pdq"


class EntryState(StrEnum):
    """Whether an entry counts."""

    ACTIVE = "active"
    DISABLED = "disabled"
    """A person switched it off."""
    QUARANTINED = "quarantined"
    """It hit far more than is to be expected; a person looks at it."""
    WITHDRAWN = "withdrawn"
    """Its decision holds no more. It never counts again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashEntry:
    """One entry.

    Attributes:
        id: Its name.
        decision: Because of which decision.
        case: In which of its cases.
        subject: Which subject of it.
        algorithm: What is compared.
        value: With what, hex.
        state: Whether it counts.
        why: Why it does not.
        disabled_until: Until when it is switched off; None beside `disabled`: until somebody
            switches it on.
        ends_at: Until when its decision holds.
        hits: How often it hit at all.
        window_began_at: Since when `window_hits` counts.
        window_hits: How often it hit since then.
        created_at: When it was made.
    """

    id: str
    decision: str
    case: str
    subject: str
    algorithm: HashAlgorithm
    value: str
    state: EntryState
    created_at: datetime
    window_began_at: datetime
    why: str | None = None
    disabled_until: datetime | None = None
    ends_at: datetime | None = None
    hits: int = 0
    window_hits: int = 0

    def is_over(self, now: datetime) -> bool:
        """Does its decision hold no more?"""
        return self.ends_at is not None and self.ends_at <= now

    def counts(self, now: datetime) -> bool:
        """Does it count at this time?"""
        if self.is_over(now):
            return False
        if self.state is EntryState.DISABLED:
            return self.disabled_until is not None and self.disabled_until <= now
        return self.state is EntryState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodRule:
    """When does an entry hit so often that something is wrong with it?

    Attributes:
        window: Hits are counted over so long.
        expected: How many of one entry are ordinary in that time.
        factor: How many times as many are a flood.
    """

    window: timedelta = timedelta(hours=1)
    expected: int = 20
    factor: int = 10

    @property
    def most(self) -> int:
        """How many hits an entry may have in one window."""
        return self.expected * self.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An entry that an upload looks like: for a person to look at.

    Attributes:
        entry: The entry.
        distance: In how many of 256 bits they differ.
    """

    entry: HashEntry
    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAnswer:
    """What the list says of an upload.

    Attributes:
        blocked_by: The entries of exactly these bytes; empty: it is not blocked.
        proposals: Entries that look alike, the nearest first.
        quarantined: Entries that this very question was one too many for; of exactly these
            bytes, they are among the proposals too.
    """

    blocked_by: tuple[HashEntry, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    quarantined: tuple[HashEntry, ...] = ()

    @property
    def blocked(self) -> bool:
        """Should the upload be refused?"""
        return bool(self.blocked_by)


def distance(one: str, other: str) -> int:
    """In how many bits do these two codes (hex) differ?"""
    return (int(one, 16) ^ int(other, 16)).bit_count()


OnFlood = Callable[[Connection, HashEntry, datetime], None]
"""Told of an entry that was just quarantined, in the same transaction."""


class HashList:
    """The block list of a service.

    Args:
        engine: The database.
        flood: When an entry is quarantined.
        on_flood: Told of it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        flood: FloodRule | None = None,
        on_flood: OnFlood | None = None,
    ) -> None:
        self._engine = engine
        self._flood = flood or FloodRule()
        self._on_flood = on_flood

    @staticmethod
    def add(  # noqa: PLR0913 - the facts of one entry
        connection: Connection,
        *,
        id: str,  # noqa: A002 - the column's name
        decision: str,
        case: str,
        subject: str,
        algorithm: HashAlgorithm,
        value: str,
        ends_at: datetime | None,
        now: datetime,
    ) -> None:
        """Put an entry in, inside the transaction of its decision; the same twice is once.

        Raises:
            ConflictError: The value is not 64 digits of hex.
        """
        if not _HEX.fullmatch(value):
            raise ConflictError(
                f"hash entry: expected 64 hexadecimal digits for {algorithm.value}, "
                f"got {len(value)} characters"
            )
        insert_unless_there(
            connection,
            hash_entries,
            id=id,
            decision=decision,
            case=case,
            subject=subject,
            algorithm=algorithm.value,
            value=value,
            state=EntryState.ACTIVE.value,
            ends_at=ends_at,
            hits=0,
            window_began_at=now,
            window_hits=0,
            created_at=now,
        )

    @staticmethod
    def withdraw(
        connection: Connection, *, decision: str, case: str, why: str
    ) -> Sequence[HashEntry]:
        """Take out all entries of a decision in a case for good: which were they?"""
        mine = (
            (hash_entries.c.decision == decision)
            & (hash_entries.c.case == case)
            & (hash_entries.c.state != EntryState.WITHDRAWN.value)
        )
        rows = connection.execute(select(hash_entries).where(mine)).all()
        connection.execute(
            update(hash_entries)
            .where(mine)
            .values(state=EntryState.WITHDRAWN.value, why=why[:400], disabled_until=None)
        )
        return [_entry(row) for row in rows]

    @staticmethod
    def disable(
        connection: Connection, entry: str, *, why: str, until: datetime | None = None
    ) -> HashEntry:
        """Switch an entry off now, for a time or until it is switched on.

        Raises:
            ConflictError: There is none, or it is withdrawn.
        """
        return _change(
            connection, entry, state=EntryState.DISABLED.value, why=why[:400], disabled_until=until
        )

    @staticmethod
    def enable(connection: Connection, entry: str, *, now: datetime) -> HashEntry:
        """Let an entry count again that was switched off or quarantined.

        Raises:
            ConflictError: There is none, or it is withdrawn.
        """
        return _change(
            connection,
            entry,
            state=EntryState.ACTIVE.value,
            why=None,
            disabled_until=None,
            window_began_at=now,
            window_hits=0,
        )

    @staticmethod
    def named(connection: Connection, entry: str) -> HashEntry:
        """The entry of this name.

        Raises:
            NotFoundError: There is none.
        """
        row = connection.execute(
            select(hash_entries).where(hash_entries.c.id == entry)
        ).one_or_none()
        if row is None:
            raise NotFoundError(f"hash entry {entry!r:.44}: expected one of the list, got none")
        return _entry(row)

    def entries(
        self,
        *,
        decision: str | None = None,
        state: EntryState | None = None,
        most: int = 500,
        offset: int = 0,
    ) -> Sequence[HashEntry]:
        """The entries, of one decision, in one state, or the newest of all."""
        statement = select(hash_entries).order_by(
            hash_entries.c.created_at.desc(), hash_entries.c.id
        )
        if decision is not None:
            statement = statement.where(hash_entries.c.decision == decision)
        if state is not None:
            statement = statement.where(hash_entries.c.state == state.value)
        with transaction(self._engine, reads=True) as connection:
            return [_entry(row) for row in connection.execute(statement.limit(most).offset(offset))]

    def count(self, state: EntryState) -> int:
        """How many entries are in this state?"""
        statement = select(func.count()).where(hash_entries.c.state == state.value)
        with transaction(self._engine, reads=True) as connection:
            return connection.execute(statement).scalar_one()

    def check(
        self,
        *,
        sha256: str,
        pdq: Sequence[str] = (),
        official: bool = False,
        now: datetime,
    ) -> BlockAnswer:
        """May these bytes be uploaded, as far as decisions say?

        Args:
            sha256: Digest of the bytes, hex.
            pdq: Codes of the picture, hex; of a picture turned or mirrored, several.
            official: Whether the verdict about them is `official`: then nothing is proposed
                for looking alike. A decision about exactly these bytes still counts.
            now: The time.

        Raises:
            ConflictError: A digest or code is not 64 hexadecimal digits.
            StoreError: The database cannot be used.
        """
        for name, value in [("sha256", sha256), *(("pdq", code) for code in pdq)]:
            if not _HEX.fullmatch(value):
                raise ConflictError(f"{name}: expected 64 hexadecimal digits")
        proposals = () if official else self._alike(pdq, now)
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(_where(HashAlgorithm.SHA256, value=sha256)).all()
        equal = _counting(rows, now)
        held = [
            entry
            for entry in map(_entry, rows)
            if entry.state is EntryState.QUARANTINED and not entry.is_over(now)
        ]
        if not equal and not proposals:
            # By far the most questions: nothing is written for them.
            return BlockAnswer(proposals=_held(held))
        with transaction(self._engine) as connection:
            blocked, gone = self._hit(connection, [entry.id for entry in equal], now)
            near = {proposal.entry.id: proposal for proposal in proposals}
            kept, gone_too = self._hit(connection, list(near), now)
        return BlockAnswer(
            blocked_by=blocked,
            proposals=(
                *_held([*held, *gone]),
                *sorted(
                    (replace(near[entry.id], entry=entry) for entry in kept),
                    key=lambda proposal: (proposal.distance, proposal.entry.id),
                ),
            ),
            quarantined=(*gone, *gone_too),
        )

    def _alike(self, codes: Sequence[str], now: datetime) -> tuple[Proposal, ...]:
        if not codes:
            return ()
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(_where(HashAlgorithm.PDQ)).all()
        found = []
        for entry in _counting(rows, now):
            apart = min(distance(entry.value, code) for code in codes)
            if apart <= CONFIDENT_BITS:
                found.append(Proposal(entry=entry, distance=apart))
        return tuple(found)

    def _hit(
        self, connection: Connection, ids: Sequence[str], now: datetime
    ) -> tuple[tuple[HashEntry, ...], tuple[HashEntry, ...]]:
        """Count a hit of each: which still count, and which were quarantined by it?"""
        if not ids:
            return (), ()
        rows = connection.execute(
            select(hash_entries)
            .where(hash_entries.c.id.in_(ids))
            .order_by(hash_entries.c.id)
            .with_for_update()
        ).all()
        kept: list[HashEntry] = []
        gone: list[HashEntry] = []
        for entry in _counting(rows, now):
            fresh = now - entry.window_began_at >= self._flood.window
            hits = 1 if fresh else entry.window_hits + 1
            flooded = hits > self._flood.most
            values: dict[str, object] = {
                "hits": entry.hits + 1,
                "window_hits": hits,
                "window_began_at": now if fresh else entry.window_began_at,
            }
            if flooded:
                values |= {
                    "state": EntryState.QUARANTINED.value,
                    "why": f"more than {self._flood.most} hits in "
                    f"{int(self._flood.window.total_seconds())} s",
                }
            connection.execute(
                update(hash_entries).where(hash_entries.c.id == entry.id).values(**values)
            )
            changed = replace(
                entry,
                hits=entry.hits + 1,
                window_hits=hits,
                state=EntryState.QUARANTINED if flooded else entry.state,
            )
            (gone if flooded else kept).append(changed)
            if flooded and self._on_flood is not None:
                self._on_flood(connection, changed, now)
        return tuple(kept), tuple(gone)


def _held(entries: Sequence[HashEntry]) -> tuple[Proposal, ...]:
    return tuple(Proposal(entry=entry, distance=0) for entry in entries)


def _where(algorithm: HashAlgorithm, *, value: str | None = None) -> Select[tuple[object, ...]]:
    statement = select(hash_entries).where(
        hash_entries.c.algorithm == algorithm.value,
        hash_entries.c.state != EntryState.WITHDRAWN.value,
    )
    return statement if value is None else statement.where(hash_entries.c.value == value)


def _counting(rows: Sequence[Row[tuple[object, ...]]], now: datetime) -> list[HashEntry]:
    return [entry for entry in map(_entry, rows) if entry.counts(now)]


def _change(connection: Connection, id_: str, **values: object) -> HashEntry:
    row = connection.execute(
        select(hash_entries).where(hash_entries.c.id == id_).with_for_update()
    ).one_or_none()
    if row is None or row.state == EntryState.WITHDRAWN.value:
        got = "none" if row is None else "a withdrawn one"
        raise ConflictError(f"hash entry {id_!r:.44}: expected one of the list, got {got}")
    connection.execute(update(hash_entries).where(hash_entries.c.id == id_).values(**values))
    changed = connection.execute(select(hash_entries).where(hash_entries.c.id == id_)).one()
    return _entry(changed)


def _entry(row: Row[tuple[object, ...]]) -> HashEntry:
    return HashEntry(
        id=row.id,
        decision=row.decision,
        case=row.case,
        subject=row.subject,
        algorithm=HashAlgorithm(row.algorithm),
        value=row.value,
        state=EntryState(row.state),
        created_at=row.created_at,
        window_began_at=row.window_began_at,
        why=row.why,
        disabled_until=row.disabled_until,
        ends_at=row.ends_at,
        hits=row.hits,
        window_hits=row.window_hits,
    )
