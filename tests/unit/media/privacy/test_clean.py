"""Private fields are found, taken out or kept by name, and everything else stays."""

from __future__ import annotations

import io
import struct
from base64 import b64encode
from collections.abc import Iterable
from zlib import compress, crc32

import pytest

from provenance.errors import PrivateDataError
from provenance.media.formats import FORMATS
from provenance.media.metadata import extract_metadata
from provenance.media.privacy import Category, Cleaning, find_private
from tests.factory import media
from tests.factory.metadata import (
    box,
    exif_block,
    id3_tag,
    iptc_records,
    ratios,
    riff_chunk,
    text,
    xmp_packet,
)
from tests.factory.private_metadata import clean as _clean
from tests.factory.reconstruction import reconstruction

_TITLE = "오로라 ノヴァ九 🎤"
_EXIF = exif_block(
    {0x8298: text(_TITLE), 0x013C: text("HOSTQ5520")},
    {0xA431: text("SERIALQ7731"), 0x927C: (7, 9, b"MAKERQ123")},
    {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))},
)
_XMP = xmp_packet(
    f"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>{_TITLE}</rdf:li></rdf:Alt></dc:title>"
    "<xmpMM:History><rdf:Seq><rdf:li>HISTQ3301</rdf:li></rdf:Seq></xmpMM:History>",
    attributes={"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"},
)


def _removed(cleaning: Cleaning) -> set[str]:
    return {field.name for field in cleaning.removed}


def _categories(cleaning: Cleaning) -> dict[str, Category]:
    return {field.name: field.category for field in cleaning.removed}


