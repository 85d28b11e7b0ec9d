from __future__ import annotations

import io
import struct
import time
import warnings
import zipfile
import zlib

import pillow_heif
import pytest
from PIL import Image

from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import jpeg as jpeg_container
from provenance.media.formats import FORMATS
from provenance.media.layout import SegmentKind
from provenance.media.metadata import MetadataReading, extract_metadata
from tests.factory import media
from tests.factory.metadata import (
    HOSTILE_TEXTS,
    box,
    exif_block,
    id3_tag,
    iptc_records,
    itunes_list,
    pdf_with_objects,
    riff_chunk,
    text,
    xmp_packet,
)

_EXIF = exif_block({0x013B: text("오로라")}, {0x9003: text("2026:01:31 12:00:00")})
_XMP = xmp_packet(attributes={"photoshop:City": "서울"})
_BOTH = {
    "exif:Artist": "오로라",
    "exif:DateTimeOriginal": "2026-01-31T12:00:00",
    "xmp:photoshop:City": "서울",
}


def _read(data: bytes, kind: str, limits: Limits = DEFAULT_LIMITS) -> MetadataReading:
    return extract_metadata(io.BytesIO(data), FORMATS[kind], None, limits)


def _values(data: bytes, kind: str) -> dict[str, str]:
    reading = _read(data, kind)
    assert not reading.unreadable
    return {field.name: field.value for field in reading.fields}


def _saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    media.scene(1, (32, 32)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_every_sample_is_read_without_complaint(kind: str) -> None:
    assert not _read(media.make(kind), kind).unreadable


def test_jpeg_segments_are_read_with_their_places() -> None:
    data = media.jpeg(1, exif=_EXIF, xmp=_XMP, iptc=iptc_records([(80, "오로라")]))
    layout = jpeg_container.parse_layout(io.BytesIO(data), len(data), DEFAULT_LIMITS)
    reading = extract_metadata(io.BytesIO(data), FORMATS["jpeg"], layout)
    places = {part.kind: part.range for part in layout.segments}
    assert {field.name: field.value for field in reading.fields} == {
        **_BOTH,
        "iptc:By-line": "오로라",
    }
    for field in reading.fields:
        assert field.range == places[SegmentKind(field.source)]


def test_jpeg_comments_and_extended_xmp_are_read() -> None:
    packet = xmp_packet(attributes={"photoshop:Headline": "x" * 3000})
    pieces = b""
    for start in range(0, len(packet), 1000):
        body = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
        body += struct.pack(">II", len(packet), start) + packet[start : start + 1000]
        pieces = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + pieces
    data = media.jpeg(1)
    data = data[:2] + pieces + b"\xff\xfe\0\x0aNOVA9 \xed\x95" + data[2:]
    found = _values(data, "jpeg")
    assert found["xmp:photoshop:Headline"] == "x" * 3000
    assert found["container:comment"].startswith("NOVA9")


def test_png_chunks_are_read() -> None:
    data = media.png(1, exif=_EXIF, xmp=_XMP, text=(("Author", "오로라"), ("Title", "무대")))
    assert _values(data, "png") == {
        **_BOTH,
        "container:author": "오로라",
        "container:title": "무대",
    }


def test_compressed_png_text_is_inflated_within_bounds() -> None:
    def with_text(raw: bytes) -> bytes:
        body = b"zTXtDescription\0\0" + zlib.compress(raw)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return media.png(1)[:33] + chunk + media.png(1)[33:]

    assert _values(with_text(b"stage lights"), "png") == {"container:description": "stage lights"}
    assert _read(with_text(bytes(50_000_000)), "png").unreadable == ("PNG: a zTXt chunk",)


@pytest.mark.parametrize("kind", ["webp", "tiff"])
def test_what_pillow_writes_is_read(kind: str) -> None:
    options: dict[str, object] = {"exif": b"Exif\0\0" + _EXIF, "xmp": _XMP}
    if kind == "tiff":
        image_exif = Image.Exif()
        image_exif.load(_EXIF)
        image_exif[700] = _XMP
        options = {"exif": image_exif}
        # Pillow rewrites the text as it reads it, which is not UTF-8.
        assert "xmp:photoshop:City" in _values(_saved(kind.upper(), **options), kind)
        return
    assert _values(_saved(kind.upper(), **options), kind) == _BOTH


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_items_of_heif_files_are_read(kind: str) -> None:
    if kind == "avif":
        data = _saved("AVIF", exif=b"Exif\0\0" + _EXIF, xmp=_XMP)
    else:
        picture = pillow_heif.from_pillow(media.scene(1, (64, 64)))
        out = io.BytesIO()
        picture.save(out, quality=50, exif=_EXIF, xmp=_XMP)
        data = out.getvalue()
    reading = _read(data, kind)
    assert {field.name: field.value for field in reading.fields} == _BOTH
    for field in reading.fields:
        assert field.range is not None
        raw = "오로라" if field.source == "exif" else "서울"
        assert raw.encode() in data[field.range.start : field.range.end]


def test_gif_comments_and_xmp_are_read() -> None:
    data = media.gif(1, frames=1)
    comment = b"\x21\xfe\x09" + "오로라".encode() + b"\0"
    packet = b"\x21\xff\x0bXMP DataXMP" + _XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    assert _values(data[:-1] + comment + packet + b";", "gif") == {
        "container:comment": "오로라",
        "xmp:photoshop:City": "서울",
    }


def test_svg_packets_are_read() -> None:
    data = media.svg(1).replace(b"</svg>", b"<metadata>" + _XMP + b"</metadata></svg>")
    assert _values(data, "svg") == {"xmp:photoshop:City": "서울"}


def test_mp4_tags_are_read_from_lists_and_user_data() -> None:
    place = b"+37.5665+126.9780/"
    position = box(b"\xa9xyz", struct.pack(">HH", len(place), 0x15C7), place)
    tags = itunes_list({b"\xa9nam": "무대", b"\xa9ART": "NOVA9", b"\xa9too": "Aurora"})
    moov = box(b"moov", box(b"udta", position), tags)
    assert _values(box(b"ftyp", b"isom", bytes(4)) + moov, "mp4") == {
        "container:location": "37.5665, 126.9780",
        "container:title": "무대",
        "container:performer": "NOVA9",
        "container:encoder": "Aurora",
    }


def test_quicktime_keys_are_read() -> None:
    name = b"com.apple.quicktime.location.ISO6709"
    keys = box(b"keys", bytes(4), struct.pack(">I", 1), box(b"mdta", name))
    value = box(b"data", struct.pack(">II", 1, 0), b"+37.5665+126.9780+038.000/")
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    meta = box(b"meta", handler, keys, box(b"ilst", box(b"\0\0\0\1", value)))
    data = box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", meta)
    assert _values(data, "mov") == {"container:location": "37.5665, 126.9780"}


def test_3gpp_locations_and_creation_times_are_read() -> None:
    place = struct.pack(">iii", int(126.978 * 65536), int(37.5665 * 65536), 0)
    loci = box(b"loci", bytes(6), "서울".encode() + b"\0", b"\0", place, b"earth\0\0")
    header = box(b"mvhd", bytes(4), struct.pack(">II", 3_852_705_600, 0), bytes(88))
    data = box(b"ftyp", b"3gp4", bytes(4)) + box(b"moov", header, box(b"udta", loci))
    assert _values(data, "mp4") == {
        "container:creation_time": "2026-01-31T12:00:00Z",
        "container:location": "37.5665, 126.9780",
    }


def test_id3_frames_are_read_in_every_encoding() -> None:
    tag = id3_tag(
        [
            (b"TIT2", b"\x01" + "무대".encode("utf-16")),
            (b"TPE1", b"\x03NOVA9"),
            (b"TALB", b"\0" + "오로라".encode()),
            (b"COMM", b"\0eng\0stage lights"),
            (b"TXXX", b"\x03MOOD\0bright"),
            (b"APIC", b"\0image/png\0\x03\0picture"),
        ]
    )
    assert _values(tag + media.mp3(1)[_id3_bytes(media.mp3(1)) :], "mp3") == {
        "container:title": "무대",
        "container:performer": "NOVA9",
        "container:album": "오로라",
        "container:comment": "stage lights",
        "container:mood": "bright",
    }


def _id3_bytes(data: bytes) -> int:
    size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]
    return 10 + size if data[:3] == b"ID3" else 0


