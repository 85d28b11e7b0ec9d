"""What honest servers meet: slow, broken, lying, huge and hostile requests."""

from __future__ import annotations

import re
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from provenance.errors import StorageFullError
from provenance.records.scopes import Scope
from provenance.runtime.uploads import UploadFolder
from tests.factory.service import RunningService, running_service
from tests.integration.service.test_verify import problem

MOST = 8 * 1024**2


@pytest.fixture
def service(on_sqlite: RunningService) -> RunningService:
    """What is tested here comes before any database."""
    return on_sqlite


def talk(service: RunningService, data: bytes, *, wait_s: float = 20) -> bytes:
    """What is answered to these bytes on a connection of their own."""
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=wait_s) as plain:
        plain.sendall(data)
        answer = b""
        while chunk := plain.recv(65536):
            answer += chunk
            first, separator, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", first)
            if separator and length and len(body) >= int(length[1]):
                break
        return answer


def head(
    *lines: str, method: str = "PUT", path: str = "/v1/verify", host: str = "localhost"
) -> bytes:
    hosts = [f"Host: {host}"] if host else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *hosts, *lines, "", ""]).encode("latin-1")


def nothing_left(service: RunningService) -> bool:
    """Are all bytes that did not become a report gone?"""
    for _ in range(100):
        if not any(service.uploads.iterdir()):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def _tidy(service: RunningService) -> Iterator[None]:
    for path in service.uploads.iterdir():
        path.unlink()
    yield
    assert nothing_left(service)
    with service.client() as client:
        assert client.get("/healthz").status_code == 200


def test_larger_than_is_taken_is_refused_before_it_is_read(service: RunningService) -> None:
    answer = talk(service, head(f"Content-Length: {MOST + 1}"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too-large" in answer
    assert b"connection: close" in answer.lower()


def test_larger_than_it_says_is_counted_while_it_streams(service: RunningService) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MOST // 65536 + 2):
            yield b"\0" * 65536

    with service.client() as client:
        answer = client.put("/v1/verify", content=chunks())
    assert answer.status_code == 413
    assert problem(answer) == "too-large"


def test_as_large_as_may_be_is_taken(service: RunningService) -> None:
    with service.client() as client:
        answer = client.put("/v1/verify", content=b"\xff\xd8\xff\xe0" + b"\0" * (MOST - 4))
    assert answer.status_code == 200


def test_a_slow_client_is_not_waited_for(service: RunningService) -> None:
    answer = talk(service, head("Content-Length: 1000", "Connection: close") + b"abc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"upload-timeout" in answer


def test_a_head_without_end_is_not_taken(service: RunningService) -> None:
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        # More than there is room for on the way, so that somebody has to take it.
        with pytest.raises(OSError, match=r"Broken pipe|Connection reset"):
            plain.sendall(bytes(range(97, 113)) * 2**22)
    # As long as a cookie may grow, it is.
    long = talk(service, head("X-Long: " + "a" * 16_000, method="GET", path="/healthz"))
    assert long.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_goes_away_leaves_nothing(service: RunningService) -> None:
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port)) as plain:
        plain.sendall(head("Content-Length: 100000") + b"\xff\xd8\xff" * 10_000)
        time.sleep(0.2)
    assert nothing_left(service)


def test_a_body_longer_than_it_says_is_cut_there(
    service: RunningService, signed_jpeg: bytes
) -> None:
    # What follows is another request, and none that can be understood: both are refused.
    answer = talk(service, head(f"Content-Length: {len(signed_jpeg)}") + signed_jpeg + b"more")
    assert answer.startswith(b"HTTP/1.1 400 ")
    twin = talk(service, head(f"Content-Length: {len(signed_jpeg)}") + signed_jpeg)
    assert twin.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: -1",), 400),
        (("Content-Length: 1e3",), 400),
        (("Content-Length: 5", "Content-Length: 6"), 400),
        (("Transfer-Encoding: chunked", "Content-Length: 3"), 400),
        (("Content-Length: 0",), 400),
        (("Content-Length: 4", "Content-Encoding: gzip"), 415),
        (("Content-Length: 4", "Content-Type: multipart/form-data; boundary=x"), 415),
    ],
)
def test_lying_or_unusable_headers(
    service: RunningService, lines: tuple[str, ...], status: int
) -> None:
    answer = talk(service, head(*lines) + b"data")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert b"\r\ncontent-type: application/problem+json\r\n" in answer


