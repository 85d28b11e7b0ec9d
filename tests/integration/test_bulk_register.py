"""`provenance bulk register` over archives: both databases, killed, out of disk, in a store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from PIL import Image

from provenance.bulk.engine import LocalEngine
from provenance.bulk.job import Tally, run_job
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
from provenance.errors import ConfigurationError, RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.fsck import check_register
from provenance.registry.register.register import Register
from provenance.runtime.register_search import SearchedRegister
from provenance.runtime.verification_pool import VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency_folder import load_dev_signer
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier
from tests.factory import media
from tests.factory.command_line import COMMAND, run_here
from tests.factory.registers import new_database
from tests.factory.signed_archive import PASSPHRASE, SignedArchive, make_signed_archive

FILES = 60
AGENCY = "aurora-entertainment"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> SignedArchive:
    """Sixty pictures in three releases, which nobody changes."""
    return make_signed_archive(tmp_path_factory.mktemp("archive"), FILES, a_release=20)


@pytest.fixture
def small(archive: SignedArchive, tmp_path: Path) -> SignedArchive:
    """Six of them, of a test's own."""
    folder = tmp_path / "files" / "NOVA9-000"
    folder.mkdir(parents=True)
    for path in sorted((archive.folder / "NOVA9-000").iterdir())[:6]:
        shutil.copy2(path, folder)
    return SignedArchive(folder=folder.parent, agency=archive.agency)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a register."""
    if request.param == "sqlite":
        return str(tmp_path / "register.db")
    server: str = request.getfixturevalue("postgresql")
    return new_database(server, f"bulk-{time.monotonic_ns()}")


def command(archive: SignedArchive, out: Path, place: str, *options: str) -> list[str]:
    # Each process loads the engine anew: a few files want one.
    jobs = "1" if len(list(archive.folder.rglob("*.jpg"))) < FILES else "2"
    return [
        *(*COMMAND, "bulk", "register", str(archive.folder)),
        *("--out", str(out), "--register", place, "--release", "{folder}"),
        *("--jobs", jobs),
        *archive.key_options,
        *options,
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "PROVENANCE_KEY_PASSPHRASE": PASSPHRASE}


def run(
    archive: SignedArchive, out: Path, place: str, *options: str
) -> subprocess.CompletedProcess[str]:
    line = command(archive, out, place, *options)
    if "--ray" not in options:
        return run_here(*line, environment=environment())
    # The cluster's client is one for each process.
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment())


def rows_in(out: Path) -> list[dict[str, Any]]:
    parts = sorted(out.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text("utf-8").splitlines()]


def check_whole(archive: SignedArchive, out: Path, place: str) -> None:
    """Every file has one row and stands in the register once, whole."""
    rows = rows_in(out)
    paths = sorted(str(path) for path in archive.folder.rglob("*.jpg"))
    assert sorted(row["path"] for row in rows) == paths
    with Register(place, agencies=AgencyChecker(archive.directory)) as register:
        view = register.view(clock=now)
        for row in rows:
            (file,) = view.files(row["sha256"], at=now())
            assert (file.release.agency, file.release.release) == (AGENCY, row["release"])
            assert row["release"] == Path(row["path"]).parent.name
        assert check_register(register.database, agencies=AgencyChecker(None)).findings == ()


def test_every_file_is_registered_once_and_a_second_run_has_nothing_to_do(
    archive: SignedArchive, tmp_path: Path, place: str
) -> None:
    out = tmp_path / "out"
    done = run(archive, out, place)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: {FILES} files, {FILES} registered\n"
    check_whole(archive, out, place)
    row = rows_in(out)[0]
    assert (row["state"], row["verdict"], row["agency"]) == ("registered", "official", AGENCY)
    assert row["change"] > 0
    assert row["refusal"] is row["not_made"] is row["error"] is None
    again = run(archive, out, place)
    assert again.stdout == f"{out}: 0 files, {FILES} answered before\n"
    # Another folder of results knows nothing: the register does.
    other = run(archive, tmp_path / "other", place)
    assert other.returncode == 0
    assert other.stdout == f"{tmp_path / 'other'}: {FILES} files, {FILES} known\n"
    check_whole(archive, tmp_path / "other", place)


def test_what_is_registered_is_found_by_what_it_looks_like(
    small: SignedArchive, tmp_path: Path
) -> None:
    """What the workers read came whole through to the register: codes, picture, manifest."""
    place = str(tmp_path / "register.db")
    assert run(small, tmp_path / "out", place).returncode == 0
    original = small.folder / "NOVA9-000" / "000003.jpg"
    bare = tmp_path / "bare.jpg"
    with Image.open(original) as picture:
        picture.save(bare, quality=80)
    with SearchedRegister.open(place) as register:
        verifier = Verifier(directory=small.directory, register=register.view, clock=now)
        report = verifier.verify(bare)
        assert report.verdict is Verdict.LOOKALIKE
        assert report.resemblance[0].release == "NOVA9-000"
        label = verifier.verify(original).manifest
        assert label is not None
        assert register.view.manifests(label.label, at=now())


@pytest.mark.parametrize("after", [16, 40])
def test_killed_and_gone_on_with_every_file_is_there_once(
    archive: SignedArchive, tmp_path: Path, after: int, place: str
) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        command(archive, out, place, "--shard", "5", "--batch", "4"),
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    ) as job:
        deadline = time.monotonic() + 120
        while len(rows_in(out)) < after and time.monotonic() < deadline:
            time.sleep(0.01)
        # The whole session: a power cut spares no worker.
        os.killpg(job.pid, signal.SIGKILL)
    done = run(archive, out, place)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(archive, out, place)


def test_what_may_not_be_registered_says_why(small: SignedArchive, tmp_path: Path) -> None:
    place = str(tmp_path / "register.db")
    folder = small.folder / "NOVA9-000"
    (folder / "bare.jpg").write_bytes(media.jpeg(7))
    (folder / "copy.jpg").write_bytes((folder / "000000.jpg").read_bytes())
    (folder / "gone.jpg").symlink_to("nowhere")
    (small.folder / "loose.jpg").write_bytes((folder / "000001.jpg").read_bytes())
    spaced = small.folder / "two words"
    spaced.mkdir()
    (spaced / "a.jpg").write_bytes((folder / "000002.jpg").read_bytes())
    out = tmp_path / "out"
    done = run(small, out, place)
    assert done.returncode == 4
    assert done.stdout.endswith(
        ": 11 files, 1 known, 3 refused, 6 registered, 1 without an answer\n"
    )
    told = {Path(row["path"]).name: row for row in rows_in(out)}
    assert "expected an official release, got unverified" in told["bare.jpg"]["refusal"]
    assert "lies in no folder that could name" in told["loose.jpg"]["refusal"]
    assert "expected letters, digits" in told["a.jpg"]["refusal"]
    assert "no such file" in told["gone.jpg"]["error"].lower()
    # The same bytes twice are one file: whichever came first is stated.
    states = {told[name]["state"] for name in ("copy.jpg", "000000.jpg")}
    assert states == {"known", "registered"}
    (folder / "gone.jpg").unlink()
    again = run(small, out, place)
    assert again.returncode == 0
    assert again.stdout.endswith(": 0 files, 10 answered before\n")


def test_a_release_that_was_withdrawn_gets_no_more_files(
    small: SignedArchive, tmp_path: Path
) -> None:
    place = str(tmp_path / "register.db")
    kept = tmp_path / "kept.jpg"
    (small.folder / "NOVA9-000" / "000005.jpg").rename(kept)
    assert run(small, tmp_path / "out", place).returncode == 0
    options = ["--reason", "rights", "--register", place, *small.key_options]
    withdraw = (*COMMAND, "register", "withdraw", f"{AGENCY}/NOVA9-000", *options)
    withdrawn = run_here(*withdraw, environment=environment())
    assert withdrawn.returncode == 0, withdrawn.stderr
    kept.rename(small.folder / "NOVA9-000" / "000005.jpg")
    done = run(small, tmp_path / "out", place)
    assert done.returncode == 1
    (row,) = [row for row in rows_in(tmp_path / "out") if row["state"] == "refused"]
    assert row["refusal"] == f"{AGENCY}/NOVA9-000 is withdrawn, which is final"


def test_a_key_that_is_no_agencys_is_refused_before_anything_is_read(
    small: SignedArchive, tmp_path: Path
) -> None:
    other = make_signed_archive(tmp_path / "other", 0)
    options = ["--directory", str(small.agency / "directory.json")]
    place = str(tmp_path / "register.db")
    refused = run(
        SignedArchive(folder=small.folder, agency=other.agency), tmp_path / "out", place, *options
    )
    assert refused.returncode == 2
    assert "expected one that an agency of the directory has now" in refused.stderr
    assert not (tmp_path / "out").exists()
    assert run(small, tmp_path / "out", place).returncode == 0


@pytest.mark.parametrize(
    "option",
    [("--embargo-until", "2036-01-01T00:00:00Z"), ("--channel", "https://aurora.example/")],
)
def test_a_release_is_not_gone_on_with_otherwise(
    small: SignedArchive, tmp_path: Path, option: tuple[str, str]
) -> None:
    """Without its embargo, the second half of it was there for everybody."""
    out, place = tmp_path / "out", str(tmp_path / "register.db")
    first = next((small.folder / "NOVA9-000").iterdir())
    kept = first.read_bytes()
    first.unlink()
    assert run(small, out, place, *option).returncode == 0
    first.write_bytes(kept)
    refused = run(small, out, place)
    assert refused.returncode == 2
    name = "channels" if option[0] == "--channel" else "embargo_until"
    assert f"another job, which differs in {name}" in refused.stderr
    assert run(small, out, place, *option).stdout.endswith(
        ": 1 files, 1 registered, 5 answered before\n"
    )


def test_a_register_whose_path_is_no_text(small: SignedArchive, tmp_path: Path) -> None:
    place = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")
    for said in (": 6 files, 6 registered\n", ": 0 files, 6 answered before\n"):
        done = run(small, tmp_path / "out", place)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(said)


def test_a_full_disk_leaves_the_register_whole(
    archive: SignedArchive, tmp_path: Path, small_disk: Path
) -> None:
    """Sixty pictures with their codes and features need more than a megabyte."""
    out, place = tmp_path / "out", str(small_disk / "register.db")
    full = run(archive, out, place, "--batch", "4")
    assert full.returncode == 2, full.stdout
    assert "cannot be used" in full.stderr or "full" in full.stderr
    with Register(place, read_only=True) as register:
        assert check_register(register.database, agencies=AgencyChecker(None)).findings == ()
    # What has a row is in the register.
    registered = {row["sha256"] for row in rows_in(out)}
    with Register(place, read_only=True) as register:
        view = register.view(clock=now)
        assert all(len(view.files(sha256, at=now())) == 1 for sha256 in registered)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    done = run(archive, out, place)
    assert done.returncode == 0, done.stderr
    check_whole(archive, out, place)


class _Here:
    """A job in this process, with what a test wants to look at."""

    def __init__(self, archive: SignedArchive, place: str) -> None:
        self.archive = archive
        self.setup = VerifierSetup(directory=archive.directory, reads=True)
        self.register = Register(place, agencies=AgencyChecker(archive.directory))
        signer = load_dev_signer(archive.agency, PASSPHRASE.encode())
        self.desk = RegisterDesk(
            self.register,
            signer,
            authority_of(signer, archive.directory, at=now()),
            release_namer("NOVA9-2026"),
            clock=now,
        )

    def run(
        self,
        pool: VerificationPool,
        source: str,
        out: Path,
        *,
        on_progress: Callable[[Tally], None] = lambda _tally: None,
    ) -> Tally:
        files = open_source(source)
        engine = LocalEngine(pool, ReadWork(max_asset_bytes=10_000_000))
        with Results(out, job_of(VerifierSetup(), files.name), parquet=False) as results:
            return run_job(
                files,
                engine,
                results,
                self.desk,
                not_listed=not_listed_row(now),
                batch_files=5,
                on_progress=on_progress,
            )


@pytest.fixture
def here(archive: SignedArchive, tmp_path: Path) -> Iterator[_Here]:
    made = _Here(archive, str(tmp_path / "register.db"))
    with made.register:
        yield made


def test_workers_that_are_killed_lose_no_file(here: _Here, tmp_path: Path) -> None:
    """Between files it costs nothing; in one it is that file's error, tried again."""
    killed: list[int] = []
    with VerificationPool(here.setup, processes=2) as pool:

        def kill(_tally: Tally) -> None:
            pids = pool.worker_pids()
            if len(killed) < 4 and pids:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        source = str(here.archive.folder)
        tally = here.run(pool, source, tmp_path / "out", on_progress=kill)
        assert len(killed) == 4
        assert tally.done == FILES
        again = here.run(pool, source, tmp_path / "out")
    assert again.errors == 0
    rows = [row for row in rows_in(tmp_path / "out") if row["state"] == "registered"]
    crashed = [row for row in rows_in(tmp_path / "out") if row["state"] == "refused"]
    # A worker that dies while it verifies makes the file undetermined.
    assert all("undetermined" in row["refusal"] for row in crashed)
    assert len({row["path"] for row in rows}) == len(rows) == FILES - len(crashed)
    assert len(crashed) <= 4


