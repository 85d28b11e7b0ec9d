"""Files that have all of their bytes or were never there, whenever the power fails."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from provenance.errors import ConfigurationError

__all__ = [
    "append_lines",
    "locked",
    "new_file",
    "read_bounded",
    "remove_leftovers",
    "replace_file",
    "sync_folder",
]

_LEFTOVER = ".provenance-tmp"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """What is in this file, if it is a plain file of at most so many bytes?

    Raises:
        ConfigurationError: It cannot be read, is no plain file, or holds more.
    """
    try:
        # Without O_NONBLOCK a pipe put in the file's place would hang the process.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(f"{path}: cannot be read: expected a plain file")
        with os.fdopen(descriptor, "rb") as stream:
            data = stream.read(limit_bytes + 1)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {_reason(error)}") from error
    if len(data) > limit_bytes:
        raise ConfigurationError(
            f"{path}: more than the {limit_bytes} bytes that are expected at most"
        )
    return data


def replace_file(path: Path, data: bytes, *, staging: Path, mode: int = 0o644) -> None:
    """Give these bytes this name, in one step that a crash cannot halve.

    Args:
        path: The name; a file that has it already is replaced.
        data: All of its bytes.
        staging: A folder of the same file system for the bytes without a name yet.
        mode: Permissions.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=staging, prefix="unnamed-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {_reason(error)}") from error


def append_lines(path: Path, lines: Sequence[bytes]) -> None:
    """Add lines to the end of a file, and wait until they are on the disk.

    Raises:
        ConfigurationError: It cannot be written.
    """
    try:
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "ab", buffering=0) as stream:
            # One call: a process that is killed has written all of it or nothing.
            left = memoryview(b"".join(lines))
            while left:
                # What found no room is tried once more, and says why.
                left = left[stream.write(left) :]
            os.fsync(descriptor)
        if is_new:
            sync_folder(path.absolute().parent)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {_reason(error)}") from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process out of what this file stands for, while the block runs.

    The lock goes with the process, so a killed one leaves none behind.

    Raises:
        ConfigurationError: Another process holds it, or it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {_reason(error)}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"{path.parent}: another process is changing it; try again when it has finished"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def new_file(
    path: Path,
    *,
    replace: bool,
    mode: int = 0o666,
    sync: Callable[[int], object] = os.fsync,
    sync_name: bool = True,
) -> Iterator[BinaryIO]:
    """Give a stream whose bytes get this name when the block ends without an error.

    Until then they lie beside it under a name of their own, `stream.name`. A process that
    is killed leaves that one behind; `remove_leftovers` takes it away.

    Args:
        path: The name to be.
        replace: Whether a file of that name may be replaced.
        mode: Permissions, less what the process's mask takes away.
        sync: Waits until a descriptor's bytes are on the disk; always before the name.
        sync_name: Wait until the name is on the disk too. Else the power may fail and take
            the file away, whole, until the caller has called `sync_folder`.

    Raises:
        ConfigurationError: It exists and may not be replaced, or cannot be written.
    """
    if not replace and os.path.lexists(path):
        raise _exists(path)
    folder = path.absolute().parent
    try:
        descriptor, temporary = tempfile.mkstemp(
            dir=folder, prefix=f".{path.name[:40]}-", suffix=_LEFTOVER
        )
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        # Readable too: the engine reads back what it writes.
        with open(temporary, "w+b", opener=lambda *_: descriptor) as stream:
            yield stream
            try:
                stream.flush()
                os.fchmod(descriptor, mode & ~_umask())
                sync(descriptor)
                _give_name(Path(temporary), path, replace=replace)
            except FileExistsError as error:
                raise _exists(path) from error
            except OSError as error:
                raise _cannot(path, error) from error
    except OSError as error:
        # Only writing meets these, in the block or when what is left in the buffer is let go;
        # any other error is that of whoever had the stream.
        if error.errno in _FULL:
            raise _cannot(path, error) from error
        raise
    finally:
        Path(temporary).unlink(missing_ok=True)
    if sync_name:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    # Some file systems cannot; the file itself is on the disk by then.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: Path) -> int:
    """Take away what killed processes left unnamed in a folder; how many was it?

    Only for whoever holds the lock of all writers into the folder.

    Raises:
        ConfigurationError: It cannot be read or changed.
    """
    count = 0
    try:
        for entry in os.scandir(folder):
            if entry.name.startswith(".") and entry.name.endswith(_LEFTOVER):
                Path(entry.path).unlink(missing_ok=True)
                count += 1
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be cleaned: {_reason(error)}") from error
    return count


def _exists(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path}: exists already; it is not overwritten")


def _cannot(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{path}: cannot be written: {_reason(error)}")


def _give_name(temporary: Path, path: Path, *, replace: bool) -> None:
    if replace:
        temporary.replace(path)
        return
    try:
        # A link, not a rename: it fails where somebody else took the name meanwhile.
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # File systems without hard links (FAT): the look before has to do.
        if os.path.lexists(path):
            raise FileExistsError from None
        temporary.rename(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
