"""What is said of every report: there for each combination, and never stronger than its verdict."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import provenance
from provenance.findings import MEANINGS, FindingCode
from provenance.report import (
    AgencyRef,
    AiFacts,
    AiUse,
    CheckNotRun,
    Identity,
    Ingredient,
    Integrity,
    Region,
    RegisterRef,
    Release,
    Report,
    Resemblance,
    Signer,
    SigningTime,
    finding,
)
from provenance.verdict import (
    AiState,
    ConsentState,
    IntegrityState,
    Obstacle,
    ReleaseState,
    SignerKind,
    TimeState,
    Verdict,
    VerdictBasis,
    derive_verdict,
)
from provenance.wording.answer import answer_of
from provenance.wording.catalogue import wording_in
from provenance.wording.facts import checks_not_made, found_rows, rows_of
from provenance.wording.keys import (
    CHECKS,
    CHECKS_OF_LISTS,
    FOUND,
    LABELS,
    REASONS,
    label_of,
)
from provenance.wording.languages import LANGUAGES
from tests.factory.reports import SIGNED_AT, report_of

AURORA = AgencyRef(
    id="aurora-entertainment",
    name="Aurora Entertainment",
    names={"en": "Aurora Entertainment", "ko": "오로라 엔터테인먼트"},
)
ENGLISH = wording_in(LANGUAGES[1])
ALIKE = Resemblance(release="NOVA9-2026-11", distance=9, agency=AURORA, title={"en": "Starlight"})


def combination(
    integrity: IntegrityState,
    signer: SignerKind,
    release: ReleaseState,
    time: TimeState,
    *,
    resembles: bool,
    reason: FindingCode | None,
) -> Report:
    obstacle = MEANINGS[reason].obstacle if reason else None
    verdict = derive_verdict(
        VerdictBasis(
            integrity=integrity,
            signer=signer,
            release=release,
            resembles=resembles,
            obstacles=frozenset({obstacle} if obstacle else ()),
        )
    )
    decided = verdict in {Verdict.ALTERED, Verdict.UNDETERMINED}
    return report_of(
        verdict=verdict,
        reason=reason if decided else None,
        integrity=Integrity(state=integrity),
        signer=Signer(
            kind=signer,
            agency=AURORA if signer is SignerKind.AGENCY else None,
            certificate=report_of().signer.certificate,
        ),
        release=Release(state=release, why="", id="NOVA9-2026-11", agency=AURORA),
        time=SigningTime(state=time, trusted_at=SIGNED_AT, claimed_at=SIGNED_AT),
        resemblance=(ALIKE,) if resembles else (),
        findings=(finding(reason),) if reason else (),
    )


# Every single reason has a test below; here one of each kind stands for the others.
REASONS_GIVEN = [
    None,
    FindingCode.LIMIT_REACHED,
    FindingCode.PARTLY_COVERED,
    FindingCode.ASSERTION_MISMATCH,
]


def said(report: Report) -> dict[str, list[str]]:
    answer = answer_of(report)
    parts = {
        "known": answer.known,
        "how": answer.how,
        "not": answer.not_meant,
        "do": answer.to_do,
    }
    return {name: [message.key for message in messages] for name, messages in parts.items()}


def test_every_combination_is_answered_in_every_part_and_language() -> None:
    seen = set()
    wordings = [wording_in(language) for language in LANGUAGES]
    times = itertools.cycle(TimeState)
    for integrity, signer, release, resembles, reason in itertools.product(
        IntegrityState, SignerKind, ReleaseState, (False, True), REASONS_GIVEN
    ):
        report = combination(
            integrity, signer, release, next(times), resembles=resembles, reason=reason
        )
        answer = answer_of(report)
        verdict = report.verdict
        seen.add(verdict)
        keys = said(report)
        assert keys["known"][0].split(".")[0] == "known"
        assert all(keys.values()), keys
        assert answer.label.key == LABELS[verdict]
        granted = {"known.official", "how.official", "do.official", "not.official"}
        used = {key for part in keys.values() for key in part}
        if verdict is not Verdict.OFFICIAL:
            assert not used & (granted - {"how.official"}), keys
        if verdict not in {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}:
            assert "how.official" not in used, keys
            assert not used & {"known.official-withdrawn", "known.superseded"}
        if verdict is not Verdict.ALTERED:
            assert not {key for key in used if "altered" in key}, keys
        if verdict is not Verdict.SIGNED:
            assert not used & {"known.signed", "known.signed-unnamed", "how.signed"}
        # One language each: all of them have every key, by a test of their own.
        wording = wordings[len(seen) % len(wordings)]
        for message in (*answer.known, *answer.how, *answer.not_meant, *answer.to_do):
            assert wording.text(message)
    assert seen == set(Verdict)


def test_every_obstacle_has_a_reason_and_every_finding_a_text() -> None:
    assert set(REASONS) == {code for code, meaning in MEANINGS.items() if meaning.obstacle}
    assert set(FOUND) == set(FindingCode)
    assert {label_of(verdict) for verdict in Verdict} == {f"label.{v.value}" for v in Verdict}
    for wording in map(wording_in, LANGUAGES):
        assert all(wording.text(key) for key in FOUND.values())


@pytest.mark.parametrize("code", list(REASONS))
def test_the_reason_is_told_and_whose_it_is(code: FindingCode) -> None:
    report = report_of(verdict=Verdict.UNDETERMINED, reason=code, findings=(finding(code),))
    whose = "ours" if MEANINGS[code].obstacle is Obstacle.OURS else "file"
    keys = said(report)
    assert f"how.undetermined.{whose}" in keys["how"]
    assert f"do.undetermined.{whose}" in keys["do"]
    assert ENGLISH.text(answer_of(report).known[0]) == (
        f"Could not be checked. {ENGLISH.text(REASONS[code])}"
    )


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"disowned_by": AURORA}, "known.disowned"),
        ({"codes": [FindingCode.CERTIFICATE_REVOKED]}, "known.revoked"),
        ({"codes": [FindingCode.KEY_OUT_OF_SCOPE]}, "known.out-of-scope"),
        ({"codes": [FindingCode.KEY_OUTSIDE_WINDOW]}, "known.outside-window"),
        ({"codes": []}, "known.signed-unrecognised"),
    ],
)
def test_a_signature_that_does_not_count_is_told_with_its_reason(
    fields: dict[str, Any], known: str
) -> None:
    report = report_of(
        verdict=Verdict.SIGNED_UNRECOGNISED,
        signer=Signer(kind=SignerKind.UNRECOGNISED, disowned_by=fields.get("disowned_by")),
        findings=tuple(
            finding(code, agency_name="Aurora Entertainment") for code in fields.get("codes", ())
        ),
    )
    assert said(report)["known"] == [known]
    unknown = known == "known.signed-unrecognised"
    assert ("how.signed-unrecognised" in said(report)["how"]) == unknown


def test_a_look_alike_names_the_release_and_grants_nothing() -> None:
    alike = ALIKE.model_copy(
        update={
            "state": ReleaseState.WITHDRAWN,
            "differs": (Region(left=0.1, top=0.1, width=0.1, height=0.1),),
        }
    )
    report = report_of(
        verdict=Verdict.LOOKALIKE,
        integrity=Integrity(state=IntegrityState.ABSENT),
        signer=Signer(kind=SignerKind.NONE),
        resemblance=(alike,),
    )
    assert said(report)["known"] == ["known.lookalike", "also.withdrawn", "also.differs"]
    assert ENGLISH.text(answer_of(report).known[0]) == (
        "Unverified. It looks or sounds like \u201cStarlight\u201d, but this copy carries no "
        "proof that it comes from Aurora Entertainment."
    )
    orphan = report.model_copy(update={"resemblance": (ALIKE.model_copy(update={"agency": None}),)})
    assert said(orphan)["known"] == ["known.lookalike-unnamed"]


def test_a_resemblance_stays_in_the_words_of_any_other_verdict() -> None:
    report = report_of(
        verdict=Verdict.ALTERED,
        reason=FindingCode.CONTENT_MISMATCH,
        integrity=Integrity(state=IntegrityState.ALTERED),
        resemblance=(ALIKE,),
    )
    assert said(report)["known"] == ["known.altered", "also.resembles"]
    assert said(report_of(resemblance=(ALIKE,)))["known"] == ["known.official"]


def test_the_name_of_a_listed_signer_is_quoted() -> None:
    report = report_of(verdict=Verdict.SIGNED, signer=report_of().signer.model_copy(
        update={"kind": SignerKind.LISTED, "agency": None}))  # fmt: skip
    (known,) = answer_of(report).known
    assert "\u201cAurora claim signing\u201d" in ENGLISH.text(known)
    kinds = [segment.kind for segment in ENGLISH.segments(known)]
    assert kinds == ["ours", "quoted", "ours"]


@pytest.mark.parametrize("consent", list(ConsentState))
@pytest.mark.parametrize("state", [AiState.PARTLY, AiState.FULLY])
def test_ai_is_said_of_an_official_release_with_its_consent(
    state: AiState, consent: ConsentState
) -> None:
    ai = AiFacts(state=state, consent=consent, uses=(AiUse(use="voice", artist="NOVA9"),))
    keys = said(report_of(ai=ai))["known"]
    assert f"ai.{state.value}" in keys
    told = [key for key in keys if key.startswith("consent.")]
    assert told == ([] if consent is ConsentState.NOT_CHECKED else [f"consent.{consent.value}"])
    assert answer_of(report_of(ai=ai)).known[0].key == "known.official"


def test_an_ingredient_lifts_nothing() -> None:
    report = report_of(
        verdict=Verdict.SIGNED_UNRECOGNISED,
        signer=Signer(kind=SignerKind.UNRECOGNISED),
        ingredients=(
            Ingredient(
                id=0, parent=None, depth=1, relationship="parentOf", state="holds", agency=AURORA
            ),
        ),
    )
    assert said(report)["known"] == ["known.signed-unrecognised", "also.made-from"]


def test_an_agency_that_is_recognised_by_its_identity_under_a_product() -> None:
    identity = Identity(
        assertion="cawg.identity", kind="cawg.x509.cose", state="verified", why="", agency=AURORA
    )
    report = report_of(identity=(identity,), findings=(finding(FindingCode.IDENTITY_VERIFIED),))
    assert said(report)["known"] == ["known.official", "also.identity"]


def test_withdrawn_and_superseded_releases() -> None:
    reason = Release(state=ReleaseState.WITHDRAWN, why="", id="x", reason="<b>wrong take</b>")
    report = report_of(verdict=Verdict.OFFICIAL_WITHDRAWN, release=reason)
    assert "how.withdrawn-reason" in said(report)["how"]
    assert said(report)["do"] == ["do.official-withdrawn"]
    newer = report_of(release=Release(state=ReleaseState.SUPERSEDED, why="", id="x"))
    assert said(newer)["known"] == ["known.official", "known.superseded"]


def test_what_was_not_compared_is_not_said_to_be_unlike() -> None:
    plain = {
        "verdict": Verdict.UNVERIFIED,
        "integrity": Integrity(state=IntegrityState.ABSENT),
        "signer": Signer(kind=SignerKind.NONE),
    }
    assert "how.not-compared" in said(report_of(**plain))["how"]
    asked = report_of().context.model_copy(
        update={"register_of_releases": RegisterRef(name="register")}
    )
    assert "how.compared" in said(report_of(**plain, context=asked))["how"]
    failed = (CheckNotRun(check="resemblance", why="register: cannot be reached"),)
    broken = report_of(**plain, context=asked, checks_not_run=failed)
    assert "how.not-compared" in said(broken)["how"]
    # "None that is close" is not said of what nobody looked at.
    part = (CheckNotRun(check="part of the resemblance", why="pdq: too plain to be recognised"),)
    partly = report_of(**plain, context=asked, checks_not_run=part)
    assert [key for key in said(partly)["how"] if "compared" in key] == ["how.partly-compared"]
    assert "not.implied" in said(broken)["not"]


def test_warnings_about_names_and_updates_are_told_with_the_reasons() -> None:
    codes = (FindingCode.IMPOSTOR_NAME, FindingCode.UPDATED_BY_OTHERS)
    report = report_of(
        verdict=Verdict.SIGNED_UNRECOGNISED,
        signer=Signer(kind=SignerKind.UNRECOGNISED),
        findings=tuple(map(finding, codes)),
    )
    assert {"how.impostor", "found.updated-by-others", "how.no-directory"} <= set(
        said(report)["how"]
    )


def test_details_name_nobody_beside_altered_bytes() -> None:
    fine = {row.label.key: row for row in rows_of(report_of(), ENGLISH)}
    assert ENGLISH.text(fine["row.signer"].values[0]) == "Aurora Entertainment"
    altered = report_of(verdict=Verdict.ALTERED, integrity=Integrity(state=IntegrityState.ALTERED))
    rows = {row.label.key: row for row in rows_of(altered, ENGLISH)}
    assert ENGLISH.text(rows["row.signer"].values[0]) == "says \u201cAurora claim signing\u201d"
    assert "row.ai" not in rows


def test_findings_come_with_the_weightiest_first_and_checks_not_made_are_listed() -> None:
    codes = (FindingCode.CONTENT_MATCHES, FindingCode.LOCATION_PUBLISHED)
    report = report_of(
        findings=tuple(map(finding, codes)),
        checks_not_run=(
            CheckNotRun(check="revocation", why="offline"),
            CheckNotRun(check="revocation", why="again"),
            CheckNotRun(check="freshness of list x", why="y"),
            CheckNotRun(check="part of the resemblance", why="too long"),
            CheckNotRun(check="something new", why="z"),
        ),
    )
    assert [row.code for row in found_rows(report)] == ["location-published", "content-matches"]
    assert [message.key for message in checks_not_made(report)] == [
        "check.revocation",
        "check.list-age",
        "check.resemblance-part",
        "check.other",
    ]
    age = checks_not_made(report)[1]
    assert ENGLISH.text(age) == "Whether this list is up to date: \u201cx\u201d"


def test_every_check_that_may_not_be_made_has_words() -> None:
    """Its name in a report is English, and no text of a page."""
    folder = Path(provenance.__file__).parent
    text = "".join(
        path.read_text("utf-8")
        for part in ("verification", "trust")
        for path in (folder / part).rglob("*.py")
    )
    named = {
        said
        for found in re.findall(
            r'\b(?:CheckNotRun\(check=|CHECK = |check = |not_run\(\s*)f?"([^"{]+)(?:\{(?!CHECK))?"?'
            r'|\("(\w+ scope)"',
            text,
        )
        for said in found
        if said
    }
    assert {"artist scope", "freshness of list ", "coverage", "second engine"} <= named
    worded = {*CHECKS, *CHECKS_OF_LISTS}
    assert named - worded - {"part of the "} == set()
    assert "part of the resemblance" in worded
