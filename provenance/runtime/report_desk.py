"""Uploads become stored reports; stored reports are read, called stale, and judged again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from provenance.errors import ConflictError, IsolationError, StoreError
from provenance.findings import FindingCode
from provenance.records.idempotency import Begun, IdempotencyStore, record_answer
from provenance.records.judged_with import (
    Judging,
    NumberedRegister,
    begin_judging,
    judged_by,
    judging_stamp,
    release_stamp,
)
from provenance.records.reports import ReportStore, StoredReport, stored
from provenance.records.tokens import Random, new_id
from provenance.records.vouched import is_fresh, is_still_vouched, signer_stamp
from provenance.report import Report
from provenance.runtime.judges import Judges
from provenance.runtime.uploads import Upload, UploadFolder

__all__ = ["Keeping", "Question", "ReportDesk", "Standing", "lease_for"]

_LEASE = timedelta(minutes=5)
_SLOWEST_BYTES_PER_S = 10_000_000
_MOST_LEFT = 10_000


def lease_for(size_bytes: int) -> timedelta:
    """After which time is whoever works on a file of this size taken for gone?"""
    return _LEASE + timedelta(seconds=size_bytes / _SLOWEST_BYTES_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about an upload, and by whom.

    Attributes:
        policy: Name of the policy.
        owner: Id of the key that asks; None for nobody.
        reader: The agency whose view of the register the asker has.
        name: What the asker calls the file.
        idempotency_key: Makes a repetition of the request get the same answer.
    """

    policy: str
    owner: str | None = None
    reader: str | None = None
    name: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a stored report stands now.

    Attributes:
        entry: The report.
        stale_because: What is not as it was when the report was made.
        holds: Whether the verdict is known to be no more than would be said now. New engines
            alone are no news of a file, nor is a directory that leaves its signer as it was.
    """

    entry: StoredReport
    stale_because: tuple[str, ...]
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is kept of what was judged.

    Attributes:
        report_days: How long reports are kept where the policy does not say.
        is_barred: Says of a SHA-256 whether these bytes are never kept, whatever the policy
            says.
    """

    report_days: int
    is_barred: Callable[[str], bool]


