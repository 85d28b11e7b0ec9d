"""Opening what is to be verified, so that the bytes judged are the bytes hashed.

A small source is read into memory once. A pipe or stream is copied to an
unnamed temporary file first. A large regular file is read in place through one
descriptor, and its identity, size and times are compared before and after.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import select
import stat
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from provenance.errors import LimitError, SourceError
from provenance.limits import DEFAULT_LIMITS, Limits

__all__ = ["HeldFile", "OpenSource", "Source", "hold_file", "open_source"]

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """A file that somebody else has opened for reading, for a process that may open none.

    Attributes:
        descriptor: Of the open file; it is closed when it has been examined.
        shown: What messages call it: the path.
        name: Its name, where the caller gives none.
    """

    descriptor: int
    shown: str
    name: str | None = None


Source = str | os.PathLike[str] | bytes | BinaryIO | HeldFile
"""A path, the bytes themselves, an open binary stream, or a file that is held open."""


class OpenSource:
    """A source held still while it is examined.

    Attributes:
        stream: Seekable; every reader seeks for itself.
        size_bytes: How many bytes it holds.
        name: File name without its folder, or None.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, name: str | None, *, live: bool) -> None:
        self.stream = stream
        self.size_bytes = size_bytes
        self.name = name
        self._before = _fingerprint(stream) if live else None
        self._reader: ThreadPoolExecutor | None = None
        self._digest: Future[str] | None = None

    def head(self, count: int) -> bytes:
        """The first bytes, `count` at most."""
        self.stream.seek(0)
        return self.stream.read(count)

    def sha256(self) -> str:
        """SHA-256 of the whole source, as lower-case hexadecimal digits."""
        if isinstance(self.stream, io.BytesIO):
            return hashlib.sha256(self.stream.getbuffer()).hexdigest()
        self.stream.seek(0)
        digest = hashlib.sha256()
        while chunk := self.stream.read(_CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def sha256_meanwhile(self) -> Callable[[], str]:
        """Begin taking the digest; the call that is returned waits for it.

        A large file is read for its digest by a thread of its own while others
        read it: hashing leaves the interpreter free, and `pread` leaves their
        position alone. A copy in memory is hashed when it is asked for.

        The returned call raises `SourceError` where the file cannot be read.
        """
        if self._before is None:
            return self.sha256
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest")
        self._digest = self._reader.submit(_digest_of, self.stream.fileno(), self.size_bytes)
        return self._finish_digest

    def _finish_digest(self) -> str:
        assert self._digest is not None  # noqa: S101 - set where this is handed out
        try:
            return self._digest.result()
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read: {_explain(error)}") from error

    def close(self) -> None:
        """Let go of the source, once nobody reads it any more."""
        # A descriptor that is closed under a reader may be another file's by then.
        if self._reader is not None:
            self._reader.shutdown(wait=True)
        self.stream.close()

    def has_changed(self) -> bool:
        """Did the file change since it was opened? Never true of a copy."""
        return self._before is not None and _fingerprint(self.stream) != self._before


def _digest_of(descriptor: int, size_bytes: int) -> str:
    digest = hashlib.sha256()
    # One for all pieces: the system has to clear each new one.
    chunk = memoryview(bytearray(min(_CHUNK_BYTES, size_bytes)))
    at = 0
    # The size is that of the opening. A file that grows is reported as changed,
    # and not followed without end.
    while got := os.preadv(descriptor, [chunk[: size_bytes - at]], at):
        digest.update(chunk[:got])
        at += got
    return digest.hexdigest()


def _fingerprint(stream: BinaryIO) -> tuple[int, int, int, int, int]:
    status = os.fstat(stream.fileno())
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _explain(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "its symbolic links lead round in a circle"
    return (error.strerror or str(error)).lower()


def _check_size(size_bytes: int, name: str, limits: Limits) -> None:
    if size_bytes > limits.max_asset_bytes:
        raise LimitError(
            f"{name}: {size_bytes} bytes is more than max_asset_bytes ({limits.max_asset_bytes})"
        )


def _copy(read_from: BinaryIO, name: str, limits: Limits) -> tuple[BinaryIO, int]:
    """Copy a stream to memory, or to a temporary file once it is large."""
    copy = cast(
        "BinaryIO",
        tempfile.SpooledTemporaryFile(max_size=limits.copy_below_bytes),  # noqa: SIM115
    )
    size_bytes = 0
    try:
        while chunk := cast("bytes | None", read_from.read(_CHUNK_BYTES)):
            size_bytes += len(chunk)
            _check_size(size_bytes, name, limits)
            copy.write(chunk)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    if chunk is None:
        # A stream that does not block has nothing yet; that is not its end.
        copy.close()
        raise SourceError(f"{name}: a stream that does not wait for its data")
    return copy, size_bytes


class _IdlePipe(io.RawIOBase):
    """Reads a pipe, and gives up when nobody sends for too long."""

    def __init__(self, descriptor: int, name: str, idle_s: float) -> None:
        self._descriptor = descriptor
        self._name = name
        self._idle_ms = int(idle_s * 1000)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN | select.POLLHUP)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._poll.poll(self._idle_ms):
            raise SourceError(f"{self._name}: a pipe that sent nothing for {self._idle_ms} ms")
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def hold_file(path: str | os.PathLike[str]) -> HeldFile:
    """Open a file, without reading anything of it.

    Raises:
        SourceError: Missing, no permission, or a circle of links.
    """
    try:
        # O_NONBLOCK: opening a pipe that has no writer must not wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {_explain(error)}") from error
    except ValueError as error:
        # A name with a zero byte or half a surrogate pair is no name to the system.
        raise SourceError(f"{str(path)!r}: cannot be opened: {error}") from error
    return HeldFile(descriptor=descriptor, shown=str(path), name=Path(path).name)


def _open_held(held: HeldFile, limits: Limits) -> OpenSource:
    descriptor, path, name = held.descriptor, held.shown, held.name
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{path}: is a folder, expected a file")
        if stat.S_ISREG(status.st_mode):
            _check_size(status.st_size, path, limits)
            if status.st_size > limits.copy_below_bytes:
                stream = os.fdopen(descriptor, "rb", closefd=True)
                descriptor = -1
                return OpenSource(stream, status.st_size, name, live=True)
            os.set_blocking(descriptor, True)
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                # One byte more than the limit tells whether it grew meanwhile.
                data = file.read(limits.copy_below_bytes + 1)
            _check_size(max(len(data), os.fstat(descriptor).st_size), path, limits)
            if len(data) > limits.copy_below_bytes:
                stream = os.fdopen(descriptor, "rb", closefd=True)
                descriptor = -1
                return OpenSource(stream, os.fstat(stream.fileno()).st_size, name, live=True)
            return OpenSource(io.BytesIO(data), len(data), name, live=False)
        if stat.S_ISFIFO(status.st_mode):
            pipe = _IdlePipe(descriptor, path, limits.source_idle_s)
            copy, size_bytes = _copy(cast("BinaryIO", pipe), path, limits)
            return OpenSource(copy, size_bytes, name, live=False)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {_explain(error)}") from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    raise SourceError(f"{path}: expected a file or a pipe, got a device or socket")


def _open(source: Source, name: str | None, limits: Limits) -> OpenSource:
    if isinstance(source, bytes):
        _check_size(len(source), name or "asset", limits)
        return OpenSource(io.BytesIO(source), len(source), name, live=False)
    if isinstance(source, (str, os.PathLike)):
        source = hold_file(Path(source))
    if isinstance(source, HeldFile):
        opened = _open_held(source, limits)
        opened.name = name or opened.name
        return opened
    try:
        copy, size_bytes = _copy(source, name or "stream", limits)
    except OSError as error:
        raise SourceError(f"{name or 'stream'}: cannot be read: {_explain(error)}") from error
    return OpenSource(copy, size_bytes, name, live=False)


@contextmanager
def open_source(
    source: Source, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[OpenSource]:
    """Hold a source still for as long as the block runs.

    Args:
        source: A path, bytes, a file held open, or a binary stream (read to its end
            from where it stands, and copied).
        name: What to call it, where the path does not say.
        limits: `max_asset_bytes`, `copy_below_bytes`, `source_idle_s`.

    Raises:
        SourceError: Missing, a folder, a device, no permission, a circle of
            links, or a pipe that sends nothing.
        LimitError: Larger than `max_asset_bytes`.
    """
    opened = _open(source, name, limits)
    try:
        yield opened
    finally:
        opened.close()
