"""Releases of many files: planned, signed, stopped in the middle, and gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance.errors import PlanError
from provenance.signing.dev_agency import create_dev_agency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.signing.plan import ReleasePlan
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.desk import write_release
from tests.factory.metadata import exif_block, ratios, text
from tests.factory.office import PASSPHRASE, Office


def test_a_plan_is_signed_as_it_was_shown(office: Office) -> None:
    shown = office.plan()
    assert shown.returncode == 0, shown.stderr
    assert "TEST" in shown.stdout
    assert "000.jpg  (image/jpeg" in shown.stdout
    assert "dc:title.ko = 별빛" in shown.stdout
    signed = office.sign("--plan", str(office.home / "plan.json"), release=False, jobs=2)
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


def test_a_file_in_the_way_is_left_alone_and_the_others_are_kept(office: Office) -> None:
    assert office.sign().returncode == 0
    (office.out / "001.jpg").write_bytes(b"somebody else's")
    again = office.sign()
    assert again.returncode == 1
    assert "2 kept, 1 failed" in again.stdout
    assert "001.jpg: exists already, and is not what this plan makes" in again.stderr
    assert (office.out / "001.jpg").read_bytes() == b"somebody else's"


@pytest.mark.parametrize("how", ["dies", "breaks"])
def test_one_bad_file_fails_alone(how: str, office: Office) -> None:
    """The process that signs it dies, or meets a bug; the others are signed."""
    office.photos(6)
    office.service_key(
        """
        if not tried.exists():
            tried.touch()
            {}
        """.format("os._exit(9)" if how == "dies" else "raise ZeroDivisionError")
    )
    failed = office.sign(*office.with_service_key(), jobs=2)
    assert failed.returncode == 1
    assert "5 signed, 1 failed" in failed.stdout
    expected = "the process that signed it died" if how == "dies" else "internal error, ZeroDiv"
    assert expected in failed.stderr
    assert len(office.outputs()) == 5
    again = office.sign(*office.with_service_key(), jobs=2)
    assert (again.returncode, "1 signed, 5 kept" in again.stdout) == (0, True), again.stderr


def test_a_file_over_which_every_process_dies_fails_alone_in_its_group(office: Office) -> None:
    """Those that were worked on beside it are signed, and none of them twice."""
    office.photos(40)
    entry = {
        "glob": "*.jpg",
        "digital_source_type": "digitalCapture",
        "title": {"en": "Photo {stem}"},
    }
    write_release(office.source, [entry])
    office.service_key(
        """
        if b"Photo 017" in data and not tried.exists():
            os._exit(9)
        """
    )
    failed = office.sign(*office.with_service_key(), jobs=2)
    assert failed.returncode == 1
    assert "39 signed, 1 failed" in failed.stdout.replace("kept", "signed"), failed.stdout
    assert "017.jpg: failed: the process that signed it died" in failed.stderr
    (office.home / "tried").touch()
    again = office.sign(*office.with_service_key(), jobs=2)
    assert (again.returncode, "1 signed, 39 kept" in again.stdout) == (0, True), again.stderr
    done = {str(e["path"]): e["sha256"] for e in office.journal if e["event"] == "signed"}
    assert done == {path.name: _sha256(path) for path in office.outputs()}
    assert len([e for e in office.journal if e["event"] == "signed"]) == len(done) == 40
    assert office.leftovers() == []


def test_a_key_that_goes_away_stops_the_batch_and_it_goes_on_later(office: Office) -> None:
    office.photos(12)
    office.service_key(
        """
        if count > 3 and not tried.exists():
            raise SigningKeyError("the token was taken out")
        """
    )
    stopped = office.sign(*office.with_service_key(), jobs=2)
    assert stopped.returncode == 1
    assert "the token was taken out" in stopped.stderr
    assert "not-tried" in stopped.stdout
    signed = len(office.outputs())
    assert signed < 12
    (office.home / "tried").touch()
    again = office.sign(*office.with_service_key(), jobs=2)
    assert again.returncode == 0, again.stderr
    assert len(office.outputs()) == 12
    done = [e["key"] for e in office.journal if e["event"] == "signed"]
    assert len(set(done)) == len(done) == 12


def test_credentials_beside_the_files_have_to_be_there(office: Office) -> None:
    signed = office.sign("--sidecar", "--remote-url", "https://aurora.example/c2pa/{name}.c2pa")
    assert signed.returncode == 0, signed.stderr
    assert sorted(path.name for path in office.out.glob("*.c2pa")) == [
        f"00{number}.jpg.c2pa" for number in range(3)
    ]
    assert b"https://aurora.example/c2pa/001.jpg.c2pa" in (office.out / "001.jpg").read_bytes()
    remote = ("--sidecar", "--remote-url", "https://aurora.example/c2pa/{name}.c2pa")
    assert "3 kept" in office.sign(*remote).stdout
    (office.out / "001.jpg.c2pa").unlink()
    lost = office.sign(*remote)
    assert (lost.returncode, "2 kept, 1 failed" in lost.stdout) == (1, True)
    assert "001.jpg.c2pa: the credentials are not there" in lost.stderr


def test_somebody_elses_sidecar_is_not_overwritten(office: Office) -> None:
    office.out.mkdir()
    (office.out / "001.jpg.c2pa").write_bytes(b"mine")
    for _ in range(2):
        failed = office.sign("--sidecar")
        assert failed.returncode == 1
        assert "001.jpg.c2pa: exists already" in failed.stderr
        assert (office.out / "001.jpg.c2pa").read_bytes() == b"mine"
    (office.out / "001.jpg.c2pa").unlink()
    assert office.sign("--sidecar").returncode == 0


@pytest.mark.parametrize("before", ["done", "failed", "begun", "another job's"])
def test_a_sidecar_that_somebody_put_there_since_is_not_deleted(
    before: str, office: Office
) -> None:
    """Their file has the name that this job's credentials once had, or were to get."""
    beside = office.out / "001.jpg.c2pa"
    entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
    write_release(office.source, [{**entry, "title": {"en": "Photo {stem}"}}])
    if before == "failed":
        office.desk.tsa.http_status = 500
    office.sign("--sidecar")
    office.desk.tsa.http_status = 200
    (office.out / "001.jpg").unlink(missing_ok=True)
    theirs = b"somebody else's"
    if before in ("begun", "another job's"):
        _forget(office, "001.jpg")
    if before == "another job's":
        theirs = (office.out / "002.jpg.c2pa").read_bytes()
    beside.write_bytes(theirs)
    # Twice where the first of them leaves a line that a second might take for its own.
    for _ in range(2 if before in ("done", "begun") else 1):
        again = office.sign("--sidecar")
        assert (again.returncode, "1 failed" in again.stdout) == (1, True), again.stdout
        assert "001.jpg.c2pa: exists already, and is not what this plan makes" in again.stderr
        assert beside.read_bytes() == theirs
    if before == "begun":
        beside.unlink()
        assert office.sign("--sidecar").returncode == 0


