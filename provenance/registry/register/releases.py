"""Releases and files as one reader sees them at one time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from provenance.errors import RegisterError
from provenance.registry.log.statement import Statement, Supersede
from provenance.registry.register.moments import from_seconds
from provenance.registry.register.schema import CHANGE, FILE, LOG_PLACE, RELEASE
from provenance.registry.register.status import derive_status, read_statement
from provenance.registry.register.visibility import Reader
from provenance.verification.register import LogPlace, RegisteredFile, RegisteredRelease

__all__ = ["MAX_ROWS", "ReleaseReader"]

MAX_ROWS = 200
"""Most rows that one question is answered from."""


class ReleaseReader:
    """Builds what is shown of releases, within one transaction that reads.

    Args:
        connection: The transaction.
        reader: Who asks.
        at: As of when.
    """

    def __init__(self, connection: Connection, reader: Reader, at: datetime) -> None:
        self._db = connection
        self._reader = reader
        self._at = at
        self._shown = reader.sees_file(at)
        self._releases: dict[int, RegisteredRelease] = {}

    def query(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """A question about files that this reader sees."""
        joined = FILE.join(RELEASE, RELEASE.c.id == FILE.c.release_id)
        return select(*FILE.c, *columns).select_from(joined).where(self._shown)

    def files(self, condition: ColumnElement[bool]) -> tuple[RegisteredFile, ...]:
        """Which files meet the condition? Each once for a release, the first stated first."""
        rows = self._db.execute(
            self.query().where(condition).order_by(FILE.c.seq, FILE.c.id).limit(MAX_ROWS)
        )
        found = {(row.release_id, row.sha256, row.rendition_of): row for row in rows}
        return tuple(self.file_of(row) for row in found.values())

    def file_of(self, row: Row[Any]) -> RegisteredFile:
        """Which file is in this row of a `query`?"""
        return RegisteredFile(
            release=self.release(row.release_id),
            sha256=row.sha256,
            media_type=row.media_type,
            rendition_of=row.rendition_of,
        )

    def release(self, release_id: int) -> RegisteredRelease:
        """How does this release stand? One of its files has to be shown."""
        if release_id not in self._releases:
            self._releases[release_id] = self._build(release_id)
        return self._releases[release_id]

    def find(self, agency: str, name: str) -> RegisteredRelease | None:
        """Which release is this, if it is shown?"""
        rows = self._db.execute(
            self.query().where(RELEASE.c.agency == agency, RELEASE.c.name == name).limit(1)
        )
        return next((self.release(row.release_id) for row in rows), None)

    def _build(self, release_id: int) -> RegisteredRelease:
        agency, name = self._db.execute(
            select(RELEASE.c.agency, RELEASE.c.name).where(RELEASE.c.id == release_id)
        ).one()
        stated = self._first_stated(release_id)
        status = derive_status(stated, self._later(release_id, agency))
        return RegisteredRelease(
            agency=agency,
            release=name,
            title=self._title(release_id),
            state=status.state,
            changed_at=status.changed_at,
            reason=status.reason,
            replaced_by=status.replaced_by,
            first_stated_at=stated,
            log=self._log_place(release_id),
            channels=self._channels(release_id),
        )

    def _statements(self, release_id: int) -> Select[Any]:
        """Numbers of the statements of which a file is shown."""
        return self.query().where(FILE.c.release_id == release_id).with_only_columns(FILE.c.seq)

    def _first_stated(self, release_id: int) -> datetime:
        found = self._db.execute(
            select(func.min(CHANGE.c.claimed_at)).where(
                CHANGE.c.seq.in_(self._statements(release_id))
            )
        ).scalar()
        if found is None:
            raise RegisterError("a release of which nothing is shown has no first statement")
        return from_seconds(found)

    def _log_place(self, release_id: int) -> LogPlace | None:
        row = self._db.execute(
            select(LOG_PLACE)
            .where(LOG_PLACE.c.seq.in_(self._statements(release_id)))
            .order_by(LOG_PLACE.c.logged_at, LOG_PLACE.c.entry)
            .limit(1)
        ).first()
        if row is None:
            return None
        return LogPlace(origin=row.origin, entry=row.entry, logged_at=from_seconds(row.logged_at))

    def _later(self, release_id: int, agency: str) -> Sequence[Statement]:
        rows = self._db.execute(
            select(CHANGE.c.seq, CHANGE.c.encoded)
            .where(
                CHANGE.c.release_id == release_id,
                CHANGE.c.type.in_(("withdraw", "supersede")),
                self._reader.counts(self._at),
            )
            .order_by(CHANGE.c.seq)
        )
        statements = [read_statement(row.encoded, where=f"change {row.seq}") for row in rows]
        # The newer version may itself be under embargo, and its name a secret.
        return [s for s in statements if not isinstance(s, Supersede) or self._is_shown(s, agency)]

    def _is_shown(self, statement: Supersede, agency: str) -> bool:
        newer = self.query().where(
            RELEASE.c.agency == agency, RELEASE.c.name == statement.replaced_by
        )
        return self._db.execute(newer.limit(1)).first() is not None

    def _title(self, release_id: int) -> dict[str, str]:
        row = self._newest(release_id, FILE.c.title != "{}")
        return {} if row is None else json.loads(row.title)

    def _channels(self, release_id: int) -> tuple[str, ...]:
        row = self._newest(release_id, FILE.c.channels != "[]")
        return () if row is None else tuple(json.loads(row.channels))

    def _newest(self, release_id: int, condition: ColumnElement[bool]) -> Row[Any] | None:
        return self._db.execute(
            self.query()
            .where(FILE.c.release_id == release_id, condition)
            .order_by(FILE.c.seq.desc(), FILE.c.id)
            .limit(1)
        ).first()
