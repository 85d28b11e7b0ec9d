"""What cameras and programmes hide in boxes, free space, tracks and frames is found."""

from __future__ import annotations

import io
import time

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import clean_copy, find_private
from tests.factory import media
from tests.factory.metadata import (
    box,
    exif_block,
    id3_tag,
    itunes_list,
    ratios,
    riff_chunk,
    text,
)
from tests.factory.private_metadata import names as _names

_CAMERA = b'<NonRealTimeMeta><Device modelName="CAMERA" serialNo="SERIALQ7731"/></NonRealTimeMeta>'


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


def _user_text(*texts: bytes) -> bytes:
    return b"".join(len(t).to_bytes(2, "big") + b"\x15\xc7" + t for t in texts)


_FOLDER = b"file:///home/somebody/a"


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        (box(b"udta", box(b"\xa9fmt", _user_text(_FOLDER))), "container:\xa9fmt"),
        (box(b"udta", box(b"\xa9inf", _user_text(b"NOVA9", _FOLDER))), "container:\xa9inf"),
        (box(b"udta", box(b"\xa9cmt", _user_text(b"NOVA9", _FOLDER))), "container:comment"),
        (box(b"udta", box(b"\xa9csn", b"1SERIALQ7731")), "container:\xa9csn"),
        (box(b"udta", box(b"\xa9ed1", _user_text(b"cut by somebody"))), "container:\xa9ed1"),
        (box(b"udta", box(b"\xa9inf", _user_text(b"NOVA9", b"on stage"))), None),
        (box(b"udta", box(b"\xa9mdl", b"FC220\0\0\0")), None),
        (itunes_list({b"\xa9lyr": "a/home/b file:///home/somebody/a"}), "container:\xa9lyr"),
        (itunes_list({b"ldes": "/Users/somebody/a"}), "container:ldes"),
        (itunes_list({b"purd": "2026-01-31 12:00:00"}), "container:purd"),
        (itunes_list({b"\xa9lyr": "we are home /home/", b"ldes": "NOVA9"}), None),
    ],
)
def test_tags_under_names_that_are_not_listed_are_judged(boxes: bytes, name: str | None) -> None:
    data = media.mp4(1) + box(b"moov", boxes)
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS["mp4"])
    assert [field.name for field in cleaning.removed] == ([name] if name else [])
    assert len(out.getvalue()) == len(data)
    assert (b"somebody" in out.getvalue()) is False


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (b"com.apple.quicktime.location.accuracy.horizontal", True),
        (b"com.maker.SerialNumber", True),
        (b"com.apple.quicktime.live-photo.auto", False),
    ],
)
def test_a_number_under_a_private_name_goes(key: bytes, *, found: bool) -> None:
    keys = box(b"keys", bytes(4), (1).to_bytes(4, "big"), box(b"mdta", key))
    value = box(b"\0\0\0\1", box(b"data", (23).to_bytes(4, "big"), bytes(4), b"NUMQ"))
    data = media.mov(1) + box(b"moov", box(b"meta", _handler(b"mdta"), keys, box(b"ilst", value)))
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS["mov"])
    assert [field.name for field in cleaning.removed] == (
        [f"container:{key.decode().lower()}"] if found else []
    )
    assert (b"NUMQ" in out.getvalue()) is not found


def _captions(kind: bytes, *texts: str, table: bytes = b"stco") -> bytes:
    """A film with a text track, one chunk for each of its captions."""
    film = media.mp4(1)
    samples = [t.encode() for t in texts]
    at, places = len(film) + 8, []
    for sample in samples:
        places.append(at)
        at += 2 + len(sample)
    content = box(b"mdat", *(len(s).to_bytes(2, "big") + s for s in samples))
    entry = box(b"stsd", bytes(4), b"\0\0\0\1", box(kind, bytes(8)))
    width = 8 if table == b"co64" else 4
    chunks = box(
        table,
        bytes(4),
        len(places).to_bytes(4, "big"),
        *(place.to_bytes(width, "big") for place in places),
    )
    media_box = box(b"mdia", _handler(b"sbtl"), box(b"minf", box(b"stbl", entry, chunks)))
    return film + content + box(b"moov", box(b"trak", media_box))


@pytest.mark.parametrize("table", [b"stco", b"co64"])
@pytest.mark.parametrize("kind", [b"text", b"tx3g"])
@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("F/2.8, SS 320.54, GPS (126.9780, 37.5665, 15), D 24.26m", True),
        ("[iso : 100] [latitude: 37.566500] [longtitude: 126.978000]", True),
        ("GPS (lost, without you) lat: 37 degrees, 37.5665 and 126.9780", False),
        ("The latitude of love, long: 3.5 hours", False),
    ],
)
def test_captions_that_say_where_a_drone_is_are_found(
    kind: bytes, table: bytes, caption: str, *, found: bool
) -> None:
    data = _captions(kind, *["NOVA9"] * 30, caption, *["NOVA9"] * 30, table=table)
    assert _names("mp4", data) == ({f"track:{kind.decode()}"} if found else set())


