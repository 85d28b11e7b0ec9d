"""Finding what some boxes of MP4 and MOV files give away that hold no list of tags.

Sources: ISO/IEC 14496-12:2022 §8.7.2 (`dref`), §8.1.1 (`mdat`); ISO/IEC 23009-1 §5.10.3.3
(`emsg`); QuickTime File Format ("Data reference atoms", "Compressed movie resources").
"""

from __future__ import annotations

from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.metadata.model import decode_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.rules import category_of_value

__all__ = ["look_at_box", "look_into_samples", "message_scheme"]

_MAX_BYTES = 64 * 1024
# Where a broadcaster says that something is to be shown or loaded now.
_PUBLIC_MESSAGES = ("urn:scte:scte35:", "urn:mpeg:dash:event:")
# Dashboard cameras; and camcorders, whose notes on each picture (MDPM) have numbered fields.
_DASHBOARD = b"freeGPS "
_CAMCORDER = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
_POSITION_FIELDS = frozenset((0xB2, 0xB6))
_NOTE_BYTES = 512
_MAX_WINDOWS, _MAX_SAMPLE_BYTES = 16, 32 * 1024 * 1024


def look_at_box(
    stream: BinaryIO, part: Segment, parent: str, edits: list[Edit], finder: Finder
) -> None:
    """Is this a box that tells of a computer, an account or a place, and what goes from it?"""
    if parent.startswith("dref["):
        _look_at_reference(stream, part, edits, finder)
    elif parent.startswith("stsd["):
        body = read_at(stream, part.data_start, min(part.end - part.data_start, _MAX_BYTES))
        # Shops write the buyer's name and number there, whether or not it can be copied.
        if b"pinf" in body:
            finder.found("container:pinf", Category.OWNER, "a purchase", removable=False)
    elif part.label == "cmov":
        finder.unreadable("the header of the movie is compressed: it was not looked into")


def message_scheme(stream: BinaryIO, part: Segment) -> str | None:
    """Of which kind is the message in this `emsg` box? None for one that players need."""
    body = read_at(stream, part.data_start, min(part.end - part.data_start, _MAX_BYTES))
    scheme = decode_text(body[24 if body[:1] == b"\1" else 4 :].partition(b"\0")[0])
    return None if scheme.startswith(_PUBLIC_MESSAGES) else scheme or "unnamed"


def _look_at_reference(stream: BinaryIO, part: Segment, edits: list[Edit], finder: Finder) -> None:
    """Blank in a reference to this very file where it once lay; name others."""
    size = part.end - part.data_start
    body = read_at(stream, part.data_start, min(size, _MAX_BYTES))
    if not body[4:].strip(b"\0"):
        return
    said = decode_text(body[4:].replace(b"\0", b" "))
    if part.label in {"url ", "urn "} and category_of_value(said) is None:
        return
    # §8.7.2.3: the lowest flag says that the samples are in the same file.
    is_same_file = bool(body[3] & 1) and size <= _MAX_BYTES
    name = f"container:dref/{part.label.strip()}"
    if finder.found(name, Category.TOOL, said, removable=is_same_file):
        edits.append(Edit(part.data_start + 4, part.end, bytes(size - 4)))


def look_into_samples(stream: BinaryIO, layout: Layout, finder: Finder) -> None:
    """Do blocks with positions lie amid picture and sound, where no table leads?

    Who writes positions writes them at every moment: some parts of a film are looked at.
    """
    parts = [part for part in layout.segments if part.label == "mdat"]
    some = parts[:: max(1, -(-len(parts) // _MAX_WINDOWS))]
    for part in some:
        number = max(1, _MAX_WINDOWS // len(some))
        largest = _MAX_SAMPLE_BYTES // (number * len(some))
        step = max(largest, (part.end - part.data_start) // number)
        for at in range(part.data_start, part.end, step):
            window = read_at(stream, at, min(largest, part.end - at))
            name = _position_in(window)
            if name is not None:
                finder.found(name, Category.POSITION, "positions", removable=False)
                return


def _position_in(window: bytes) -> str | None:
    if _DASHBOARD in window:
        return "container:freeGPS"
    at = window.find(_CAMCORDER)
    while at >= 0:
        start = at + len(_CAMCORDER)
        # In a video a three is put in after two zeros, so that nothing looks like a start code.
        note = window[start : start + _NOTE_BYTES].replace(b"\0\0\3", b"\0\0")
        if _POSITION_FIELDS.intersection(note[1 : 1 + 5 * note[0] : 5] if note else b""):
            return "container:MDPM"
        at = window.find(_CAMCORDER, start)
    return None
