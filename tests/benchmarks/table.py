"""Speed, side by side with its rivals: the table that `make bench` prints.

Every row measures us and the rival in turns within one run, so that a busy
machine slows both. What counts is the ratio; the spread says how far to trust
it. `--json FILE` writes the same as a document.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa

from provenance.credentials.engine_signing import sign_stream
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.trust.directory import LoadedDirectory, parse_directory
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier
from tests.benchmarks.pictures import search_race, triage_race
from tests.benchmarks.starting import Start, help_start, import_start, verify_start
from tests.factory.media import jpeg, mp4
from tests.factory.sign import manifest, sign

__all__ = ["Row", "large_mp4", "main", "sample_agency"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured ratio.

    Attributes:
        what: What was done.
        against: What it is held against.
        goal: The bound, as text.
        ratio: Median of the ratios of the rounds.
        low: Smallest ratio of a round.
        high: Largest.
        ours_ms: Our median time a round.
        rival_ms: The rival's.
        note: Anything else that was measured.
    """

    what: str
    against: str
    goal: str
    ratio: float
    low: float
    high: float
    ours_ms: float
    rival_ms: float
    note: str = ""


Clock = Callable[[], float]


def _timed(work: Callable[[], object], clock: Clock) -> float:
    begin = clock()
    work()
    return (clock() - begin) * 1000


def _race(
    ours: Callable[[], object],
    rival: Callable[[], object],
    rounds: int,
    clock: Clock = time.perf_counter,
) -> tuple[list[float], list[float]]:
    """Milliseconds of both, in turns, after one round that does not count.

    Of work on one thread, processor time says more than the clock on a machine that others
    use as well.
    """
    ours()
    rival()
    pairs = [(_timed(ours, clock), _timed(rival, clock)) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _row(
    names: tuple[str, str, str], mine: Sequence[float], rivals: Sequence[float], note: str = ""
) -> Row:
    ratios = sorted(a / b for a, b in zip(mine, rivals, strict=True))
    return Row(
        *names,
        ratio=statistics.median(ratios),
        low=ratios[0],
        high=ratios[-1],
        ours_ms=statistics.median(mine),
        rival_ms=statistics.median(rivals),
        note=note,
    )


def sample_agency() -> tuple[DevAgency, LoadedDirectory]:
    """An agency of today, and a directory that lists it."""
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=datetime.now(UTC),
    )
    entry = json.dumps(agency.directory_entry()).encode()
    return agency, parse_directory(entry, where="benchmark", source="benchmark")


def _now() -> datetime:
    return datetime.now(UTC)


def _trusting_context(anchors_pem: str) -> c2pa.Context:
    """The bare engine, with its own trust check on and its network off."""
    anchor = {"trust_anchors": anchors_pem, "trust_kind": "manifest", "trust_uri": "urn:bench"}
    return c2pa.Context.from_dict(
        {
            "trust": {
                "anchors": [anchor],
                "trust_config": "1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.4\n",
            },
            "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
            "core": {"allowed_network_hosts": []},
        }
    )


def small_jpeg(rounds: int, batch: int = 20) -> Row:
    """Verify a small signed JPEG, our whole decision, against a bare engine read."""
    agency, directory = sample_agency()
    data = sign(jpeg(1), "image/jpeg", signer=agency.signer())
    verifier = Verifier(directory=directory, clock=_now)
    if verifier.verify(data).verdict is not Verdict.OFFICIAL:
        raise SystemExit("the sample is not official: nothing to measure")
    context = _trusting_context(agency.root_pem.decode())

    def bare() -> None:
        for _ in range(batch):
            with c2pa.Reader("image/jpeg", io.BytesIO(data), context=context) as reader:
                document = json.loads(reader.json())
        if document["validation_state"] != "Trusted":
            raise SystemExit("the bare engine does not trust the sample: no fair rival")

    def ours() -> None:
        for _ in range(batch):
            verifier.verify(data)

    mine, rivals = _race(ours, bare, rounds)
    each = [statistics.median(times) / batch for times in (mine, rivals)]
    note = f"{each[0]:.2f} ms against {each[1]:.2f} ms a file"
    names = ("verify a small signed JPEG", "bare engine read, its own trust check on", "<= 1.5")
    return _row(names, mine, rivals, note)


