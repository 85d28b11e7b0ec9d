"""The operator's key for secrets at rest: a file of 32 bytes that only its owner may read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from provenance.atomic_files import new_file
from provenance.errors import ConfigurationError
from provenance.staff.sealing import KEY_BYTES

__all__ = ["read_or_make_key", "read_secret"]

_MAX_SECRET_BYTES = 4096


def read_or_make_key(path: Path) -> bytes:
    """The key in this file, which is made with random bytes where there is none.

    Raises:
        ConfigurationError: It cannot be read or made, others may read it, or it is no key.
    """
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot(path, "made", error) from error
        # Of two processes that make it at the same time, one is first.
        with suppress(ConfigurationError), new_file(path, replace=False, mode=0o600) as file:
            file.write(os.urandom(KEY_BYTES))
    key = read_secret(path)
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{path}: expected a key of {KEY_BYTES} bytes, got {len(key)}")
    return key


def read_secret(path: Path) -> bytes:
    """What is in this file, which only its owner may read?

    Raises:
        ConfigurationError: It cannot be read, others may read it, or it is too long.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise _cannot(path, "read", error) from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"{path}: expected a secret that only its owner may read (mode 600), "
            f"got mode {stat.S_IMODE(mode):o}"
        )
    if len(data) > _MAX_SECRET_BYTES:
        raise ConfigurationError(f"{path}: expected at most {_MAX_SECRET_BYTES} bytes")
    return data


def _cannot(path: Path, verb: str, error: OSError) -> ConfigurationError:
    reason = (error.strerror or str(error)).lower()
    return ConfigurationError(f"{path}: cannot be {verb}: {reason}")
