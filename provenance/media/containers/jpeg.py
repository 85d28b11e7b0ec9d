"""The layout of a JPEG file: marker segments, scans, and what follows the image."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES, PartCollector, read_at
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = ["parse_layout"]

# Neither a stuffed zero, nor a restart marker, nor a fill byte: one of these ends
# entropy-coded data. ITU-T T.81 B.1.1.2, B.1.1.5.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FIRST_WINDOW_BYTES = 4 * 1024
_LARGEST_WINDOW_BYTES = 1024 * 1024
_HEAD_BYTES = 64

_SOI, _EOI, _SOS, _COM, _DRI = 0xD8, 0xD9, 0xDA, 0xFE, 0xDD
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_NAMES = {
    0x01: "TEM",
    0xC4: "DHT",
    0xC8: "JPG",
    0xCC: "DAC",
    _SOI: "SOI",
    _EOI: "EOI",
    _SOS: "SOS",
    0xDB: "DQT",
    0xDC: "DNL",
    _DRI: "DRI",
    0xDE: "DHP",
    0xDF: "EXP",
    _COM: "COM",
}


@dataclass(slots=True)
class _Store:
    """One manifest store spread over APP11 segments."""

    instance: bytes
    box_header: bytes
    parts: list[ByteRange] = field(default_factory=list)
    joined_bytes: int = 0


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which segments make this JPEG, and where does its image end?

    A scan is one segment with its header, `SOS`, restart markers included; fill bytes
    behind it are none of it, and a box hash does not stand for them. The image
    ends after its first end-of-image marker: thumbnails lie inside segments, so
    theirs are never met. What follows (a gain map, a motion photo, a ZIP) is the
    trailer. A segment's data starts after its length field, so the data of EXIF,
    XMP and ICC segments still begins with their identifier.

    Spec: ITU-T T.81 annex B; C2PA 2.2 A.3.1 and ISO/IEC 19566-5 D.2 for APP11.

    Raises:
        MalformedError: It does not start with a start-of-image marker.
        LimitError: More parts than `max_segments`, or too large a manifest store.
    """
    if read_at(stream, 0, 2) != b"\xff\xd8":
        raise MalformedError("JPEG: expected the start-of-image marker at offset 0")
    parts = PartCollector(size_bytes, limits)
    parts.add(0, 2, SegmentKind.STRUCTURE, "SOI", header_bytes=2)
    stores: list[_Store] = []
    at = 2
    while True:
        head = read_at(stream, at, _HEAD_BYTES)
        if len(head) < 2 or not _MARKER.match(head):
            found = _find_marker(stream, at, size_bytes)
            if found is None:
                layout = parts.break_off(at, "the image has no end-of-image marker")
                break
            _note_skipped(stream, parts, at, found)
            at = found
            head = read_at(stream, at, _HEAD_BYTES)
        code = head[1]
        if code == _EOI:
            parts.add(at, at + 2, SegmentKind.STRUCTURE, "EOI", header_bytes=2)
            layout = _finish(parts, stores, at + 2)
            break
        if code in _STANDALONE:
            parts.problem(f"a stray {_name(code)} marker between segments")
            parts.add(at, at + 2, SegmentKind.STRUCTURE, _name(code), header_bytes=2)
            at += 2
            continue
        length = int.from_bytes(head[2:4], "big")
        end = at + 2 + length
        if len(head) < 4 or length < 2 or end > size_bytes:
            layout = parts.break_off(at, f"segment {_name(code)} does not fit into the file")
            break
        content = head[4 : 2 + length]
        if code == _SOS:
            next_marker = _find_marker(stream, end, size_bytes)
            end = size_bytes if next_marker is None else _without_fill(stream, end, next_marker)
        kind = _kind(code, content)
        if code == 0xEB and _joins_store(stores, content, length - 2, at, parts):
            kind = SegmentKind.MANIFEST
        parts.add(at, end, kind, _name(code), header_bytes=4)
        at = end
    return layout


def _find_marker(stream: BinaryIO, at: int, size_bytes: int) -> int | None:
    # Windows grow, so that many short scans cost what they hold and not a megabyte each.
    window = _FIRST_WINDOW_BYTES
    while at < size_bytes:
        data = read_at(stream, at, window)
        if len(data) < 2:
            return None
        match = _MARKER.search(data)
        if match:
            return at + match.start()
        at += len(data) - 1
        window = min(window * 4, _LARGEST_WINDOW_BYTES)
    return None


