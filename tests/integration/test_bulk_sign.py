"""`provenance bulk sign` over folders of releases: local, in a store, killed, out of disk."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pebble import ProcessExpired

from provenance.bulk.engine import LocalEngine
from provenance.bulk.listing import open_source
from provenance.bulk.portable import job_of
from provenance.bulk.results import Results
from provenance.bulk.sign_job import SignTally, sign_source
from provenance.bulk.signing import SignWork
from provenance.runtime.sign_worker import SigningSetup
from provenance.runtime.signing_keys import KeySpec
from provenance.runtime.signing_workers import SigningWorkers, WorkersGoneError
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.command_line import COMMAND
from tests.factory.desk import authority_of, time_stamp_list, write_release
from tests.factory.office import PASSPHRASE, Office
from tests.factory.ray_cluster import running_cluster


def releases(office: Office, count: int, files: int) -> Path:
    """A folder of so many releases of so many pictures."""
    root = office.home / "catalogue"
    for number in range(count):
        folder = root / f"2026-{number:02}" / "NOVA9"
        folder.mkdir(parents=True, exist_ok=True)
        for picture in range(files):
            (folder / f"{picture:02}.jpg").write_bytes(media.jpeg(1 + 100 * number + picture))
        entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
        write_release(folder, [entry], release_id=f"NOVA9-2026-{number:02}")
    return root


def command(office: Office, source: Path | str, *options: str) -> list[str]:
    agency = office.home / "agency"
    return [
        *(*COMMAND, "bulk", "sign", str(source)),
        *("--out", str(office.home / "results"), "--to", str(office.out)),
        *("--key", str(agency / "leaf.key.pem")),
        *("--time-stamp-list", str(office.home / "tsa.pem")),
        *("--network-allow", office.desk.tsa.url.split("/")[2]),
        *office.common(),
        *options,
    ]


def local(office: Office, source: Path | str, *, jobs: int = 1) -> subprocess.CompletedProcess[str]:
    return office.run(*command(office, source, "--jobs", str(jobs)))


def rows_in(out: Path) -> list[dict[str, Any]]:
    parts = sorted(out.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text("utf-8").splitlines()]


def files_in(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["kind"] == "file" and row["error"] is None]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_whole(office: Office, source: Path) -> None:
    """Every file of the source is signed, official, has one row, and nothing else is there."""
    rows = files_in(rows_in(office.home / "results"))
    expected = sorted(str(path) for path in source.rglob("*.jpg"))
    assert sorted(row["path"] for row in rows) == expected
    outputs = sorted(office.out.rglob("*.jpg"))
    assert sorted(row["out"] for row in rows) == [str(path) for path in outputs]
    assert len(outputs) == len(expected)
    verifier = office.desk.verifier()
    for row in rows:
        assert row["sha256"] == sha256(Path(row["out"]))
        assert verifier.verify(row["out"]).verdict is Verdict.OFFICIAL
    assert not list(office.out.rglob(".*provenance-tmp"))


def test_every_release_is_signed_and_a_second_run_has_nothing_to_do(office: Office) -> None:
    source = releases(office, 3, 4)
    done = local(office, source, jobs=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 3 releases signed whole, 12 signed files\n")
    check_whole(office, source)
    rows = rows_in(office.home / "results")
    whole = [row for row in rows if row["kind"] == "release"]
    assert sorted(row["release"] for row in whole) == [f"NOVA9-2026-0{n}" for n in range(3)]
    # A release's row says that its files have theirs: it comes after them.
    for number, row in enumerate(rows):
        if row["kind"] == "release":
            before = [one for one in rows[:number] if one["release"] == row["release"]]
            assert len(before) == 4
    asked = len(office.desk.tsa.requests)
    again = local(office, source)
    assert again.returncode == 0
    assert again.stdout.endswith(": 0 releases signed whole, 3 releases signed before\n")
    assert len(rows_in(office.home / "results")) == len(rows)
    assert len(office.desk.tsa.requests) == asked


def test_one_release_manifest_is_a_source(office: Office) -> None:
    done = local(office, office.source / "release.yaml")
    assert done.returncode == 0, done.stderr
    assert "1 releases signed whole, 3 signed files" in done.stdout
    check_whole(office, office.source)


def test_every_file_that_is_in_the_way_of_a_release_is_in_its_row(office: Office) -> None:
    source = releases(office, 1, 1)
    folder = source / "2026-00" / "NOVA9"
    names = [f"{number:02}-{'behind-the-scenes-' * 4}.gif" for number in range(12)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(media.make("gif", number) + b"from DESKTOP")
    entry = {"glob": "*.[jg]*", "digital_source_type": "digitalCapture"}
    write_release(folder, [entry], release_id="NOVA9-2026-00")
    assert local(office, source).returncode == 1
    (row,) = rows_in(office.home / "results")
    for name in names:
        assert f"{name} (image/gif): private metadata that cannot be taken out: tr" in row["error"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(media.make("gif", number))
    done = local(office, source)
    assert (done.returncode, "13 signed files" in done.stdout) == (0, True)


def test_what_is_wrong_with_one_release_is_about_that_release(office: Office) -> None:
    source = releases(office, 4, 2)
    (source / "2026-01" / "NOVA9" / "00.jpg").write_bytes(b"no picture")
    (source / "2026-02" / "NOVA9" / "release.json").write_text("{}", "utf-8")
    strange = source / "2026-03" / "NOVA9"
    strange_entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
    write_release(strange, [strange_entry], agency="somebody-else")
    done = local(office, source)
    assert done.returncode == 1, done.stderr
    assert "1 releases signed whole, 2 signed files, 3 releases not whole" in done.stdout
    errors = {row["path"]: row["error"] for row in rows_in(office.home / "results") if row["error"]}
    assert any("expected a type that can be signed" in why for why in errors.values())
    assert any("expected one release manifest, got release.json and" in w for w in errors.values())
    assert any("of aurora-entertainment, got one of somebody-else" in w for w in errors.values())
    # Put right, they are signed, and the first is left alone.
    (source / "2026-01" / "NOVA9" / "00.jpg").write_bytes(media.jpeg(9))
    (source / "2026-02" / "NOVA9" / "release.json").unlink()
    write_release(strange, [strange_entry], release_id="NOVA9-2026-03")
    again = local(office, source)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "3 releases signed whole, 6 signed files, 1 releases signed before" in again.stdout
    check_whole(office, source)


@pytest.mark.parametrize("after", [2, 9])
def test_killed_and_gone_on_with_every_file_is_signed_once(office: Office, after: int) -> None:
    source = releases(office, 4, 6)
    with subprocess.Popen(
        command(office, source, "--jobs", "2", "--shard", "1"),
        env=office.environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as job:
        deadline = time.monotonic() + 120
        while len(list(office.out.rglob("*.jpg"))) < after and time.monotonic() < deadline:
            time.sleep(0.01)
        # The whole session: a power cut spares no worker.
        os.killpg(job.pid, signal.SIGKILL)
    before = {path: sha256(path) for path in office.out.rglob("*.jpg")}
    assert after <= len(before) < 24
    done = local(office, source)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(office, source)
    # What had its name kept its bytes: nothing was signed twice.
    assert {path: sha256(path) for path in before} == before


def test_workers_that_are_killed_lose_no_file(office: Office) -> None:
    """Those that sign, whatever they are doing; as the kernel does where memory runs out."""
    source = releases(office, 3, 8)
    with subprocess.Popen(
        command(office, source, "--jobs", "2"), env=office.environment(), stdout=subprocess.PIPE
    ) as job:
        killed = 0
        deadline = time.monotonic() + 120
        while job.poll() is None and killed < 3 and time.monotonic() < deadline:
            if len(list(office.out.rglob("*.jpg"))) >= 4 * killed:
                killed += _kill_one_worker(job.pid)
            time.sleep(0.05)
        job.wait(240)
    assert killed == 3
    # A file alone in its group is failed with its worker, and signed in the next run.
    done = local(office, source)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(office, source)


def test_a_worker_that_is_killed_at_the_pipe_holds_the_others_up_for_seconds(
    office: Office,
) -> None:
    with SigningWorkers(setup_of(office), 1) as workers:
        assert workers.finish(workers.begin([])) == []
        pool: Any = workers._pool
        # Whoever holds it is dead, and never gives it back.
        pool._pool_manager.worker_manager.workers_channel.mutex.reader_mutex.acquire()
        begin = time.monotonic()
        with pytest.raises((WorkersGoneError, ProcessExpired)):
            workers.finish(workers.begin([]))
        assert time.monotonic() - begin < 20
        assert workers.finish(workers.begin([])) == []


def _kill_one_worker(parent: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    for task in Path(f"/proc/{parent}/task").iterdir():
        children += (task / "children").read_text("ascii").split()
    for child in children:
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in line:
                os.kill(int(child), signal.SIGKILL)
                return 1
        except (OSError, ProcessLookupError):
            continue
    return 0


def test_a_full_disk_leaves_no_half_file(office: Office, small_disk: Path) -> None:
    source = releases(office, 2, 6)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(900_000))
    full = command(office, source, "--jobs", "2", "--to", str(small_disk))
    failed = office.run(*full)
    assert failed.returncode == 1, failed.stderr
    made = list(small_disk.rglob("*.jpg"))
    assert len(made) < 12
    verifier = office.desk.verifier()
    assert {verifier.verify(path).verdict for path in made} <= {Verdict.OFFICIAL}
    assert not list(small_disk.rglob(".*provenance-tmp"))
    filler.unlink()
    again = office.run(*full)
    assert again.returncode == 0, again.stdout + again.stderr
    rows = files_in(rows_in(office.home / "results"))
    assert Counter(row["path"] for row in rows) == {str(path): 1 for path in source.rglob("*.jpg")}
    for row in rows:
        assert row["sha256"] == sha256(Path(row["out"]))


def test_a_time_stamp_is_asked_for_here_too(office: Office) -> None:
    whole = command(office, office.source)
    without = [part for part in whole if part not in ("--tsa", office.desk.tsa.url)]
    refused = office.run(*without)
    assert (refused.returncode, "expected a time-stamp authority" in refused.stderr) == (2, True)
    assert not office.out.exists()


def test_without_an_authority_the_job_stops_instead_of_failing_each_release(
    office: Office,
) -> None:
    source = releases(office, 5, 4)
    office.desk.tsa.http_status = 500
    stopped = local(office, source)
    assert stopped.returncode == 1
    assert "stopped: no time-stamps to be had" in stopped.stderr
    assert not list(office.out.rglob("*.jpg"))
    office.desk.tsa.http_status = 200
    assert local(office, source).returncode == 0
    check_whole(office, source)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("leaf.key.pem", "every node of the cluster would need the private key"),
        ("pkcs11:token=a;object=key?module-path=/none.so", "expected pin-source=FILE in the key"),
    ],
)
def test_a_key_is_not_sent_to_a_cluster(office: Office, key: str, message: str) -> None:
    if not key.startswith("pkcs11:"):
        key = str(office.home / "agency" / key)
    refused = office.run(*command(office, office.source, "--ray", "127.0.0.9:1", "--key", key))
    assert refused.returncode == 2
    assert message in refused.stderr
    assert PASSPHRASE not in refused.stderr
    assert not office.out.exists()


def test_a_key_that_stays_where_it_is_signs_on_a_cluster_that_loses_a_node(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two raylets on this machine; every node can import the function that reaches the key."""
    source = releases(office, 6, 3)
    office.service_key("pass")
    monkeypatch.setenv("PYTHONPATH", office.environment()["PYTHONPATH"])
    with running_cluster(1, 1) as cluster:
        sign = command(office, source, "--ray", cluster.address, *office.with_service_key())
        with subprocess.Popen(sign, env=office.environment(), stdout=subprocess.PIPE) as job:
            deadline = time.monotonic() + 180
            while not list(office.out.rglob("*.jpg")) and time.monotonic() < deadline:
                time.sleep(0.05)
            cluster.kill_node()
            said, _ = job.communicate(timeout=240)
    assert job.returncode == 0, said
    assert b": 6 releases signed whole" in said
    check_whole(office, source)


