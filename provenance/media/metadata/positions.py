"""Geographic positions as text in decimal degrees."""

from __future__ import annotations

import re

__all__ = ["POSITION_NAME", "coordinate", "iso6709_position", "position_text"]

POSITION_NAME = "exif:GPSPosition"
"""The name under which latitude and longitude are listed as one field."""

# XMP part 2, GPSCoordinate: `DDD,MM,SSk` or `DDD,MM.mmk`, k one of N, S, E, W. Plain
# decimal degrees are common in JSON-LD.
_COORDINATE = re.compile(
    r"\s*([+-]?\d{1,3}(?:\.\d{1,15})?)"
    r"(?:,\s*(\d{1,2}(?:\.\d{1,15})?)(?:,\s*(\d{1,2}(?:\.\d{1,15})?))?)?\s*([NSEWnsew])?\s*"
)
# ISO 6709 annex H, as `©xyz` writes it: `+37.5665+126.9780+038.000/`. Degrees may be
# followed by minutes and seconds without a separator; their number of digits tells.
_ISO6709 = re.compile(r"\s*([+-]\d{2,6}(?:\.\d{1,15})?)([+-]\d{3,7}(?:\.\d{1,15})?)")


def position_text(latitude: float, longitude: float) -> str | None:
    """How is this position written? None where there is no such place.

    Four digits after the point, which is about eleven metres.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return f"{latitude:.4f}, {longitude:.4f}"


def coordinate(text: str) -> float | None:
    """How many degrees does this XMP or JSON-LD coordinate mean? South and west are negative."""
    match = _COORDINATE.fullmatch(text[:100])
    if match is None:
        return None
    degrees = float(match[1])
    share = float(match[2] or 0) / 60 + float(match[3] or 0) / 3600
    degrees = degrees - share if degrees < 0 else degrees + share
    return -degrees if (match[4] or "").upper() in {"S", "W"} else degrees


def iso6709_position(text: str) -> str | None:
    """Which position does this ISO 6709 text name, in decimal degrees?"""
    match = _ISO6709.match(text[:100])
    if match is None:
        return None
    return position_text(_sexagesimal(match[1], 2), _sexagesimal(match[2], 3))


def _sexagesimal(text: str, degree_digits: int) -> float:
    sign = -1.0 if text[0] == "-" else 1.0
    digits, _, fraction = text[1:].partition(".")
    parts = [digits[:degree_digits]]
    rest = digits[degree_digits:]
    while rest:
        parts.append(rest[:2])
        rest = rest[2:]
    parts[-1] += f".{fraction or 0}"
    return sign * sum(float(part) / 60.0**power for power, part in enumerate(parts))
