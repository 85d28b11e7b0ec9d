"""Revocation in a verification: which answers there are, and what follows for the signer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from provenance.credentials.manifest_store import ManifestStore
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import Finding, Revocation, finding
from provenance.trust.certificates import Certificate
from provenance.trust.recognition import Recogniser, Recognition
from provenance.trust.revocation import OcspEvidence, RevocationAnswer, RevocationChecker
from provenance.untrusted import clean_text
from provenance.verdict import RevocationState, SignerKind

__all__ = ["apply_revocation", "check_revocation", "later_status", "revocation_facts"]

_RECOGNISED = {SignerKind.AGENCY, SignerKind.LISTED}
_POSITIVE = {FindingCode.SIGNER_IS_AGENCY, FindingCode.SIGNER_LISTED}


def later_status(store: ManifestStore, limits: Limits) -> tuple[OcspEvidence, ...]:
    """Which OCSP responses did manifests bring for those signed before, the newest first?

    A response proves itself: by its own signature who answers, by the number and
    the issuer in it for which certificate. So it does not matter which manifest
    of the store brings it, or who signed that one.

    Spec: C2PA 2.5, "Certificate status assertion" (`c2pa.certificate-status`).
    """
    found: list[OcspEvidence] = []
    for manifest in reversed(list(store.manifests.values())):
        for assertion in manifest.of_type("c2pa.certificate-status"):
            values = assertion.decode_map(limits).get("ocspVals")
            for value in values if isinstance(values, (list, tuple)) else ():
                # Each costs a signature check or more.
                if isinstance(value, bytes) and len(found) < limits.max_ocsp_responses:
                    found.append(OcspEvidence("manifest", value))
    return tuple(found)


def check_revocation(
    checker: RevocationChecker,
    recogniser: Recogniser,
    recognition: Recognition,
    chain: Sequence[Certificate],
    evidence: Sequence[OcspEvidence],
    *,
    trusted_time: datetime | None,
    now: datetime,
) -> RevocationAnswer:
    """Had this signer's certificate been revoked when it was used?

    Of a signer whom nobody recognises it is not asked: an issuer that anybody
    can make for himself would give the answer.
    """
    if recognition.kind not in _RECOGNISED:
        return RevocationAnswer(
            state=RevocationState.NOT_CHECKED, why="the signing key is not recognised"
        )
    anchor = recogniser.anchor_of(chain, trusted_time or now)
    return checker.check(evidence, chain, anchor, trusted_time=trusted_time, now=now)


def apply_revocation(
    answer: RevocationAnswer, recognition: Recognition
) -> tuple[Recognition, tuple[Finding, ...]]:
    """What does the answer make of the signer, and what is to be said about it?

    A revoked certificate counts as one that is on no list, and so does one below
    a revoked authority: the chain that led to the anchor does not hold.
    """
    if answer.state is RevocationState.GOOD:
        found = finding(FindingCode.CERTIFICATE_NOT_REVOKED, **_evidence(answer))
        return recognition, (found,)
    if answer.state is RevocationState.REVOKED:
        found = finding(
            FindingCode.CERTIFICATE_REVOKED, matched=recognition.recognised_by, **_evidence(answer)
        )
    elif answer.authority is not None:
        found = finding(
            FindingCode.CERTIFICATE_CHAIN,
            revoked_authority=answer.authority.subject,
            matched=recognition.recognised_by,
            **_evidence(answer.authority),
        )
    else:
        return recognition, ()
    kept = tuple(f for f in recognition.findings if f.code not in _POSITIVE)
    unlisted = replace(
        recognition,
        kind=SignerKind.UNRECOGNISED,
        agency=None,
        recognised_by=None,
        findings=kept,
    )
    return unlisted, (found,)


def revocation_facts(answer: RevocationAnswer) -> Revocation:
    """What does the report say about revocation?"""
    return Revocation(
        state=answer.state,
        why=clean_text(answer.why),
        source=answer.source,
        produced_at=answer.produced_at,
        revoked_at=answer.revoked_at,
        reason=answer.reason,
    )


def _evidence(answer: RevocationAnswer) -> dict[str, object]:
    def when(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment is not None else None

    return {
        "why": clean_text(answer.why),
        "source": answer.source,
        "produced_at": when(answer.produced_at),
        "this_update": when(answer.this_update),
        "next_update": when(answer.next_update),
        "revoked_at": when(answer.revoked_at),
        "reason": answer.reason,
        "says_responder": clean_text(answer.says_responder) if answer.says_responder else None,
        "responder": _responder(answer),
    }


def _responder(answer: RevocationAnswer) -> str:
    if not answer.delegated:
        return "the issuer"
    exempt = "exempt from revocation" if answer.responder_exempt else "its revocation not checked"
    return f"authorised by the issuer, {exempt}"
