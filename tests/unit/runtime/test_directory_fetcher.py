from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError

from provenance.errors import DirectoryError
from provenance.runtime.directory_fetcher import DirectoryFetcher, check_source
from tests.factory import pki
from tests.factory.keepers import serving


@pytest.mark.parametrize(
    "source",
    [
        "https://a.example/dir",
        "https://10.0.0.1:8443",
        "http://127.0.0.1:8000/x",
        "http://[::1]:8000",
        "http://localhost",
        "http://mirror.example:8080",
        "file:///srv/directory",
    ],
)
def test_a_source_that_may_be_asked(source: str) -> None:
    check_source(source, ["mirror.example:8080"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("http://mirror.example", "expected https"),
        ("http://mirror.example:8081", "expected https"),
        ("http://10.0.0.1:8080", "expected https"),
        ("http://127.0.0.1.a.example:8080", "expected https"),
        ("ftp://a.example", "expected an https address or a folder"),
        ("file://a.example/x", "expected an https address or a folder"),
        ("https://", "expected an https address or a folder"),
        ("https://user@a.example", "without query, fragment, user"),
        ("https://a.example/?x=1", "without query, fragment, user"),
        ("https://a.example:99999", "is no address"),
        ("https://a.example/a b", "printable ASCII"),
        ("https://a.example/\r\nX: y", "printable ASCII"),
        ("https://오로라.example", "printable ASCII"),
    ],
)
def test_a_source_that_may_not_be_asked(source: str, words: str) -> None:
    with pytest.raises(DirectoryError, match=words):
        check_source(source, ["mirror.example:8080"])


def test_only_what_is_below_the_source_is_fetched(tmp_path: Path) -> None:
    fetcher = DirectoryFetcher("https://a.example/dir")
    with pytest.raises(DownloadError, match="is not below"):
        fetcher.download_bytes("https://a.example/directory.json", 100)
    (tmp_path / "x").write_bytes(b"here")
    local = DirectoryFetcher(tmp_path.as_uri())
    assert local.download_bytes(f"{tmp_path.as_uri()}/x", 100) == b"here"
    with pytest.raises(DownloadHTTPError, match="no such file"):
        local.download_bytes(f"{tmp_path.as_uri()}/y", 100)
    with pytest.raises(DownloadError, match="expected a plain file"):
        local.download_bytes(f"{tmp_path.as_uri()}/.", 100)


@contextmanager
def answering(answer: Callable[[Any], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with serving(Handler) as address:
        yield address


def drip(handler: Any) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.02)


def drip_headers(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"y")
        time.sleep(0.02)


@pytest.mark.parametrize("answer", [drip, drip_headers])
def test_a_server_that_drips_is_hung_up_on(answer: Callable[[Any], None]) -> None:
    with answering(answer) as address:
        fetcher = DirectoryFetcher(address, total_s=0.2)
        with pytest.raises(SlowRetrievalError, match=r"took longer than 0\.2 seconds"):
            fetcher.download_bytes(f"{address}/x", 10_000)


def test_a_server_that_says_nothing_is_hung_up_on() -> None:
    with answering(lambda _: time.sleep(1)) as address:
        fetcher = DirectoryFetcher(address, idle_s=0.1)
        with pytest.raises(SlowRetrievalError, match=r"sent nothing for 0\.1 seconds"):
            fetcher.download_bytes(f"{address}/x", 100)


def test_a_server_that_talks_nonsense_is_an_error_of_the_download() -> None:
    with answering(lambda handler: handler.wfile.write(b"\xff\xff\xff\r\n\r\n")) as address:
        fetcher = DirectoryFetcher(address)
        with pytest.raises(DownloadError):
            fetcher.download_bytes(f"{address}/x", 100)


def test_nobody_there_is_an_error_of_the_download() -> None:
    with answering(lambda _: None) as address:
        pass
    with pytest.raises(DownloadError, match="refused"):
        DirectoryFetcher(address).download_bytes(f"{address}/x", 100)


@pytest.mark.parametrize("trusted", ["root.pem", "other.pem"])
def test_https_asks_for_a_certificate_that_the_machine_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    authority = pki.root("TEST web root")
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    holder = pki.issue("localhost", authority, extensions=[(names, False)])
    (tmp_path / "server.pem").write_bytes(holder.pem + holder.key_pem)
    (tmp_path / "root.pem").write_bytes(authority.pem)
    other = pki.root("TEST other web root")
    (tmp_path / "other.pem").write_bytes(other.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / trusted))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "x").write_bytes(b"here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with serving(tmp_path / "served", tls=context) as address:
        source = address.replace("127.0.0.1", "localhost")
        fetcher = DirectoryFetcher(source)
        if trusted == "root.pem":
            assert fetcher.download_bytes(f"{source}/x", 100) == b"here"
        else:
            with pytest.raises(DownloadError, match="certificate verify failed"):
                fetcher.download_bytes(f"{source}/x", 100)