@pytest.mark.parametrize("end", ["killed", "its worker died"])
def test_the_sidecar_of_a_run_that_was_killed_before_its_file_is_made_anew(
    end: str, office: Office
) -> None:
    """The twin: these credentials are this job's own, and nobody got the file to them."""
    # What is signed is not what the source was: the credentials match no file that is there.
    exif = exif_block({0xA431: text("SERIALQ7731")})
    (office.source / "001.jpg").write_bytes(media.jpeg(1, exif=exif))
    remote = ("--sidecar", "--remote-url", "https://aurora.example/c2pa/{name}.c2pa")
    assert office.sign(*remote).returncode == 0
    (office.out / "001.jpg").unlink()
    left = (office.out / "001.jpg.c2pa").read_bytes()
    key = _forget(office, "001.jpg")
    if end == "its worker died":
        with (office.out / ".provenance-results.jsonl").open("a") as journal:
            print(json.dumps({"event": "failed", "key": key, "error": "WorkerDied"}), file=journal)
    again = office.sign(*remote)
    assert (again.returncode, "1 signed, 2 kept" in again.stdout) == (0, True), again.stderr
    assert (office.out / "001.jpg.c2pa").read_bytes() != left
    report = office.desk.verifier().verify(
        office.out / "001.jpg", sidecar=office.out / "001.jpg.c2pa"
    )
    assert report.verdict is Verdict.OFFICIAL


