from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.jpeg import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange
from tests.factory import media

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_JUMD = b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\x008\x9bq\x03c2pa\0"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _store(size: int = 200) -> bytes:
    body = _JUMD + bytes(i & 0xFF for i in range(size - 8 - len(_JUMD)))
    return struct.pack(">I4s", 8 + len(body), b"jumb") + body


def _app11(store: bytes, *, instance: int = 0x211, piece: int = 60) -> list[bytes]:
    pieces = [store[i : i + piece] for i in range(0, len(store), piece)]
    return [
        _segment(
            0xEB,
            b"JP"
            + struct.pack(">HI", instance, number)
            + (store[:8] if number > 1 else b"")
            + data,
        )
        for number, data in enumerate(pieces, 1)
    ]


def _extract(data: bytes) -> bytes:
    return extract_manifest(io.BytesIO(data), _layout(data), DEFAULT_LIMITS)


def test_metadata_segments_are_told_by_their_identifiers() -> None:
    pieces = [
        _segment(0xE0, b"JFIF\0" + bytes(9)),
        _segment(0xE1, b"Exif\0\0MM"),
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        _segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0abc"),
        _segment(0xE2, b"ICC_PROFILE\0\1\1"),
        _segment(0xE2, b"MPF\0"),
        _segment(0xED, b"Photoshop 3.0\0" + b"8BIM"),
        _segment(0xFE, b"a comment"),
        _segment(0xE7, b"?"),
    ]
    found = _layout(_SOI + b"".join(pieces) + _EOI).segments[1:-1]
    assert [part.kind for part in found] == [
        SegmentKind.STRUCTURE,
        SegmentKind.EXIF,
        SegmentKind.XMP,
        SegmentKind.XMP,
        SegmentKind.ICC,
        SegmentKind.STRUCTURE,
        SegmentKind.IPTC,
        SegmentKind.TEXT,
        SegmentKind.UNKNOWN,
    ]
    assert [part.range.size_bytes for part in found] == [len(piece) for piece in pieces]
    assert all(part.data_start == part.start + 4 for part in found)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 1])
def test_the_image_ends_at_its_end_marker_in_every_coding(
    progressive: bool,  # noqa: FBT001
    restart: int,
) -> None:
    out = io.BytesIO()
    picture = Image.effect_noise((200, 150), 90).convert("RGB")
    options = {"restart_marker_blocks": restart} if restart else {}
    picture.save(out, "JPEG", progressive=progressive, quality=95, **options)
    data = out.getvalue()
    layout = _layout(data + b"PK\3\4 and more" + data)
    assert layout.media_end == len(data)
    assert layout.segments[-1].kind is SegmentKind.TRAILER
    assert layout.segments[-1].range == ByteRange(len(data), 2 * len(data) + 13)
    scans = [part for part in layout.segments if part.label == "SOS"]
    assert (len(scans) > 1) is progressive
    assert layout.gaps == ()
    assert layout.problems == ()


def test_an_end_marker_inside_a_thumbnail_does_not_end_the_image() -> None:
    thumbnail = media.make("jpeg")
    data = _SOI + _segment(0xE1, b"Exif\0\0" + thumbnail[:60_000]) + media.make("jpeg")[2:]
    assert _layout(data).media_end == len(data)


def test_stuffed_bytes_restarts_and_fill_bytes_do_not_end_a_scan() -> None:
    # A window ends between the two bytes of a marker once.
    scan = b"\xff\0\xff\xd0\xff\xff\xff\0" + b"\xff\0" * 2044 + b"a"
    data = _SOI + _segment(0xDA, b"\1\1\0\0\x3f\0") + scan + b"\xff" + _EOI
    layout = _layout(data)
    assert layout.media_end == len(data)
    assert [part.label for part in layout.segments] == ["SOI", "SOS", "fill", "EOI"]
    assert layout.gaps == ()


@pytest.mark.parametrize("count", [1, 70, 5_000])
def test_fill_bytes_behind_a_scan_are_padding(count: int) -> None:
    scan = _segment(0xDA, b"\1\1\0\0\x3f\0") + b"a\xff\0"
    layout = _layout(_SOI + scan + b"\xff" * count + _EOI)
    end = 2 + len(scan)
    _, sos, fill, eoi = layout.segments
    assert (sos.end, fill.kind) == (end, SegmentKind.PADDING)
    assert fill.range == ByteRange(end, end + count)
    assert eoi.start == end + count
    # A scan without any data.
    empty = _layout(_SOI + _segment(0xDA, b"\1\1\0\0\x3f\0") + b"\xff" * count + _EOI)
    assert [part.label for part in empty.segments] == ["SOI", "SOS", "fill", "EOI"]


