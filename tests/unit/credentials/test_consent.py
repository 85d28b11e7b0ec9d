from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest

from provenance.credentials.consent import (
    CONSENT_LABEL,
    DeclaredUse,
    artist_key,
    concern_metadata,
    consent_assertions,
    declared_uses,
    parse_consent,
)
from provenance.credentials.jumbf import ContentBox, SuperBox
from provenance.credentials.manifest_store import Assertion, Claim, Manifest
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

GOOD: dict[str, Any] = {
    "artist": "NOVA9",
    "uses": ["voice"],
    "validFrom": "2026-06-01T00:00:00+09:00",
    "validUntil": "2028-05-31T23:59:59+09:00",
    "territories": ["KR"],
    "revocationContact": "mailto:consent@aurora.example",
    "paperSha256": "5a" * 32,
    "identifier": "C-1",
}


def assertion(said: Any, label: str = CONSENT_LABEL, kind: bytes = b"cbor") -> Assertion:
    content = cbor2.dumps(said) if kind == b"cbor" else json.dumps(said).encode()
    box = SuperBox(b"cbor" + bytes(12), label, (), (ContentBox(kind, content),), b"", 0, 0)
    return Assertion(label, box, created=False, referenced=True)


def manifest(labels: Sequence[str]) -> Manifest:
    claim = Claim(2, b"", {}, (), ())
    found = {label: assertion(GOOD, label) for label in labels}
    box = SuperBox(b"c2ma" + bytes(12), "active", (), (), b"", 0, 0)
    return Manifest("active", "standard", box, claim, None, found)


@pytest.mark.parametrize("kind", [b"cbor", b"json"])
def test_a_statement_in_full(kind: bytes) -> None:
    said = parse_consent(assertion(GOOD, kind=kind))
    assert said.artist == "NOVA9"
    assert said.uses == ("voice",)
    assert said.valid_from == datetime(2026, 5, 31, 15, tzinfo=UTC)
    assert said.territories == ("KR",)
    assert said.assertion() == {"label": CONSENT_LABEL, "data": GOOD}


def test_times_may_be_tagged_and_members_of_later_versions_are_left_out_of_account() -> None:
    tagged = {**GOOD, "validFrom": datetime(2026, 6, 1, tzinfo=UTC), "more": {"deep": [1]}}
    assert parse_consent(assertion(tagged)).valid_from == datetime(2026, 6, 1, tzinfo=UTC)


def test_a_use_that_is_not_known_here_is_read() -> None:
    assert parse_consent(assertion({**GOOD, "uses": ["choreography"]})).uses == ("choreography",)


@pytest.mark.parametrize(
    "change",
    [
        {"artist": ""},
        {"artist": " "},
        {"artist": 9},
        {"artist": "x" * 201},
        {"uses": []},
        {"uses": ["VOICE"]},
        {"uses": "voice"},
        {"uses": ["voice"] * 21},
        {"validFrom": 1_700_000_000},
        {"validFrom": "1700000000"},
        {"validFrom": "2026-06-01"},
        {"validFrom": "2026-06-01T00:00:00"},
        {"validFrom": "2026-13-01T00:00:00Z"},
        {"validUntil": "2026-01-01T00:00:00Z"},
        {"validUntil": None},
        {"territories": ["Korea"]},
        {"territories": []},
        {"revocationContact": "javascript:alert(1)"},
        {"revocationContact": "https://a.example/\u0022onload"},
        {"paperSha256": "5A" * 32},
        {"paperSha256": bytes(32)},
        {"identifier": "x" * 101},
    ],
)
def test_what_is_no_statement_is_malformed_and_not_repeated(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError) as raised:
        parse_consent(assertion({**GOOD, **change}))
    assert str(raised.value).startswith(f"{CONSENT_LABEL}: ")
    for value in change.values():
        if isinstance(value, str) and len(value) > 1:
            assert value not in str(raised.value)


@pytest.mark.parametrize("name", [n for n in GOOD if n not in {"territories", "identifier"}])
def test_what_has_to_be_there(name: str) -> None:
    with pytest.raises(MalformedError, match=name):
        parse_consent(assertion({key: value for key, value in GOOD.items() if key != name}))


def test_without_countries_it_is_worldwide() -> None:
    said = {key: value for key, value in GOOD.items() if key != "territories"}
    assert parse_consent(assertion(said)).territories is None


def test_no_map_and_no_box() -> None:
    with pytest.raises(MalformedError, match="expected a map, got list"):
        parse_consent(assertion([GOOD]))
    with pytest.raises(MalformedError, match="expected a cbor or json box"):
        parse_consent(assertion(GOOD, kind=b"bidb"))


def test_more_values_than_the_limit() -> None:
    with pytest.raises(LimitError):
        parse_consent(assertion({**GOOD, "more": [0] * 100}), Limits(max_cbor_items=50))


def test_a_label_that_only_looks_like_one_is_none() -> None:
    good = (CONSENT_LABEL, f"{CONSENT_LABEL}__1", f"{CONSENT_LABEL}__12")
    bad = (f"{CONSENT_LABEL}__1\u200b", f"{CONSENT_LABEL}__0", f"{CONSENT_LABEL}__x")
    also = (f"{CONSENT_LABEL}.v2", "org.provenance-verifier.consents")
    assert [a.label for a in consent_assertions(manifest([*good, *bad, *also]))] == list(good)


def disclosure(metadata: Any) -> Assertion:
    return assertion({"modelType": "c2pa.types.model", "metadata": metadata}, "c2pa.ai-disclosure")


def test_a_disclosure_says_whom_its_model_concerns() -> None:
    metadata = concern_metadata(("voice", "other"), ("NOVA9", "VEGA5"))
    assert declared_uses(disclosure(metadata)) == (
        DeclaredUse("voice", "NOVA9"),
        DeclaredUse("other", "NOVA9"),
        DeclaredUse("voice", "VEGA5"),
        DeclaredUse("other", "VEGA5"),
    )


def test_to_concern_nobody_is_not_to_say_nothing() -> None:
    assert declared_uses(disclosure(concern_metadata(("other",), ()))) == ()
    uses, artists = concern_metadata(("voice",), ("NOVA9",)).items()
    for metadata in (
        None,
        {},
        dict([uses]),
        dict([artists]),
        dict([uses, (artists[0], "NOVA9")]),
        dict([uses, (artists[0], [9])]),
        dict([uses, (artists[0], [" "])]),
        dict([uses, (artists[0], ["x" * 201])]),
        dict([uses, (artists[0], ["x"] * 51)]),
    ):
        assert declared_uses(disclosure(metadata)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("NOVA9", "nova9", True),
        ("NOVA9", "\uff2e\uff2f\uff36\uff21\uff19", True),
        ("NOVA 9", " nova  9 ", True),
        ("NOVA9", "NOVA 9", False),
        ("NOVA9", "N0VA9", False),
    ],
)
def test_when_two_names_are_one_artists(one: str, other: str, *, same: bool) -> None:
    assert (artist_key(one) == artist_key(other)) is same
