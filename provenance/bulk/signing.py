"""Signing one release of many: fetched if it is elsewhere, planned, signed, put where it belongs.

What signs is `sign_plan`, with its journal: nothing here gives a file its name before it
was stamped and verified. Done again after anything that stopped it, a release goes on from
its journal, which lies where its signed files lie.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from provenance.bulk.fetching import fetch_file, is_remote, join_path, name_in
from provenance.bulk.listing import ListingProblem, SourceFile, open_source, shown_path
from provenance.bulk.releases import FoundRelease
from provenance.bulk.rows import SignRow
from provenance.bulk.targets import LocalTarget, open_target
from provenance.errors import ConfigurationError, LimitError, ProvenanceError, ReleaseError
from provenance.runtime.clock import system_clock
from provenance.runtime.directory_at import load_directory_at
from provenance.runtime.frame_signatures import make_frame_signatures
from provenance.runtime.sign_batch import JOURNAL_NAME, BatchResult, sign_plan
from provenance.runtime.sign_worker import SigningSetup
from provenance.runtime.signing_keys import chain_pem
from provenance.runtime.signing_workers import SigningWorkers
from provenance.signing.plan import PlannedFile, PlanSettings, ReleasePlan, make_plan
from provenance.signing.release import LoadedRelease, load_release
from provenance.untrusted import clean_text

__all__ = ["SignWork", "SignedRelease", "SigningTools", "stays_where_it_is"]

_SIDECAR = ".c2pa"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRelease:
    """What became of a release.

    Attributes:
        files: The rows of its files, with what stands for the state of each.
        release: The row of the release as a whole.
        stopped: Why no other release can be signed now either; None where one can.
    """

    files: tuple[tuple[bytes, SignRow], ...]
    release: SignRow
    stopped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningTools:
    """One process that signs, for each process that a cluster gives us.

    Attributes:
        setup: With what it signs: a key that is used where it is.
    """

    setup: SigningSetup

    def open(self) -> SigningWorkers:
        """See `Tools`."""
        return SigningWorkers(self.setup, 1)


def stays_where_it_is(key: str) -> bool:
    """Is this key used where it is kept, so that another machine may use it without having it?"""
    return key.startswith(("pkcs11:", "python:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignWork:
    """What is done with every release; it can be pickled.

    Attributes:
        agency: Whose releases they have to be.
        target: Where the signed files go: each release into a folder as it is in the source.
        scratch: Where files of a store lie while they are signed, and are found again after
            a stop; a folder that is taken away, where there is none.
        sidecar: Whether credentials are written beside the files.
        remote_url: Where the credentials will also be.
        max_asset_bytes: Largest file that is fetched from a store.
    """

    agency: str
    target: str
    scratch: Path | None = None
    sidecar: bool = False
    remote_url: str | None = None
    max_asset_bytes: int

    def do(self, releases: Sequence[FoundRelease], workers: SigningWorkers) -> list[SignedRelease]:
        """What becomes of each release, whatever stands in its way."""
        return [self._one(release, workers) for release in releases]

    def not_done(self, release: FoundRelease, why: str) -> SignedRelease:
        """The answer about a release of which nothing is known."""
        return SignedRelease(files=(), release=_release_row(release, error=why))

    def _one(self, release: FoundRelease, workers: SigningWorkers) -> SignedRelease:
        before = workers.stopped
        if before is not None:
            return self._stopped(release, before)
        try:
            return self._sign(release, workers)
        except ReleaseError as error:
            # Nothing was signed yet: all that is in the way, each as it may be repeated.
            return self.not_done(release, "; ".join(map(clean_text, error.faults)))
        except ProvenanceError as error:
            if workers.stopped is not None:
                return self._stopped(release, workers.stopped)
            return self.not_done(release, clean_text(error))
        except Exception as error:  # noqa: BLE001 - a store's client raises what it likes
            return self.not_done(release, clean_text(f"{type(error).__name__}: {error}"))

    def _stopped(self, release: FoundRelease, why: str) -> SignedRelease:
        return SignedRelease(files=(), release=_release_row(release, error=why), stopped=why)

    def _sign(self, release: FoundRelease, workers: SigningWorkers) -> SignedRelease:
        target = open_target(self.target)
        with ExitStack() as held:
            work = self._work_folder(release, held)
            source = Path(release.folder)
            if is_remote(release.folder):
                # Fetched anew each time: it would only take the room of the next.
                held.callback(_take_away, work / "in")
                source = self._fetch(release, work / "in")
            loaded = load_release(source / release.name)
            if loaded.document.agency != self.agency:
                raise ConfigurationError(
                    f"expected a release of {self.agency}, got one of {loaded.document.agency}"
                )
            plan = self._plan(loaded, workers.setup)
            sign = partial(sign_plan, plan, workers.setup, source_folder=loaded.folder)
            if isinstance(target, LocalTarget):
                out = Path(target.address(release.inside))
                found = sign(out_folder=out, results=out / JOURNAL_NAME, workers=workers)
            else:
                out = work / "out"
                shipping = _Shipping(target, release.inside, out)
                shipping.bring_back(plan)
                found = sign(out_folder=out, results=out / JOURNAL_NAME, workers=workers)
                shipping.send(plan, found)
            if work.exists() and workers.stopped is None:
                shutil.rmtree(work)
        rows = tuple(self._rows(release, plan, found, target.address(release.inside)))
        left = [row for _, row in rows if row.error is not None]
        why = None
        if left:
            why = f"{len(left)} of {len(rows)} files are not signed; {left[0].error}"
        row = _release_row(
            release,
            state=None if left else "signed",
            name=plan.release_id,
            out=shown_path(target.address(release.inside)),
            error=why,
        )
        return SignedRelease(files=rows, release=row, stopped=workers.stopped)

    def _work_folder(self, release: FoundRelease, held: ExitStack) -> Path:
        if self.scratch is None:
            made = tempfile.TemporaryDirectory(
                prefix="provenance-sign-", ignore_cleanup_errors=True
            )
            return Path(held.enter_context(made)) / "release"
        # A name of its own for each folder: they may be signed side by side.
        return (
            self.scratch / hashlib.blake2b(os.fsencode(release.folder), digest_size=12).hexdigest()
        )

    def _fetch(self, release: FoundRelease, folder: Path) -> Path:
        """Bring a release's folder here: whole, since its manifest says what is of use."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for found in open_source(release.folder).walk():
            if isinstance(found, ListingProblem):
                raise ConfigurationError(f"{found.path}: cannot be listed: {found.why}")
            place = _inside(folder, found.inside)
            place.parent.mkdir(parents=True, exist_ok=True)
            fetch_file(found.path, place, max_bytes=self.max_asset_bytes)
            if found.sidecar is not None:
                beside = place.with_name(name_in(found.sidecar))
                fetch_file(found.sidecar, beside, max_bytes=self.max_asset_bytes)
        return folder

    def _plan(self, loaded: LoadedRelease, setup: SigningSetup) -> ReleasePlan:
        identity = setup.identity
        try:
            return make_plan(
                loaded,
                directory=load_directory_at(setup.directory),
                claim_chain_pem=chain_pem(setup.claim.certificate),
                identity_chain_pem=None if identity is None else chain_pem(identity.certificate),
                settings=PlanSettings(
                    sidecar=self.sidecar,
                    remote_url=self.remote_url,
                    time_stamp_authorities=tuple(one.url for one in setup.authorities),
                ),
                at=system_clock(),
                frame_signatures=make_frame_signatures,
            )
        except LimitError as error:
            raise ConfigurationError(f"{loaded.path}: {error}") from error

    def _rows(
        self,
        release: FoundRelease,
        plan: ReleasePlan,
        found: Sequence[BatchResult],
        out: str,
    ) -> Iterator[tuple[bytes, SignRow]]:
        now = system_clock()
        for file, result in zip(plan.files, found, strict=True):
            # The bytes that were signed are what tells this state of the file.
            place = SourceFile(
                path=join_path(release.folder, file.path),
                size_bytes=file.size_bytes,
                version=f"sha256:{file.sha256}",
            )
            done = result.state in {"signed", "kept"}
            yield (
                place.key,
                SignRow(
                    path=place.shown,
                    size_bytes=place.size_bytes,
                    version=place.version,
                    answered_at=now,
                    kind="file",
                    state=result.state if done else None,
                    release=plan.release_id,
                    out=shown_path(f"{out}/{file.out}") if done else None,
                    sha256=result.sha256 if done else None,
                    error=None if done else clean_text(result.why or result.state),
                ),
            )


