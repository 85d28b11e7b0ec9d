"""Making a stranger's text safe to repeat: one line, no hidden characters, not too long.

It stays untrusted: this decides how it is shown, not whether it is believed.
Escaping for HTML, SQL or a terminal is the business of whoever writes there.
"""

from __future__ import annotations

import unicodedata

from provenance.limits import DEFAULT_LIMITS

__all__ = ["clean_text"]

# Format characters (Cf) hide or reorder text: bidi controls, zero-width
# characters, tags. Two are kept where they are part of writing: the zero-width
# joiner and non-joiner, in Arabic, Indic and Mongolian scripts and in emoji.
# Anywhere else they only make two names differ that look the same.
_JOINERS = "\u200c\u200d"
_JOINED_SCRIPTS = (("\u0600", "\u109f"), ("\u1780", "\u18af"))
_JOINED_CATEGORIES = {"So", "Sk"}
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
# Blank letters and marks that are no format characters: Hangul fillers, the
# braille blank, the grapheme joiner, Khmer inherent vowels, variation selectors.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f")
_SELECTORS = (("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))


def _is_shown(character: str) -> bool:
    return (
        character not in _BLANKS
        and not any(first <= character <= last for first, last in _SELECTORS)
        and unicodedata.category(character) not in _DROPPED_CATEGORIES
    )


def _is_joined(character: str) -> bool:
    return (
        any(first <= character <= last for first, last in _JOINED_SCRIPTS)
        or unicodedata.category(character) in _JOINED_CATEGORIES
    )


def _without_stray_joiners(text: str) -> str:
    if not any(joiner in text for joiner in _JOINERS):
        return text
    last = len(text) - 1
    return "".join(
        character
        for at, character in enumerate(text)
        if character not in _JOINERS
        or (0 < at < last and _is_joined(text[at - 1]) and _is_joined(text[at + 1]))
    )


def clean_text(value: object, *, max_chars: int = DEFAULT_LIMITS.max_text_chars) -> str:
    """How may this text of a stranger be repeated?

    NFC, on one line, without control, bidi and zero-width characters; runs of
    white space become one space; cut to `max_chars` with an ellipsis.
    """
    text = value if isinstance(value, str) else str(value)
    if len(text) <= max_chars and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    # Normalisation of hostile text costs more than its cut length can be worth.
    text = unicodedata.normalize("NFC", text[: 4 * max_chars])
    text = "".join(c for c in " ".join(text.split()) if c in _JOINERS or _is_shown(c))
    # Joiners last of all: what stood beside one may just have gone. What has come
    # together may compose anew.
    text = unicodedata.normalize("NFC", _without_stray_joiners(text))
    text = " ".join(text.split())
    return text if len(text) <= max_chars else text[: max_chars - 1] + "\u2026"
