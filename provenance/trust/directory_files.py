"""The files of a directory, with errors that say it is the directory that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance import atomic_files
from provenance.errors import ConfigurationError, DirectoryError

__all__ = ["append_line", "locked", "read_bounded", "replace_file"]


@contextmanager
def _of_a_directory() -> Iterator[None]:
    try:
        yield
    except DirectoryError:
        raise
    except ConfigurationError as error:
        raise DirectoryError(str(error)) from error


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """What is in this file, if it is a plain file of at most so many bytes?

    Raises:
        DirectoryError: It cannot be read, is no plain file, or holds more.
    """
    with _of_a_directory():
        return atomic_files.read_bounded(path, limit_bytes)


def replace_file(path: Path, data: bytes, *, staging: Path, mode: int = 0o644) -> None:
    """Give these bytes this name, in one step that a crash cannot halve.

    Raises:
        DirectoryError: It cannot be written.
    """
    with _of_a_directory():
        atomic_files.replace_file(path, data, staging=staging, mode=mode)


def append_line(path: Path, line: bytes) -> None:
    """Add one line to the end of a file, and wait until it is on the disk.

    Raises:
        DirectoryError: It cannot be written.
    """
    with _of_a_directory():
        atomic_files.append_lines(path, [line])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process out of what this file stands for, while the block runs.

    Raises:
        DirectoryError: Another process holds it, or it cannot be made.
    """
    with _of_a_directory(), atomic_files.locked(path):
        yield
