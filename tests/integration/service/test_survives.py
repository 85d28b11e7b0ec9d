"""What the service survives: lost workers, a database that goes away, another process, time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from provenance.records.scopes import Scope
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.command_line import Cli
from tests.factory.service import RunningService, running_service, stoppable_postgresql
from tests.factory.sign import sign
from tests.integration.service.conftest import STRICT
from tests.integration.service.test_verify import problem


def workers_of(pid: int) -> list[int]:
    """The processes that examine files for this service: its children's children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text("ascii").rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    return [worker for host in children.get(pid, []) for worker in children.get(host, [])]


def examines(pid: int, service: RunningService) -> bool:
    """Has this process an upload open?"""
    try:
        held = [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(path.parent == service.uploads for path in held)


def test_two_processes_on_one_postgresql_agree(
    on_postgresql: RunningService, directory_file: Path, policies: Path, signed_jpeg: bytes
) -> None:
    settings = on_postgresql.settings
    with running_service(
        on_postgresql.home,
        directory=directory_file,
        register=settings["PROVENANCE_REGISTER"],
        service_policies=str(policies),
    ) as other:
        token = on_postgresql.key(Scope.VERIFY, Scope.JOBS)
        headers = {"Idempotency-Key": "both"}
        with on_postgresql.client(token) as one, other.client(token) as two:

            def put(client: httpx2.Client) -> httpx2.Response:
                return client.put("/v1/verify", content=signed_jpeg, headers=headers)

            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(put, [one, two] * 4))
            told = {answer.status_code for answer in answers}
            assert told <= {200, 409}
            assert 200 in told
            last = [put(one), put(two)]
            locations = {a.headers["location"] for a in answers + last if a.status_code == 200}
            assert len(locations) == 1
            location = locations.pop()
            assert one.get(location).content == two.get(location).content
            digest = hashlib.sha256(signed_jpeg).hexdigest()
            found = two.get("/v1/reports", params={"sha256": digest}).json()["reports"]
            assert len(found) == 1
            # Files of one job are judged by both, each once.
            url = one.post("/v1/jobs", json={}).headers["location"]
            for number in range(12):
                client = (one, two)[number % 2]
                assert client.put(f"{url}/files/{number}", content=signed_jpeg).status_code == 202
            two.post(f"{url}/close")
            for _ in range(300):
                job = one.get(url).json()
                if job["state"] == "done":
                    break
                time.sleep(0.1)
            assert job["progress"]["done"] == 12
            found = two.get("/v1/reports", params={"sha256": digest}).json()["reports"]
            assert len(found) == 13
            # Told to stop in the middle of an upload, a process finishes it first.
            last_one = two.put("/v1/verify", content=stopping_halfway(other, signed_jpeg))
            assert last_one.json()["verdict"] == "official"
            assert other.process.wait(60) == 0
            assert one.get(last_one.headers["location"]).content == last_one.content


def stopping_halfway(service: RunningService, data: bytes) -> Iterator[bytes]:
    yield data[:1000]
    time.sleep(0.2)
    service.process.terminate()
    time.sleep(0.5)
    yield data[1000:]


