"""Signing many files in worker processes: resumable, idempotent, one bad file at a time.

The result file is a journal. Before a file is signed, a line says so; when it has its
name, another does. A process that is killed leaves at most a file without its second
line, and the next run finds out by the first one, and by verifying, that it is its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pebble import ProcessExpired

from provenance.atomic_files import append_lines, locked, read_bounded, remove_leftovers
from provenance.credentials.cose import SignatureAnswer, check_claim_signature, parse_cose_sign1
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import ConfigurationError, LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS
from provenance.report import Report
from provenance.runtime.clock import system_clock
from provenance.runtime.sign_worker import SigningSetup, verifier_of
from provenance.runtime.signed_before import other_soft_binding
from provenance.runtime.signing_workers import GroupUnderWay, SigningWorkers, WorkersGoneError
from provenance.signing.plan import PlannedFile, ReleasePlan
from provenance.signing.signer import SignJob
from provenance.trust.certificates import load_der_chain
from provenance.untrusted import clean_text
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier

__all__ = ["JOURNAL_NAME", "BatchResult", "sign_plan"]

JOURNAL_NAME = ".provenance-results.jsonl"
"""By default beside what was signed, hidden: it is not a file of the release."""

_LOCK = ".provenance-sign.lock"
# So many files in a row without a time-stamp: no authority can be reached, and every
# further file would only wait for the same time-outs.
_MAX_STAMPLESS = 3
_DIED = "WorkerDied"
_CHUNK_BYTES = 1024 * 1024
# So many files a process works on by turns, and so many bytes: all of them may be in memory.
_GROUP_FILES = 8
_GROUP_BYTES = 64 * 1024 * 1024
# Between this machine's clock and a time-stamp authority's.
_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one file.

    Attributes:
        path: From the release manifest's folder.
        state: `signed`; `kept`: it was there already, made by this very job; `failed`;
            `not-tried`: the batch had to stop before.
        why: Of `failed` and `not-tried`.
        sha256: Of the signed file.
    """

    path: str
    state: str
    why: str | None = None
    sha256: str | None = None


def sign_plan(
    plan: ReleasePlan,
    setup: SigningSetup,
    *,
    source_folder: Path,
    out_folder: Path,
    results: Path,
    jobs: int = 1,
    workers: SigningWorkers | None = None,
    on_result: Callable[[BatchResult], None] = lambda _result: None,
) -> tuple[BatchResult, ...]:
    """Sign every file of a plan that is not signed yet.

    Args:
        plan: What to sign; that it still holds is for the caller to have looked.
        setup: With what.
        source_folder: The release manifest's folder.
        out_folder: Where the outputs go; made if it is not there.
        results: The journal, one JSON document a line.
        jobs: How many processes sign.
        workers: Those that do, in place of new ones; made with this setup.
        on_result: Told of each file.

    Returns:
        One result for each file, in the order of the plan.

    Raises:
        SigningKeyError: The key cannot be used; nothing was signed.
        ConfigurationError: Another process signs into this folder, or it cannot be
            written.
    """
    with ExitStack() as held:
        if workers is None:
            workers = held.enter_context(SigningWorkers(setup, min(jobs, len(plan.files) or 1)))
        _make_folder(out_folder)
        held.enter_context(locked(out_folder / _LOCK))
        batch = _Batch(
            plan,
            setup,
            source_folder=source_folder,
            out_folder=out_folder,
            results=results,
            on_result=on_result,
        )
        return batch.run(workers)


_Item = tuple[PlannedFile, str, SignJob]


