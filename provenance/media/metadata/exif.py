"""Reading EXIF: the few tags that describe a picture, from a TIFF block or a TIFF file.

General EXIF readers follow every offset they are given: five thousand entries that all
point at the same sixty kilobytes cost gigabytes. Here only the tags that are listed are
read, each once, from three directories at fixed places.

Source: CIPA DC-008 (EXIF 3.0) §4.6; TIFF 6.0 §2; BigTIFF.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd, isfinite
from typing import Literal

from provenance.errors import MalformedError
from provenance.media.metadata.exif_tags import (
    DATES,
    EXIF_DIRECTORY,
    EXIF_TAGS,
    GPS_DIRECTORY,
    MAIN_TAGS,
    PRIVATE_TEXT,
)
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.positions import POSITION_NAME, position_text
from provenance.media.ranges import ByteRange

__all__ = ["Read", "Value", "add_exif", "read_tiff"]

Read = Callable[[int, int], bytes]
"""`read(offset, size_bytes)`: bytes of the block; fewer where it ends."""

_MAX_ENTRIES = 2_000
_MAX_VALUE_BYTES = 64 * 1024
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 9: 4, 10: 8, 13: 4, 16: 8, 18: 8, 129: 1}
_TEXT_TYPES = frozenset({2, 129})
_LATITUDE_TAGS, _LONGITUDE_TAGS = (1, 2), (3, 4)
_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d:\d\d:\d\d)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")
_CHARACTER_SETS = {b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", b"ASCII\0\0\0": "utf-8"}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of one tag: its type, its bytes and where in the block they lie."""

    type: int
    data: bytes
    at: int


@dataclass(frozen=True, slots=True)
class _Form:
    order: Literal["little", "big"]
    is_big: bool

    def number(self, data: bytes) -> int:
        return int.from_bytes(data, self.order)


class _Block:
    """One TIFF structure, of which directories are read on demand."""

    def __init__(self, read: Read, out: FieldCollector) -> None:
        self._read = read
        self._out = out
        head = read(0, 16)
        order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        version = int.from_bytes(head[2:4], order)
        if len(head) < 8 or head[:2] not in {b"II", b"MM"} or version not in {42, 43}:
            raise MalformedError("EXIF: no TIFF header")
        self.form = _Form(order, version == 43)
        self.first = self.form.number(head[8:16] if self.form.is_big else head[4:8])

    def directory(self, offset: int, wanted: Mapping[int, int]) -> dict[int, Value]:
        """The values of the wanted tags, each with the most bytes that it may have."""
        form = self.form
        count_bytes, entry_bytes, pointer = (8, 20, 8) if form.is_big else (2, 12, 4)
        count = form.number(self._read(offset, count_bytes))
        if count > _MAX_ENTRIES:
            self._out.unreadable(f"EXIF: a directory of {count} entries")
            count = _MAX_ENTRIES
        table_at = offset + count_bytes
        table = self._read(table_at, count * entry_bytes)
        found: dict[int, Value] = {}
        for start in range(0, len(table) - entry_bytes + 1, entry_bytes):
            tag = form.number(table[start : start + 2])
            largest = wanted.get(tag)
            # Of two entries for one tag the first counts, as for most readers.
            if largest is None or tag in found:
                continue
            kind = form.number(table[start + 2 : start + 4])
            value_field = start + 4 + pointer
            size = _TYPE_BYTES.get(kind, 0) * form.number(table[start + 4 : value_field])
            inline = table[value_field : value_field + pointer]
            if size == 0:
                continue
            at = table_at + value_field if size <= pointer else form.number(inline)
            if size > largest:
                self._out.unreadable(f"EXIF: tag {tag} has {size} bytes, read are {largest}")
                continue
            data = inline[:size] if size <= pointer else self._read(at, size)
            if len(data) < size:
                self._out.unreadable(f"EXIF: tag {tag} reaches past the end")
                continue
            found[tag] = Value(kind, data, at)
        return found


