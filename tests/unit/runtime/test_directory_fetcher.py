from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError

from provenance.errors import DirectoryError
from provenance.runtime.directory_fetcher import DirectoryFetcher, check_source
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
