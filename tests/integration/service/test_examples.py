"""The examples as a platform would copy them, each against a running service."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from provenance.moderation.tables import actions as action_rows
from provenance.moderation.vocabulary import ActionState, ActionType, Role
from provenance.records.job_model import JobState
from provenance.records.reports import ReportStore
from provenance.records.scopes import Scope
from provenance.records.tables import jobs
from provenance.runtime.clock import system_clock
from provenance.runtime.moderation_parts import ModerationParts
from provenance.runtime.service_database import open_database
from provenance.runtime.service_parts import open_moderation
from provenance.runtime.settings import load_settings
from provenance.runtime.uploads import UploadFolder
from tests.factory.moderation import about, draft, person
from tests.factory.service import RunningService, running_service

EXAMPLES = Path(__file__).parents[3] / "examples"


def environment(service: RunningService, folder: Path, *scopes: Scope) -> dict[str, str]:
    token = service.key(*scopes)
    given = {"PROVENANCE_URL": service.url, "PROVENANCE_KEY": token, "UPLOADS": str(folder)}
    return {**os.environ, **given}


@contextmanager
def running(command: list[str], ready: str, env: dict[str, str]) -> Iterator[str]:
    """The line with which it says that it answers."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
        cwd=EXAMPLES,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if ready in line:
                yield line
                return
        raise AssertionError(f"it did not start: {lines}")
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def test_the_hook_for_fastapi(
    on_sqlite: RunningService, tmp_path: Path, signed_jpeg: bytes
) -> None:
    command = [sys.executable, "-m", "uvicorn", "fastapi_upload:app", "--port", "0"]
    env = environment(on_sqlite, tmp_path, Scope.VERIFY)
    with running(command, "running on", env) as line:
        url = line.split("running on ")[1].split()[0]
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
            answer = client.put("/uploads", content=signed_jpeg)
            assert answer.status_code == 200
            shown = answer.json()
            assert shown["verdict"] == "official"
            assert shown["digital_signature_available"] is True
            assert (tmp_path / shown["id"]).read_bytes() == signed_jpeg
            assert client.get(shown["inspect"]).json()["verdict"] == "official"
            text = client.put("/uploads", content=b"no media\n" * 20)
            assert text.status_code == 415
    assert len(list(tmp_path.iterdir())) == 2


@contextmanager
def hook_for_fastapi(env: dict[str, str]) -> Iterator[httpx2.Client]:
    command = [sys.executable, "-m", "uvicorn", "fastapi_upload:app", "--port", "0"]
    with running(command, "running on", env) as line:
        url = line.split("running on ")[1].split()[0]
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as client:
            yield client


def test_the_hook_for_fastapi_keeps_no_half_file(
    on_sqlite: RunningService, tmp_path: Path, signed_jpeg: bytes
) -> None:
    """Whoever uploads it is gone in the middle; the twin stays until the end."""
    with hook_for_fastapi(environment(on_sqlite, tmp_path, Scope.VERIFY)) as client:
        head = "PUT /uploads HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"
        place = (client.base_url.host, client.base_url.port or 80)
        with socket.create_connection(place) as sender:
            sender.sendall(head.format(len(signed_jpeg) + 1).encode() + signed_jpeg)
            waited_for(lambda: any(path.stat().st_size for path in tmp_path.iterdir()))
        waited_for(lambda: not any(tmp_path.iterdir()))
        with socket.create_connection(place) as sender:
            sender.sendall(head.format(len(signed_jpeg)).encode() + signed_jpeg)
            assert b" 200 " in sender.recv(4096).partition(b"\r\n")[0]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".json"]


def waited_for(happened: Callable[[], bool]) -> None:
    for _ in range(200):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def test_the_hook_for_fastapi_without_its_service(
    on_sqlite: RunningService, tmp_path: Path, free_port: int, signed_jpeg: bytes
) -> None:
    env = environment(on_sqlite, tmp_path, Scope.VERIFY)
    away = {**env, "PROVENANCE_URL": f"http://127.0.0.1:{free_port}"}
    with hook_for_fastapi(away) as client:
        answer = client.put("/uploads", content=signed_jpeg)
        assert answer.status_code == 503
        assert answer.json() == {"detail": "the service that verifies is away"}
    assert not any(tmp_path.iterdir())
    with hook_for_fastapi(env) as client:
        assert client.put("/uploads", content=signed_jpeg).status_code == 200


