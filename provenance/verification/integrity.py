"""Integrity: is the file what its credentials were made for?

Every rung asks for its proof to be present. The engine's word and our own are
compared where both exist; where they differ, nobody is believed and nobody is
accused. What is left of the engine's failures after the questions we decide
ourselves (signer, time, identity, ingredients) breaks the credentials, known
code or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.engine import EngineReading
from provenance.credentials.manifest_store import Manifest
from provenance.findings import FindingCode
from provenance.report import Finding, finding
from provenance.untrusted import clean_text
from provenance.verdict import IntegrityState
from provenance.verification.party import Party

__all__ = ["IntegrityAnswer", "IntegrityEvidence", "judge_integrity"]

_MATCH = frozenset(
    {
        "assertion.dataHash.match",
        "assertion.bmffHash.match",
        "assertion.boxesHash.match",
        "assertion.collectionHash.match",
        "assertion.multiAssetHash.match",
    }
)
_MISMATCH = frozenset(
    {
        "assertion.dataHash.mismatch",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.collectionHash.mismatch",
        "assertion.collectionHash.incorrectFileCount",
        "assertion.multiAssetHash.mismatch",
    }
)
# Decided by us, on our own evidence. Everything else the engine calls a failure
# is one, whether we know the code or not.
_DECIDED_ELSEWHERE = (
    "signingCredential.",
    "timeStamp.",
    "timeOfSigning.",
    "claimSignature.outsideValidity",
    "cawg.",
    "ingredient.",
)
_ABOUT_OTHERS = frozenset({"claimSignature.mismatch", "assertion.hashedURI.mismatch"})
_INCOMPLETE = frozenset(
    {
        "assertion.missing",
        "claim.hardBindings.missing",
        "claimSignature.missing",
        "claim.missing",
        "assertion.required.missing",
        "claim.required.missing",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityEvidence:
    """All that integrity is judged from.

    Attributes:
        reading: What the engine says.
        binding: The manifest whose hard binding stands for the bytes.
        signed: Every manifest from the active one down to the binding one, with
            what is known of its maker.
        own_content: Our own answer about the covered bytes; None where it was
            not worked out.
        same_store: Whether we and the engine read the same manifest store; None
            where the engine's alone is known.
        fully_covered: Whether every byte that matters is covered.
        lacks_fragments: Whether the asset is an initialisation segment alone.
        unknown_hash: The hard binding's hash algorithm, where nobody here can compute it.
    """

    reading: EngineReading
    binding: Manifest
    signed: Sequence[tuple[Manifest, Party]]
    own_content: bool | None
    same_store: bool | None
    fully_covered: bool
    lacks_fragments: bool
    unknown_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityAnswer:
    """State of the integrity axis, with the findings that led there."""

    state: IntegrityState
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Sheet:
    """What has been found so far, and how bad it is."""

    findings: list[Finding] = field(default_factory=list)
    altered: bool = False
    blocked: bool = False

    def passed(self, code: FindingCode, **evidence: object) -> None:
        self.findings.append(finding(code, **evidence))

    def accuse(self, code: FindingCode, **evidence: object) -> None:
        self.altered = True
        self.findings.append(finding(code, **evidence))

    def block(self, code: FindingCode, **evidence: object) -> None:
        self.blocked = True
        self.findings.append(finding(code, **evidence))


def judge_integrity(evidence: IntegrityEvidence) -> IntegrityAnswer:
    """Is the file what its credentials were made for?

    Spec: C2PA 2.5, "Validation", steps on the claim signature, assertions and
    hard bindings.
    """
    sheet = _Sheet()
    _check_store(evidence, sheet)
    _check_signatures(evidence, sheet)
    _check_assertions(evidence, sheet)
    _check_content(evidence, sheet)
    _check_rest(evidence, sheet)
    if sheet.altered:
        state = IntegrityState.ALTERED
    elif sheet.blocked:
        state = IntegrityState.UNREADABLE
    else:
        state = IntegrityState.INTACT if evidence.fully_covered else IntegrityState.PARTIAL
    return IntegrityAnswer(state=state, findings=tuple(sheet.findings))


def _check_store(evidence: IntegrityEvidence, sheet: _Sheet) -> None:
    active = evidence.signed[0][0]
    if evidence.same_store is False:
        sheet.block(
            FindingCode.ENGINES_DISAGREE,
            about="manifest store",
            engine="read other bytes than stand in the file",
        )
    if active.label != evidence.reading.active_label:
        sheet.block(
            FindingCode.ENGINES_DISAGREE,
            about="active manifest",
            engine=clean_text(evidence.reading.active_label),
            own=clean_text(active.label),
        )


def _check_signatures(evidence: IntegrityEvidence, sheet: _Sheet) -> None:
    """The active manifest's signature by both; those beneath it by our own check."""
    (active, active_party), *beneath = evidence.signed
    engine_valid = evidence.reading.succeeded("claimSignature.validated")
    engine_mismatch = any(
        status.code == "claimSignature.mismatch" and _is_about(status.url, {active.label})
        for status in evidence.reading.failures
    )
    own = active_party.signature
    answers = {
        "engine": "mismatch" if engine_mismatch else "valid" if engine_valid else "no answer",
        "own": own.value,
    }
    if own is SignatureAnswer.UNSUPPORTED:
        why = active_party.why_unreadable or "algorithm or key"
        sheet.block(FindingCode.ALGORITHM_UNSUPPORTED, why=why, **answers)
    elif own is SignatureAnswer.MISMATCH and engine_mismatch:
        sheet.accuse(FindingCode.CLAIM_SIGNATURE_MISMATCH, **answers)
    elif own is SignatureAnswer.VALID and engine_valid and not engine_mismatch:
        sheet.passed(FindingCode.CLAIM_SIGNATURE_VALID, algorithm=active_party.algorithm)
    elif own is SignatureAnswer.VALID and not engine_mismatch:
        codes = _codes(evidence.reading.failures)
        sheet.block(FindingCode.CREDENTIALS_INCOMPLETE, lacks="claim signature", engine=codes)
    else:
        sheet.block(FindingCode.ENGINES_DISAGREE, about="claim signature", **answers)
    for manifest, party in beneath:
        if party.signature is SignatureAnswer.MISMATCH:
            sheet.accuse(FindingCode.CLAIM_SIGNATURE_MISMATCH, manifest=clean_text(manifest.label))
        elif party.signature is not SignatureAnswer.VALID:
            sheet.block(FindingCode.ALGORITHM_UNSUPPORTED, manifest=clean_text(manifest.label))


