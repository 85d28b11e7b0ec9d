"""Archives while parts are taken away: every file is answered, registered or signed exactly once.

    python -m tests.soak.bulk [--what verify,register,sign] [--files 20000] [--folder DIR]

`verify` and `register` run on two nodes, of which one dies half-way; `register` is then
killed as a whole too. `sign` is killed again and again, and its processes one by one.
Prints one JSON document for each, and returns 1 where a file is missing, doubled or wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from provenance.bulk.engine import PoolTools
from provenance.bulk.job import Tally, verify_source
from provenance.bulk.listing import open_source
from provenance.bulk.portable import job_of
from provenance.bulk.ray_engine import RayEngine
from provenance.bulk.results import Results
from provenance.bulk.work import VerifyWork
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.fsck import check_register
from provenance.registry.register.register import Register
from provenance.runtime.clock import system_clock
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.archive import make_archive
from tests.factory.desk import write_release
from tests.factory.ray_cluster import RayCluster, running_cluster
from tests.factory.signed_archive import PASSPHRASE, SignedArchive, make_signed_archive
from tests.factory.tsa import running_authority

__all__ = ["main"]

_SIGNED_PER_RELEASE = 50


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
    """Run what was asked for; look at what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--what", default="verify,register,sign")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args(argv)
    runs: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
        "verify": _verify,
        # Each file of these is one of its own, and takes longer.
        "register": lambda folder, files, batch: _register(folder, max(100, files // 10), batch),
        "sign": lambda folder, files, _batch: _sign(folder, max(100, files // 20)),
    }
    wrong = False
    for name in asked.what.split(","):
        with tempfile.TemporaryDirectory(prefix="provenance-soak-") as scratch:
            place = asked.folder / name if asked.folder else Path(scratch)
            told = {"what": name, **runs[name](place, asked.files, asked.batch)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        wrong = wrong or not told["right"]
    return int(wrong)


def _verify(folder: Path, files: int, batch_files: int) -> dict[str, Any]:
    archive = make_archive(folder / "archive", files)
    setup = VerifierSetup(directory=archive.directory)
    source = open_source(str(archive.folder))
    out = folder / "results"
    with running_cluster(1, 1) as cluster:
        killer = _Killer(cluster, files)
        work = VerifyWork(max_asset_bytes=2**30)
        engine = RayEngine(cluster.address, PoolTools(setup=setup), work)
        begun = time.monotonic()
        try:
            with Results(out, job_of(setup, source.name)) as results:
                verify_source(source, engine, results, batch_files=batch_files, on_progress=killer)
            seconds = time.monotonic() - begun
        finally:
            engine.close()
    rows = _rows(out)
    told = _counted(rows, files, seconds)
    verdicts = Counter(row["verdict"] for row in rows)
    return {
        **told,
        "verdicts": verdicts,
        "killed_at": killer.killed_at,
        "right": told["right"] and verdicts == {"official": files} and bool(killer.killed_at),
    }


def _register(folder: Path, files: int, batch_files: int) -> dict[str, Any]:
    """By the command line, on a cluster that loses a node; killed half-way, and gone on with."""
    archive = make_signed_archive(folder / "archive", files)
    out, place = folder / "results", folder / "register.db"
    begun = time.monotonic()
    with running_cluster(1, 1) as cluster:
        command = [
            *("register", str(archive.folder), "--out", str(out), "--register", str(place)),
            *("--release", "{folder}", "--ray", cluster.address, "--batch", str(batch_files)),
            *("--shard", "50", *archive.key_options),
        ]
        with _started(command) as job:
            killed_at = _wait_for_rows(job, out, files // 3)
            cluster.kill_node()
            _wait_for_rows(job, out, files // 2)
            # The desk itself, in the midst of whatever it does.
            _kill(job)
        status = _finish(command)
    seconds = time.monotonic() - begun
    rows = _rows(out)
    told = _counted([row for row in rows if row["error"] is None], files, seconds)
    return {
        **told,
        "states": Counter(row["state"] for row in rows),
        "killed_at": killed_at,
        "right": told["right"]
        and status == 0
        and 0 < killed_at < files
        and _stands_whole(archive, place, rows),
    }


def _stands_whole(archive: SignedArchive, place: Path, rows: Sequence[dict[str, Any]]) -> bool:
    """Is each file in the register once, and the register without a fault?"""
    with Register(place, agencies=AgencyChecker(archive.directory)) as register:
        view = register.view(clock=system_clock)
        now = system_clock()
        once = all(len(view.files(row["sha256"], at=now)) == 1 for row in rows if row["sha256"])
        faults = check_register(register.database, agencies=AgencyChecker(None)).findings
    return once and not faults


def _sign(folder: Path, files: int) -> dict[str, Any]:
    """Killed four times, and a process of those that sign in each run; then gone on with."""
    agency = make_signed_archive(folder / "agency", 0)
    source, target, out = folder / "catalogue", folder / "signed", folder / "results"
    files = max(1, files // _SIGNED_PER_RELEASE) * _SIGNED_PER_RELEASE
    for number in range(files // _SIGNED_PER_RELEASE):
        release = source / f"{number:03}"
        release.mkdir(parents=True)
        for picture in range(_SIGNED_PER_RELEASE):
            data = media.jpeg(number * _SIGNED_PER_RELEASE + picture)
            (release / f"{picture:03}.jpg").write_bytes(data)
        entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
        write_release(release, [entry], release_id=f"NOVA9-{number:03}")
    begun = time.monotonic()
    with running_authority() as authority:
        (folder / "tsa.pem").write_bytes(authority.root.pem)
        command = [
            *("sign", str(source), "--out", str(out), "--to", str(target), "--jobs", "2"),
            *("--tsa", authority.url, "--network-allow", authority.url.split("/")[2]),
            *("--time-stamp-list", str(folder / "tsa.pem"), "--shard", "20"),
            *agency.key_options,
        ]
        killed_at = []
        for run in range(1, 5):
            with _started(command) as job:
                _wait_for_files(job, target, files * run // 6)
                _kill_a_worker(job.pid)
                _wait_for_files(job, target, files * run // 6 + files // 12)
                _kill(job)
            killed_at.append(_signed(target))
        status = _finish(command)
        # A file that died with its process alone in its group is there by the next run.
        status = _finish(command) if status == 1 else status
    seconds = time.monotonic() - begun
    rows = [row for row in _rows(out) if row["kind"] == "file" and row["error"] is None]
    told = _counted(rows, files, seconds)
    verifier = VerifierSetup(directory=agency.directory).make()
    verdicts = Counter(verifier.verify(row["out"]).verdict.value for row in rows)
    return {
        **told,
        "verdicts": verdicts,
        "killed_at": killed_at,
        "right": told["right"]
        and status == 0
        and _signed(target) == files
        and not list(target.rglob(".*provenance-tmp"))
        and verdicts == {Verdict.OFFICIAL.value: files},
    }


def _counted(rows: Sequence[dict[str, Any]], files: int, seconds: float) -> dict[str, Any]:
    distinct = len({row["path"] for row in rows})
    return {
        "files": files,
        "rows": len(rows),
        "distinct": distinct,
        "errors": [row["error"] for row in rows if row["error"]][:3],
        "seconds": round(seconds, 1),
        "files_per_s": round(files / seconds, 1),
        "cores": len(os.sched_getaffinity(0)),
        "right": len(rows) == distinct == files,
    }


def _rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for part in out.glob("part-*.jsonl") for line in part.open()]


def _signed(target: Path) -> int:
    return sum(1 for _ in target.rglob("*.jpg")) if target.exists() else 0


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "provenance.cli.main", "bulk", *command],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _finish(command: Sequence[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", "bulk", *command],
        env=_environment(),
        stdout=sys.stderr,
        check=False,
    )
    return done.returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "PROVENANCE_KEY_PASSPHRASE": PASSPHRASE}


def _kill(job: subprocess.Popen[bytes]) -> None:
    """End a job as a power cut would: the whole session, its processes too."""
    if job.poll() is None:
        os.killpg(job.pid, signal.SIGKILL)


def _kill_a_worker(parent: int) -> None:
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in task.read_text("ascii").split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
                return


def _wait_for_rows(job: subprocess.Popen[bytes], out: Path, count: int) -> int:
    _wait_for(job, lambda: len(_rows(out)) >= count)
    return len(_rows(out))


def _wait_for_files(job: subprocess.Popen[bytes], target: Path, count: int) -> None:
    _wait_for(job, lambda: _signed(target) >= count)


def _wait_for(job: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    while job.poll() is None and not until():
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
