"""Landlock: which files may this process still open, by the kernel's own rule?

The rules hold for this process and its children, and can never be taken back.
What is open already stays open.

Source: Linux `Documentation/userspace-api/landlock.rst`, `uapi/linux/landlock.h`.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

__all__ = ["restrict_files"]

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REGULAR, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
# How many kinds of access each version of the interface knows.
_KINDS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_KINDS = 16
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_FILE | _MAKE_REGULAR | _TRUNCATE
_FILE_KINDS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
# Binding and connecting TCP; abstract Unix sockets and signals to others.
_NETWORK, _SCOPES = 0b11, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def restrict_files(
    *, readable: Iterable[Path], writable: Path, startable: Iterable[Path] = ()
) -> None:
    """Open nothing from now on but these files and what is in these folders.

    Where the kernel knows how, TCP and signals to others are refused as well.

    Args:
        readable: Files and folders that may be read; those that are not there are left
            out.
        writable: The one folder in which files may be made.
        startable: Programs, and folders of what they are started with, which may be read too.

    Raises:
        OSError: The kernel has no Landlock, or does not allow it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = _call(libc, _CREATE_RULESET, None, 0, _ASK_VERSION)
    kinds = (1 << _KINDS.get(version, _NEWEST_KINDS)) - 1
    ruleset = _Ruleset(kinds, _NETWORK if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size_bytes = 8 if version < 4 else 16 if version < 6 else 24
    descriptor = _call(libc, _CREATE_RULESET, ctypes.byref(ruleset), size_bytes, 0)
    try:
        for path in readable:
            _allow(libc, descriptor, path, _READ & kinds)
        for path in startable:
            _allow(libc, descriptor, path, (_READ | _EXECUTE) & kinds)
        _allow(libc, descriptor, writable, _WRITE & kinds)
        _call(libc, _RESTRICT_SELF, descriptor, 0)
    finally:
        os.close(descriptor)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, kinds: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            kinds &= _FILE_KINDS
        rule = _PathBeneath(kinds, parent)
        _call(libc, _ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
