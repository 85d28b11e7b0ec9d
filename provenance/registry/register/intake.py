"""What the register keeps of a file that its agency has signed."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import BinaryIO, Protocol

from provenance.credentials.manifest_store import Manifest, ManifestStore, parse_manifest_store
from provenance.errors import LimitError, MalformedError, RegisterError
from provenance.fingerprints.model import MediaFingerprint
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import MediaFormat
from provenance.media.sniff import sniff_stream
from provenance.media.source import OpenSource
from provenance.registry.log.statement import ReleaseFile
from provenance.registry.register.records import FileFacts
from provenance.registry.register.stating import StatedFile
from provenance.signing.soft_binding import content_code_of
from provenance.verification.asset import asset_of
from provenance.verification.signed_metadata import metadata_statements
from provenance.verification.stores import own_store

__all__ = ["Fingerprinter", "read_signed_file", "title_of"]


class Fingerprinter(Protocol):
    """Says what an asset looks and sounds like; whatever is in it, there is an answer."""

    def __call__(
        self, stream: BinaryIO, kind: MediaFormat, limits: Limits, signed_iscc: str | None, /
    ) -> MediaFingerprint:
        """The fingerprint of this asset, of which its credentials name this content code."""


_TITLE = re.compile(r"dc:title\[([a-z]{2,8}(?:-[a-z0-9]{1,8})*)\]")
_MAX_TITLES = 50


def read_signed_file(
    opened: OpenSource,
    *,
    fingerprint: Fingerprinter,
    sidecar: bytes | None = None,
    rendition_of: str | None = None,
    channels: tuple[str, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> StatedFile:
    """What is stated and kept of this file? Whether it is official was asked before.

    Args:
        opened: The file.
        fingerprint: Says what it looks and sounds like.
        sidecar: Its manifest store, if it is kept beside it.
        rendition_of: Digest of the file of which it is a transcode. It has credentials of
            its own all the same: a verifier calls only what they prove official.
        channels: Where the agency publishes it.
        limits: Bounds on what is read.

    Raises:
        RegisterError: It has no manifest store that can be read, or is of no known kind.
    """
    where = opened.name or "file"
    media_format = sniff_stream(opened.stream, opened.size_bytes)
    if media_format is None:
        raise RegisterError(f"{where}: expected media, got bytes of no known format")
    try:
        store = _store_of(opened, media_format, sidecar, limits)
    except (MalformedError, LimitError) as error:
        raise RegisterError(f"{where}: expected a manifest store: {error}") from error
    if store is None:
        raise RegisterError(f"{where}: expected a manifest store in it or beside it, got none")
    opened.stream.seek(0)
    made = fingerprint(opened.stream, media_format, limits, content_code_of(store.active, limits))
    file = ReleaseFile(
        sha256=opened.sha256(),
        media_type=media_format.media_type,
        manifest_sha256=sha256(store.data).hexdigest(),
        active_manifest=store.active.label,
        iscc=made.iscc,
        rendition_of=rendition_of,
    )
    facts = FileFacts(
        sha256=file.sha256,
        manifest=store.data,
        title=title_of(store.active, limits),
        channels=channels,
        fingerprint=made if made.codes or made.references else None,
    )
    return StatedFile(file=file, facts=facts)


def title_of(manifest: Manifest, limits: Limits = DEFAULT_LIMITS) -> dict[str, str]:
    """Which title does signed metadata give, by language tag?"""
    found: dict[str, str] = {}
    for statement in metadata_statements(manifest, limits):
        language = _TITLE.fullmatch(statement.name)
        if language and len(found) < _MAX_TITLES:
            found.setdefault(language[1], statement.value)
    return found


def _store_of(
    opened: OpenSource, media_format: MediaFormat, sidecar: bytes | None, limits: Limits
) -> ManifestStore | None:
    if sidecar is not None:
        return parse_manifest_store(sidecar, limits)
    return own_store(asset_of(opened.stream, opened.size_bytes, media_format, limits), limits)
