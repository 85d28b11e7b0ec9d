"""All parts of a running service, put together from the operator's settings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import text

from provenance.database.transactions import transaction
from provenance.records.idempotency import IdempotencyStore
from provenance.records.jobs import JobStore
from provenance.records.keys import KeyStore
from provenance.records.reports import ReportStore
from provenance.records.webhooks import WebhookStore
from provenance.registry.register.register import Register
from provenance.runtime.asset_fetcher import AssetFetcher
from provenance.runtime.clock import system_clock
from provenance.runtime.fetch import Pace
from provenance.runtime.judges import Judges, load_profiles
from provenance.runtime.moderation_parts import ModerationParts
from provenance.runtime.outcome_parts import OutcomeParts, contact_filler
from provenance.runtime.report_desk import Keeping, ReportDesk
from provenance.runtime.service_database import open_database
from provenance.runtime.service_work import (
    Housekeeper,
    JobWorker,
    Messenger,
    Note,
    Rejudger,
    Routine,
)
from provenance.runtime.settings import Settings
from provenance.runtime.staff_parts import StaffParts
from provenance.runtime.uploads import UploadFolder
from provenance.runtime.webhook_client import WebhookClient

__all__ = ["ServiceParts", "open_keys", "open_moderation"]

_JOBS = "jobs-"
_JOB_WORKERS = 2
_FETCHING_WORKERS = 4
_REST_S = 1.0
_TIDY_REST_S = 30.0


@contextmanager
def open_keys(settings: Settings) -> Iterator[KeyStore]:
    """The keys of the service, for whoever keeps them, until the block ends.

    Raises:
        ConfigurationError: The database cannot be named or made.
        RegisterError: It cannot be reached.
    """
    with open_database(settings) as register:
        yield KeyStore(register.database.engine, os.urandom)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What the HTTP layer translates to.

    Attributes:
        settings: The operator's.
        register: The register; its database holds all that is kept.
        keys: API keys.
        staff: Who of the staff may sign in, and is signed in.
        moderation: Complaints, cases, decisions and appeals; None: not configured.
        outcomes: What follows from decisions; there with moderation.
        desk: Uploads and their reports.
        jobs: Batch jobs.
        requests: Requests seen before.
        webhooks: Messages.
        uploads: The folder of uploads.
        judges: Who judges under which policy.
        fetcher: Fetches files by reference; None: switched off.
        routines: What is done beside answering.
        clock: Says what time it is.
        note: Writes to the log.
    """

    settings: Settings
    register: Register
    keys: KeyStore
    staff: StaffParts
    moderation: ModerationParts | None
    outcomes: OutcomeParts | None
    desk: ReportDesk
    jobs: JobStore
    requests: IdempotencyStore
    webhooks: WebhookStore
    uploads: UploadFolder
    judges: Judges
    fetcher: AssetFetcher | None
    routines: dict[str, Routine]
    clock: Callable[[], datetime]
    note: Note

    @classmethod
    def open(cls, settings: Settings, *, note: Note) -> Self:
        """Everything, ready to start.

        Raises:
            ConfigurationError: A setting, policy, list or the directory cannot be used.
            RegisterError: The database cannot be reached.
        """
        service = settings.service
        profiles = load_profiles(settings)
        register = open_database(settings)
        engine = register.database.engine
        staff = StaffParts.open(settings, engine)
        uploads = UploadFolder(
            service.uploads or settings.home / "uploads", min_free_bytes=service.min_free_bytes
        )
        reports, requests = ReportStore(engine), IdempotencyStore(engine)
        moderation, outcomes = open_moderation(settings, register, reports, uploads)
        if moderation is not None:
            with transaction(engine, reads=True) as connection:
                lost = moderation.office.contacts.unreadable(connection)
            for name, count in lost.items():
                note("contact-key-missing", key=name, contacts=count)
        jobs = JobStore(engine, os.urandom)
        webhooks = WebhookStore(engine, max_attempts=service.webhook_attempts)
        fetcher = None
        if service.by_reference:
            fetcher = AssetFetcher(
                max_bytes=service.max_upload_bytes,
                timeout_s=service.upload_s,
                # What is fetched holds as much as what is sent.
                pace=Pace(
                    idle_s=service.idle_s,
                    min_bytes_per_s=service.min_upload_bytes_per_s,
                    after_s=service.min_upload_rate_after_s,
                ),
                network_allow=settings.network_allow,
            )
        client = WebhookClient(network_allow=settings.network_allow)
        judges = Judges(settings, profiles, say=lambda line: note("note", line=line))
        desk = ReportDesk(
            judges=judges,
            reports=reports,
            requests=requests,
            uploads=uploads,
            register=lambda reader: register.view(reader, clock=system_clock),
            clock=system_clock,
            random=os.urandom,
            keeping=Keeping(
                report_days=service.report_days,
                is_barred=moderation.is_suspected if moderation else lambda _: False,
            ),
        )

        def job_worker(*, by_url: bool) -> JobWorker:
            return JobWorker(
                jobs=jobs,
                desk=desk,
                uploads=uploads,
                fetcher=fetcher,
                max_bytes=service.max_upload_bytes,
                clock=system_clock,
                note=note,
                by_url=by_url,
            )

        rejudger = Rejudger(
            judges=judges, desk=desk, reports=reports, clock=system_clock, note=note
        )
        tidy = Housekeeper(reports=reports, jobs=jobs, uploads=uploads, clock=system_clock)
        messenger = Messenger(
            webhooks=webhooks,
            client=client,
            clock=system_clock,
            note=note,
            fill=(
                (lambda delivery: delivery.body)
                if moderation is None
                else contact_filler(engine, moderation.office.contacts)
            ),
        )
        routines = {
            **{
                f"{_JOBS}{name}": Routine(
                    f"{_JOBS}{name}", job_worker(by_url=by_url), rest_s=_REST_S, note=note
                )
                for name, by_url in _job_workers(fetches=fetcher is not None)
            },
            "webhooks": Routine("webhooks", messenger, rest_s=_REST_S, note=note),
            "rejudge": Routine("rejudge", rejudger, rest_s=service.refresh_s, note=note),
            "tidy": Routine("tidy", tidy, rest_s=_TIDY_REST_S, note=note),
            "staff": Routine("staff", staff.tidy, rest_s=_TIDY_REST_S, note=note),
        }
        if moderation is not None:
            desks = moderation
            routines["moderation"] = Routine(
                "moderation",
                lambda: desks.pass_time(system_clock()),
                rest_s=moderation.tick_s,
                note=note,
            )
        if outcomes is not None:
            following = outcomes
            routines["evidence"] = Routine(
                "evidence",
                lambda: following.tidy(system_clock()),
                rest_s=_TIDY_REST_S,
                note=note,
            )
        return cls(
            settings=settings,
            register=register,
            keys=KeyStore(engine, os.urandom),
            staff=staff,
            moderation=moderation,
            outcomes=outcomes,
            desk=desk,
            jobs=jobs,
            requests=requests,
            webhooks=webhooks,
            uploads=uploads,
            judges=judges,
            fetcher=fetcher,
            routines=routines,
            clock=system_clock,
            note=note,
        )

    def start(self) -> None:
        """Begin what is done beside answering."""
        for routine in self.routines.values():
            routine.start()

    def call(self, kind: str) -> None:
        """There is something to do for the routines whose name begins so."""
        for name, routine in self.routines.items():
            if name.startswith(kind):
                routine.call()

    def check_database(self) -> None:
        """Make sure that the database answers.

        Raises:
            StoreError: It does not.
        """
        with transaction(self.register.database.engine, reads=True) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Finish what was begun, and let go of everything."""
        for routine in self.routines.values():
            routine.stop()
        grace_s = self.settings.service.grace_s
        _wait_for((r for name, r in self.routines.items() if name.startswith(_JOBS)), grace_s)
        # What is not finished by then is given back, and begun anew by whoever comes next.
        self.judges.close()
        _wait_for(self.routines.values(), grace_s)
        self.register.close()


def _job_workers(*, fetches: bool) -> Iterator[tuple[str, bool]]:
    """By name: is this worker for files that are fetched?

    Files that have come never wait for those that come from elsewhere, as slowly as somebody
    likes. Where none are fetched any more, one worker says so of those that wait.
    """
    yield from ((f"{n}", False) for n in range(_JOB_WORKERS))
    yield from ((f"fetched-{n}", True) for n in range(_FETCHING_WORKERS if fetches else 1))


def _wait_for(routines: Iterable[Routine], seconds: float) -> None:
    """Wait for the end of all of them, as long as that."""
    until = time.monotonic() + seconds
    for routine in routines:
        routine.join(max(0.0, until - time.monotonic()))


def open_moderation(
    settings: Settings, register: Register, reports: ReportStore, uploads: UploadFolder
) -> tuple[ModerationParts | None, OutcomeParts | None]:
    """The desks, and what follows from what they do; None where none are configured.

    Raises:
        ConfigurationError: A key, a policy, a receiver or a folder cannot be used.
    """
    if settings.moderation.contact_key is None:
        return None, None
    engine = register.database.engine
    view = register.view(None, clock=system_clock, aside=True)
    desks: list[ModerationParts] = []

    def uploader_token(decision: str, case: str) -> str:
        # The desk is opened with what is made here, so it is asked only later.
        return desks[0].appeals.uploader_token(decision, case)

    outcomes = OutcomeParts.open(
        settings,
        engine,
        uploads=uploads,
        clock=system_clock,
        uploader_token=uploader_token,
    )
    moderation = ModerationParts.open(
        settings,
        engine,
        reports=reports,
        released=lambda sha256: bool(view.files(sha256, at=system_clock())),
        clock=system_clock,
        effects=outcomes.effects,
    )
    if moderation is None:
        return None, None
    desks.append(moderation)
    return moderation, outcomes
