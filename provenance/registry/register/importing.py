"""Reading an exported register in again: signature by signature, a batch at a time.

Whatever stops it, what was taken in is whole and stays; done again, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from sqlalchemy import select

from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.fingerprints.model import CODE_BYTES, Algorithm, MediaFingerprint, Reference
from provenance.limits import DEFAULT_LIMITS
from provenance.registry.log.leaf import SignedStatement, parse_signed_statement
from provenance.registry.log.statement import MAX_FILES, canonical_json
from provenance.registry.log.statement import Register as RegisterStatement
from provenance.registry.register.bindings import keep_binding, keep_stored, keep_storer
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.moments import from_seconds, to_seconds
from provenance.registry.register.packed_codes import strangers_codes
from provenance.registry.register.records import Change, FileFacts, LogSecret
from provenance.registry.register.register import Register
from provenance.registry.register.schema import MANIFEST, NEGATIVE
from provenance.registry.register.transfer_lines import (
    MAX_LINE_BYTES,
    BindingLine,
    ChangeLine,
    EndLine,
    FileLine,
    Line,
    ManifestLine,
    NegativeLine,
    Place,
    ReferenceLine,
    StartLine,
    StorerLine,
    means_something,
    parse_line,
    reference_of,
)

__all__ = ["Imported", "import_register"]

_CHANGES_AT_ONCE = 500
_BYTES_AT_ONCE = 64 * 1024**2
# What comes before the statement that takes it up: at most so much for each file that one
# statement can name.
_WAITING_BYTES = MAX_FILES * (DEFAULT_LIMITS.max_manifest_store_bytes + 16 * 1024**2)
_WAITING_LINES = MAX_FILES * 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an import.

    Attributes:
        changes: How many were read.
        added: How many of them are new.
        left_out: How much that is kept of files means nothing, and was not taken over: no
            look for resemblances could use it.
    """

    changes: int
    added: int
    left_out: int = 0


@dataclass(slots=True)
class _Batch:
    changes: list[Change] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    places: list[tuple[Place, ...]] = field(default_factory=list)
    bytes: int = 0


