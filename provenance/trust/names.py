"""Does a name look like that of an agency in the directory?

Whole names are compared, never parts of them: "Aurora Borealis" is no "Aurora
Entertainment", and neither is "Entertainment". What is left out of account is what
a reader passes over: the kind of company, "official", spaces, punctuation, case,
accents, and which of several characters that look the same was typed.

A distance of a letter or two does not count: names of agencies are short words
beside long common ones, so that distinct agencies are a letter apart.

Spec: UTS 39 §4 (skeletons), UAX 15 (NFKC), UAX 9 (bidirectional overrides).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from provenance.trust.company_kinds import CompanyKinds
from provenance.trust.confusable_data import PROTOTYPES
from provenance.trust.directory import Agency, LoadedDirectory
from provenance.untrusted import clean_text

__all__ = ["Likeness", "NameMatch", "NameWatch"]

# A directory's names have 200 characters at most; hidden characters may stand
# between them in any number, so much more is cleaned than is compared.
_MAX_RAW_CHARS = 8 * 1024
_MAX_CHARS = 400
# One letter is nobody's name.
_MIN_KEY_CHARS = 2
_REMEMBERED = 8192
_JOINERS = str.maketrans("", "", "\u200c\u200d")
# Compatibility decomposition would make letters of the name out of these.
_SIGNS = dict.fromkeys(map(ord, "\u2122\u2120\u00ae\u00a9"), " ")
_OVERRIDE, _POP = "\u202e", "\u202c"

# Beyond UTS 39, where the capital I has the small l for its prototype, but the
# small i keeps apart: in a name of any case both look like both.
_ONE_STROKE = str.maketrans("i\u0131", "ll")
_ACCENT = re.compile("[\u0300-\u036f]")


class Likeness(StrEnum):
    """One way in which a name takes after an agency's."""

    SAME = "same"
    CASE = "case"
    HIDDEN = "hidden-characters"
    COMPATIBILITY = "compatibility-form"
    SKELETON = "skeleton"
    SUFFIX = "suffix"
    SPACING = "spacing"
    TRANSLITERATION = "transliteration"


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMatch:
    """An agency that a name looks like.

    Attributes:
        agency: Its id.
        listed: Its name as the directory lists it.
        cleaned: The name that was asked about, without hidden characters.
        how: Everything that sets the two apart to a computer; `SAME` where nothing does.
    """

    agency: str
    listed: str
    cleaned: str
    how: tuple[Likeness, ...]


@dataclass(frozen=True, slots=True)
class _Listed:
    agency: str
    name: str
    transliterated: bool


@dataclass(frozen=True, slots=True)
class _Anatomy:
    """A name taken apart.

    Attributes:
        shown: As a reader sees it.
        words: What is compared with the same of other names.
        beside: The kinds of company and the like around them.
        plain: The name's words before characters that look alike became one.
    """

    shown: str
    words: tuple[str, ...]
    beside: tuple[str, ...]
    plain: str

    @property
    def key(self) -> str:
        """What two names that look alike have in common."""
        return "".join(self.words)


class NameWatch:
    """Answers for the agencies of one directory; remembers what it was asked.

    Args:
        directory: Whose names are watched; without one nothing looks like anybody.
    """

    def __init__(self, directory: LoadedDirectory | None) -> None:
        self._listed: dict[str, list[tuple[_Listed, _Anatomy]]] = {}
        for agency in directory.document.agencies if directory else ():
            for entry in _listed(agency):
                anatomy = _anatomy(entry.name)
                if anatomy is not None:
                    self._listed.setdefault(anatomy.key, []).append((entry, anatomy))
        self._remember = lru_cache(maxsize=_REMEMBERED)(self._search)

    @property
    def has_names(self) -> bool:
        """Is there any name to look like?"""
        return bool(self._listed)

    def look_alikes(self, name: str, *, unless_agency: str | None) -> tuple[NameMatch, ...]:
        """Which agencies does this name look like? Each once.

        A name that is `unless_agency`'s own, in whatever form, is nobody's
        disguise, even where two agencies have names that look alike.

        Args:
            name: As it stands in the certificate or manifest, not cleaned.
            unless_agency: Id of the agency that the key is known to be.
        """
        if not self._listed or not name:
            return ()
        matches = (
            self._remember(name) if len(name) <= _MAX_CHARS else self._search(name[:_MAX_RAW_CHARS])
        )
        if any(match.agency == unless_agency for match in matches):
            return ()
        return matches

    def _search(self, raw: str) -> tuple[NameMatch, ...]:
        found: dict[str, NameMatch] = {}
        for text in _readings(raw):
            anatomy = _anatomy(text)
            if anatomy is None:
                continue
            for entry, listed in self._listed.get(anatomy.key, ()):
                how = _how(raw, anatomy, listed, transliterated=entry.transliterated)
                known = found.get(entry.agency)
                # Of several names of one agency, the one that takes the least.
                if known is None or len(how) < len(known.how):
                    found[entry.agency] = NameMatch(
                        agency=entry.agency, listed=entry.name, cleaned=clean_text(text), how=how
                    )
        return tuple(found.values())