def test_a_store_in_several_segments_is_joined_without_the_repeated_headers() -> None:
    store = _store()
    pieces = _app11(store)
    data = _SOI + b"".join(pieces) + _EOI
    layout = _layout(data)
    assert len(pieces) == 4
    assert sum(r.size_bytes for r in layout.manifest) == len(data) - 4
    assert _extract(data) == store
    assert layout.problems == ()


def test_other_jumbf_in_app11_is_not_a_manifest() -> None:
    other = _store().replace(b"c2pa", b"xxxx")
    layout = _layout(_SOI + b"".join(_app11(other)) + _EOI)
    assert layout.manifest == ()
    assert {part.kind for part in layout.segments[1:-1]} == {SegmentKind.UNKNOWN}


def test_segments_that_stand_apart_are_joined_and_noted() -> None:
    store = _store()
    first, *others = _app11(store)
    data = _SOI + first + _segment(0xFE, b"x") + b"".join(others) + _EOI
    assert _extract(data) == store
    assert _layout(data).problems == (
        "the APP11 segments of the manifest store do not follow each other",
    )


def test_a_missing_segment_is_noted() -> None:
    first, _, third, fourth = _app11(_store())
    assert _layout(_SOI + first + third + fourth + _EOI).problems == (
        "the APP11 segments of the manifest store are not numbered in sequence",
        "the manifest store: expected 200 bytes, got 140 in APP11 segments",
    )


def test_two_stores_are_both_listed_and_none_is_extracted() -> None:
    pieces = _app11(_store()) + _app11(_store(), instance=7)
    data = _SOI + b"".join(pieces) + _EOI
    layout = _layout(data)
    assert len(layout.manifest) == 8
    assert layout.problems == ("more than one C2PA manifest store",)
    with pytest.raises(MalformedError, match="more than one C2PA manifest store"):
        _extract(data)


def test_a_second_store_under_the_same_instance_number_is_seen_too() -> None:
    pieces = _app11(_store()) + _app11(_store())
    assert _layout(_SOI + b"".join(pieces) + _EOI).problems == (
        "more than one C2PA manifest store",
    )


def test_bytes_between_segments_are_a_gap() -> None:
    layout = _layout(_SOI + _segment(0xFE, b"a") + b"hidden" + _segment(0xFE, b"b") + _EOI)
    assert layout.gaps == (ByteRange(7, 13),)
    assert layout.problems == ("bytes between the segments belong to none",)


def test_fill_bytes_before_a_marker_are_padding() -> None:
    layout = _layout(_SOI + b"\xff\xff" + _segment(0xFE, b"a") + _EOI)
    assert layout.segments[1].kind is SegmentKind.PADDING
    assert layout.problems == ()


def test_what_is_no_jpeg_raises() -> None:
    with pytest.raises(MalformedError, match="expected the start-of-image marker"):
        _layout(b"0123456789abcdef" + media.make("jpeg"))


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_there(tenth: int) -> None:
    data = media.make("jpeg")
    data = data[: len(data) * tenth // 10]
    layout = _layout(data)
    assert layout.media_end == len(data)
    assert len(layout.problems) == 1


@pytest.mark.parametrize("length", [0, 1, 0xFFFF])
def test_a_length_that_cannot_be_ends_the_walk(length: int) -> None:
    layout = _layout(_SOI + struct.pack(">BBH", 0xFF, 0xE5, length) + _EOI)
    assert layout.problems == ("segment APP5 does not fit into the file",)
    assert layout.segments[-1].label == "unreadable"


@pytest.mark.parametrize("unit", [b"\xff\x01", b"\xff\xe0\0\2", b"\0\xff\xe0\0\2"])
def test_more_segments_than_allowed_are_refused(unit: bytes) -> None:
    limits = Limits(max_segments=1000)
    with pytest.raises(LimitError, match="expected at most 1000"):
        _layout(_SOI + unit * 100_000, limits)


def test_a_store_larger_than_allowed_is_refused() -> None:
    data = _SOI + b"".join(_app11(_store())) + _EOI
    with pytest.raises(LimitError, match="manifest store: expected at most 50 bytes"):
        _layout(data, Limits(max_manifest_store_bytes=50))
