"""Boxes of films that tell of a computer, a buyer or a place, though they hold no tags."""

from __future__ import annotations

import pytest

from provenance.media.privacy import Cleaning
from tests.factory import media
from tests.factory.metadata import box, exif_block, ratios, text
from tests.factory.private_metadata import clean as _clean
from tests.factory.private_metadata import found as _found
from tests.factory.private_metadata import names as _names

_POSITION = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}
_PRIVATE = media.jpeg(1, exif=exif_block({}, gps=_POSITION))
_PLAIN = media.jpeg(1)


def test_a_compressed_header_of_a_film_refuses_it() -> None:
    """It is a whole `moov` box, with its tags, packed."""
    for kind, refused in ((b"cmov", True), (b"ctab", False)):
        reading = _found("mov", media.mov(1) + box(b"moov", box(kind, bytes(20))))
        assert any("it was not looked into" in s for s in reading.unreadable) is refused


@pytest.mark.parametrize(
    ("boxes", "name"),
    [
        (box(b"PICT", b"SERIALQ7731"), "container:PICT"),
        (box(b"pnot", b"SERIALQ7731"), "container:pnot"),
        (box(b"emsg", bytes(4), b"urn:maker\0\0", bytes(16), b"SERIALQ7731"), "container:emsg"),
        (box(b"emsg", b"\1", bytes(23), b"urn:maker\0\0SERIALQ7731"), "container:emsg"),
        (
            box(b"moof", box(b"traf", box(b"uuid", bytes(range(16)), b"SERIALQ7731"))),
            f"container:uuid/{bytes(range(16)).hex()}",
        ),
    ],
)
def test_previews_and_messages_become_free_space(boxes: bytes, name: str) -> None:
    film = media.mov(1)
    cleaning, clean = _clean("mov", film + boxes)
    assert [field.name for field in cleaning.removed] == [name]
    assert len(clean) == len(film + boxes)
    assert b"SERIALQ7731" not in clean
    assert clean.startswith(film)


@pytest.mark.parametrize(
    "boxes",
    [
        box(b"emsg", bytes(4), b"urn:scte:scte35:2013:bin\0\0", bytes(16), b"SERIALQ7731"),
        box(b"emsg", b"\1", bytes(23), b"urn:mpeg:dash:event:2012\0001\0"),
        # When a fragment of Smooth Streaming plays.
        box(b"moof", box(b"uuid", bytes.fromhex("6d1d9b0542d544e680e2141daff757b2"), bytes(20))),
    ],
)
def test_boxes_that_players_need_stay(boxes: bytes) -> None:
    data = media.mov(1) + boxes
    assert _clean("mov", data) == (Cleaning(), data)


def _with_reference(entry: bytes) -> bytes:
    references = box(b"dref", bytes(4), b"\0\0\0\1", entry)
    inner = box(b"mdia", box(b"minf", box(b"dinf", references)))
    return media.mov(1) + box(b"moov", box(b"trak", inner))


_FOLDER = b"file:///Users/somebody/a.mov\0"


@pytest.mark.parametrize(
    ("kind", "said"), [(b"alis", b"\0\x96Macintosh HD:somebody"), (b"url ", _FOLDER)]
)
def test_where_a_film_once_lay_goes_from_a_reference_to_itself(kind: bytes, said: bytes) -> None:
    data = _with_reference(box(kind, b"\0\0\0\1", said))
    cleaning, clean = _clean("mov", data)
    assert [f.name for f in cleaning.removed] == [f"container:dref/{kind.decode().strip()}"]
    assert clean == data.replace(said, bytes(len(said)))


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        (box(b"alis", bytes(4), b"Macintosh HD:somebody"), {"container:dref/alis"}),
        (box(b"url ", bytes(4), _FOLDER), {"container:dref/url"}),
        (box(b"url ", bytes(4), b"sound.wav\0"), set()),
        (box(b"alis", b"\0\0\0\1"), set()),
    ],
)
def test_a_reference_to_another_file_is_not_taken_out(entry: bytes, names: set[str]) -> None:
    reading = _found("mov", _with_reference(entry))
    assert {f.name for f in reading.fields} == names
    assert not any(f.removable for f in reading.fields)


@pytest.mark.parametrize("bought", [True, False])
def test_who_bought_a_track_is_found(*, bought: bool) -> None:
    child = box(b"pinf" if bought else b"esds", box(b"name", b"somebody"))
    table = box(b"stsd", bytes(4), b"\0\0\0\1", box(b"mp4a", bytes(28), child))
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))
    assert _names("m4a", media.m4a(1) + box(b"moov", track)) == (
        {"container:pinf"} if bought else set()
    )


_CAMCORDER = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"


@pytest.mark.parametrize(
    ("samples", "names"),
    [
        (b"\0\0\x80\0freeGPS \5\1", {"container:freeGPS"}),
        (b"\0\0\x80\0free space", set()),
        (_CAMCORDER + b"\2\x18\0\0\0\3\0\xb2\0\0\0\x25", {"container:MDPM"}),
        (_CAMCORDER + b"\2\x18\0\0\0\3\0\x19\0\0\0\xb2", set()),
        (_CAMCORDER, set()),
    ],
)
@pytest.mark.parametrize("others", [0, 40])
def test_positions_amid_picture_and_sound_are_found(
    samples: bytes, names: set[str], others: int
) -> None:
    part = box(b"mdat", bytes(3_000), samples, bytes(3_000))
    data = media.mp4(1) + part * (others + 1)
    assert _names("mp4", data) == names
    assert not any(field.removable for field in _found("mp4", data).fields)


def _keyed(key: bytes, kind: int, value: bytes) -> bytes:
    keys = box(b"keys", bytes(4), b"\0\0\0\1", box(b"mdta", key))
    data = box(b"data", kind.to_bytes(4, "big"), bytes(4), value)
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    return box(b"moov", box(b"meta", bytes(4), handler, keys, box(b"ilst", box(b"\0\0\0\1", data))))


@pytest.mark.parametrize(("picture", "found"), [(_PRIVATE, True), (_PLAIN, False)])
def test_a_picture_under_any_key_is_looked_into(picture: bytes, *, found: bool) -> None:
    names = {"cover:exif:GPSPosition"} if found else set()
    film = media.mov(1)
    assert _names("mov", film + _keyed(b"com.apple.quicktime.artwork", 13, picture)) == names
    own = box(b"mean", bytes(4), b"maker") + box(b"name", bytes(4), b"picture")
    own += box(b"data", b"\0\0\0\x0d", bytes(4), picture)
    handler = box(b"hdlr", bytes(8), b"mdir", bytes(13))
    listed = box(b"meta", bytes(4), handler, box(b"ilst", box(b"----", own)))
    assert _names("mov", film + box(b"moov", box(b"udta", listed))) == names


@pytest.mark.parametrize("kind", [1, 2, 4, 5])
def test_a_text_of_any_kind_is_judged(kind: int) -> None:
    for said, names in (("/Users/somebody/a", {"container:own.key"}), ("NOVA9", set())):
        value = said.encode("utf-16-be" if kind in {2, 5} else "utf-8")
        assert _names("mov", media.mov(1) + _keyed(b"own.key", kind, value)) == names


@pytest.mark.parametrize("kind", [b"name", b"kywd", b"chpl"])
def test_texts_of_a_track_that_are_not_listed_are_judged(kind: bytes) -> None:
    for said, names in ((b"/Users/somebody/a", {f"container:{kind.decode()}"}), (b"on", set())):
        data = media.mov(1) + box(b"moov", box(b"trak", box(b"udta", box(kind, said))))
        assert _names("mov", data) == names
