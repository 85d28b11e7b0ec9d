"""Writing it all down: from the answers of the steps to the verdict and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.credentials.cose import SignatureAnswer
from provenance.findings import MEANINGS, FindingCode
from provenance.limits import Limits
from provenance.report import (
    AiFacts,
    Asset,
    CheckNotRun,
    Finding,
    Integrity,
    MetadataField,
    Report,
    Signer,
)
from provenance.trust.revocation import RevocationAnswer
from provenance.untrusted import clean_text
from provenance.verdict import (
    IntegrityState,
    RevocationState,
    SignerKind,
    VerdictBasis,
    derive_verdict,
)
from provenance.verification.agencies import agency_ref
from provenance.verification.context import JudgedWith
from provenance.verification.credentials import Judgement
from provenance.verification.history import manifest_facts
from provenance.verification.party import NO_TIME, certificate_facts
from provenance.verification.recovery import Recovered
from provenance.verification.release_status import ReleaseAnswer
from provenance.verification.resemblance import ResemblanceFound
from provenance.verification.revocation import revocation_facts
from provenance.verification.summary import deciding_finding, summarise

__all__ = ["Answers", "Evidence", "assemble"]

_NO_CERTIFICATE = RevocationAnswer(
    state=RevocationState.NOT_CHECKED, why="there is no signing certificate"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one verification is about, and what was found on the way.

    Attributes:
        asset: Which bytes it is about.
        judgement: What its credentials are worth.
        findings: Found beside the credentials.
        checks_not_run: Not checked beside the credentials.
        recovered: Where the credentials were looked for; None where nothing could be.
        now: The time of verification.
    """

    asset: Asset
    judgement: Judgement
    findings: Sequence[Finding]
    checks_not_run: Sequence[CheckNotRun]
    recovered: Recovered | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was found out beside integrity and signer.

    Attributes:
        metadata: Its descriptive data.
        ai: What is said of trained models.
        release: What the register says of the release.
        resemblance: What it looks or sounds like.
    """

    metadata: tuple[MetadataField, ...]
    ai: AiFacts
    release: ReleaseAnswer
    resemblance: ResemblanceFound


def assemble(
    evidence: Evidence, answers: Answers, judged_with: JudgedWith, limits: Limits
) -> Report:
    """Which verdict follows from these answers, and which report says so?"""
    judgement = evidence.judgement
    findings = (*evidence.findings, *judgement.findings)
    signer = _signer(judgement)
    release = answers.release.release
    resemblances = answers.resemblance.resemblances
    verdict = derive_verdict(
        VerdictBasis(
            integrity=judgement.state,
            signer=signer.kind,
            release=release.state,
            resembles=bool(resemblances),
            obstacles=frozenset(
                obstacle
                for found in findings
                if (obstacle := MEANINGS[found.code].obstacle) is not None
            ),
        )
    )
    test = judged_with.is_test or any(f.code is FindingCode.TEST_KEY for f in findings)
    reason = deciding_finding(verdict, findings)
    ingredients = judgement.history.ingredients if judgement.history else ()
    party, judged = judgement.party, judgement.judged
    carried = judgement.identity.carried
    has_credentials = judgement.state is not IntegrityState.ABSENT
    revocation = party.revocation if party else _NO_CERTIFICATE
    return Report(
        verdict=verdict,
        test=test,
        summary=summarise(
            verdict,
            reason=reason,
            signer=signer,
            findings=findings,
            ingredients=ingredients,
            ai=answers.ai,
            integrity=judgement.state,
            release=release,
            resemblances=resemblances,
            test=test,
            product=carried.product.name if carried else None,
        ),
        reason=reason,
        asset=evidence.asset,
        integrity=_integrity(judgement, evidence.recovered),
        signer=signer,
        time=party.time if party and signer.kind is not SignerKind.NONE else NO_TIME,
        revocation=revocation_facts(revocation),
        identity=judgement.identity.identities,
        release=release,
        resemblance=resemblances,
        recovery=(
            *(evidence.recovered.steps if evidence.recovered else ()),
            *answers.resemblance.steps,
        ),
        ai=answers.ai,
        metadata=answers.metadata,
        manifest=manifest_facts(judged.manifest, party, limits) if judged and party else None,
        ingredients=ingredients,
        coverage=judgement.covered,
        findings=findings,
        checks_not_run=(
            *evidence.checks_not_run,
            *judgement.checks_not_run,
            *_never_run(revocation if has_credentials else None, undated=judged_with.undated_lists),
        ),
        context=judged_with.at(evidence.now),
    )


def _signer(judgement: Judgement) -> Signer:
    """Who signed. A signature that does not hold was made by nobody."""
    party = judgement.party
    if party is None or party.leaf is None or party.signature is not SignatureAnswer.VALID:
        return Signer(kind=SignerKind.NONE)
    recognition = party.recognition
    generator = judgement.judged.manifest.claim.generator if judgement.judged else None
    return Signer(
        kind=recognition.kind,
        agency=agency_ref(recognition.agency) if recognition.agency else None,
        disowned_by=agency_ref(recognition.disowned_by) if recognition.disowned_by else None,
        recognised_by=recognition.recognised_by,
        says_product=clean_text(generator) if generator else None,
        certificate=certificate_facts(party.leaf, party.algorithm),
    )


def _integrity(judgement: Judgement, recovered: Recovered | None) -> Integrity:
    judged = judgement.judged
    origin = None
    if judgement.state is not IntegrityState.ABSENT and judgement.store is not None:
        origin = recovered.origin if recovered else None
    bindings = judged.binding.hard_bindings if judged else ()
    url = judgement.reading.remote_url
    return Integrity(
        state=judgement.state,
        binding=clean_text(bindings[0].label) if len(bindings) == 1 else None,
        manifest=clean_text(judged.manifest.label) if judged else None,
        manifests=tuple(map(clean_text, judged.labels)) if judged else (),
        credentials_from=origin,
        remote_url=clean_text(url) if url else None,
    )


def _never_run(
    revocation: RevocationAnswer | None, *, undated: Sequence[str]
) -> tuple[CheckNotRun, ...]:
    checks: list[CheckNotRun] = []
    if revocation is not None:
        if revocation.state is RevocationState.NOT_CHECKED:
            checks.insert(0, CheckNotRun(check="revocation", why=clean_text(revocation.why)))
        checks += [
            CheckNotRun(check=f"freshness of list {name}", why="nobody says when it was made")
            for name in undated
        ]
    return tuple(checks)
