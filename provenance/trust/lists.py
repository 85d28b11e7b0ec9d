"""Trust lists: named sets of anchors, each kept apart from the others and from the directory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from provenance.errors import TrustListError
from provenance.trust.certificates import Certificate, parse_pem_bundle

__all__ = ["ListPurpose", "TrustList", "load_trust_list", "parse_trust_list"]

_MAX_LIST_BYTES = 10 * 1024 * 1024


class ListPurpose(StrEnum):
    """What a list's anchors may vouch for.

    A claim anchor never vouches for a time-stamp authority, nor the other way round.
    """

    CLAIM = "claim"
    TIME_STAMP = "time-stamp"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustList:
    """One list.

    Attributes:
        name: What reports call it.
        purpose: What its anchors may vouch for.
        anchors: CA certificates, roots or intermediates, that end a path.
        end_entities: Certificates recognised only as exactly themselves.
        sha256: Digest of the list as it was read.
        source: Where it came from, in words.
    """

    name: str
    purpose: ListPurpose
    anchors: tuple[Certificate, ...]
    end_entities: frozenset[str]
    sha256: str
    source: str

    @property
    def certificates(self) -> int:
        """How many certificates it holds."""
        return len(self.anchors) + len(self.end_entities)


def parse_trust_list(data: bytes, *, name: str, purpose: ListPurpose, source: str) -> TrustList:
    """Which list do these PEM bytes hold?

    CA certificates become anchors. A certificate that is no CA is recognised
    only as itself; a list of time-stamp authorities may hold none.

    Raises:
        TrustListError: Too large, not text, or a block that cannot be used.
    """
    if len(data) > _MAX_LIST_BYTES:
        raise TrustListError(f"{source}: {len(data)} bytes, expected {_MAX_LIST_BYTES} at most")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TrustListError(f"{source}: expected PEM text, got bytes that are not") from error
    certificates = parse_pem_bundle(text, where=source)
    anchors = tuple({c.sha256: c for c in certificates if c.is_ca}.values())
    end_entities = frozenset(c.sha256 for c in certificates if not c.is_ca)
    if end_entities and purpose is ListPurpose.TIME_STAMP:
        # Left out in silence, it would be missed only when a file loses its time.
        raise TrustListError(
            f"{source}: expected certificates of CAs for time-stamps, got {len(end_entities)} "
            "that are not"
        )
    return TrustList(
        name=name,
        purpose=purpose,
        anchors=anchors,
        end_entities=end_entities,
        sha256=hashlib.sha256(data).hexdigest(),
        source=source,
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
    return parse_trust_list(data, name=name or path.stem, purpose=purpose, source=str(path))
