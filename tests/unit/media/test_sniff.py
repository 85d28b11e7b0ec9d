from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from provenance.media.sniff import FORMATS, extension_matches, sniff, sniff_stream
from tests.factory import media

_ID3 = b"ID3\4\0\0"
_EXPECTED = {kind: kind for kind in media.SAMPLES}


def _name(data: bytes) -> str | None:
    found = sniff_stream(io.BytesIO(data), len(data))
    return found.name if found else None


def _head_name(data: bytes) -> str | None:
    found = sniff(data[: 64 * 1024])
    return found.name if found else None


def _ftyp(*brands: bytes) -> bytes:
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I4s", 8 + len(body), b"ftyp") + body


def _zip(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def _tiff(*tags: int, at: int = 8) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 1, 4, 1) for tag in tags)
    head = struct.pack("<4sI", b"II*\0", at)
    return head.ljust(at, b"\0") + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


@pytest.mark.parametrize("kind", sorted(_EXPECTED))
def test_every_sample_is_recognised_from_its_head_and_as_a_stream(kind: str) -> None:
    data = media.make(kind)
    assert _name(data) == kind
    assert _head_name(data) == kind
    assert FORMATS[kind].engine_type is not None


@pytest.mark.parametrize("kind", sorted(_EXPECTED))
def test_bytes_in_front_hide_the_format_except_for_pdf(kind: str) -> None:
    assert _name(b"0123456789abcdef" + media.make(kind)) == ("pdf" if kind == "pdf" else None)


@pytest.mark.parametrize(("before", "expected"), [(1024, "pdf"), (1025, None)])
def test_a_pdf_header_within_the_first_1024_bytes_counts(before: int, expected: str | None) -> None:
    assert _name(b"x" * before + b"%PDF-1.7\n") == expected


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        ((b"mif1", b"mif1", b"heic"), "heic"),
        ((b"mif1", b"avif"), "avif"),
        ((b"mif1", b"miaf"), "heif"),
        ((b"M4A ", b"isom"), "m4a"),
        ((b"qt  ",), "mov"),
        ((b"zzzz", b"isom"), "mp4"),
        ((b"crx ",), None),
        ((b"jp2 ", b"jp2 "), None),
    ],
)
def test_brands_tell_iso_media_apart(brands: tuple[bytes, ...], expected: str | None) -> None:
    assert _name(_ftyp(*brands) + struct.pack(">I4s", 8, b"free")) == expected


def test_a_fragment_is_a_format_of_its_own_that_no_engine_reads_alone() -> None:
    initialisation, fragments = media.fragmented_mp4()
    assert _name(initialisation) == "mp4"
    assert _name(fragments[0]) == "fmp4-fragment"
    assert FORMATS["fmp4-fragment"].engine_type is None
    for box in (b"styp", b"sidx"):
        assert _name(struct.pack(">I4s", 16, box) + bytes(8)) == "fmp4-fragment"


@pytest.mark.parametrize(
    ("name", "mimetype"),
    [(f.name, f.media_type) for f in FORMATS.values() if f.name in {"odt", "ods", "odp", "ott"}],
)
def test_open_documents_say_their_type_in_their_first_entry(name: str, mimetype: str) -> None:
    assert _name(_zip(("mimetype", mimetype.encode()), ("content.xml", b"<a/>"))) == name


def test_a_compressed_mimetype_entry_says_nothing() -> None:
    entry = ("mimetype", b"application/epub+zip")
    assert _name(_zip(entry, method=zipfile.ZIP_DEFLATED)) == "zip"


@pytest.mark.parametrize(
    ("folder", "name"), [("word", "docx"), ("xl", "xlsx"), ("ppt", "pptx"), ("x", "zip")]
)
def test_office_documents_are_told_by_their_folder(folder: str, name: str) -> None:
    types = ("[Content_Types].xml", b"<Types/>")
    assert _name(_zip(types, (f"{folder}/a.xml", b"<a/>"))) == name
    assert _name(_zip((f"{folder}/a.xml", b"<a/>"))) == "zip"


def test_the_central_directory_is_asked_where_the_head_is_not_enough() -> None:
    big = ("media/a.bin", bytes(200_000))
    data = _zip(("[Content_Types].xml", b"<Types/>"), big, ("ppt/a.xml", b"<a/>"))
    many = [(f"a{i}", b"") for i in range(100)]
    assert _head_name(data) == "zip"
    assert _name(data) == "pptx"
    assert _name(_zip(("[Content_Types].xml", b""), *many, ("xl/a.xml", b""))) == "xlsx"


