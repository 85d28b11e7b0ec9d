from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from provenance.cli.moments import moment_text
from provenance.cli.render import render_report
from provenance.cli.terminal import COLUMNS, display_width
from provenance.findings import FindingCode
from provenance.report import (
    AgencyRef,
    AiFacts,
    Coverage,
    Integrity,
    Part,
    Report,
    Resemblance,
    Signer,
    SigningTime,
    finding,
)
from provenance.verdict import AiState, IntegrityState, SignerKind, TimeState, Verdict

MakeReport = Callable[..., Report]


def rendered(report: Report, name: str = "stage.jpg", *, explain: bool = False) -> str:
    return render_report(report, name=name, colour=False, explain=explain)


def test_an_official_release_in_full(make_report: MakeReport) -> None:
    assert rendered(make_report()) == (
        "stage.jpg\n"
        "  [+] official: Official release of Aurora Entertainment.\n"
        "  File        image/jpeg, 24,300 bytes\n"
        "  Signer      Aurora Entertainment, an agency of the directory; matched\n"
        '              anchor:aurora-root; product says "Aurora Press Room 1.0"\n'
        "  Signed      2026-05-03 12:00:00 UTC, claimed, not proven\n"
        "  Revocation  not checked: offline\n"
        "  Release     unknown: no register is consulted\n"
        "  Coverage    12,000 bytes signed, 12,300 bytes of credentials\n"
        "  AI          not declared\n"
        "  Made from   nothing declared\n"
        "  Not checked revocation"
    )


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_has_a_sign_and_its_word(make_report: MakeReport, verdict: Verdict) -> None:
    lines = rendered(make_report(verdict=verdict)).splitlines()
    assert re.match(rf"  \[.\] {verdict.value}: ", lines[1])


def test_signs_differ_so_that_colour_is_never_alone(make_report: MakeReport) -> None:
    signs = {rendered(make_report(verdict=v)).splitlines()[1][2:5] for v in Verdict}
    assert len(signs) == len(Verdict)


def test_colour_changes_no_word(make_report: MakeReport) -> None:
    report = make_report(findings=(finding(FindingCode.TRAILING_DATA),))
    coloured = render_report(report, name="stage.jpg", colour=True, explain=False)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered(report)


def test_a_trial_says_test_first(make_report: MakeReport) -> None:
    assert rendered(make_report(test=True)).startswith("TEST")


def test_without_credentials_nothing_is_said_about_signers(make_report: MakeReport) -> None:
    report = make_report(
        verdict=Verdict.UNVERIFIED,
        integrity=Integrity(state=IntegrityState.ABSENT),
        signer=Signer(kind=SignerKind.NONE),
        manifest=None,
        checks_not_run=(),
    )
    assert not re.search("Signer|Coverage|Revocation", rendered(report))


def test_names_in_a_strangers_certificate_are_quoted_as_what_it_says(
    make_report: MakeReport,
) -> None:
    listed = make_report().signer.model_copy(
        update={"kind": SignerKind.UNRECOGNISED, "agency": None, "recognised_by": None}
    )
    text = rendered(make_report(verdict=Verdict.SIGNED_UNRECOGNISED, signer=listed))
    assert 'not recognised; certificate says "Aurora Entertainment"' in " ".join(text.split())


def test_a_disowned_key_names_its_owner(make_report: MakeReport) -> None:
    signer = Signer(
        kind=SignerKind.UNRECOGNISED,
        disowned_by=AgencyRef(id="aurora", name="Aurora Entertainment", names={}),
    )
    assert "the key does not count for Aurora Entertainment" in rendered(make_report(signer=signer))


def test_a_signer_beside_altered_bytes_did_not_sign_these(make_report: MakeReport) -> None:
    altered = Integrity(state=IntegrityState.ALTERED)
    text = rendered(make_report(verdict=Verdict.ALTERED, integrity=altered))
    assert "for other bytes than these" in " ".join(text.split())
    assert "for other bytes" not in rendered(make_report())


