"""The layout of a JPEG XL file: the boxes of the container, or the naked codestream."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.c2pa_sidecar import is_manifest_store
from provenance.media.containers.collector import (
    MULTIPLE_STORES,
    PartCollector,
    label_of,
    read_at,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = ["parse_layout"]

_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEAD_BYTES = 64
_KINDS = {
    b"JXL ": SegmentKind.STRUCTURE,
    b"ftyp": SegmentKind.STRUCTURE,
    b"jxll": SegmentKind.STRUCTURE,
    b"jxli": SegmentKind.STRUCTURE,
    b"jxlc": SegmentKind.CONTENT,
    b"jxlp": SegmentKind.CONTENT,
    b"jbrd": SegmentKind.CONTENT,
    b"jhgm": SegmentKind.CONTENT,
    b"Exif": SegmentKind.EXIF,
    b"xml ": SegmentKind.XMP,
    b"free": SegmentKind.PADDING,
    b"skip": SegmentKind.PADDING,
}


def parse_layout(  # noqa: C901  # one loop over boxes
    stream: BinaryIO, size_bytes: int, limits: Limits
) -> Layout:
    """Which boxes make this JPEG XL file?

    Only top-level boxes. A naked codestream is one segment to the end of the file: its
    end is known only to a decoder, so it never shows a trailer, and it cannot hold a
    manifest. A Brotli-compressed `brob` box has the kind of what it compresses.

    Spec: ISO/IEC 18181-2 §4, §9; C2PA 2.2 A.3 (JPEG XL: a top-level `jumb` box).

    Raises:
        MalformedError: Neither a JPEG XL container nor a codestream.
        LimitError: More boxes than `max_segments`, or too large a manifest store.
    """
    head = read_at(stream, 0, len(_SIGNATURE))
    parts = PartCollector(size_bytes, limits)
    if head[:2] == b"\xff\x0a":
        parts.add(0, size_bytes, SegmentKind.CONTENT, "codestream", header_bytes=2)
        return parts.finish(size_bytes)
    if head != _SIGNATURE:
        raise MalformedError("JPEG XL: expected a container or codestream signature at offset 0")
    at, stores = 0, 0
    while at < size_bytes:
        head = read_at(stream, at, _HEAD_BYTES)
        length, name, header_bytes = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 0:
            length = size_bytes - at
        elif length == 1:
            length, header_bytes = int.from_bytes(head[8:16], "big"), 16
        if len(head) < header_bytes or length < header_bytes or at + length > size_bytes:
            return parts.break_off(at, "a box does not fit into the file")
        kind = _KINDS.get(name, SegmentKind.UNKNOWN)
        content = head[header_bytes:length]
        if name == b"brob":
            kind = _KINDS.get(content[:4], SegmentKind.UNKNOWN)
        if name == b"jumb" and is_manifest_store(content):
            kind = SegmentKind.MANIFEST
        whole = parts.add(at, at + length, kind, label_of(name), header_bytes=header_bytes)
        if kind is SegmentKind.MANIFEST:
            stores += 1
            if stores > 1:
                parts.problem(MULTIPLE_STORES)
            parts.add_manifest(whole)
            # The box is the store itself, so its header belongs to it.
            parts.add_payload(whole.start, whole.end)
        at += length
    return parts.finish(size_bytes)
