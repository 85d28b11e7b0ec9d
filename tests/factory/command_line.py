"""The command line as tests call it: in this process, with its streams kept apart."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from provenance.cli.main import run

__all__ = ["Cli", "Done", "command_line"]


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
