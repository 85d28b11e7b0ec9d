"""A small log that tests copy instead of making one each."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import Trial


@pytest.fixture
def trial(tmp_path: Path, agency_signer: MemorySigner) -> Trial:
    """An empty log."""
    return Trial(tmp_path / "log", agency_signer)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner) -> Trial:
    """A log of 300 entries, in three batches; not to be written to."""
    trial = Trial(tmp_path_factory.mktemp("filled") / "log", agency_signer)
    trial.fill(200)
    trial.fill(60, 200)
    trial.fill(40, 260)
    return trial


@pytest.fixture
def old(filled: Trial, tmp_path: Path) -> Trial:
    """A copy of it."""
    return filled.copy(tmp_path / "old")
