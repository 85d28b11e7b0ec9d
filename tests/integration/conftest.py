"""The command line in a folder and a home of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.signing.dev_agency import DevAgency
from tests.factory.command_line import Cli, command_line


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Runs a command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path / ".home"))
    return command_line(monkeypatch, capsys)


@pytest.fixture
def directory(agency: DevAgency, tmp_path: Path) -> tuple[str, str]:
    """The option that names the sample agency's directory."""
    path = tmp_path / ".directory.json"
    path.write_text(json.dumps(agency.directory_entry()), "utf-8")
    return "--directory", str(path)
