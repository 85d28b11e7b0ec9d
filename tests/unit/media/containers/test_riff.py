from __future__ import annotations

import io
import struct

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers.riff import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange
from tests.factory import media


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _chunk(name: bytes, content: bytes = b"", pad: bytes = b"\0") -> bytes:
    return name + struct.pack("<I", len(content)) + content + (pad if len(content) % 2 else b"")


def _riff(form: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"RIFF", form + b"".join(chunks))


def _kinds(layout: Layout) -> dict[str, SegmentKind]:
    return {part.label: part.kind for part in layout.segments}


def test_metadata_chunks_are_told_apart() -> None:
    names = (b"bext", b"iXML", b"_PMX", b"XMP ", b"EXIF", b"ICCP", b"JUNK", b"data", b"abcd")
    lists = (_chunk(b"LIST", b"INFOINAM"), _chunk(b"LIST", b"zzzz"))
    found = _kinds(_layout(_riff(b"WAVE", *(_chunk(n, b"ab") for n in names), *lists)))
    assert found == {
        "RIFF:WAVE": SegmentKind.STRUCTURE,
        "bext": SegmentKind.TEXT,
        "iXML": SegmentKind.TEXT,
        "_PMX": SegmentKind.XMP,
        "XMP ": SegmentKind.XMP,
        "EXIF": SegmentKind.EXIF,
        "ICCP": SegmentKind.ICC,
        "JUNK": SegmentKind.PADDING,
        "data": SegmentKind.CONTENT,
        "abcd": SegmentKind.UNKNOWN,
        "LIST:INFO": SegmentKind.TEXT,
        "LIST:zzzz": SegmentKind.UNKNOWN,
    }


@pytest.mark.parametrize("kind", ["wav", "webp", "avi"])
def test_samples_are_covered_without_gaps(kind: str) -> None:
    data = media.make(kind)
    layout = _layout(data)
    assert layout.media_end == len(data)
    assert layout.gaps == ()
    assert layout.problems == ()


def test_a_manifest_segment_holds_its_padding_byte_and_the_payload_does_not() -> None:
    layout = _layout(_riff(b"WAVE", _chunk(b"C2PA", b"store")))
    assert layout.manifest == (ByteRange(12, 26),)
    assert layout.manifest_payload == (ByteRange(20, 25),)
    assert layout.problems == ()


def test_a_padding_byte_that_says_something_is_noted() -> None:
    layout = _layout(_riff(b"WAVE", _chunk(b"C2PA", b"store", pad=b"x")))
    assert layout.problems == ("the padding byte after the manifest store is not zero",)


def test_two_manifest_chunks_are_a_problem() -> None:
    layout = _layout(_riff(b"WAVE", _chunk(b"C2PA", b"a"), _chunk(b"C2PA", b"b")))
    assert layout.problems == ("more than one C2PA manifest store",)
    assert len(layout.manifest) == 2


def test_a_manifest_chunk_inside_a_list_is_no_manifest() -> None:
    assert _layout(_riff(b"WAVE", _chunk(b"LIST", b"INFO" + _chunk(b"C2PA")))).manifest == ()


def test_what_follows_the_declared_size_is_a_trailer() -> None:
    data = media.make("wav")
    layout = _layout(data + _riff(b"WAVE", _chunk(b"C2PA", b"ab")))
    assert layout.media_end == len(data)
    assert layout.manifest == ()


def test_an_avi_goes_on_in_further_riff_chunks() -> None:
    data = _riff(b"AVI ", _chunk(b"abcd")) + _riff(b"AVIX", _chunk(b"C2PA", b"ab")) + b"more"
    layout = _layout(data)
    assert layout.media_end == len(data) - 4
    assert layout.problems == ("the manifest store stands outside the first RIFF chunk",)
    assert [s.label for s in layout.segments if s.label.startswith("RIFF")] == [
        "RIFF:AVI ",
        "RIFF:AVIX",
    ]


def test_the_sizes_of_an_rf64_file_are_in_its_ds64_chunk() -> None:
    rest = _chunk(b"fmt ", bytes(16)) + b"data\xff\xff\xff\xff" + bytes(10) + _chunk(b"bext", b"ab")
    sizes = struct.pack("<QQQI", 4 + 36 + len(rest), 10, 0, 0)
    data = b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"ds64", sizes) + rest
    layout = _layout(data + b"trailer")
    assert layout.media_end == len(data)
    assert [part.label for part in layout.segments] == [
        "RF64:WAVE",
        "ds64",
        "fmt ",
        "data",
        "bext",
        "trailer",
    ]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_file_that_does_not_say_its_size_is_read_to_its_end(size: int) -> None:
    data = bytearray(media.make("wav"))
    data[4:8] = struct.pack("<I", size)
    layout = _layout(bytes(data))
    assert layout.media_end == len(data)
    assert layout.problems == ("RIFF:WAVE does not say how long it is",)


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("kind", ["wav", "webp", "avi"])
def test_a_truncated_file_gives_its_parts_up_to_there(kind: str, tenth: int) -> None:
    data = media.make(kind)
    data = data[: len(data) * tenth // 10]
    layout = _layout(data)
    assert layout.media_end == len(data)
    assert "bytes, got" in layout.problems[0]


def test_a_size_too_small_for_the_form_ends_the_walk() -> None:
    layout = _layout(b"RIFF\1\0\0\0WAVE" + _chunk(b"data", b"ab"))
    assert layout.problems == ("RIFF:WAVE is too short for its header",)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"x" * 16 + _riff(b"WAVE")])
def test_what_is_no_riff_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected a RIFF header"):
        _layout(data)


@pytest.mark.parametrize(
    "data",
    [_riff(b"WAVE", _chunk(b"abcd") * 200), _riff(b"AVI ") + _riff(b"AVIX") * 200],
)
def test_more_chunks_than_allowed_are_refused(data: bytes) -> None:
    with pytest.raises(LimitError, match="expected at most 100"):
        _layout(data, Limits(max_segments=100))
