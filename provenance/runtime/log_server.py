"""Serving a log's files over HTTP: static, with the caching that each of them allows.

For trials, and behind a web server that does TLS; any static host does the same job.

Spec: c2sp.org/tlog-tiles, "APIs".
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from provenance.errors import ConfigurationError, MalformedError
from provenance.registry.log.reader import CHECKPOINT
from provenance.registry.log.tiles import parse_tile_path
from provenance.registry.log.time_stamps import is_time_stamp_path

__all__ = ["LogServer"]

_IDLE_S = 30.0
_CHUNK_BYTES = 64 * 1024
# A checkpoint is replaced by the next; everything else never changes under its name.
_CHECKPOINT_CACHING = "public, max-age=5"
_OTHER_CACHING = "public, max-age=31536000, immutable"


class LogServer(ThreadingHTTPServer):
    """Serves one folder until it is shut down.

    Args:
        folder: The `public` folder of a log.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        note: Told one line for each request.

    Raises:
        ConfigurationError: It cannot listen there.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), partial(_Handler, folder, note))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"{host}:{port}: cannot be listened on: {reason.lower()}"
            ) from error

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server_version = "provenance-log"
    sys_version = ""

    def __init__(self, folder: Path, note: Callable[[str], None], *arguments: object) -> None:
        self._folder = folder
        self._note = note
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
        self._note(f"{self.client_address[0]} {format % arguments}")

    def _answer(self, *, body: bool) -> None:
        found = self._find(self.path)
        if found is None:
            self._head(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", 0, "no-store")
            return
        path, kind, caching = found
        try:
            # No link is followed out of the folder, no pipe waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._head(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", 0, "no-store")
            return
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            os.close(descriptor)
            self._head(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", 0, "no-store")
            return
        with os.fdopen(descriptor, "rb") as stream:
            left = facts.st_size
            self._head(HTTPStatus.OK, kind, left, caching)
            while body and left:
                chunk = stream.read(min(left, _CHUNK_BYTES))
                if not chunk:
                    self.close_connection = True
                    return
                self.wfile.write(chunk)
                left -= len(chunk)

    def _find(self, target: str) -> tuple[Path, str, str] | None:
        """Only paths that a log has, in their one spelling: nothing else can be asked for."""
        name = target.removeprefix("/")
        if name == CHECKPOINT:
            return self._folder / name, "text/plain; charset=utf-8", _CHECKPOINT_CACHING
        if is_time_stamp_path(name):
            return self._folder / name, "application/timestamp-token", _OTHER_CACHING
        try:
            tile = parse_tile_path(name)
        except MalformedError:
            return None
        return self._folder / tile.path, "application/octet-stream", _OTHER_CACHING

    def _head(self, status: HTTPStatus, kind: str, length: int, caching: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", caching)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
