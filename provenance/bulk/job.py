"""One bulk job: lists, leaves out what is answered, has the rest answered, writes down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from provenance.bulk.engine import BulkEngine, Done
from provenance.bulk.listing import ListingProblem, Source, SourceFile
from provenance.bulk.results import Results
from provenance.bulk.rows import BulkRow, Row, error_row
from provenance.runtime.clock import system_clock

__all__ = ["Tally", "Writer", "count_files", "run_job", "verify_source"]

Answer = TypeVar("Answer")
Answer_contra = TypeVar("Answer_contra", contravariant=True)
Answered = tuple[SourceFile, Row]


@dataclass(slots=True)
class Tally:
    """How far a job is.

    Attributes:
        kept: Files that an earlier run had answered.
        done: Files of this run, those without an answer included.
        errors: Those without an answer, folders that could not be listed included.
        outcomes: How often each answer was given in this run.
    """

    kept: int = 0
    done: int = 0
    errors: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """Count the row of one file."""
        self.done += 1
        if row.outcome is None:
            self.errors += 1
        else:
            self.outcomes[row.outcome] += 1


class Writer(Protocol[Answer_contra]):
    """What stands between the answers of an engine and the rows of the results."""

    def add(self, file: SourceFile, answer: Answer_contra, /) -> Iterable[Answered]:
        """Take one answer; which rows are final by that?"""
        ...

    def finish(self) -> Iterable[Answered]:
        """Let nothing wait any longer; which rows are final by that?"""
        ...


class _AsTheyCome:
    """The answers are the rows."""

    def add(self, file: SourceFile, answer: BulkRow) -> Iterable[Answered]:
        return [(file, answer)]

    def finish(self) -> Iterable[Answered]:
        return ()


def verify_source(
    source: Source,
    engine: BulkEngine[SourceFile, BulkRow],
    results: Results,
    *,
    batch_files: int = 50,
    on_progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Verify every file of a source that is not answered yet.

    Args:
        source: Listed once, as a stream.
        engine: Runs the batches.
        results: Where the rows go.
        batch_files: Files in a batch. What a cluster does again when a node dies.
        on_progress: Told after each batch.

    Raises:
        ConfigurationError: The results cannot be written.
    """
    return run_job(
        source,
        engine,
        results,
        _AsTheyCome(),
        not_listed=lambda place, why: error_row(place, why, at=system_clock()),
        batch_files=batch_files,
        on_progress=on_progress,
    )


def run_job(
    source: Source,
    engine: BulkEngine[SourceFile, Answer],
    results: Results,
    writer: Writer[Answer],
    *,
    not_listed: Callable[[SourceFile, str], Row],
    batch_files: int = 50,
    on_progress: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Have every file of a source answered that is not answered yet.

    Args:
        source: Listed once, as a stream.
        engine: Runs the batches.
        results: Where the rows go.
        writer: Makes rows of the engine's answers; a row is written when it is final.
        not_listed: The row of a folder that could not be listed.
        batch_files: Files in a batch. What a cluster does again when a node dies.
        on_progress: Told after each batch.

    Raises:
        ConfigurationError: The results cannot be written.
        ProvenanceError: What the writer raises; rows that are final are written.
    """
    tally = Tally()

    def write(answered: Iterable[Answered]) -> None:
        for file, row in answered:
            results.add(file.key, row)
            tally.add(row)

    done: Done[SourceFile, Answer]
    for done in engine.run(_batches(source, results, tally, not_listed, batch_files)):
        for file, answer in zip(done.batch, done.rows, strict=True):
            write(writer.add(file, answer))
        results.flush_old()
        on_progress(tally)
    write(writer.finish())
    on_progress(tally)
    results.flush()
    return tally


def _batches(
    source: Source,
    results: Results,
    tally: Tally,
    not_listed: Callable[[SourceFile, str], Row],
    batch_files: int,
) -> Iterator[tuple[SourceFile, ...]]:
    batch: list[SourceFile] = []
    for found in source.walk():
        if isinstance(found, ListingProblem):
            # A row of its own: what could not be listed must not look as if it were empty.
            place = SourceFile(path=found.path, size_bytes=0, version="folder")
            results.add(place.key, not_listed(place, found.why))
            tally.errors += 1
        elif results.is_answered(found):
            tally.kept += 1
        else:
            batch.append(found)
            if len(batch) == batch_files:
                yield tuple(batch)
                batch.clear()
    if batch:
        yield tuple(batch)


def count_files(source: Source, stop: threading.Event) -> int | None:
    """How many files are there, for a progress bar? None where it was told to stop."""
    count = 0
    for found in source.walk():
        count += isinstance(found, SourceFile)
        if stop.is_set():
            return None
    return count
