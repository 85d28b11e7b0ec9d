"""Finding private metadata in MP4, MOV, M4A, WebP, WAV, MP3 and FLAC, and how to erase it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO

from provenance.media.containers.bmff import C2PA_USER_TYPE, user_type
from provenance.media.containers.collector import PartCollector, read_at
from provenance.media.containers.id3 import add_leading_tags
from provenance.media.containers.pieces import is_zero_filled, iter_pieces
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.bmff_tags import Tag, read_tags
from provenance.media.metadata.model import FieldCollector, RawField, decode_text
from provenance.media.metadata.tags import add_id3_frame
from provenance.media.privacy.boxes import look_at_box, look_into_samples, message_scheme
from provenance.media.privacy.captions import look_at_captions
from provenance.media.privacy.id3_frames import chapter_tag, is_known_frame, private_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.photoshop_eraser import erase_exif_and_blocks
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.ranges import ByteRange

__all__ = ["bmff_edits", "ranged_categories", "riff_edits", "tagged_edits"]

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
_MAX_NOTE_BYTES = 256
_PADDING_NAMES = {"ID3 padding": "container:id3-padding", "PADDING": "flac:PADDING"}
_OWNER_ITEMS = {"apID": "container:apid", "ownr": "container:ownr"}
# Drones: the number of the camera and of the flight, and a block of their own.
_DRONE_DATA = frozenset({"\xa9csn", "\xa9uid", "\xa9dji"})


def ranged_categories(
    values: Iterable[RawField],
) -> dict[tuple[int, int], tuple[str, Category, str]]:
    """Which parts of the file hold a tag that is private by its name or value?"""
    found = {}
    for field in values:
        category = category_of(field.name) or category_of_value(field.value)
        if category is not None and field.source == "container" and field.range is not None:
            found[field.range] = (field.name, category, field.value)
    return {(r.start, r.end): what for r, what in found.items()}


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
            _look_at_free_space(stream, part, edits, finder)
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


def _look_at_free_space(
    stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder, name: str = ""
) -> None:
    """Blank free space that is none: what an editor left there, or a camera hid there."""
    if is_zero_filled(stream, ByteRange(part.data_start, part.end)):
        return
    size = part.end - part.data_start
    body = read_at(stream, part.data_start, min(size, finder.limits.max_metadata_bytes))
    text = decode_text(body.rstrip(b"\0"))
    # Muxers sign there with their name, in chunks of a RIFF file with zeros behind it.
    noted = len(text) if name and len(body) == size else size
    if noted <= _MAX_NOTE_BYTES and text.isprintable() and category_of_value(text) is None:
        return
    small = size <= finder.limits.max_metadata_bytes
    preview = f"{size} bytes in free space"
    name = name or f"container:{part.label}"
    if finder.found(name, Category.HISTORY, preview, removable=small):
        edits.append(Edit(part.data_start, part.end, bytes(size)))


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
            _look_at_cover(body[at:end], finder)
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


def riff_edits(  # noqa: C901, PLR0912  # one loop over chunks
    stream: BinaryIO, layout: Layout, finder: Finder
) -> list[Edit]:
    """Which private chunks has this WebP or WAV, and which bytes change without them?"""
    edits: list[Edit] = []
    gone = 0
    by_range = ranged_categories(finder.values)
    for part in layout.segments:
        size = int.from_bytes(read_at(stream, part.start + 4, 4), "little")
        if part.kind is SegmentKind.PADDING:
            _look_at_free_space(stream, part, edits, finder, f"riff:{part.label.strip()}")
            continue
        if part.kind in {SegmentKind.EXIF, SegmentKind.XMP}:
            if size > finder.limits.max_metadata_bytes:
                finder.unreadable(f"{part.label}: more than is read")
                continue
            body = read_at(stream, part.data_start, min(size, part.end - part.data_start))
            erase = erase_exif_and_blocks if part.kind is SegmentKind.EXIF else erase_xmp
            changed = erase(body, finder)
            if changed != body:
                edits.append(Edit(part.data_start, part.data_start + len(body), changed))
            continue
        what: tuple[str, Category, str] | None = None
        if part.label in {"id3 ", "ID3 "}:
            _id3_edits(stream, part, edits, finder)
            continue
        if part.label == "LIST:hdrl" and _has_camera_data(stream, part, finder):
            finder.found("riff:strd", Category.HISTORY, "data of a camera", removable=False)
        if part.label == "bext":
            _bext_edits(stream, part, edits, finder)
        if part.label == "LIST:adtl":
            _look_at_labels(stream, part, finder)
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


def _look_at_labels(stream: BinaryIO, part: Segment, finder: Finder) -> None:
    """Does a label or a note of a moment in this WAV say something private?"""
    size = min(part.end - part.data_start, finder.limits.max_metadata_bytes)
    said = private_text(read_at(stream, part.data_start, size))
    if said is not None:
        finder.found("riff:LIST:adtl", *said, removable=False)


def _has_camera_data(stream: BinaryIO, part: Segment, finder: Finder) -> bool:
    """Do the headers of this AVI hold `strd`, where cameras keep EXIF and their own notes?"""
    size = min(part.end - part.data_start, finder.limits.max_metadata_bytes)
    return b"strd" in read_at(stream, part.data_start, size)


def _id3_edits(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> None:
    """Erase in the ID3 tag of this chunk as in that of an MP3, at its size."""
    if part.end - part.data_start > finder.limits.max_metadata_bytes:
        finder.unreadable("RIFF: a large ID3 tag")
        return
    at = part.data_start
    body = read_at(stream, at, part.end - at)
    end, inner = _edits_of_tag(body, finder)
    if body[end:].strip(b"\0"):
        what = f"{len(body) - end} bytes that are no ID3 tag"
        if finder.found("riff:id3", Category.HISTORY, what):
            edits.append(Edit(at + end, part.end, bytes(len(body) - end)))
    edits += [Edit(at + edit.start, at + edit.end, edit.data) for edit in inner]


def _edits_of_tag(body: bytes, finder: Finder) -> tuple[int, list[Edit]]:
    """Where does the ID3 tag in these bytes end, and what changes in it?"""
    tag = io.BytesIO(body)
    parts = PartCollector(len(body), finder.limits)
    end = add_leading_tags(tag, parts)
    frames = parts.finish(end).segments
    out = FieldCollector(finder.limits)
    for frame in frames:
        if frame.kind is SegmentKind.TEXT:
            content = body[frame.data_start : frame.end]
            add_id3_frame(frame.label, content, out, frame.range, unsynchronised=_has_zeros(body))
    inner = [frame for frame in frames if frame.end <= end]
    return end, _tag_edits(tag, inner, ranged_categories(out.reading().fields), finder)


def _bext_edits(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> None:
    """Blank what in a `bext` chunk tells one recorder from all others.

    The reference is made of the recorder's serial number (EBU R 99), the UMID may hold it
    too, and the position (SMPTE ST 330). The originator is an author, unless it says one. The
    history of coding names machines (EBU R 98), at times with their serial numbers.
    """
    size = min(part.end - part.data_start, finder.limits.max_metadata_bytes)
    body = read_at(stream, part.data_start, size)
    found: list[tuple[str, tuple[int, int]]] = []
    if _SERIAL_IN_TEXT.search(decode_text(body[slice(*_ORIGINATOR)])):
        found.append(("container:author", _ORIGINATOR))
    found += [("container:originator_reference", _REFERENCE), ("container:umid", _UMID)]
    history = decode_text(body[_HISTORY_AT:])
    if _SERIAL_IN_TEXT.search(history) or category_of_value(history) is not None:
        found.append(("container:coding_history", (_HISTORY_AT, len(body))))
    for name, (start, end) in found:
        raw = body[start:end]
        if not raw.strip(b"\0 "):
            continue
        shown = decode_text(raw.partition(b"\0")[0])
        if finder.found(name, Category.SERIAL_NUMBER, shown):
            at = part.data_start + start
            edits.append(Edit(at, at + len(raw), bytes(len(raw))))


def _info_edits(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> int:
    """Blank the private entries of an INFO list, at their size; none of it gets shorter."""
    size = min(part.end - part.data_start, finder.limits.max_metadata_bytes)
    body, at = read_at(stream, part.data_start, size), 4
    while at + 8 <= len(body):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        text = decode_text(body[at + 8 : at + 8 + size].partition(b"\0")[0])
        name = _INFO_NAMES.get(body[at : at + 4], decode_text(body[at : at + 4]).lower())
        # An entry that was blanked says nothing any more.
        category = (category_of(f"container:{name}") or category_of_value(text)) if text else None
        end = at + 8 + size
        if category and finder.found(
            f"container:{name}", category, text, removable=end <= len(body)
        ):
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
_PRIVATE_FRAMES = {
    "OWNE": Category.OWNER,
    "TOWN": Category.OWNER,
    "PRIV": Category.TOOL,
    # A rating names its listener by an e-mail address; an object may be any file.
    **dict.fromkeys(("POPM", "POP"), Category.CONTACT),
    **dict.fromkeys(("GEOB", "GEO"), Category.TOOL),
    # How the file was called on somebody's computer.
    **dict.fromkeys(("TOFN", "TOF"), Category.HISTORY),
}
# A chapter has frames of its own (ID3v2 Chapter Frame Addendum §3).
_CHAPTERS = frozenset({"CHAP", "CTOC"})
_PICTURES = frozenset({"APIC", "PIC", "PICTURE"}) | _CHAPTERS
_PICTURE_START = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|II\*\0|MM\0\*|\0\0\0.ftyp", re.DOTALL
)
# Recordings that were put one behind the other bring their tags along.
_TAG_START = re.compile(rb"ID3[\x02-\x04]\x00[" + bytes(range(0, 256, 16)) + rb"][\x00-\x7f]{4}")
_TAG_START_BYTES = 10
# EBU Tech 3285 §2.3: where the fields of a `bext` chunk lie.
_ORIGINATOR, _REFERENCE, _UMID = (256, 288), (288, 320), (348, 412)
_HISTORY_AT = 602
_SERIAL_IN_TEXT = re.compile(r"(?i:\bS/?N(\b|\W{0,3}\d)|\bS#|serial)")


def tagged_edits(stream: BinaryIO, layout: Layout, finder: Finder) -> list[Edit]:
    """Which private frames and blocks has this MP3 or FLAC, and what changes without them?

    An ID3 tag keeps its size: what was behind a frame moves up, zeros end the tag.
    """
    return _tag_edits(stream, layout.segments, ranged_categories(finder.values), finder)


def _tag_edits(  # noqa: C901, PLR0912  # one loop over frames
    stream: BinaryIO,
    segments: Sequence[Segment],
    by_range: Mapping[tuple[int, int], tuple[str, Category, str]],
    finder: Finder,
) -> list[Edit]:
    edits: list[Edit] = []
    first = read_at(stream, 0, 10)
    tags = sum(part.label.startswith("ID3v2.") for part in segments)
    is_plain = first[:3] == b"ID3" and not first[5] & 0xD0 and tags == 1
    tag_end = padding_at = 0
    gone: list[Segment] = []
    for part in segments:
        if part.label in {"audio", "fLaC"}:
            tag_end = tag_end or part.start
        elif part.label == "ID3 padding" and not tag_end:
            padding_at = part.start
        body_size = part.end - part.data_start
        if _is_no_frame(stream, part, edits, finder):
            continue
        flags = _frame_flags(stream, part) if tags and not tag_end else 0
        if flags & (0xC0 if first[3] == 3 else 0x0C):
            # ID3v2.3 §3.3.1, ID3v2.4 §4.1.2.
            finder.unreadable(f"ID3: a {part.label} frame that is compressed or encrypted")
        elif part.label == "VORBIS_COMMENT":
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
        elif part.label in _PICTURES:
            body = read_at(stream, part.data_start, body_size)
            if part.label != "PICTURE" and (_has_zeros(first) or (first[3] == 4 and flags & 2)):
                body = body.replace(b"\xff\0", b"\xff")
            if part.label in _CHAPTERS:
                _look_at_chapter(part.label, first[3], body, finder)
            else:
                _look_at_picture_frame(part.label, body, finder)
        else:
            what = _private_frame(part) or by_range.get((part.start, part.end))
            what = what or _telling_frame(stream, part)
            is_frame = is_plain and not tag_end
            if what is not None and finder.found(*what, removable=is_frame):
                gone.append(part)
    if gone:
        # Only frames of one plain tag come here; its zeros go where its frames end.
        padding_at = padding_at or tag_end or max(part.end for part in segments)
        edits += [Edit(part.start, part.end, b"") for part in gone]
        edits.append(Edit(padding_at, padding_at, bytes(sum(p.end - p.start for p in gone))))
    return edits


def _is_no_frame(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> bool:
    """Is this a part that is looked at without its content, or none that can be looked at?"""
    if part.kind is SegmentKind.PADDING:
        _look_at_free_space(stream, part, edits, finder, _PADDING_NAMES.get(part.label, ""))
    elif part.label == "audio":
        _look_into_sound(stream, part, finder)
    elif part.label == "unreadable":
        finder.unreadable("a tag or block that does not fit into what holds it")
    elif part.kind is not SegmentKind.MANIFEST:
        if part.end - part.data_start <= finder.limits.max_metadata_bytes:
            return False
        finder.unreadable(f"{part.label}: it is too large")
    return True


def _look_into_sound(stream: BinaryIO, part: Segment, finder: Finder) -> None:
    """Does a further tag lie amid the sound?"""
    tail = b""
    for piece in iter_pieces(stream, ByteRange(part.start, part.end)):
        window = tail + piece
        if _TAG_START.search(window):
            preview = "a tag amid the sound"
            finder.found("container:id3", Category.HISTORY, preview, removable=False)
            return
        tail = window[1 - _TAG_START_BYTES :]


def _private_frame(part: Segment) -> tuple[str, Category, str] | None:
    """Is this frame, or block of a FLAC, private whatever it says?"""
    preview = f"{part.end - part.data_start} bytes"
    if part.label in _PRIVATE_FRAMES:
        return f"container:{part.label.lower()}", _PRIVATE_FRAMES[part.label], preview
    is_frame = part.kind is SegmentKind.TEXT and part.data_start - part.start in {6, 10}
    if is_frame and not is_known_frame(part.label):
        return f"container:{part.label.lower()}", Category.HISTORY, preview
    return (f"flac:{part.label}", Category.TOOL, preview) if part.label[:6] == "block " else None


def _telling_frame(stream: BinaryIO, part: Segment) -> tuple[str, Category, str] | None:
    """Is this frame private for what it says, though nobody lists it?"""
    if part.kind is not SegmentKind.TEXT:
        return None
    said = private_text(read_at(stream, part.data_start, part.end - part.data_start))
    return None if said is None else (f"container:{part.label.lower()}", *said)


def _look_at_chapter(label: str, version: int, body: bytes, finder: Finder) -> None:
    """Have the frames of this chapter searched like those of a tag; none of them goes."""
    if finder.depth >= finder.limits.max_inside_depth:
        finder.unreadable(f"ID3: chapters more than {finder.limits.max_inside_depth} deep")
        return
    only_find = Finder(finder.limits, erase=False, within=finder)
    _edits_of_tag(chapter_tag(label, version, body), only_find)
    finder.inside += only_find.inside
    finder.take_over(only_find.reading())


def _look_at_picture_frame(label: str, body: bytes, finder: Finder) -> None:
    """Have this cover searched, and what is said of it or stands in its place."""
    start = _PICTURE_START.search(body)
    said = body if start is None else body[: start.start()]
    if label == "PICTURE":
        # RFC 9639 §8.8: lengths stand before the type and before the description.
        at = 8 + int.from_bytes(said[4:8], "big")
        end = at + 4 + int.from_bytes(said[at : at + 4], "big")
        said = said[8:at] + b"\0" + said[at + 4 : end] + b"\0" + said[end + 20 :]
    found = private_text(said)
    if found is not None:
        finder.found(f"container:{label.lower()}", *found, removable=False)
    _look_at_cover(body, finder)


def _has_zeros(head: bytes) -> bool:
    """Does this ID3 tag say that every 0xFF in it is followed by a zero?"""
    return head[:3] == b"ID3" and bool(head[5] & 0x80)


def _frame_flags(stream: BinaryIO, part: Segment) -> int:
    """How is this ID3 frame stored? Zero for a part that is no frame, or of version 2.2."""
    is_frame = len(part.label) == 4 and part.data_start - part.start == 10
    return int.from_bytes(read_at(stream, part.start + 9, 1), "big") if is_frame else 0


def _look_at_cover(body: bytes, finder: Finder) -> None:
    """Have the picture in this cover of a recording searched; it is found by how it starts."""
    start = _PICTURE_START.search(body)
    if start is not None:
        finder.look_inside("cover", body[start.start() :], is_loose=True)


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
        if key.upper() in {"METADATA_BLOCK_PICTURE", "COVERART"}:
            try:
                _look_at_picture_frame("PICTURE", base64.b64decode(value), finder)
            except ValueError:
                finder.unreadable("Vorbis comment: a cover that is not base64")
        name = f"container:{key.lower()}"
        category = category_of(name) or category_of_value(value)
        if category is None or not finder.found(name, category, value):
            kept.append(entry)
    if len(kept) < was:
        data = vendor + len(kept).to_bytes(4, "little") + b"".join(kept)
        head = read_at(stream, part.start, 1) + len(data).to_bytes(3, "big")
        edits.append(Edit(part.start, part.end, head + data))
