"""The seed corpus: good samples by the tests' factories, with keys that are the same every run.

A signature is another one each time. Where `FUZZ_SAMPLES` names a folder, what was signed
is kept there, so that a corpus that an earlier run left behind still fits.
"""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from provenance.credentials.engine_signing import sign_stream
from provenance.signing.memory_signer import MemorySigner
from tests.factory import judging, media, pki
from tests.factory.bindings import box_hashed_jpeg, box_hashed_png
from tests.factory.metadata import (
    box,
    exif_block,
    id3_tag,
    iptc_records,
    itunes_list,
    pdf_with_objects,
    ratios,
    riff_chunk,
    text,
    xmp_packet,
)
from tests.factory.sign import manifest, sidecar, sign
from tests.factory.updates import update

__all__ = [
    "SIDECAR_OF",
    "agency_directory",
    "exif",
    "iptc",
    "loose_sidecar",
    "loose_store",
    "nesting_samples",
    "other_bindings",
    "rich_samples",
    "signed_samples",
    "small_samples",
    "xmp",
]

SIDECAR_OF = "jpeg"


@cache
def _press() -> MemorySigner:
    return judging.house("Fuzz").signer()


@cache
def agency_directory() -> bytes:
    """A directory in which the samples' signer is an agency."""
    anchor = {
        "id": "fuzz",
        "certificate_pem": judging.house("Fuzz").root.pem.decode("ascii"),
        "subject": {"organization": "Aurora Entertainment"},
    }
    document = {
        "schema_version": "1",
        "name": "Fuzz directory",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "test": True,
        "agencies": [
            {
                "id": "aurora-entertainment",
                "names": [
                    {"language": "en", "name": "Aurora Entertainment"},
                    {"language": "ko", "name": "오로라 엔터테인먼트"},
                ],
                "test": True,
                "anchors": [anchor],
            }
        ],
    }
    return json.dumps(document).encode()


def _kept(name: str, make: Callable[[], bytes]) -> bytes:
    """What an earlier run signed under this name, or what is signed now."""
    folder = os.environ.get("FUZZ_SAMPLES")
    path = Path(folder, name) if folder else None
    if path is not None and path.exists():
        return path.read_bytes()
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
    return made


@cache
def signed_samples() -> Mapping[str, bytes]:
    """A sample of every format that the agency signed, by the format's name."""

    def signed(kind: str) -> bytes:
        return sign(media.make(kind), media.MEDIA_TYPES[kind], signer=_press())

    return {kind: _kept(kind, partial(signed, kind)) for kind in media.MEDIA_TYPES}


@cache
def other_bindings() -> Mapping[str, bytes]:
    """Samples bound otherwise, and one with an update on top."""
    made: Mapping[str, Callable[[], bytes]] = {
        "box-jpeg": lambda: box_hashed_jpeg(media.jpeg(2), signer=_press()),
        "box-png": lambda: box_hashed_png(media.png(2), signer=_press()),
        "updated-jpeg": lambda: update(signed_samples()["jpeg"], "image/jpeg", signer=_press()),
        "updated-mp4": lambda: update(signed_samples()["mp4"], "video/mp4", signer=_press()),
    }
    return {name: _kept(name, make) for name, make in made.items()}


@cache
def loose_sidecar() -> bytes:
    """Credentials for the unsigned JPEG sample, kept beside it."""
    return _kept("sidecar", lambda: sidecar(media.make(SIDECAR_OF), "image/jpeg", signer=_press()))


@cache
def loose_store() -> bytes:
    """A manifest store with one manifest."""

    def made() -> bytes:
        return sign_stream(
            io.BytesIO(media.jpeg()),
            io.BytesIO(),
            media_type="image/jpeg",
            manifest=manifest(),
            signer=pki.signer_of(pki.three_tier("Fuzz store")[2]),
            sidecar=True,
        )

    return _kept("store", made)


def exif() -> bytes:
    """An EXIF block with every kind of field."""
    return exif_block(
        {0x013B: text("오로라"), 0x0132: text("2026:01:31 12:00:00"), 0x013C: text("host")},
        {
            0x9003: text("2026:01:31 12:00:00"),
            0x829A: ratios((1, 125)),
            0x9286: (7, 9, b"ASCII\0\0\0x"),
            0xA431: text("SERIAL77"),
            0x927C: (7, 20, b"m" * 20),
        },
        {1: text("N"), 2: ratios((37, 1), (33, 1)), 3: text("E"), 4: ratios((126, 1))},
    )


