"""Taking changes into the database: the rules that depend on what is there, and the rows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, insert, select, update

from provenance.errors import RegisterError
from provenance.fingerprints.model import MediaFingerprint
from provenance.registry.log.statement import (
    Register,
    ReleaseFile,
    Reveal,
    Supersede,
    Withdraw,
    canonical_json,
)
from provenance.registry.register.checking import release_statement
from provenance.registry.register.moments import from_seconds, to_seconds
from provenance.registry.register.packed_codes import pack_codes
from provenance.registry.register.records import Change, FileFacts, ReleaseStatement
from provenance.registry.register.schema import (
    BINDING,
    CHANGE,
    COUNTER,
    FILE,
    FINGERPRINT,
    MANIFEST,
    REFERENCE,
    RELEASE,
)
from provenance.registry.register.status import derive_status, read_statement
from provenance.verdict import ReleaseState

__all__ = ["ISCC_BINDING", "Taker", "add_fingerprint", "inserted_id", "next_number"]

ISCC_BINDING = "io.iscc.v0"
# Clocks that are set now and then go back a little.
_CLOCK_SLACK = timedelta(seconds=5)
# A chain of newer versions that is longer is somebody's mistake.
_MAX_VERSIONS = 1_000


class Taker:
    """Takes checked changes in, within one transaction that writes.

    Args:
        connection: The transaction.
        name: What errors call the register.
        taken_at: When this is.
        believed: The time is another register's, and may lie in the past.

    Raises:
        RegisterError: The clock has gone back.
    """

    def __init__(
        self, connection: Connection, *, name: str, taken_at: datetime, believed: bool = False
    ) -> None:
        self._db = connection
        self._taken_at = taken_at.replace(microsecond=0)
        clock = connection.execute(select(COUNTER.c.clock)).scalar_one()
        if not believed and self._taken_at < from_seconds(clock) - _CLOCK_SLACK:
            raise RegisterError(
                f"{name}: the clock has gone back: it says {self._taken_at.isoformat()}, and the "
                f"last change was taken at {from_seconds(clock).isoformat()}; set the clock"
            )
        now = max(clock, to_seconds(self._taken_at))
        connection.execute(update(COUNTER).values(clock=now))

    def known(self, change: Change) -> int | None:
        """Which number has it, if it is in the register already?"""
        found = self._db.execute(
            select(CHANGE.c.seq).where(CHANGE.c.digest == change.signed.digest)
        )
        return found.scalar()

    def take(self, change: Change, *, where: str) -> int:
        """Take one change in that was checked by itself; which number does it get?

        Raises:
            RegisterError: It does not go with what is there; nothing of it may be kept.
        """
        statement = release_statement(change.signed, where=where)
        about = statement.statement if isinstance(statement, Reveal) else statement
        release_id = self._release_id(about.agency, about.release)
        if release_id is None:
            if not isinstance(statement, Register):
                raise RegisterError(
                    f"{where}: there is no release {about.release!r} of {about.agency}"
                )
            release_id = inserted_id(
                self._db, RELEASE, agency=statement.agency, name=statement.release
            )
        else:
            self._check_order(release_id, statement, where)
        match statement:
            case Register():
                self._check_register(release_id, statement, where)
            case Supersede():
                self._check_supersede(release_id, statement, where)
            case Withdraw():
                if self._state(release_id) is ReleaseState.WITHDRAWN:
                    raise RegisterError(f"{where}: {statement.release} is withdrawn already")
            case Reveal():
                return self._take_reveal(change, statement, release_id, where)
        seq = self._add_change(change, statement, release_id)
        if isinstance(statement, Register):
            facts = {entry.sha256: entry for entry in change.facts}
            for file in statement.files:
                self._add_file(seq, release_id, statement, file, facts.get(file.sha256), where)
        return seq

    def _add_change(self, change: Change, statement: ReleaseStatement, release_id: int) -> int:
        seq = next_number(self._db)
        taken, claimed = to_seconds(self._taken_at), to_seconds(statement.claimed_at)
        until = statement.embargo_until if isinstance(statement, Register) else None
        self._db.execute(
            insert(CHANGE).values(
                seq=seq,
                digest=change.signed.digest,
                encoded=change.signed.encoded,
                taken_at=taken,
                salt=None if change.secret is None else change.secret.salt,
                commitment=None if change.secret is None else change.secret.commitment.encoded,
                release_id=release_id,
                type=statement.type,
                claimed_at=claimed,
                # A clock that is ahead must not delay a withdrawal.
                counts_from=min(claimed, taken),
                embargo_until=None if until is None else to_seconds(until),
            )
        )
        return seq

    def _release_id(self, agency: str, name: str) -> int | None:
        found = self._db.execute(
            select(RELEASE.c.id).where(RELEASE.c.agency == agency, RELEASE.c.name == name)
        )
        return found.scalar()

    def _check_order(self, release_id: int, statement: ReleaseStatement, where: str) -> None:
        last = self._db.execute(
            select(func.max(CHANGE.c.claimed_at)).where(CHANGE.c.release_id == release_id)
        ).scalar()
        if last is not None and to_seconds(statement.claimed_at) < last:
            raise RegisterError(
                f"{where}: is claimed for {statement.claimed_at.isoformat()}, before the last "
                f"statement about this release, {from_seconds(last).isoformat()}"
            )

    def _state(self, release_id: int) -> ReleaseState:
        rows = self._db.execute(
            select(CHANGE.c.encoded)
            .where(CHANGE.c.release_id == release_id, CHANGE.c.type.in_(("withdraw", "supersede")))
            .order_by(CHANGE.c.seq)
        )
        later = [read_statement(row.encoded, where="change") for row in rows]
        return derive_status(self._taken_at, later).state

    def _check_register(self, release_id: int, statement: Register, where: str) -> None:
        if self._state(release_id) is ReleaseState.WITHDRAWN:
            raise RegisterError(f"{where}: {statement.release} is withdrawn, and takes no files")
        here = {file.sha256 for file in statement.files}
        for file in statement.files:
            if file.rendition_of is None or file.rendition_of in here:
                continue
            original = self._db.execute(
                select(FILE.c.id)
                .join(RELEASE, RELEASE.c.id == FILE.c.release_id)
                .where(FILE.c.sha256 == file.rendition_of, RELEASE.c.agency == statement.agency)
                .limit(1)
            ).scalar()
            if original is None:
                raise RegisterError(
                    f"{where}: {file.sha256} is stated as a rendition of {file.rendition_of}, "
                    f"which is no registered file of {statement.agency}"
                )

    def _check_supersede(self, release_id: int, statement: Supersede, where: str) -> None:
        if self._state(release_id) is ReleaseState.WITHDRAWN:
            raise RegisterError(f"{where}: {statement.release} is withdrawn")
        newer: int | None = self._release_id(statement.agency, statement.replaced_by)
        if newer is None:
            raise RegisterError(
                f"{where}: there is no release {statement.replaced_by!r} of {statement.agency}"
            )
        for _ in range(_MAX_VERSIONS):
            if newer == release_id:
                raise RegisterError(
                    f"{where}: {statement.replaced_by} is {statement.release}, or was itself "
                    "superseded by it"
                )
            if newer is None:
                return
            newer = self._newer_than(newer, statement.agency)
        raise RegisterError(f"{where}: more than {_MAX_VERSIONS} versions")

    def _newer_than(self, release_id: int, agency: str) -> int | None:
        row = self._db.execute(
            select(CHANGE.c.encoded)
            .where(CHANGE.c.release_id == release_id, CHANGE.c.type == "supersede")
            .order_by(CHANGE.c.seq.desc())
            .limit(1)
        ).first()
        if row is None:
            return None
        statement = read_statement(row.encoded, where="change")
        return (
            self._release_id(agency, statement.replaced_by)
            if isinstance(statement, Supersede)
            else None
        )

    def _take_reveal(self, change: Change, statement: Reveal, release_id: int, where: str) -> int:
        """What was under embargo is for everybody from now on."""
        earlier = self._db.execute(
            select(CHANGE.c.seq, CHANGE.c.encoded).where(
                CHANGE.c.release_id == release_id, CHANGE.c.salt == bytes.fromhex(statement.salt)
            )
        )
        same = canonical_json(statement.statement)
        found = [
            row.seq
            for row in earlier
            if canonical_json(read_statement(row.encoded, where=where)) == same
        ]
        if not found:
            raise RegisterError(f"{where}: reveals what the register does not have under embargo")
        seq = self._add_change(change, statement, release_id)
        counts_from = min(to_seconds(statement.claimed_at), to_seconds(self._taken_at))
        self._db.execute(
            update(FILE)
            .where(FILE.c.seq.in_(found), FILE.c.visible_from > counts_from)
            .values(visible_from=counts_from)
        )
        return seq

    def _add_file(  # noqa: PLR0917 - one row of what belongs together
        self,
        seq: int,
        release_id: int,
        statement: Register,
        file: ReleaseFile,
        facts: FileFacts | None,
        where: str,
    ) -> None:
        facts = facts or FileFacts(sha256=file.sha256)
        if file.manifest_sha256 is not None:
            self._add_manifest(file, facts.manifest, where)
        counts_from = min(to_seconds(statement.claimed_at), to_seconds(self._taken_at))
        until = statement.embargo_until
        file_id = inserted_id(
            self._db,
            FILE,
            seq=seq,
            release_id=release_id,
            sha256=file.sha256,
            media_type=file.media_type,
            rendition_of=file.rendition_of,
            manifest_sha256=file.manifest_sha256,
            active_manifest=file.active_manifest,
            iscc=file.iscc,
            counts_from=counts_from,
            visible_from=counts_from if until is None else to_seconds(until),
            title=json.dumps(dict(facts.title), ensure_ascii=False, sort_keys=True),
            channels=json.dumps(list(facts.channels), ensure_ascii=False),
        )
        if file.iscc is not None and file.manifest_sha256 is not None:
            self._add_binding(file.iscc, file.manifest_sha256)
        if facts.fingerprint is not None:
            add_fingerprint(self._db, file_id, seq, facts.fingerprint)

    def _add_manifest(self, file: ReleaseFile, store: bytes | None, where: str) -> None:
        digest, label = file.manifest_sha256, file.active_manifest
        place = f"{where}: manifest {digest}"
        there = self._db.execute(
            select(MANIFEST.c.label).where(MANIFEST.c.sha256 == digest)
        ).scalar()
        if there is not None:
            if there != label:
                raise RegisterError(f"{place}: expected the label {there}, got {label}")
            return
        if store is None or label is None:
            raise RegisterError(f"{place}: is stated, and not handed over with its label")
        self._db.execute(insert(MANIFEST).values(sha256=digest, label=label, store=store))

    def _add_binding(self, value: str, manifest_sha256: str) -> None:
        there = select(BINDING.c.id).where(
            BINDING.c.algorithm == ISCC_BINDING,
            BINDING.c.value == value,
            BINDING.c.manifest_sha256 == manifest_sha256,
        )
        if self._db.execute(there).first() is None:
            self._db.execute(
                insert(BINDING).values(
                    algorithm=ISCC_BINDING, value=value, manifest_sha256=manifest_sha256
                )
            )


def next_number(connection: Connection) -> int:
    """Which number gets the next change of anything?"""
    connection.execute(update(COUNTER).values(value=COUNTER.c.value + 1))
    return int(connection.execute(select(COUNTER.c.value)).scalar_one())


def inserted_id(connection: Connection, table: Table, **values: object) -> int:
    """Add a row; which id did it get?"""
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    if key is None:
        raise AssertionError("a row that was inserted has a key")
    return int(key[0])


def add_fingerprint(
    connection: Connection, file_id: int, seq: int, fingerprint: MediaFingerprint
) -> int:
    """Keep what a file looks and sounds like; which id do its codes go by in a search?"""
    owner = inserted_id(
        connection,
        FINGERPRINT,
        file_id=file_id,
        codes=pack_codes(fingerprint.codes),
        duration_ms=fingerprint.duration_ms,
        added_seq=seq,
    )
    for reference in fingerprint.references:
        connection.execute(
            insert(REFERENCE).values(
                fingerprint_id=owner,
                kind=reference.kind,
                data=reference.data,
                at_ms=reference.at_ms,
                width=reference.width,
                height=reference.height,
            )
        )
    return owner