class _Shipping:
    """A release's way to a store and back: the journal first, then the files."""

    def __init__(self, target: Any, inside: str, out: Path) -> None:
        self._target, self._inside, self._out = target, inside, out
        self._there: dict[str, int] = {}
        # What came back from there, with its digest.
        self._came_back: dict[str, bytes] = {}

    def bring_back(self, plan: ReleasePlan) -> None:
        """Have here what an earlier run has put there, unless it is here still.

        What else is there, other releases even, is not looked at.
        """
        self._there = self._target.files(self._inside)
        self._out.mkdir(parents=True, exist_ok=True)
        journal = self._out / JOURNAL_NAME
        if not journal.exists() and JOURNAL_NAME in self._there:
            self._target.get(self._at(JOURNAL_NAME), journal)
        for file in plan.files:
            for name in _names_of(file):
                place = _inside(self._out, name)
                if name in self._there and not place.exists():
                    # Ours or not: that is for the journal to say.
                    self._target.get(self._at(name), place)
                    self._came_back[name] = _digest(place)

    def send(self, plan: ReleasePlan, found: Sequence[BatchResult]) -> None:
        """Put there what is signed and not there yet.

        The journal goes first: whoever finds a file there finds in it whose it is.

        Raises:
            ConfigurationError: There is a file of that name that is not ours.
        """
        done = {result.path for result in found if result.state in {"signed", "kept"}}
        self._target.put(self._out / JOURNAL_NAME, self._at(JOURNAL_NAME))
        for file in plan.files:
            if file.path not in done:
                continue
            for name in _names_of(file):
                if not self._is_there(name):
                    self._target.put(self._out / name, self._at(name))

    def _is_there(self, name: str) -> bool:
        here = _digest(self._out / name)
        if name in self._came_back:
            # Otherwise it was signed again, because its journal says that it was half-done.
            return self._came_back[name] == here
        if name not in self._there:
            return False
        # Here from before: either that run sent it too, or somebody has put one there since.
        with tempfile.TemporaryDirectory(prefix="provenance-sign-") as scratch:
            copy = Path(scratch) / "copy"
            self._target.get(self._at(name), copy)
            if _digest(copy) != here:
                raise ConfigurationError(
                    f"{self._target.address(self._at(name))}: exists already, and is not what "
                    "this plan makes"
                )
        return True

    def _at(self, name: str) -> str:
        return f"{self._inside}/{name}" if self._inside else name


def _names_of(file: PlannedFile) -> tuple[str, ...]:
    # Nobody is to meet a file without its credentials.
    return (file.out + _SIDECAR, file.out) if file.sidecar else (file.out,)


def _take_away(folder: Path) -> None:
    """Remove a folder, and the one around it where nothing else is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _inside(folder: Path, name: str) -> Path:
    place = folder / name
    if ".." in place.parts or not place.is_relative_to(folder):
        raise ConfigurationError(f"{name!r}: expected a path inside its folder")
    return place


def _release_row(release: FoundRelease, *, name: str | None = None, **more: Any) -> SignRow:
    return SignRow(
        path=release.manifest.shown,
        size_bytes=release.manifest.size_bytes,
        version=release.manifest.version,
        answered_at=system_clock(),
        kind="release",
        release=name,
        **more,
    )
