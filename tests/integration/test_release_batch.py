"""Releases of many files: planned, signed, stopped in the middle, and gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance.signing.dev_agency import DevAgency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.desk import Desk, write_release
from tests.factory.tsa import TimeStampAuthority

PASSPHRASE = "starlight over the river"


@dataclass(frozen=True, kw_only=True)
class Office:
    """An agency's folder, a source folder, and the command line as its desk uses it."""

    desk: Desk
    home: Path

    @property
    def source(self) -> Path:
        return self.home / "source"

    @property
    def out(self) -> Path:
        return self.home / "out"

    @property
    def journal(self) -> list[dict[str, object]]:
        lines = (self.out / "provenance-results.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def photos(self, count: int) -> None:
        self.source.mkdir(exist_ok=True)
        # A few pictures under many names: their digests, and so their jobs, differ by name.
        for number in range(count):
            data = media.make("jpeg", 1 + number % 4)
            (self.source / f"{number:03}.jpg").write_bytes(data)
        entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
        write_release(self.source, [entry])

    def common(self) -> list[str]:
        agency = self.home / "agency"
        return [
            *("--certificate", str(agency / "chain.pem")),
            *("--directory", str(agency / "directory.json")),
            *("--tsa", self.desk.tsa.url),
        ]

    def sign_command(self, *options: str, release: bool = True) -> list[str]:
        what = ["--release", str(self.source / "release.yaml")] if release else []
        return [
            *(sys.executable, "-m", "provenance.cli.main", "sign"),
            *what,
            *("--out", str(self.out)),
            *("--key", str(self.home / "agency" / "leaf.key.pem")),
            *("--time-stamp-list", str(self.home / "tsa.pem")),
            *("--network-allow", self.desk.tsa.url.split("/")[2]),
            *("--jobs", "2"),
            *self.common(),
            *options,
        ]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environment()
        )

    def sign(self, *options: str, release: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(*self.sign_command(*options, release=release))

    def plan(self) -> subprocess.CompletedProcess[str]:
        return self.run(
            *(sys.executable, "-m", "provenance.cli.main", "release", "plan"),
            str(self.source / "release.yaml"),
            *("--out", str(self.home / "plan.json")),
            *self.common(),
        )

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PROVENANCE_KEY_PASSPHRASE": PASSPHRASE}

    def outputs(self) -> list[Path]:
        return sorted(self.out.glob("*.jpg"))

    def leftovers(self) -> list[Path]:
        return sorted(self.out.glob(".*provenance-tmp"))


@pytest.fixture
def office(agency: DevAgency, tsa_server: TimeStampAuthority, tmp_path: Path) -> Office:
    write_dev_agency(agency, tmp_path / "agency", passphrase=PASSPHRASE.encode())
    (tmp_path / "tsa.pem").write_bytes(tsa_server.root.pem)
    office = Office(desk=Desk(agency=agency, tsa=tsa_server), home=tmp_path)
    office.photos(3)
    return office


def test_a_plan_is_signed_as_it_was_shown(office: Office) -> None:
    shown = office.plan()
    assert shown.returncode == 0, shown.stderr
    assert "TEST" in shown.stdout
    assert "000.jpg  (image/jpeg" in shown.stdout
    assert "dc:title.ko = 별빛" in shown.stdout
    signed = office.sign("--plan", str(office.home / "plan.json"), release=False)
    assert (signed.returncode, "3 signed" in signed.stdout) == (0, True), signed.stderr
    verifier = office.desk.verifier()
    assert {verifier.verify(path).verdict for path in office.outputs()} == {Verdict.OFFICIAL}
    done = [entry for entry in office.journal if entry["event"] == "signed"]
    assert {str(entry["sha256"]) for entry in done} == set(map(_sha256, office.outputs()))


def test_what_is_signed_is_kept_and_never_signed_twice(office: Office) -> None:
    assert office.sign().returncode == 0
    before = {path.name: _sha256(path) for path in office.outputs()}
    asked = len(office.desk.tsa.requests)
    again = office.sign()
    assert (again.returncode, "3 kept" in again.stdout) == (0, True)
    assert {path.name: _sha256(path) for path in office.outputs()} == before
    assert len(office.desk.tsa.requests) == asked


@pytest.mark.parametrize("change", ["source", "added", "gone", "manifest"])
def test_nothing_is_signed_where_something_is_not_as_planned(change: str, office: Office) -> None:
    assert office.plan().returncode == 0
    if change == "source":
        (office.source / "001.jpg").write_bytes(media.make("jpeg", 9))
        expected = "001.jpg: another sha256"
    elif change == "added":
        (office.source / "zzz.jpg").write_bytes(media.make("jpeg", 9))
        expected = "zzz.jpg: was not in the plan"
    elif change == "gone":
        (office.source / "002.jpg").unlink()
        expected = "002.jpg: is no longer there"
    else:
        manifest = office.source / "release.yaml"
        manifest.write_text(manifest.read_text().replace("Starlight", "Moonlight"))
        expected = "manifest sha256: planned"
    refused = office.sign("--plan", str(office.home / "plan.json"), release=False)
    assert (refused.returncode, expected in refused.stderr) == (2, True), refused.stderr
    assert office.outputs() == []
    assert office.desk.tsa.requests == []


def test_one_bad_file_fails_alone(office: Office) -> None:
    """It is whole enough to be planned, and cut off while the others are signed."""
    assert office.sign("--unsafe-no-timestamp").returncode == 0
    (office.out / "001.jpg").write_bytes(b"somebody else's")
    again = office.sign("--unsafe-no-timestamp")
    assert again.returncode == 1
    assert "2 kept, 1 failed" in again.stdout
    assert "001.jpg: exists already, and is not what this plan makes" in again.stderr
    assert (office.out / "001.jpg").read_bytes() == b"somebody else's"


def test_a_file_that_cannot_be_signed_is_named_before_any_is(office: Office) -> None:
    (office.source / "bad.jpg").write_bytes(b"no picture")
    refused = office.sign()
    assert (refused.returncode, office.out.exists()) == (2, False)
    assert "bad.jpg: expected a type that can be signed" in refused.stderr
    (office.source / "bad.jpg").unlink()
    assert office.sign().returncode == 0


def test_a_time_stamp_is_asked_for_or_its_absence_spelt_out(office: Office) -> None:
    command = office.sign_command()
    without = [part for part in command if part not in ("--tsa", office.desk.tsa.url)]
    refused = office.run(*without)
    assert (refused.returncode, "expected a time-stamp authority" in refused.stderr) == (2, True)
    assert not office.out.exists() or office.outputs() == []
    assert office.run(*without, "--unsafe-no-timestamp").returncode == 0


def test_when_no_authority_answers_nothing_is_signed(office: Office) -> None:
    office.desk.tsa.http_status = 500
    failed = office.sign()
    assert failed.returncode == 1
    assert "expected HTTP status 200, got 500" in failed.stderr
    assert office.outputs() == office.leftovers() == []
    office.desk.tsa.http_status = 200
    assert office.sign().returncode == 0


def test_a_wrong_passphrase_signs_nothing(office: Office) -> None:
    wrong = subprocess.run(
        office.sign_command(),
        capture_output=True,
        text=True,
        check=False,
        env={**office.environment(), "PROVENANCE_KEY_PASSPHRASE": "not the right one"},
    )
    assert wrong.returncode == 2
    assert "expected a private key in PEM that opens with this passphrase" in wrong.stderr
    assert "not the right one" not in wrong.stderr
    assert office.sign().returncode == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_instant_and_gone_on_with(seed: int, office: Office) -> None:
    count = 200 if seed == 1 else 40
    office.photos(count)
    moments = random.Random(seed)
    for _ in range(4):
        process = subprocess.Popen(
            office.sign_command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=office.environment(),
            start_new_session=True,
        )
        time.sleep(1.2 + moments.random() * 1.5)
        # The whole session: a power cut spares no worker.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stamped_before = len(office.desk.tsa.requests)
    done_before = len(office.outputs()) if office.out.exists() else 0

    finished = office.sign()

    assert finished.returncode == 0, finished.stderr
    assert len(office.outputs()) == count
    assert office.leftovers() == []
    verifier = office.desk.verifier()
    for path in office.outputs():
        assert verifier.verify(path).verdict is Verdict.OFFICIAL
    done = [e for e in office.journal if e["event"] == "signed"]
    assert len({e["key"] for e in done}) == len(done) == count
    by_name = {str(e["path"]): e["sha256"] for e in done}
    assert by_name == {path.name: _sha256(path) for path in office.outputs()}
    # Whatever had its name was not signed again.
    assert len(office.desk.tsa.requests) - stamped_before == count - done_before


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


def test_a_full_disk_leaves_no_half_file(office: Office, small_disk: Path) -> None:
    office.photos(12)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(900_000))
    command = office.sign_command()
    command[command.index("--out") + 1] = str(small_disk)
    failed = office.run(*command)
    assert failed.returncode in {1, 2}, failed.stderr
    assert "no space left" in failed.stderr.lower()
    made = list(small_disk.glob("*.jpg"))
    assert len(made) < 12
    verifier = office.desk.verifier()
    assert {verifier.verify(path).verdict for path in made} <= {Verdict.OFFICIAL}
    assert list(small_disk.glob(".*provenance-tmp")) == []
    filler.unlink()
    again = office.run(*command)
    assert again.returncode == 0, again.stderr
    assert len(list(small_disk.glob("*.jpg"))) == 12


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
