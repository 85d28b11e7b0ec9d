"""Fuzz targets for EXIF, XMP, IPTC and every other description, and for what erases them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress

from provenance.errors import LimitError, MalformedError, PrivateDataError
from provenance.fingerprints.frame_signatures import SIGNATURE_NUMBERS, parse_frame_signatures
from provenance.fingerprints.iscc_video import iscc_video_bits
from provenance.fingerprints.model import CODE_BYTES
from provenance.media.metadata import extract_metadata
from provenance.media.metadata.bounded_xml import parse_xml
from provenance.media.metadata.exif import add_exif
from provenance.media.metadata.iptc import add_iptc, iptc_of_resources
from provenance.media.metadata.model import MAX_VALUE_CHARS, FieldCollector, MetadataReading
from provenance.media.metadata.pdf import add_pdf_metadata
from provenance.media.metadata.tags import (
    add_broadcast_extension,
    add_id3_frame,
    add_png_text,
    add_riff_info,
    add_vorbis_comment,
)
from provenance.media.metadata.xmp import add_xmp
from provenance.media.privacy import clean_copy, find_private
from provenance.media.privacy.exif_eraser import erase_exif
from provenance.media.privacy.model import Finder
from provenance.media.privacy.tiff_pages import look_into_tiff
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.sniff import sniff_stream
from provenance.untrusted import clean_text
from provenance.verification.metadata_values import compare, read_moment
from tests.factory.frame_signatures import write_frame_signatures
from tests.factory.metadata import exif_block, ratios, text
from tests.fuzz.containers import LIMITS
from tests.fuzz.seeds import exif, iptc, nesting_samples, rich_samples, xmp
from tests.fuzz.target import Target

__all__ = ["TARGETS"]


def _check(reading: MetadataReading) -> None:
    assert len(reading.fields) <= 4 * LIMITS.max_metadata_fields
    for field in reading.fields:
        assert len(field.value) <= MAX_VALUE_CHARS
        assert field.range is None or 0 <= field.range.start <= field.range.end
        read_moment(field.value)
        assert compare(field.value, "x") is compare("x", field.value)


def _collected(fill: Callable[[FieldCollector], object]) -> None:
    out = FieldCollector(LIMITS)
    fill(out)
    _check(out.reading())


def _exif(data: bytes) -> None:
    _collected(lambda out: add_exif(data, out, None))
    for erase in (False, True):
        finder = Finder(LIMITS, erase=erase)
        erase_exif(data, finder)


def _tiff_pages(data: bytes) -> None:
    finder = Finder(LIMITS, erase=True)
    look_into_tiff(io.BytesIO(data), len(data), finder)
    reading = finder.reading()
    # Nothing is taken out of a TIFF, so nothing may be called removable.
    assert not any(field.removable for field in reading.fields)
    assert len(reading.unreadable) <= 100


def _pages() -> list[bytes]:
    """One page with every kind of record; two, of which the second has a table below it."""
    resources = b"8BIM\4\x0c\0\0\0\0\0\4jpeg"
    full = exif_block(
        {
            0x010E: text("/home/x/a"),
            700: (1, len(xmp()), xmp()),
            33723: (7, len(iptc()), iptc()),
            34377: (7, len(resources), resources),
            37724: (7, 8, bytes(8)),
        },
        {0xA431: text("SERIAL77")},
        {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))},
    )
    one = struct.pack("<H", 1)
    entries = [(0x013C, 2, 4, 0x41424344), (330, 4, 1, 44), (34853, 4, 1, 62), (1, 2, 2, 78)]
    following = [26, 0, 0, 0]
    pages = b"".join(
        one + struct.pack("<HHII", *entry) + struct.pack("<I", after)
        for entry, after in zip(entries, following, strict=True)
    )
    return [full, b"II*\0" + struct.pack("<I", 8) + pages]


def _xmp(data: bytes) -> None:
    _collected(lambda out: add_xmp(data, out, None))
    for erase in (False, True):
        finder = Finder(LIMITS, erase=erase)
        erase_xmp(data, finder)
    parse_xml(data, what="XMP", limits=LIMITS)


def _iptc(data: bytes) -> None:
    _collected(lambda out: add_iptc(data, out, None))
    _collected(lambda out: add_iptc(iptc_of_resources(data), out, None))


def _id3_frame(body: bytes, out: FieldCollector) -> None:
    for unsynchronised in (False, True):
        name = body[:4].decode("latin-1")
        add_id3_frame(name, body[4:], out, None, unsynchronised=unsynchronised)


def _tags(data: bytes) -> None:
    kind, body = data[:1], data[1:]
    readers: tuple[Callable[[FieldCollector], object], ...] = (
        lambda out: _id3_frame(body, out),
        lambda out: add_vorbis_comment(body, out, None),
        lambda out: add_riff_info(body, out, None),
        lambda out: add_broadcast_extension(body, out, None),
        lambda out: add_png_text("iTXt", body, out, None),
        lambda out: add_png_text("zTXt", body, out, None),
        lambda out: add_png_text("tEXt", body, out, None),
        lambda out: add_pdf_metadata(io.BytesIO(body), len(body), out),
    )
    _collected(readers[kind[0] % len(readers) if kind else 0])


def _frame_signatures(data: bytes) -> None:
    rows = parse_frame_signatures(data)
    assert rows.shape[1] == SIGNATURE_NUMBERS
    assert len(data) >= rows.size // 5
    if len(rows):
        assert len(iscc_video_bits(rows)) == CODE_BYTES


def _metadata(data: bytes) -> None:
    stream = io.BytesIO(data)
    media_format = sniff_stream(stream, len(data))
    if media_format is not None:
        _check(extract_metadata(stream, media_format, None, LIMITS))


def _privacy(data: bytes) -> None:
    source, copy = io.BytesIO(data), io.BytesIO()
    media_format = sniff_stream(source, len(data))
    if media_format is None:
        return
    find_private(source, media_format, None, LIMITS)
    done = clean_copy(source, copy, media_format, limits=LIMITS)
    left = find_private(copy, media_format, None, LIMITS)
    assert not left.fields, left.fields
    if not done.changed:
        assert copy.getvalue() == data


def _text(data: bytes) -> None:
    with suppress(MalformedError, LimitError):
        shown = clean_text(data.decode("utf-8", "surrogateescape"))
        assert len(shown) <= 400 + 1, shown
        assert clean_text(shown) == shown


TARGETS = (
    Target(
        name="exif",
        run=_exif,
        seeds=lambda: [exif(), b"Exif\0\0" + exif()],
        tokens=(b"II*\0", b"MM\0*", b"\x69\x87\4\0", b"\x25\x88\4\0", b"UNICODE\0", b"ASCII\0\0\0"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="tiff-pages",
        run=_tiff_pages,
        seeds=_pages,
        tokens=(
            *(b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\x4a\1\4\0", b"\x25\x88\4\0"),
            *(b"\xbc\2\1\0", b"\xbb\x83\7\0", b"\x49\x86\7\0", b"\x5c\x93\7\0", b"8BIM"),
        ),
        max_bytes=8 * 1024,
    ),
    Target(
        name="xmp",
        run=_xmp,
        seeds=lambda: [xmp()],
        tokens=(b"rdf:", b"xmlns:", b"<rdf:li>", b"<!DOCTYPE", b"<![CDATA[", b"&#x", b"parseType"),
        max_bytes=16 * 1024,
    ),
    Target(
        name="iptc",
        run=_iptc,
        seeds=lambda: [iptc(), b"8BIM\x04\x04\0\0\0\0\0" + bytes([len(iptc())]) + iptc()],
        tokens=(b"\x1c\2", b"8BIM", b"\x1b%G"),
        max_bytes=4 * 1024,
    ),
    Target(
        name="tags",
        run=_tags,
        seeds=lambda: [
            b"\0TXXX\3a\0b",
            b"\1\4\0\0\0test\1\0\0\0\x09\0\0\0TITLE=abc",
            b"\2INAM\4\0\0\0abc\0",
            b"\4XML:com.adobe.xmp\0\0\0\0\0<x/>",
            b"\5Title\0\0x\x9c\x03\0\0\0\0\1",
            b"\6Title\0abc",
            b"\7" + rich_samples()["pdf"],
        ],
        tokens=(b"/Info", b"/Metadata", b" 0 R", b"/ObjStm", b"/FlateDecode", b"\xfe\xff"),
        max_bytes=8 * 1024,
    ),
    Target(
        name="frame-signatures",
        run=_frame_signatures,
        seeds=lambda: [
            write_frame_signatures([[number % 3 for number in range(380)]] * count)
            for count in (0, 1, 3)
        ],
        tokens=(b"\0\0\0\1\x80", b"\xf2", b"\xf3"),
        max_bytes=4 * 1024,
    ),
    Target(name="metadata", run=_metadata, seeds=lambda: rich_samples().values()),
    Target(
        name="privacy",
        run=_privacy,
        seeds=lambda: [*rich_samples().values(), *nesting_samples().values()],
        documented=(MalformedError, LimitError, PrivateDataError),
    ),
    Target(
        name="text",
        run=_text,
        seeds=lambda: ["오로라\u202e \u200d👩\u200d🎤".encode(), b"a\x1b[31m\0"],
        max_bytes=2 * 1024,
    ),
)
