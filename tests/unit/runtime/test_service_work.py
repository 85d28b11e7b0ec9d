"""The files of jobs: what becomes of their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine, select

from provenance.database.database import Database
from provenance.database.transactions import transaction
from provenance.errors import StoreError
from provenance.records.job_model import ItemState
from provenance.records.jobs import JobStore
from provenance.records.tables import job_items
from provenance.runtime.asset_fetcher import AssetFetcher
from provenance.runtime.report_desk import ReportDesk
from provenance.runtime.service_work import JobWorker
from provenance.runtime.uploads import Upload, UploadFolder

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