_NAMES_OF_MAKERS = {
    "drone": "http://www.dji.com/drone-dji/1.0/",
    "Camera": "http://pix4d.com/camera/1.0/",
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "maker": "http://maker.example/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}
_PRIVATE_OF_MAKERS = {
    "drone:GpsLatitude": Category.POSITION,
    "drone:GpsLongtitude": Category.POSITION,  # As one maker spells it.
    "Camera:GPSXYAccuracy": Category.POSITION,
    "geo:lat": Category.POSITION,
    "geo:long": Category.POSITION,
    "maker:HomeLatitude": Category.POSITION,
    "maker:droneserialnumber": Category.SERIAL_NUMBER,
    "maker:SERIAL_NUMBER": Category.SERIAL_NUMBER,
    "maker:Owner": Category.OWNER,
    "maker:ContactEmail": Category.CONTACT,
    "maker:phoneNumber": Category.CONTACT,
}
_HARMLESS_OF_MAKERS = (
    *("maker:Platitude", "maker:long", "maker:Altitude", "maker:Serialisation", "maker:Ownership"),
    *("maker:ContactSheet", "maker:Microphone", "drone:FlightYawDegree", "maker:Latency"),
    *("xmpRights:Owner", "plus:LicensorEmail", "maker:GPSVersionID", "maker:Thumbnail"),
)


def _of_makers(names: Iterable[str], *, as_elements: bool) -> bytes:
    values = {name: f"VALUEQ{number}" for number, name in enumerate(names)}
    if as_elements:
        elements = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        return xmp_packet(elements, prefixes=_NAMES_OF_MAKERS)
    return xmp_packet(attributes=values, prefixes=_NAMES_OF_MAKERS)


@pytest.mark.parametrize("as_elements", [True, False])
def test_xmp_of_any_maker_loses_what_its_last_name_says_is_private(*, as_elements: bool) -> None:
    data = media.jpeg(1, xmp=_of_makers(_PRIVATE_OF_MAKERS, as_elements=as_elements))
    cleaning, clean = _clean("jpeg", data)
    found = {name.rpartition("}")[2]: c for name, c in _categories(cleaning).items()}
    assert found == {name.partition(":")[2]: c for name, c in _PRIVATE_OF_MAKERS.items()}
    assert b"VALUEQ" not in clean
    assert len(clean) == len(data)


@pytest.mark.parametrize("as_elements", [True, False])
def test_xmp_of_any_maker_keeps_what_only_sounds_like_it(*, as_elements: bool) -> None:
    data = media.jpeg(1, xmp=_of_makers(_HARMLESS_OF_MAKERS, as_elements=as_elements))
    assert _clean("jpeg", data) == (Cleaning(), data)


def test_a_position_inside_a_structure_of_another_namespace_goes() -> None:
    inner = "<maker:Flight rdf:parseType='Resource'><drone:GpsLatitude>VALUEQ</drone:GpsLatitude>"
    packet = xmp_packet(f"{inner}</maker:Flight>", prefixes=_NAMES_OF_MAKERS)
    cleaning, clean = _clean("jpeg", media.jpeg(1, xmp=packet))
    assert _removed(cleaning) == {"xmp:{http://www.dji.com/drone-dji/1.0/}GpsLatitude"}
    assert b"VALUEQ" not in clean


def _with_comments(texts: list[bytes]) -> tuple[bytes, bytes]:
    """A FLAC with this Vorbis comment, and its end after it."""
    data = media.flac()
    at = data.index(b"\x04", 8) if data[42] & 0x7F != 4 else 42
    size = int.from_bytes(data[at + 1 : at + 4], "big")
    body = struct.pack("<II", 0, len(texts)) + b"".join(
        struct.pack("<I", len(t)) + t for t in texts
    )
    block = data[at : at + 1] + len(body).to_bytes(3, "big") + body
    return data[:at] + block + data[at + 4 + size :], data[at + 4 + size :]


@pytest.mark.parametrize("kind", sorted(set(media.SAMPLES) & set(FORMATS)))
def test_a_file_without_private_fields_is_copied_byte_for_byte(kind: str) -> None:
    data = media.make(kind)
    assert _clean(kind, data) == (Cleaning(), data)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_exif_and_xmp_lose_what_is_private_and_nothing_else(kind: str) -> None:
    data = (
        media.jpeg(1, exif=_EXIF, xmp=_XMP) if kind == "jpeg" else media.png(exif=_EXIF, xmp=_XMP)
    )
    cleaning, clean = _clean(kind, data)
    assert _removed(cleaning) == {
        *("exif:GPSPosition", "exif:HostComputer", "exif:BodySerialNumber", "exif:MakerNote"),
        *("xmp:exif:GPSPosition", "xmp:xmpMM:History"),
    }
    assert len(clean) == len(data)
    assert not any(secret in clean for secret in (b"Q5520", b"Q7731", b"Q123", b"Q3301", b"37,33N"))
    left = extract_metadata(io.BytesIO(clean), FORMATS[kind], None)
    assert {f.name: f.value for f in left.fields} == {
        "exif:Copyright": _TITLE,
        "xmp:dc:title": _TITLE,
    }


def test_kept_fields_stay_by_name_and_by_pattern() -> None:
    data = media.jpeg(1, exif=_EXIF, xmp=_XMP)
    cleaning, clean = _clean("jpeg", data, "xmp:xmpMM:*", "exif:BodySerialNumber")
    assert {f.name for f in cleaning.kept} == {"xmp:xmpMM:History", "exif:BodySerialNumber"}
    assert b"HISTQ3301" in clean
    assert b"SERIALQ7731" in clean
    assert b"HOSTQ5520" not in clean


def test_a_kept_maker_note_keeps_no_other_value() -> None:
    cleaning, clean = _clean("jpeg", media.jpeg(1, exif=_EXIF), "exif:MakerNote")
    assert {f.name for f in cleaning.kept} == {"exif:MakerNote"}
    assert b"MAKERQ123" in clean
    assert not any(secret in clean for secret in (b"Q5520", b"Q7731"))


def _wav(*chunks: bytes) -> bytes:
    body = media.wav()[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("name", [b"id3 ", b"ID3 "])
def test_frames_of_the_id3_tag_of_a_wav_go_at_its_size(name: bytes) -> None:
    title = (b"TIT2", b"\3" + _TITLE.encode())
    frames = [(b"OWNE", b"\0OWNERQ1"), title, (b"POPM", b"x@aurora.example\0\1"), (b"PRIV", b"Q1")]
    frames.append((b"GEOB", b"\0application/x\0\0\0OBJECTQ1"))
    data = _wav(riff_chunk(name, id3_tag(frames)))
    cleaning, clean = _clean("wav", data)
    assert _removed(cleaning) == {f"container:{n}" for n in ("owne", "popm", "priv", "geob")}
    assert len(clean) == len(data)
    assert not any(secret in clean for secret in (b"OWNERQ1", b"aurora.example", b"OBJECTQ1"))
    assert clean.startswith(media.wav()[8:40], 8)
    assert _TITLE.encode() in clean
    twin = _wav(riff_chunk(name, id3_tag([title])))
    assert _clean("wav", twin) == (Cleaning(), twin)


def _cover(picture: bytes) -> bytes:
    return id3_tag([(b"APIC", b"\0image/x\0\3\0" + picture)])


@pytest.mark.parametrize("kind", ["mp3", "wav", "avi"])
@pytest.mark.parametrize("picture", ["jpeg", "png"])
def test_private_metadata_of_a_cover_is_refused_by_name(kind: str, picture: str) -> None:
    def file(cover: bytes) -> bytes:
        if kind == "mp3":
            audio = media.mp3()
            return _cover(cover) + audio[10 + int.from_bytes(audio[8:10], "big") :]
        body = media.make(kind)[8:] + riff_chunk(b"id3 ", _cover(cover))
        return b"RIFF" + struct.pack("<I", len(body)) + body

    make = media.jpeg if picture == "jpeg" else media.png
    with pytest.raises(PrivateDataError, match="cover:exif:GPSPosition"):
        _clean(kind, file(make(1, exif=_EXIF)))
    twin = file(make(1))
    assert _clean(kind, twin) == (Cleaning(), twin)


def test_a_cover_in_a_tag_of_a_zero_after_each_ff_is_looked_into() -> None:
    audio = media.mp3()
    audio = audio[10 + int.from_bytes(audio[8:10], "big") :]
    picture = (
        media.jpeg(1, exif=_EXIF)
        .replace(b"\xff\0", b"\xff\0\0")
        .replace(b"\xff\xe1", b"\xff\0\xe1")
    )
    tag = bytearray(_cover(picture))
    tag[5] |= 0x80
    with pytest.raises(PrivateDataError, match="cover:exif:GPSPosition"):
        _clean("mp3", bytes(tag) + audio)


@pytest.mark.parametrize("flags", [0x80, 0x40])
def test_an_id3_frame_that_is_compressed_or_encrypted_is_refused(flags: int) -> None:
    audio = media.mp3()
    audio = audio[10 + int.from_bytes(audio[8:10], "big") :]
    tag = bytearray(_cover(media.jpeg(1)))
    tag[19] = flags
    reading = find_private(io.BytesIO(bytes(tag) + audio), FORMATS["mp3"])
    assert reading.unreadable == ("ID3: a APIC frame that is compressed or encrypted",)


def test_a_cover_in_a_vorbis_comment_is_looked_into() -> None:
    def file(picture: bytes) -> bytes:
        block = struct.pack(">II", 3, 0) + bytes(24) + picture
        return _with_comments([b"METADATA_BLOCK_PICTURE=" + b64encode(block)])[0]

    with pytest.raises(PrivateDataError, match="cover:exif:GPSPosition"):
        _clean("flac", file(media.jpeg(1, exif=_EXIF)))
    assert _clean("flac", file(media.jpeg(1))) == (Cleaning(), file(media.jpeg(1)))


def _bext(originator: bytes, reference: bytes = b"", umid: bytes = b"") -> bytes:
    head = b"".join(
        field.ljust(size, b"\0")
        for field, size in ((b"Take 1", 256), (originator, 32), (reference, 32))
    )
    return head + b"2026-01-3112:00:00" + bytes(8) + b"\1\0" + umid.ljust(64, b"\0") + bytes(190)


def test_what_names_the_recorder_in_a_broadcast_wav_is_blanked() -> None:
    chunk = _bext(b"Recorder S#SERIALQ7", b"KRAURSERIALQ7120000", b"\x06\x0a\x2bSERIALQ7")
    data = _wav(riff_chunk(b"bext", chunk))
    cleaning, clean = _clean("wav", data)
    names = {"container:author", "container:originator_reference", "container:umid"}
    assert _categories(cleaning) == dict.fromkeys(names, Category.SERIAL_NUMBER)
    assert len(clean) == len(data)
    assert b"SERIALQ7" not in clean
    assert b"Take 1" in clean
    assert b"2026-01-31" in clean


def test_a_broadcast_wav_keeps_its_author() -> None:
    data = _wav(riff_chunk(b"bext", _bext(b"Aurora Entertainment")))
    assert _clean("wav", data) == (Cleaning(), data)


def test_fields_of_a_flac_go_and_the_sound_stays() -> None:
    texts = [b"LOCATION=SEOULQ1", b"GEO_LOCATION=37.5,SEOULQ1", b"CONTACT=SEOULQ1@aurora.example"]
    data, rest = _with_comments([*texts, b"TITLE=" + _TITLE.encode()])
    cleaning, clean = _clean("flac", data)
    assert _removed(cleaning) == {
        *("container:location", "container:geo_location", "container:contact"),
    }
    assert b"SEOULQ1" not in clean
    assert _TITLE.encode() in clean
    assert clean.endswith(rest)


def test_fields_of_a_flac_that_only_sound_private_stay() -> None:
    data, _ = _with_comments([b"ALLOCATION=1", b"CONTACTSHEET=2", b"TITLE=" + _TITLE.encode()])
    assert _clean("flac", data) == (Cleaning(), data)


def test_iptc_contact_goes_and_the_city_stays() -> None:
    data = media.jpeg(1, iptc=iptc_records([(90, "서울"), (118, "x@aurora.example")]))
    cleaning, clean = _clean("jpeg", data)
    assert _removed(cleaning) == {"iptc:Contact"}
    assert b"aurora.example" not in clean
    assert "서울".encode() in clean
    assert _clean("jpeg", data, "iptc:*") == (
        Cleaning(kept=cleaning.removed, changed=False),
        data,
    )


def test_what_follows_a_picture_goes() -> None:
    cleaning, clean = _clean("jpeg", media.jpeg(1) + box(b"ftyp", b"isom") + b"x" * 99)
    assert [f.category for f in cleaning.removed] == [Category.PREVIEW]
    assert clean == media.jpeg(1)


def test_prompts_in_png_go() -> None:
    data = media.png(1, text=(("parameters", "PROMPTQ1"), ("Title", _TITLE)))
    cleaning, clean = _clean("png", data)
    assert _removed(cleaning) == {"container:parameters"}
    assert b"PROMPTQ1" not in clean
    assert _TITLE.encode() in clean


def test_a_raw_profile_in_png_goes_unread() -> None:
    data = media.png(1, text=(("Raw profile type exif", "0badSECRETQ"),))
    reading = find_private(io.BytesIO(data), FORMATS["png"])
    assert reading.unreadable == ()
    assert [f.name for f in reading.fields] == ["container:raw profile type exif"]
    assert _clean("png", data)[1] == media.png(1)


def test_a_position_in_mp4_becomes_free_space() -> None:
    raw = b"+37.5665+126.9780/"
    place = box(b"\xa9xyz", struct.pack(">HH", len(raw), 0), raw)
    data = media.mp4() + box(b"moov", box(b"udta", place))
    cleaning, clean = _clean("mp4", data)
    assert _removed(cleaning) == {"container:location"}
    assert clean == data.replace(place, box(b"free", bytes(len(place) - 8)))
    assert _clean("mp4", data, "container:location")[1] == data


def test_frames_of_an_mp3_go_and_the_tag_keeps_its_size() -> None:
    audio = media.mp3()
    audio = audio[10 + int.from_bytes(audio[8:10], "big") :]
    frames = [(b"TOWN", b"\0OWNERQ1"), (b"TIT2", b"\3" + _TITLE.encode())]
    data = id3_tag(frames) + audio
    cleaning, clean = _clean("mp3", data)
    assert _removed(cleaning) == {"container:town"}
    assert len(clean) == len(data)
    assert clean.endswith(audio)
    assert b"OWNERQ1" not in clean
    assert _TITLE.encode() in clean


def test_chunks_of_a_wav_go_and_its_size_is_right() -> None:
    body = media.wav()[8:] + riff_chunk(b"iXML", b"<BWFXML/>")
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    cleaning, clean = _clean("wav", data)
    assert _removed(cleaning) == {"riff:iXML"}
    assert clean == media.wav()


def test_what_cannot_be_taken_out_is_refused_by_name() -> None:
    data = media.make("gif")
    comment = b"!\xfe\x0e/home/somebody\0"[:17] + b"\0"
    at = data.index(b"!\xf9") if b"!\xf9" in data else data.index(b",")
    data = data[:at] + comment + data[at:]
    reading = find_private(io.BytesIO(data), FORMATS["gif"])
    assert [(f.name, f.removable) for f in reading.fields] == [("container:comment", False)]
    with pytest.raises(PrivateDataError, match="container:comment"):
        _clean("gif", data)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))


