"""Somebody else's website, on this machine: pages and files from memory."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Website", "running_website"]


@dataclass(kw_only=True)
class Website:
    """What it serves, by path: bytes, media type, further headers."""

    origin: str
    files: dict[str, tuple[bytes, str, dict[str, str]]] = field(default_factory=dict)

    def put(self, path: str, data: bytes | str, media_type: str, **headers: str) -> str:
        """Serve this there: its address."""
        raw = data.encode() if isinstance(data, str) else data
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.files[path] = (raw, media_type, named)
        return self.origin + path


@contextmanager
def running_website(tls: ssl.SSLContext | None = None) -> Iterator[Website]:
    """A website at an origin of its own, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = site.files.get(self.path.partition("?")[0])
            data, media_type, headers = found or (b"nothing", "text/plain", {})
            self.send_response(200 if found else 404)
            for name, value in {"Content-Type": media_type, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scheme = "http" if tls is None else "https"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        site = Website(origin=f"{scheme}://localhost:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
