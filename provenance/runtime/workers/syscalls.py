"""Seccomp: which system calls may this process never make again?

A list of what is refused, not of what is allowed: native libraries need a moving set
of harmless calls, and a worker that dies of one after an upgrade would look like a
hostile file. What is refused is everything that reaches out of the process: networks,
programs, other processes, mounts, and the attributes of files, which Landlock leaves
alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Collection

__all__ = ["FILES", "NETWORK", "PROCESSES", "refuse_system_calls"]

NETWORK = (
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "socketcall",
)  # fmt: skip
"""No new socket of any family; the pair that leads to the parent is open already."""

PROCESSES = (
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "kcmp", "kill", "tkill", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "setpriority", "ioprio_set", "sched_setaffinity", "sched_setattr",
    "sched_setparam", "sched_setscheduler", "migrate_pages", "move_pages",
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "fsopen",
    "fsmount", "open_tree", "mount_setattr", "bpf", "perf_event_open", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "open_by_handle_at", "add_key",
    "request_key", "keyctl", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm",
    "personality", "syslog", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
    "semtimedop", "semctl", "shmget", "shmat", "shmctl", "mq_open", "mq_unlink",
)  # fmt: skip
"""No programs, no other processes, nothing of the machine's own."""

FILES = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr",
    "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
    "removexattrat", "utime", "utimes", "utimensat", "futimesat", "mknod", "mknodat", "link",
    "linkat", "symlink", "symlinkat", "inotify_init", "inotify_init1", "fanotify_init",
)  # fmt: skip
"""No change to what a file is called, belongs to, or permits."""

# From `fcntl.h`, `sockios.h` and `prctl.h`: whom the kernel is to signal about an open file, and
# by what; and whether this process ends with the one that made it.
_COMMANDS = (
    ("fcntl", 1, 8),  # F_SETOWN
    ("fcntl", 1, 10),  # F_SETSIG
    ("fcntl", 1, 15),  # F_SETOWN_EX
    ("ioctl", 1, 0x8901),  # FIOSETOWN
    ("ioctl", 1, 0x8902),  # SIOCSPGRP
    ("prctl", 0, 1),  # PR_SET_PDEATHSIG
)
_CLONE_THREAD = 0x00010000
_LIBRARY = "libseccomp.so.2"
# From `seccomp.h`: actions, comparisons, and the attribute that asks for a search tree.
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NOT_EQUAL, _MASKED_EQUAL = 1, 7
_INT = 0xFFFF_FFFF
_OPTIMIZE, _SEARCH_TREE = 8, 2
_NO_SUCH_CALL = -1


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def refuse_system_calls(*, but: Collection[str] = ()) -> None:
    """Refuse these calls from now on, in every thread to come.

    Args:
        but: Calls that are left.

    Raises:
        OSError: The kernel has no seccomp, or its library is not installed.
    """
    rules = _Rules()
    for name in (*NETWORK, *PROCESSES, *FILES):
        if name not in but:
            rules.refuse(name)
    # A thread is made with a flag that can be looked at; `clone3` hides it in memory, and
    # libraries fall back where it does not exist.
    rules.refuse("clone3", errno.ENOSYS)
    rules.refuse("clone", errno.EPERM, _Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, 0))
    # A process that aborts sends itself a signal.
    rules.refuse("tgkill", errno.EPERM, _Comparison(0, _NOT_EQUAL, os.getpid(), 0))
    # Others can be ended by their limits; its own may be set.
    rules.refuse("prlimit64", errno.EPERM, _Comparison(0, _NOT_EQUAL, 0, 0))
    for name, argument, command in _COMMANDS:
        # Of an argument that is an int, the kernel looks at no more.
        rules.refuse(name, errno.EPERM, _Comparison(argument, _MASKED_EQUAL, _INT, command))
    rules.load()


class _Rules:
    """A filter of libseccomp; what it does not name is allowed."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise OSError(errno.ENOSYS, f"{_LIBRARY} is not installed") from error
        self._library.seccomp_init.restype = ctypes.c_void_p
        filter_at = self._library.seccomp_init(ctypes.c_uint32(_ALLOW))
        if filter_at is None:
            raise OSError(errno.ENOMEM, f"{_LIBRARY} gives no filter")
        self._filter = ctypes.c_void_p(filter_at)
        # An older library has no search trees, and is only slower.
        self._library.seccomp_attr_set(self._filter, _OPTIMIZE, ctypes.c_uint32(_SEARCH_TREE))

    def refuse(self, name: str, error: int = errno.EPERM, *when: _Comparison) -> None:
        """Answer this call with an error; an unknown call is left out."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == _NO_SUCH_CALL:
            # Newer than the library; and the kernel's numbers differ between architectures.
            return
        self._check(
            self._library.seccomp_rule_add_array(
                self._filter,
                ctypes.c_uint32(_ERRNO | error),
                number,
                len(when),
                (_Comparison * len(when))(*when),
            )
        )

    def load(self) -> None:
        """Put the filter in force."""
        try:
            self._check(self._library.seccomp_load(self._filter))
        finally:
            self._library.seccomp_release(self._filter)

    def _check(self, result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result))
