"""Files of a store brought to this machine, a few at a time."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath

__all__ = [
    "fetch_file",
    "folder_of",
    "is_remote",
    "join_path",
    "name_in",
    "remove_files",
    "split_chain",
]

_CHUNK_BYTES = 1024 * 1024


def is_remote(path: str) -> bool:
    """Is it an address, and no path of this machine?"""
    return "://" in path


def split_chain(path: str) -> tuple[str, str]:
    """What is the path inside, and the chain of what it is inside of, if it is in a chain?

    In a path of this machine `::` is part of a name.
    """
    if not is_remote(path):
        return path, ""
    inside, chain, rest = path.partition("::")
    return inside, chain + rest


def folder_of(path: str) -> str:
    """In which folder does this lie?"""
    inside, chain = split_chain(path)
    folder, slash, _ = inside.rpartition("/")
    # `zip://a.jpg` lies in `zip://`, and `/a.jpg` in `/`.
    whole = f"{folder}/" if folder.endswith(":/") else folder or slash
    return whole + chain


def join_path(folder: str, name: str) -> str:
    """Where is what has this name, or path, in a folder?"""
    inside, chain = split_chain(folder)
    if not inside.endswith("://"):
        inside = f"{inside.rstrip('/')}/"
    return f"{inside}{name}{chain}"


def name_in(path: str) -> str:
    """What is the file's own name?"""
    return PurePosixPath(split_chain(path)[0]).name


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
