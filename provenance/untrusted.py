"""Making a stranger's text safe to repeat: one line, no hidden characters, not too long.

It stays untrusted: this decides how it is shown, not whether it is believed.
Escaping for HTML, SQL or a terminal is the business of whoever writes there.
"""

from __future__ import annotations

import unicodedata

from provenance.limits import DEFAULT_LIMITS

__all__ = ["clean_text"]

# Format characters (Cf) hide or reorder text: bidi controls, zero-width
# characters, tags. Two are kept between other characters, where they are part
# of writing: the zero-width joiner and non-joiner.
_JOINERS = "\u200c\u200d"
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
# Blank letters that are no format characters: Hangul fillers, the braille blank.
_BLANK_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"


def _kept(text: str, at: int) -> bool:
    character = text[at]
    if character in _JOINERS:
        # Only between letters or symbols that are not plain ASCII: in Persian,
        # Indic scripts and emoji. Elsewhere it can only tell two equal-looking names apart.
        return 0 < at < len(text) - 1 and text[at - 1] > "\x7f" and text[at + 1] > "\x7f"
    return (
        character not in _BLANK_LETTERS
        and unicodedata.category(character) not in _DROPPED_CATEGORIES
    )


def clean_text(value: object, *, max_chars: int = DEFAULT_LIMITS.max_text_chars) -> str:
    """How may this text of a stranger be repeated?

    NFC, on one line, without control, bidi and zero-width characters; runs of
    white space become one space; cut to `max_chars` with an ellipsis.
    """
    text = value if isinstance(value, str) else str(value)
    # Normalisation of hostile text costs more than its cut length can be worth.
    text = unicodedata.normalize("NFC", text[: 4 * max_chars])
    text = " ".join(text.split())
    text = "".join(text[i] for i in range(len(text)) if _kept(text, i))
    text = " ".join(text.split())
    return text if len(text) <= max_chars else text[: max_chars - 1] + "\u2026"
