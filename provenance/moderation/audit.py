"""The audit: every step that was taken, each entry chained to the one before it.

An entry's digest is SHA-256 over the canonical JSON (RFC 8785) of all its other members,
`prev` among them. So whoever changes, removes, adds or moves one has to make every later
one again; and then the root of a day that was given out before no longer fits.

Whoever appends holds the one row of the head until the transaction ends. Entries are
therefore numbered without gaps, in the order in which the changes become visible; and
because every change of moderation appends, no two of them run at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

import rfc8785
from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from provenance.database.transactions import transaction
from provenance.moderation.model import AuditEvent
from provenance.moderation.tables import audit, audit_heads, audit_roots
from provenance.registry.log.merkle import fold, hash_record
from provenance.registry.log.statement import AuditRoot

__all__ = ["SYSTEM", "AuditFault", "AuditLog", "DayRoot", "detail_of", "event_digest", "writing"]

SYSTEM = "system"
"""The actor of what nobody does: clocks, and what follows by itself."""

_FIRST = "0" * 64
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRoot:
    """What all entries of one day come to.

    Attributes:
        day: The day, UTC, as `2026-05-01`.
        entries: How many entries it has: those up to `last` that no earlier root covers. One
            that was written a moment late, with the time of the day before, is the next one's.
        last: The number of the last entry up to its end.
        root: Root of the Merkle tree over its entries' canonical JSON, hex. Spec: RFC 6962 §2.1.
        head: Digest of the entry `last`: it stands for all before it.
    """

    day: str
    entries: int
    last: int
    root: str
    head: str

    @property
    def document(self) -> bytes:
        """Canonical JSON of it, as it is signed and given out."""
        return rfc8785.dumps(
            {
                "entries": self.entries,
                "day": self.day,
                "head": self.head,
                "last": self.last,
                "root": self.root,
            }
        )

    def statement(self, *, agency: str, subject: str, at: datetime) -> AuditRoot:
        """What an agency signs so that a release log takes this root.

        Args:
            agency: Whose key signs.
            subject: Whose audit it is.
            at: When it is stated.
        """
        since = datetime.combine(date.fromisoformat(self.day), time(), tzinfo=UTC)
        return AuditRoot(
            agency=agency,
            claimed_at=at,
            subject=subject,
            root=self.root,
            count=self.entries,
            since=since,
            until=since + timedelta(days=1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFault:
    """Something in the audit is not as it was written.

    Attributes:
        seq: At which entry.
        what: What is wrong.
    """

    seq: int
    what: str


def _members(event: AuditEvent) -> dict[str, Any]:
    return {
        "actor": event.actor,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "detail": event.detail,
        "object": event.object,
        "prev": event.prev,
        "seq": event.seq,
        "verb": event.verb,
    }


def event_digest(event: AuditEvent) -> str:
    """What has the digest of this entry to be?"""
    return sha256(rfc8785.dumps(_members(event))).hexdigest()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes moderation, alone: all of it happens, or nothing.

    Raises:
        StoreError: The database cannot be written.
    """
    with transaction(engine) as connection:
        _hold(connection)
        yield connection


def _hold(connection: Connection) -> Row[Any]:
    statement = select(audit_heads).where(audit_heads.c.id == 1).with_for_update()
    return connection.execute(statement).one()


