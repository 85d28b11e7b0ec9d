"""Keeping a release official beyond its certificate: a later time-stamp, and its status.

    (1) open the file, and refuse types that cannot have an update manifest
    (2) verify it: only what is official now is worth keeping so
    (3) find the manifest that binds the bytes, and have its signature time-stamped
    (4) let the engine write an update manifest with the stamp and the issuer's answer
    (5) have the update's own signature time-stamped
    (6) verify exactly these bytes as anybody would
    (7) give the file its name

A failure at any step leaves nothing behind. The file that is stamped is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from provenance.atomic_files import new_file
from provenance.credentials.cose import parse_cose_sign1
from provenance.credentials.engine_signing import ClaimSigner
from provenance.credentials.manifest_store import Manifest, parse_manifest_store
from provenance.credentials.status_update import StatusUpdate
from provenance.errors import LimitError, MalformedError, SelfCheckError, SigningError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import parse_layout
from provenance.media.containers.extraction import extract_manifest
from provenance.media.containers.store_writer import replace_manifest
from provenance.media.formats import Container, MediaFormat
from provenance.media.sniff import sniff_stream
from provenance.media.source import OpenSource, open_source
from provenance.report import Report
from provenance.signing.time_stamping import Stamp, TimeStamper
from provenance.trust.certificates import load_der_chain
from provenance.trust.revocation import OcspFetcher
from provenance.verdict import RevocationState, TimeState, Verdict
from provenance.verification.selection import parent_of
from provenance.verification.verifier import Verifier

__all__ = ["LaterStamper", "RememberingFetcher", "StampedFile"]

# An update manifest makes the store longer. Here the engine does not move the ranges that
# the binding beneath leaves out (SVG: two engines do not agree), or writes none at all (ZIP).
_WITHOUT_UPDATES = {
    Container.RIFF,
    Container.TIFF,
    Container.MP3,
    Container.FLAC,
    Container.PDF,
    Container.SVG,
    Container.ZIP,
}
_MAX_UPDATES = 16


class RememberingFetcher:
    """Asks as another fetcher does, and keeps the last answer."""

    def __init__(self, fetch: OcspFetcher) -> None:
        self._fetch = fetch
        self.answer: bytes | None = None

    @property
    def network_allow(self) -> tuple[str, ...]:
        """The exceptions of the fetcher that asks."""
        return self._fetch.network_allow

    def __call__(self, url: str, request: bytes, /) -> bytes:
        """What does the responder at this address answer to this request?

        Raises:
            FetchError: As the fetcher that asks.
        """
        self.answer = None
        self.answer = self._fetch(url, request)
        return self.answer


class _Fetches(Protocol):
    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StampedFile:
    """What came of it.

    Attributes:
        out: The file with the later stamp.
        report: What the verifier said of exactly its bytes.
        stamp: The later stamp.
        has_status: Whether the issuer's answer is in it too.
    """

    out: Path
    report: Report
    stamp: Stamp
    has_status: bool


class LaterStamper:
    """Adds time-stamps to an agency's releases.

    Args:
        signer: Signs the update manifests, with a key of the agency whose release it is.
        verifier: Judges before and after. Where it asks issuers whether certificates
            were revoked, it does so through `fetched`.
        time_stamper: Has signatures time-stamped.
        fetched: Has the answer of the issuer; without it no status is added.
        limits: Bounds on what is read.
    """

    def __init__(
        self,
        *,
        signer: ClaimSigner,
        verifier: Verifier,
        time_stamper: TimeStamper,
        fetched: _Fetches | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._signer = signer
        self._verifier = verifier
        self._time_stamper = time_stamper
        self._fetched = fetched
        self._limits = limits

    def stamp(self, source: Path, out: Path) -> StampedFile:
        """Write the same release with a later time-stamp.

        Raises:
            SourceError: The file cannot be read.
            SelfCheckError: It is not official, or would not be afterwards.
            TimeStampError: No authority gave a time-stamp that counts.
            SigningError: Its type cannot be stamped, or the key cannot be used.
            ConfigurationError: The output exists already, or cannot be written.
        """
        try:
            # (1) Its bytes say what it is.
            with open_source(source, limits=self._limits) as opened:
                return self._stamp(source, opened, out)
        except (MalformedError, LimitError) as error:
            raise SigningError(f"{source}: {error}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SigningError(f"{source}: cannot be stamped: {reason}") from error

    def _stamp(self, source: Path, opened: OpenSource, out: Path) -> StampedFile:
        media_format, engine_type = _format_of(source, opened)
        # (2) Nothing is added to a file that somebody else made or changed.
        before = self._verifier.verify(source)
        agency = _agency_of(before, f"{source}: expected an official release")
        ocsp = self._status(source, before)
        # (3) The stamp is about the signature over the binding, whatever stands above it.
        manifest = self._binding(opened, media_format)
        if manifest.signature is None:
            raise MalformedError(f"manifest {manifest.label}: it is not signed")
        signature = parse_cose_sign1(manifest.signature, self._limits)
        chain = load_der_chain(signature.chain, where="claim signature")
        stamp = self._time_stamper.stamp(signature.to_be_stamped(), signer=chain[0])
        with new_file(out, replace=False) as target:
            # (4) The key signs once the stamp is in its place.
            update = StatusUpdate(
                signer=self._signer,
                time_stamps={manifest.label: stamp.token},
                ocsp=ocsp,
                limits=self._limits,
            )
            opened.stream.seek(0)
            update.write(
                opened.stream,
                target,
                media_type=engine_type,
                manifest={
                    "title": manifest.claim.title or source.name,
                    "claim_generator_info": [{"name": "Provenance"}],
                },
            )
            self._complete(update, target, media_format)
            target.flush()
            # (6) The verifier is asked as a stranger would ask it.
            report = self._verifier.verify(Path(target.name), name=out.name)
            after = _agency_of(report, f"{source}: what was stamped does not verify")
            if after != agency:
                raise SelfCheckError(
                    f"{source}: expected a key of {agency}, whose release it is, got {after}'s"
                )
            if report.time.state is not TimeState.TRUSTED:
                raise SelfCheckError(
                    f"{source}: expected a trusted time, got {report.time.state.value}"
                )
            if opened.has_changed():
                raise SigningError(f"{source}: it changed while it was stamped")
        # (7) It has its name.
        return StampedFile(out=out, report=report, stamp=stamp, has_status=bool(ocsp))

    def _status(self, source: Path, report: Report) -> tuple[bytes, ...]:
        if self._fetched is None:
            return ()
        revocation = report.revocation
        answer = self._fetched.answer
        if revocation.state is RevocationState.GOOD and revocation.source == "fetched" and answer:
            return (answer,)
        why = revocation.why or revocation.state.value
        raise SigningError(
            f"{source}: expected its issuer to say that the certificate is good: {why}"
        )

    def _binding(self, opened: OpenSource, media_format: MediaFormat) -> Manifest:
        """Which manifest beneath all updates binds the bytes?"""
        layout = parse_layout(opened.stream, opened.size_bytes, media_format, self._limits)
        embedded = extract_manifest(opened.stream, layout, self._limits)
        if not embedded:
            raise SigningError("expected embedded credentials, got none")
        store = parse_manifest_store(embedded, self._limits)
        manifest: Manifest | None = store.active
        for _ in range(_MAX_UPDATES):
            if manifest is None or manifest.kind != "update":
                break
            manifest = parent_of(manifest, store, self._limits)
        if manifest is None or manifest.kind == "update":
            raise SigningError("expected a manifest that binds the bytes beneath its updates")
        return manifest

    def _complete(self, update: StatusUpdate, target: BinaryIO, media_format: MediaFormat) -> None:
        layout = parse_layout(target, target.seek(0, 2), media_format, self._limits)
        if media_format.container is Container.BMFF:
            # The update has a box of its own, behind the one that it updates.
            where = layout.manifest_payload[-1]
            target.seek(where.start)
            embedded = target.read(where.size_bytes)
        else:
            embedded = extract_manifest(target, layout, self._limits)
        # (5) The update has to outlive its certificate as well.
        store, _ = self._time_stamper.stamp_store(update.complete(embedded))
        if media_format.container is Container.BMFF:
            target.seek(where.start)
            target.write(store)
        else:
            replace_manifest(target, media_format, layout, store, self._limits)


def _agency_of(report: Report, what: str) -> str:
    """Whose official release is it?"""
    agency = report.signer.agency
    if report.verdict is not Verdict.OFFICIAL or agency is None:
        raise SelfCheckError(f"{what}: got {report.verdict.value}: {report.summary}")
    return agency.id


def _format_of(source: Path, opened: OpenSource) -> tuple[MediaFormat, str]:
    media_format = sniff_stream(opened.stream, opened.size_bytes)
    if media_format is None or media_format.engine_type is None:
        kind = "of no known type" if media_format is None else media_format.media_type
        raise SigningError(f"{source}: expected a type that can be signed, got a file {kind}")
    if media_format.container in _WITHOUT_UPDATES:
        raise SigningError(
            f"{source}: {media_format.media_type} cannot be stamped later: an update manifest "
            "in it would not verify; sign the release anew instead"
        )
    return media_format, media_format.engine_type