def test_only_a_recognised_time_stamp_is_called_attested(make_report: MakeReport) -> None:
    at = datetime(2026, 5, 3, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    trusted = SigningTime(state=TimeState.TRUSTED, trusted_at=at, authority="TSA 1")
    text = " ".join(rendered(make_report(time=trusted)).split())
    assert "2026-05-03 12:00:00 UTC, attested" in text
    assert 'authority says "TSA 1"' in text
    assert "attested" not in rendered(make_report())
    assert "not known" in rendered(make_report(time=SigningTime(state=TimeState.NONE)))


def test_a_time_at_the_edge_of_the_calendar_is_still_shown() -> None:
    edge = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert moment_text(edge) == "0001-01-01 00:00:00+14:00"


def test_uncovered_bytes_are_counted_and_placed(make_report: MakeReport) -> None:
    parts = tuple(
        Part(offset=1000 * n, size_bytes=10, label=f"free{n}", why="trailing") for n in range(5)
    )
    text = " ".join(rendered(make_report(coverage=Coverage(binding="x", uncovered=parts))).split())
    assert '50 bytes not signed by anybody: 10 from byte 0, "free0";' in text
    assert "and 2 more parts" in text


def test_warnings_and_failures_are_shown_and_the_rest_only_on_request(
    make_report: MakeReport,
) -> None:
    report = make_report(
        findings=(
            finding(FindingCode.CONTENT_MATCHES),
            finding(FindingCode.TRAILING_DATA, offset=5),
            finding(FindingCode.KEY_DISOWNED),
        )
    )
    short, full = rendered(report), rendered(report, explain=True)
    assert "content-matches" not in short
    assert "(trailing-data)" in short
    assert "(key-disowned)" in " ".join(short.split())
    assert '"offset": 5' not in short
    assert "content-matches" in full
    assert '{"offset": 5}' in full
    assert report.asset.sha256 is not None
    assert report.asset.sha256 in full


def test_ai_says_who_says_it(make_report: MakeReport) -> None:
    ai = AiFacts(state=AiState.PARTLY, models=("m1",), unsigned_claims=("made with X",))
    text = " ".join(rendered(make_report(ai=ai)).split())
    assert ('made in part by a trained model; says "m1"; unsigned data says "made with X"') in text


def test_a_resemblance_is_called_a_lead(make_report: MakeReport) -> None:
    report = make_report(resemblance=(Resemblance(release="R1", distance=7),))
    assert "Resembles   R1, 7 of 256 bits apart: a lead, not proof" in rendered(report)


def test_a_hostile_file_name_stays_on_its_line_without_escapes(make_report: MakeReport) -> None:
    name = "x.jpg\n  [+] official: Official\x1b[2J" + "로" * 100 + ".jpg"
    lines = rendered(make_report(verdict=Verdict.ALTERED), name=name).splitlines()
    assert lines[0].startswith("x.jpg\ufffd  [+]")
    assert lines[0].endswith(".jpg")
    assert lines[1].startswith("  [x] altered")
    assert "\x1b" not in "".join(lines)


def test_every_line_fits_80_columns_with_korean_in_it(make_report: MakeReport) -> None:
    long = "오로라 엔터테인먼트 " * 20
    report = make_report(
        summary=f"Official release of {long}.",
        signer=make_report().signer.model_copy(update={"says_product": long}),
        findings=(finding(FindingCode.METADATA_CONTRADICTS, value=long),),
    )
    text = rendered(report, name=long, explain=True)
    assert max(map(display_width, text.splitlines())) <= COLUMNS


def test_the_words_fake_real_and_true_are_never_shown(make_report: MakeReport) -> None:
    for verdict in Verdict:
        text = rendered(make_report(verdict=verdict), explain=True)
        assert not re.search(r"\b(fake|real|true|false)\b", text, re.IGNORECASE)
