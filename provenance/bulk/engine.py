"""What a bulk job runs on: batches in, rows out, in any order, each batch once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from provenance.bulk.listing import SourceFile
from provenance.bulk.rows import BulkRow
from provenance.bulk.work import VerifyWork
from provenance.runtime.verification_pool import VerificationPool

__all__ = ["Batch", "BulkEngine", "Done", "LocalEngine"]

Batch = tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A batch with one row for each of its files, in their order."""

    batch: Batch
    rows: Sequence[BulkRow]


class BulkEngine(Protocol):
    """Runs batches, a bounded number of them at a time."""

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """Take a batch only when there is room for it; give each one back once."""
        ...


class LocalEngine:
    """Runs batches on this machine, in the isolated processes of one pool.

    Args:
        pool: Verifies; it is not closed here.
        work: What is done with a batch.
    """

    def __init__(self, pool: VerificationPool, work: VerifyWork) -> None:
        self._pool = pool
        self._work = work

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """See `BulkEngine`."""
        # A batch ends with its slowest file: another one fills the processes meanwhile.
        # With files from elsewhere, a thread each waits for the store.
        threads = max(2, min(self._pool.processes, 32))
        waiting = iter(batches)
        running: set[Future[Done]] = set()
        with ThreadPoolExecutor(threads, thread_name_prefix="bulk") as executor:
            try:
                while True:
                    for batch in islice(waiting, threads - len(running)):
                        running.add(executor.submit(self._do, batch))
                    if not running:
                        return
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        yield future.result()
            finally:
                for future in running:
                    future.cancel()

    def _do(self, batch: Batch) -> Done:
        return Done(batch, self._work.do(batch, self._pool))
