from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from provenance.credentials.consent import ConsentUse
from provenance.schema_documents import schema_documents
from provenance.signing.consent import ConsentNeed, ConsentRecord, consent_faults, consents_for
from tests.factory.releases import CONSENT, SIGNED_AT


def record(**fields: Any) -> ConsentRecord:
    return ConsentRecord.model_validate({**CONSENT, **fields})


def need(
    artist: str = "NOVA9", use: ConsentUse = ConsentUse.VOICE, *also_called: str
) -> ConsentNeed:
    return ConsentNeed(artist=artist, also_called=also_called, use=use, where="files[0].ai[0]")


def why(*records: ConsentRecord, **options: Any) -> str | None:
    bounds: dict[str, Any] = {"at": SIGNED_AT, "published_at": None, "territories": None}
    wanted = options.pop("need", need())
    faults = consent_faults([wanted], records, **{**bounds, **options})
    covering = consents_for([wanted], records, **{**bounds, **options})
    # One of the two answers, never both.
    assert bool(faults) is not bool(covering)
    return str(faults[0]).removeprefix("files[0].ai[0]: ") if faults else None


def test_a_consent_that_covers_the_use() -> None:
    assert why(record()) is None
    assert why(record(artist="nova9 ")) is None
    assert why(record(artist="노바나인"), need=need("NOVA9", ConsentUse.VOICE, "노바나인")) is None
    assert why(record(territories=["KR", "JP"]), territories=("KR",)) is None


@pytest.mark.parametrize(
    ("records", "options", "said"),
    [
        ([], {}, "voice of NOVA9: no consent is on record"),
        (
            [{"artist": "VEGA5"}],
            {},
            "voice of NOVA9: no consent of this artist is on record, only of VEGA5",
        ),
        (
            [{"uses": ["likeness", "translation"]}],
            {},
            "voice of NOVA9: the consent on record is for another use: likeness, translation",
        ),
        (
            [{"valid_until": "2026-10-31T23:59:59Z"}],
            {},
            (
                "voice of NOVA9: the consent expired on 2026-10-31T23:59:59+00:00: over when it is "
                "signed"
            ),
        ),
        (
            [{"valid_until": "2026-11-10T00:00:00Z"}],
            {"published_at": datetime(2026, 11, 30, tzinfo=UTC)},
            (
                "voice of NOVA9: the consent expired on 2026-11-10T00:00:00+00:00: over when it is "
                "published"
            ),
        ),
        (
            [{"valid_from": "2026-11-10T00:00:00Z"}],
            {},
            (
                "voice of NOVA9: the consent begins on 2026-11-10T00:00:00+00:00: not yet in force "
                "when it is signed"
            ),
        ),
        (
            [{"territories": ["KR", "JP"]}],
            {},
            "voice of NOVA9: the consent covers KR, JP only, and the release is worldwide",
        ),
        (
            [{"territories": ["KR", "JP"]}],
            {"territories": ("KR", "US", "FR")},
            "voice of NOVA9: the consent covers KR, JP, and not US, FR",
        ),
    ],
)
def test_a_consent_that_does_not_is_refused_in_its_own_words(
    records: list[dict[str, Any]], options: dict[str, Any], said: str
) -> None:
    assert why(*[record(**fields) for fields in records], **options) == said


def test_a_term_is_not_pieced_together() -> None:
    first = record(valid_until="2026-11-10T00:00:00Z")
    second = record(valid_from="2026-11-10T00:00:00Z")
    said = why(first, second, published_at=datetime(2026, 11, 30, tzinfo=UTC))
    assert said is not None
    assert "not yet in force when it is signed" in said


def test_both_ends_of_a_term_belong_to_it() -> None:
    bounds = {"valid_from": SIGNED_AT, "valid_until": SIGNED_AT + timedelta(seconds=1)}
    assert why(record(**bounds)) is None
    bounds = {"valid_from": SIGNED_AT - timedelta(seconds=1), "valid_until": SIGNED_AT}
    assert why(record(**bounds)) is None


def test_only_the_consents_that_are_relied_on_are_made_public() -> None:
    voice, other = record(), record(uses=["likeness"], identifier="C-2")
    found = consents_for(
        [need(), need()], [other, voice], at=SIGNED_AT, published_at=None, territories=None
    )
    assert found == (voice,)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"uses": []}, "at least 1 item"),
        ({"uses": ["dance"]}, "'virtual-collaboration'"),
        ({"uses": ["voice", "voice"]}, "named twice"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, "ends before it begins"),
        ({"valid_until": "2028-05-31"}, "RFC 3339"),
        ({"valid_until": 1_900_000_000}, "expected a date and time"),
        ({"territories": "KR"}, "expected worldwide, or a list"),
        ({"revocation_contact": "+82-2-555-0100"}, "should match pattern"),
        ({"revocation_contact": "http://aurora.example"}, "should match pattern"),
        ({"paper_sha256": "5A" * 32}, "should match pattern"),
        ({"paper_sha256": "5a" * 31}, "should match pattern"),
        ({"artist": " "}, "nothing that can be seen"),
        ({"paper": "scan.pdf"}, "Extra inputs"),
    ],
)
def test_records_that_are_none(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        record(**fields)
    assert said in str(raised.value)


def test_a_record_is_made_public_as_its_schema_has_it() -> None:
    schema = json.loads(schema_documents()["consent.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    assertion = record(territories=["KR"]).statement().assertion()
    jsonschema.Draft202012Validator(schema).validate(assertion["data"])
    assert assertion == {
        "label": "org.provenance-verifier.consent",
        "data": {
            "artist": "NOVA9",
            "uses": ["voice"],
            "validFrom": "2026-06-01T00:00:00+09:00",
            "validUntil": "2028-05-31T23:59:59+09:00",
            "territories": ["KR"],
            "revocationContact": "mailto:consent@aurora.example",
            "paperSha256": "5a" * 32,
            "identifier": "C-2026-0117",
        },
    }


def test_worldwide_and_unnamed_papers_are_left_out() -> None:
    said = record(identifier=None).statement().assertion()["data"]
    assert "territories" not in said
    assert "identifier" not in said
