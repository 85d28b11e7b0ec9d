"""Verifying files in worker processes that may die without losing or blaming another file.

A process pool of the usual kind does not do. Its workers share pipes and locks, so that one
that is killed at the wrong moment takes others with it; and it cannot hand a worker an open
file, which is what lets a worker be refused every path. Here each worker has a connection
of its own and one file at a time: whatever happens to it is about that file.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from provenance.errors import IsolationError, ProvenanceError, SourceError, WorkerBugError
from provenance.report import Report
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.desk import Desk, LookUp
from provenance.runtime.workers.isolation import IsolationStatus
from provenance.runtime.workers.job import VerificationJob
from provenance.runtime.workers.limits import DEFAULT_WORKER_LIMITS, WorkerLimits
from provenance.runtime.workers.staff import PoolCounters, Staff

__all__ = ["PoolCounters", "VerificationJob", "VerificationPool"]

# Files that `verify_many` has under way for each process.
_AHEAD = 4

_Entry = tuple[Callable[[Desk], Any], Future[Any]]


class VerificationPool:
    """Verifies files in worker processes; safe to use from several threads.

    From asyncio: `await asyncio.wrap_future(pool.submit(job))`.

    Each job has exactly one outcome. Whatever is in the file, that is a report: where its
    worker took too long, ran out of memory or died, the report is `undetermined`, and says
    why. As with `Verifier.verify`, a file that cannot be opened or read raises
    `SourceError`; a bug of ours raises `WorkerBugError`.

    Args:
        setup: What the verifier is made with, once.
        processes: How many files are verified at a time; one for each core by default.
        limits: What a worker may use.
        require_isolation: Refuse to work where the kernel does not allow a protection.
        say: Told, in one line each, of what the operator should know: no directory, one
            that is too old, a protection that is not in force.
        at: The moment as of which will be judged, where that is not now; for what `say`
            is told of the directory.

    Raises:
        ConfigurationError: The verifier cannot be made, or no worker be shut in.
        RegisterError: The register cannot be opened.
        EngineUnsafeError: The engine fails its self-test.
    """

    def __init__(
        self,
        setup: VerifierSetup,
        *,
        processes: int | None = None,
        limits: WorkerLimits = DEFAULT_WORKER_LIMITS,
        require_isolation: bool = False,
        say: Callable[[str], None] | None = None,
        at: datetime | None = None,
    ) -> None:
        self._processes = processes or len(os.sched_getaffinity(0))
        self._limits = limits
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Entry | None]
        self._jobs = queue.SimpleQueue()
        self._waiting = self._idle = 0
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._register = setup.open_register() if setup.register is not None else None
        if self._register is not None:
            # Workers ask here: they have no network and no files, and one search serves all.
            setup = replace(setup, register=None, register_name=self._register.name)
        self._staff = Staff(setup, limits, at=at)
        try:
            notes = self._staff.set_up()
        except BaseException:
            self._close_register()
            raise
        self._fetcher = setup.fetcher() if setup.fetch else None
        first = self._staff.hire()
        self._isolation = first.isolation
        self._spare = [first]
        missing = "; ".join(map(str, first.isolation.missing))
        if missing and require_isolation:
            self.close()
            raise IsolationError(f"isolation is required, and not complete: {missing}")
        if say is not None:
            for line in notes:
                say(line)
            if missing:
                say(f"files are examined in processes that are not fully shut in: {missing}")

    @property
    def processes(self) -> int:
        """How many files are verified at a time."""
        return self._processes

    @property
    def isolation(self) -> IsolationStatus:
        """Which protections are in force in its workers."""
        return self._isolation

    @property
    def counters(self) -> PoolCounters:
        """What it has seen so far."""
        with self._lock:
            return replace(self._staff.counters, waiting=self._waiting)

    def worker_pids(self) -> tuple[int, ...]:
        """The process numbers of its workers at this moment."""
        return self._staff.pids

    def submit(self, job: VerificationJob) -> Future[Report]:
        """Verify one file, when its turn comes. Waits for nothing.

        The future holds the report, or raises `SourceError` or `WorkerBugError`. It can be
        cancelled until its turn has come.

        Raises:
            RuntimeError: The pool is closed.
            ValueError: `at` has no time zone.
        """
        if job.at is not None and job.at.tzinfo is None:
            raise ValueError("at: expected an aware time, got one without a time zone")
        future: Future[Report] = Future()
        self._put(lambda desk: self._counted(desk.examine(job)), future)
        return future

    def submit_reading(self, job: VerificationJob) -> Future[bytes]:
        """Read what a register keeps of one file, when its turn comes. Waits for nothing.

        Whether the file is official is for `submit` to say. The future holds what
        `stated_lines` writes, from a process that has met the file: untrusted text. Or it
        raises `SourceError` or `WorkerBugError`; reading that is given up is a `SourceError`.
        Best with a setup that `reads`.

        Raises:
            RuntimeError: The pool is closed.
        """
        future: Future[bytes] = Future()
        self._put(lambda desk: desk.read(job), future)
        return future

    def _put(self, do: Callable[[Desk], Any], future: Future[Any]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._jobs.put((do, future))
            self._waiting += 1
            if self._waiting > self._idle and len(self._threads) < self._processes:
                thread = threading.Thread(target=self._serve, name="verification", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _counted(self, report: Report) -> Report:
        self._staff.count_report(report.reason)
        return report

    def verify_many(
        self, jobs: Iterable[VerificationJob]
    ) -> Iterator[tuple[VerificationJob, Report | ProvenanceError]]:
        """Verify files in order, with a bounded number of them under way.

        Takes a job only when there is room for it, so `jobs` may be endless. Beside each
        job stands its report, or the `SourceError` or `WorkerBugError` that it met.
        """
        under_way: deque[tuple[VerificationJob, Future[Report]]] = deque()
        source = iter(jobs)
        try:
            for job in itertools.islice(source, self._processes * _AHEAD):
                under_way.append((job, self.submit(job)))
            while under_way:
                job, future = under_way.popleft()
                try:
                    outcome: Report | ProvenanceError = future.result()
                except (SourceError, WorkerBugError) as error:
                    outcome = error
                for another in itertools.islice(source, 1):
                    under_way.append((another, self.submit(another)))
                yield job, outcome
        finally:
            for _, future in under_way:
                future.cancel()

    def close(self, *, cancel: bool = False) -> None:
        """Finish what was submitted, and end the workers.

        Args:
            cancel: Finish nothing: what has not begun is cancelled, and what has raises
                `IsolationError`.
        """
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        if cancel:
            self._cancel_waiting()
            self._staff.stop()
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join()
        self._staff.close()
        self._close_register()

    def _close_register(self) -> None:
        if self._register is not None:
            self._register.close()

    def _look_up(self) -> Callable[[], LookUp] | None:
        return None if self._register is None else self._register.desk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(cancel=kind is not None)

    def _cancel_waiting(self) -> None:
        while True:
            try:
                entry = self._jobs.get_nowait()
            except queue.Empty:
                return
            if entry is not None:
                with self._lock:
                    self._waiting -= 1
                entry[1].cancel()

    def _serve(self) -> None:
        """Give files to one worker, and to those that replace it."""
        desk = Desk(self._staff, self._limits, self._fetcher, self._look_up())
        with self._lock:
            if self._spare:
                desk.take(self._spare.pop())
        while True:
            with self._lock:
                self._idle += 1
            entry = self._jobs.get()
            with self._lock:
                self._idle -= 1
                self._waiting -= entry is not None
            if entry is None:
                return
            do, future = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                answer = do(desk)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                if isinstance(error, WorkerBugError):
                    self._staff.count("bugs")
                future.set_exception(error)
            else:
                future.set_result(answer)
