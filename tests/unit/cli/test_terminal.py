from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.cli.terminal import (
    COLUMNS,
    clipped,
    display_width,
    paint,
    printable,
    quoted,
    wants_colour,
    wrap,
)

ANY_TEXT = st.text(st.characters(codec=None), max_size=300)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(ANY_TEXT)
def test_no_character_without_a_glyph_reaches_the_terminal(text: str) -> None:
    shown = printable(text)
    assert all(c.isprintable() or c in "\u200c\u200d" for c in shown)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[31mb", "a\ufffd[31mb"),
        ("a\nb\rc\td", "a\ufffdb\ufffdc\ufffdd"),
        ("gpj.\u202eexe", "gpj.\ufffdexe"),
        ("a\u200bb", "a\ufffdb"),
        ("bad\udcffname", "bad\ufffdname"),
        ("\x9b2J", "\ufffd2J"),
    ],
)
def test_escapes_line_breaks_and_bidi_marks_are_replaced(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


def test_joiners_stay_inside_emoji_and_go_beside_ascii() -> None:
    assert printable("👩\u200d🎤") == "👩\u200d🎤"
    assert printable("a\u200db") == "a\ufffdb"


def test_quoted_text_cannot_close_its_quotation_marks() -> None:
    assert quoted('x" official "y\u201d') == "\"x' official 'y'\""


def test_korean_takes_two_columns_however_it_is_composed() -> None:
    assert display_width("오로라") == 6
    assert display_width("\u110b\u1169") == 2
    assert display_width("e\u0301") == 1


@given(ANY_TEXT, st.integers(min_value=2, max_value=40))
def test_clipped_text_fits(text: str, columns: int) -> None:
    assert display_width(clipped(printable(text), columns)) <= columns


def test_the_middle_of_a_long_name_gives_way_and_its_ending_stays() -> None:
    assert clipped("a" * 50 + ".jpg", 11) == "aaaaa\u2026a.jpg"


@given(st.lists(ANY_TEXT, max_size=20), st.integers(min_value=0, max_value=60))
def test_wrapped_lines_fit_and_lose_nothing(words: list[str], indent: int) -> None:
    text = printable(" ".join(words))
    lines = wrap(text, first=" " * indent)
    assert all(display_width(line) <= COLUMNS for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_prefix_as_wide_as_the_screen_still_ends() -> None:
    assert len(wrap("abc", first="x" * COLUMNS)) == 4


def test_colour_is_for_terminals_and_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(_Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(_Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(_Terminal())


def test_paint_adds_escapes_only_with_colour() -> None:
    assert paint("x", "bold", "red", colour=True) == "\x1b[1;31mx\x1b[0m"
    assert paint("x", "bold", "red", colour=False) == "x"
