"""Finding private metadata in MP4, MOV and M4A, and how to erase it."""

from __future__ import annotations

from typing import BinaryIO

from provenance.media.containers.bmff import C2PA_USER_TYPE, user_type
from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.bmff_tags import Tag, read_tags
from provenance.media.metadata.model import FieldCollector
from provenance.media.privacy.boxes import look_at_box, look_into_samples, message_scheme
from provenance.media.privacy.captions import look_at_captions
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.recording_parts import (
    look_at_cover,
    look_at_free_space,
    ranged_categories,
)
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["bmff_edits"]

_METADATA_TRACKS = frozenset({"gpmd", "camm", "rtmd", "mebx", "mett", "metx", "fdsc"})
# Every maker has tracks of its own (`djmd`, `CTMD`): what a track is for counts as well. The
# two that say how colours are meant, and when programmes begin, say nothing about a place.
_METADATA_HANDLERS = frozenset({b"meta", b"priv", b"data"})
_PUBLIC_TRACKS = frozenset({"it35", "evte"})
# Cameras keep their model, serial number and position in `meta` as XML (`xml `), which no
# list of tags mentions; dashboard cameras in boxes of `moov` and in what is called free.
_PRIVATE_OF_META = frozenset({"xml ", "bxml", "ID32"})
_KNOWN_OF_MOOV = frozenset(
    {
        *("mvhd", "trak", "mvex", "udta", "meta", "iods", "pssh", "uuid", "ainf", "leva", "drep"),
        *("clip", "ctab", "prfl", "rmra", "cmov", "mdra"),
    }
)
_KNOWN_USER_DATA = frozenset(
    {
        *("meta", "name", "kind", "ludt", "chpl", "hnti", "hinf", "strk", "tsel", "cprt", "titl"),
        *("perf", "auth", "albm", "dscp", "gnre", "yrrc", "clsf", "kywd", "rtng", "free", "skip"),
        *("WLOC", "LOOP", "SelO", "AllF", "ptv ", "XMP_", "vndr", "loci", "desc", "date"),
    }
)
# What QuickTime shows of a film before it is opened.
_PREVIEWS = frozenset({"pnot", "PICT"})
# Credentials; when a fragment plays, of Smooth Streaming, and how its samples are encrypted.
_PUBLIC_UUIDS = frozenset(
    {
        C2PA_USER_TYPE,
        bytes.fromhex("6d1d9b0542d544e680e2141daff757b2"),
        bytes.fromhex("d4807ef2ca3946958e5426cb9e46a79f"),
        bytes.fromhex("a2394f525a9b4f14a2446c427c648df4"),
    }
)
# Types of values that are pictures: BMP, JPEG, PNG (QuickTime File Format, "Well-known types").
_PICTURE_TYPES = frozenset({13, 14, 27})
_OWNER_ITEMS = {"apID": "container:apid", "ownr": "container:ownr"}
# Drones: the number of the camera and of the flight, and a block of their own.
_DRONE_DATA = frozenset({"\xa9csn", "\xa9uid", "\xa9dji"})


def bmff_edits(  # noqa: C901, PLR0912  # one loop over boxes
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private boxes has this file, and how do they become free space of their size?"""
    edits: list[Edit] = []
    by_range = ranged_categories(finder.values)
    tags = {
        (tag.part.start, tag.part.end): tag
        for tag in read_tags(stream, layout, FieldCollector(finder.limits))
    }
    look_at_captions(stream, layout, finder)
    look_into_samples(stream, layout, finder)
    handlers: dict[str, bytes] = {}
    gone_to = 0
    for part in layout.segments:
        if part.start < gone_to or part.kind is SegmentKind.MANIFEST:
            continue
        if part.kind is SegmentKind.PADDING:
            look_at_free_space(stream, part, edits, finder)
            continue
        if part.label == "hdlr":
            handlers[part.path.rpartition("/")[0]] = read_at(stream, part.data_start + 8, 4)
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
        if parent.startswith("ilst["):
            _look_at_covers(stream, part, finder)
        look_at_box(stream, part, parent, edits, finder)
        place = (part.start, part.end)
        what = by_range.get(place) or _private_box(stream, part, parent)
        what = what or (_private_tag(tags[place]) if place in tags else None)
        if what is None:
            handler = handlers.get(part.path.partition("/minf[")[0])
            if parent.startswith("stsd[") and _tells_where(part.label, handler):
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


def _tells_where(label: str, handler: bytes | None) -> bool:
    """May a track of this kind say, moment by moment, where it was recorded?"""
    if label in _METADATA_TRACKS:
        return True
    return handler in _METADATA_HANDLERS and label not in _PUBLIC_TRACKS


def _look_at_covers(stream: BinaryIO, part: Segment, finder: Finder) -> None:
    """Have each picture of this tag searched: it holds one `data` box for each."""
    is_cover = part.label == "covr"
    if part.end - part.data_start > finder.limits.max_metadata_bytes:
        if is_cover or _is_picture(read_at(stream, part.data_start, 12)):
            finder.unreadable("the cover picture: it is too large")
        return
    body, at = read_at(stream, part.data_start, part.end - part.data_start), 0
    while at < len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        end = at + size if size >= 8 else len(body)
        if is_cover or _is_picture(body[at : at + 12]):
            look_at_cover(body[at:end], finder)
        at = end


def _is_picture(head: bytes) -> bool:
    """Does a `data` box with a picture begin like this?"""
    return head[4:8] == b"data" and int.from_bytes(head[8:12], "big") in _PICTURE_TYPES


def _private_tag(tag: Tag) -> tuple[str, Category, str] | None:
    """Is this tag private for its name, whatever kind of value it has, or for what it says?"""
    name = f"container:{tag.name.lower()}"
    if tag.part.label in _DRONE_DATA:
        return name, Category.SERIAL_NUMBER, tag.others
    for text in (tag.text, tag.others):
        category = category_of(name) or category_of_value(text)
        if category is not None:
            return name, category, text
    return None


def _private_box(stream: BinaryIO, part: Segment, parent: str) -> tuple[str, Category, str] | None:
    if part.label == "uuid":
        own = user_type(stream, part)
        places = ("/uuid", "/moov", "/meta", "/udta", "/moof", "/mfra")
        if own is None or own in _PUBLIC_UUIDS or not part.path.startswith(places):
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
    return _strange_box(stream, part, parent)


def _strange_box(stream: BinaryIO, part: Segment, parent: str) -> tuple[str, Category, str] | None:
    """Is this a box that no standard puts here, but cameras do, or a preview or a message?"""
    if part.label in _PREVIEWS and not part.depth:
        return f"container:{part.label}", Category.PREVIEW, "a small picture"
    if part.label == "emsg" and not part.depth:
        scheme = message_scheme(stream, part)
        return None if scheme is None else ("container:emsg", Category.HISTORY, scheme)
    if (
        (part.kind is SegmentKind.UNKNOWN and not part.depth)
        or (parent.startswith("moov[") and part.label not in _KNOWN_OF_MOOV)
        or (parent.startswith("meta[") and part.label in _PRIVATE_OF_META)
    ):
        place = parent.partition("[")[0]
        name = f"container:{place}/{part.label}" if place else f"container:{part.label}"
        return name.strip(), Category.HISTORY, f"{part.end - part.data_start} bytes of a programme"
    return None
