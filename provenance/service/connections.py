"""Connections whose requests have heads of bounded length, which arrive in bounded time.

The server's own parser takes a head of any length, and waits for it as long as it comes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedConnection"]

_MAX_HEAD_BYTES = 64 * 1024
_HEAD_S = 20.0
# What the loop hands over at once may hold a head and the beginning of a body.
_MAX_CHUNK_BYTES = 256 * 1024


class BoundedConnection(HttpToolsProtocol):
    """Hangs up on whoever sends a head without end, or not to its end."""

    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A head has to follow."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing follows any more."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head."""
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES + _MAX_CHUNK_BYTES:
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._forget_head()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._timer = asyncio.get_running_loop().call_later(_HEAD_S, self._hang_up)

    def _forget_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
