"""Releases and files as one reader sees them at one time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select

from provenance.errors import RegisterError
from provenance.registry.log.statement import Statement, Supersede
from provenance.registry.register.moments import from_seconds
from provenance.registry.register.schema import CHANGE, FILE, LOG_PLACE, RELEASE
from provenance.registry.register.status import derive_status, read_statement
from provenance.registry.register.visibility import COUNTS, SEEN, Reader
from provenance.verification.register import LogPlace, RegisteredFile, RegisteredRelease

__all__ = ["MAX_ROWS", "ReleaseReader", "seen"]

MAX_ROWS = 200
"""Most rows that one question is answered from."""


def seen(*columns: ColumnElement[Any]) -> Select[Any]:
    """A question about files that a reader sees; with `Reader.bound`."""
    joined = FILE.join(RELEASE, RELEASE.c.id == FILE.c.release_id)
    return select(*columns).select_from(joined).where(SEEN)


# Made once: building a question takes longer than answering it.
_OF_RELEASE = FILE.c.release_id == bindparam("release_id")
_NAMED = and_(RELEASE.c.agency == bindparam("agency"), RELEASE.c.name == bindparam("name"))
_FIND = seen(FILE.c.release_id).where(_NAMED).limit(1)
_NAMES = select(RELEASE.c.agency, RELEASE.c.name).where(RELEASE.c.id == bindparam("release_id"))
_STATED = seen(FILE.c.seq).where(_OF_RELEASE)
_FIRST_STATED = select(func.min(CHANGE.c.claimed_at)).where(CHANGE.c.seq.in_(_STATED))
_FIRST_LOGGED = (
    select(LOG_PLACE)
    .where(LOG_PLACE.c.seq.in_(_STATED))
    .order_by(LOG_PLACE.c.logged_at, LOG_PLACE.c.entry)
    .limit(1)
)
_LATER = (
    select(CHANGE.c.seq, CHANGE.c.encoded)
    .where(
        CHANGE.c.release_id == bindparam("release_id"),
        CHANGE.c.type.in_(("withdraw", "supersede")),
        COUNTS,
    )
    .order_by(CHANGE.c.seq)
)
_NEWEST_FIRST = (
    seen(FILE.c.title, FILE.c.channels).where(_OF_RELEASE).order_by(FILE.c.seq.desc(), FILE.c.id)
)
_TITLE = _NEWEST_FIRST.where(FILE.c.title != "{}").limit(1)
_CHANNELS = _NEWEST_FIRST.where(FILE.c.channels != "[]").limit(1)


class ReleaseReader:
    """Builds what is shown of releases, within one transaction that reads.

    Args:
        connection: The transaction.
        reader: Who asks.
        at: As of when.
    """

    def __init__(self, connection: Connection, reader: Reader, at: datetime) -> None:
        self._db = connection
        self._bound = reader.bound(at)
        self._releases: dict[int, RegisteredRelease] = {}

    def rows(self, question: Select[Any], **values: Any) -> Sequence[Row[Any]]:
        """What is the answer to a question of the form of `seen`?"""
        return self._db.execute(question, self._bound | values).all()

    def file_of(self, row: Row[Any]) -> RegisteredFile:
        """Which file is in this row, which has the columns of FILE?"""
        return RegisteredFile(
            release=self.release(row.release_id),
            sha256=row.sha256,
            media_type=row.media_type,
            rendition_of=row.rendition_of,
        )

    def find(self, agency: str, name: str) -> RegisteredRelease | None:
        """Which release is this, if one of its files is shown?"""
        rows = self.rows(_FIND, agency=agency, name=name)
        return next((self.release(row.release_id) for row in rows), None)

    def release(self, release_id: int) -> RegisteredRelease:
        """How does this release stand? One of its files has to be shown."""
        if release_id not in self._releases:
            self._releases[release_id] = self._build(release_id)
        return self._releases[release_id]

    def _build(self, release_id: int) -> RegisteredRelease:
        names = self.rows(_NAMES, release_id=release_id)[0]
        stated = self.rows(_FIRST_STATED, release_id=release_id)[0][0]
        if stated is None:
            raise RegisterError("a release of which nothing is shown has no first statement")
        first_stated_at = from_seconds(stated)
        status = derive_status(first_stated_at, self._later(release_id, names.agency))
        titles = self.rows(_TITLE, release_id=release_id)
        channels = self.rows(_CHANNELS, release_id=release_id)
        logged = self.rows(_FIRST_LOGGED, release_id=release_id)
        return RegisteredRelease(
            agency=names.agency,
            release=names.name,
            title=json.loads(titles[0].title) if titles else {},
            state=status.state,
            changed_at=status.changed_at,
            reason=status.reason,
            replaced_by=status.replaced_by,
            first_stated_at=first_stated_at,
            log=_place_of(logged[0]) if logged else None,
            channels=tuple(json.loads(channels[0].channels)) if channels else (),
        )

    def _later(self, release_id: int, agency: str) -> list[Statement]:
        rows = self.rows(_LATER, release_id=release_id)
        statements = [read_statement(row.encoded, where=f"change {row.seq}") for row in rows]
        # The newer version may itself be under embargo, and its name a secret.
        return [
            statement
            for statement in statements
            if not isinstance(statement, Supersede)
            or self.rows(_FIND, agency=agency, name=statement.replaced_by)
        ]


def _place_of(row: Row[Any]) -> LogPlace:
    return LogPlace(origin=row.origin, entry=row.entry, logged_at=from_seconds(row.logged_at))
