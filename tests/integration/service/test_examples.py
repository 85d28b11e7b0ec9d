"""The examples as a platform would copy them, each against a running service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from provenance.records.scopes import Scope
from tests.factory.service import RunningService

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
