"""Batches on a Ray cluster: tasks that are tried again where a node dies.

The only module that imports Ray. Whoever can reach a Ray cluster's ports can run code on
it, and it listens on every interface: it belongs into a network of its own.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic

from provenance.bulk.engine import TICK_S, Answer, Done, Item, Tool, Tools, Work
from provenance.errors import ConfigurationError
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
# So many batches that fail before one succeeds are the cluster's fault, and not the files'.
_MAX_FAILED = 3
_CONNECT_S = 10.0
# Batches under way for each processor of the cluster: one that runs, one that waits.
_AHEAD = 2


class RayEngine(Generic[Item, Answer, Tool]):
    """Runs batches as tasks of a cluster that is there already.

    Args:
        address: HOST:PORT of its head, or `auto`.
        tools: With what every node works; sent to each.
        work: What is done with a batch.

    Raises:
        ConfigurationError: The cluster cannot be reached.
    """

    def __init__(
        self,
        address: str,
        tools: Tools[Tool],
        work: Work[Item, Answer, Tool],
    ) -> None:
        _check_somebody_listens(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"{address}: no Ray cluster answers: {error}") from error
        self._address = address
        # Sent to each node once, and not with each batch.
        self._tools = ray.put(tools)
        self._job = uuid.uuid4().hex
        self._work = work

    def close(self) -> None:
        """Leave the cluster; it goes on."""
        ray.shutdown()

    def run(self, batches: Iterable[tuple[Item, ...]]) -> Iterator[Done[Item, Answer]]:
        """See `BulkEngine`. A batch that no node finishes has an error in each of its rows.

        Raises:
            ConfigurationError: The first batches all fail.
        """
        waiting = iter(batches)
        running: dict[Any, tuple[Item, ...]] = {}
        failed = 0
        while True:
            for batch in islice(waiting, max(self._room() - len(running), int(not running))):
                # In a list, so that it is fetched and unpacked by the first batch alone.
                task = _do.remote(self._job, [self._tools], self._work, batch)
                running[task] = batch
            if not running:
                return
            finished, _ = ray.wait(list(running), num_returns=1, timeout=TICK_S)
            if not finished:
                yield Done((), ())
            for task in finished:
                batch = running.pop(task)
                try:
                    rows: list[Answer] = ray.get(task)
                except RayError as error:
                    failed += failed >= 0
                    why = f"no node of the cluster finished it: {_said(error)}"
                    if failed >= _MAX_FAILED:
                        raise ConfigurationError(
                            f"{self._address}: {failed} batches failed and none succeeded; is this "
                            f"version installed on every node? {why}"
                        ) from error
                    rows = [self._work.not_done(item, why) for item in batch]
                else:
                    failed = -1  # from here on a batch that fails is about that batch
                yield Done(batch, rows)

    def _room(self) -> int:
        # Asked again and again: nodes come and go.
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        return int(_AHEAD * resources.get("CPU", 1))


def _check_somebody_listens(address: str) -> None:
    """Ray itself would go on asking an address where nobody is for a quarter of an hour."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--ray {address}: expected HOST:PORT of a cluster's head, or auto: {error}"
        ) from error


def _said(error: RayError) -> str:
    # Its text is the traceback of another machine; the last line says what it was.
    lines = str(error).strip().splitlines() or [""]
    return clean_text(f"{type(error).__name__}: {lines[-1]}")


# One for the life of a worker process of Ray, which runs one task at a time.
_held: dict[str, Any] = {}


@ray.remote(num_cpus=1, max_retries=_MAX_RETRIES)
def _do(job: str, given: list[Any], work: Work[Any, Any, Any], batch: tuple[Any, ...]) -> list[Any]:
    if job not in _held:
        for tool in _held.values():
            tool.close()
        _held.clear()
        _held[job] = ray.get(given[0]).open()
    return work.do(batch, _held[job])
