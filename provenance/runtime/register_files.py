"""Files made ready for the register: verified first, then read."""

from __future__ import annotations

import re
from collections.abc import Callable
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
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier

__all__ = ["ReadFile", "digest_named", "read_for_register"]

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that may be registered.

    Attributes:
        stated: What is stated and kept of it; None where it is known.
        agency: Whose official release it is.
        why_not: What of its fingerprint could not be made.
    """

    stated: StatedFile | None
    agency: str
    why_not: tuple[str, ...] = ()


def read_for_register(  # noqa: PLR0913 - what is kept of a file, and how it is judged
    path: Path,
    *,
    verifier: Verifier,
    fingerprint: Fingerprinter,
    is_known: Callable[[str, str], bool] = lambda _agency, _sha256: False,
    sidecar: Path | None = None,
    rendition_of: str | None = None,
    channels: tuple[str, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
    name: str | None = None,
) -> ReadFile:
    """What would be registered of this file? It has to be official, a rendition too.

    Credentials that are kept beside it go into the register with it, which then proves the
    bare file as well.

    Args:
        path: The file.
        verifier: Says whether it is official.
        fingerprint: Says what it looks and sounds like.
        is_known: Whether this agency's file of this digest need not be read.
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
    agency = _official_of(report, where)
    if is_known(agency, report.asset.sha256 or ""):
        return ReadFile(stated=None, agency=agency)
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
    return ReadFile(stated=stated, agency=agency, why_not=tuple(why_not))


def digest_named(given: str) -> str:
    """Which digest is this: itself, or that of the file of this name?

    Raises:
        SourceError: It is no digest, and no file that can be opened.
    """
    if _DIGEST.fullmatch(given.lower()):
        return given.lower()
    with open_source(Path(given)) as opened:
        return opened.sha256()


def _official_of(report: Report, where: str) -> str:
    """Whose official release is this?"""
    agency = report.signer.agency
    if report.verdict is not Verdict.OFFICIAL or agency is None:
        raise RegisterError(
            f"{where}: expected an official release, got {report.verdict.value}: {report.summary}"
        )
    return agency.id


def _noting(fingerprint: Fingerprinter, why_not: list[str]) -> Fingerprinter:
    def made(
        stream: BinaryIO, media_format: MediaFormat, limits: Limits, signed_iscc: str | None
    ) -> MediaFingerprint:
        found = fingerprint(stream, media_format, limits, signed_iscc)
        why_not.extend(found.why_not)
        return found

    return made
