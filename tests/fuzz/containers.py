"""Fuzz targets for sniffing and for the layout of every container."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from functools import partial

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.containers.exempt import check_exempt_boxes, check_old_directory
from provenance.media.containers.jbrd import bare_jpeg
from provenance.media.containers.zip import collection_ranges, manifest_checksums
from provenance.media.formats import FORMATS, Container, MediaFormat
from provenance.media.layout import Layout
from provenance.media.ranges import ByteRange, merge
from provenance.media.sniff import sniff, sniff_stream
from tests.factory.reconstruction import reconstruction
from tests.fuzz.seeds import signed_samples, small_samples
from tests.fuzz.target import Target

__all__ = ["LIMITS", "TARGETS"]

LIMITS = Limits(max_segments=2_000, max_manifest_store_bytes=4 * 1024**2, max_metadata_fields=50)

# One name for each container, and what speaks of its parts.
_FORMATS: dict[str, tuple[bytes, ...]] = {
    "jpeg": (b"\xff\xd8", b"\xff\xeb", b"\xff\xe1", b"\xff\xda", b"\xff\xd9", b"JP", b"Exif\0\0"),
    "png": (b"\x89PNG\r\n\x1a\n", b"caBX", b"IHDR", b"IDAT", b"IEND", b"iTXt", b"eXIf"),
    "webp": (b"RIFF", b"WEBP", b"VP8X", b"C2PA", b"EXIF", b"XMP ", b"RF64", b"ds64", b"LIST"),
    "gif": (b"GIF89a", b"!\xff\x0b", b"C2PA_GIF", b"!\xfe", b","),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\xcd\x41"),
    "mp4": (b"ftyp", b"moov", b"uuid", b"free", b"mfra", b"meta", b"iloc", b"mdat", b"jumb"),
    "jxl": (b"JXL \r\n\x87\n", b"jxlc", b"jumb", b"jxlp", b"brob"),
    "svg": (b"<svg", b"<metadata", b"c2pa:manifest", b"<!--", b"<![CDATA[", b"<?xml", b"<!DOCTYPE"),
    "mp3": (b"ID3\x04\0\0", b"GEOB", b"\xff\xfb\x90\0", b"TAG", b"APETAGEX", b"application/x-c2pa"),
    "flac": (b"fLaC", b"ID3\x04\0\0", b"\xff\xf8"),
    "pdf": (b"%PDF-", b" 0 obj", b"endobj", b"stream\n", b"endstream", b"startxref", b"%%EOF"),
    "zip": (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"META-INF/"),
    "c2pa": (b"jumb", b"jumd", b"c2pa"),
}


def check_promises(layout: Layout, size_bytes: int) -> None:
    """The promises of `Layout`, whatever the bytes are."""
    at = 0
    top = [part for part in layout.segments if part.depth == 0]
    for part in top:
        assert at <= part.start < part.end <= size_bytes, part
        at = part.end
    for part in layout.segments:
        assert 0 <= part.start <= part.data_start <= part.end <= size_bytes, part
    # A gap may be a part of unknown kind too.
    assert merge((*(part.range for part in top), *layout.gaps)) == merge([ByteRange(0, size_bytes)])
    assert 0 <= layout.media_end <= size_bytes
    assert len(layout.problems) <= 101
    for piece in (*layout.manifest, *layout.manifest_payload):
        assert 0 <= piece.start <= piece.end <= size_bytes, piece


def _lay_out(media_format: MediaFormat, data: bytes) -> None:
    stream = io.BytesIO(data)
    layout = parse_layout(stream, len(data), media_format, LIMITS)
    check_promises(layout, len(data))
    with contextlib.suppress(MalformedError, LimitError):
        store = extract_manifest(stream, layout, LIMITS)
        assert len(store) <= LIMITS.max_manifest_store_bytes
    if media_format.container is Container.BMFF:
        boxes = [part for part in layout.segments if part.depth == 0]
        assert all(seen.why for seen in check_exempt_boxes(stream, layout, boxes))
    if media_format.container is Container.ZIP:
        ranges = collection_ranges(stream, len(data), LIMITS)
        assert all(0 <= r.start <= r.end <= len(data) for _, r in ranges.entries)
        assert all(0 <= at < len(data) for at in manifest_checksums(stream, len(data), LIMITS))
        for gap in layout.gaps:
            assert check_old_directory(stream, len(data), gap, LIMITS).why


def _reconstruction(data: bytes) -> None:
    picture = bare_jpeg(data)
    assert picture.startswith(b"\xff\xd8")
    assert len(picture) <= len(data) * 2 + 4


def _sniff(data: bytes) -> None:
    by_head, by_all = sniff(data), sniff_stream(io.BytesIO(data), len(data))
    for found in (by_head, by_all):
        assert found is None or FORMATS[found.name] is found


def _of_container(name: str) -> Iterator[bytes]:
    container = FORMATS[name].container
    for samples in (signed_samples(), small_samples()):
        yield from (d for kind, d in samples.items() if FORMATS[kind].container is container)


def _everything() -> Iterable[bytes]:
    # Only beginnings matter much, and some look at the end.
    return [data[:2048] for data in (*signed_samples().values(), *small_samples().values())]


TARGETS = (
    Target(
        name="sniff",
        run=_sniff,
        seeds=_everything,
        documented=(),
        tokens=(b"ftyp", b"heic", b"mif1", b"mimetype", b"[Content_Types].xml", b"<svg", b"%PDF-"),
        max_bytes=8 * 1024,
    ),
    *(
        Target(
            name=f"layout-{name}",
            run=partial(_lay_out, FORMATS[name]),
            seeds=partial(_of_container, name),
            tokens=tokens,
        )
        for name, tokens in _FORMATS.items()
    ),
    Target(
        name="jbrd",
        run=_reconstruction,
        seeds=lambda: [reconstruction([b"\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"], behind=b"x")],
        max_bytes=8 * 1024,
    ),
)
