"""What a bulk job runs on: batches in, rows out, in any order, each batch once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from provenance.runtime.verification_pool import VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup

__all__ = [
    "TICK_S",
    "BulkEngine",
    "Done",
    "LocalEngine",
    "PoolTools",
    "Tools",
    "Work",
    "threads_for",
]

TICK_S = 5.0
"""Whoever waits for the end of a batch is let look at the time so often."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Tool = TypeVar("Tool")
Item_contra = TypeVar("Item_contra", contravariant=True)
Tool_contra = TypeVar("Tool_contra", contravariant=True)
Tool_co = TypeVar("Tool_co", covariant=True)


class Work(Protocol[Item_contra, Answer, Tool_contra]):
    """What is done with every batch; it can be pickled."""

    def do(self, batch: Sequence[Item_contra], tool: Tool_contra, /) -> list[Answer]:
        """One answer for each of the batch, whatever happens to it."""
        ...

    def not_done(self, item: Item_contra, why: str, /) -> Answer:
        """The answer about one that nobody finished."""
        ...


class Tools(Protocol[Tool_co]):
    """With what a process works; it can be pickled, what it opens cannot."""

    def open(self) -> Tool_co:
        """What one process holds for the length of a job: something to be closed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTools:
    """A pool of one isolated process, for each process that a cluster gives us.

    Attributes:
        setup: A portable one: what every node verifies with.
        require_isolation: Whether a node where a protection of the workers is missing
            refuses to work.
    """

    setup: VerifierSetup
    require_isolation: bool = False

    def open(self) -> VerificationPool:
        """See `Tools`."""
        return VerificationPool(self.setup, processes=1, require_isolation=self.require_isolation)


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Answer]):
    """A batch with one answer for each of its items, in their order."""

    batch: tuple[Item, ...]
    rows: Sequence[Answer]


class BulkEngine(Protocol[Item, Answer]):
    """Runs batches, a bounded number of them at a time."""

    def run(self, batches: Iterable[tuple[Item, ...]]) -> Iterator[Done[Item, Answer]]:
        """Take a batch only when there is room for it; give each one back once.

        An empty one is given where none has ended for some seconds.
        """
        ...


def threads_for(pool: VerificationPool) -> int:
    """How many batches keep a pool busy?

    A batch ends with its slowest file: another one fills the processes meanwhile. With files
    from elsewhere, a thread each waits for the store.
    """
    return max(2, min(pool.processes, 32))


class LocalEngine(Generic[Item, Answer, Tool]):
    """Runs batches on this machine.

    Args:
        tool: What the work is done with; it is not closed here.
        work: What is done with a batch.
        threads: Batches that are under way at a time.
        stop: Called where the job ends early, to have the work end early too.
        tick_s: After so many seconds without an end an empty batch is given.
    """

    def __init__(
        self,
        tool: Tool,
        work: Work[Item, Answer, Tool],
        *,
        threads: int = 2,
        stop: Callable[[], None] = lambda: None,
        tick_s: float = TICK_S,
    ) -> None:
        self._stop = stop
        self._tick_s = tick_s
        self._tool = tool
        self._work = work
        self._threads = threads

    def run(self, batches: Iterable[tuple[Item, ...]]) -> Iterator[Done[Item, Answer]]:
        """See `BulkEngine`."""
        waiting = iter(batches)
        running: set[Future[Done[Item, Answer]]] = set()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="bulk") as executor:
            try:
                while True:
                    for batch in islice(waiting, self._threads - len(running)):
                        running.add(executor.submit(self._do, batch))
                    if not running:
                        return
                    finished, running = wait(
                        running, timeout=self._tick_s, return_when=FIRST_COMPLETED
                    )
                    if not finished:
                        yield Done((), ())
                    for future in finished:
                        yield future.result()
            except BaseException:
                for future in running:
                    future.cancel()
                # Whoever leaves waits for those that are under way.
                self._stop()
                raise

    def _do(self, batch: tuple[Item, ...]) -> Done[Item, Answer]:
        return Done(batch, self._work.do(batch, self._tool))