def _check_assertions(evidence: IntegrityEvidence, sheet: _Sheet) -> None:
    labels = {manifest.label for manifest, _ in evidence.signed}
    engine_says = any(
        status.code == "assertion.hashedURI.mismatch" and _is_about(status.url, labels)
        for status in evidence.reading.failures
    )
    changed = [
        clean_text(label)
        for manifest, _ in evidence.signed
        for label in manifest.changed_assertions()
    ]
    missing = [
        clean_text(label)
        for manifest, _ in evidence.signed
        for label in manifest.missing_assertions()
    ]
    if changed and engine_says:
        sheet.accuse(FindingCode.ASSERTION_MISMATCH, assertions=changed)
    elif changed or (engine_says and not missing):
        sheet.block(
            FindingCode.ENGINES_DISAGREE,
            about="assertions",
            engine="changed" if engine_says else "no mismatch",
            own="changed" if changed else "no mismatch",
        )
    if missing:
        sheet.block(FindingCode.CREDENTIALS_INCOMPLETE, lacks="assertions", assertions=missing)


def _check_content(evidence: IntegrityEvidence, sheet: _Sheet) -> None:
    bindings = evidence.binding.hard_bindings
    if len(bindings) != 1:
        count = len(bindings)
        sheet.block(FindingCode.CREDENTIALS_INCOMPLETE, lacks="one hard binding", bindings=count)
        return
    # The engine looks for the binding beneath an update by itself, and may end
    # at another manifest than we did: its match counts for ours alone.
    said = [s for s in evidence.reading.success if s.code in _MATCH]
    matches = [s.code for s in said if _names(s.url, evidence.binding.label)]
    if len(matches) != len(said):
        sheet.block(FindingCode.ENGINES_DISAGREE, about="the manifest that binds the bytes")
        return
    mismatches = [s.code for s in evidence.reading.failures if s.code in _MISMATCH]
    if not mismatches:
        if matches and evidence.own_content is not False:
            sheet.passed(FindingCode.CONTENT_MATCHES, binding=bindings[0].label)
        elif matches:
            sheet.block(
                FindingCode.ENGINES_DISAGREE, about="content", engine="matches", own="mismatch"
            )
        else:
            sheet.block(FindingCode.CREDENTIALS_INCOMPLETE, lacks="matching hard binding")
    elif evidence.lacks_fragments:
        sheet.block(FindingCode.FRAGMENTS_MISSING)
    elif evidence.unknown_hash is not None:
        # The engine calls a digest that it cannot make a mismatch.
        sheet.block(FindingCode.ALGORITHM_UNSUPPORTED, hash=clean_text(evidence.unknown_hash))
    elif evidence.own_content is True:
        sheet.block(FindingCode.ENGINES_DISAGREE, about="content", engine="mismatch", own="matches")
    else:
        sheet.accuse(
            FindingCode.CONTENT_MISMATCH,
            codes=sorted(set(mismatches)),
            own="mismatch" if evidence.own_content is False else "not recomputed",
        )


def _check_rest(evidence: IntegrityEvidence, sheet: _Sheet) -> None:
    labels = {manifest.label for manifest, _ in evidence.signed}
    rest = []
    for status in evidence.reading.failures:
        if status.code in _MISMATCH or status.code.startswith(_DECIDED_ELSEWHERE):
            continue
        # These two were answered above where they are about a judged manifest;
        # elsewhere they are an ingredient's, and decide nothing.
        if status.code in _ABOUT_OTHERS:
            continue
        # Named already by our own check of the signature.
        if status.code == "algorithm.unsupported" and sheet.blocked:
            continue
        rest.append(status)
    incomplete = _codes(s for s in rest if s.code in _INCOMPLETE)
    invalid = _codes(s for s in rest if s.code not in _INCOMPLETE)
    if incomplete:
        sheet.block(FindingCode.CREDENTIALS_INCOMPLETE, codes=incomplete)
    if invalid:
        sheet.block(FindingCode.CREDENTIALS_INVALID, codes=invalid, manifests=sorted(labels))


def _is_about(url: str, labels: set[str]) -> bool:
    """Is a status about one of these manifests? One without a full address is."""
    _, separator, path = url.partition("jumbf=/c2pa/")
    return not separator or path.split("/", 1)[0] in labels


def _names(url: str, label: str) -> bool:
    """Is a status about exactly this manifest, by a full address?"""
    _, separator, path = url.partition("jumbf=/c2pa/")
    return bool(separator) and path.split("/", 1)[0] == label


def _codes(statuses: Iterable[object]) -> list[str]:
    return sorted({clean_text(getattr(status, "code", "")) for status in statuses})
