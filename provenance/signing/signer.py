"""Signing one file so that nothing unsigned, unstamped or wrong gets its name.

    (1) open the source, and take its digest
    (2) sniff its type, and refuse what cannot be signed
    (3) take private metadata out, into a copy
    (4) let the engine sign into a file that has no name yet
    (5) have the claim signature time-stamped
    (6) verify exactly these bytes as anybody would; they have to come back official
    (7) look whether the source changed meanwhile, or is another than was planned
    (8) give the file its name

A failure at any step leaves nothing behind.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from provenance.atomic_files import new_file
from provenance.credentials.engine_signing import (
    ClaimSigner,
    IdentitySource,
    IngredientSource,
    Intent,
    sign_stream,
)
from provenance.errors import (
    LimitError,
    MalformedError,
    PlanError,
    PrivateDataError,
    SelfCheckError,
    SigningError,
    TimeStampError,
)
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.media.privacy import PrivateField, clean_copy, find_private, is_kept
from provenance.media.sniff import sniff_stream
from provenance.media.source import OpenSource, open_source
from provenance.report import Report
from provenance.signing.carried_credentials import find_in_credentials
from provenance.signing.claim_content import ClaimContent, PlannedIngredient
from provenance.signing.time_stamping import Stamp, TimeStamper
from provenance.verdict import TimeState, Verdict
from provenance.verification.verifier import Verifier

__all__ = ["SignJob", "SignedFile", "Signer"]

_SIDECAR = ".c2pa"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignJob:
    """One file to sign; it can be sent to another process.

    Attributes:
        source: The file. It is never changed.
        out: The name of the signed file.
        content: What is claimed about it.
        keep: Names of private metadata fields that may stay, or patterns of them.
        sidecar: Leave the credentials out of the file and write them beside it, as
            `OUT.c2pa`.
        remote_url: Where else the credentials will be; written into the file.
        source_sha256: The digest that the source must have.
        ingredient_sha256: The digests that the content's ingredients must have, in their
            order; empty where nobody says.
    """

    source: Path
    out: Path
    content: ClaimContent
    keep: tuple[str, ...] = ()
    sidecar: bool = False
    remote_url: str | None = None
    source_sha256: str | None = None
    ingredient_sha256: tuple[str, ...] = ()

    @property
    def sidecar_path(self) -> Path:
        """Where the credentials go that are not embedded."""
        return self.out.with_name(self.out.name + _SIDECAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """What came of a job.

    Attributes:
        out: The signed file.
        sidecar: Its credentials, where they are not embedded.
        source_sha256: Digest of the source.
        report: What the verifier said of exactly the bytes of `out`.
        stamp: The time-stamp; none only where that was permitted.
        removed: Private fields that were taken out.
    """

    out: Path
    sidecar: Path | None
    source_sha256: str
    report: Report
    stamp: Stamp | None
    removed: tuple[PrivateField, ...]


class Signer:
    """Signs files as one agency.

    Args:
        agency: The agency's id in the verifier's directory.
        claim: Signs the claims.
        verifier: Judges every output: with the agency's directory and with the
            time-stamp lists that its audience uses.
        time_stamper: Has claims time-stamped.
        identity: Signs statements of identity as the agency, beside the claim.
        unsafe_no_timestamp: Permit that there is no `time_stamper`. What is signed
            then is worth nothing once the certificate has expired.
        limits: Bounds on what is read.
        sync: Waits until the bytes behind a descriptor are on the disk.

    Raises:
        TimeStampError: There is no `time_stamper`, and it was not permitted.
    """

    def __init__(
        self,
        *,
        agency: str,
        claim: ClaimSigner,
        verifier: Verifier,
        time_stamper: TimeStamper | None,
        identity: ClaimSigner | None = None,
        unsafe_no_timestamp: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        sync: Callable[[int], object] = os.fsync,
    ) -> None:
        if time_stamper is None and not unsafe_no_timestamp:
            raise TimeStampError(
                "time-stamp: expected an authority to ask, got none; without a time-stamp a "
                "release proves nothing once the certificate has expired"
            )
        self._agency = agency
        self._claim = claim
        self._identity = identity
        self._verifier = verifier
        self._time_stamper = time_stamper
        self._limits = limits
        self._sync = sync

    def sign(self, job: SignJob, *, replace: bool = False, sync_names: bool = True) -> SignedFile:
        """Sign one file; it has its name only if it verifies as an official release.

        Args:
            job: What to sign.
            replace: Whether a file of that name may be replaced.
            sync_names: Wait until its name is on the disk. Its bytes always are before
                it has one.

        Raises:
            SourceError: The source or an ingredient cannot be read.
            PlanError: The source is not the one that was planned, or changed meanwhile.
            PrivateDataError: It holds private metadata that cannot be taken out.
            SigningKeyError: The key cannot be used.
            TimeStampError: No authority gave a time-stamp that counts.
            SelfCheckError: The result does not verify as it should.
            SigningError: It cannot be signed for another reason.
            ConfigurationError: The output exists already, or cannot be written.
        """
        try:
            return self._sign(job, replace=replace, sync_names=sync_names)
        except (MalformedError, LimitError) as error:
            raise SigningError(f"{job.source}: {error}") from error
        except OSError as error:
            # A full disk, a quota: whatever the system refuses while the file is made.
            reason = (error.strerror or str(error)).lower()
            raise SigningError(f"{job.source}: cannot be signed: {reason}") from error

    def _sign(self, job: SignJob, *, replace: bool, sync_names: bool) -> SignedFile:
        named = partial(new_file, replace=replace, sync=self._sync, sync_name=sync_names)
        with ExitStack() as held:
            # (1) The digest is taken while the engine works.
            opened = held.enter_context(open_source(job.source, limits=self._limits))
            digest = opened.sha256_meanwhile()
            # (2) Its bytes say what it is.
            media_format, engine_type = _format_of(opened, job.source)
            # (3) Nothing private is signed unseen.
            stream, removed = held.enter_context(self._cleaned(opened, media_format, job))
            if job.content.intent in {Intent.EDIT, Intent.UPDATE}:
                # Then the engine makes the source an ingredient of itself.
                _refuse_private_credentials(opened, media_format, job.source, job, self._limits)
            ingredients = [
                held.enter_context(_ingredient(planned, expected, job, self._limits))
                for planned, expected in _with_digests(job)
            ]
            # (8) Names are given when these two blocks end: the sidecar's first, so that
            # nobody meets the file without its credentials.
            written: list[Path] = []
            held.push(_take_back(written))
            target = held.enter_context(named(job.out))
            # (4) The engine signs.
            store = sign_stream(
                stream,
                target,
                media_type=engine_type,
                manifest=job.content.manifest,
                signer=self._claim,
                identity=self._identity_for(job),
                ingredients=ingredients,
                sidecar=job.sidecar,
                intent=job.content.intent,
                digital_source_type=job.content.digital_source_type,
                remote_url=job.remote_url,
            )
            # (5) A time-stamp that counts, or no release.
            store, stamp = self._stamped(store, target, job)
            target.flush()
            # (6) The verifier is asked as a stranger would ask it.
            report = self._verifier.verify(
                Path(target.name), name=job.out.name, sidecar=store if job.sidecar else None
            )
            self._require_official(report, job)
            # (7) The plan was about these bytes and no others.
            source_sha256 = digest()
            if opened.has_changed():
                raise PlanError(f"{job.source}: it changed while it was signed")
            if job.source_sha256 is not None and source_sha256 != job.source_sha256:
                raise PlanError(
                    f"{job.source}: expected the file with the SHA-256 {job.source_sha256}, "
                    f"got {source_sha256}: it changed since the plan"
                )
            if job.sidecar:
                beside = held.enter_context(
                    new_file(job.sidecar_path, replace=replace, sync=self._sync)
                )
                beside.write(store)
                written.append(job.sidecar_path)
        return SignedFile(
            out=job.out,
            sidecar=job.sidecar_path if job.sidecar else None,
            source_sha256=source_sha256,
            report=report,
            stamp=stamp,
            removed=removed,
        )

    def _identity_for(self, job: SignJob) -> IdentitySource | None:
        if self._identity is None:
            return None
        return IdentitySource(signer=self._identity, references=job.content.referenced)

    @contextmanager
    def _cleaned(
        self, opened: OpenSource, media_format: MediaFormat, job: SignJob
    ) -> Iterator[tuple[BinaryIO, tuple[PrivateField, ...]]]:
        """The source without its private fields; the source itself where it has none."""
        found = find_private(opened.stream, media_format, limits=self._limits)
        goes = any(not is_kept(field.name, job.keep) for field in found.fields)
        if not goes and not found.unreadable:
            opened.stream.seek(0)
            yield opened.stream, ()
            return
        with tempfile.TemporaryFile(dir=job.out.absolute().parent) as copy:
            opened.stream.seek(0)
            cleaning = clean_copy(
                opened.stream, copy, media_format, keep=job.keep, limits=self._limits
            )
            copy.seek(0)
            yield copy, cleaning.removed

    def _stamped(self, store: bytes, target: BinaryIO, job: SignJob) -> tuple[bytes, Stamp | None]:
        if self._time_stamper is None:
            return store, None
        if job.sidecar:
            return self._time_stamper.stamp_store(store)
        # The engine may write another type than it was given: a TIFF becomes a BigTIFF.
        signed = sniff_stream(target, target.seek(0, 2))
        if signed is None:
            raise SigningError(f"{job.source}: the signed file is of no known type")
        return store, self._time_stamper.stamp_file(target, signed)

    def _require_official(self, report: Report, job: SignJob) -> None:
        problem = None
        agency = report.signer.agency
        if report.verdict is not Verdict.OFFICIAL:
            problem = f"expected official, got {report.verdict.value}: {report.summary}"
        elif agency is None or agency.id != self._agency:
            problem = f"expected a release of {self._agency}, got one of {agency and agency.id}"
        elif self._time_stamper is not None and report.time.state is not TimeState.TRUSTED:
            problem = f"expected a trusted time, got {report.time.state.value}"
        elif self._identity is not None and not any(
            one.state == "verified" and one.agency is not None and one.agency.id == self._agency
            for one in report.identity
        ):
            why = "; ".join(one.why for one in report.identity) or "there is none"
            problem = f"expected a verified statement of identity of {self._agency}, got: {why}"
        if problem is not None:
            raise SelfCheckError(f"{job.source}: what was signed does not verify: {problem}")


def _take_back(written: list[Path]) -> Callable[..., None]:
    """At an error, remove files that have their name already."""

    def leave(error: type[BaseException] | None, *_rest: object) -> None:
        for path in written if error is not None else ():
            path.unlink(missing_ok=True)

    return leave


def _format_of(opened: OpenSource, source: Path) -> tuple[MediaFormat, str]:
    media_format = sniff_stream(opened.stream, opened.size_bytes)
    if media_format is None or media_format.engine_type is None:
        kind = "of no known type" if media_format is None else media_format.media_type
        raise SigningError(f"{source}: expected a type that can be signed, got a file {kind}")
    opened.stream.seek(0)
    return media_format, media_format.engine_type


def _with_digests(job: SignJob) -> Iterator[tuple[PlannedIngredient, str | None]]:
    digests = job.ingredient_sha256 or (None,) * len(job.content.ingredients)
    return zip(job.content.ingredients, digests, strict=True)


def _refuse_private_credentials(
    opened: OpenSource, media_format: MediaFormat, path: Path, job: SignJob, limits: Limits
) -> None:
    """Refuse credentials that would carry something private on.

    Raises:
        PrivateDataError: They say or show something that may not stay, or cannot be read.
    """
    reading = find_in_credentials(opened.stream, media_format, limits)
    opened.stream.seek(0)
    names = [field.name for field in reading.fields if not is_kept(field.name, job.keep)]
    if names or reading.unreadable:
        raise PrivateDataError(
            f"{path}: its credentials, which are carried on, hold something private: "
            f"{', '.join([*names, *reading.unreadable])}"
        )


@contextmanager
def _ingredient(
    planned: PlannedIngredient, expected_sha256: str | None, job: SignJob, limits: Limits
) -> Iterator[IngredientSource]:
    with open_source(planned.path, limits=limits) as opened:
        if expected_sha256 is not None and opened.sha256() != expected_sha256:
            raise PlanError(f"{planned.path}: an ingredient that changed since the plan")
        media_format, media_type = _format_of(opened, planned.path)
        _refuse_private_credentials(opened, media_format, planned.path, job, limits)
        yield IngredientSource(
            stream=opened.stream, media_type=media_type, definition=planned.definition
        )