def test_a_store_is_registered_like_a_folder(here: _Here, tmp_path: Path) -> None:
    store = fsspec.filesystem("memory")
    try:
        for path in sorted(here.archive.folder.rglob("*.jpg"))[:12]:
            store.pipe(f"/bucket/{path.name}", path.read_bytes())
        store.pipe("/bucket/big.bin", bytes(10_000_001))
        with VerificationPool(here.setup, processes=2) as pool:
            tally = here.run(pool, "memory://bucket", tmp_path / "out")
        assert (tally.outcomes, tally.errors) == (Counter(registered=12), 1)
        told = {row["path"].rpartition("/")[2]: row for row in rows_in(tmp_path / "out")}
        assert "more than 10000000 bytes" in told["big.bin"]["error"]
    finally:
        store.store.clear()


def test_a_register_that_cannot_be_written_ends_the_job_and_loses_nothing(
    here: _Here, tmp_path: Path
) -> None:
    behind = RegisterDesk(
        here.register,
        load_dev_signer(here.archive.agency, PASSPHRASE.encode()),
        authority_of(
            load_dev_signer(here.archive.agency, PASSPHRASE.encode()),
            here.archive.directory,
            at=now(),
        ),
        release_namer("NOVA9-2026"),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    source = str(here.archive.folder / "NOVA9-000")
    with VerificationPool(here.setup, processes=2) as pool:
        here.run(pool, source, tmp_path / "out")
        here.desk, right = behind, here.desk
        other = str(here.archive.folder / "NOVA9-001")
        with pytest.raises(RegisterError, match="the clock has gone back"):
            here.run(pool, other, tmp_path / "other")
        assert rows_in(tmp_path / "other") == []
        here.desk = right
        assert here.run(pool, other, tmp_path / "other").outcomes == {"registered": 20}


@pytest.mark.parametrize("pattern", ["", "two words", "-x", "a" * 101])
def test_a_release_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="--release: expected letters, digits"):
        release_namer(pattern)


def test_a_cluster_loses_a_node_and_the_desk_dies_and_every_file_is_registered_once() -> None:
    """Two raylets on this machine; the full size is `python -m tests.soak.bulk`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.bulk", "--what", "register", "--files", "100",
         "--batch", "5"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == told["distinct"] == 100