def test_wav_lists_and_broadcast_extensions_are_read() -> None:
    info = riff_chunk(b"LIST", b"INFO" + riff_chunk(b"INAM", "무대".encode() + b"\0"))
    bext = riff_chunk(b"bext", b"stage".ljust(256, b"\0") + b"Aurora".ljust(346, b"\0"))
    body = media.wav(1)[8:] + info + bext
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    assert _values(data, "wav") == {
        "container:title": "무대",
        "container:description": "stage",
        "container:author": "Aurora",
    }


def test_flac_comments_are_read() -> None:
    fields = [b"ARTIST=NOVA9", "TITLE=무대".encode()]
    body = struct.pack("<I", 6) + b"Aurora" + struct.pack("<I", 2)
    body += b"".join(struct.pack("<I", len(raw)) + raw for raw in fields)
    plain = media.flac(1)
    block = b"\x04" + struct.pack(">I", len(body))[1:] + body
    data = plain[:42] + block + plain[42:]
    found = _values(data, "flac")
    assert found["container:performer"] == "NOVA9"
    assert found["container:title"] == "무대"


def test_pdf_information_and_xmp_are_read() -> None:
    packet = b"<</Type/Metadata/Subtype/XML/Length %d>>stream\n%s\nendstream" % (len(_XMP), _XMP)
    title = "무대".encode("utf-16-be").hex().encode()
    information = (
        b"<</Author(Aurora \\(Press\\) \\117ffice)/Title<FEFF%s>"
        b"/CreationDate(D:20260131120000+09'00')>>" % title
    )
    data = pdf_with_objects(
        {1: b"<</Type/Catalog/Metadata 3 0 R>>", 2: information, 3: packet},
        trailer=b"/Root 1 0 R/Info 2 0 R",
    )
    assert _values(data, "pdf") == {
        "pdf:Title": "무대",
        "pdf:Author": "Aurora (Press) Office",
        "pdf:CreationDate": "2026-01-31T12:00:00+09:00",
        "xmp:photoshop:City": "서울",
    }


