from __future__ import annotations

import time

import pytest

from provenance.verification.metadata_names import assertion_thing, is_position, thing_of
from provenance.verification.metadata_values import Likeness, compare, read_moment

_SAME, _DIFFERENT, _UNCLEAR = Likeness.SAME, Likeness.DIFFERENT, Likeness.UNCLEAR


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        # Dates: EXIF and ISO forms, zones, precision.
        ("2026:01:31 12:00:00", "2026-01-31T12:00:00", _SAME),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00+09:00", _SAME),
        ("2026-01-31T12:00:00+09:00", "2026-01-31T03:00:00Z", _SAME),
        ("2026-01-31T12:00:00.25+09:00", "2026-01-31T03:00:00Z", _SAME),
        ("2026-01-31T12:00:00", "2026-01-31T03:00:00Z", _UNCLEAR),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:07", _DIFFERENT),
        ("2026-01-31T12:00:00+09:00", "2026-01-31T12:00:00Z", _DIFFERENT),
        ("2026-01-31", "2026-01-31T23:00:00+09:00", _SAME),
        ("2026-02-01", "2026-01-31T23:00:00Z", _UNCLEAR),
        ("2026-01-31", "2026-02-01", _DIFFERENT),
        ("2026", "2026-01-31T12:00:00", _SAME),
        ("2025", "2026-01-31", _DIFFERENT),
        ("2026-01-31T12:00Z", "2026-01-31T12:00:40Z", _SAME),
        # Numbers: rationals and rounding, but whole numbers are exact.
        ("1/125", "0.008", _SAME),
        ("1/60", "0.017", _SAME),
        ("28/10", "2.8", _SAME),
        ("24.0", "24.1", _UNCLEAR),
        ("2.8", "5.6", _DIFFERENT),
        ("60012345", "60012346", _DIFFERENT),
        ("100", "200", _DIFFERENT),
        # Positions.
        ("37.5665, 126.9780", "37.5665, 126.9781", _SAME),
        ("37.5665, 126.9780", "35.1796, 129.0756", _DIFFERENT),
        # Text: normal forms, white space, letter case, lists.
        ("오로라", "오로라", _SAME),
        ("  Aurora \n Press", "Aurora Press", _SAME),
        ("aurora", "Aurora", _UNCLEAR),
        ("NOVA9; 오로라", "오로라; NOVA9", _SAME),
        ("NOVA9; 오로라", "NOVA9", _UNCLEAR),
        ("NOVA9", "Nobody", _DIFFERENT),
        ("x" * 10_000, "y", _UNCLEAR),
    ],
)
def test_two_values_are_compared_by_what_they_mean(
    mine: str, theirs: str, expected: Likeness
) -> None:
    assert compare(mine, theirs) is expected
    assert compare(theirs, mine) is expected


def test_a_text_that_its_record_has_cut_is_no_contradiction() -> None:
    assert compare("Aurora Ent", "Aurora Entertainment", may_be_cut=True) is _UNCLEAR
    assert compare("Aurora Ent", "Aurora Entertainment") is _DIFFERENT


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "0000-00-00",
        "2026-13-01",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+09:00",
        "2026-01-31T12:00:00+99:99",
        "2026-01-31T25:00",
        "yesterday",
        "2026-01-31T12:00:00 KST",
    ],
)
def test_what_is_no_possible_moment_is_none(moment: str) -> None:
    assert read_moment(moment) is None


def test_huge_numbers_cost_nothing() -> None:
    before = time.process_time()
    assert compare("1e999999999", "9" * 9000) is _DIFFERENT
    assert compare("1/" + "0" * 18, "1") is _DIFFERENT
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("exif:Artist", "dc:creator"),
        ("xmp:tiff:Artist", "dc:creator"),
        ("xmp:dc:creator", "dc:creator"),
        ("container:dc:creator", "dc:creator"),
        ("iptc:By-line", "dc:creator"),
        ("pdf:Author", "dc:creator"),
        ("xmp:photoshop:DateCreated", "exif:DateTimeOriginal"),
        ("xmp:exif:DateTimeOriginal", "exif:DateTimeOriginal"),
        ("xmp:xmp:CreateDate", "xmp:CreateDate"),
        ("exif:DateTimeDigitized", "xmp:CreateDate"),
        ("pdf:Producer", "pdf:Producer"),
        ("xmp:pdf:Producer", "pdf:Producer"),
        ("xmp:dc:title[ko]", "dc:title[ko]"),
        ("container:location", "exif:GPSPosition"),
        ("xmp:{https://forger.example/}creator", "{https://forger.example/}creator"),
        ("container:mood", "container:mood"),
    ],
)
def test_names_that_mean_the_same_are_about_one_thing(name: str, thing: str) -> None:
    assert thing_of(name) == thing
    if name.startswith("xmp:"):
        assert assertion_thing(name.removeprefix("xmp:")) == thing


@pytest.mark.parametrize(
    "name",
    [
        "exif:GPSPosition",
        "xmp:exif:GPSPosition",
        "xmp:exif:GPSLatitude",
        "container:location",
        "xmp:Iptc4xmpExt:LocationCreated/exif:GPSPosition",
    ],
)
def test_positions_are_told_by_name(name: str) -> None:
    assert is_position(name)
    assert not is_position("exif:Artist")
