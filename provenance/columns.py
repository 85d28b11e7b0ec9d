"""Text measured in columns, as terminals and boxes show it, and cut to them."""

from __future__ import annotations

import unicodedata

__all__ = ["character_width", "clipped", "display_width", "fitting", "printable"]

_JOINERS = "\u200c\u200d"


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


def character_width(character: str) -> int:
    """How many columns does this character take?"""
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
    return sum(map(character_width, text))


def fitting(text: str, columns: int) -> int:
    """How many of the first characters fit?"""
    used = 0
    for count, character in enumerate(text):
        used += character_width(character)
        if used > columns:
            return count
    return len(text)


def clipped(text: str, columns: int) -> str:
    """What is this text if it may take so many columns? Its middle gives way."""
    if display_width(text) <= columns:
        return text
    head = fitting(text, (columns - 1) // 2)
    tail = fitting(text[::-1], columns - 1 - display_width(text[:head]))
    return f"{text[:head]}\u2026{text[len(text) - tail :]}"
