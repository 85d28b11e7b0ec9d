"""Text for a terminal: nothing hidden in it, measured in columns, coloured if wanted."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO

__all__ = [
    "COLUMNS",
    "clipped",
    "display_width",
    "paint",
    "printable",
    "quoted",
    "wants_colour",
    "wrap",
]

COLUMNS = 80

_ESCAPES = {"green": "32", "red": "31", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
_JOINERS = "\u200c\u200d"
_QUOTES = str.maketrans(dict.fromkeys('"\u201c\u201d\u201e\u201f\u2033\uff02', "'"))


def printable(text: str) -> str:
    """How may this text be written to a terminal?

    In NFC, on one line, with every character that has no glyph of its own (controls,
    escapes, bidi marks, lone surrogates of undecodable file names) replaced by U+FFFD.
    """
    text = unicodedata.normalize("NFC", text)
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or _joins(text, i) else "\ufffd" for i, c in enumerate(text)
    )


def _joins(text: str, at: int) -> bool:
    # Joiners are part of writing in several scripts, and of emoji; beside ASCII
    # they can only make two equal-looking names differ.
    return (
        text[at] in _JOINERS
        and 0 < at < len(text) - 1
        and text[at - 1] > "\x7f"
        and text[at + 1] > "\x7f"
    )


def quoted(text: str) -> str:
    """How is a stranger's text shown? In quotation marks that it cannot close itself."""
    return f'"{printable(text).translate(_QUOTES)}"'


def _character_width(character: str) -> int:
    if " " <= character <= "~":
        return 1
    # Medial vowels and final consonants are drawn into the syllable they follow.
    if unicodedata.category(character) in {"Mn", "Me", "Cf"} or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def display_width(text: str) -> int:
    """How many columns does this text take? Korean and other wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(map(_character_width, text))


def _take(text: str, columns: int) -> int:
    """How many of the first characters fit?"""
    used = 0
    for count, character in enumerate(text):
        used += _character_width(character)
        if used > columns:
            return count
    return len(text)


def clipped(text: str, columns: int) -> str:
    """What is this text if it may take so many columns? Its middle gives way."""
    if display_width(text) <= columns:
        return text
    head = _take(text, (columns - 1) // 2)
    tail = _take(text[::-1], columns - 1 - display_width(text[:head]))
    return f"{text[:head]}\u2026{text[len(text) - tail :]}"


def wrap(text: str, *, first: str = "", rest: str | None = None) -> list[str]:
    """Which lines of at most `COLUMNS` columns hold this text?

    Args:
        text: Words with spaces between them; a word longer than a line is cut.
        first: What the first line begins with.
        rest: What the others begin with; by default, blanks as wide as `first`.
    """
    rest = " " * display_width(first) if rest is None else rest
    lines, line, empty = [], first, True
    for word in text.split(" "):
        remaining = word
        while True:
            gap = "" if empty else " "
            room = COLUMNS - display_width(line) - len(gap)
            if display_width(remaining) <= room:
                line, empty = line + gap + remaining, False
                break
            if empty:
                # At least one character: a prefix as wide as the screen must not loop.
                count = max(1, _take(remaining, room))
                line, remaining = line + remaining[:count], remaining[count:]
            lines.append(line.rstrip())
            line, empty = rest, True
    lines.append(line.rstrip())
    return lines


def wants_colour(stream: TextIO) -> bool:
    """May this stream be given colour? Only a terminal, and not against NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, colour: bool) -> str:
    """What is this text in these styles? Without colour, itself."""
    if not colour or not styles:
        return text
    return f"\x1b[{';'.join(_ESCAPES[style] for style in styles)}m{text}\x1b[0m"
