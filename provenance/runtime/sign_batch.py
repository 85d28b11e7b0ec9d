"""Signing many files in worker processes: resumable, idempotent, one bad file at a time.

The result file is a journal. Before a file is signed, a line says so; when it has its
name, another does. A process that is killed leaves at most a file without its second
line, and the next run finds out by the first one, and by verifying, that it is its own.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from provenance.atomic_files import append_line, locked, remove_leftovers
from provenance.errors import (
    ConfigurationError,
    ProvenanceError,
    SigningKeyError,
    TimeStampError,
)
from provenance.report import Report
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_client import load_directory_at
from provenance.runtime.signing_keys import KeySpec, open_signer
from provenance.runtime.time_stamp_client import HttpTimeStampAuthority
from provenance.signing.plan import PlannedFile, ReleasePlan
from provenance.signing.signer import SignedFile, Signer, SignJob
from provenance.signing.time_stamping import TimeStamper
from provenance.trust.lists import TrustList
from provenance.untrusted import clean_text
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier

__all__ = ["BatchResult", "SigningSetup", "authorities_of", "sign_plan", "signer_of"]

_LOCK = ".provenance-sign.lock"
# So many files in a row without a time-stamp: no authority can be reached, and every
# further file would only wait for the same time-outs.
_MAX_STAMPLESS = 3
_CHUNK_BYTES = 1024 * 1024
# Between this machine's clock and a time-stamp authority's.
_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSetup:
    """All that a worker process needs to sign; it can be pickled.

    Attributes:
        agency: The agency's id in the directory.
        directory: Where the directory is, a file or a folder.
        claim: The key of the claims.
        identity: The key of the statements of identity.
        authorities: Time-stamp authorities, asked in this order.
        time_stamp_lists: Which authorities count.
        unsafe_no_timestamp: Permit that there is none.
    """

    agency: str
    directory: Path
    claim: KeySpec
    identity: KeySpec | None = None
    authorities: tuple[HttpTimeStampAuthority, ...] = ()
    time_stamp_lists: tuple[TrustList, ...] = field(default=(), repr=False)
    unsafe_no_timestamp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one file.

    Attributes:
        path: From the release manifest's folder.
        state: `signed`; `kept`: it was there already, made by this very job; `failed`;
            `not-tried`: the batch had to stop before.
        why: Of `failed` and `not-tried`.
    """

    path: str
    state: str
    why: str | None = None


def signer_of(setup: SigningSetup, held: ExitStack) -> Signer:
    """Open the keys, and make the signer; the keys are closed with `held`.

    Raises:
        SigningKeyError, TimeStampError, ConfigurationError: It cannot sign.
    """
    stamper = None
    if setup.authorities:
        stamper = TimeStamper(setup.authorities, setup.time_stamp_lists, clock=system_clock)
    return Signer(
        agency=setup.agency,
        claim=held.enter_context(open_signer(setup.claim)),
        identity=held.enter_context(open_signer(setup.identity)) if setup.identity else None,
        verifier=_verifier_of(setup),
        time_stamper=stamper,
        unsafe_no_timestamp=setup.unsafe_no_timestamp,
    )