@pytest.fixture(scope="module")
def large_jpeg(agency_signer: MemorySigner) -> bytes:
    """A signed picture that takes a while: 7 MB of noise."""
    pixels = np.random.default_rng(3).integers(0, 255, (3200, 3200, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
    return sign(buffer.getvalue(), "image/jpeg", signer=agency_signer)


def test_a_worker_that_is_killed_costs_one_verdict_and_nothing_else(
    on_sqlite: RunningService, signed_jpeg: bytes, large_jpeg: bytes
) -> None:
    def put(_: int) -> httpx2.Response:
        with on_sqlite.client() as mine:
            return mine.put("/v1/verify", content=large_jpeg)

    with ThreadPoolExecutor(1) as threads, on_sqlite.client() as client:
        reports: list[dict[str, object]] = []
        for attempt in range(20):
            # Known beforehand: all processes of a busy machine take longer to look at than a file.
            workers = workers_of(on_sqlite.process.pid)
            pending = threads.submit(put, attempt)
            while not pending.done():
                busy = [pid for pid in workers if examines(pid, on_sqlite)]
                if busy:
                    os.kill(busy[0], signal.SIGKILL)
                    break
            answer = pending.result()
            assert answer.status_code == 200
            reports.append(answer.json())
            if reports[-1]["verdict"] == "undetermined":
                break
        found = {report["verdict"]: report["reason"] for report in reports}
        assert found["undetermined"] == "check-crashed"
        assert set(found) <= {"undetermined", "official"}
        assert client.put("/v1/verify", content=signed_jpeg).json()["verdict"] == "official"


def test_a_database_that_goes_away_and_comes_back(
    directory_file: Path, tmp_path: Path, signed_jpeg: bytes
) -> None:
    with (
        stoppable_postgresql() as server,
        running_service(tmp_path, directory=directory_file, register=server.url) as service,
        service.client() as client,
    ):
        location = client.put("/v1/verify", content=signed_jpeg).headers["location"]
        service.held.close()
        server.stop()
        answer = client.put("/v1/verify", content=signed_jpeg)
        assert answer.status_code == 503
        assert problem(answer) == "unavailable"
        assert answer.headers["retry-after"]
        assert client.get(location).status_code == 503
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
        assert not any(service.uploads.iterdir())
        server.start()
        assert client.get("/readyz").status_code == 200
        assert client.get(location).json()["verdict"] == "official"
        assert client.put("/v1/verify", content=signed_jpeg).status_code == 200


def test_a_new_directory_makes_reports_stale_and_kept_ones_are_judged_again(
    agency: DevAgency,
    signed_jpeg: bytes,
    signed_png: bytes,
    tmp_path: Path,
    new_database: Callable[[str], str],
) -> None:
    place = tmp_path / "directory.json"
    document = agency.directory_entry()
    place.write_text(json.dumps(document), "utf-8")
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "strict.yaml").write_text(STRICT, "utf-8")
    with (
        running_service(
            tmp_path / "home",
            directory=place,
            service_policies=str(folder),
            service_refresh_s="0.3",
            register=new_database("stale"),
        ) as service,
        service.client() as client,
    ):
        kept = client.put("/v1/verify", content=signed_jpeg, params={"policy": "test-strict"})
        bare = client.put("/v1/verify", content=signed_png)
        assert kept.json()["verdict"] == bare.json()["verdict"] == "official"
        # The agency is taken out of the directory.
        document = {**document, "version": 2, "agencies": []}
        (tmp_path / "new").write_text(json.dumps(document), "utf-8")
        shutil.move(tmp_path / "new", place)
        for _ in range(200):
            again = client.get(kept.headers["location"])
            if again.json()["verdict"] != "official":
                break
            time.sleep(0.1)
        assert again.json()["verdict"] == "signed-unrecognised"
        assert again.json()["context"]["directory"]["version"] == 2
        assert "provenance-stale" not in again.headers
        stale = client.get(bare.headers["location"])
        assert stale.headers["provenance-stale"] == "directory"
        assert stale.content == bare.content
        standing = client.get(f"{bare.headers['location']}/standing").json()
        assert standing["stale"]
        assert standing["stale_because"] == ["directory"]
        assert not standing["will_be_judged_again"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SERVICE_TEST": "0"}, "expected a directory not for tests"),
        ({"SERVICE_DEFAULT_POLICY": "none"}, "default policy: expected one of"),
        ({"REGISTER": "mysql://x/y"}, "expected postgresql:// or a path"),
        ({"SERVICE_PORTT": "1"}, "PROVENANCE_SERVICE_PORTT: unknown setting"),
        ({"SERVICE_HOST": "203.0.113.1"}, "203.0.113.1:0: cannot be listened on"),
    ],
)
def test_it_does_not_start_with_what_cannot_be_used(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    directory_file: Path,
    settings: dict[str, str],
    said: str,
) -> None:
    for name, value in {"SERVICE_TEST": "1", "SERVICE_PORT": "0", **settings}.items():
        monkeypatch.setenv(f"PROVENANCE_{name}", value)
    done = cli("serve", "--directory", str(directory_file))
    assert done.code == 2
    assert said in done.err