def test_an_archive_with_a_stub_in_front_is_no_archive() -> None:
    assert (
        _name(b"MZ" + bytes(100) + _zip(("word/a.xml", b""), ("[Content_Types].xml", b""))) is None
    )


def test_a_dng_is_a_tiff_with_a_dng_version_wherever_its_directory_lies() -> None:
    assert _name(_tiff(256, 50706)) == "dng"
    assert _name(_tiff(256)) == "tiff"
    assert _head_name(_tiff(50706, at=100_000)) == "tiff"
    assert _name(_tiff(50706, at=100_000)) == "dng"
    big = b"II+\0\x08\0\0\0" + b"\xff" * 8
    assert _name(big) == "tiff"


def test_what_an_id3_tag_is_for_is_said_by_what_follows_it() -> None:
    frame = media.make("mp3")[-1000:]
    frame = frame[frame.find(b"\xff\xfb") :]
    tag = _ID3 + b"\0\0\x08\0" + bytes(1024)
    long_tag = _ID3 + b"\0\x08\0\0" + bytes(0x20000)
    assert _name(tag + b"fLaC") == "flac"
    assert _name(tag + tag + b"fLaC") == "flac"
    assert _name(tag + b"\xff\xfb\x90\x00") == "mp3"
    assert _name(tag + b"\xff\xf1\x50\x80") is None, "AAC in ADTS"
    assert _name(tag + b"<svg>") is None
    assert _head_name(long_tag + b"fLaC") is None
    assert _name(long_tag + b"fLaC") == "flac"


def test_one_mpeg_frame_header_alone_is_not_an_mp3() -> None:
    assert _name(b"\xff\xfb\x90\x00" + bytes(2000)) is None
    assert _name(b"\xff\xfe<\0s\0v\0g\0>\0") == "svg", "a UTF-16 byte order mark"


@pytest.mark.parametrize(
    "text",
    [
        b"<svg>",
        b"\xef\xbb\xbf<svg/>",
        b'<?xml version="1.0"?>\n<!-- <html> -->\n<svg xmlns="a">',
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "a.dtd" [<!ENTITY a "b">]><svg >',
        b'<a:svg xmlns:a="http://www.w3.org/2000/svg">',
        "<svg>ü".encode("utf-16"),
    ],
)
def test_svg_is_xml_with_an_svg_root(text: bytes) -> None:
    assert _name(text) == "svg"


@pytest.mark.parametrize(
    "text",
    [b"<html><svg></html>", b"<svgx>", b"text <svg>", b"<!-- <svg>", b"<?xml", b"<!DOCTYPE svg ["],
)
def test_svg_inside_something_else_is_not_svg(text: bytes) -> None:
    assert _name(text) is None


def test_naked_and_boxed_jpeg_xl_are_two_formats() -> None:
    assert _name(b"\xff\x0a" + bytes(20)) == "jxl-codestream"
    assert _name(b"\0\0\0\x0cJXL \r\n\x87\n") == "jxl"
    assert FORMATS["jxl-codestream"].engine_type is None


def test_rf64_is_a_wav_the_engine_does_not_read() -> None:
    found = sniff(b"RF64\xff\xff\xff\xffWAVEds64")
    assert found is not None
    assert (found.name, found.engine_type) == ("rf64", None)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"RIFF1234ABCD", b"PK", bytes(70_000)])
def test_what_shows_no_format_has_none(data: bytes) -> None:
    assert _name(data) is None


def test_a_sidecar_is_recognised(signed: Callable[..., bytes]) -> None:
    data = signed("wav")
    store = data[data.index(b"C2PA") + 8 :]
    assert _name(store) == "c2pa"


@pytest.mark.parametrize(
    ("file_name", "kind", "expected"),
    [
        ("a.JPG", "jpeg", True),
        ("a.png", "jpeg", False),
        ("a.xyz", "jpeg", None),
        ("jpg", "jpeg", None),
        (".jpg", "jpeg", None),
        ("a.m4v", "mp4", True),
    ],
)
def test_extensions(file_name: str, kind: str, expected: bool | None) -> None:  # noqa: FBT001
    assert extension_matches(file_name, FORMATS[kind]) is expected


def test_every_engine_type_is_one_the_engine_lists() -> None:
    from c2pa import Reader  # noqa: PLC0415  # only this test needs the engine

    listed = set(Reader.get_supported_mime_types())
    assert {f.engine_type for f in FORMATS.values() if f.engine_type} <= listed
