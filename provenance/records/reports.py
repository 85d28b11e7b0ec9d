"""Stored reports: kept for a time, found by who may find them, stale when the world moved on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, or_, select, update

from provenance.database.transactions import transaction
from provenance.records.judged_with import judged_by
from provenance.records.tables import reports
from provenance.report import Report

__all__ = ["ReportStore", "StoredReport", "stored"]

_MOST_FOUND = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report as it is kept.

    Attributes:
        id: Its name, which nobody can guess.
        owner: Id of the key that uploaded the file; None for nobody's.
        reader: The agency in whose view of the register it was judged.
        document: The report, as JSON.
        policy: Name of the policy.
        judged_with: Digest of all it was judged with.
        release_stamp: What the register said of its releases then, as one value.
        signer_stamp: What the directory said of its signer then; None: unknown.
        judged_at: When.
        created_at: When the file was uploaded.
        ends_at: When it is forgotten.
        upload: Name of the kept bytes; None where they were deleted.
        sidecar: Name of the kept sidecar.
    """

    id: str
    owner: str | None
    reader: str | None
    document: str
    policy: str
    judged_with: str
    release_stamp: str
    judged_at: datetime
    created_at: datetime
    ends_at: datetime
    upload: str | None = None
    sidecar: str | None = None
    signer_stamp: str | None = None

    @property
    def report(self) -> Report:
        """The report itself."""
        return Report.model_validate_json(self.document)


def stored(  # noqa: PLR0913 - the facts of one row
    report: Report,
    document: str,
    *,
    id: str,  # noqa: A002 - the column's name
    owner: str | None,
    reader: str | None,
    policy: str,
    release_stamp: str,
    now: datetime,
    ends_at: datetime,
    upload: str | None = None,
    sidecar: str | None = None,
    signer_stamp: str | None = None,
) -> StoredReport:
    """The record of a report that was just made."""
    return StoredReport(
        id=id,
        owner=owner,
        reader=reader,
        document=document,
        policy=policy,
        judged_with=judged_by(report.context).sha256,
        release_stamp=release_stamp,
        judged_at=report.context.verified_at,
        created_at=now,
        ends_at=ends_at,
        upload=upload,
        sidecar=sidecar,
        signer_stamp=signer_stamp,
    )


