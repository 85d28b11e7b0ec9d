"""Old reports against today: what would change, and why."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.cli import judge
from provenance.report import Report
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.signing.dev_agency import DevAgency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.verification.verifier import Verifier
from tests.factory import media
from tests.factory.command_line import Cli, Done
from tests.factory.sign import sidecar

AT = "2026-06-01T00:00:00Z"


@pytest.fixture(autouse=True)
def files(cli: Cli, signed_jpeg: bytes, signed_png: bytes, agency: DevAgency) -> None:
    """Some files in a folder."""
    del cli  # It has changed into the folder.
    Path("d").mkdir()
    Path("d/a.jpg").write_bytes(signed_jpeg)
    Path("d/b.png").write_bytes(signed_png)
    Path("d/plain.jpg").write_bytes(media.jpeg(7))
    Path("roots.pem").write_bytes(agency.root_pem)


def keep_reports(cli: Cli, *arguments: str, stdin: bytes = b"", at: str = AT) -> list[Any]:
    done = cli("verify", "--json", "--at", at, *arguments, stdin=stdin)
    Path("reports.jsonl").write_text(done.out, "utf-8")
    return done.reports


def replay(cli: Cli, *arguments: str, files: str = "d") -> Done:
    return cli("replay", "reports.jsonl", "--files", files, *arguments)


def change_reports(**context: Any) -> None:
    lines = []
    for line in Path("reports.jsonl").read_text("utf-8").splitlines():
        document = json.loads(line)
        document["context"].update(context)
        lines.append(json.dumps(document))
    Path("reports.jsonl").write_text("\n".join(lines), "utf-8")


def test_where_nothing_changes_that_is_what_it_says(cli: Cli, directory: tuple[str, str]) -> None:
    keep_reports(cli, *directory, "-r", "d")
    done = replay(cli, *directory)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("TEST")
    assert "3 reports: 3 unchanged, 0 changed (0 of them official no longer)" in done.out
    assert [d["outcome"] for d in replay(cli, *directory, "--json").reports] == ["unchanged"] * 3


def test_a_file_is_found_by_its_bytes_whatever_its_name(
    cli: Cli, directory: tuple[str, str]
) -> None:
    keep_reports(cli, *directory, "d/a.jpg")
    Path("d/deep").mkdir()
    # A name that says another type than the bytes would be a finding.
    Path("d/a.jpg").rename("d/deep/0001.png")
    (document,) = replay(cli, *directory, "--json").reports
    assert (document["outcome"], document["name"]) == ("unchanged", "d/a.jpg")


def test_an_agency_that_left_the_directory_is_official_no_longer(
    cli: Cli, directory: tuple[str, str], agency: DevAgency
) -> None:
    keep_reports(cli, *directory, "-r", "d")
    later = agency.directory_entry()
    later.update(version=2, agencies=[])
    Path("later.json").write_text(json.dumps(later), "utf-8")
    done = replay(cli, "--directory", "later.json")
    assert done.code == 1
    text = " ".join(done.out.split())
    assert "Because of directory (" in text
    assert "version 2 (local, unsigned" in text
    assert "d/a.jpg (line 1): official -> signed-unrecognised" in text
    assert "signer, agency: aurora-entertainment -> none" in text
    assert "3 reports: 1 unchanged, 2 changed (2 of them official no longer)" in text
    first, second, third = replay(cli, "--directory", "later.json", "--json").reports
    assert list(first["causes"]) == list(second["causes"]) == ["directory"]
    assert first["new"]["verdict"] == "signed-unrecognised"
    assert (third["outcome"], third["causes"], third["changes"]) == ("unchanged", {}, [])


def test_a_list_that_is_new_is_named_and_nothing_is_lost(cli: Cli) -> None:
    keep_reports(cli, "d/a.jpg")
    done = replay(cli, "--trust-list", "studio=roots.pem")
    assert done.code == 0
    assert "Because of trust-lists (studio (claim): new):" in done.out
    assert "d/a.jpg (line 1): signed-unrecognised -> signed" in done.out
    assert cli("lists", "add", "studio", "roots.pem", "--purpose", "claim").code == 0
    assert "signed-unrecognised -> signed" in replay(cli).out
    assert "1 unchanged" in replay(cli, "--no-stored-lists").out


def test_a_register_that_was_not_asked_then_is_named(
    cli: Cli, directory: tuple[str, str], agency: DevAgency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "starlight over the river")
    write_dev_agency(agency, Path("agency"), passphrase=b"starlight over the river")
    register = ("--register", "releases.db")
    done = cli(
        "register", "add", "d/a.jpg", "--release", "NOVA9-1", *register, *directory,
        "--key", "agency/leaf.key.pem", "--certificate", "agency/chain.pem",
    )  # fmt: skip
    assert done.code == 0, done.err
    # Later than that, so that time has no share in it.
    at = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    keep_reports(cli, *directory, "d/a.jpg", at=at)
    text = " ".join(replay(cli, *directory, *register).out.split())
    assert "Because of register (none -> " in text
    assert "d/a.jpg (line 1): still official" in text
    assert "unknown" not in text.partition("d/a.jpg")[0]
    keep_reports(cli, *directory, *register, "d/a.jpg", at=at)
    assert "1 unchanged" in replay(cli, *directory, *register).out


def test_what_time_did_is_told_apart_from_what_the_directory_did(
    cli: Cli, directory: tuple[str, str]
) -> None:
    # Judged before the certificate's first day: time alone makes it official.
    keep_reports(cli, *directory, "d/a.jpg", at="2024-06-01T00:00:00Z")
    (document,) = replay(cli, *directory, "--json").reports
    assert (document["old"]["reason"], document["new"]["verdict"]) == (
        "certificate-not-yet-valid",
        "official",
    )
    assert list(document["causes"]) == ["time"]
    (document,) = replay(cli, *directory, "--json", "--at-original-time").reports
    assert document["outcome"] == "unchanged"
    # A directory where there was none then; and with it, time makes it official.
    keep_reports(cli, "d/a.jpg", at="2024-06-01T00:00:00Z")
    (document,) = replay(cli, *directory, "--json").reports
    assert (list(document["causes"]), document["also_time"]) == (["directory"], True)
    assert "), and time:" in " ".join(replay(cli, *directory).out.split())
    (document,) = replay(cli, *directory, "--json", "--at-original-time").reports
    assert (list(document["causes"]), document["also_time"]) == (["directory"], False)


def test_of_several_causes_none_is_singled_out(cli: Cli, directory: tuple[str, str]) -> None:
    keep_reports(cli, *directory, "d/a.jpg")
    engine = {"name": "c2pa-python", "version": "0.1.0", "native_version": "0.1.0"}
    change_reports(engine=engine)
    assert "1 unchanged" in replay(cli, *directory).out
    text = " ".join(replay(cli).out.split())
    assert "Because of one or more of engine (c2pa-python 0.1.0 (native 0.1.0) -> " in text
    assert ") or directory (" in text


def test_a_file_that_is_missing_is_told_and_counted(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    keep_reports(cli, *directory, "d/a.jpg", "d/b.png")
    Path("d/a.jpg").unlink()
    done = replay(cli, *directory)
    assert done.code == 0
    sha256 = hashlib.sha256(signed_jpeg).hexdigest()
    assert done.err.splitlines() == [
        f"provenance: line 1, d/a.jpg: not verified again: no file of SHA-256 {sha256} in d"
    ]
    assert "2 reports: 1 unchanged, 0 changed (0 of them official no longer), 1 not verified" in (
        " ".join(done.out.split())
    )
    missing, _ = replay(cli, *directory, "--json").reports
    assert (missing["outcome"], missing["new"]) == ("not-verified", None)
    # A changed file is another file.
    Path("d/a.jpg").write_bytes(signed_jpeg[:-1] + b"\x00")
    assert "no file of SHA-256" in replay(cli, *directory).err


def test_nothing_verified_is_no_success(cli: Cli, directory: tuple[str, str]) -> None:
    keep_reports(cli, *directory, "d/a.jpg")
    Path("d/a.jpg").unlink()
    assert replay(cli, *directory).code == 2


def test_the_sidecar_of_then_is_needed_and_a_new_one_is_not_used(
    cli: Cli, directory: tuple[str, str], agency: DevAgency
) -> None:
    asset = media.jpeg(3)
    store = sidecar(asset, "image/jpeg", signer=agency.signer())
    Path("d/s.jpg").write_bytes(asset)
    keep_reports(cli, *directory, "d/s.jpg")
    Path("d/s.c2pa").write_bytes(store)
    assert "1 unchanged" in replay(cli, *directory).out
    keep_reports(cli, *directory, "d/s.jpg")
    assert "1 unchanged" in replay(cli, *directory).out
    Path("d/s.c2pa").unlink()
    done = replay(cli, *directory)
    assert done.code == 2
    assert "no file with its sidecar of SHA-256" in done.err


def test_fragments_are_found_by_their_bytes(cli: Cli, directory: tuple[str, str]) -> None:
    keep_reports(cli, *directory, "d/plain.jpg")
    document = json.loads(Path("reports.jsonl").read_text("utf-8"))
    piece = media.jpeg(11)
    document["asset"]["fragments"] = [hashlib.sha256(piece).hexdigest()]
    Path("reports.jsonl").write_text(json.dumps(document), "utf-8")
    assert "no fragment of SHA-256" in replay(cli, *directory).err
    Path("d/piece").write_bytes(piece)
    assert replay(cli, *directory).err == ""


def test_a_report_about_standard_input_holds_no_name_against_its_file(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    keep_reports(cli, *directory, "-", stdin=signed_jpeg)
    Path("d/a.jpg").rename("d/a.png")
    assert "1 unchanged" in replay(cli, *directory).out


def test_reports_without_newer_fields_are_read(cli: Cli, directory: tuple[str, str]) -> None:
    keep_reports(cli, *directory, "d/a.jpg")
    document = json.loads(Path("reports.jsonl").read_text("utf-8"))
    for newer in ("identity", "resemblance"):
        del document[newer]
    for newer in ("second_engine", "network_allow"):
        del document["context"][newer]
    Path("reports.jsonl").write_text(f"\n{json.dumps(document)}\n\n", "utf-8")
    (again,) = replay(cli, *directory, "--json").reports
    assert (again["line"], again["outcome"]) == (2, "unchanged")


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("{", "reports.jsonl, line 2: expected a report of schema version 1.0: document: Inval"),
        ('{"schema_version":"2.0"}', "reports.jsonl, line 2: expected a report of schema version"),
        ("[]", "reports.jsonl, line 2: expected a report of schema version 1.0: document: Input"),
    ],
)
def test_a_line_that_is_no_report_is_named_before_anything_is_verified(
    cli: Cli, directory: tuple[str, str], spoilt: str, words: str
) -> None:
    keep_reports(cli, *directory, "d/a.jpg")
    good = Path("reports.jsonl").read_text("utf-8")
    Path("reports.jsonl").write_text(f"{good}{spoilt}\n{good}", "utf-8")
    done = replay(cli, *directory)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("reports", "folder", "words"),
    [
        ("gone.jsonl", "d", "gone.jsonl: cannot be read"),
        ("empty.jsonl", "d", "empty.jsonl: expected at least one report with a digest, got none"),
        ("empty.jsonl", "gone", "gone: expected a folder"),
        ("empty.jsonl", "empty.jsonl", "empty.jsonl: expected a folder"),
    ],
)
def test_what_is_missing_is_one_line_and_status_2(
    cli: Cli, reports: str, folder: str, words: str
) -> None:
    Path("empty.jsonl").write_bytes(b"\n")
    done = cli("replay", reports, "--files", folder)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line


class _BuggyVerifier(Verifier):
    def verify(self, source: Any, **options: Any) -> Report:
        if str(source).endswith("a.jpg"):
            raise ZeroDivisionError("a bug")
        return super().verify(source, **options)


class _BuggySetup(VerifierSetup):
    def make(self, **options: Any) -> Verifier:
        verifier = VerifierSetup.make(self, **options)
        verifier.__class__ = _BuggyVerifier
        return verifier


def test_a_bug_met_in_one_file_does_not_stop_the_others(
    cli: Cli, directory: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_reports(cli, *directory, "d/a.jpg", "d/b.png")
    monkeypatch.setattr(judge, "VerifierSetup", _BuggySetup)
    done = replay(cli, *directory)
    assert done.code == 70
    assert "line 1, d/a.jpg: internal error, ZeroDivisionError: a bug" in done.err
    assert "1 unchanged" in done.out


def test_names_of_strangers_do_nothing_to_the_terminal(cli: Cli) -> None:
    keep_reports(cli, "d/a.jpg")
    document = json.loads(Path("reports.jsonl").read_text("utf-8"))
    document["asset"]["name"] = "\x1b[2J\u202ea.jpg"
    Path("reports.jsonl").write_text(json.dumps(document), "utf-8")
    done = replay(cli, "--trust-list", "studio=roots.pem")
    assert "\ufffd[2J\ufffda.jpg (line 1)" in done.out
    assert "\x1b" not in done.out + done.err
