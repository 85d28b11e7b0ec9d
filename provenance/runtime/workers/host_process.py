"""The host process and its workers, as their parent sees them."""

from __future__ import annotations

import atexit
import base64
import contextlib
import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.errors import IsolationError
from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.channel import Channel, ChannelClosedError, ChannelTimeoutError
from provenance.runtime.workers.isolation import IsolationStatus
from provenance.runtime.workers.limits import WorkerLimits

__all__ = [
    "HostGoneError",
    "WorkerEnd",
    "WorkerHost",
    "WorkerProcess",
    "own_environment",
    "shared_host",
]

# All that a worker may know of its parent's environment: where libraries are, and how
# text and times are written. Everything else may be a secret.
_ENVIRONMENT = (
    "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME",
    "PYTHONUTF8", "TMPDIR", "TZ",
)  # fmt: skip
# A process with threads cannot be forked, and numerical libraries start theirs when they
# are loaded. Files are examined side by side in processes.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Nor are other packages looked through for one that wants to listen to our models.
_NO_LISTENERS = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
# The engine hashes a video in pieces of 256 MB, each in memory that is new to it: 512 pages at
# a time are made ready in half the time of one by one. Glibc 2.35 and later; unknown to others.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
_START_S = 60.0
_END_S = 5.0


