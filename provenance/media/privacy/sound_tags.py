"""Finding private metadata in the tags of MP3 and FLAC, and how to erase it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from provenance.media.containers.collector import PartCollector, read_at
from provenance.media.containers.id3 import add_leading_tags
from provenance.media.containers.pieces import iter_pieces
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.tags import add_id3_frame
from provenance.media.privacy.id3_frames import chapter_tag, is_known_frame, private_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.recording_parts import (
    PICTURE_START,
    look_at_cover,
    look_at_free_space,
    ranged_categories,
)
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.ranges import ByteRange

__all__ = ["edits_of_tag", "tagged_edits"]

_PADDING_NAMES = {"ID3 padding": "container:id3-padding", "PADDING": "flac:PADDING"}
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
# Recordings that were put one behind the other bring their tags along.
_TAG_START = re.compile(rb"ID3[\x02-\x04]\x00[" + bytes(range(0, 256, 16)) + rb"][\x00-\x7f]{4}")
_TAG_START_BYTES = 10


def tagged_edits(stream: BinaryIO, layout: Layout, finder: Finder) -> list[Edit]:
    """Which private frames and blocks has this MP3 or FLAC, and what changes without them?

    An ID3 tag keeps its size: what was behind a frame moves up, zeros end the tag.
    """
    return _tag_edits(stream, layout.segments, ranged_categories(finder.values), finder)


def edits_of_tag(body: bytes, finder: Finder) -> tuple[int, list[Edit]]:
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
        look_at_free_space(stream, part, edits, finder, _PADDING_NAMES.get(part.label, ""))
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
    edits_of_tag(chapter_tag(label, version, body), only_find)
    finder.inside += only_find.inside
    finder.take_over(only_find.reading())


def _look_at_picture_frame(label: str, body: bytes, finder: Finder) -> None:
    """Have this cover searched, and what is said of it or stands in its place."""
    start = PICTURE_START.search(body)
    said = body if start is None else body[: start.start()]
    if label == "PICTURE":
        # RFC 9639 §8.8: lengths stand before the type and before the description.
        at = 8 + int.from_bytes(said[4:8], "big")
        end = at + 4 + int.from_bytes(said[at : at + 4], "big")
        said = said[8:at] + b"\0" + said[at + 4 : end] + b"\0" + said[end + 20 :]
    found = private_text(said)
    if found is not None:
        finder.found(f"container:{label.lower()}", *found, removable=False)
    look_at_cover(body, finder)


def _has_zeros(head: bytes) -> bool:
    """Does this ID3 tag say that every 0xFF in it is followed by a zero?"""
    return head[:3] == b"ID3" and bool(head[5] & 0x80)


def _frame_flags(stream: BinaryIO, part: Segment) -> int:
    """How is this ID3 frame stored? Zero for a part that is no frame, or of version 2.2."""
    is_frame = len(part.label) == 4 and part.data_start - part.start == 10
    return int.from_bytes(read_at(stream, part.start + 9, 1), "big") if is_frame else 0


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