@pytest.fixture
def bucket() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


def setup_of(office: Office) -> SigningSetup:
    agency = office.home / "agency"
    return SigningSetup(
        agency="aurora-entertainment",
        directory=agency / "directory.json",
        claim=KeySpec(
            key=str(agency / "leaf.key.pem"),
            certificate=agency / "chain.pem",
            passphrase=PASSPHRASE.encode(),
        ),
        authorities=(authority_of(office.desk.tsa.url),),
        time_stamp_lists=(time_stamp_list(office.desk.tsa.root),),
    )


def sign_here(
    office: Office, source: str, target: str, *, results: str = "results", **options: Any
) -> SignTally:
    place = open_source(source)
    work = SignWork(
        agency="aurora-entertainment",
        target=target,
        scratch=office.home / "scratch",
        max_asset_bytes=10_000_000,
        **options,
    )
    job = job_of(VerifierSetup(), place.name, kind="sign")
    with (
        SigningWorkers(setup_of(office), 1) as workers,
        Results(office.home / results, job, parquet=False) as kept,
    ):
        return sign_source(place, None, LocalEngine(workers, work), kept)


def upload(office: Office, store: Any, count: int, files: int) -> None:
    root = releases(office, count, files)
    for path in root.rglob("*.*"):
        store.pipe(f"/archive/{path.relative_to(root)}", path.read_bytes())


