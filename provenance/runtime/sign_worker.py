"""What a process that signs holds and does: one group of files after the other.

The files of a group take turns. Only one is worked on at a time, so nothing below needs
to know of threads; while it waits for its time-stamp or for the disk, the next one is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pebble import CONSTS

from provenance.atomic_files import sync_folder
from provenance.errors import ProvenanceError, SigningKeyError, TimeStampError
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.signing_keys import KeySpec, open_signer
from provenance.runtime.time_stamp_client import HttpTimeStampAuthority
from provenance.signing.signer import SignedFile, Signer, SignJob
from provenance.signing.time_stamping import TimeStampAuthority, TimeStamper
from provenance.trust.lists import TrustList
from provenance.verification.verifier import Verifier

__all__ = [
    "SigningSetup",
    "authorities_of",
    "shorten_lock_waits",
    "sign_group",
    "signer_of",
    "start_worker",
    "verifier_of",
]

_LOCK_S = 5.0


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


class _Turns:
    """Whose turn it is to work, among the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """It is this thread's turn while the block runs."""
        with self._lock:
            self._mine.held = True
            try:
                yield
            finally:
                self._mine.held = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """It is others' turn while the block runs, which touches nothing they could."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()


_turns = _Turns()


@dataclass(frozen=True, slots=True)
class _AskedMeanwhile:
    """An authority that is waited for while others work."""

    authority: HttpTimeStampAuthority

    @property
    def url(self) -> str:
        return self.authority.url

    def __call__(self, request: bytes, /) -> bytes:
        with _turns.waiting():
            return self.authority(request)


def _sync_meanwhile(descriptor: int) -> None:
    with _turns.waiting():
        os.fsync(descriptor)


def signer_of(setup: SigningSetup, held: ExitStack) -> Signer:
    """Open the keys, and make the signer; the keys are closed with `held`.

    Raises:
        SigningKeyError, TimeStampError, ConfigurationError: It cannot sign.
    """
    stamper = None
    if setup.authorities:
        asked: list[TimeStampAuthority] = [_AskedMeanwhile(one) for one in setup.authorities]
        stamper = TimeStamper(asked, setup.time_stamp_lists, clock=system_clock)
    return Signer(
        agency=setup.agency,
        claim=held.enter_context(open_signer(setup.claim)),
        identity=held.enter_context(open_signer(setup.identity)) if setup.identity else None,
        verifier=verifier_of(setup),
        time_stamper=stamper,
        unsafe_no_timestamp=setup.unsafe_no_timestamp,
        sync=_sync_meanwhile,
    )


def verifier_of(setup: SigningSetup) -> Verifier:
    """What judges every output."""
    return Verifier(
        directory=load_directory_at(setup.directory),
        time_stamp_lists=setup.time_stamp_lists,
        clock=system_clock,
    )


def authorities_of(
    urls: Sequence[str], network_allow: Sequence[str]
) -> tuple[HttpTimeStampAuthority, ...]:
    """The authorities at these addresses."""
    return tuple(
        HttpTimeStampAuthority(url=url, network_allow=tuple(network_allow)) for url in urls
    )


_worker: Signer | ProvenanceError | None = None
_held = ExitStack()


def shorten_lock_waits() -> None:
    """Let this process give up on the pool's pipe soon where its holder is dead.

    Processes of a pool share a pipe under a lock that is held for microseconds. Where one is
    killed that holds it, the others would wait for a minute before a new pool is made.
    """
    CONSTS.channel_lock_timeout = _LOCK_S


def start_worker(setup: SigningSetup) -> None:
    """Make this process one that can sign."""
    global _worker  # noqa: PLW0603 - one signer for each process
    shorten_lock_waits()
    try:
        _worker = signer_of(setup, _held)
    except ProvenanceError as error:
        # An exception here would break the pool; the first job is told instead.
        _worker = error


def _own_signer() -> Signer:
    if isinstance(_worker, Signer):
        return _worker
    raise _worker or SigningKeyError("the worker has no signer")


def sign_group(jobs: Sequence[SignJob]) -> list[dict[str, Any] | None]:
    """Sign some files in a worker: what will the journal say of each?

    None for those that were not begun, because the key could not be used for one before
    them. The names of all of them are on the disk when this returns.
    """
    key_failed = threading.Event()

    def one(job: SignJob) -> dict[str, Any] | None:
        with _turns.mine():
            if key_failed.is_set():
                return None
            outcome = _sign_one(job)
            if outcome.get("error") == SigningKeyError.__name__:
                key_failed.set()
            return outcome

    if len(jobs) <= 1:
        outcomes = list(map(one, jobs))
    else:
        with ThreadPoolExecutor(max_workers=len(jobs)) as threads:
            outcomes = list(threads.map(one, jobs))
    for folder in {job.out.absolute().parent for job in jobs}:
        sync_folder(folder)
    return outcomes


def _sign_one(job: SignJob) -> dict[str, Any]:
    try:
        return _said(_own_signer().sign(job, sync_names=False))
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
