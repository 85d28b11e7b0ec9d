"""The state machine of jobs: every way through it, and none around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from provenance.database.database import Database
from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.records.job_model import ItemState, Job, JobState, Webhook
from provenance.records.jobs import JobStore
from provenance.records.tables import job_items
from provenance.records.webhooks import DeliveryState, WebhookStore, enqueue_webhook
from tests.factory.registers import new_database, run_sql
from tests.unit.records.conftest import NOW

LEASE = timedelta(minutes=5)
OWNER = "key"


@pytest.fixture
def jobs(engine: Engine, random: Callable[[int], bytes]) -> JobStore:
    return JobStore(engine, random)


def new_job(jobs: JobStore, *names: str, webhook: Webhook | None = None) -> Job:
    job = jobs.create(
        owner=OWNER, reader=None, policy="default", webhook=webhook, now=NOW,
        ends_at=NOW + timedelta(days=30),
    )  # fmt: skip
    for name in names:
        jobs.add(job.id, owner=OWNER, name=name, upload=f"bytes-{name}", sha256="", size_bytes=1)
    return job


def lease(jobs: JobStore, *, after: timedelta = timedelta()) -> int | None:
    leased = jobs.lease(now=NOW + after, lasts=lambda _: LEASE)
    return None if leased is None else leased[1].number


def finish(jobs: JobStore, engine: Engine, number: int, report: str = "r") -> None:
    with transaction(engine) as connection:
        jobs.done(connection, number, report, now=NOW)


def test_a_job_ends_with_its_last_file_and_tells_it_once(jobs: JobStore, engine: Engine) -> None:
    job = new_job(jobs, "a", "b", webhook=Webhook(url="https://x.example", secret=b"s" * 32))
    jobs.close(job.id, owner=OWNER, now=NOW)
    webhooks = WebhookStore(engine, max_attempts=2)
    for expected in (JobState.RUNNING, JobState.DONE):
        number = lease(jobs)
        assert number is not None
        finish(jobs, engine, number)
        now = jobs.get(job.id, owner=OWNER, now=NOW)
        assert now is not None
        assert now.state is expected
    (delivery,) = webhooks.of_job(job.id)
    said = json.loads(delivery.body)
    assert said["type"] == "job.done"
    # As the documents of a job write it, and the messages about cases.
    assert said["timestamp"] == NOW.isoformat().replace("+00:00", "Z")
    assert datetime.fromisoformat(said["timestamp"]) == NOW
    assert lease(jobs) is None


def test_a_lost_file_is_given_out_again_and_settled_once(jobs: JobStore, engine: Engine) -> None:
    new_job(jobs, "a")
    number = lease(jobs)
    assert number is not None
    assert lease(jobs) is None
    assert lease(jobs, after=LEASE) == number
    finish(jobs, engine, number)
    with pytest.raises(ConflictError, match="has its report already"):
        finish(jobs, engine, number, "another")


def test_a_file_that_is_lost_again_and_again_fails(jobs: JobStore) -> None:
    job = new_job(jobs, "a")
    for attempt in range(3):
        assert lease(jobs, after=LEASE * attempt) is not None
    assert lease(jobs, after=LEASE * 3) is None
    (item,) = jobs.items(job.id, after=0, most=10)
    assert item.state is ItemState.FAILED
    assert item.why == "whoever worked on it was lost, several times"


def test_what_was_our_fault_costs_no_attempt(jobs: JobStore) -> None:
    new_job(jobs, "a")
    for _ in range(10):
        number = lease(jobs)
        assert number is not None
        jobs.again(number)


def test_cancelled(jobs: JobStore, engine: Engine) -> None:
    job = new_job(jobs, "a", "b")
    number = lease(jobs)
    assert number is not None
    ended, uploads = jobs.cancel(job.id, owner=OWNER, now=NOW)
    assert ended.state is JobState.CANCELLED
    assert uploads == ["bytes-b"]
    # What was being judged at that moment still gets its report.
    finish(jobs, engine, number)
    now = jobs.get(job.id, owner=OWNER, now=NOW)
    assert now is not None
    assert (now.state, now.progress.done, now.progress.cancelled) == (JobState.CANCELLED, 1, 1)


def test_what_is_given_out_while_a_job_is_cancelled_keeps_its_bytes(
    postgresql: str, random: Callable[[int], bytes]
) -> None:
    with Database(new_database(postgresql, "jobs_cancelled")) as database:
        jobs = JobStore(database.engine, random)
        job = new_job(jobs, "a", "b")
        with database.engine.begin() as worker, ThreadPoolExecutor(1) as elsewhere:
            # A worker has just taken the first, and has not committed yet.
            row = worker.execute(
                select(job_items).order_by(job_items.c.id).limit(1).with_for_update()
            ).one()
            worker.execute(
                update(job_items)
                .where(job_items.c.id == row.id)
                .values(state=ItemState.RUNNING, leased_until=NOW + LEASE)
            )
            cancelled = elsewhere.submit(jobs.cancel, job.id, owner=OWNER, now=NOW)
            with suppress(TimeoutError):
                cancelled.result(timeout=1)
            worker.commit()
            ended, uploads = cancelled.result(timeout=10)
        assert (ended.state, uploads) == (JobState.CANCELLED, ["bytes-b"])
        finish(jobs, database.engine, row.id)
        now = jobs.get(job.id, owner=OWNER, now=NOW)
        assert now is not None
        assert (now.progress.done, now.progress.cancelled) == (1, 1)


@pytest.mark.parametrize("state", [JobState.DONE, JobState.CANCELLED])
def test_what_has_ended_is_not_changed(jobs: JobStore, state: JobState) -> None:
    job = new_job(jobs)
    if state is JobState.DONE:
        assert jobs.close(job.id, owner=OWNER, now=NOW)[0].state is state
    else:
        jobs.cancel(job.id, owner=OWNER, now=NOW)
    with pytest.raises(ConflictError, match="has not ended"):
        jobs.cancel(job.id, owner=OWNER, now=NOW)
    with pytest.raises(ConflictError, match="expected an open one"):
        jobs.close(job.id, owner=OWNER, now=NOW)
    with pytest.raises(ConflictError, match="expected an open one"):
        jobs.add(job.id, owner=OWNER, name="x", upload="u", sha256="", size_bytes=1)
    with pytest.raises(ConflictError, match="expected an open one"):
        jobs.add_sidecar(job.id, owner=OWNER, name="x", upload="u")
    with pytest.raises(ConflictError, match="expected one of this key's"):
        jobs.close(job.id, owner="other", now=NOW)


def beside(jobs: JobStore, job: Job, name: str) -> None:
    jobs.add_sidecar(job.id, owner=OWNER, name=name, upload=f"beside-{name}")


def test_a_sidecar_goes_with_its_file_until_that_has_ended(jobs: JobStore, engine: Engine) -> None:
    job = new_job(jobs)
    beside(jobs, job, "a")
    jobs.add(job.id, owner=OWNER, name="a", upload="bytes-a", sha256="", size_bytes=1)
    jobs.add(job.id, owner=OWNER, name="b", upload="bytes-b", sha256="", size_bytes=1)
    # Beside one that waits still, it is in time as well.
    beside(jobs, job, "b")
    for name, left in (("a", {"beside-a", "beside-b"}), ("b", {"beside-b"})):
        number = 0
        # Whoever gets it after somebody who was lost gets the same.
        for after in (timedelta(), LEASE):
            leased = jobs.lease(now=NOW + after, lasts=lambda _: LEASE)
            assert leased is not None
            assert (leased[1].name, leased[1].sidecar) == (name, f"beside-{name}")
            number = leased[1].number
        assert jobs.in_use(["beside-a", "beside-b", "beside-z"]) == left
        finish(jobs, engine, number)
    assert jobs.in_use(["beside-a", "beside-b"]) == frozenset()


def test_a_sidecar_that_comes_too_late_or_twice(jobs: JobStore, engine: Engine) -> None:
    job = new_job(jobs, "a")
    other = new_job(jobs)
    beside(jobs, job, "b")
    beside(jobs, other, "b")
    with pytest.raises(ConflictError, match="a sidecar of that file already"):
        beside(jobs, job, "b")
    number = lease(jobs)
    assert number is not None
    with pytest.raises(ConflictError, match="expected a sidecar before its file"):
        beside(jobs, job, "a")
    finish(jobs, engine, number)
    with pytest.raises(ConflictError, match="expected a sidecar before its file"):
        beside(jobs, job, "a")
    with pytest.raises(ConflictError, match="expected one of this key's"):
        jobs.add_sidecar(job.id, owner="other", name="c", upload="u")


@pytest.mark.parametrize("how", ["close", "cancel", "forget"])
def test_the_sidecars_that_are_nobodys_are_named(jobs: JobStore, how: str) -> None:
    job = new_job(jobs)
    for name in ("a", "b", "never"):
        beside(jobs, job, name)
    for name in ("a", "b"):
        jobs.add(job.id, owner=OWNER, name=name, upload=f"bytes-{name}", sha256="", size_bytes=1)
    assert lease(jobs) is not None
    if how == "close":
        _, uploads = jobs.close(job.id, owner=OWNER, now=NOW)
        expected = {"beside-never"}
    elif how == "cancel":
        _, uploads = jobs.cancel(job.id, owner=OWNER, now=NOW)
        # The first one is being judged.
        expected = {"bytes-b", "beside-b", "beside-never"}
    else:
        uploads = jobs.forget(now=NOW + timedelta(days=30))
        expected = {"bytes-a", "bytes-b", "beside-a", "beside-b", "beside-never"}
    assert sorted(uploads) == sorted(expected)
    everything = ["beside-a", "beside-b", "beside-never"]
    assert jobs.in_use(everything) == set(everything) - expected


def test_forgotten_with_its_bytes(jobs: JobStore) -> None:
    job = new_job(jobs, "a")
    assert jobs.forget(now=NOW) == []
    over = NOW + timedelta(days=30)
    assert jobs.get(job.id, owner=OWNER, now=over) is None
    assert jobs.forget(now=over) == ["bytes-a"]
    assert lease(jobs) is None


def test_a_message_is_tried_given_up_and_never_sent_twice_at_once(
    jobs: JobStore, engine: Engine
) -> None:
    job = new_job(jobs, webhook=Webhook(url="https://x.example", secret=b"s" * 32))
    jobs.close(job.id, owner=OWNER, now=NOW)
    webhooks = WebhookStore(engine, max_attempts=2)
    until = NOW + timedelta(minutes=2)
    (delivery,) = webhooks.lease(now=NOW, until=until)
    assert webhooks.lease(now=NOW, until=until) == []
    assert webhooks.failed(delivery, "no answer", now=NOW) is DeliveryState.WAITING
    soon = NOW + timedelta(seconds=4)
    assert webhooks.lease(now=soon, until=until) == []
    (again,) = webhooks.lease(now=NOW + timedelta(seconds=5), until=until)
    assert again.id == delivery.id
    assert webhooks.failed(again, "no answer", now=NOW) is DeliveryState.DEAD
    assert webhooks.lease(now=NOW + timedelta(days=9), until=until) == []


AWAY, THERE = "https://away.example", "https://there.example"


def messages(engine: Engine, *told: tuple[str, str | None]) -> None:
    """Messages to these addresses, about these jobs if any, in this order."""
    with transaction(engine) as connection:
        for number, (url, job) in enumerate(told):
            enqueue_webhook(
                connection,
                id=f"m{number}",
                url=url,
                job=job,
                secret=b"s" * 32,
                body="{}",
                now=NOW + timedelta(seconds=number),
            )


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, of each kind."""
    place: str | Path = tmp_path / "turns.db"
    if request.param == "postgresql":
        place = new_database(request.getfixturevalue("postgresql"), "webhook_turns")
    with Database(place) as database:
        yield database.engine
    if isinstance(place, str):
        run_sql(request.getfixturevalue("postgresql"), 'DROP DATABASE "webhook_turns"')


