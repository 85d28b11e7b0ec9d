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

from sqlalchemy import Connection, Select, bindparam, case, delete, exists, insert, select

from provenance.database.database import Database
from provenance.errors import RegisterError
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.schema import ADDER, BINDING, FILE, MANIFEST, RELEASE, STORER
from provenance.registry.register.shown import (
    BINDING_ADDED,
    BINDING_ADDED_BY_READER,
    BINDING_SHOWN,
    BINDING_STATED,
    ISCC_BINDING,
    MANIFEST_OF_READER,
    MANIFEST_SHOWN,
    MANIFEST_STATED,
    STATED_BY_STORER,
)
from provenance.registry.register.visibility import Reader

__all__ = [
    "BindingDesk",
    "SoftBinding",
    "StoredManifest",
    "keep_binding",
    "keep_stored",
    "keep_storer",
]

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
        added_by: The agency that added it, the reader before others; None where it follows
            from a signed statement, and stays.
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


# A label is what its writer chose: nobody's copy may stand before the reader's own, nor one
# that was put in beside a statement before one that an agency has signed.
_FIRST = case((MANIFEST_OF_READER, 0), (MANIFEST_STATED, 1), else_=2)
_BY_LABEL = (
    select(MANIFEST)
    .where(MANIFEST.c.label == bindparam("label"), MANIFEST_SHOWN)
    .order_by(_FIRST, MANIFEST.c.sha256)
    .limit(_MOST)
)
_IS_STATED = select(MANIFEST.c.sha256).where(
    MANIFEST.c.sha256 == bindparam("sha256"), MANIFEST_STATED
)
_BOUND = (
    select(
        BINDING,
        MANIFEST.c.label,
        BINDING_ADDED_BY_READER.label("own"),
        BINDING_STATED.label("stated"),
        BINDING_ADDED.scalar_subquery().label("added"),
    )
    .join(MANIFEST, MANIFEST.c.sha256 == BINDING.c.manifest_sha256)
    .where(BINDING_SHOWN)
    .order_by(BINDING.c.id)
    .limit(_MOST)
)
_BY_VALUE = _BOUND.where(
    BINDING.c.algorithm == bindparam("algorithm"), BINDING.c.value == bindparam("value")
)
_OF_LABEL = _BOUND.where(MANIFEST.c.label == bindparam("label"))
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
        """Keep a manifest store; the same bytes are kept once, for each who puts them in.

        Raises:
            RegisterError: It is none, or cannot be written.
        """
        agency = self._writer()
        label = label_of_store(store, where="manifest")
        digest = sha256(store).hexdigest()
        with self._database.writing() as connection:
            # What a statement shows to everybody is its agency's, and putting it in changes
            # nothing. What is hidden must not keep this from being put in.
            asked = self._bound() | {"sha256": digest}
            if connection.execute(_IS_STATED, asked).first() is None:
                keep_stored(connection, digest, label, store, agency)
        return StoredManifest(label=label, sha256=digest, store=store)

    def remove(self, label: str) -> bool:
        """Take out what this agency stored under a label, with its bindings: was there any?

        What its own statements refer to stays. What others have put in or stated as well is
        theirs, and stays for them.

        Raises:
            RegisterError: It cannot be written.
        """
        agency = self._writer()
        mine = (
            select(STORER.c.manifest_sha256)
            .join(MANIFEST, MANIFEST.c.sha256 == STORER.c.manifest_sha256)
            .where(MANIFEST.c.label == label, STORER.c.agency == agency, ~STATED_BY_STORER)
        )
        with self._database.writing() as connection:
            digests = list(connection.execute(mine).scalars())
            for digest in digests:
                _take_out(connection, digest, agency)
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
                    added_by=self._agency if row.own else None if row.stated else row.added,
                )
                for row in rows
            )

    def _bound(self) -> dict[str, int | str]:
        return self._reader.bound(self._clock())

    def _writer(self) -> str:
        if self._agency is None:
            raise RegisterError("soft bindings: only an agency changes them")
        return self._agency


def keep_stored(connection: Connection, digest: str, label: str, store: bytes, agency: str) -> None:
    """Keep a manifest store, and that this agency put it in."""
    there = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == digest)
    if connection.execute(there).first() is None:
        connection.execute(insert(MANIFEST), {"sha256": digest, "label": label, "store": store})
    keep_storer(connection, digest, agency)


def keep_storer(connection: Connection, digest: str, agency: str) -> None:
    """Keep that this agency put in a manifest that is there."""
    row = {"manifest_sha256": digest, "agency": agency}
    same = [STORER.c[name] == value for name, value in row.items()]
    if connection.execute(select(STORER.c.agency).where(*same)).first() is None:
        connection.execute(insert(STORER), row)


