"""The one way out: what it refuses to ask, and how it gives up on a server."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from provenance.errors import ConfigurationError, FetchError
from provenance.runtime.addresses import is_public, system_resolver
from provenance.runtime.fetch import GuardedFetcher
from tests.factory import pki
from tests.factory.ocsp import Responder, running_responder

PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "64:ff9b::7f00:1",
    "64:ff9b::5db8:d70e",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]


@pytest.fixture(scope="module")
def running() -> Iterator[Responder]:
    with running_responder() as responder:
        yield responder


@pytest.fixture
def responder(running: Responder) -> Responder:
    """A responder on loopback that repeats what it was asked."""
    running.answer = bytes
    running.headers = {}
    running.content_type = "application/ocsp-response"
    running.http_status = 200
    running.requests.clear()
    running.hosts.clear()
    return running


def names(*answers: list[str]) -> tuple[list[tuple[str, int]], Callable[..., list[str]]]:
    """A resolver that gives these answers one after the other, and what it was asked."""
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int, _timeout_s: float) -> list[str]:
        asked.append((host, port))
        return answers[min(len(asked), len(answers)) - 1]

    return asked, resolve


def to_loopback(responder: Responder, **options: object) -> GuardedFetcher:
    allowed = [responder.place, f"ocsp.example:{responder.port}"]
    resolver = names(["127.0.0.1"])[1]
    return GuardedFetcher(network_allow=allowed, resolver=resolver, **options)  # type: ignore[arg-type]


def refusal_of(url: str, fetcher: GuardedFetcher | None = None) -> str:
    with pytest.raises(FetchError) as caught:
        (fetcher or GuardedFetcher(resolver=names([])[1]))(url, b"question")
    return str(caught.value)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_address_outside_the_public_internet_is_asked(address: str) -> None:
    assert not is_public(address)
    asked, resolver = names([address])
    why = refusal_of("http://ocsp.example/", GuardedFetcher(resolver=resolver))
    assert why == f"ocsp.example:80: {address} is not a public address"
    assert asked == [("ocsp.example", 80)]
    # One bad address condemns a name that also has a good one.
    mixed = GuardedFetcher(resolver=names([PUBLIC, address])[1])
    assert "is not a public address" in refusal_of("https://ocsp.example/", mixed)


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_V6, "1.1.1.1", "2a00:1450::1"])
def test_twin_a_public_address_is_asked(address: str) -> None:
    assert is_public(address)
    fetcher = GuardedFetcher(resolver=names([address])[1])
    # This machine's guard stops the connection itself, and names where it went.
    with pytest.raises(AssertionError, match=f"tried to reach '{address}'"):
        fetcher("http://ocsp.example/", b"question")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "0x7f000001", "2130706433", "017700000001"]
)
def test_loopback_by_any_spelling_is_refused(host: str) -> None:
    def resolve(name: str, port: int, timeout_s: float) -> list[str]:
        # Old spellings of numbers are what the system makes of them.
        try:
            return [socket.inet_ntoa(socket.inet_aton(name))]
        except OSError:
            return system_resolver(name, port, timeout_s)

    why = refusal_of(f"http://{host}/", GuardedFetcher(resolver=resolve))
    assert "is not a public address" in why


def test_twin_an_exception_of_the_operator_is_asked(responder: Responder) -> None:
    assert to_loopback(responder)(responder.url + "a/b?c=d", b"question") == b"question"
    assert responder.requests == [("/a/b?c=d", b"question")]
    assert responder.hosts == [responder.place]


def test_an_exception_is_one_host_and_one_port(responder: Responder) -> None:
    fetcher = GuardedFetcher(network_allow=[f"127.0.0.1:{responder.port + 1}"])
    assert (
        refusal_of(responder.url, fetcher) == f"{responder.place}: only ports 80 and 443 are asked"
    )
    by_name = GuardedFetcher(network_allow=[responder.place], resolver=names(["127.0.0.1"])[1])
    why = refusal_of(f"http://ocsp.example:{responder.port}/", by_name)
    assert why == f"ocsp.example:{responder.port}: only ports 80 and 443 are asked"
    assert not responder.requests


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "ocsp.example",
        "ocsp.example:",
        ":80",
        "ocsp.example:0",
        "ocsp.example:65536",
        "http://ocsp.example:80",
        "[::1]",
        "[zz::]:80",
        "*:80",
        "a b:80",
        "ocsp.example:80/x",
    ],
)
def test_an_exception_that_is_none_is_a_configuration_error(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="network allow: expected host:port, got"):
        GuardedFetcher(network_allow=[entry])


def test_exceptions_are_compared_in_one_form() -> None:
    fetcher = GuardedFetcher(network_allow=["OCSP.example:8080", "[0:0::1]:81", "[::1]:81"])
    assert fetcher.network_allow == ("ocsp.example:8080", "[::1]:81")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://ocsp.example/", "expected an http or https URL, got 'ftp'"),
        ("file:///etc/passwd", "expected an http or https URL, got 'file'"),
        ("gopher://ocsp.example/", "expected an http or https URL, got 'gopher'"),
        ("//ocsp.example/", "expected an http or https URL, got 'none'"),
        ("http:///x", "expected an http or https URL, got 'http'"),
        ("http://user@ocsp.example/", "ocsp.example: a URL with user information is refused"),
        ("http://u:p@ocsp.example/", "ocsp.example: a URL with user information is refused"),
        ("http://@ocsp.example/", "ocsp.example: a URL with user information is refused"),
        ("http://good.example@ocsp.example/", "user information is refused"),
        ("http://ocsp.example:22/", "ocsp.example:22: only ports 80 and 443 are asked"),
        ("http://ocsp.example:8080/", "ocsp.example:8080: only ports 80 and 443 are asked"),
        ("https://[::1]:6379/", "[::1]:6379: only ports 80 and 443 are asked"),
        ("http://ocsp.example:99999/", "expected the URL of a responder"),
        ("http://ocsp.example:0/", "ocsp.example:0: only ports 80 and 443 are asked"),
        ("http://[::1/", "expected the URL of a responder"),
        ("http://ocsp.example/\r\nX-Evil: 1", "expected the URL of a responder"),
        ("http://ocsp.example/ x", "expected the URL of a responder"),
        ("http://오로라.example/", "expected the URL of a responder"),
        ("http://ocsp.example/" + "a" * 2000, "expected the URL of a responder"),
        ("", "expected the URL of a responder"),
    ],
)
def test_a_url_that_is_refused_before_anything_is_resolved(url: str, why: str) -> None:
    asked, resolver = names([PUBLIC])
    assert why in refusal_of(url, GuardedFetcher(resolver=resolver))
    assert not asked


def test_a_name_is_resolved_once_and_the_answer_is_kept(responder: Responder) -> None:
    # The second answer of the name service would be somewhere else.
    place = f"ocsp.example:{responder.port}"
    asked, resolver = names(["127.0.0.1"], ["127.0.0.2"])
    fetcher = GuardedFetcher(network_allow=[place], resolver=resolver)
    assert fetcher(f"http://{place}/", b"question") == b"question"
    assert asked == [("ocsp.example", responder.port)]
    assert responder.hosts == [place]


def test_an_answer_that_changes_between_look_and_use_changes_nothing() -> None:
    asked, resolver = names([PUBLIC], ["127.0.0.1"])
    with pytest.raises(AssertionError, match=f"tried to reach '{PUBLIC}'"):
        GuardedFetcher(resolver=resolver)("http://ocsp.example/", b"question")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://127.0.0.1/", "127.0.0.1:80: 127.0.0.1 is not a public address"),
        ("http://169.254.169.254/latest/", "169.254.169.254 is not a public address"),
        ("http://127.0.0.1:22/", "127.0.0.1:22: only ports 80 and 443 are asked"),
        ("http://u@ocsp.example/", "user information is refused"),
        ("file:///etc/passwd", "expected an http or https URL, got 'file'"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_a_new_question_with_the_same_rules(
    location: str, why: str, status: int, responder: Responder
) -> None:
    def resolve(host: str, _port: int, _timeout_s: float) -> list[str]:
        return [host]

    responder.http_status, responder.headers = status, {"Location": location}
    fetcher = GuardedFetcher(network_allow=[responder.place], resolver=resolve)
    assert why in refusal_of(responder.url, fetcher)
    assert len(responder.requests) == 1


def test_redirections_end(responder: Responder) -> None:
    responder.http_status, responder.headers = 307, {"Location": "/again"}
    why = refusal_of(responder.url, to_loopback(responder))
    assert why == f"{responder.place}: more than 3 redirections"
    assert [path for path, _ in responder.requests] == ["/", "/again", "/again", "/again"]


def test_twin_a_redirection_within_the_rules_is_followed(responder: Responder) -> None:
    with running_responder() as second:
        responder.http_status, responder.headers = 308, {"Location": f"{second.url}moved"}
        fetcher = GuardedFetcher(network_allow=[responder.place, second.place])
        assert fetcher(responder.url, b"question") == b"question"
        assert second.requests == [("/moved", b"question")]


@pytest.mark.parametrize("status", [204, 303, 304, 400, 404, 500])
def test_another_status_is_no_answer(status: int, responder: Responder) -> None:
    responder.http_status = status
    why = refusal_of(responder.url, to_loopback(responder))
    assert why == f"{responder.place}: expected HTTP status 200, got {status}"


@pytest.mark.parametrize("kind", ["text/html", "application/ocsp-request", ""])
def test_another_content_type_is_no_answer(kind: str, responder: Responder) -> None:
    responder.content_type = kind
    why = refusal_of(responder.url, to_loopback(responder))
    assert why == f"{responder.place}: expected application/ocsp-response, got {kind!r}"


def test_compressed_and_empty_answers_are_none(responder: Responder) -> None:
    responder.headers = {"Content-Encoding": "gzip"}
    assert "compressed" in refusal_of(responder.url, to_loopback(responder))
    responder.headers, responder.answer = {}, lambda _: b""
    assert "its answer is empty" in refusal_of(responder.url, to_loopback(responder))


def test_proxies_of_the_environment_take_no_part(
    responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert to_loopback(responder)(responder.url, b"question") == b"question"


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does what it likes with each connection; its host and port."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def run() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    try:
                        serve(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n"


def _take_request(connection: socket.socket) -> None:
    taken = b""
    while not taken.endswith(b"question"):
        taken += connection.recv(4096)


def _endless_body(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD + b"\r\n")
    while True:
        connection.sendall(bytes(65536))


def _endless_chunks(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"8000\r\n" + bytes(0x8000) + b"\r\n")


def _endless_header(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD + b"X-Long: ")
    while True:
        connection.sendall(b"x" * 65536)


def _many_headers(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD)
    while True:
        connection.sendall(b"X-Short: y\r\n" * 1000)


def _continue_for_ever(connection: socket.socket) -> None:
    _take_request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def _announces_much(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD + b"Content-Length: 1000000000000000\r\n\r\n")
    while True:
        connection.sendall(bytes(65536))


@pytest.mark.parametrize(
    "serve",
    [
        _endless_body,
        _endless_chunks,
        _endless_header,
        _many_headers,
        _continue_for_ever,
        _announces_much,
    ],
)
def test_a_server_that_does_not_stop_is_cut_off(serve: Callable[[socket.socket], None]) -> None:
    with raw_server(serve) as place:
        start = time.monotonic()
        why = refusal_of(f"http://{place}/", GuardedFetcher(network_allow=[place]))
        assert any(
            part in why for part in ("its answer is too large", "got more than", "not used")
        ), why
        assert time.monotonic() - start < 2


def _drips_header(connection: socket.socket) -> None:
    _take_request(connection)
    for byte in _HEAD * 10:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def _drips_body(connection: socket.socket) -> None:
    _take_request(connection)
    connection.sendall(_HEAD + b"\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


def _says_nothing(connection: socket.socket) -> None:
    _take_request(connection)
    connection.settimeout(2)
    connection.recv(4096)


@pytest.mark.parametrize("serve", [_drips_header, _drips_body, _says_nothing])
def test_one_deadline_holds_however_slowly_a_server_drips(
    serve: Callable[[socket.socket], None],
) -> None:
    with raw_server(serve) as place:
        start = time.monotonic()
        fetcher = GuardedFetcher(network_allow=[place], timeout_s=0.3)
        assert refusal_of(f"http://{place}/", fetcher) == f"{place}: no answer in time"
        assert time.monotonic() - start < 0.8


def test_the_deadline_holds_for_redirections_and_names_too() -> None:
    def redirects(connection: socket.socket) -> None:
        _take_request(connection)
        time.sleep(0.15)
        connection.sendall(b"HTTP/1.1 307 Elsewhere\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    with raw_server(redirects) as place:
        fetcher = GuardedFetcher(network_allow=[place], timeout_s=0.3, max_redirects=50)
        assert refusal_of(f"http://{place}/", fetcher).endswith("no answer in time")

    def never(_host: str, _port: int, timeout_s: float) -> list[str]:
        assert timeout_s <= 0.3
        raise FetchError("ocsp.example: not resolved in time")

    slow = GuardedFetcher(timeout_s=0.3, resolver=never)
    assert refusal_of("http://ocsp.example/", slow) == "ocsp.example: not resolved in time"


def test_what_is_not_http_is_no_answer() -> None:
    def babble(connection: socket.socket) -> None:
        _take_request(connection)
        connection.sendall(b"220 mail.example ESMTP\r\n")

    with raw_server(babble) as place:
        why = refusal_of(f"http://{place}/", GuardedFetcher(network_allow=[place]))
        assert why.startswith(f"{place}: ")
    # Nobody listens there any more.
    assert "cannot be reached" in refusal_of(
        f"http://{place}/", GuardedFetcher(network_allow=[place])
    )


def test_the_system_resolver_gives_addresses_or_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "127.0.0.1" in system_resolver("localhost", 80, 5.0)

    def slow(*_arguments: object, **_options: object) -> list[object]:
        time.sleep(0.2)
        return []

    def unknown(*_arguments: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(FetchError, match=r"ocsp\.example: not resolved in time"):
        system_resolver("ocsp.example", 80, 0.02)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError, match=r"ocsp\.example: cannot be resolved: .*not known"):
        system_resolver("ocsp.example", 80, 1.0)


@contextmanager
def tls_server(
    folder: Path,
    host: str,
    root: pki.Holder,
    *,
    says: bytes = _HEAD + b"Content-Length: 6\r\n\r\nanswer",
) -> Iterator[tuple[str, list[str]]]:
    """A server whose certificate is for this host; its port, and the names it was asked by."""
    leaf = pki.issue(
        pki.name(host),
        root,
        eku=["1.3.6.1.5.5.7.3.1"],
        extensions=[(x509.SubjectAlternativeName([x509.DNSName(host)]), False)],
    )
    (folder / "chain.pem").write_bytes(leaf.chain_pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    asked: list[str] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            _take_request(secure)
            secure.sendall(says)

    with raw_server(serve) as place:
        yield place.rpartition(":")[2], asked


def test_the_name_of_a_server_is_checked_although_its_address_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pki.root("Aurora TEST web root")
    (tmp_path / "root.pem").write_bytes(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    with tls_server(tmp_path, "ocsp.example", root) as (port, asked):
        allowed = [f"ocsp.example:{port}", f"other.example:{port}"]
        fetcher = GuardedFetcher(network_allow=allowed, resolver=names(["127.0.0.1"])[1])
        assert fetcher(f"https://ocsp.example:{port}/", b"question") == b"answer"
        assert asked == ["ocsp.example"]
        why = refusal_of(f"https://other.example:{port}/", fetcher)
        assert "Hostname mismatch" in why
    monkeypatch.delenv("SSL_CERT_FILE")
    with tls_server(tmp_path, "ocsp.example", root) as (port, _):
        fetcher = GuardedFetcher(
            network_allow=[f"ocsp.example:{port}"], resolver=names(["127.0.0.1"])[1]
        )
        why = refusal_of(f"https://ocsp.example:{port}/", fetcher)
        assert "certificate verify failed" in why


def test_nothing_goes_from_https_to_http(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, responder: Responder
) -> None:
    root = pki.root("Aurora TEST web root")
    (tmp_path / "root.pem").write_bytes(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    away = f"HTTP/1.1 307 Elsewhere\r\nLocation: {responder.url}\r\n\r\n".encode()
    with tls_server(tmp_path, "ocsp.example", root, says=away) as (port, _):
        place = f"ocsp.example:{port}"
        fetcher = GuardedFetcher(
            network_allow=[place, responder.place], resolver=names(["127.0.0.1"])[1]
        )
        assert refusal_of(f"https://{place}/", fetcher) == f"{place}: redirects from https to http"
    assert not responder.requests
