from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from provenance.untrusted import clean_text

# Full of what matters: joiners, bidi controls, marks, blanks, beside what they bind to.
_TRICKY = "\u200b\u200c\u200d\u202e\u2066\u034f\ufe0f\u0301\u3164\u2028\n\t aeé오م🎤\u094d"
_TEXT = st.text(st.one_of(st.sampled_from(_TRICKY), st.characters()), max_size=80)


@given(_TEXT, st.integers(1, 60))
def test_cleaning_twice_changes_nothing(text: str, size: int) -> None:
    once = clean_text(text, max_chars=size)
    assert clean_text(once, max_chars=size) == once


@given(_TEXT, st.integers(1, 60))
def test_clean_text_is_one_short_line_without_hidden_characters(text: str, size: int) -> None:
    shown = clean_text(text, max_chars=size)

    assert len(shown) <= size
    assert shown == shown.strip()
    assert shown == unicodedata.normalize("NFC", shown)
    assert "".join(shown.splitlines()) == shown
    hidden = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}}
    assert hidden <= {"\u200c", "\u200d"}


@given(st.text("aeioué오로라 \u200c\u200d\u200b", max_size=30))
def test_a_joiner_never_tells_two_names_apart_in_scripts_that_need_none(text: str) -> None:
    assert not {"\u200c", "\u200d"} & set(clean_text(text))
