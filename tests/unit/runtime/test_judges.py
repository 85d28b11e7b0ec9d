"""The judges of a service, whose documents change while it runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.runtime import judges as judges_module
from provenance.runtime.judges import Judges, load_profiles
from provenance.runtime.settings import load_settings
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency import DevAgency
from provenance.trust.directory import LoadedDirectory
from tests.factory import judging

UNTIL = datetime(2026, 12, 1, tzinfo=UTC)


class Pool:
    """Stands in for the processes; knows what they would judge with."""

    def __init__(self, setup: VerifierSetup, **_options: Any) -> None:
        self.setup = setup

    def close(self, **_options: Any) -> None:
        """End them."""


@pytest.mark.parametrize("longer", [True, False])
def test_a_directory_that_is_vouched_for_longer_is_taken_up(
    *, longer: bool, agency: DevAgency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A published directory is signed again and again while nothing in it changes.
    listed = judging.directory_of(agency)
    until = [UNTIL]

    def load(_place: Path) -> LoadedDirectory:
        return LoadedDirectory(listed.document, listed.sha256, listed.source, fresh_until=until[-1])

    monkeypatch.setattr(judges_module, "load_directory_at", load)
    monkeypatch.setattr(judges_module, "VerificationPool", Pool)
    environ = {
        "PROVENANCE_HOME": str(tmp_path / "home"),
        "PROVENANCE_DIRECTORY": str(tmp_path / "directory"),
        "PROVENANCE_SERVICE_TEST": "1",
    }
    settings = load_settings(environ=environ)
    judges = Judges(settings, load_profiles(settings), say=lambda _: None)
    if longer:
        until.append(UNTIL + timedelta(days=7))
    assert judges.refresh() is longer
    for name, pool in judges.pools.items():
        assert isinstance(pool, Pool)
        assert isinstance(pool.setup.directory, LoadedDirectory)
        assert pool.setup.directory.expires_at == until[-1]
        now = judges.now(name)
        assert now is not None
        assert now.directory is not None
        assert now.directory.expires_at == until[-1]
    assert not judges.refresh()
    judges.close()