def unsigned_jpeg(rounds: int, batch: int = 50) -> Row:
    """Verify a small unsigned JPEG, with no register, against a bare engine read of it."""
    agency, directory = sample_agency()
    data = jpeg(1)
    verifier = Verifier(directory=directory, clock=_now)
    if verifier.verify(data).verdict is not Verdict.UNVERIFIED:
        raise SystemExit("the sample has credentials: nothing to measure")
    context = _trusting_context(agency.root_pem.decode())

    def bare() -> None:
        for _ in range(batch):
            try:
                c2pa.Reader("image/jpeg", io.BytesIO(data), context=context)
            except c2pa.C2paError.ManifestNotFound:
                continue
            raise SystemExit("the engine finds credentials: no fair rival")

    def ours() -> None:
        for _ in range(batch):
            verifier.verify(data)

    mine, rivals = _race(ours, bare, rounds, time.process_time)
    each = [statistics.median(times) / batch for times in (mine, rivals)]
    note = f"{each[0]:.2f} ms against {each[1]:.2f} ms a file"
    names = ("verify a small unsigned JPEG", "bare engine read, which finds nothing", "<= 2.5")
    return _row(names, mine, rivals, note)


def starts(rounds: int) -> list[Row]:
    """Processor time of the command line from its start, against importing the engine alone."""
    agency, _ = sample_agency()
    with tempfile.TemporaryDirectory() as folder:
        path, directory = Path(folder) / "small.jpg", Path(folder) / "directory.json"
        path.write_bytes(sign(jpeg(1), "image/jpeg", signer=agency.signer()))
        directory.write_text(json.dumps(agency.directory_entry()), encoding="utf-8")
        rival = import_start(path)
        against = "importing the engine alone, and reading it"
        return [
            _start_row((what, against, goal), ours, rival, rounds)
            for what, goal, ours in (
                (
                    "provenance verify of a small signed JPEG",
                    "<= 1.5",
                    verify_start(path, directory),
                ),
                ("provenance --help", "<= 1", help_start()),
            )
        ]


def _start_row(
    names: tuple[str, str, str], ours: Callable[[], Start], rival: Callable[[], Start], rounds: int
) -> Row:
    # The first starts write bytecode, and do not count.
    ours()
    rival()
    pairs = [(ours(), rival()) for _ in range(rounds)]
    walls = [statistics.median(one.wall_ms for one in some) for some in zip(*pairs, strict=True)]
    mine, rivals = ([one.cpu_ms for one in some] for some in zip(*pairs, strict=True))
    return _row(names, mine, rivals, f"by the clock {walls[0]:.0f} ms against {walls[1]:.0f} ms")


def _verify_all(pool: VerificationPool, path: Path, files: int) -> None:
    jobs = (VerificationJob(path=path) for _ in range(files))
    done = sum(
        isinstance(report, Report) and report.verdict is Verdict.OFFICIAL
        for _, report in pool.verify_many(jobs)
    )
    if done != files:
        raise SystemExit(f"{files - done} of {files} files are not official")


def two_processes(rounds: int, files: int = 400) -> Row:
    """Files a second in two isolated worker processes against one."""
    agency, directory = sample_agency()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.jpg"
        path.write_bytes(sign(jpeg(1), "image/jpeg", signer=agency.signer()))
        setup = VerifierSetup(directory=directory)
        with (
            VerificationPool(setup, processes=1) as one,
            VerificationPool(setup, processes=2) as two,
        ):
            single, double = _race(
                lambda: _verify_all(one, path, files),
                lambda: _verify_all(two, path, files),
                rounds,
            )
    return _row(("2 isolated worker processes", "1", ">= 1.8x"), single, double)


_bare: c2pa.Context | None = None


def _start_bare(anchors: str) -> None:
    global _bare  # noqa: PLW0603 - one context a process, as anybody would
    _bare = _trusting_context(anchors)


def _read_bare(path: Path, count: int) -> int:
    trusted = 0
    for _ in range(count):
        with (
            path.open("rb") as file,
            c2pa.Reader("image/jpeg", file, context=_bare) as reader,
        ):
            trusted += json.loads(reader.json())["validation_state"] == "Trusted"
    return trusted


