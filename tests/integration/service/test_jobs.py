"""Batch jobs: progress, cancel, and the message at the end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from provenance.limits import DEFAULT_LIMITS
from provenance.records.scopes import Scope
from tests.factory.receiver import Receiver, running_receiver
from tests.factory.service import RunningService, running_service
from tests.integration.service.test_verify import problem

SECRET_BYTES = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(SECRET_BYTES).decode()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Somebody on this machine who takes messages."""
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def listed(
    directory_file: Path,
    receiver: Receiver,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningService]:
    """A service whose operator listed the receiver, and allows references to it."""
    with running_service(
        tmp_path_factory.mktemp("listed"),
        directory=directory_file,
        register=new_database("listed"),
        network_allow=receiver.place,
        service_by_reference="1",
        service_webhook_attempts="3",
    ) as service:
        yield service


def ended(client: httpx2.Client, url: str, *, told: bool = False) -> dict[str, Any]:
    """The job at this address, when it has ended and its end has been told."""
    for _ in range(300):
        job = client.get(url).json()
        waiting = [d for d in job["webhooks"] if d["state"] == "waiting"]
        if job["state"] in {"done", "cancelled"} and not (told and waiting):
            return dict(job)
        time.sleep(0.1)
    raise AssertionError(f"the job did not end: {job}")