@pytest.mark.parametrize(
    ("kind", "head"),
    [(b"tEXt", b""), (b"zTXt", b"\0"), (b"iTXt", b"\0\0\0\0")],
)
def test_an_xmp_packet_in_any_text_chunk_of_a_png_loses_what_is_private(
    kind: bytes, head: bytes
) -> None:
    picture = media.png(1)

    def with_packet(keyword: bytes) -> bytes:
        body = compress(_XMP) if kind == b"zTXt" else _XMP
        return picture[:33] + _chunk(kind, keyword + b"\0" + head + body) + picture[33:]

    cleaning, clean = _clean("png", with_packet(b"XML:com.adobe.xmp"))
    assert {"xmp:exif:GPSPosition", "xmp:xmpMM:History"} <= _removed(cleaning)
    assert b"HISTQ3301" not in clean
    assert find_private(io.BytesIO(clean), FORMATS["png"]).fields == ()
    reading = extract_metadata(io.BytesIO(clean), FORMATS["png"], None)
    assert any(_TITLE in field.value for field in reading.fields)
    assert _clean("png", with_packet(b"Notes"))[0].changed is False


def test_an_xmp_packet_in_a_tag_of_an_exif_block_loses_what_is_private() -> None:
    data = media.jpeg(1, exif=exif_block({0x8298: text(_TITLE), 700: (1, len(_XMP), _XMP)}))
    cleaning, clean = _clean("jpeg", data)
    assert {"xmp:exif:GPSPosition", "xmp:xmpMM:History"} <= _removed(cleaning)
    assert b"HISTQ3301" not in clean
    assert len(clean) == len(data)
    assert clean.count(_TITLE.encode()) == 2


