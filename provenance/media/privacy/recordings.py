"""Finding private metadata in MP4, MOV, M4A, WebP, WAV, MP3 and FLAC, and how to erase it."""

from __future__ import annotations

import io
from typing import BinaryIO

from provenance.media.containers import jpeg
from provenance.media.containers.bmff import C2PA_USER_TYPE, user_type
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.model import decode_text
from provenance.media.privacy.exif_eraser import erase_exif
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.pictures import jpeg_edits
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["bmff_edits", "ranged_categories", "riff_edits", "tagged_edits"]

_METADATA_TRACKS = frozenset({"gpmd", "camm", "rtmd", "mebx", "mett", "metx", "fdsc"})
_KNOWN_USER_DATA = frozenset(
    {
        *("meta", "name", "kind", "ludt", "chpl", "hnti", "hinf", "strk", "tsel", "cprt", "titl"),
        *("perf", "auth", "albm", "dscp", "gnre", "yrrc", "clsf", "kywd", "rtng", "free", "skip"),
        *("WLOC", "LOOP", "SelO", "AllF", "ptv ", "XMP_", "vndr", "loci", "desc", "date"),
    }
)
_OWNER_ITEMS = {"apID": "container:apid", "ownr": "container:ownr"}


def ranged_categories(finder: Finder) -> dict[tuple[int, int], tuple[str, Category, str]]:
    """Which parts of the file hold a tag that is private by its name or value?"""
    found = {}
    for field in finder.values:
        category = category_of(field.name) or category_of_value(field.value)
        if category is not None and field.source == "container" and field.range is not None:
            found[field.range] = (field.name, category, field.value)
    return {(r.start, r.end): what for r, what in found.items()}


