from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from provenance.signing.public_text import (
    HttpsUrl,
    LocalizedLine,
    LongText,
    Text,
    in_language,
    x_default,
)


def checked(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    "text",
    ["NOVA9", "별빛", "星の光", "\U0001f49c\u2764\ufe0f", "\U0001f468\u200d\U0001f3a4", "a  b"],
)
def test_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert checked(Text, text) == text


def test_decomposed_text_is_composed() -> None:
    assert checked(Text, unicodedata.normalize("NFD", "별빛")) == "별빛"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at least 1 character"),
        (" \u3000", "nothing that can be seen"),
        ("a\nb", "one line"),
        ("a\x1b[2J", "control characters"),
        ("a\u202eb", "control characters"),
        ("a\u2066b", "control characters"),
        ("a\ue000", "control characters"),
        ("x" * 501, "at most 500"),
    ],
)
def test_text_that_is_not_for_the_public(text: str, why: str) -> None:
    with pytest.raises(ValidationError) as raised:
        checked(Text, text)
    assert why in str(raised.value)


def test_long_text_may_have_lines() -> None:
    assert checked(LongText, "a\nb\n") == "a\nb"


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://aurora.example/a?b=c#d", True),
        ("http://aurora.example", False),
        ("javascript:alert(1)", False),
        ("https://aurora.example/ x", False),
        ("https://a.example/\u0022>", False),
    ],
)
def test_addresses_are_pages_on_the_web(url: str, *, good: bool) -> None:
    if good:
        assert checked(HttpsUrl, url) == url
        return
    with pytest.raises(ValidationError):
        checked(HttpsUrl, url)


def test_english_comes_first_else_what_is_there() -> None:
    text = checked(LocalizedLine, {"ko": "별빛", "en-GB": "Starlight"})
    assert in_language(text) == "Starlight"
    assert x_default(text) == {"x-default": "Starlight", "ko": "별빛", "en-GB": "Starlight"}
    assert in_language({"ko": "별빛", "ja": "星"}) == "별빛"
