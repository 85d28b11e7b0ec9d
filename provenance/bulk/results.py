"""The results of a bulk job: shards that are there in full or not at all, and what they answer.

`part-N.jsonl` is the record; `part-N.parquet` holds the same rows for engines that read
columns, and is written first. `index.sqlite` knows which states of which files are
answered, on disk, because they may be more than memory holds. It is made again from the
shards wherever it does not fit them.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from provenance.atomic_files import locked, new_file, read_bounded, remove_leftovers
from provenance.bulk.listing import SourceFile, key_of
from provenance.bulk.rows import Row
from provenance.errors import ConfigurationError

__all__ = ["Results"]

_PART = re.compile(r"part-(\d{6,})\.jsonl")
_LOCK, _INDEX, _JOB = ".provenance-bulk.lock", "index.sqlite", "job.json"
_MAX_JOB_BYTES = 1024 * 1024


class Results:
    """A folder of results, held by one process.

    Args:
        folder: Made if it is not there.
        job: What the answers depend on. A folder keeps the answers of one job.
        parquet: Whether there is a Parquet file beside each JSONL file.
        rows_per_shard: A shard is written at this many rows,
        seconds_per_shard: or when the first of its rows is so old.

    Raises:
        ConfigurationError: Another process or job has the folder, it cannot be written,
            or it holds something else.
    """

    def __init__(
        self,
        folder: Path,
        job: Mapping[str, Any],
        *,
        parquet: bool = True,
        rows_per_shard: int = 1_000,
        seconds_per_shard: float = 30.0,
    ) -> None:
        self._folder = folder
        self._job = dict(job)
        self._arrow = _arrow() if parquet else None
        self._rows_per_shard = rows_per_shard
        self._seconds_per_shard = seconds_per_shard
        self._rows: list[tuple[Row, bytes]] = []
        self._since = 0.0
        self._next = 0
        self._held = ExitStack()
        self._index: sqlite3.Connection

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{self._folder}: cannot be made: {error}") from error
        with ExitStack() as held:
            held.enter_context(locked(self._folder / _LOCK))
            remove_leftovers(self._folder)
            self._check_job()
            self._index = self._open_index()
            held.callback(self._index.close)
            self._take_in()
            self._check_forms()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._held:
            # What was answered is an answer, whatever ended the job.
            self.flush()

    def is_answered(self, file: SourceFile) -> bool:
        """Is there a row for this state of this file, and not an error?"""
        return self.has(file.key)

    def has(self, key: bytes) -> bool:
        """Is there a row for what this key stands for, and not an error?"""
        with self._usable_index() as index:
            found = index.execute("SELECT 1 FROM answered WHERE key = ?", (key,))
            return found.fetchone() is not None

    @property
    def answered(self) -> int:
        """How many states of files are answered."""
        with self._usable_index() as index:
            (count,) = index.execute("SELECT count(*) FROM answered").fetchone()
        return int(count)

    def add(self, file_key: bytes, row: Row) -> None:
        """Take one row; it is on the disk when its shard is."""
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append((row, file_key))
        if len(self._rows) >= self._rows_per_shard:
            self.flush()
        self.flush_old()

    def flush_old(self) -> None:
        """Write the rows that are not on the disk yet, if the first of them is old.

        Raises:
            ConfigurationError: They cannot be written.
        """
        if self._rows and time.monotonic() - self._since >= self._seconds_per_shard:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not on the disk yet.

        Raises:
            ConfigurationError: They cannot be written.
        """
        if not self._rows:
            return
        name = f"part-{self._next:06}"
        rows = [row for row, _ in self._rows]
        if self._arrow is not None:
            with new_file(self._folder / f"{name}.parquet", replace=True) as stream:
                _write_parquet(self._arrow, rows, stream)
        with new_file(self._folder / f"{name}.jsonl", replace=False) as stream:
            for row in rows:
                stream.write(row.model_dump_json().encode() + b"\n")
        # They are on the disk; should the index not take them, the next run reads them there.
        keys = [key for row, key in self._rows if row.error is None]
        self._rows.clear()
        self._next += 1
        self._note(name, keys)

    def _check_job(self) -> None:
        path = self._folder / _JOB
        if not path.exists():
            with new_file(path, replace=False) as stream:
                stream.write(json.dumps(self._job, ensure_ascii=False, indent=2).encode() + b"\n")
            return
        try:
            begun = json.loads(read_bounded(path, _MAX_JOB_BYTES))
        except ValueError as error:
            raise ConfigurationError(f"{path}: expected JSON, got something else") from error
        if not isinstance(begun, dict):
            raise ConfigurationError(f"{path}: expected a JSON object, got something else")
        differing = sorted(
            name for name in {*begun, *self._job} if begun.get(name) != self._job.get(name)
        )
        if differing:
            raise ConfigurationError(
                f"{self._folder}: holds the answers of another job, which differs in "
                f"{', '.join(differing)}: expected the same, or another folder"
            )

    def _check_forms(self) -> None:
        """Whoever reads one of the two forms is to find every row in it."""
        lines = {name for name, _ in self._shards()}
        columns = {path.stem for path in self._folder.glob("part-*.parquet")}
        if self._arrow is not None and not lines <= columns:
            raise ConfigurationError(
                f"{self._folder}: has rows without Parquet files: expected --no-parquet, or "
                "another folder"
            )
        if self._arrow is None and lines & columns:
            raise ConfigurationError(
                f"{self._folder}: has its rows in Parquet files too: expected no --no-parquet, or "
                "another folder"
            )

    def _open_index(self) -> sqlite3.Connection:
        path = self._folder / _INDEX
        shards = {name for name, _ in self._shards()}
        index = _connect(path)
        if index is not None:
            if {name for (name,) in index.execute("SELECT name FROM shards")} <= shards:
                return index
            index.close()
        # A cache: made again where shards that it knows are gone, or it is no index.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        index = _connect(path)
        if index is None:
            raise ConfigurationError(f"{path}: cannot be written")
        return index

    def _shards(self) -> Iterator[tuple[str, Path]]:
        for path in sorted(self._folder.iterdir()):
            found = _PART.fullmatch(path.name)
            if found:
                self._next = max(self._next, int(found[1]) + 1)
                yield path.stem, path

    def _take_in(self) -> None:
        """Read the shards that the index does not know: those of a killed process."""
        with self._usable_index() as index:
            known = {name for (name,) in index.execute("SELECT name FROM shards")}
            with index:
                for name, path in self._shards():
                    if name not in known:
                        _insert(index, name, _keys(path))

    def _note(self, name: str, keys: Iterable[bytes]) -> None:
        with self._usable_index() as index, index:
            _insert(index, name, keys)

    @contextmanager
    def _usable_index(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._index
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"{self._folder / _INDEX}: cannot be used: {error}; it may be deleted, and is then "
                "made again"
            ) from error


