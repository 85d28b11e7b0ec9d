"""Finding private metadata in the streams of a PDF: pictures, attached files, XMP packets.

Streams are found by their keyword wherever they stand, in earlier revisions too; no object
graph is followed and no page is read. Nothing is taken out.

Source: ISO 32000-2 §7.3.8 (streams), §7.4 (filters), §7.11.4 (embedded files), §14.3.2.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from provenance.media.containers.collector import read_at
from provenance.media.containers.pdf_streams import OPENING, stream_length
from provenance.media.privacy.model import Category, Finder, Inside
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["look_into_pdf"]

# What is larger is refused by who reads its information dictionary.
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_STREAMS = 100_000
_DICTIONARY_BYTES = 16 * 1024
_FILTER = re.compile(rb"/Filter\s{0,10}(\[[^\]]{0,200}\]|/\w{1,30})")
_NAME = re.compile(rb"/(\w{1,30})")
_PACKET = re.compile(rb"/Type\s{0,10}/Metadata\b|/Subtype\s{0,10}/XML\b")
_ATTACHED = re.compile(rb"/Type\s{0,10}/EmbeddedFile\b")
_ESCAPED_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECTS = re.compile(rb"/Type\s{0,10}/ObjStm\b")
# §12.5.6: what a reader marked or wrote on a page, and the note that opens from it.
_COMMENT = re.compile(
    rb"/Subtype\s{0,10}/(?:Text|Highlight|Underline|Squiggly|StrikeOut|Caret|Popup)\b"
)
_THUMBNAIL = re.compile(rb"/Thumb\s{1,10}\d{1,10}\s")
_JPX_METADATA = (b"uuid", b"xml ", b"Exif")
_JPEG = b"\xff\xd8\xff"


def look_into_pdf(stream: BinaryIO, size_bytes: int, finder: Finder) -> Iterator[Inside]:
    """Which pictures and attached files in this PDF are to be searched?

    A picture that is packed in a way that is not read here is named as not looked into.
    """
    if size_bytes > _MAX_FILE_BYTES:
        return
    file = read_at(stream, 0, size_bytes)
    _look_at_objects(file, finder)
    floor = last = 0
    for number, opening in enumerate(OPENING.finditer(file)):
        if number >= _MAX_STREAMS:
            finder.unreadable(f"PDF: more than {_MAX_STREAMS} streams")
            return
        start = opening.end()
        # One search each, and none once there is no more: else it were quadratic.
        if last >= 0 and last < start:
            last = file.find(b"endstream", start)
        behind = max(floor, opening.start() - _DICTIONARY_BYTES)
        dictionary = _unescaped(
            file[max(behind, file.rfind(b"obj", behind, opening.start())) : opening.start()]
        )
        length = stream_length(dictionary)
        told = start + length if isinstance(length, int) else start
        end = min(max(told, last if last >= 0 else len(file)), len(file))
        # A length that leads past the next stream is a lie that would hide it.
        end = end if last < 0 or told <= last + 64 else last
        # What looks like a stream inside another has no dictionary of its own.
        floor = max(start, last)
        yield from _looked_at(file, (start, end), dictionary, finder, f"inside:stream@{start}")


def _look_at_objects(objects: bytes, finder: Finder) -> None:
    """Which private things do these objects name, in the file itself or in an object stream?"""
    if b"/AIPrivateData" in objects:
        finder.found("pdf:AIPrivateData", Category.HISTORY, "a drawing's source", removable=False)
    if _THUMBNAIL.search(objects):
        finder.found("pdf:Thumb", Category.PREVIEW, "a small picture of a page", removable=False)
    if _COMMENT.search(objects):
        finder.found("pdf:Annot", Category.HISTORY, "comments of readers", removable=False)


def _unescaped(dictionary: bytes) -> bytes:
    """The dictionary with its names as they are meant: `/DCT#44ecode` (§7.3.5)."""
    return _ESCAPED_NAME.sub(lambda match: bytes([int(match[1], 16)]), dictionary)


def _looked_at(
    file: bytes, where: tuple[int, int], dictionary: bytes, finder: Finder, name: str
) -> Iterator[Inside]:
    found = _FILTER.search(dictionary)
    filters = [] if found is None else _NAME.findall(found[1])
    is_objects = _OBJECTS.search(dictionary) is not None
    is_packet, is_attached = _PACKET.search(dictionary), _ATTACHED.search(dictionary)
    is_picture = filters[-1:] in ([b"DCTDecode"], [b"DCT"]) or file.startswith(_JPEG, where[0])
    if filters[-1:] == [b"JPXDecode"]:
        # Counted before it is copied: without an `endstream` each reaches to the end of the file.
        if not finder.may_look_into(name, where[1] - where[0]):
            return
        body = file[where[0] : where[1]]
        if len(filters) > 1 or any(mark in body for mark in _JPX_METADATA):
            finder.unreadable(f"{name} was not looked into: a JPEG 2000 picture")
        return
    if not (is_objects or is_packet or is_attached or is_picture):
        return
    packed = [f for f in filters if f not in {b"DCTDecode", b"DCT"}]
    if not finder.may_look_into(name, where[1] - where[0]):
        return
    data: bytes | None = file[where[0] : where[1]]
    if packed:
        data = _inflated(data or b"", packed, dictionary, finder)
    if data is None:
        kinds = ", ".join(f.decode("ascii", "replace") for f in packed)
        finder.unreadable(f"{name} was not looked into: it is packed with {kinds}")
    elif is_objects:
        _look_at_objects(data, finder)
    elif is_packet:
        at, stop = data.find(b"<"), data.rfind(b">") + 1
        erase_xmp(data[at:stop] if 0 <= at < stop else data, finder)
    else:
        yield Inside(name, data, is_loose=True)


def _inflated(raw: bytes, packed: list[bytes], dictionary: bytes, finder: Finder) -> bytes | None:
    if packed not in ([b"FlateDecode"], [b"Fl"]) or b"/Predictor" in dictionary:
        return None
    largest = finder.limits.max_inside_bytes
    try:
        data = zlib.decompressobj().decompress(raw, largest + 1)
    except zlib.error:
        return None
    # What it inflates to counts as well.
    if not finder.may_look_into("inside:stream", len(data)):
        return None
    return data