def test_a_job_from_begin_to_end(
    platform: httpx2.Client, client: httpx2.Client, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    made = platform.post("/v1/jobs", json={})
    assert made.status_code == 201
    url = made.headers["location"]
    assert made.json()["state"] == "open"
    files = {"a.jpg": signed_jpeg, "나.jpg": unsigned_jpeg, "c.txt": b"text\n" * 100}
    for name, data in files.items():
        assert platform.put(f"{url}/files/{name}", content=data).status_code == 202
    twice = platform.put(f"{url}/files/a.jpg", content=signed_jpeg)
    assert problem(twice) == "conflict"
    assert platform.post(f"{url}/close").status_code == 200
    job = ended(platform, url)
    assert job["progress"] == {
        "total": 3, "waiting": 0, "running": 0, "done": 3, "failed": 0, "cancelled": 0,
    }  # fmt: skip
    listed = platform.get(f"{url}/files", params={"most": 2}).json()
    assert listed["more"]
    rest = platform.get(f"{url}/files", params={"after": listed["files"][-1]["number"]}).json()
    reports = {f["name"]: client.get(f["report"]).json() for f in listed["files"] + rest["files"]}
    assert {name: report["verdict"] for name, report in reports.items()} == {
        "a.jpg": "official", "나.jpg": "unverified", "c.txt": "undetermined",
    }  # fmt: skip
    assert problem(platform.put(f"{url}/files/d.jpg", content=b"x")) == "conflict"
    assert problem(platform.post(f"{url}/cancel")) == "conflict"


def test_credentials_travel_beside_the_files_of_a_job(
    service: RunningService, platform: httpx2.Client, sidecar_pair: tuple[bytes, bytes]
) -> None:
    picture, sidecar = sidecar_pair
    kept = set(service.uploads.iterdir())
    url = platform.post("/v1/jobs", json={}).headers["location"]
    for name in ("가.png", "never.png"):
        assert platform.put(f"{url}/files/{name}/sidecar", content=sidecar).status_code == 202
    twice = platform.put(f"{url}/files/가.png/sidecar", content=sidecar)
    assert problem(twice) == "conflict"
    for name in ("가.png", "alone.png"):
        assert platform.put(f"{url}/files/{name}", content=picture).status_code == 202
    assert platform.post(f"{url}/close").status_code == 200
    assert ended(platform, url)["progress"]["total"] == 2
    files = platform.get(f"{url}/files").json()["files"]
    reports = {file["name"]: platform.get(file["report"]).json() for file in files}
    # The twin is the same picture, without what stood beside it.
    assert {name: report["verdict"] for name, report in reports.items()} == {
        "가.png": "official", "alone.png": "unverified",
    }  # fmt: skip
    assert reports["가.png"]["integrity"]["credentials_from"] == "sidecar"
    waited_for_uploads(service, kept)
    late = platform.put(f"{url}/files/late.png/sidecar", content=sidecar)
    assert problem(late) == "conflict"
    assert set(service.uploads.iterdir()) <= kept


def test_credentials_are_kept_with_a_file_that_is_kept(
    service: RunningService, platform: httpx2.Client, sidecar_pair: tuple[bytes, bytes]
) -> None:
    picture, sidecar = sidecar_pair
    kept = set(service.uploads.iterdir())
    url = platform.post("/v1/jobs", json={"policy": "test-strict"}).headers["location"]
    platform.put(f"{url}/files/a/sidecar", content=sidecar)
    platform.put(f"{url}/files/a", content=picture)
    platform.post(f"{url}/close")
    ended(platform, url)
    (file,) = platform.get(f"{url}/files").json()["files"]
    new = {path.read_bytes() for path in set(service.uploads.iterdir()) - kept}
    assert new == {picture, sidecar}
    assert platform.delete(file["report"]).status_code == 204
    assert set(service.uploads.iterdir()) <= kept


def test_credentials_that_are_none_or_larger_than_any(
    listed: RunningService, service: RunningService, platform: httpx2.Client
) -> None:
    kept = set(service.uploads.iterdir())
    url = platform.post("/v1/jobs", json={}).headers["location"]
    # The smaller bound counts: this service takes no file of 8 MiB, the other one does.
    large = platform.put(f"{url}/files/a/sidecar", content=bytes(8 * 1024**2 + 1))
    assert (large.status_code, problem(large)) == (413, "too-large")
    assert problem(platform.put(f"{url}/files/a/sidecar", content=b"")) == "empty-upload"
    assert set(service.uploads.iterdir()) <= kept
    with listed.client(listed.key(Scope.JOBS)) as other:
        url = other.post("/v1/jobs", json={}).headers["location"]
        most = bytes(DEFAULT_LIMITS.max_manifest_store_bytes)
        larger = other.put(f"{url}/files/a/sidecar", content=most + b"x")
        assert (larger.status_code, problem(larger)) == (413, "too-large")
        assert other.put(f"{url}/files/a/sidecar", content=most).status_code == 202
        other.post(f"{url}/cancel")
    assert not any(listed.uploads.iterdir())


def waited_for_uploads(service: RunningService, kept: set[Path]) -> None:
    """Wait until nothing new is in its folder."""
    for _ in range(100):
        if set(service.uploads.iterdir()) <= kept:
            return
        time.sleep(0.05)
    assert set(service.uploads.iterdir()) <= kept


def test_a_cancelled_job_keeps_nothing(
    service: RunningService, platform: httpx2.Client, unsigned_jpeg: bytes
) -> None:
    kept = set(service.uploads.iterdir())
    url = platform.post("/v1/jobs", json={}).headers["location"]
    for number in range(3):
        platform.put(f"{url}/files/{number}/sidecar", content=b"credentials")
        platform.put(f"{url}/files/{number}", content=unsigned_jpeg)
    assert platform.post(f"{url}/cancel").json()["state"] == "cancelled"
    waited_for_uploads(service, kept)
    progress = platform.get(url).json()["progress"]
    assert progress["waiting"] == 0
    assert progress["done"] + progress["running"] + progress["cancelled"] == 3


def test_another_keys_job_is_none(service: RunningService, platform: httpx2.Client) -> None:
    url = platform.post("/v1/jobs", json={}).headers["location"]
    with service.client(service.key(Scope.JOBS)) as other:
        for answer in (
            other.get(url),
            other.get(f"{url}/files"),
            other.post(f"{url}/close"),
            other.post(f"{url}/cancel"),
            other.put(f"{url}/files/a", content=b"x"),
            other.put(f"{url}/files/a/sidecar", content=b"x"),
        ):
            assert answer.status_code == 404
            assert problem(answer) == "not-found"


def test_the_same_job_is_made_once(platform: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "job-1"}
    one = platform.post("/v1/jobs", json={}, headers=headers)
    two = platform.post("/v1/jobs", json={}, headers=headers)
    assert one.json()["id"] == two.json()["id"]
    other = platform.post("/v1/jobs", json={"policy": "test-strict"}, headers=headers)
    assert problem(other) == "key-reused"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/hook",
        "http://hooks.example/hook",
        # A port that is never asked: the message would be given up a day later.
        "https://hooks.example:8443/hook",
        "https://user@hooks.example/",
        "ftp://hooks.example/",
    ],
)
def test_a_message_to_a_private_address_is_refused_at_once(
    platform: httpx2.Client, url: str
) -> None:
    answer = platform.post("/v1/jobs", json={"webhook": {"url": url, "secret": SECRET}})
    assert answer.status_code == 422
    assert problem(answer) == "invalid"
    good = {"url": "https://hooks.example/hook", "secret": SECRET}
    assert platform.post("/v1/jobs", json={"webhook": good}).status_code == 201


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "geheim", "whsec_" + "!" * 40])
def test_a_secret_that_is_none(platform: httpx2.Client, secret: str) -> None:
    hook = {"url": "https://hooks.example/hook", "secret": secret}
    assert platform.post("/v1/jobs", json={"webhook": hook}).status_code == 422


