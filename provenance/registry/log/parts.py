"""A release with more files than one entry holds, stated in several."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from provenance.errors import LimitError
from provenance.registry.log.leaf import MAX_EMBARGOED_BYTES, SignedStatement, sign_statement
from provenance.registry.log.statement import MAX_FILES, Register, ReleaseFile, canonical_json

if TYPE_CHECKING:
    # Loads the engine, which signing a statement has no need of.
    from provenance.credentials.engine_signing import ClaimSigner

__all__ = ["sign_release", "split_release"]


def sign_release(
    files: Sequence[ReleaseFile], *, agency: str, release: str, at: datetime, signer: ClaimSigner
) -> tuple[SignedStatement, ...]:
    """Which statements say that these files are this release?

    Args:
        files: In the order in which they are stated; at least one.
        agency: Its id in the directory.
        release: The release's id.
        at: When the agency says it states this.
        signer: Its key.

    Raises:
        LimitError: One file alone makes an entry that is too long.
        SigningError: The signer's chain or algorithm cannot be used.
        ValidationError: A file stands in one part twice, or an id is none.
    """
    signed: list[SignedStatement] = []
    start, count = 0, MAX_FILES
    # Who lists an authority and not the key needs the certificates: fewer files in a part
    # come before fewer certificates.
    whole_chain = True
    while start < len(files):
        part = tuple(files[start : start + count])
        statement = Register(agency=agency, release=release, claimed_at=at, files=part)
        try:
            signed.append(sign_statement(statement, signer, whole_chain=whole_chain))
        except LimitError:
            if len(part) > 1:
                count = (len(part) + 1) // 2
            elif whole_chain:
                whole_chain, count = False, MAX_FILES
            else:
                raise
            continue
        start += len(part)
    return tuple(signed)


def split_release(
    files: Sequence[ReleaseFile],
    *,
    agency: str,
    release: str,
    at: datetime,
    embargo_until: datetime | None = None,
    max_bytes: int = MAX_EMBARGOED_BYTES,
) -> tuple[Register, ...]:
    """Which statements, each of so many bytes at most, say that these files are this release?

    For an embargo: each is committed to by itself, with a salt of its own.

    Args:
        files: In the order in which they are stated; at least one.
        agency: Its id in the directory.
        release: The release's id.
        at: When the agency says it states this.
        embargo_until: Until when nobody else is to hear of it.
        max_bytes: How long one may be.

    Raises:
        LimitError: One file alone makes a statement that is too long.
        ValidationError: A file stands in one part twice, or an id is none.
    """

    def stated(part: Sequence[ReleaseFile]) -> Register:
        return Register(
            agency=agency,
            release=release,
            claimed_at=at,
            files=tuple(part),
            embargo_until=embargo_until,
        )

    parts: list[Register] = []
    start = 0
    while start < len(files):
        count = min(MAX_FILES, len(files) - start)
        while len(canonical_json(stated(files[start : start + count]))) > max_bytes:
            if count == 1:
                raise LimitError(
                    f"release {release}: file {start} alone makes a statement of more than "
                    f"{max_bytes} bytes"
                )
            count -= 1
        parts.append(stated(files[start : start + count]))
        start += count
    return tuple(parts)
