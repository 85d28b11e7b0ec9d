"""A register asked from processes that are shut in, while it changes, and when it breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.registry.register.register import Register
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import ReleaseState, Verdict
from tests.factory import media
from tests.factory.official import Press, break_register, jpeg_of, scene_of, with_a_replaced_face
from tests.factory.sign import sidecar, sign

JPEG = "image/jpeg"


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def files(agency_signer: MemorySigner, signed: Callable[..., bytes]) -> dict[str, bytes]:
    """Official files, a bare one whose credentials the register keeps, and a changed copy."""
    scene = scene_of(3)
    return {
        "current": sign(jpeg_of(scene), JPEG, signer=agency_signer),
        "withdrawn": signed("png"),
        "superseded": signed("jpeg", 2),
        "bare": media.jpeg(seed=4),
        "changed": with_a_replaced_face(scene).data,
        "stranger": media.jpeg(seed=9),
    }


@pytest.fixture
def setup(
    tmp_path: Path, agency: DevAgency, agency_signer: MemorySigner, files: dict[str, bytes]
) -> VerifierSetup:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    directory = tmp_path / "directory.json"
    directory.write_text(json.dumps(agency.directory_entry()), "utf-8")
    place = tmp_path / "register.db"
    with Register(place) as register:
        press = Press(register, agency_signer, now())
        press.release("NOVA9-1", files["current"])
        press.release("NOVA9-2", files["withdrawn"])
        press.release("NOVA9-3", files["superseded"])
        beside = sidecar(files["bare"], JPEG, signer=agency_signer)
        press.release("NOVA9-4", files["bare"], sidecars=[beside])
        press.withdraw("NOVA9-2")
        press.supersede("NOVA9-3", "NOVA9-1")
    return VerifierSetup(directory=directory, register=str(place))


def verified(pool: VerificationPool, folder: Path, names: list[str]) -> dict[str, Report]:
    jobs = [VerificationJob(path=folder / name) for name in names]
    reports = {}
    for job, outcome in pool.verify_many(jobs):
        assert isinstance(outcome, Report), outcome
        reports[Path(job.path).name] = outcome
    return reports


def test_shut_in_workers_find_all_that_the_register_knows(
    setup: VerifierSetup, tmp_path: Path, files: dict[str, bytes]
) -> None:
    with VerificationPool(setup, processes=1) as pool:
        reports = verified(pool, tmp_path, list(files))
    assert {name: report.verdict for name, report in reports.items()} == {
        "current": Verdict.OFFICIAL,
        "withdrawn": Verdict.OFFICIAL_WITHDRAWN,
        "superseded": Verdict.OFFICIAL,
        "bare": Verdict.OFFICIAL,
        "changed": Verdict.LOOKALIKE,
        "stranger": Verdict.UNVERIFIED,
    }
    assert reports["current"].release.state is ReleaseState.CURRENT
    assert reports["current"].release.channels == ("https://aurora.example",)
    assert reports["superseded"].release.replaced_by == "NOVA9-1"
    assert reports["bare"].integrity.credentials_from == "register"
    (lead,) = reports["changed"].resemblance
    assert (lead.release, len(lead.differs)) == ("NOVA9-1", 1)
    assert {check.check for check in reports["stranger"].checks_not_run}.isdisjoint(
        {"resemblance", "release status"}
    )


def test_a_register_that_breaks_leaves_checks_undone_and_no_wrong_verdict(
    setup: VerifierSetup, tmp_path: Path
) -> None:
    names = ["withdrawn", "bare", "changed", "current"]
    with VerificationPool(setup, processes=1) as pool:
        assert verified(pool, tmp_path, ["withdrawn"])["withdrawn"].verdict is (
            Verdict.OFFICIAL_WITHDRAWN
        )
        break_register(tmp_path / "register.db")
        reports = verified(pool, tmp_path, names)
    assert {name: report.verdict for name, report in reports.items()} == {
        # That it was withdrawn is not known any more, and said not to be.
        "withdrawn": Verdict.OFFICIAL,
        "bare": Verdict.UNVERIFIED,
        "changed": Verdict.UNVERIFIED,
        "current": Verdict.OFFICIAL,
    }
    undone = {
        name: {check.check for check in report.checks_not_run} for name, report in reports.items()
    }
    assert "release status" in undone["withdrawn"]
    assert reports["withdrawn"].release.state is ReleaseState.UNKNOWN
    assert {"manifests in the register", "resemblance"} <= undone["bare"]
    assert {"manifests in the register", "resemblance"} <= undone["changed"]


def test_registering_withdrawing_and_searching_at_the_same_time(
    setup: VerifierSetup,
    tmp_path: Path,
    agency_signer: MemorySigner,
    signed: Callable[..., bytes],
) -> None:
    """A release is found from the moment it is there; no answer is ever half of one."""
    problems: list[BaseException] = []

    def keep() -> None:
        try:
            with Register(setup.register or "") as register:
                press = Press(register, agency_signer, now())
                for seed in range(5, 9):
                    press.at = now()
                    press.release(f"NOVA9-1{seed}", signed("jpeg", seed))
                    press.withdraw(f"NOVA9-1{seed}")
        except BaseException as error:  # noqa: BLE001 - told by the test
            problems.append(error)

    keeper = threading.Thread(target=keep)
    with VerificationPool(setup, processes=2) as pool:
        keeper.start()
        for _ in range(6):
            reports = verified(pool, tmp_path, ["current", "withdrawn", "changed"])
            assert reports["current"].verdict is Verdict.OFFICIAL
            assert reports["withdrawn"].verdict is Verdict.OFFICIAL_WITHDRAWN
            assert reports["changed"].resemblance[0].release == "NOVA9-1"
        keeper.join()
        assert not problems
        (tmp_path / "late.jpg").write_bytes(signed("jpeg", 8))
        late = verified(pool, tmp_path, ["late.jpg"])["late.jpg"]
    assert late.verdict is Verdict.OFFICIAL_WITHDRAWN
