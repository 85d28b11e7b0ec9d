"""What cameras and programmes hide in boxes, free space, tracks and frames is found."""

from __future__ import annotations

import io

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import clean_copy, find_private
from tests.factory import media
from tests.factory.metadata import box, exif_block, id3_tag, ratios, text

_CAMERA = b'<NonRealTimeMeta><Device modelName="CAMERA" serialNo="SERIALQ7731"/></NonRealTimeMeta>'


def _names(kind: str, data: bytes) -> set[str]:
    reading = find_private(io.BytesIO(data), FORMATS[kind])
    assert reading.unreadable == ()
    return {field.name for field in reading.fields}


def _handler(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8), kind, bytes(13))


def _meta(kind: bytes, body: bytes) -> bytes:
    return box(b"meta", bytes(4), _handler(b"nrtm"), box(kind, bytes(4), body))


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        (_meta(b"xml ", _CAMERA), "container:meta/xml"),
        (box(b"moov", _meta(b"bxml", _CAMERA)), "container:meta/bxml"),
        (box(b"moov", box(b"gps ", b"SERIALQ7731")), "container:moov/gps"),
        (box(b"thma", b"SERIALQ7731"), "container:thma"),
        (box(b"free", b"freeGPS \1\2SERIALQ7731"), "container:free"),
        (box(b"skip", b"/home/somebody/SERIALQ7731"), "container:skip"),
    ],
)
def test_boxes_of_cameras_become_free_space(boxes: bytes, name: str) -> None:
    video = media.mp4(1)
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(video + boxes), out, FORMATS["mp4"])
    assert [field.name for field in cleaning.removed] == [name]
    assert len(out.getvalue()) == len(video + boxes)
    assert b"SERIALQ7731" not in out.getvalue()
    assert out.getvalue().startswith(video)


@pytest.mark.parametrize(
    "boxes",
    [
        _meta(b"free", bytes(40)),
        box(b"moov", box(b"pssh", b"SERIALQ7731")),
        box(b"free", b"IsoMedia File Produced with a muxer\0"),
        box(b"skip", bytes(40)),
    ],
)
def test_boxes_that_say_nothing_of_anybody_stay(boxes: bytes) -> None:
    data = media.mp4(1) + boxes
    out = io.BytesIO()
    assert clean_copy(io.BytesIO(data), out, FORMATS["mp4"]).changed is False
    assert out.getvalue() == data


@pytest.mark.parametrize("kind", ["heic", "avif"])
@pytest.mark.parametrize(
    ("more", "name"),
    [
        (
            box(b"uuid", bytes(range(16)), b"SERIALQ7731"),
            f"container:uuid/{bytes(range(16)).hex()}",
        ),
        (box(b"mpvd", media.mp4(1)), "container:mpvd"),
        (b"\0\0\0\1SEFT", "trailer"),
        (box(b"free", bytes(20)), None),
    ],
)
def test_boxes_of_pictures_are_searched_like_those_of_videos(
    kind: str, more: bytes, name: str | None
) -> None:
    assert _names(kind, media.make(kind) + more) == ({name} if name else set())


@pytest.mark.parametrize(
    ("handler", "entry", "found"),
    [
        (b"meta", b"djmd", True),
        (b"priv", b"ownd", True),
        (b"meta", b"it35", False),
        (b"vide", b"avc1", False),
    ],
)
def test_a_track_that_tells_its_place_is_known_by_what_it_is_for(
    handler: bytes, entry: bytes, *, found: bool
) -> None:
    table = box(b"stsd", bytes(4), b"\0\0\0\1", box(entry, bytes(8)))
    track = box(b"trak", box(b"mdia", _handler(handler), box(b"minf", box(b"stbl", table))))
    data = media.mp4(1) + box(b"moov", track)
    assert _names("mp4", data) == ({f"track:{entry.decode()}"} if found else set())


def test_a_picture_of_a_chapter_is_looked_into() -> None:
    exif = exif_block({}, gps={1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))})
    sound = media.mp3(1)
    for picture, names in (
        (media.jpeg(1, exif=exif), {"cover:exif:GPSPosition"}),
        (media.jpeg(1), set()),
    ):
        cover = b"\0image/jpeg\0\3\0" + picture
        inner = b"APIC" + len(cover).to_bytes(4, "big") + b"\0\0" + cover
        tag = id3_tag([(b"CHAP", b"one\0" + bytes(16) + inner)])
        assert _names("mp3", tag + sound) == names


def test_the_name_a_track_had_on_a_computer_goes() -> None:
    out = io.BytesIO()
    sound = media.mp3(1)
    sound = sound[10 + int.from_bytes(sound[8:10], "big") :]
    data = id3_tag([(b"TOFN", b"\3NAMEQ1.wav"), (b"TIT2", b"\3NOVA9")]) + sound
    clean_copy(io.BytesIO(data), out, FORMATS["mp3"])
    assert b"NAMEQ1" not in out.getvalue()
    assert b"NOVA9" in out.getvalue()


def test_a_block_of_a_flac_that_nobody_knows_is_found() -> None:
    data = media.flac(1)
    at = data.index(b"fLaC") + 4
    first = at + 4 + 34
    for kind, names in ((9, {"flac:block 9"}), (1, set())):
        block = bytes([kind]) + (5).to_bytes(3, "big") + bytes(5)
        assert _names("flac", data[:first] + block + data[first:]) == names


def _heic_with_items(number: int) -> bytes:
    entries = b"".join(
        box(b"infe", b"\2\0\0\0", n.to_bytes(2, "big"), bytes(2), b"Exif\0")
        for n in range(1, number + 1)
    )
    table = box(b"iinf", bytes(4), number.to_bytes(2, "big"), entries)
    places = b"".join(
        n.to_bytes(2, "big") + bytes(2) + b"\0\1" + bytes(8) for n in range(1, number + 1)
    )
    located = box(b"iloc", bytes(4), b"\x44\0", number.to_bytes(2, "big"), places)
    ftyp = box(b"ftyp", b"heic\0\0\0\0heic")
    return ftyp + box(b"meta", bytes(4), _handler(b"pict"), table, located)


def test_more_items_of_metadata_than_are_read_are_not_passed_over_without_a_word() -> None:
    many = find_private(io.BytesIO(_heic_with_items(65)), FORMATS["heic"]).unreadable
    assert any("more than 64 items of metadata" in sentence for sentence in many)
    few = find_private(io.BytesIO(_heic_with_items(64)), FORMATS["heic"]).unreadable
    assert not any("more than" in sentence for sentence in few)


def test_names_of_tags_that_are_not_all_read_are_not_passed_over_without_a_word() -> None:
    def video(names: int) -> bytes:
        place = box(b"mdta", b"com.apple.quicktime.location.ISO6709")
        others = box(b"mdta", b"maker.note." + bytes(300)) * names
        keys = box(b"keys", bytes(4), (names + 1).to_bytes(4, "big"), place, others)
        value = box(b"data", b"\0\0\0\1", bytes(4), b"+37.5665+126.9780/")
        listed = box(b"ilst", box(b"\0\0\0\1", value))
        return media.mov(1) + box(b"moov", box(b"meta", _handler(b"mdta"), keys, listed))

    assert _names("mov", video(10)) == {"container:location"}
    reading = find_private(io.BytesIO(video(1000)), FORMATS["mov"])
    assert [field.name for field in reading.fields] == ["container:location"]
    assert any("bytes of keys" in sentence for sentence in reading.unreadable)
