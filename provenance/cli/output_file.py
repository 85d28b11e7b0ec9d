"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from provenance.errors import ConfigurationError

__all__ = ["new_file"]


@contextmanager
def new_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Give a stream whose bytes get this name when the block ends without an error.

    Args:
        path: The name to be.
        replace: Whether a file of that name may be replaced.

    Raises:
        ConfigurationError: It exists and may not be replaced, or cannot be written.
    """
    if not replace and os.path.lexists(path):
        raise _exists(path)
    folder = path.absolute().parent
    try:
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name[:40]}-")
    except OSError as error:
        raise _cannot(path, error) from error
    try:
        # Readable too: the engine reads back what it writes.
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            try:
                stream.flush()
                os.fchmod(descriptor, 0o666 & ~_umask())
                os.fsync(descriptor)
                _give_name(Path(temporary), path, replace=replace)
            except FileExistsError as error:
                raise _exists(path) from error
            except OSError as error:
                raise _cannot(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    _sync_folder(folder)


def _exists(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path}: exists already; it is not overwritten")


def _cannot(path: Path, error: OSError) -> ConfigurationError:
    reason = (error.strerror or str(error)).lower()
    return ConfigurationError(f"{path}: cannot be written: {reason}")


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


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot; the file itself is on the disk by then.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
