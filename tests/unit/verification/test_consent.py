from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from provenance.credentials.consent import concern_metadata
from provenance.credentials.cose import SignatureAnswer
from provenance.credentials.manifest_store import Manifest
from provenance.findings import MEANINGS, FindingCode, Severity
from provenance.report import SigningTime
from provenance.trust.directory import About, Agency, Product
from provenance.trust.recognition import Recognition
from provenance.verdict import AiState, ConsentState, SignerKind, TimeState
from provenance.verification.consent import ConsentAnswer, judge_consent
from provenance.verification.identity import Attested, IdentityAnswer
from provenance.verification.identity_carrier import Carried
from provenance.verification.party import Party

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONSENT = "org.provenance-verifier.consent"
SAID: dict[str, Any] = {
    "artist": "NOVA9",
    "uses": ["voice"],
    "validFrom": "2026-06-01T00:00:00Z",
    "validUntil": "2027-06-01T00:00:00Z",
    "revocationContact": "https://aurora.example/consent",
    "paperSha256": "5a" * 32,
}


def agency(identifier: str = "aurora", artists: Sequence[str] | None = None) -> Agency:
    return Agency.model_validate(
        {
            "id": identifier,
            "names": [{"language": "en", "name": identifier.title()}],
            "scope": {"artists": artists},
        }
    )


def party(
    *,
    kind: SignerKind = SignerKind.AGENCY,
    at: datetime | None = None,
    artists: tuple[str, ...] = (),
    owner: Agency | None = None,
) -> Party:
    whose = owner or agency()
    return Party(
        signature=SignatureAnswer.VALID,
        time=SigningTime(state=TimeState.TRUSTED if at else TimeState.NONE, trusted_at=at),
        recognition=Recognition(
            kind=kind,
            agency=whose if kind is SignerKind.AGENCY else None,
            recognised_by="key:press",
        ),
        about=About(media_kind="image", artists=artists),
    )


def disclosure(*artists: str, uses: Sequence[str] = ("voice",)) -> dict[str, Any]:
    return {
        "modelType": "c2pa.types.model",
        "metadata": concern_metadata(tuple(uses), artists),
    }


def judge(
    makes: Any,
    assertions: Mapping[str, Any],
    *,
    who: Party | None = None,
    attested: Sequence[Attested] = (),
    ai: AiState = AiState.PARTLY,
    **options: Any,
) -> ConsentAnswer:
    manifest: Manifest = makes.manifest("active", assertions=assertions)
    return judge_consent(
        manifest,
        ai=ai,
        party=who or party(),
        identity=IdentityAnswer(attested=tuple(attested)),
        now=NOW,
        **options,
    )


def states(answer: ConsentAnswer) -> list[str]:
    return [consent.state for consent in answer.consents]


def test_without_credentials_nothing_is_checked() -> None:
    options: dict[str, Any] = {"ai": AiState.PARTLY, "identity": IdentityAnswer(), "now": NOW}
    assert judge_consent(None, party=party(), **options) == ConsentAnswer()
    assert ConsentAnswer().state is ConsentState.NOT_CHECKED


def test_without_a_declaration_no_consent_is_needed(makes: Any) -> None:
    answer = judge(makes, {CONSENT: SAID}, ai=AiState.NOT_DECLARED)
    assert answer.state is ConsentState.NOT_NEEDED
    assert states(answer) == ["counts"]
    assert answer.findings == ()


def test_an_agency_may_say_that_a_use_concerns_no_artist(makes: Any) -> None:
    said = {"c2pa.ai-disclosure": disclosure(uses=["other"])}
    assert judge(makes, said).state is ConsentState.NOT_NEEDED
    also = {"c2pa.ai-disclosure": disclosure("NOVA9", uses=["other"])}
    assert judge(makes, also).state is ConsentState.NOT_NEEDED


def test_a_stranger_may_not(makes: Any) -> None:
    said = {"c2pa.ai-disclosure": disclosure(uses=["other"])}
    answer = judge(makes, said, who=party(kind=SignerKind.UNRECOGNISED))
    assert answer.state is ConsentState.NONE
    # Nobody is named: there is nothing to tell.
    assert answer.findings == ()


def test_where_nobody_says_whom_it_concerns_it_concerns_whom_the_metadata_name(makes: Any) -> None:
    for silent in ({}, {"c2pa.ai-disclosure": {"modelType": "c2pa.types.model"}}):
        for artists, state in (
            ((), ConsentState.ON_RECORD),
            (("nova9",), ConsentState.ON_RECORD),
            (("VEGA5",), ConsentState.NONE),
            (("NOVA9", "VEGA5"), ConsentState.PARTLY),
        ):
            answer = judge(makes, {**silent, CONSENT: SAID}, who=party(artists=artists))
            assert answer.state is state, artists
            assert answer.uses == ()


def test_every_use_of_every_artist_needs_its_own(makes: Any) -> None:
    said = {
        "c2pa.ai-disclosure": disclosure("NOVA9", uses=["voice", "likeness"]),
        "c2pa.ai-disclosure__1": disclosure("VEGA5"),
        CONSENT: SAID,
    }
    answer = judge(makes, said)
    assert answer.state is ConsentState.PARTLY
    missing = next(f for f in answer.findings if f.code is FindingCode.CONSENT_MISSING)
    assert missing.evidence["uses"] == [
        {"use": "likeness", "artist": "NOVA9"},
        {"use": "voice", "artist": "VEGA5"},
    ]
    whole = judge(
        makes,
        {
            **said,
            f"{CONSENT}__1": {**SAID, "uses": ["likeness", "voice"]},
            f"{CONSENT}__2": {**SAID, "artist": "VEGA5"},
        },
    )
    assert whole.state is ConsentState.ON_RECORD
    assert [(use.use, use.artist) for use in whole.uses] == [
        ("voice", "NOVA9"),
        ("likeness", "NOVA9"),
        ("voice", "VEGA5"),
    ]


