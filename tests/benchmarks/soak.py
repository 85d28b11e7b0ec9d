"""Hours of hostile files in minutes: what `make soak` runs, at full size.

A batch in which every twentieth file kills, stalls or starves its worker, while workers
and their host are killed from outside; then each known hazard of the engine at the size
at which it was found. Every file has to have exactly one right result, and memory has to
stay flat.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from provenance.limits import Limits
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.host_process import shared_host
from provenance.runtime.workers.limits import WorkerLimits
from tests.benchmarks.table import sample_agency
from tests.factory.hazards import HazardousSetup
from tests.factory.hostile_files import large_jpeg, quadratic_mp4
from tests.factory.media import jpeg
from tests.factory.sign import sign

__all__ = ["main"]

_EXPECTED = {
    "good": None,
    "segv": "check-crashed",
    "abort": "check-crashed",
    "exit": "check-crashed",
    "lie": "check-crashed",
    "eat": "memory-exhausted",
    "eat-in-python": "memory-exhausted",
    "hang": "time-exhausted",
}
_EVERY = 20
# `lie` and `hang` cost a time-out each.
_SLOW = {"hang": 500, "lie": 500}


def _hazard(number: int) -> str:
    for name, every in _SLOW.items():
        if number % every == len(name):
            return name
    quick = [name for name in _EXPECTED if name not in {"good", *_SLOW}]
    return quick[number // _EVERY % len(quick)] if number % _EVERY == 0 else "good"


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024**2


def batch(files: int) -> None:
    """Verify so many files, among them hostile ones, while processes are killed."""
    agency, _ = sample_agency()
    with tempfile.TemporaryDirectory() as folder:
        directory, picture = Path(folder) / "directory.json", Path(folder) / "good.jpg"
        directory.write_text(json.dumps(agency.directory_entry()), encoding="utf-8")
        picture.write_bytes(sign(jpeg(1), "image/jpeg", signer=agency.signer()))
        setup = HazardousSetup(directory=directory)
        limits = WorkerLimits(wall_s=5)
        done = threading.Event()
        with VerificationPool(setup, limits=limits) as pool:

            def kill() -> None:
                while not done.wait(20):
                    os.kill(shared_host().pid, signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()

            def jobs() -> Iterator[VerificationJob]:
                for number in range(files):
                    yield VerificationJob(path=picture, name=f"{number}~{_hazard(number)}.jpg")

            seen: Counter[str] = Counter()
            memory: list[float] = []
            for number, (job, outcome) in enumerate(pool.verify_many(jobs())):
                expected = _EXPECTED[_hazard(number)]
                if not isinstance(outcome, Report):
                    raise SystemExit(f"{job.name}: {outcome!r}")
                got = outcome.reason.value if outcome.reason else None
                if outcome.asset.name != job.name or got != expected:
                    raise SystemExit(f"{job.name}: expected {expected}, got {got}")
                seen[got or outcome.verdict.value] += 1
                if number % 1000 == 999:
                    memory.append(_resident_mb())
                    print(f"{number + 1} files, {memory[-1]:.0f} MB, {dict(seen)}", flush=True)
            done.set()
            killer.join()
            print(pool.counters)
        if memory and memory[-1] > memory[0] + 50:
            raise SystemExit(f"memory grew from {memory[0]:.0f} to {memory[-1]:.0f} MB")


def hazards() -> None:
    """Each known hazard of the engine, at full size and with the limits of every day."""
    with tempfile.TemporaryDirectory() as folder:
        boxes, picture = Path(folder) / "boxes.mp4", Path(folder) / "large.jpg"
        boxes.write_bytes(quadratic_mp4())
        large_jpeg(picture, 2 * 1024**3)
        unbounded = VerifierSetup(limits=Limits(max_boxes_beside=10**9, max_segments=10**9))
        for path, setup, expected in (
            (boxes, unbounded, "time-exhausted"),
            (picture, VerifierSetup(), "memory-exhausted"),
        ):
            begin = time.monotonic()
            with VerificationPool(setup, processes=1) as pool:
                report = pool.submit(VerificationJob(path=path)).result()
            got = report.reason.value if report.reason else report.verdict.value
            print(f"{path.name}: {got} after {time.monotonic() - begin:.0f} s", flush=True)
            if got != expected:
                raise SystemExit(f"{path.name}: expected {expected}, got {got}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, and fail at the first wrong result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    options = parser.parse_args(arguments)
    hazards()
    batch(options.files)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
