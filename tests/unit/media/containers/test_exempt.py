from __future__ import annotations

import io
import zipfile

import pytest

from provenance.limits import Limits
from provenance.media.containers.bmff import parse_layout
from provenance.media.containers.exempt import (
    ExemptFinding,
    check_exempt_box,
    check_exempt_boxes,
    check_old_directory,
)
from provenance.media.ranges import ByteRange


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return (8 + len(payload)).to_bytes(4) + kind + payload


FTYP = box(b"ftyp", b"isom", b"\0\0\2\0", b"isomiso2mp41")


def check(data: bytes, number: int = -1) -> ExemptFinding:
    stream = io.BytesIO(data)
    layout = parse_layout(stream, len(data), Limits())
    top = [s for s in layout.segments if s.depth == 0]
    return check_exempt_box(stream, layout, top[number])


def test_known_brands_are_harmless() -> None:
    finding = check(FTYP)

    assert finding.harmless
    assert finding.why == "4 known brands"
    assert finding.range == ByteRange(0, len(FTYP))
    assert finding.label == "ftyp"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"evil" + bytes(4), "unknown brand b'evil'"),
        (b"isom" + bytes(4) + b"isomhide", "unknown brand b'hide'"),
        (bytes(8), "unknown brand b'\\x00\\x00\\x00\\x00'"),
        (b"isom", "brand list of 4 bytes, expected 8 and a multiple of 4"),
        (b"isom" + bytes(4) + b"is", "brand list of 10 bytes, expected 8 and a multiple of 4"),
        (b"isom" * 2000, "brand list of 8000 bytes, expected at most 4096"),
    ],
)
def test_other_contents_of_ftyp_are_not(payload: bytes, why: str) -> None:
    finding = check(box(b"ftyp", payload))

    assert not finding.harmless
    assert finding.why == why


@pytest.mark.parametrize("kind", [b"free", b"skip"])
def test_padding_is_harmless_when_small_or_zero(kind: bytes) -> None:
    assert check(FTYP + box(kind, b"x" * 65536)).harmless
    assert check(FTYP + box(kind, bytes(200_000))).harmless
    finding = check(FTYP + box(kind, bytes(65536), b"x"))
    assert not finding.harmless
    assert finding.why == "65537 bytes that are not zero, 65537 up to here"


def test_content_cut_into_small_pieces_of_padding_is_not_harmless() -> None:
    pieces = box(b"free", b"x" * 40_000) + box(b"skip", bytes(40_000)) + box(b"free", b"x" * 40_000)
    data = FTYP + pieces
    layout = parse_layout(io.BytesIO(data), len(data), Limits())
    findings = check_exempt_boxes(io.BytesIO(data), layout, layout.segments)

    assert [f.harmless for f in findings] == [True, True, True, False]


def test_a_second_ftyp_is_not_harmless() -> None:
    assert check(FTYP + FTYP).why == "another ftyp box, expected one"


def tfra(count: int, *, version: int = 1, extra: bytes = b"") -> bytes:
    entry = bytes((16 if version else 8) + 3)
    head = bytes([version, 0, 0, 0]) + bytes(8) + count.to_bytes(4)
    return box(b"tfra", head, entry * count, extra)


def mfra(*tables: bytes, declared: int = 0) -> bytes:
    size = 8 + sum(map(len, tables)) + 16
    return box(b"mfra", *tables, box(b"mfro", bytes(4), (declared or size).to_bytes(4)))


def test_random_access_tables_are_harmless_when_their_sizes_agree() -> None:
    finding = check(FTYP + mfra(tfra(3), tfra(2, version=0)))

    assert finding.harmless
    assert finding.why == "2 random-access tables of the declared sizes"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (mfra(tfra(3, extra=b"hidden")), "tfra of 79 bytes, its count asks for 73"),
        (mfra(tfra(1), declared=9), "mfro declares 9 bytes, expected 67"),
        (mfra(box(b"junk", b"hidden")), "holds a junk box"),
        (mfra(box(b"tfra", bytes(4))), "tfra of 4 bytes, expected at least 16"),
        (
            box(b"mfra", tfra(1)),
            "expected tables and, last, the size of the whole, with nothing else",
        ),
        (
            mfra(tfra(60_000)),
            "random-access tables of 1140048 bytes, expected at most 1048576",
        ),
    ],
)
def test_other_random_access_boxes_are_not(data: bytes, why: str) -> None:
    finding = check(FTYP + data)

    assert not finding.harmless
    assert finding.why == why


def test_no_rule_exempts_other_boxes() -> None:
    finding = check(FTYP + box(b"mdat", b"x"))

    assert not finding.harmless
    assert finding.why == "no rule exempts a mdat box at this place"


def archive_with_hole(hole: bytes | None = None) -> tuple[bytes, ByteRange]:
    """An archive to which an entry was appended behind the directory that was there."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "one")
    before = buffer.getvalue()
    end = before.rindex(b"PK\5\6")
    start = before.index(b"PK\1\2")
    old = before[start:end] if hole is None else hole
    shift = len(old)
    later = io.BytesIO()
    with zipfile.ZipFile(later, "w") as archive:
        archive.writestr("a.txt", "one")
        archive.writestr("b.txt", "two")
    whole = later.getvalue()
    directory = whole.index(b"PK\1\2")
    tail = bytearray(whole[directory:])
    second = tail.index(b"PK\1\2", 4)
    tail[second + 42 : second + 46] = (start + shift).to_bytes(4, "little")
    last = tail.rindex(b"PK\5\6")
    tail[last + 16 : last + 20] = (directory + shift).to_bytes(4, "little")
    stamp = before[start + 12 : start + 16]
    data = bytearray(whole[:start] + old + whole[start:directory] + tail)
    for at in (10, start + shift + 10, directory + shift + 12, directory + shift + second + 12):
        data[at : at + 4] = stamp
    return bytes(data), ByteRange(start, start + shift)


def test_an_old_copy_of_the_central_directory_is_harmless() -> None:
    data, hole = archive_with_hole()
    finding = check_old_directory(io.BytesIO(data), len(data), hole, Limits())

    assert finding.harmless
    assert finding.why == "1 records, 0 of them not in the directory"


def test_anything_else_in_the_hole_is_not() -> None:
    data, hole = archive_with_hole(b"PK\1\2 and something hidden")
    finding = check_old_directory(io.BytesIO(data), len(data), hole, Limits())
    assert not finding.harmless
    assert finding.why == "holds something else than directory records"

    good, where = archive_with_hole()
    strange = bytearray(good)
    strange[where.start + 46] ^= 1
    finding = check_old_directory(io.BytesIO(strange), len(good), where, Limits())
    assert not finding.harmless
    assert finding.why == "1 records, 1 of them not in the directory"

    data, hole = archive_with_hole(bytes(500))
    finding = check_old_directory(io.BytesIO(data), len(data), hole, Limits())
    assert finding.why == "500 bytes, the directory has 102"
