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
from provenance.media.metadata.pdf import text_at
from provenance.media.privacy.model import Category, Finder, Inside
from provenance.media.privacy.pdf_information import (
    Information,
    ObjectName,
    find_objects,
    object_name,
    packed_objects,
)
from provenance.media.privacy.pdf_pages import Pages
from provenance.media.privacy.rules import category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["look_into_pdf"]

# What is larger is refused by who reads its information dictionary.
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_STREAMS = 100_000
_DICTIONARY_BYTES = 16 * 1024
_MAX_FILTERS = 1_000
_MAX_PACKED_OBJECTS = 1_000_000
_FILTER_KEY = re.compile(rb"/Filter\b")
_FILTER = re.compile(
    rb"/Filter\s{0,100}(\[[^\]]{0,500}\]|/\w{1,30}|null\b|\d{1,10}\s{1,10}\d{1,5}\s{1,10}R\b)"
)
_FILTER_VALUE = re.compile(rb"\s*(\[[^\]]{0,500}\]|/\w{1,30}|null)\s*")
_FILTER_ELSEWHERE = re.compile(
    rb"/Filter\s{0,100}\[?\s{0,20}(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b"
)
_REFERENCE = re.compile(rb"(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_NAME = re.compile(rb"/(\w{1,30})")
_PACKET = re.compile(rb"/Type\s{0,10}/Metadata\b|/Subtype\s{0,10}/XML\b")
# The type may be left out (§7.11.4, table 44); what the file was has no other key.
_ATTACHED = re.compile(rb"/Type\s{0,10}/EmbeddedFile\b|/Params\s{0,10}(?:<<|\d)")
_ESCAPED_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECTS = re.compile(rb"/Type\s{0,10}/ObjStm\b")
_CROSS_REFERENCES = re.compile(rb"/Type\s{0,10}/XRef\b")
# §12.5.6: what a reader marked or wrote on a page, and the note that opens from it.
_COMMENT = re.compile(
    rb"/Subtype\s{0,10}/(?:Text|Highlight|Underline|Squiggly|StrikeOut|Caret|Popup)\b"
)
# §12.5.6.2: what somebody drew or wrote on a page stays, their name was not to be seen.
_MARKUP = re.compile(
    rb"/Subtype\s{0,10}/(?:FreeText|Line|Square|Circle|Polygon|PolyLine|Stamp|Ink|FileAttachment"
    rb"|Sound|Redact)\b"
)
_AUTHOR = re.compile(rb"/T\s{0,10}(?=[(]|<(?!<))|/T\s{1,10}\d{1,10}\s{1,10}\d{1,5}\s{1,10}R\b")
_MAX_MARKUP, _ANNOTATION_BYTES = 20_000, 4 * 1024
# Links, files elsewhere (§7.11.2: `/C/Users/...`), and what stands for a picture: programmes
# write the folder that it came from.
_TEXT = re.compile(rb"/(URI|UF|F|Desc|Alt)\s{0,10}(?=[(]|<(?!<))")
_TEXT_BYTES = 160
_MAX_TEXTS = 30_000
_FOLDER = re.compile(r"/[^/]{1,60}/(?:Users|home)/\w")
_THUMBNAIL = re.compile(rb"/Thumb\s{1,10}\d{1,10}\s")
_JPX_METADATA = (b"uuid", b"xml ", b"Exif")
_JPEG = b"\xff\xd8\xff"
_END = b"%%EOF"
_BLANK = b"\0 \t\r\n\f\x1a"


def look_into_pdf(stream: BinaryIO, size_bytes: int, finder: Finder) -> Iterator[Inside]:
    """Which pictures and attached files in this PDF are to be searched?

    A picture that is packed in a way that is not read here is named as not looked into.
    """
    if size_bytes > _MAX_FILE_BYTES:
        return
    file = read_at(stream, 0, size_bytes)
    _look_at_ends(file, finder)
    _look_at_objects(file, finder)
    _look_at_markup(file, finder)
    information = Information(file)
    reader = _Reader(file, information, finder)
    floor = last = 0
    for number, opening in enumerate(OPENING.finditer(file)):
        if number >= _MAX_STREAMS:
            finder.unreadable(f"PDF: more than {_MAX_STREAMS} streams")
            break
        start = opening.end()
        # One search each, and none once there is no more: else it were quadratic.
        if last >= 0 and last < start:
            last = file.find(b"endstream", start)
        behind = max(floor, opening.start() - _DICTIONARY_BYTES)
        head = file.rfind(b"obj", behind, opening.start())
        dictionary = _unescaped(file[max(behind, head) : opening.start()])
        length = stream_length(dictionary)
        told = start + length if isinstance(length, int) else start
        end = min(max(told, last if last >= 0 else len(file)), len(file))
        # A length that leads past the next stream is a lie that would hide it.
        end = end if last < 0 or told <= last + 64 else last
        # What looks like a stream inside another has no dictionary of its own.
        floor = max(start, last)
        reader.note_revision(head, (start, end), told, dictionary)
        yield from reader.looked_at((start, end), dictionary)
    reader.judge_pages()
    information.judge(finder)


def _look_at_objects(objects: bytes, finder: Finder) -> None:
    """Which private things do these objects name, in the file itself or in an object stream?"""
    if b"/AIPrivateData" in objects:
        finder.found("pdf:AIPrivateData", Category.HISTORY, "a drawing's source", removable=False)
    if b"/AdobePhotoshop" in objects:
        finder.found("pdf:AdobePhotoshop", Category.HISTORY, "a picture's source", removable=False)
    if _THUMBNAIL.search(objects):
        finder.found("pdf:Thumb", Category.PREVIEW, "a small picture of a page", removable=False)
    if _COMMENT.search(objects):
        finder.found("pdf:Annot", Category.HISTORY, "comments of readers", removable=False)
    _look_at_texts(objects, finder)


def _look_at_texts(objects: bytes, finder: Finder) -> None:
    """Does a link or a description in these objects name a folder of somebody's computer?"""
    for number, found in enumerate(_TEXT.finditer(objects)):
        if number >= _MAX_TEXTS:
            finder.unreadable(f"PDF: more than {_MAX_TEXTS} links and descriptions")
            return
        text = text_at(objects[found.end() : found.end() + _TEXT_BYTES], 0)
        if category_of_value(text) is not None or _FOLDER.match(text):
            name = f"pdf:{found[1].decode('ascii')}"
            finder.found(name, Category.TOOL, text, removable=False)


def _look_at_markup(file: bytes, finder: Finder) -> None:
    """Do the annotations that stand in the file itself say who made them?"""
    for number, found in enumerate(_MARKUP.finditer(file)):
        if number >= _MAX_MARKUP:
            finder.unreadable(f"PDF: more than {_MAX_MARKUP} annotations")
            return
        behind = max(0, found.start() - _ANNOTATION_BYTES)
        head = file.rfind(b"obj", behind, found.start())
        stop = found.end() + _ANNOTATION_BYTES
        end = file.find(b"endobj", found.end(), stop)
        _look_at_author(file[max(behind, head) : end if end >= 0 else stop], finder)


def _look_at_author(annotation: bytes, finder: Finder) -> None:
    found = _AUTHOR.search(annotation)
    if found is None:
        return
    author = "somebody"
    if not found[0].endswith(b"R"):
        author = text_at(annotation[found.end() : found.end() + _TEXT_BYTES], 0).strip(" \0")
    if author:
        finder.found("pdf:AnnotAuthor", Category.OWNER, author, removable=False)


def _look_at_ends(file: bytes, finder: Finder) -> None:
    """Does anything stand before or behind the document, where no reader looks?

    A printer's language stands before it, with the name of a user.
    """
    head, end = file.find(b"%PDF-"), file.rfind(_END)
    if head > 0 and file[:head].strip(_BLANK):
        preview = f"{head} bytes before the document"
        finder.found("pdf:head", Category.TOOL, preview, removable=False)
    rest = file[end + len(_END) :] if end >= 0 else b""
    if rest.strip(_BLANK):
        preview = f"{len(rest)} bytes after the document"
        finder.found("trailer", Category.HISTORY, preview, removable=False)


def _unescaped(dictionary: bytes) -> bytes:
    """The dictionary with its names as they are meant: `/DCT#44ecode` (§7.3.5)."""
    return _ESCAPED_NAME.sub(lambda match: bytes([int(match[1], 16)]), dictionary)


class _Reader:
    """What one pass over the streams of a PDF needs and finds."""

    def __init__(self, file: bytes, information: Information, finder: Finder) -> None:
        self._file = file
        self._information = information
        self._finder = finder
        told = {(int(m[1]), int(m[2])): None for m in _FILTER_ELSEWHERE.finditer(file)}
        self._filters_elsewhere = find_objects(file, list(told)[:_MAX_FILTERS])
        self._seen: dict[ObjectName, tuple[int, int]] = {}
        self._inside_until = 0
        self._is_revised = False
        self._streams: list[tuple[int, int]] = []
        self._pages = Pages()
        self._pages.note_plain(file)
        self._objects_left = _MAX_PACKED_OBJECTS

    def note_revision(
        self, head: int, where: tuple[int, int], told: int, dictionary: bytes
    ) -> None:
        """Does another revision have other bytes for this stream? Then both are in the file.

        Page descriptions and pictures count. Packets and attached files are searched as they
        are; tables of cross-references and objects change with every revision.
        """
        start, end = where
        file, is_inside = self._file, start < self._inside_until
        if file[told : told + 12].lstrip().startswith(b"endstream"):
            self._inside_until = max(self._inside_until, told)
            if not is_inside:
                self._streams.append((start, told))
        name = object_name(file, head) if head >= 0 else None
        if name is None or is_inside or self._is_revised or _is_bookkeeping(dictionary):
            return
        before = self._seen.setdefault(name, where)
        if before[1] - before[0] != end - start or file[before[0] : before[1]] != file[start:end]:
            self._note(name)

    def _note(self, name: ObjectName) -> None:
        self._is_revised = True
        preview = f"object {name[0]} was otherwise before"
        self._finder.found("pdf:revision", Category.HISTORY, preview, removable=False)

    def judge_pages(self) -> None:
        """Did a revision take a description of a page away? Call it when all is read."""
        name = self._pages.replaced(self._streams)
        if name is not None and not self._is_revised:
            self._note(name)

    def _take_objects(self, at: int, content: bytes, dictionary: bytes) -> None:
        objects = packed_objects(content, dictionary, self._objects_left)
        if objects is None:
            self._finder.unreadable("PDF: an object stream that cannot be followed")
            return
        self._objects_left -= len(objects)
        self._information.take_from(objects)
        for name, body in objects:
            # The end of the stream before it: it lies in none.
            self._pages.note(at - 1, name, body)
            if _MARKUP.search(body):
                _look_at_author(body, self._finder)

    def _filters(self, dictionary: bytes) -> list[bytes] | None:
        """Through which filters is a stream packed? None where that cannot be told."""
        found = _FILTER.search(dictionary)
        if found is None:
            return [] if _FILTER_KEY.search(dictionary) is None else None
        told: bytes = found[1]
        for reference in _REFERENCE.finditer(told):
            bodies = self._filters_elsewhere.get((int(reference[1]), int(reference[2])), ())
            values = {body.strip() for body in bodies}
            value = values.pop() if len(values) == 1 else b""
            # Of two revisions nobody knows which one counts for this stream.
            if values or _FILTER_VALUE.fullmatch(value) is None:
                return None
            told = told.replace(reference[0], value)
        return _NAME.findall(_unescaped(told)) if _REFERENCE.search(told) is None else None

    def looked_at(self, where: tuple[int, int], dictionary: bytes) -> Iterator[Inside]:
        """Search this stream itself, or give the file that it holds."""
        file, finder, name = self._file, self._finder, f"inside:stream@{where[0]}"
        filters = self._filters(dictionary)
        if filters is None:
            # It might be a picture or a file as well as anything else.
            finder.unreadable(f"{name} was not looked into: how it is packed was not found")
            return
        if filters[-1:] == [b"JPXDecode"]:
            self._look_at_jpx(where, filters, name)
            return
        is_objects = _OBJECTS.search(dictionary) is not None
        is_packet, is_attached = _PACKET.search(dictionary), _ATTACHED.search(dictionary)
        is_picture = filters[-1:] in ([b"DCTDecode"], [b"DCT"]) or file.startswith(_JPEG, where[0])
        if not (is_objects or is_packet or is_attached or is_picture):
            return
        data = self._unpacked(where, filters, dictionary, name)
        if data is None:
            return
        if is_objects:
            _look_at_objects(data, finder)
            self._take_objects(where[0], data, dictionary)
        elif is_packet:
            at, stop = data.find(b"<"), data.rfind(b">") + 1
            # Nothing is taken out of a PDF, also where the caller's finder would erase.
            only_find = Finder(finder.limits, erase=False, within=finder)
            erase_xmp(data[at:stop] if 0 <= at < stop else data, only_find)
            finder.take_over(only_find.reading())
        else:
            yield Inside(name, data, is_loose=True)

    def _look_at_jpx(self, where: tuple[int, int], filters: list[bytes], name: str) -> None:
        # Counted before it is copied: without an `endstream` each reaches to the end of the file.
        if not self._finder.may_look_into(name, where[1] - where[0]):
            return
        body = self._file[where[0] : where[1]]
        if len(filters) > 1 or any(mark in body for mark in _JPX_METADATA):
            self._finder.unreadable(f"{name} was not looked into: a JPEG 2000 picture")

    def _unpacked(
        self, where: tuple[int, int], filters: list[bytes], dictionary: bytes, name: str
    ) -> bytes | None:
        """What does this stream hold? Where it cannot be looked into, that is noted."""
        if not self._finder.may_look_into(name, where[1] - where[0]):
            return None
        data: bytes | None = self._file[where[0] : where[1]]
        packed = [f for f in filters if f not in {b"DCTDecode", b"DCT"}]
        if packed:
            data = _inflated(data or b"", packed, dictionary, self._finder)
        if data is None:
            kinds = ", ".join(f.decode("ascii", "replace") for f in packed)
            self._finder.unreadable(f"{name} was not looked into: it is packed with {kinds}")
        return data


def _is_bookkeeping(dictionary: bytes) -> bool:
    kinds = (_PACKET, _ATTACHED, _OBJECTS, _CROSS_REFERENCES)
    return any(kind.search(dictionary) for kind in kinds)


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
