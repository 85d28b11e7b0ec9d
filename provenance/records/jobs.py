"""Batch jobs: files are added, judged one by one, and the end is told to whoever asked.

    open ──close──▶ running ──last item──▶ done
      └────────────────┴──────cancel─────▶ cancelled

    item: waiting ──lease──▶ running ──▶ done | failed;  waiting ──cancel──▶ cancelled
          running ──lease over──▶ running again, up to so many times, then failed

Every change of state is in this module, each in one transaction with what follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, or_, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.records.job_model import Item, ItemState, Job, JobState, Progress, Webhook
from provenance.records.tables import job_items, job_sidecars, jobs
from provenance.records.tokens import Random, new_id
from provenance.records.webhooks import enqueue_webhook, time_in_message

__all__ = ["MAX_ATTEMPTS", "MAX_ITEMS", "JobStore"]

MAX_ITEMS = 10_000
MAX_ATTEMPTS = 3
_GONE = "whoever worked on it was lost, several times"


_UNFINISHED = (ItemState.WAITING, ItemState.RUNNING)
_ACTIVE = (JobState.OPEN, JobState.RUNNING)


class JobStore:
    """The jobs of a service."""

    def __init__(self, engine: Engine, random: Random) -> None:
        self._engine = engine
        self._random = random

    def create(
        self,
        *,
        owner: str,
        reader: str | None,
        policy: str,
        webhook: Webhook | None,
        now: datetime,
        ends_at: datetime,
        references: Sequence[tuple[str, str]] = (),
        also: Callable[[Connection, str], object] = lambda _, __: None,
    ) -> Job:
        """A new job, with files by name and URL if any; `also` writes with it, or not at all."""
        job = new_id(self._random)
        with transaction(self._engine) as connection:
            connection.execute(
                insert(jobs).values(
                    id=job,
                    owner=owner,
                    reader=reader,
                    policy=policy,
                    state=JobState.OPEN,
                    webhook_url=webhook.url if webhook else None,
                    webhook_secret=webhook.secret if webhook else None,
                    created_at=now,
                    ends_at=ends_at,
                )
            )
            for name, url in references:
                _add(connection, job, name=name, url=url)
            also(connection, job)
            return _job(connection, _held(connection, job, owner))

    def get(self, job: str, *, owner: str, now: datetime) -> Job | None:
        """This key's job of this name; another key's is none."""
        with transaction(self._engine, reads=True) as connection:
            row = connection.execute(
                select(jobs).where(jobs.c.id == job, jobs.c.owner == owner, jobs.c.ends_at > now)
            ).one_or_none()
            return None if row is None else _job(connection, row)

    def add(
        self,
        job: str,
        *,
        owner: str,
        name: str,
        upload: str,
        sha256: str,
        size_bytes: int,
    ) -> None:
        """Add a file to an open job; it is judged as soon as somebody has time.

        Raises:
            ConflictError: The job is not open, full, or has a file of that name.
        """
        with transaction(self._engine) as connection:
            _check_open(_held(connection, job, owner))
            count = select(func.count()).select_from(job_items).where(job_items.c.job == job)
            if connection.execute(count).scalar_one() >= MAX_ITEMS:
                raise ConflictError(f"job: expected at most {MAX_ITEMS} files")
            _add(connection, job, name=name, upload=upload, sha256=sha256, size_bytes=size_bytes)

    def add_sidecar(self, job: str, *, owner: str, name: str, upload: str) -> None:
        """Add credentials beside the file of this name, which comes next or waits still.

        Raises:
            ConflictError: The job is not open or full, the file has some already, or it is no
                longer waiting.
        """
        with transaction(self._engine) as connection:
            _check_open(_held(connection, job, owner))
            count = select(func.count()).select_from(job_sidecars).where(job_sidecars.c.job == job)
            if connection.execute(count).scalar_one() >= MAX_ITEMS:
                raise ConflictError(f"job: expected at most {MAX_ITEMS} sidecars")
            # Held: it is not given out without these credentials while they are written down.
            state = connection.execute(
                select(job_items.c.state)
                .where(job_items.c.job == job, job_items.c.name == name)
                .with_for_update()
            ).scalar_one_or_none()
            if state not in (None, ItemState.WAITING):
                raise ConflictError("job: expected a sidecar before its file; the file is judged")
            if not insert_unless_there(connection, job_sidecars, job=job, name=name, upload=upload):
                raise ConflictError("job: there is a sidecar of that file already")

    def close(self, job: str, *, owner: str, now: datetime) -> tuple[Job, Sequence[str]]:
        """No more files are added: the job ends with its last one. Which uploads are nobody's now?

        Those are sidecars whose files never came.

        Raises:
            ConflictError: It is not open.
        """
        with transaction(self._engine) as connection:
            _check_open(_held(connection, job, owner))
            _to(connection, job, JobState.RUNNING)
            self._end_if_finished(connection, job, now)
            left = _without_file(connection, job)
            return _job(connection, _held(connection, job, owner)), left

    def cancel(self, job: str, *, owner: str, now: datetime) -> tuple[Job, Sequence[str]]:
        """Judge no more of it. Which uploads are nobody's now?

        What is being judged at this moment is still finished.

        Raises:
            ConflictError: It has ended already.
        """
        with transaction(self._engine) as connection:
            row = _held(connection, job, owner)
            if row.state not in _ACTIVE:
                raise ConflictError(f"job: expected one that has not ended, got {row.state}")
            waiting = (job_items.c.job == job) & (job_items.c.state == ItemState.WAITING)
            # One that is being given out at this moment is locked, and is no longer waiting.
            rows = connection.execute(
                select(job_items.c.id, job_items.c.upload, job_items.c.name)
                .where(waiting)
                .with_for_update(skip_locked=True)
            ).all()
            connection.execute(
                update(job_items)
                .where(job_items.c.id.in_([row.id for row in rows]))
                .values(state=ItemState.CANCELLED, upload=None)
            )
            left = [
                *_take_sidecars(connection, job, [row.name for row in rows]),
                *_without_file(connection, job),
            ]
            _to(connection, job, JobState.CANCELLED, ended_at=now)
            self._tell(connection, job, now)
            ended = _job(connection, _held(connection, job, owner))
        return ended, [*(row.upload for row in rows if row.upload), *left]

    def items(self, job: str, *, after: int, most: int) -> Sequence[Item]:
        """The files of a job, from a place on."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(job_items)
                .where(job_items.c.job == job, job_items.c.id > after)
                .order_by(job_items.c.id)
                .limit(most)
            ).all()
        return [_item(row) for row in rows]

    def lease(
        self,
        *,
        now: datetime,
        lasts: Callable[[int | None], timedelta],
        by_url: bool | None = None,
    ) -> tuple[Job, Item] | None:
        """The next file to judge, which nobody else gets until the lease is over.

        A file whose lease is over was somebody's who is gone: it is given out again.

        Args:
            now: The time.
            lasts: How long the lease of a file of so many bytes is; None: not known.
            by_url: Whether it is to be one that is fetched, or one that has come; None: any.
        """
        due = or_(
            job_items.c.state == ItemState.WAITING,
            and_(job_items.c.state == ItemState.RUNNING, job_items.c.leased_until <= now),
        )
        if by_url is not None:
            due = and_(due, job_items.c.url.is_not(None) if by_url else job_items.c.url.is_(None))
        with transaction(self._engine) as connection:
            while True:
                row = connection.execute(
                    select(job_items)
                    .where(due)
                    .order_by(job_items.c.id)
                    .limit(1)
                    .with_for_update(skip_locked=True)
                ).one_or_none()
                if row is None:
                    return None
                if row.attempts < MAX_ATTEMPTS:
                    break
                self._settle(connection, row.id, ItemState.FAILED, now, why=_GONE)
            connection.execute(
                update(job_items)
                .where(job_items.c.id == row.id)
                .values(
                    state=ItemState.RUNNING,
                    leased_until=now + lasts(row.size_bytes),
                    attempts=job_items.c.attempts + 1,
                )
            )
            owner = connection.execute(select(jobs).where(jobs.c.id == row.job)).one()
            beside = connection.execute(
                select(job_sidecars.c.upload).where(
                    job_sidecars.c.job == row.job, job_sidecars.c.name == row.name
                )
            ).scalar_one_or_none()
            return _job(connection, owner), _item(row, sidecar=beside)

    def renew(self, number: int, *, attempts: int, until: datetime) -> None:
        """Let whoever has an item go on with it: nobody else gets it until then.

        Args:
            number: The item.
            attempts: How often it was begun, this time included: begun once more since, it is
                somebody else's.
            until: The end of the lease.
        """
        with transaction(self._engine) as connection:
            connection.execute(
                update(job_items)
                .where(job_items.c.id == number, job_items.c.state == ItemState.RUNNING)
                .where(job_items.c.attempts == attempts)
                .values(leased_until=until)
            )

    def failed(self, number: int, why: str, *, now: datetime) -> bool:
        """An item has no report, for this reason: was it still without an answer?"""
        with transaction(self._engine) as connection:
            return self._settle(connection, number, ItemState.FAILED, now, why=why)

    def again(self, number: int) -> None:
        """An item that was begun waits again: the reason was ours, and it loses no attempt."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(job_items)
                .where(job_items.c.id == number, job_items.c.state == ItemState.RUNNING)
                .values(state=ItemState.WAITING, attempts=job_items.c.attempts - 1)
            )

    def done(self, connection: Connection, number: int, report: str, *, now: datetime) -> None:
        """An item has its report, which the same transaction writes.

        Raises:
            ConflictError: Somebody else gave it one meanwhile.
        """
        if not self._settle(connection, number, ItemState.DONE, now, report=report):
            raise ConflictError("job: the file has its report already")

    def in_use(self, names: Collection[str]) -> frozenset[str]:
        """Which of these uploads wait to be judged?"""
        with transaction(self._engine, reads=True) as connection:
            found = connection.execute(
                select(job_items.c.upload)
                .where(job_items.c.upload.in_(names))
                .union(select(job_sidecars.c.upload).where(job_sidecars.c.upload.in_(names)))
            )
            return frozenset(found.scalars())

    def forget(self, *, now: datetime, most: int = 200) -> Sequence[str]:
        """Delete jobs whose time is over: which uploads are nobody's now?"""
        with transaction(self._engine) as connection:
            ids = (
                connection.execute(select(jobs.c.id).where(jobs.c.ends_at <= now).limit(most))
                .scalars()
                .all()
            )
            uploads = (
                connection.execute(
                    select(job_items.c.upload).where(
                        job_items.c.job.in_(ids), job_items.c.upload.is_not(None)
                    )
                )
                .scalars()
                .all()
            )
            beside = connection.execute(
                select(job_sidecars.c.upload).where(job_sidecars.c.job.in_(ids))
            ).scalars()
            uploads = [*uploads, *beside]
            connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
        return [name for name in uploads if name]

    def _settle(
        self,
        connection: Connection,
        number: int,
        state: ItemState,
        now: datetime,
        *,
        report: str | None = None,
        why: str | None = None,
    ) -> bool:
        done = connection.execute(
            update(job_items)
            .where(job_items.c.id == number, job_items.c.state == ItemState.RUNNING)
            .values(state=state, report=report, why=why and why[:400], upload=None)
        )
        if done.rowcount != 1:
            return False
        row = connection.execute(
            select(job_items.c.job, job_items.c.name).where(job_items.c.id == number)
        ).one()
        _take_sidecars(connection, row.job, [row.name])
        self._end_if_finished(connection, row.job, now)
        return True

    def _end_if_finished(self, connection: Connection, job: str, now: datetime) -> None:
        # The job's row is held: of two last items one comes second, and sees the other.
        row = connection.execute(select(jobs).where(jobs.c.id == job).with_for_update()).one()
        if row.state != JobState.RUNNING:
            return
        left = connection.execute(
            select(func.count())
            .select_from(job_items)
            .where(job_items.c.job == job, job_items.c.state.in_(_UNFINISHED))
        ).scalar_one()
        if left == 0:
            _to(connection, job, JobState.DONE, ended_at=now)
            self._tell(connection, job, now)

    def _tell(self, connection: Connection, job: str, now: datetime) -> None:
        row = connection.execute(select(jobs).where(jobs.c.id == job)).one()
        if row.webhook_url is None:
            return
        progress = _progress(connection, job)
        body = {
            "type": f"job.{row.state}",
            "timestamp": time_in_message(now),
            "data": {
                "job": job,
                "state": row.state,
                "total": progress.total,
                "done": progress.done,
                "failed": progress.failed,
                "cancelled": progress.cancelled,
            },
        }
        enqueue_webhook(
            connection,
            id=f"msg_{new_id(self._random)}",
            job=job,
            url=row.webhook_url,
            secret=row.webhook_secret,
            body=json.dumps(body, separators=(",", ":")),
            now=now,
        )