def pool_against_bare(rounds: int, files: int = 400) -> Row:
    """Files a second in the pool against a bare loop over the engine in as many processes."""
    agency, directory = sample_agency()
    workers = 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.jpg"
        path.write_bytes(sign(jpeg(1), "image/jpeg", signer=agency.signer()))
        anchors = agency.root_pem.decode()
        with (
            VerificationPool(VerifierSetup(directory=directory), processes=workers) as pool,
            ProcessPoolExecutor(workers, initializer=_start_bare, initargs=(anchors,)) as bare,
        ):

            def rival() -> None:
                chunks = [files // workers] * workers
                if sum(bare.map(_read_bare, [path] * workers, chunks)) != files:
                    raise SystemExit("the bare engine does not trust the sample: no fair rival")

            mine, rivals = _race(lambda: _verify_all(pool, path, files), rival, rounds)
    names = ("isolated pool, 2 processes", "bare engine loop in 2 processes", ">= 0.9x")
    # Throughput: the more files a second, the less time.
    return _row(names, rivals, mine)


def large_mp4(path: Path, size_mb: int) -> None:
    """Write a valid MP4 whose media data box is padded to the size."""
    movie = mp4(1)
    at = movie.find(b"mdat") - 4
    size = int.from_bytes(movie[at : at + 4], "big")
    tail = movie[at + size :]
    wanted = size_mb * 1024 * 1024
    block = os.urandom(1024 * 1024)
    with path.open("wb") as file:
        file.write(movie[:at] + (1).to_bytes(4, "big") + b"mdat" + (16 + wanted).to_bytes(8, "big"))
        for _ in range(size_mb):
            file.write(block)
        file.write(tail)


def large_video(rounds: int, size_mb: int) -> Row:
    """Verify a large video in a worker, digest included, against one SHA-256 pass over it."""
    agency, directory = sample_agency()
    with (
        tempfile.TemporaryDirectory() as folder,
        VerificationPool(VerifierSetup(directory=directory), processes=1) as pool,
    ):
        plain, signed = Path(folder) / "plain.mp4", Path(folder) / "signed.mp4"
        large_mp4(plain, size_mb)
        with plain.open("rb") as source, signed.open("w+b") as target:
            sign_stream(
                source, target, media_type="video/mp4", manifest=manifest(), signer=agency.signer()
            )
        plain.unlink()

        def sha() -> None:
            digest = hashlib.sha256()
            with signed.open("rb") as file:
                while chunk := file.read(1024 * 1024):
                    digest.update(chunk)

        mine, rivals = _race(lambda: _verify_all(pool, signed, 1), sha, rounds)
        peak_mb = _peak_of_workers_mb()
    names = (f"verify a {size_mb} MB video", "one SHA-256 pass over it", "<= 1.4")
    return _row(names, mine, rivals, f"peak resident {peak_mb:.0f} MB")


def _peak_of_workers_mb() -> float:
    """Most memory that any worker of this machine has had; the host is below each."""
    peaks = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"workers.host" in (process / "cmdline").read_bytes():
                status = (process / "status").read_text("ascii")
                peaks.append(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        except (OSError, IndexError):
            continue
    return max(peaks)


def triage(rounds: int) -> Row:
    """No credentials, fingerprint and search, against decoding the picture at full size."""
    _, directory = sample_agency()
    names = ("triage of an unsigned 12 MP JPEG, 1 M codes", "decoding it with Pillow", "< 1")
    return _row(names, *_race(*triage_race(directory), rounds, time.process_time))


def search(rounds: int, millions: int) -> Row:
    """All codes within 90 bits of the 8 of one picture, against a flat scan of faiss."""
    names = (f"search of {millions} M codes, radius 90", "faiss flat scan, one thread", "<= 1")
    return _row(names, *_race(*search_race(millions * 1_000_000), rounds, time.process_time))


def _print(rows: Sequence[Row]) -> None:
    print(f"{'what':44} {'against':42} {'goal':8} {'ratio':>6} {'spread':>13}  note")
    for row in rows:
        spread = f"{row.low:.2f}-{row.high:.2f}"
        print(
            f"{row.what:44} {row.against:42} {row.goal:8} {row.ratio:6.2f} {spread:>13}  {row.note}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the JSON twin if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--large-mb", type=int, default=2048, help="0 leaves the row out")
    parser.add_argument("--codes-m", type=int, default=10, help="millions; 1 leaves the row out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    some = max(3, options.rounds // 3)
    rows = [small_jpeg(options.rounds), unsigned_jpeg(options.rounds), *starts(options.rounds)]
    rows += [two_processes(some), pool_against_bare(some)]
    # Before the millions of codes: its peak of memory is this process's so far.
    if options.large_mb:
        rows.append(large_video(3, options.large_mb))
    rows += [triage(options.rounds), search(options.rounds, 1)]
    if options.codes_m > 1:
        rows.append(search(some, options.codes_m))
    _print(rows)
    if options.json:
        document: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(),
            "cores": os.cpu_count(),
            "rows": [asdict(row) for row in rows],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
