"""A Ray cluster of two nodes on this machine, as a program: nodes can be killed.

    python -m tests.factory.ray_cluster CPUS_A CPUS_B

prints the address of its head. The line `kill` on standard input ends node B as a power
cut would; the end of standard input ends everything. The head itself runs no tasks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["RayCluster", "running_cluster"]

_ROOT = Path(__file__).parents[2]
_STORE_BYTES = 100 * 1024 * 1024


class RayCluster:
    """A running cluster."""

    def __init__(self, program: subprocess.Popen[str], address: str) -> None:
        self._program = program
        self.address = address

    def kill_node(self) -> None:
        """End node B without a word."""
        assert self._program.stdin is not None
        self._program.stdin.write("kill\n")
        self._program.stdin.flush()


@contextmanager
def running_cluster(*cpus: int) -> Iterator[RayCluster]:
    """A cluster with a head and one node for each of these numbers of processors."""
    command = [sys.executable, "-m", "tests.factory.ray_cluster", *map(str, cpus)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        try:
            address = ""
            for line in program.stdout:
                if line.startswith("address "):
                    address = line.split()[1]
                    break
            assert address, "the cluster did not start"
            yield RayCluster(program, address)
        finally:
            assert program.stdin is not None
            program.stdin.close()
            program.wait(60)


def _serve(cpus: list[int]) -> None:
    # Before Ray is imported: it reads them then.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    # Ray takes 127.0.0.1 for "this machine, by whatever address others know it".
    common: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "node_ip_address": "127.0.0.2", **common},
    )
    nodes = [
        cluster.add_node(num_cpus=count, node_ip_address=f"127.0.0.{3 + number}", **common)
        for number, count in enumerate(cpus)
    ]
    sys.stdout.write(f"address {cluster.address}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
    cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    _serve([int(argument) for argument in sys.argv[1:]])
