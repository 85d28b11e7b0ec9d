"""One desk of a pool: it brings one file after the other to a worker, and replaces the dead."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from provenance.errors import FetchError, IsolationError, SourceError, WorkerBugError
from provenance.findings import FindingCode
from provenance.media.source import HeldFile, hold_file
from provenance.report import Report
from provenance.runtime.workers.channel import ChannelClosedError, ChannelTimeoutError
from provenance.runtime.workers.host_process import HostGoneError, WorkerEnd, WorkerProcess
from provenance.runtime.workers.job import VerificationJob
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.messages import BEGUN, REPORT, STATED
from provenance.runtime.workers.staff import MAX_TRIES, Staff
from provenance.untrusted import clean_text

__all__ = ["Ask", "Desk", "LookUp"]

Ask = Callable[[str, bytes], bytes]
"""Sends a request over the network for a worker; raises `FetchError`."""


class LookUp(Protocol):
    """Answers a worker's questions to the register of releases about one file."""

    def answer(self, document: Mapping[str, Any], *, wanted: Callable[[], bool]) -> dict[str, Any]:
        """What is the answer? Given up where nobody wants it any more."""
        ...


_CHUNK_BYTES = 1024 * 1024
# How long a worker that waits for a file may take to say that it has it.
_BEGIN_S = 30.0
# Issuers that one file may have asked: far more than certificates in a chain.
_MAX_ASKED = 64
# A video may be like many registered ones, each of which is looked at again.
_MAX_QUESTIONS = 2_000
# What native code and Python say when an allocation fails, before they abort.
_MEMORY_SIGNS = ("memory allocation of", "bad_alloc", "MemoryError", "Cannot allocate memory")
_WORKER_MAY_SAY = {FindingCode.MEMORY_EXHAUSTED, FindingCode.SCRATCH_EXHAUSTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why a file has no report of its own."""

    code: FindingCode
    why: str


class _NotBegunError(Exception):
    """A worker was gone before it knew of the file."""


_Answer = Report | bytes | SourceError | WorkerBugError
_Outcome = _Answer | _Failure


class Desk:
    """Takes one file at a time to one worker; used by one thread.

    Args:
        staff: Where workers come from.
        limits: What a file may take.
        ask: Asks issuers for the worker; None where nobody is asked.
        register: Makes who answers what is asked of the register about a file; None where
            there is none.
    """

    def __init__(
        self,
        staff: Staff,
        limits: WorkerLimits,
        ask: Ask | None,
        register: Callable[[], LookUp] | None = None,
    ) -> None:
        self._staff = staff
        self._limits = limits
        self._ask = ask
        self._register = register
        self._worker: WorkerProcess | None = None

    def take(self, worker: WorkerProcess) -> None:
        """Begin with this worker."""
        self._worker = worker

    def examine(self, job: VerificationJob) -> Report:
        """The report about one file.

        Raises:
            SourceError: The file, its sidecar or a fragment cannot be opened or read.
            WorkerBugError: A bug of ours.
            IsolationError: There are no workers to be had.
        """
        with ExitStack() as open_files:
            held = _hold(job, open_files)
            size_bytes = sum(os.fstat(entry.descriptor).st_size for entry in held)
            request = {
                "name": job.called,
                "at": job.at.isoformat() if job.at else None,
                "sidecar": job.sidecar is not None,
                "shown": [entry.shown for entry in held],
                "cpu_s": self._limits.cpu_s_for(size_bytes),
            }
            files = [entry.descriptor for entry in held]
            outcome = self._bring(request, files, self._limits.wall_s_for(size_bytes))
            answer = (
                self._write_down(job, outcome, files[0])
                if isinstance(outcome, _Failure)
                else outcome
            )
        if isinstance(answer, Report):
            return answer
        raise _unasked() if isinstance(answer, bytes) else answer

    def read(self, job: VerificationJob) -> bytes:
        """What a register keeps of one file, as `stated_lines` writes it: untrusted text.

        Raises:
            SourceError: The file or its sidecar cannot be read, or reading it was given up.
            WorkerBugError: A bug of ours.
            IsolationError: There are no workers to be had.
        """
        with ExitStack() as open_files:
            held = _hold(job, open_files)
            size_bytes = sum(os.fstat(entry.descriptor).st_size for entry in held)
            times = self._limits.reading_times
            request = {
                "read": True,
                "name": job.called,
                "at": None,
                "shown": [entry.shown for entry in held],
                "cpu_s": times * self._limits.cpu_s_for(size_bytes),
            }
            files = [entry.descriptor for entry in held]
            answer = self._bring(request, files, times * self._limits.wall_s_for(size_bytes))
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, _Failure):
            self._staff.count_failure(answer.code)
            raise SourceError(f"{job.path}: could not be read to its end: {answer.why}")
        raise _unasked() if isinstance(answer, Report) else answer

    def _write_down(self, job: VerificationJob, failure: _Failure, file: int) -> _Answer:
        """A report of why there is no other, by a worker that did not see the file."""
        size_bytes, sha256 = _digest(file)
        request = {
            "failed": failure.code,
            "why": failure.why,
            "name": job.called,
            "at": job.at.isoformat() if job.at else None,
            "size_bytes": size_bytes,
            "sha256": sha256,
            "cpu_s": self._limits.cpu_s,
        }
        for _ in range(MAX_TRIES):
            outcome = self._bring(request, (), self._limits.wall_s)
            if not isinstance(outcome, _Failure):
                return outcome
        raise IsolationError(f"no worker process stays to say that {failure.why}")

    def _bring(self, request: dict[str, Any], files: Sequence[int], wall_s: float) -> _Outcome:
        why = ""
        for _ in range(MAX_TRIES):
            worker = self._ready_worker()
            try:
                outcome, keep = self._talk(worker, request, files, wall_s)
            except HostGoneError:
                # All workers died at once: no file's fault.
                why = "its host ends again and again"
                self._let_go()
                continue
            except _NotBegunError as error:
                # The worker died between two files: not this one's fault either.
                why = f"before it began, {error}"
                self._let_go()
                continue
            except BaseException:
                worker.kill()
                self._let_go()
                raise
            if not keep:
                self._let_go()
            return outcome
        raise IsolationError(f"no worker process stays: {why}")

    def _ready_worker(self) -> WorkerProcess:
        worker = self._worker
        if worker is not None and worker.files >= self._limits.files:
            self._let_go()
        if self._worker is None:
            self._worker = self._staff.hire()
        return self._worker

    def _let_go(self) -> None:
        if self._worker is not None:
            self._staff.dismiss(self._worker)
            self._worker = None

    def _talk(
        self, worker: WorkerProcess, request: dict[str, Any], files: Sequence[int], wall_s: float
    ) -> tuple[_Outcome, bool]:
        """What a worker makes of this, and whether it may be given more."""
        try:
            _begin(worker, request, files)
            message = self._answer(worker, time.monotonic() + wall_s)
        except ChannelTimeoutError:
            worker.kill()
            why = f"it took more than {wall_s:.0f} seconds"
            return _Failure(code=FindingCode.TIME_EXHAUSTED, why=why), False
        except ChannelClosedError:
            return _why_dead(worker.end()), False
        worker.files += 1
        if message[:1] == STATED:
            return message[1:], True
        if message[:1] == REPORT:
            try:
                return Report.model_validate_json(message[1:]), True
            except ValidationError:
                worker.kill()
                return _crash("its process gave an answer that is no report"), False
        return _said(_document(message))

    def _answer(self, worker: WorkerProcess, deadline: float) -> bytes:
        """The first message that is no question, to an issuer or to the register."""
        issuers = questions = 0
        look_up = None if self._register is None else self._register()

        def wanted() -> bool:
            return time.monotonic() <= deadline and not worker.channel.is_hung_up()

        while issuers <= _MAX_ASKED and questions <= _MAX_QUESTIONS:
            if time.monotonic() > deadline:
                # One that asks and asks is never waited for.
                raise ChannelTimeoutError
            message, _ = worker.channel.receive(deadline)
            if message[:1] in {REPORT, STATED}:
                return message
            document = _document(message)
            if "ask" in document:
                issuers += 1
                worker.channel.send_document(self._asked(document), deadline=deadline)
            elif "register" in document:
                questions += 1
                answer = (
                    {"refused": "there is no register"}
                    if look_up is None
                    else look_up.answer(document, wanted=wanted)
                )
                worker.channel.send_document(answer, deadline=deadline)
            else:
                return message
        worker.kill()
        raise ChannelClosedError("it asks without end")

    def _asked(self, document: dict[str, Any]) -> dict[str, Any]:
        url = str(document["ask"])
        if self._ask is None:
            return {"refused": f"{clean_text(url)}: nobody is asked over the network"}
        try:
            answer = self._ask(url, base64.b64decode(str(document.get("request"))))
        except FetchError as error:
            return {"refused": str(error)}
        return {"answer": base64.b64encode(answer).decode("ascii")}


def _begin(worker: WorkerProcess, request: dict[str, Any], files: Sequence[int]) -> None:
    """Send a file, and wait until the worker has it.

    Raises:
        _NotBegunError: The worker is gone, or has no ear for it; says how it ended.
        HostGoneError: So is its host.
    """
    try:
        deadline = time.monotonic() + _BEGIN_S
        worker.channel.send_document(request, files, deadline=deadline)
        message, _ = worker.channel.receive(deadline)
    except ChannelTimeoutError as error:
        worker.kill()
        raise _NotBegunError(f"it said nothing for {_BEGIN_S:.0f} seconds") from error
    except ChannelClosedError as error:
        end = worker.end()
        raise _NotBegunError(f"{end.in_words} {end.last_words[-400:]}".rstrip()) from error
    if message != BEGUN:
        worker.kill()
        raise _NotBegunError("it said something else")


def _document(message: bytes) -> dict[str, Any]:
    """A message of a worker, which may say anything; what means nothing is an empty one."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _said(document: dict[str, Any]) -> tuple[_Outcome, bool]:
    if "source" in document:
        return SourceError(str(document["source"])), True
    if "bug" in document:
        bug = WorkerBugError(
            str(document["bug"]), str(document.get("why")), str(document.get("trace"))
        )
        return bug, True
    if document.get("failed") in _WORKER_MAY_SAY:
        why = clean_text(str(document.get("why")))
        return _Failure(code=FindingCode(document["failed"]), why=why), False
    return _crash("its process gave an answer that means nothing"), False


def _why_dead(end: WorkerEnd) -> _Failure:
    if end.exit == -signal.SIGXCPU:
        return _Failure(
            code=FindingCode.TIME_EXHAUSTED, why="it took more processor time than is allowed"
        )
    if end.exit == -signal.SIGXFSZ:
        return _Failure(
            code=FindingCode.SCRATCH_EXHAUSTED, why="it wrote a larger file than is allowed"
        )
    if any(sign in end.last_words for sign in _MEMORY_SIGNS):
        return _Failure(
            code=FindingCode.MEMORY_EXHAUSTED, why="it asked for more memory than is allowed"
        )
    return _crash(end.in_words)


def _unasked() -> SourceError:
    return SourceError("its process gave an answer to what it was not asked")


def _crash(why: str) -> _Failure:
    return _Failure(code=FindingCode.CHECK_CRASHED, why=why)


def _hold(job: VerificationJob, open_files: ExitStack) -> list[HeldFile]:
    """Open what a worker needs of this job: the file first, then its sidecar, then fragments."""
    held: list[HeldFile] = []
    if job.descriptor is not None:
        held.append(HeldFile(descriptor=job.descriptor, shown=str(job.path)))
    paths = [] if held else [job.path]
    if job.sidecar is not None:
        paths.append(job.sidecar)
    for path in (*paths, *job.fragments):
        entry = hold_file(path)
        open_files.callback(os.close, entry.descriptor)
        held.append(entry)
    return held


def _digest(file: int) -> tuple[int, str | None]:
    """Size and digest of a file, if it is a regular one that can be read to its end."""
    before = os.fstat(file)
    if not stat.S_ISREG(before.st_mode):
        return 0, None
    digest = hashlib.sha256()
    at = 0
    try:
        while chunk := os.pread(file, min(_CHUNK_BYTES, before.st_size - at), at):
            digest.update(chunk)
            at += len(chunk)
    except OSError:
        return before.st_size, None
    after = os.fstat(file)
    if at != before.st_size or (before.st_mtime_ns, before.st_size) != (
        after.st_mtime_ns,
        after.st_size,
    ):
        return before.st_size, None
    return at, digest.hexdigest()