def _forget(office: Office, path: str) -> str:
    """Leave the journal as a run does that was killed before the last line; the job's key."""
    journal = office.out / ".provenance-results.jsonl"
    (key,) = {str(entry["key"]) for entry in office.journal if entry.get("path") == path}
    lines = [
        line
        for line in journal.read_text().splitlines(keepends=True)
        if not (json.loads(line)["event"] == "signed" and json.loads(line)["path"] == path)
    ]
    journal.write_text("".join(lines))
    return key


def test_a_finished_file_without_its_line_is_recognised(office: Office) -> None:
    assert office.sign().returncode == 0
    _forget(office, "001.jpg")
    before = _sha256(office.out / "001.jpg")
    assert "3 kept" in office.sign().stdout
    assert _sha256(office.out / "001.jpg") == before


def test_another_official_file_in_its_place_is_not_taken_for_it(office: Office) -> None:
    assert office.sign().returncode == 0
    _forget(office, "001.jpg")
    (office.out / "001.jpg").write_bytes((office.out / "002.jpg").read_bytes())
    again = office.sign()
    assert (again.returncode, "2 kept, 1 failed" in again.stdout) == (1, True)
    assert "001.jpg: exists already, and is not what this plan makes" in again.stderr


def test_private_metadata_are_shown_taken_out_and_kept_where_told(office: Office) -> None:
    exif = exif_block(
        {0x8298: text("오로라 🎤")},
        {0xA431: text("SERIALQ7731")},
        {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))},
    )
    source = office.source / "별빛 ノヴァ九.jpg"
    source.write_bytes(media.jpeg(1, exif=exif))
    before = source.read_bytes()
    entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
    write_release(office.source, [entry], keep_metadata=["exif:BodySerialNumber"])
    shown = office.plan().stdout
    assert "taken out    exif:GPSPosition (position)" in shown
    assert "carries      exif:Copyright = 오로라 🎤" in shown
    assert "STAYS        exif:BodySerialNumber (serial-number): SERIALQ7731" in shown
    signed = office.sign("--plan", str(office.home / "plan.json"), release=False)
    assert signed.returncode == 0, signed.stderr
    out = office.out / source.name
    read = subprocess.run(
        ["exiftool", "-j", "-a", "-G1", str(out)], capture_output=True, check=True
    ).stdout
    (tags,) = json.loads(read)
    assert tags["ExifIFD:SerialNumber"] == "SERIALQ7731"
    assert tags["IFD0:Copyright"] == "오로라 🎤"
    assert not [name for name in tags if "GPS" in name]
    assert source.read_bytes() == before
    (line,) = [e for e in office.journal if e["event"] == "signed" and e["path"] == source.name]
    assert line["removed"] == ["exif:GPSPosition"]


def test_an_ingredient_that_changed_since_the_plan_is_not_signed_with(
    office: Office, tmp_path: Path
) -> None:
    (office.source / "originals").mkdir()
    original = office.source / "originals" / "raw.png"
    original.write_bytes(media.make("png"))
    ingredient = {"path": "originals/raw.png", "relationship": "parentOf", "title": "raw"}
    write_release(office.source, [{"path": "000.jpg", "ingredients": [ingredient]}])
    assert office.plan().returncode == 0
    plan = ReleasePlan.model_validate_json((office.home / "plan.json").read_text())
    (file,) = plan.files
    job = file.job(office.source, tmp_path, keep=())
    original.write_bytes(media.make("png", 2))
    with pytest.raises(PlanError, match=r"raw\.png: an ingredient that changed since the plan"):
        office.desk.signer().sign(job)
    original.write_bytes(media.make("png"))
    assert office.desk.signer().sign(job).report.verdict is Verdict.OFFICIAL


@pytest.mark.parametrize(
    ("days", "says"),
    [(-30, "certificate 1 expired on"), (2, "certificate 1 is not yet valid")],
)
def test_a_certificate_of_another_time_is_refused_when_it_is_planned(
    days: int, says: str, office: Office
) -> None:
    """It ended yesterday, or begins tomorrow."""
    other = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=datetime.now(UTC) + timedelta(days=days),
        validity_days=29,
    )
    shutil.rmtree(office.home / "agency")
    write_dev_agency(other, office.home / "agency", passphrase=PASSPHRASE.encode())
    for refused in (office.plan(), office.sign()):
        assert refused.returncode == 2
        assert f"certificate of the claim key: validity: {says}" in refused.stderr
    assert not office.out.exists()


