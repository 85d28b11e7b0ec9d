"""The command line over real signed files: results, streams, exit statuses."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from jsonschema import Draft202012Validator

from provenance.cli import judge
from provenance.signing.dev_agency import DevAgency
from tests.factory import media
from tests.factory.command_line import Cli
from tests.factory.hazards import BrokenSetup, HazardousSetup
from tests.factory.sign import ingredient, sidecar, sign

ROOT = Path(__file__).parents[2]


@pytest.fixture
def samples(tmp_path: Path, signed_jpeg: bytes, signed_png: bytes) -> Path:
    """One file for each exit status that a file can lead to."""
    changed = bytearray(signed_png)
    changed[-40] ^= 1
    (tmp_path / "official.jpg").write_bytes(signed_jpeg)
    (tmp_path / "altered.png").write_bytes(bytes(changed))
    (tmp_path / "plain.jpg").write_bytes(media.jpeg(7))
    (tmp_path / "empty.jpg").write_bytes(b"")
    return tmp_path


def subprocess_arguments(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "provenance.cli.main", *arguments]


@pytest.mark.usefixtures("samples")
@pytest.mark.parametrize(
    ("names", "code", "verdicts"),
    [
        ("official.jpg", 0, "official"),
        ("official.jpg plain.jpg", 3, "official unverified"),
        ("plain.jpg empty.jpg", 4, "unverified undetermined"),
        ("empty.jpg altered.png plain.jpg", 1, "undetermined altered unverified"),
        ("gone.jpg altered.png official.jpg", 2, "altered official"),
    ],
)
def test_each_file_is_examined_in_order_and_the_worst_decides(
    cli: Cli, directory: tuple[str, str], names: str, code: int, verdicts: str
) -> None:
    done = cli("verify", "--json", *directory, *names.split())
    assert (done.code, done.verdicts) == (code, verdicts.split())
    assert ("gone.jpg: cannot be opened" in done.err) == ("gone.jpg" in names)


@pytest.mark.usefixtures("samples")
def test_every_document_fits_the_schema(cli: Cli, directory: tuple[str, str]) -> None:
    schema = json.loads((ROOT / "schemas" / "report.schema.json").read_text("utf-8"))
    done = cli("verify", "--json", *directory, "official.jpg", "altered.png", "plain.jpg")
    assert len(done.reports) == 3
    for report in done.reports:
        Draft202012Validator(schema).validate(report)


@pytest.mark.usefixtures("samples")
def test_without_a_directory_nothing_is_official_and_one_line_says_so(cli: Cli) -> None:
    done = cli("verify", "--json", "official.jpg")
    assert (done.code, done.verdicts) == (1, ["signed-unrecognised"])
    assert done.err.splitlines() == [
        "provenance: no agency directory given (--directory): nothing can be called official"
    ]


@pytest.mark.usefixtures("samples")
def test_a_trust_list_makes_a_signer_known_and_not_official(cli: Cli, agency: DevAgency) -> None:
    Path("roots.pem").write_bytes(agency.root_pem)
    done = cli("verify", "--json", "--trust-list", "mine=roots.pem", "official.jpg")
    assert (done.code, done.verdicts) == (1, ["signed"])
    assert done.reports[0]["context"]["trust_lists"][0]["name"] == "mine"
    done = cli("verify", "--require", "signed", "--trust-list", "roots.pem", "official.jpg")
    assert done.code == 0


@pytest.mark.usefixtures("samples")
def test_a_trust_list_whose_name_is_no_text_is_one(cli: Cli, agency: DevAgency) -> None:
    """A report that named it could not be written."""
    file = os.fsdecode(b"\xffroots.pem")
    Path(file).write_bytes(agency.root_pem)
    for given, name in ((file, "\ufffdroots"), (f"mine={file}", "mine")):
        done = cli("verify", "--json", "--trust-list", given, "official.jpg")
        assert (done.code, done.verdicts) == (1, ["signed"]), done.err
        assert done.reports[0]["context"]["trust_lists"][0]["name"] == name


def test_a_person_gets_text_on_standard_output_and_nothing_else_there(
    cli: Cli, directory: tuple[str, str], samples: Path
) -> None:
    name = "오로라\x1b[2J.jpg"
    (samples / name).write_bytes((samples / "official.jpg").read_bytes())
    done = cli("verify", *directory, name, "plain.jpg")
    assert done.code == 3
    assert done.err == ""
    assert done.out.startswith("TEST: judged with a directory made for trials")
    assert "\n오로라\ufffd[2J.jpg\n  [+] official: " in done.out
    assert "\nplain.jpg\n  [ ] unverified: " in done.out
    assert "\x1b" not in done.out


@pytest.mark.usefixtures("samples")
def test_explain_prints_findings_that_passed(cli: Cli, directory: tuple[str, str]) -> None:
    assert "(content-matches)" in cli("verify", "-v", *directory, "official.jpg").out
    assert "(content-matches)" not in cli("verify", *directory, "official.jpg").out


@pytest.mark.usefixtures("samples")
def test_a_file_name_that_is_no_text_is_examined(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    name = os.fsdecode(b"bad\xff.jpg")
    Path(name).write_bytes(signed_jpeg)
    done = cli("verify", *directory, name)
    assert done.code == 0
    assert "bad\ufffd.jpg" in done.out
    assert cli("verify", "--json", *directory, name).verdicts == ["official"]


def test_standard_input_is_examined_once(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    done = cli("verify", "--json", *directory, "-", stdin=signed_jpeg)
    assert (done.code, done.verdicts) == (0, ["official"])
    assert done.reports[0]["asset"]["name"] is None
    assert "(standard input)" in cli("verify", *directory, "-", stdin=signed_jpeg).out
    assert cli("verify", "-", "-").code == 2


def test_a_folder_needs_the_recursive_option_and_an_empty_one_is_no_success(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    Path("d/e").mkdir(parents=True)
    assert cli("verify", "-r", *directory, "d").code == 2
    Path("d/e/a.jpg").write_bytes(signed_jpeg)
    Path("d/.hidden.jpg").write_bytes(b"x")
    done = cli("verify", *directory, "d")
    assert (done.code, done.out) == (2, "")
    assert "d: is a folder" in done.err
    done = cli("verify", "-r", "--json", *directory, "d")
    assert (done.code, done.verdicts) == (0, ["official"])


def test_a_sidecar_beside_the_file_is_found(
    cli: Cli, directory: tuple[str, str], agency: DevAgency
) -> None:
    asset = media.jpeg(3)
    store = sidecar(asset, "image/jpeg", signer=agency.signer())
    Path("d").mkdir()
    Path("d/a.jpg").write_bytes(asset)
    Path("d/a.c2pa").write_bytes(store)
    Path("d/b.jpg").write_bytes(asset)
    done = cli("verify", "-r", "--json", *directory, "d")
    assert (done.code, done.verdicts) == (3, ["official", "unverified"])
    assert done.reports[0]["integrity"]["credentials_from"] == "sidecar"
    done = cli("verify", "--json", *directory, "--sidecar", "d/a.c2pa", "d/b.jpg")
    assert done.verdicts == ["official"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("verify", "Missing argument"),
        ("verify --bogus a", "No such option"),
        ("verify --require everything a", "--require"),
        ("verify --at yesterday a", "--at: expected"),
        ("verify --at 2026-01-01 a", "--at: expected"),
        ("verify --at 2026-02-30T00:00:00Z a", "--at: expected"),
        ("verify --directory gone.json a", "gone.json: cannot be read"),
        ("verify --trust-list gone.pem a", "gone.pem: cannot be read"),
        ("verify --sidecar s a b", "--sidecar"),
        ("verify --fragment s a b", "--fragment"),
        ("inspect --crjson --json a", "--crjson"),
        ("inspect gone.jpg", "gone.jpg: cannot be opened"),
        ("dev sign a b --agency c", "agency folder c"),
        ("nonsense", "nonsense"),
        ("", "Missing command"),
    ],
)
def test_usage_and_configuration_are_one_line_and_status_2(
    cli: Cli, arguments: str, words: str
) -> None:
    done = cli(*arguments.split())
    assert (done.code, done.out) == (2, "")
    lines = [line for line in done.err.splitlines() if "no agency directory" not in line]
    assert len(lines) == 1
    assert words in lines[0]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ("", "provenance"),
        ("nonsense", "provenance"),
        ("verify --bogus a", "provenance verify"),
        ("release plan", "provenance release plan"),
        ("log monitor somewhere", "provenance log monitor"),
        ("log nonsense", "provenance log"),
    ],
)
def test_a_mistake_in_the_command_line_leads_to_the_help_of_its_command(
    cli: Cli, arguments: str, command: str
) -> None:
    done = cli(*arguments.split())
    assert done.code == 2
    assert done.err.endswith(f". See {command} --help\n")
    assert cli(*command.split()[1:], "--help").code == 0


def test_the_package_can_be_run_as_the_command() -> None:
    def run(*module: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *module, "--version"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("provenance").returncode == 0
    assert run("provenance").stdout == run("provenance.cli.main").stdout


@pytest.mark.usefixtures("samples")
def test_two_lists_of_one_name_are_refused(cli: Cli, agency: DevAgency) -> None:
    Path("a.pem").write_bytes(agency.root_pem)
    done = cli("verify", "--trust-list", "a.pem", "--trust-list", "a=a.pem", "official.jpg")
    assert done.code == 2
    assert "expected a list of another name than 'a'" in done.err


def test_a_bug_met_in_one_file_does_not_stop_the_others(
    cli: Cli, directory: tuple[str, str], monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    monkeypatch.setattr(judge, "VerifierSetup", HazardousSetup)
    (samples / "altered.png").rename("bug.png")
    done = cli("verify", "--json", *directory, "gone.jpg", "bug.png", "official.jpg")
    assert (done.code, done.verdicts) == (70, ["official"])
    bug = done.err.splitlines()[1]
    assert bug.startswith("provenance: bug.png: internal error, ZeroDivisionError: a bug")
    assert "Traceback" not in done.err
    monkeypatch.setenv("PROVENANCE_DEBUG", "1")
    assert "Traceback" in cli("verify", *directory, "bug.png").err


@pytest.mark.usefixtures("samples")
def test_a_bug_elsewhere_is_one_line_and_status_70(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "VerifierSetup", BrokenSetup)
    done = cli("verify", "official.jpg")
    assert (done.code, done.out) == (70, "")
    assert len(done.err.splitlines()) == 1
    assert "LookupError: no luck" in done.err


def made_from(agency: DevAgency, signed_jpeg: bytes) -> bytes:
    part = ingredient(signed_jpeg, "image/jpeg", title="</text>stage", label="part")
    opened = {"action": "c2pa.created", "digitalSourceType": "http://example.example/composite"}
    placed = {"action": "c2pa.placed", "parameters": {"ingredientIds": ["part"]}}
    return sign(
        media.jpeg(9),
        "image/jpeg",
        signer=agency.signer(),
        actions=[opened, placed],
        ingredients=[part],
    )


def test_inspect_draws_the_history(
    cli: Cli, directory: tuple[str, str], agency: DevAgency, signed_jpeg: bytes
) -> None:
    Path("a.jpg").write_bytes(made_from(agency, signed_jpeg))
    done = cli("inspect", *directory, "a.jpg", "--svg", "a.svg")
    assert done.code == 0
    assert "action c2pa.created" in done.out
    assert '\n└─ componentOf "</text>stage" (image/jpeg): its credentials hold' in done.out
    assert "a release of Aurora Entertainment" in done.out
    document: Element = fromstring(Path("a.svg").read_bytes())
    assert len(list(document.iter("{http://www.w3.org/2000/svg}path"))) == 1
    assert cli("inspect", "--json", *directory, "a.jpg").verdicts == ["official"]


def test_the_drawing_never_replaces_what_is_inspected(
    cli: Cli, directory: tuple[str, str], signed_jpeg: bytes
) -> None:
    Path("a.jpg").write_bytes(signed_jpeg)
    assert cli("inspect", *directory, "a.jpg", "--svg", "./a.jpg").code == 2
    assert Path("a.jpg").read_bytes() == signed_jpeg


@pytest.mark.usefixtures("samples")
def test_crjson_is_the_engines_and_its_absence_is_status_3(cli: Cli) -> None:
    done = cli("inspect", "--crjson", "official.jpg")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["manifests"]
    done = cli("inspect", "--crjson", "plain.jpg")
    assert (done.code, done.out) == (3, "")


def test_codes_lists_every_finding(cli: Cli) -> None:
    rows = json.loads(cli("codes", "--json").out)
    assert {"code", "axis", "severity", "meaning", "stems_from", "obstacle"} == set(rows[0])
    text = cli("codes").out
    assert all(row["code"] in text for row in rows)
    assert max(map(len, text.splitlines())) <= 80


def test_a_throw_away_agency_signs_and_says_test_everywhere(cli: Cli) -> None:
    Path("a.jpg").write_bytes(media.jpeg(4))
    made = cli("dev", "new-agency", "agency", "--name", "Aurora Entertainment")
    assert made.code == 0
    assert made.out.startswith("TEST")
    assert cli("dev", "new-agency", "agency").code == 2
    signed = cli("dev", "sign", "a.jpg", "b.jpg", "--agency", "agency", "--title", "t")
    assert signed.code == 0
    assert signed.out.startswith("TEST")
    before = Path("b.jpg").read_bytes()
    again = cli("dev", "sign", "a.jpg", "b.jpg", "--agency", "agency")
    assert again.code == 2
    assert "exists already" in again.err
    assert Path("b.jpg").read_bytes() == before
    done = cli("verify", "--directory", "agency/directory.json", "b.jpg")
    assert done.code == 0
    assert done.out.startswith("TEST")
    assert cli("dev", "sign", "b.jpg", "c.jpg", "--agency", "agency").code == 0
    done = cli("inspect", "--directory", "agency/directory.json", "c.jpg")
    assert "action c2pa.opened" in done.out
    assert "parentOf" in done.out


@pytest.mark.parametrize("name", ["", "x" * 41, "a\nb", "오로라"])
def test_a_throw_away_agency_needs_a_usable_name(cli: Cli, name: str) -> None:
    done = cli("dev", "new-agency", "agency", "--name", name)
    assert done.code == 2
    assert not Path("agency").exists()


def test_a_reader_that_leaves_is_no_error(samples: Path, directory: tuple[str, str]) -> None:
    command = subprocess_arguments("verify", *directory, *["official.jpg"] * 5)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=samples, stdout=writer, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": _python_path()}, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def _python_path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_an_interrupt_is_quiet(samples: Path, directory: tuple[str, str]) -> None:
    process = subprocess.Popen(
        subprocess_arguments("verify", *directory, "official.jpg", "-"),
        cwd=samples, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "PYTHONPATH": _python_path()},
    )  # fmt: skip
    assert process.stdout is not None
    # By now it waits for standard input.
    assert process.stdout.readline().startswith("TEST")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (130, "")


# What no command line that verifies one file, or asks for help, waits for.
_HEAVY = {
    "PIL", "aiohttp", "alembic", "av", "cv2", "faiss", "fastapi", "httpx", "jinja2", "numpy", "ray",
    "rich", "sqlalchemy", "starlette", "tuf", "uvicorn", "yaml",
}  # fmt: skip
# What only the processes that examine files load, or those that do something else.
_EXAMINES = {
    "asn1crypto", "c2pa", "cbor2", "cryptography", "provenance.cli.register",
    "provenance.cli.serve", "provenance.cli.sign", "provenance.verification.verifier",
    "pyhanko_certvalidator",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "shows", "without"),
    [
        (("--help",), "Archives of any size", _HEAVY | _EXAMINES | {"pydantic"}),
        (("verify", "--help"), "Exit status", _HEAVY | _EXAMINES | {"provenance.report"}),
        (("verify", "official.jpg"), "official: TEST", _HEAVY | _EXAMINES),
    ],
)
def test_a_command_line_loads_only_what_it_needs(
    samples: Path, directory: tuple[str, str], arguments: tuple[str, ...], shows: str,
    without: set[str],
) -> None:  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *subprocess_arguments(*arguments)[1:]],
        capture_output=True, text=True, check=True, cwd=samples,
        env={**os.environ, "PYTHONPATH": _python_path(), "PROVENANCE_DIRECTORY": directory[1]},
    )  # fmt: skip
    assert shows in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "provenance.cli.app" in loaded
    assert sorted(loaded & without) == []


def test_the_process_that_examines_one_photo_loads_only_what_it_needs(
    samples: Path, directory: tuple[str, str]
) -> None:
    program = f"""
