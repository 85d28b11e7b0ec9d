"""Speed of the command line from its start: rows of the table that `make bench` prints.

What counts is processor time, of the command and of every process that it starts: on a
shared machine it says more than the clock does. Bytecode is written and read as in an
installed package.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Start", "help_start", "import_start", "verify_start"]

_RIVAL = (
    'import sys, c2pa; f = open(sys.argv[1], "rb"); c2pa.Reader("image/jpeg", f).json(); f.close()'
)
_OURS = (sys.executable, "-m", "provenance.cli.main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What one run of a command took.

    Attributes:
        cpu_ms: Processor time of all its processes together.
        wall_ms: By the clock.
    """

    cpu_ms: float
    wall_ms: float


def verify_start(path: Path, directory: Path) -> Callable[[], Start]:
    """`provenance verify` of one file, with a directory."""
    return _starting(*_OURS, "verify", str(path), "--directory", str(directory))


def help_start() -> Callable[[], Start]:
    """`provenance --help`."""
    return _starting(*_OURS, "--help")


def import_start(path: Path) -> Callable[[], Start]:
    """A process that imports the engine alone, and reads the file with it."""
    return _starting(sys.executable, "-c", _RIVAL, str(path))


def _starting(*command: str) -> Callable[[], Start]:
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }

    def start() -> Start:
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            command, check=True, env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wall_s = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Start(cpu_ms=cpu_s * 1000, wall_ms=wall_s * 1000)

    return start
