"""One plain English sentence for a report. Never stronger than the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from provenance.findings import MEANINGS, FindingCode
from provenance.report import AiFacts, Finding, Ingredient, Signer
from provenance.verdict import AiState, ConsentState, IntegrityState, Obstacle, Verdict

__all__ = ["deciding_finding", "summarise"]

# Short reasons for "Could not be checked: ...".
_REASONS = {
    FindingCode.UNSUPPORTED_TYPE: "this is not a type of file whose credentials can be read",
    FindingCode.EMPTY_FILE: "the file is empty",
    FindingCode.CONTAINER_UNREADABLE: "the file is damaged",
    FindingCode.CHANGED_WHILE_READ: "the file changed while it was being examined",
    FindingCode.LIMIT_REACHED: "examining it hit a limit",
    FindingCode.ENGINE_FAILED: "the check itself failed",
    FindingCode.TIME_EXHAUSTED: "it took longer than is allowed here",
    FindingCode.MEMORY_EXHAUSTED: "it needs more memory than is allowed here",
    FindingCode.SCRATCH_EXHAUSTED: "it needs more disk than there is for it here",
    FindingCode.CHECK_CRASHED: "the process that examined it died",
    FindingCode.SIDECAR_ALONE: "these are credentials without the file they belong to",
    FindingCode.FRAGMENT_ALONE: "this is a piece of a video without its beginning",
    FindingCode.ENGINES_DISAGREE: "two independent checks came to different answers",
    FindingCode.CREDENTIALS_UNREADABLE: "its credentials are damaged",
    FindingCode.CREDENTIALS_ELSEWHERE: "its credentials are kept elsewhere and were not fetched",
    FindingCode.CREDENTIALS_INVALID: "its credentials break the rules of their specification",
    FindingCode.CREDENTIALS_INCOMPLETE: "its credentials lack a proof that has to be there",
    FindingCode.SEVERAL_MANIFEST_STORES: "it holds more than one set of credentials",
    FindingCode.ALGORITHM_UNSUPPORTED: "its signature is of a kind that cannot be checked here",
    FindingCode.FRAGMENTS_MISSING: "this is a fragmented video without its fragments",
    FindingCode.PARTLY_COVERED: "the signature covers only part of the file",
    FindingCode.COVERAGE_UNKNOWN: "it is not known which part of the file the signature covers",
    FindingCode.DIRECTORY_TOO_OLD: "the agency directory is too old",
    FindingCode.CERTIFICATE_EXPIRED: (
        "the signing certificate has expired, and no trusted time-stamp says that it was valid then"
    ),
    FindingCode.CERTIFICATE_NOT_YET_VALID: "the signing certificate is not valid yet",
    FindingCode.TIME_OUTSIDE_VALIDITY: (
        "it was signed at a time when the signing certificate was not valid"
    ),
}
_ALTERED_BY = (
    FindingCode.CONTENT_MISMATCH,
    FindingCode.CLAIM_SIGNATURE_MISMATCH,
    FindingCode.ASSERTION_MISMATCH,
)


def deciding_finding(verdict: Verdict, findings: Sequence[Finding]) -> FindingCode | None:
    """Which finding decided, where the verdict is altered or undetermined?

    Our own reasons come before the file's, as in the verdict table.
    """
    codes = [found.code for found in findings]
    if verdict is Verdict.ALTERED:
        return next((code for code in _ALTERED_BY if code in codes), None)
    if verdict is Verdict.UNDETERMINED:
        for whose in (Obstacle.OURS, Obstacle.FILE):
            for code in codes:
                if MEANINGS[code].obstacle is whose:
                    return code
    return None


def summarise(  # noqa: PLR0913 - each is one fact of the sentence
    verdict: Verdict,
    *,
    reason: FindingCode | None,
    signer: Signer,
    findings: Sequence[Finding],
    ingredients: Sequence[Ingredient],
    ai: AiFacts,
    integrity: IntegrityState,
    test: bool,
    product: str | None = None,
) -> str:
    """Say in one or two plain sentences what is known.

    Names from certificates appear only where a trust list vouches for the key;
    an agency's name is always the directory's, and so is that of the `product`
    under whose claim an agency was recognised by its identity.
    """
    parts = [_lead(verdict, reason, signer, findings)]
    official = verdict in {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}
    if official and product is not None and signer.agency is not None:
        parts.append(f"Published by {signer.agency.name} (identity), signed with {product}.")
    if not official:
        made_from = next((i.agency.name for i in ingredients if i.agency), None)
        if made_from and integrity is IntegrityState.INTACT:
            parts.append(f"It says it was made from a release of {made_from}.")
    elif ai.state is not AiState.NOT_DECLARED:
        how_far = "all" if ai.state is AiState.FULLY else "part"
        parts.append(f"It declares that AI made {how_far} of it{_consent(ai)}.")
    return ("TEST. " if test else "") + " ".join(parts)


_MAX_NAMES = 3
_CONSENTS = {
    ConsentState.NOT_CHECKED: "",
    ConsentState.NOT_NEEDED: ", and that this concerns no artist",
    ConsentState.ON_RECORD: ", with the consent of {artists} on record",
    ConsentState.PARTLY: ", with a consent on record for some of that only",
    ConsentState.ENDED: ", with the consent of {artists}, whose term has ended since",
    ConsentState.EXPIRED: ", with a consent that was not in force when it was signed",
    ConsentState.NOT_ATTRIBUTED: "; no consent of an artist is on record that counts",
    ConsentState.NONE: "; no consent of an artist is on record in it",
}


def _consent(ai: AiFacts) -> str:
    """How the sentence about AI goes on. "On record" is what an agency has signed for."""
    counted = (c.artist for c in ai.consents if c.state in {"counts", "ended"})
    artists = list(dict.fromkeys(counted))
    names = ", ".join(artists[:_MAX_NAMES])
    more = " and others" if len(artists) > _MAX_NAMES else ""
    # Not by `format`: a name may hold braces.
    return _CONSENTS[ai.consent].replace("{artists}", names + more)


def _lead(
    verdict: Verdict, reason: FindingCode | None, signer: Signer, findings: Sequence[Finding]
) -> str:
    agency = signer.agency.name if signer.agency else "this agency"
    if verdict is Verdict.SIGNED_UNRECOGNISED:
        return _unrecognised(signer, findings)
    if verdict is Verdict.UNDETERMINED:
        why = _REASONS.get(reason, "no answer either way") if reason else "no answer either way"
        return f"Could not be checked: {why}."
    return {
        Verdict.ALTERED: "Its credentials do not match this file.",
        Verdict.OFFICIAL: f"Official release of {agency}.",
        Verdict.OFFICIAL_WITHDRAWN: f"Released by {agency}, since withdrawn.",
        Verdict.LOOKALIKE: (
            "Unverified. It looks like a registered release, but this copy carries no proof "
            "that it comes from the agency."
        ),
        Verdict.SIGNED: (
            f"Signed with {_listed_name(signer)}. That is not an agency in this directory."
        ),
        Verdict.UNVERIFIED: (
            "Unverified. No credentials found. This does not say whether it is genuine."
        ),
    }[verdict]


def _listed_name(signer: Signer) -> str:
    certificate = signer.certificate
    name = certificate and (certificate.says_common_name or certificate.says_organization)
    return name or "a listed certificate"


# What a key may be limited to, as its agency's own sentence ends.
_OUTSIDE = {
    "media kind": "this kind of media",
    "artist": "this artist",
    "territory": "this territory",
}


def _out_of_scope(findings: Sequence[Finding]) -> str:
    for found in findings:
        if found.code is FindingCode.KEY_OUT_OF_SCOPE:
            agency = found.evidence.get("agency_name") or "Its agency"
            what = _OUTSIDE.get(str(found.evidence.get("outside")), "this kind of release")
            return f"{agency} has not authorised the key it is signed with for {what}."
    raise AssertionError("no finding about scope")


def _unrecognised(signer: Signer, findings: Sequence[Finding]) -> str:
    codes = {found.code for found in findings}
    if signer.disowned_by is not None:
        return f"Signed with a key that {signer.disowned_by.name} has disowned."
    if FindingCode.CERTIFICATE_REVOKED in codes:
        return "Signed with a key that its issuer has revoked."
    if FindingCode.KEY_OUT_OF_SCOPE in codes:
        return _out_of_scope(findings)
    if FindingCode.KEY_OUTSIDE_WINDOW in codes:
        return "Signed with a key that its agency has not authorised for that time."
    return "Signed by someone we cannot identify."
