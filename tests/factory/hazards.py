"""A verifier that does, for files of certain names, what hostile files do to native code."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provenance.report import Report
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.verification.verifier import Verifier

__all__ = ["BrokenSetup", "HazardousSetup", "HazardousVerifier"]


def _hang() -> None:
    time.sleep(600)


def _spin() -> None:
    while True:
        pass


def _eat() -> None:
    """What Rust does when an allocation fails: say so, and abort."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    if libc.malloc(ctypes.c_size_t(1 << 36)) is None:
        os.write(2, b"memory allocation of 68719476736 bytes failed\n")
        os.abort()


def _eat_in_python() -> None:
    bytearray(1 << 36)


def _eat_by_stacks() -> None:
    """What a thread that there is no room for looks like."""
    threading.stack_size(1 << 36)
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def _die_by(number: int) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


def _bug() -> None:
    raise ZeroDivisionError("a bug")


def _fill() -> None:
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(bytes(1024 * 1024))


def _lie() -> None:
    """Send something else than a report, as a worker that was taken over might."""
    os.write(0, (12).to_bytes(4) + b'R{"verdict":')
    time.sleep(600)


def _say(message: bytes) -> None:
    """Send this to the parent, as a worker that was taken over might."""
    os.write(0, len(message).to_bytes(4) + message)


def _babble() -> None:
    _say(b"[1, 2]")
    time.sleep(600)


def _ask_the_register(pause_s: float) -> Callable[[], None]:
    """Ask the register about everything there is, again and again."""
    question = json.dumps({"register": "files", "at": "2026-11-01T00:00:00Z", "sha256": "0" * 64})

    def ask() -> None:
        while True:
            _say(question.encode())
            length = int.from_bytes(os.read(0, 4))
            while length > 0:
                length -= len(os.read(0, length))
            time.sleep(pause_s)

    return ask


def _ask_deaf() -> None:
    """Ask again and again, and read no answer."""
    question = json.dumps({"register": "files", "at": "2026-11-01T00:00:00Z", "sha256": "0" * 64})
    for _ in range(1_500):
        _say(question.encode())
    time.sleep(600)


def _stay() -> None:
    """Answer as if that were the end of it, and go on."""
    _say(json.dumps({"failed": "memory-exhausted", "why": "so it says"}).encode())
    time.sleep(600)


def _hand_out() -> None:
    """Give the parent open files that it did not ask for."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(0))
    message = json.dumps({"register": "files"}).encode()
    for _ in range(5):
        socket.send_fds(connection, [len(message).to_bytes(4) + message], [1] * 200)
        length = int.from_bytes(os.read(0, 4))
        while length > 0:
            length -= len(os.read(0, length))


def _forbidden() -> dict[str, str]:
    """What is done about everything that a worker must not do."""
    attempts: dict[str, Callable[[], Any]] = {
        "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "socket6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "unix socket": lambda: socket.socket(socket.AF_UNIX),
        "fork": os.fork,
        "program": lambda: subprocess.run(["/bin/true"], check=True),
        "signal": lambda: os.kill(os.getppid(), 0),
        "limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 5),
        "signal of a file": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()),
        "read": lambda: Path("/etc/passwd").read_bytes(),
        "list": lambda: list(Path("/tmp").iterdir()),
        "write": lambda: Path("/tmp/provenance-should-not-be-here").write_bytes(b"x"),
        "mode": lambda: Path("/tmp").chmod(0o777),
        "own code": lambda: Path(__file__).open("ab").close(),
        "environment": lambda: Path("/proc/self/environ").read_bytes(),
    }
    said = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            said[name] = "done"
        except OSError as error:
            said[name] = type(error).__name__
    Path(tempfile.gettempdir(), "mine").write_bytes(b"x")
    return {**said, "scratch": "done", "variables": " ".join(sorted(os.environ))}


_HAZARDS: dict[str, Callable[[], Any]] = {
    "hang": _hang,
    "spin": _spin,
    "eat": _eat,
    "eat-in-python": _eat_in_python,
    "eat-by-stacks": _eat_by_stacks,
    "segv": _die_by(signal.SIGSEGV),
    "killed": _die_by(signal.SIGKILL),
    "abort": os.abort,
    "exit": lambda: os._exit(3),
    "bug": _bug,
    "fill": _fill,
    "lie": _lie,
    "babble": _babble,
    "ask-without-end": _ask_the_register(0),
    "ask-slowly": _ask_the_register(0.05),
    "ask-deaf": _ask_deaf,
    "stay": _stay,
    "hand-out": _hand_out,
}


class HazardousVerifier(Verifier):
    """Does what the stem of a file's name says, and verifies what has no such name."""

    def verify(self, source: Any, *, name: str | None = None, **options: Any) -> Report:
        stem = Path(name or "").stem.rpartition("~")[2]
        if stem == "forbidden":
            report = super().verify(source, name=name, **options)
            return report.model_copy(update={"summary": json.dumps(_forbidden())})
        _HAZARDS.get(stem, lambda: None)()
        return super().verify(source, name=name, **options)


class HazardousSetup(VerifierSetup):
    """Makes a verifier with hazards."""

    def make(self, **options: Any) -> Verifier:
        verifier = VerifierSetup.make(self, **options)
        verifier.__class__ = HazardousVerifier
        return verifier


class BrokenSetup(VerifierSetup):
    """Meets a bug before there is any file."""

    def make(self, **_options: Any) -> Verifier:
        raise LookupError("no luck")
