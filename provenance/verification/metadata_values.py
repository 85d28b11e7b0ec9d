"""Comparing two pieces of metadata: the same, something else, or not to be said."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

from provenance.media.metadata.model import MAX_VALUE_CHARS
from provenance.media.metadata.positions import coordinate

__all__ = ["Likeness", "Moment", "compare", "read_moment"]


class Likeness(Enum):
    """Do two values say the same?"""

    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"


# EXIF `2026:01:31 12:00:00`, ISO 8601 and its XMP profile, with what may be left out.
_MOMENT = re.compile(
    r"(\d{4})(?:[:-](\d\d)(?:[:-](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?"
    r"\s?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_NUMBER = re.compile(r"([+-]?\d{1,18}(?:\.\d{1,18})?)(?:/(\d{1,18}))?")
_FARTHEST_ZONES = timedelta(hours=14)
_QUARTER_S = 15 * 60
# About eleven metres, and the rounding of either side.
_NEAR_DEGREES = 0.00021


class Moment:
    """A date, perhaps with a time, perhaps with a zone, at the precision it was given."""

    __slots__ = ("has_zone", "local", "precision")

    def __init__(self, local: datetime, precision: int, *, has_zone: bool) -> None:
        self.local = local
        self.precision = precision
        self.has_zone = has_zone

    def compare(self, other: Moment) -> Likeness:
        """Are both the same moment, as far as they were given?"""
        precision = min(self.precision, other.precision)
        if precision > 3 and self.has_zone and other.has_zone:
            apart = abs(self.local - other.local)
            step = timedelta(minutes=1) if precision == 4 else timedelta(seconds=1)
            return Likeness.SAME if apart < step else Likeness.DIFFERENT
        shared = precision + 1 if precision > 3 else precision
        if self.local.timetuple()[:shared] == other.local.timetuple()[:shared]:
            return Likeness.SAME
        apart = self._wall_time_from(other)
        if precision > 3:
            # One side may be in another zone and not say so.
            is_shift = apart <= _FARTHEST_ZONES and apart.seconds % _QUARTER_S == 0
            return Likeness.UNCLEAR if is_shift else Likeness.DIFFERENT
        # A day without a time is another day elsewhere.
        is_next_day = precision == 3 and apart <= timedelta(days=1) + _FARTHEST_ZONES
        has_time = max(self.precision, other.precision) > 3
        return Likeness.UNCLEAR if is_next_day and has_time else Likeness.DIFFERENT

    def hours_from(self, other: Moment) -> float:
        """How many hours lie between both at least, whatever zones are not told?"""
        if self.has_zone and other.has_zone:
            return abs(self.local - other.local) / timedelta(hours=1)
        return max(timedelta(), self._wall_time_from(other) - _FARTHEST_ZONES) / timedelta(hours=1)

    def _wall_time_from(self, other: Moment) -> timedelta:
        return abs(self.local.replace(tzinfo=None) - other.local.replace(tzinfo=None))


def read_moment(text: str) -> Moment | None:
    """Which moment does this text name? None where it names none, or no possible one."""
    match = _MOMENT.fullmatch(text.strip()[:64])
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    # 1 to 3: to the year, month or day; 4: to the minute, 5: to the second.
    precision = sum(part is not None for part in (year, month, day, minute, second))
    try:
        local = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=_zone(zone),
        )
        # Near the first and last year a zone may lead out of what can be told.
        local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment(local, precision, has_zone=zone is not None)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def compare(file_value: str, signed_value: str, *, may_be_cut: bool = False) -> Likeness:
    """Does what the file says agree with what was signed?

    Dates are compared as moments, numbers and rationals as numbers, lists without regard
    to order, text in NFC without regard to white space. What differs only in letter
    case or in rounding, or as two lists that overlap, is unclear: no accusation rests on
    that.

    Args:
        file_value: From the file.
        signed_value: From an assertion.
        may_be_cut: Whether the file's record has room for a short text only.
    """
    if max(len(file_value), len(signed_value)) >= MAX_VALUE_CHARS:
        return Likeness.UNCLEAR
    mine, theirs = _plain(file_value), _plain(signed_value)
    if mine == theirs:
        return Likeness.SAME
    dates = read_moment(mine), read_moment(theirs)
    if dates[0] is not None and dates[1] is not None:
        return dates[0].compare(dates[1])
    numbers = _number(mine), _number(theirs)
    if numbers[0] is not None and numbers[1] is not None:
        return _compare_numbers(numbers[0], numbers[1])
    places = _position(mine), _position(theirs)
    if places[0] is not None and places[1] is not None:
        return _compare_positions(places[0], places[1])
    return _compare_texts(mine, theirs, may_be_cut=may_be_cut)


def _compare_texts(mine: str, theirs: str, *, may_be_cut: bool) -> Likeness:
    if mine.casefold() == theirs.casefold() or (may_be_cut and theirs.startswith(mine)):
        return Likeness.UNCLEAR
    ours, others = _items(mine), _items(theirs)
    if ours == others:
        return Likeness.SAME
    return Likeness.UNCLEAR if ours & others else Likeness.DIFFERENT


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _items(text: str) -> frozenset[str]:
    return frozenset(item for part in text.split(";") if (item := part.strip()))


def _number(text: str) -> tuple[float, float] | None:
    """Which number is this, and by how much may its writer have rounded it?"""
    match = _NUMBER.fullmatch(text)
    divisor = int(match[2] or 1) if match else 0
    if match is None or divisor == 0:
        return None
    _, point, decimals = match[1].partition(".")
    return float(match[1]) / divisor, 0.5 * 10.0 ** -len(decimals) if point else 0.0


def _compare_numbers(mine: tuple[float, float], theirs: tuple[float, float]) -> Likeness:
    apart = abs(mine[0] - theirs[0])
    larger = max(abs(mine[0]), abs(theirs[0]))
    rounding = max(mine[1], theirs[1])
    # 1/60 and 0.017 are the same; 24.0 and 24.1 may be two versions; whole numbers, which
    # may be serial numbers, are never rounded.
    if apart <= rounding * 1.000001 + 1e-12 * larger:
        return Likeness.SAME
    return Likeness.UNCLEAR if rounding and apart <= 0.05 * larger else Likeness.DIFFERENT


def _position(text: str) -> tuple[float, float] | None:
    first, comma, second = text.partition(", ")
    latitude, longitude = coordinate(first), coordinate(second)
    return (
        (latitude, longitude) if comma and latitude is not None and longitude is not None else None
    )


def _compare_positions(mine: tuple[float, float], theirs: tuple[float, float]) -> Likeness:
    near = all(abs(a - b) <= _NEAR_DEGREES for a, b in zip(mine, theirs, strict=True))
    return Likeness.SAME if near else Likeness.DIFFERENT
