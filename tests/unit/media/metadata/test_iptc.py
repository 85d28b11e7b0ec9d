from __future__ import annotations

import struct

import pytest

from provenance.limits import DEFAULT_LIMITS
from provenance.media.metadata.iptc import add_iptc, iptc_of_resources
from provenance.media.metadata.model import FieldCollector, MetadataReading
from tests.factory.metadata import HOSTILE_TEXTS, iptc_records


def _read(records: bytes) -> MetadataReading:
    out = FieldCollector(DEFAULT_LIMITS)
    add_iptc(records, out, None)
    return out.reading()


def _values(records: bytes) -> dict[str, str]:
    reading = _read(records)
    assert not reading.unreadable
    return {field.name: field.value for field in reading.fields}


def test_fields_are_named_and_repeated_ones_joined() -> None:
    records = iptc_records([(80, "오로라"), (25, "stage"), (25, "무대"), (116, "© Aurora")])
    assert _values(records) == {
        "iptc:Keywords": "stage; 무대",
        "iptc:By-line": "오로라",
        "iptc:CopyrightNotice": "© Aurora",
    }


def test_a_date_is_joined_with_its_time() -> None:
    records = iptc_records([(55, "20260131"), (60, "120000+0900")])
    assert _values(records) == {"iptc:DateCreated": "2026-01-31T12:00:00+09:00"}


def test_without_a_character_set_utf8_is_tried_first() -> None:
    assert _values(iptc_records([(80, "오로라")], utf8=False)) == {"iptc:By-line": "오로라"}
    latin = iptc_records([(80, "Zoë".encode("latin-1"))], utf8=False)
    assert _values(latin) == {"iptc:By-line": "Zoë"}


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_text_is_a_value_like_any_other(hostile: str) -> None:
    assert _values(iptc_records([(105, hostile)])) == {"iptc:Headline": hostile}


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"junk!", "IPTC: no record at byte 20 of 25"),
        (b"\x1c\x02\x50\x7f\xffshort", "IPTC: a record at byte 25 reaches past the end"),
        (b"\x1c\x02\x50\x80\xff", "IPTC: a record at byte 25 with a length of 255 bytes"),
        (
            b"\x1c\x02\x50\x80\x04\xff\xff\xff\xff",
            "IPTC: a record at byte 29 reaches past the end",
        ),
        (b"\x1c\x02\x19\0\0" * 6000, "IPTC: more than 5000 records"),
    ],
)
def test_broken_records_are_noted_and_the_others_kept(tail: bytes, reason: str) -> None:
    reading = _read(iptc_records([(80, "Aurora!")]) + tail)
    assert [field.value for field in reading.fields] == ["Aurora!"]
    assert reading.unreadable == (reason,)


def test_the_records_are_found_among_other_resources() -> None:
    resources = b"".join(
        b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(body)) + body
        for number, name, body in (
            (0x03ED, b"\0\0", b"1234"),
            (0x040B, b"\x03abc", b"url!"),
            (0x0404, b"\0\0", b"records"),
        )
    )
    assert iptc_of_resources(resources) == b"records"
    assert iptc_of_resources(resources[:20]) == b""
    assert iptc_of_resources(b"8BIM\x04\x04") == b""
