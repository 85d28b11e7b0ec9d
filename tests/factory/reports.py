"""Reports made by hand, so that what is said of them is tested without verifying anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provenance.report import (
    AgencyRef,
    AiFacts,
    Asset,
    CertificateFacts,
    CheckNotRun,
    Context,
    Coverage,
    EngineRef,
    Integrity,
    ManifestFacts,
    PolicyRef,
    Release,
    Report,
    Revocation,
    Signer,
    SigningTime,
)
from provenance.verdict import (
    AiState,
    IntegrityState,
    ReleaseState,
    RevocationState,
    SignerKind,
    TimeState,
    Verdict,
)

__all__ = ["SIGNED_AT", "report_of"]

SIGNED_AT = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def report_of(**fields: Any) -> Report:
    """An official report of the sample agency; keywords replace whole fields."""
    agency = AgencyRef(
        id="aurora-entertainment",
        name="Aurora Entertainment",
        names={"en": "Aurora Entertainment", "ko": "오로라 엔터테인먼트"},
    )
    certificate = CertificateFacts(
        says_common_name="Aurora claim signing",
        says_organization="Aurora Entertainment",
        says_issuer="Aurora issuing CA",
        serial_number="1f",
        sha256="a" * 64,
        spki_sha256="b" * 64,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2027, 1, 1, tzinfo=UTC),
        algorithm="ES256",
    )
    whole: dict[str, Any] = {
        "verdict": Verdict.OFFICIAL,
        "test": False,
        "summary": "Official release of Aurora Entertainment.",
        "reason": None,
        "asset": Asset(
            name="stage.jpg",
            sha256="c" * 64,
            size_bytes=24_300,
            media_type="image/jpeg",
            format="jpeg",
        ),
        "integrity": Integrity(state=IntegrityState.INTACT, binding="c2pa.hash.data"),
        "signer": Signer(
            kind=SignerKind.AGENCY,
            agency=agency,
            recognised_by="anchor:aurora-root",
            says_product="Aurora Press Room 1.0",
            certificate=certificate,
        ),
        "time": SigningTime(state=TimeState.CLAIMED, claimed_at=SIGNED_AT),
        "revocation": Revocation(state=RevocationState.NOT_CHECKED, why="offline"),
        "release": Release(state=ReleaseState.UNKNOWN, why="no register is consulted"),
        "ai": AiFacts(state=AiState.NOT_DECLARED),
        "manifest": ManifestFacts(
            label="urn:c2pa:1",
            title="stage lights",
            claim_version=2,
            kind="standard",
            says_product="Aurora Press Room 1.0",
            says_signer="Aurora claim signing",
            signed_at=SIGNED_AT,
            time_state=TimeState.CLAIMED,
        ),
        "coverage": Coverage(binding="c2pa.hash.data", covered_bytes=12_000, manifest_bytes=12_300),
        "checks_not_run": (CheckNotRun(check="revocation", why="offline"),),
        "context": Context(
            verified_at=datetime(2026, 6, 1, tzinfo=UTC),
            verifier="provenance-verifier 0.1.0",
            engine=EngineRef(name="c2pa-python", version="0", native_version="0"),
            directory=None,
            trust_lists=(),
            policy=PolicyRef(name="default", version="1"),
        ),
    }
    return Report(**{**whole, **fields})