class _Batch:
    """One run over a plan."""

    def __init__(
        self,
        plan: ReleasePlan,
        setup: SigningSetup,
        *,
        source_folder: Path,
        out_folder: Path,
        results: Path,
        on_result: Callable[[BatchResult], None],
    ) -> None:
        self._plan = plan
        self._setup = setup
        self._journal = _Journal(results)
        self._tell = on_result
        self._stampless = 0
        self._stop: str | None = None
        self._results: dict[str, BatchResult] = {}
        self._work: list[_Item] = []
        for file in plan.files:
            job = file.job(source_folder, out_folder, keep=plan.keep_metadata)
            self._work.append((file, file.key(plan), job))

    def run(self, workers: SigningWorkers) -> tuple[BatchResult, ...]:
        for folder in {job.out.parent for _, _, job in self._work}:
            _make_folder(folder)
            remove_leftovers(folder)
        waiting = deque(item for item in self._work if not self._is_done(*item))
        if waiting:
            self._sign(waiting, workers)
        return tuple(self._results[file.path] for file in self._plan.files)

    def _is_done(self, file: PlannedFile, key: str, job: SignJob) -> bool:
        """Is the output there already, or in the way? Then the result is noted."""
        if not os.path.lexists(job.out):
            return self._is_sidecar_in_the_way(file, key, job)
        try:
            digest = _digest(job.out)
        except ConfigurationError as error:
            # About this file: a folder or a pipe of its name is in the way of no other.
            self._note(BatchResult(path=file.path, state="failed", why=str(error)))
            return True
        done = self._journal.done.get(key)
        begun = self._journal.begun.get(key)
        if done is None and begun is not None and self._is_ours(job, digest, begun):
            self._journal.write(
                [{"event": "signed", "key": key, "path": file.path, "out": str(job.out),
                  "sha256": digest, "resumed": True}]
            )  # fmt: skip
            done = digest
        why = None
        if done != digest:
            why = f"{job.out}: exists already, and is not what this plan makes"
            other = other_soft_binding(file, job)
            why += "" if other is None else f": {other}"
        elif not self._has_its_stamp(key, job):
            why = f"{job.out}: exists already, signed without a time-stamp"
        elif job.sidecar and (beside := self._why_not_official(job)) is not None:
            why = f"{job.sidecar_path}: {beside}"
        state = "kept" if why is None else "failed"
        kept = done if why is None else None
        self._note(BatchResult(path=file.path, state=state, why=why, sha256=kept))
        return True

    def _has_its_stamp(self, key: str, job: SignJob) -> bool:
        """Has a file that is there already the time-stamp that is asked for now?"""
        if self._setup.unsafe_no_timestamp or key in self._journal.stamped:
            return True
        return self._report(job).time.trusted_at is not None

    def _is_sidecar_in_the_way(self, file: PlannedFile, key: str, job: SignJob) -> bool:
        """Does somebody else's file have the name that the credentials are to get?"""
        if not job.sidecar or not os.path.lexists(job.sidecar_path):
            return False
        if key in self._journal.unfinished and self._is_our_store(job):
            # It was not there when this job began, and it gets its name before the file: a
            # killed run left it alone.
            job.sidecar_path.unlink()
            return False
        why = f"{job.sidecar_path}: exists already, and is not what this plan makes"
        self._note(BatchResult(path=file.path, state="failed", why=why))
        return True

    def _is_our_store(self, job: SignJob) -> bool:
        """Are these credentials that this plan's key signed, for a file of this title?

        They got their name with all of their bytes, so half of them are somebody else's. The
        file that they were made for is gone: nothing is asked that would need it.
        """
        path = job.sidecar_path
        if path.is_symlink():
            return False
        try:
            data = read_bounded(path, DEFAULT_LIMITS.max_manifest_store_bytes)
            manifest = parse_manifest_store(data).active
            sign1 = parse_cose_sign1(manifest.signature or b"")
            chain = load_der_chain(sign1.chain, where="claim signature")
        except (ConfigurationError, MalformedError, LimitError):
            return False
        return (
            check_claim_signature(sign1, manifest.claim.data) is SignatureAnswer.VALID
            and chain[0].spki_sha256 == self._plan.claim_certificate.spki_sha256
            and manifest.claim.title == job.content.manifest["title"]
        )

    def _is_ours(self, job: SignJob, digest: str, begun: datetime) -> bool:
        """Is this the file that a killed run was signing?

        There was none of that name when it began, and a file gets its name only after it
        was verified. Somebody may have put another one there since, an official one even:
        so it has to be of this title and key, from after that beginning, and no other
        job's.
        """
        if digest in self._journal.done.values() or self._why_not_official(job) is not None:
            return False
        report = self._report(job)
        signer, manifest, at = report.signer, report.manifest, report.time.trusted_at
        return (
            signer.certificate is not None
            and signer.certificate.spki_sha256 == self._plan.claim_certificate.spki_sha256
            and manifest is not None
            and manifest.title == clean_text(job.content.manifest["title"])
            and (self._setup.unsafe_no_timestamp or (at is not None and at > begun - _TOLERANCE))
        )

    def _why_not_official(self, job: SignJob) -> str | None:
        """Why is an output no official release of this agency? None where it is one."""
        if job.sidecar and not job.sidecar_path.exists():
            return "the credentials are not there"
        report = self._report(job)
        agency = report.signer.agency
        if report.verdict is Verdict.OFFICIAL and agency and agency.id == self._setup.agency:
            return None
        return report.summary

    def _report(self, job: SignJob) -> Report:
        return self._verifier.verify(job.out, sidecar=job.sidecar_path if job.sidecar else None)

    @cached_property
    def _verifier(self) -> Verifier:
        return verifier_of(self._setup)

    def _sign(self, waiting: deque[_Item], workers: SigningWorkers) -> None:
        jobs = max(1, min(workers.jobs, len(waiting)))
        running: deque[tuple[list[_Item], GroupUnderWay]] = deque()
        # After a process died: each is tried alone, so that only the one to blame fails.
        alone: deque[_Item] = deque()
        while waiting or alone or running:
            while (waiting or alone) and self._stop is None and len(running) < 2 * jobs:
                group = [alone.popleft()] if alone else _next_group(waiting, jobs)
                self._journal.write(
                    [{"event": "begin", "key": key, "path": file.path} for file, key, _ in group]
                )
                running.append((group, workers.begin([job for _, _, job in group])))
            if not running:
                break
            group, under_way = running.popleft()
            try:
                outcomes = workers.finish(under_way)
            except ProcessExpired as error:
                self._after_death(group, error, alone)
            except WorkersGoneError:
                # They died between two groups, so none of these is to blame; or they were
                # stopped, and some of these may have got their names before.
                self._stop = workers.stopped
                waiting.extendleft(item for item in group if not self._is_done(*item))
            else:
                waiting.extendleft(reversed(self._finish(group, outcomes)))
            if self._stop is not None:
                workers.stop(self._stop)
                for other, _ in running:
                    alone.extend(item for item in other if not self._is_done(*item))
                running.clear()
        for file, _, _ in (*alone, *waiting):
            # One may have got its name before its worker was stopped; the next run sees.
            self._note(BatchResult(path=file.path, state="not-tried", why=self._stop))

    def _after_death(self, group: list[_Item], error: ProcessExpired, alone: deque[_Item]) -> None:
        if len(group) > 1:
            # Some may have got their names before it died.
            alone.extend(item for item in group if not self._is_done(*item))
            return
        why = f"the process that signed it died ({error})"
        self._finish(group, [{"event": "failed", "error": _DIED, "why": why}])

    def _finish(self, group: list[_Item], outcomes: list[dict[str, Any] | None]) -> list[_Item]:
        """Write down what became of a group; which of it were not begun?"""
        lines, left = [], []
        for item, outcome in zip(group, outcomes, strict=True):
            if outcome is None:
                left.append(item)
                continue
            file, key, _ = item
            lines.append({"event": outcome["event"], "key": key, "path": file.path, **outcome})
        self._journal.write(lines)
        for line in lines:
            self._look_whether_to_stop(line)
            result = BatchResult(
                path=line["path"],
                state=line["event"],
                why=line.get("why"),
                sha256=line.get("sha256"),
            )
            self._note(result)
        return left

    def _look_whether_to_stop(self, line: dict[str, Any]) -> None:
        error = line.get("error")
        self._stampless = self._stampless + 1 if error == "TimeStampError" else 0
        if error == "SigningKeyError":
            self._stop = str(line["why"])
        elif self._stampless >= _MAX_STAMPLESS and self._stop is None:
            self._stop = f"no time-stamps to be had: {line['why']}"

    def _note(self, result: BatchResult) -> None:
        self._results[result.path] = result
        self._tell(result)


