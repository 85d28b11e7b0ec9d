"""Reading an exported register in again: signature by signature, a batch at a time.

Whatever stops it, what was taken in is whole and stays; done again, it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from sqlalchemy import insert, select

from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.fingerprints.model import CODE_BYTES, Algorithm, MediaFingerprint, Reference
from provenance.registry.log.leaf import SignedStatement, parse_signed_statement
from provenance.registry.log.statement import Register as RegisterStatement
from provenance.registry.log.statement import canonical_json
from provenance.registry.register.checking import label_of_store
from provenance.registry.register.moments import from_seconds, to_seconds
from provenance.registry.register.packed_codes import strangers_codes
from provenance.registry.register.records import Change, FileFacts, LogSecret
from provenance.registry.register.register import Register
from provenance.registry.register.schema import BINDING, MANIFEST, NEGATIVE
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
    parse_line,
)

__all__ = ["Imported", "import_register"]

_CHANGES_AT_ONCE = 500
_BYTES_AT_ONCE = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an import.

    Attributes:
        changes: How many were read.
        added: How many of them are new.
    """

    changes: int
    added: int


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
        self._stores: dict[str, bytes] = {}
        self._stored_by: dict[str, str | None] = {}
        self._files: dict[str, FileLine] = {}
        self._references: dict[str, list[Reference]] = {}
        self._changes = self._added = 0

    def read(self, line: Line, length: int, *, where: str) -> None:
        """Take one line up."""
        self._batch.bytes += length
        match line:
            case ManifestLine():
                if sha256(line.store).hexdigest() != line.sha256:
                    raise RegisterError(f"{where}: the manifest is not the one of {line.sha256}")
                self._stores[line.sha256] = line.store
                self._stored_by[line.sha256] = line.stored_by
            case FileLine():
                self._files[line.sha256] = line
            case ReferenceLine():
                self._references.setdefault(line.sha256, []).append(_reference(line))
            case ChangeLine():
                self._add(line, where)
            case BindingLine() | NegativeLine():
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
        return Imported(changes=self._changes, added=self._added)

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
            line = self._files.pop(file.sha256, None) or FileLine(sha256=file.sha256)
            references = tuple(self._references.pop(file.sha256, ()))
            made = None
            if line.codes is not None:
                made = MediaFingerprint(
                    codes=strangers_codes(line.codes, where=where),
                    references=references,
                    duration_ms=line.duration_ms,
                )
            # It is sent once, and may be stated by several.
            store = self._stores.get(file.manifest_sha256 or "")
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
        self._stores.clear()
        self._note(self._changes)

    def _keep_loose_manifests(self) -> None:
        """Those that came without a statement."""
        loose = {
            digest: by
            for digest, by in self._stored_by.items()
            if by is not None and digest in self._stores
        }
        self._stored_by.clear()
        for digest, stored_by in loose.items():
            store = self._stores[digest]
            label = label_of_store(store, where=f"manifest {digest}")
            with self._register.database.writing() as connection:
                there = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == digest)
                if connection.execute(there).first() is None:
                    connection.execute(
                        insert(MANIFEST),
                        {"sha256": digest, "label": label, "store": store, "stored_by": stored_by},
                    )

    def _add_loose(self, line: BindingLine | NegativeLine, where: str) -> None:
        if isinstance(line, BindingLine):
            table, values = BINDING, line.model_dump()
            same = [table.c[name] == value for name, value in values.items() if name != "added_by"]
            present = select(MANIFEST.c.sha256).where(MANIFEST.c.sha256 == line.manifest_sha256)
            with self._register.database.writing() as connection:
                if connection.execute(present).first() is None:
                    raise RegisterError(f"{where}: there is no manifest {line.manifest_sha256}")
                if connection.execute(select(table.c.id).where(*same)).first() is None:
                    connection.execute(insert(table), values)
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


def _reference(line: ReferenceLine) -> Reference:
    return Reference(
        kind=line.kind, data=line.data, at_ms=line.at_ms, width=line.width, height=line.height
    )