def stored(store: Any) -> dict[str, bytes]:
    return {
        path: store.cat_file(path) for path in store.find("/signed") if not path.endswith("jsonl")
    }


def test_from_a_store_into_a_store(office: Office, bucket: Any) -> None:
    upload(office, bucket, 2, 3)
    tally = sign_here(office, "memory://archive", "memory://signed", sidecar=True)
    assert (tally.releases, tally.errors, tally.outcomes) == (2, 0, {"signed": 6})
    files = stored(bucket)
    assert len(files) == 12
    verifier = office.desk.verifier()
    for row in files_in(rows_in(office.home / "results")):
        data = files[row["out"].removeprefix("memory:/")]
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        beside = files[row["out"].removeprefix("memory:/") + ".c2pa"]
        (office.home / "copy.c2pa").write_bytes(beside)
        report = verifier.verify(data, sidecar=office.home / "copy.c2pa")
        assert report.verdict is Verdict.OFFICIAL
    # Nothing stays here once it is there.
    assert not list((office.home / "scratch").iterdir())


def test_what_is_in_the_store_is_kept_where_this_machine_has_lost_everything(
    office: Office, bucket: Any
) -> None:
    """A node died when some of its files were there; the next one has its journal from there."""
    upload(office, bucket, 1, 4)
    assert sign_here(office, "memory://archive", "memory://signed").errors == 0
    before = stored(bucket)
    lost = sorted(before)[2]
    bucket.rm(lost)
    left = f"{lost.rpartition('/')[0]}/.0123.provenance-tmp"
    bucket.pipe(left, b"half of it")
    tally = sign_here(office, "memory://archive", "memory://signed", results="again")
    assert tally.outcomes == {"kept": 3, "signed": 1}
    after = stored(bucket)
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == [lost]
    assert office.desk.verifier().verify(after[lost]).verdict is Verdict.OFFICIAL
    rows = files_in(rows_in(office.home / "again"))
    assert {row["sha256"] for row in rows} == {
        hashlib.sha256(data).hexdigest() for data in after.values()
    }


