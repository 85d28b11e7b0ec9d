"""One reader's view of a register: what the verifier asks, and the service.

What is under embargo is unknown here to everybody but its agency, in every answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from sqlalchemy import Select, Text, and_, bindparam, func, or_, select

from provenance.database.database import Database
from provenance.fingerprints.model import Algorithm, Reference
from provenance.media.formats import MediaFormat
from provenance.registry.register.iscc import (
    BINDING_RADIUS,
    identifies_content,
    parse_iscc_unit,
)
from provenance.registry.register.releases import MAX_ROWS, ReleaseReader, seen
from provenance.registry.register.schema import (
    BINDING,
    CHANGE,
    FILE,
    FINGERPRINT,
    MANIFEST,
    REFERENCE,
    RELEASE,
)
from provenance.registry.register.shown import BINDING_SHOWN
from provenance.registry.register.visibility import Reader
from provenance.verification.register import (
    BindingMatch,
    RegisteredFile,
    RegisteredManifest,
    RegisteredRelease,
    ResemblanceAnswer,
)

__all__ = ["NearestOwners", "RegisterView", "Resembler"]

_MOST_CANDIDATES = 1_000
_OWNERS_AT_ONCE = 500

_FILES = seen(*FILE.c).order_by(FILE.c.seq, FILE.c.id).limit(MAX_ROWS)
_BY_DIGEST = _FILES.where(FILE.c.sha256 == bindparam("sha256"))
_BY_LABEL = _FILES.where(FILE.c.active_manifest == bindparam("label"))
_BY_RELEASE = _FILES.where(
    RELEASE.c.agency == bindparam("agency"), RELEASE.c.name == bindparam("name")
)
_MANIFESTS = _FILES.add_columns(MANIFEST.c.label, MANIFEST.c.store).join_from(
    FILE, MANIFEST, MANIFEST.c.sha256 == FILE.c.manifest_sha256
)
_MANIFESTS_BY_DIGEST = _MANIFESTS.where(FILE.c.sha256 == bindparam("sha256"))
_MANIFESTS_BY_LABEL = _MANIFESTS.where(MANIFEST.c.label == bindparam("label"))
_MANIFESTS_BY_BINDING = _MANIFESTS.where(
    MANIFEST.c.sha256.in_(
        select(BINDING.c.manifest_sha256).where(
            BINDING.c.algorithm == bindparam("algorithm"),
            BINDING.c.value == bindparam("value"),
            BINDING_SHOWN,
        )
    )
)
_RELEASES = (
    seen(RELEASE.c.id, RELEASE.c.agency, RELEASE.c.name)
    .where(
        or_(RELEASE.c.agency == bindparam("agency"), bindparam("agency", type_=Text).is_(None)),
        or_(
            RELEASE.c.agency > bindparam("after_agency"),
            and_(
                RELEASE.c.agency == bindparam("after_agency"),
                RELEASE.c.name > bindparam("after_name"),
            ),
        ),
    )
    .distinct()
    .order_by(RELEASE.c.agency, RELEASE.c.name)
    .limit(MAX_ROWS)
)
_NEWEST = select(func.max(CHANGE.c.seq))
_SINCE = (
    select(CHANGE.c.seq)
    .join_from(CHANGE, RELEASE, RELEASE.c.id == CHANGE.c.release_id)
    .where(
        CHANGE.c.seq > bindparam("since"),
        RELEASE.c.agency == bindparam("agency"),
        RELEASE.c.name == bindparam("name"),
    )
    .limit(1)
)
_COUNT = seen(func.count(FILE.c.release_id.distinct()))
_OF_FINGERPRINT = FINGERPRINT.c.file_id == FILE.c.id
_OWNERS = (
    seen(*FILE.c, FINGERPRINT.c.id.label("owner"))
    .join_from(FILE, FINGERPRINT, _OF_FINGERPRINT)
    .where(FINGERPRINT.c.id.in_(bindparam("owners", expanding=True)))
)
_OWNERS_BY_RELEASE = (
    seen(*FILE.c, FINGERPRINT.c.id.label("owner"))
    .join_from(FILE, FINGERPRINT, _OF_FINGERPRINT)
    .where(RELEASE.c.agency == bindparam("agency"), RELEASE.c.name == bindparam("name"))
    .where(FINGERPRINT.c.removed_seq.is_(None))
    .order_by(FINGERPRINT.c.id)
    .limit(MAX_ROWS)
)
_PICTURE = (
    seen(REFERENCE.c.data)
    .join_from(FILE, FINGERPRINT, _OF_FINGERPRINT)
    .join(REFERENCE, REFERENCE.c.fingerprint_id == FINGERPRINT.c.id)
    .where(
        FILE.c.sha256 == bindparam("sha256"),
        FINGERPRINT.c.removed_seq.is_(None),
        REFERENCE.c.kind == "picture",
    )
    .limit(1)
)
_REFERENCES = (
    seen(*REFERENCE.c)
    .join_from(FILE, FINGERPRINT, _OF_FINGERPRINT)
    .join(REFERENCE, REFERENCE.c.fingerprint_id == FINGERPRINT.c.id)
    .where(FINGERPRINT.c.id == bindparam("owner"))
    .order_by(REFERENCE.c.id)
)


class NearestOwners(Protocol):
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
        search: NearestOwners | None = None,
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
        return self._files(_BY_DIGEST, at, sha256=sha256)

    def files_of_manifest(self, label: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        """Which releases have a file whose active manifest has this label?"""
        return self._files(_BY_LABEL, at, label=label)

    def manifests_for_bytes(self, sha256: str, *, at: datetime) -> tuple[RegisteredManifest, ...]:
        """Which manifests were registered for exactly these bytes?"""
        return self._manifests(_MANIFESTS_BY_DIGEST, at, sha256=sha256)

    def manifests(self, label: str, *, at: datetime) -> tuple[RegisteredManifest, ...]:
        """Which manifests with this label were registered for files?"""
        return self._manifests(_MANIFESTS_BY_LABEL, at, label=label)

    def manifests_for_binding(
        self, algorithm: str, value: str, *, at: datetime, most: int = 10
    ) -> tuple[BindingMatch, ...]:
        """Which registered manifests does this soft binding lead to, the nearest first?"""
        exact = self._manifests(_MANIFESTS_BY_BINDING, at, algorithm=algorithm, value=value)
        found = [BindingMatch(manifest=manifest, distance=0) for manifest in exact]
        for manifest, distance in self._near(value, at, most):
            if manifest not in exact:
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
        return self._files(_BY_RELEASE, at, agency=agency, name=name)

    def releases(
        self, *, at: datetime, agency: str | None = None, after: tuple[str, str] = ("", "")
    ) -> tuple[RegisteredRelease, ...]:
        """Which releases are there? In the order of agency and id, `MAX_ROWS` at a time.

        Args:
            at: As of when.
            agency: Only this agency's.
            after: Agency and id of the last one that was had before.
        """
        with self._asked(at) as asked:
            rows = asked.rows(_RELEASES, agency=agency, after_agency=after[0], after_name=after[1])
            return tuple(asked.release(row.id) for row in rows)

    def newest_change(self) -> int:
        """Which number has the last change, of whichever release? 0: there is none."""
        with self._database.reading() as connection:
            return int(connection.execute(_NEWEST).scalar() or 0)

    def has_changed(self, agency: str, name: str, *, since: int) -> bool:
        """Was anything stated of this release after the change of this number?

        For the service itself, of a release that this view has shown: what is under embargo
        counts too.
        """
        with self._database.reading() as connection:
            asked = {"since": since, "agency": agency, "name": name}
            return connection.execute(_SINCE, asked).first() is not None

    def count(self, *, at: datetime) -> int:
        """How many releases does this reader see?"""
        with self._asked(at) as asked:
            ((number,),) = asked.rows(_COUNT)
            return int(number)

    def owners(self, owners: Sequence[int], *, at: datetime) -> dict[int, RegisteredFile]:
        """Whose are these codes, of a search? Those that this reader may not see are left out."""
        found: dict[int, RegisteredFile] = {}
        with self._asked(at) as asked:
            for start in range(0, len(owners), _OWNERS_AT_ONCE):
                some = list(owners[start : start + _OWNERS_AT_ONCE])
                for row in asked.rows(_OWNERS, owners=some):
                    found[row.owner] = asked.file_of(row)
        return found

    def owners_of_release(
        self, agency: str, name: str, *, at: datetime
    ) -> dict[int, RegisteredFile]:
        """Under which owners are the codes of this release's files? The first `MAX_ROWS`."""
        with self._asked(at) as asked:
            rows = asked.rows(_OWNERS_BY_RELEASE, agency=agency, name=name)
            return {row.owner: asked.file_of(row) for row in rows}

    def references(self, owner: int, *, at: datetime) -> tuple[Reference, ...]:
        """What confirms a resemblance to the file that these codes are of?"""
        with self._asked(at) as asked:
            return tuple(
                Reference(
                    kind=row.kind,
                    data=row.data,
                    at_ms=row.at_ms,
                    width=row.width,
                    height=row.height,
                )
                for row in asked.rows(_REFERENCES, owner=owner)
            )

    def picture(self, sha256: str, *, at: datetime) -> bytes | None:
        """What does the registered file of exactly these bytes look like?

        A JPEG of at most 1024 pixels a side; None where there is none of a picture.
        """
        with self._asked(at) as asked:
            rows = asked.rows(_PICTURE, sha256=sha256)
            return bytes(rows[0].data) if rows else None

    def _files(
        self, question: Select[Any], at: datetime, **values: str
    ) -> tuple[RegisteredFile, ...]:
        with self._asked(at) as asked:
            rows = asked.rows(question, **values)
            # A file may have been stated more than once.
            found = {(row.release_id, row.sha256, row.rendition_of): row for row in rows}
            return tuple(asked.file_of(row) for row in found.values())

    def _manifests(
        self, question: Select[Any], at: datetime, **values: str
    ) -> tuple[RegisteredManifest, ...]:
        with self._asked(at) as asked:
            rows = asked.rows(question, **values)
            found = {(row.release_id, row.sha256, row.manifest_sha256): row for row in rows}
            return tuple(
                RegisteredManifest(label=row.label, store=row.store, file=asked.file_of(row))
                for row in found.values()
            )

    def _near(
        self, value: str, at: datetime, most: int
    ) -> Iterator[tuple[RegisteredManifest, int]]:
        unit = parse_iscc_unit(value)
        if self._search is None or unit is None or not identifies_content(*unit):
            return
        algorithm, bits = unit
        asked = _MOST_CANDIDATES
        while True:
            found = self._search.nearest(algorithm, bits, radius=BINDING_RADIUS, most=asked)
            files = self.owners([owner for owner, _ in found], at=at)
            # What is hidden must not take the places of what is not.
            if len(found) < asked or len(files) >= most:
                break
            asked *= 4
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
        with self._database.reading() as connection:
            yield ReleaseReader(connection, self._reader, at)
