from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from provenance.errors import RequirementNotMetError
from provenance.findings import MEANINGS, FindingCode
from provenance.report import (
    AgencyRef,
    AiFacts,
    Asset,
    CertificateFacts,
    Context,
    Coverage,
    DirectoryRef,
    EngineRef,
    Integrity,
    Part,
    PolicyRef,
    Release,
    Report,
    Revocation,
    Signer,
    SigningTime,
    TrustListRef,
    finding,
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

DIGEST = "5a" * 32
AT = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)


def _report(verdict: Verdict = Verdict.OFFICIAL, **changes: Any) -> Report:
    agency = AgencyRef(
        id="aurora", name="Aurora Entertainment", names={"ko": "오로라 엔터테인먼트"}
    )
    fields: dict[str, Any] = {
        "verdict": verdict,
        "test": True,
        "summary": "TEST: Official release of Aurora Entertainment.",
        "reason": None,
        "asset": Asset(
            name="teaser.jpg",
            sha256=DIGEST,
            size_bytes=9,
            media_type="image/jpeg",
            format="jpeg",
        ),
        "integrity": Integrity(state=IntegrityState.INTACT, binding="c2pa.hash.data"),
        "signer": Signer(
            kind=SignerKind.AGENCY,
            agency=agency,
            recognised_by="key:aurora-2026",
            certificate=CertificateFacts(
                says_common_name="Aurora",
                says_organization=None,
                says_issuer=None,
                serial_number="1f",
                sha256=DIGEST,
                spki_sha256=DIGEST,
                not_before=AT,
                not_after=AT,
                algorithm="ES256",
            ),
        ),
        "time": SigningTime(state=TimeState.TRUSTED, trusted_at=AT),
        "revocation": Revocation(state=RevocationState.NOT_CHECKED, why="offline"),
        "release": Release(state=ReleaseState.UNKNOWN, why="no register"),
        "ai": AiFacts(state=AiState.NOT_DECLARED),
        "coverage": Coverage(
            covered_bytes=5, uncovered=(Part(offset=5, size_bytes=4, label="tail", why="no"),)
        ),
        "findings": (finding(FindingCode.SIGNER_IS_AGENCY, agency="aurora", list=["a", 1]),),
        "context": Context(
            verified_at=AT,
            verifier="provenance 0",
            engine=EngineRef(name="c2pa", version="1", native_version="2"),
            directory=DirectoryRef(
                name="TEST", version=1, sha256=DIGEST, source="local, unsigned", test=True
            ),
            trust_lists=(
                TrustListRef(
                    name="list", purpose="claim", sha256=DIGEST, certificates=3, source="file"
                ),
            ),
            policy=PolicyRef(name="default", version="1"),
        ),
    }
    return Report(**{**fields, **changes})


def test_a_report_comes_back_from_its_json_as_it_was() -> None:
    report = _report()
    text = report.model_dump_json()
    assert Report.model_validate_json(text) == report
    assert json.loads(text)["schema_version"] == "1.0"
    assert json.loads(text)["context"]["verified_at"] == "2026-05-05T12:00:00Z"


def test_a_report_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(_report())
    with pytest.raises(TypeError, match="neither true nor false"):
        assert not _report(Verdict.ALTERED)


def test_a_report_cannot_be_changed() -> None:
    report = _report()
    with pytest.raises(ValidationError, match="frozen"):
        report.verdict = Verdict.ALTERED  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        report.signer.kind = SignerKind.NONE  # type: ignore[misc]


@pytest.mark.parametrize("part", ["", "asset", "signer", "coverage", "context"])
def test_an_unknown_field_is_refused(part: str) -> None:
    document = json.loads(_report().model_dump_json())
    (document[part] if part else document)["trusted"] = True
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Report.model_validate(document)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("asset", "sha256", "5A" * 32),
        ("asset", "sha256", "5a" * 31),
        ("asset", "size_bytes", -1),
        ("context", "verified_at", "2026-05-05T12:00:00"),
        ("signer", "kind", "trusted"),
        ("integrity", "state", "valid"),
    ],
)
def test_a_value_outside_its_type_is_refused(part: str, field: str, value: object) -> None:
    document = json.loads(_report().model_dump_json())
    document[part][field] = value
    with pytest.raises(ValidationError, match=field):
        Report.model_validate(document)


@pytest.mark.parametrize("verdict", Verdict)
def test_which_verdicts_meet_which_requirement(verdict: Verdict) -> None:
    report = _report(verdict)
    assert report.meets("official") is (verdict.value == "official")
    assert report.meets("signed") is (verdict.value in {"official", "official-withdrawn", "signed"})


def test_require_gives_the_report_or_says_why_not() -> None:
    good, bad = _report(), _report(Verdict.SIGNED, summary="Signed with Camera 3.")
    assert good.require("official") is good
    assert bad.require("signed") is bad
    with pytest.raises(RequirementNotMetError) as error:
        bad.require("official")
    assert str(error.value) == ("teaser.jpg: expected official, got signed: Signed with Camera 3.")


def test_require_names_an_asset_without_a_name() -> None:
    asset = Asset(name=None, sha256=None, size_bytes=0, media_type=None, format=None)
    with pytest.raises(RequirementNotMetError, match=r"^asset: expected official"):
        _report(Verdict.UNVERIFIED, asset=asset).require("official")


def test_a_report_knows_its_findings() -> None:
    assert _report().has(FindingCode.SIGNER_IS_AGENCY)
    assert not _report().has(FindingCode.KEY_DISOWNED)


@pytest.mark.parametrize("code", FindingCode)
def test_a_finding_says_what_the_table_says(code: FindingCode) -> None:
    made = finding(code, place=3)
    meaning = MEANINGS[code]
    assert (made.axis, made.severity, made.text) == (meaning.axis, meaning.severity, meaning.says)
    assert made.evidence == {"place": 3}


def test_a_requirement_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="expected official or signed, got 'oficial'"):
        _report().require("oficial")  # type: ignore[arg-type]
