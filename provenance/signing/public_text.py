"""Text and addresses that a release makes public: what may not stand in them."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from provenance.signing.media_identifiers import Language

__all__ = [
    "HttpsUrl",
    "LocalizedLine",
    "LocalizedText",
    "LongText",
    "Text",
    "in_language",
    "x_default",
]

# What reorders what stands beside it: a name that reads otherwise than it is.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Co"}


def _text(value: str) -> str:
    text = unicodedata.normalize("NFC", value)
    if not text.strip():
        raise ValueError("expected text, got nothing that can be seen")
    if _REORDERING.search(text) or any(map(_is_hidden, text.replace("\n", ""))):
        raise ValueError("expected text without control characters")
    return text.strip()


def _line(value: str) -> str:
    if "\n" in value.strip():
        raise ValueError("expected text of one line")
    return _text(value)


Text = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_line)]
"""One line, in NFC."""

LongText = Annotated[str, Field(min_length=1, max_length=5_000), AfterValidator(_text)]
"""One or more lines, in NFC."""

LocalizedLine = Annotated[dict[Language, Text], Field(min_length=1, max_length=50)]
"""The same line in one or more languages, by BCP 47 tag."""

LocalizedText = Annotated[dict[Language, LongText], Field(min_length=1, max_length=50)]
"""The same text in one or more languages, by BCP 47 tag."""

HttpsUrl = Annotated[str, Field(pattern=r"^https://[^\s\"'<>\\^`{|}]+$", max_length=500)]
"""A page on the web."""


def in_language(text: dict[str, str], language: str = "en") -> str:
    """What is the text in this language, else in the first that is given?"""
    wanted = (said for tag, said in text.items() if tag.lower().split("-")[0] == language)
    return next(wanted, next(iter(text.values())))


def x_default(text: dict[str, str]) -> dict[str, str]:
    """The text as XMP has it: in each language, and once for whoever reads none of them.

    Spec: ISO 16684-1 §8.2.2.4 (language alternatives).
    """
    return {"x-default": in_language(text)} | text