def _add(connection: Connection, job: str, **values: object) -> None:
    if not insert_unless_there(
        connection, job_items, job=job, state=ItemState.WAITING, attempts=0, **values
    ):
        raise ConflictError("job: there is a file of that name already")


def _check_open(job: Row[tuple[object, ...]]) -> None:
    if job.state != JobState.OPEN:
        raise ConflictError(f"job: expected an open one, got one that is {job.state}")


def _take_sidecars(connection: Connection, job: str, names: Sequence[str]) -> Sequence[str]:
    """Forget the sidecars of these files: their uploads."""
    mine = (job_sidecars.c.job == job) & job_sidecars.c.name.in_(names)
    uploads = connection.execute(select(job_sidecars.c.upload).where(mine)).scalars().all()
    connection.execute(delete(job_sidecars).where(mine))
    return uploads


def _without_file(connection: Connection, job: str) -> Sequence[str]:
    """Forget the sidecars whose files have not come: their uploads."""
    files = select(job_items.c.name).where(job_items.c.job == job)
    mine = (job_sidecars.c.job == job) & job_sidecars.c.name.not_in(files)
    uploads = connection.execute(select(job_sidecars.c.upload).where(mine)).scalars().all()
    connection.execute(delete(job_sidecars).where(mine))
    return uploads


