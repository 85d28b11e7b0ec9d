from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime

import pytest

from provenance.findings import MEANINGS, FindingCode
from provenance.report import (
    AgencyRef,
    AiFacts,
    Consent,
    Finding,
    Ingredient,
    Region,
    Release,
    Resemblance,
    Signer,
    finding,
)
from provenance.verdict import (
    AiState,
    ConsentState,
    IntegrityState,
    Obstacle,
    ReleaseState,
    SignerKind,
    Verdict,
)
from provenance.verification.summary import deciding_finding, summarise

AGENCY = AgencyRef(id="aurora", name="Aurora Entertainment", names={})
LIKE = Resemblance(release="NOVA9-2026-11", distance=12, agency=AGENCY, title={"en": "Starlight"})
FORBIDDEN = re.compile(r"\b(fake|real|true|authentic|genuine photo|deepfake)\b", re.IGNORECASE)


def _say(verdict: Verdict, *codes: FindingCode, **options: object) -> str:
    findings = [finding(code) for code in codes]
    kind = SignerKind.AGENCY if verdict is Verdict.OFFICIAL else SignerKind.UNRECOGNISED
    whole: dict[str, object] = {
        "reason": deciding_finding(verdict, findings),
        "signer": Signer(kind=kind, agency=AGENCY if kind is SignerKind.AGENCY else None),
        "findings": findings,
        "ingredients": (),
        "ai": AiFacts(state=AiState.NOT_DECLARED),
        "integrity": IntegrityState.INTACT,
        "test": False,
        "resemblances": (LIKE,) if verdict is Verdict.LOOKALIKE else (),
    }
    return summarise(verdict, **{**whole, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_sentence(verdict: Verdict) -> None:
    said = _say(verdict)
    assert said.endswith(".")
    assert said[0].isupper()
    assert _say(verdict, test=True) == f"TEST. {said}"


def test_no_two_verdicts_share_a_sentence() -> None:
    assert len({_say(verdict) for verdict in Verdict}) == len(Verdict)


@pytest.mark.parametrize("code", [c for c in FindingCode if MEANINGS[c].obstacle])
def test_every_obstacle_has_its_own_reason(code: FindingCode) -> None:
    said = _say(Verdict.UNDETERMINED, code)
    assert said.startswith("Could not be checked: ")
    assert "no answer either way" not in said


def test_nothing_ever_says_fake_or_real_or_true() -> None:
    codes = [*FindingCode]
    texts = [MEANINGS[code].says for code in codes]
    for verdict, code, ai in itertools.product(Verdict, codes, AiState):
        texts.append(_say(verdict, code, ai=AiFacts(state=ai)))
    texts += [_say(Verdict.OFFICIAL, ai=_ai(AiState.FULLY, state)) for state in ConsentState]
    assert [text for text in texts if FORBIDDEN.search(text)] == []


def test_the_absence_of_credentials_is_no_evidence() -> None:
    assert "does not say whether it is genuine" in _say(Verdict.UNVERIFIED)


def test_a_look_alike_names_the_release_and_lends_nothing() -> None:
    assert _say(Verdict.LOOKALIKE) == (
        "Unverified. It looks like \u201cStarlight\u201d of Aurora Entertainment, but "
        "this copy carries no proof that it comes from Aurora Entertainment."
    )
    untitled = LIKE.model_copy(update={"title": {}})
    assert "like release NOVA9-2026-11 of Aurora" in _say(
        Verdict.LOOKALIKE, resemblances=(untitled,)
    )
    heard = LIKE.model_copy(update={"algorithm": "chroma"})
    assert "It sounds like" in _say(Verdict.LOOKALIKE, resemblances=(heard,))
    withdrawn = LIKE.model_copy(update={"state": ReleaseState.WITHDRAWN})
    assert _say(Verdict.LOOKALIKE, resemblances=(withdrawn,)).endswith(
        "Aurora Entertainment has since withdrawn that release."
    )


@pytest.mark.parametrize(
    "verdict", [v for v in Verdict if v not in {Verdict.LOOKALIKE, Verdict.OFFICIAL}]
)
def test_a_resemblance_stays_in_the_sentence_whatever_the_verdict(verdict: Verdict) -> None:
    lead = "It looks like \u201cStarlight\u201d of Aurora Entertainment, which proves"
    assert lead in _say(verdict, resemblances=(LIKE,))
    assert lead not in _say(verdict)


def test_where_a_copy_differs_is_said_and_no_more() -> None:
    box = Region(left=0.1, top=0.1, width=0.2, height=0.2)
    differing = LIKE.model_copy(update={"differs": (box,)})
    assert _say(Verdict.LOOKALIKE, resemblances=(differing,)).endswith(
        "It differs from that release in places."
    )


def test_a_superseded_release_says_that_there_is_a_newer_one() -> None:
    old = Release(state=ReleaseState.SUPERSEDED, why="")
    assert _say(Verdict.OFFICIAL, release=old) == (
        "Official release of Aurora Entertainment. There is a newer version of it."
    )
    current = Release(state=ReleaseState.CURRENT, why="")
    assert _say(Verdict.OFFICIAL, release=current) == "Official release of Aurora Entertainment."


def test_ai_is_said_only_of_what_is_official() -> None:
    official = _say(Verdict.OFFICIAL, ai=AiFacts(state=AiState.FULLY))
    assert official == (
        "Official release of Aurora Entertainment. It declares that AI made all of it."
    )
    partly = _say(Verdict.OFFICIAL, ai=AiFacts(state=AiState.PARTLY))
    assert partly.endswith("It declares that AI made part of it.")


def _ai(state: AiState, consent: ConsentState, *artists: str) -> AiFacts:
    consents = tuple(
        Consent(
            artist=artist,
            uses=("voice",),
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
            valid_until=datetime(2027, 1, 1, tzinfo=UTC),
            territories=None,
            revocation_contact="https://aurora.example/consent",
            paper_sha256="5a" * 32,
            assertion="org.provenance-verifier.consent",
            state="counts",
            why="",
        )
        for artist in artists
    )
    return AiFacts(state=state, consent=consent, consents=consents)


def test_consent_is_said_beside_ai_and_never_without() -> None:
    said = {state: _say(Verdict.OFFICIAL, ai=_ai(AiState.PARTLY, state)) for state in ConsentState}
    assert len(set(said.values())) == len(ConsentState)
    for state in ConsentState:
        assert said[state].startswith(
            "Official release of Aurora Entertainment. It declares that AI made part of it"
        )
        assert said[state].endswith(".")
        without = _say(Verdict.OFFICIAL, ai=_ai(AiState.NOT_DECLARED, state))
        assert without == "Official release of Aurora Entertainment."
        assert "consent" not in _say(Verdict.SIGNED, ai=_ai(AiState.PARTLY, state))


def test_a_consent_on_record_names_the_artists() -> None:
    ai = _ai(AiState.PARTLY, ConsentState.ON_RECORD, "NOVA9", "{0}", "HAEUN", "VEGA5", "NOVA9")
    assert _say(Verdict.OFFICIAL, ai=ai).endswith(
        "AI made part of it, with the consent of NOVA9, {0}, HAEUN and others on record."
    )


def test_an_origin_is_said_only_of_an_intact_file() -> None:
    made = Ingredient(
        id=0, parent=None, depth=1, relationship="parentOf", state="holds", agency=AGENCY
    )
    origin = "It says it was made from a release of Aurora Entertainment."
    assert _say(Verdict.SIGNED_UNRECOGNISED, ingredients=[made]).endswith(origin)
    for state in set(IntegrityState) - {IntegrityState.INTACT}:
        assert origin not in _say(Verdict.UNDETERMINED, ingredients=[made], integrity=state)
    assert origin not in _say(Verdict.OFFICIAL, ingredients=[made])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (FindingCode.CERTIFICATE_REVOKED, "that its issuer has revoked"),
        (FindingCode.KEY_OUT_OF_SCOPE, "for this kind of release"),
        (FindingCode.KEY_OUTSIDE_WINDOW, "for that time"),
    ],
)
def test_why_a_signer_is_not_recognised(code: FindingCode, says: str) -> None:
    assert says in _say(Verdict.SIGNED_UNRECOGNISED, code)


