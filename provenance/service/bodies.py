"""Bodies of requests, streamed into the folder of uploads: counted, hashed, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import Request

from provenance.records.scopes import Scope
from provenance.runtime.uploads import NewUpload, Upload
from provenance.service.callers import Caller, parts_of
from provenance.service.problems import Problem, ProblemKind

__all__ = [
    "Slots",
    "check_encoding",
    "check_references",
    "content_length",
    "each_chunk",
    "fetch_upload",
    "receive_upload",
]

_BATCH_BYTES = 256 * 1024


class Slots:
    """How many uploads are taken at the same time."""

    def __init__(self, most: int) -> None:
        self._free = most

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """One of them, for as long as the block runs.

        Raises:
            Problem: All are taken.
        """
        if self._free <= 0:
            raise Problem(ProblemKind.OVERLOADED)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


def content_length(request: Request) -> int | None:
    """How long does the request say that its body is?

    Raises:
        Problem: Longer than any body may be.
    """
    given = request.headers.get("Content-Length")
    if given is None:
        return None
    if not given.isascii() or not given.isdecimal() or len(given) > 18:
        raise Problem(ProblemKind.BAD_REQUEST, "Content-Length: expected a number")
    return int(given)


def check_encoding(request: Request) -> None:
    """Make sure that the body is as it is: what is compressed could unpack to anything.

    Raises:
        Problem: It is compressed.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(ProblemKind.UNSUPPORTED_BODY, "Content-Encoding: expected none")


async def each_chunk(request: Request, take: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand the body to `take` as it arrives, with a bound on every wait and on all of them.

    Raises:
        Problem: It arrives too slowly.
        ClientDisconnect: It ended before its end.
    """
    service = parts_of(request).settings.service
    state = request.scope["state"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + service.upload_s
    try:
        async with asyncio.timeout(None) as wait:
            wait.reschedule(loop.time() + service.idle_s)
            async for chunk in request.stream():
                # What is done with it does not count against the client.
                wait.reschedule(None)
                if chunk:
                    state["bytes_in"] = state.get("bytes_in", 0) + len(chunk)
                    await take(chunk)
                wait.reschedule(min(loop.time() + service.idle_s, deadline))
    except TimeoutError as error:
        raise Problem(ProblemKind.UPLOAD_TIMEOUT, headers={"Connection": "close"}) from error


async def receive_upload(request: Request, *, max_bytes: int | None = None) -> Upload:
    """The whole body as one file.

    Args:
        request: Whose body it is.
        max_bytes: How many bytes there are at most, if fewer than are taken.

    Raises:
        Problem: It is empty, or arrives too slowly.
        LimitError: It is larger than is taken.
        StoreError: There is no room, or no folder.
    """
    parts = parts_of(request)
    check_encoding(request)
    most, announced = parts.settings.service.max_upload_bytes, content_length(request)
    most = min(most, max_bytes or most)
    if announced is not None and announced > most:
        # Before a byte of it is read.
        raise Problem(
            ProblemKind.TOO_LARGE,
            f"expected at most {most} bytes, got {announced}",
            headers={"Connection": "close"},
        )
    with parts.uploads.new(max_bytes=most, expected_bytes=announced or 0) as new:
        batch = bytearray()

        async def take(chunk: bytes) -> None:
            batch.extend(chunk)
            if len(batch) >= _BATCH_BYTES:
                await asyncio.to_thread(new.write, batch)
                batch.clear()

        await each_chunk(request, take)
        upload = await asyncio.to_thread(_finish, new, batch)
    request.app.state.metrics.taken(upload.size_bytes)
    return upload


def _finish(new: NewUpload, rest: bytearray) -> Upload:
    new.write(rest)
    if new.size_bytes == 0:
        raise Problem(ProblemKind.EMPTY_UPLOAD)
    return new.finish()


def check_references(request: Request, caller: Caller) -> None:
    """Make sure that this caller may name a file by where it is.

    Raises:
        Problem: The operator has not switched that on, or the key has not the scope.
    """
    if parts_of(request).fetcher is None:
        raise Problem(ProblemKind.SWITCHED_OFF, "files by reference")
    if caller.key is None or Scope.VERIFY_REFERENCE not in caller.key.scopes:
        raise Problem(
            ProblemKind.FORBIDDEN, f"a key with the scope {Scope.VERIFY_REFERENCE} is needed"
        )


async def fetch_upload(request: Request, url: str, *, max_bytes: int | None = None) -> Upload:
    """The file at this address.

    Args:
        request: By which it was named.
        url: Where it is.
        max_bytes: How many bytes there are at most, if fewer than are taken.

    Raises:
        FetchError: The address is refused, or there is no file.
        LimitError: It is larger than that.
        Problem: It is empty.
        StoreError: There is no room, or no folder.
    """
    parts = parts_of(request)
    fetcher, most = parts.fetcher, parts.settings.service.max_upload_bytes
    if fetcher is None:
        raise Problem(ProblemKind.SWITCHED_OFF, "files by reference")

    def fetch() -> Upload:
        with parts.uploads.new(max_bytes=min(most, max_bytes or most)) as new:
            fetcher.fetch(url, new.write)
            if new.size_bytes == 0:
                raise Problem(ProblemKind.EMPTY_UPLOAD)
            return new.finish()

    return await asyncio.to_thread(fetch)
