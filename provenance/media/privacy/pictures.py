"""Finding private metadata in the parts of JPEG and PNG files, and how to erase it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.containers.pieces import is_zero_filled
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.model import decode_text
from provenance.media.metadata.tags import png_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.photoshop_eraser import erase_exif_and_blocks, erase_resources
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["jpeg_edits", "png_edits"]

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENDED_HEAD = len(_EXTENDED) + 40
_RESOURCES = b"Photoshop 3.0\0"
_MAX_PARTS = 256
# What stands between the keyword and the text, and how the text is packed.
_TEXT_HEADS: Mapping[str, tuple[bytes, Callable[[bytes], bytes]]] = MappingProxyType(
    {"tEXt": (b"\0", bytes), "zTXt": (b"\0\0", zlib.compress), "iTXt": (bytes(5), bytes)}
)
# Segments of programmes and cameras that say nothing about anybody.
_PUBLIC_APP = (
    *((b"JP", "APP11"), (b"HDR_RI", "APP11"), (b"Ducky", "APP12"), (b"SPIFF", "APP8")),
    *((b"ICC_PROFILE\0", "APP2"), (b"urn:iso:std:iso:ts:21496", "APP2")),
    # Frames of Motion JPEG: which field of an interlaced picture, and how long.
    *((b"AVI1", "APP0"), (b"Ocad", "APP0"), (b"Adobe", "APP14")),
)
# JFIF without its picture, and what tells how colours were turned (Adobe TN 5116).
_JFIF_BYTES, _ADOBE_BYTES = 14, 12
# JPEG-LS cannot be decoded without these two (ITU-T T.87 annex C).
_LOSSLESS = frozenset({"0xFFF7", "0xFFF8"})
_PUBLIC_CHUNKS = frozenset({"sTER", "oFFs", "pCAL", "sCAL", "gIFg", "gIFx", "fRAc", "cLLi", "mDCv"})


def jpeg_edits(  # noqa: C901  # one loop over segments
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private metadata does this JPEG hold, and which bytes change without it?"""
    edits = _gap_edits(stream, layout, finder)
    photoshop: list[tuple[Segment, bytes]] = []
    packets: list[tuple[Segment, bytes]] = []
    extended: dict[bytes, list[tuple[int, int, Segment, bytes]]] = {}
    left = _MAX_PARTS
    for part in layout.segments:
        if not part.label.startswith(("APP", "COM", "0xFF")) or part.kind is SegmentKind.MANIFEST:
            continue
        left -= 1
        if left < 0:
            finder.unreadable(f"JPEG: more than {_MAX_PARTS} metadata segments")
            break
        body = read_at(stream, part.data_start, part.end - part.data_start)
        edits += _end_edits(part, body, finder)
        if part.kind is SegmentKind.EXIF:
            _replace(edits, part.data_start, body, erase_exif_and_blocks(body, finder))
        elif part.kind is SegmentKind.IPTC:
            photoshop.append((part, body.removeprefix(_RESOURCES)))
        elif body.startswith(_XMP):
            packets.append((part, body))
        elif body.startswith(_EXTENDED) and len(body) >= _EXTENDED_HEAD:
            head = body[len(_EXTENDED) : _EXTENDED_HEAD]
            total, offset = int.from_bytes(head[32:36], "big"), int.from_bytes(head[36:], "big")
            extended.setdefault(head[:32], []).append((offset, total, part, body[_EXTENDED_HEAD:]))
        elif part.kind is SegmentKind.TEXT:
            text = decode_text(body)
            category = category_of_value(text)
            if category is not None and finder.found("container:comment", category, text):
                edits.append(Edit(part.start, part.end, b""))
        elif _is_private_segment(part, body, finder):
            edits.append(Edit(part.start, part.end, b""))
    digests = _extended_edits(extended, edits, finder)
    for part, body in packets:
        changed = _XMP + erase_xmp(body[len(_XMP) :], finder)
        for old, new in digests.items():
            changed = changed.replace(old, new)
        _replace(edits, part.data_start, body, changed)
    _photoshop_edits(photoshop, edits, finder)
    _trailer_edit(stream, layout, edits, finder)
    return edits


