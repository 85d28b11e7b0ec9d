"""The one way out: questions over HTTP, to public addresses only, within fixed bounds."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from provenance.errors import ConfigurationError, ConnectionLostError, FetchError
from provenance.runtime.addresses import Resolver, is_public, system_resolver

__all__ = ["USUAL_PORTS", "GuardedFetcher", "Pace"]

USUAL_PORTS = {"http": 80, "https": 443}
"""The only ones that are asked, by scheme."""
_MAX_URL_CHARS = 2_000
_REDIRECTS = {301, 302, 307, 308}
_OCSP = ("application/ocsp-request", "application/ocsp-response")
_PLACE = re.compile(r"(?P<host>[a-z0-9._-]{1,253}|\[(?P<v6>[0-9a-f:.]+)\]):(?P<port>\d{1,5})")
# What a URL may consist of (RFC 3986 §2); a line break in one would write headers.
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


@dataclass(frozen=True, slots=True)
class _Target:
    """One address to ask, taken apart and found to be allowed."""

    url: str
    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL_PORTS["https" if self.secure else "http"] else self.place

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an answer has to come.

    Attributes:
        idle_s: Longest wait for its next bytes.
        min_bytes_per_s: How many there have to be on average; 0 for any number.
        after_s: For how long that is not asked, at its beginning.
    """

    idle_s: float
    min_bytes_per_s: int
    after_s: float

    def wait_s(self, taken: int, elapsed_s: float) -> float:
        """How long is the next byte waited for, after so many in this time?"""
        if self.min_bytes_per_s == 0:
            return self.idle_s
        late_s = max(self.after_s, taken / self.min_bytes_per_s)
        return min(self.idle_s, late_s - elapsed_s)