def bmff_edits(  # noqa: C901  # one loop over boxes
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private boxes has this file, and how do they become free space of their size?"""
    edits: list[Edit] = []
    by_range = ranged_categories(finder)
    gone_to = 0
    for part in layout.segments:
        if part.start < gone_to or part.kind in {SegmentKind.MANIFEST, SegmentKind.PADDING}:
            continue
        parent = part.path.rpartition("/")[0].rpartition("/")[2]
        if part.kind is SegmentKind.XMP:
            if part.end - part.data_start > finder.limits.max_metadata_bytes:
                finder.unreadable("XMP: it is too large")
                continue
            body = read_at(stream, part.data_start, part.end - part.data_start)
            changed = erase_xmp(body, finder)
            if changed != body:
                edits.append(Edit(part.data_start, part.end, changed))
            continue
        if part.label == "covr":
            _look_at_cover(stream, part, finder)
        what = by_range.get((part.start, part.end)) or _private_box(stream, part, parent)
        if what is None:
            if parent.startswith("stsd[") and part.label in _METADATA_TRACKS:
                finder.found(
                    f"track:{part.label}", Category.POSITION, "timed metadata", removable=False
                )
            continue
        if part.end - part.start > finder.limits.max_metadata_bytes:
            finder.found(*what, removable=False)
        elif finder.found(*what):
            size = part.end - part.start
            # A box of a 64-bit size keeps it, so that the other offsets stay.
            head = read_at(stream, part.start, 16)
            head = head[:4] + b"free" + (head[8:] if head[:4] == b"\0\0\0\1" else b"")
            edits.append(Edit(part.start, part.end, head.ljust(size, b"\0")))
            gone_to = part.end
    if layout.media_end < layout.size_bytes:
        preview = f"{layout.size_bytes - layout.media_end} bytes that are no box"
        finder.found("trailer", Category.HISTORY, preview, removable=False)
    return edits


def _private_box(stream: BinaryIO, part: Segment, parent: str) -> tuple[str, Category, str] | None:
    if part.label == "uuid":
        own = user_type(stream, part)
        if own is None or own == C2PA_USER_TYPE or not part.path.startswith(("/uuid", "/moov")):
            return None
        return f"container:uuid/{own.hex()}", Category.HISTORY, "a box of a programme"
    if parent.startswith("udta["):
        if part.label in {"\xa9xyz", "loci"}:
            return "container:location", Category.POSITION, "a position"
        if part.label not in _KNOWN_USER_DATA and not part.label.startswith("\xa9"):
            name = f"container:udta/{part.label}"
            return name, Category.HISTORY, f"{part.end - part.data_start} bytes of a programme"
    if parent.startswith("ilst[") and part.label in _OWNER_ITEMS:
        return _OWNER_ITEMS[part.label], Category.OWNER, "an account"
    return None


def riff_edits(  # noqa: C901  # one loop over chunks
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private chunks has this WebP or WAV, and which bytes change without them?"""
    edits: list[Edit] = []
    gone = 0
    by_range = ranged_categories(finder)
    for part in layout.segments:
        size = int.from_bytes(read_at(stream, part.start + 4, 4), "little")
        if part.kind in {SegmentKind.EXIF, SegmentKind.XMP}:
            if size > finder.limits.max_metadata_bytes:
                finder.unreadable(f"{part.label}: more than is read")
                continue
            body = read_at(stream, part.data_start, min(size, part.end - part.data_start))
            erase = erase_exif if part.kind is SegmentKind.EXIF else erase_xmp
            changed = erase(body, finder)
            if changed != body:
                edits.append(Edit(part.data_start, part.data_start + len(body), changed))
            continue
        what: tuple[str, Category, str] | None = None
        if part.label == "LIST:INFO":
            gone += _info_edits(stream, part, edits, finder)
        elif part.label in {"iXML", "cart", "axml"} or part.kind is SegmentKind.UNKNOWN:
            name = f"riff:{part.label.strip()}"
            what = (name, Category.HISTORY, f"{part.end - part.data_start} bytes of a programme")
        elif part.kind is SegmentKind.TEXT and (part.start, part.end) in by_range:
            finder.found(*by_range[part.start, part.end], removable=False)
        if part.label == "unreadable":
            finder.unreadable("RIFF: it breaks off")
        elif what is not None and finder.found(*what):
            edits.append(Edit(part.start, part.end, b""))
            gone += part.end - part.start
    if layout.media_end < layout.size_bytes:
        preview = f"{layout.size_bytes - layout.media_end} bytes after the end"
        if finder.found("trailer", Category.HISTORY, preview):
            edits.append(Edit(layout.media_end, layout.size_bytes, b""))
    if gone:
        declared = int.from_bytes(read_at(stream, 4, 4), "little") - gone
        edits.append(Edit(4, 8, max(0, declared).to_bytes(4, "little")))
    return edits


def _info_edits(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> int:
    """Blank the private entries of an INFO list, at their size; none of it gets shorter."""
    size = min(part.end - part.data_start, finder.limits.max_metadata_bytes)
    body, at = read_at(stream, part.data_start, size), 4
    while at + 8 <= len(body):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        text = decode_text(body[at + 8 : at + 8 + size].partition(b"\0")[0])
        category = category_of_value(text)
        name = _INFO_NAMES.get(body[at : at + 4], decode_text(body[at : at + 4]).lower())
        end = at + 8 + size
        if end <= len(body) and category and finder.found(f"container:{name}", category, text):
            start = part.data_start + at + 8
            edits.append(Edit(start, start + size, bytes(size)))
        at = end + size % 2
    return 0


_INFO_NAMES = {
    b"INAM": "title",
    b"IART": "performer",
    b"ICMT": "comment",
    b"ICOP": "copyright",
    b"ICRD": "recorded_date",
    b"IENG": "encoded_by",
    b"IPRD": "album",
    b"ISFT": "encoder",
    b"ISBJ": "description",
    b"ISRC": "source",
    b"IKEY": "keywords",
}
_PRIVATE_FRAMES = {"OWNE": Category.OWNER, "TOWN": Category.OWNER, "PRIV": Category.TOOL}


def tagged_edits(  # noqa: C901, PLR0912  # one loop over frames
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private frames and blocks has this MP3 or FLAC, and what changes without them?

    An ID3 tag keeps its size: what was behind a frame moves up, zeros end the tag.
    """
    edits: list[Edit] = []
    by_range = ranged_categories(finder)
    first = read_at(stream, 0, 10)
    is_plain = first[:3] == b"ID3" and not first[5] & 0xD0
    tag_end = 0
    gone: list[Segment] = []
    for part in layout.segments:
        if part.label in {"audio", "fLaC"}:
            tag_end = tag_end or part.start
        body_size = part.end - part.data_start
        if body_size > finder.limits.max_metadata_bytes or part.kind is SegmentKind.MANIFEST:
            continue
        if part.label == "VORBIS_COMMENT":
            _vorbis_edits(stream, part, edits, finder)
        elif part.label == "PRIV" and part.kind is SegmentKind.XMP:
            body = read_at(stream, part.data_start + 4, body_size - 4)
            changed = erase_xmp(body, finder)
            if changed != body:
                edits.append(Edit(part.data_start + 4, part.end, changed))
        elif part.label == "APPLICATION":
            if finder.found("flac:APPLICATION", Category.TOOL, f"{body_size} bytes"):
                head = bytes([read_at(stream, part.start, 1)[0] & 0x80 | 1])
                edits.append(Edit(part.start, part.start + 1, head))
                edits.append(Edit(part.data_start, part.end, bytes(body_size)))
        elif part.label in {"APIC", "PIC", "PICTURE"}:
            _look_at_cover(stream, part, finder)
        else:
            what = by_range.get((part.start, part.end))
            if part.label in _PRIVATE_FRAMES:
                name = f"container:{part.label.lower()}"
                what = (name, _PRIVATE_FRAMES[part.label], f"{body_size} bytes")
            is_frame = is_plain and not tag_end
            if what is not None and finder.found(*what, removable=is_frame):
                gone.append(part)
    if gone:
        # Only frames of one plain tag come here; its zeros go where its frames end.
        padding_at = tag_end
        for part in layout.segments:
            if part.label == "ID3 padding" and part.start < tag_end:
                padding_at = part.start
        edits += [Edit(part.start, part.end, b"") for part in gone]
        edits.append(Edit(padding_at, padding_at, bytes(sum(p.end - p.start for p in gone))))
    return edits


def _look_at_cover(stream: BinaryIO, part: Segment, finder: Finder) -> None:
    """Note private metadata inside a JPEG that is the cover of a recording."""
    if part.end - part.data_start > finder.limits.max_metadata_bytes:
        finder.unreadable("the cover picture: it is too large")
        return
    body = read_at(stream, part.data_start, part.end - part.data_start)
    at = body.find(b"\xff\xd8\xff")
    if at < 0:
        return
    inner = Finder(finder.limits, erase=False)
    picture = io.BytesIO(body[at:])
    jpeg_edits(picture, jpeg.parse_layout(picture, len(body) - at, finder.limits), inner)
    for field in inner.reading().fields:
        if field.name != "trailer":
            finder.found(f"cover:{field.name}", field.category, field.preview, removable=False)


def _vorbis_edits(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> None:
    body = read_at(stream, part.data_start, part.end - part.data_start)
    at = 4 + int.from_bytes(body[:4], "little")
    vendor, count = body[:at], int.from_bytes(body[at : at + 4], "little")
    at, kept, was = at + 4, [], 0
    for _ in range(count):
        size = int.from_bytes(body[at : at + 4], "little")
        entry = body[at : at + 4 + size]
        if len(entry) < 4 + size or at + 4 > len(body):
            finder.unreadable("Vorbis comment: a field reaches past the end")
            return
        at, was = at + 4 + size, was + 1
        key, _, value = decode_text(entry[4:]).partition("=")
        name = f"container:{key.lower()}"
        category = category_of(name) or category_of_value(value)
        if category is None or not finder.found(name, category, value):
            kept.append(entry)
    if len(kept) < was:
        data = vendor + len(kept).to_bytes(4, "little") + b"".join(kept)
        head = read_at(stream, part.start, 1) + len(data).to_bytes(3, "big")
        edits.append(Edit(part.start, part.end, head + data))
