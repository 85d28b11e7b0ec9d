"""Holding all of a register against what agencies signed.

What follows from the statements can be made again, and `repair` does so. What does not, is
named and left as it is: a statement that was edited, a manifest that is another, a
fingerprint that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update

from provenance.database.database import Database
from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.leaf import Leaf, SignedStatement, parse_signed_statement
from provenance.registry.log.statement import (
    Embargo,
    Register,
    Reveal,
    Supersede,
    Withdraw,
    canonical_json,
    commitment_to,
)
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.moments import from_seconds, to_seconds
from provenance.registry.register.packed_codes import unpack_codes
from provenance.registry.register.schema import (
    ADDER,
    BINDING,
    CHANGE,
    COUNTER,
    FILE,
    FINGERPRINT,
    LOG_PLACE,
    MANIFEST,
    REFERENCE,
    RELEASE,
)
from provenance.registry.register.shown import ISCC_BINDING
from provenance.registry.register.taking import file_columns

__all__ = ["LogEntries", "RegisterFinding", "RegisterReport", "check_register"]

_AT_ONCE = 500
_REVEAL = b'"type":"reveal"'
_CHANGES = (
    select(CHANGE, RELEASE.c.agency, RELEASE.c.name)
    .join(RELEASE, RELEASE.c.id == CHANGE.c.release_id)
    .where(CHANGE.c.seq > bindparam("after"))
    .order_by(CHANGE.c.seq)
    .limit(_AT_ONCE)
)
_FILES = select(FILE).where(FILE.c.seq == bindparam("of_seq"))
_PLACES = select(LOG_PLACE).where(
    LOG_PLACE.c.seq == bindparam("of_seq"), LOG_PLACE.c.origin == bindparam("origin")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntries:
    """What a log holds.

    Attributes:
        size: How many entries it has.
        entry: Gives one by its number; None where there is none that can be read.
    """

    size: int
    entry: Callable[[int], Leaf | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFinding:
    """Something that is not as it should be.

    Attributes:
        what: In words.
        derived: It follows from the statements, and can be made again.
        repaired: It was.
    """

    what: str
    derived: bool = False
    repaired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterReport:
    """What became of a check.

    Attributes:
        changes: How many signed changes there are.
        findings: What is not as it should be.
    """

    changes: int
    findings: tuple[RegisterFinding, ...]

    @property
    def is_sound(self) -> bool:
        """Is nothing wrong any more?"""
        return all(finding.repaired for finding in self.findings)


def check_register(
    database: Database,
    *,
    agencies: AgencyChecker,
    repair: bool = False,
    logs: dict[str, LogEntries] | None = None,
) -> RegisterReport:
    """Is the register what agencies signed?

    Args:
        database: The register's.
        agencies: Whose keys count. Each is asked about as of the time the change was taken.
        repair: Make again what follows from the statements.
        logs: Entries of release logs, by the log's name, that are held against it too.

    Raises:
        RegisterError: It is damaged so much that it cannot be read.
    """
    damage = database.integrity()
    if damage is not None:
        finding = RegisterFinding(what=f"the database itself is damaged: {damage}")
        return RegisterReport(changes=0, findings=(finding,))
    with database.writing() if repair else database.reading() as connection:
        checker = _Checker(connection, agencies, logs or {}, repair=repair)
        findings = tuple(checker.findings())
        return RegisterReport(changes=checker.changes, findings=findings)


class _Checker:
    def __init__(
        self,
        connection: Connection,
        agencies: AgencyChecker,
        logs: dict[str, LogEntries],
        *,
        repair: bool,
    ) -> None:
        self._db = connection
        self._agencies = agencies
        self._logs = logs
        self._repair = repair
        self.changes = 0

    def findings(self) -> Iterator[RegisterFinding]:
        """What is wrong, in the order of the changes, then of everything else."""
        revealed = self._revealed()
        after = 0
        while rows := self._db.execute(_CHANGES, {"after": after}).all():
            for row in rows:
                self.changes += 1
                yield from self._check_change(row, revealed)
            after = rows[-1].seq
        yield from self._check_counter(after)
        yield from self._check_manifests()
        yield from self._check_bindings()
        yield from self._check_fingerprints()
        for origin, log in self._logs.items():
            yield from self._check_lost(origin, log)

    def _wrong(self, what: str) -> RegisterFinding:
        return RegisterFinding(what=what)

    def _derived(self, what: str, *mend: Any) -> RegisterFinding:
        """Something that follows from statements, and the SQL that makes it right."""
        if self._repair:
            for statement in mend:
                self._db.execute(statement)
        return RegisterFinding(what=what, derived=True, repaired=self._repair)

    def _revealed(self) -> dict[tuple[bytes, bytes], int]:
        """Which statements were revealed, with which salt, and since when does that count?

        By their agency: nothing else ends an embargo.
        """
        found: dict[tuple[bytes, bytes], int] = {}
        # Not by its column, which may be wrong itself.
        rows = (row for row in self._pages(CHANGE, "seq") if _REVEAL in bytes(row.encoded))
        for row in rows:
            signed = _parsed(row.encoded)
            if isinstance(signed, SignedStatement) and isinstance(signed.statement, Reveal):
                answer = self._agencies.check_statement(signed, taken_at=from_seconds(row.taken_at))
                if answer.state not in {EntryState.AGENCY, EntryState.NOT_CHECKED}:
                    continue
                told = signed.statement
                since = min(to_seconds(told.claimed_at), row.taken_at)
                key = (bytes.fromhex(told.salt), canonical_json(told.statement))
                found[key] = min(since, found.get(key, since))
        return found

    def _check_change(
        self, row: Row[Any], revealed: dict[tuple[bytes, bytes], int]
    ) -> Iterator[RegisterFinding]:
        where = f"change {row.seq}"
        signed = _parsed(row.encoded)
        if not isinstance(signed, SignedStatement):
            yield self._wrong(f"{where}: the statement was edited or is damaged: {signed}")
            return
        answer = self._agencies.check_statement(signed, taken_at=from_seconds(row.taken_at))
        if answer.state not in {EntryState.AGENCY, EntryState.NOT_CHECKED}:
            yield self._wrong(f"{where}: {answer.why}")
            if answer.state is EntryState.SIGNATURE:
                return
        statement = signed.statement
        about = statement.statement if isinstance(statement, Reveal) else statement
        name = getattr(about, "release", None)
        if (row.agency, row.name) != (about.agency, name):
            yield self._wrong(
                f"{where}: expected a change to {about.agency}/{name}, got one to "
                f"{row.agency}/{row.name}"
            )
            return
        yield from self._check_columns(row, signed, where)
        if isinstance(statement, Register):
            yield from self._check_files(row, statement, revealed, where)
        yield from self._check_secret(row, signed, where)
        for origin, log in self._logs.items():
            yield from self._check_places(row, signed, origin, log)

    def _check_columns(
        self, row: Row[Any], signed: SignedStatement, where: str
    ) -> Iterator[RegisterFinding]:
        statement = signed.statement
        claimed = to_seconds(statement.claimed_at)
        until = statement.embargo_until if isinstance(statement, Register) else None
        expected = {
            "digest": signed.digest,
            "type": statement.type,
            "claimed_at": claimed,
            "counts_from": min(claimed, row.taken_at),
            "embargo_until": None if until is None else to_seconds(until),
        }
        differs = _differing(row, expected)
        if differs:
            mend = update(CHANGE).where(CHANGE.c.seq == row.seq).values(**expected)
            yield self._derived(f"{where}: {', '.join(differs)} do not follow from it", mend)

    def _check_files(
        self,
        row: Row[Any],
        statement: Register,
        revealed: dict[tuple[bytes, bytes], int],
        where: str,
    ) -> Iterator[RegisterFinding]:
        counts_from = min(to_seconds(statement.claimed_at), row.taken_at)
        until = statement.embargo_until
        visible = counts_from if until is None else to_seconds(until)
        if row.salt is not None:
            key = (bytes(row.salt), canonical_json(statement))
            visible = min(visible, revealed.get(key, visible))
        there = {file.sha256: file for file in self._db.execute(_FILES, {"of_seq": row.seq})}
        for file in statement.files:
            expected = {
                "release_id": row.release_id,
                "counts_from": counts_from,
                "visible_from": visible,
                **file_columns(file),
            }
            found = there.pop(file.sha256, None)
            digest = file.manifest_sha256
            if (found is None or found.manifest_sha256 != digest) and not self._is_kept(digest):
                # Nothing can be made that refers to it.
                yield self._wrong(
                    f"{where}: manifest {digest} of file {file.sha256} is stated and not there: "
                    "a backup has it"
                )
                continue
            if found is None:
                values = expected | {"seq": row.seq, "title": "{}", "channels": "[]"}
                yield self._derived(
                    f"{where}: file {file.sha256} is stated and not there",
                    insert(FILE).values(
                        id=select(func.coalesce(func.max(FILE.c.id), 0) + 1).scalar_subquery(),
                        **values,
                    ),
                )
                continue
            differs = _differing(found, expected)
            if differs:
                mend = update(FILE).where(FILE.c.id == found.id).values(**expected)
                yield self._derived(
                    f"{where}: file {file.sha256}: {', '.join(differs)} are not as stated", mend
                )
        for digest, found in there.items():
            owners = select(FINGERPRINT.c.id).where(FINGERPRINT.c.file_id == found.id)
            yield self._derived(
                f"{where}: file {digest} is there and was never stated",
                delete(REFERENCE).where(REFERENCE.c.fingerprint_id.in_(owners)),
                delete(FINGERPRINT).where(FINGERPRINT.c.file_id == found.id),
                delete(FILE).where(FILE.c.id == found.id),
            )

    def _is_kept(self, digest: str | None) -> bool:
        kept = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == digest)
        return digest is None or self._db.execute(kept).first() is not None

    def _check_secret(
        self, row: Row[Any], signed: SignedStatement, where: str
    ) -> Iterator[RegisterFinding]:
        if row.commitment is None and row.salt is None:
            return
        commitment = _parsed(row.commitment or b"")
        if (
            not isinstance(commitment, SignedStatement)
            or not isinstance(commitment.statement, Embargo)
            or row.salt is None
            or commitment.statement.commitment != _commitment(signed, bytes(row.salt))
        ):
            yield self._wrong(f"{where}: salt and commitment are not those of the statement")

    def _check_places(
        self, row: Row[Any], signed: SignedStatement, origin: str, log: LogEntries
    ) -> Iterator[RegisterFinding]:
        sent = signed if row.commitment is None else _parsed(row.commitment)
        for place in self._db.execute(_PLACES, {"of_seq": row.seq, "origin": origin}).all():
            entry = log.entry(place.entry)
            where = f"change {row.seq}: entry {place.entry} of {origin}"
            if entry is None:
                yield self._wrong(f"{where} is missing in the log")
            elif not isinstance(sent, SignedStatement) or entry.signed.digest != sent.digest:
                yield self._wrong(f"{where} is another statement")
            elif to_seconds(entry.logged_at) != place.logged_at:
                mend = (
                    update(LOG_PLACE)
                    .where(LOG_PLACE.c.seq == row.seq, LOG_PLACE.c.origin == origin)
                    .values(logged_at=to_seconds(entry.logged_at))
                )
                yield self._derived(f"{where} was logged at another time", mend)

    def _check_lost(self, origin: str, log: LogEntries) -> Iterator[RegisterFinding]:
        """What agencies of this register stated to the log, and the register does not say.

        After an older backup was restored a release that was withdrawn would be current again,
        and nothing in the register itself shows it. What was stated anew counts as well.
        """
        placed = set(
            self._db.execute(
                select(LOG_PLACE.c.entry).where(LOG_PLACE.c.origin == origin)
            ).scalars()
        )
        agencies = set(self._db.execute(select(RELEASE.c.agency).distinct()).scalars())
        for number in range(log.size):
            entry = None if number in placed else log.entry(number)
            if entry is None:
                continue
            stated = entry.signed.statement
            about = stated.statement if isinstance(stated, Reveal) else stated
            if not isinstance(about, Register | Withdraw | Supersede):
                continue
            if about.agency not in agencies or self._says(about):
                continue
            # The log's keeper can write an entry, and cannot sign it.
            answer = self._agencies.check_statement(entry.signed, taken_at=entry.logged_at)
            if answer.state in {EntryState.AGENCY, EntryState.NOT_CHECKED}:
                yield self._wrong(
                    f"entry {number} of {origin}: {about.type} {about.agency}/{about.release} "
                    "is not in the register"
                )

    def _says(self, statement: Register | Withdraw | Supersede) -> bool:
        """Does the register say this, by whichever statement?"""
        of_release = (RELEASE.c.agency == statement.agency, RELEASE.c.name == statement.release)
        if isinstance(statement, Register):
            files = select(FILE.c.sha256).join(RELEASE, RELEASE.c.id == FILE.c.release_id)
            there = set(self._db.execute(files.where(*of_release)).scalars())
            return {file.sha256 for file in statement.files} <= there
        # What is withdrawn for good need not be superseded as well.
        enough = {statement.type, "withdraw"}
        changes = select(CHANGE.c.seq).join(RELEASE, RELEASE.c.id == CHANGE.c.release_id)
        found = self._db.execute(changes.where(*of_release, CHANGE.c.type.in_(enough)).limit(1))
        return found.first() is not None

    def _check_counter(self, last: int) -> Iterator[RegisterFinding]:
        highest = max(
            last,
            *(
                self._db.execute(select(func.max(column))).scalar() or 0
                for column in (FINGERPRINT.c.added_seq, FINGERPRINT.c.removed_seq)
            ),
        )
        value = self._db.execute(select(COUNTER.c.value)).scalar()
        if value is None or value < highest:
            yield self._derived(
                f"the counter says {value}, and the last change has the number {highest}",
                update(COUNTER).values(value=highest),
            )

    def _check_manifests(self) -> Iterator[RegisterFinding]:
        for row in self._pages(MANIFEST, "sha256"):
            if sha256(row.store).hexdigest() != row.sha256:
                yield self._wrong(f"manifest {row.sha256}: was edited or is damaged")
                continue
            try:
                label = label_of_store(row.store, where=f"manifest {row.sha256}")
            except RegisterError as error:
                yield self._wrong(str(error))
                continue
            if label != row.label:
                mend = update(MANIFEST).where(MANIFEST.c.sha256 == row.sha256).values(label=label)
                yield self._derived(f"manifest {row.sha256}: its label is {label}", mend)

    def _check_bindings(self) -> Iterator[RegisterFinding]:
        stated = select(FILE.c.iscc, FILE.c.manifest_sha256).where(
            FILE.c.iscc.is_not(None), FILE.c.manifest_sha256.is_not(None)
        )
        expected = {(row.iscc, row.manifest_sha256) for row in self._db.execute(stated)}
        there = {}
        for row in self._db.execute(select(BINDING).where(BINDING.c.algorithm == ISCC_BINDING)):
            there[row.value, row.manifest_sha256] = row
        for value, digest in sorted(expected - there.keys()):
            yield self._derived(
                f"soft binding {value}: follows from a statement and is not there",
                insert(BINDING).values(algorithm=ISCC_BINDING, value=value, manifest_sha256=digest),
            )
        added = set(self._db.execute(select(ADDER.c.binding_id)).scalars())
        for key in sorted(there.keys() - expected):
            if there[key].id not in added:
                mend = delete(BINDING).where(BINDING.c.id == there[key].id)
                yield self._derived(f"soft binding {key[0]}: nobody stated or added it", mend)

    def _check_fingerprints(self) -> Iterator[RegisterFinding]:
        for row in self._pages(FINGERPRINT, "id"):
            try:
                unpack_codes(row.codes, where=f"fingerprint {row.id}")
            except RegisterError as error:
                yield self._wrong(str(error))

    def _pages(self, table: Table, key: str) -> Iterator[Row[Any]]:
        """All rows, a few at a time."""
        column = table.c[key]
        rows = self._db.execute(select(table).order_by(column).limit(_AT_ONCE)).all()
        while rows:
            yield from rows
            last = getattr(rows[-1], key)
            rows = self._db.execute(
                select(table).where(column > last).order_by(column).limit(_AT_ONCE)
            ).all()


def _parsed(encoded: bytes) -> SignedStatement | str:
    """The statement in a column, or why it is none."""
    try:
        return parse_signed_statement(bytes(encoded), where="statement")
    except (MalformedError, LimitError) as error:
        return str(error)


def _commitment(signed: SignedStatement, salt: bytes) -> str | None:
    try:
        return commitment_to(signed.statement, salt)  # type: ignore[arg-type]
    except ValueError:
        return None


def _differing(row: Row[Any], expected: dict[str, Any]) -> list[str]:
    def same(found: object, wanted: object) -> bool:
        return bytes(found) == wanted if isinstance(found, memoryview) else found == wanted

    return [name for name, wanted in expected.items() if not same(getattr(row, name), wanted)]
