"""Calls by which a process reaches others, with no other protection in force than seccomp."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

# A kernel that has Landlock refuses some of these too: here it is not asked.
_PROGRAM = """
import ctypes, errno, fcntl, json, os, resource, signal, socket, sys, threading

from provenance.runtime.workers.syscalls import refuse_system_calls

libc = ctypes.CDLL(None, use_errno=True)
number = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name
pair = socket.socketpair()
libc.shmat.restype = ctypes.c_void_p


def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def queue(pid):
    information = (ctypes.c_int * 32)(0, 0, -1)
    call(libc.syscall(number(b"rt_tgsigqueueinfo"), pid, pid, 0, information))


def attach(number):
    if libc.shmat(number, None, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "refused")


def scheduler(pid):
    os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


other = int(sys.argv[2])
core = resource.getrlimit(resource.RLIMIT_CORE)
attempts = {
    "limits": lambda: resource.prlimit(other, resource.RLIMIT_CORE, core),
    "limits, read": lambda: resource.prlimit(other, resource.RLIMIT_CORE),
    "signal": lambda: os.kill(other, 0),
    "queued signal": lambda: queue(other),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, other, 5),
    "processors": lambda: os.sched_setaffinity(other, os.sched_getaffinity(0)),
    "scheduler": lambda: scheduler(other),
    "owner": lambda: fcntl.fcntl(pair[0], fcntl.F_SETOWN, other),
    "owner by number": lambda: fcntl.ioctl(pair[0], 0x8901, other.to_bytes(4, sys.byteorder)),
    "signal of a file": lambda: fcntl.fcntl(pair[0], fcntl.F_SETSIG, signal.SIGKILL),
    "end with the parent": lambda: call(libc.prctl(1, 0, 0, 0, 0)),
    "memory": lambda: attach(int(sys.argv[3])),
    "memory, removed": lambda: call(libc.shmctl(int(sys.argv[3]), 0, None)),
    "own limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, core),
    "own thread": lambda: threading.Thread(target=int).start(),
    "own flags": lambda: fcntl.fcntl(pair[0], fcntl.F_SETFL, os.O_NONBLOCK),
    "own state": lambda: call(libc.prctl(4, 0, 0, 0, 0)),
}
if sys.argv[1] == "shut in":
    call(libc.prctl(38, 1, 0, 0, 0))
    refuse_system_calls()
said = {}
for name, attempt in attempts.items():
    try:
        attempt()
        said[name] = "done"
    except OSError as error:
        said[name] = errno.errorcode[error.errno]
print(json.dumps(said))
"""


def outcomes(how: str) -> dict[str, str]:
    sleep = "import time; time.sleep(600)"
    libc = ctypes.CDLL(None)
    # Whoever knows the number of shared memory need not ask for it by name.
    memory = libc.shmget(0, 4096, 0o1600)
    with subprocess.Popen([sys.executable, "-c", sleep]) as other:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM, how, str(other.pid), str(memory)],
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            other.kill()
            libc.shmctl(memory, 0, None)
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_no_other_process_is_reached_and_ones_own_is() -> None:
    said = outcomes("shut in")
    own = {name for name in said if name.startswith("own ")}
    assert {said[name] for name in own} == {"done"}
    assert {name for name, outcome in said.items() if outcome != "EPERM"} == own


def test_all_of_that_is_possible_otherwise() -> None:
    assert set(outcomes("free").values()) == {"done"}
