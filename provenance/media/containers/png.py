"""The layout of a PNG file: its chunks."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import (
    MULTIPLE_STORES,
    PartCollector,
    label_of,
    read_at,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = ["parse_layout"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_KINDS = {
    b"IHDR": SegmentKind.STRUCTURE,
    b"PLTE": SegmentKind.CONTENT,
    b"IDAT": SegmentKind.CONTENT,
    b"IEND": SegmentKind.STRUCTURE,
    b"acTL": SegmentKind.CONTENT,
    b"fcTL": SegmentKind.CONTENT,
    b"fdAT": SegmentKind.CONTENT,
    b"tRNS": SegmentKind.CONTENT,
    b"bKGD": SegmentKind.STRUCTURE,
    b"cHRM": SegmentKind.STRUCTURE,
    b"cICP": SegmentKind.STRUCTURE,
    b"cLLI": SegmentKind.STRUCTURE,
    b"gAMA": SegmentKind.STRUCTURE,
    b"hIST": SegmentKind.STRUCTURE,
    b"mDCV": SegmentKind.STRUCTURE,
    b"pHYs": SegmentKind.STRUCTURE,
    b"sBIT": SegmentKind.STRUCTURE,
    b"sPLT": SegmentKind.STRUCTURE,
    b"sRGB": SegmentKind.STRUCTURE,
    b"tIME": SegmentKind.STRUCTURE,
    b"iCCP": SegmentKind.ICC,
    b"eXIf": SegmentKind.EXIF,
    b"iTXt": SegmentKind.TEXT,
    b"tEXt": SegmentKind.TEXT,
    b"zTXt": SegmentKind.TEXT,
    b"caBX": SegmentKind.MANIFEST,
}


def parse_layout(  # noqa: C901  # one loop over chunks
    stream: BinaryIO, size_bytes: int, limits: Limits
) -> Layout:
    """Which chunks make this PNG?

    A chunk is one segment with its length, type and checksum; the checksum is not
    checked here. The file ends after `IEND`.

    Spec: PNG (third edition) §5; C2PA 2.2 A.3.2 (chunk `caBX`).

    Raises:
        MalformedError: The PNG signature is missing.
        LimitError: More chunks than `max_segments`, or too large a manifest store.
    """
    if read_at(stream, 0, 8) != _SIGNATURE:
        raise MalformedError("PNG: expected the signature at offset 0")
    parts = PartCollector(size_bytes, limits)
    parts.add(0, 8, SegmentKind.STRUCTURE, "signature", header_bytes=8)
    at, stores, first = 8, 0, True
    while True:
        head = read_at(stream, at, 8 + len(_XMP_KEYWORD))
        if len(head) < 8:
            return parts.break_off(at, "the picture has no IEND chunk")
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        end = at + 12 + length
        if not name.isalpha():
            return parts.break_off(at, "a chunk type is not made of letters")
        if end > size_bytes:
            return parts.break_off(at, f"chunk {label_of(name)} does not fit into the file")
        if first and name != b"IHDR":
            parts.problem("the first chunk is not IHDR")
        first = False
        kind = _KINDS.get(name, SegmentKind.UNKNOWN)
        # It belongs into `iTXt`; readers take it from its older kin as well.
        if kind is SegmentKind.TEXT and head[8 : 8 + length].startswith(_XMP_KEYWORD):
            kind = SegmentKind.XMP
        whole = parts.add(at, end, kind, label_of(name), header_bytes=8)
        if kind is SegmentKind.MANIFEST:
            stores += 1
            parts.add_manifest(whole)
            parts.add_payload(at + 8, end - 4)
            if stores > 1:
                parts.problem(MULTIPLE_STORES)
        if name == b"IEND":
            if length:
                parts.problem("the IEND chunk is not empty")
            return parts.finish(end)
        at = end