def sign_plan(
    plan: ReleasePlan,
    setup: SigningSetup,
    *,
    source_folder: Path,
    out_folder: Path,
    results: Path,
    jobs: int = 1,
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
        on_result: Told of each file.

    Returns:
        One result for each file, in the order of the plan.

    Raises:
        SigningKeyError: The key cannot be used; nothing was signed.
        ConfigurationError: Another process signs into this folder, or it cannot be
            written.
    """
    # Opened here once, so that a wrong PIN is tried once and not in every worker.
    with ExitStack() as held:
        signer_of(setup, held)
    _make_folder(out_folder)
    with locked(out_folder / _LOCK):
        batch = _Batch(
            plan,
            setup,
            source_folder=source_folder,
            out_folder=out_folder,
            results=results,
            on_result=on_result,
        )
        return batch.run(jobs)


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
        self._results: dict[str, BatchResult] = {}
        self._work: list[tuple[PlannedFile, str, SignJob]] = []
        for file in plan.files:
            job = file.job(source_folder, out_folder, keep=plan.keep_metadata)
            self._work.append((file, file.key(plan), job))

    def run(self, jobs: int) -> tuple[BatchResult, ...]:
        for folder in {job.out.parent for _, _, job in self._work}:
            _make_folder(folder)
            remove_leftovers(folder)
        waiting = deque(item for item in self._work if not self._is_done(*item))
        if waiting:
            self._sign(waiting, max(1, min(jobs, len(waiting))))
        return tuple(self._results[file.path] for file in self._plan.files)

    def _is_done(self, file: PlannedFile, key: str, job: SignJob) -> bool:
        """Is the output there already, or in the way? Then the result is noted."""
        if not os.path.lexists(job.out):
            return self._is_sidecar_in_the_way(file, key, job)
        digest = _digest(job.out)
        done = self._journal.done.get(key)
        begun = self._journal.begun.get(key)
        if done is None and begun is not None and self._is_ours(job, digest, begun):
            self._journal.write(
                {"event": "signed", "key": key, "path": file.path, "out": str(job.out),
                 "sha256": digest, "resumed": True}
            )  # fmt: skip
            done = digest
        why = None
        if done != digest:
            why = f"{job.out}: exists already, and is not what this plan makes"
        elif job.sidecar and (beside := self._why_not_official(job)) is not None:
            why = f"{job.sidecar_path}: {beside}"
        state = "kept" if why is None else "failed"
        self._note(BatchResult(path=file.path, state=state, why=why))
        return True

    def _is_sidecar_in_the_way(self, file: PlannedFile, key: str, job: SignJob) -> bool:
        """Does somebody else's file have the name that the credentials are to get?"""
        if not job.sidecar or not os.path.lexists(job.sidecar_path):
            return False
        if key in self._journal.begun:
            # It was not there when this job began, and it gets its name before the file: a
            # killed run left it alone.
            job.sidecar_path.unlink()
            return False
        why = f"{job.sidecar_path}: exists already, and is not what this plan makes"
        self._note(BatchResult(path=file.path, state="failed", why=why))
        return True

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
        return _verifier_of(self._setup)

    def _sign(self, waiting: deque[tuple[PlannedFile, str, SignJob]], jobs: int) -> None:
        stampless, stop = 0, None
        pool = ProcessPool(
            max_workers=jobs,
            initializer=_start_worker,
            initargs=(self._setup,),
            # A fork would inherit the engine's and the token's state in the middle of things.
            context=multiprocessing.get_context("spawn"),
        )
        running: deque[tuple[PlannedFile, str, SignJob, Any]] = deque()
        with pool:
            while waiting or running:
                while waiting and stop is None and len(running) < 2 * jobs:
                    file, key, job = waiting.popleft()
                    self._journal.write({"event": "begin", "key": key, "path": file.path})
                    running.append((file, key, job, pool.schedule(_sign_one, args=[job])))
                if not running:
                    break
                file, key, job, future = running.popleft()
                outcome = _outcome_of(future)
                self._finish(file, key, outcome)
                stampless = stampless + 1 if outcome.get("error") == "TimeStampError" else 0
                if outcome.get("error") == "SigningKeyError":
                    stop = str(outcome["why"])
                elif stampless >= _MAX_STAMPLESS:
                    stop = f"no time-stamps to be had: {outcome['why']}"
                if stop is not None:
                    for other in running:
                        other[3].cancel()
                    waiting.extendleft(reversed([entry[:3] for entry in running]))
                    running.clear()
                    pool.stop()  # type: ignore[no-untyped-call]
            if stop is None:
                pool.close()  # type: ignore[no-untyped-call]
            pool.join()
        for file, _, _ in waiting:
            # One may have got its name before its worker was stopped; the next run sees.
            self._note(BatchResult(path=file.path, state="not-tried", why=stop))

    def _finish(self, file: PlannedFile, key: str, outcome: dict[str, Any]) -> None:
        line = {"event": outcome["event"], "key": key, "path": file.path, **outcome}
        self._journal.write(line)
        self._note(BatchResult(path=file.path, state=outcome["event"], why=outcome.get("why")))

    def _note(self, result: BatchResult) -> None:
        self._results[result.path] = result
        self._tell(result)


class _Journal:
    """The result file: what was begun and what was done, by the key of the job."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begun: dict[str, datetime] = {}
        self.done: dict[str, str] = {}
        for entry in self._entries():
            key = entry.get("key")
            if not isinstance(key, str):
                continue
            if entry.get("event") == "begin":
                self.begun[key] = _moment(entry.get("at"))
            elif entry.get("event") == "signed" and isinstance(entry.get("sha256"), str):
                self.done[key] = entry["sha256"]

    def write(self, entry: dict[str, Any]) -> None:
        line = {"at": system_clock().isoformat(), **entry}
        append_line(self._path, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _entries(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigurationError(f"{self._path}: cannot be read: {error.strerror}") from error
        if lines[-1]:
            # A line that was cut off when the disk was full: the next one starts afresh.
            append_line(self._path, b"\n")
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


def _moment(text: object) -> datetime:
    """When a line was written; the latest moment where it does not say, to trust nothing."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else datetime.max.replace(tzinfo=UTC)


_worker: Signer | ProvenanceError | None = None
_held = ExitStack()


def _start_worker(setup: SigningSetup) -> None:
    global _worker  # noqa: PLW0603 - one signer for each process
    try:
        _worker = signer_of(setup, _held)
    except ProvenanceError as error:
        # An exception here would break the pool; the first job is told instead.
        _worker = error


def _own_signer() -> Signer:
    if isinstance(_worker, Signer):
        return _worker
    raise _worker or SigningKeyError("the worker has no signer")


def _sign_one(job: SignJob) -> dict[str, Any]:
    """Sign one file in a worker: what the journal will say of it."""
    try:
        return _said(_own_signer().sign(job))
    except ProvenanceError as error:
        return {"event": "failed", "error": _kind(error), "why": str(error)}
    except Exception as error:  # noqa: BLE001 - one file's bug must not stop the others
        why = f"internal error, {type(error).__name__}: {error}"
        return {"event": "failed", "error": "InternalError", "why": why}


def _said(signed: SignedFile) -> dict[str, Any]:
    stamp = signed.stamp
    return {
        "event": "signed",
        "out": str(signed.out),
        "sidecar": str(signed.sidecar) if signed.sidecar else None,
        "source_sha256": signed.source_sha256,
        "sha256": signed.report.asset.sha256,
        "verdict": signed.report.verdict.value,
        "stamped_at": stamp.at.isoformat() if stamp else None,
        "authority": stamp.authority_url if stamp else None,
        "authorities_that_failed": [f"{url}: {why}" for url, why in stamp.tried] if stamp else [],
        "removed": [one.name for one in signed.removed],
    }


def _kind(error: ProvenanceError) -> str:
    for kind in (SigningKeyError, TimeStampError):
        if isinstance(error, kind):
            return kind.__name__
    return type(error).__name__


def _outcome_of(future: Any) -> dict[str, Any]:
    try:
        outcome: dict[str, Any] = future.result()
    except ProcessExpired as error:
        why = f"the process that signed it died ({error})"
        return {"event": "failed", "error": "WorkerDied", "why": why}
    return outcome


def _verifier_of(setup: SigningSetup) -> Verifier:
    return Verifier(
        directory=load_directory_at(setup.directory),
        time_stamp_lists=setup.time_stamp_lists,
        clock=system_clock,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
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


def authorities_of(
    urls: Sequence[str], network_allow: Sequence[str]
) -> tuple[HttpTimeStampAuthority, ...]:
    """The authorities at these addresses."""
    return tuple(
        HttpTimeStampAuthority(url=url, network_allow=tuple(network_allow)) for url in urls
    )