def test_an_address_that_does_not_answer_keeps_nobody_else_waiting(either: Engine) -> None:
    """Each message to it takes ten seconds, and all are delivered one after the other."""
    messages(either, *[(AWAY, None)] * 25, (THERE, None), (THERE, None))
    webhooks = WebhookStore(either, max_attempts=2)
    now = NOW + timedelta(minutes=1)
    until = now + timedelta(minutes=2)
    found = [d.url for d in webhooks.lease(now=now, until=until)]
    assert found == [AWAY, THERE, AWAY, THERE, *[AWAY] * 6]
    # What was given out is not given out twice, and all of it comes.
    rest = [d.url for _ in range(3) for d in webhooks.lease(now=now, until=until)]
    assert rest == [AWAY] * 17


def test_nor_does_a_key_with_many_addresses(either: Engine, random: Callable[[int], bytes]) -> None:
    jobs = JobStore(either, random)
    mine, other = (
        jobs.create(owner=owner, reader=None, policy="default", webhook=None, now=NOW,
                    ends_at=NOW + timedelta(days=30)).id
        for owner in ("one key", "another")
    )  # fmt: skip
    messages(either, *[(f"{AWAY}/{number}", mine) for number in range(20)], (THERE, other))
    found = WebhookStore(either, max_attempts=2).lease(now=NOW + timedelta(minutes=1), until=NOW)
    assert [delivery.job for delivery in found] == [mine, other, *[mine] * 8]


def test_twin_of_one_address_the_oldest_comes_first(either: Engine) -> None:
    messages(either, *[(THERE, None)] * 3)
    found = WebhookStore(either, max_attempts=2).lease(now=NOW + timedelta(minutes=1), until=NOW)
    assert [delivery.id for delivery in found] == ["m0", "m1", "m2"]