class AuditLog:
    """The audit of one service.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(
        self,
        connection: Connection,
        *,
        at: datetime,
        actor: str,
        verb: str,
        object: str,  # noqa: A002 - the word of the record
        detail: Mapping[str, Any] | None = None,
    ) -> AuditEvent:
        """Write down what is being done by this transaction.

        Args:
            connection: Of the transaction of the change.
            at: When.
            actor: A reviewer's id, `key:ID`, `reporter`, `uploader` or `system`.
            verb: What, like `case.claimed`.
            object: To what, like `case:ID`.
            detail: What changed; plain JSON that names no person.
        """
        head = _hold(connection)
        text = rfc8785.dumps(dict(detail or {})).decode("utf-8")
        bare = AuditEvent(
            seq=head.seq + 1,
            at=at.astimezone(UTC),
            actor=actor,
            verb=verb,
            object=object,
            detail=text,
            prev=head.sha256,
            sha256="",
        )
        digest = event_digest(bare)
        event = AuditEvent(**{**_values(bare), "sha256": digest})
        connection.execute(insert(audit).values(_values(event)))
        connection.execute(
            update(audit_heads)
            .where(audit_heads.c.id == 1)
            .values(seq=event.seq, sha256=event.sha256)
        )
        return event

    def events(
        self,
        *,
        after: int = 0,
        object: str | None = None,  # noqa: A002 - the word of the record
        limit: int = 200,
    ) -> Sequence[AuditEvent]:
        """The entries after this number, oldest first; of one object only where it is named."""
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
        if object is not None:
            query = query.where(audit.c.object == object)
        with transaction(self._engine, reads=True) as connection:
            return [_event(row) for row in connection.execute(query)]

    def newest(
        self,
        *,
        before: int | None = None,
        object: str | None = None,  # noqa: A002 - the word of the record
        limit: int = 50,
    ) -> Sequence[AuditEvent]:
        """The entries before this number, newest first; of one object only where it is named."""
        query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.seq < before)
        if object is not None:
            query = query.where(audit.c.object == object)
        with transaction(self._engine, reads=True) as connection:
            return [_event(row) for row in connection.execute(query)]

    def latest(self, connection: Connection, object: str, *, limit: int) -> Sequence[AuditEvent]:  # noqa: A002
        """The last entries about an object, newest first."""
        query = (
            select(audit).where(audit.c.object == object).order_by(audit.c.seq.desc()).limit(limit)
        )
        return [_event(row) for row in connection.execute(query)]

    def head(self) -> tuple[int, str]:
        """Number and digest of the last entry; zeros where there is none."""
        with transaction(self._engine, reads=True) as connection:
            row = connection.execute(select(audit_heads).where(audit_heads.c.id == 1)).one()
            return row.seq, row.sha256

    def close_days(self, *, now: datetime) -> Sequence[DayRoot]:
        """Make the roots of all days that are over and have none: which ones?

        Days on which nothing happened have one too: that nothing happened is stated.
        """
        today = now.astimezone(UTC).date()
        with transaction(self._engine, reads=True) as connection:
            last = connection.execute(select(func.max(audit_roots.c.day))).scalar_one()
            first = connection.execute(select(func.min(audit.c.at))).scalar_one()
        if last is not None:
            day = date.fromisoformat(last) + timedelta(days=1)
        elif first is not None:
            day = first.astimezone(UTC).date()
        else:
            return []
        made = []
        while day < today:
            with writing(self._engine) as connection:
                known = audit_roots.c.day == day.isoformat()
                if connection.execute(select(audit_roots.c.day).where(known)).first() is None:
                    root = _root_of(connection, day)
                    connection.execute(
                        insert(audit_roots).values(**_root_values(root), made_at=now)
                    )
                    made.append(root)
            day += timedelta(days=1)
        return made

    def roots(self, *, since: str = "", limit: int = 400) -> Sequence[DayRoot]:
        """The roots of days from this one on, oldest first."""
        query = (
            select(audit_roots)
            .where(audit_roots.c.day >= since)
            .order_by(audit_roots.c.day)
            .limit(limit)
        )
        with transaction(self._engine, reads=True) as connection:
            return [_root(row) for row in connection.execute(query)]

    def verify(self, *, given_out: Sequence[DayRoot] = ()) -> Sequence[AuditFault]:
        """Is every entry still what and where it was? Nothing: yes.

        Args:
            given_out: Roots that somebody else kept. Without them, one who may write to the
                database could have made the whole chain again.

        Raises:
            StoreError: The database cannot be read.
        """
        faults: list[AuditFault] = []
        with transaction(self._engine, reads=True) as connection:
            seq, prev, heads = 0, _FIRST, {0: _FIRST}
            leaves: list[bytes] = []
            for event in _all(connection):
                if event.seq != seq + 1:
                    missing = f"entries {seq + 1} to {event.seq - 1} are missing"
                    faults.append(AuditFault(seq=seq + 1, what=missing))
                elif event.prev != prev:
                    faults.append(
                        AuditFault(seq=event.seq, what="does not follow the entry before it")
                    )
                if event_digest(event) != event.sha256:
                    faults.append(AuditFault(seq=event.seq, what="was changed"))
                seq, prev = event.seq, event.sha256
                heads[seq] = prev
                leaves.append(_leaf(event))
            head = connection.execute(select(audit_heads).where(audit_heads.c.id == 1)).one()
            if head.seq != seq:
                ends = f"expected the last entry to be {head.seq}, got {seq}"
                faults.append(AuditFault(seq=min(head.seq, seq) + 1, what=ends))
            elif head.sha256 != prev:
                faults.append(AuditFault(seq=seq, what="is not the last entry that was written"))
            kept = [_root(row) for row in connection.execute(select(audit_roots))]
        for root in [*kept, *given_out]:
            covered = leaves[root.last - root.entries : root.last]
            if fold(covered).hex() != root.root or heads.get(root.last) != root.head:
                what = f"does not fit the root of {root.day}"
                faults.append(AuditFault(seq=root.last, what=what))
        return faults


def _all(connection: Connection) -> Iterator[AuditEvent]:
    after = -1
    while True:
        # Whatever number is there, a wrong one too.
        query = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(_PAGE)
        rows = connection.execute(query).all()
        yield from map(_event, rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def _root_of(connection: Connection, day: date) -> DayRoot:
    until = datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=1)
    before = connection.execute(select(func.max(audit_roots.c.last))).scalar_one() or 0
    # Clocks of several machines may differ a little: the last entry is the last by number.
    found = select(func.max(audit.c.seq)).where(audit.c.at < until, audit.c.seq > before)
    last = connection.execute(found).scalar_one() or before
    query = select(audit).where(audit.c.seq <= last).order_by(audit.c.seq)
    events = [_event(row) for row in connection.execute(query.where(audit.c.seq > before))]
    head = connection.execute(select(audit.c.sha256).where(audit.c.seq == last)).scalar()
    return DayRoot(
        day=day.isoformat(),
        entries=len(events),
        last=last,
        root=fold(list(map(_leaf, events))).hex(),
        head=head or _FIRST,
    )


def _leaf(event: AuditEvent) -> bytes:
    return hash_record(rfc8785.dumps({**_members(event), "sha256": event.sha256}))


def _values(event: AuditEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in AuditEvent.__slots__}


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        verb=row.verb,
        object=row.object,
        detail=row.detail,
        prev=row.prev,
        sha256=row.sha256,
    )


def _root_values(root: DayRoot) -> dict[str, Any]:
    return {name: getattr(root, name) for name in DayRoot.__slots__}


def _root(row: Row[Any]) -> DayRoot:
    return DayRoot(day=row.day, entries=row.entries, last=row.last, root=row.root, head=row.head)


def detail_of(event: AuditEvent) -> dict[str, Any]:
    """What changed, as values."""
    values: dict[str, Any] = json.loads(event.detail)
    return values
