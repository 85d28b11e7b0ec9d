"""The desk while something happens between the verdict and its report."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from provenance.errors import RegisterError, StoreError
from provenance.findings import FindingCode
from provenance.records.idempotency import IdempotencyStore
from provenance.records.judged_with import NumberedRegister
from provenance.records.reports import ReportStore, StoredReport
from provenance.registry.log.statement import ReleaseFile
from provenance.registry.register.records import FileFacts
from provenance.registry.register.register import Register
from provenance.registry.register.stating import StatedFile
from provenance.registry.register.view import RegisterView
from provenance.registry.register.visibility import Reader
from provenance.report import Report
from provenance.runtime import judges as judges_module
from provenance.runtime.clock import system_clock
from provenance.runtime.judges import Judges, load_profiles
from provenance.runtime.report_desk import Keeping, Question, ReportDesk
from provenance.runtime.service_database import open_database
from provenance.runtime.service_work import Rejudger
from provenance.runtime.settings import Settings, load_settings
from provenance.runtime.uploads import Upload, UploadFolder
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import LoadedDirectory, load_directory
from provenance.verdict import Verdict
from provenance.verification.register import RegisteredFile
from tests.factory import media
from tests.factory.registers import Desk, store_in
from tests.factory.sign import sign

KEEPING = """\
schema_version: "1"
name: test-keeping
version: "1"
test: true
passes: [official]
keep_uploads: true
"""
QUESTION = Question(policy="test-keeping")


class Interrupted(Judges):
    """The real judges; something happens after the verdict, and before anybody hears of it."""

    meanwhile: Callable[[], object] | None = None

    def submit(
        self, policy: str, path: Path, *, name: str | None, sidecar: Path | None
    ) -> Future[Report]:
        judged = super().submit(policy, path, name=name, sidecar=sidecar)
        told: Future[Report] = Future()
        report = judged.result(60)
        if self.meanwhile is not None:
            self.meanwhile()
            self.meanwhile = None
        told.set_result(report)
        return told


@dataclass(slots=True)
class Office:
    """A desk with a register, and the agency that states releases in it."""

    settings: Settings
    register: Register
    judges: Interrupted
    uploads: UploadFolder
    agency: Desk
    signer: MemorySigner
    number: int = field(default=0)

    @property
    def desk(self) -> ReportDesk:
        """The desk with the store as it is."""
        return self.desk_with(ReportStore(self.register.database.engine))

    def desk_with(
        self,
        store: ReportStore,
        register: Callable[[str | None], NumberedRegister | None] | None = None,
    ) -> ReportDesk:
        """A desk that keeps its reports in this store, and may read another register."""
        return ReportDesk(
            judges=self.judges,
            reports=store,
            requests=IdempotencyStore(self.register.database.engine),
            uploads=self.uploads,
            register=register or (lambda reader: self.register.view(reader, clock=system_clock)),
            clock=system_clock,
            random=os.urandom,
            keeping=Keeping(report_days=1, is_barred=lambda _: False),
        )

    def release(self, name: str) -> bytes:
        """A signed picture of a new release."""
        self.number += 1
        signed = sign(media.jpeg(self.number), "image/jpeg", signer=self.signer)
        label, store = store_in(signed)
        digest = hashlib.sha256(signed).hexdigest()
        file = ReleaseFile(
            sha256=digest,
            media_type="image/jpeg",
            manifest_sha256=hashlib.sha256(store).hexdigest(),
            active_manifest=label,
        )
        facts = FileFacts(sha256=digest, manifest=store, title={"en": name}, channels=())
        stated = StatedFile(file=file, facts=facts)
        self.register.take(self.agency.release(name, stated), at=system_clock())
        return signed

    def withdraw(self, name: str) -> None:
        self.register.take([self.agency.withdraw(name)], at=system_clock())

    def upload(self, data: bytes) -> Upload:
        with self.uploads.new(max_bytes=len(data)) as new:
            new.write(data)
            return new.finish()

    def judge(self, data: bytes) -> StoredReport:
        return asyncio.run(self.desk.judge(self.upload(data), QUESTION))

    def because(self, entry: StoredReport) -> tuple[str, ...]:
        return self.desk.standing(entry).stale_because


@contextmanager
def opened(agency: DevAgency, signer: MemorySigner, folder: Path) -> Iterator[Office]:
    """An office with its documents in this folder."""
    (folder / "directory.json").write_text(json.dumps(agency.directory_entry()), "utf-8")
    (folder / "policies").mkdir()
    (folder / "policies" / "keeping.yaml").write_text(KEEPING, "utf-8")
    environ = {
        "PROVENANCE_HOME": str(folder / "home"),
        "PROVENANCE_DIRECTORY": str(folder / "directory.json"),
        "PROVENANCE_SERVICE_TEST": "1",
        "PROVENANCE_SERVICE_WORKERS": "1",
        "PROVENANCE_SERVICE_POLICIES": str(folder / "policies"),
    }
    settings = load_settings(environ=environ)
    with ExitStack() as held:
        register = held.enter_context(open_database(settings))
        judges = Interrupted(settings, load_profiles(settings), say=lambda _: None)
        held.callback(judges.close)
        uploads = UploadFolder(folder / "uploads", min_free_bytes=0)
        yield Office(settings, register, judges, uploads, Desk(signer), signer)


@pytest.fixture(scope="module")
def office(
    agency: DevAgency, agency_signer: MemorySigner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    with opened(agency, agency_signer, tmp_path_factory.mktemp("office")) as made:
        yield made


def _again(office: Office, entry: StoredReport) -> StoredReport:
    again = office.desk.judge_again(entry)
    assert again is not None
    return again


def test_a_withdrawal_between_the_verdict_and_its_report(office: Office) -> None:
    data = office.release("withdrawn-between")
    office.judges.meanwhile = lambda: office.withdraw("withdrawn-between")

    entry = office.judge(data)

    assert entry.report.verdict is Verdict.OFFICIAL
    assert office.because(entry) == ("releases",)
    assert not office.desk.standing(entry).holds
    again = _again(office, entry)
    assert again.report.verdict is Verdict.OFFICIAL_WITHDRAWN
    assert office.because(again) == ()


def test_a_withdrawal_while_it_is_judged_again(office: Office) -> None:
    entry = office.judge(office.release("withdrawn-again"))
    assert office.because(entry) == ()
    office.judges.meanwhile = lambda: office.withdraw("withdrawn-again")

    again = _again(office, entry)

    assert again.report.verdict is Verdict.OFFICIAL
    assert office.because(again) == ("releases",)


@pytest.mark.parametrize("other", [False, True], ids=["nothing", "another release"])
def test_twin_nothing_of_its_release_between(office: Office, *, other: bool) -> None:
    name = f"stays-{other}"
    data = office.release(name)
    office.release(f"{name}-other")
    if other:
        office.judges.meanwhile = lambda: office.withdraw(f"{name}-other")

    entry = office.judge(data)

    assert entry.report.verdict is Verdict.OFFICIAL
    assert office.because(entry) == ()
    assert office.desk.standing(entry).holds
    office.withdraw(name)
    assert office.because(entry) == ("releases",)


@pytest.mark.parametrize("longer", [True, False])
def test_what_a_directory_was_too_old_for_is_judged_again_once_it_is_vouched_for_anew(
    agency: DevAgency,
    agency_signer: MemorySigner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    longer: bool,
) -> None:
    ended = system_clock() - timedelta(days=1)
    until = [ended]

    def load(place: Path) -> LoadedDirectory:
        plain = load_directory(place)
        return LoadedDirectory(plain.document, plain.sha256, plain.source, fresh_until=until[-1])

    monkeypatch.setattr(judges_module, "load_directory_at", load)
    with opened(agency, agency_signer, tmp_path) as office:
        entry = office.judge(office.release("too-old"))
        assert entry.report.reason is FindingCode.DIRECTORY_TOO_OLD
        assert office.because(entry) == ()
        until.append(ended + timedelta(days=9 if longer else 0))
        rejudger = Rejudger(
            judges=office.judges,
            desk=office.desk,
            reports=ReportStore(office.register.database.engine),
            clock=system_clock,
            note=lambda *_, **__: None,
        )
        rejudger()
        again = office.desk.get(entry.id, reader=None)
        assert again is not None
        assert again.report.verdict is (Verdict.OFFICIAL if longer else Verdict.UNDETERMINED)
        assert office.because(again) == ()


class Away(RegisterView):
    """A view of the real register, whose database is away."""

    def files(self, sha256: str, *, at: datetime) -> tuple[RegisteredFile, ...]:
        raise RegisterError(f"{sha256}: cannot be asked at {at}")


@pytest.mark.parametrize("away", [True, False])
def test_a_release_that_may_have_been_withdrawn_holds_no_verdict(
    office: Office, *, away: bool
) -> None:
    """What cannot be asked is no news, but nobody knows that the verdict still holds."""
    entry = office.judge(office.release(f"unknown-{away}"))
    reader = Reader(agency=None, clock=system_clock)
    desk = office.desk
    if away:
        desk = office.desk_with(
            ReportStore(office.register.database.engine),
            lambda _: Away(office.register.database, reader),
        )
    standing = desk.standing(entry)
    assert standing.stale_because == ()
    assert standing.holds is not away


class Waiting(ReportStore):
    """The real store; somebody hangs up before, or after, a report is committed."""

    def __init__(self, engine: Engine, *, before: bool) -> None:
        super().__init__(engine)
        self._before = before
        self.reached, self.gone_on = threading.Event(), threading.Event()

    def keep(
        self, entry: StoredReport, report: Report, *also: Callable[[Connection], object]
    ) -> None:
        if not self._before:
            super().keep(entry, report, *also)
        self.reached.set()
        assert self.gone_on.wait(30)
        if self._before:
            super().keep(entry, report, *also)


async def _hang_up(desk: ReportDesk, store: Waiting, upload: Upload) -> None:
    asked = asyncio.create_task(desk.judge(upload, QUESTION))
    assert await asyncio.to_thread(store.reached.wait, 30)
    asked.cancel()
    # What the client has left is still being written.
    await asyncio.sleep(0.1)
    store.gone_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asked


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_client_that_hangs_up_while_its_report_is_written(
    office: Office, *, before: bool
) -> None:
    store = Waiting(office.register.database.engine, before=before)
    desk = office.desk_with(store)
    upload = office.upload(office.release(f"hangs-up-{before}"))

    asyncio.run(_hang_up(desk, store, upload))

    (entry,) = [
        entry
        for entry in store.kept(after="", most=100, now=system_clock())
        if entry.report.asset.sha256 == upload.sha256
    ]
    assert entry.upload == upload.name
    assert upload.path.exists()
    assert _again(office, entry).report.verdict is Verdict.OFFICIAL


class Broken(ReportStore):
    """A store whose database is away when a report is kept."""

    def keep(
        self, entry: StoredReport, report: Report, *also: Callable[[Connection], object]
    ) -> None:
        del entry, report, also
        raise StoreError("away")


def test_twin_what_was_not_committed_is_deleted(office: Office) -> None:
    desk = office.desk_with(Broken(office.register.database.engine))
    upload = office.upload(office.release("never-kept"))
    with pytest.raises(StoreError, match="away"):
        asyncio.run(desk.judge(upload, QUESTION))
    assert not upload.path.exists()


def test_twin_a_client_that_hangs_up_while_it_is_judged(office: Office) -> None:
    upload = office.upload(office.release("hangs-up-early"))

    async def hang_up() -> None:
        asked = asyncio.current_task()
        assert asked is not None
        loop = asyncio.get_running_loop()
        office.judges.meanwhile = lambda: loop.call_soon(asked.cancel)
        await office.desk.judge(upload, QUESTION)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(hang_up())
    assert not upload.path.exists()
