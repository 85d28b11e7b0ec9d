from __future__ import annotations

import io
import struct
import zlib

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers.png import parse_layout
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange
from tests.factory import media

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def _png(*chunks: bytes) -> bytes:
    return _SIGNATURE + _chunk(b"IHDR", bytes(13)) + b"".join(chunks) + _chunk(b"IEND")


def test_metadata_chunks_are_told_apart() -> None:
    data = _png(
        _chunk(b"eXIf", b"MM"),
        _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
        _chunk(b"iTXt", b"Title\0\0\0\0\0a"),
        _chunk(b"tEXt", b"a\0b"),
        _chunk(b"zTXt", b"a\0\0b"),
        _chunk(b"iCCP", b"a\0\0b"),
        _chunk(b"IDAT", b"a"),
        _chunk(b"prVt", b"a"),
    )
    assert [part.kind for part in _layout(data).segments[2:-1]] == [
        SegmentKind.EXIF,
        SegmentKind.XMP,
        SegmentKind.TEXT,
        SegmentKind.TEXT,
        SegmentKind.TEXT,
        SegmentKind.ICC,
        SegmentKind.CONTENT,
        SegmentKind.UNKNOWN,
    ]


def test_a_manifest_chunk_is_excluded_whole_and_its_data_is_the_store() -> None:
    layout = _layout(_png(_chunk(b"caBX", b"store")))
    assert layout.manifest == (ByteRange(33, 33 + 17),)
    assert layout.manifest_payload == (ByteRange(41, 46),)


def test_two_manifest_chunks_are_a_problem() -> None:
    layout = _layout(_png(_chunk(b"caBX", b"a"), _chunk(b"caBX", b"b")))
    assert layout.problems == ("more than one C2PA manifest store",)
    assert len(layout.manifest) == 2


def test_what_follows_the_last_chunk_is_one_trailer() -> None:
    data = media.make("png")
    layout = _layout(data + b"PK\3\4" + _chunk(b"caBX"))
    assert layout.media_end == len(data)
    assert layout.segments[-1].kind is SegmentKind.TRAILER
    assert layout.manifest == ()


def test_a_keyword_that_reaches_into_the_next_chunk_is_not_read() -> None:
    chunk = struct.pack(">I", 3) + b"iTXtXML" + b":com"
    layout = _layout(_png(chunk))
    assert layout.segments[2].kind is SegmentKind.TEXT


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_there(tenth: int) -> None:
    data = media.make("png")
    layout = _layout(data[: len(data) * tenth // 10])
    assert layout.problems == ("chunk IDAT does not fit into the file",)
    assert layout.segments[-1].label == "unreadable"


def test_a_file_without_its_end_chunk_says_so() -> None:
    assert _layout(_png()[:-12]).problems == ("the picture has no IEND chunk",)


def test_a_chunk_type_that_is_none_ends_the_walk() -> None:
    assert _layout(_png(_chunk(b"a\0bc"))).problems == ("a chunk type is not made of letters",)


def test_what_is_no_png_raises() -> None:
    with pytest.raises(MalformedError, match="expected the signature"):
        _layout(b"0123456789abcdef" + media.make("png"))


def test_more_chunks_than_allowed_are_refused() -> None:
    with pytest.raises(LimitError, match="expected at most 100"):
        _layout(_SIGNATURE + _chunk(b"IHDR") * 101, Limits(max_segments=100))
