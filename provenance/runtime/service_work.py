"""What a service does beside answering: jobs, messages, old reports, and tidying up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from provenance.errors import (
    ConfigurationError,
    ConflictError,
    FetchError,
    LimitError,
    SourceError,
    StoreError,
    WorkerBugError,
)
from provenance.records.job_model import Item, Job
from provenance.records.jobs import MAX_ATTEMPTS, JobStore
from provenance.records.reports import ReportStore, StoredReport
from provenance.records.webhooks import Delivery, WebhookStore, sign_webhook
from provenance.runtime.asset_fetcher import AssetFetcher
from provenance.runtime.judges import Judges
from provenance.runtime.report_desk import Question, ReportDesk, lease_for
from provenance.runtime.uploads import UploadFolder
from provenance.runtime.webhook_client import WebhookClient

__all__ = ["Housekeeper", "JobWorker", "Messenger", "Rejudger", "Routine"]

_DELIVERY_LEASE = timedelta(minutes=2)
_RENEW_S = 60.0
_AGAIN_LEASE = timedelta(minutes=15)
_ORPHAN_S = 6 * 3600.0
_BATCH = 50
# What may change while everything that is judged with keeps its digest.
_MOVES_ON = frozenset({"releases", "directory"})
_LONGEST_REST_S = 30.0

Note = Callable[..., None]
"""Told of an event by name, with facts that name no person and no file."""


class Routine:
    """Does one thing again and again in a thread of its own, and rests in between.

    Args:
        name: What logs call it.
        work: Does a piece of work; whether there may be more at once.
        rest_s: How long it rests when there is nothing to do.
        note: Told of failures.
    """

    def __init__(self, name: str, work: Callable[[], bool], *, rest_s: float, note: Note) -> None:
        self._name = name
        self._work = work
        self._rest_s = rest_s
        self._note = note
        self._stop = threading.Event()
        self._called = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self) -> None:
        """There is something to do."""
        self._called.set()

    def stop(self) -> None:
        """Finish the piece of work that was begun, and end."""
        self._stop.set()
        self._called.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end; what never began has none."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                more = self._work()
                failures = 0
            except Exception as error:  # noqa: BLE001 - one failure must not end the routine
                failures += 1
                more = False
                self._note("routine-failed", routine=self._name, error=type(error).__name__)
            if more:
                continue
            # A database that is away is asked more and more seldom.
            self._called.wait(min(self._rest_s * 2 ** min(failures, 8), _LONGEST_REST_S))
            self._called.clear()


class JobWorker:
    """Judges the files of jobs, one at a time.

    Args:
        jobs: The jobs.
        desk: Where files are judged.
        uploads: The folder of uploads.
        fetcher: Fetches files by reference; None: switched off.
        max_bytes: Largest file that is fetched.
        clock: Says what time it is.
        note: Told of failures.
        by_url: Whether it is for files that are fetched, which may take long, or for those that
            have come; None: for both.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        desk: ReportDesk,
        uploads: UploadFolder,
        fetcher: AssetFetcher | None,
        max_bytes: int,
        clock: Callable[[], datetime],
        note: Note,
        by_url: bool | None = None,
    ) -> None:
        self._by_url = by_url
        self._jobs = jobs
        self._desk = desk
        self._uploads = uploads
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._clock = clock
        self._note = note
        # Leased here, and to be given back: the database was away when they were settled.
        self._lost: list[int] = []

    def __call__(self) -> bool:
        """Judge the next file: was there one?"""
        while self._lost:
            self._jobs.again(self._lost[-1])
            self._lost.pop()
        leased = self._jobs.lease(now=self._clock(), lasts=self._lease_for, by_url=self._by_url)
        if leased is None:
            return False
        job, item = leased
        with self._held(item):
            return self._settled(job, item)

    def _settled(self, job: Job, item: Item) -> bool:
        """Bring one file to its end: may there be another?"""
        try:
            name = item.upload or self._fetched(item)
        except (FetchError, LimitError) as error:
            settled = self._jobs.failed(item.number, str(error), now=self._clock())
            # Somebody faster may have kept it with a report.
            if settled and item.sidecar is not None:
                self._uploads.remove(item.sidecar)
            return True
        except StoreError:
            # The disk is full, or the database away: it is not the file's fault.
            self._lost.append(item.number)
            raise
        try:
            self._judge(job, item, name)
        except StoreError:
            self._drop_fetched(item, name)
            self._lost.append(item.number)
            raise
        except CancelledError:
            self._drop_fetched(item, name)
            # The service ends: whoever comes next begins anew, and at once.
            self._jobs.again(item.number)
            return False
        return True

    def _judge(self, job: Job, item: Item, name: str) -> None:
        question = Question(policy=job.policy, owner=job.owner, reader=job.reader, name=item.name)
        try:
            entry = self._desk.judge_and_wait(
                self._uploads.path(name),
                question,
                sidecar=self._uploads.path(item.sidecar) if item.sidecar else None,
                also=lambda connection, report: self._jobs.done(
                    connection, item.number, report, now=self._clock()
                ),
            )
        except ConflictError:
            # Its lease was over, and somebody else was faster: one report is enough.
            self._drop_fetched(item, name)
            return
        except KeyError:
            if item.attempts + 1 < MAX_ATTEMPTS:
                # Where several processes are started anew one after the other, another may have
                # the policy already: whoever gets the file when this lease is over.
                self._drop_fetched(item, name)
                return
            self._jobs.failed(item.number, "its policy is gone", now=self._clock())
        except SourceError:
            self._jobs.failed(item.number, "its bytes are gone", now=self._clock())
        except WorkerBugError as error:
            self._note("worker-bug", error=type(error).__name__)
            self._jobs.failed(item.number, "the check itself failed", now=self._clock())
        else:
            if entry.upload is not None:
                return
        self._uploads.remove(name)
        if item.sidecar is not None:
            self._uploads.remove(item.sidecar)

    def _drop_fetched(self, item: Item, name: str) -> None:
        """Delete what was fetched and is not kept: whoever comes next fetches it anew."""
        if item.upload is None:
            self._uploads.remove(name)

    @contextmanager
    def _held(self, item: Item) -> Iterator[None]:
        """Nobody else gets this file while the block runs, however long it waits its turn."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(_RENEW_S):
                until = self._clock() + lease_for(0)
                with suppress(StoreError):
                    self._jobs.renew(item.number, attempts=item.attempts + 1, until=until)

        renewing = threading.Thread(target=renew, name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ended.set()
            renewing.join()

    def _lease_for(self, size_bytes: int | None) -> timedelta:
        return lease_for(self._max_bytes if size_bytes is None else size_bytes)

    def _fetched(self, item: Item) -> str:
        if item.url is None or self._fetcher is None:
            raise FetchError("verifying by reference is switched off")
        with self._uploads.new(max_bytes=self._max_bytes) as new:
            self._fetcher.fetch(item.url, new.write)
            return new.finish().name


class Messenger:
    """Delivers messages that are due.

    Args:
        webhooks: The messages.
        client: Delivers them.
        clock: Says what time it is.
        note: Told of failures.
        fill: The body as it is delivered, where it is not the one that waits; what it raises
            (`FetchError`, `StoreError`) keeps its message alone from being delivered.
    """

    def __init__(
        self,
        *,
        webhooks: WebhookStore,
        client: WebhookClient,
        clock: Callable[[], datetime],
        note: Note,
        fill: Callable[[Delivery], str] = lambda delivery: delivery.body,
    ) -> None:
        self._webhooks = webhooks
        self._client = client
        self._clock = clock
        self._note = note
        self._fill = fill

    def __call__(self) -> bool:
        """Try what is due: was there anything?"""
        now = self._clock()
        due = self._webhooks.lease(now=now, until=now + _DELIVERY_LEASE)
        for delivery in due:
            try:
                body = self._fill(delivery)
                headers = sign_webhook(delivery.secret, id=delivery.id, at=self._clock(), body=body)
                self._client.deliver(delivery.url, body, headers)
            except (FetchError, StoreError) as error:
                # Also a contact whose key is gone: the messages behind it are not to wait for it.
                state = self._webhooks.failed(delivery, str(error), now=self._clock())
                self._note("webhook-failed", webhook=delivery.id, state=state.value)
            else:
                self._webhooks.delivered(delivery.id)
        return bool(due)


class Rejudger:
    """Judges kept bytes again where the answer might have changed."""

    def __init__(
        self,
        *,
        judges: Judges,
        desk: ReportDesk,
        reports: ReportStore,
        clock: Callable[[], datetime],
        note: Note,
    ) -> None:
        self._judges = judges
        self._desk = desk
        self._reports = reports
        self._clock = clock
        self._note = note
        self._after = ""

    def __call__(self) -> bool:
        """Look for documents that changed, and judge a few reports again: are there more?"""
        try:
            if self._judges.refresh():
                self._note("judging-anew")
        except ConfigurationError as error:
            # What was judged with goes on, and grows old by its own rules.
            self._note("documents-unusable", error=type(error).__name__)
        return self._outdated() or self._moved_on()

    def _outdated(self) -> bool:
        """Reports that were judged with other documents."""
        found = False
        for policy in self._judges.profiles:
            by = self._judges.by(policy)
            if by is None:
                continue
            now = self._clock()
            entries = self._reports.lease_outdated(
                policy=policy, judged_with=by.sha256, now=now, until=now + _AGAIN_LEASE, most=_BATCH
            )
            found |= self._again(entries)
        return found

    def _moved_on(self) -> bool:
        """Reports of releases of which the register says something else now.

        And those for which the directory was too old, once it is not any more.
        """
        now = self._clock()
        entries = self._reports.kept(after=self._after, most=_BATCH, now=now)
        self._after = entries[-1].id if len(entries) == _BATCH else ""
        for entry in entries:
            if _MOVES_ON & {*self._desk.standing(entry).stale_because}:
                leased = self._reports.lease(entry.id, now=now, until=now + _AGAIN_LEASE)
                self._again([leased] if leased else [])
        return bool(self._after)

    def _again(self, entries: Sequence[StoredReport]) -> bool:
        for entry in entries:
            try:
                self._desk.judge_again(entry)
            except (SourceError, WorkerBugError) as error:
                self._note("not-judged-again", error=type(error).__name__)
        return bool(entries)


class Housekeeper:
    """Forgets what has ended, and deletes bytes that are nobody's."""

    def __init__(
        self,
        *,
        reports: ReportStore,
        jobs: JobStore,
        uploads: UploadFolder,
        clock: Callable[[], datetime],
    ) -> None:
        self._reports = reports
        self._jobs = jobs
        self._uploads = uploads
        self._clock = clock

    def __call__(self) -> bool:
        """Tidy up once."""
        now = self._clock()
        names = [*self._reports.forget(now=now), *self._jobs.forget(now=now)]
        for name in names:
            self._uploads.remove(name)
        # A process that was killed left them behind; whatever is in use is written down.
        old = list(self._uploads.older_than(_ORPHAN_S, now=time.time()))
        for begin in range(0, len(old), _BATCH):
            batch = old[begin : begin + _BATCH]
            used = self._reports.in_use(batch) | self._jobs.in_use(batch)
            for name in set(batch) - used:
                self._uploads.remove(name)
        return bool(names)
