"""Policies as operators write them, and what they make of a report."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ConfigurationError
from provenance.records.disclosure import make_disclosure
from provenance.records.policies import DEFAULT_PROFILE, parse_profile
from provenance.report import Report
from provenance.verdict import Verdict

HEAD = 'name: strict\nversion: "1"\n'


def test_everything_may_be_said() -> None:
    profile = parse_profile(
        HEAD + "lists: [c2pa]\nmax_directory_age_days: 14\nterritory: KR\nsecond_engine: true\n"
        "passes: [official, signed]\nkeep_uploads: true\nreport_days: 7\n"
        'texts:\n  ko:\n    official: "{agency} 공식"\n',
        where="x",
    )
    assert profile.passes == (Verdict.OFFICIAL, Verdict.SIGNED)
    assert profile.policy.max_directory_age is not None
    assert profile.policy.max_directory_age.days == 14
    assert (profile.policy.name, profile.policy.version) == ("strict", "1")
    assert profile.lists == ("c2pa",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: strict\n", "x: line 1: version: field required"),
        (HEAD + "passes: []\n", "expected at least one verdict"),
        (HEAD + "passes: [true]\n", "line 3: passes.0"),
        (HEAD + "passes: [fine]\n", "line 3: passes.0"),
        (HEAD + "test: true\n", "named test-... where it is for tests"),
        ('name: test-x\nversion: "1"\n', "named test-... where it is for tests"),
        (HEAD + "unknown: 1\n", "line 3: unknown: extra inputs"),
        (HEAD + "territory: Korea\n", "line 3: territory"),
        (HEAD + 'texts: {ko: {official: "{name}"}}\n', "no placeholder but {agency}"),
        (HEAD + 'texts: {ko: {unverified: "{agency}"}}\n', "only an official release has"),
        ("- a\n", "x: line 1"),
        ("a: &a [*a]\n", "x: line 1"),
        ("{", "x: line"),
    ],
)
def test_what_is_refused_and_where(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_profile(text, where="x")
    assert said in str(raised.value)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    for document in (text, HEAD + text):
        try:
            assert parse_profile(document, where="x").passes
        except ConfigurationError as error:
            said = str(error)
        else:
            continue
        assert said.startswith("x: ")


def test_words_are_those_of_the_language_and_never_without_test(
    make_report: Callable[[bytes], Report], signed_jpeg: bytes
) -> None:
    profile = parse_profile(
        HEAD + 'texts:\n  ko:\n    official: "{agency}의 게시물"\n  zh-Hant: {official: "官方"}\n',
        where="x",
    )
    report = make_report(signed_jpeg)
    assert profile.words(report, ["ko-KR"]) == ("ko", "TEST. 오로라 엔터테인먼트의 게시물")
    assert profile.words(report, ["fr", "zh-Hant"]) == ("zh-Hant", "TEST. 官方")
    for tag in ("zh-hant", "ZH-HANT-TW"):
        assert profile.words(report, [tag]) == ("zh-Hant", "TEST. 官方")
    assert profile.words(report, ["fr"]) == ("en", report.summary)
    assert report.summary.startswith("TEST.")
    real = report.model_copy(update={"test": False})
    assert profile.words(real, ["ko"]) == ("ko", "오로라 엔터테인먼트의 게시물")


def test_where_the_operator_wrote_nothing_the_words_of_the_page_are_said(
    make_report: Callable[[bytes], Report], signed_jpeg: bytes
) -> None:
    report = make_report(signed_jpeg)
    korean = "TEST. 오로라 엔터테인먼트의 공식 콘텐츠입니다."
    assert DEFAULT_PROFILE.words(report, ["ko-KR", "en"]) == ("ko", korean)
    assert DEFAULT_PROFILE.words(report, ["fr", "ko"]) == ("ko", korean)
    # English that is wanted more than Korean is the report's own.
    assert DEFAULT_PROFILE.words(report, ["en-GB", "ko"]) == ("en", report.summary)
    assert DEFAULT_PROFILE.words(report, []) == ("en", report.summary)
    # The operator wrote of one verdict: of the others the page's words are said.
    profile = parse_profile(HEAD + 'texts:\n  ko: {official: "공식"}\n', where="x")
    assert profile.words(report, ["ko"]) == ("ko", "TEST. 공식")
    language, said = profile.words(make_report(b"text, no media\n"), ["ko"])
    assert (language, said.startswith("TEST. 확인하지 못했습니다.")) == ("ko", True)
    every = {
        tag: DEFAULT_PROFILE.words(report, [tag])
        for tag in ("ja", "zh-TW", "zh-CN", "es", "pt-BR", "id", "th", "vi")
    }
    assert {said[0] for said in every.values()} == {
        "ja", "zh-Hant", "zh-Hans", "es", "pt", "id", "th", "vi",
    }  # fmt: skip
    assert len({said[1] for said in every.values()}) == len(every)


def test_what_could_not_be_found_out_is_null(make_report: Callable[[bytes], Report]) -> None:
    shown = make_disclosure(make_report(b"text, no media\n"), DEFAULT_PROFILE, id="r", url="u")
    assert shown.provenance_data_available is None
    assert shown.digital_signature_available is None
    assert shown.system_or_device is None
    assert not shown.policy.passes


def test_an_altered_file_still_has_provenance_data(
    make_report: Callable[[bytes], Report], signed_jpeg: bytes
) -> None:
    altered = bytearray(signed_jpeg)
    altered[-100] ^= 0xFF
    shown = make_disclosure(make_report(bytes(altered)), DEFAULT_PROFILE, id="r", url="u")
    assert shown.verdict is Verdict.ALTERED
    assert shown.provenance_data_available is True
    assert shown.digital_signature_available is True
    assert shown.signer.agency is None or not shown.policy.passes
