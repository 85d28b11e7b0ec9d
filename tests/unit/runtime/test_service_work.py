"""The files of jobs: what becomes of their bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine, select

from provenance.database.database import Database
from provenance.database.transactions import transaction
from provenance.errors import ConflictError, StoreError
from provenance.records.job_model import ItemState
from provenance.records.jobs import JobStore
from provenance.records.reports import StoredReport
from provenance.records.tables import job_items
from provenance.records.webhooks import (
    Delivery,
    DeliveryState,
    WebhookStore,
    enqueue_webhook,
)
from provenance.runtime import service_work
from provenance.runtime.asset_fetcher import AssetFetcher
from provenance.runtime.report_desk import ReportDesk
from provenance.runtime.service_work import JobWorker, Messenger
from provenance.runtime.uploads import Upload, UploadFolder
from provenance.runtime.webhook_client import WebhookClient

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Refused before anybody is asked: it is no https address.
URL = "http://pictures.example/1.jpg"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Database(tmp_path / "records.db") as database:
        yield database.engine


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", min_free_bytes=0)


def sidecar(uploads: UploadFolder) -> Upload:
    with uploads.new(max_bytes=9) as new:
        new.write(b"a sidecar")
        return new.finish()


class Away(JobStore):
    """A store whose database is away when an item is settled."""

    def failed(self, number: int, why: str, *, now: datetime) -> bool:
        raise StoreError(f"{number}: {why} at {now}")


class Slow(AssetFetcher):
    """It gives up after somebody else has got the file, and a report of it."""

    def __init__(self, engine: Engine, jobs: JobStore) -> None:
        super().__init__(max_bytes=9, timeout_s=1)
        self._engine, self._jobs = engine, jobs

    def fetch(self, url: str, write: Callable[[bytes], object]) -> None:
        with transaction(self._engine) as connection:
            number = connection.execute(select(job_items.c.id)).scalar_one()
            self._jobs.done(connection, number, "report", now=NOW)
        super().fetch(url, write)


def work(
    jobs: JobStore, uploads: UploadFolder, beside: Upload, fetcher: AssetFetcher | None = None
) -> str:
    """Let a worker take the only file of a job, whose address is refused: the job's name."""
    job = jobs.create(
        owner="key",
        reader=None,
        policy="default",
        webhook=None,
        now=NOW,
        ends_at=NOW + timedelta(days=1),
        references=[("1.jpg", URL)],
    )
    jobs.add_sidecar(job.id, owner="key", name="1.jpg", upload=beside.name)
    worker = JobWorker(
        jobs=jobs,
        desk=cast(ReportDesk, None),  # What is not fetched is not judged.
        uploads=uploads,
        fetcher=fetcher or AssetFetcher(max_bytes=9, timeout_s=1),
        max_bytes=9,
        clock=lambda: NOW,
        note=lambda *_, **__: None,
    )
    assert worker()
    return job.id


def test_nothing_is_left_of_a_file_that_is_not_fetched(
    engine: Engine, uploads: UploadFolder
) -> None:
    jobs, beside = JobStore(engine, os.urandom), sidecar(uploads)
    job = work(jobs, uploads, beside)
    assert [item.state for item in jobs.items(job, after=0, most=9)] == [ItemState.FAILED]
    assert jobs.in_use([beside.name]) == frozenset()
    assert not beside.path.exists()


def test_twin_what_is_still_written_down_stays(engine: Engine, uploads: UploadFolder) -> None:
    """The database is away: the file is taken up again, with its credentials."""
    jobs, beside = Away(engine, os.urandom), sidecar(uploads)
    with pytest.raises(StoreError, match="expected an https URL"):
        work(jobs, uploads, beside)
    assert jobs.in_use([beside.name]) == {beside.name}
    assert beside.path.exists()


def test_twin_what_somebody_faster_keeps_with_a_report_stays(
    engine: Engine, uploads: UploadFolder
) -> None:
    jobs, beside = JobStore(engine, os.urandom), sidecar(uploads)
    job = work(jobs, uploads, beside, Slow(engine, jobs))
    assert [item.state for item in jobs.items(job, after=0, most=9)] == [ItemState.DONE]
    assert beside.path.exists()


class Queueing(ReportDesk):
    """A desk at which a file waits for its turn until it is told to go on."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile

    def judge_and_wait(self, *_: object, **__: object) -> StoredReport:
        self._meanwhile()
        raise CancelledError


def waiting(jobs: JobStore, uploads: UploadFolder) -> str:
    """A job with a file that has come: its name."""
    job = jobs.create(
        owner="key",
        reader=None,
        policy="default",
        webhook=None,
        now=NOW,
        ends_at=NOW + timedelta(days=1),
    )
    with uploads.new(max_bytes=9) as new:
        new.write(b"bytes")
        upload = new.finish()
    jobs.add(job.id, owner="key", name="1.jpg", upload=upload.name, sha256="", size_bytes=5)
    return job.id


def worker_at(
    desk: ReportDesk, jobs: JobStore, uploads: UploadFolder, clock: Callable[[], datetime]
) -> JobWorker:
    return JobWorker(
        jobs=jobs,
        desk=desk,
        uploads=uploads,
        fetcher=None,
        max_bytes=9,
        clock=clock,
        note=lambda *_, **__: None,
    )


class Fetched(AssetFetcher):
    """Everything is there, and the same."""

    def __init__(self) -> None:
        super().__init__(max_bytes=9, timeout_s=1)

    def fetch(self, url: str, write: Callable[[bytes], object]) -> None:
        assert url
        write(b"bytes")


class Refusing(ReportDesk):
    """A desk at which every file meets this."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def judge_and_wait(self, *_: object, **__: object) -> StoredReport:
        raise self._error