import sys
from pathlib import Path
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers import host
print(*sys.modules)
verifier = VerifierSetup(directory=Path({directory[1]!r})).make()
print(verifier.verify("official.jpg").verdict)
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=samples,
        env={**os.environ, "PYTHONPATH": _python_path()},
    )  # fmt: skip
    early, verdict, late = done.stdout.splitlines()
    assert verdict == "official"
    # Before this it cannot switch off what makes loading slow.
    assert sorted({*early.split()} & {*_HEAVY, "pydantic", "cryptography", "c2pa"}) == []
    loaded = set(late.split())
    assert "pyhanko_certvalidator" in loaded
    others = {
        "requests", "provenance.cli", "provenance.credentials.engine_signing",
        "provenance.credentials.second_engine", "provenance.media.containers.exempt",
        "provenance.media.containers.pdf", "provenance.media.containers.png",
        "provenance.media.metadata.parts", "provenance.signing", "provenance.trust.entity_list",
    }  # fmt: skip
    assert sorted(loaded & (_HEAVY | others)) == []


def _on_a_terminal(command: list[str], cwd: Path) -> tuple[str, str]:
    """Standard output, and what a terminal got as standard error."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=follower, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": _python_path(), "TERM": "xterm", "COLUMNS": "80"},
    ) as process:  # fmt: skip
        os.close(follower)
        assert process.stdout is not None
        out = process.stdout.read().decode()
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                # Linux says EIO when nobody holds the other end any more.
                break
            if not piece:
                break
            shown += piece
    os.close(leader)
    return out, shown.decode(errors="replace")


def test_progress_is_for_terminals_and_more_than_20_files(
    samples: Path, directory: tuple[str, str]
) -> None:
    command = subprocess_arguments("verify", "--json", *directory)
    out, shown = _on_a_terminal([*command, *["official.jpg"] * 21], samples)
    assert len(out.splitlines()) == 21
    assert all(json.loads(line)["verdict"] == "official" for line in out.splitlines())
    assert re.search(r"\d+/21", shown)
    out, shown = _on_a_terminal([*command, *["official.jpg"] * 20], samples)
    assert len(out.splitlines()) == 20
    assert shown == ""


_CANNOT = "standard output: cannot be written: "


@pytest.mark.parametrize(
    ("closed", "name", "code", "said"),
    [
        ("<&-", "official.jpg", 0, "official: TEST"),
        (">&-", "official.jpg", 2, f"{_CANNOT}it is closed"),
        ("2>&-", "official.jpg", 0, "official: TEST"),
        ("2>&-", "gone.jpg", 2, ""),
        ("<&- >&-", "official.jpg", 2, f"{_CANNOT}it is closed"),
        ("<&- >&- 2>&-", "official.jpg", 2, ""),
        (">/dev/full", "official.jpg", 2, f"{_CANNOT}no space left"),
        ("2>/dev/full", "gone.jpg", 2, ""),
        ("2>/dev/full", "official.jpg", 0, "official: TEST"),
    ],
)
def test_streams_that_are_closed_or_full_change_no_verdict(  # noqa: PLR0917 - a row of the table
    samples: Path, directory: tuple[str, str], closed: str, name: str, code: int, said: str
) -> None:
    """Where nobody could be told, the status was that of an altered file, or of a bug."""
    command = subprocess_arguments("verify", *directory, name)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command],
        cwd=samples, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": _python_path()},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    for word in ("bug", "Traceback", "ignored"):
        assert word not in done.stderr
