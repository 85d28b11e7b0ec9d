"""Judging the artist's own signature in a statement of consent: whose is it, and of what?"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.credentials.consent_signature import artist_signature, check_artist_signature
from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.manifest_store import Assertion
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.report import ConsentSigner
from provenance.untrusted import clean_text
from provenance.verification.identity_holder import HolderJudge
from provenance.verification.party import Party

__all__ = ["ArtistAnswer", "judge_artist_signature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistAnswer:
    """What the artist's own signature in a statement is worth.

    Attributes:
        signer: Who made it, where a list of identities vouches for the holder of the key.
        is_wrong: It belongs to another statement, or to other words.
        why: Why there is nobody, where there is a signature.
        says_name: What its certificate says of itself; untrusted text.
    """

    signer: ConsentSigner | None = None
    is_wrong: bool = False
    why: str = ""
    says_name: str | None = None


def judge_artist_signature(
    assertion: Assertion, party: Party, holders: HolderJudge | None, limits: Limits
) -> ArtistAnswer:
    """Who made the artist's own signature, if there is one?

    A key that is an agency's is not the artist's: what an agency says, it says by its
    claim or its identity.

    Args:
        assertion: The statement.
        party: Who signed the manifest, and when.
        holders: Says whose key it is.
        limits: Bounds on what is decoded.
    """
    data = assertion.decode_map(limits)
    try:
        sign1 = artist_signature(data, limits)
    except (MalformedError, LimitError) as error:
        return ArtistAnswer(is_wrong=True, why=clean_text(error))
    if sign1 is None:
        return ArtistAnswer()
    answer = check_artist_signature(sign1, data)
    if answer is SignatureAnswer.MISMATCH:
        why = "the artist's signature in it does not belong to it"
        return ArtistAnswer(is_wrong=True, why=why)
    if answer is not SignatureAnswer.VALID or holders is None:
        return ArtistAnswer(why="the artist's signature in it could not be checked")
    held = holders.judge(sign1, party.time.trusted_at, party.about)
    matched = held.holder.recognised_by
    if held.state == "verified" and matched is not None and held.holder.agency is None:
        signer = ConsentSigner(kind="listed", recognised_by=matched, says_name=held.says_name)
        return ArtistAnswer(signer=signer)
    why = "its key is an agency's, not an artist's" if held.holder.agency else clean_text(held.why)
    return ArtistAnswer(why=why, says_name=held.says_name)
