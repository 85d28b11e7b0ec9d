"""The README says what the program says: help texts, names, files it points to.

    python -m tests.integration.test_readme --write

writes the generated parts again.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import provenance
from provenance.moderation.contacts import new_key_line
from provenance.moderation.outcomes.receivers import EVENTS
from provenance.records.webhooks import sign_webhook
from provenance.runtime.clock import system_clock
from provenance.runtime.moderation_settings import ModerationSettings
from provenance.runtime.receivers_file import load_receivers
from provenance.runtime.settings import load_settings
from provenance.runtime.staff_settings import StaffSettings
from provenance.signing.dev_agency import create_dev_agency
from provenance.verdict import Verdict
from tests.factory import media
from tests.factory.command_line import Cli
from tests.factory.desk import write_release
from tests.factory.office import Office

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_HELP = re.compile(
    r"(<!-- help: (?P<command>[a-z -]+) -->\n)(?P<body>.*?)(<!-- /help -->)", re.DOTALL
)

_RUN = re.compile(
    r"<!-- run: (?P<name>[a-z]+) -->\n```console\n(?P<body>.*?)```\n<!-- /run -->", re.DOTALL
)


def help_of(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", *command.split(), "--help"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"},
    )
    return f"```text\n{done.stdout.strip()}\n```\n"


def rendered(text: str) -> str:
    return _HELP.sub(lambda m: m[1] + help_of(m["command"]) + m[4], text)


def test_help_texts_are_those_of_the_program() -> None:
    text = README.read_text("utf-8")
    assert _HELP.search(text)
    assert text == rendered(text), "run: python -m tests.integration.test_readme --write"


def test_every_verdict_is_explained() -> None:
    text = README.read_text("utf-8")
    for verdict in Verdict:
        assert f"| `{verdict.value}` |" in text


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_files_it_points_to_are_there(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target


def test_the_python_example_uses_public_names() -> None:
    text = README.read_text("utf-8")
    names = set(re.findall(r"provenance\.([A-Za-z_]+)\(?", text[text.index("## In Python") :]))
    used = {name for name in names if name in dir(provenance)}
    assert {"load_directory", "Verifier", "system_clock"} <= used


def test_the_example_of_the_pool_prints_verdicts(tmp_path: Path, signed_jpeg: bytes) -> None:
    text = README.read_text("utf-8")
    start = text.rindex("```python\n", 0, text.index("pool.verify_many(")) + len("```python\n")
    code = text[start : text.index("```", start)]
    entry = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=system_clock(),
    ).directory_entry()
    (tmp_path / "directory.json").write_text(json.dumps(entry), "utf-8")
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "a.jpg").write_bytes(signed_jpeg)
    (uploads / "b").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    picture, folder = sorted(done.stdout.splitlines())
    assert picture.startswith("uploads/a.jpg signed-unrecognised ")
    assert folder.startswith("uploads/b cannot be read: ")


def commands_in(name: str) -> list[tuple[str, str]]:
    """The commands of a block of the README, each with what it prints."""
    (body,) = [m["body"] for m in _RUN.finditer(README.read_text("utf-8")) if m["name"] == name]
    parts = body.replace("\\\n", " ").split("$ provenance ")[1:]
    return [(line, said) for line, _, said in (part.partition("\n") for part in parts)]


def test_a_catalogue_goes_the_way_that_it_describes(office: Office) -> None:
    for number in range(2):
        folder = office.home / "catalogue" / f"NOVA9-2026-{number}"
        folder.mkdir(parents=True)
        for picture in range(2):
            (folder / f"{picture}.jpg").write_bytes(media.jpeg(1 + 2 * number + picture))
        entry = {"glob": "*.jpg", "digital_source_type": "digitalCapture"}
        write_release(folder, [entry], release_id=folder.name)
    tsa = office.desk.tsa.url
    # The README's authority is nobody's; that of the test is on loopback.
    environment = office.environment() | {"PROVENANCE_NETWORK_ALLOW": tsa.split("/")[2]}
    for line, said in commands_in("bulk"):
        words = [word.replace("http://timestamp.example", tsa) for word in shlex.split(line)]
        done = subprocess.run(
            [sys.executable, "-m", "provenance.cli.main", *words],
            cwd=office.home, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, said), f"{line}\n{done.stderr}"


def moderation_section() -> str:
    text = README.read_text("utf-8")
    return text[text.index("## Complaints and review") : text.index("## In Python")]


def test_moderation_is_set_up_the_way_that_it_describes(cli: Cli) -> None:
    for line, said in commands_in("moderation"):
        done = cli(*shlex.split(line))
        # Of what differs each time the README shows three dots.
        wanted = re.escape(said).replace(re.escape("..."), ".*")
        assert done.code == 0, f"{line}\n{done.err}"
        assert re.fullmatch(wanted, done.out), f"{line}\n{done.out}"


def test_every_setting_and_event_of_moderation_is_explained() -> None:
    section = moderation_section()
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9._-]+)`", row)}
    for model in (ModerationSettings, StaffSettings):
        assert set(model.model_fields) - named == set()
    assert set(EVENTS) - named == set()


def test_settings_and_receivers_are_read_as_they_stand_there(tmp_path: Path) -> None:
    settings, receivers = re.findall(r"```toml\n(.*?)```", moderation_section(), re.DOTALL)
    (tmp_path / "config.toml").write_text(settings, "utf-8")
    loaded = load_settings(environ={"PROVENANCE_CONFIG": str(tmp_path / "config.toml")})
    assert loaded.moderation.contact_key == tmp_path / "contacts.key"
    assert set(tomllib.loads(settings)) == {"network_allow", "service", "moderation", "staff"}
    path = tmp_path / "receivers.toml"
    secret = new_key_line(os.urandom, "one").split()[1]
    path.write_text(receivers.replace("whsec_...", f"whsec_{secret}"), "utf-8")
    path.chmod(0o600)
    kinds = [one.kind for one in load_receivers(path, network_allow=loaded.network_allow)]
    assert kinds == ["platform", "mail"]


def test_a_message_is_checked_the_way_that_it_describes() -> None:
    (body,) = re.findall(r"<!-- payload -->\n```json\n(.*?)```", moderation_section(), re.DOTALL)
    assert json.loads(body)["type"] in EVENTS
    (code,) = re.findall(
        r"<!-- signature -->\n```python\n(.*?)```", moderation_section(), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(code, names)
    is_ours, key = names["is_ours"], os.urandom(32)
    secret = f"whsec_{base64.b64encode(key).decode()}"
    now = system_clock()
    headers = sign_webhook(key, id="msg_1", at=now, body=body)
    assert is_ours(headers, body.encode(), secret)
    assert not is_ours(headers, body.encode() + b" ", secret)
    assert not is_ours(headers, body.encode(), "whsec_" + "A" * 44)
    late = sign_webhook(key, id="msg_1", at=now - timedelta(hours=1), body=body)
    assert not is_ours(late, body.encode(), secret)


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(rendered(README.read_text("utf-8")), "utf-8")
