"""The one table: which message says a verdict, the reason for one, or a finding.

A key's text is never stronger than the verdict it belongs to; a test holds every
row against every catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from provenance.findings import FindingCode
from provenance.verdict import AiState, ConsentState, Verdict

__all__ = [
    "AI",
    "CHECKS",
    "CHECKS_OF_LISTS",
    "CONSENT",
    "FOUND",
    "LABELS",
    "REASONS",
    "label_of",
    "reason_of",
]

_C = FindingCode

LABELS: Mapping[Verdict, str] = MappingProxyType(
    {verdict: f"label.{verdict.value}" for verdict in Verdict}
)

REASONS: Mapping[FindingCode, str] = MappingProxyType(
    {
        _C.UNSUPPORTED_TYPE: "reason.unsupported-type",
        _C.EMPTY_FILE: "reason.empty-file",
        _C.CONTAINER_UNREADABLE: "reason.damaged",
        _C.CHANGED_WHILE_READ: "reason.changed-while-read",
        _C.LIMIT_REACHED: "reason.limit-reached",
        _C.TIME_EXHAUSTED: "reason.limit-reached",
        _C.MEMORY_EXHAUSTED: "reason.limit-reached",
        _C.SCRATCH_EXHAUSTED: "reason.limit-reached",
        _C.ENGINE_FAILED: "reason.check-failed",
        _C.CHECK_CRASHED: "reason.check-failed",
        _C.ENGINES_DISAGREE: "reason.checks-disagree",
        _C.SIDECAR_ALONE: "reason.piece",
        _C.FRAGMENT_ALONE: "reason.piece",
        _C.FRAGMENTS_MISSING: "reason.piece",
        _C.CREDENTIALS_UNREADABLE: "reason.credentials-unreadable",
        _C.CREDENTIALS_ELSEWHERE: "reason.credentials-elsewhere",
        _C.CREDENTIALS_INVALID: "reason.credentials-invalid",
        _C.CREDENTIALS_INCOMPLETE: "reason.credentials-invalid",
        _C.SEVERAL_MANIFEST_STORES: "reason.credentials-invalid",
        _C.ALGORITHM_UNSUPPORTED: "reason.algorithm",
        _C.PARTLY_COVERED: "reason.partly-covered",
        _C.COVERAGE_UNKNOWN: "reason.coverage-unknown",
        _C.DIRECTORY_TOO_OLD: "reason.directory-too-old",
        _C.CERTIFICATE_EXPIRED: "reason.expired",
        _C.CERTIFICATE_NOT_YET_VALID: "reason.not-valid-then",
        _C.TIME_OUTSIDE_VALIDITY: "reason.not-valid-then",
    }
)
"""Why a file could not be checked: one row for every finding that is an obstacle."""

FOUND: Mapping[FindingCode, str] = MappingProxyType(
    {
        **REASONS,
        _C.EXTENSION_MISMATCH: "found.name-differs",
        _C.CONTAINER_DAMAGED: "found.container-damaged",
        _C.CLAIM_SIGNATURE_VALID: "found.signature-right",
        _C.CONTENT_MATCHES: "found.content-matches",
        _C.CONTENT_MISMATCH: "how.altered.content",
        _C.ASSERTION_MISMATCH: "how.altered.signature",
        _C.CLAIM_SIGNATURE_MISMATCH: "how.altered.signature",
        _C.SECOND_ENGINE_AGREES: "found.engines-agree",
        _C.SIDECAR_USED: "found.sidecar",
        _C.EMBEDDED_OVERRULED: "found.overruled",
        _C.REGISTER_MANIFEST_USED: "how.by-register",
        _C.FULLY_COVERED: "found.covered",
        _C.TRAILING_DATA: "found.unsigned-part",
        _C.LEADING_DATA: "found.unsigned-part",
        _C.EXTRA_EXCLUSIONS: "found.unsigned-part",
        _C.EXEMPT_PARTS: "found.exempt",
        _C.EXEMPT_PART_NOT_HARMLESS: "found.unsigned-part",
        _C.MANIFEST_SLACK: "found.unsigned-part",
        _C.SIGNER_IS_AGENCY: "found.signer-agency",
        _C.SIGNER_LISTED: "found.signer-listed",
        _C.SIGNER_UNRECOGNISED: "found.signer-unrecognised",
        _C.NO_DIRECTORY: "how.no-directory",
        _C.TEST_DIRECTORY: "test.note",
        _C.TEST_KEY: "test.note",
        _C.KEY_DISOWNED: "found.key-disowned",
        _C.KEY_OUTSIDE_WINDOW: "found.key-not-authorised",
        _C.KEY_OUT_OF_SCOPE: "found.key-not-authorised",
        _C.CERTIFICATE_PROFILE: "found.certificate-unfit",
        _C.CERTIFICATE_CHAIN: "found.certificate-unfit",
        _C.ENGINE_TRUST_DIFFERS: "found.engine-differs",
        _C.UPDATED_BY_OTHERS: "found.updated-by-others",
        _C.IMPOSTOR_NAME: "how.impostor",
        _C.TIME_TRUSTED: "found.time-trusted",
        _C.TIME_CLAIMED: "found.time-claimed",
        _C.TIME_STAMP_UNTRUSTED: "found.time-unusable",
        _C.TIME_STAMP_INVALID: "found.time-unusable",
        _C.CERTIFICATE_REVOKED: "found.revoked",
        _C.CERTIFICATE_NOT_REVOKED: "found.not-revoked",
        _C.IDENTITY_INVALID: "found.identity-not-counted",
        _C.IDENTITY_UNVERIFIED: "found.identity-not-counted",
        _C.IDENTITY_VERIFIED: "found.identity-verified",
        _C.IDENTITY_REWRAPPED: "found.identity-rewrapped",
        _C.RELEASE_CURRENT: "found.release-current",
        _C.RELEASE_WITHDRAWN: "found.release-withdrawn",
        _C.RELEASE_SUPERSEDED: "found.release-superseded",
        _C.RESEMBLES_RELEASE: "found.resembles",
        _C.DIFFERS_FROM_RELEASE: "also.differs",
        _C.AI_DECLARED: "found.ai-declared",
        _C.AI_CLAIMED_UNSIGNED: "ai.unsigned",
        _C.CONSENT_ON_RECORD: "found.consent-on-record",
        _C.CONSENT_MISSING: "found.consent-missing",
        _C.CONSENT_ENDED: "found.consent-ended",
        _C.CONSENT_EXPIRED: "found.consent-expired",
        _C.CONSENT_MISMATCH: "found.consent-not-counted",
        _C.CONSENT_NOT_ATTRIBUTED: "found.consent-not-counted",
        _C.CONSENT_UNREADABLE: "found.consent-not-counted",
        _C.CONSENT_SIGNATURE_MISMATCH: "found.consent-not-counted",
        # The consent stands; only whose the artist's signature is, nobody can say.
        _C.CONSENT_SIGNER_UNKNOWN: "found.identity-not-counted",
        _C.METADATA_CONTRADICTS: "found.metadata-contradicts",
        _C.METADATA_UNSIGNED: "found.metadata-unsigned",
        _C.METADATA_UNREADABLE: "found.metadata-unreadable",
        _C.LOCATION_PUBLISHED: "found.location",
        _C.MADE_FROM_RELEASE: "found.made-from",
        _C.INGREDIENT_FAILED: "found.ingredient-failed",
        _C.INGREDIENT_RECORDED_FAILURE: "found.ingredient-failed",
        _C.INGREDIENT_MISSING: "found.ingredient-missing",
        _C.HISTORY_CUT: "found.history-cut",
    }
)
"""What every finding is called for a reader who knows none of the terms."""

AI: Mapping[AiState, str] = MappingProxyType(
    {
        AiState.NOT_DECLARED: "ai.not-declared",
        AiState.PARTLY: "ai.partly",
        AiState.FULLY: "ai.fully",
    }
)

CONSENT: Mapping[ConsentState, str | None] = MappingProxyType(
    {
        ConsentState.NOT_CHECKED: None,
        ConsentState.NOT_NEEDED: "consent.not-needed",
        ConsentState.ON_RECORD: "consent.on-record",
        ConsentState.PARTLY: "consent.partly",
        ConsentState.ENDED: "consent.ended",
        ConsentState.EXPIRED: "consent.expired",
        ConsentState.NOT_ATTRIBUTED: "consent.not-attributed",
        ConsentState.NONE: "consent.none",
    }
)

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "revocation": "check.revocation",
        "release status": "check.release",
        "resemblance": "check.resemblance",
        "part of the resemblance": "check.resemblance-part",
        "identity": "check.identity",
        "revocation of an identity's certificate": "check.identity-revocation",
        "artist scope": "check.artist-scope",
        "territory scope": "check.territory-scope",
        "newer entries of the agency directory": "check.directory-age",
        "coverage": "check.coverage",
        "second opinion on the content hash": "check.content-again",
        "manifest store read twice": "check.read-twice",
        "second engine": "check.second-engine",
        "sidecar": "check.sidecar",
        "manifests in the register": "check.register-manifests",
    }
)
"""Checks that were not run, by the name the report gives them; any other is quoted."""

CHECKS_OF_LISTS: Mapping[str, str] = MappingProxyType({"freshness of list ": "check.list-age"})
"""The same for checks whose name ends with that of a list, by what it begins with."""


def label_of(verdict: Verdict) -> str:
    """Which message names this verdict in a few words?"""
    return LABELS[verdict]


def reason_of(code: FindingCode | None) -> str:
    """Which message says why a file could not be checked?"""
    return REASONS.get(code, "reason.none") if code else "reason.none"