def _gap_edits(stream: BinaryIO, layout: Layout, finder: Finder) -> list[Edit]:
    """Take out what lies between the segments, where no reader looks."""
    edits: list[Edit] = []
    if any(part.label == "unreadable" for part in layout.segments):
        finder.unreadable("JPEG: it breaks off")
    for gap in layout.gaps:
        if not is_zero_filled(stream, gap):
            preview = f"{gap.size_bytes} bytes between the segments"
            if finder.found("jpeg:gap", Category.HISTORY, preview):
                edits.append(Edit(gap.start, gap.end, b""))
    return edits


def _replace(edits: list[Edit], at: int, old: bytes, new: bytes) -> None:
    if new != old:
        edits.append(Edit(at, at + len(old), new))


def _is_private_segment(part: Segment, body: bytes, finder: Finder) -> bool:
    if part.label == "APP0" and body.startswith(b"JFXX\0"):
        return finder.found("jpeg:JFXX", Category.PREVIEW, "a small picture")
    if part.label == "APP0" and body.startswith(b"JFIF\0"):
        if len(body) >= _JFIF_BYTES and body[12] * body[13]:
            finder.found("jpeg:JFIF-thumbnail", Category.PREVIEW, "a picture", removable=False)
        return False
    if part.label == "APP11" and body[:2] == b"JP" and body[12:16] == b"jumb":
        # Of the boxes of this segment, those of JPEG XT hold a part of the picture.
        return finder.found("jpeg:APP11", Category.HISTORY, "a box of a programme")
    if part.label in _LOSSLESS or any(
        body.startswith(mark) and part.label == label for mark, label in _PUBLIC_APP
    ):
        return False
    if part.label == "APP2" and body.startswith(b"MPF\0"):
        return finder.found("jpeg:MPF", Category.PREVIEW, "further pictures")
    mark = decode_text(body[:32].partition(b"\0")[0])
    name = f"jpeg:{part.label}"
    return finder.found(name, Category.HISTORY, f"{len(body)} bytes of {mark or 'somebody'}")


def _end_edits(part: Segment, body: bytes, finder: Finder) -> list[Edit]:
    """Cut off what somebody wrote behind a segment that stays, as it says what colours mean."""
    if part.label == "APP0" and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        size = _JFIF_BYTES + 3 * body[12] * body[13]
    elif part.label == "APP14" and body.startswith(b"Adobe"):
        size = _ADOBE_BYTES
    else:
        return []
    preview = f"{len(body) - size} bytes more than it has"
    if not body[size:].strip(b"\0") or not finder.found(
        f"jpeg:{part.label}", Category.HISTORY, preview
    ):
        return []
    length = Edit(part.start + 2, part.start + 4, (2 + size).to_bytes(2, "big"))
    return [length, Edit(part.data_start + size, part.end, b"")]


def _extended_edits(
    extended: dict[bytes, list[tuple[int, int, Segment, bytes]]],
    edits: list[Edit],
    finder: Finder,
) -> dict[bytes, bytes]:
    """Erase in extended XMP; by which new digests is it known then?"""
    digests: dict[bytes, bytes] = {}
    for digest, pieces in extended.items():
        pieces.sort(key=lambda piece: piece[0])
        packet = b"".join(body for *_, body in pieces)
        if len(packet) != pieces[0][1] or len(digest) != 32:
            finder.unreadable("JPEG: extended XMP that is not complete")
            continue
        changed = erase_xmp(packet, finder)
        if changed == packet:
            continue
        # XMP part 3 §1.1.3.1: the digest of the extended packet is its name.
        new = hashlib.md5(changed, usedforsecurity=False).hexdigest().upper().encode()
        digests[digest] = new
        at = 0
        for _, _, part, body in pieces:
            start = part.data_start + len(_EXTENDED)
            edits.append(Edit(start, start + 32, new))
            start = part.data_start + _EXTENDED_HEAD
            edits.append(Edit(start, start + len(body), changed[at : at + len(body)]))
            at += len(body)
    return digests


