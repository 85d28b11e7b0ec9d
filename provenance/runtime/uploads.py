"""The folder of uploads: bytes are counted and hashed as they come, then judged and deleted."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance.errors import ConfigurationError, LimitError, StorageFullError, StoreError

__all__ = ["NewUpload", "Upload", "UploadFolder"]

_NAME = re.compile(r"[0-9a-f]{32}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# So many bytes are taken between two looks at how much room is left.
_LOOK_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes that have all arrived.

    Attributes:
        name: Their name in the folder.
        path: Where they are.
        size_bytes: How many.
        sha256: Their digest.
    """

    name: str
    path: Path
    size_bytes: int
    sha256: str


class NewUpload:
    """Bytes that are arriving; a context manager that leaves nothing behind unless finished.

    Args:
        path: Where they go.
        max_bytes: How many there may be.
        check_room: Raises `StorageFullError` where there is no room for more.

    Raises:
        StorageFullError: There is no room.
        StoreError: The folder cannot be written.
    """

    def __init__(self, path: Path, *, max_bytes: int, check_room: Callable[[], object]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._check_room = check_room
        self._digest = hashlib.sha256()
        self._size_bytes = self._looked_at = 0
        self._finished = False
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if not self._finished or error is not None:
            self._path.unlink(missing_ok=True)

    @property
    def size_bytes(self) -> int:
        """How many bytes have arrived."""
        return self._size_bytes

    def write(self, data: bytes | bytearray) -> None:
        """Take these bytes.

        Raises:
            LimitError: They are more than there may be.
            StorageFullError: There is no room.
        """
        self._size_bytes += len(data)
        if self._size_bytes > self._max_bytes:
            raise LimitError(f"upload: expected at most {self._max_bytes} bytes, got more")
        if self._size_bytes - self._looked_at >= _LOOK_BYTES:
            # Others take room too, and not everybody says beforehand how much.
            self._check_room()
            self._looked_at = self._size_bytes
        self._digest.update(data)
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise _failed(error) from error

    def finish(self) -> Upload:
        """All have arrived."""
        self._finished = True
        return Upload(
            name=self._path.name,
            path=self._path,
            size_bytes=self._size_bytes,
            sha256=self._digest.hexdigest(),
        )


class UploadFolder:
    """Where uploads lie until they are judged, or as long as a policy says.

    Args:
        folder: The folder; it is made.
        min_free_bytes: How much room the disk must have left for anything to be taken.

    Raises:
        ConfigurationError: It cannot be made or written.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigurationError(f"{folder}: cannot be made: {reason}") from error
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise ConfigurationError(f"{folder}: cannot be written")

    def new(self, *, max_bytes: int, expected_bytes: int = 0) -> NewUpload:
        """A place for bytes that are about to arrive.

        Args:
            max_bytes: How many there may be.
            expected_bytes: How many are announced.

        Raises:
            StorageFullError: There is no room for them.
            StoreError: The folder cannot be written.
        """
        self.check_room(expected_bytes)
        # Nothing of the name comes from whoever uploads.
        path = self._folder / secrets.token_hex(16)
        return NewUpload(path, max_bytes=max_bytes, check_room=self.check_room)

    def check_room(self, expected_bytes: int = 0) -> None:
        """Make sure that there is room for so many bytes.

        Raises:
            StorageFullError: There is none.
            StoreError: The folder is gone.
        """
        try:
            facts = os.statvfs(self._folder)
        except OSError as error:
            raise _failed(error) from error
        if facts.f_bavail * facts.f_frsize < self._min_free_bytes + expected_bytes:
            raise StorageFullError("uploads: the disk has no room for it")

    def path(self, name: str) -> Path:
        """Where the bytes of this name are.

        Raises:
            StoreError: It is no name of an upload.
        """
        if not _NAME.fullmatch(name):
            raise StoreError("uploads: expected the name of an upload, got something else")
        return self._folder / name

    def remove(self, name: str) -> None:
        """Delete these bytes, if they are there."""
        with suppress(FileNotFoundError):
            self.path(name).unlink()

    def older_than(self, seconds: float, *, now: float) -> Iterator[str]:
        """Names of uploads that nobody has written to for so long."""
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if _NAME.fullmatch(entry.name) and entry.stat().st_mtime < now - seconds:
                        yield entry.name


def _failed(error: OSError) -> StoreError:
    if error.errno in _FULL:
        return StorageFullError("uploads: the disk has no room for it")
    return StoreError(f"uploads: cannot be written: {(error.strerror or str(error)).lower()}")
