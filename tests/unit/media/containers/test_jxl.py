from __future__ import annotations

import io
import struct

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers.c2pa_sidecar import parse_layout as parse_sidecar
from provenance.media.containers.jxl import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange

_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_JUMD = b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\x008\x9bq\x03c2pa\0"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _sidecar(data: bytes) -> Layout:
    return parse_sidecar(io.BytesIO(data), len(data), DEFAULT_LIMITS)


def _box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def test_boxes_are_told_apart() -> None:
    data = _SIGNATURE + b"".join(
        [
            _box(b"ftyp", b"jxl \0\0\0\0jxl "),
            _box(b"jumb", _JUMD + b"x"),
            _box(b"jumb", _JUMD.replace(b"c2pa", b"xxxx")),
            _box(b"Exif", b"\0\0\0\0MM"),
            _box(b"xml ", b"<x/>"),
            _box(b"brob", b"xml abc"),
            _box(b"jbrd"),
            struct.pack(">I4sQ", 1, b"jxlp", 20) + b"abcd",
            struct.pack(">I4s", 0, b"jxlc") + b"\xff\x0a",
        ]
    )
    layout = _layout(data)
    assert [part.kind for part in layout.segments[2:]] == [
        SegmentKind.MANIFEST,
        SegmentKind.UNKNOWN,
        SegmentKind.EXIF,
        SegmentKind.XMP,
        SegmentKind.XMP,
        SegmentKind.CONTENT,
        SegmentKind.CONTENT,
        SegmentKind.CONTENT,
    ]
    assert layout.manifest == layout.manifest_payload
    assert layout.problems == ()
    assert layout.gaps == ()


def test_two_stores_are_a_problem() -> None:
    store = _box(b"jumb", _JUMD)
    assert _layout(_SIGNATURE + store + store).problems == ("more than one C2PA manifest store",)


def test_a_naked_codestream_is_one_segment() -> None:
    layout = _layout(b"\xff\x0a" + bytes(100))
    assert [part.label for part in layout.segments] == ["codestream"]
    assert layout.media_end == 102


@pytest.mark.parametrize(
    "box",
    [
        struct.pack(">I4s", 7, b"jxlc"),
        struct.pack(">I4s", 9, b"jxlc"),
        struct.pack(">I4sQ", 1, b"jxlc", 2**63),
        struct.pack(">I4sQ", 1, b"jxlc", 15),
        b"\0\0",
    ],
)
def test_a_box_that_does_not_fit_ends_the_walk(box: bytes) -> None:
    layout = _layout(_SIGNATURE + box)
    assert layout.problems == ("a box does not fit into the file",)


def test_what_is_no_jpeg_xl_raises() -> None:
    with pytest.raises(MalformedError, match="expected a container or codestream"):
        _layout(b"\0" + _SIGNATURE)


def test_more_boxes_than_allowed_are_refused() -> None:
    with pytest.raises(LimitError, match="expected at most 100"):
        _layout(_SIGNATURE + _box(b"free") * 200, Limits(max_segments=100))


def test_a_sidecar_ends_where_its_box_ends() -> None:
    store = _box(b"jumb", _JUMD + b"abc")
    layout = _sidecar(store + b"more")
    assert layout.manifest == layout.manifest_payload == (ByteRange(0, len(store)),)
    assert layout.media_end == len(store)
    assert layout.segments[-1].kind is SegmentKind.TRAILER


def test_a_cut_sidecar_is_noted() -> None:
    store = _box(b"jumb", _JUMD + bytes(100))
    assert _sidecar(store[:100]).problems == ("the manifest store: expected 138 bytes, got 100",)


@pytest.mark.parametrize("data", [b"", _box(b"jumb"), _box(b"jumb", _JUMD)[:30], b"x" * 60])
def test_what_is_no_sidecar_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a C2PA superbox"):
        _sidecar(data)
