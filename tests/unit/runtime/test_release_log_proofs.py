"""Proofs of the release that a case is about, put into its evidence and checked again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.moderation.model import Subject
from provenance.registry.log.bundle import read_bundle_file
from provenance.registry.log.bundle_check import CheckState, check_bundle
from provenance.registry.log.leaf import embargo, reveal
from provenance.runtime.release_log_proofs import release_bundle
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import AT, Trial, agencies_of, register, withdraw

AGENCY = "aurora-entertainment"


@pytest.fixture
def trial(tmp_path: Path, agency_signer: MemorySigner) -> Trial:
    trial = Trial(tmp_path / "log", agency_signer)
    trial.append(register(1), register(2))
    (trial.folder.path / "policy").write_text(trial.policy.text)
    return trial


def test_the_release_is_proven(trial: Trial, agency: DevAgency) -> None:
    data = release_bundle(trial.folder.path, Subject(id="s", release=f"{AGENCY}/NOVA9-2"))
    assert data is not None
    read = read_bundle_file(io.BytesIO(data), where="bundle")
    report = check_bundle(read, trial.policy, agencies_of(agency), where="bundle")
    assert report.is_proven
    assert report.leaf is not None
    assert getattr(report.leaf.statement, "release", None) == "NOVA9-2"


def test_of_a_release_in_several_parts_it_is_the_part_with_the_file(
    trial: Trial, agency: DevAgency
) -> None:
    """Who checks the evidence of an official file holds its bytes against the entry."""
    later = register(3).model_copy(update={"release": "NOVA9-1"})
    trial.append(later)
    for files in (register(1).files, later.files):
        (file,) = files
        subject = Subject(id="s", release=f"{AGENCY}/NOVA9-1", sha256=file.sha256)
        data = release_bundle(trial.folder.path, subject)
        assert data is not None
        read = read_bundle_file(io.BytesIO(data), where="bundle")
        agencies = agencies_of(agency)
        report = check_bundle(
            read, trial.policy, agencies, asset_sha256=file.sha256, where="bundle"
        )
        assert report.is_proven


def test_what_was_revealed_comes_with_its_embargo(trial: Trial, agency: DevAgency) -> None:
    hidden, salt = register(7), bytes(32)
    gone, other = withdraw(7), bytes(range(32))
    entry = trial.append(embargo(hidden, salt, at=AT), embargo(gone, other, at=AT)).indices[0]
    trial.append(
        reveal(gone, other, entry=entry + 1, at=AT), reveal(hidden, salt, entry=entry, at=AT)
    )
    data = release_bundle(trial.folder.path, Subject(id="s", release=f"{AGENCY}/NOVA9-7"))
    assert data is not None
    read = read_bundle_file(io.BytesIO(data), where="bundle")
    report = check_bundle(read, trial.policy, agencies_of(agency), where="bundle")
    states = {check.name: check.state for check in report.checks}
    assert (states["embargo"], states["asset"]) == (CheckState.PASSED, CheckState.NOT_CHECKED)
    assert hidden.files[0].sha256 in report.checks[-1].text


def test_what_is_in_no_log_has_no_proof(trial: Trial) -> None:
    for release in (None, "", f"{AGENCY}/NOVA9-9", "other/NOVA9-1"):
        assert release_bundle(trial.folder.path, Subject(id="s", release=release)) is None


def test_a_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected the folder of a log"):
        release_bundle(tmp_path, Subject(id="s", release=f"{AGENCY}/NOVA9-1"))