def xmp() -> bytes:
    """An XMP packet with an alternative, a structure, a history and a position."""
    return xmp_packet(
        '<dc:title><rdf:Alt><rdf:li xml:lang="ko">무대</rdf:li></rdf:Alt></dc:title>'
        "<xmpMM:History><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></xmpMM:History>"
        '<Iptc4xmpExt:LocationShown rdf:parseType="Resource"><Iptc4xmpExt:City>Seoul'
        "</Iptc4xmpExt:City></Iptc4xmpExt:LocationShown>",
        attributes={"exif:GPSLatitude": "37,33N", "exif:GPSLongitude": "126,58E"},
    )


def iptc() -> bytes:
    """IPTC records."""
    return iptc_records([(80, "오로라"), (118, "x@aurora.example"), (55, "20260131")])


@cache
def rich_samples() -> Mapping[str, bytes]:
    """Files with as much metadata as they can hold, by format."""
    packet = b"<</Type/Metadata/Length %d>>stream\n%s\nendstream" % (len(xmp()), xmp())
    position = box(b"\xa9xyz", b"\0\x12\0\0+37.5665+126.9780/")
    picture = media.scene(1, (16, 16))
    out = io.BytesIO()
    picture.save(out, "WEBP", exif=b"Exif\0\0" + exif(), xmp=xmp())
    return {
        "jpeg": media.jpeg(1, exif=exif(), xmp=xmp(), iptc=iptc()),
        "png": media.png(1, exif=exif(), xmp=xmp(), text=(("parameters", "Steps: 2"),)),
        "webp": out.getvalue(),
        "tiff": exif(),
        "mp4": box(b"ftyp", b"isom", bytes(4))
        + box(b"moov", box(b"udta", position), itunes_list({b"\xa9nam": "무대"})),
        "pdf": pdf_with_objects(
            {1: b"<</Metadata 3 0 R>>", 2: b"<</Author(\\117 a)/Title<FEFF>>>", 3: packet},
            trailer=b"/Root 1 0 R/Info 2 0 R",
            in_object_stream={4: b"<<>>"},
        ),
        **{
            kind: media.make(kind)
            for kind in ("gif", "svg", "mp3", "flac", "wav", "m4a", "heic", "docx", "epub")
        },
    }


@cache
def nesting_samples() -> Mapping[str, bytes]:
    """Files that hold other files with private metadata, by format."""
    picture = media.jpeg(1, size=(16, 16), exif=exif())
    cover = id3_tag([(b"APIC", b"\0image/jpeg\0\3\0" + picture), (b"OWNE", b"\0x")])
    wav = media.wav()[:4000] + riff_chunk(b"id3 ", cover) + riff_chunk(b"bext", b"x" * 420)
    core = (
        b'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
        b'core-properties"><cp:lastModifiedBy>x</cp:lastModifiedBy></cp:coreProperties>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("word/media/1.jpg", picture)
        archive.writestr("docProps/core.xml", core)
        archive.writestr("a.docx", media.docx())
    stream = b"<</Filter/DCTDecode/Length %d>>stream\n%s\nendstream"
    written = base64.b64encode(picture)
    return {
        "docx": out.getvalue(),
        "pdf": pdf_with_objects(
            {
                1: b"<</Type/Catalog>>",
                2: stream % (len(picture), picture),
                3: b"<</Type/EmbeddedFile/Filter/FlateDecode>>stream\n%s\nendstream"
                % zlib.compress(picture),
                4: b"<</Type/Metadata/Subtype/XML>>stream\n%s\nendstream" % xmp(),
            },
            trailer=b"/Root 1 0 R",
        ),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:i="http://www.inkscape.org/namespaces/'
        b'inkscape" i:export-filename="/home/x/a"><metadata>x</metadata><!-- x -->'
        b'<image href="data:image/jpeg;base64,' + written + b'"/></svg>',
        "wav": wav[:4] + struct.pack("<I", len(wav) - 8) + wav[8:],
        "mp3": cover + media.mp3()[-2000:],
    }


@cache
def small_samples() -> Mapping[str, bytes]:
    """Small files of rare forms, by format."""
    return {
        "jxl": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
        b"\0\0\0\x10jxlc\xff\x0a123456",
        "jxl-codestream": b"\xff\x0a" + bytes(40),
        "rf64": b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + bytes(28) + b"data\xff\xff\xff\xff",
        "tiff": b"II+\0\x08\0\0\0\x10"
        + bytes(7)
        + b"\1"
        + bytes(7)
        + b"\x4a\1\x10\0\1"
        + bytes(23),
        "zip": b"PK\5\6" + bytes(18),
        "c2pa": loose_store(),
    }
