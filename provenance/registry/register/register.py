"""The register of releases: what agencies state is taken in here, and read through views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, bindparam, func, select, update

from provenance.database.database import Database
from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.bindings import BindingDesk
from provenance.registry.register.checking import check_change
from provenance.registry.register.feed import CodeFeed
from provenance.registry.register.ledger import LogLedger
from provenance.registry.register.moments import from_seconds, to_seconds
from provenance.registry.register.records import Change, Taken
from provenance.registry.register.schema import CHANGE, COUNTER
from provenance.registry.register.taking import Taker
from provenance.registry.register.view import NearestOwners, RegisterView, Resembler
from provenance.registry.register.visibility import Reader

__all__ = ["Register"]

_KNOWN_AT_ONCE = 500
_SIZE = select(func.count()).select_from(CHANGE)
_FIND_DIGESTS = select(CHANGE.c.digest, CHANGE.c.seq).where(
    CHANGE.c.digest.in_(bindparam("digests", expanding=True))
)


@dataclass(frozen=True, slots=True)
class _Entry:
    change: Change
    digest: bytes
    taken_at: datetime
    where: str


class Register:
    """A register; a context manager. Threads may share it, and other processes write too.

    Args:
        place: A path, or a URL: `postgresql://...`. A file that is not there is made.
        read_only: Nothing is to be made or written.
        agencies: Whose statements are taken; by default, those of everybody whose
            signature is right.

    Raises:
        RegisterError: It cannot be used.
    """

    def __init__(
        self,
        place: str | Path,
        *,
        read_only: bool = False,
        agencies: AgencyChecker | None = None,
    ) -> None:
        self._place = place
        self.database = Database(place, read_only=read_only)
        self._aside: Database | None = None
        self._agencies = agencies or AgencyChecker(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """What it is called; never with a password."""
        return self.database.name

    @property
    def agencies(self) -> AgencyChecker:
        """Whose statements are taken?"""
        return self._agencies

    def correct_clock(self, wrong: datetime, *, now: datetime) -> None:
        """Go on although a change was taken by a clock that was far ahead.

        What was taken then says that time for ever, and what was signed for it counts from it.

        Args:
            wrong: When the last change was taken, named so that nobody corrects another.
            now: By the register's clock.

        Raises:
            RegisterError: It is not that time, it has come, or it cannot be written.
        """
        with self.database.writing() as connection:
            last = from_seconds(connection.execute(select(COUNTER.c.clock)).scalar_one())
            if wrong != last:
                raise RegisterError(
                    f"{self.name}: expected when the last change was taken, {last.isoformat()}"
                )
            if wrong <= now:
                raise RegisterError(
                    f"{self.name}: {wrong.isoformat()} has come; nothing to be done"
                )
            connection.execute(update(COUNTER), {"clock": to_seconds(now)})

    def close(self) -> None:
        """Let go of the database."""
        if self._aside is not None:
            self._aside.close()
        self.database.close()

    @property
    def size(self) -> int:
        """How many signed changes are there?"""
        with self.database.reading() as connection:
            return int(connection.execute(_SIZE).scalar_one())

    @property
    def codes(self) -> CodeFeed:
        """What a search in memory follows."""
        return CodeFeed(self.database)

    @property
    def ledger(self) -> LogLedger:
        """What release logs have of it."""
        return LogLedger(self.database)

    def bindings(self, agency: str | None = None, *, clock: Callable[[], datetime]) -> BindingDesk:
        """Soft bindings and stored manifests, for this reader; an agency may change its own."""
        return BindingDesk(self.database, agency, clock)

    def view(
        self,
        agency: str | None = None,
        *,
        clock: Callable[[], datetime],
        search: NearestOwners | None = None,
        resembler: Resembler | None = None,
        aside: bool = False,
    ) -> RegisterView:
        """What does this reader see?

        Args:
            agency: Who asks, if it is an agency that has shown that it is; it sees its own
                entries also while they are under embargo.
            clock: What time it is: no time that is asked about ends an embargo sooner.
            search: Finds soft bindings that are near, not equal.
            resembler: Answers about resemblance.
            aside: For whoever asks while holding one of the register's connections: those of
                this view are others. Where all were held and all their holders waited for a
                second one, nobody would get any.
        """
        database = self.database
        if aside:
            self._aside = self._aside or Database(self._place, read_only=True)
            database = self._aside
        reader = Reader(agency=agency, clock=clock)
        return RegisterView(database, reader, search=search, resembler=resembler)

    def take(self, changes: Sequence[Change], *, at: datetime, skip_known: bool = False) -> Taken:
        """Take these changes in: all of them, or none.

        Args:
            changes: In their order.
            at: Now, by the register's clock; aware.
            skip_known: One that the register has already is passed over, so that an import
                that was interrupted can simply be repeated. Otherwise it is an error.

        Raises:
            RegisterError: One may not be taken in, or the register cannot be written.
        """
        return self.take_at(changes, times=[at] * len(changes), skip_known=skip_known)

    def take_at(
        self,
        changes: Sequence[Change],
        *,
        times: Sequence[datetime],
        skip_known: bool = False,
        believed: bool = False,
    ) -> Taken:
        """The same, for changes of which each was taken at a time of its own.

        Args:
            changes: In their order.
            times: When each was taken in.
            skip_known: As for `take`.
            believed: The times are another register's, and may lie in the past. Whoever
                believes them believes that a key which is disowned by now was not then.

        Raises:
            RegisterError: As for `take`.
        """
        entries = [
            _Entry(change, change.signed.digest, moment, _place(change, number))
            for number, (change, moment) in enumerate(zip(changes, times, strict=True))
        ]
        digests = [entry.digest for entry in entries]
        with self.database.reading() as connection:
            known = _known(connection, digests)
        for entry in entries:
            # Outside of the transaction: others may write while signatures are checked.
            if entry.digest not in known:
                check_change(
                    entry.change,
                    taken_at=entry.taken_at,
                    agencies=self._agencies,
                    where=entry.where,
                )
        numbers: list[int] = []
        added = 0
        with self.database.writing() as connection:
            known = _known(connection, digests)
            taker = Taker(connection, name=self.name, believed=believed)
            for entry in entries:
                seq = known.get(entry.digest)
                if seq is not None and not skip_known:
                    raise RegisterError(f"{entry.where}: is in the register already, change {seq}")
                if seq is None:
                    seq = taker.take(
                        entry.change, entry.digest, taken_at=entry.taken_at, where=entry.where
                    )
                    known[entry.digest] = seq
                    added += 1
                numbers.append(seq)
            taker.finish()
        return Taken(numbers=tuple(numbers), added=added)


def _known(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Which of these statements are there, and under which numbers?"""
    known: dict[bytes, int] = {}
    for start in range(0, len(digests), _KNOWN_AT_ONCE):
        rows = connection.execute(
            _FIND_DIGESTS, {"digests": list(digests[start : start + _KNOWN_AT_ONCE])}
        )
        known.update((bytes(row.digest), row.seq) for row in rows)
    return known


def _place(change: Change, number: int) -> str:
    statement = change.signed.statement
    release = getattr(statement, "release", None)
    what = f" of {statement.agency}" if release is None else f" {statement.agency}/{release}"
    return f"statement {number}, {statement.type}{what}"
