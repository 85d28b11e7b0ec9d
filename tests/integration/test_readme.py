"""The README says what the program says: help texts, names, files it points to.

    python -m tests.integration.test_readme --write

writes the generated parts again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import provenance
from provenance.verdict import Verdict

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_HELP = re.compile(
    r"(<!-- help: (?P<command>[a-z -]+) -->\n)(?P<body>.*?)(<!-- /help -->)", re.DOTALL
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


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(rendered(README.read_text("utf-8")), "utf-8")
