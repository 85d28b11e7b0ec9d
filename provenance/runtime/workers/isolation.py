"""What keeps a worker in: applied by the process itself, before its first untrusted byte.

    limits      time, memory, size of files, open files; no core dump
    privileges  no capabilities, none to be gained, no looking in from beside
    network     no socket of any kind can be made
    programs    no program can be started, no other process touched
    files       nothing can be opened but the interpreter's own files, and nothing written
                but in the worker's scratch folder

What the kernel does not allow is left out, and said.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from provenance.runtime.workers.landlock import restrict_files
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.syscalls import refuse_system_calls

__all__ = [
    "IsolationStatus",
    "Protection",
    "end_with_parent",
    "isolate",
    "limit_processor_time",
    "start_confined",
]

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522
# More willing to be killed than whoever started it, when the machine runs out of memory.
_OOM_SCORE_ADJ = 800
_LIBRARIES = (
    *map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")),
    Path("/etc/ld.so.cache"),
)
_DEVICES = (Path("/dev/null"), Path("/dev/urandom"))

# What it protects from, and how that is put in force.
_Step = tuple[tuple[str, ...], Callable[[], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One thing that keeps a worker in.

    Attributes:
        name: `limits`, `privileges`, `network`, `programs` or `files`.
        on: Whether it is in force.
        why: Why it is not.
    """

    name: str
    on: bool
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {'on' if self.on else f'unavailable: {self.why}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationStatus:
    """Which protections are in force in a worker?"""

    protections: tuple[Protection, ...]

    @property
    def missing(self) -> tuple[Protection, ...]:
        """The protections that are not in force."""
        return tuple(entry for entry in self.protections if not entry.on)

    @classmethod
    def from_document(cls, document: list[dict[str, Any]]) -> IsolationStatus:
        """What a worker said of itself, before it touched anything untrusted."""
        return cls(protections=tuple(Protection(**entry) for entry in document))


def isolate(scratch: Path, limits: WorkerLimits) -> IsolationStatus:
    """Shut this process in, for good, and say how far that went.

    Args:
        scratch: The one folder it may write to.
        limits: What it may use.
    """
    os.chdir(scratch)
    tempfile.tempdir = str(scratch)
    return _apply(
        (("limits",), partial(_limit, limits)),
        (("privileges",), _drop_privileges),
        (("files",), partial(restrict_files, readable=_own_files(), writable=scratch)),
        (("network", "programs"), refuse_system_calls),
    )


def start_confined(
    program: Path,
    arguments: Sequence[str],
    *,
    scratch: Path,
    readable: Sequence[Path],
    limits: WorkerLimits,
) -> NoReturn:
    """Become this program, shut in as far as the kernel allows, with nothing in its environment.

    It cannot be refused to start itself, or what lies among the libraries; what that is shut
    in by holds for all of them.

    Args:
        program: Of the machine.
        arguments: Its arguments, without its name.
        scratch: The one folder it may write to; it begins there.
        readable: What it may read beside its libraries.
        limits: What it may use.

    Raises:
        OSError: It cannot be started, or be given limits.
    """
    os.chdir(scratch)
    libraries = (*_LIBRARIES, program.parent.parent / "lib")
    _limit(limits)
    _apply(
        (("privileges",), _drop_privileges),
        (
            ("files",),
            partial(
                restrict_files,
                readable=(*_DEVICES, *readable),
                writable=scratch,
                startable=(program, *libraries),
            ),
        ),
        (("network", "programs"), partial(refuse_system_calls, but={"execve"})),
    )
    # A program may answer the signal by writing half a result; at the second bound it is dead.
    used = resource.getrusage(resource.RUSAGE_SELF)
    at = int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (at, at))
    # The interpreter ignores these, which a program would inherit: it is to end, and not to go
    # on as if everything were written.
    for number in (signal.SIGXFSZ, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.execve(program, [str(program), *arguments], {"LC_ALL": "C", "TMPDIR": str(scratch)})  # noqa: S606 - no shell


def _apply(*steps: _Step) -> IsolationStatus:
    protections: list[Protection] = []
    for names, apply in steps:
        try:
            apply()
            why = ""
        except (OSError, ValueError) as error:
            why = (getattr(error, "strerror", None) or str(error)).lower()
        protections += [Protection(name=name, on=not why, why=why) for name in names]
    return IsolationStatus(protections=tuple(protections))


def limit_processor_time(more_s: int) -> None:
    """Let the kernel end this process after so many more seconds of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    at = int(used.ru_utime + used.ru_stime) + 1 + more_s
    resource.setrlimit(resource.RLIMIT_CPU, (at, resource.RLIM_INFINITY))


def end_with_parent() -> None:
    """Let the kernel end this process when the one that made it ends."""
    _prctl(_SET_PDEATHSIG, 9)


def _limit(limits: WorkerLimits) -> None:
    for kind, bound in (
        (resource.RLIMIT_AS, limits.address_space_bytes),
        (resource.RLIMIT_FSIZE, limits.max_output_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        # Not above what the operator already allows.
        most = resource.getrlimit(kind)[1]
        at_most = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(kind, (at_most, at_most))
    Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE_ADJ), encoding="ascii")


def _drop_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _own_files() -> Iterator[Path]:
    """What the interpreter and its libraries read after they were started."""
    # Some modules are imported when they are first needed.
    for key in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(key))
    yield Path(__file__).parents[2]
    yield from _LIBRARIES
    for name in ("/usr/share/zoneinfo", "/etc/localtime"):
        yield Path(name)
    yield from _DEVICES
