from __future__ import annotations

import io
import struct

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import extract_manifest
from provenance.media.containers.flac import parse_layout as parse_flac
from provenance.media.containers.id3 import is_mpeg_audio, parse_layout
from provenance.media.layout import Layout, SegmentKind
from tests.factory import media

_AUDIO = b"\xff\xfb\x90\x00" + bytes(413)
_OBJECT = b"\0application/c2pa\0c2pa\0c2pa manifest store\0"


def _layout(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Layout:
    return parse_layout(io.BytesIO(data), len(data), limits)


def _syncsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def _tag(*frames: bytes, version: int = 4, flags: int = 0, padding: int = 0) -> bytes:
    body = b"".join(frames) + bytes(padding)
    footer = b"3DI" + bytes([version, 0, flags]) + _syncsafe(len(body)) if flags & 0x10 else b""
    return b"ID3" + bytes([version, 0, flags]) + _syncsafe(len(body)) + body + footer


def _frame(name: bytes, content: bytes, *, version: int = 4, flags: int = 0) -> bytes:
    if version == 2:
        return name + len(content).to_bytes(3, "big") + content
    size = _syncsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
    return name + size + bytes([0, flags]) + content


def _extract(data: bytes) -> bytes:
    return extract_manifest(io.BytesIO(data), _layout(data), DEFAULT_LIMITS)


@pytest.mark.parametrize(("version", "name"), [(2, b"GEO"), (3, b"GEOB"), (4, b"GEOB")])
@pytest.mark.parametrize(
    "head",
    [
        _OBJECT,
        b"\0application/x-c2pa-manifest-store\0\0\0",
        b"\1application/c2pa\0\xff\xfec\0\0\0\xff\xfe\0\1\0\0",
    ],
)
def test_a_store_is_found_in_every_version_and_text_encoding(
    version: int, name: bytes, head: bytes
) -> None:
    store = bytes(range(256)) * 2
    data = _tag(_frame(name, head + store, version=version), version=version, padding=20) + _AUDIO
    layout = _layout(data)
    assert _extract(data) == store
    (whole,) = layout.manifest
    assert whole.size_bytes == len(head + store) + (6 if version == 2 else 10)
    assert layout.problems == ()
    assert [part.kind for part in layout.segments] == [
        SegmentKind.STRUCTURE,
        SegmentKind.MANIFEST,
        SegmentKind.PADDING,
        SegmentKind.CONTENT,
    ]


def test_other_frames_are_text_or_xmp() -> None:
    frames = [
        _frame(b"TIT2", b"\0NOVA9"),
        _frame(b"PRIV", b"XMP\0<x/>"),
        _frame(b"PRIV", b"x"),
        _frame(b"GEOB", b"\0text/plain\0\0\0a"),
    ]
    layout = _layout(_tag(*frames) + _AUDIO)
    assert [part.kind for part in layout.segments[1:-1]] == [
        SegmentKind.TEXT,
        SegmentKind.XMP,
        SegmentKind.TEXT,
        SegmentKind.TEXT,
    ]
    assert layout.manifest == ()


def test_a_grouped_frame_is_read_and_a_compressed_or_unsynchronised_one_is_not() -> None:
    grouped = _tag(_frame(b"GEOB", b"\7\0\0\0\x30" + _OBJECT + b"store", flags=0x41))
    assert _extract(grouped + _AUDIO) == b"store"
    for flags in (0x08, 0x04, 0x02):
        data = _tag(_frame(b"GEOB", _OBJECT + b"store", flags=flags)) + _AUDIO
        assert _layout(data).problems == ("the manifest store's ID3 frame is not stored plainly",)
        with pytest.raises(MalformedError, match="not stored plainly"):
            _extract(data)


def test_two_stores_and_a_second_tag_are_problems() -> None:
    frame = _frame(b"GEOB", _OBJECT + b"store")
    assert _layout(_tag(frame, frame) + _AUDIO).problems == ("more than one C2PA manifest store",)
    assert _layout(_tag() + _tag(frame) + _AUDIO).problems == (
        "more than one ID3v2 tag",
        "the manifest store stands outside the first ID3v2 tag",
    )


def test_a_footer_and_an_extended_header_are_structure() -> None:
    extended = b"\0\0\0\x06\1\0"
    layout = _layout(_tag(extended, _frame(b"TIT2", b"a"), flags=0x50) + _AUDIO)
    assert [part.label for part in layout.segments] == [
        "ID3v2.4",
        "ID3 extended header",
        "TIT2",
        "ID3 footer",
        "audio",
    ]
    assert layout.problems == ()


def test_tags_at_the_end_are_text() -> None:
    ape = b"APETAGEX" + struct.pack("<IIII8x", 2000, 32, 0, 0)
    lyrics = b"LYRICSBEGIN" + b"abc" + b"000014LYRICS200"
    data = _AUDIO + lyrics + ape + b"TAG" + bytes(125)
    layout = _layout(data)
    assert [part.label for part in layout.segments] == ["audio", "Lyrics3", "APE", "ID3v1"]
    assert layout.segments[0].end == len(_AUDIO)


def test_a_tail_that_claims_more_than_the_file_is_audio() -> None:
    ape = b"APETAGEX" + struct.pack("<IIII8x", 2000, 0xFFFFFFFF, 0, 0)
    assert [part.label for part in _layout(_AUDIO + ape).segments] == ["audio"]


def test_a_frame_larger_than_its_tag_is_unreadable() -> None:
    broken = b"TIT2" + _syncsafe(5000) + b"\0\0abc"
    layout = _layout(_tag(broken) + _AUDIO)
    assert layout.problems == ("an ID3 frame does not fit into its tag",)
    assert layout.segments[1].label == "unreadable"
    assert layout.segments[2].label == "audio"


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_file_gives_its_parts_up_to_there(tenth: int) -> None:
    data = _tag(_frame(b"GEOB", _OBJECT + bytes(4000))) + _AUDIO
    layout = _layout(data[: len(data) * tenth // 10])
    assert layout.media_end == layout.size_bytes
    assert layout.manifest == ()


@pytest.mark.parametrize("data", [b"", b"x" + _AUDIO, b"ID3\x05\0\0\0\0\0\0" + _AUDIO])
def test_what_is_no_mp3_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected an ID3v2 tag or an audio frame"):
        _layout(data)


def test_what_follows_a_tag_without_being_audio_is_noted() -> None:
    assert _layout(_tag() + b"<html>").problems == (
        "what follows the ID3 tag does not start with an audio frame",
    )


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xfb\x90\x00", True),
        (b"\xff\xf1\x50\x80", False),
        (b"\xff\xfe\x3c\x00", False),
        (b"\xff\xeb\x90\x00", False),
        (b"\xff\xfb\xf0\x00", False),
        (b"\xff\xfb\x9c\x00", False),
        (b"\xff", False),
    ],
)
def test_mpeg_frame_headers(head: bytes, expected: bool) -> None:  # noqa: FBT001
    assert is_mpeg_audio(head) is expected


def test_more_frames_than_allowed_are_refused() -> None:
    with pytest.raises(LimitError, match="expected at most 100"):
        _layout(_tag(*[_frame(b"TIT2", b"")] * 200) + _AUDIO, Limits(max_segments=100))


def _flac(data: bytes) -> Layout:
    return parse_flac(io.BytesIO(data), len(data), DEFAULT_LIMITS)


def test_a_flac_file_is_its_blocks_and_audio_behind_an_id3_tag() -> None:
    data = _tag(_frame(b"GEOB", _OBJECT + b"store")) + media.make("flac")
    layout = _flac(data + b"TAG" + bytes(125))
    found = {part.label: part.kind for part in layout.segments}
    assert found["GEOB"] is SegmentKind.MANIFEST
    assert found["STREAMINFO"] is SegmentKind.STRUCTURE
    assert found["VORBIS_COMMENT"] is SegmentKind.TEXT
    assert found["audio"] is SegmentKind.CONTENT
    assert found["ID3v1"] is SegmentKind.TEXT
    assert layout.gaps == ()
    assert layout.problems == ()


def test_a_flac_block_that_does_not_fit_ends_the_walk() -> None:
    assert _flac(b"fLaC\0\xff\xff\xffabc").problems == (
        "a metadata block does not fit into the file",
    )


@pytest.mark.parametrize("data", [b"", b"x" * 16 + b"fLaC", _tag() + _AUDIO])
def test_what_is_no_flac_raises(data: bytes) -> None:
    with pytest.raises(MalformedError, match="expected the marker fLaC"):
        _flac(data)
