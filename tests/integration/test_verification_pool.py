"""Files that kill, stall or starve the process that examines them, and files beside them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError, IsolationError, SourceError, WorkerBugError
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.workers.host_process import WorkerProcess, shared_host
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.staff import Staff
from provenance.signing.dev_agency import DevAgency
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.hazards import HazardousSetup
from tests.factory.sign import sidecar

LIMITS = WorkerLimits(
    wall_s=5.0, cpu_s=2, address_space_bytes=2 * 1024**3, max_output_bytes=1024**2
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, agency: DevAgency, signed_jpeg: bytes) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    (made / "directory.json").write_text(json.dumps(agency.directory_entry()), "utf-8")
    (made / "good.jpg").write_bytes(signed_jpeg)
    return made


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[VerificationPool]:
    patch = pytest.MonkeyPatch()
    patch.setenv("PROVENANCE_KEY_PASSPHRASE", "a secret")
    patch.setenv("DATABASE_URL", "postgresql://somebody:secret@db/")
    setup = HazardousSetup(directory=folder / "directory.json")
    # A host of its own, started with these secrets in the environment.
    shared_host().close()
    with VerificationPool(setup, processes=2, limits=LIMITS) as made:
        yield made
    patch.undo()


def job(folder: Path, hazard: str) -> VerificationJob:
    """The good file, under a name that makes its examination go wrong."""
    return VerificationJob(path=folder / "good.jpg", name=f"{hazard}.jpg")


def findings(report: Report) -> dict[str, str]:
    return {
        finding.code.value: finding.evidence.get("why", "")
        for finding in report.findings
        if finding.severity == "failure"
    }


def test_a_host_that_was_closed_is_given_to_nobody_any_more() -> None:
    host = shared_host()
    # As on a busy machine: whoever listens to it has not noticed yet.
    with host._lock:
        host.close()
        assert host.is_gone
        assert shared_host() is not host


@pytest.mark.parametrize(
    ("hazard", "code", "words"),
    [
        ("hang", "time-exhausted", "more than 5 seconds"),
        ("eat", "memory-exhausted", "more memory"),
        ("eat-in-python", "memory-exhausted", "more than there is"),
        ("eat-by-stacks", "memory-exhausted", "more than there is"),
        ("segv", "check-crashed", "ended by SIGSEGV"),
        ("killed", "check-crashed", "ended by SIGKILL"),
        ("abort", "check-crashed", "ended by SIGABRT"),
        ("exit", "check-crashed", "by itself, with status 3"),
        ("lie", "check-crashed", "no report"),
        ("babble", "check-crashed", "means nothing"),
        ("ask-without-end", "check-crashed", "ended by SIGKILL"),
        ("ask-slowly", "time-exhausted", "more than 5 seconds"),
        ("ask-deaf", "time-exhausted", "more than 5 seconds"),
    ],
)
def test_a_file_that_ends_its_worker_is_undetermined_and_the_next_one_is_not(
    pool: VerificationPool, folder: Path, hazard: str, code: str, words: str
) -> None:
    jobs = [job(folder, "good"), job(folder, hazard), job(folder, "good"), job(folder, "good")]
    outcomes = list(pool.verify_many(jobs))
    assert [entry for entry, _ in outcomes] == jobs
    reports = [report for _, report in outcomes if isinstance(report, Report)]
    assert [report.verdict.value for report in reports] == [
        "official", "undetermined", "official", "official",
    ]  # fmt: skip
    failed = reports[1]
    assert failed.asset.name == f"{hazard}.jpg"
    assert list(findings(failed)) == [code]
    assert words in findings(failed)[code]
    # What is known of the file without looking into it is there.
    data = (folder / "good.jpg").read_bytes()
    assert failed.asset.sha256 == hashlib.sha256(data).hexdigest()
    assert failed.asset.size_bytes == len(data)
    assert failed.context.directory is not None


def test_a_worker_that_says_it_is_done_for_is_not_left_behind(
    pool: VerificationPool, folder: Path
) -> None:
    """One that a file has taken over stayed, with all it held, for as long as the pool's host."""
    pool.submit(job(folder, "good")).result()
    pids = pool.worker_pids()
    for _ in range(2 * len(pids)):
        assert list(findings(pool.submit(job(folder, "stay")).result())) == ["memory-exhausted"]
    _eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert pool.submit(job(folder, "good")).result().verdict is Verdict.OFFICIAL


