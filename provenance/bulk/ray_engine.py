"""Batches on a Ray cluster: tasks that are tried again where a node dies.

The only module that imports Ray. Whoever can reach a Ray cluster's ports can run code on
it, and it listens on every interface: it belongs into a network of its own.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from provenance.bulk.engine import Batch, Done
from provenance.bulk.rows import BulkRow, error_row
from provenance.bulk.work import VerifyWork
from provenance.errors import ConfigurationError
from provenance.runtime.clock import system_clock
from provenance.runtime.verification_pool import VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.untrusted import clean_text

# Ray's own wish to tell its makers about the cluster: before it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

try:
    import ray
    from ray.exceptions import RayError
except ImportError as problem:
    raise ConfigurationError(
        "--ray needs the extra `bulk`: pip install 'provenance-verifier[bulk]'"
    ) from problem

__all__ = ["RayEngine"]

# Each node that dies takes the tasks on it along; more than so many deaths are one fault.
_MAX_RETRIES = 5
# Batches under way for each processor of the cluster: one that runs, one that waits.
_AHEAD = 2


class RayEngine:
    """Runs batches as tasks of a cluster that is there already.

    Args:
        address: HOST:PORT of its head, or `auto`.
        setup: A portable one: what every node verifies with.
        work: What is done with a batch.

    Raises:
        ConfigurationError: The cluster cannot be reached.
    """

    def __init__(self, address: str, setup: VerifierSetup, work: VerifyWork) -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"{address}: no Ray cluster answers: {error}") from error
        # Sent to each node once, and not with each batch.
        self._setup = ray.put(setup)
        self._job = uuid.uuid4().hex
        self._work = work

    def close(self) -> None:
        """Leave the cluster; it goes on."""
        ray.shutdown()

    def run(self, batches: Iterable[Batch]) -> Iterator[Done]:
        """See `BulkEngine`. A batch that no node finishes has an error in each of its rows."""
        waiting = iter(batches)
        running: dict[Any, Batch] = {}
        while True:
            for batch in islice(waiting, max(1, self._room() - len(running))):
                # In a list, so that it is fetched and unpacked by the first batch alone.
                task = _verify.remote(self._job, [self._setup], self._work, batch)
                running[task] = batch
            if not running:
                return
            finished, _ = ray.wait(list(running), num_returns=1)
            for task in finished:
                batch = running.pop(task)
                yield Done(batch, _rows(task, batch))

    def _room(self) -> int:
        # Asked again and again: nodes come and go.
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return int(_AHEAD * resources.get("CPU", 1))


def _rows(task: Any, batch: Batch) -> list[BulkRow]:
    try:
        rows: list[BulkRow] = ray.get(task)
    except RayError as error:
        why = f"no node of the cluster finished it: {type(error).__name__}: {error}"
        return [error_row(file, clean_text(why), at=system_clock()) for file in batch]
    return rows


# One pool for the life of a worker process of Ray, which runs one task at a time.
_pools: dict[str, VerificationPool] = {}


@ray.remote(num_cpus=1, max_retries=_MAX_RETRIES)
def _verify(job: str, setup: list[Any], work: VerifyWork, batch: Batch) -> list[BulkRow]:
    if job not in _pools:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
        _pools[job] = VerificationPool(ray.get(setup[0]), processes=1)
    return work.do(batch, _pools[job])