def test_the_hook_for_fastapi_and_a_repetition(
    on_sqlite: RunningService, tmp_path: Path, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    """One that says that it is the same upload is judged and stored once."""
    with hook_for_fastapi(environment(on_sqlite, tmp_path, Scope.VERIFY)) as client:
        again = {"Idempotency-Key": "upload 7"}
        one, two = (
            client.put("/uploads", content=signed_jpeg, headers=again).json() for _ in range(2)
        )
        assert one == two
        other = client.put("/uploads", content=unsigned_jpeg, headers=again)
        assert other.status_code == 422
        assert len(list(tmp_path.iterdir())) == 2
        three, four = (client.put("/uploads", content=signed_jpeg).json() for _ in range(2))
        assert len({one["id"], three["id"], four["id"]}) == 3
    assert len(list(tmp_path.iterdir())) == 6


def test_the_hook_for_django(on_sqlite: RunningService, tmp_path: Path, signed_png: bytes) -> None:
    command = [sys.executable, "django_upload.py", "0"]
    env = environment(on_sqlite, tmp_path, Scope.VERIFY)
    with running(command, "/uploads", env) as url:
        answer = httpx2.post(
            url.strip(), files={"file": ("a.png", signed_png)}, timeout=60, trust_env=False
        )
        assert answer.status_code == 200
        assert answer.json()["verdict"] == "official"
        text = httpx2.post(
            url.strip(), files={"file": ("a.txt", b"no media\n" * 20)}, timeout=60, trust_env=False
        )
        assert text.status_code == 415


def test_the_queue_worker(
    on_sqlite: RunningService, tmp_path: Path, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    incoming, done = tmp_path / "incoming", tmp_path / "done"
    incoming.mkdir()
    (incoming / "공식 a.jpg").write_bytes(signed_jpeg)
    (incoming / "b.jpg").write_bytes(unsigned_jpeg)
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "queue_worker.py", incoming, done],
        capture_output=True, text=True, check=False,
        env=environment(on_sqlite, tmp_path, Scope.JOBS),
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "공식 a.jpg: official: TEST." in ran.stdout
    assert "b.jpg: unverified:" in ran.stdout
    assert sorted(path.name for path in done.iterdir()) == [
        "b.jpg", "b.jpg.json", "공식 a.jpg", "공식 a.jpg.json",
    ]  # fmt: skip
    assert not any(incoming.iterdir())


def test_the_queue_worker_of_a_job_that_somebody_cancels(
    on_sqlite: RunningService, tmp_path: Path, unsigned_jpeg: bytes
) -> None:
    """It ends, and what was not verified stays in the queue for the next one."""
    incoming, done = tmp_path / "incoming", tmp_path / "done"
    incoming.mkdir()
    names = [f"{number:03}.jpg" for number in range(80)]
    for name in names:
        (incoming / name).write_bytes(unsigned_jpeg)
    env = environment(on_sqlite, tmp_path, Scope.JOBS)
    command = [sys.executable, *map(str, (EXAMPLES / "queue_worker.py", incoming, done))]
    with (
        open_database(load_settings(environ=on_sqlite.settings)) as register,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        ) as worker,
    ):
        found: list[str] = []

        def is_closed() -> bool:
            with register.database.engine.connect() as connection:
                query = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING)
                found.extend(connection.execute(query).scalars())
            return bool(found)

        try:
            waited_for(is_closed)
            with on_sqlite.client(env["PROVENANCE_KEY"]) as client:
                cancelled = client.post(f"/v1/jobs/{found[0]}/cancel")
            assert cancelled.status_code == 200, cancelled.text
            said, problems = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert worker.returncode == 1
    assert f"job {found[0]}: cancelled" in problems
    assert "not verified: cancelled" in problems
    left = sorted(path.name for path in incoming.iterdir())
    moved = sorted(path.name for path in done.glob("*.jpg"))
    assert left
    assert sorted(left + moved) == names
    assert said.count(": unverified:") == len(moved)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    assert not any(incoming.iterdir())


@pytest.fixture
def moderating(
    directory_file: Path, tmp_path: Path, free_port: int
) -> Iterator[tuple[RunningService, str]]:
    """A service that tells a platform on this machine, and the secret between them."""
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    receivers = tmp_path / "receivers.toml"
    url = f"http://127.0.0.1:{free_port}/moderation"
    receivers.write_text(f'[[receiver]]\nurl = "{url}"\nsecret = "{secret}"\n', "ascii")
    receivers.chmod(0o600)
    with running_service(
        tmp_path,
        directory=directory_file,
        network_allow=f"127.0.0.1:{free_port}",
        moderation_receivers=str(receivers),
    ) as service:
        yield service, secret


