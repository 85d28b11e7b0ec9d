from __future__ import annotations

import pytest

from provenance.untrusted import clean_text


@pytest.mark.parametrize(
    "text",
    [
        "Aurora Entertainment",
        "오로라 엔터테인먼트",
        "NOVA9",
        "café",
        "می\u200cخواهم",  # noqa: RUF001 - Persian, spelt with the non-joiner
        "क्\u200dष",  # Devanagari, spelt with the joiner
        "👩\u200d🎤",  # a singer: one picture made of two
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Aurora\u202eerocA", "AuroraerocA"),
        ("\u2066Aurora\u2069", "Aurora"),
        ("Au\u200brora", "Aurora"),
        ("Au\u200crora", "Aurora"),
        ("Au\u200b\u200c\u200brora", "Aurora"),
        ("오\u200c로라", "오로라"),
        ("오\u3164로라", "오로라"),
        ("é\u200c\u200ba", "éa"),
        ("\u200cمی", "می"),
        ("Au\u034frora", "Aurora"),
        ("Au\ufe0frora", "Aurora"),
        ("Au\U000e0101rora", "Aurora"),
        ("\ufeffAurora", "Aurora"),
        ("Aurora\U000e0041", "Aurora"),
        ("Aurora\ue000", "Aurora"),
        ("Aurora\x00\x1b[31m", "Aurora[31m"),
        ("Au\ud800rora", "Aurora"),
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
    ],
)
def test_what_hides_or_reorders_text_is_dropped(text: str, shown: str) -> None:
    assert clean_text(text) == shown


@pytest.mark.parametrize("gap", [" ", "\n", "\r\n", "\t", "\u2028", "\u2029", "\u3000", "  \n "])
def test_white_space_is_one_space_on_one_line(gap: str) -> None:
    assert clean_text(f"{gap}Aurora{gap}Entertainment{gap}") == "Aurora Entertainment"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean_text("a" * 400) == "a" * 400
    assert clean_text("a" * 401) == "a" * 399 + "…"
    assert clean_text("abcdef", max_chars=4) == "abc…"


def test_anything_can_be_shown() -> None:
    assert clean_text(None) == "None"
    assert clean_text(7) == "7"
    assert clean_text("") == ""
    assert clean_text("\u200b \u200b") == ""