class HostGoneError(Exception):
    """The host is no more, and all its workers with it. No file is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnd:
    """How a worker ended.

    Attributes:
        exit: Its exit status; below 0, the number of the signal that ended it.
        last_words: The end of what its libraries wrote. Untrusted text.
    """

    exit: int
    last_words: str

    @property
    def in_words(self) -> str:
        """What happened, for a person."""
        if self.exit >= 0:
            return f"its process ended by itself, with status {self.exit}"
        try:
            name = signal.Signals(-self.exit).name
        except ValueError:
            name = f"signal {-self.exit}"
        return f"its process was ended by {name}"


@dataclass(slots=True, kw_only=True)
class WorkerProcess:
    """One worker: where it is reached, and what is in force in it."""

    number: int
    pid: int
    channel: Channel
    isolation: IsolationStatus
    files: int = 0
    _end: Future[WorkerEnd]
    _host: WorkerHost = field(repr=False)

    def kill(self) -> None:
        """End it at once."""
        self._host.kill(self.number)

    def end(self) -> WorkerEnd:
        """How did it end? For one that has hung up: killed, where that takes it long.

        Raises:
            HostGoneError: Nobody knows, since the host ended too.
        """
        try:
            return self._end.result(_END_S)
        except TimeoutError:
            self.kill()
            return self._end.result()

    def dismiss(self) -> None:
        """Let it go. One that a file has taken over would not end because nobody talks to it."""
        self.kill()
        self.channel.close()


class WorkerHost:
    """A host process of this process; safe to use from several threads.

    Raises:
        IsolationError: It cannot be started.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-P", "-m", "provenance.runtime.workers.host",
                     str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=own_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    # The interrupt key is for the parent, which then hangs up.
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                ours.close()
                raise IsolationError(f"no worker process can be started: {error}") from error
        self._control = Channel(ours)
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._told: dict[int, Future[dict[str, Any]]] = {}
        self._ends: dict[int, Future[WorkerEnd]] = {}
        self._gone = False
        threading.Thread(target=self._listen, name="worker-host", daemon=True).start()

    @property
    def is_gone(self) -> bool:
        """Has it ended?"""
        return self._gone

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def set_up(
        self, setup: VerifierSetup, *, at: datetime | None = None
    ) -> tuple[int, tuple[str, ...]]:
        """Make this verifier in the host; its number, and what the operator should know.

        Raises:
            ConfigurationError, EngineUnsafeError: It cannot be made.
            HostGoneError: The host ended.
        """
        answer = self._ask(
            "setup",
            pickle=base64.b64encode(pickle.dumps(setup)).decode("ascii"),
            at=base64.b64encode(pickle.dumps(at)).decode("ascii"),
            folder=str(Path.cwd()),
        )
        if "error" in answer:
            # The host is our own, and has met nothing untrusted.
            raise pickle.loads(base64.b64decode(answer["error"]))  # noqa: S301
        return answer["told"], tuple(answer["notes"])

    def forget(self, number: int) -> None:
        """Keep this verifier no longer."""
        with contextlib.suppress(HostGoneError):
            self._send({"forget": number})

    def fork(self, setup: int, limits: WorkerLimits) -> WorkerProcess:
        """A new worker that uses this verifier, shut in.

        Raises:
            HostGoneError: The host ended.
            IsolationError: The worker did not come up.
        """
        ours, theirs = socket.socketpair()
        end: Future[WorkerEnd] = Future()
        with theirs:
            try:
                answer = self._ask(
                    "fork", files=[theirs.fileno()], end=end, limits=asdict(limits),
                    **{"with": setup},
                )  # fmt: skip
            except BaseException:
                ours.close()
                raise
        channel = Channel(ours)
        if "refused" in answer:
            channel.close()
            raise IsolationError(f"no worker process can be started: {answer['refused']}")
        worker = WorkerProcess(
            number=answer["told"],
            pid=answer["pid"],
            channel=channel,
            isolation=IsolationStatus(protections=()),
            _end=end,
            _host=self,
        )
        try:
            ready, _ = channel.receive_document(time.monotonic() + _START_S)
        except (ChannelClosedError, ChannelTimeoutError) as error:
            channel.close()
            how = worker.end()
            raise IsolationError(
                f"no worker process came up: {how.in_words} {how.last_words[-400:]}".rstrip()
            ) from error
        worker.isolation = IsolationStatus.from_document(ready["ready"])
        return worker

    def kill(self, number: int) -> None:
        """End this worker at once."""
        with contextlib.suppress(HostGoneError):
            self._send({"kill": number})

    def close(self) -> None:
        """End it and all its workers."""
        # Whoever asks for a host from now on gets another, also before its end is noticed.
        self._gone = True
        self._control.hang_up()
        # It may still be loading, and not be listening yet.
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(
        self,
        what: str,
        *,
        files: list[int] | None = None,
        end: Future[WorkerEnd] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        number = next(self._numbers)
        told: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._gone:
                raise HostGoneError
            self._told[number] = told
            if end is not None:
                self._ends[number] = end
        self._send({what: number, **more}, files or [])
        return told.result()

    def _send(self, document: dict[str, Any], files: list[int] | None = None) -> None:
        try:
            with self._sending:
                self._control.send_document(document, files or [])
        except ChannelClosedError as error:
            self._gone = True
            raise HostGoneError from error

    def _listen(self) -> None:
        try:
            while True:
                said, _ = self._control.receive_document()
                if "told" in said:
                    with self._lock:
                        told = self._told.pop(said["told"])
                    told.set_result(said)
                else:
                    with self._lock:
                        end = self._ends.pop(said["ended"])
                    end.set_result(WorkerEnd(exit=said["exit"], last_words=said["last_words"]))
        except ChannelClosedError:
            pass
        finally:
            with self._lock:
                self._gone = True
                waiting: list[Future[Any]] = [*self._told.values(), *self._ends.values()]
                self._told.clear()
                self._ends.clear()
            for one in waiting:
                one.set_exception(HostGoneError())
            self._control.close()


def own_environment() -> dict[str, str]:
    """The environment of a process of ours that may know no secret."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    folders = [entry for entry in sys.path if Path(entry).is_absolute()]
    settings = {**_ONE_THREAD, **_NO_LISTENERS, **_LARGE_PAGES}
    return {**kept, **settings, "PYTHONPATH": os.pathsep.join(folders)}


_shared: WorkerHost | None = None
_shared_lock = threading.Lock()


def shared_host() -> WorkerHost:
    """The one host of this process, started when it is first asked for.

    It is of use from the moment it is called for: what it loads, it loads while its parent
    does something else.

    Raises:
        IsolationError: It cannot be started.
    """
    global _shared  # noqa: PLW0603 - one for each process is the point
    with _shared_lock:
        if _shared is None or _shared.is_gone:
            if _shared is not None:
                _shared.close()
            _shared = WorkerHost()
        return _shared


def _close_shared() -> None:
    if _shared is not None:
        _shared.close()


def _forget_shared() -> None:
    """A fork of this process has its parent's connection, and must not talk over it."""
    global _shared, _shared_lock  # noqa: PLW0603 - the lock may have been held by another thread
    _shared = None
    _shared_lock = threading.Lock()


atexit.register(_close_shared)
os.register_at_fork(after_in_child=_forget_shared)