def test_an_exif_block_of_more_texts_than_are_read_is_refused() -> None:
    def picture(number: int) -> bytes:
        entry = struct.pack("<HHII", 0x010E, 2, 30_000, 8)
        table = struct.pack("<H", number) + entry * number + bytes(4)
        return media.jpeg(1, exif=b"II*\0\x08\0\0\0" + table + b"a" * 30_000)

    assert _clean("jpeg", picture(64))[0].changed is False
    with pytest.raises(PrivateDataError, match="more than 64 texts"):
        _clean("jpeg", picture(65))


@pytest.mark.parametrize(
    ("at_end", "more", "names"),
    [
        (True, b"a note of a phone", {"trailer"}),
        (True, bytes(8), set()),
        (False, b"!\xff\x0bMGK8BIM0000\x03abc\0", {"gif:MGK8BIM0000"}),
        (False, b"!\xff\x0bNETSCAPE2.0\x03\1\0\0\0", set()),
    ],
)
def test_what_programmes_add_to_a_gif_is_found(
    more: bytes, names: set[str], *, at_end: bool
) -> None:
    data = media.gif(1)
    data = data + more if at_end else data[:-1] + more + data[-1:]
    reading = find_private(io.BytesIO(data), FORMATS["gif"])
    assert {field.name for field in reading.fields} == names