class ReportStore:
    """The stored reports of a service."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(
        self, entry: StoredReport, report: Report, *also: Callable[[Connection], object]
    ) -> None:
        """Store a report that is new.

        Args:
            entry: Its record.
            report: The report.
            also: What is written with it, or not at all; an exception of one undoes all.

        Raises:
            StoreError: The database cannot be written.
        """
        with transaction(self._engine) as connection:
            connection.execute(insert(reports).values(_values(entry, report)))
            for write in also:
                write(connection)

    def delete(self, id: str, *, owner: str) -> Sequence[str] | None:  # noqa: A002
        """Forget this key's report now: which kept files are nobody's? None: it has no such."""
        with transaction(self._engine) as connection:
            mine = (reports.c.id == id) & (reports.c.owner == owner)
            row = connection.execute(select(reports).where(mine)).one_or_none()
            if row is None:
                return None
            connection.execute(delete(reports).where(mine))
        return [name for name in (row.upload, row.sidecar) if name]

    def get(self, id: str, *, reader: str | None, now: datetime) -> StoredReport | None:  # noqa: A002
        """The report of this name, unless its time is over or it is in another's view.

        Args:
            id: Its name.
            reader: The agency of whoever asks.
            now: The time.

        Raises:
            StoreError: The database cannot be read.
        """
        with transaction(self._engine, reads=True) as connection:
            row = connection.execute(
                select(reports)
                .where(reports.c.id == id, reports.c.ends_at > now)
                .where(or_(reports.c.reader.is_(None), reports.c.reader == reader))
            ).one_or_none()
        return None if row is None else _entry(row)

    def find(
        self, sha256: str, *, owner: str, reader: str | None, now: datetime
    ) -> Sequence[StoredReport]:
        """The reports of this file that this key uploaded, the newest first."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(reports)
                .where(reports.c.owner == owner, reports.c.sha256 == sha256)
                .where(reports.c.ends_at > now)
                .where(or_(reports.c.reader.is_(None), reports.c.reader == reader))
                .order_by(reports.c.created_at.desc(), reports.c.id)
                .limit(_MOST_FOUND)
            ).all()
        return [_entry(row) for row in rows]

    def lease_outdated(
        self,
        *,
        policy: str,
        judged_with: str,
        now: datetime,
        until: datetime,
        most: int,
    ) -> Sequence[StoredReport]:
        """Reports of this policy that were judged with something else, for one to judge again.

        Only those whose bytes are kept. Nobody else gets them until the lease is over.
        """
        return self._lease(
            reports.c.policy == policy, reports.c.judged_with != judged_with,
            now=now, until=until, most=most,
        )  # fmt: skip

    def lease(self, id: str, *, now: datetime, until: datetime) -> StoredReport | None:  # noqa: A002
        """This report, for one to judge again; None where its bytes are gone or it is leased."""
        return next(iter(self._lease(reports.c.id == id, now=now, until=until, most=1)), None)

    def _lease(
        self, *which: ColumnElement[bool], now: datetime, until: datetime, most: int
    ) -> list[StoredReport]:
        free = or_(reports.c.leased_until.is_(None), reports.c.leased_until <= now)
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(reports)
                .where(*which, reports.c.upload.is_not(None), reports.c.ends_at > now, free)
                .order_by(reports.c.judged_at)
                .limit(most)
                .with_for_update(skip_locked=True)
            ).all()
            ids = [row.id for row in rows]
            connection.execute(
                update(reports).where(reports.c.id.in_(ids)).values(leased_until=until)
            )
        return [_entry(row) for row in rows]

    def kept(self, *, after: str, most: int, now: datetime) -> Sequence[StoredReport]:
        """Reports whose bytes are kept, by id, for a round through all of them."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(reports)
                .where(reports.c.id > after, reports.c.upload.is_not(None))
                .where(reports.c.ends_at > now)
                .order_by(reports.c.id)
                .limit(most)
            ).all()
        return [_entry(row) for row in rows]

    def replace(self, entry: StoredReport, report: Report) -> None:
        """Put a newer judgement in the place of an older one of the same name."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(reports)
                .where(reports.c.id == entry.id)
                .values({**_values(entry, report), "leased_until": None})
            )

    def in_use(self, names: Collection[str]) -> frozenset[str]:
        """Which of these files are kept with a report?"""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(reports.c.upload, reports.c.sidecar).where(
                    or_(reports.c.upload.in_(names), reports.c.sidecar.in_(names))
                )
            ).all()
        return frozenset(name for row in rows for name in row if name)

    def forget(self, *, now: datetime, most: int = 500) -> Sequence[str]:
        """Delete reports whose time is over: which kept files are nobody's now?"""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(reports.c.id, reports.c.upload, reports.c.sidecar)
                .where(reports.c.ends_at <= now)
                .limit(most)
            ).all()
            connection.execute(delete(reports).where(reports.c.id.in_([row.id for row in rows])))
        return [name for row in rows for name in (row.upload, row.sidecar) if name]


def _values(entry: StoredReport, report: Report) -> dict[str, object]:
    return {
        "id": entry.id,
        "owner": entry.owner,
        "reader": entry.reader,
        "sha256": report.asset.sha256,
        "verdict": report.verdict.value,
        "document": entry.document,
        "policy": entry.policy,
        "judged_with": entry.judged_with,
        "release_stamp": entry.release_stamp,
        "signer_stamp": entry.signer_stamp,
        "judged_at": entry.judged_at,
        "created_at": entry.created_at,
        "ends_at": entry.ends_at,
        "upload": entry.upload,
        "sidecar": entry.sidecar,
    }


def _entry(row: Row[tuple[object, ...]]) -> StoredReport:
    return StoredReport(
        id=row.id,
        owner=row.owner,
        reader=row.reader,
        document=row.document,
        policy=row.policy,
        judged_with=row.judged_with,
        release_stamp=row.release_stamp,
        judged_at=row.judged_at,
        created_at=row.created_at,
        ends_at=row.ends_at,
        upload=row.upload,
        sidecar=row.sidecar,
        signer_stamp=row.signer_stamp,
    )
