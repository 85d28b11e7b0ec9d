"""Bodies of requests, streamed into the folder of uploads: counted, hashed, in bounded memory."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

from fastapi import Request

from provenance.records.scopes import Scope
from provenance.runtime.service_settings import ServiceSettings
from provenance.runtime.uploads import NewUpload, Upload
from provenance.service.callers import Caller, network_of, parts_of
from provenance.service.problems import Problem, ProblemKind

__all__ = [
    "Patience",
    "Slots",
    "check_encoding",
    "check_references",
    "content_length",
    "each_chunk",
    "fetch_upload",
    "is_streamed",
    "receive_upload",
]

_BATCH_BYTES = 256 * 1024
_RETRY_S = "5"
_STREAMED = "streamed"


class Slots:
    """How many uploads are taken at the same time: of all, of one address, and with one key.

    A client that sends slowly holds one for long, and must not get all of them.
    """

    def __init__(self, most: int, *, per_address: int, per_key: int) -> None:
        self._free = most
        self._most = {"address": per_address, "key": per_key}
        self._held: Counter[tuple[str, str]] = Counter()

    @asynccontextmanager
    async def taken(self, request: Request, caller: Caller) -> AsyncIterator[None]:
        """One of them, for as long as the block runs.

        Raises:
            Problem: All are taken, or all that this caller may have.
        """
        who = ("address", network_of(request)) if caller.key is None else ("key", caller.key.id)
        most = self._most[who[0]]
        if self._held[who] >= most:
            raise Problem(
                ProblemKind.RATE_LIMITED,
                f"uploads at the same time: expected at most {most} for one {who[0]}",
                headers={"Retry-After": _RETRY_S},
            )
        if self._free <= 0:
            raise Problem(ProblemKind.OVERLOADED)
        self._free -= 1
        self._held[who] += 1
        try:
            yield
        finally:
            self._free += 1
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]


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
    state = request.scope["state"]
    state[_STREAMED] = True
    loop = asyncio.get_running_loop()
    patience = Patience(parts_of(request).settings.service, loop.time())
    try:
        async with asyncio.timeout(None) as wait:
            wait.reschedule(patience.ends_at(loop.time()))
            async for chunk in request.stream():
                # What is done with it does not count against the client.
                wait.reschedule(None)
                patience.got(len(chunk), loop.time())
                if chunk:
                    state["bytes_in"] = state.get("bytes_in", 0) + len(chunk)
                    await take(chunk)
                wait.reschedule(patience.ends_at(loop.time()))
    except TimeoutError as error:
        raise Problem(
            ProblemKind.UPLOAD_TIMEOUT, patience.why(loop.time()), headers={"Connection": "close"}
        ) from error


def is_streamed(scope: Mapping[str, Any]) -> bool:
    """Is the body of this request taken as it arrives, within the bounds of `each_chunk`?"""
    return bool(scope["state"].get(_STREAMED))


class Patience:
    """How long one body is waited for: for its next bytes, for all of them, on average.

    Whoever sends a byte now and then would otherwise hold an upload until the longest time
    that an honest one may take.
    """

    def __init__(self, service: ServiceSettings, now: float) -> None:
        self._service = service
        self._deadline = now + service.upload_s
        self._bytes = 0
        self._waited_s = 0.0
        self._since = now

    def got(self, size: int, now: float) -> None:
        """The wait has ended with so many bytes."""
        self._waited_s += now - self._since
        self._bytes += size

    def ends_at(self, now: float) -> float:
        """A wait begins: when does it end at the latest?"""
        self._since = now
        return min(now + self._service.idle_s, self._deadline, now + self._left_s())

    def why(self, now: float) -> str | None:
        """What was expected of a body that is not waited for any more, if it was its speed?"""
        rate = self._service.min_upload_bytes_per_s
        if now - self._since < self._left_s():
            return None
        return f"expected at least {rate} bytes a second on average"

    def _left_s(self) -> float:
        """How long may a wait be that began now, until what has come is too little?"""
        rate = self._service.min_upload_bytes_per_s
        if rate == 0:
            return math.inf
        return max(self._service.min_upload_rate_after_s, self._bytes / rate) - self._waited_s


async def receive_upload(request: Request, *, max_bytes: int | None = None) -> Upload:
    """The whole body as one file.

    Args:
        request: Whose body it is.
        max_bytes: How many bytes there are at most, if fewer than are taken.

    Raises:
        Problem: It is empty, a part of one, or arrives too slowly.
        LimitError: It is larger than is taken.
        StoreError: There is no room, or no folder.
    """
    parts = parts_of(request)
    check_encoding(request)
    if "Content-Range" in request.headers:
        # RFC 9110 §14.5: a part of a file would be judged as if it were all of it.
        raise Problem(ProblemKind.BAD_REQUEST, "Content-Range: expected none: a file is sent whole")
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

    return await _apart(fetch)


async def _apart(work: Callable[[], Upload]) -> Upload:
    """What comes of this, in a thread of its own.

    It may take as long as an upload may. Those that everybody's questions to the database wait
    for are few, and would all be taken soon.
    """
    done: Future[Upload] = Future()

    def run() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    Thread(target=run, name="fetch", daemon=True).start()
    return await asyncio.wrap_future(done)
