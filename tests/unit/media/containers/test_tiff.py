from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers.collector import MULTIPLE_STORES
from provenance.media.containers.tiff import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange
from tests.factory import media

_HEAD = b"II*\0\x08\0\0\0"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def _kinds(layout: Layout) -> dict[str, SegmentKind]:
    return {part.label: part.kind for part in layout.segments}


@pytest.mark.parametrize("options", [{}, {"big_tiff": True}, {"compression": "tiff_lzw"}])
def test_every_byte_pillow_writes_is_told(options: dict[str, object]) -> None:
    out = io.BytesIO()
    picture = Image.effect_noise((300, 200), 60)
    exif = Image.Exif()
    exif[315] = "Aurora Entertainment"
    picture.save(out, "TIFF", exif=exif, icc_profile=b"icc" * 20, **options)
    layout = _layout(out.getvalue())
    assert layout.problems == ()
    assert sum(gap.size_bytes for gap in layout.gaps) < 16
    kinds = _kinds(layout)
    assert kinds["strips"] is SegmentKind.CONTENT
    assert kinds["tag 34675"] is SegmentKind.ICC
    assert kinds["tag 315"] is SegmentKind.TEXT
    assert kinds["IFD0"] is SegmentKind.STRUCTURE


def test_metadata_values_and_directories_below_are_followed() -> None:
    exif_at = 8 + 2 + 4 * 12 + 4
    values_at = exif_at + 2 + 12 + 4
    data = _HEAD + _directory(
        (700, 1, 10, values_at),
        (33723, 7, 10, values_at + 10),
        (34665, 4, 1, exif_at),
        (0xCD41, 7, 10, values_at + 30),
    )
    data += _directory((37500, 7, 10, values_at + 20)) + bytes(40)
    layout = _layout(data + b"more")
    assert _kinds(layout) == {
        "header": SegmentKind.STRUCTURE,
        "IFD0": SegmentKind.STRUCTURE,
        "ExifIFD": SegmentKind.STRUCTURE,
        "tag 700": SegmentKind.XMP,
        "tag 33723": SegmentKind.IPTC,
        "tag 37500": SegmentKind.EXIF,
        "C2PA": SegmentKind.MANIFEST,
        "trailer": SegmentKind.TRAILER,
    }
    assert layout.media_end == len(data)
    assert layout.manifest == (ByteRange(50, 54), ByteRange(values_at + 30, values_at + 40))
    assert layout.manifest_payload == layout.manifest[1:]
    assert layout.problems == ()
    exif = next(part for part in layout.segments if part.label == "tag 37500")
    assert exif.path == "/IFD0/ExifIFD/tag 37500"


def test_a_store_in_each_of_two_pages_is_a_problem() -> None:
    second_at = 8 + 2 + 12 + 4
    data = _HEAD + _directory((0xCD41, 7, 8, 52), following=second_at)
    data += _directory((0xCD41, 7, 8, 60)) + bytes(40)
    assert _layout(data).problems == ("more than one C2PA manifest store",)


def test_a_store_below_a_page_is_noted() -> None:
    data = _HEAD + _directory((330, 4, 1, 26)) + _directory((0xCD41, 7, 8, 44)) + bytes(8)
    layout = _layout(data)
    assert layout.problems == ("a manifest store inside a directory below a page",)
    assert layout.manifest_payload == (ByteRange(44, 52),)


def test_directories_in_a_circle_are_followed_once() -> None:
    data = _HEAD + _directory((256, 4, 1, 1), following=8)
    assert _layout(data).problems == ("a directory is pointed at more than once",)


def test_directories_inside_each_other_end_at_a_depth() -> None:
    step = 2 + 12 + 4
    data = _HEAD + b"".join(_directory((330, 4, 1, 8 + step * (i + 1))) for i in range(50))
    with pytest.raises(LimitError, match="at most 8 deep"):
        _layout(data)


def test_parts_that_overlap_are_cut_and_noted() -> None:
    data = _HEAD + _directory((700, 1, 20, 40), (33723, 7, 20, 50)) + bytes(60)
    layout = _layout(data)
    assert "parts of the file overlap" in layout.problems
    assert [(s.start, s.end) for s in layout.segments[2:4]] == [(40, 60), (60, 70)]


def test_a_value_past_the_end_is_cut_and_noted() -> None:
    layout = _layout(_HEAD + _directory((700, 1, 0xFFFFFFFF, 30)) + bytes(10))
    assert layout.problems == ("/IFD0: tag 700 reaches past the end of the file",)


@pytest.mark.parametrize("offset", [0, 4, 0xFFFFFFFF])
def test_a_first_directory_outside_the_file_is_noted(offset: int) -> None:
    layout = _layout(struct.pack("<4sI", b"II*\0", offset) + bytes(20))
    assert layout.problems == (f"IFD0: offset {offset} lies outside the file",)


def test_offsets_of_64_bits_are_no_trouble() -> None:
    largest = b"\xff" * 8
    entry = struct.pack("<HH", 330, 16) + largest + largest
    data = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1) + entry + largest
    layout = _layout(data)
    assert layout.problems[-1] == f"IFD1: offset {2**64 - 1} lies outside the file"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_there(tenth: int) -> None:
    data = media.make("tiff")
    layout = _layout(data[: len(data) * tenth // 10])
    assert layout.problems
    assert layout.segments[-1].end <= layout.size_bytes


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II+\0" + bytes(20), b"xx" + _HEAD])
def test_what_is_no_tiff_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a header"):
        _layout(data)


def test_more_strips_than_allowed_are_refused() -> None:
    data = _HEAD + _directory((273, 4, 5000, 8), (279, 4, 5000, 8)) + bytes(30_000)
    with pytest.raises(LimitError, match="expected at most 1000"):
        _layout(data, Limits(max_segments=1000))


def test_entries_that_all_point_at_the_same_long_list_are_refused() -> None:
    entries = [(330, 4, 60_000, 0)] * 500
    data = (_HEAD + _directory(*entries)).ljust(300_000, b"\0")
    with pytest.raises(LimitError, match="expected at most 100000"):
        _layout(data)


@pytest.mark.parametrize("others", [0, 300])
@pytest.mark.parametrize("stores", [1, 2])
def test_a_second_store_is_told_however_much_else_is_wrong(others: int, stores: int) -> None:
    # Found by fuzzing: whoever adds a store could have filled the list of problems first.
    second = 8 + 2 + 2 * 12 + 4
    offsets_at = second + 2 + 12 + 4
    store = (0xCD41, 7, 8, offsets_at + 4 * others)
    data = _HEAD + _directory((330, 4, others, offsets_at), store, following=second)
    data += _directory(store if stores == 2 else (256, 4, 1, 1))
    data += struct.pack(f"<{others}I", *range(2**31, 2**31 + others)) + bytes(8)
    layout = _layout(data)
    assert len(layout.problems) <= 101
    assert (MULTIPLE_STORES in layout.problems) is (stores == 2)
