"""Statements of identity (CAWG) in a manifest: do they hold, and who is behind them?

    (1) structure, padding
    (2) what it refers to: nothing twice, not itself, all of it in the claim with
        exactly that digest, the hard binding of these bytes among it
    (3) kind of signature
    (4) the signature, by our own check; the engine's answer is held against it
    (5) to (8) who holds the key: `provenance.verification.identity_holder`

The engine's own opinion on trust is written down and decides nothing.

Spec: CAWG identity assertion 1.3, "Validation method" and "X.509 certificates".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provenance.credentials.cose import CoseSign1, SignatureAnswer, parse_cose_sign1
from provenance.credentials.engine import EngineReading
from provenance.credentials.identity import (
    AGGREGATION,
    IDENTITY_LABEL,
    X509_COSE,
    IdentityAssertion,
    check_identity_signature,
    parse_identity,
)
from provenance.credentials.manifest_store import Assertion, Manifest, ManifestStore
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import Limits
from provenance.report import CheckNotRun, Finding, Identity, finding
from provenance.trust.directory import Agency
from provenance.trust.identities import Holder, IdentityRecogniser
from provenance.untrusted import clean_text
from provenance.verification.agencies import agency_ref
from provenance.verification.identity_carrier import AgencyIdentity, Carried, judge_carrier
from provenance.verification.identity_holder import HolderJudge, IdentityState
from provenance.verification.identity_references import References
from provenance.verification.party import Party
from provenance.verification.selection import Judged, adds_only_status

__all__ = ["Attested", "IdentityAnswer", "IdentityEvidence", "IdentityJudge"]

_PUBLISHER = "cawg.publisher"
_MAX_IDENTITIES = 32
_MAX_LABELS = 50

_CODES: Mapping[IdentityState, FindingCode] = {
    "verified": FindingCode.IDENTITY_VERIFIED,
    "unverified": FindingCode.IDENTITY_UNVERIFIED,
    "invalid": FindingCode.IDENTITY_INVALID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityEvidence:
    """All that identities are judged from.

    Attributes:
        judged: Whose statements are judged, and which manifest binds the bytes.
        store: All manifests.
        party: Who signed the judged manifest.
        reading: What the engine says.
        holds: Whether the credentials hold for this file; a statement inside
            others holds for nothing.
    """

    judged: Judged
    store: ManifestStore
    party: Party
    reading: EngineReading
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What one verified statement of identity covers in its own manifest.

    Attributes:
        labels: The assertions, by their labels as they are written.
        agency: Whose statement it is; None where a list vouches for the holder.
        recognised_by: `key:ID`, `anchor:ID` or `list:NAME`.
        says_name: What the certificate says of its holder.
    """

    labels: frozenset[str]
    agency: Agency | None
    recognised_by: str
    says_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAnswer:
    """What was found about identities, and what was not checked."""

    identities: tuple[Identity, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()
    carried: Carried | None = None
    attested: tuple[Attested, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Case:
    """One statement under examination, and what is known of it so far."""

    assertion: Assertion
    codes: list[str]
    state: IdentityState = "unverified"
    why: str = ""
    identity: IdentityAssertion | None = None
    says_name: str | None = None
    labels: frozenset[str] = frozenset()
    covers: tuple[str, ...] = ()
    holder: Holder = field(default_factory=Holder)
    asked: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    not_run: list[CheckNotRun] = field(default_factory=list)

    def end(self, state: IdentityState, why: str) -> None:
        self.state, self.why = state, clean_text(why)

    @property
    def agency(self) -> Agency | None:
        return self.holder.agency if self.state == "verified" else None

    @property
    def agency_identity(self) -> AgencyIdentity | None:
        """The statement as an agency's, where it is one."""
        if self.agency is None or self.identity is None:
            return None
        return AgencyIdentity(
            assertion=self.assertion.label,
            agency=self.agency,
            recognised_by=self.holder.recognised_by or "",
            publishes=not self.identity.roles or _PUBLISHER in self.identity.roles,
            labels=self.labels,
            not_checked=self.holder.not_checked,
        )

    @property
    def attested(self) -> Attested:
        return Attested(
            labels=self.labels,
            agency=self.agency,
            recognised_by=self.holder.recognised_by or "",
            says_name=self.says_name,
        )

    @property
    def rank(self) -> int:
        """Of several, an agency that says it published comes first."""
        identity = self.agency_identity
        return 0 if identity is not None and identity.publishes else 1


class IdentityJudge:
    """Judges the statements of identity of manifests, for one file."""

    def __init__(
        self,
        recogniser: IdentityRecogniser,
        holders: HolderJudge,
        *,
        now: datetime,
        limits: Limits,
    ) -> None:
        self._recogniser = recogniser
        self._holders = holders
        self._now = now
        self._limits = limits

    def judge(self, evidence: IdentityEvidence) -> IdentityAnswer:
        """Do the manifest's statements of identity hold, and who made them?

        One that fails, or that nobody vouches for, is named and then left out of
        account: the verdict is as if it were not there.
        """
        manifest = evidence.judged.manifest
        statements = manifest.of_type(IDENTITY_LABEL)
        not_run = []
        if len(statements) > _MAX_IDENTITIES:
            why = f"of {len(statements)} statements of identity {_MAX_IDENTITIES} were looked at"
            not_run.append(CheckNotRun(check="identity", why=why))
        references = References(evidence.judged, evidence.store, self._limits)
        cases = []
        for assertion in statements[:_MAX_IDENTITIES]:
            codes = _engine_codes(evidence.reading, manifest, assertion)
            case = _Case(assertion=assertion, codes=codes)
            if evidence.holds:
                self._examine(case, evidence, references)
            else:
                case.end("unverified", "the credentials that it stands in do not hold")
            cases.append(case)
            not_run += case.not_run
            if not case.asked:
                why = f"{clean_text(assertion.label)}: {case.why}"
                not_run.append(CheckNotRun(check="identity", why=why))
        cases.sort(key=lambda case: case.rank)
        findings = [_finding(case, manifest) for case in cases]
        agencies = [identity for case in cases if (identity := case.agency_identity) is not None]
        carried, more = judge_carrier(
            agencies,
            evidence.party,
            self._recogniser,
            self._now,
            updated=not all(map(adds_only_status, evidence.judged.updates)),
        )
        return IdentityAnswer(
            identities=tuple(map(_reported, cases)),
            findings=(*findings, *more),
            checks_not_run=tuple(not_run),
            carried=carried,
            attested=tuple(case.attested for case in cases if case.state == "verified"),
        )

    def _examine(self, case: _Case, evidence: IdentityEvidence, references: References) -> None:
        identity = self._structure(case, references)
        sign1 = self._signature(case, identity) if identity is not None else None
        if sign1 is None:
            return
        # (5) to (8)
        answer = self._holders.judge(sign1, evidence.party.time.trusted_at, evidence.party.about)
        case.end(answer.state, answer.why)
        case.asked, case.holder = answer.asked, answer.holder
        case.says_name = clean_text(answer.says_name) if answer.says_name else None
        case.evidence |= answer.evidence
        if answer.not_checked is not None:
            check = "revocation of an identity's certificate"
            case.not_run.append(CheckNotRun(check=check, why=clean_text(answer.not_checked)))

    def _structure(self, case: _Case, references: References) -> IdentityAssertion | None:
        """The statement, as far as its signature; None where the case has ended."""
        # (1)
        try:
            identity = case.identity = parse_identity(case.assertion, self._limits)
        except MalformedError as error:
            case.end("invalid", f"it is malformed: {error}")
            return None
        except LimitError as error:
            case.end("unverified", f"it hit a limit: {error}")
            return None
        # (2)
        why = references.fault(identity)
        if not identity.pads_are_zero:
            why = "its padding holds something else than zeros"
        if why:
            case.end("invalid", why)
            return None
        case.labels, case.covers = references.covered(identity)
        # (3)
        if identity.sig_type == X509_COSE:
            return identity
        why = "its kind of signature is not known here"
        if identity.sig_type == AGGREGATION:
            why = "no issuer of aggregated identity claims is listed, and none is looked up"
        case.end("unverified", why)
        return None

    def _signature(self, case: _Case, identity: IdentityAssertion) -> CoseSign1 | None:
        """The signature, where it belongs to the statement; None where the case has ended."""
        # (4)
        try:
            sign1 = parse_cose_sign1(identity.signature, self._limits)
        except MalformedError as error:
            case.end("invalid", f"its signature is malformed: {error}")
            return None
        except LimitError as error:
            case.end("unverified", f"its signature hit a limit: {error}")
            return None
        return None if self._signature_fails(case, identity, sign1) else sign1

    def _signature_fails(self, case: _Case, identity: IdentityAssertion, sign1: CoseSign1) -> bool:
        """Is there anything wrong with the signature? If so, the case has ended.

        Two answers about the same bytes that differ: nobody is believed, and the
        file is not accused for it. The engine encodes the payload anew before it
        checks. Where that gives other bytes than were signed, which is so for the
        encoding that the specification asks for, its answer is about those.
        """
        own = check_identity_signature(identity, sign1)
        engine = _engine_answer(case.codes)
        case.evidence["own"] = own.answer.value
        if engine is not None:
            case.evidence["engine"] = engine.value
        same_bytes = own.payload in {None, identity.engine_encoding}
        if own.answer is SignatureAnswer.UNSUPPORTED:
            case.end("unverified", "its signature is of a kind that cannot be checked here")
        elif own.answer is SignatureAnswer.MISMATCH:
            case.end("invalid", "its signature does not belong to it")
        elif engine is SignatureAnswer.MISMATCH and same_bytes:
            case.end("invalid", "two independent checks of its signature differ")
        else:
            return False
        return True


def _engine_codes(reading: EngineReading, manifest: Manifest, assertion: Assertion) -> list[str]:
    """Which codes does the engine give this statement?"""
    end = f"/c2pa/{manifest.label}/c2pa.assertions/{assertion.label}"
    statuses = (*reading.success, *reading.informational, *reading.failures)
    return sorted({s.code for s in statuses if s.code.startswith("cawg.") and s.url.endswith(end)})


def _engine_answer(codes: list[str]) -> SignatureAnswer | None:
    """What does the engine say about the signature, if it says anything?"""
    if "cawg.x509.signature.mismatch" in codes:
        return SignatureAnswer.MISMATCH
    return SignatureAnswer.VALID if "cawg.x509.signature.validated" in codes else None


def _reported(case: _Case) -> Identity:
    agency, identity = case.agency, case.identity
    return Identity(
        assertion=clean_text(case.assertion.label),
        kind=clean_text(identity.sig_type) if identity else "unknown",
        state=case.state,
        why=case.why,
        agency=agency_ref(agency) if agency else None,
        recognised_by=case.holder.recognised_by if case.state == "verified" else None,
        says_name=case.says_name,
        roles=tuple(clean_text(r) for r in identity.roles[:_MAX_LABELS]) if identity else (),
        covers=case.covers[:_MAX_LABELS],
    )


def _finding(case: _Case, manifest: Manifest) -> Finding:
    evidence: dict[str, Any] = {
        "assertion": clean_text(case.assertion.label),
        "why": case.why,
        **case.evidence,
        "engine_codes": [clean_text(code) for code in case.codes],
    }
    if case.state == "verified":
        besides = [
            clean_text(label)
            for label, assertion in manifest.assertions.items()
            if assertion.referenced and label not in case.labels and label != case.assertion.label
        ]
        evidence["recognised_by"] = case.holder.recognised_by
        if case.agency is not None:
            evidence["agency"] = case.agency.id
        evidence["covers"] = list(case.covers[:_MAX_LABELS])
        evidence["does_not_cover"] = besides[:_MAX_LABELS]
    return finding(_CODES[case.state], **evidence)
