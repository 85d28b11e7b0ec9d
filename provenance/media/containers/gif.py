"""The layout of a GIF file: its blocks."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import (
    MULTIPLE_STORES,
    PartCollector,
    label_of,
    read_at,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = ["parse_layout"]

_WINDOW_BYTES = 64 * 1024
_HEAD_BYTES = 32
_APPLICATIONS = {
    b"NETSCAPE2.0": SegmentKind.STRUCTURE,
    b"ANIMEXTS1.0": SegmentKind.STRUCTURE,
    b"XMP DataXMP": SegmentKind.XMP,
    b"ICCRGBG1012": SegmentKind.ICC,
}
_EXTENSIONS = {
    0xF9: ("graphic control", SegmentKind.STRUCTURE),
    0xFE: ("comment", SegmentKind.TEXT),
    0x01: ("plain text", SegmentKind.CONTENT),
}


def parse_layout(  # noqa: C901, PLR0912  # one loop over block types
    stream: BinaryIO, size_bytes: int, limits: Limits
) -> Layout:
    """Which blocks make this GIF?

    A block is one segment with all its sub-blocks and their terminator; an image with
    its descriptor and colour table. An application extension is labelled with the
    application's name.

    Spec: GIF89a; C2PA 2.2 A.3.6 (application extension `C2PA_GIF`, before the first image).

    Raises:
        MalformedError: The header or the screen descriptor is missing.
        LimitError: More blocks than `max_segments`, too many short sub-blocks, or too
            large a manifest store.
    """
    head = read_at(stream, 0, 13)
    if head[:6] not in {b"GIF87a", b"GIF89a"} or len(head) < 13:
        raise MalformedError("GIF: expected a header and a screen descriptor at offset 0")
    parts = PartCollector(size_bytes, limits)
    parts.add(0, 6, SegmentKind.STRUCTURE, "header", header_bytes=6)
    parts.add(6, 13, SegmentKind.STRUCTURE, "screen descriptor")
    at = 13 + _colour_table_bytes(head[10])
    parts.add(13, at, SegmentKind.CONTENT, "global colour table")
    chains = _SubBlocks(stream, size_bytes, limits)
    stores, seen_image = 0, False
    while True:
        head = read_at(stream, at, _HEAD_BYTES)
        if not head:
            return parts.break_off(at, "the picture has no trailer byte")
        if head[0] == 0x3B:
            parts.add(at, at + 1, SegmentKind.STRUCTURE, "trailer byte", header_bytes=1)
            return parts.finish(at + 1)
        is_store, header_bytes = False, 2
        if head[0] == 0x2C and len(head) >= 11:
            label, kind, seen_image = "image", SegmentKind.CONTENT, True
            header_bytes = 10
            data = at + 10 + _colour_table_bytes(head[9]) + 1
        elif head[0] == 0x21 and len(head) >= 3:
            data = at + 2
            if head[1] == 0xFF and head[2] == 11 and len(head) >= 14:
                label, data, header_bytes = label_of(head[3:14]), at + 14, 14
                kind = _APPLICATIONS.get(head[3:14], SegmentKind.UNKNOWN)
                is_store = head[3:11] == b"C2PA_GIF"
            else:
                label, kind = _EXTENSIONS.get(head[1], ("extension", SegmentKind.UNKNOWN))
        else:
            return parts.break_off(at, f"expected a block, got 0x{head[0]:02x}")
        end = chains.follow(data, parts if is_store else None)
        if end is None:
            return parts.break_off(at, f"a block does not fit into the file: {label}")
        if is_store:
            kind = SegmentKind.MANIFEST
            stores += 1
            if stores > 1:
                parts.problem(MULTIPLE_STORES)
            if seen_image:
                parts.problem("the manifest store stands after the first image")
        whole = parts.add(at, end, kind, label, header_bytes=header_bytes)
        if is_store:
            parts.add_manifest(whole)
        at = end


def _colour_table_bytes(packed: int) -> int:
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


class _SubBlocks:
    """Follows chains of sub-blocks, of which a file may have very many.

    Real encoders fill sub-blocks to 255 bytes, so a file whose sub-blocks hold less
    than half of that on average, over more of them than segments are allowed, only
    wants to keep us busy.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int, limits: Limits) -> None:
        self._stream = stream
        self._left = limits.max_segments + size_bytes // 128

    def follow(self, at: int, payload: PartCollector | None) -> int | None:
        """Where does the chain that starts here end, its terminator included?

        None where it does not end inside the file. With `payload` the data of each
        sub-block is noted as part of the manifest store.
        """
        window, base = b"", at
        while True:
            if not base <= at < base + len(window):
                # Most chains are short, and there may be many of them.
                size = _WINDOW_BYTES if window else 1024
                window, base = read_at(self._stream, at, size), at
                if not window:
                    return None
            length = window[at - base]
            at += 1 + length
            if length == 0:
                return at
            if payload is not None:
                if at > payload.size_bytes:
                    return None
                payload.add_payload(at - length, at)
            self._left -= 1
            if self._left < 0:
                raise LimitError("GIF: too many short sub-blocks")
