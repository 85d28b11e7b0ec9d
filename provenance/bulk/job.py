"""One bulk job: lists, leaves out what is answered, verifies, writes down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from provenance.bulk.engine import Batch, BulkEngine
from provenance.bulk.listing import ListingProblem, Source, SourceFile
from provenance.bulk.results import Results
from provenance.bulk.rows import error_row
from provenance.runtime.clock import system_clock

__all__ = ["Tally", "count_files", "verify_source"]


@dataclass(slots=True)
class Tally:
    """How far a job is.

    Attributes:
        kept: Files that an earlier run had answered.
        done: Files of this run, those without an answer included.
        errors: Those without an answer, folders that could not be listed included.
        verdicts: How often each verdict was given in this run.
    """

    kept: int = 0
    done: int = 0
    errors: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)


def verify_source(
    source: Source,
    engine: BulkEngine,
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
    tally = Tally()
    for done in engine.run(_batches(source, results, tally, batch_files)):
        for file, row in zip(done.batch, done.rows, strict=True):
            results.add(file.key, row)
            tally.done += 1
            if row.verdict is None:
                tally.errors += 1
            else:
                tally.verdicts[row.verdict.value] += 1
        on_progress(tally)
    results.flush()
    return tally


def _batches(source: Source, results: Results, tally: Tally, batch_files: int) -> Iterator[Batch]:
    batch: list[SourceFile] = []
    for found in source.walk():
        if isinstance(found, ListingProblem):
            # A row of its own: what could not be listed must not look as if it were empty.
            place = SourceFile(path=found.path, size_bytes=0, version="folder")
            results.add(place.key, error_row(place, found.why, at=system_clock()))
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
