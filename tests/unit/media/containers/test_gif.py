from __future__ import annotations

import io

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.gif import parse_layout
from provenance.media.layout import Layout, SegmentKind
from tests.factory import media

_HEAD = b"GIF89a\1\0\1\0\0\0\0"
_IMAGE = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _blocks(data: bytes) -> bytes:
    pieces = [data[i : i + 255] for i in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _application(name: bytes, data: bytes) -> bytes:
    return b"\x21\xff\x0b" + name + _blocks(data)


def test_blocks_are_told_apart() -> None:
    data = (
        _HEAD
        + _application(b"NETSCAPE2.0", b"\1\0\0")
        + _application(b"XMP DataXMP", b"<x/>")
        + _application(b"ICCRGBG1012", b"a")
        + _application(b"something.1", b"a")
        + b"\x21\xfe"
        + _blocks(b"a comment")
        + b"\x21\xf9\4\0\0\0\0\0"
        + _IMAGE
        + b"\x3b"
    )
    layout = _layout(data)
    assert [part.kind for part in layout.segments[2:]] == [
        SegmentKind.STRUCTURE,
        SegmentKind.XMP,
        SegmentKind.ICC,
        SegmentKind.UNKNOWN,
        SegmentKind.TEXT,
        SegmentKind.STRUCTURE,
        SegmentKind.CONTENT,
        SegmentKind.STRUCTURE,
    ]
    assert layout.gaps == ()
    assert layout.media_end == len(data)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000])
def test_a_store_is_joined_from_its_sub_blocks(size: int) -> None:
    store = bytes(i % 251 for i in range(size))
    data = _HEAD + _application(b"C2PA_GIF\1\0\0", store) + _IMAGE + b"\x3b"
    layout = _layout(data)
    (whole,) = layout.manifest
    assert (whole.start, whole.end) == (13, data.index(_IMAGE))
    assert b"".join(data[r.start : r.end] for r in layout.manifest_payload) == store
    if size:
        assert extract_manifest(io.BytesIO(data), layout, DEFAULT_LIMITS) == store
    else:
        with pytest.raises(MalformedError, match="is empty"):
            extract_manifest(io.BytesIO(data), layout, DEFAULT_LIMITS)


def test_two_stores_and_a_late_one_are_problems() -> None:
    store = _application(b"C2PA_GIF\1\0\0", b"a")
    assert _layout(_HEAD + store + _IMAGE + store + b"\x3b").problems == (
        "more than one C2PA manifest store",
        "the manifest store stands after the first image",
    )


def test_what_follows_the_trailer_byte_is_a_trailer() -> None:
    data = media.make("gif")
    layout = _layout(data + b"PK\3\4")
    assert layout.media_end == len(data)
    assert layout.segments[-1].kind is SegmentKind.TRAILER


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_there(tenth: int) -> None:
    data = media.make("gif")
    layout = _layout(data[: len(data) * tenth // 10])
    assert len(layout.problems) == 1
    assert layout.media_end == layout.size_bytes


def test_an_unknown_block_ends_the_walk() -> None:
    assert _layout(_HEAD + b"\x99abc").problems == ("expected a block, got 0x99",)


def test_a_cut_manifest_block_is_listed_as_unreadable_only() -> None:
    data = _HEAD + _application(b"C2PA_GIF\1\0\0", bytes(1000))[:-300]
    layout = _layout(data)
    assert layout.manifest == ()
    assert extract_manifest(io.BytesIO(data), layout, DEFAULT_LIMITS) == b""


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"x" + _HEAD])
def test_what_is_no_gif_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a header"):
        _layout(data)


def test_short_sub_blocks_without_end_are_refused() -> None:
    with pytest.raises(LimitError, match="too many short sub-blocks"):
        _layout(_HEAD + b"\x21\xfe" + b"\1a" * 500_000, Limits(max_segments=1000))


def test_more_blocks_than_allowed_are_refused() -> None:
    with pytest.raises(LimitError, match="expected at most 1000"):
        _layout(_HEAD + b"\x21\xfe\0" * 2000, Limits(max_segments=1000))
