"""Messages in one language: looked up, with plurals, dates, names and quotation marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from gettext import GNUTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit

from provenance.report import AgencyRef
from provenance.wording.languages import Language, language_of
from provenance.wording.messages import Message, Quoted, Value

__all__ = ["Segment", "Wording", "catalogue_files", "catalogue_keys", "wording_in"]

_PLACE = re.compile(r"\{(\w+)\}")
_QUOTES = str.maketrans(dict.fromkeys('"\u201c\u201d\u201e\u201f\u2033\uff02\u00ab\u00bb', "'"))
_CORNERS = str.maketrans({"\u300c": "\u300e", "\u300d": "\u300f"})


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text, and whose it is.

    `ours`: the catalogue's. `name`: the directory's, or a date. `quoted`: a
    stranger's. Whoever writes it into a page keeps the last two from reordering
    what stands beside them.
    """

    text: str
    kind: Literal["ours", "name", "quoted"]


@dataclass(frozen=True, slots=True)
class Wording:
    """All messages in one language."""

    language: Language
    _texts: Mapping[str, str | tuple[str, ...]]
    _translations: GNUTranslations
    _locale: Locale

    def text(self, message: Message | str) -> str:
        """What does this message say, as plain text?"""
        return "".join(segment.text for segment in self.segments(message))

    def segments(self, message: Message | str) -> tuple[Segment, ...]:
        """What does this message say, stretch by stretch?

        Raises:
            KeyError: For a key or a place that the catalogue does not have: a fault
                of ours, never shown as if it were a text.
        """
        return tuple(self._segments(Message(message) if isinstance(message, str) else message))

    def date(self, moment: datetime) -> str:
        """How is this day written? In UTC, since nobody's own zone is known."""
        return format_date(moment.astimezone(UTC), "long", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        """How is this moment written?"""
        clock = format_time(moment, "HH:mm", tzinfo=UTC, locale=self._locale)
        return f"{self.date(moment)}, {clock} UTC"

    def country(self, code: str) -> str:
        """What is this country (ISO 3166-1 alpha-2) called? Its code, where nobody knows."""
        return self._locale.territories.get(code) or code

    def size(self, count: int) -> str:
        """How is a number of bytes written?"""
        return format_unit(count, "digital-byte", length="long", locale=self._locale)

    def percent(self, share: float) -> str:
        """How is a share of one written, in whole hundredths?"""
        return format_percent(share, "#,##0%", locale=self._locale)

    def agency(self, agency: AgencyRef) -> str:
        """What is this agency called in this language, by the directory?"""
        return self.in_language(agency.names) or agency.name

    def in_language(self, texts: Mapping[str, str]) -> str | None:
        """Which of these texts by BCP 47 tag is the reader's? Else the English, else the first."""
        for tag, text in texts.items():
            if language_of(tag) is self.language:
                return text
        return texts.get("en") or next(iter(texts.values()), None)

    def quoted(self, text: str) -> str:
        """How is a stranger's text shown? In quotation marks that it cannot close itself."""
        opening, closing = self.language.quotes
        return f"{opening}{text.translate(_QUOTES).translate(_CORNERS)}{closing}"

    def _segments(self, message: Message) -> Iterator[Segment]:
        template = self._template(message)
        end = 0
        for place in _PLACE.finditer(template):
            if place.start() > end:
                yield Segment(template[end : place.start()], "ours")
            end = place.end()
            name = place.group(1)
            if name == "count" and message.count is not None:
                yield Segment(format_decimal(message.count, locale=self._locale), "ours")
            else:
                yield from self._value(message.values[name])
        if end < len(template):
            yield Segment(template[end:], "ours")

    def _template(self, message: Message) -> str:
        found = self._texts[message.key]
        if isinstance(found, str):
            return found
        if message.count is None:
            raise KeyError(f"{message.key}: a message with a plural, and no count")
        return self._translations.ngettext(message.key, message.key, message.count)

    def _value(self, value: Value) -> Iterator[Segment]:
        match value:
            case Message():
                yield from self._segments(value)
            case Quoted():
                texts = (value.text,) if isinstance(value.text, str) else value.text
                for number, text in enumerate(texts):
                    if number:
                        yield Segment(", ", "ours")
                    yield Segment(self.quoted(text), "quoted")
            case AgencyRef():
                yield Segment(self.agency(value), "name")
            case datetime():
                yield Segment(self.date(value), "name")
            case Mapping():
                yield Segment(self.quoted(self.in_language(value) or ""), "quoted")
            case _:
                yield Segment(str(value), "name")


def catalogue_files(language: Language) -> tuple[Traversable, ...]:
    """Which files hold this language's messages? One for each part of the pages."""
    folder = files("provenance.wording") / "locales" / language.folder / "LC_MESSAGES"
    found = (place for place in folder.iterdir() if place.name.endswith(".po"))
    return tuple(sorted(found, key=lambda place: place.name))


def _read(language: Language) -> Catalog:
    whole, *others = (
        read_po(BytesIO(path.read_bytes()), locale=language.folder, abort_invalid=True)
        for path in catalogue_files(language)
    )
    for catalog in others:
        for entry in catalog:
            if not entry.id:
                # Its header; each file has one.
                continue
            if entry.id in whole:
                raise KeyError(f"{entry.id}: it stands in two catalogues of {language.tag}")
            whole[entry.id] = entry
    return whole


def catalogue_keys(language: Language) -> Mapping[str, str | tuple[str, ...]]:
    """Which texts does this language's catalogue hold, by key? A plural's as a tuple of forms."""
    return _texts(_read(language))


def _texts(catalog: Catalog) -> dict[str, str | tuple[str, ...]]:
    return {
        (entry.id if isinstance(entry.id, str) else entry.id[0]): (
            entry.string if isinstance(entry.string, str) else tuple(entry.string or ())
        )
        for entry in catalog
        if entry.id
    }


@cache
def wording_in(language: Language) -> Wording:
    """Read a language's messages, once."""
    catalog = _read(language)
    # Compiled in memory: gettext knows the catalogue's plural rule, and a checkout
    # needs no build step.
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Wording(
        language, _texts(catalog), GNUTranslations(compiled), Locale.parse(language.folder)
    )
