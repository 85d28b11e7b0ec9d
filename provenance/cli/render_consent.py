"""What a report says about consent, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provenance.cli.terminal import printable, quoted
from provenance.report import AiFacts, Consent, ConsentSigner
from provenance.verdict import AiState, ConsentState

__all__ = ["consent_texts"]

_MAX_LISTED = 3
_STATES = {
    ConsentState.NOT_NEEDED: "no use that concerns an artist is declared",
    ConsentState.ON_RECORD: "on record for all that is declared",
    ConsentState.PARTLY: "on record for some of what is declared",
    ConsentState.ENDED: "on record and in force when it was signed; its term has ended since",
    ConsentState.EXPIRED: "not in force when it was signed",
    ConsentState.NOT_ATTRIBUTED: "none that counts",
    ConsentState.NONE: "none on record in these credentials",
}


def consent_texts(ai: AiFacts) -> Iterator[str]:
    """Which lines say whether artists consented, and who says so? None where nobody asks.

    What an agency has not signed for is quoted as what somebody says, never told as so.
    """
    # A stranger's statement is shown for what it is, also where no use is declared.
    shown = [consent for consent in ai.consents if _is_shown(ai, consent)]
    if ai.state is AiState.NOT_DECLARED and not shown:
        return
    if ai.consent in _STATES:
        yield _STATES[ai.consent] + _uses(ai)
    for consent in shown[:_MAX_LISTED]:
        yield _statement(consent)
    if len(shown) > _MAX_LISTED:
        yield f"and {len(shown) - _MAX_LISTED} more statements"


def _is_shown(ai: AiFacts, consent: Consent) -> bool:
    return ai.state is not AiState.NOT_DECLARED or consent.state in {
        "not-attributed",
        "out-of-scope",
        "signature-mismatch",
    }


def _uses(ai: AiFacts) -> str:
    if not ai.uses:
        return ""
    listed = ", ".join(
        f"{printable(use.use)} of {quoted(use.artist)}" for use in ai.uses[:_MAX_LISTED]
    )
    more = len(ai.uses) - _MAX_LISTED
    return f": {listed}" + (f" and {more} more" if more > 0 else "")


def _statement(consent: Consent) -> str:
    who = " and ".join(_signer(signer) for signer in consent.signed_by) or "somebody"
    where = "worldwide" if consent.territories is None else f"in {_some(consent.territories)}"
    parts = [
        f"{who} says that {quoted(consent.artist)} consented to {_some(consent.uses)}",
        f"from {consent.valid_from.date()} until {consent.valid_until.date()}, {where}",
        f"to withdraw: {quoted(consent.revocation_contact)}",
        f"paper {consent.paper_sha256[:16]}...",
    ]
    if consent.state != "counts":
        parts.insert(0, f"does not count ({printable(consent.why)})")
    return "; ".join(parts)


def _signer(signer: ConsentSigner) -> str:
    if signer.agency is not None:
        return printable(signer.agency.name)
    name = f" (certificate says {quoted(signer.says_name)})" if signer.says_name else ""
    return f"the holder of a key vouched for by {printable(signer.recognised_by)}{name}"


def _some(texts: Iterable[str]) -> str:
    texts = tuple(texts)
    more = len(texts) - 10
    return ", ".join(map(printable, texts[:10])) + (f" and {more} more" if more > 0 else "")