def import_register(
    register: Register,
    stream: BinaryIO,
    *,
    now: datetime,
    believe_times: bool = False,
    note: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Take everything in that was exported from a register, and is not in this one yet.

    Args:
        register: Where to.
        stream: What was exported.
        now: What time it is.
        believe_times: Believe when the other register says it took each change, and where
            logs have it. Otherwise each counts as taken now, and a key that has expired or
            is disowned by now states nothing. Only for whom the operator trusts, such as
            himself: whoever has a stolen key could write any time.
        note: Is told how many changes were read so far.

    Raises:
        RegisterError: A line cannot be taken in; what came before it has been.
    """
    reader = _Importer(register, now=now, believe_times=believe_times, note=note)
    where = "export"
    ended = False
    for number, data in _numbered_lines(stream):
        where = f"export, line {number}"
        line = parse_line(data, where=where)
        if ended or isinstance(line, StartLine) is not (number == 1):
            raise RegisterError(f"{where}: expected another line here, got {type(line).__name__}")
        reader.read(line, len(data), where=where)
        ended = isinstance(line, EndLine)
    reader.flush()
    if not ended:
        raise RegisterError(
            f"{where}: the export breaks off here; what came before has been taken in"
        )
    return reader.done()


@dataclass(slots=True)
class _Waiting:
    """How much was read that no statement has taken up yet."""

    lines: int = 0
    bytes: int = 0

    def add(self, length: int) -> None:
        self.lines += 1
        self.bytes += length

    def done(self, length: int) -> None:
        self.lines -= 1
        self.bytes -= length


class _Importer:
    def __init__(
        self,
        register: Register,
        *,
        now: datetime,
        believe_times: bool,
        note: Callable[[int], None],
    ) -> None:
        self._register = register
        self._now, self._believe = now, believe_times
        self._note = note
        self._batch = _Batch()
        # Manifests that came with no statement yet, and those of a statement or of who put
        # them in, which go when the batch is taken in.
        self._stores: dict[str, bytes] = {}
        self._taken_up: set[str] = set()
        self._stored_by: dict[str, str] = {}
        self._files: dict[str, tuple[FileLine, int]] = {}
        self._references: dict[str, list[tuple[Reference, int]]] = {}
        self._waiting = _Waiting()
        self._changes = self._added = self._left_out = 0

    def read(self, line: Line, length: int, *, where: str) -> None:
        """Take one line up."""
        self._batch.bytes += length
        match line:
            case ManifestLine():
                if sha256(line.store).hexdigest() != line.sha256:
                    raise RegisterError(f"{where}: the manifest is not the one of {line.sha256}")
                self._add_manifest(line, where)
            case FileLine():
                self._add_file(line, length, where)
            case ReferenceLine():
                self._add_reference(line, length, where)
            case ChangeLine():
                self._add(line, where)
            case StorerLine() | BindingLine() | NegativeLine():
                self.flush()
                self._add_loose(line, where)
            case EndLine():
                self.flush()
                if line.changes != self._changes:
                    raise RegisterError(
                        f"{where}: expected {line.changes} changes, got {self._changes}"
                    )
            case StartLine():
                pass

    def done(self) -> Imported:
        """What became of it?"""
        return Imported(changes=self._changes, added=self._added, left_out=self._left_out)

    def _add_manifest(self, line: ManifestLine, where: str) -> None:
        if line.sha256 not in self._stores:
            self._stores[line.sha256] = line.store
            self._wait_for(len(line.store), where)
        if line.stored_by is None:
            return
        self._take_up(line.sha256)
        self._stored_by[line.sha256] = line.stored_by
        if self._batch.bytes >= _BYTES_AT_ONCE:
            self.flush()

    def _add_file(self, line: FileLine, length: int, where: str) -> None:
        if line.sha256 in self._files:
            self._waiting.done(self._files[line.sha256][1])
        self._files[line.sha256] = line, length
        self._wait_for(length, where)

    def _add_reference(self, line: ReferenceLine, length: int, where: str) -> None:
        reference = reference_of(line)
        if not means_something(reference):
            # A backup is read again although something of it means nothing.
            self._left_out += 1
            return
        self._references.setdefault(line.sha256, []).append((reference, length))
        self._wait_for(length, where)

    def _wait_for(self, length: int, where: str) -> None:
        """Something waits for the statement that names it.

        Raises:
            RegisterError: More does than any statement takes up.
        """
        self._waiting.add(length)
        if self._waiting.bytes > _WAITING_BYTES or self._waiting.lines > _WAITING_LINES:
            raise RegisterError(
                f"{where}: {self._waiting.lines} manifests, files and references of "
                f"{self._waiting.bytes} bytes, and no statement has named them; expected "
                f"{_WAITING_LINES} of {_WAITING_BYTES} bytes at most before the one that does"
            )

    def _add(self, line: ChangeLine, where: str) -> None:
        signed = _signed(line.signed, where)
        secret = None
        if line.salt is not None and line.commitment is not None:
            secret = LogSecret(salt=line.salt, commitment=_signed(line.commitment, where))
        change = Change(signed=signed, facts=tuple(self._facts(signed, where)), secret=secret)
        self._batch.changes.append(change)
        # No time to come is believed: the register's clock would never go on from there.
        taken = from_seconds(min(line.taken_at, to_seconds(self._now)))
        self._batch.times.append(taken if self._believe else self._now)
        # Nor did anybody sign where a log has it: the log tells, when it is given this again.
        self._batch.places.append(line.places if self._believe else ())
        self._changes += 1
        if len(self._batch.changes) >= _CHANGES_AT_ONCE or self._batch.bytes >= _BYTES_AT_ONCE:
            self.flush()

    def _facts(self, signed: SignedStatement, where: str) -> Iterator[FileFacts]:
        if not isinstance(signed.statement, RegisterStatement):
            return
        for file in signed.statement.files:
            line = FileLine(sha256=file.sha256)
            if file.sha256 in self._files:
                line, length = self._files.pop(file.sha256)
                self._waiting.done(length)
            references = []
            for reference, length in self._references.pop(file.sha256, ()):
                references.append(reference)
                self._waiting.done(length)
            made = None
            if line.codes is not None:
                made = MediaFingerprint(
                    codes=strangers_codes(line.codes, where=where),
                    references=tuple(references),
                    duration_ms=line.duration_ms,
                )
            # It is sent once, and may be stated by several.
            store = self._stores.get(file.manifest_sha256 or "")
            self._take_up(file.manifest_sha256 or "")
            yield FileFacts(
                sha256=file.sha256,
                manifest=store,
                title=line.title,
                channels=line.channels,
                fingerprint=made,
            )

    def flush(self) -> None:
        """Take in what was gathered: all of it, or nothing."""
        batch, self._batch = self._batch, _Batch()
        if batch.changes:
            taken = self._register.take_at(
                batch.changes, times=batch.times, skip_known=True, believed=self._believe
            )
            self._added += taken.added
            for number, places in zip(taken.numbers, batch.places, strict=True):
                for place in places:
                    self._register.ledger.place(
                        place.origin,
                        [(number, place.entry)],
                        logged_at=from_seconds(place.logged_at),
                    )
        self._keep_loose_manifests()
        for digest in self._taken_up:
            del self._stores[digest]
        self._taken_up.clear()
        self._note(self._changes)

    def _take_up(self, digest: str) -> None:
        """A manifest waits no longer: it goes with the batch."""
        if digest in self._stores and digest not in self._taken_up:
            self._taken_up.add(digest)
            self._waiting.done(len(self._stores[digest]))

    def _keep_loose_manifests(self) -> None:
        """Those that came without a statement."""
        for digest, stored_by in self._stored_by.items():
            store = self._stores[digest]
            label = label_of_store(store, where=f"manifest {digest}")
            with self._register.database.writing() as connection:
                keep_stored(connection, digest, label, store, stored_by)
        self._stored_by.clear()

    def _add_loose(self, line: StorerLine | BindingLine | NegativeLine, where: str) -> None:
        if not isinstance(line, NegativeLine):
            digest = line.manifest_sha256
            present = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == digest)
            with self._register.database.writing() as connection:
                if connection.execute(present).first() is None:
                    raise RegisterError(f"{where}: there is no manifest {digest}")
                if isinstance(line, StorerLine):
                    keep_storer(connection, digest, line.agency)
                else:
                    keep_binding(connection, line.algorithm, line.value, digest, line.added_by)
            return
        if line.algorithm not in set(Algorithm):
            raise RegisterError(f"{where}: unknown algorithm {line.algorithm!r:.40}")
        if len(line.bits) != CODE_BYTES:
            raise RegisterError(f"{where}: expected {CODE_BYTES} bytes, got {len(line.bits)}")
        there = select(NEGATIVE.c.id).where(
            NEGATIVE.c.algorithm == line.algorithm,
            NEGATIVE.c.bits == line.bits,
            NEGATIVE.c.removed_seq.is_(None),
        )
        with self._register.database.reading() as connection:
            known = connection.execute(there).first() is not None
        if not known:
            self._register.codes.add_negative(
                [(Algorithm(line.algorithm), line.bits)], why=line.why
            )


def _numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while data := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(data) > MAX_LINE_BYTES:
            raise RegisterError(f"export, line {number}: expected {MAX_LINE_BYTES} bytes at most")
        if not data.endswith(b"\n"):
            # Half of a line says nothing.
            return
        yield number, data


def _signed(document: dict[str, object], where: str) -> SignedStatement:
    try:
        return parse_signed_statement(canonical_json(document), where="signed statement")
    except (MalformedError, LimitError) as error:
        raise RegisterError(f"{where}: {error}") from error
