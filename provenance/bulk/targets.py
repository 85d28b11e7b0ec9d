"""Where signed files go: a folder of this machine, or an address that fsspec knows."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any, Protocol

from provenance.bulk.stores import open_store
from provenance.errors import ConfigurationError

__all__ = ["LocalTarget", "RemoteTarget", "Target", "open_target"]

_LEFTOVER = ".provenance-tmp"
# A store of these gives an upload its name when all of it is there, and renames by copying.
_WHOLE_UPLOADS = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "tos"}
)


class Target(Protocol):
    """Where signed files go."""

    @property
    def name(self) -> str:
        """A path or an address, in one spelling."""
        ...

    def address(self, inside: str) -> str:
        """Where is the file of this path from the target?"""
        ...


class LocalTarget:
    """A folder of this machine: files are signed right into it."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100 - links stay as they are

    @property
    def name(self) -> str:
        """The absolute path."""
        return self._path

    def address(self, inside: str) -> str:
        """See `Target`."""
        return f"{self._path}/{inside}" if inside else self._path


class RemoteTarget:
    """A place that fsspec writes to: files are signed here, and then put there.

    A file has its name there only when all of its bytes are there.
    """

    def __init__(self, given: str, filesystem: Any, path: str) -> None:
        self._given = given.rstrip("/")
        self._filesystem = filesystem
        self._path = path.rstrip("/")
        protocols = filesystem.protocol
        names = {protocols} if isinstance(protocols, str) else set(protocols)
        self._whole_uploads = bool(names & _WHOLE_UPLOADS)

    @property
    def name(self) -> str:
        """The address as it was given."""
        return self._given

    def address(self, inside: str) -> str:
        """See `Target`."""
        return f"{self._given}/{inside}" if inside else self._given

    def files(self, folder: str) -> dict[str, int]:
        """The sizes of all files below a folder, by their paths from it.

        What an earlier run left without a name is taken away.

        Raises:
            Exception: The store's client raises what it likes.
        """
        root = self._place(folder)
        self._filesystem.invalidate_cache()
        found: dict[str, int] = {}
        if not self._filesystem.exists(root):
            return found
        for path, told in self._filesystem.find(root, detail=True).items():
            inside = path.strip("/").removeprefix(root.strip("/")).strip("/")
            if inside.endswith(_LEFTOVER):
                self._filesystem.rm_file(path)
            elif inside:
                found[inside] = int(told.get("size") or 0)
        return found

    def get(self, inside: str, place: Path) -> None:
        """Copy a file from there."""
        place.parent.mkdir(parents=True, exist_ok=True)
        self._filesystem.get_file(self._place(inside), str(place))

    def put(self, place: Path, inside: str) -> None:
        """Copy a file to there, where it replaces one of that name.

        Raises:
            OSError: Not all of it got there.
            Exception: The store's client raises what it likes.
        """
        path = self._place(inside)
        folder = path.rpartition("/")[0]
        if folder:
            self._filesystem.makedirs(folder, exist_ok=True)
        if self._whole_uploads:
            self._filesystem.put_file(str(place), path)
            return
        unnamed = f"{folder}/.{secrets.token_hex(8)}{_LEFTOVER}"
        try:
            self._filesystem.put_file(str(place), unnamed)
            self._check_size(unnamed, place.stat().st_size)
            self._rename(unnamed, path)
        except BaseException:
            self._forget(unnamed)
            raise

    def _check_size(self, path: str, expected: int) -> None:
        self._filesystem.invalidate_cache()
        size_bytes = self._filesystem.size(path)
        if size_bytes is not None and size_bytes != expected:
            raise OSError(f"{path}: expected {expected} bytes, {size_bytes} got there")

    def _rename(self, unnamed: str, path: str) -> None:
        try:
            self._filesystem.mv(unnamed, path)
        except OSError:
            # Some do not replace. What is there is ours: that was looked at before.
            if not self._filesystem.exists(path):
                raise
            self._filesystem.rm_file(path)
            self._filesystem.mv(unnamed, path)

    def _forget(self, path: str) -> None:
        try:
            self._filesystem.rm_file(path)
        except Exception:  # noqa: BLE001 - the next run takes it away
            return

    def _place(self, inside: str) -> str:
        return f"{self._path}/{inside}" if inside else self._path


def open_target(given: str) -> LocalTarget | RemoteTarget:
    """Which target is this?

    Raises:
        ConfigurationError: Its protocol is not installed, or cannot be written to.
    """
    if "::" in given:
        raise ConfigurationError(f"{given}: expected a folder or one address, got a chain of them")
    filesystem, path = open_store(given)
    return LocalTarget(path) if filesystem is None else RemoteTarget(given, filesystem, path)
