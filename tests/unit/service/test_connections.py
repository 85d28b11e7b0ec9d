"""Who holds a connection for nothing, and is not waited for: by a server that answers at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from provenance.service import connections
from provenance.service.connections import BoundedConnection

# More than there is room for on the way.
LARGE = 64 * 1024**2


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads no body; but `/echo` answers with it, and `/large` is a long answer."""
    body = b"x" * (LARGE if scope["path"] == "/large" else 2)
    if scope["path"] == "/echo":
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
    length = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_HEAD_S", "_REST_S", "_UNTAKEN_S"):
        monkeypatch.setattr(connections, name, 2.0)


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """Where a server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=60,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def connected(place: tuple[str, int]) -> Iterator[socket.socket]:
    """A client that reads little at a time, and waits ten seconds for it at most."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        plain.settimeout(10)
        plain.connect(place)
        yield plain


def ask(path: str = "/", *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def answered(plain: socket.socket) -> None:
    """Read one short answer to its end."""
    got = b""
    while not got.endswith(b"\r\n\r\nxx"):
        piece = plain.recv(1024)
        assert piece, got
        got += piece


def is_left(plain: socket.socket) -> bool:
    """Does the server hang up before anything else happens?"""
    return plain.recv(1024) == b""


NOTHING = "Content-Length: 0"


def test_a_line_without_a_request_keeps_no_connection(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        plain.sendall(ask("/", NOTHING))
        answered(plain)
        plain.sendall(b"\r\n")
        assert is_left(plain)


def test_twin_a_line_before_the_next_request(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        for _ in range(3):
            plain.sendall(b"\r\n" + ask("/", NOTHING))
            answered(plain)


def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        plain.sendall(ask("/", "Content-Length: 1000"))
        answered(plain)
        plain.sendall(b"the beginning")
        assert is_left(plain)


def test_twin_a_rest_that_comes(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        plain.sendall(ask("/", f"Content-Length: {1024**2}"))
        answered(plain)
        plain.sendall(bytes(1024**2))
        plain.sendall(ask("/", NOTHING))
        answered(plain)


def test_an_answer_that_nobody_takes_is_not_kept(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        plain.sendall(ask("/large", NOTHING))
        time.sleep(7)
        got = 0
        try:
            while piece := plain.recv(1024**2):
                got += len(piece)
        except ConnectionResetError:
            pass
        assert got < LARGE


def test_twin_an_answer_that_is_taken_slowly(place: tuple[str, int]) -> None:
    with connected(place) as plain:
        plain.sendall(ask("/large", NOTHING, "Connection: close"))
        got, begun = 0, time.monotonic()
        while piece := plain.recv(1024**2):
            got += len(piece)
            if time.monotonic() - begun < 6:
                time.sleep(0.02)
        assert got > LARGE


OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
# What would be answered by itself, if it were no body.
INNER = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def pieces(plain: socket.socket, *sent: bytes) -> None:
    for piece in sent:
        plain.sendall(piece)
        time.sleep(0.2)


@pytest.mark.parametrize("lines", [OFFER, ("Connection: Upgrade", "Upgrade: websocket"), ()])
@pytest.mark.parametrize("split", [0, 3, None])
def test_the_body_of_a_request_that_offers_another_protocol_is_its_body(
    place: tuple[str, int], lines: tuple[str, ...], split: int | None
) -> None:
    """As clients in Java send every request. Taken for a request, it got an answer of its own."""
    head = ask("/echo", *lines, f"Content-Length: {len(INNER)}")
    sent = [head + INNER] if split is None else [head, INNER[:split], INNER[split:]]
    with connected(place) as plain:
        for _ in range(2):
            pieces(plain, *sent)
            assert plain.recv(4096).endswith(b"\r\n\r\n" + INNER)
        plain.sendall(ask("/", "Content-Length: 0"))
        answered(plain)


def test_so_is_one_in_chunks(place: tuple[str, int]) -> None:
    head = ask("/echo", *OFFER, "Transfer-Encoding: chunked")
    with connected(place) as plain:
        pieces(plain, head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
        assert plain.recv(4096).endswith(b"\r\n\r\nabcde")


def test_a_tunnel_or_an_offer_in_the_middle_of_an_answer_is_none(place: tuple[str, int]) -> None:
    offer = ask("/", *OFFER, NOTHING)
    for sent in (b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", offer * 2):
        with connected(place) as plain:
            plain.sendall(sent)
            assert plain.recv(4096).count(b"HTTP/1.1 200") <= 1
