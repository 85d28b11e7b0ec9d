"""A small web server on this machine that takes messages and gives out files."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Message", "Receiver", "running_receiver"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered.

    Attributes:
        place: HOST:PORT.
        received: Messages, in order.
        fails: How many of the next messages are refused.
        files: What is given out, by path.
    """

    place: str
    received: list[Message] = field(default_factory=list)
    fails: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.place}"

    def reset(self) -> None:
        """As it was in the beginning."""
        self.received, self.fails, self.files = [], 0, {}


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """One, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Message(self.path, headers, body))
            refused = receiver.fails > 0
            receiver.fails -= refused
            self._answer(500 if refused else 204, b"")

        def do_GET(self) -> None:
            data = receiver.files.get(self.path)
            self._answer(404 if data is None else 200, data or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(place=f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
