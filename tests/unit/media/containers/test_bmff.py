from __future__ import annotations

import io
import itertools

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.bmff import C2PA_USER_TYPE, XMP_USER_TYPE, parse_layout, user_type
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange, merge

LIMITS = Limits()


def box(kind: bytes, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return (8 + len(payload)).to_bytes(4) + kind + payload


def long_box(kind: bytes, payload: bytes) -> bytes:
    return b"\0\0\0\1" + kind + (16 + len(payload)).to_bytes(8) + payload


def c2pa_box(purpose: bytes, payload: bytes) -> bytes:
    return box(b"uuid", C2PA_USER_TYPE, bytes(4), purpose, b"\0", payload)


FTYP = box(b"ftyp", b"isom", bytes(4), b"isommp42")
STORE = box(b"jumb", b"a manifest store")


def parse(data: bytes, limits: Limits = LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def paths(layout: Layout) -> list[str]:
    return [segment.path for segment in layout.segments]


def covers(layout: Layout) -> bool:
    top = [s.range for s in layout.segments if s.depth == 0]
    joined = merge((*top, *layout.gaps))
    disjoint = all(a.end <= b.start for a, b in itertools.pairwise(top))
    return disjoint and joined == (ByteRange(0, layout.size_bytes),)


def test_lists_nested_boxes_with_an_index_for_each_step() -> None:
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stco", bytes(8))))))
    layout = parse(FTYP + box(b"moov", box(b"mvhd", bytes(4)), track, track) + box(b"mdat", b"x"))

    assert paths(layout) == [
        "/ftyp[1]",
        "/moov[1]",
        "/moov[1]/mvhd[1]",
        "/moov[1]/trak[1]",
        "/moov[1]/trak[1]/mdia[1]",
        "/moov[1]/trak[1]/mdia[1]/minf[1]",
        "/moov[1]/trak[1]/mdia[1]/minf[1]/stbl[1]",
        "/moov[1]/trak[1]/mdia[1]/minf[1]/stbl[1]/stco[1]",
        "/moov[1]/trak[2]",
        "/moov[1]/trak[2]/mdia[1]",
        "/moov[1]/trak[2]/mdia[1]/minf[1]",
        "/moov[1]/trak[2]/mdia[1]/minf[1]/stbl[1]",
        "/moov[1]/trak[2]/mdia[1]/minf[1]/stbl[1]/stco[1]",
        "/mdat[1]",
    ]
    assert [s.depth for s in layout.segments[:5]] == [0, 0, 1, 1, 2]
    assert layout.segments[-1].kind is SegmentKind.CONTENT
    assert layout.problems == ()
    assert covers(layout)


def test_reads_64_bit_sizes() -> None:
    layout = parse(FTYP + long_box(b"mdat", b"frames") + box(b"moov"))

    mdat = layout.segments[1]
    assert (mdat.end - mdat.start, mdat.data_start - mdat.start) == (22, 16)
    assert [s.label for s in layout.segments] == ["ftyp", "mdat", "moov"]


def test_a_last_box_of_size_zero_reaches_to_the_end() -> None:
    data = FTYP + b"\0\0\0\0mdat" + b"frames"
    layout = parse(data)

    assert layout.segments[-1].range == ByteRange(len(FTYP), len(data))
    assert layout.media_end == len(data)
    assert layout.problems == ()


def test_size_zero_is_no_box_inside_another() -> None:
    layout = parse(FTYP + box(b"moov", b"\0\0\0\0trak" + bytes(8)))

    assert paths(layout) == ["/ftyp[1]", "/moov[1]"]
    assert layout.problems == ("no box at offset 32 inside moov: 16 bytes are not listed",)


def test_meta_is_read_in_both_of_its_forms() -> None:
    children = box(b"hdlr", bytes(24)) + box(b"iloc", bytes(8)) + box(b"idat", b"x")
    full = parse(FTYP + box(b"meta", bytes(4), children))
    plain = parse(FTYP + box(b"meta", children))

    expected = ["/ftyp[1]", "/meta[1]", "/meta[1]/hdlr[1]", "/meta[1]/iloc[1]", "/meta[1]/idat[1]"]
    assert paths(full) == expected
    assert paths(plain) == expected
    assert full.segments[-1].kind is SegmentKind.CONTENT


def test_the_manifest_store_is_found_behind_purpose_and_merkle_offset() -> None:
    data = FTYP + c2pa_box(b"manifest", bytes(8) + STORE) + box(b"mdat", b"x")
    layout = parse(data)

    (payload,) = layout.manifest_payload
    assert data[payload.start : payload.end] == STORE
    assert layout.manifest == (layout.segments[1].range,)
    assert layout.segments[1].kind is SegmentKind.MANIFEST
    assert user_type(io.BytesIO(data), layout.segments[1]) == C2PA_USER_TYPE
    assert user_type(io.BytesIO(data), layout.segments[0]) is None
    assert layout.problems == ()


def test_an_update_joins_the_original() -> None:
    original = c2pa_box(b"original", bytes(8) + STORE)
    data = FTYP + original + box(b"mdat") + c2pa_box(b"update", bytes(8) + STORE)
    layout = parse(data)

    assert [data[r.start : r.end] for r in layout.manifest_payload] == [STORE, STORE]
    assert layout.problems == ()


def test_two_manifest_stores_are_a_problem() -> None:
    one = c2pa_box(b"manifest", bytes(8) + STORE)

    assert parse(FTYP + one + one).problems == ("more than one C2PA manifest store",)


def test_merkle_boxes_belong_to_the_manifest_but_are_not_the_store() -> None:
    layout = parse(FTYP + c2pa_box(b"merkle", b"cbor") + box(b"mdat"))

    assert layout.segments[1].kind is SegmentKind.MANIFEST
    assert layout.manifest == ()
    assert layout.manifest_payload == ()


@pytest.mark.parametrize("purpose", [b"anything", b"", b"manifest of forty characters with no end"])
def test_a_c2pa_box_of_unknown_purpose_is_no_manifest(purpose: bytes) -> None:
    layout = parse(FTYP + c2pa_box(purpose, bytes(8) + STORE))

    assert layout.segments[1].kind is SegmentKind.UNKNOWN
    assert layout.manifest == ()
    assert layout.problems == ("c2pa box at offset 24 has no purpose that is known",)


def test_bytes_hidden_behind_the_store_are_a_problem() -> None:
    zeros = parse(FTYP + c2pa_box(b"manifest", bytes(8) + STORE + bytes(100)))
    hidden = parse(FTYP + c2pa_box(b"manifest", bytes(8) + STORE + bytes(99) + b"!"))

    assert zeros.problems == ()
    assert hidden.problems == ("100 bytes after the manifest store at offset 93 are not zero",)


def test_a_c2pa_box_inside_another_box_does_not_count() -> None:
    layout = parse(FTYP + box(b"moov", c2pa_box(b"manifest", bytes(8) + STORE)))

    assert layout.manifest == ()
    assert layout.problems == ("c2pa box at offset 32 is not at the top level of the file",)


def test_kinds_of_the_other_boxes() -> None:
    data = FTYP + b"".join(
        (
            box(b"uuid", XMP_USER_TYPE, b"<x/>"),
            box(b"free", b"x"),
            box(b"skip"),
            box(b"wide"),
            box(b"zzzz"),
        )
    )
    kinds = [segment.kind.value for segment in parse(data).segments]

    assert kinds == ["structure", "xmp", "padding", "padding", "padding", "unknown"]


def test_appended_bytes_are_a_trailer() -> None:
    media = FTYP + box(b"mdat", b"x")
    layout = parse(media + b"PK\3\4\x14\0\0\0 and more")

    assert layout.media_end == len(media)
    assert layout.segments[-1].kind is SegmentKind.TRAILER
    assert layout.problems == ("17 bytes at offset 33 are no box",)
    assert covers(layout)


def test_a_box_cut_off_by_the_end_of_the_file_is_listed_up_to_there() -> None:
    data = FTYP + box(b"mdat", bytes(100))[:50]
    layout = parse(data)

    assert layout.segments[-1].range == ByteRange(24, 74)
    assert layout.problems == ("box mdat at offset 24 declares 108 bytes, 50 are left in its file",)


def test_a_child_may_not_leave_its_parent() -> None:
    layout = parse(FTYP + box(b"moov", b"\0\0\1\0trak") + box(b"mdat", bytes(400)))

    assert paths(layout) == ["/ftyp[1]", "/moov[1]", "/moov[1]/trak[1]", "/mdat[1]"]
    assert layout.segments[2].range == ByteRange(32, 40)
    assert layout.problems == ("box trak at offset 32 declares 256 bytes, 8 are left in its moov",)


@pytest.mark.parametrize("size", range(2, 8))
def test_a_size_smaller_than_the_header_is_no_box(size: int) -> None:
    layout = parse(FTYP + size.to_bytes(4) + b"mdat" + bytes(20))

    assert layout.media_end == 24
    assert layout.problems == ("28 bytes at offset 24 are no box",)


@pytest.mark.parametrize("size", [0, 15, 23])
def test_a_64_bit_size_smaller_than_the_header_is_no_box(size: int) -> None:
    kind = b"uuid" if size == 23 else b"mdat"
    layout = parse(FTYP + b"\0\0\0\1" + kind + size.to_bytes(8) + bytes(40))

    assert layout.media_end == 24


def test_a_huge_64_bit_size_is_cut_at_the_end_of_the_file() -> None:
    layout = parse(FTYP + b"\0\0\0\1mdat" + b"\xff" * 8 + b"x")

    assert layout.segments[-1].range == ByteRange(24, 41)


def test_a_type_cannot_pose_as_a_path() -> None:
    layout = parse(FTYP + box(b"a/b[") + box(b"\0\1\2\3"))

    assert paths(layout)[1:] == ["/a\\x2fb\\x5b[1]", "/\\x00\\x01\\x02\\x03[1]"]


def test_a_list_of_user_data_may_end_in_a_zero() -> None:
    layout = parse(FTYP + box(b"moov", box(b"udta", box(b"\xa9nam", b"x"), bytes(4))))

    assert paths(layout)[-1] == "/moov[1]/udta[1]/©nam[1]"
    assert layout.problems == ()


@pytest.mark.parametrize(
    "data", [b"", b"short", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"HTTP/1.1 200 OK"]
)
def test_something_else_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(data)


def test_a_stream_shorter_than_promised_is_malformed() -> None:
    with pytest.raises(MalformedError, match="stream ends early"):
        parse_layout(io.BytesIO(FTYP), 100, LIMITS)


def test_a_nesting_bomb_hits_the_limit() -> None:
    data = b""
    for _ in range(40):
        data = box(b"trak", data)

    with pytest.raises(LimitError, match="nested more than 16 deep"):
        parse(FTYP + box(b"moov", data))


def test_empty_boxes_cost_time_by_their_number_until_the_limit() -> None:
    data = FTYP + box(b"free") * 20_000

    assert len(parse(data).segments) == 20_001
    with pytest.raises(LimitError, match="more than 20000"):
        parse(data, Limits(max_segments=20_000))


def test_broken_containers_do_not_flood_the_list_of_problems() -> None:
    layout = parse(FTYP + box(b"moov", b"junk junk") * 1000)

    assert len(layout.problems) == 51
    assert layout.problems[-1] == "950 more problems are not listed"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_the_cut(tenth: int) -> None:
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(30))))
    manifest = c2pa_box(b"manifest", bytes(8) + STORE)
    data = FTYP + manifest + box(b"moov", track) + box(b"mdat", bytes(100))
    cut = data[: len(data) * tenth // 10]
    layout = parse(cut)

    assert covers(layout)
    assert layout.problems or len(cut) in {24, 24 + len(manifest)}
