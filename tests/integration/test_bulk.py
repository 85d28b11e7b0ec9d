"""`provenance bulk verify` over whole archives: local, killed and resumed, in a store, on Ray."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest

from provenance.bulk.engine import LocalEngine
from provenance.bulk.job import Tally, verify_source
from provenance.bulk.listing import open_source
from provenance.bulk.portable import job_of
from provenance.bulk.results import Results
from provenance.bulk.work import VerifyWork
from provenance.runtime.verification_pool import VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from tests.factory import media
from tests.factory.archive import Archive, make_archive
from tests.factory.command_line import COMMAND, run_here
from tests.factory.sign import sidecar
from tests.factory.surgery import flip_in_media

FILES = 500
_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Files that nobody changes."""
    return make_archive(tmp_path_factory.mktemp("archive") / "files", FILES)


@pytest.fixture
def small(tmp_path: Path) -> Archive:
    """Twelve files of a test's own."""
    return make_archive(tmp_path / "files", 12)


@pytest.fixture(scope="module")
def pool(archive: Archive) -> Iterator[VerificationPool]:
    with VerificationPool(VerifierSetup(directory=archive.directory), processes=2) as pool:
        yield pool


def command(archive: Archive, out: Path, *options: str) -> list[str]:
    return [
        *COMMAND, "bulk", "verify", str(archive.folder),
        "--out", str(out), "--directory", str(archive.directory_file), *options,
    ]  # fmt: skip