def _connect(path: Path) -> sqlite3.Connection | None:
    """The index; None where the file is something else."""
    index = None
    try:
        # Durable: after a power failure it may be behind the shards, and not in disorder.
        index = sqlite3.connect(path)
        index.execute("CREATE TABLE IF NOT EXISTS shards (name TEXT PRIMARY KEY)")
        index.execute("CREATE TABLE IF NOT EXISTS answered (key BLOB PRIMARY KEY) WITHOUT ROWID")
        index.execute("SELECT name FROM shards").fetchall()
    except sqlite3.DatabaseError:
        if index is not None:
            index.close()
        return None
    return index


def _insert(index: sqlite3.Connection, name: str, keys: Iterable[bytes]) -> None:
    index.executemany("INSERT OR IGNORE INTO answered VALUES (?)", ((key,) for key in keys))
    index.execute("INSERT INTO shards VALUES (?)", (name,))


def _keys(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                key = key_of(row["path"], row["size_bytes"], row["version"])
                answered = row["error"] is None
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigurationError(
                    f"{path}: line {number}: expected a row of results, got something else"
                ) from error
            if answered:
                yield key


def _arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigurationError(
            "Parquet needs the extra `bulk`: pip install 'provenance-verifier[bulk]'; or say "
            "--no-parquet"
        ) from error
    return pa


def _write_parquet(arrow: Any, rows: Sequence[Row], stream: Any) -> None:
    kind = type(rows[0])
    types = (
        dict.fromkeys(kind.WHOLE_NUMBERS, arrow.int64())
        | dict.fromkeys(kind.YES_OR_NO, arrow.bool_())
        | {"answered_at": arrow.timestamp("us", tz="UTC")}
    )
    columns: dict[str, Any] = {}
    for name in kind.model_fields:
        if name == "schema_version":
            continue
        values = [getattr(row, name) for row in rows]
        if name in kind.DOCUMENTS:
            values = [None if value is None else value.model_dump_json() for value in values]
        columns[name] = arrow.array(values, types.get(name, arrow.string()))
    arrow.parquet.write_table(arrow.table(columns), stream, compression="zstd")
