"""Saying from its first bytes what format a file has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO, Literal

from provenance.media.containers.c2pa_sidecar import is_manifest_store
from provenance.media.containers.collector import read_at
from provenance.media.containers.id3 import is_mpeg_audio, tag_bytes
from provenance.media.containers.svg import doctype_end, to_single_bytes
from provenance.media.formats import (
    FORMATS,
    Container,
    MediaFormat,
    MediaKind,
    extension_matches,
)
from provenance.media.sniff_zip import zip_name

__all__ = [
    "FORMATS",
    "HEAD_BYTES",
    "Container",
    "MediaFormat",
    "MediaKind",
    "extension_matches",
    "sniff",
    "sniff_stream",
]

HEAD_BYTES = 64 * 1024
"""How much of a file `sniff` looks at."""

_Read = Callable[[int, int], bytes]

_PDF_WITHIN_BYTES = 1024
_MAX_ID3_TAGS = 8
_MAX_PADDING_BYTES = 4096
_DNG_VERSION_TAG = 50706

_RIFF_FORMS = {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}
_FRAGMENT_BOXES = frozenset({b"styp", b"moof", b"sidx", b"emsg", b"prft"})
_BRANDS = {
    "avif": b"avifavis",
    "heic": b"heicheixheimheishevchevxhevmhevs",
    "heif": b"mif1mif2msf1",
    "mov": b"qt  ",
    "m4a": b"M4A M4B M4P ",
    "mp4": b"M4V M4VHM4VPMSNVavc1avc3hvc1hev1av01dashcmfccmffcmflcmfsdby1f4v iso2iso3iso4iso5"
    b"iso6iso7iso8iso9isommp41mp42mp71mmp4ndscnvr13gp43gp53gp63gg63gp73gp83gp93gh93g2a3g2bXAVC",
}
_FORMAT_OF_BRAND = {
    brands[i : i + 4]: name for name, brands in _BRANDS.items() for i in range(0, len(brands), 4)
}
_BLANK = re.compile(rb"[ \t\r\n]*")
_SVG_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?svg[\s/>]")


def sniff(head: bytes) -> MediaFormat | None:
    """Which format do these first bytes (up to 64 KiB) of a file show?

    Strict: the format's own signature stands at offset 0, except for PDF, whose readers
    (the C2PA engine among them) allow up to 1024 bytes before `%PDF-`. None where no
    format here is shown, also where the head is too short to tell: an ID3 tag longer
    than the head says nothing about what it is for. A ZIP or TIFF whose telling entries
    lie further on is `zip` or `tiff`. `sniff_stream` reads what it needs instead.
    """
    return _sniff(lambda offset, size: head[offset : offset + size], len(head))


def sniff_stream(stream: BinaryIO, size_bytes: int) -> MediaFormat | None:
    """Which format does this file have?

    As `sniff`, but it also reads past the head where a format needs it: behind ID3
    tags, the first directory of a TIFF, the central directory of a ZIP. Never more
    than about 2 MiB, whatever the size of the file.
    """
    # Offsets come from the file, and no stream can seek to 2**64.
    return _sniff(
        lambda offset, size: read_at(stream, offset, size) if offset < size_bytes else b"",
        size_bytes,
    )


def _sniff(read: _Read, size_bytes: int) -> MediaFormat | None:
    head = read(0, HEAD_BYTES)
    name = _by_signature(head) or _riff(head) or _bmff(head)
    if name is None and head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        name = _tiff(read, head)
    if name is None and head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        name = zip_name(read, size_bytes)
    if name is None:
        name = _audio(read) or _sidecar(head) or _svg(head) or _pdf(head)
    return FORMATS[name] if name else None


def _by_signature(head: bytes) -> str | None:
    # One byte more than start-of-image, as every JPEG's first segment begins with it.
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"\0\0\0\x0cJXL \r\n\x87\n"):
        return "jxl"
    return "jxl-codestream" if head.startswith(b"\xff\x0a") else None


def _riff(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF_FORMS.get(head[8:12])
    return "rf64" if head[:4] in {b"RF64", b"BW64"} and head[8:12] == b"WAVE" else None


def _bmff(head: bytes) -> str | None:
    """Which ISO BMFF format do the first box and its brands show?

    The major brand decides; where it is not known, or only says that pictures are
    inside, the first compatible brand that says more. A QuickTime file without a file
    type box is not recognised, as the C2PA engine reads none.
    """
    size, box = int.from_bytes(head[:4], "big"), head[4:8]
    if box in _FRAGMENT_BOXES:
        return "fmp4-fragment" if size >= 8 else None
    if box != b"ftyp" or not 16 <= size <= len(head):
        return None
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
    names = [_FORMAT_OF_BRAND[brand] for brand in brands if brand in _FORMAT_OF_BRAND]
    if not names:
        return None
    if names[0] == "heif":
        return next((name for name in names if name in {"avif", "heic"}), "heif")
    return names[0]


def _tiff(read: _Read, head: bytes) -> str:
    """Is this TIFF a DNG? It is if its first directory has a DNG version."""
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"

    def number(data: bytes) -> int:
        return int.from_bytes(data, order)

    is_big = head[2:4] in {b"+\0", b"\0+"}
    offset = number(head[8:16] if is_big else head[4:8])
    count_bytes, entry_bytes = (8, 20) if is_big else (2, 12)
    directory = read(offset, HEAD_BYTES)
    entries = directory[count_bytes : count_bytes + number(directory[:count_bytes]) * entry_bytes]
    tags = (number(entries[i : i + 2]) for i in range(0, len(entries) - 1, entry_bytes))
    return "dng" if _DNG_VERSION_TAG in tags else "tiff"


def _audio(read: _Read) -> str | None:
    at = 0
    for _ in range(_MAX_ID3_TAGS):
        length = tag_bytes(read(at, 10))
        if length is None:
            break
        at += length
    head = read(at, HEAD_BYTES)
    if head.startswith(b"fLaC"):
        return "flac"
    if at:
        # Some writers leave zeros between the tag they declare and the audio.
        blank = len(head) - len(head.lstrip(b"\0"))
        return "mp3" if blank <= _MAX_PADDING_BYTES and is_mpeg_audio(head[blank:]) else None
    if not is_mpeg_audio(head):
        return None
    # Two bytes of random data in two thousand look like a frame; two frames do not.
    second = _mpeg_frame_bytes(head)
    return "mp3" if second and is_mpeg_audio(head[second : second + 4]) else None


def _mpeg_frame_bytes(head: bytes) -> int | None:
    """How long is the MPEG audio frame that starts here? None for a free bit rate.

    Spec: ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3.
    """
    is_mpeg1, layer = head[1] & 0x18 == 0x18, 4 - (head[1] >> 1 & 3)
    table = {
        (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
        (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    }
    rates = table.get(
        (is_mpeg1, layer), (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    )
    index = head[2] >> 4
    if index == 0:
        return None
    sampling_hz = (44_100, 48_000, 32_000)[head[2] >> 2 & 3]
    if not is_mpeg1:
        sampling_hz //= 2 if head[1] & 0x18 == 0x10 else 4
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12_000 * rates[index - 1] // sampling_hz + padding) * 4
    slots = 72_000 if layer == 3 and not is_mpeg1 else 144_000
    return slots * rates[index - 1] // sampling_hz + padding


def _sidecar(head: bytes) -> str | None:
    header_bytes = 16 if head[:4] == b"\0\0\0\x01" else 8
    is_store = head[4:8] == b"jumb" and is_manifest_store(head[header_bytes:])
    return "c2pa" if is_store else None


def _svg(head: bytes) -> str | None:
    """Is this XML whose root element is `svg`? Nothing is parsed or expanded."""
    text, _, _ = to_single_bytes(head)
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if text.startswith(b"<?", at):
            end = text.find(b"?>", at) + 2
        elif text.startswith(b"<!--", at):
            end = text.find(b"-->", at + 4) + 3
        elif text[at : at + 9].upper() == b"<!DOCTYPE":
            end = doctype_end(text, at) or 0
        else:
            return "svg" if _SVG_ROOT.match(text, at) else None
        if end <= at:
            return None
        at = end


def _pdf(head: bytes) -> str | None:
    return "pdf" if b"%PDF-" in head[: _PDF_WITHIN_BYTES + 5] else None