def test_a_chain_in_the_wrong_order_and_a_key_of_another_certificate(office: Office) -> None:
    chain = office.home / "agency" / "chain.pem"
    right = chain.read_bytes()
    begin = b"-----BEGIN CERTIFICATE-----"
    pieces = [begin + piece for piece in right.split(begin)[1:]]
    chain.write_bytes(b"".join(reversed(pieces)))
    refused = office.sign()
    assert (refused.returncode, "certificate of the claim key" in refused.stderr) == (2, True)
    other = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=datetime.now(UTC),
    )
    chain.write_bytes(other.chain_pem)
    refused = office.sign()
    assert refused.returncode == 2
    assert "its first certificate is not for" in refused.stderr
    assert not office.out.exists()
    chain.write_bytes(right)
    assert office.sign().returncode == 0


def test_a_file_that_cannot_be_signed_is_named_before_any_is(office: Office) -> None:
    (office.source / "bad.jpg").write_bytes(b"no picture")
    refused = office.sign()
    assert (refused.returncode, office.out.exists()) == (2, False)
    assert "bad.jpg: expected a type that can be signed" in refused.stderr
    (office.source / "bad.jpg").unlink()
    assert office.sign().returncode == 0


def test_every_file_that_cannot_be_signed_has_a_line(office: Office) -> None:
    """Whoever puts a release right is told once what is in the way, not file by file."""
    for number in range(3):
        (office.source / f"{number}.gif").write_bytes(media.make("gif", number) + b"from DESKTOP")
    entry = {"glob": "*.[jg]*", "digital_source_type": "digitalCapture"}
    write_release(office.source, [entry])
    stuck = "private metadata that cannot be taken out: trailer; take it out, or name it in "
    for refused in (office.plan(), office.sign()):
        assert (refused.returncode, office.out.exists()) == (2, False)
        assert refused.stderr.splitlines()[-3:] == [
            f"provenance: {number}.gif (image/gif): {stuck}keep_metadata" for number in range(3)
        ]
    for number in range(3):
        (office.source / f"{number}.gif").write_bytes(media.make("gif", number))
    assert office.sign().returncode == 0


def test_a_time_stamp_is_asked_for_or_its_absence_spelt_out(office: Office) -> None:
    command = office.sign_command()
    without = [part for part in command if part not in ("--tsa", office.desk.tsa.url)]
    refused = office.run(*without)
    assert (refused.returncode, "expected a time-stamp authority" in refused.stderr) == (2, True)
    assert not office.out.exists() or office.outputs() == []
    assert office.run(*without, "--unsafe-no-timestamp").returncode == 0


def test_what_was_tried_without_a_time_stamp_is_not_kept_as_a_release(office: Office) -> None:
    """The trial's files were kept, and the release said to be signed whole."""
    whole = office.sign_command()
    without = [part for part in whole if part not in ("--tsa", office.desk.tsa.url)]
    trial = [*without, "--unsafe-no-timestamp"]
    assert office.run(*trial).returncode == 0
    before = {path.name: _sha256(path) for path in office.outputs()}
    refused = office.run(*whole)
    assert refused.returncode == 1
    assert refused.stderr.count("exists already, signed without a time-stamp") == 3
    assert {path.name: _sha256(path) for path in office.outputs()} == before
    # A trial goes on with a trial, and with what is better than it asks for.
    assert "3 kept" in office.run(*trial).stdout
    shutil.rmtree(office.out)
    assert office.run(*whole).returncode == 0
    assert "3 kept" in office.run(*whole).stdout
    assert "3 kept" in office.run(*trial).stdout


def test_a_stamped_file_without_its_line_is_kept_more_than_once(office: Office) -> None:
    """Its line says that it was found again, and nothing about its time-stamp."""
    assert office.sign().returncode == 0
    journal = office.out / ".provenance-results.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"signed"' not in line))
    for _ in range(2):
        assert "3 kept" in office.sign().stdout


