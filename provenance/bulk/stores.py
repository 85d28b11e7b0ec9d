"""Addresses of object stores and other places that fsspec knows, opened."""

from __future__ import annotations

import os
from typing import Any

from provenance.errors import ConfigurationError

__all__ = ["open_store"]


def open_store(given: str) -> tuple[Any | None, str]:
    """Which fsspec file system does this lead to, and where in it? None: this machine's own.

    Raises:
        ConfigurationError: Its protocol is not installed, or it cannot be opened.
    """
    if "://" not in given and ("::" not in given or os.path.lexists(given)):
        return None, given
    try:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem
    except ImportError as error:
        raise ConfigurationError(
            f"{given}: addresses need the extra `bulk`: pip install 'provenance-verifier[bulk]'"
        ) from error
    try:
        filesystem, path = fsspec.core.url_to_fs(given)
    except Exception as error:  # a store's client raises what it likes
        raise ConfigurationError(f"{given}: cannot be opened: {error}") from error
    if not isinstance(filesystem, LocalFileSystem):
        return filesystem, path
    if "::" in given:
        # Taken for a chain: its beginning would be opened, which is another folder.
        raise ConfigurationError(
            f"{given}: there is no such folder or file here; with file:// no name may hold ::"
        )
    return None, path
