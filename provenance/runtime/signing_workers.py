"""The processes that sign: made once for a key, replaced where they die, stopped together."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from provenance.errors import SigningError
from provenance.runtime.sign_worker import (
    SigningSetup,
    shorten_lock_waits,
    sign_group,
    signer_of,
    start_worker,
)
from provenance.signing.signer import SignJob

__all__ = ["GroupUnderWay", "SigningWorkers", "WorkersGoneError"]

# How often a group that is waited for is looked after.
_LOOK_S = 0.5
# So many pools that break before one group is finished: something kills them all.
_MAX_BROKEN = 5


class WorkersGoneError(Exception):
    """The processes are no more, and no file is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupUnderWay:
    """A group of files that was handed out."""

    pool: ProcessPool
    future: Any


class SigningWorkers:
    """Processes that sign with one key; several plans may use them, one thread each.

    Args:
        setup: With what they sign.
        jobs: How many there are.

    Raises:
        SigningKeyError, TimeStampError, ConfigurationError: They could not sign.
    """

    def __init__(self, setup: SigningSetup, jobs: int) -> None:
        # Opened here once, so that a wrong PIN is tried once and not in every worker.
        with ExitStack() as held:
            signer_of(setup, held)
        self.setup = setup
        self.jobs = max(1, jobs)
        shorten_lock_waits()
        self._lock = threading.Lock()
        self._broken = 0
        self._stopped: str | None = None
        self._pool = self._new_pool()

    @property
    def stopped(self) -> str | None:
        """Why they were stopped, for all who use them; None while they were not."""
        return self._stopped

    def begin(self, jobs: Sequence[SignJob]) -> GroupUnderWay:
        """Hand out a group of files. Waits for nothing.

        Raises:
            SigningError: Processes die again and again, before they have signed anything.
        """
        with self._lock:
            if self._stopped is None and not self._is_alive(self._pool):
                self._broken += 1
                if self._broken > _MAX_BROKEN:
                    raise SigningError("the processes that sign die again and again")
                self._end(self._pool)
                self._pool = self._new_pool()
            pool = self._pool
            future = None
            if self._stopped is None:
                future = pool.schedule(sign_group, args=[list(jobs)])
            return GroupUnderWay(pool=pool, future=future)

    def finish(self, group: GroupUnderWay) -> list[dict[str, Any] | None]:
        """What does the journal say of each file of a group? Waits for it.

        Raises:
            ProcessExpired: The process that signed them died.
            WorkersGoneError: All processes ended, or were stopped.
        """
        while self._stopped is None and group.future is not None:
            alive = self._is_alive(group.pool)
            try:
                outcomes: list[dict[str, Any] | None] = group.future.result(timeout=_LOOK_S)
            except ProcessExpired:
                raise
            except TimeoutError:
                if not alive:
                    raise WorkersGoneError from None
            except RuntimeError as error:
                # A process that dies while it has nothing to do breaks a pool of this kind.
                raise WorkersGoneError from error
            else:
                self._broken = 0
                return outcomes
        raise WorkersGoneError

    def stop(self, why: str) -> None:
        """End them at once, whatever they do: the key is gone, or nobody gives time-stamps."""
        with self._lock:
            if self._stopped is None:
                self._stopped = why
                self._end(self._pool)

    def close(self) -> None:
        """Let them finish, and end them."""
        if self._stopped is None:
            self._pool.close()  # type: ignore[no-untyped-call]
            self._pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.stop(f"{kind.__name__}: {error}")
        self.close()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.jobs,
            initializer=start_worker,
            initargs=(self.setup,),
            # A fork would inherit the engine's and the token's state in the middle of things.
            context=multiprocessing.get_context("spawn"),
        )

    def _is_alive(self, pool: ProcessPool) -> bool:
        # Asking starts one that was not started.
        return bool(pool.active)

    def _end(self, pool: ProcessPool) -> None:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()
