from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.wording.languages import LANGUAGES, language_of, negotiate


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-GB", "en"),
        ("zh-TW,zh;q=0.9", "zh-Hant"),
        ("zh-HK", "zh-Hant"),
        ("zh-Hant-MO", "zh-Hant"),
        ("zh-CN", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("pt-BR", "pt"),
        ("in-ID", "id"),
        ("de, fr;q=0.9, th;q=0.2", "th"),
        ("en;q=0.2, vi;q=0.8", "vi"),
        ("ko;q=0, ja;q=0.1", "ja"),
        ("ko;q=7, es", "es"),
        ("ko;q=x, es;q=0.1", "es"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_most_wanted_language_that_we_have(header: str | None, tag: str) -> None:
    assert negotiate(header).tag == tag


def test_the_address_wins_over_the_browser() -> None:
    assert negotiate("ko", asked="th").tag == "th"
    assert negotiate("ko", asked="xx").tag == "ko"
    assert negotiate("ko", asked="<script>").tag == "ko"


@given(st.text(max_size=300), st.text(max_size=60))
def test_no_header_is_too_odd(header: str, asked: str) -> None:
    assert negotiate(header, asked=asked) in LANGUAGES


def test_every_language_is_found_by_its_own_tag() -> None:
    assert [language_of(language.tag) for language in LANGUAGES] == list(LANGUAGES)
    assert len({language.folder for language in LANGUAGES}) == len(LANGUAGES) == 10
