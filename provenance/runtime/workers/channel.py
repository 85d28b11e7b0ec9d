"""Messages between processes over a pair of sockets, with open files beside them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
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
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._socket.fileno()

    def send(self, message: bytes, files: Sequence[int] = ()) -> None:
        """Send bytes, and copies of these open files.

        Raises:
            ChannelClosedError: Nobody is there.
        """
        data = memoryview(len(message).to_bytes(_LENGTH_BYTES) + message)
        try:
            sent = socket.send_fds(self._socket, [data], list(files)) if files else 0
            # Not where nothing is left: who has read it all may be gone by then, and a send of
            # nothing would say that it was never sent.
            if sent < len(data):
                self._socket.sendall(data[sent:])
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def send_document(self, document: dict[str, Any], files: Sequence[int] = ()) -> None:
        """Send a JSON object. Files beyond what fits in one message follow by themselves.

        Raises:
            ChannelClosedError: Nobody is there.
        """
        self.send(json.dumps({**document, "files": len(files)}).encode(), files[:_MAX_FILES])
        for at in range(_MAX_FILES, len(files), _MAX_FILES):
            self.send(b"", files[at : at + _MAX_FILES])

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
                self._wait(deadline)
            try:
                data, came, _, _ = socket.recv_fds(
                    self._socket, min(count - len(buffer), 1024 * 1024), _MAX_FILES
                )
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            files += came
            if not data:
                raise ChannelClosedError("the other side is gone")
            buffer += data
        return bytes(buffer)

    def _wait(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        left_ms = (deadline - time.monotonic()) * 1000
        if not poll.poll(max(0.0, left_ms)):
            raise ChannelTimeoutError
