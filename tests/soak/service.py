"""The service under load while its workers, its database and its disk are taken away in turn.

    python -m tests.soak.service --seconds 120

Loopback only, and bounded. In the end every upload that was accepted has exactly one report,
and the right one; every release that was registered is there, the register's own check finds
nothing wrong; the release log, whose writer is killed at any instant, holds each of their
statements once and verifies; and memory has stayed flat. Prints what was counted; fails otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx2

from provenance.errors import RegisterError
from provenance.records.scopes import Scope
from provenance.registry.register.register import Register
from provenance.runtime.clock import system_clock
from provenance.signing.dev_agency import DevAgency
from tests.benchmarks.service import make_agency, resident_bytes
from tests.factory import media
from tests.factory.registers import AGENCY, Desk
from tests.factory.service import (
    RunningService,
    StoppablePostgresql,
    running_service,
    stoppable_postgresql,
)
from tests.factory.sign import sign
from tests.soak.kept_log import KeptLog

__all__ = ["main"]

_CLIENTS = 8
_AWAY_S = 3.0
_BETWEEN_S = 4.0
_GIVE_UP_S = 120.0


class _Soak:
    """What was asked, and what came of it."""

    def __init__(
        self,
        service: RunningService,
        postgresql: StoppablePostgresql,
        agency: DevAgency,
        log: KeptLog,
    ) -> None:
        self.service, self.postgresql, self.log = service, postgresql, log
        self.stop = threading.Event()
        self.accepted: dict[str, str] = {}
        self.registered: list[str] = []
        self.answers: Counter[int | str] = Counter()
        self.lock = threading.Lock()
        self.token = service.key(Scope.VERIFY)
        service.held.close()
        self.signer = agency.signer()
        self.signed = sign(media.make("jpeg", 1), "image/jpeg", signer=self.signer)
        self.plain = media.make("jpeg", 2)

    def upload(self, client: int) -> None:
        """Send one file after the other, each until it is accepted."""
        number = 0
        with self.service.client(self.token) as http:
            while not self.stop.is_set():
                number += 1
                # A comment behind the picture's end makes every file another one.
                data = self.plain + b"%d-%d" % (client, number)
                self.send(http, f"{client}-{number}", data, "unverified")
                if number % 4 == 0:
                    self.send(http, f"s{client}-{number}", self.signed, "official")

    def send(self, http: httpx2.Client, key: str, data: bytes, verdict: str) -> None:
        """The same request with the same key, until there is a report."""
        deadline = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < deadline:
            try:
                answer = http.put("/v1/verify", content=data, headers={"Idempotency-Key": key})
            except httpx2.HTTPError as error:
                self.count(type(error).__name__)
                time.sleep(0.2)
                continue
            self.count(answer.status_code)
            if answer.status_code == 200:
                report = answer.json()
                right = report["verdict"] == verdict or report["reason"] == "check-crashed"
                assert right, report["summary"]
                with self.lock:
                    self.accepted[key] = answer.headers["location"]
                return
            assert answer.status_code in {409, 503, 507}, answer.text
            time.sleep(0.2)
        raise AssertionError(f"{key}: was never accepted")

    def register(self) -> None:
        """Register one release after the other, each until it is in."""
        desk, number = Desk(self.signer), 0
        while not self.stop.is_set():
            number += 1
            change = desk.plain(f"release-{number}")
            while True:
                try:
                    with Register(self.postgresql.url) as register:
                        register.take([change], at=system_clock(), skip_known=True)
                    break
                except RegisterError:
                    time.sleep(0.3)
            self.registered.append(f"release-{number}")
            self.log.state(change.signed.encoded)
            time.sleep(0.05)

    def count(self, what: int | str) -> None:
        """One more answer of this kind."""
        with self.lock:
            self.answers[what] += 1


def _kill_workers(soak: _Soak) -> None:
    for host in _children(soak.service.process.pid):
        for worker in _children(host):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


def _stop_database(soak: _Soak) -> None:
    soak.postgresql.stop()
    time.sleep(_AWAY_S)
    soak.postgresql.start()


def _fill_disk(soak: _Soak) -> None:
    """The kernel refuses to write more than a page into any file, as a full disk does."""
    pid = soak.service.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    time.sleep(_AWAY_S)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(c) for task in tasks for c in (task / "children").read_text("ascii").split()]
    return []


def _check(soak: _Soak) -> list[str]:
    """What is not as it should be, when everything is there again."""
    wrong = []
    with soak.service.client(soak.token) as http:
        ready = http.get("/readyz")
        if ready.status_code != 200:
            wrong.append(f"not ready: {ready.text}")
        for key, location in soak.accepted.items():
            if http.get(location).status_code != 200:
                wrong.append(f"{key}: its report is gone")
            if key.startswith("s"):
                continue
            client, _, number = key.partition("-")
            digest = hashlib.sha256(soak.plain + f"{client}-{number}".encode()).hexdigest()
            found = http.get("/v1/reports", params={"sha256": digest}).json()["reports"]
            if len(found) != 1:
                wrong.append(f"{key}: expected one report, got {len(found)}")
    with Register(soak.postgresql.url) as register:
        view = register.view(None, clock=system_clock)
        wrong += [
            f"{name}: is not in the register"
            for name in soak.registered
            if view.release(AGENCY, name, at=system_clock()) is None
        ]
        problem = register.database.integrity()
        if problem is not None:
            wrong.append(f"the register: {problem}")
    wrong += soak.log.wrong()
    left = list(soak.service.uploads.iterdir())
    if left:
        wrong.append(f"{len(left)} uploads were left behind")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print what was counted, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(prog="tests.soak.service", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    given = parser.parse_args(arguments)
    takes: list[Callable[[_Soak], None]] = [_kill_workers, _stop_database, _fill_disk]
    with tempfile.TemporaryDirectory() as name, stoppable_postgresql() as postgresql:
        folder, agency = Path(name), make_agency()
        place = folder / "directory.json"
        place.write_text(json.dumps(agency.directory_entry()), "utf-8")
        with running_service(
            folder / "home",
            directory=place,
            register=postgresql.url,
            service_workers="2",
            service_rate_per_key="1000000/minute",
        ) as service:
            log = KeptLog(folder, place)
            soak = _Soak(service, postgresql, agency, log)
            threads = [
                *(threading.Thread(target=soak.upload, args=(n,)) for n in range(_CLIENTS)),
                threading.Thread(target=soak.register),
                threading.Thread(target=log.keep, args=(soak.stop,)),
            ]
            for thread in threads:
                thread.start()
            end, memory, turn = time.monotonic() + given.seconds, [], 0
            while time.monotonic() < end:
                time.sleep(_BETWEEN_S)
                memory.append(resident_bytes(service.process.pid))
                takes[turn % len(takes)](soak)
                turn += 1
            soak.stop.set()
            for thread in threads:
                thread.join(_GIVE_UP_S)
            wrong = _check(soak)
            settled = memory[len(memory) // 3]
            if memory[-1] > settled * 1.25 + 20e6:
                wrong.append(f"memory grew from {settled} to {memory[-1]} bytes")
            print(json.dumps({
                "accepted": len(soak.accepted),
                "registered": len(soak.registered),
                "answers": {str(key): count for key, count in sorted(
                    soak.answers.items(), key=str)},
                "taken_away": turn,
                "log_writers_killed": log.killed,
                "resident_mb": [round(m / 1e6) for m in (memory[0], settled, memory[-1])],
                "wrong": wrong[:20],
            }, indent=2))  # fmt: skip
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
