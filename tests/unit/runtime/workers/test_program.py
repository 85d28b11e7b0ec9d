"""A program that is given a stranger's bytes: limited, offline, and confined to its folder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.program import run_confined

PYTHON = Path(sys.executable).resolve()
LIMITS = WorkerLimits(wall_s=60.0, cpu_s=20, max_output_bytes=100_000)

Run = Callable[..., bytes]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python's own program as it would any other, and gives what it printed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def running(code: str, *more: str, limits: WorkerLimits = LIMITS, **how: list[int]) -> bytes:
        with (tmp_path / "output").open("w+b") as output:
            run_confined(
                PYTHON,
                ["-I", "-S", "-c", code, *more],
                scratch=scratch,
                limits=limits,
                output=output,
                **how,
            )
            output.seek(0)
            return output.read()

    return running


def test_what_a_program_is_for(run: Run, tmp_path: Path) -> None:
    asset = tmp_path / "asset"
    asset.write_bytes(b"moving pictures")
    with asset.open("rb") as stream:
        number = stream.fileno()
        code = "import sys; open('result', 'w').write('x'); print(open(sys.argv[1]).read())"
        read = run(code, f"/proc/self/fd/{number}", descriptors=[number])
    assert read == b"moving pictures\n"
    assert (tmp_path / "scratch" / "result").read_bytes() == b"x"


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.socketpair()",
        "import os; os.fork()",
        "import os; os.kill(os.getppid(), 0)",
        "open('/etc/passwd')",
        "open('../beside', 'w')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.symlink('/etc', 'etc')",
        "open('large', 'wb').write(bytes(200_000))",
        "bytearray(4 * 1024**3)",
    ],
)
def test_what_no_program_may(run: Run, tmp_path: Path, code: str) -> None:
    (tmp_path / "beside").write_bytes(b"")
    with pytest.raises(MalformedError, match=r"ended with (status 1|signal 25)$"):
        run(code)
    assert (tmp_path / "beside").read_bytes() == b""


def test_nothing_of_our_environment_is_handed_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "starlight")
    monkeypatch.setenv("LD_PRELOAD", "/nowhere.so")
    names = run("import os; print(sorted(os.environ))")
    assert names.strip() == b"['LC_ALL', 'TMPDIR']"
    assert run("import os; print(os.getcwd())").decode().strip() == str(tmp_path / "scratch")
    assert os.environ["PROVENANCE_KEY_PASSPHRASE"] == "starlight"


def test_a_program_that_never_ends_is_ended(run: Run, tmp_path: Path) -> None:
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    begun = time.monotonic()
    with pytest.raises(LimitError, match="took more than 5 seconds"):
        run(code, limits=replace(LIMITS, wall_s=5.0))
    assert time.monotonic() - begun < 60
    pid = int((tmp_path / "scratch" / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_does_not_heed_its_bound_is_ended(run: Run) -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    with pytest.raises(MalformedError, match="signal 9"):
        run(code, limits=replace(LIMITS, cpu_s=1))


def test_a_program_that_is_not_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="gone: ended with status"):
        run_confined(tmp_path / "gone", [], scratch=tmp_path, limits=LIMITS)
    assert run("print(1)") == b"1\n"