@pytest.mark.parametrize("how", ["pipe", "folder", "broken link"])
def test_what_is_no_file_is_in_the_way_of_its_own_alone(how: str, office: Office) -> None:
    office.out.mkdir()
    place = office.out / "001.jpg"
    if how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    done = office.sign()
    assert done.returncode == 1
    assert "2 signed, 1 failed" in done.stdout
    words = "cannot be read: no such file" if how == "broken link" else "and is no plain file"
    assert f"001.jpg: failed: {place}: " in done.stderr
    assert words in done.stderr.lower()
    place.rmdir() if how == "folder" else place.unlink()
    assert "1 signed, 2 kept" in office.sign().stdout


def test_a_folder_whose_name_is_no_text(office: Office) -> None:
    """Its files had their names before their lines could not be written."""
    command = office.sign_command()
    out = Path(os.fsdecode(os.fsencode(office.home) + b"/\xff"))
    command[command.index("--out") + 1] = str(out)
    for said in ("3 signed", "3 kept"):
        done = subprocess.run(command, capture_output=True, check=False, env=office.environment())
        assert done.returncode == 0, done.stderr
        assert said.encode() in done.stdout
    # What a plan names has to be text.
    office.source.rename(office.home / os.fsdecode(b"\xfe"))
    command[command.index("--release") + 1] = str(
        office.home / os.fsdecode(b"\xfe") / "release.yaml"
    )
    refused = subprocess.run(command, capture_output=True, check=False, env=office.environment())
    assert refused.returncode == 2
    assert b"expected a path that is UTF-8" in refused.stderr


def test_a_files_name_is_only_shown(office: Office) -> None:
    """A photographer's: in some terminals, one character begins a command."""
    (office.source / "001.jpg").rename(office.source / "0\x9b31m1\u202e.jpg")
    shown = office.plan()
    assert shown.returncode == 0, shown.stderr
    assert "0\ufffd31m1\ufffd.jpg  (image/jpeg" in shown.stdout
    assert "\x9b" not in shown.stdout
    assert office.sign("--plan", str(office.home / "plan.json"), release=False).returncode == 0


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
            office.sign_command(jobs=2),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=office.environment(),
            start_new_session=True,
        )
        time.sleep(1.2 + moments.random() * 1.5)
        # The whole session: a power cut spares no worker.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stamped_before = _once_quiet(office.desk.tsa.requests)
    done_before = len(office.outputs()) if office.out.exists() else 0

    finished = office.sign(jobs=2)

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


def _once_quiet(requests: list[bytes]) -> int:
    """How many there are, once those of processes that are gone have been answered too."""
    count = -1
    while count != len(requests):
        count = len(requests)
        time.sleep(0.5)
    return count


def test_a_full_disk_leaves_no_half_file(office: Office, small_disk: Path) -> None:
    office.photos(12)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(900_000))
    command = office.sign_command()
    command[command.index("--out") + 1] = str(small_disk)
    failed = office.run(*command)
    assert failed.returncode in {1, 2}, failed.stderr
    # The system's words, or the engine's where it was the one to write the last page.
    words = ("no space left", "write error")
    assert any(word in failed.stderr.lower() for word in words), failed.stderr
    made = list(small_disk.glob("*.jpg"))
    assert len(made) < 12
    verifier = office.desk.verifier()
    assert {verifier.verify(path).verdict for path in made} <= {Verdict.OFFICIAL}
    assert list(small_disk.glob(".*provenance-tmp")) == []
    filler.unlink()
    again = office.run(*command)
    assert again.returncode == 0, again.stderr
    assert len(list(small_disk.glob("*.jpg"))) == 12


def test_an_output_folder_that_cannot_be_written_is_named(office: Office, small_disk: Path) -> None:
    """Mounted read-only, because no permission stops the superuser."""
    command = office.sign_command()
    command[command.index("--out") + 1] = str(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refused = office.run(*command)
    assert refused.returncode == 2
    assert "read-only file system" in refused.stderr.lower()
    assert office.desk.tsa.requests == []
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert list(small_disk.iterdir()) == []
    assert office.run(*command).returncode == 0


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