def test_pdf_objects_in_object_streams_are_read() -> None:
    data = pdf_with_objects(
        {},
        trailer=b"/Root 1 0 R/Info 2 0 R",
        in_object_stream={1: b"<</Type/Catalog>>", 2: b"<</Author(NOVA9)>>"},
    )
    assert _values(data, "pdf") == {"pdf:Author": "NOVA9"}


def test_of_two_pdf_revisions_the_last_one_counts() -> None:
    first = pdf_with_objects({2: b"<</Author(Nobody)>>"}, trailer=b"/Info 2 0 R")
    data = first + pdf_with_objects({2: b"<</Author(NOVA9)>>"}, trailer=b"/Info 2 0 R")
    assert _values(data, "pdf") == {"pdf:Author": "NOVA9"}


def test_an_encrypted_pdf_is_noted() -> None:
    data = pdf_with_objects({2: b"<</Author(xyz)>>"}, trailer=b"/Info 2 0 R/Encrypt 4 0 R")
    assert _read(data, "pdf").unreadable == ("PDF: it is encrypted",)


@pytest.mark.parametrize(
    "data",
    [
        pdf_with_objects({}, trailer=b"/Info 2 0 R " * 100_000),
        b"%PDF-1.4\n" + b"1 0 obj<<>>endobj\n" * 200_000 + b"trailer<</Info 7 0 R>>",
        b"%PDF-1.4\n" + b"<</Type/ObjStm/First 9>>stream\n" * 100_000 + b"/Info 7 0 R",
        pdf_with_objects(
            {2: b"<</Type/ObjStm/First 9/Length 40/Filter/FlateDecode>>stream\n" + b"x" * 40},
            trailer=b"/Info 7 0 R",
        ),
        pdf_with_objects({}, trailer=b"/Info 7 0 R", in_object_stream={8: b" " * 60_000_000}),
        pdf_with_objects({2: b"<</Author" + b"(" * 2_000_000}, trailer=b"/Info 2 0 R"),
    ],
    ids=["many trailers", "many objects", "many streams", "no stream", "bomb", "parentheses"],
)
def test_hostile_pdfs_are_done_with_quickly(data: bytes) -> None:
    before = time.process_time()
    _read(data, "pdf")
    assert time.process_time() - before < 2


def _zipped(**entries: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


_CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"


def test_office_properties_are_read() -> None:
    core = (
        f'<x:coreProperties xmlns:x="{_CORE}" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:creator>오로라</dc:creator><x:lastModifiedBy>NOVA9</x:lastModifiedBy>"
        "</x:coreProperties>"
    )
    data = _zipped(docProps__core_xml=core)
    reading = _read(data, "docx")
    assert [(f.name, f.value) for f in reading.fields] == [
        ("container:dc:creator", "오로라"),
        ("container:cp:lastModifiedBy", "NOVA9"),
    ]
    where = reading.fields[0].range
    assert where is not None
    assert data[where.start : where.start + 4] == b"PK\3\4"


def test_open_document_properties_are_read() -> None:
    meta = (
        '<o:document-meta xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><o:meta><dc:title>무대</dc:title></o:meta>'
        "</o:document-meta>"
    )
    assert _values(_zipped(meta_xml=meta), "odt") == {"container:dc:title": "무대"}


def test_an_inflation_bomb_in_a_document_is_noted() -> None:
    reading = _read(_zipped(docProps__core_xml=" " * 50_000_000), "docx")
    (reason,) = reading.unreadable
    assert reason == ("document properties: entry 'docProps/core.xml': more than 4194304 bytes")


def test_a_picture_of_a_gigapixel_is_not_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    pixels = zlib.compress(bytes(1_000_000), 9)
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"eXIf", _EXIF)
    data += chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _values(data, "png")["exif:Artist"] == "오로라"


@pytest.mark.parametrize("kind", sorted(media.SAMPLES))
def test_a_file_of_another_format_is_noted_or_empty(kind: str) -> None:
    assert _read(b"not what it says", kind).fields == ()


@pytest.mark.parametrize("hostile", HOSTILE_TEXTS)
def test_hostile_text_in_tags_is_a_value_like_any_other(hostile: str) -> None:
    tags = itunes_list({b"\xa9nam": hostile})
    assert _values(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", tags), "mp4") == {
        "container:title": hostile
    }


def test_a_name_from_the_file_is_cleaned() -> None:
    data = media.png(1, text=(("<b>\x1b[31m", "x"),))
    (field,) = _read(data, "png").fields
    assert field.name == "container:<b>[31m"


def test_a_block_over_the_limit_is_noted() -> None:
    reading = _read(media.png(1, exif=_EXIF), "png", Limits(max_metadata_bytes=20))
    assert reading.unreadable == ("eXIf: more than 20 bytes",)
