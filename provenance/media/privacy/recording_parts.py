"""What films, sound files and their tags have in common: free space, covers, places of fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.containers.pieces import is_zero_filled
from provenance.media.layout import Segment
from provenance.media.metadata.model import RawField, decode_text
from provenance.media.privacy.model import Category, Edit, Finder
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.ranges import ByteRange

__all__ = ["PICTURE_START", "look_at_cover", "look_at_free_space", "ranged_categories"]

PICTURE_START = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|II\*\0|MM\0\*|\0\0\0.ftyp", re.DOTALL
)
"""How a picture starts."""
_MAX_NOTE_BYTES = 256


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


def look_at_free_space(
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


def look_at_cover(body: bytes, finder: Finder) -> None:
    """Have the picture in this cover of a recording searched; it is found by how it starts."""
    start = PICTURE_START.search(body)
    if start is not None:
        finder.look_inside("cover", body[start.start() :], is_loose=True)
