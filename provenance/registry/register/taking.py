"""Taking changes into the register: the rules that depend on what is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select, update

from provenance.errors import RegisterError
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
from provenance.registry.register.records import Change, FileFacts, ReleaseStatement
from provenance.registry.register.rows import NewRows
from provenance.registry.register.schema import (
    BINDING,
    CHANGE,
    FILE,
    MANIFEST,
    RELEASE,
)
from provenance.registry.register.shown import ISCC_BINDING
from provenance.registry.register.status import derive_status, read_statement
from provenance.verdict import ReleaseState

__all__ = ["Taker", "file_columns"]

# Clocks that are set now and then go back a little.
_CLOCK_SLACK = timedelta(seconds=5)
# A chain of newer versions that is longer is somebody's mistake.
_MAX_VERSIONS = 1_000

# Made once: building a question takes longer than answering it.
_FIND_RELEASE = select(RELEASE.c.id).where(
    RELEASE.c.agency == bindparam("agency"), RELEASE.c.name == bindparam("name")
)
_LAST_CLAIM = select(func.max(CHANGE.c.claimed_at)).where(
    CHANGE.c.release_id == bindparam("release_id")
)
_STATUS_CHANGES = (
    select(CHANGE.c.seq, CHANGE.c.encoded)
    .where(
        CHANGE.c.release_id == bindparam("release_id"),
        CHANGE.c.type.in_(("withdraw", "supersede")),
    )
    .order_by(CHANGE.c.seq)
)
_ORIGINAL = (
    select(FILE.c.id)
    .join(RELEASE, RELEASE.c.id == FILE.c.release_id)
    .where(FILE.c.sha256 == bindparam("sha256"), RELEASE.c.agency == bindparam("agency"))
    .limit(1)
)
_LABEL = select(MANIFEST.c.label).where(MANIFEST.c.sha256 == bindparam("sha256"))
_BINDING = select(BINDING.c.id).where(
    BINDING.c.algorithm == ISCC_BINDING,
    BINDING.c.value == bindparam("value"),
    BINDING.c.manifest_sha256 == bindparam("manifest_sha256"),
)
_UNDER_EMBARGO = select(CHANGE.c.seq, CHANGE.c.encoded).where(
    CHANGE.c.release_id == bindparam("release_id"), CHANGE.c.salt == bindparam("salt")
)
_REVEAL_FILES = (
    update(FILE)
    .where(FILE.c.seq == bindparam("of"), FILE.c.visible_from > bindparam("since"))
    .values(visible_from=bindparam("since"))
)


@dataclass(slots=True)
class _Release:
    id: int
    last_claim: int
    withdrawn: bool


class Taker:
    """Takes checked changes in, within one transaction that writes.

    After the last one, `finish` has to be called.

    Args:
        connection: The transaction.
        name: What errors call the register.
        believed: Times are another register's, and may lie in the past.
    """

    def __init__(self, connection: Connection, *, name: str, believed: bool = False) -> None:
        self._db = connection
        self._name = name
        self._believed = believed
        self._rows = NewRows(connection)
        self._releases: dict[tuple[str, str], _Release] = {}
        self._labels: dict[str, str] = {}
        self._bindings: set[tuple[str, str]] = set()

    def finish(self) -> None:
        """Write what is not written yet."""
        self._rows.write()

    def take(self, change: Change, digest: bytes, *, taken_at: datetime, where: str) -> int:
        """Take one change in that was checked by itself; which number does it get?

        Args:
            change: The change.
            digest: Of its statement.
            taken_at: When this is.
            where: What errors call it.

        Raises:
            RegisterError: It does not go with what is there, or the clock has gone back;
                nothing of the transaction may be kept.
        """
        self._check_clock(taken_at)
        statement = release_statement(change.signed, where=where)
        release = self._release_of(statement, where)
        claimed = to_seconds(statement.claimed_at)
        # A clock that is ahead must not delay a withdrawal.
        counts_from = min(claimed, to_seconds(taken_at))
        match statement:
            case Register():
                self._check_originals(statement, where)
            case Supersede():
                self._check_newer(release.id, statement, where)
            case Reveal():
                self._show(release.id, statement, counts_from, where)
            case Withdraw():
                release.withdrawn = True
        release.last_claim = claimed
        seq = self._add_change(change, statement, digest, release.id, taken_at)
        if isinstance(statement, Register):
            facts = {entry.sha256: entry for entry in change.facts}
            until = statement.embargo_until
            visible_from = counts_from if until is None else to_seconds(until)
            for file in statement.files:
                found = facts.get(file.sha256) or FileFacts(sha256=file.sha256)
                self._add_file(
                    file,
                    found,
                    where,
                    seq=seq,
                    release_id=release.id,
                    counts_from=counts_from,
                    visible_from=visible_from,
                )
        return seq

    def _check_clock(self, taken_at: datetime) -> None:
        clock = from_seconds(self._rows.clock)
        if not self._believed and taken_at < clock - _CLOCK_SLACK:
            raise RegisterError(
                f"{self._name}: the clock has gone back: it says {taken_at.isoformat()}, and the "
                f"last change was taken at {clock.isoformat()}; set the clock. If it is right, "
                f"and was wrong then: `provenance register wrong-time --time {clock.isoformat()}`"
            )
        self._rows.clock = max(self._rows.clock, to_seconds(taken_at))

    def _release_of(self, statement: ReleaseStatement, where: str) -> _Release:
        """Which release is it about, if something may still be stated about that?"""
        about = statement.statement if isinstance(statement, Reveal) else statement
        release = self._release(about.agency, about.release)
        if release is None:
            if not isinstance(statement, Register):
                raise _unknown(where, about.agency, about.release)
            return self._new_release(about.agency, about.release)
        if to_seconds(statement.claimed_at) < release.last_claim:
            raise RegisterError(
                f"{where}: is claimed for {statement.claimed_at.isoformat()}, before the last "
                f"statement about this release, {from_seconds(release.last_claim).isoformat()}"
            )
        if release.withdrawn and not isinstance(statement, Reveal):
            raise RegisterError(f"{where}: {about.release} is withdrawn, which is final")
        return release

    def _release(self, agency: str, name: str) -> _Release | None:
        if (agency, name) not in self._releases:
            found = self._db.execute(_FIND_RELEASE, {"agency": agency, "name": name}).scalar()
            if found is None:
                return None
            key = {"release_id": found}
            rows = self._db.execute(_STATUS_CHANGES, key)
            last = self._db.execute(_LAST_CLAIM, key).scalar()
            later = [read_statement(row.encoded, where=f"change {row.seq}") for row in rows]
            state = derive_status(from_seconds(last or 0), later).state
            self._releases[agency, name] = _Release(
                found, last or 0, state is ReleaseState.WITHDRAWN
            )
        return self._releases[agency, name]

    def _new_release(self, agency: str, name: str) -> _Release:
        made = _Release(
            self._rows.add_numbered(RELEASE, agency=agency, name=name), 0, withdrawn=False
        )
        self._releases[agency, name] = made
        return made

    def _add_change(
        self,
        change: Change,
        statement: ReleaseStatement,
        digest: bytes,
        release_id: int,
        taken_at: datetime,
    ) -> int:
        seq = self._rows.next_number()
        taken, claimed = to_seconds(taken_at), to_seconds(statement.claimed_at)
        until = statement.embargo_until if isinstance(statement, Register) else None
        secret = change.secret
        self._rows.add(
            CHANGE,
            seq=seq,
            digest=digest,
            encoded=change.signed.encoded,
            taken_at=taken,
            salt=None if secret is None else secret.salt,
            commitment=None if secret is None else secret.commitment.encoded,
            release_id=release_id,
            type=statement.type,
            claimed_at=claimed,
            counts_from=min(claimed, taken),
            embargo_until=None if until is None else to_seconds(until),
        )
        return seq

    def _check_originals(self, statement: Register, where: str) -> None:
        here = {file.sha256 for file in statement.files}
        for file in statement.files:
            if file.rendition_of is None or file.rendition_of in here:
                continue
            self._rows.write()
            key = {"sha256": file.rendition_of, "agency": statement.agency}
            if self._db.execute(_ORIGINAL, key).first() is None:
                raise RegisterError(
                    f"{where}: {file.sha256} is stated as a rendition of {file.rendition_of}, "
                    f"which is no registered file of {statement.agency}"
                )

    def _check_newer(self, release_id: int, statement: Supersede, where: str) -> None:
        """Refuse a circle of newer versions, by all that was ever stated.

        Which of several statements is the last depends on who reads: one may name a release
        that is under embargo.
        """
        self._rows.write()
        names, seen = [statement.replaced_by], set[int]()
        while names:
            name = names.pop()
            newer = self._release(statement.agency, name)
            if newer is None:
                raise _unknown(where, statement.agency, name)
            if newer.id == release_id:
                raise RegisterError(
                    f"{where}: {statement.replaced_by} is {statement.release}, or was itself "
                    "superseded by it"
                )
            if newer.id in seen:
                continue
            seen.add(newer.id)
            if len(seen) > _MAX_VERSIONS:
                raise RegisterError(f"{where}: more than {_MAX_VERSIONS} versions")
            names += self._ever_newer_than(newer.id)

    def _ever_newer_than(self, release_id: int) -> list[str]:
        rows = self._db.execute(_STATUS_CHANGES, {"release_id": release_id})
        later = (read_statement(row.encoded, where=f"change {row.seq}") for row in rows)
        return [one.replaced_by for one in later if isinstance(one, Supersede)]

    def _show(self, release_id: int, statement: Reveal, since: int, where: str) -> None:
        """What was under embargo is for everybody from now on."""
        self._rows.write()
        key = {"release_id": release_id, "salt": bytes.fromhex(statement.salt)}
        same = canonical_json(statement.statement)
        found = [
            row.seq
            for row in self._db.execute(_UNDER_EMBARGO, key)
            if canonical_json(read_statement(row.encoded, where=f"change {row.seq}")) == same
        ]
        if not found:
            raise RegisterError(f"{where}: reveals what the register does not have under embargo")
        for seq in found:
            self._db.execute(_REVEAL_FILES, {"of": seq, "since": since})

    def _add_file(
        self,
        file: ReleaseFile,
        facts: FileFacts,
        where: str,
        *,
        seq: int,
        **derived: int,
    ) -> None:
        if file.manifest_sha256 is not None:
            self._add_manifest(file.manifest_sha256, file.active_manifest, facts.manifest, where)
        file_id = self._rows.add_numbered(
            FILE,
            seq=seq,
            **derived,
            **file_columns(file),
            title=json.dumps(dict(facts.title), ensure_ascii=False, sort_keys=True),
            channels=json.dumps(list(facts.channels), ensure_ascii=False),
        )
        if file.iscc is not None and file.manifest_sha256 is not None:
            self._add_binding(file.iscc, file.manifest_sha256)
        if facts.fingerprint is not None:
            self._rows.add_fingerprint(file_id, seq, facts.fingerprint)

    def _add_manifest(
        self, digest: str, label: str | None, store: bytes | None, where: str
    ) -> None:
        place = f"{where}: manifest {digest}"
        there = self._labels.get(digest) or self._db.execute(_LABEL, {"sha256": digest}).scalar()
        if there is None:
            if store is None or label is None:
                raise RegisterError(f"{place}: is stated, and not handed over with its label")
            self._rows.add(MANIFEST, sha256=digest, label=label, store=store)
            there = label
        elif there != label:
            raise RegisterError(f"{place}: expected the label {there}, got {label}")
        self._labels[digest] = there

    def _add_binding(self, value: str, manifest_sha256: str) -> None:
        if (value, manifest_sha256) in self._bindings:
            return
        self._bindings.add((value, manifest_sha256))
        key = {"value": value, "manifest_sha256": manifest_sha256}
        if self._db.execute(_BINDING, key).first() is None:
            self._rows.add(BINDING, algorithm=ISCC_BINDING, **key)


def file_columns(file: ReleaseFile) -> dict[str, str | None]:
    """Which columns of its row follow from the statement of the file alone?"""
    return {
        "sha256": file.sha256,
        "media_type": file.media_type,
        "rendition_of": file.rendition_of,
        "manifest_sha256": file.manifest_sha256,
        "active_manifest": file.active_manifest,
        "iscc": file.iscc,
    }


def _unknown(where: str, agency: str, name: str) -> RegisterError:
    return RegisterError(f"{where}: there is no release {name!r} of {agency}")