def _held(connection: Connection, job: str, owner: str) -> Row[tuple[object, ...]]:
    row = connection.execute(
        select(jobs).where(jobs.c.id == job, jobs.c.owner == owner).with_for_update()
    ).one_or_none()
    if row is None:
        raise ConflictError("job: expected one of this key's, got none")
    return row


def _to(connection: Connection, job: str, state: JobState, **values: object) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job).values(state=state, **values))


def _progress(connection: Connection, job: str) -> Progress:
    counts = connection.execute(
        select(job_items.c.state, func.count())
        .where(job_items.c.job == job)
        .group_by(job_items.c.state)
    ).all()
    return Progress(**{str(state): count for state, count in counts})


def _job(connection: Connection, row: Row[tuple[object, ...]]) -> Job:
    return Job(
        id=row.id,
        owner=row.owner,
        reader=row.reader,
        policy=row.policy,
        state=JobState(row.state),
        webhook_url=row.webhook_url,
        created_at=row.created_at,
        ended_at=row.ended_at,
        ends_at=row.ends_at,
        progress=_progress(connection, row.id),
    )


def _item(row: Row[tuple[object, ...]], *, sidecar: str | None = None) -> Item:
    return Item(
        number=row.id,
        job=row.job,
        name=row.name,
        state=ItemState(row.state),
        upload=row.upload,
        url=row.url,
        report=row.report,
        why=row.why,
        attempts=row.attempts,
        sidecar=sidecar,
    )
