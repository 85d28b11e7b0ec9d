"""A consent of a release as it becomes public, and the artist's own signature over that.

The artist signs before the release is planned, with a key that stays with the artist; the
release manifest then holds the signature. So a plan can be made again to the byte, and no
release desk ever signs in an artist's name.
"""

from __future__ import annotations

from typing import Any

from provenance.credentials.consent import ConsentStatement, artist_key
from provenance.credentials.consent_signature import (
    artist_signature,
    check_artist_signature,
    sign_consent,
)
from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.engine_signing import ClaimSigner
from provenance.errors import LimitError, MalformedError, ReleaseError
from provenance.signing.consent import ConsentRecord
from provenance.signing.release_model import Release

__all__ = ["consent_assertion", "sign_for_artist"]


def consent_assertion(release: Release, record: ConsentRecord) -> dict[str, Any]:
    """The assertion of this consent, as a manifest definition has it.

    Raises:
        ReleaseError: The artist's signature in it is of something else.
    """
    statement = _statement(release, record)
    assertion = statement.assertion()
    where = f"consent of {statement.artist}"
    try:
        sign1 = artist_signature(assertion["data"])
    except (MalformedError, LimitError) as error:
        raise ReleaseError(f"{where}: {error}") from error
    if sign1 is None:
        return assertion
    if check_artist_signature(sign1, assertion["data"]) is not SignatureAnswer.VALID:
        raise ReleaseError(
            f"{where}: the artist's signature does not belong to it; where anything in it was "
            "changed, it has to be signed again"
        )
    return assertion


def sign_for_artist(
    release: Release, artist: str, signer: ClaimSigner, *, paper_sha256: str | None = None
) -> str:
    """What does the release manifest have to hold as this artist's signature?

    Args:
        release: The release, with the consent on record.
        artist: Whose consent.
        signer: The artist's key.
        paper_sha256: Which consent, where there are several: the beginning of its
            paper's digest.

    Raises:
        ReleaseError: There is no such consent, or more than one.
        SigningError: The key cannot be used.
    """
    key = artist_key(release.canonical_name(artist))
    found = [
        record
        for record in release.consents
        if artist_key(release.canonical_name(record.artist)) == key
        and record.paper_sha256.startswith(paper_sha256 or "")
    ]
    if len(found) != 1:
        papers = ", ".join(record.paper_sha256[:16] for record in found) or "none"
        raise ReleaseError(f"consent of {artist}: expected one on record, got {papers}")
    statement = _statement(release, found[0]).model_copy(update={"artist_signature": None})
    signed = sign_consent(statement, signer).artist_signature
    assert signed is not None  # noqa: S101 - it was just put there
    return signed


def _statement(release: Release, record: ConsentRecord) -> ConsentStatement:
    # By the name that everything else in the manifest has for the artist.
    return record.statement().model_copy(update={"artist": release.canonical_name(record.artist)})