@pytest.fixture
def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_the_platforms_end_of_moderation(
    moderating: tuple[RunningService, str], tmp_path: Path, free_port: int
) -> None:
    service, secret = moderating
    url = "https://video.example/watch?v=9"
    port = str(free_port)
    command = [sys.executable, "-m", "uvicorn", "moderation_actions:app", "--port", port]
    env = environment(service, tmp_path, Scope.ACTIONS)
    env |= {"WEBHOOK_SECRET": secret, "POSTS": str(tmp_path / "posts.db")}
    with (
        running(command, "running on", env) as line,
        httpx2.Client(
            base_url=line.split("running on ")[1].split()[0], timeout=60, trust_env=False
        ) as platform,
        moderators(service) as desks,
    ):
        assert platform.put("/posts", json={"url": url}).status_code == 204
        case, decision = decided(desks, url)
        shown_as(platform, url, ["with a label"])
        settled(desks, decision, ActionState.DONE)
        now = system_clock()
        desks.cases.undo(decision, person("sun", Role.SENIOR), why="It was a fan's.", now=now)
        shown_as(platform, url, [])
        # What it cannot do by itself, it says.
        _, other = decided(desks, "https://video.example/other", ActionType.SUSPEND_ACCOUNT)
        settled(desks, other, ActionState.FAILED)
        assert case
        hostile_messages(platform, secret, url)
        assert platform.get("/posts").json() == {url: []}


def hostile_messages(platform: httpx2.Client, secret: str, url: str) -> None:
    """What is not signed with the secret, or was not just now, does nothing; its twin does."""
    asked = {
        "type": "action.requested",
        "data": {"action": "a" * 22, "type": "remove", "subject": {"url": url, "sha256": None}},
    }
    # One that was taken back before it was asked for stays so, and is no error.
    for event in ("action.reversed", "action.requested"):
        body = json.dumps({**asked, "type": event}).encode()
        good = signed_message(secret, body)
        late = signed_message(secret, body, at=time.time() - 3600)
        other = signed_message("whsec_" + "A" * 44, body)
        for headers, data in ((late, body), (other, body), ({}, body), (good, body + b" ")):
            assert platform.post("/moderation", content=data, headers=headers).status_code == 401
        # Nobody knows this action: it cannot be confirmed, and so is told again.
        expected = 204 if event == "action.reversed" else 503
        assert platform.post("/moderation", content=body, headers=good).status_code == expected


def signed_message(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """The headers of a message (Standard Webhooks 1.0)."""
    sent_at = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"msg_1.{sent_at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


@contextmanager
def moderators(service: RunningService) -> Iterator[ModerationParts]:
    """The desks on the service's database: their pages are tested elsewhere."""
    settings = load_settings(environ=service.settings)
    with open_database(settings) as register:
        engine = register.database.engine
        uploads = UploadFolder(service.uploads, min_free_bytes=0)
        desks, _ = open_moderation(settings, register, ReportStore(engine), uploads)
        assert desks is not None
        yield desks


def decided(desks: ModerationParts, url: str, *actions: ActionType) -> tuple[str, str]:
    """A case about this address, decided: its name and the decision's."""
    now, reviewer = system_clock(), person("kim", Role.SENIOR)
    case = desks.complaints.file(about(url=url), now=now).complaint.case
    assert case is not None
    desks.cases.claim(case, reviewer, now=now)
    made = desks.cases.decide(case, reviewer, draft(*(actions or (ActionType.LABEL,))), now=now)
    assert made is not None
    return case, made.id


def shown_as(platform: httpx2.Client, url: str, words: list[str]) -> None:
    """Wait until the platform shows the post so."""
    for _ in range(120):
        if (shown := platform.get("/posts").json()[url]) == words:
            return
        time.sleep(0.25)
    raise AssertionError(f"expected {words}, got {shown}")


def settled(desks: ModerationParts, decision: str, state: ActionState) -> None:
    """Wait until the platform has said what became of all actions."""
    with desks.office.engine.connect() as connection:
        query = select(action_rows.c.state).where(action_rows.c.decision == decision)
        for _ in range(120):
            found = set(connection.execute(query).scalars())
            connection.rollback()
            if found == {state}:
                return
            time.sleep(0.25)
    raise AssertionError(f"expected {state}, got {found}")