def test_a_name_that_leads_to_a_private_address_is_never_asked(
    platform: httpx2.Client,
) -> None:
    """What a name stands for is found out when it is asked."""
    hook = {"url": "https://localhost/hook", "secret": SECRET}
    url = platform.post("/v1/jobs", json={"webhook": hook}).headers["location"]
    platform.post(f"{url}/close")
    delivery: dict[str, Any] = {"attempts": 0}
    for _ in range(100):
        delivery = platform.get(url).json()["webhooks"][0]
        if delivery["attempts"]:
            break
        time.sleep(0.1)
    assert delivery["state"] == "waiting"
    assert "is not a public address" in delivery["why"]


def test_the_end_is_told_with_a_signature(
    listed: RunningService, receiver: Receiver, signed_jpeg: bytes
) -> None:
    receiver.reset()
    receiver.fails = 1
    with listed.client(listed.key(Scope.JOBS)) as client:
        hook = {"url": f"{receiver.url}/hook", "secret": SECRET}
        url = client.post("/v1/jobs", json={"webhook": hook}).headers["location"]
        client.put(f"{url}/files/a.jpg", content=signed_jpeg)
        client.post(f"{url}/close")
        job = ended(client, url, told=True)
    (delivery,) = job["webhooks"]
    assert delivery["state"] == "delivered"
    assert delivery["attempts"] == 2
    first, second = receiver.received
    # The same message twice: whoever got both can tell.
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    body = json.loads(second.body)
    assert body["type"] == "job.done"
    assert body["data"]["done"] == 1
    signed = ".".join(
        [second.headers["webhook-id"], second.headers["webhook-timestamp"], second.body.decode()]
    )
    mac = base64.b64encode(hmac.digest(SECRET_BYTES, signed.encode(), hashlib.sha256)).decode()
    assert second.headers["webhook-signature"] == f"v1,{mac}"
    assert abs(int(second.headers["webhook-timestamp"]) - time.time()) < 60


def test_files_named_by_url(listed: RunningService, receiver: Receiver, signed_jpeg: bytes) -> None:
    receiver.reset()
    receiver.files = {"/a.jpg": signed_jpeg}
    with listed.client(listed.key(Scope.VERIFY, Scope.VERIFY_REFERENCE, Scope.JOBS)) as client:
        one = client.post("/v1/verify", json={"url": f"{receiver.url}/a.jpg", "name": "a"})
        assert one.status_code == 200
        assert one.json()["verdict"] == "official"
        gone = client.post("/v1/verify", json={"url": f"{receiver.url}/b.jpg"})
        assert gone.status_code == 502
        assert problem(gone) == "unfetchable"
        private = client.post("/v1/verify", json={"url": "https://127.0.0.1/a.jpg"})
        assert problem(private) == "unfetchable"
        references = [
            {"url": f"{receiver.url}/a.jpg", "name": "a"},
            {"url": f"{receiver.url}/b.jpg", "name": "b"},
        ]
        url = client.post("/v1/jobs", json={"references": references}).headers["location"]
        client.post(f"{url}/close")
        assert ended(client, url)["progress"]["failed"] == 1
        files = client.get(f"{url}/files").json()["files"]
        assert [file["state"] for file in files] == ["done", "failed"]
        assert "expected HTTP status 200" in files[1]["why"]
    with listed.client(listed.key(Scope.VERIFY)) as client:
        answer = client.post("/v1/verify", json={"url": f"{receiver.url}/a.jpg"})
        assert problem(answer) == "forbidden"