def test_a_worker_cannot_use_up_what_its_parent_may_have_open(
    pool: VerificationPool, folder: Path
) -> None:
    pool.submit(job(folder, "good")).result()
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert pool.submit(job(folder, "hand-out")).result().verdict is Verdict.OFFICIAL
    assert len(list(Path("/proc/self/fd").iterdir())) < before + 100


def test_processor_time_is_a_bound_of_its_own(folder: Path) -> None:
    limits = WorkerLimits(wall_s=60, cpu_s=0)
    with VerificationPool(HazardousSetup(), processes=1, limits=limits) as pool:
        report = pool.submit(job(folder, "spin")).result()
    assert findings(report) == {"time-exhausted": "it took more processor time than is allowed"}


def test_a_bug_of_ours_and_a_file_that_is_not_there_blame_no_file(
    pool: VerificationPool, folder: Path
) -> None:
    gone = VerificationJob(path=folder / "gone.jpg")
    outcomes = [o for _, o in pool.verify_many([job(folder, "bug"), gone, job(folder, "good")])]
    assert isinstance(outcomes[0], WorkerBugError)
    assert str(outcomes[0]) == "ZeroDivisionError: a bug"
    assert "_bug" in outcomes[0].trace
    assert isinstance(outcomes[1], SourceError)
    assert "gone.jpg: cannot be opened: no such file" in str(outcomes[1])
    assert isinstance(outcomes[2], Report)
    assert outcomes[2].verdict is Verdict.OFFICIAL


def test_what_happened_is_counted(folder: Path) -> None:
    setup = HazardousSetup(directory=folder / "directory.json")
    with VerificationPool(setup, processes=1, limits=LIMITS) as pool:
        for hazard in ("segv", "eat", "bug", "good"):
            pool.submit(job(folder, hazard)).exception()
        counters = pool.counters
    assert (counters.crashes, counters.out_of_memory, counters.bugs) == (1, 1, 1)
    assert (counters.reports, counters.time_outs, counters.waiting) == (3, 0, 0)
    assert counters.workers_started == 3


def test_a_worker_that_is_killed_from_outside_costs_one_file_at_most(folder: Path) -> None:
    setup = HazardousSetup(directory=folder / "directory.json")
    # Long enough for the others on a busy machine, while one does nothing.
    limits = replace(LIMITS, wall_s=60.0)
    with VerificationPool(setup, processes=2, limits=limits) as pool:
        # Idle: nobody's fault.
        pool.submit(job(folder, "good")).result()
        for pid in pool.worker_pids():
            os.kill(pid, signal.SIGKILL)
        futures = [pool.submit(job(folder, "good")) for _ in range(8)]
        assert {future.result().verdict for future in futures} == {Verdict.OFFICIAL}
        # In the middle of a file: that one's.
        stuck = pool.submit(job(folder, "hang"))
        others = [pool.submit(job(folder, "good")) for _ in range(8)]
        assert {future.result().verdict for future in others} == {Verdict.OFFICIAL}
        for pid in pool.worker_pids():
            os.kill(pid, signal.SIGKILL)
        assert list(findings(stuck.result())) == ["check-crashed"]


def test_a_host_that_is_killed_blames_no_file(pool: VerificationPool, folder: Path) -> None:
    futures = [pool.submit(job(folder, "good")) for _ in range(60)]
    futures[5].result()
    os.kill(shared_host().pid, signal.SIGKILL)
    verdicts = [future.result().verdict for future in futures]
    assert verdicts == [Verdict.OFFICIAL] * 60
    assert pool.counters.hosts_used >= 2