def test_a_disowned_key_names_who_disowned_it() -> None:
    signer = Signer(kind=SignerKind.UNRECOGNISED, disowned_by=AGENCY)
    said = _say(Verdict.SIGNED_UNRECOGNISED, signer=signer)
    assert said == "Signed with a key that Aurora Entertainment has disowned."


def _found(*codes: FindingCode) -> list[Finding]:
    return [finding(code) for code in codes]


def test_a_reason_of_ours_is_named_before_one_of_the_file() -> None:
    findings = _found(FindingCode.PARTLY_COVERED, FindingCode.LIMIT_REACHED)
    assert MEANINGS[FindingCode.PARTLY_COVERED].obstacle is Obstacle.FILE
    assert deciding_finding(Verdict.UNDETERMINED, findings) is FindingCode.LIMIT_REACHED


def test_an_accusation_is_named_by_what_accuses() -> None:
    findings = _found(FindingCode.PARTLY_COVERED, FindingCode.ASSERTION_MISMATCH)
    assert deciding_finding(Verdict.ALTERED, findings) is FindingCode.ASSERTION_MISMATCH


@pytest.mark.parametrize(
    "verdict",
    sorted(set(Verdict) - {Verdict.ALTERED, Verdict.UNDETERMINED}),
    ids=lambda v: v.value,
)
def test_other_verdicts_need_no_reason(verdict: Verdict) -> None:
    assert deciding_finding(verdict, _found(*FindingCode)) is None
