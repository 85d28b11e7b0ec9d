"""Finding private metadata in WebP, WAV and AVI, and how to erase it."""

from __future__ import annotations

import re
from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.metadata.model import decode_text
from provenance.media.privacy.id3_frames import private_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.photoshop_eraser import erase_exif_and_blocks
from provenance.media.privacy.recording_parts import (
    look_at_free_space,
    ranged_categories,
)
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.sound_tags import edits_of_tag
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["riff_edits"]

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
# EBU Tech 3285 §2.3: where the fields of a `bext` chunk lie.
_ORIGINATOR, _REFERENCE, _UMID = (256, 288), (288, 320), (348, 412)
_HISTORY_AT = 602
_SERIAL_IN_TEXT = re.compile(r"(?i:\bS/?N(\b|\W{0,3}\d)|\bS#|serial)")


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
            look_at_free_space(stream, part, edits, finder, f"riff:{part.label.strip()}")
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
    end, inner = edits_of_tag(body, finder)
    if body[end:].strip(b"\0"):
        what = f"{len(body) - end} bytes that are no ID3 tag"
        if finder.found("riff:id3", Category.HISTORY, what):
            edits.append(Edit(at + end, part.end, bytes(len(body) - end)))
    edits += [Edit(at + edit.start, at + edit.end, edit.data) for edit in inner]


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
