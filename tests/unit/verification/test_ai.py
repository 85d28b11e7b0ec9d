from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from provenance.findings import FindingCode
from provenance.media.metadata import RawField
from provenance.report import AiFacts
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import AiState
from provenance.verification.ai import judge_ai
from provenance.verification.source_types import source_type_term
from tests.factory.manifests import described_manifest, json_ld, source_type

_EDITED = {"action": "c2pa.edited"}


def _created(term: str) -> dict[str, str]:
    return {"action": "c2pa.created", "digitalSourceType": source_type(term)}


def _claim(value: str, name: str = "xmp:Iptc4xmpExt:DigitalSourceType") -> RawField:
    return RawField(name=name, value=value, source="xmp", range=None)


_TRAINED_CLAIM = _claim(source_type("trainedAlgorithmicMedia"))


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        ([_created("digitalCapture")], AiState.NOT_DECLARED),
        ([_created("algorithmicMedia")], AiState.NOT_DECLARED),
        ([_created("trainedAlgorithmicMedia")], AiState.FULLY),
        ([_created("trainedAlgorithmicMedia"), _EDITED], AiState.FULLY),
        ([_created("compositeWithTrainedAlgorithmicMedia")], AiState.PARTLY),
        ([_created("compositeSynthetic")], AiState.PARTLY),
        (
            [
                _created("digitalCapture"),
                {**_EDITED, "digitalSourceType": source_type("trainedAlgorithmicMedia")},
            ],
            AiState.PARTLY,
        ),
    ],
)
def test_actions_say_how_far_a_model_was_used(
    agency_signer: MemorySigner, actions: list[Mapping[str, Any]], state: AiState
) -> None:
    facts, findings = judge_ai(described_manifest(agency_signer, actions=actions), ())
    assert facts.state is state
    expected = [] if state is AiState.NOT_DECLARED else [FindingCode.AI_DECLARED]
    assert [finding.code for finding in findings] == expected


def test_data_of_a_trained_model_count_as_made_by_it(agency_signer: MemorySigner) -> None:
    action = {
        "action": "c2pa.created",
        "digitalSourceType": "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData",
    }
    facts, _ = judge_ai(described_manifest(agency_signer, actions=[action]), ())
    assert facts == AiFacts(state=AiState.FULLY, source_types=("trainedAlgorithmicData",))


@pytest.mark.parametrize(("created", "listed"), [(True, "created"), (False, "gathered")])
def test_the_evidence_says_who_entered_the_action(
    agency_signer: MemorySigner, *, created: bool, listed: str
) -> None:
    actions = [_created("trainedAlgorithmicMedia")]
    manifest = described_manifest(agency_signer, actions=actions, created=created)
    facts, (found,) = judge_ai(manifest, ())
    assert facts.state is AiState.FULLY
    assert found.evidence == {
        "state": "fully",
        "declared": [
            {
                "source_type": "trainedAlgorithmicMedia",
                "action": "c2pa.created",
                "assertion": "c2pa.actions.v2",
                "listed": listed,
            }
        ],
        "models": [],
    }


def test_a_disclosure_alone_says_partly_and_names_the_model(agency_signer: MemorySigner) -> None:
    disclosure = {
        "label": "c2pa.ai-disclosure",
        "data": {"modelType": "c2pa.types.model.onnx", "modelName": "<b>오로라</b>\u202e-1"},
    }
    facts, (found,) = judge_ai(described_manifest(agency_signer, assertions=[disclosure]), ())
    assert facts.state is AiState.PARTLY
    assert facts.models == ("<b>오로라</b>-1",)
    assert found.evidence["declared"][0]["assertion"] == "c2pa.ai-disclosure"


def test_signed_metadata_say_partly(agency_signer: MemorySigner) -> None:
    described = json_ld(
        Iptc4xmpExt__DigitalSourceType=source_type("trainedAlgorithmicMedia"),
        Iptc4xmpExt__AISystemUsed="Aurora Painter",
    )
    manifest = described_manifest(agency_signer, assertions=[described])
    facts, (found,) = judge_ai(manifest, ())
    assert facts.state is AiState.PARTLY
    assert facts.source_types == ("digitalCapture", "trainedAlgorithmicMedia")
    assert facts.models == ("Aurora Painter",)
    assert {entry["assertion"] for entry in found.evidence["declared"]} == {"cawg.metadata"}


def test_metadata_inside_the_hash_say_partly(agency_signer: MemorySigner) -> None:
    manifest = described_manifest(agency_signer)
    facts, (found,) = judge_ai(manifest, (), covered_fields=(_TRAINED_CLAIM,))
    assert facts.state is AiState.PARTLY
    assert facts.unsigned_claims == ()
    assert found.evidence["declared"] == [
        {
            "source_type": "trainedAlgorithmicMedia",
            "field": "xmp:Iptc4xmpExt:DigitalSourceType",
        }
    ]


def test_what_an_ingredient_declares_is_said_of_the_whole(agency_signer: MemorySigner) -> None:
    source = described_manifest(agency_signer, actions=[_created("trainedAlgorithmicMedia")])
    manifest = described_manifest(agency_signer)
    assert judge_ai(manifest, ())[0].state is AiState.NOT_DECLARED
    facts, (found,) = judge_ai(manifest, (), ingredients=(source,))
    assert facts.state is AiState.PARTLY
    assert found.evidence["declared"][0]["ingredient"] == source.label


def test_without_credentials_a_claim_is_only_a_claim() -> None:
    facts, (found,) = judge_ai(None, (_TRAINED_CLAIM, _TRAINED_CLAIM))
    assert facts.state is AiState.NOT_DECLARED
    assert facts.unsigned_claims == (
        "xmp:Iptc4xmpExt:DigitalSourceType: " + source_type("trainedAlgorithmicMedia"),
    )
    assert found.code is FindingCode.AI_CLAIMED_UNSIGNED


def test_unsigned_metadata_beside_credentials_are_only_a_claim(
    agency_signer: MemorySigner,
) -> None:
    facts, (found,) = judge_ai(described_manifest(agency_signer), (_TRAINED_CLAIM,))
    assert facts.state is AiState.NOT_DECLARED
    assert len(facts.unsigned_claims) == 1
    assert found.code is FindingCode.AI_CLAIMED_UNSIGNED


def test_covered_metadata_without_a_manifest_say_nothing() -> None:
    assert judge_ai(None, (), covered_fields=(_TRAINED_CLAIM,)) == (
        AiFacts(state=AiState.NOT_DECLARED),
        (),
    )


@pytest.mark.parametrize(
    "field",
    [
        _claim(source_type("digitalCapture")),
        _claim("trained by hand"),
        _claim(source_type("trainedAlgorithmicMedia"), "xmp:dc:source"),
        _claim("https://forger.example/trainedAlgorithmicMedia"),
    ],
)
def test_what_claims_no_model_is_no_claim(field: RawField) -> None:
    assert judge_ai(None, (field,)) == (AiFacts(state=AiState.NOT_DECLARED), ())


@pytest.mark.parametrize(
    ("value", "term"),
    [
        (source_type("trainedAlgorithmicMedia"), "trainedAlgorithmicMedia"),
        (
            source_type("trainedAlgorithmicMedia").replace("http:", "https:"),
            "trainedAlgorithmicMedia",
        ),
        ("TrainedAlgorithmicMedia", "trainedAlgorithmicMedia"),
        ("http://c2pa.org/digitalsourcetype/empty", "empty"),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/unheardOf", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_terms_are_told_from_addresses(value: str, term: str | None) -> None:
    assert source_type_term(value) == term
