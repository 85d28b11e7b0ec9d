"""A program of the machine that is given a stranger's bytes: limited, offline, confined.

What is called here is our own interpreter, which shuts itself in and then becomes the program:
between the two there is no moment in which the program runs free.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from provenance.errors import LimitError, MalformedError
from provenance.runtime.workers.host_process import own_environment
from provenance.runtime.workers.isolation import end_with_parent, start_confined
from provenance.runtime.workers.limits import WorkerLimits

__all__ = ["run_confined"]


def run_confined(
    program: Path,
    arguments: Sequence[str],
    *,
    scratch: Path,
    limits: WorkerLimits,
    descriptors: Sequence[int] = (),
    output: IO[bytes] | None = None,
) -> None:
    """Run a program to its end; whatever it says beside its output is thrown away.

    Args:
        program: Its absolute path.
        arguments: Its arguments. Nothing that a stranger has chosen may be among them.
        scratch: The folder it begins in, and the one place it may write to.
        limits: What it may use; `wall_s` and `cpu_s` for all of it.
        descriptors: Files it may read, open here: to it they are `/proc/self/fd/NUMBER`.
        output: Where its output goes; an open file.

    Raises:
        MalformedError: It cannot be started, or did not end well.
        LimitError: It took too long.
    """
    task = {
        "program": str(program),
        "arguments": list(arguments),
        "scratch": str(scratch),
        "readable": [f"/proc/self/fd/{number}" for number in descriptors],
        "limits": asdict(limits),
        "parent": os.getpid(),
    }
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "provenance.runtime.workers.program", json.dumps(task)],
            cwd=scratch,
            env=own_environment(),
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if output is None else output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise MalformedError(f"{program.name}: cannot be started: {error.strerror}") from error
    try:
        status = process.wait(limits.wall_s)
    except subprocess.TimeoutExpired as error:
        raise LimitError(f"{program.name}: took more than {limits.wall_s:g} seconds") from error
    finally:
        # Whatever ended the wait, it and what it may have started are not left behind.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if status:
        how = f"status {status}" if status > 0 else f"signal {-status}"
        raise MalformedError(f"{program.name}: ended with {how}")


def main(text: str) -> None:
    """Become the program of this task."""
    task = json.loads(text)
    end_with_parent()
    if os.getppid() != task["parent"]:
        # The parent ended before it could take this process along.
        sys.exit(1)
    start_confined(
        Path(task["program"]),
        task["arguments"],
        scratch=Path(task["scratch"]),
        readable=[Path(place) for place in task["readable"]],
        limits=WorkerLimits(**task["limits"]),
    )


if __name__ == "__main__":
    main(sys.argv[1])