def add_exif(block: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which descriptive fields does this EXIF block hold?

    Args:
        block: From its TIFF header; `Exif` and two zero bytes in front are skipped.
        out: Where the fields go; what could not be read is noted there.
        where: The part of the file it stands in.
    """
    block = block.removeprefix(b"Exif\0").removeprefix(b"\0")
    read_tiff(lambda offset, size: block[offset : offset + size], out, lambda _: where)


def read_tiff(
    read: Read,
    out: FieldCollector,
    place: Callable[[Value], ByteRange | None],
    *,
    others: Mapping[int, int] | None = None,
) -> dict[int, Value]:
    """Read the fields of a TIFF structure, and fetch other tags of its first directory.

    Args:
        read: Gives its bytes.
        out: Where the fields go.
        place: Where in the file a value lies.
        others: Further tags to fetch, each with the most bytes that it may have.
    """
    try:
        block = _Block(read, out)
    except MalformedError as error:
        out.unreadable(str(error))
        return {}
    wanted = dict.fromkeys((*MAIN_TAGS, EXIF_DIRECTORY, GPS_DIRECTORY), _MAX_VALUE_BYTES)
    main = block.directory(block.first, wanted | dict(others or {}))
    values = {tag: value for tag, value in main.items() if tag in MAIN_TAGS}
    for pointer, tags in ((EXIF_DIRECTORY, EXIF_TAGS), (GPS_DIRECTORY, (1, 2, 3, 4))):
        value = main.get(pointer)
        if value is None or len(value.data) < 4:
            continue
        inner = block.directory(
            block.form.number(value.data), dict.fromkeys(tags, _MAX_VALUE_BYTES)
        )
        if pointer == GPS_DIRECTORY:
            _add_position(inner, block.form, out, place)
        else:
            values |= inner
    _add_values(values, block.form, out, place)
    return {tag: value for tag, value in main.items() if tag in (others or {})}


def _add_values(
    values: Mapping[int, Value],
    form: _Form,
    out: FieldCollector,
    place: Callable[[Value], ByteRange | None],
) -> None:
    for tag, name in (MAIN_TAGS | EXIF_TAGS).items():
        value = values.get(tag)
        if value is None or not name:
            continue
        text = _text(tag, value, form)
        if tag in DATES:
            fraction, offset = (
                _text(other, values[other], form) if other in values else "" for other in DATES[tag]
            )
            text = _moment(text, fraction, offset)
        out.add(f"exif:{name}", text, "exif", place(value))


def _text(tag: int, value: Value, form: _Form) -> str:
    if tag in PRIVATE_TEXT:
        return value.data.decode("utf-16-le", "replace").partition("\0")[0]
    if value.type in _TEXT_TYPES:
        # A copyright may be two texts: the photographer's and the editor's.
        return "; ".join(decode_text(p).strip() for p in value.data.split(b"\0") if p.strip())
    if value.type == 7:
        return _marked_text(value.data, form)
    width = _TYPE_BYTES[value.type]
    if width == 8 and value.type in {5, 10}:
        return "; ".join(_ratio_text(n, d) for n, d in _ratios(value, form) if d)
    items = [value.data[i : i + width] for i in range(0, min(len(value.data), 8 * width), width)]
    return "; ".join(str(form.number(item)) for item in items)


def _marked_text(data: bytes, form: _Form) -> str:
    """The text of a user comment, whose first eight bytes name the character set."""
    encoding = _CHARACTER_SETS.get(data[:8])
    if encoding is None:
        return decode_text(data.removeprefix(bytes(8)).partition(b"\0")[0])
    body = data[8:]
    if encoding == "utf-16" and body[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16-le" if form.order == "little" else "utf-16-be"
    return body.decode(encoding, "replace").rstrip("\0 ")


def _ratios(value: Value, form: _Form) -> list[tuple[int, int]]:
    is_signed = value.type == 10
    numbers = [
        int.from_bytes(value.data[i : i + 4], form.order, signed=is_signed)
        for i in range(0, min(len(value.data), 64), 4)
    ]
    return list(zip(numbers[::2], numbers[1::2], strict=False))


def _ratio_text(numerator: int, denominator: int) -> str:
    if 0 < numerator < denominator:
        divisor = gcd(numerator, denominator)
        return f"{numerator // divisor}/{denominator // divisor}"
    return f"{numerator / denominator:.6g}"


def _moment(text: str, fraction: str, offset: str) -> str:
    """The date in ISO 8601, with the fraction and offset that stand in tags of their own."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return text
    moment = f"{match[1]}-{match[2]}-{match[3]}T{match[4]}"
    if fraction.strip().isascii() and fraction.strip().isdigit():
        moment += f".{fraction.strip()[:6]}"
    if _OFFSET.fullmatch(offset.strip()):
        moment += offset.strip()
    return moment


def _add_position(
    values: Mapping[int, Value],
    form: _Form,
    out: FieldCollector,
    place: Callable[[Value], ByteRange | None],
) -> None:
    degrees: list[float] = []
    for (reference_tag, tag), negative in ((_LATITUDE_TAGS, b"S"), (_LONGITUDE_TAGS, b"W")):
        value, reference = values.get(tag), values.get(reference_tag)
        if value is None or value.type not in {5, 10}:
            return
        parts = [n / d if d else 0.0 for n, d in _ratios(value, form)[:3]]
        total = sum(part / 60**power for power, part in enumerate(parts))
        is_negative = reference is not None and reference.data[:1].upper() == negative
        degrees.append(-total if is_negative else total)
    position = position_text(*degrees) if all(map(isfinite, degrees)) else None
    if position is None:
        out.unreadable("EXIF: a position that is not on the globe")
    else:
        out.add(POSITION_NAME, position, "exif", place(values[_LATITUDE_TAGS[1]]))