def run(archive: Archive, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    line = command(archive, out, *options)
    if "--ray" not in options:
        return run_here(*line, environment=os.environ)
    # The cluster's client is one for each process.
    return subprocess.run(line, capture_output=True, text=True, check=False)


def rows_in(out: Path) -> list[dict[str, Any]]:
    parts = sorted(out.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text("utf-8").splitlines()]


def names_of(archive: Archive) -> list[str]:
    return sorted(str(path) for path in archive.folder.rglob("*") if not path.is_dir())


def verify_here(
    source: str, out: Path, pool: VerificationPool, archive: Archive, *, batch_files: int = 5
) -> Tally:
    place = open_source(source)
    job = job_of(VerifierSetup(directory=archive.directory), place.name, at=None)
    with Results(out, job, parquet=False) as results:
        engine = LocalEngine(pool, VerifyWork(max_asset_bytes=10_000_000))
        return verify_source(place, engine, results, batch_files=batch_files)


def test_every_file_has_one_row_and_a_second_run_has_nothing_to_do(
    archive: Archive, tmp_path: Path
) -> None:
    done = run(archive, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out'}: {FILES} files, {FILES} official\n"
    rows = rows_in(tmp_path / "out")
    assert sorted(row["path"] for row in rows) == names_of(archive)
    for row in rows:
        assert (row["verdict"], row["signer_kind"]) == ("official", "agency")
        assert row["agency"] == "aurora-entertainment"
        assert row["report"]["asset"]["sha256"] == row["sha256"]
    again = run(archive, tmp_path / "out")
    assert again.stdout == f"{tmp_path / 'out'}: 0 files, {FILES} answered before\n"
    assert len(rows_in(tmp_path / "out")) == FILES


def test_killed_at_any_instant_it_goes_on(tmp_path: Path) -> None:
    files = 200
    archive = make_archive(tmp_path / "files", files)
    out = tmp_path / "out"
    with subprocess.Popen(command(archive, out, "--shard", "10", "--batch", "5")) as job:
        deadline = time.monotonic() + 120
        while len(list(out.glob("part-*.jsonl"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        job.send_signal(signal.SIGKILL)
    before = rows_in(out)
    assert 30 <= len(before) < files
    done = run(archive, out)
    assert done.returncode == 0, done.stderr
    left = files - len(before)
    kept = f"{left} files, {left} official, {len(before)} answered"
    assert kept in done.stdout
    assert sorted(row["path"] for row in rows_in(out)) == names_of(archive)


def test_one_bad_file_is_about_that_file(small: Archive, tmp_path: Path) -> None:
    folder = small.folder / "0000"
    (folder / "broken.jpg").symlink_to("nowhere")
    (folder / "empty.jpg").write_bytes(b"")
    changed = folder / "000000.jpeg"
    changed.write_bytes(flip_in_media(changed.read_bytes(), "image/jpeg"))
    out = tmp_path / "out"
    done = run(small, out)
    assert done.returncode == 4
    assert done.stdout.endswith(
        "14 files, 1 altered, 11 official, 1 undetermined, 1 without an answer\n"
    )
    told = {Path(row["path"]).name: row for row in rows_in(out)}
    assert told["000000.jpeg"]["reason"] == "content-mismatch"
    assert told["empty.jpg"]["reason"] == "empty-file"
    assert told["broken.jpg"]["verdict"] is None
    assert "no such file" in told["broken.jpg"]["error"].lower()
    # Without an answer it is tried again, and a file that has changed is too.
    (folder / "broken.jpg").unlink()
    shutil.copy(folder / "000001.png", folder / "broken.jpg")
    os.utime(folder / "000002.mp3")
    again = run(small, out)
    assert again.returncode == 0
    assert again.stdout.endswith(": 2 files, 2 official, 12 answered before\n")


def test_a_folder_that_another_directory_judged_is_refused(small: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(small, out).returncode == 0
    small.directory_file.write_bytes(small.directory_file.read_bytes() + b"\n")
    done = run(small, out)
    assert done.returncode == 2
    assert "another job, which differs in directory_sha256" in done.stderr


def test_a_store_is_verified_like_a_folder(
    archive: Archive, pool: VerificationPool, agency_signer: Any, tmp_path: Path
) -> None:
    store = fsspec.filesystem("memory")
    try:
        for path in sorted(archive.folder.rglob("*.*"))[:20]:
            store.pipe(f"/bucket/{path.name}", path.read_bytes())
        store.pipe("/bucket/plain.jpg", media.jpeg(3))
        beside = sidecar(media.jpeg(3), "image/jpeg", signer=agency_signer)
        store.pipe("/bucket/plain.jpg.c2pa", beside)
        store.pipe("/bucket/big.bin", bytes(10_000_001))
        tally = verify_here("memory://bucket", tmp_path / "out", pool, archive)
        assert (tally.done, tally.errors) == (22, 1)
        told = {row["path"].rpartition("/")[2]: row for row in rows_in(tmp_path / "out")}
        assert Counter(row["verdict"] for row in told.values())["official"] == 20
        # Signed by another agency: what counts here is that the sidecar was read.
        assert told["plain.jpg"]["signer_kind"] == "unrecognised"
        assert "more than 10000000 bytes" in told["big.bin"]["error"]
        again = verify_here("memory://bucket", tmp_path / "out", pool, archive)
        assert (again.kept, again.done) == (21, 1)
    finally:
        store.store.clear()


def test_the_listing_is_not_read_far_ahead(archive: Archive, pool: VerificationPool) -> None:
    """What is held does not grow with the archive: batches are cut as there is room."""
    cut, most = 0, 0
    engine = LocalEngine(pool, VerifyWork(max_asset_bytes=10_000_000))
    files = [f for f in open_source(str(archive.folder)).walk() if hasattr(f, "key")]

    def batches() -> Iterator[Any]:
        nonlocal cut
        for number in range(0, 100, 5):
            cut += 1
            yield tuple(files[number : number + 5])

    for given, _ in enumerate(engine.run(batches())):
        most = max(most, cut - given)
    assert cut == 20
    assert most <= 2 + 1


def test_an_interrupt_does_not_wait_for_files_that_are_slow(
    archive: Archive, tmp_path: Path
) -> None:
    """Batches of large or hostile files held whoever had stopped the job for many minutes."""
    out = tmp_path / "out"
    with subprocess.Popen(
        command(archive, out, "--shard", "10", "--batch", "5", "--jobs", "2"),
        stderr=subprocess.PIPE,
        text=True,
    ) as job:
        deadline = time.monotonic() + 120
        while len(list(out.glob("part-*.jsonl"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        (host,) = _children(job.pid)
        workers = _children(host)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.5)
        begin = time.monotonic()
        job.send_signal(signal.SIGINT)
        _, error = job.communicate(timeout=300)
        took = time.monotonic() - begin
    assert (job.returncode, error) == (130, "")
    assert took < 20
    assert not any(Path(f"/proc/{pid}").exists() for pid in (host, *workers))
    before = len(rows_in(out))
    assert run(archive, out).returncode == 0
    assert sorted(row["path"] for row in rows_in(out)) == names_of(archive)
    assert before >= 30


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in told.split()]


@pytest.mark.parametrize("name", [b"2026::march", b"\xff"])
def test_a_folder_of_any_name_is_verified(small: Archive, tmp_path: Path, name: bytes) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/files/" + name))
    (small.folder / "0000").rename(folder)
    inside = [path for path in folder.iterdir() if path.is_file()]
    for source, out in ((small.folder, "whole"), (folder, "part")):
        one = replace(small, folder=source)
        done = run(one, tmp_path / out)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f": {len(inside)} files, {len(inside)} official\n")
        # The second time, it is the same job.
        assert run(one, tmp_path / out).stdout.endswith(
            f": 0 files, {len(inside)} answered before\n"
        )


def test_results_in_the_source_are_not_verified(small: Archive) -> None:
    out = small.folder / "results"
    assert run(small, out).stdout.endswith(": 12 files, 12 official\n")
    assert run(small, out).stdout.endswith(": 0 files, 12 answered before\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ray", "127.0.0.9:1", "--jobs", "2"], "--jobs is for this machine"),
        (["--ray", "127.0.0.9:1"], "--ray 127.0.0.9:1: expected HOST:PORT of a cluster's head"),
        (["--ray", "somewhere"], "--ray somewhere: expected HOST:PORT of a cluster's head"),
        (["--network-allow", "x:1"], "--network-allow goes with --fetch"),
    ],
)
def test_options_that_cannot_be_followed(
    options: list[str], message: str, small: Archive, tmp_path: Path
) -> None:
    done = run(small, tmp_path / "out", *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_cluster_loses_a_node_and_every_file_is_reported_once() -> None:
    """Two raylets on this machine; the full size is `python -m tests.soak.bulk`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.soak.bulk",
            "--what",
            "verify",
            "--files",
            "300",
            "--batch",
            "10",
        ],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == told["distinct"] == 300
    assert 150 <= told["killed_at"] < 300
