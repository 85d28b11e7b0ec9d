"""The entries of a log, in the order in which it took them, in one SQLite file.

Triggers refuse to change or remove an entry, or to put one anywhere but at the end. That
stops a mistake, not whoever can write the file: they are found out by the signed roots.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from provenance.registry.log.errors import LogError
from provenance.registry.log.leaf import Leaf
from provenance.registry.log.statement import (
    AuditRoot,
    Embargo,
    KeyChange,
    Register,
    Reveal,
    Statement,
    Supersede,
    Withdraw,
)

__all__ = ["LogStore", "Row", "StoredCheckpoint", "names_of"]

_APPLICATION_ID = 0x504C4F47  # PLOG
_VERSION = 1
_BUSY_S = 10.0
_ROWS_AT_ONCE = 1_024

_SCHEMA = """
CREATE TABLE entry (
    leaf_index INTEGER PRIMARY KEY,
    record     BLOB NOT NULL,
    leaf_hash  BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    digest     BLOB NOT NULL UNIQUE CHECK (length(digest) = 32)
) STRICT;
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY CHECK (size >= 0),
    note BLOB NOT NULL
) STRICT;
CREATE TABLE named (
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    leaf_index INTEGER NOT NULL,
    PRIMARY KEY (kind, name, leaf_index)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_is_next BEFORE INSERT ON entry
WHEN NEW.leaf_index <> (SELECT coalesce(max(leaf_index) + 1, 0) FROM entry)
  OR EXISTS (SELECT 1 FROM entry WHERE digest = NEW.digest)
BEGIN SELECT raise(ABORT, 'entries are added at the end, once each'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry
BEGIN SELECT raise(ABORT, 'no entry is ever removed'); END;
CREATE TRIGGER entry_is_final BEFORE UPDATE ON entry
BEGIN SELECT raise(ABORT, 'no entry is ever changed'); END;
CREATE TRIGGER checkpoint_grows BEFORE INSERT ON checkpoint
WHEN NEW.size <= (SELECT coalesce(max(size), -1) FROM checkpoint)
BEGIN SELECT raise(ABORT, 'a checkpoint is larger than those before it'); END;
CREATE TRIGGER checkpoint_stays BEFORE DELETE ON checkpoint
BEGIN SELECT raise(ABORT, 'no checkpoint is ever removed'); END;
CREATE TRIGGER checkpoint_is_final BEFORE UPDATE ON checkpoint
BEGIN SELECT raise(ABORT, 'no checkpoint is ever changed'); END;
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it is stored."""

    index: int
    record: bytes
    leaf_hash: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint that the log has signed, whether or not it was published."""

    size: int
    note: bytes


class LogStore:
    """The entries and the signed checkpoints of one log.

    Args:
        path: The database; it has to exist.
        read_only: Whether nothing is to be written.

    Raises:
        LogError: There is none, it is damaged, or of a later version of this program.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if not path.is_file():
            raise LogError(f"{path}: there is no log's store here")
        with self._errors():
            self._db = _connect(path, "ro" if read_only else "rw")
        try:
            with self._errors():
                application = self._one("PRAGMA application_id")
                version = self._one("PRAGMA user_version")
        except LogError:
            self._db.close()
            raise
        if (application, version) != (_APPLICATION_ID, _VERSION):
            self._db.close()
            raise LogError(
                f"{path}: expected the store of a log, version {_VERSION}, got "
                f"application {application:#x}, version {version}"
            )

    @classmethod
    def create(cls, path: Path) -> None:
        """Make an empty store.

        Raises:
            LogError: There is one already, or it cannot be made.
        """
        if path.exists():
            raise LogError(f"{path}: exists already; it is not overwritten")
        try:
            with closing(_connect(path, "rwc")) as db:
                # One transaction: a store is there with all of its triggers, or not at all.
                db.executescript(
                    f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; "
                    f"PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except sqlite3.Error as error:
            raise LogError(f"{path}: cannot be made: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def size(self) -> int:
        """How many entries are there?"""
        with self._errors():
            found = self._one("SELECT coalesce(max(leaf_index) + 1, 0) FROM entry")
        return int(found)

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """Which checkpoint was signed last?"""
        with self._errors():
            row = self._db.execute(
                "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1"
            ).fetchone()
        return None if row is None else StoredCheckpoint(*row)

    def checkpoint(self, size: int) -> StoredCheckpoint | None:
        """Which checkpoint of this size was signed?"""
        with self._errors():
            row = self._db.execute(
                "SELECT size, note FROM checkpoint WHERE size = ?", (size,)
            ).fetchone()
        return None if row is None else StoredCheckpoint(*row)

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Which checkpoints were signed? The smallest first."""
        with self._errors():
            for row in self._db.execute("SELECT size, note FROM checkpoint ORDER BY size"):
                yield StoredCheckpoint(*row)

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """Which entries have these numbers? A few at a time, so that all fit in memory."""
        while start < end:
            stop = min(start + _ROWS_AT_ONCE, end)
            with self._errors():
                found = self._db.execute(
                    "SELECT leaf_index, record, leaf_hash, digest FROM entry "
                    "WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index",
                    (start, stop),
                ).fetchall()
            for row in found:
                yield Row(*row)
            start = stop

    def record(self, index: int) -> bytes:
        """Which entry has this number?

        Raises:
            LogError: None.
        """
        for row in self.rows(index, index + 1):
            return row.record
        raise LogError(f"{self.path}: there is no entry {index}")

    def find(self, digest: bytes) -> int | None:
        """Which number has the entry with this statement's digest?"""
        with self._errors():
            row = self._db.execute(
                "SELECT leaf_index FROM entry WHERE digest = ?", (digest,)
            ).fetchone()
        return None if row is None else int(row[0])

    def named(self, kind: str, name: str) -> tuple[int, ...]:
        """Which entries are about this? In their order; the kinds are those of `names_of`."""
        with self._errors():
            rows = self._db.execute(
                "SELECT leaf_index FROM named WHERE kind = ? AND name = ? ORDER BY leaf_index",
                (kind, name),
            ).fetchall()
        return tuple(index for (index,) in rows)

    def names(self) -> Iterator[tuple[str, str, int]]:
        """Everything that `named` answers from."""
        with self._errors():
            yield from self._db.execute(
                "SELECT kind, name, leaf_index FROM named ORDER BY leaf_index, kind, name"
            )

    def add(self, start: int, leaves: Sequence[tuple[Leaf, bytes]]) -> None:
        """Add these entries, with their leaf hashes, from this number on: all or none.

        Raises:
            LogError: They do not follow what is there, or cannot be written.
        """
        numbered = list(enumerate(leaves, start=start))
        with self._errors(), self._transaction():
            self._db.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, ?)",
                [(n, leaf.record, hashed, leaf.signed.digest) for n, (leaf, hashed) in numbered],
            )
            self._db.executemany(
                "INSERT INTO named VALUES (?, ?, ?)",
                [(*name, n) for n, (leaf, _) in numbered for name in set(names_of(leaf.statement))],
            )

    def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Remember that this was signed; it is on the disk when this returns.

        Raises:
            LogError: One as large was signed already, or it cannot be written.
        """
        with self._errors(), self._transaction():
            self._db.execute(
                "INSERT INTO checkpoint VALUES (?, ?)", (checkpoint.size, checkpoint.note)
            )

    def replace_names(self, names: Iterator[tuple[str, str, int]]) -> None:
        """Make what `named` answers from anew; it is derived from the entries."""
        with self._errors(), self._transaction():
            self._db.execute("DELETE FROM named")
            self._db.executemany("INSERT INTO named VALUES (?, ?, ?)", names)

    def integrity(self) -> str | None:
        """What does SQLite find wrong with the file? None if nothing.

        Raises:
            LogError: So much that it cannot even look.
        """
        with self._errors():
            found = str(self._one("PRAGMA integrity_check(1)"))
        return None if found == "ok" else found

    def _one(self, query: str) -> int | str:
        row: tuple[int | str] = self._db.execute(query).fetchone()
        return row[0]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise LogError(f"{self.path}: cannot be used: {error}") from error
        except sqlite3.Error as error:
            raise LogError(f"{self.path}: is damaged, or refuses: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def names_of(statement: Statement) -> list[tuple[str, str]]:
    """By which (kind, name) is this statement looked up?

    Kinds: `release` (AGENCY/RELEASE), `file` (SHA-256), `commitment`, `key` (SHA-256 of the
    public key), `subject`.
    """
    match statement:
        case Register():
            release = ("release", f"{statement.agency}/{statement.release}")
            return [release, *(("file", file.sha256) for file in statement.files)]
        case Withdraw() | Supersede():
            return [("release", f"{statement.agency}/{statement.release}")]
        case Reveal():
            return [("commitment", statement.commitment), *names_of(statement.statement)]
        case Embargo():
            return [("commitment", statement.commitment)]
        case KeyChange():
            return [("key", statement.spki_sha256)]
        case AuditRoot():
            return [("subject", statement.subject)]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_S,
        check_same_thread=False,
    )
    try:
        if mode != "ro":
            db.execute("PRAGMA journal_mode = WAL")
            # FULL: what was committed survives a power failure, not just a crash.
            db.execute("PRAGMA synchronous = FULL")
        # REPLACE would otherwise remove rows without asking the triggers.
        db.execute("PRAGMA recursive_triggers = ON")
        db.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        db.close()
        raise
    return db
