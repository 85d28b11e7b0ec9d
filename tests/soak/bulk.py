"""An archive on two nodes, one of which dies half-way: every file is reported exactly once.

    python -m tests.soak.bulk [--files 20000] [--folder DIR]

Prints one JSON document, and returns 1 where a file is missing, doubled or wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance.bulk.engine import PoolTools
from provenance.bulk.job import Tally, verify_source
from provenance.bulk.listing import open_source
from provenance.bulk.portable import job_of
from provenance.bulk.ray_engine import RayEngine
from provenance.bulk.results import Results
from provenance.bulk.work import VerifyWork
from provenance.runtime.verifier_setup import VerifierSetup
from tests.factory.archive import make_archive
from tests.factory.ray_cluster import RayCluster, running_cluster

__all__ = ["main"]


class _Killer:
    """Kills one node when half of the files are done."""

    def __init__(self, cluster: RayCluster, files: int) -> None:
        self._cluster = cluster
        self._half = files // 2
        self.killed_at: int | None = None

    def __call__(self, tally: Tally) -> None:
        if self.killed_at is None and tally.done >= self._half:
            self._cluster.kill_node()
            self.killed_at = tally.done


def main(argv: Sequence[str] | None = None) -> int:
    """Make the archive, run the job, kill the node, look at the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="provenance-soak-") as scratch:
        told = _run(asked.folder or Path(scratch), asked.files, asked.batch)
    sys.stdout.write(json.dumps(told) + "\n")
    right = told["rows"] == told["distinct"] == asked.files
    alive = told["killed_at"] is not None
    return 0 if right and alive and told["verdicts"] == {"official": asked.files} else 1


def _run(folder: Path, files: int, batch_files: int) -> dict[str, Any]:
    archive = make_archive(folder / "archive", files)
    setup = VerifierSetup(directory=archive.directory)
    source = open_source(str(archive.folder))
    out = folder / "results"
    with running_cluster(1, 1) as cluster:
        killer = _Killer(cluster, files)
        tools = PoolTools(setup=setup)
        engine = RayEngine(cluster.address, tools, VerifyWork(max_asset_bytes=2**30))
        begun = time.monotonic()
        try:
            with Results(out, job_of(setup, source.name, at=None)) as results:
                verify_source(source, engine, results, batch_files=batch_files, on_progress=killer)
            seconds = time.monotonic() - begun
        finally:
            engine.close()
    rows = [json.loads(line) for part in out.glob("*.jsonl") for line in part.open()]
    return {
        "files": files,
        "rows": len(rows),
        "distinct": len({row["path"] for row in rows}),
        "verdicts": Counter(row["verdict"] for row in rows),
        "errors": [row["error"] for row in rows if row["error"]][:3],
        "killed_at": killer.killed_at,
        "seconds": round(seconds, 1),
        "files_per_s": round(files / seconds, 1),
        "cores": len(os.sched_getaffinity(0)),
    }


if __name__ == "__main__":
    sys.exit(main())
