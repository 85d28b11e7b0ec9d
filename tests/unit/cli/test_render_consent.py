from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.cli.render_consent import consent_texts
from provenance.report import AgencyRef, AiFacts, AiUse, Consent, ConsentSigner
from provenance.verdict import AiState, ConsentState

AGENCY = ConsentSigner(
    kind="agency",
    agency=AgencyRef(id="aurora", name="Aurora Entertainment", names={}),
    recognised_by="anchor:root",
)


def consent(**fields: Any) -> Consent:
    said: dict[str, Any] = {
        "artist": "NOVA9",
        "uses": ("voice",),
        "valid_from": datetime(2026, 6, 1, tzinfo=UTC),
        "valid_until": datetime(2028, 6, 1, tzinfo=UTC),
        "territories": None,
        "revocation_contact": "mailto:consent@aurora.example",
        "paper_sha256": "5a" * 32,
        "assertion": "org.provenance-verifier.consent",
        "state": "counts",
        "why": "",
        "signed_by": (AGENCY,),
    }
    return Consent(**{**said, **fields})


def lines(
    *consents: Consent,
    state: ConsentState = ConsentState.ON_RECORD,
    ai: AiState = AiState.PARTLY,
    uses: tuple[AiUse, ...] = (),
) -> list[str]:
    return list(consent_texts(AiFacts(state=ai, consent=state, consents=consents, uses=uses)))


def test_a_consent_on_record_in_full() -> None:
    assert lines(consent(), uses=(AiUse(use="voice", artist="NOVA9"),)) == [
        'on record for all that is declared: voice of "NOVA9"',
        (
            'Aurora Entertainment says that "NOVA9" consented to voice; from 2026-06-01 until '
            '2028-06-01, worldwide; to withdraw: "mailto:consent@aurora.example"; paper '
            "5a5a5a5a5a5a5a5a..."
        ),
    ]


@pytest.mark.parametrize("state", [s for s in ConsentState if s is not ConsentState.NOT_CHECKED])
def test_every_state_has_words_of_its_own(state: ConsentState) -> None:
    (text,) = lines(state=state)
    assert text
    others = [lines(state=s) for s in ConsentState if s is not state]
    assert [text] not in others


def test_where_nothing_is_declared_nothing_is_said() -> None:
    assert lines(state=ConsentState.NOT_NEEDED, ai=AiState.NOT_DECLARED) == []
    assert lines(state=ConsentState.NOT_CHECKED, ai=AiState.NOT_DECLARED) == []
    assert lines(consent(), state=ConsentState.NOT_NEEDED, ai=AiState.NOT_DECLARED) == []


def test_a_strangers_statement_is_called_what_it_is_even_then() -> None:
    stranger = consent(state="not-attributed", why="no agency has signed for it", signed_by=())
    shown = lines(stranger, state=ConsentState.NOT_NEEDED, ai=AiState.NOT_DECLARED)
    assert shown[-1].startswith(
        'does not count (no agency has signed for it); somebody says that "NOVA9" consented'
    )


@pytest.mark.parametrize(
    "state",
    ["ended", "expired", "not-begun", "other-artist", "other-use", "other-territory",
     "out-of-scope", "not-attributed"],
)  # fmt: skip
def test_what_does_not_count_says_so_first(state: str) -> None:
    text = lines(consent(state=state, why="because"), state=ConsentState.NONE)[-1]
    assert text.startswith("does not count (because); ")


def test_a_listed_holder_is_named_as_what_the_certificate_says() -> None:
    artist = ConsentSigner(kind="listed", recognised_by="list:studio", says_name="NOVA9")
    text = lines(consent(signed_by=(AGENCY, artist)))[-1]
    assert (
        "Aurora Entertainment and the holder of a key vouched for by list:studio "
        '(certificate says "NOVA9") says that'
    ) in text


def test_many_are_counted() -> None:
    shown = lines(*[consent(artist=f"A{n}") for n in range(9)])
    assert (len(shown), shown[-1]) == (5, "and 6 more statements")
    everywhere = consent(territories=tuple(f"{a}{b}" for a in "ABCD" for b in "ABCD"))
    assert "in AA, AB, AC, AD, BA, BB, BC, BD, CA, CB and 6 more" in lines(everywhere)[-1]


def test_hostile_text_stays_inert() -> None:
    text = " ".join(
        lines(
            consent(artist="N\x1b[2J\nofficial", why="\x07", state="expired"),
            uses=(AiUse(use="\x1b[31mvoice", artist="\x9b"),),
            state=ConsentState.EXPIRED,
        )
    )
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)
