"""Messages between processes over a pair of sockets, with open files beside them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from array import array
from collections.abc import Sequence
from typing import Any

__all__ = ["Channel", "ChannelClosedError", "ChannelTimeoutError"]

_LENGTH_BYTES = 4
_MAX_MESSAGE_BYTES = 256 * 1024 * 1024
# The kernel hands over 253 at once at most.
_MAX_FILES = 250


class ChannelClosedError(Exception):
    """The other side is gone, or does not keep to the form."""


class ChannelTimeoutError(Exception):
    """The other side said nothing in time."""


class Channel:
    """One end of a connection; used by one thread for each direction.

    Nothing that comes in is ever unpickled: the other side may be a worker that a
    hostile file has taken over.

    Args:
        connection: The end.
        takes_files: Whether files may come in. Elsewhere the kernel closes them: kept open by
            nobody's wish, they would use up what this process may have open.
    """

    def __init__(self, connection: socket.socket, *, takes_files: bool = False) -> None:
        self._socket = connection
        self._takes_files = takes_files

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._socket.fileno()

    def send(
        self, message: bytes, files: Sequence[int] = (), *, deadline: float | None = None
    ) -> None:
        """Send bytes, and copies of these open files.

        Args:
            message: The bytes.
            files: Descriptors.
            deadline: Until when to wait for the other side to read, by the monotonic clock;
                for ever by default.

        Raises:
            ChannelClosedError, ChannelTimeoutError: Nobody is there, or nobody reads.
        """
        data = memoryview(len(message).to_bytes(_LENGTH_BYTES) + message)
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))] if files else []
        flags = 0 if deadline is None else socket.MSG_DONTWAIT
        # Nothing is sent where nothing is left: who has read it all may be gone by then, and
        # that would say that it was never sent.
        while data:
            if deadline is not None:
                self._wait(select.POLLOUT, deadline)
            try:
                sent = self._socket.sendmsg([data], beside, flags)
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            data, beside = data[sent:], []

    def send_document(
        self,
        document: dict[str, Any],
        files: Sequence[int] = (),
        *,
        deadline: float | None = None,
    ) -> None:
        """Send a JSON object. Files beyond what fits in one message follow by themselves.

        Raises:
            ChannelClosedError, ChannelTimeoutError: Nobody is there, or nobody reads.
        """
        data = json.dumps({**document, "files": len(files)}).encode()
        self.send(data, files[:_MAX_FILES], deadline=deadline)
        for at in range(_MAX_FILES, len(files), _MAX_FILES):
            self.send(b"", files[at : at + _MAX_FILES], deadline=deadline)

    def receive(self, deadline: float | None = None) -> tuple[bytes, list[int]]:
        """The next message, and the files that came with it.

        Args:
            deadline: Until when to wait, by the monotonic clock; for ever by default.

        Raises:
            ChannelClosedError, ChannelTimeoutError: There is none.
        """
        files: list[int] = []
        try:
            length = int.from_bytes(self._exactly(_LENGTH_BYTES, deadline, files))
            return self._exactly(length, deadline, files), files
        except BaseException:
            for descriptor in files:
                os.close(descriptor)
            raise

    def receive_document(self, deadline: float | None = None) -> tuple[dict[str, Any], list[int]]:
        """The next JSON object, with all its files.

        Raises:
            ChannelClosedError, ChannelTimeoutError: There is none.
        """
        message, files = self.receive(deadline)
        try:
            document = json.loads(message)
        except ValueError as error:
            raise ChannelClosedError("a message that is no JSON") from error
        if not isinstance(document, dict):
            raise ChannelClosedError("a message that is no JSON object")
        while len(files) < document.get("files", 0):
            files += self.receive(deadline)[1]
        return document, files

    def hang_up(self) -> None:
        """Let both sides know that nothing more will be said; may be called by any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def is_hung_up(self) -> bool:
        """Is the other side gone? What it said before it went may still be there to be read."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the descriptor back; by the thread that reads."""
        self._socket.close()

    def _exactly(self, count: int, deadline: float | None, files: list[int]) -> bytes:
        if count > _MAX_MESSAGE_BYTES:
            raise ChannelClosedError(f"a message of {count} bytes")
        buffer = bytearray()
        while len(buffer) < count:
            if deadline is not None:
                self._wait(select.POLLIN, deadline)
            try:
                data = self._read(min(count - len(buffer), 1024 * 1024), files)
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            if not data:
                raise ChannelClosedError("the other side is gone")
            buffer += data
        return bytes(buffer)

    def _read(self, most: int, files: list[int]) -> bytes:
        if not self._takes_files:
            return self._socket.recv(most)
        data, came, _, _ = socket.recv_fds(self._socket, most, _MAX_FILES)
        files += came
        return data

    def _wait(self, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        left_ms = (deadline - time.monotonic()) * 1000
        # Also where something is ready: one that speaks byte by byte would never be late.
        if left_ms < 0 or not poll.poll(left_ms):
            raise ChannelTimeoutError
