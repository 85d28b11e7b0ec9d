"""How fast is an archive registered, with two isolated workers, with one, and file by file?

    python -m tests.benchmarks.bulk_register [--files 2000] [--rounds 3]

In turns, each time into an empty register. `add` is `register add`'s own code in one
process, which is not isolated. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from provenance.bulk.engine import LocalEngine, threads_for
from provenance.bulk.job import run_job
from provenance.bulk.listing import open_source
from provenance.bulk.portable import job_of
from provenance.bulk.reading import ReadWork
from provenance.bulk.registering import (
    RegisterDesk,
    authority_of,
    not_listed_row,
    release_namer,
)
from provenance.bulk.results import Results
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.register import Register
from provenance.runtime.registering import Registration
from provenance.runtime.verification_pool import VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency_folder import load_dev_signer
from tests.factory.signed_archive import PASSPHRASE, SignedArchive, make_signed_archive

__all__ = ["main"]


def _now() -> datetime:
    return datetime.now(UTC)


def _bulk(archive: SignedArchive, folder: Path, processes: int) -> None:
    setup = VerifierSetup(directory=archive.directory, reads=True)
    signer = load_dev_signer(archive.agency, PASSPHRASE.encode())
    source = open_source(str(archive.folder))
    authority = authority_of(signer, archive.directory, at=_now())
    with (
        Register(folder / "register.db", agencies=AgencyChecker(archive.directory)) as register,
        VerificationPool(setup, processes=processes) as pool,
        Results(folder / "results", job_of(setup, source.name), parquet=False) as results,
    ):
        desk = RegisterDesk(register, signer, authority, release_namer("{folder}"), clock=_now)
        work = ReadWork(max_asset_bytes=2**30, is_known=desk.is_known)
        tally = run_job(
            source,
            LocalEngine(pool, work, threads=threads_for(pool)),
            results,
            desk,
            not_listed=not_listed_row(_now),
        )
    assert tally.errors == 0, tally
    assert set(tally.outcomes) == {"registered"}, tally


def _add(archive: SignedArchive, folder: Path) -> None:
    signer = load_dev_signer(archive.agency, PASSPHRASE.encode())
    verifier = VerifierSetup(directory=archive.directory).make()
    with Register(folder / "register.db", agencies=AgencyChecker(archive.directory)) as register:
        for release in sorted(archive.folder.iterdir()):
            intake = Registration(
                register, signer, verifier, release=release.name, clock=_now, say=lambda _: None
            )
            for path in sorted(release.iterdir()):
                intake.add(path)
            intake.finish()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure in turns, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(argv)
    runs: dict[str, Callable[[SignedArchive, Path], None]] = {
        "two_workers": lambda archive, folder: _bulk(archive, folder, 2),
        "one_worker": lambda archive, folder: _bulk(archive, folder, 1),
        "add": _add,
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    with tempfile.TemporaryDirectory(prefix="provenance-bench-") as scratch:
        archive = make_signed_archive(Path(scratch) / "archive", asked.files)
        for round_ in range(asked.rounds):
            for name, run in runs.items():
                folder = Path(scratch) / f"{name}-{round_}"
                folder.mkdir()
                begun = time.monotonic()
                run(archive, folder)
                seconds[name].append(time.monotonic() - begun)
    told = {
        "files": asked.files,
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "files_per_s": {
            name: round(asked.files / statistics.median(spent), 1)
            for name, spent in seconds.items()
        },
        "against_one_worker": _ratios(seconds, "one_worker"),
        "against_add": _ratios(seconds, "add"),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _ratios(seconds: dict[str, list[float]], rival: str) -> list[float]:
    """Two workers against a rival, in each round."""
    rounds = zip(seconds[rival], seconds["two_workers"], strict=True)
    return sorted(round(other / ours, 2) for other, ours in rounds)


if __name__ == "__main__":
    sys.exit(main())
