"""Bodies that the framework reads by itself, whole: bounded in size, and in the time they take.

It reads them before it looks at the key, and as long as they come.
"""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provenance.runtime.service_settings import ServiceSettings
from provenance.service.bodies import Patience, is_streamed

__all__ = ["WholeBodies"]

# The longest document that is taken here has some tens of thousands of characters.
_MAX_BYTES = 1024 * 1024


class WholeBodies:
    """A layer that bounds every body, but those that are taken as they come.

    Args:
        app: What is inside.
        service: The operator's settings.
    """

    def __init__(self, app: ASGIApp, *, service: ServiceSettings) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            receive = _Bounded(scope, receive, self._service)
        await self._app(scope, receive, send)


class _Bounded:
    """Hands over what comes; what is too long or too slow is refused where it is read."""

    def __init__(self, scope: Scope, receive: Receive, service: ServiceSettings) -> None:
        self._scope = scope
        self._receive = receive
        self._service = service
        self._patience: Patience | None = None
        self._bytes = 0
        self._ended = False

    async def __call__(self) -> Message:
        if self._ended or is_streamed(self._scope):
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._patience is None:
            self._patience = Patience(self._service, loop.time())
        try:
            async with asyncio.timeout_at(self._patience.ends_at(loop.time())):
                message = await self._receive()
        except TimeoutError as error:
            raise _refused(408) from error
        body = message.get("body", b"")
        self._patience.got(len(body), loop.time())
        self._bytes += len(body)
        if self._bytes > _MAX_BYTES:
            raise _refused(413)
        self._ended = not message.get("more_body", False)
        return message


def _refused(status: int) -> HTTPException:
    # Of whatever is raised while it reads, the framework hands on these alone.
    return HTTPException(status, headers={"Connection": "close"})
