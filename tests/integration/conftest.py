"""The command line in a folder and a home of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.signing.dev_agency import DevAgency
from provenance.signing.dev_agency_folder import write_dev_agency
from tests.factory.command_line import Cli, command_line
from tests.factory.desk import Desk
from tests.factory.office import PASSPHRASE, Office
from tests.factory.tsa import TimeStampAuthority


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


@pytest.fixture
def office(agency: DevAgency, tsa_server: TimeStampAuthority, tmp_path: Path) -> Office:
    write_dev_agency(agency, tmp_path / "agency", passphrase=PASSPHRASE.encode())
    (tmp_path / "tsa.pem").write_bytes(tsa_server.root.pem)
    office = Office(desk=Desk(agency=agency, tsa=tsa_server), home=tmp_path)
    office.photos(3)
    return office


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.fail("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
