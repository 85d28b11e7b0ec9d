"""The languages that people are answered in, and which one a browser's wishes come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["DEFAULT", "LANGUAGES", "Language", "language_of", "negotiate", "wishes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language of the pages.

    Attributes:
        tag: BCP 47, as in `lang=` and `?lang=`.
        folder: Name of its catalogue's folder, which is CLDR's name of the locale.
        name: What it is called in itself.
        quotes: How text is quoted in it.
    """

    tag: str
    folder: str
    name: str
    quotes: tuple[str, str] = ("\u201c", "\u201d")


LANGUAGES: tuple[Language, ...] = (
    Language(tag="ko", folder="ko", name="한국어"),
    Language(tag="en", folder="en", name="English"),
    Language(tag="ja", folder="ja", name="日本語", quotes=("\u300c", "\u300d")),
    Language(tag="zh-Hans", folder="zh_Hans", name="简体中文"),
    Language(tag="zh-Hant", folder="zh_Hant", name="繁體中文", quotes=("\u300c", "\u300d")),
    Language(tag="es", folder="es", name="Español", quotes=("\u00ab", "\u00bb")),
    Language(tag="pt", folder="pt", name="Português"),
    Language(tag="id", folder="id", name="Bahasa Indonesia"),
    Language(tag="th", folder="th", name="ไทย"),
    Language(tag="vi", folder="vi", name="Tiếng Việt"),
)
_BY_TAG: Mapping[str, Language] = {language.tag.casefold(): language for language in LANGUAGES}
DEFAULT = _BY_TAG["en"]

# A header is a stranger's: neither its length nor its entries are followed for ever.
_MAX_HEADER = 1000
_MAX_WISHES = 30
_TRADITIONAL = {"hant", "tw", "hk", "mo"}


def language_of(tag: str | None) -> Language | None:
    """Which of our languages is meant by this BCP 47 tag, if any?

    Chinese is told apart by its script or region; of other languages the region
    does not matter.
    """
    if not tag or len(tag) > 35:
        return None
    parts = tag.casefold().replace("_", "-").split("-")
    if parts[0] == "zh":
        return _BY_TAG["zh-hant" if _TRADITIONAL & set(parts[1:]) else "zh-hans"]
    # The old code of Indonesian, which some browsers still send.
    return _BY_TAG.get("id" if parts[0] == "in" else parts[0])


def negotiate(accept_language: str | None, *, asked: str | None = None) -> Language:
    """In which language is this person answered?

    Args:
        accept_language: The request's `Accept-Language` (RFC 9110 §12.5.4).
        asked: What the address asks for (`?lang=`); it wins where we have it.
    """
    wanted = language_of(asked)
    if wanted is not None:
        return wanted
    for tag in wishes(accept_language or ""):
        found = language_of(tag)
        if found is not None:
            return found
    return DEFAULT


def wishes(accept_language: str) -> Sequence[str]:
    """Which languages does this header want, the most wanted first (RFC 9110 §12.5.4)?"""
    weighed = sorted(_weighed(accept_language), key=lambda wish: -wish[0])
    return [tag for weight, tag in weighed if weight > 0]


def _weighed(header: str) -> Iterator[tuple[float, str]]:
    for entry in header[:_MAX_HEADER].split(",")[:_MAX_WISHES]:
        tag, *parameters = (part.strip() for part in entry.split(";"))
        yield _weight(parameters), tag


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