def _segment(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        (_segment(0xE0, b"II\x1a\0\0\0HEAPJPGM SERIALQ7731"), "jpeg:APP0"),
        (_segment(0xE0, b"AVI1\0" + bytes(9)), None),
        (_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), None),
        (_segment(0xEE, b"SERIALQ7731"), "jpeg:APP14"),
        (_segment(0xEE, b"Adobe\0d\0\0\0\0\1"), None),
        (_segment(0xF3, b"SERIALQ7731"), "jpeg:0xFFF3"),
        (b"\0\1SERIALQ7731", "jpeg:gap"),
        (bytes(12), None),
        (b"\xff\xff\xff", None),
    ],
)
def test_segments_nobody_knows_and_bytes_between_them_go(segment: bytes, name: str | None) -> None:
    plain = media.jpeg(1)
    data = plain[:20] + segment + plain[20:]
    assert plain[20:22] == b"\xff\xdb"
    cleaning, clean = _clean("jpeg", data)
    assert _removed(cleaning) == ({name} if name else set())
    assert clean == (plain if name else data)


@pytest.mark.parametrize(
    ("code", "body"),
    [(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), (0xEE, b"Adobe\0d\0\0\0\0\1")],
)
def test_what_stands_behind_a_segment_that_has_to_stay_is_cut_off(code: int, body: bytes) -> None:
    plain = media.jpeg(1)

    def picture(more: bytes) -> bytes:
        return plain[:20] + _segment(code, body + more) + plain[20:]

    cleaning, clean = _clean("jpeg", picture(b"SERIALQ7731"))
    assert _removed(cleaning) == {f"jpeg:APP{code - 0xE0}"}
    assert clean == picture(b"")
    assert _clean("jpeg", picture(bytes(2)))[0].changed is False


