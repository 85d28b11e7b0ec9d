"""HTTP, side by side with the library: the same files, the same number of worker processes."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image

from provenance.records.scopes import Scope
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.trust.directory import LoadedDirectory, load_directory
from provenance.verdict import Verdict
from tests.factory import pki
from tests.factory.media import mp4
from tests.factory.service import RunningService, running_service
from tests.factory.sign import sign

__all__ = ["Load", "main", "make_files", "measure"]

_MEDIAN_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of one run of many clients.

    Attributes:
        files: How many were verified.
        per_s: How many a second.
        errors: How many answers were no verdict `official`.
        median_ms: Time of one request.
        slowest_ms: The slowest.
    """

    files: int
    per_s: float
    errors: int
    median_ms: float
    slowest_ms: float


def make_agency() -> DevAgency:
    """The sample agency."""
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )


def make_files(agency: DevAgency, folder: Path, *, count: int = 12) -> list[Path]:
    """Signed pictures of mixed sizes, about 1 MB in the median."""
    signer, random = agency.signer(), np.random.default_rng(1)
    sizes = np.exp(random.normal(np.log(_MEDIAN_BYTES), 0.6, count))
    sizes *= _MEDIAN_BYTES / np.median(sizes)
    paths = []
    for number, size in enumerate(sizes):
        # A JPEG of noise at this quality has about 0.69 bytes a pixel.
        side = int((size / 0.69) ** 0.5)
        pixels = random.integers(0, 255, (side, side, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
        path = folder / f"{number}.jpg"
        path.write_bytes(sign(buffer.getvalue(), "image/jpeg", signer=signer))
        paths.append(path)
    return paths


def library_per_s(
    directory: LoadedDirectory, files: Sequence[Path], *, count: int, processes: int
) -> float:
    """How many files a second does the library verify in so many processes?"""
    setup = VerifierSetup(directory=directory)
    with VerificationPool(setup, processes=processes) as pool:
        list(pool.verify_many(VerificationJob(path=files[n % len(files)]) for n in range(20)))
        begin = time.perf_counter()
        jobs = (VerificationJob(path=files[n % len(files)]) for n in range(count))
        done = sum(1 for _ in pool.verify_many(jobs))
        return done / (time.perf_counter() - begin)


async def _load(
    service: RunningService, token: str, files: Sequence[bytes], *, clients: int, count: int
) -> Load:
    numbers = iter(range(count))
    times: list[float] = []
    errors = 0

    async def one(client: httpx2.AsyncClient) -> None:
        nonlocal errors
        for number in numbers:
            begin = time.perf_counter()
            try:
                answer = await client.put("/v1/verify", content=files[number % len(files)])
                if answer.status_code != 200 or answer.json()["verdict"] != Verdict.OFFICIAL:
                    errors += 1
            except httpx2.HTTPError:
                errors += 1
            times.append((time.perf_counter() - begin) * 1000)

    limits = httpx2.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx2.AsyncClient(
        base_url=service.url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
        limits=limits,
        trust_env=False,
    ) as client:
        begin = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(clients)))
        took = time.perf_counter() - begin
    return Load(
        files=len(times),
        per_s=len(times) / took,
        errors=errors,
        median_ms=statistics.median(times),
        slowest_ms=max(times),
    )


def measure(service: RunningService, files: Sequence[Path], *, clients: int, count: int) -> Load:
    """How does the service do with so many clients?"""
    token = service.key(Scope.VERIFY)
    data = [path.read_bytes() for path in files]
    return asyncio.run(_load(service, token, data, clients=clients, count=count))


def resident_bytes(pid: int, *, most: bool = False) -> int:
    """How much memory has this process now, or had at most?"""
    wanted = "VmHWM:" if most else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024
    return 0


def upload_large(service: RunningService, size_bytes: int) -> dict[str, object]:
    """What does one large upload cost the server, its worker aside?"""
    head, block = mp4(seed=1), bytes(1024**2)

    def chunks() -> Iterator[bytes]:
        yield head
        for _ in range(size_bytes // len(block)):
            yield block

    with service.client(service.key(Scope.VERIFY)) as client:
        begin = time.perf_counter()
        answer = client.put("/v1/verify", content=chunks(), timeout=1800)
        took = time.perf_counter() - begin
    return {
        "uploaded_mb": size_bytes // 10**6,
        "status": answer.status_code,
        "verdict": answer.json()["verdict"],
        "seconds": round(took, 1),
        "resident_mb_at_most": round(resident_bytes(service.process.pid, most=True) / 1e6),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.service", description=__doc__)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--large-mb", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        agency = make_agency()
        place = folder / "directory.json"
        place.write_text(json.dumps(agency.directory_entry()), "utf-8")
        directory = load_directory(place)
        files = make_files(agency, folder)
        sizes = sorted(path.stat().st_size for path in files)
        print(f"{len(files)} signed pictures, {sizes[0]} to {sizes[-1]} bytes, median "
              f"{sizes[len(sizes) // 2]}; {given.processes} worker processes")  # fmt: skip
        with running_service(
            folder / "home",
            directory=place,
            service_workers=str(given.processes),
            service_rate_per_key="10000000/minute",
            service_max_uploads="1000",
        ) as service:
            if given.large_mb:
                print(json.dumps(upload_large(service, given.large_mb * 10**6)))
            measure(service, files, clients=4, count=40)
            for clients in given.clients:
                load = measure(service, files, clients=clients, count=given.count)
                library = library_per_s(
                    directory, files, count=given.count, processes=given.processes
                )
                memory = resident_bytes(service.process.pid)
                rows.append({
                    "clients": clients,
                    "per_s": round(load.per_s, 1),
                    "library_per_s": round(library, 1),
                    "ratio": round(load.per_s / library, 2),
                    "errors": load.errors,
                    "median_ms": round(load.median_ms, 1),
                    "slowest_ms": round(load.slowest_ms, 1),
                    "resident_mb": round(memory / 1e6),
                })  # fmt: skip
                print(json.dumps(rows[-1]))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
