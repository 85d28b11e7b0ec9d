from __future__ import annotations

import io

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.bmff import C2PA_USER_TYPE, parse_layout
from provenance.media.containers.bmff_exclusions import (
    BmffExclusion,
    DataMatch,
    SubsetRange,
    excluded_bytes,
    excluded_ranges,
    match_exclusion,
)
from provenance.media.ranges import ByteRange


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return (8 + len(payload)).to_bytes(4) + kind + payload


FTYP = box(b"ftyp", b"isom", bytes(4))
C2PA = box(b"uuid", C2PA_USER_TYPE, bytes(4), b"manifest\0", bytes(8), box(b"jumb"))
OTHER_UUID = box(b"uuid", b"u" * 16, b"payload")
FULL = box(b"tfhd", b"\1\0\0\5", b"abcdefgh")
MOOF = box(b"moof", box(b"traf", FULL), box(b"traf", FULL))
DATA = FTYP + C2PA + OTHER_UUID + MOOF + MOOF + box(b"mdat", b"frames")


def starts(needle: bytes) -> list[int]:
    found, at = [], DATA.find(needle)
    while at != -1:
        found.append(at)
        at = DATA.find(needle, at + 1)
    return found


def left_out(*exclusions: BmffExclusion) -> list[bytes]:
    layout = parse_layout(io.BytesIO(DATA), len(DATA), Limits())
    ranges = excluded_ranges(layout, exclusions, io.BytesIO(DATA))
    return [DATA[r.start : r.end] for r in ranges]


def test_a_path_without_indices_means_all_boxes_of_that_path() -> None:
    assert left_out(BmffExclusion(xpath="/moof/traf/tfhd")) == [FULL] * 4


def test_an_index_means_one_sibling() -> None:
    layout = parse_layout(io.BytesIO(DATA), len(DATA), Limits())
    ranges = excluded_ranges(layout, [BmffExclusion(xpath="/moof[2]/traf[1]/tfhd")], io.BytesIO())

    assert ranges == (ByteRange(starts(FULL)[2], starts(FULL)[2] + len(FULL)),)


def test_a_path_is_not_matched_by_its_beginning() -> None:
    assert left_out(BmffExclusion(xpath="/traf")) == []
    assert left_out(BmffExclusion(xpath="/moof[3]")) == []


def test_data_is_compared_from_the_first_byte_of_the_header() -> None:
    wanted = BmffExclusion(xpath="/uuid", data=(DataMatch(8, C2PA_USER_TYPE),))

    assert left_out(wanted) == [C2PA]


def test_data_beyond_the_box_does_not_match_what_follows_it() -> None:
    # The bytes after the ftyp box are those of the next box, not its own.
    beyond = BmffExclusion(xpath="/ftyp", data=(DataMatch(len(FTYP) + 4, b"uuid"),))

    assert left_out(beyond) == []


def test_length_must_be_the_whole_box() -> None:
    assert left_out(BmffExclusion(xpath="/ftyp", length=len(FTYP))) == [FTYP]
    assert left_out(BmffExclusion(xpath="/ftyp", length=len(FTYP) - 8)) == []


@pytest.mark.parametrize(
    ("flags", "exact", "matches"),
    [
        (b"\0\0\5", None, True),
        (b"\0\0\5", True, True),
        (b"\0\0\4", True, False),
        (b"\0\0\4", None, False),
        (b"\0\0\4", False, True),
        (b"\0\0\0", False, True),
        (b"\0\0\2", False, False),
        (b"\0\0\7", False, False),
    ],
)
def test_flags_agree_exactly_or_by_the_bits_asked_for(
    *, flags: bytes, exact: bool | None, matches: bool
) -> None:
    found = left_out(BmffExclusion(xpath="/moof[1]/traf[1]/tfhd", flags=flags, exact=exact))

    assert found == ([FULL] if matches else [])


def test_version_must_agree_and_exist() -> None:
    assert left_out(BmffExclusion(xpath="/moof[1]/traf[1]/tfhd", version=1)) == [FULL]
    assert left_out(BmffExclusion(xpath="/moof[1]/traf[1]/tfhd", version=0)) == []
    assert left_out(BmffExclusion(xpath="/mdat", version=0)) == []
    assert left_out(BmffExclusion(xpath="/uuid", version=0)) == [C2PA]


def test_subset_leaves_out_parts_and_stays_inside_the_box() -> None:
    parts = (SubsetRange(12, 2), SubsetRange(16, 0), SubsetRange(500, 9))
    found = left_out(BmffExclusion(xpath="/moof[1]/traf[1]/tfhd", subset=parts))

    assert found == [b"ab", b"efgh"]


def test_a_part_longer_than_the_box_ends_with_it() -> None:
    found = left_out(BmffExclusion(xpath="/ftyp", subset=(SubsetRange(8, 10_000),)))

    assert found == [FTYP[8:]]


def test_only_boxes_left_out_as_a_whole_lose_their_offset() -> None:
    layout = parse_layout(io.BytesIO(DATA), len(DATA), Limits())
    entries = [
        BmffExclusion(xpath="/ftyp"),
        BmffExclusion(xpath="/mdat", subset=(SubsetRange(0, 0),)),
    ]
    found = excluded_bytes(layout, entries, io.BytesIO(DATA))

    assert found.whole_boxes == {0}
    assert found.ranges[-1].end == len(DATA)


def test_one_box_and_one_entry() -> None:
    layout = parse_layout(io.BytesIO(DATA), len(DATA), Limits())
    second = next(s for s in layout.segments if s.path == "/moof[2]/traf[1]/tfhd[1]")

    assert match_exclusion(BmffExclusion(xpath="/moof/traf/tfhd"), second, io.BytesIO(DATA))
    assert match_exclusion(BmffExclusion(xpath="/moof[2]/traf/tfhd"), second, io.BytesIO(DATA))
    assert not match_exclusion(BmffExclusion(xpath="/moof[1]/traf/tfhd"), second, io.BytesIO(DATA))
    assert not match_exclusion(BmffExclusion(xpath="/moof"), second, io.BytesIO(DATA))


@pytest.mark.parametrize(
    "xpath", ["", "/", "moov", "/mo", "/moov/", "/moov[0]", "/moov[x]", "//moov", "/moov[1][2]"]
)
def test_a_path_that_is_not_understood_is_malformed(xpath: str) -> None:
    with pytest.raises(MalformedError, match="exclusion path not understood"):
        left_out(BmffExclusion(xpath=xpath))


def test_negative_numbers_and_odd_flags_are_malformed() -> None:
    with pytest.raises(MalformedError, match="negative number: -1"):
        left_out(BmffExclusion(xpath="/ftyp", subset=(SubsetRange(-1, 4),)))
    with pytest.raises(MalformedError, match="flags of 4 bytes, expected 3"):
        left_out(BmffExclusion(xpath="/ftyp", flags=b"\0\0\0\0"))


def test_a_list_that_costs_too_much_hits_the_limit() -> None:
    data = FTYP + box(b"free") * 2_000
    layout = parse_layout(io.BytesIO(data), len(data), Limits())

    with pytest.raises(LimitError, match="over 500000 comparisons"):
        excluded_ranges(layout, [BmffExclusion(xpath="/free")] * 300, io.BytesIO(data))


def test_a_list_that_reads_too_much_hits_the_limit() -> None:
    entry = BmffExclusion(xpath="/ftyp", data=(DataMatch(0, bytes(1024 * 1024)),))

    with pytest.raises(LimitError, match="bytes to compare"):
        left_out(*[entry] * 65)
