"""The workers of one pool: hired, counted, and replaced together with their host."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from provenance.errors import IsolationError
from provenance.findings import FindingCode
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.host_process import (
    HostGoneError,
    WorkerHost,
    WorkerProcess,
    shared_host,
)
from provenance.runtime.workers.limits import WorkerLimits

__all__ = ["MAX_TRIES", "PoolCounters", "Staff"]

MAX_TRIES = 3
"""A host that ends takes innocent workers with it; one that ends again and again is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCounters:
    """What a pool has seen since it was made.

    Attributes:
        reports: Reports given, those about failures included.
        crashes: Workers that died, or met a bug of ours, while they examined a file.
        time_outs: Files that took too long.
        out_of_memory: Files that asked for too much memory.
        out_of_disk: Files that asked for too much disk.
        bugs: Files that met a bug of ours.
        workers_started: Workers started, replacements included.
        hosts_used: Hosts that its workers came from: more than one where one died.
        waiting: Jobs that no worker has begun.
    """

    reports: int = 0
    crashes: int = 0
    time_outs: int = 0
    out_of_memory: int = 0
    out_of_disk: int = 0
    bugs: int = 0
    workers_started: int = 0
    hosts_used: int = 0
    waiting: int = 0


_COUNTED = {
    FindingCode.CHECK_CRASHED: "crashes",
    FindingCode.TIME_EXHAUSTED: "time_outs",
    FindingCode.MEMORY_EXHAUSTED: "out_of_memory",
    FindingCode.SCRATCH_EXHAUSTED: "out_of_disk",
}


class Staff:
    """The workers of one pool, on whichever host there is; safe to use from several threads.

    Args:
        setup: What their verifier is made with.
        limits: What each may use.
        at: The moment as of which will be judged.
    """

    def __init__(self, setup: VerifierSetup, limits: WorkerLimits, *, at: datetime | None) -> None:
        self._setup = setup
        self._limits = limits
        self._at = at
        self._lock = threading.RLock()
        self._host: WorkerHost | None = None
        self._number = 0
        self._workers: list[WorkerProcess] = []
        self._counters = PoolCounters()
        self._stopped = False

    @property
    def counters(self) -> PoolCounters:
        """What was counted so far."""
        return self._counters

    @property
    def pids(self) -> tuple[int, ...]:
        """The process numbers of the workers."""
        with self._lock:
            return tuple(worker.pid for worker in self._workers)

    def count_report(self, reason: FindingCode | None) -> None:
        """Count a report, and what stood in its way, if that is counted."""
        self.count("reports")
        self.count_failure(reason)

    def count_failure(self, reason: FindingCode | None) -> None:
        """Count what stood in the way of an answer, if that is counted."""
        if reason in _COUNTED:
            self.count(_COUNTED[reason])

    def count(self, name: str) -> None:
        """Count one more of these."""
        with self._lock:
            self._counters = replace(self._counters, **{name: getattr(self._counters, name) + 1})

    def set_up(self) -> Sequence[str]:
        """Make the verifier on a host; what the operator should know of it.

        Raises:
            ConfigurationError, EngineUnsafeError: It cannot be made.
        """
        with self._lock:
            for _ in range(MAX_TRIES):
                host = shared_host()
                try:
                    self._number, notes = host.set_up(self._setup, at=self._at)
                except HostGoneError:
                    continue
                self._host = host
                self.count("hosts_used")
                return notes
        raise IsolationError("no worker process can be started: the host ends at once")

    def hire(self) -> WorkerProcess:
        """A new worker.

        Raises:
            IsolationError: There is none to be had.
        """
        for _ in range(MAX_TRIES):
            if self._stopped:
                raise IsolationError("the pool was closed")
            host, number = self._current()
            try:
                worker = host.fork(number, self._limits)
            except HostGoneError:
                continue
            self._keep(worker)
            self.count("workers_started")
            return worker
        raise IsolationError("no worker process can be started: the host ends again and again")

    def _keep(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._workers.append(worker)
            if self._stopped:
                # Stopped while it was made: nobody else ends it.
                worker.kill()

    def dismiss(self, worker: WorkerProcess) -> None:
        """Let go of a worker, which is dead or between two files."""
        worker.dismiss()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)

    def stop(self) -> None:
        """End every worker at once, whatever it does, and hire no other."""
        self._stopped = True
        with self._lock:
            for worker in self._workers:
                worker.kill()

    def close(self) -> None:
        """Let go of every worker, and of the verifier."""
        with self._lock:
            for worker in tuple(self._workers):
                self.dismiss(worker)
            if self._host is not None:
                self._host.forget(self._number)
                self._host = None

    def _current(self) -> tuple[WorkerHost, int]:
        with self._lock:
            if self._host is None or self._host.is_gone:
                self.set_up()
            assert self._host is not None  # noqa: S101 - set up above
            return self._host, self._number
