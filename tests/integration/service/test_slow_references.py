"""Files by reference from somewhere that hardly answers: nobody else waits for them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from provenance.records.scopes import Scope
from tests.factory.service import RunningService, running_service
from tests.integration.service.test_verify import problem

# As many threads as everybody's questions to the database share, and some.
MANY = 30
AFTER_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPlace:
    """A place that gives out one file: `/slow` a byte at a time, everything else at once."""

    place: str
    data: bytes

    @property
    def url(self) -> str:
        return f"http://{self.place}"


@contextmanager
def slow_place(data: bytes) -> Iterator[SlowPlace]:
    ended = threading.Event()

    def answer(plain: socket.socket) -> None:
        with plain, suppress(OSError):
            asked = plain.recv(4096)
            plain.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
            if not asked.startswith(b"GET /slow "):
                plain.sendall(data)
                return
            for byte in data:
                plain.sendall(bytes([byte]))
                if ended.wait(0.2):
                    return

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                plain, _ = listening.accept()
                threading.Thread(target=answer, args=(plain,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield SlowPlace(place=f"127.0.0.1:{listening.getsockname()[1]}", data=data)
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(scope="module")
def place(signed_jpeg: bytes) -> Iterator[SlowPlace]:
    with slow_place(signed_jpeg) as there:
        yield there


@pytest.fixture(scope="module")
def service(
    directory_file: Path, place: SlowPlace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that may fetch from there, and does not wait long for a byte a moment."""
    with running_service(
        tmp_path_factory.mktemp("slow-references"),
        directory=directory_file,
        moderation=False,
        network_allow=place.place,
        service_by_reference="1",
        service_min_upload_bytes_per_s="1000",
        service_min_upload_rate_after_s=str(AFTER_S),
    ) as running:
        yield running


def test_slow_references_hold_up_nobody_and_are_given_up(
    service: RunningService, place: SlowPlace
) -> None:
    token = service.key(Scope.VERIFY, Scope.VERIFY_REFERENCE)

    def ask(path: str) -> httpx2.Response:
        with service.client(token) as client:
            return client.post("/v1/verify", json={"url": f"{place.url}{path}"})

    with ThreadPoolExecutor(MANY) as threads, service.client(token) as client:
        slow = [threads.submit(ask, "/slow") for _ in range(MANY)]
        time.sleep(1.5)
        begun = time.monotonic()
        assert client.get("/readyz").status_code == 200
        assert client.put("/v1/verify", content=place.data).json()["verdict"] == "official"
        assert ask("/fast").json()["verdict"] == "official"
        assert time.monotonic() - begun < AFTER_S - 2
        answers = [asked.result() for asked in slow]
        assert time.monotonic() - begun < 4 * AFTER_S
    assert {(answer.status_code, problem(answer)) for answer in answers} == {(502, "unfetchable")}
    assert not any(service.uploads.iterdir())


def test_a_file_of_a_job_is_given_up_too(service: RunningService, place: SlowPlace) -> None:
    token = service.key(Scope.JOBS, Scope.VERIFY, Scope.VERIFY_REFERENCE)
    references = [{"url": f"{place.url}/{name}", "name": name} for name in ("slow", "fast")]
    with service.client(token) as client:
        url = client.post("/v1/jobs", json={"references": references}).headers["location"]
        client.post(f"{url}/close")
        for _ in range(300):
            job = client.get(url).json()
            if job["state"] == "done":
                break
            time.sleep(0.1)
        files = client.get(f"{url}/files").json()["files"]
    assert [file["state"] for file in files] == ["failed", "done"]
    assert "no answer in time" in files[0]["why"] or "too slowly" in files[0]["why"]


def test_files_that_have_come_do_not_wait_for_those_that_come_slowly(
    service: RunningService, place: SlowPlace
) -> None:
    token = service.key(Scope.JOBS, Scope.VERIFY, Scope.VERIFY_REFERENCE)
    references = [{"url": f"{place.url}/slow", "name": f"{number}"} for number in range(8)]
    with service.client(token) as client:
        slow = client.post("/v1/jobs", json={"references": references}).headers["location"]
        time.sleep(1.5)
        begun = time.monotonic()
        url = client.post("/v1/jobs", json={}).headers["location"]
        client.put(f"{url}/files/a.jpg", content=place.data)
        client.post(f"{url}/close")
        while client.get(url).json()["state"] != "done":
            assert time.monotonic() - begun < AFTER_S - 2
            time.sleep(0.1)
        assert client.get(slow).json()["progress"]["running"] > 0
        client.post(f"{slow}/cancel")