def _without_fill(stream: BinaryIO, start: int, marker: int) -> int:
    """Where do the fill bytes before this marker begin? They are no part of the scan before it."""
    window = _HEAD_BYTES
    at = marker
    while at > start:
        first = max(start, at - window)
        kept = read_at(stream, first, at - first).rstrip(b"\xff")
        if kept:
            return first + len(kept)
        at = first
        window = min(window * 4, _LARGEST_WINDOW_BYTES)
    return start


def _note_skipped(stream: BinaryIO, parts: PartCollector, start: int, end: int) -> None:
    # Any marker may be preceded by fill bytes (T.81 B.1.1.2); nothing else may stand here.
    if end - start <= _LARGEST_WINDOW_BYTES and not read_at(stream, start, end - start).strip(
        b"\xff"
    ):
        parts.add(start, end, SegmentKind.PADDING, "fill")
    else:
        parts.problem("bytes between the segments belong to none")


def _joins_store(
    stores: list[_Store], content: bytes, content_bytes: int, at: int, parts: PartCollector
) -> bool:
    """Is this APP11 segment part of a manifest store? Then note where its bytes lie.

    It is looked for as the C2PA engine does, by box instance number and type alone,
    wherever it stands; what the standard asks beyond that becomes a problem.
    """
    if content_bytes <= 16:
        return False
    instance, packet = content[2:4], int.from_bytes(content[4:8], "big")
    whole = ByteRange(at, at + 4 + content_bytes)
    store = stores[-1] if stores else None
    if store is not None and instance == store.instance and packet > len(store.parts):
        if packet != len(store.parts) + 1:
            parts.problem("the APP11 segments of the manifest store are not numbered in sequence")
        if whole.start != store.parts[-1].end:
            parts.problem("the APP11 segments of the manifest store do not follow each other")
        if content[8:16] != store.box_header:
            parts.problem("an APP11 segment does not repeat the manifest store's box header")
        skipped = 16
    elif content_bytes > 28 and content[24:28] == b"c2pa":
        store = _Store(instance=instance, box_header=content[8:16])
        stores.append(store)
        if packet != 1:
            parts.problem("the APP11 segments of the manifest store are not numbered in sequence")
        if content[12:16] != b"jumb" or content[20:24] != b"jumd":
            parts.problem("the manifest store in APP11 is not a JUMBF superbox")
        skipped = 8
    else:
        return False
    if content[:2] != b"JP":
        parts.problem("an APP11 segment of the manifest store lacks the identifier JP")
    store.parts.append(whole)
    store.joined_bytes += content_bytes - skipped
    parts.add_manifest(whole)
    parts.add_payload(at + 4 + skipped, whole.end)
    return True


def _finish(parts: PartCollector, stores: list[_Store], media_end: int) -> Layout:
    if len(stores) > 1:
        parts.problem(MULTIPLE_STORES)
    for store in stores:
        declared = int.from_bytes(store.box_header[:4], "big")
        if declared != store.joined_bytes:
            parts.problem(
                f"the manifest store: expected {declared} bytes, "
                f"got {store.joined_bytes} in APP11 segments"
            )
    return parts.finish(media_end)


def _kind(code: int, content: bytes) -> SegmentKind:  # noqa: PLR0911  # a table of prefixes
    if code == 0xE1 and content.startswith(b"Exif\0"):
        return SegmentKind.EXIF
    if code == 0xE1 and content.startswith(b"http://ns.adobe.com/x"):
        return SegmentKind.XMP
    if code == 0xE2 and content.startswith(b"ICC_PROFILE\0"):
        return SegmentKind.ICC
    if code == 0xED and content.startswith(b"Photoshop 3.0\0"):
        return SegmentKind.IPTC
    if code == _COM:
        return SegmentKind.TEXT
    if code in {0xE0, 0xEE, _DRI} or (code == 0xE2 and content.startswith(b"MPF\0")):
        return SegmentKind.STRUCTURE
    if code < 0xE0:
        return SegmentKind.CONTENT
    return SegmentKind.UNKNOWN


def _name(code: int) -> str:
    if code in _NAMES:
        return _NAMES[code]
    if 0xC0 <= code <= 0xCF:
        return f"SOF{code - 0xC0}"
    if 0xD0 <= code <= 0xD7:
        return f"RST{code - 0xD0}"
    if 0xE0 <= code <= 0xEF:
        return f"APP{code - 0xE0}"
    return f"0xFF{code:02X}"