def test_no_bytes_at_all(service: RunningService) -> None:
    with service.client() as client:
        answer = client.put("/v1/verify", content=b"")
        assert answer.status_code == 400
        assert problem(answer) == "empty-upload"
        form = client.post("/v1/verify", files={"file": ("a.jpg", b"", "image/jpeg")})
        assert problem(form) == "empty-upload"


def test_no_media_file_is_told_so(service: RunningService, signed_jpeg: bytes) -> None:
    with service.client() as client:
        answer = client.put("/v1/verify", content=b"just some text, which nobody signs\n" * 10)
        assert answer.status_code == 415
        assert problem(answer) == "unsupported-container"
        # The header is not what decides.
        right = client.put(
            "/v1/verify", content=signed_jpeg, headers={"Content-Type": "text/plain"}
        )
        assert right.json()["verdict"] == "official"


def form(parts: int, name: str = "file") -> bytes:
    one = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\ndata\r\n'
    return (one * parts + "--x--\r\n").encode()


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (form(10_000), 400, "too-many-parts"),
        (form(2), 400, "too-many-parts"),
        (form(1, "other"), 400, "too-many-parts"),
        (form(1)[:-20], 400, "bad-request"),
        (b"--y\r\nwrong boundary", 400, "bad-request"),
        (b"--x\r\nContent-Disposition: " + b"a" * 9000 + b"\r\n\r\n--x--", 400, "bad-request"),
        (b"--x--\r\n", 400, "empty-upload"),
        (b"", 400, "bad-request"),
    ],
)
def test_forms_that_are_none(service: RunningService, body: bytes, status: int, name: str) -> None:
    with service.client() as client:
        answer = client.post(
            "/v1/verify",
            content=body,
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
    assert answer.status_code == status
    assert problem(answer) == name


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "multipart/mixed; boundary=x"]
)
def test_a_post_of_another_kind(service: RunningService, kind: str) -> None:
    with service.client() as client:
        answer = client.post("/v1/verify", content=b"data", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert problem(answer) == "unsupported-body"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "",
        "localhost@evil",
        # What links in answers would begin with.
        "localhost:80@evil.example",
        "[::1]evil.example",
    ],
)
def test_a_request_to_another_host(service: RunningService, host: str) -> None:
    answer = talk(service, head(method="GET", path="/healthz", host=host))
    # Without any host, HTTP itself forbids it.
    assert answer.startswith(b"HTTP/1.1 421 " if host else b"HTTP/1.1 4")
    twin = talk(service, head(method="GET", path="/healthz", host="localhost:1234"))
    assert twin.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/reports/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/reports/../../etc/passwd",
        "/v1/reports/%00",
        "//etc/passwd",
        "/v1/jobs/..%2fx/files/a",
    ],
)
def test_paths_lead_nowhere(service: RunningService, path: str) -> None:
    answer = talk(service, head(method="GET", path=path))
    assert answer.split(b" ", 2)[1] in {b"401", b"404", b"405", b"422"}
    assert b"root:" not in answer


@pytest.mark.parametrize("name", ["../../evil.jpg", "/etc/passwd", "a\\b.jpg"])
def test_a_file_name_is_only_text(service: RunningService, name: str, unsigned_jpeg: bytes) -> None:
    with service.client() as client:
        answer = client.put("/v1/verify", content=unsigned_jpeg, params={"name": name})
    assert answer.status_code == 200
    assert answer.json()["asset"]["name"] == name


def test_no_room_on_the_disk(poor: RunningService, unsigned_jpeg: bytes) -> None:
    with poor.client(headers={"X-Forwarded-For": "203.0.113.1"}) as client:
        answer = client.put("/v1/verify", content=unsigned_jpeg)
        assert answer.status_code == 507
        assert problem(answer) == "storage-full"
        assert client.get("/readyz").status_code == 507
        assert client.get("/healthz").status_code == 200
    assert not any(poor.uploads.iterdir())


