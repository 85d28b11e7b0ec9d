"""The agency directory at a path, whatever is there.

Apart from the client of a published one: most processes read a plain file, and what a
client needs takes a tenth of their start.
"""

from __future__ import annotations

import os
from pathlib import Path

from provenance.trust.directory import LoadedDirectory, load_directory

__all__ = ["load_directory_at"]


def load_directory_at(path: str | os.PathLike[str]) -> LoadedDirectory:
    """Which directory is at this path: a client's folder, or a plain file?

    Raises:
        DirectoryError: It cannot be read, or is not what it should be.
    """
    folder = Path(path)
    if not folder.is_dir():
        return load_directory(folder)
    from provenance.runtime.directory_client import load_cached_directory  # noqa: PLC0415

    return load_cached_directory(folder)
