"""Files of a store brought to this machine, a few at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = ["fetch_file", "is_remote", "name_in", "remove_files"]

_CHUNK_BYTES = 1024 * 1024


def is_remote(path: str) -> bool:
    """Is it an address, and no path of this machine?"""
    return "://" in path


def name_in(path: str) -> str:
    """What is the file's own name?"""
    return PurePosixPath(path.partition("::")[0]).name


def fetch_file(address: str, place: Path, *, max_bytes: int) -> Path:
    """Copy what is at this address to this place.

    Raises:
        ValueError: It has more bytes.
        Exception: A store's client raises what it likes.
    """
    import fsspec

    left = max_bytes
    with fsspec.open(address, "rb") as source, place.open("wb") as target:
        while data := source.read(_CHUNK_BYTES):
            left -= len(data)
            if left < 0:
                raise ValueError(f"more than {max_bytes} bytes")
            target.write(data)
    return place


def remove_files(path: Path, sidecar: object) -> None:
    """Take a fetched file and its sidecar away."""
    for one in (path, sidecar):
        if one is not None:
            with suppress(OSError):
                Path(str(one)).unlink()