def _listed(agency: Agency) -> Iterator[_Listed]:
    for name in agency.names:
        yield _Listed(agency.id, name.name, transliterated=False)
    for text in agency.transliterations:
        yield _Listed(agency.id, text, transliterated=True)


def _readings(raw: str) -> Iterator[str]:
    """How may this text be read? Also backwards, where it says that it shall be shown so."""
    yield raw
    before, override, rest = raw.partition(_OVERRIDE)
    if override:
        turned, _, after = rest.partition(_POP)
        yield before + turned[::-1] + after


def _visible(raw: str) -> str:
    """The text without control, bidi, zero-width and other characters that show nothing."""
    return clean_text(raw, max_chars=len(raw) + 1).translate(_JOINERS)


def _skeleton(text: str) -> str:
    text = unicodedata.normalize("NFD", text).translate(PROTOTYPES)
    # Case goes after the first round, since capitals have look-alikes of their
    # own, and before a second, for what small letters look like.
    text = unicodedata.normalize("NFD", text.casefold()).translate(PROTOTYPES)
    return _ACCENT.sub("", text).translate(_ONE_STROKE)


def _separates(character: str) -> bool:
    """Is this a space or mark between words, and not drawn like a letter?"""
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        return False
    return not any(c.isalnum() for c in PROTOTYPES.get(ord(character), ""))


def _words(text: str) -> list[str]:
    words = "".join(" " if _separates(c) else c for c in text).split()
    # A stroke by itself is a mark between words, whatever letter it looks like.
    return [word for word in words if any(map(str.isalnum, word))]


_KINDS = CompanyKinds(_skeleton)
_PLAIN_KINDS = CompanyKinds(str.casefold)


def _anatomy(raw: str) -> _Anatomy | None:
    """The name taken apart; None where too little of it is left to compare."""
    shown = _visible(raw)
    if not shown or len(shown) > _MAX_CHARS:
        return None
    written = _words(unicodedata.normalize("NFKC", shown.translate(_SIGNS)))
    words, beside = _KINDS.take_off(written)
    plain, _ = _PLAIN_KINDS.take_off(written)
    anatomy = _Anatomy(shown, words, beside, "".join(plain))
    return anatomy if len(anatomy.key) >= _MIN_KEY_CHARS else None


def _how(
    raw: str, asked: _Anatomy, listed: _Anatomy, *, transliterated: bool
) -> tuple[Likeness, ...]:
    how = []
    if asked.shown != " ".join(unicodedata.normalize("NFC", raw).split()):
        how.append(Likeness.HIDDEN)
    if asked.shown != listed.shown:
        if not unicodedata.is_normalized("NFKC", asked.shown):
            how.append(Likeness.COMPATIBILITY)
        if asked.plain != listed.plain:
            how.append(Likeness.SKELETON)
        if asked.beside != listed.beside:
            how.append(Likeness.SUFFIX)
        if asked.words != listed.words:
            how.append(Likeness.SPACING)
    if transliterated:
        how.append(Likeness.TRANSLITERATION)
    if not how:
        if asked.shown == listed.shown:
            return (Likeness.SAME,)
        same_letters = asked.shown.casefold() == listed.shown.casefold()
        how.append(Likeness.CASE if same_letters else Likeness.SPACING)
    return tuple(how)
