"""One reader's view of a register: what the verifier asks, and the service.

What is under embargo is unknown here to everybody but its agency, in every answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from sqlalchemy import ColumnElement, func, select

from provenance.fingerprints.model import Algorithm, Reference
from provenance.media.formats import MediaFormat
from provenance.registry.register.database import Database
from provenance.registry.register.iscc import parse_iscc_unit
from provenance.registry.register.releases import MAX_ROWS, ReleaseReader
from provenance.registry.register.schema import (
    BINDING,
    FILE,
    FINGERPRINT,
    MANIFEST,
    REFERENCE,
    RELEASE,
)
from provenance.registry.register.visibility import Reader
from provenance.verification.register import (
    BindingMatch,
    RegisteredFile,
    RegisteredManifest,
    RegisteredRelease,
    ResemblanceAnswer,
)

__all__ = ["BINDING_RADIUS", "CodeSearch", "RegisterView", "Resembler"]

BINDING_RADIUS = 64
"""Bits of 256 by which a soft binding may differ: three quarters have to agree."""
_MOST_CANDIDATES = 1_000


class CodeSearch(Protocol):
    """A search among all codes of the register, whoever may see them."""

    def nearest(
        self, algorithm: Algorithm, bits: bytes, *, radius: int, most: int
    ) -> Sequence[tuple[int, int]]:
        """Which owners have a code within the radius? (owner, distance), the nearest first."""
        ...


Resembler = Callable[["RegisterView", BinaryIO, MediaFormat, datetime], ResemblanceAnswer]
"""Answers `resembling` with the help of the view."""


class RegisterView:
    """What one reader sees; it satisfies `ReleaseRegister`. Threads may share it.

    Args:
        database: The register's.
        reader: Who asks.
        search: Finds soft bindings that are near, not equal.
        resembler: Answers about resemblance.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        *,
        search: CodeSearch | None = None,
        resembler: Resembler | None = None,
    ) -> None:
        self._database = database
        self._reader = reader
        self._search = search
        self._resembler = resembler

    @property
    def name(self) -> str:
        """What reports call it; without a password."""
        return self._database.name

    def files(self, sha256: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        """Which releases have a file of exactly these bytes? Of whichever agency."""
        with self._asked(at) as asked:
            return asked.files(FILE.c.sha256 == sha256)

    def files_of_manifest(self, label: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        """Which releases have a file whose active manifest has this label?"""
        with self._asked(at) as asked:
            return asked.files(FILE.c.active_manifest == label)

    def manifests_for_bytes(self, sha256: str, *, at: datetime) -> tuple[RegisteredManifest, ...]:
        """Which manifests were registered for exactly these bytes?"""
        return self._manifests(FILE.c.sha256 == sha256, at=at)

    def manifests(self, label: str, *, at: datetime) -> tuple[RegisteredManifest, ...]:
        """Which manifests with this label were registered for files?"""
        return self._manifests(MANIFEST.c.label == label, at=at)

    def manifests_for_binding(
        self, algorithm: str, value: str, *, at: datetime, most: int = 10
    ) -> tuple[BindingMatch, ...]:
        """Which registered manifests does this soft binding lead to, the nearest first?"""
        exact = select(BINDING.c.manifest_sha256).where(
            BINDING.c.algorithm == algorithm, BINDING.c.value == value
        )
        found = [
            BindingMatch(manifest=manifest, distance=0)
            for manifest in self._manifests(MANIFEST.c.sha256.in_(exact), at=at)
        ]
        there = [match.manifest for match in found]
        for manifest, distance in self._near(value, at, most):
            if manifest not in there:
                found.append(BindingMatch(manifest=manifest, distance=distance))
        return tuple(sorted(found, key=lambda match: match.distance))[:most]

    def resembling(
        self, stream: BinaryIO, media_format: MediaFormat, *, at: datetime
    ) -> ResemblanceAnswer:
        """Which registered releases does this asset look or sound like?"""
        if self._resembler is None:
            return ResemblanceAnswer(not_run="the register was opened without a search")
        return self._resembler(self, stream, media_format, at)

    def release(self, agency: str, name: str, *, at: datetime) -> RegisteredRelease | None:
        """Which release is this? None if there is none, as far as this reader is to know."""
        with self._asked(at) as asked:
            return asked.find(agency, name)

    def files_of_release(
        self, agency: str, name: str, *, at: datetime
    ) -> tuple[RegisteredFile, ...]:
        """Which files has this release? The first `MAX_ROWS`."""
        with self._asked(at) as asked:
            return asked.files((RELEASE.c.agency == agency) & (RELEASE.c.name == name))

    def releases(
        self, *, at: datetime, agency: str | None = None, after: tuple[str, str] = ("", "")
    ) -> tuple[RegisteredRelease, ...]:
        """Which releases are there? In the order of agency and id, `MAX_ROWS` at a time.

        Args:
            at: As of when.
            agency: Only this agency's.
            after: Agency and id of the last one that was had before.
        """
        last_agency, last_name = after
        follows = (RELEASE.c.agency > last_agency) | (
            (RELEASE.c.agency == last_agency) & (RELEASE.c.name > last_name)
        )
        if agency is not None:
            follows &= RELEASE.c.agency == agency
        with self._asked_with_connection(at) as (connection, asked):
            rows = connection.execute(
                asked.query()
                .with_only_columns(RELEASE.c.id, RELEASE.c.agency, RELEASE.c.name)
                .where(follows)
                .distinct()
                .order_by(RELEASE.c.agency, RELEASE.c.name)
                .limit(MAX_ROWS)
            ).all()
            return tuple(asked.release(row.id) for row in rows)

    def owners(self, owners: Sequence[int], *, at: datetime) -> dict[int, RegisteredFile]:
        """Whose are these codes, of a search? Those that this reader may not see are left out."""
        if not owners:
            return {}
        with self._asked_with_connection(at) as (connection, asked):
            joined = asked.query(FINGERPRINT.c.id.label("owner")).join_from(
                FILE, FINGERPRINT, FINGERPRINT.c.file_id == FILE.c.id
            )
            rows = connection.execute(joined.where(FINGERPRINT.c.id.in_(owners)))
            return {row.owner: asked.file_of(row) for row in rows}

    def references(self, owner: int, *, at: datetime) -> tuple[Reference, ...]:
        """What confirms a resemblance to the file that these codes are of?"""
        if owner not in self.owners([owner], at=at):
            return ()
        with self._database.reading() as connection:
            rows = connection.execute(
                select(REFERENCE)
                .where(REFERENCE.c.fingerprint_id == owner)
                .order_by(REFERENCE.c.id)
            )
            return tuple(
                Reference(
                    kind=row.kind,
                    data=row.data,
                    at_ms=row.at_ms,
                    width=row.width,
                    height=row.height,
                )
                for row in rows
            )

    def count(self, *, at: datetime) -> int:
        """How many releases does this reader see?"""
        with self._asked_with_connection(at) as (connection, asked):
            seen = asked.query().with_only_columns(FILE.c.release_id).distinct().subquery()
            return int(connection.execute(select(func.count()).select_from(seen)).scalar_one())

    def _manifests(
        self, condition: ColumnElement[bool], *, at: datetime
    ) -> tuple[RegisteredManifest, ...]:
        with self._asked_with_connection(at) as (connection, asked):
            joined = asked.query(MANIFEST.c.label, MANIFEST.c.store).join_from(
                FILE, MANIFEST, MANIFEST.c.sha256 == FILE.c.manifest_sha256
            )
            rows = connection.execute(
                joined.where(condition).order_by(FILE.c.seq, FILE.c.id).limit(MAX_ROWS)
            )
            found = {(row.release_id, row.sha256, row.manifest_sha256): row for row in rows}
            return tuple(
                RegisteredManifest(label=row.label, store=row.store, file=asked.file_of(row))
                for row in found.values()
            )

    def _near(
        self, value: str, at: datetime, most: int
    ) -> Iterator[tuple[RegisteredManifest, int]]:
        unit = parse_iscc_unit(value)
        if self._search is None or unit is None:
            return
        algorithm, bits = unit
        found = self._search.nearest(algorithm, bits, radius=BINDING_RADIUS, most=_MOST_CANDIDATES)
        files = self.owners([owner for owner, _ in found], at=at)
        for owner, distance in found:
            if most <= 0:
                return
            if owner not in files:
                continue
            for manifest in self.manifests_for_bytes(files[owner].sha256, at=at):
                if manifest.file == files[owner]:
                    most -= 1
                    yield manifest, distance

    @contextmanager
    def _asked(self, at: datetime) -> Iterator[ReleaseReader]:
        with self._asked_with_connection(at) as (_, asked):
            yield asked

    @contextmanager
    def _asked_with_connection(self, at: datetime) -> Iterator[tuple[Any, ReleaseReader]]:
        with self._database.reading() as connection:
            yield connection, ReleaseReader(connection, self._reader, at)
