"""A second opinion on integrity: does an independent C2PA engine come to the same answer?

Three questions are compared, each only where both have answered it: does the claim
signature belong to the claim, are the assertions those that were signed over, are
the asset's bytes those of the hard binding. Trust, time, expiry and rules about the
form of assertions are no part of it.

    (1) no answer of ours to compare with, an asset of a type or size it is not given,
        or a difference on the list: a check that was not run, never agreement
    (2) an answer that contradicts ours: nobody is believed and nobody is accused
    (3) ours says intact, and the other one cannot tell: the same
    (4) the same answer: agreement, written down
    (5) anything else: a check that was not run
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from provenance.credentials.second_engine import (
    SecondAnswer,
    SecondEngine,
    SecondReading,
    SecondState,
)
from provenance.errors import LimitError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.media.formats import Container
from provenance.report import CheckNotRun, finding
from provenance.untrusted import clean_text
from provenance.verdict import IntegrityState
from provenance.verification.asset import AssetBytes
from provenance.verification.credentials import Judgement

__all__ = ["CHECK", "KNOWN_DIFFERENCES", "KnownDifference", "with_second_opinion"]

CHECK = "second engine"
"""What reports call the check where it was not run."""

_BOX_HEADER_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Answers:
    """The three answers of one side."""

    signature: SecondAnswer
    assertions: SecondAnswer
    content: SecondAnswer

    def contradicts(self, other: _Answers) -> bool:
        """Is there a question that both answer, and not alike?"""
        return any(
            one is not two and SecondAnswer.NONE not in {one, two}
            for one, two in zip(self._all, other._all, strict=True)
        )

    def accuses_with(self, other: _Answers) -> bool:
        """Is there a question that both answer with a mismatch?"""
        return any(
            one is two is SecondAnswer.MISMATCH
            for one, two in zip(self._all, other._all, strict=True)
        )

    @property
    def _all(self) -> tuple[SecondAnswer, ...]:
        return self.signature, self.assertions, self.content

    def as_evidence(self) -> dict[str, str]:
        return {
            "claim signature": self.signature.value,
            "assertions": self.assertions.value,
            "content": self.content.value,
        }


@dataclass(frozen=True, slots=True)
class _Facts:
    judgement: Judgement
    asset: AssetBytes
    reading: SecondReading

    @property
    def binding(self) -> str:
        """Label of the hard binding, where there is exactly one."""
        judged = self.judgement.judged
        bindings = judged.binding.hard_bindings if judged else ()
        return bindings[0].label.split("__")[0] if len(bindings) == 1 else ""


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """A difference between the engines that says nothing about a file.

    Attributes:
        name: Stable.
        reason: Why the two differ, and which of them is right.
        applies: Whether a difference is this one.
    """

    name: str
    reason: str
    applies: Callable[[_Facts], bool]

    def as_text(self) -> str:
        """For the report."""
        return f"known difference {self.name}: {self.reason}"


def _is_first_bmff_binding(facts: _Facts) -> bool:
    return (
        facts.binding == "c2pa.hash.bmff"
        and facts.reading.state is SecondState.UNREADABLE
        and "claim.hardBindings.missing" in facts.reading.codes
    )


def _is_collection_map(facts: _Facts) -> bool:
    return (
        facts.binding == "c2pa.hash.collection.data"
        and facts.reading.state is SecondState.UNREADABLE
        and "assertion.collectionHash.malformed" in facts.reading.codes
    )


def _is_refused_certificate(facts: _Facts) -> bool:
    codes = set(facts.reading.codes)
    return codes >= {"signingCredential.invalid", "claimSignature.mismatch"}


def _has_short_tail(facts: _Facts) -> bool:
    # The rest of a box header: too short for a box, and all that was added.
    layout = facts.asset.layout
    if facts.asset.media_format.container is not Container.BMFF or layout is None:
        return False
    tail = facts.asset.size_bytes - layout.media_end
    recomputed = any(
        found.code is FindingCode.CONTENT_MISMATCH and found.evidence.get("own") == "mismatch"
        for found in facts.judgement.findings
    )
    return (
        facts.reading.state is SecondState.MATCHES and 0 < tail < _BOX_HEADER_BYTES and recomputed
    )


_FRAGMENTS = KnownDifference(
    "fragment-leaves",
    "the second engine leaves the places of a fragment's boxes out of its hash, the first one "
    "takes them in, so it finds no fragment right that the first one finds right",
    lambda facts: bool(facts.asset.fragments),
)

KNOWN_DIFFERENCES: Sequence[KnownDifference] = (
    _FRAGMENTS,
    KnownDifference(
        "first-bmff-binding",
        "the second engine does not read the first version of the binding for MP4 (c2pa.hash.bmff)",
        _is_first_bmff_binding,
    ),
    KnownDifference(
        "collection-map",
        "the first engine writes the parts of a ZIP as a map under another name than the second "
        "one reads (uris), so the second one calls the binding malformed",
        _is_collection_map,
    ),
    KnownDifference(
        "refused-certificate",
        "the second engine checks no signature of a certificate that it refuses, and calls it a "
        "mismatch; whether the certificate may sign is not a question of integrity",
        _is_refused_certificate,
    ),
    KnownDifference(
        "short-tail",
        "the second engine overlooks fewer than eight bytes behind the last box of an MP4; the "
        "first engine and a computation of our own both find them in the hash",
        _has_short_tail,
    ),
)
"""Every difference that is not reported as one, with its reason."""


def with_second_opinion(
    judgement: Judgement,
    asset: AssetBytes,
    engine: SecondEngine,
    limits: Limits,
    *,
    manifest: bytes | None = None,
) -> Judgement:
    """The judgement, with what the second engine says about the bytes.

    Args:
        judgement: What was found without it.
        asset: The bytes that were judged.
        engine: The second engine.
        limits: `max_second_engine_bytes` bounds what it is given.
        manifest: The sidecar's manifest store, where that was judged.
    """
    own = _own_answers(judgement)
    if judgement.state is IntegrityState.UNREADABLE:
        return _not_run(judgement, "there is no answer of the first engine to compare with")
    if asset.fragments:
        return _not_run(judgement, _FRAGMENTS.as_text())
    if asset.size_bytes > limits.max_second_engine_bytes:
        return _not_run(judgement, f"{asset.size_bytes} bytes exceed max_second_engine_bytes")
    try:
        reading = engine.read(
            asset.stream,
            asset.media_format.media_type,
            manifest=manifest,
            limits=limits,
        )
    except LimitError as error:
        return _not_run(judgement, str(error))
    return _compared(_Facts(judgement, asset, reading), own)


def _own_answers(judgement: Judgement) -> _Answers:
    codes = {found.code for found in judgement.findings}
    if judgement.state in {IntegrityState.INTACT, IntegrityState.PARTIAL}:
        return _Answers(SecondAnswer.MATCHES, SecondAnswer.MATCHES, SecondAnswer.MATCHES)

    def answer(proof: FindingCode | None, accusation: FindingCode) -> SecondAnswer:
        if accusation in codes:
            return SecondAnswer.MISMATCH
        return SecondAnswer.MATCHES if proof in codes else SecondAnswer.NONE

    return _Answers(
        answer(FindingCode.CLAIM_SIGNATURE_VALID, FindingCode.CLAIM_SIGNATURE_MISMATCH),
        answer(None, FindingCode.ASSERTION_MISMATCH),
        answer(FindingCode.CONTENT_MATCHES, FindingCode.CONTENT_MISMATCH),
    )


def _compared(facts: _Facts, own: _Answers) -> Judgement:
    judgement, reading = facts.judgement, facts.reading
    other = _Answers(reading.signature, reading.assertions, reading.content)
    if reading.state is SecondState.UNSUPPORTED:
        return _not_run(judgement, f"it does not read {facts.asset.media_format.media_type}")
    known = next((entry for entry in KNOWN_DIFFERENCES if entry.applies(facts)), None)
    if known is not None:
        return _not_run(judgement, known.as_text())
    if judgement.state is IntegrityState.ABSENT:
        agrees = reading.state is SecondState.MISSING
        differs = not agrees and reading.state is not SecondState.UNREADABLE
    elif judgement.state is IntegrityState.ALTERED:
        differs = own.contradicts(other) or reading.state is SecondState.MISSING
        agrees = own.accuses_with(other)
    else:
        agrees = reading.state is SecondState.MATCHES
        # Covered in part is undetermined as it is, with a better reason than "it could not tell".
        must_agree = judgement.state is IntegrityState.INTACT
        differs = not agrees and (
            must_agree or own.contradicts(other) or reading.state is SecondState.MISSING
        )
    if differs:
        return _disagreement(judgement, reading, own, other)
    if not agrees:
        why = reading.message or f"it could not tell: {', '.join(reading.codes) or 'no answer'}"
        return _not_run(judgement, why)
    evidence = {"state": reading.state.value, **other.as_evidence()}
    found = finding(FindingCode.SECOND_ENGINE_AGREES, **evidence)
    return replace(judgement, findings=(*judgement.findings, found))


def _disagreement(
    judgement: Judgement, reading: SecondReading, own: _Answers, other: _Answers
) -> Judgement:
    found = finding(
        FindingCode.ENGINES_DISAGREE,
        about="second engine",
        first={"state": judgement.state.value, **own.as_evidence()},
        second={
            "state": reading.state.value,
            **other.as_evidence(),
            "codes": [clean_text(code) for code in reading.codes],
            "message": clean_text(reading.message),
        },
    )
    # An accusation that one engine alone makes is none, nor is its proof one.
    return replace(
        judgement,
        state=IntegrityState.UNREADABLE,
        findings=(*judgement.findings, found),
        coverage=None,
    )


def _not_run(judgement: Judgement, why: str) -> Judgement:
    note = CheckNotRun(check=CHECK, why=clean_text(why))
    return replace(judgement, checks_not_run=(*judgement.checks_not_run, note))
