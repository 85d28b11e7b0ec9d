"""What is known to hurt the engine: each is stopped, named, and followed by the next file."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.media.containers.bmff import C2PA_USER_TYPE
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.limits import WorkerLimits
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from tests.factory import media, surgery
from tests.factory.hostile_files import large_jpeg, quadratic_mp4
from tests.factory.sign import sign


def judge(
    path: Path, good: Path, *, limits: WorkerLimits, setup: VerifierSetup
) -> tuple[Report, Report]:
    """The reports about a hostile file and a good one, by one worker and its replacement."""
    with VerificationPool(setup, processes=1, limits=limits) as pool:
        first = pool.submit(VerificationJob(path=path))
        second = pool.submit(VerificationJob(path=good))
        return first.result(), second.result()


@pytest.fixture
def good(tmp_path: Path, signed_jpeg: bytes) -> Path:
    path = tmp_path / "good.jpg"
    path.write_bytes(signed_jpeg)
    return path


def test_boxes_without_end_take_the_time_that_is_allowed_and_no_more(
    tmp_path: Path, good: Path
) -> None:
    path = tmp_path / "boxes.mp4"
    # What a manifest store begins with: without it nothing would be asked of the engine.
    path.write_bytes(quadratic_mp4() + b"\0\0\0\x18free" + C2PA_USER_TYPE)
    # Our own bound would keep it from the engine; here it is out of the way.
    setup = VerifierSetup(limits=Limits(max_boxes_beside=10**9, max_segments=10**9))
    report, after = judge(path, good, limits=WorkerLimits(wall_s=6), setup=setup)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.TIME_EXHAUSTED
    assert after.verdict is Verdict.SIGNED_UNRECOGNISED


def test_boxes_without_end_that_hold_no_credentials_never_reach_the_engine(
    tmp_path: Path, good: Path
) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(quadratic_mp4())
    setup = VerifierSetup(limits=Limits(max_boxes_beside=10**9, max_segments=10**9))
    report, _ = judge(path, good, limits=WorkerLimits(wall_s=6), setup=setup)
    assert report.verdict is Verdict.UNVERIFIED


def test_with_our_own_bound_boxes_without_end_never_reach_the_engine(
    tmp_path: Path, good: Path
) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(quadratic_mp4(20_000))
    report, _ = judge(path, good, limits=WorkerLimits(), setup=VerifierSetup())
    assert report.reason is FindingCode.LIMIT_REACHED


def test_a_picture_larger_than_the_memory_that_is_allowed_is_undetermined(
    tmp_path: Path, good: Path
) -> None:
    path = tmp_path / "large.jpg"
    large_jpeg(path, 300 * 1024**2)
    # The engine's libraries, and a heap for each of its threads, are 500 to 600 MB of addresses.
    limits = WorkerLimits(address_space_bytes=750 * 1024**2)
    report, after = judge(path, good, limits=limits, setup=VerifierSetup())
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.MEMORY_EXHAUSTED
    assert after.verdict is Verdict.SIGNED_UNRECOGNISED


@pytest.fixture
def endless() -> Iterator[tuple[str, list[object]]]:
    """A server that would answer without end, and every connection it got."""
    came: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, address = server.accept()
            except TimeoutError:
                continue
            came.append(address)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", came
    stop.set()
    thread.join()
    server.close()


def test_a_server_that_answers_without_end_is_never_asked(
    endless: tuple[str, list[object]], tmp_path: Path, good: Path, agency_signer: MemorySigner
) -> None:
    url, came = endless
    path = tmp_path / "elsewhere.jpg"
    pointing = sign(media.jpeg(), "image/jpeg", signer=agency_signer, remote_url=f"{url}/a.c2pa")
    path.write_bytes(surgery.strip_store(pointing, "image/jpeg"))
    report, _ = judge(path, good, limits=WorkerLimits(), setup=VerifierSetup())
    assert report.reason is FindingCode.CREDENTIALS_ELSEWHERE
    assert report.integrity.remote_url == f"{url}/a.c2pa"
    assert came == []
