"""Reading what a PDF says about itself: its information dictionary and its XMP packet.

Only the last trailer, the objects it names and object streams are looked at, by
searching; no object graph is followed and no page is touched, so that a hostile file
costs a few passes over its bytes. Encrypted documents are not read.

Source: ISO 32000-2 §7.3 (strings), §7.5.7 (object streams), §14.3 (metadata).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple

from provenance.media.containers.collector import read_at
from provenance.media.containers.pdf_streams import OPENING, stream_length
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.xmp import add_xmp
from provenance.media.ranges import ByteRange

__all__ = ["MAX_TEXTS", "add_pdf_metadata", "text_at", "texts_of"]

_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_OBJECT_STREAMS = 2_000
_MAX_INFLATED_BYTES = 16 * 1024 * 1024
_DICTIONARY_BYTES = 64 * 1024
_MAX_HITS = 1_000
_MAX_INDEX_BYTES = 256 * 1024
_MAX_BAD_STREAMS = 16
_MAX_UNMEASURED_BYTES = 1024 * 1024
_KEYS = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate")

_INFO = re.compile(rb"/Info\s{1,10}(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_ROOT = re.compile(rb"/Root\s{1,10}(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_METADATA = re.compile(rb"/Metadata\s{1,10}(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b")
_OBJECT_STREAM = re.compile(rb"/Type\s{0,10}/ObjStm\b")
_FIRST = re.compile(rb"/First\s{1,10}(\d{1,9})\b")
_DATE = re.compile(
    r"D:(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d))?)?)?)?)?"
    r"(?:(Z)|([+-]\d\d)'?(?:(\d\d)'?)?)?"
)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ESCAPE = re.compile(rb"\\(\r\n|\r|\n|[0-7]{1,3}|.)", re.DOTALL)
_DELIMITER = re.compile(rb"\\.?|[()]", re.DOTALL)
_ESCAPED_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")
_VALUE = re.compile(
    rb"/([^\s()<>\[\]{}/%]{1,127})\s{0,100}"
    rb"(?:([(]|<(?!<))|(\[)|(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b)"
)
# What an array may hold that is or leads to a text, and where it ends.
_ITEM = re.compile(
    rb"<<|>>|([(<])|([\[\]])|(\d{1,10})\s{1,10}(\d{1,5})\s{1,10}R\b|/([^\s()<>\[\]{}/%]{1,127})"
)
MAX_TEXTS = 1_000
"""Most texts that are read of one dictionary."""


class _Object(NamedTuple):
    """The bytes after `n g obj`, up to 64 KiB of them, and where they lie in the file.

    An object from an object stream has the range of the whole stream.
    """

    body: bytes
    where: ByteRange


def add_pdf_metadata(stream: BinaryIO, size_bytes: int, out: FieldCollector) -> None:
    """Which fields do the information dictionary and the XMP packet of this PDF hold?"""
    if size_bytes > _MAX_FILE_BYTES:
        out.unreadable(f"PDF: more than {_MAX_FILE_BYTES} bytes")
        return
    file = read_at(stream, 0, size_bytes)
    information, root = _last(_INFO, file), _last(_ROOT, file)
    if b"/Encrypt" in file and re.search(rb"/Encrypt\s{0,10}(?:\d|<<)", file):
        out.unreadable("PDF: it is encrypted")
        return
    wanted = {name for name in (information, root) if name is not None}
    objects = {name: _plain_object(file, name) for name in wanted}
    missing = {name for name, found in objects.items() if found is None}
    if missing:
        objects |= _compressed_objects(file, missing, out)
    if information is not None:
        _add_information(objects.get(information), out)
    catalog = objects.get(root) if root is not None else None
    packet = _METADATA.search(catalog.body) if catalog is not None else None
    if packet is not None:
        _add_packet(file, (int(packet[1]), int(packet[2])), out)


def _last(pattern: re.Pattern[bytes], file: bytes) -> tuple[int, int] | None:
    """Which object does the last trailer name under this key?"""
    key = pattern.pattern[:5]
    at = len(file)
    for _ in range(_MAX_HITS):
        at = file.rfind(key, 0, at)
        if at < 0:
            return None
        found = pattern.match(file, at)
        if found:
            return int(found[1]), int(found[2])
    return None


def _plain_object(file: bytes, name: tuple[int, int]) -> _Object | None:
    """Where does this object stand last in the file, outside object streams?"""
    mark = b"%d %d obj" % name
    at = len(file)
    for _ in range(_MAX_HITS):
        at = file.rfind(mark, 0, at)
        if at < 0:
            return None
        # `11 0 obj` holds `1 0 obj`.
        if at == 0 or not file[at - 1 : at].isdigit():
            start = at + len(mark)
            end = file.find(b"endobj", start, start + _DICTIONARY_BYTES)
            end = end if end >= 0 else min(len(file), start + _DICTIONARY_BYTES)
            return _Object(file[start:end], ByteRange(at, end))
    return None


def _compressed_objects(
    file: bytes, wanted: set[tuple[int, int]], out: FieldCollector
) -> dict[tuple[int, int], _Object | None]:
    """Which of these objects do object streams hold? Of several the last in the file counts."""
    found: dict[tuple[int, int], _Object | None] = {}
    left = _MAX_INFLATED_BYTES
    for content, first, where in _object_streams(file):
        left -= len(content)
        if left < 0:
            out.unreadable(f"PDF: object streams of more than {_MAX_INFLATED_BYTES} bytes")
            break
        header = content[: min(first, _MAX_INDEX_BYTES)].split()
        if not all(number.isdigit() and len(number) < 11 for number in header):
            continue
        offsets = [first + int(number) for number in header[1::2]]
        for index, number in enumerate(header[::2][: len(offsets)]):
            name = (int(number), 0)
            if name in wanted:
                end = offsets[index + 1] if index + 1 < len(offsets) else len(content)
                body = content[offsets[index] : min(end, offsets[index] + _DICTIONARY_BYTES)]
                found[name] = _Object(body, where)
    return found


def _object_streams(file: bytes) -> Iterator[tuple[bytes, int, ByteRange]]:
    bad = 0
    for number, mark in enumerate(_OBJECT_STREAM.finditer(file)):
        # Inflating up to an error may cost as much as one that succeeds.
        if number >= _MAX_OBJECT_STREAMS or bad > _MAX_BAD_STREAMS:
            return
        opening = OPENING.search(file, mark.end(), mark.end() + 1024)
        before = max(0, mark.start() - 1024)
        if opening is None:
            continue
        dictionary = file[max(before, file.rfind(b"obj", before, mark.start())) : opening.start()]
        first = _FIRST.search(dictionary)
        if first is None:
            continue
        content, end = _stream_content(file, dictionary, opening.end(), _MAX_INFLATED_BYTES)
        if not content:
            bad += 1
        else:
            yield content, int(first[1]), ByteRange(mark.start(), end)


def _stream_content(file: bytes, dictionary: bytes, start: int, largest: int) -> tuple[bytes, int]:
    """The content of a stream that is plain or deflated; empty where it is neither."""
    length = stream_length(dictionary)
    # A length that stands in an object of its own is not looked up.
    end = (
        start + length
        if isinstance(length, int)
        else file.find(b"endstream", start, start + _MAX_UNMEASURED_BYTES)
    )
    if end < start or end > len(file) or end - start > largest:
        return b"", start
    raw = file[start:end]
    if b"/Filter" not in dictionary:
        return raw, end
    if b"/FlateDecode" not in dictionary or b"/Predictor" in dictionary:
        return b"", end
    try:
        return zlib.decompressobj().decompress(raw, largest), end
    except zlib.error:
        return b"", end


def _add_information(found: _Object | None, out: FieldCollector) -> None:
    if found is None:
        out.unreadable("PDF: the information dictionary was not found")
        return
    for key in _KEYS:
        # Directly followed by a string, so that `/Title` in a value is not taken for it.
        mark = re.search(rb"/" + key.encode() + rb"\s{0,10}([(<])", found.body)
        if mark is None:
            continue
        raw, _ = _string(found.body, mark.end() - 1)
        text = _pdf_text(raw)
        if key.endswith("Date"):
            text = _moment(text)
        out.add(f"pdf:{key}", text, "pdf", found.where)


def texts_of(body: bytes) -> Iterator[tuple[str, str | tuple[int, int]]]:
    """Which texts does this dictionary, array or string hold, each under which key?

    `MAX_TEXTS` at most. A string that stands alone, or in an array that does, has none; what
    stands in the array of a key has that key. Of a text that stands in an object of its own
    the name of that object is given.
    """
    return islice(_every_text(body), MAX_TEXTS)


def _every_text(body: bytes) -> Iterator[tuple[str, str | tuple[int, int]]]:
    alone = body.lstrip()
    if alone[:1] == b"(" or (alone[:1] == b"<" and alone[:2] != b"<<"):
        yield "", _pdf_text(_string(alone, 0)[0])
        return
    if alone[:1] == b"[":
        yield from _array_texts(alone, 1, "")
        return
    at = 0
    while (found := _VALUE.search(body, at)) is not None:
        key, at = _key(found[1]), found.end()
        if found[3]:
            at = yield from _array_texts(body, at, key)
        elif found[4]:
            yield key, (int(found[4]), int(found[5]))
        else:
            raw, at = _string(body, at - 1)
            yield key, _pdf_text(raw)


def _array_texts(
    body: bytes, at: int, key: str
) -> Generator[tuple[str, str | tuple[int, int]], None, int]:
    """The texts of the array whose content starts here; it returns where the array ends.

    Those of a dictionary in it have their own keys.
    """
    depth, own = 1, ""
    while depth and (found := _ITEM.search(body, at)) is not None:
        at = found.end()
        if found[5]:
            own = _key(found[5])
            continue
        if found[1]:
            raw, at = _string(body, at - 1)
            yield own or key, _pdf_text(raw)
        elif found[2]:
            depth += 1 if found[2] == b"[" else -1
        elif found[3]:
            yield own or key, (int(found[3]), int(found[4]))
        own = ""
    return at if not depth else len(body)


def _key(name: bytes) -> str:
    return decode_text(_ESCAPED_NAME.sub(lambda match: bytes([int(match[1], 16)]), name))


def text_at(body: bytes, at: int) -> str:
    """Which text is the string that starts here?"""
    return _pdf_text(_string(body, at)[0])


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    """The string that starts here, and where it ends: hexadecimal, or with parentheses."""
    if body[at : at + 1] == b"<":
        inside, _, _ = body[at + 1 :].partition(b">")
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", inside)
        raw = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        return raw, at + len(inside) + 2
    depth = 0
    for found in _DELIMITER.finditer(body, at):
        if found[0] == b"(":
            depth += 1
        elif found[0] == b")":
            depth -= 1
            if depth == 0:
                return _ESCAPE.sub(_unescaped, body[at + 1 : found.start()]), found.end()
    return _ESCAPE.sub(_unescaped, body[at + 1 :]), len(body) + 1


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if escape[:1].isdigit() and escape[:1] < b"8":
        return bytes([int(escape, 8) & 255])
    return b"" if escape[:1] in b"\r\n" else _ESCAPES.get(escape, escape)


def _pdf_text(raw: bytes) -> str:
    if raw[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return raw.decode("utf-16", "replace")
    return decode_text(raw.removeprefix(b"\xef\xbb\xbf"))


def _moment(text: str) -> str:
    match = _DATE.match(text.strip())
    if match is None:
        return text
    year, month, day, hour, minute, second, utc, offset, offset_minute = match.groups()
    moment = "-".join(part for part in (year, month, day) if part)
    if hour is None or day is None:
        return moment
    moment += f"T{hour}:{minute or '00'}:{second or '00'}"
    return moment + ("Z" if utc else f"{offset}:{offset_minute or '00'}" if offset else "")


def _add_packet(file: bytes, name: tuple[int, int], out: FieldCollector) -> None:
    mark = b"%d %d obj" % name
    found = _plain_object(file, name)
    # The packet may hold `endobj`, and be longer than a dictionary.
    start = found.where.start + len(mark) if found is not None else -1
    opening = OPENING.search(file, start, start + _DICTIONARY_BYTES) if start >= 0 else None
    if found is None or opening is None:
        out.unreadable("PDF: the XMP stream was not found")
        return
    dictionary = file[start : opening.start()]
    content, end = _stream_content(file, dictionary, opening.end(), out.limits.max_metadata_bytes)
    if not content:
        out.unreadable("PDF: the XMP stream is too large or cannot be inflated")
        return
    add_xmp(content, out, ByteRange(found.where.start, end))
