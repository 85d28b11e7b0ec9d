"""What is measured at each size: files in a batch, codes in a register, bytes, clients."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from provenance.credentials.engine_signing import sign_stream
from provenance.fingerprints.matching import SEARCH_RADIUS
from provenance.fingerprints.model import Algorithm, Code
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.verdict import Verdict
from tests.benchmarks import service
from tests.benchmarks.pictures import filled_index
from tests.benchmarks.table import large_mp4, sample_agency
from tests.factory.archive import make_archive
from tests.factory.service import running_service
from tests.factory.sign import manifest

__all__ = ["SIZES", "Point", "measured"]

Point = Mapping[str, float]
"""`size`, and what was measured by name."""

SIZES: Mapping[str, tuple[int, ...]] = {
    "batch": (10, 100, 1_000, 10_000, 100_000),
    "register": (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
    "video": (10, 40, 160, 640, 2_048, 4_096),
    "clients": (1, 4, 16, 64, 256),
}
"""Files, codes, megabytes, clients."""

_MB = 1_000_000


def measured(name: str, sizes: Iterable[int]) -> list[Point]:
    """What was measured of one curve, from the smallest size on?"""
    curves = {
        "batch": _batches,
        "register": _searches,
        "video": _videos,
        "clients": _clients,
    }
    with tempfile.TemporaryDirectory(prefix="provenance-curves-") as folder:
        return list(curves[name](Path(folder), sorted(sizes)))


def _resident_mb() -> float:
    return service.resident_bytes(os.getpid()) / _MB


def _batches(folder: Path, sizes: list[int]) -> Iterator[Point]:
    """Small signed files of several kinds, in two isolated processes; memory of their parent."""
    archive = make_archive(folder / "files", sizes[-1])
    files = sorted(path for path in archive.folder.rglob("*") if path.is_file())
    with VerificationPool(VerifierSetup(directory=archive.directory), processes=2) as pool:
        _verify(pool, files[:10])
        for size in sizes:
            begun = time.perf_counter()
            _verify(pool, files[:size])
            seconds = time.perf_counter() - begun
            yield {
                "size": size,
                "ms_a_file": 1000 * seconds / size,
                "resident_mb": _resident_mb(),
            }


def _verify(pool: VerificationPool, files: list[Path]) -> None:
    for job, outcome in pool.verify_many(VerificationJob(path=path) for path in files):
        if not isinstance(outcome, Report) or outcome.verdict is not Verdict.OFFICIAL:
            raise SystemExit(f"{job.path}: {outcome}")


def _searches(_folder: Path, sizes: list[int]) -> Iterator[Point]:
    """All codes within the radius of eight: those of one picture and its turns."""
    queries = np.random.default_rng(2).integers(0, 256, (8, 32), np.uint8)
    wanted = [Code(algorithm=Algorithm.PDQ, bits=bits.tobytes()) for bits in queries]
    for size in sizes:
        index, _ = filled_index(size)
        index.search(wanted, radius=SEARCH_RADIUS)
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            index.search(wanted, radius=SEARCH_RADIUS)
            times.append(time.perf_counter() - begun)
        yield {"size": size, "ms": 1000 * statistics.median(times), "resident_mb": _resident_mb()}
        del index


def _videos(folder: Path, sizes: list[int]) -> Iterator[Point]:
    """One video of each size, digest included; memory of the process that examines it."""
    agency, directory = sample_agency()
    with VerificationPool(VerifierSetup(directory=directory), processes=1) as pool:
        for size in sizes:
            plain, signed = folder / "plain.mp4", folder / "signed.mp4"
            large_mp4(plain, size)
            with plain.open("rb") as source, signed.open("w+b") as target:
                sign_stream(
                    source,
                    target,
                    media_type="video/mp4",
                    manifest=manifest(),
                    signer=agency.signer(),
                )
            plain.unlink()
            _verify(pool, [signed])
            times = []
            for _ in range(3):
                begun = time.perf_counter()
                _verify(pool, [signed])
                times.append(time.perf_counter() - begun)
            (worker,) = pool.worker_pids()
            yield {
                "size": size,
                "seconds": statistics.median(times),
                "resident_mb": service.resident_bytes(worker, most=True) / _MB,
            }
            signed.unlink()


def _clients(folder: Path, sizes: list[int]) -> Iterator[Point]:
    """Pictures of 1 MB in the median, sent to the service by so many clients."""
    agency = service.make_agency()
    place = folder / "directory.json"
    place.write_text(json.dumps(agency.directory_entry()), "utf-8")
    files = service.make_files(agency, folder)
    with running_service(
        folder / "home",
        directory=place,
        service_workers="2",
        service_rate_per_key="10000000/minute",
        service_max_uploads="1000",
    ) as running:
        service.measure(running, files, clients=4, count=40)
        for size in sizes:
            load = service.measure(running, files, clients=size, count=max(200, 2 * size))
            if load.errors:
                raise SystemExit(f"{size} clients: {load.errors} errors")
            yield {
                "size": size,
                "per_s": load.per_s,
                "median_ms": load.median_ms,
                "resident_mb": service.resident_bytes(running.process.pid) / _MB,
            }
