"""The host: a process that is ready to verify, and makes workers by forking itself.

It loads everything once, makes each verifier once, and never reads an untrusted byte. A
worker is a copy of it: it costs a few milliseconds, shares its memory, and starts from
the same documents as the worker that it replaces. The host was started with an empty
environment, so its copies know no secret of whoever started it.

Forking is safe only for a process of one thread: the engine starts none until it is given
a large file, and that is looked at before every fork.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import os
import pickle
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.runtime.verifier_setup import VerifierSetup
from provenance.runtime.workers.channel import Channel, ChannelClosedError
from provenance.runtime.workers.isolation import end_with_parent
from provenance.runtime.workers.limits import WorkerLimits
from provenance.runtime.workers.loop import RelayedFetcher, work

if TYPE_CHECKING:
    from provenance.runtime.workers.relayed_register import RelayedRegister
    from provenance.verification.verifier import Verifier

__all__ = ["main"]

_MAX_LAST_WORDS = 4096


@dataclass(slots=True, kw_only=True)
class _Child:
    """One worker, as the host sees it."""

    number: int
    pid: int
    stderr: int
    scratch: Path
    last_words: bytes = b""


class _Host:
    """Does what the parent asks, and tells it which workers ended, and how."""

    def __init__(self, control: socket.socket, folder: Path) -> None:
        self._control = Channel(control, takes_files=True)
        self._folder = folder
        self._verifiers: dict[int, tuple[Verifier, RelayedFetcher, RelayedRegister | None]] = {}
        self._children: dict[int, _Child] = {}
        self._wakeup, self._alarm = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._wakeup, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the parent hangs up; then end every worker."""
        try:
            while True:
                self._serve()
        except ChannelClosedError:
            return
        finally:
            for child in self._children.values():
                os.kill(child.pid, signal.SIGKILL)

    def _serve(self) -> None:
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._wakeup):
            poll.register(descriptor, select.POLLIN)
        talking = {child.stderr: child for child in self._children.values() if child.stderr >= 0}
        for descriptor in talking:
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        for descriptor in ready & talking.keys():
            self._listen(talking[descriptor])
        if self._wakeup in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)
            self._reap()
        if self._control.fileno() in ready:
            request, files = self._control.receive_document()
            self._do(request, files)

    def _do(self, request: dict[str, Any], files: list[int]) -> None:
        if "setup" in request:
            self._control.send_document(self._set_up(request))
        elif "fork" in request:
            try:
                self._fork(request, files)
            except OSError as error:
                self._control.send_document({"told": request["fork"], "refused": str(error)})
            finally:
                for descriptor in files:
                    os.close(descriptor)
        elif "forget" in request:
            self._verifiers.pop(request["forget"], None)
        elif "kill" in request:
            child = self._children.get(request["kill"])
            if child is not None:
                # Nobody else reaps it, so the number is still its own.
                os.kill(child.pid, signal.SIGKILL)

    def _set_up(self, request: dict[str, Any]) -> dict[str, Any]:
        notes: list[str] = []
        try:
            # Relative paths are meant from where the parent stands.
            os.chdir(request["folder"])
            # What the parent sends is its own.
            setup: VerifierSetup = pickle.loads(base64.b64decode(request["pickle"]))  # noqa: S301
            at = pickle.loads(base64.b64decode(request["at"]))  # noqa: S301
            fetcher = RelayedFetcher(setup.fetcher().network_allow if setup.fetch else ())
            register = setup.relayed_register()
            if setup.reads:
                # What decodes pictures and sound is loaded once, for all workers.
                importlib.import_module("provenance.runtime.workers.reading")
            verifier = setup.make(ocsp_fetcher=fetcher, register=register, say=notes.append, at=at)
        except Exception as error:  # noqa: BLE001 - raised again on the other side
            return {"told": request["setup"], "error": _pickled(error), "notes": notes}
        finally:
            os.chdir("/")
        self._verifiers[request["setup"]] = verifier, fetcher, register
        # Workers share these pages for as long as nobody looks through them for garbage.
        gc.freeze()
        gc.enable()
        return {"told": request["setup"], "notes": notes}

    def _fork(self, request: dict[str, Any], files: list[int]) -> None:
        number = request["fork"]
        verifier, fetcher, register = self._verifiers[request["with"]]
        limits = WorkerLimits(**request["limits"])
        scratch = self._folder / str(number)
        scratch.mkdir(mode=0o700)
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - a count
        if threads != 1:
            raise AssertionError(f"the host has {threads} threads, and cannot be forked")
        said, stderr = os.pipe()
        host = os.getpid()
        pid = os.fork()
        if pid == 0:
            # Whatever happens, this copy must not come back to serve as a second host.
            try:
                _become_worker(files[0], stderr, host)
                channel = Channel(_socket(0), takes_files=True)
                work(channel, verifier, fetcher, register, scratch=scratch, limits=limits)
                os._exit(0)
            except BaseException:  # noqa: BLE001 - said to the host, which tells the parent
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(stderr)
        os.set_blocking(said, False)
        self._children[number] = _Child(number=number, pid=pid, stderr=said, scratch=scratch)
        self._control.send_document({"told": number, "pid": pid})

    def _listen(self, child: _Child) -> None:
        """Take what a worker's libraries write, so that it never waits, and keep the end."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(child.stderr, 65536)
            child.last_words = (child.last_words + data)[-_MAX_LAST_WORDS:]
            if not data:
                os.close(child.stderr)
                child.stderr = -1

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = next(c for c in self._children.values() if c.pid == pid)
            if child.stderr >= 0:
                self._listen(child)
            if child.stderr >= 0:
                os.close(child.stderr)
            del self._children[child.number]
            shutil.rmtree(child.scratch, ignore_errors=True)
            self._control.send_document(
                {
                    "ended": child.number,
                    "exit": os.waitstatus_to_exitcode(status),
                    "last_words": child.last_words.decode("utf-8", "replace"),
                }
            )


def _become_worker(connection: int, stderr: int, host: int) -> None:
    """Keep two descriptors of all: the connection as 0, the pipe for complaints as 2."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    end_with_parent()
    if os.getppid() != host:
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor, standard in ((connection, 0), (nowhere, 1), (stderr, 2)):
        os.dup2(descriptor, standard)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _socket(descriptor: int) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)


def _pickled(error: Exception) -> str:
    try:
        return base64.b64encode(pickle.dumps(error)).decode("ascii")
    except Exception:  # noqa: BLE001 - an exception may hold anything
        return base64.b64encode(pickle.dumps(RuntimeError(repr(error)))).decode("ascii")


def main(descriptor: int) -> None:
    """Be a host for whoever holds the other end of this connection."""
    connection = _socket(descriptor)

    def hang_up(*_: object) -> None:
        # No exception: it could be raised, and lost, in the midst of anything.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    _load()
    # Until here it ends at once; from here on it cleans up.
    signal.signal(signal.SIGTERM, hang_up)
    with tempfile.TemporaryDirectory(prefix="provenance-workers-") as folder:
        _Host(connection, Path(folder)).run()
    # The kernel takes the memory back faster than the interpreter.
    os._exit(0)


def _load() -> None:
    """Load what every verifier needs, while the parent finds out which one it wants."""
    # Hundreds of thousands of objects, and hardly any garbage, until a verifier is set up.
    gc.disable()
    importlib.import_module("provenance.verification.verifier")


if __name__ == "__main__":
    main(int(sys.argv[1]))