def keep_binding(
    connection: Connection, algorithm: str, value: str, digest: str, agency: str
) -> None:
    """Keep a soft binding to a manifest that is there, and that this agency added it."""
    row = {"algorithm": algorithm, "value": value, "manifest_sha256": digest}
    found = connection.execute(_select_binding(algorithm, value, digest)).scalar()
    if found is None:
        found = connection.execute(insert(BINDING).returning(BINDING.c.id), row).scalar_one()
    added = {"binding_id": found, "agency": agency}
    same = [ADDER.c[name] == wanted for name, wanted in added.items()]
    if connection.execute(select(ADDER.c.agency).where(*same)).first() is None:
        connection.execute(insert(ADDER), added)


def _take_out(connection: Connection, digest: str, agency: str) -> None:
    """What this agency put in, and its bindings; what nobody else has is forgotten."""
    of_manifest = select(BINDING.c.id).where(BINDING.c.manifest_sha256 == digest)
    own = select(ADDER.c.binding_id).where(
        ADDER.c.agency == agency, ADDER.c.binding_id.in_(of_manifest)
    )
    for binding_id in list(connection.execute(own).scalars()):
        _forget_adder(connection, binding_id, agency)
    connection.execute(
        delete(STORER).where(STORER.c.manifest_sha256 == digest, STORER.c.agency == agency)
    )
    others = (
        exists(select(STORER.c.agency).where(STORER.c.manifest_sha256 == digest)),
        exists(select(FILE.c.id).where(FILE.c.manifest_sha256 == digest)),
    )
    if any(connection.execute(select(other)).scalar_one() for other in others):
        return
    connection.execute(delete(ADDER).where(ADDER.c.binding_id.in_(of_manifest)))
    connection.execute(delete(BINDING).where(BINDING.c.manifest_sha256 == digest))
    connection.execute(delete(MANIFEST).where(MANIFEST.c.sha256 == digest))


def _forget_adder(connection: Connection, binding_id: int, agency: str) -> None:
    """This agency no longer adds a binding; one that nobody adds or states is forgotten."""
    connection.execute(
        delete(ADDER).where(ADDER.c.binding_id == binding_id, ADDER.c.agency == agency)
    )
    stated = exists(
        select(FILE.c.id).where(
            BINDING.c.algorithm == ISCC_BINDING,
            FILE.c.manifest_sha256 == BINDING.c.manifest_sha256,
            FILE.c.iscc == BINDING.c.value,
        )
    )
    added = exists(select(ADDER.c.agency).where(ADDER.c.binding_id == BINDING.c.id))
    connection.execute(delete(BINDING).where(BINDING.c.id == binding_id, ~stated, ~added))


def _check_owner(connection: Connection, digest: str, agency: str) -> None:
    storers = select(STORER.c.agency).where(STORER.c.manifest_sha256 == digest)
    owners = {
        *connection.execute(storers).scalars(),
        *connection.execute(_OWNERS, {"sha256": digest}).scalars(),
    }
    # The same words for one that is another's: it may be under embargo.
    if agency not in owners:
        raise RegisterError(f"there is no manifest {digest} of {agency}")


def _bind(connection: Connection, algorithm: str, value: str, digest: str, agency: str) -> None:
    if not _states(connection, algorithm, value, digest, agency):
        keep_binding(connection, algorithm, value, digest, agency)


def _unbind(connection: Connection, algorithm: str, value: str, digest: str, agency: str) -> None:
    own = (
        _select_binding(algorithm, value, digest)
        .join(ADDER, ADDER.c.binding_id == BINDING.c.id)
        .where(ADDER.c.agency == agency)
    )
    found = connection.execute(own).scalar()
    if found is not None:
        _forget_adder(connection, found, agency)
        return
    if _states(connection, algorithm, value, digest, agency):
        raise RegisterError(
            f"soft binding {algorithm} {value!r:.60}: follows from a signed statement, and stays"
        )
    raise RegisterError(f"there is no soft binding {algorithm} {value!r:.60} of {agency}")


def _states(connection: Connection, algorithm: str, value: str, digest: str, agency: str) -> bool:
    """Does it follow from a statement of this agency?"""
    stated = (
        select(FILE.c.id)
        .join(RELEASE, RELEASE.c.id == FILE.c.release_id)
        .where(FILE.c.manifest_sha256 == digest, FILE.c.iscc == value, RELEASE.c.agency == agency)
        .limit(1)
    )
    return algorithm == ISCC_BINDING and connection.execute(stated).first() is not None


def _select_binding(algorithm: str, value: str, digest: str) -> Select[Any]:
    return select(BINDING.c.id).where(
        BINDING.c.algorithm == algorithm,
        BINDING.c.value == value,
        BINDING.c.manifest_sha256 == digest,
    )