def test_nothing_leads_out_of_a_worker(pool: VerificationPool, folder: Path) -> None:
    assert pool.isolation.missing == ()
    said = json.loads(pool.submit(job(folder, "forbidden")).result().summary)
    assert said.pop("scratch") == "done"
    variables = said.pop("variables").split()
    assert set(said.values()) == {"PermissionError"}, said
    assert not [name for name in variables if name.startswith("PROVENANCE_")]
    assert "DATABASE_URL" not in variables


def test_no_secret_is_in_the_environment_of_a_worker_or_of_its_host(
    pool: VerificationPool, folder: Path
) -> None:
    pool.submit(job(folder, "good")).result()
    for pid in (*pool.worker_pids(), shared_host().pid):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"secret" not in environment
        assert b"PYTHONPATH=" in environment


def test_disk_that_is_used_up_is_said(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    setup = HazardousSetup(directory=folder / "directory.json")

    def pour() -> None:
        with (folder / "pipe.jpg").open("wb") as pipe:
            # More than what stays in memory, and more than a file may hold.
            try:
                for _ in range(40):
                    pipe.write(bytes(1024 * 1024))
            except BrokenPipeError:
                return

    thread = threading.Thread(target=pour)
    with VerificationPool(setup, processes=1, limits=LIMITS) as pool:
        future = pool.submit(VerificationJob(path=folder / "pipe.jpg"))
        thread.start()
        report = future.result()
        thread.join()
        assert list(findings(report)) == ["scratch-exhausted"]
        assert pool.submit(job(folder, "good")).result().verdict is Verdict.OFFICIAL


def test_a_sidecar_fragments_and_a_moment_go_with_a_file(
    pool: VerificationPool, folder: Path, agency: DevAgency
) -> None:
    asset = media.jpeg(3)
    (folder / "beside.jpg").write_bytes(asset)
    store = sidecar(asset, "image/jpeg", signer=agency.signer())
    (folder / "beside.c2pa").write_bytes(store)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    report = pool.submit(
        VerificationJob(path=folder / "beside.jpg", sidecar=folder / "beside.c2pa", at=at)
    ).result()
    assert report.integrity.credentials_from == "sidecar"
    assert report.context.verified_at == at
    # Many more files than one message can carry.
    many = VerificationJob(path=folder / "good.jpg", fragments=(folder / "beside.jpg",) * 600)
    assert len(pool.submit(many).result().asset.fragments) == 600
    with pytest.raises(ValueError, match="time zone"):
        pool.submit(VerificationJob(path="x", at=datetime(2026, 5, 1)))  # noqa: DTZ001


def test_an_open_file_is_examined_without_a_path(pool: VerificationPool, folder: Path) -> None:
    with (folder / "good.jpg").open("rb") as file:
        file.read(100)
        report = pool.submit(VerificationJob(path="upload", descriptor=file.fileno())).result()
    assert (report.verdict, report.asset.name) == (Verdict.OFFICIAL, None)


def test_jobs_are_taken_only_as_there_is_room_for_them(
    pool: VerificationPool, folder: Path
) -> None:
    taken = 0

    def endless() -> Iterator[VerificationJob]:
        nonlocal taken
        while True:
            taken += 1
            yield job(folder, "good")

    outcomes = pool.verify_many(endless())
    for _ in range(30):
        assert isinstance(next(outcomes)[1], Report)
    assert taken <= 30 + 4 * pool.processes
    outcomes.close()  # type: ignore[attr-defined]


def test_a_pool_is_awaited(pool: VerificationPool, folder: Path) -> None:
    async def main() -> list[Report]:
        futures = [asyncio.wrap_future(pool.submit(job(folder, "good"))) for _ in range(4)]
        return await asyncio.gather(*futures)

    # In a thread of its own: a browser that other tests use keeps a loop running in this one.
    with ThreadPoolExecutor(1) as elsewhere:
        reports = elsewhere.submit(lambda: asyncio.run(main())).result()
    assert {report.verdict for report in reports} == {Verdict.OFFICIAL}


def test_workers_are_replaced_after_so_many_files(folder: Path) -> None:
    limits = WorkerLimits(files=2)
    with VerificationPool(HazardousSetup(), processes=1, limits=limits) as pool:
        futures = [pool.submit(job(folder, "good")) for _ in range(5)]
        assert [future.result().verdict.value for future in futures] == ["signed-unrecognised"] * 5
        assert pool.counters.workers_started == 3


def test_a_pool_that_is_given_up_ends_at_once(folder: Path) -> None:
    futures: list[Future[Report]] = []

    def give_up() -> None:
        with VerificationPool(HazardousSetup(), processes=1) as pool:
            futures.extend(pool.submit(job(folder, "hang")) for _ in range(2))
            while not futures[0].running():
                time.sleep(0.01)
            raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert time.monotonic() - begin < 20
    assert isinstance(futures[0].exception(), IsolationError)
    assert futures[1].cancelled()


def test_a_worker_that_was_being_made_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gave the pool up waited for its file."""
    staff = Staff(HazardousSetup(), WorkerLimits(), at=None)
    staff.set_up()
    host = shared_host()
    fork = host.fork

    def meanwhile(setup: int, limits: WorkerLimits) -> WorkerProcess:
        worker = fork(setup, limits)
        staff.stop()
        return worker

    monkeypatch.setattr(host, "fork", meanwhile)
    assert staff.hire()._end.result(5).exit == -signal.SIGKILL
    staff.close()


def test_what_the_operator_should_know_is_said_once(folder: Path) -> None:
    lines: list[str] = []
    with VerificationPool(HazardousSetup(), processes=1, say=lines.append):
        pass
    assert lines == ["no agency directory given (--directory): nothing can be called official"]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        VerificationPool(HazardousSetup(directory=folder / "none.json"))


_WITHOUT_LANDLOCK = """
import ctypes, errno, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(0x7FFF0000)))
library.seccomp_rule_add_array(rules, ctypes.c_uint32(0x00050000 | errno.ENOSYS), 444, 0, None)
library.seccomp_load(rules)
sys.argv[0] = "provenance"
from provenance.cli.main import run
sys.exit(run())
"""


@pytest.mark.parametrize(("required", "code"), [("false", 3), ("true", 2)])
def test_a_kernel_that_lacks_a_protection_is_named_and_may_be_refused(
    tmp_path: Path, required: str, code: int
) -> None:
    (tmp_path / "plain.jpg").write_bytes(media.jpeg(1))
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_LANDLOCK, "verify", "plain.jpg"],
        cwd=tmp_path,
        env={**os.environ, "PROVENANCE_REQUIRE_ISOLATION": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert ("unverified" in done.stdout) == (code == 3)
    words = "required, and not complete" if code == 2 else "not fully shut in"
    (line,) = [entry for entry in done.stderr.splitlines() if "no agency directory" not in entry]
    assert words in line
    assert "files: unavailable: function not implemented" in line


def test_nothing_is_left_behind(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from provenance.runtime.verification_pool import VerificationJob, VerificationPool\n"
        "from provenance.runtime.verifier_setup import VerifierSetup\n"
        "pool = VerificationPool(VerifierSetup(), processes=2)\n"
        "print(pool.submit(VerificationJob(path=sys.argv[1])).result().verdict, flush=True)\n"
        "print(*pool.worker_pids(), flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "good.jpg")],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    verdict, pids = done.stdout.splitlines()
    assert verdict == "signed-unrecognised"
    _eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids.split()))
    _eventually(lambda: list(tmp_path.iterdir()) == [])


def _eventually(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    assert holds()
