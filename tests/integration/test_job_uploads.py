"""Bytes of jobs while whoever sends them hangs up."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from sqlalchemy import Engine

from provenance.errors import ConflictError
from provenance.records.jobs import JobStore
from provenance.records.keys import ApiKey
from provenance.records.scopes import Scope
from provenance.runtime.clock import system_clock
from provenance.runtime.service_parts import ServiceParts
from provenance.runtime.settings import load_settings
from provenance.service.app import create_app
from provenance.service.callers import Caller
from provenance.service.job_routes import add_file, add_sidecar

Adds = Callable[..., Awaitable[object]]
CALLER = Caller(
    ApiKey(
        id="key",
        label="a test",
        scopes=frozenset({Scope.JOBS}),
        agency=None,
        test=True,
        created_at=system_clock(),
    )
)
BOTH = pytest.mark.parametrize("add", [add_file, add_sidecar])


class Waiting(JobStore):
    """The real store; somebody hangs up before, or after, it has committed."""

    def __init__(self, engine: Engine, *, before: bool) -> None:
        super().__init__(engine, os.urandom)
        self._before = before
        self.reached, self.gone_on = threading.Event(), threading.Event()

    def add(self, *args: Any, **facts: Any) -> None:
        self._around(lambda: JobStore.add(self, *args, **facts))

    def add_sidecar(self, *args: Any, **facts: Any) -> None:
        self._around(lambda: JobStore.add_sidecar(self, *args, **facts))

    def _around(self, write: Callable[[], None]) -> None:
        if not self._before:
            write()
        self.reached.set()
        assert self.gone_on.wait(30)
        if self._before:
            write()


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[ServiceParts]:
    environ = {
        "PROVENANCE_HOME": str(tmp_path / "home"),
        "PROVENANCE_SERVICE_TEST": "1",
        "PROVENANCE_SERVICE_WORKERS": "1",
    }
    opened = ServiceParts.open(load_settings(environ=environ), note=lambda *_, **__: None)
    yield opened
    opened.close()


def with_jobs(parts: ServiceParts, jobs: JobStore) -> tuple[ServiceParts, str]:
    """The service with this store, and an open job in it."""
    now = system_clock()
    job = jobs.create(
        owner="key",
        reader=None,
        policy="default",
        webhook=None,
        now=now,
        ends_at=now + timedelta(days=1),
    )
    return replace(parts, jobs=jobs), job.id


async def send(parts: ServiceParts, add: Adds, job: str) -> None:
    """A request that sends a few bytes."""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"bytes", "more_body": False}

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/",
        "headers": [(b"host", b"verify.example")],
        "state": {},
        "client": ("203.0.113.7", 1),
        "server": ("verify.example", 80),
        "app": create_app(parts),
    }
    await add(Request(scope, receive), CALLER, id=job, name="1.jpg")


def left(parts: ServiceParts) -> list[str]:
    """Names of the bytes that lie in the folder."""
    folder = parts.uploads.path("0" * 32).parent
    return [path.name for path in folder.iterdir()]


@BOTH
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_bytes_that_a_job_has_outlive_the_client_that_hangs_up(
    parts: ServiceParts, add: Adds, *, before: bool
) -> None:
    jobs = Waiting(parts.register.database.engine, before=before)
    service, job = with_jobs(parts, jobs)

    async def hang_up() -> None:
        asked = asyncio.create_task(send(service, add, job))
        assert await asyncio.to_thread(jobs.reached.wait, 30)
        asked.cancel()
        await asyncio.sleep(0.1)
        jobs.gone_on.set()
        with suppress(asyncio.CancelledError):
            await asked

    asyncio.run(hang_up())
    (name,) = left(service)
    assert jobs.in_use([name]) == {name}


@BOTH
def test_twin_bytes_that_a_job_does_not_take_are_deleted(parts: ServiceParts, add: Adds) -> None:
    jobs = JobStore(parts.register.database.engine, os.urandom)
    service, job = with_jobs(parts, jobs)
    asyncio.run(send(service, add, job))
    taken = left(service)
    assert jobs.in_use(taken) == set(taken)
    with pytest.raises(ConflictError, match="already"):
        asyncio.run(send(service, add, job))
    assert left(service) == taken
