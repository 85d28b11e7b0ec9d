"""What a worker reads of a file for the register, once it was found to be official."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import RegisterError
from provenance.fingerprints.media import fingerprint_media
from provenance.fingerprints.model import MediaFingerprint
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.media.source import HeldFile, open_source
from provenance.registry.register.intake import read_signed_file
from provenance.registry.register.stated_lines import write_stated

__all__ = ["read_held"]


def read_held(
    file: HeldFile,
    sidecar: HeldFile | None,
    *,
    name: str | None,
    limits: Limits = DEFAULT_LIMITS,
) -> bytes:
    """What would be stated and kept of this file, as `stated_lines` writes it?

    Args:
        file: The file, held open.
        sidecar: Its credentials, where they are kept beside it.
        name: What errors call it.
        limits: Bounds on what is read.

    Raises:
        RegisterError: It has no manifest store that can be read, or changes meanwhile.
        SourceError: It cannot be read.
    """
    beside = None
    if sidecar is not None:
        bounded = limits.max_manifest_store_bytes
        with open_source(sidecar, limits=limits) as opened:
            beside = opened.head(bounded + 1)
    why_not: list[str] = []

    def fingerprint(
        stream: BinaryIO, media_format: MediaFormat, within: Limits, signed_iscc: str | None
    ) -> MediaFingerprint:
        # Without frame signatures: a worker starts no program.
        made = fingerprint_media(stream, media_format, limits=within, signed_iscc=signed_iscc)
        why_not.extend(made.why_not)
        return made

    with open_source(file, name=name, limits=limits) as opened:
        stated = read_signed_file(opened, fingerprint=fingerprint, sidecar=beside, limits=limits)
        if opened.has_changed():
            raise RegisterError(f"{name or file.shown}: changed while it was read")
    return write_stated(stated, why_not=why_not)
