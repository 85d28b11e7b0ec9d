from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from provenance.signing.release_actions import ReleaseAction, source_type_uri

HUMAN = {"digital_source_type": "humanEdits"}


def test_an_action_in_full() -> None:
    action = ReleaseAction.model_validate(
        {
            "action": "c2pa.translated",
            "when": "2026-11-12T15:20:00+09:00",
            "software": {"name": "Dubber", "version": "2"},
            "description": "dubbed",
            "digital_source_type": "trainedAlgorithmicMedia",
            "source_language": "ko",
            "target_language": "en",
        }
    )
    assert action.is_trained
    assert action.definition() == {
        "action": "c2pa.translated",
        "when": "2026-11-12T15:20:00+09:00",
        "softwareAgent": {"name": "Dubber", "version": "2"},
        "description": "dubbed",
        "digitalSourceType": source_type_uri("trainedAlgorithmicMedia"),
        "parameters": {"sourceLanguage": "ko", "targetLanguage": "en"},
    }


@pytest.mark.parametrize(
    "said",
    [
        {"action": "c2pa.published"},
        {"action": "c2pa.transcoded"},
        {"action": "c2pa.created"},
        {"action": "c2pa.mastered", **HUMAN},
        {"action": "c2pa.modified", **HUMAN},
        {"action": "c2pa.rendered", **HUMAN},
        {"action": "c2pa.watermarked.unbound"},
        {"action": "example.aurora.grade", "description": "graded"},
    ],
)
def test_actions_that_may_be_stated(said: dict[str, Any]) -> None:
    assert ReleaseAction.model_validate(said).definition()["action"] == said["action"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"action": "c2pa.cropped"}, "needs a digital_source_type"),
        ({"action": "c2pa.opened"}, "it is written where"),
        ({"action": "c2pa.placed"}, "for every ingredient"),
        ({"action": "c2pa.redacted"}, "nothing is redacted"),
        ({"action": "c2pa.watermarked.bound"}, "no watermark"),
        ({"action": "c2pa.watermarked"}, "c2pa.watermarked.unbound"),
        ({"action": "c2pa.color_adjustments"}, "c2pa.adjustedColor"),
        ({"action": "c2pa.removed"}, "c2pa.deleted"),
        ({"action": "c2pa.saved"}, "deprecated"),
        ({"action": "c2pa.croped"}, "no action of C2PA 2.5"),
        ({"action": "font.edited"}, "no action of C2PA 2.5"),
        ({"action": "grade"}, "no action of C2PA 2.5"),
        ({"action": "example.aurora.grade"}, "needs a description"),
        ({"action": "c2pa.created", **HUMAN}, "state it there"),
        ({"action": "c2pa.translated", **HUMAN}, "source_language and target_language"),
        ({"action": "c2pa.edited", **HUMAN, "source_language": "ko"}, "only c2pa.translated"),
        ({"action": "c2pa.edited", "digital_source_type": "foo"}, "of IPTC or C2PA"),
        ({"action": "c2pa.edited", "digital_source_type": "digitalArt"}, "digitalCreation"),
        ({"action": "c2pa.published", "when": "2026-11-12T15:20:00"}, "with its zone"),
        ({"action": "c2pa.published", "when": "1700000000"}, "RFC 3339"),
        ({"action": "c2pa.published", "reason": "x"}, "Extra inputs"),
    ],
)
def test_actions_that_may_not(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ReleaseAction.model_validate(said)
    assert why in str(raised.value)


def test_terms_have_the_address_of_their_own_vocabulary() -> None:
    assert source_type_uri("digitalCapture").startswith("http://cv.iptc.org/newscodes/")
    assert source_type_uri("empty") == "http://c2pa.org/digitalsourcetype/empty"


def test_a_term_may_be_given_as_its_address() -> None:
    action = ReleaseAction.model_validate(
        {"action": "c2pa.edited", "digital_source_type": source_type_uri("humanEdits")}
    )
    assert action.digital_source_type == "humanEdits"
