"""Connections whose requests have heads of bounded length, which arrive in bounded time.

The server's own parser takes a head of any length, and waits for it as long as it comes. Nor
has it a bound for what follows an answer, and for an answer that nobody takes. Of a request that
offers another protocol it takes no body.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from provenance.service.problems import Problem, ProblemKind, problem_response

__all__ = ["BoundedConnection"]

_MAX_HEAD_BYTES = 64 * 1024
_HEAD_S = 20.0
# How long the rest of a body may still come whose request has been answered.
_REST_S = 60.0
# How long nothing of an answer may be taken.
_UNTAKEN_S = 60.0
# What the loop hands over at once may hold a head and the beginning of a body.
_MAX_CHUNK_BYTES = 256 * 1024


class BoundedConnection(HttpToolsProtocol):
    """Hangs up on whoever sends a head without end, or not to its end, or takes no answer."""

    _in_head = False
    _head_bytes = 0
    _coming: asyncio.TimerHandle | None = None
    _going: asyncio.TimerHandle | None = None
    _untaken: int | None = None

    def connection_made(self, transport: Any) -> None:
        """A head has to follow."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing follows any more."""
        self._expect_nothing()
        if self._going is not None:
            self._going.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES + _MAX_CHUNK_BYTES:
                self.transport.close()
                return
        self._unset_keepalive_if_required()
        self._feed(data)
        # The server stops waiting for the next request with the first byte, whatever it is.
        if self._coming is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_within(_REST_S)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if not self._in_head:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._expect_nothing()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer has been given; whether it is taken is another matter."""
        super().on_response_complete()
        self._expect_taking()

    def pause_writing(self) -> None:
        """The other side takes less than it is given."""
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self._expect_taking()

    def send_400_response(self, msg: str) -> None:
        """Tell what the parser cannot read as every other problem is told."""
        del msg
        answer = problem_response(Problem(ProblemKind.BAD_REQUEST), request=None)
        lines = [
            b"HTTP/1.1 400 Bad Request",
            *(name + b": " + value for name, value in answer.raw_headers),
            b"cache-control: no-store",
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()

    def _should_upgrade(self) -> bool:
        # Asked before a request that offers another protocol is begun: it is, in `_feed`.
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._take_as_it_is(data[stopped.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _take_as_it_is(self, rest: bytes) -> None:
        """Go on after a head as if it offered no other protocol.

        Spec: RFC 9110 §7.8. The parser has stopped at its end, and would take the body for the
        next request.
        """
        method, version = self.scope["method"], self.scope["http_version"]
        if method == "CONNECT" or not (self.cycle is None or self.cycle.response_complete):
            # A tunnel, or an offer to change in the middle of an answer: it cannot be kept.
            self.transport.close()
            return
        lines = [f"{method} ".encode() + self.url + f" HTTP/{version}".encode()]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self._feed(b"\r\n".join([*lines, b"", rest]))

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._in_head, self._head_bytes = True, 0
        self._expect_within(_HEAD_S)

    def _expect_within(self, seconds: float) -> None:
        self._coming = asyncio.get_running_loop().call_later(seconds, self._hang_up)

    def _expect_nothing(self) -> None:
        self._in_head = False
        if self._coming is not None:
            self._coming.cancel()
            self._coming = None

    def _hang_up(self) -> None:
        self._coming = None
        if not self.transport.is_closing():
            self.transport.close()

    def _expect_taking(self) -> None:
        self._untaken = None
        if self._going is None:
            self._look_later()

    def _look_later(self) -> None:
        self._going = asyncio.get_running_loop().call_later(_UNTAKEN_S, self._look)

    def _look(self) -> None:
        self._going = None
        untaken = self.transport.get_write_buffer_size()
        if self._untaken is not None and untaken >= self._untaken:
            # To close it in good order would be to wait until the rest is taken.
            self.transport.abort()
        elif untaken:
            self._untaken = untaken
            self._look_later()