def test_somebody_elses_file_in_the_store_is_not_overwritten(office: Office, bucket: Any) -> None:
    upload(office, bucket, 1, 2)
    theirs = "/signed/2026-00/NOVA9/01.jpg"
    bucket.pipe(theirs, b"mine")
    tally = sign_here(office, "memory://archive", "memory://signed")
    assert (tally.releases, tally.errors, tally.failed) == (0, 1, 1)
    assert bucket.cat_file(theirs) == b"mine"
    (row,) = [r for r in rows_in(office.home / "results") if r["kind"] == "file" and r["error"]]
    assert "exists already, and is not what this plan makes" in row["error"]
    bucket.rm(theirs)
    tally = sign_here(office, "memory://archive", "memory://signed")
    assert (tally.releases, tally.outcomes) == (1, {"kept": 1, "signed": 1})


def test_what_is_fetched_of_a_release_that_cannot_be_signed_does_not_stay(
    office: Office, bucket: Any
) -> None:
    """Of each of them a copy lay here until the disk was full."""
    upload(office, bucket, 2, 2)
    bucket.pipe("/archive/2026-00/NOVA9/00.jpg", b"no picture")
    tally = sign_here(office, "memory://archive", "memory://signed")
    assert (tally.releases, tally.errors) == (1, 1)
    assert not list((office.home / "scratch").iterdir())


def test_what_else_is_where_signed_files_go_is_not_fetched(office: Office, bucket: Any) -> None:
    """All of a bucket was, where a release goes to its top."""
    folder = releases(office, 1, 2) / "2026-00" / "NOVA9"
    # In a store, one may have a name that is a folder of another's.
    bucket.pipe("/signed/others/film.mp4", b"below a file")
    bucket.pipe("/signed/others", b"a file")
    tally = sign_here(office, str(folder), "memory://signed")
    assert (tally.releases, tally.errors, tally.outcomes) == (1, 0, {"signed": 2})
    again = sign_here(office, str(folder), "memory://signed", results="again")
    assert again.outcomes == {"kept": 2}
    assert bucket.cat_file("/signed/others/film.mp4") == b"below a file"


def test_a_trial_without_time_stamps_is_not_gone_on_with_as_a_job(office: Office) -> None:
    source = releases(office, 1, 2)
    whole = command(office, source)
    trial = [part for part in whole if part not in ("--tsa", office.desk.tsa.url)]
    assert office.run(*trial, "--unsafe-no-timestamp").returncode == 0
    refused = office.run(*whole)
    assert refused.returncode == 2
    assert "another job, which differs in unsafe_no_timestamp" in refused.stderr
    assert office.run(*trial, "--unsafe-no-timestamp").returncode == 0


def test_a_target_whose_name_is_no_text(office: Office) -> None:
    source = releases(office, 1, 2)
    target = os.fsdecode(os.fsencode(office.home) + b"/\xff")
    done = office.run(*command(office, source, "--to", target))
    assert done.returncode == 0, done.stderr
    rows = rows_in(office.home / "results")
    assert [row["out"] for row in rows] == [
        f"file://{office.home}/%FF/2026-00/NOVA9{name}" for name in ("/00.jpg", "/01.jpg", "")
    ]
