from __future__ import annotations

import struct
import time

import pytest

from provenance.limits import DEFAULT_LIMITS
from provenance.media.metadata.exif import add_exif
from provenance.media.metadata.model import FieldCollector, MetadataReading
from tests.factory.metadata import HOSTILE_TEXTS, exif_block, ratios, text


def _read(block: bytes) -> MetadataReading:
    out = FieldCollector(DEFAULT_LIMITS)
    add_exif(block, out, None)
    return out.reading()


def _values(block: bytes) -> dict[str, str]:
    reading = _read(block)
    assert not reading.unreadable
    return {field.name: field.value for field in reading.fields}


def test_a_date_is_joined_with_its_fraction_and_offset() -> None:
    block = exif_block(
        {0x0132: text("2026:02:01 08:00:00")},
        {
            0x9003: text("2026:01:31 12:00:00"),
            0x9291: text("25"),
            0x9011: text("+09:00"),
        },
    )
    assert _values(block) == {
        "exif:DateTime": "2026-02-01T08:00:00",
        "exif:DateTimeOriginal": "2026-01-31T12:00:00.25+09:00",
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_and_positions_are_read_in_both_byte_orders(order: str) -> None:
    block = exif_block(
        {0x010F: text("Aurora Optics")},
        {0x829A: ratios((10, 1250), order=order), 0x829D: ratios((28, 10), order=order)},  # type: ignore[arg-type]
        {
            1: text("S"),
            2: ratios((33, 1), (51, 1), (2484, 100), order=order),  # type: ignore[arg-type]
            3: text("E"),
            4: ratios((151, 1), (12, 1), (3600, 100), order=order),  # type: ignore[arg-type]
        },
        order=order,  # type: ignore[arg-type]
    )
    assert _values(block) == {
        "exif:GPSPosition": "-33.8569, 151.2100",
        "exif:Make": "Aurora Optics",
        "exif:ExposureTime": "1/125",
        "exif:FNumber": "2.8",
    }


def test_utf8_in_an_ascii_field_is_read_as_utf8() -> None:
    block = exif_block({0x013B: text("오로라 엔터테인먼트"), 0x010E: text("ノヴァ九 🎤")})
    assert _values(block) == {
        "exif:Artist": "오로라 엔터테인먼트",
        "exif:ImageDescription": "ノヴァ九 🎤",
    }


def test_what_is_not_utf8_is_read_as_latin_1() -> None:
    assert _values(exif_block({0x013B: text("Zoë".encode("latin-1"))})) == {"exif:Artist": "Zoë"}


def test_windows_fields_and_user_comments_hold_utf16() -> None:
    title = "무대\0".encode("utf-16-le")
    comment = b"UNICODE\0" + "안녕".encode("utf-16-le")
    block = exif_block({0x9C9B: (1, len(title), title)}, {0x9286: (7, len(comment), comment)})
    assert _values(block) == {"exif:XPTitle": "무대", "exif:UserComment": "안녕"}


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_text_is_a_value_like_any_other(hostile: str) -> None:
    assert _values(exif_block({0x013B: text(hostile)})) == {"exif:Artist": hostile}


def test_technical_tags_are_not_listed() -> None:
    block = exif_block(
        {0x0112: (3, 1, b"\1\0"), 0x011A: ratios((72, 1))},
        {0x927C: (7, 8, b"makernot"), 0xA001: (3, 1, b"\1\0")},
    )
    assert _values(block) == {}


def test_a_value_outside_the_block_is_noted() -> None:
    block = bytearray(exif_block({0x013B: text("Aurora Press Room")}))
    struct.pack_into("<I", block, 8 + 2 + 8, 0x7FFF_FFFF)
    assert _read(bytes(block)).unreadable == ("EXIF: tag 315 reaches past the end",)


def test_a_value_of_four_gigabytes_is_noted_and_not_read() -> None:
    block = bytearray(exif_block({0x013B: text("Aurora Press Room")}))
    struct.pack_into("<I", block, 8 + 2 + 4, 0xFFFF_FFFF)
    (reason,) = _read(bytes(block)).unreadable
    assert reason == "EXIF: tag 315 has 4294967295 bytes, read are 65536"


def test_an_entry_count_beyond_the_block_is_noted() -> None:
    block = bytearray(exif_block({0x013B: text("Aurora")}))
    struct.pack_into("<H", block, 8, 0xFFFF)
    reading = _read(bytes(block))
    assert reading.unreadable == ("EXIF: a directory of 65535 entries",)
    assert [field.value for field in reading.fields] == ["Aurora"]


def test_directories_that_point_at_each_other_end() -> None:
    pointer = (4, 1, struct.pack("<I", 8))
    block = exif_block({0x8769: pointer, 0x8825: pointer, 0x013B: text("Aurora")})
    assert _values(block) == {"exif:Artist": "Aurora"}


def test_a_position_off_the_globe_is_noted() -> None:
    block = exif_block(
        gps={1: text("N"), 2: ratios((400, 1)), 3: text("E"), 4: ratios((1, 0), (1, 0))}
    )
    assert _read(block).unreadable == ("EXIF: a position that is not on the globe",)


def test_many_entries_that_share_one_large_value_cost_it_once() -> None:
    # Read one by one, this would be 2,000 times 60 kB.
    shared = struct.pack("<HHII", 0x013B, 2, 60_000, 8 + 2 + 12 * 2000 + 4)
    block = struct.pack("<2sHIH", b"II", 42, 8, 2000) + shared * 2000 + bytes(4) + b"A" * 60_000
    before = time.process_time()
    reading = _read(block)
    assert time.process_time() - before < 0.5
    assert [field.name for field in reading.fields] == ["exif:Artist"]


@pytest.mark.parametrize("kind", [0, 12, 258, 0xFFFF])
def test_a_value_of_an_unknown_type_is_passed_over(kind: int) -> None:
    assert _values(exif_block({0x013B: (kind, 1, b"NOVA")}, {0x9003: (kind, 9, b"x" * 9)})) == {}


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"II", b"II*\0", b"JJ*\0\x08\0\0\0" * 4])
def test_what_is_no_tiff_block_is_noted(block: bytes) -> None:
    assert _read(block).unreadable == ("EXIF: no TIFF header",)
