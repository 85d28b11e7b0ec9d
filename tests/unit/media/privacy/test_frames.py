"""What frames, blocks and chunks of sound say is judged, under whatever name they say it."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable

import pytest

from provenance.errors import PrivateDataError
from provenance.media.privacy import Category, Cleaning
from tests.factory import media
from tests.factory.metadata import exif_block, id3_tag, ratios, riff_chunk, text
from tests.factory.private_metadata import clean as _clean
from tests.factory.private_metadata import found as _found
from tests.factory.private_metadata import names as _names

_FOLDER = "/Users/somebody/song.wav"
_POSITION = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}
_PRIVATE = media.jpeg(1, exif=exif_block({}, gps=_POSITION))


def _sound() -> bytes:
    data = media.mp3(1)
    return data[10 + int.from_bytes(data[8:10], "big") :]


def _wide(said: str) -> bytes:
    return b"\xff\xfe" + said.encode("utf-16-le")


_FRAMES: dict[str, tuple[bytes, Callable[[str], bytes]]] = {
    "lyrics": (b"USLT", lambda s: b"\0eng\0" + s.encode()),
    "lyrics with a name": (b"USLT", lambda s: b"\3eng" + b"words\0" + s.encode()),
    "wide lyrics": (b"USLT", lambda s: b"\1eng" + _wide("words") + b"\0\0" + _wide(s)),
    "lyrics in the other order": (
        b"USLT",
        lambda s: b"\2eng" + "words".encode("utf-16-be") + b"\0\0" + s.encode("utf-16-be"),
    ),
    "link": (b"WOAF", lambda s: ("file://" + s).encode() if "/Users" in s else s.encode()),
    "own link": (b"WXXX", lambda s: b"\1" + _wide("") + b"\0\0file://" + s.encode()),
    "group": (b"TIT1", lambda s: b"\3" + s.encode()),
    "helpers": (b"IPLS", lambda s: b"\1" + _wide("mix") + b"\0\0" + _wide(s)),
    "of a player": (b"COMM", lambda s: b"\0engiTunSMPB\0" + s.encode()),
    "words in time": (b"SYLT", lambda s: b"\0eng\1\1\0" + s.encode() + b"\0\0\0\0\0"),
}


@pytest.mark.parametrize("what", sorted(_FRAMES))
def test_a_frame_of_any_kind_goes_for_what_it_says(what: str) -> None:
    name, write = _FRAMES[what]
    kept = (b"TIT2", b"\3NOVA9")
    frame = (name, write(_FOLDER))
    data = id3_tag([frame, kept]) + _sound()
    cleaning, clean = _clean("mp3", data)
    assert [f.name for f in cleaning.removed] == [f"container:{name.decode().lower()}"]
    zeros = bytes(10 + len(frame[1]))
    assert clean == data[:10] + id3_tag([kept])[10:] + zeros + _sound()
    if "link" not in what:
        twin = id3_tag([(name, write("on stage")), kept]) + _sound()
        assert _clean("mp3", twin) == (Cleaning(), twin)


def test_a_frame_that_no_standard_knows_goes() -> None:
    data = id3_tag([(b"NCON", b"SERIALQ7731"), (b"TIT2", b"\3NOVA9")]) + _sound()
    cleaning, clean = _clean("mp3", data)
    assert [(f.name, f.category) for f in cleaning.removed] == [
        ("container:ncon", Category.HISTORY)
    ]
    assert b"SERIALQ7731" not in clean
    for known in (b"UFID", b"TCMP", b"WFED", b"PCST", b"MCDI", b"RVA2"):
        twin = id3_tag([(known, b"SERIALQ7731")]) + _sound()
        assert _clean("mp3", twin) == (Cleaning(), twin)


@pytest.mark.parametrize("place", [b"CHAP", b"CTOC"])
@pytest.mark.parametrize(
    ("frame", "names"),
    [
        ((b"PRIV", b"maker\0SERIALQ7731"), {"container:priv"}),
        ((b"TXXX", b"\3Location\x0037.5,126.9"), {"container:location"}),
        ((b"TIT2", b"\3" + _FOLDER.encode()), {"container:title"}),
        ((b"WXXX", b"\0\0file:///home/somebody"), {"container:wxxx"}),
        ((b"APIC", b"\0image/jpeg\0\3\0" + _PRIVATE), {"cover:exif:GPSPosition"}),
        ((b"TIT2", b"\3NOVA9"), set()),
        ((b"APIC", b"\0image/jpeg\0\3\0" + media.jpeg(1)), set()),
    ],
)
def test_frames_of_a_chapter_are_judged_like_any_other(
    place: bytes, frame: tuple[bytes, bytes], names: set[str]
) -> None:
    # A frame in front, of which the last is not all that is looked at.
    frames = id3_tag([(b"TIT3", b"\3on stage"), frame])[10:]
    head = b"one\0" + bytes(16) if place == b"CHAP" else b"toc\0\3\2one\0two\0"
    data = id3_tag([(place, head + frames)]) + _sound()
    assert _names("mp3", data) == names
    assert not any(field.removable for field in _found("mp3", data).fields)


def test_chapters_in_chapters_are_not_followed_without_end() -> None:
    inner = id3_tag([(b"TIT2", b"\3NOVA9")])[10:]
    for deep, refused in ((2, False), (9, True)):
        frames = inner
        for _ in range(deep):
            frames = id3_tag([(b"CHAP", b"one\0" + bytes(16) + frames)])[10:]
        tag = id3_tag([(b"CHAP", b"one\0" + bytes(16) + frames)])
        sentences = _found("mp3", tag + _sound()).unreadable
        assert any("chapters more than" in s for s in sentences) is refused


def test_a_frame_that_does_not_fit_into_its_tag_is_not_passed_over() -> None:
    for size, refused in ((200, True), (11, False)):
        frame = b"TXXX" + struct.pack(">IH", size, 0) + b"\3place\0SEOUL"[:11]
        tag = b"ID3\3\0\0\0\0\0" + bytes([len(frame)]) + frame
        sentences = _found("mp3", tag + _sound()).unreadable
        assert any("does not fit" in s for s in sentences) is refused


def test_a_tag_behind_the_sound_is_not_passed_over() -> None:
    """ID3v2.4 may be appended, and found by its footer."""
    tag = id3_tag([(b"TXXX", b"\3Location\x0037.5,126.9")])
    for mark, refused in ((b"3DI", True), (b"...", False)):
        appended = b"ID3\4\0\x10" + tag[6:] + mark + b"\4\0\x10" + tag[6:10]
        data = _sound() + (appended if refused else appended[10:])
        for behind in (b"", b"TAG" + bytes(125)):
            sentences = _found("mp3", data + behind).unreadable
            assert sentences == (("a tag of the kind appended ID3v2",) if refused else ())


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_a_tag_amid_the_sound_is_found(kind: str) -> None:
    """Recordings that were put one behind the other keep the tags of each."""
    sound = _sound() if kind == "mp3" else media.flac(1)
    second = id3_tag([(b"TXXX", b"\3Location\x0037.5,126.9")])
    assert _names(kind, sound + second + _sound()) == {"container:id3"}
    with pytest.raises(PrivateDataError, match="container:id3"):
        _clean(kind, sound + second + _sound())
    assert _names(kind, sound + _sound()) == set()


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (b"C:\\Users\\somebody\\cover.jpg", True),
        (b"file:///home/somebody", True),
        (b"front", False),
    ],
)
def test_what_is_said_of_a_cover_is_judged(said: bytes, *, names: bool) -> None:
    frame = (b"APIC", b"\0image/jpeg\0\3" + said + b"\0" + media.jpeg(1))
    assert _names("mp3", id3_tag([frame]) + _sound()) == ({"container:apic"} if names else set())
    link = (b"APIC", b"\0-->\0\3\0" + said)
    assert _names("mp3", id3_tag([link]) + _sound()) == ({"container:apic"} if names else set())
    picture = struct.pack(">II", 3, 0) + struct.pack(">I", len(said)) + said + bytes(20)
    data = media.flac(1)
    first = data.index(b"fLaC") + 4 + 4 + 34
    block = b"\6" + len(picture + media.jpeg(1)).to_bytes(3, "big") + picture + media.jpeg(1)
    assert _names("flac", data[:first] + block + data[first:]) == (
        {"container:picture"} if names else set()
    )


def test_a_cover_in_a_comment_of_a_flac_with_a_position_is_still_refused() -> None:
    block = struct.pack(">II", 3, 0) + bytes(24)
    for picture, found in ((_PRIVATE, True), (media.jpeg(1), False)):
        entry = b"METADATA_BLOCK_PICTURE=" + b64encode(block + picture)
        body = struct.pack("<II", 0, 1) + struct.pack("<I", len(entry)) + entry
        data = media.flac(1)
        first = data.index(b"fLaC") + 4 + 4 + 34
        comment = b"\4" + len(body).to_bytes(3, "big") + body
        names = _names("flac", data[:first] + comment + data[first:])
        assert names == ({"cover:exif:GPSPosition"} if found else set())


def _wav(*chunks: bytes) -> bytes:
    body = media.wav()[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("history", "private"),
    [
        # As EBU R 98 itself has it.
        (b"A=ANALOGUE,M=stereo,T=Studer816; SN1007; 15ips\r\n", True),
        (b"A=PCM,F=48000,W=24,M=stereo,T=Recorder S/N 7731\r\n", True),
        (b"A=PCM,F=48000,W=24,M=stereo,T=C:\\Users\\somebody\\a.wav\r\n", True),
        (b"A=PCM,F=48000,W=24,M=stereo,T=Snare 1;Lynx\r\n", False),
    ],
)
def test_a_history_of_coding_goes_where_it_names_a_machine(
    history: bytes, *, private: bool
) -> None:
    head = (b"Take 1".ljust(256, b"\0") + b"Aurora".ljust(32, b"\0")).ljust(602, b"\0")
    data = _wav(riff_chunk(b"bext", head + history))
    cleaning, clean = _clean("wav", data)
    assert [f.name for f in cleaning.removed] == (["container:coding_history"] if private else [])
    assert clean == (data.replace(history, bytes(len(history))) if private else data)


def test_labels_of_moments_of_a_wav_are_judged() -> None:
    for said, names in ((_FOLDER.encode(), {"riff:LIST:adtl"}), (b"refrain", set())):
        label = riff_chunk(b"labl", b"\1\0\0\0" + said + b"\0")
        assert _names("wav", _wav(riff_chunk(b"LIST", b"adtl" + label))) == names
