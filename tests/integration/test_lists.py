"""Stored trust lists, from the command that keeps them to the reports that name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.signing.dev_agency import DevAgency
from tests.factory import media, pki
from tests.factory.command_line import Cli, Done

OTHER, _, _ = pki.three_tier("Borealis", organization="Borealis")


@pytest.fixture(autouse=True)
def files(cli: Cli, agency: DevAgency, signed_jpeg: bytes) -> None:
    """What the commands are given, in their folder."""
    del cli  # It has changed into the folder.
    Path("roots.pem").write_bytes(agency.root_pem)
    Path("other.pem").write_bytes(OTHER.pem)
    Path("a.jpg").write_bytes(signed_jpeg)
    Path("plain.jpg").write_bytes(media.jpeg(7))


def add(cli: Cli, name: str, file: str = "roots.pem", *more: str, purpose: str = "claim") -> Done:
    return cli("lists", "add", name, file, "--purpose", purpose, *more)


def lists_of(done: Done) -> list[tuple[str, str]]:
    lists: list[dict[str, Any]] = done.reports[0]["context"]["trust_lists"]
    return [(entry["name"], entry["purpose"]) for entry in lists]


def test_a_stored_list_is_judged_with_and_named_with_digest_source_and_date(cli: Cli) -> None:
    added = add(
        cli, "studio", "roots.pem", "--source", "by hand",
        "--dated", "2026-10-05T12:00:00Z", "--note", "for trials",
    )  # fmt: skip
    assert (added.code, added.err) == (0, "")
    Path("roots.pem").unlink()
    done = cli("verify", "--json", "a.jpg")
    assert done.verdicts == ["signed"]
    (entry,) = done.reports[0]["context"]["trust_lists"]
    shown = json.loads(cli("lists", "show", "--json").out)
    assert entry == {
        "name": "studio",
        "purpose": "claim",
        "sha256": shown["sha256"],
        "certificates": 1,
        "source": "by hand",
        "dated": "2026-10-05T12:00:00Z",
        "note": "for trials",
    }
    text = cli("verify", "-v", "a.jpg").out
    assert "from by hand, dated 2026-10-05 12:00:00 UTC" in " ".join(text.split())


def test_a_list_of_no_known_date_is_said_to_be_so_where_it_was_asked(cli: Cli) -> None:
    add(cli, "studio")
    add(cli, "fresh", "other.pem", "--dated", "2026-10-05T12:00:00Z")
    freshness = {
        "check": "freshness of list studio",
        "why": "nobody says when it was made",
    }
    signed, plain = cli("verify", "--json", "a.jpg", "plain.jpg").reports
    about = [c for c in signed["checks_not_run"] if c["check"].startswith("freshness")]
    assert about == [freshness]
    assert freshness not in plain["checks_not_run"]
    assert "dated unknown" in " ".join(cli("verify", "-v", "a.jpg").out.split())


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_stored_lists_can_be_left_out(
    cli: Cli, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add(cli, "studio")
    options = ["--no-stored-lists"] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv("PROVENANCE_USE_STORED_LISTS", "false")
    elif how == "file":
        monkeypatch.setenv("PROVENANCE_CONFIG", str(tmp_path / "settings.toml"))
        Path("settings.toml").write_text("use_stored_lists = false\n", "utf-8")
    done = cli("verify", "--json", *options, "a.jpg")
    assert (done.verdicts, lists_of(done)) == (["signed-unrecognised"], [])
    assert lists_of(cli("inspect", "--json", *options, "a.jpg")) == []


def test_inspect_judges_with_stored_lists_too(cli: Cli) -> None:
    add(cli, "studio")
    assert cli("inspect", "--json", "a.jpg").verdicts == ["signed"]


def test_a_list_that_is_given_comes_before_a_stored_one_of_its_name(cli: Cli) -> None:
    add(cli, "studio", "other.pem")
    done = cli("verify", "--json", "--trust-list", "studio=roots.pem", "a.jpg")
    assert (done.verdicts, lists_of(done)) == (["signed"], [("studio", "claim")])
    line = "provenance: list studio: the one given is used, not the stored one of that name"
    assert line in done.err.splitlines()
    done = cli("verify", "--json", "--trust-list", "mine=roots.pem", "a.jpg")
    assert lists_of(done) == [("mine", "claim"), ("studio", "claim")]
    assert "studio" not in done.err


def test_a_stored_list_vouches_for_nothing_but_its_purpose(cli: Cli) -> None:
    add(cli, "studio", purpose="time-stamp")
    done = cli("verify", "--json", "a.jpg")
    assert done.verdicts == ["signed-unrecognised"]
    assert lists_of(done) == [("studio", "time-stamp")]


def test_show_prints_every_list_and_on_demand_its_certificates(cli: Cli) -> None:
    assert cli("lists", "show").err == "provenance: no trust lists are kept\n"
    add(cli, "studio")
    add(cli, "borealis", "other.pem", "--note", "an\x1b[2J \u202enote")
    done = cli("lists", "show")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "borealis: claim, 1 certificate",
        "studio: claim, 1 certificate",
    ]
    assert "  Dated       unknown" in lines
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "Anchor" not in done.out
    assert "Anchor      Borealis TEST root, valid 2025-01-01" in cli("lists", "show", "-v").out
    assert max(map(len, lines)) <= 80


def test_windows_of_the_lists_json_form_are_shown(cli: Cli) -> None:
    Path("list.json").write_text(json.dumps(_entity_list()), "utf-8")
    assert add(cli, "c2pa", "list.json").code == 0
    text = " ".join(cli("lists", "show", "-v").out.split())
    assert "Dated 2026-02-01 00:00:00 UTC" in text
    assert "trusted 2026-01-01 00:00:00 UTC to 2026-03-01 00:00:00 UTC" in text
    (anchor,) = json.loads(cli("lists", "show", "--json").out)["anchors"]
    assert anchor["windows"] == [
        {"from": "2026-01-01T00:00:00+00:00", "to": "2026-03-01T00:00:00+00:00"}
    ]
    checks = cli("verify", "--json", "a.jpg").reports[0]["checks_not_run"]
    assert not any(check["check"].startswith("freshness") for check in checks)


def _entity_list() -> dict[str, Any]:
    body = "".join(OTHER.pem.decode("ascii").splitlines()[1:-1])
    status = "http://c2pa.example/trust-list/"
    information = {
        "ServiceDigitalIdentity": {"X509Certificates": [{"val": body}]},
        "ServiceStatus": f"{status}withdrawn",
        "StatusStartingTime": "2026-03-01T00:00:00Z",
    }
    history = [{"ServiceStatus": f"{status}trusted", "StatusStartingTime": "2026-01-01T00:00:00Z"}]
    service = {"ServiceInformation": information, "ServiceHistory": history}
    return {
        "LoTE": {
            "ListAndSchemeInformation": {"ListIssueDateTime": "2026-02-01T00:00:00Z"},
            "TrustedEntitiesList": [{"TrustedEntityServices": [service]}],
        }
    }


def test_a_damaged_list_is_refused_by_name_and_the_others_are_shown(
    cli: Cli, tmp_path: Path
) -> None:
    add(cli, "studio")
    add(cli, "borealis", "other.pem")
    (kept,) = (tmp_path / ".home/lists").glob("studio-*.list")
    kept.write_bytes(kept.read_bytes() + OTHER.pem)
    for command in (["verify", "a.jpg"], ["inspect", "a.jpg"]):
        done = cli(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("provenance: list studio: expected ")
    done = cli("lists", "show")
    assert done.code == 2
    assert "list studio: expected" in done.err
    assert done.out.startswith("borealis: ")
    assert "studio" not in done.out
    assert cli("verify", "--no-stored-lists", "--json", "a.jpg").verdicts == ["signed-unrecognised"]
    assert cli("lists", "remove", "studio").code == 0
    assert cli("verify", "--json", "a.jpg").code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("add studio roots.pem --purpose claim", "list studio: there is one of that name already"),
        ("add ../x roots.pem --purpose claim", "name of the list: expected letters"),
        ("add x roots.pem", "Missing option '--purpose'"),
        ("add x roots.pem --purpose all", "--purpose"),
        ("add x gone.pem --purpose claim", "gone.pem: cannot be read"),
        ("add x bad.pem --purpose claim", "bad.pem, line 2: "),
        ("add x roots.pem --purpose claim --dated 2026", "--dated: expected a time like"),
        ("remove x", "list 'x': there is none of that name"),
    ],
)
def test_what_cannot_be_kept_is_one_line_and_status_2(cli: Cli, arguments: str, words: str) -> None:
    add(cli, "studio")
    Path("bad.pem").write_bytes(b"\n" + OTHER.pem.replace(b"M", b"*", 1))
    done = cli("lists", *arguments.split())
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line
    assert cli("lists", "show").out.count("claim, 1 certificate") == 1


def test_replacing_a_list_is_asked_for(cli: Cli) -> None:
    add(cli, "studio", "other.pem")
    assert cli("verify", "--json", "a.jpg").verdicts == ["signed-unrecognised"]
    assert add(cli, "studio", "roots.pem", "--replace").code == 0
    assert cli("verify", "--json", "a.jpg").verdicts == ["signed"]


def test_a_wrong_setting_is_one_line_and_status_2(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_DIRECTRY", "d.json")
    done = cli("verify", "a.jpg")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("provenance: PROVENANCE_DIRECTRY: unknown setting; there are home,")


def test_the_directory_may_stand_in_the_settings(
    cli: Cli, directory: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_DIRECTORY", directory[1])
    done = cli("verify", "--json", "a.jpg")
    assert (done.code, done.verdicts, done.err) == (0, ["official"], "")
    monkeypatch.setenv("PROVENANCE_DIRECTORY", "gone.json")
    assert cli("verify", "--json", *directory, "a.jpg").verdicts == ["official"]
    assert "gone.json: cannot be read" in cli("verify", "a.jpg").err


def test_the_largest_age_of_the_directory_is_part_of_the_policy(
    cli: Cli, directory: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_MAX_DIRECTORY_AGE_DAYS", "10")
    done = cli("verify", "--json", *directory, "--at", "2040-01-01T00:00:00Z", "a.jpg")
    assert done.verdicts == ["undetermined"]
    assert done.reports[0]["reason"] == "directory-too-old"
    assert done.reports[0]["context"]["policy"] == {
        "name": "settings",
        "version": "max-directory-age-days=10",
    }
