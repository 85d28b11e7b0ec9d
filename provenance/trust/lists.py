"""Trust lists: named sets of anchors, each kept apart from the others and from the directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from provenance.errors import TrustListError
from provenance.trust.certificates import Certificate, parse_pem_bundle

__all__ = ["ListPurpose", "TrustList", "load_trust_list", "parse_trust_list"]

_MAX_LIST_BYTES = 10 * 1024 * 1024

_INTERIM = "interim list, frozen 2026-01-01"
# The interim list of the time before the C2PA list, in its last form. It may
# still be used, and must be told apart: it has had no care since.
KNOWN_FROZEN: Mapping[str, str] = {
    "e0ab688a23a03a995b355fef351f6a89ccbb09329b5dc9195297fbe2c7a525c5": _INTERIM,
    "2f4ba19707a49a0aece732c8a211b7f544f990247018368deaf7382bcfa58451": _INTERIM,
}


class ListPurpose(StrEnum):
    """What a list's anchors may vouch for.

    A claim anchor never vouches for a time-stamp authority, nor the other way round.
    """

    CLAIM = "claim"
    TIME_STAMP = "time-stamp"
    IDENTITY = "identity"


Window = tuple[datetime, datetime | None]
"""A stretch of time during which a list trusts a certificate; without end if None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """One list.

    Attributes:
        name: What reports call it.
        purpose: What its anchors may vouch for.
        anchors: CA certificates, roots or intermediates, that end a path.
        end_entities: Certificates recognised only as exactly themselves.
        windows: By SHA-256 of a certificate, when the list trusts it. One that
            is not in it is trusted at any time: the PEM form tells no times.
        sha256: Digest of the list as it was read.
        source: Where it came from, in words.
        dated: When it was issued or fetched; None where nobody says.
        note: What a reader of reports must know about it.
    """

    name: str
    purpose: ListPurpose
    anchors: tuple[Certificate, ...]
    end_entities: frozenset[str]
    windows: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    sha256: str
    source: str
    dated: datetime | None = None
    note: str | None = None

    @property
    def certificates(self) -> int:
        """How many certificates it holds."""
        return len(self.anchors) + len(self.end_entities)

    def lists(self, leaf: Certificate, at: datetime) -> bool:
        """Does the list have this certificate itself, as no authority, and trust it then?"""
        return leaf.sha256 in self.end_entities and self.trusts(leaf, at)

    def trusts(self, certificate: Certificate, at: datetime) -> bool:
        """Does the list trust this certificate of its own at this moment?

        Spec: C2PA 2.5, "Trust lists": windows compare with the trusted time of
        signing, else with now.
        """
        windows = self.windows.get(certificate.sha256)
        return windows is None or any(
            start <= at and (end is None or at < end) for start, end in windows
        )


def parse_trust_list(
    data: bytes,
    *,
    name: str,
    purpose: ListPurpose,
    source: str,
    dated: datetime | None = None,
    note: str | None = None,
) -> TrustList:
    """Which list do these bytes hold, in PEM or in the C2PA list's JSON form?

    CA certificates become anchors. A certificate that is no CA is recognised
    only as itself, and only if the list is not one of time-stamp authorities.

    Raises:
        TrustListError: Too large, neither form, or an entry that cannot be used.
    """
    if len(data) > _MAX_LIST_BYTES:
        raise TrustListError(f"{source}: {len(data)} bytes, expected {_MAX_LIST_BYTES} at most")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TrustListError(f"{source}: expected PEM or JSON text, got other bytes") from error
    windows: Mapping[str, tuple[Window, ...]] = {}
    if text.lstrip().startswith("{"):
        # Few lists are in this form, and its models take long to make.
        from provenance.trust.entity_list import parse_entity_list

        listed = parse_entity_list(text, where=source)
        certificates, windows = listed.certificates, listed.windows
        dated = dated or listed.issued_at
    else:
        certificates = parse_pem_bundle(text, where=source)
    anchors = tuple({c.sha256: c for c in certificates if c.is_ca}.values())
    end_entities = frozenset(c.sha256 for c in certificates if not c.is_ca)
    if end_entities and purpose is ListPurpose.TIME_STAMP:
        # Left out in silence, it would be missed only when a file loses its time.
        raise TrustListError(
            f"{source}: expected certificates of CAs for time-stamps, got {len(end_entities)} "
            "that are not"
        )
    digest = hashlib.sha256(data).hexdigest()
    return TrustList(
        name=name,
        purpose=purpose,
        anchors=anchors,
        end_entities=frozenset() if purpose is ListPurpose.TIME_STAMP else end_entities,
        windows=windows,
        sha256=digest,
        source=source,
        dated=dated,
        note=note or KNOWN_FROZEN.get(digest),
    )


def load_trust_list(
    path: Path, *, purpose: ListPurpose = ListPurpose.CLAIM, name: str | None = None
) -> TrustList:
    """Which list does this file hold?

    Raises:
        TrustListError: Not readable, or not a usable list.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrustListError(f"{path}: cannot be read: {reason}") from error
    # Reports name it, and are text whatever its file is called.
    source = os.fsencode(path).decode("utf-8", "replace")
    return parse_trust_list(data, name=name or Path(source).stem, purpose=purpose, source=source)