class GuardedFetcher:
    """Asks OCSP responders, whose addresses strangers wrote into certificates, and the like.

    Only public addresses on the usual ports are asked. A name is resolved once
    and the connection goes to the address that was looked at, so a second answer
    of the name service changes nothing. Plain HTTP is allowed, since an OCSP
    response is signed and its responders have no other (RFC 5019 §5), but never
    after HTTPS. A redirection is a new question with the same rules. One deadline
    and one bound of bytes hold from the first look-up to the last byte. Nothing of
    the environment (proxies, cookies, credentials) takes part.

    Args:
        network_allow: Exact `host:port` exceptions: a responder of one's own on a
            private address or on another port.
        timeout_s: Longest time that one question may take, redirections included.
        max_bytes: Most that is read of one answer, its headers included.
        max_redirects: Most redirections followed.
        media_types: Of the question and of the answer; by default those of OCSP.
        pace: How fast an answer has to come; None: its time alone is bounded.
        resolver: Resolves names.

    Raises:
        ConfigurationError: An exception is no `host:port`.
    """

    def __init__(
        self,
        *,
        network_allow: Sequence[str] = (),
        timeout_s: float = 10.0,
        max_bytes: int = 128 * 1024,
        max_redirects: int = 3,
        media_types: tuple[str, str] = _OCSP,
        pace: Pace | None = None,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._allow = tuple(dict.fromkeys(_place(entry) for entry in network_allow))
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._request_type, self._answer_type = media_types
        self._pace = pace
        self._resolver = resolver

    @property
    def network_allow(self) -> tuple[str, ...]:
        """The exceptions, for the report."""
        return self._allow

    def __call__(self, url: str, request: bytes, /) -> bytes:
        """What does the responder at this address answer to this request?

        Raises:
            FetchError: The address is refused, or there is no answer within the bounds.
        """
        deadline = time.monotonic() + self._timeout_s
        target = self._target(url)
        for _ in range(self._max_redirects + 1):
            answer = self._ask(target, request, deadline)
            if isinstance(answer, bytes):
                return answer
            following = self._target(urljoin(target.url, answer))
            if target.secure and not following.secure:
                raise FetchError(f"{target.place}: redirects from https to http")
            target = following
        raise FetchError(f"{target.place}: more than {self._max_redirects} redirections")

    def _target(self, url: str) -> _Target:
        """Take an address apart, and refuse it where the rules say so."""
        if len(url) > _MAX_URL_CHARS or not _URL.fullmatch(url):
            raise FetchError("expected the URL of a responder, got something else or too much")
        try:
            parts = urlsplit(url)
            port, host = parts.port, (parts.hostname or "").rstrip(".")
            if ":" in host:
                host = str(IPv6Address(host))
        except ValueError as error:
            raise FetchError(f"expected the URL of a responder: {error}") from error
        if parts.scheme not in USUAL_PORTS or not host:
            raise FetchError(f"expected an http or https URL, got {parts.scheme or 'none'!r:.20}")
        if "@" in parts.netloc:
            raise FetchError(f"{host}: a URL with user information is refused")
        port = USUAL_PORTS[parts.scheme] if port is None else port
        target = _Target(
            url=url,
            secure=parts.scheme == "https",
            host=host,
            port=port,
            path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
        if port not in USUAL_PORTS.values() and target.place not in self._allow:
            raise FetchError(f"{target.place}: only ports 80 and 443 are asked")
        return target

    @contextmanager
    def exchange(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """One request to one address, by the same rules; no redirection is followed.

        What is read of the answer inside the block is bounded in bytes and time as a whole.

        Raises:
            FetchError: The address is refused, or something failed inside the block.
        """
        deadline = time.monotonic() + self._timeout_s
        with self._exchange(method, self._target(url), headers, body, deadline) as response:
            yield response

    def _ask(self, target: _Target, request: bytes, deadline: float) -> bytes | str:
        """One question to one address: its answer, or where it sends us."""
        headers = {"Accept": self._answer_type, "Content-Type": self._request_type}
        with self._exchange("POST", target, headers, request, deadline) as response:
            return _read(target, response, self._max_bytes, self._answer_type)

    @contextmanager
    def _exchange(
        self,
        method: str,
        target: _Target,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: float,
    ) -> Iterator[http.client.HTTPResponse]:
        addresses = self._resolver(target.host, target.port, _left(target, deadline))
        if not addresses:
            raise FetchError(f"{target.place}: has no address")
        if target.place not in self._allow:
            for address in addresses:
                # One bad address condemns all: the name is in somebody's hands.
                if not is_public(address):
                    raise FetchError(f"{target.place}: {address} is not a public address")
        connection = http.client.HTTPConnection(target.host, target.port)
        length = {} if body is None else {"Content-Length": str(len(body))}
        with self._connect(target, addresses, deadline) as plain:
            try:
                reader = _BoundedReader(plain, target, deadline, self._max_bytes, self._pace)
                stream = _BoundedSocket(plain, target, deadline, reader)
                connection.sock = cast("socket.socket", stream)
                connection.putrequest(
                    method, target.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in {
                    "Host": target.host_header,
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    **headers,
                    **length,
                }.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                with connection.getresponse() as response:
                    yield response
            except ConnectionError as error:
                raise ConnectionLostError(f"{target.place}: {_explain(error)}") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise FetchError(f"{target.place}: {_explain(error)}") from error
            finally:
                connection.close()

    def _connect(self, target: _Target, addresses: Sequence[str], deadline: float) -> socket.socket:
        """A connection to the first of these addresses that answers; no name is resolved again."""
        why = ""
        for address in addresses:
            try:
                plain = socket.create_connection(
                    (address, target.port), timeout=self._step_s(target, deadline)
                )
            except OSError as error:
                why = _explain(error)
                continue
            if not target.secure:
                return plain
            try:
                plain.settimeout(self._step_s(target, deadline))
                return self._tls.wrap_socket(plain, server_hostname=target.host)
            except (OSError, ValueError, FetchError) as error:
                plain.close()
                why = _explain(error)
        raise FetchError(f"{target.place}: cannot be reached: {why}")

    def _step_s(self, target: _Target, deadline: float) -> float:
        left = _left(target, deadline)
        return left if self._pace is None else min(left, self._pace.idle_s)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Loading the system's authorities takes a while, and few responders want it.
        return ssl.create_default_context()


class _BoundedReader(io.RawIOBase):
    """What a connection says, up to so many bytes and until the deadline.

    A time-out of the socket alone would begin anew with every byte that a slow
    server sends.
    """

    def __init__(
        self,
        plain: socket.socket,
        target: _Target,
        deadline: float,
        max_bytes: int,
        pace: Pace | None,
    ) -> None:
        self._plain = plain
        self._target = target
        self._deadline = deadline
        self._pace = pace
        self._begun = time.monotonic()
        self._taken, self._room = 0, max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._room <= 0:
            raise FetchError(f"{self._target.place}: its answer is too large")
        self._plain.settimeout(self._wait_s())
        count = self._plain.recv_into(buffer, min(len(buffer), self._room))
        self._taken, self._room = self._taken + count, self._room - count
        return count

    def _wait_s(self) -> float:
        left = _left(self._target, self._deadline)
        if self._pace is None:
            return left
        wait = self._pace.wait_s(self._taken, time.monotonic() - self._begun)
        if wait <= 0:
            raise FetchError(f"{self._target.place}: its answer comes too slowly")
        return min(left, wait)


class _BoundedSocket:
    """A connection as `http.client` uses one; whoever opened it closes it."""

    def __init__(
        self, plain: socket.socket, target: _Target, deadline: float, reader: _BoundedReader
    ) -> None:
        self._plain = plain
        self._target = target
        self._deadline = deadline
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)

    def sendall(self, data: bytes) -> None:
        self._plain.settimeout(_left(self._target, self._deadline))
        self._plain.sendall(data)

    def close(self) -> None:
        """Leave it open: the answer may not have been read yet."""


def _left(target: _Target, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchError(f"{target.place}: no answer in time")
    return left


def _read(
    target: _Target, response: http.client.HTTPResponse, max_bytes: int, expected: str
) -> bytes | str:
    """The body of an answer, or where it sends us."""
    if response.status in _REDIRECTS:
        location = response.getheader("Location")
        if location is None:
            raise FetchError(f"{target.place}: redirects to nowhere")
        return location
    if response.status != 200:
        raise FetchError(f"{target.place}: expected HTTP status 200, got {response.status}")
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != expected:
        raise FetchError(f"{target.place}: expected {expected}, got {kind!r:.60}")
    if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise FetchError(f"{target.place}: its answer is compressed, which was not asked for")
    # Without a number, room is made for as much as the server announces.
    body = response.read(max_bytes)
    if not body:
        raise FetchError(f"{target.place}: its answer is empty")
    return body


def _explain(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{str(error) or type(error).__name__:.200}"


def _place(entry: str) -> str:
    """One exception in the form in which places are compared."""
    found = _PLACE.fullmatch(entry.lower())
    try:
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ValueError("not of this form")  # noqa: TRY301 - one way out
        host = f"[{IPv6Address(found['v6'])}]" if found["v6"] else found["host"]
    except ValueError as error:
        raise ConfigurationError(f"network allow: expected host:port, got {entry!r:.60}") from error
    return f"{host}:{int(found['port'])}"
