"""A release log that is written by commands which are killed at any instant."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["KeptLog"]

_COMMAND = (sys.executable, "-m", "provenance.cli.main", "log")
_REST_S = 0.3


class KeptLog:
    """What the agency stated, and the log that ought to hold all of it.

    Args:
        folder: Where the log is made.
        directory: The agency directory; only its agencies' statements are taken.
    """

    def __init__(self, folder: Path, directory: Path) -> None:
        self._log, self._directory = folder / "log", directory
        self._lines = folder / "statements"
        self._stated: list[bytes] = []
        self._lock = threading.Lock()
        self._random = random.Random(7)
        self.killed = 0
        made = self._run(
            "init", str(self._log), "--origin", "log.example/soak", "--unsafe-plain-key"
        )
        assert made.returncode == 0, made.stderr

    def state(self, statement: bytes) -> None:
        """The agency stated this; it has to be in the log in the end."""
        with self._lock:
            self._stated.append(statement)

    def keep(self, stop: threading.Event) -> None:
        """Write what was stated, and kill every second command in the middle of it."""
        while not stop.is_set():
            self._write()
            with subprocess.Popen(
                self._append(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                if self._random.random() < 0.5:
                    time.sleep(0.3 + self._random.random())
                    with suppress(ProcessLookupError):
                        process.send_signal(signal.SIGKILL)
                self.killed += process.wait() == -signal.SIGKILL
            stop.wait(_REST_S)

    def wrong(self) -> list[str]:
        """What is not as it should be, once everything was given to it again?"""
        count = self._write()
        done = subprocess.run(self._append(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return [f"the log takes no more: {done.stderr}"]
        checked = self._run("fsck", str(self._log))
        expected = f"{self._log}: {count} entries: sound\n"
        if checked.returncode != 0 or checked.stdout != expected:
            return [f"the log: expected {expected.strip()!r}, got {checked.stdout!r}"]
        return []

    def _write(self) -> int:
        with self._lock:
            lines = b"".join(line + b"\n" for line in self._stated)
            count = len(self._stated)
        self._lines.write_bytes(lines)
        return count

    def _append(self) -> list[str]:
        files = (str(self._log), str(self._lines))
        return [
            *_COMMAND, "append", *files, "--directory", str(self._directory), "--unsafe-plain-key"
        ]  # fmt: skip

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*_COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
