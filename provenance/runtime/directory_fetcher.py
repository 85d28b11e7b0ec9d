"""How a directory's repository is read: https or a local folder, bounded in bytes and time."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

from provenance.errors import DirectoryError

__all__ = ["DirectoryFetcher", "check_source"]

_CHUNK_BYTES = 64 * 1024
_IDLE_S = 15.0
_TOTAL_S = 180.0


def check_source(source: str, allow: Sequence[str]) -> SplitResult:
    """Which address is this, if a directory may come from there?

    https may be anywhere. http is for this machine itself, and for what the operator
    names as HOST:PORT: what is fetched is signed, but who asks, and when, is not hidden.

    Raises:
        DirectoryError: It is of another kind.
    """
    if not source.isascii() or not source.isprintable() or " " in source:
        raise DirectoryError(f"{source!r:.200}: expected an address in printable ASCII")
    try:
        address = urlsplit(source)
        port = address.port
    except ValueError as error:
        raise DirectoryError(f"{source!r:.200}: is no address: {error}") from error
    if address.query or address.fragment or address.username is not None:
        raise DirectoryError(f"{source!r:.200}: expected an address without query, fragment, user")
    if address.scheme == "file" and not address.netloc:
        return address
    if address.hostname and address.scheme == "https":
        return address
    if address.hostname and address.scheme == "http":
        # No list, or one that names another port, permits nothing.
        if f"{address.hostname}:{port or 80}" in allow or _names_this_machine(address.hostname):
            return address
        raise DirectoryError(
            f"{source!r:.200}: expected https; http is for this machine or a HOST:PORT "
            "given with --allow"
        )
    raise DirectoryError(f"{source!r:.200}: expected an https address or a folder")


def _names_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class DirectoryFetcher(FetcherInterface):
    """Fetches files below one source; follows no redirect, asks no proxy.

    Args:
        source: An address that `check_source` let pass.
        allow: HOST:PORT that may be asked without https.
        idle_s: Longest silence.
        total_s: Longest time for one file.
    """

    def __init__(
        self,
        source: str,
        *,
        allow: Sequence[str] = (),
        idle_s: float = _IDLE_S,
        total_s: float = _TOTAL_S,
    ) -> None:
        self._source = source
        self._allow = tuple(allow)
        self._idle_s = idle_s
        self._total_s = total_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        if not url.startswith(self._source.rstrip("/") + "/"):
            raise DownloadError(f"{url}: is not below {self._source}")
        address = check_source(url, self._allow)
        if address.scheme == "file":
            return _local_chunks(Path(unquote(address.path)))
        return self._remote_chunks(address)

    def _remote_chunks(self, address: SplitResult) -> Iterator[bytes]:
        where = address.geturl()
        connection = self._connect(address)
        hung_up = threading.Event()
        # A server that drips one byte at a time never trips the limit on silence. The
        # connection forgets its socket while the answer is read, so it is taken now.
        watch = threading.Timer(self._total_s, _hang_up, (connection.sock, hung_up))
        watch.daemon = True
        watch.start()
        try:
            # Bytes as they are: a compressed answer could unpack to anything.
            connection.request("GET", address.path, headers={"Accept-Encoding": "identity"})
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                # A redirect too: the source that the operator named answers, or nobody.
                raise DownloadHTTPError(
                    f"{where}: expected status 200, got {response.status}", response.status
                )
            while chunk := response.read1(_CHUNK_BYTES):
                yield chunk
            if hung_up.is_set():
                raise SlowRetrievalError(f"{where}: took longer than {self._total_s:g} seconds")
        except TimeoutError as error:
            raise SlowRetrievalError(
                f"{where}: sent nothing for {self._idle_s:g} seconds"
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            if hung_up.is_set():
                raise SlowRetrievalError(
                    f"{where}: took longer than {self._total_s:g} seconds"
                ) from error
            raise DownloadError(f"{where}: {_reason(error)}") from error
        finally:
            watch.cancel()
            connection.close()

    def _connect(self, address: SplitResult) -> http.client.HTTPConnection:
        where, host = address.geturl(), address.hostname or ""
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                host, address.port, timeout=self._idle_s, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, address.port, timeout=self._idle_s)
        try:
            connection.connect()
            peer = connection.sock.getpeername()[0]
        except TimeoutError as error:
            raise SlowRetrievalError(f"{where}: no answer for {self._idle_s:g} seconds") from error
        except (OSError, ValueError) as error:
            raise DownloadError(f"{where}: {_reason(error)}") from error
        named = address.scheme == "https" or f"{host}:{address.port or 80}" in self._allow
        if not named and not ipaddress.ip_address(peer.partition("%")[0]).is_loopback:
            connection.close()
            # `localhost` is whatever the resolver says it is.
            raise DownloadError(f"{where}: {peer} is not this machine")
        return connection


def _hang_up(connected: socket.socket, hung_up: threading.Event) -> None:
    hung_up.set()
    with suppress(OSError):
        # Below TLS, whose state another thread is in the middle of.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _local_chunks(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        # What a web server would say.
        raise DownloadHTTPError(f"{path}: no such file", http.HTTPStatus.NOT_FOUND) from error
    except (OSError, ValueError) as error:
        raise DownloadError(f"{path}: {_reason(error)}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DownloadError(f"{path}: expected a plain file")
    with os.fdopen(descriptor, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
