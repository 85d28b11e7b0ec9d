"""Files made ready for the register: verified first, then read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from provenance.atomic_files import read_bounded
from provenance.errors import RegisterError
from provenance.fingerprints.model import MediaFingerprint
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.media.source import open_source
from provenance.registry.register.intake import Fingerprinter, read_signed_file
from provenance.registry.register.stating import StatedFile
from provenance.report import Report
from provenance.verdict import IntegrityState, Verdict
from provenance.verification.verifier import Verifier

__all__ = ["ReadFile", "digest_named", "read_for_register"]

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that may be registered.

    Attributes:
        stated: What is stated and kept of it.
        agency: Whose official release it is; None for a rendition without credentials.
        why_not: What of its fingerprint could not be made.
    """

    stated: StatedFile
    agency: str | None
    why_not: tuple[str, ...] = ()


def read_for_register(
    path: Path,
    *,
    verifier: Verifier,
    fingerprint: Fingerprinter,
    sidecar: Path | None = None,
    rendition_of: str | None = None,
    channels: tuple[str, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
) -> ReadFile:
    """What would be registered of this file? It has to be official.

    A rendition may have no credentials at all; with any, they have to be the agency's.

    Args:
        path: The file.
        verifier: Says whether it is official.
        fingerprint: Says what it looks and sounds like.
        sidecar: Its credentials, where they are kept beside it.
        rendition_of: Digest of the file of which it is a transcode.
        channels: Where the agency publishes it.
        limits: Bounds on what is read.
        name: What errors call it.

    Raises:
        RegisterError: It is not official, cannot be read, or changes meanwhile.
        SourceError: It cannot be opened.
    """
    where = name or str(path)
    report = verifier.verify(path, name=where, sidecar=sidecar)
    bare = rendition_of is not None and report.integrity.state is IntegrityState.ABSENT
    if not bare:
        _check_official(report, where)
    why_not: list[str] = []
    with open_source(path, name=where, limits=limits) as opened:
        stated = read_signed_file(
            opened,
            fingerprint=_noting(fingerprint, why_not),
            sidecar=None
            if sidecar is None
            else read_bounded(sidecar, limits.max_manifest_store_bytes),
            rendition_of=rendition_of,
            channels=channels,
            limits=limits,
        )
        # The bytes that were verified are the bytes that are stated.
        if opened.has_changed() or stated.file.sha256 != report.asset.sha256:
            raise RegisterError(f"{where}: changed while it was read")
    agency = report.signer.agency
    return ReadFile(
        stated=stated,
        agency=None if bare or agency is None else agency.id,
        why_not=tuple(why_not),
    )


def digest_named(given: str) -> str:
    """Which digest is this: itself, or that of the file of this name?

    Raises:
        SourceError: It is no digest, and no file that can be opened.
    """
    if _DIGEST.fullmatch(given.lower()):
        return given.lower()
    with open_source(Path(given)) as opened:
        return opened.sha256()


def _check_official(report: Report, where: str) -> None:
    if report.verdict is not Verdict.OFFICIAL:
        raise RegisterError(
            f"{where}: expected an official release, got {report.verdict.value}: {report.summary}"
        )


def _noting(fingerprint: Fingerprinter, why_not: list[str]) -> Fingerprinter:
    def made(stream: BinaryIO, media_format: MediaFormat, limits: Limits) -> MediaFingerprint:
        found = fingerprint(stream, media_format, limits)
        why_not.extend(found.why_not)
        return found

    return made
