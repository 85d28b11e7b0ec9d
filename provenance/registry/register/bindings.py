"""Soft bindings and manifests that are put in and taken out without a signed statement.

For the Soft Binding Resolution API. Nothing here makes a file official: a manifest that is
found is verified against the bytes like any other. An agency touches its own alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
)

from provenance.database.database import Database
from provenance.errors import RegisterError
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.releases import seen
from provenance.registry.register.schema import BINDING, FILE, MANIFEST, RELEASE
from provenance.registry.register.visibility import Reader

__all__ = ["BindingDesk", "SoftBinding", "StoredManifest"]

_MOST = 200
_MAX_VALUE_CHARS = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredManifest:
    """A manifest store that the register keeps.

    Attributes:
        label: Label of its active manifest.
        sha256: Of its bytes.
        store: Its bytes.
    """

    label: str
    sha256: str
    store: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftBinding:
    """A value that leads to a manifest.

    Attributes:
        algorithm: Name on the C2PA list.
        value: The value, in the algorithm's text form.
        manifest_sha256: The manifest store.
        label: Label of its active manifest.
        added_by: The agency that added it; None where it follows from a signed statement,
            and stays.
    """

    algorithm: str
    value: str
    manifest_sha256: str
    label: str
    added_by: str | None

    @property
    def stated(self) -> bool:
        """Does it follow from a signed statement?"""
        return self.added_by is None


_OF_FILE = FILE.c.manifest_sha256 == MANIFEST.c.sha256
# One that no file refers to is kept for everybody; one that files refer to is shown where
# one of them is.
_SHOWN = or_(
    seen(FILE.c.id).where(_OF_FILE).correlate(MANIFEST).exists(),
    and_(
        MANIFEST.c.stored_by.is_not(None),
        ~exists(select(FILE.c.id).where(_OF_FILE).correlate(MANIFEST)),
    ),
)
_OWN = or_(
    MANIFEST.c.stored_by == bindparam("reader"),
    exists(
        select(FILE.c.id)
        .join(RELEASE, RELEASE.c.id == FILE.c.release_id)
        .where(_OF_FILE, RELEASE.c.agency == bindparam("reader"))
        .correlate(MANIFEST)
    ),
)
# A label is what its writer chose: nobody's copy may stand before the reader's own, nor one
# that was put in beside a statement before one that an agency has signed.
_FIRST = case(
    (_OWN, 0), (exists(select(FILE.c.id).where(_OF_FILE).correlate(MANIFEST)), 1), else_=2
)
_BY_LABEL = (
    select(MANIFEST)
    .where(MANIFEST.c.label == bindparam("label"), _SHOWN)
    .order_by(_FIRST, MANIFEST.c.sha256)
    .limit(_MOST)
)
_BOUND = select(BINDING, MANIFEST.c.label, MANIFEST.c.store).join(
    MANIFEST, MANIFEST.c.sha256 == BINDING.c.manifest_sha256
)
_BY_VALUE = (
    _BOUND.where(
        BINDING.c.algorithm == bindparam("algorithm"),
        BINDING.c.value == bindparam("value"),
        _SHOWN,
    )
    .order_by(BINDING.c.id)
    .limit(_MOST)
)
_OF_LABEL = (
    _BOUND.where(MANIFEST.c.label == bindparam("label"), _SHOWN).order_by(BINDING.c.id).limit(_MOST)
)
_OWNERS = (
    select(RELEASE.c.agency)
    .join(FILE, FILE.c.release_id == RELEASE.c.id)
    .where(FILE.c.manifest_sha256 == bindparam("sha256"))
)


class BindingDesk:
    """Soft bindings and the manifests they lead to, for one reader.

    Args:
        database: The register's.
        agency: Who reads, and whose are changed; None for everybody, who changes nothing.
        clock: What time it is.
    """

    def __init__(
        self, database: Database, agency: str | None, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._agency = agency
        self._reader = Reader(agency=agency, clock=clock)
        self._clock = clock

    def manifests(self, label: str) -> tuple[StoredManifest, ...]:
        """Which manifest stores have an active manifest of this label?

        The reader's own first, then what agencies have stated.
        """
        with self._database.reading() as connection:
            rows = connection.execute(_BY_LABEL, self._bound() | {"label": label})
            return tuple(
                StoredManifest(label=row.label, sha256=row.sha256, store=row.store) for row in rows
            )

    def find(self, algorithm: str, value: str) -> tuple[SoftBinding, ...]:
        """Which manifests does exactly this value lead to?"""
        return self._bindings(_BY_VALUE, algorithm=algorithm, value=value)

    def bindings_of(self, label: str) -> tuple[SoftBinding, ...]:
        """Which soft bindings lead to manifests with this label?"""
        return self._bindings(_OF_LABEL, label=label)

    def store(self, store: bytes) -> StoredManifest:
        """Keep a manifest store; the same bytes are kept once.

        Raises:
            RegisterError: It is none, or cannot be written.
        """
        agency = self._writer()
        label = label_of_store(store, where="manifest")
        digest = sha256(store).hexdigest()
        with self._database.writing() as connection:
            there = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == digest)
            if connection.execute(there).first() is None:
                connection.execute(
                    insert(MANIFEST),
                    {"sha256": digest, "label": label, "store": store, "stored_by": agency},
                )
        return StoredManifest(label=label, sha256=digest, store=store)

    def remove(self, label: str) -> bool:
        """Take out what this agency stored under a label, with its bindings: was there any?

        What a file refers to follows from a signed statement, and stays.

        Raises:
            RegisterError: It cannot be written.
        """
        agency = self._writer()
        mine = and_(
            MANIFEST.c.label == label,
            MANIFEST.c.stored_by == agency,
            ~exists(select(FILE.c.id).where(_OF_FILE).correlate(MANIFEST)),
        )
        with self._database.writing() as connection:
            digests = list(connection.execute(select(MANIFEST.c.sha256).where(mine)).scalars())
            connection.execute(delete(BINDING).where(BINDING.c.manifest_sha256.in_(digests)))
            connection.execute(delete(MANIFEST).where(MANIFEST.c.sha256.in_(digests)))
        return bool(digests)

    def bind(self, algorithm: str, value: str, manifest_sha256: str) -> None:
        """Let this value lead to a manifest of the agency's; it may do so already.

        Raises:
            RegisterError: The manifest is not the agency's, or it cannot be written.
        """
        agency = self._writer()
        if not value or len(value) > _MAX_VALUE_CHARS:
            raise RegisterError(f"soft binding: expected 1 to {_MAX_VALUE_CHARS} characters")
        with self._database.writing() as connection:
            _check_owner(connection, manifest_sha256, agency)
            _bind(connection, algorithm, value, manifest_sha256, agency)

    def repoint(self, algorithm: str, value: str, old_sha256: str, new_sha256: str) -> None:
        """Let a value lead to another of the agency's manifests.

        Raises:
            RegisterError: There is no such binding that may be changed, a manifest is not
                the agency's, or it cannot be written.
        """
        agency = self._writer()
        with self._database.writing() as connection:
            for digest in (old_sha256, new_sha256):
                _check_owner(connection, digest, agency)
            _unbind(connection, algorithm, value, old_sha256, agency)
            _bind(connection, algorithm, value, new_sha256, agency)

    def unbind(self, algorithm: str, value: str, manifest_sha256: str) -> None:
        """Let this value no longer lead to the manifest.

        Raises:
            RegisterError: There is no such binding that may be taken out, the manifest is
                not the agency's, or it cannot be written.
        """
        agency = self._writer()
        with self._database.writing() as connection:
            _check_owner(connection, manifest_sha256, agency)
            _unbind(connection, algorithm, value, manifest_sha256, agency)

    def _bindings(self, question: Select[Any], **values: str) -> tuple[SoftBinding, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(question, self._bound() | values)
            return tuple(
                SoftBinding(
                    algorithm=row.algorithm,
                    value=row.value,
                    manifest_sha256=row.manifest_sha256,
                    label=row.label,
                    added_by=row.added_by,
                )
                for row in rows
            )

    def _bound(self) -> dict[str, int | str]:
        return self._reader.bound(self._clock())

    def _writer(self) -> str:
        if self._agency is None:
            raise RegisterError("soft bindings: only an agency changes them")
        return self._agency


def _check_owner(connection: Connection, digest: str, agency: str) -> None:
    stored_by = connection.execute(
        select(MANIFEST.c.stored_by).where(MANIFEST.c.sha256 == digest)
    ).scalar()
    owners = set(connection.execute(_OWNERS, {"sha256": digest}).scalars())
    # The same words for one that is another's: it may be under embargo.
    if agency != stored_by and agency not in owners:
        raise RegisterError(f"there is no manifest {digest} of {agency}")


def _bind(connection: Connection, algorithm: str, value: str, digest: str, agency: str) -> None:
    if connection.execute(_select_binding(algorithm, value, digest)).first() is None:
        connection.execute(
            insert(BINDING),
            {
                "algorithm": algorithm,
                "value": value,
                "manifest_sha256": digest,
                "added_by": agency,
            },
        )


def _unbind(connection: Connection, algorithm: str, value: str, digest: str, agency: str) -> None:
    row = connection.execute(_select_binding(algorithm, value, digest)).first()
    if row is None or row.added_by not in {None, agency}:
        raise RegisterError(f"there is no soft binding {algorithm} {value!r:.60} of {agency}")
    if row.added_by is None:
        raise RegisterError(
            f"soft binding {algorithm} {value!r:.60}: follows from a signed statement, and stays"
        )
    connection.execute(delete(BINDING).where(BINDING.c.id == row.id))


def _select_binding(algorithm: str, value: str, digest: str) -> Select[Any]:
    return select(BINDING).where(
        BINDING.c.algorithm == algorithm,
        BINDING.c.value == value,
        BINDING.c.manifest_sha256 == digest,
    )