def test_a_disclosure_among_several_that_is_silent_is_not_spoken_for(makes: Any) -> None:
    said = {
        "c2pa.ai-disclosure": disclosure(uses=["other"]),
        "c2pa.ai-disclosure__1": {"modelType": "c2pa.types.model"},
    }
    assert judge(makes, said, who=party(artists=("NOVA9",))).state is ConsentState.NONE


def test_another_agency_beside_the_signer_speaks_for_its_own_artist(makes: Any) -> None:
    said = {
        "c2pa.ai-disclosure": disclosure("NOVA9", "VEGA5"),
        CONSENT: SAID,
        f"{CONSENT}__1": {**SAID, "artist": "VEGA5"},
    }
    ours, theirs = agency("aurora", ["NOVA9"]), agency("borealis", ["VEGA5"])
    alone = judge(makes, said, who=party(owner=ours))
    assert (alone.state, states(alone)) == (ConsentState.PARTLY, ["counts", "out-of-scope"])
    beside = Attested(
        labels=frozenset({f"{CONSENT}__1"}), agency=theirs, recognised_by="key:b", says_name="B"
    )
    both = judge(makes, said, who=party(owner=ours), attested=[beside])
    assert (both.state, states(both)) == (ConsentState.ON_RECORD, ["counts", "counts"])
    assert [s.agency.id for s in both.consents[1].signed_by if s.agency] == ["aurora", "borealis"]


def test_the_closest_of_several_consents_speaks_for_a_use(makes: Any) -> None:
    expired = {**SAID, "validUntil": "2026-07-01T00:00:00Z"}
    said = {"c2pa.ai-disclosure": disclosure("NOVA9"), CONSENT: expired, f"{CONSENT}__1": SAID}
    answer = judge(makes, said)
    assert (answer.state, states(answer)) == (ConsentState.ON_RECORD, ["expired", "counts"])
    assert {f.code for f in answer.findings} == {
        FindingCode.CONSENT_ON_RECORD,
        FindingCode.CONSENT_EXPIRED,
    }


def test_some_in_force_and_some_ended_is_ended(makes: Any) -> None:
    signed = NOW - timedelta(days=90)
    said = {
        "c2pa.ai-disclosure": disclosure("NOVA9", "VEGA5"),
        CONSENT: SAID,
        f"{CONSENT}__1": {**SAID, "artist": "VEGA5", "validUntil": "2026-10-01T00:00:00Z"},
    }
    answer = judge(makes, said, who=party(at=signed))
    assert (answer.state, states(answer)) == (ConsentState.ENDED, ["counts", "ended"])


def test_a_use_that_is_not_known_here_matches_nothing_but_itself(makes: Any) -> None:
    said = {
        "c2pa.ai-disclosure": disclosure("NOVA9"),
        CONSENT: {**SAID, "uses": ["choreography"]},
    }
    assert states(judge(makes, said)) == ["other-use"]


def test_moments_at_the_edges_of_the_calendar(makes: Any) -> None:
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))).isoformat()
    far = datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=14))).isoformat()
    said = {
        "c2pa.ai-disclosure": disclosure("NOVA9"),
        CONSENT: {**SAID, "validFrom": edge, "validUntil": far},
    }
    answer = judge(makes, said)
    assert states(answer) == ["counts"]
    assert answer.consents[0].model_dump_json()


def test_what_a_stranger_wrote_is_cleaned_and_cut(makes: Any) -> None:
    said = {CONSENT: {**SAID, "artist": "NO\u202eVA9\x1b[2J" + "x" * 150, "identifier": "C\n1"}}
    (consent,) = judge(makes, said).consents
    assert "\u202e" not in consent.artist
    assert "\x1b" not in consent.artist
    assert consent.identifier == "C 1"


def test_more_than_is_looked_at_is_never_all_on_record(makes: Any) -> None:
    names = [f"ARTIST {number}" for number in range(50)]
    said: dict[str, Any] = {
        f"c2pa.ai-disclosure{suffix}": disclosure(*names, uses=[f"use-{n}" for n in range(10)])
        for suffix in ("", "__1", "__2")
    }
    said |= {
        f"{CONSENT}{f'__{number}' if number else ''}": {
            **SAID, "artist": name, "uses": [f"use-{n}" for n in range(10)],
        }
        for number, name in enumerate(names)
    }  # fmt: skip
    begun = time.perf_counter()
    answer = judge(makes, said)
    assert answer.state is ConsentState.PARTLY
    assert len(answer.consents) == 50
    assert len(answer.uses) == 20
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("code", [c for c in FindingCode if c.value.startswith("consent-")])
def test_consent_never_stands_in_the_way_of_a_verdict(code: FindingCode) -> None:
    assert MEANINGS[code].obstacle is None
    assert MEANINGS[code].severity in {Severity.INFO, Severity.WARNING}


def test_under_a_products_claim_what_is_created_is_the_products_word(makes: Any) -> None:
    product = Product(id="vantage", name="Vantage Studio", spki_sha256=("5a" * 32,))
    carried = Carried(recognition=party().recognition, product=product, labels=frozenset())
    answer = judge_consent(
        makes.manifest(
            "active", assertions={"c2pa.ai-disclosure": disclosure("NOVA9"), CONSENT: SAID}
        ),
        ai=AiState.PARTLY,
        party=party(),
        identity=IdentityAnswer(carried=carried),
        now=NOW,
    )
    assert (answer.state, states(answer)) == (ConsentState.NOT_ATTRIBUTED, ["not-attributed"])
    assert answer.consents[0].signed_by == ()
    assert answer.uses == ()