class _Journal:
    """The result file: what was begun, what was done and what is neither, by the key of the job."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun: dict[str, datetime] = {}
        self.done: dict[str, str] = {}
        # Of those done, the ones of which it says that they were time-stamped.
        self.stamped: set[str] = set()
        # Begun last, and nobody lived to say how it ended.
        self.unfinished: set[str] = set()
        for entry in self._entries():
            self._remember(entry)

    def write(self, entries: Sequence[dict[str, Any]]) -> None:
        """Add lines, all of them at once, and wait until they are on the disk."""
        lines = [{"at": system_clock().isoformat(), **entry} for entry in entries]
        append_lines(
            self._path,
            [_encoded(line) + b"\n" for line in lines],
        )
        for line in lines:
            self._remember(line)

    def _remember(self, entry: dict[str, Any]) -> None:
        key = entry.get("key")
        if not isinstance(key, str):
            return
        if entry.get("event") == "begin":
            self.begun[key] = _moment(entry.get("at"))
            self.unfinished.add(key)
        elif entry.get("event") == "signed" and isinstance(entry.get("sha256"), str):
            self.done[key] = entry["sha256"]
            if entry.get("stamped_at"):
                self.stamped.add(key)
            else:
                self.stamped.discard(key)
            self.unfinished.discard(key)
        elif entry.get("event") == "failed" and entry.get("error") != _DIED:
            # Whoever lives to say that takes back what has its name already.
            self.unfinished.discard(key)

    def _entries(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{self._path}: cannot be read: {error.strerror}") from error
        if lines[-1]:
            # A line that was cut off when the disk was full: the next one starts afresh.
            append_lines(self._path, [b"\n"])
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _encoded(line: dict[str, Any]) -> bytes:
    try:
        return json.dumps(line, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # A folder whose name is no text.
        return json.dumps(line).encode()


def _moment(text: object) -> datetime:
    """When a line was written; the latest moment where it does not say, to trust nothing."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else datetime.max.replace(tzinfo=UTC)


def _next_group(waiting: deque[_Item], jobs: int) -> list[_Item]:
    """Take the next files that one process works on by turns."""
    # Towards the end the groups get smaller, so that all processes finish together.
    count = max(1, min(_GROUP_FILES, len(waiting) // (2 * jobs)))
    group = [waiting.popleft()]
    room = _GROUP_BYTES - group[0][0].size_bytes
    while waiting and len(group) < count and waiting[0][0].size_bytes <= room:
        room -= waiting[0][0].size_bytes
        group.append(waiting.popleft())
    return group


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        # Without O_NONBLOCK a pipe put in the file's place would hang the process.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ConfigurationError(f"{path}: exists already, and is no plain file")
        with os.fdopen(descriptor, "rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be made: {error.strerror}") from error
