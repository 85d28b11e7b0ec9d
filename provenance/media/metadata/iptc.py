"""Reading IPTC-IIM records, and the Photoshop image resources that hold them in JPEG.

Source: IPTC-NAA Information Interchange Model 4.2 §1.5, §6; Adobe Photoshop File
Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.ranges import ByteRange

__all__ = ["add_iptc", "iptc_of_resources"]

_MAX_RECORDS = 5_000
_MAX_RESOURCES = 1_000
_IPTC_RESOURCE = 0x0404
_UTF8 = b"\x1b%G"

_APPLICATION_RECORD: Mapping[int, str] = MappingProxyType(
    {
        5: "ObjectName",
        25: "Keywords",
        40: "SpecialInstructions",
        55: "DateCreated",
        62: "DigitalCreationDate",
        80: "By-line",
        85: "By-lineTitle",
        90: "City",
        92: "Sub-location",
        95: "Province-State",
        100: "Country-PrimaryLocationCode",
        101: "Country-PrimaryLocationName",
        103: "OriginalTransmissionReference",
        105: "Headline",
        110: "Credit",
        115: "Source",
        116: "CopyrightNotice",
        118: "Contact",
        120: "Caption-Abstract",
        122: "Writer-Editor",
    }
)
# A date and the time that belongs to it.
_TIMES: Mapping[int, int] = MappingProxyType({55: 60, 62: 63})
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:([+-]\d\d)(\d\d))?")


def iptc_of_resources(resources: bytes) -> bytes:
    """Which IPTC records do these Photoshop image resources hold? Empty where none."""
    at = 0
    for _ in range(_MAX_RESOURCES):
        head = resources[at : at + 7]
        if len(head) < 7 or head[:4] not in {b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa"}:
            break
        # A Pascal string, padded to an even length together with its count.
        at += 6 + head[6] + 1 + (head[6] + 1) % 2
        size = int.from_bytes(resources[at : at + 4], "big")
        at += 4
        if int.from_bytes(head[4:6], "big") == _IPTC_RESOURCE:
            return resources[at : at + size]
        at += size + size % 2
    return b""


def add_iptc(records: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which descriptive fields do these IPTC-IIM records hold?

    Repeated ones are joined. Text is UTF-8 where the envelope record says so; without
    that it is tried first, since many writers leave the mark out.
    """
    found, is_utf8, problem = _data_sets(records)
    if problem:
        out.unreadable(f"IPTC: {problem}")
    for number, name in _APPLICATION_RECORD.items():
        values = [_text(raw, is_utf8=is_utf8) for raw in found.get(number, ())]
        if values and number in _TIMES:
            times = found.get(_TIMES[number], [b""])
            values = [_moment(values[0], _text(times[0], is_utf8=is_utf8))]
        out.add(f"iptc:{name}", "; ".join(v for v in values if v), "iptc", where)


def _data_sets(records: bytes) -> tuple[dict[int, list[bytes]], bool, str]:
    found: dict[int, list[bytes]] = {}
    is_utf8, at = False, 0
    for _ in range(_MAX_RECORDS):
        head = records[at : at + 5]
        if not head.strip(b"\0"):
            return found, is_utf8, ""
        if len(head) < 5 or head[0] != 0x1C:
            return found, is_utf8, f"no record at byte {at} of {len(records)}"
        size, at = int.from_bytes(head[3:5], "big"), at + 5
        if size & 0x8000:
            # An extended data set: the length of the length.
            width = size & 0x7FFF
            if width > 4:
                return found, is_utf8, f"a record at byte {at} with a length of {width} bytes"
            size = int.from_bytes(records[at : at + width], "big")
            at += width
        if at + size > len(records):
            return found, is_utf8, f"a record at byte {at} reaches past the end"
        if (head[1], head[2]) == (1, 90):
            is_utf8 = records[at : at + size] == _UTF8
        elif head[1] == 2:
            found.setdefault(head[2], []).append(records[at : at + size])
        at += size
    return found, is_utf8, f"more than {_MAX_RECORDS} records"


def _text(raw: bytes, *, is_utf8: bool) -> str:
    return raw.decode("utf-8", "replace") if is_utf8 else decode_text(raw)


def _moment(date: str, time: str) -> str:
    day = _DATE.fullmatch(date.strip())
    if day is None:
        return date
    text = "-".join(day.groups())
    clock = _TIME.fullmatch(time.strip())
    if clock is None:
        return text
    zone = f"{clock[4]}:{clock[5]}" if clock[4] else ""
    return f"{text}T{clock[1]}:{clock[2]}:{clock[3]}{zone}"
