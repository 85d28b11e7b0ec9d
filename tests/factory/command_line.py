"""The command line as tests call it: in this process, with its streams kept apart."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

from provenance.cli.main import run

__all__ = ["COMMAND", "Cli", "Done", "command_line", "run_here"]

COMMAND = (sys.executable, "-m", "provenance.cli.main")
"""Begins a command line that is to have a process of its own, to be killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The documents of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def verdicts(self) -> list[str]:
        """Their verdicts."""
        return [report["verdict"] for report in self.reports]


Cli = Callable[..., Done]


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Something that runs a command line in this process."""
    monkeypatch.delenv("PROVENANCE_DEBUG", raising=False)

    def call(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["provenance", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run()
        captured = capsys.readouterr()
        return Done(code=code, out=captured.out, err=captured.err)

    return call


def run_here(*command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run` gives for a command that begins with `COMMAND`, without its start.

    What the command line starts itself (workers, hosts) are processes here too. Code that is
    found by a `PYTHONPATH` of this environment is not: it would stay loaded for the next test.
    """
    assert command[: len(COMMAND)] == COMMAND
    # With descriptors of their own, as some of what is called asks for.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        out_text, err_text = (io.TextIOWrapper(file, "utf-8") for file in (out, err))
        with (
            patch.dict(os.environ, environment, clear=True),
            patch.object(sys, "argv", ["provenance", *command[len(COMMAND) :]]),
            redirect_stdout(out_text),
            redirect_stderr(err_text),
        ):
            code = run()
        said = []
        for text in (out_text, err_text):
            text.flush()
            text.seek(0)
            said.append(text.read())
    return subprocess.CompletedProcess(command, int(code), *said)