@pytest.mark.parametrize(
    "error", [CancelledError(), KeyError("policy"), StoreError("away"), ConflictError("faster")]
)
def test_what_was_fetched_and_is_not_judged_is_deleted(
    engine: Engine, uploads: UploadFolder, tmp_path: Path, error: Exception
) -> None:
    jobs = JobStore(engine, os.urandom)
    jobs.create(
        owner="key", reader=None, policy="default", webhook=None, now=NOW,
        ends_at=NOW + timedelta(days=1), references=[("1.jpg", URL)],
    )  # fmt: skip
    worker = JobWorker(
        jobs=jobs,
        desk=Refusing(error),
        uploads=uploads,
        fetcher=Fetched(),
        max_bytes=9,
        clock=lambda: NOW,
        note=lambda *_, **__: None,
    )
    with suppress(StoreError):
        worker()
    assert list((tmp_path / "uploads").iterdir()) == []


def begun_elsewhere(
    engine: Engine, uploads: UploadFolder, monkeypatch: pytest.MonkeyPatch, *, renew_s: float
) -> bool:
    """Is a file given to somebody else that waits for its turn longer than a lease?"""
    monkeypatch.setattr(service_work, "_RENEW_S", renew_s)
    jobs, now = JobStore(engine, os.urandom), [NOW]
    seen: list[object] = []

    def long_wait() -> None:
        for _ in range(4):
            now[0] += timedelta(minutes=4)
            time.sleep(0.2)
            seen.append(jobs.lease(now=now[0], lasts=lambda _: timedelta(minutes=5)))

    waiting(jobs, uploads)
    worker_at(Queueing(long_wait), jobs, uploads, lambda: now[0])()
    return any(seen)


def test_a_file_that_waits_long_for_its_turn_is_nobody_elses(
    engine: Engine, uploads: UploadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not begun_elsewhere(engine, uploads, monkeypatch, renew_s=0.02)


def test_twin_a_file_whose_worker_is_gone_is_given_out_again(
    engine: Engine, uploads: UploadFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert begun_elsewhere(engine, uploads, monkeypatch, renew_s=60)


def test_a_lease_that_was_begun_anew_is_not_renewed_by_whoever_had_it(
    engine: Engine, uploads: UploadFolder
) -> None:
    jobs, lasts = JobStore(engine, os.urandom), timedelta(minutes=5)
    waiting(jobs, uploads)
    first = jobs.lease(now=NOW, lasts=lambda _: lasts)
    second = jobs.lease(now=NOW + lasts, lasts=lambda _: lasts)
    assert first is not None
    assert second is not None
    jobs.renew(first[1].number, attempts=first[1].attempts + 1, until=NOW + timedelta(days=1))
    assert jobs.lease(now=NOW + 2 * lasts, lasts=lambda _: lasts) is not None


class Told(WebhookClient):
    """Takes every message, and says where it went."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def deliver(self, url: str, body: str, headers: Mapping[str, str]) -> None:
        assert body
        assert headers
        self.urls.append(url)


class AwayFromMessages(WebhookStore):
    """A store whose database is away when it is written what became of a message."""

    def failed(self, delivery: Delivery, why: str, *, now: datetime) -> DeliveryState:
        raise StoreError(f"{delivery.id}: {why} at {now}")


def sealed_messages(engine: Engine, count: int) -> None:
    """Messages to people who complained, and one to a platform behind them."""
    with transaction(engine) as connection:
        for number in range(count):
            enqueue_webhook(
                connection,
                id=f"m{number}",
                url=f"https://mail.example/{number}",
                secret=b"s" * 32,
                body="{}",
                now=NOW,
                contact="REF",
            )
        enqueue_webhook(
            connection,
            id="last",
            url="https://platform.example",
            secret=b"s" * 32,
            body="{}",
            now=NOW + timedelta(seconds=1),
        )


def messenger(webhooks: WebhookStore, client: WebhookClient, *, opens: bool) -> Messenger:
    def fill(delivery: Delivery) -> str:
        if delivery.contact is not None and not opens:
            raise StoreError("contact of REF: its key '2025-11' is not in the key file")
        return delivery.body

    return Messenger(
        webhooks=webhooks,
        client=client,
        clock=lambda: NOW + timedelta(seconds=2),
        note=lambda *_, **__: None,
        fill=fill,
    )


def test_a_contact_that_does_not_open_keeps_no_other_message_back(engine: Engine) -> None:
    sealed_messages(engine, 5)
    webhooks, client = WebhookStore(engine, max_attempts=1), Told()
    assert messenger(webhooks, client, opens=False)()
    assert client.urls == ["https://platform.example"]
    dead = webhooks.dead()
    assert len(dead) == 5
    assert "is not in the key file" in str(dead[0].why)


def test_twin_contacts_that_open(engine: Engine) -> None:
    sealed_messages(engine, 5)
    client = Told()
    assert messenger(WebhookStore(engine, max_attempts=1), client, opens=True)()
    assert len(client.urls) == 6


def test_twin_a_database_that_is_away_loses_no_message(engine: Engine) -> None:
    sealed_messages(engine, 1)
    away = AwayFromMessages(engine, max_attempts=1)
    with pytest.raises(StoreError, match="is not in the key file"):
        messenger(away, Told(), opens=False)()
    later = NOW + timedelta(minutes=5)
    waiting_still = WebhookStore(engine, max_attempts=1).lease(now=later, until=later)
    assert "m0" in {delivery.id for delivery in waiting_still}