def _photoshop_edits(parts: list[tuple[Segment, bytes]], edits: list[Edit], finder: Finder) -> None:
    if not parts:
        return
    whole = b"".join(body for _, body in parts)
    changed = erase_resources(whole, finder)
    if changed == whole:
        return
    # What got shorter is filled up by the first segments; those left empty vanish.
    at = 0
    for part, body in parts:
        piece = changed[at : at + len(body)]
        at += len(piece)
        length = (2 + len(_RESOURCES) + len(piece)).to_bytes(2, "big")
        data = b"\xff\xed" + length + _RESOURCES + piece if piece else b""
        edits.append(Edit(part.start, part.end, data))


def _trailer_edit(stream: BinaryIO, layout: Layout, edits: list[Edit], finder: Finder) -> None:
    size = layout.size_bytes - layout.media_end
    if size <= 0:
        return
    head = read_at(stream, layout.media_end, min(size, 64 * 1024))
    if not head.strip(b"\0") and size <= len(head):
        return
    what = "a video" if b"ftyp" in head[:64] else "data"
    if finder.found("trailer", Category.PREVIEW, f"{what} of {size} bytes after the picture"):
        edits.append(Edit(layout.media_end, layout.size_bytes, b""))


def png_edits(stream: BinaryIO, layout: Layout, finder: Finder) -> list[Edit]:
    """Which private metadata does this PNG hold, and which bytes change without it?"""
    edits: list[Edit] = []
    for part in layout.segments:
        if part.label == "unreadable":
            finder.unreadable("PNG: it breaks off")
        if part.depth or part.kind not in {
            SegmentKind.EXIF,
            SegmentKind.XMP,
            SegmentKind.TEXT,
            SegmentKind.UNKNOWN,
        }:
            continue
        if part.end - part.data_start > finder.limits.max_metadata_bytes:
            finder.unreadable(f"PNG: a large {part.label} chunk")
            continue
        body = read_at(stream, part.data_start, part.end - part.data_start)[:-4]
        changed = _changed_chunk(part, body, finder)
        if changed is None:
            edits.append(Edit(part.start, part.end, b""))
        elif changed != body:
            kind = read_at(stream, part.start + 4, 4)
            check = zlib.crc32(kind + changed).to_bytes(4, "big")
            chunk = len(changed).to_bytes(4, "big") + kind + changed + check
            edits.append(Edit(part.start, part.end, chunk))
    _trailer_edit(stream, layout, edits, finder)
    return edits


def _changed_chunk(part: Segment, body: bytes, finder: Finder) -> bytes | None:
    """The body without what is private; None where the chunk is to go."""
    if part.kind is SegmentKind.EXIF:
        return erase_exif_and_blocks(body, finder)
    if part.kind is SegmentKind.UNKNOWN:
        # A chunk whose first letter is small may be left out (PNG §5.4).
        if part.label in _PUBLIC_CHUNKS or part.label == "unreadable":
            return body
        is_free = part.label[:1].islower()
        preview = f"{len(body)} bytes of a programme"
        is_gone = finder.found(f"png:{part.label}", Category.HISTORY, preview, removable=is_free)
        return None if is_gone else body
    found = png_text(part.label, body, finder.limits.max_metadata_bytes)
    if found is None:
        finder.unreadable(f"PNG: a {part.label} chunk")
        return body
    keyword, raw, is_utf8 = found
    if part.kind is SegmentKind.XMP:
        changed = erase_xmp(raw, finder)
        head, pack = _TEXT_HEADS[part.label]
        return body if changed == raw else keyword.encode("latin-1") + head + pack(changed)
    value = raw.decode("utf-8", "replace") if is_utf8 else decode_text(raw)
    name = f"container:{'encoder' if keyword.lower() == 'software' else keyword.lower()}"
    category = category_of(name) or category_of_value(value)
    return None if category is not None and finder.found(name, category, value) else body
