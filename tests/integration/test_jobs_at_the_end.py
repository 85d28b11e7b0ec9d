"""Files of jobs while the service ends: finished as far as there is time, lost never."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import IsolationError
from provenance.records.job_model import Item, ItemState
from provenance.report import Report
from provenance.runtime.clock import system_clock
from provenance.runtime.service_parts import ServiceParts
from provenance.runtime.service_work import JobWorker, Routine
from provenance.runtime.settings import load_settings


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[ServiceParts]:
    environ = {
        "PROVENANCE_HOME": str(tmp_path / "home"),
        "PROVENANCE_SERVICE_TEST": "1",
        "PROVENANCE_SERVICE_WORKERS": "1",
        "PROVENANCE_SERVICE_MIN_FREE_BYTES": "0",
    }
    opened = ServiceParts.open(load_settings(environ=environ), note=lambda *_, **__: None)
    yield opened
    opened.close()


def job_with(parts: ServiceParts, data: bytes, *, policy: str = "default") -> str:
    """A job that waits for this file alone: its name."""
    now = system_clock()
    job = parts.jobs.create(
        owner="key",
        reader=None,
        policy=policy,
        webhook=None,
        now=now,
        ends_at=now + timedelta(days=1),
    )
    with parts.uploads.new(max_bytes=len(data)) as new:
        new.write(data)
        upload = new.finish()
    parts.jobs.add(
        job.id,
        owner="key",
        name="1.jpg",
        upload=upload.name,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
    )
    return job.id


def work(parts: ServiceParts, *, after: timedelta = timedelta()) -> bool:
    """Let one worker take one file, so much later: may there be another?"""
    return JobWorker(
        jobs=parts.jobs,
        desk=parts.desk,
        uploads=parts.uploads,
        fetcher=None,
        max_bytes=10**9,
        clock=lambda: system_clock() + after,
        note=lambda *_, **__: None,
    )()


def only_file(parts: ServiceParts, job: str) -> Item:
    (item,) = parts.jobs.items(job, after=0, most=9)
    return item


def waits_with_its_bytes(parts: ServiceParts, job: str) -> bool:
    item = only_file(parts, job)
    return (
        (item.state, item.attempts) == (ItemState.WAITING, 0)
        and item.upload is not None
        and parts.uploads.path(item.upload).exists()
    )


def test_a_file_that_was_just_taken_waits_for_the_next_start(
    parts: ServiceParts, signed_jpeg: bytes
) -> None:
    job = job_with(parts, signed_jpeg)
    parts.judges.close()
    assert not work(parts)
    assert waits_with_its_bytes(parts, job)


def test_so_does_one_whose_process_is_stopped(
    parts: ServiceParts, signed_jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(*_: Any, **__: Any) -> Future[Report]:
        stopped: Future[Report] = Future()
        stopped.set_exception(IsolationError("the pool was closed"))
        parts.judges.close()
        return stopped

    job = job_with(parts, signed_jpeg)
    monkeypatch.setattr(parts.judges, "submit", submit)
    assert not work(parts)
    assert waits_with_its_bytes(parts, job)


def test_a_file_whose_policy_only_another_process_has_is_left_to_that(
    parts: ServiceParts, signed_jpeg: bytes
) -> None:
    """Several are started anew one after the other, with a policy that is new."""
    job = job_with(parts, signed_jpeg, policy="new")
    assert work(parts)
    left = only_file(parts, job)
    assert left.state is ItemState.RUNNING
    assert left.upload is not None
    assert parts.uploads.path(left.upload).exists()
    later = system_clock() + timedelta(minutes=10)
    assert parts.jobs.lease(now=later, lasts=lambda _: timedelta(minutes=5)) is not None


def test_twin_one_whose_policy_nobody_has_fails(parts: ServiceParts, signed_jpeg: bytes) -> None:
    job = job_with(parts, signed_jpeg, policy="gone")
    upload = only_file(parts, job).upload
    assert upload is not None
    for attempt in range(3):
        assert work(parts, after=timedelta(minutes=10) * attempt)
    item = only_file(parts, job)
    assert (item.state, item.why) == (ItemState.FAILED, "its policy is gone")
    assert not parts.uploads.path(upload).exists()


def test_twin_one_that_is_judged_has_its_report(parts: ServiceParts, signed_jpeg: bytes) -> None:
    job = job_with(parts, signed_jpeg)
    assert work(parts)
    assert only_file(parts, job).state is ItemState.DONE


def test_what_was_begun_is_finished_before_nothing_is_judged_any_more(parts: ServiceParts) -> None:
    begun, could_judge = threading.Event(), []

    def finish() -> bool:
        begun.set()
        time.sleep(0.5)
        could_judge.append(parts.judges.by("default") is not None)
        return False

    routine = Routine("jobs-0", finish, rest_s=10, note=lambda *_, **__: None)
    ending = replace(parts, routines={"jobs-0": routine})
    ending.start()
    assert begun.wait(10)
    ending.close()
    assert could_judge == [True]