def test_a_jpeg_that_breaks_off_between_its_segments_is_refused() -> None:
    plain = media.jpeg(1)
    assert _clean("jpeg", plain[:-2])[0].changed is False
    with pytest.raises(PrivateDataError, match="it breaks off"):
        _clean("jpeg", plain[:20] + b"\xff\xe1\xff\xffSERIALQ7731")


_CONTACT = iptc_records([(118, "x@aurora.example")])
_THUMBNAIL = b"8BIM\4\x0c\0\0" + struct.pack(">I", 4) + b"jpeg"


@pytest.mark.parametrize(
    ("tag", "private", "plain", "name"),
    [
        (0x83BB, _CONTACT, iptc_records([(80, _TITLE)]), "iptc:Contact"),
        (0x8649, _THUMBNAIL, b"8BIM\3\xed\0\0" + struct.pack(">I", 4) + b"dpi.", None),
        (0x8649, b"8BIM\4\4\0\0" + struct.pack(">I", len(_CONTACT)) + _CONTACT, b"", None),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_records_of_other_programmes_in_tags_of_exif_lose_what_is_private(
    tag: int, private: bytes, plain: bytes, name: str | None, kind: str
) -> None:
    def picture(value: bytes) -> bytes:
        exif = exif_block({0x8298: text(_TITLE), tag: (7, len(value), value)})
        return media.jpeg(1, exif=exif) if kind == "jpeg" else media.png(1, exif=exif)

    cleaning, clean = _clean(kind, picture(private + plain))
    expected = name or ("photoshop:Thumbnail" if private is _THUMBNAIL else "iptc:Contact")
    assert _removed(cleaning) == {expected}
    assert b"aurora.example" not in clean
    assert len(clean) == len(picture(private + plain))
    if plain:
        assert plain[-4:] in clean
        assert _clean(kind, picture(plain))[0] == Cleaning()


def test_exif_in_image_resources_in_exif_is_not_followed_without_end() -> None:
    for tag, refused in ((0x8649, True), (0x8648, False)):
        inner = exif_block({tag: (7, len(_THUMBNAIL), _THUMBNAIL)})
        resource = b"8BIM\4\x22\0\0" + struct.pack(">I", len(inner)) + inner
        data = media.jpeg(1, exif=exif_block({0x8649: (7, len(resource), resource)}))
        reading = find_private(io.BytesIO(data), FORMATS["jpeg"])
        assert any("was not looked into" in s for s in reading.unreadable) is refused


def test_the_segments_of_the_jpeg_that_a_jpeg_xl_was_are_named_as_not_looked_into() -> None:
    head = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    picture = b"\0\0\0\x10jxlc\xff\x0a123456"
    for kind, refused in ((b"jbrd", True), (b"jxll", False)):
        data = head + b"\0\0\0\x09" + kind + b"x" + picture
        reading = find_private(io.BytesIO(data), FORMATS["jxl"])
        assert reading.fields == ()
        assert any("jbrd was not looked into" in s for s in reading.unreadable) is refused


def test_free_space_of_a_jpeg_xl_that_is_none_is_found() -> None:
    head = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    picture = b"\0\0\0\x10jxlc\xff\x0a123456"
    for body, names in ((b"SERIALQ7731", {"jxl:free"}), (bytes(11), set())):
        reading = find_private(io.BytesIO(head + box(b"free", body) + picture), FORMATS["jxl"])
        assert {field.name for field in reading.fields} == names


@pytest.mark.parametrize(("kind", "goes"), [(b"jumb", True), (b"RESI", False)])
def test_a_box_of_a_programme_in_app11_goes_and_one_with_a_picture_stays(
    kind: bytes, *, goes: bool
) -> None:
    plain = media.jpeg(1)
    inner = box(kind, box(b"jumd", b"json" + bytes(12) + b"\3note\0"), box(b"json", b'{"a":1}'))
    data = plain[:20] + _segment(0xEB, b"JP\0\1\0\0\0\1" + inner) + plain[20:]
    cleaning, clean = _clean("jpeg", data)
    assert _removed(cleaning) == ({"jpeg:APP11"} if goes else set())
    assert clean == (plain if goes else data)


@pytest.mark.parametrize(
    ("main", "exif", "name"),
    [
        ({0x011D: text("C:\\Users\\somebody\\a.tif")}, {}, "exif:PageName"),
        ({0xA480: text("/home/somebody/a.xml")}, {}, "exif:0xa480"),
        ({0x013B: text("file:///home/somebody")}, {}, "exif:Artist"),
        ({0x9C9E: (1, 34, "/Users/somebody/a".encode("utf-16-le"))}, {}, "exif:XPKeywords"),
        ({}, {0xA436: (129, 15, b"/home/somebody\0")}, "exif:ImageTitle"),
        ({0x9213: text("cropped by Q")}, {}, "exif:ImageHistory"),
        ({0x0151: text("DESK-7731")}, {}, "exif:TargetPrinter"),
        ({0xFE4C: text("DSC_7731.NEF")}, {}, "exif:RawFile"),
        ({0xC68C: (7, 12, b"SERIALQ7731.")}, {}, "exif:OriginalRawFileData"),
        ({0x8482: (12, 6, b"\x40\x42\xc8\x11\x93\x71\x55\x44" * 6)}, {}, "exif:ModelTiePoint"),
        ({0x87AF: (3, 4, b"\1\0\1\0\x93\x71\x55\x44")}, {}, "exif:GeoTiffDirectory"),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_text_of_any_tag_goes_for_what_it_says_and_some_for_their_name(
    main: dict[int, tuple[int, int, bytes]],
    exif: dict[int, tuple[int, int, bytes]],
    name: str,
    kind: str,
) -> None:
    make = media.jpeg if kind == "jpeg" else media.png
    data = make(1, exif=exif_block({0x8298: text(_TITLE), **main}, exif))
    cleaning, clean = _clean(kind, data)
    assert _removed(cleaning) == {name}
    assert len(clean) == len(data)
    assert not any(value[2][:12] in clean for value in (main | exif).values())
    assert _TITLE.encode() in clean


def test_texts_of_tags_that_say_nothing_of_anybody_stay() -> None:
    main = {0x011D: text("page 1"), 0x013B: text("NOVA9"), 0x8298: text(_TITLE)}
    data = media.jpeg(1, exif=exif_block(main, {0xA436: (129, 6, b"stage\0")}))
    assert _clean("jpeg", data) == (Cleaning(), data)


@pytest.mark.parametrize(
    ("segments", "behind", "names"),
    [
        ([b"\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"], b"", set()),
        ([b"\xee\0\x0eAdobe\0d\0\0\0\0\1"], bytes(4), set()),
        ([b"\xe0\0\x10SERIALQ7731---"], b"", {"jbrd:jpeg:APP0"}),
        ([b"\xe5\0\x0dSERIALQ7731"], b"", {"jbrd:jpeg:APP5"}),
        ([b"\xfe\0\x11/home/somebody/"], b"", {"jbrd:container:comment"}),
        ([], b"a video", {"jbrd:trailer"}),
    ],
)
def test_segments_of_the_jpeg_that_a_jpeg_xl_was_are_looked_into(
    segments: list[bytes], behind: bytes, names: set[str]
) -> None:
    head = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    notes = [part for part in segments if part.startswith(b"\xfe")]
    others = [part for part in segments if part not in notes]
    kept = box(b"jbrd", reconstruction(others, notes, behind))
    reading = find_private(
        io.BytesIO(head + kept + b"\0\0\0\x10jxlc\xff\x0a123456"), FORMATS["jxl"]
    )
    assert reading.unreadable == ()
    assert {field.name for field in reading.fields} == names
    assert not any(field.removable for field in reading.fields)


def _wide(said: str) -> bytes:
    return (len(said) + 1).to_bytes(4, "big") + said.encode("utf-16-be") + b"\0\0"


_PRINT = b"\0\0\0\x10\0\0\0\1\0\0\0\0\0\x0bprintOutput\0\0\0\1\0\0\0\x0bprinterNameTEXT%s\0\0\0\0"


@pytest.mark.parametrize(
    ("kind", "body", "name"),
    [
        (0x043A, _PRINT % _wide("DESK-7731"), "photoshop:Printer"),
        (0x043A, _PRINT % _wide(""), None),
        (0x043D, "DESK-7731".encode("utf-16-le").ljust(220, b"\0"), "photoshop:Printer"),
        (0x043D, bytes(220), None),
        (0x03E9, b"<key>FormattingPrinter</key><string>DESK</string>", "photoshop:Printer"),
        (0x03E9, b"\0\3\0\0\0\x48\0\x48", None),
        (0x043E, b"\0/\0t\0m\0p\0/\0a", "photoshop:AutoSaveFilePath"),
        (0x03ED, b"\0\x48\0\0\0\1\0\1\0\x48\0\0\0\1\0\1", None),
    ],
)
def test_image_resources_that_name_a_printer_or_a_folder_go(
    kind: int, body: bytes, name: str | None
) -> None:
    plain = media.jpeg(1)

    def resource(kind: int, body: bytes) -> bytes:
        padded = body + b"\0" * (len(body) % 2)
        return b"8BIM" + struct.pack(">HHI", kind, 0, len(body)) + padded

    kept = resource(0x0421, b"\0\0\0\1\0\0")
    data = (
        plain[:20] + _segment(0xED, b"Photoshop 3.0\0" + resource(kind, body) + kept) + plain[20:]
    )
    cleaning, clean = _clean("jpeg", data)
    assert _removed(cleaning) == ({name} if name else set())
    without = plain[:20] + _segment(0xED, b"Photoshop 3.0\0" + kept) + plain[20:]
    assert clean == (without if name else data)


_OF_EDITORS = {
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "darktable": "http://darktable.sf.net/",
    "bwf": "http://ns.adobe.com/bwf/bext/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


@pytest.mark.parametrize(
    ("name", "value", "goes"),
    [
        ("crs:RetouchAreas", "VALUEQ", True),
        ("crs:MaskGroupBasedCorrections", "VALUEQ", True),
        ("crs:Exposure2012", "VALUEQ", False),
        ("darktable:history", "VALUEQ", True),
        ("darktable:raw_params", "VALUEQ", True),
        ("bwf:originatorReference", "VALUEQ", True),
        ("bwf:originator", "VALUEQ", False),
        ("xmp:CreatorTool", "Canva (Renderer) doc=DAQ user=VALUEQ brand=BAQ", True),
        ("xmp:CreatorTool", "Canva (Renderer) VALUEQ", False),
    ],
)
def test_what_editors_write_of_their_steps_and_accounts_goes(
    name: str, value: str, *, goes: bool
) -> None:
    data = media.jpeg(1, xmp=xmp_packet(attributes={name: value}, prefixes=_OF_EDITORS))
    cleaning, clean = _clean("jpeg", data)
    assert bool(cleaning.removed) is goes
    assert (b"VALUEQ" in clean) is not goes
    assert len(clean) == len(data)


_OF_MANY = {
    "cell": "http://developer.sonyericsson.com/cell/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "DICOM": "http://ns.adobe.com/DICOM/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "getty": "http://xmp.gettyimages.com/gift/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("cell:cgi", Category.POSITION),
        ("GCamera:hdrp_makernote", Category.SERIAL_NUMBER),
        ("Iptc4xmpExt:OwnersDeviceId", Category.SERIAL_NUMBER),
        ("Iptc4xmpExt:metadataLastEditor", Category.OWNER),
        ("DICOM:PatientName", Category.OWNER),
        ("GCamera:shot_log_data", Category.HISTORY),
        ("digiKam:ImageHistory", Category.HISTORY),
        ("getty:OriginalFileName", Category.HISTORY),
        ("xmpMM:PreservedFileName", Category.HISTORY),
        ("crs:NegativeCachePath", Category.HISTORY),
        ("lr:privateRTKInfo", Category.HISTORY),
        ("MPReg:PersonEmailDigest", Category.CONTACT),
        ("MPReg:PersonLiveIdCID", Category.CONTACT),
        ("MPReg:PersonDisplayName", None),
        ("GCamera:BurstID", None),
        ("digiKam:PickLabel", None),
        ("Iptc4xmpExt:Event", None),
        ("DICOM:EquipmentManufacturer", None),
    ],
)
def test_what_programmes_and_telephones_call_by_names_of_their_own_goes(
    name: str, category: Category | None
) -> None:
    data = media.jpeg(1, xmp=xmp_packet(attributes={name: "VALUEQ"}, prefixes=_OF_MANY))
    cleaning, clean = _clean("jpeg", data)
    assert [field.category for field in cleaning.removed] == ([category] if category else [])
    assert (b"VALUEQ" in clean) is (category is None)