class ReportDesk:
    """Judges uploads and keeps their reports.

    Args:
        judges: Who judges.
        reports: Where reports are kept.
        requests: The requests seen before.
        uploads: The folder of uploads.
        register: Gives one reader's view of the register; None where there is none.
        clock: Says what time it is.
        random: Where names of reports come from.
        keeping: What is kept, and how long.
    """

    def __init__(
        self,
        *,
        judges: Judges,
        reports: ReportStore,
        requests: IdempotencyStore,
        uploads: UploadFolder,
        register: Callable[[str | None], NumberedRegister | None],
        clock: Callable[[], datetime],
        random: Random,
        keeping: Keeping,
    ) -> None:
        self._judges = judges
        self._reports = reports
        self._requests = requests
        self._uploads = uploads
        self._register = register
        self._clock = clock
        self._random = random
        self._keeping = keeping
        self._left: deque[tuple[Question, Begun]] = deque(maxlen=_MOST_LEFT)
        self._lock = threading.Lock()
        self._verdicts: Counter[tuple[str, str]] = Counter()

    @property
    def verdicts(self) -> Mapping[tuple[str, str], int]:
        """How often each verdict was given, by policy and verdict."""
        with self._lock:
            return dict(self._verdicts)

    async def judge(
        self, upload: Upload, question: Question, *, sidecar: Upload | None = None
    ) -> StoredReport:
        """Judge an upload, keep the report, and delete the bytes unless the policy keeps them.

        Raises:
            ConflictError: The idempotency key was used for something else, or the same
                request is being worked on.
            StoreError: The database cannot be used.
            WorkerBugError: A bug of ours was met.
        """
        begun: Begun | None = None
        try:
            begun, known = await asyncio.to_thread(self._begin, upload, question, sidecar)
            if known is not None:
                self._discard(upload, sidecar)
                return known
            judging = await asyncio.to_thread(self._begin_judging, question.reader)
            report = await asyncio.wrap_future(
                self._judges.submit(
                    question.policy,
                    upload.path,
                    name=question.name,
                    sidecar=sidecar.path if sidecar else None,
                )
            )
        except BaseException:
            # At once: a second cancellation may let no thread begin.
            self._discard(upload, sidecar)
            await asyncio.to_thread(self._give_up, question, begun, upload, sidecar)
            raise

        def finish() -> StoredReport:
            try:
                return self._finish(report, judging, upload, question, sidecar)
            except BaseException:
                self._give_up(question, begun, upload, sidecar)
                raise

        finishing = asyncio.ensure_future(asyncio.to_thread(finish))
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:
            # Whoever asked has gone. The report may be committed, and the bytes be its own:
            # only the thread that writes it knows what is to be deleted.
            await asyncio.wait({finishing})
            if not finishing.cancelled():
                finishing.exception()
            raise

    def judge_and_wait(
        self,
        upload: Path,
        question: Question,
        *,
        sidecar: Path | None = None,
        also: Callable[[Connection, str], object],
    ) -> StoredReport:
        """Judge bytes that lie in the folder of uploads; `also` is written with the report.

        Raises:
            CancelledError: The service ends before there is a verdict.
            ConflictError: `also` refuses.
            KeyError: There is no such policy.
            SourceError: There are no such bytes.
            StoreError: The database cannot be used.
            WorkerBugError: A bug of ours was met.
        """
        judging = self._begin_judging(question.reader)
        judged = self._judges.submit(question.policy, upload, name=question.name, sidecar=sidecar)
        try:
            report = judged.result()
        except IsolationError as error:
            if self._judges.is_closed:
                raise CancelledError from error
            raise
        beside = sidecar.name if sidecar else None
        return self._keep(report, judging, question, upload=upload.name, sidecar=beside, also=also)

    def get(self, id: str, *, reader: str | None) -> StoredReport | None:  # noqa: A002
        """The report of this name, if whoever asks may read it."""
        return self._reports.get(id, reader=reader, now=self._clock())

    def find(self, sha256: str, *, owner: str, reader: str | None) -> Sequence[StoredReport]:
        """The reports of this file that this key uploaded."""
        return self._reports.find(sha256, owner=owner, reader=reader, now=self._clock())

    def delete(self, id: str, *, owner: str) -> bool:  # noqa: A002 - the report's name
        """Forget this key's report and its bytes: was there one?"""
        names = self._reports.delete(id, owner=owner)
        for name in names or ():
            self._uploads.remove(name)
        return names is not None

    def standing(self, entry: StoredReport) -> Standing:
        """Is this report still what would be said today?

        `directory`, `lists`, `engines`, `policy`: what it was judged with has changed.
        `releases`: the register says something else of the releases it is about.
        """
        because: tuple[str, ...] = ()
        report, at = entry.report, self._clock()
        now = self._judges.now(entry.policy)
        if now is None:
            because = ("policy",)
        elif now.by.sha256 != entry.judged_with:
            because = judged_by(report.context).differs_in(now.by)
        elif report.reason is FindingCode.DIRECTORY_TOO_OLD and is_fresh(now, at=at):
            # Its signatures had ended; new ones are over the same bytes.
            because = ("directory",)
        holds = now is not None and is_still_vouched(report, entry.signer_stamp, now, at=at)
        register = self._register(entry.reader)
        if register is not None:
            stamp = release_stamp(report, register, at=at)
            if stamp is None:
                # It cannot be asked: that is no news, but a withdrawal may have come.
                holds = False
            elif stamp != entry.release_stamp:
                because, holds = (*because, "releases"), False
        return Standing(entry=entry, stale_because=because, holds=holds)

    def judge_again(self, entry: StoredReport) -> StoredReport | None:
        """Judge kept bytes again, under the same name: the report now; None: they are gone."""
        if entry.upload is None or self._judges.by(entry.policy) is None:
            return None
        path = self._uploads.path(entry.upload)
        sidecar = None if entry.sidecar is None else self._uploads.path(entry.sidecar)
        if not path.exists():
            return None
        name = entry.report.asset.name
        judging = self._begin_judging(entry.reader)
        report = self._judges.submit(entry.policy, path, name=name, sidecar=sidecar).result()
        again = stored(
            report,
            report.model_dump_json(),
            id=entry.id,
            owner=entry.owner,
            reader=entry.reader,
            policy=entry.policy,
            release_stamp=self._stamp(report, judging, entry.reader),
            signer_stamp=self._signer_stamp(report, entry.policy),
            now=entry.created_at,
            ends_at=entry.ends_at,
            upload=entry.upload,
            sidecar=entry.sidecar,
        )
        self._reports.replace(again, report)
        return again

    def _begin(
        self, upload: Upload, question: Question, sidecar: Upload | None
    ) -> tuple[Begun | None, StoredReport | None]:
        """What is known of a request with an idempotency key, and its report if it has one."""
        if question.idempotency_key is None or question.owner is None:
            return None, None
        self._abandon_left()
        told = [
            question.policy,
            question.name,
            upload.sha256,
            sidecar.sha256 if sidecar else None,
        ]
        begun = self._requests.begin(
            owner=question.owner,
            key=question.idempotency_key,
            request=hashlib.sha256(json.dumps(told).encode("ascii")).hexdigest(),
            now=self._clock(),
            lease=lease_for(upload.size_bytes),
        )
        if begun.answer is None:
            return begun, None
        known = self._reports.get(
            str(begun.answer.get("report")), reader=question.reader, now=self._clock()
        )
        if known is None:
            raise ConflictError("Idempotency-Key: its report has been deleted")
        return None, known

    def _give_up(
        self, question: Question, begun: Begun | None, upload: Upload, sidecar: Upload | None
    ) -> None:
        """Leave nothing of a request that got no report, and let it be sent again."""
        self._discard(upload, sidecar)
        if begun is not None:
            self._left.append((question, begun))
            self._abandon_left()

    def _abandon_left(self) -> None:
        """Let requests be sent again that failed for a reason of ours."""
        while self._left:
            question, begun = self._left.popleft()
            try:
                self._requests.abandoned(
                    owner=question.owner or "",
                    key=question.idempotency_key or "",
                    leased_until=begun.leased_until,
                )
            except StoreError:
                # The database is away: once it is back, whoever comes next sees to it.
                self._left.append((question, begun))
                return

    def _finish(
        self,
        report: Report,
        judging: Judging,
        upload: Upload,
        question: Question,
        sidecar: Upload | None,
    ) -> StoredReport:
        entry = self._keep(
            report,
            judging,
            question,
            upload=upload.name,
            sidecar=sidecar.name if sidecar else None,
            also=lambda connection, id_: _answer(connection, question, id_),
        )
        if entry.upload is None:
            self._discard(upload, sidecar)
        return entry

    def _keep(
        self,
        report: Report,
        judging: Judging,
        question: Question,
        *,
        upload: str,
        sidecar: str | None,
        also: Callable[[Connection, str], object],
    ) -> StoredReport:
        profile = self._judges.profiles[question.policy]
        now = self._clock()
        digest = report.asset.sha256
        # Without a digest nobody can say what they are, now or later.
        keeps = profile.keep_uploads and digest is not None and not self._keeping.is_barred(digest)
        entry = stored(
            report,
            report.model_dump_json(),
            id=new_id(self._random),
            owner=question.owner,
            reader=question.reader,
            policy=question.policy,
            release_stamp=self._stamp(report, judging, question.reader),
            signer_stamp=self._signer_stamp(report, question.policy),
            now=now,
            ends_at=now + timedelta(days=profile.report_days or self._keeping.report_days),
            upload=upload if keeps else None,
            sidecar=sidecar if keeps else None,
        )
        self._reports.keep(entry, report, lambda connection: also(connection, entry.id))
        with self._lock:
            self._verdicts[question.policy, report.verdict.value] += 1
        return entry

    def _begin_judging(self, reader: str | None) -> Judging:
        return begin_judging(self._register(reader), at=self._clock())

    def _stamp(self, report: Report, judging: Judging, reader: str | None) -> str:
        register = self._register(reader)
        return judging_stamp(report, register, begun=judging, at=self._clock())

    def _signer_stamp(self, report: Report, policy: str) -> str | None:
        now, used = self._judges.now(policy), judged_by(report.context).directory
        # A directory that came meanwhile is not the one that was judged with.
        if now is None or now.by.directory != used:
            return None
        return signer_stamp(report, now.directory)

    def _discard(self, *uploads: Upload | None) -> None:
        for upload in uploads:
            if upload is not None:
                self._uploads.remove(upload.name)


def _answer(connection: Connection, question: Question, report: str) -> None:
    if question.idempotency_key is not None and question.owner is not None:
        record_answer(
            connection,
            owner=question.owner,
            key=question.idempotency_key,
            answer={"report": report},
        )
