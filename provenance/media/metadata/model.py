"""One piece of descriptive metadata as it stands in a file, and a bounded list of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from provenance.limits import Limits
from provenance.media.ranges import ByteRange
from provenance.untrusted import clean_text

__all__ = [
    "MAX_VALUE_CHARS",
    "FieldCollector",
    "MetadataReading",
    "MetadataSource",
    "RawField",
    "decode_text",
]

MetadataSource = Literal["exif", "xmp", "iptc", "container", "pdf"]
"""Which kind of record a field was read from; office and EPUB documents are containers."""

MAX_VALUE_CHARS = 10_000
"""Longest value that is kept; one of exactly this length may have been cut."""

_MAX_NAME_CHARS = 160
_MAX_UNREADABLE = 20
_MAX_PACKETS = 8
# More fields are read than are listed, so that junk in front hides nothing that is compared.
_READ_FACTOR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RawField:
    """One field, unjudged. The value is untrusted text, shortened but not cleaned.

    Attributes:
        name: `exif:DateTimeOriginal`, `xmp:dc:creator`, `iptc:By-line`,
            `container:title`, `pdf:Author`; cleaned.
        value: Items of a list are joined with `; `, dates are ISO 8601 where they could
            be read, positions are `latitude, longitude` in decimal degrees.
        source: Which kind of record it was read from.
        range: The part of the file it stands in, where that is known.
    """

    name: str
    value: str
    source: MetadataSource
    range: ByteRange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataReading:
    """What a file says about itself, and which of it could not be read.

    Attributes:
        fields: In the order in which they were read.
        unreadable: One sentence for each thing that could not be read.
    """

    fields: tuple[RawField, ...] = ()
    unreadable: tuple[str, ...] = ()


class FieldCollector:
    """Gathers fields within the limits: four times `max_metadata_fields` at most.

    `shorten` says from where on a value is kept that is longer than values may be.
    """

    __slots__ = ("_fields", "_packets_left", "_room", "_shorten", "_unreadable", "limits")

    def __init__(self, limits: Limits, shorten: Callable[[str], str] | None = None) -> None:
        self.limits = limits
        self._shorten = shorten
        self._fields: list[RawField] = []
        self._room = _READ_FACTOR * limits.max_metadata_fields
        self._unreadable: dict[str, None] = {}
        self._packets_left = _MAX_PACKETS

    @property
    def is_full(self) -> bool:
        """Would another field be dropped?"""
        return len(self._fields) >= self._room

    def add(self, name: str, value: str, source: MetadataSource, where: ByteRange | None) -> None:
        """Keep one field; an empty one says nothing and is dropped."""
        value = value.strip(" \t\r\n\0")
        if len(value) > MAX_VALUE_CHARS and self._shorten is not None:
            value = self._shorten(value)
        value = value[:MAX_VALUE_CHARS]
        if not value:
            return
        if self.is_full:
            self.unreadable(f"there are more than {self._room} fields")
            return
        name = clean_text(name, max_chars=_MAX_NAME_CHARS)
        self._fields.append(RawField(name=name, value=value, source=source, range=where))

    def may_parse_packet(self) -> bool:
        """May one more XML packet be parsed? That is the dearest thing a file can repeat."""
        self._packets_left -= 1
        if self._packets_left < 0:
            self.unreadable(f"there are more than {_MAX_PACKETS} XMP packets")
        return self._packets_left >= 0

    def unreadable(self, what: str) -> None:
        """Note what could not be read; the same sentence is kept once."""
        if len(self._unreadable) < _MAX_UNREADABLE:
            self._unreadable[clean_text(what)] = None

    def reading(self) -> MetadataReading:
        """What was gathered?"""
        return MetadataReading(fields=tuple(self._fields), unreadable=tuple(self._unreadable))


def decode_text(raw: bytes) -> str:
    """Which text do these bytes hold, where the format does not say how it is encoded?

    UTF-8 where it is that, as most writers use whatever their standard says; else
    Latin-1, which cannot fail.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