def test_a_table_of_captions_costs_little_whatever_it_says() -> None:
    entry = box(b"stsd", bytes(4), b"\0\0\0\1", box(b"tx3g", bytes(8)))
    places = (2**32 - 1).to_bytes(4, "big") + (8).to_bytes(4, "big") * 250_000
    table = box(b"stbl", entry, box(b"stco", bytes(4), places))
    track = box(b"trak", box(b"mdia", _handler(b"sbtl"), box(b"minf", table)))
    data = media.mp4(1) + box(b"moov", track * 20)
    started = time.process_time()
    reading = find_private(io.BytesIO(data), FORMATS["mp4"])
    assert time.process_time() - started < 3
    assert any("more text tracks" in sentence for sentence in reading.unreadable)


_PLACE = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}


def _items(version: int, exif: bytes, at: int) -> bytes:
    """A `meta` box with one EXIF item that lies at this place in the file."""
    body = bytes(4) + exif
    if version < 2:
        described = b"\0\1\0\0\0application/exif\0\0"
    else:
        described = b"\0\1\0\0Exif\0"
    entry = box(b"infe", bytes([version]), bytes(3), described)
    table = box(b"iinf", bytes(4), b"\0\1", entry)
    place = b"\0\1\0\0\0\1" + at.to_bytes(4, "big") + len(body).to_bytes(4, "big")
    located = box(b"iloc", bytes(4), b"\x44\0", b"\0\1", place)
    return box(b"meta", bytes(4), _handler(b"pict"), table, located)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("boxes", [(), (b"moov",), (b"trak", b"moov")])
@pytest.mark.parametrize("kind", ["heic", "mp4"])
def test_items_of_a_track_and_of_the_oldest_tables_are_searched(
    version: int, boxes: tuple[bytes, ...], kind: str
) -> None:
    def file(exif: bytes) -> bytes:
        head = box(b"ftyp", (b"heic" if kind == "heic" else b"isom") + bytes(4))
        content = box(b"mdat", bytes(4), exif)
        described = _items(version, exif, len(head) + 8)
        for outer in boxes:
            described = box(outer, described)
        return head + content + described

    serial = exif_block({}, {0x927C: (7, 9, b"MAKERQ123")}, _PLACE)
    assert _names(kind, file(serial)) == {"exif:GPSPosition", "exif:MakerNote"}
    assert _names(kind, file(exif_block({0x8298: text("NOVA9")}))) == set()


@pytest.mark.parametrize(
    ("padding", "found"), [(b"SERIALQ7731\1\2", True), (bytes(40), False), (b"", False)]
)
def test_padding_of_a_flac_that_is_none_is_blanked(padding: bytes, *, found: bool) -> None:
    data = media.flac(1)
    first = data.index(b"fLaC") + 4 + 4 + 34
    block = b"\1" + len(padding).to_bytes(3, "big") + padding
    data = data[:first] + block + data[first:]
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS["flac"])
    assert [f.name for f in cleaning.removed] == (["flac:PADDING"] if found else [])
    assert out.getvalue() == data.replace(padding, bytes(len(padding))) if found else data


@pytest.mark.parametrize("kind", [b"JUNK", b"PAD ", b"FLLR"])
@pytest.mark.parametrize(
    ("filling", "found"),
    [
        (b"\1\2SERIALQ7731", True),
        (b"saved in /home/somebody" + bytes(400), True),
        (b"A programme 1.0/release" + bytes(4000), False),
        (bytes(28), False),
    ],
)
def test_filling_of_a_wav_that_is_none_is_blanked(
    kind: bytes, filling: bytes, *, found: bool
) -> None:
    body = media.wav()[8:] + riff_chunk(kind, filling)
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS["wav"])
    name = f"riff:{kind.decode().strip()}"
    assert [f.name for f in cleaning.removed] == ([name] if found else [])
    assert len(out.getvalue()) == len(data)
    assert (filling in out.getvalue()) is not found


@pytest.mark.parametrize(("hidden", "found"), [(b"SERIALQ7731", True), (bytes(11), False)])
def test_padding_of_an_id3_tag_that_is_none_is_blanked(hidden: bytes, *, found: bool) -> None:
    sound = media.mp3(1)
    sound = sound[10 + int.from_bytes(sound[8:10], "big") :]
    tag = bytearray(id3_tag([(b"TIT2", b"\3NOVA9")]) + bytes(20) + hidden)
    tag[9] = len(tag) - 10
    data = bytes(tag) + sound
    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS["mp3"])
    assert [f.name for f in cleaning.removed] == (["container:id3-padding"] if found else [])
    assert b"SERIALQ7731" not in out.getvalue()
    assert len(out.getvalue()) == len(data)


@pytest.mark.parametrize(("end", "found"), [("file:///home/somebody", True), ("NOVA9", False)])
def test_the_end_of_a_long_text_is_searched_too(end: str, *, found: bool) -> None:
    long = "오로라 on stage " * 2_000 + end
    sound = media.mp3(1)
    sound = sound[10 + int.from_bytes(sound[8:10], "big") :]
    frame = (b"COMM", b"\3eng\0" + long.encode())
    names = {"container:comment"} if found else set()
    assert _names("mp3", id3_tag([frame]) + sound) == names
    film = media.mp4(1) + box(b"moov", itunes_list({b"\xa9cmt": long}))
    assert _names("mp4", film) == names
    exif = exif_block({0x010E: text(long[-20_000:])})
    assert _names("jpeg", media.jpeg(1, exif=exif)) == (
        {"exif:ImageDescription"} if found else set()
    )