def test_a_disk_that_fills_while_bytes_arrive(tmp_path: Path) -> None:
    """Where the kernel refuses to write on: the file is gone, and the reason is told."""
    folder = UploadFolder(tmp_path / "uploads", min_free_bytes=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with (
            pytest.raises(StorageFullError, match="the disk has no room"),
            folder.new(max_bytes=10**9) as new,
        ):
            new.write(b"\0" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not any((tmp_path / "uploads").iterdir())
    with folder.new(max_bytes=10**9) as new:
        new.write(b"\0" * 200_000)
        assert new.finish().size_bytes == 200_000


def test_a_url_cannot_write_headers(service: RunningService, signed_jpeg: bytes) -> None:
    with service.client() as client:
        answer = client.put(
            "/v1/verify",
            content=signed_jpeg,
            headers={"X-Request-Id": "ab cd\tef", "Host": "localhost"},
        )
    assert "ab cd" not in answer.headers["x-request-id"]
    assert isinstance(answer, httpx2.Response)


@pytest.fixture(scope="module")
def shared(
    directory_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service where an address may hold two of eight uploads, and has to send fast enough."""
    with running_service(
        tmp_path_factory.mktemp("shared"),
        directory=directory_file,
        moderation=False,
        service_max_uploads="8",
        service_max_uploads_per_address="2",
        service_max_uploads_per_key="1",
        service_min_upload_bytes_per_s="1000",
        service_min_upload_rate_after_s="2",
        service_trusted_proxies="127.0.0.1",
    ) as running:
        yield running


@contextmanager
def held(service: RunningService, *lines: str) -> Iterator[None]:
    """An upload that has begun, and does not end while the block runs."""
    parts = urlsplit(service.url)
    before = len(list(service.uploads.iterdir()))
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as plain:
        plain.sendall(head("Content-Length: 100000", *lines) + b"x")
        for _ in range(100):
            if len(list(service.uploads.iterdir())) > before:
                break
            time.sleep(0.02)
        yield


def sent(
    service: RunningService, data: bytes, address: str, token: str | None = None
) -> httpx2.Response:
    with service.client(token, headers={"X-Forwarded-For": address}) as client:
        return client.put("/v1/verify", content=data)


def test_one_address_cannot_hold_all_uploads(shared: RunningService, signed_jpeg: bytes) -> None:
    mine = "X-Forwarded-For: 198.51.100.1"
    token = shared.key(Scope.VERIFY)
    with held(shared, mine):
        # One of two is left.
        assert sent(shared, signed_jpeg, "198.51.100.1").status_code == 200
        with held(shared, mine):
            refused = sent(shared, signed_jpeg, "198.51.100.1")
            assert (refused.status_code, problem(refused)) == (429, "rate-limited")
            assert int(refused.headers["retry-after"]) >= 1
            assert "at most 2" in refused.json()["detail"]
            assert sent(shared, signed_jpeg, "198.51.100.2").status_code == 200
            # A key has its own share, wherever it is used.
            assert sent(shared, signed_jpeg, "198.51.100.1", token).status_code == 200
            with held(shared, mine, f"Authorization: Bearer {token}"):
                refused = sent(shared, signed_jpeg, "198.51.100.3", token)
                assert (refused.status_code, problem(refused)) == (429, "rate-limited")
    for _ in range(100):
        if (answer := sent(shared, signed_jpeg, "198.51.100.1")).status_code == 200:
            break
        time.sleep(0.05)
    assert answer.status_code == 200


def _trickled(service: RunningService, data: bytes, size: int, *, every_s: float) -> bytes:
    """What is answered to an upload that comes in pieces of this size."""
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as plain:
        plain.sendall(head(f"Content-Length: {len(data)}", "Connection: close"))
        for begin in range(0, len(data), size):
            plain.sendall(data[begin : begin + size])
            plain.settimeout(every_s)
            with suppress(TimeoutError):
                return _to_the_end(plain, plain.recv(65536))
        return _to_the_end(plain, b"")


def _to_the_end(plain: socket.socket, begun: bytes) -> bytes:
    """An answer may come in pieces: its head, then the rest."""
    plain.settimeout(20)
    while piece := plain.recv(65536):
        begun += piece
    return begun


def test_bytes_that_trickle_are_not_waited_for(shared: RunningService) -> None:
    began = time.monotonic()
    answer = _trickled(shared, b"\xff\xd8\xff\xe0" + b"\0" * 100, 1, every_s=0.25)
    assert time.monotonic() - began < 10
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"upload-timeout" in answer
    assert b"at least 1000 bytes a second" in answer


def test_twin_bytes_that_come_slowly_and_fast_enough(shared: RunningService) -> None:
    data = b"\xff\xd8\xff\xe0" + b"\0" * 6000
    answer = _trickled(shared, data, 500, every_s=0.25)
    assert answer.startswith(b"HTTP/1.1 200 ")


JSON = "Content-Type: application/json"


@pytest.mark.parametrize("path", ["/v1/matches/byBinding", "/v1/complaints", "/v1/bindings"])
def test_a_document_without_end_is_not_read(service: RunningService, path: str) -> None:
    sent_bytes = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent_bytes
        yield b'{"alg": "'
        for _ in range(1024):
            sent_bytes += 65536
            yield b"a" * 65536

    # Before it has read it, nobody knows whether a key would count.
    with (
        service.client(headers={"Content-Type": "application/json"}) as client,
        suppress(httpx2.TransportError),
    ):
        answer = client.post(path, content=chunks())
        assert (answer.status_code, problem(answer)) == (413, "too-large")
    # What is on its way is more than what is read.
    assert sent_bytes < 32 * 1024**2


def test_a_document_that_is_a_little_too_long_is_told_so(service: RunningService) -> None:
    answers = []
    with service.client(headers={"Content-Type": "application/json"}) as client:
        for spaces in (1024**2, 1024**2 - 100):
            body = b'{"alg": "io.iscc.v0", "value": "eA=="}' + b" " * spaces
            answers.append(client.post("/v1/matches/byBinding", content=body))
    long, twin = answers
    assert (long.status_code, problem(long)) == (413, "too-large")
    assert long.headers["connection"] == "close"
    # The twin is read, and its value is none.
    assert (twin.status_code, problem(twin)) == (400, "bad-request")


def test_a_document_that_does_not_come_is_not_waited_for(service: RunningService) -> None:
    document = b'{"alg": "io.iscc.v0", "value": "eA=="}'
    lines = head(
        f"Content-Length: {len(document)}", JSON, "Connection: close",
        method="POST", path="/v1/matches/byBinding",
    )  # fmt: skip
    answer = talk(service, lines + document[:5])
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"upload-timeout" in answer
    assert talk(service, lines + document).startswith(b"HTTP/1.1 400 ")


def test_a_job_is_read_when_its_key_is_known(service: RunningService) -> None:
    """It may be long: a thousand addresses. Whoever has no key sends none of it in vain."""
    url = "https://pictures.example/" + "a" * 1900
    job = {"references": [{"name": f"{n}", "url": f"{url}{n}"} for n in range(1000)]}
    with service.client() as client:
        answer = client.post("/v1/jobs", json=job)
        assert (answer.status_code, problem(answer)) == (401, "unauthorised")
    with service.client(service.key(Scope.JOBS, Scope.VERIFY_REFERENCE)) as client:
        answer = client.post("/v1/jobs", json=job)
        # It was understood, and refused for what it asks.
        assert (answer.status_code, problem(answer)) == (403, "switched-off")
        assert client.post("/v1/jobs", json={}).status_code == 201
        long = client.post("/v1/jobs", content=b"{" + b" " * 9 * 1024**2 + b"}")
        assert (long.status_code, problem(long)) == (413, "too-large")
        for body in (b"", b"[]", b'{"references": 1}', b"{"):
            assert problem(client.post("/v1/jobs", content=body)) == "invalid"


def test_a_part_of_a_file_is_not_judged_as_the_file(
    service: RunningService, signed_jpeg: bytes
) -> None:
    """As `curl -C 1000 -T` sends it."""
    size = len(signed_jpeg)
    with service.client() as client:
        part = client.put(
            "/v1/verify",
            content=signed_jpeg[1000:],
            headers={"Content-Range": f"bytes 1000-{size - 1}/{size}"},
        )
        assert (part.status_code, problem(part)) == (400, "bad-request")
        assert client.put("/v1/verify", content=signed_jpeg).json()["verdict"] == "official"
