"""Joining and reading the metadata segments of a JPEG: EXIF, XMP, IPTC, comments.

Sources: CIPA DC-008 §4.7.2 (APP1); XMP part 3 §1.1.3 (APP1, extended XMP); Adobe
Photoshop File Formats Specification (APP13).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.exif import add_exif
from provenance.media.metadata.iptc import add_iptc, iptc_of_resources
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.xmp import add_xmp
from provenance.media.ranges import ByteRange

__all__ = ["add_jpeg_blocks"]

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENDED_HEAD_BYTES = len(_EXTENDED_XMP) + 32 + 4 + 4
_RESOURCES = b"Photoshop 3.0\0"
_KINDS = frozenset({SegmentKind.EXIF, SegmentKind.XMP, SegmentKind.IPTC, SegmentKind.TEXT})
_MAX_SEGMENTS = 256


def add_jpeg_blocks(stream: BinaryIO, layout: Layout, out: FieldCollector) -> None:
    """Which fields do the metadata segments of this JPEG hold?

    The first EXIF segment and the first XMP packet count, as for most readers; further
    ones are read as well, since a reader that takes the last would show those.
    """
    parts = [part for part in layout.segments if part.kind in _KINDS]
    if len(parts) > _MAX_SEGMENTS:
        out.unreadable(f"JPEG: more than {_MAX_SEGMENTS} metadata segments")
    extended: dict[bytes, list[tuple[int, bytes, Segment]]] = {}
    resources: list[tuple[bytes, Segment]] = []
    for part in parts[:_MAX_SEGMENTS]:
        body = read_at(stream, part.data_start, part.end - part.data_start)
        if part.kind is SegmentKind.EXIF:
            add_exif(body, out, part.range)
        elif part.kind is SegmentKind.IPTC:
            resources.append((body.removeprefix(_RESOURCES), part))
        elif part.kind is SegmentKind.TEXT:
            out.add("container:comment", decode_text(body), "container", part.range)
        elif body.startswith(_XMP):
            add_xmp(body[len(_XMP) :], out, part.range)
        elif body.startswith(_EXTENDED_XMP):
            head = body[len(_EXTENDED_XMP) : _EXTENDED_HEAD_BYTES]
            piece = int.from_bytes(head[36:40], "big"), body[_EXTENDED_HEAD_BYTES:], part
            extended.setdefault(head[:32], []).append(piece)
    if resources:
        # One resource may go on in the next segment, so all of them are one.
        records = iptc_of_resources(b"".join(body for body, _ in resources))
        add_iptc(records, out, _around(part for _, part in resources))
    for pieces in extended.values():
        pieces.sort(key=lambda piece: piece[0])
        packet = b"".join(body for _, body, _ in pieces)
        add_xmp(packet, out, _around(part for _, _, part in pieces))


def _around(parts: Iterable[Segment]) -> ByteRange:
    found = list(parts)
    return ByteRange(min(p.start for p in found), max(p.end for p in found))
