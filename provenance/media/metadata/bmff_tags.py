"""Reading the tags of ISO base media files: iTunes and QuickTime lists, 3GPP user data.

Sources: QuickTime File Format ("User data atoms", "Metadata"); 3GPP TS 26.244 §8;
ISO/IEC 14496-12:2022 §8.2.2 (`mvhd`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from provenance.media.containers.collector import read_at
from provenance.media.layout import Layout, Segment
from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.positions import position_text
from provenance.media.metadata.tags import LOCATION, add_tag

__all__ = ["Tag", "add_bmff_tags", "read_tags"]

_MAX_TAGS = 1_000
_MAX_TAG_BYTES = 64 * 1024
_MAX_INNER_BOXES = 64
_MAX_KEYS_BYTES = 256 * 1024
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("\xa9nam", "titl", "com.apple.quicktime.title"), "title"),
        **dict.fromkeys(("\xa9ART", "perf", "com.apple.quicktime.artist"), "performer"),
        **dict.fromkeys(("auth", "\xa9aut", "com.apple.quicktime.author"), "author"),
        **dict.fromkeys(("\xa9alb", "albm", "com.apple.quicktime.album"), "album"),
        **dict.fromkeys(("\xa9cmt", "com.apple.quicktime.comment"), "comment"),
        **dict.fromkeys(("desc", "dscp", "\xa9des"), "description"),
        "com.apple.quicktime.description": "description",
        **dict.fromkeys(("\xa9day", "com.apple.quicktime.creationdate"), "recorded_date"),
        **dict.fromkeys(("cprt", "\xa9cpy", "com.apple.quicktime.copyright"), "copyright"),
        **dict.fromkeys(("\xa9too", "\xa9swr", "com.apple.quicktime.software"), "encoder"),
        **dict.fromkeys(("\xa9xyz", "com.apple.quicktime.location.ISO6709"), "location"),
        **dict.fromkeys(("\xa9mak", "com.apple.quicktime.make"), "make"),
        **dict.fromkeys(("\xa9mod", "com.apple.quicktime.model"), "model"),
        "\xa9wrt": "composer",
        "\xa9enc": "encoded_by",
        "aART": "album_artist",
        "\xa9gen": "genre",
        "com.apple.quicktime.keywords": "keywords",
        "com.apple.quicktime.publisher": "publisher",
    }
)
_3GPP = frozenset({"titl", "perf", "auth", "albm", "dscp", "cprt"})
# Texts of others than the specification of QuickTime, which are judged and not listed.
_OTHER_TEXTS = frozenset({"name", "kywd", "clsf", "vndr", "date", "chpl"})
_UTF8, _UTF16 = frozenset({0, 1, 4}), frozenset({2, 5})


class Tag(NamedTuple):
    """One tag: the box it is, its name, and what it says where that is text.

    It is descriptive where the name is one that all containers share, or its writer's own.
    In `others` are the same in further languages, which are not listed.
    """

    part: Segment
    name: str
    text: str
    is_descriptive: bool
    others: str = ""


def add_bmff_tags(stream: BinaryIO, layout: Layout, out: FieldCollector) -> None:
    """Which tags do the user data and metadata lists of this file hold?"""
    for part in layout.segments:
        if part.label == "mvhd" and part.depth == 1:
            _add_creation_time(read_at(stream, part.data_start, 20), part, out)
    for tag in read_tags(stream, layout, out):
        if tag.part.label == "loci":
            _add_location(read_at(stream, tag.part.data_start, _MAX_TAG_BYTES), tag.part, out)
        elif tag.is_descriptive and tag.text:
            add_tag(tag.name, tag.text, out, tag.part.range)


def read_tags(stream: BinaryIO, layout: Layout, out: FieldCollector) -> Iterator[Tag]:
    """Which tags has this file, under names that are known here or not?"""
    keys_of = {
        part.path.rpartition("/")[0]: part for part in layout.segments if part.label == "keys"
    }
    keys: dict[str, list[str]] = {}
    left = _MAX_TAGS
    for part in layout.segments:
        parent, _, _ = part.path.rpartition("/")
        holder, _, step = parent.rpartition("/")
        in_list = step.startswith("ilst[")
        if not in_list and not step.startswith("udta["):
            continue
        left -= 1
        if left < 0:
            out.unreadable(f"tags: more than {_MAX_TAGS}")
            return
        box = read_at(stream, part.start, min(part.end - part.start, _MAX_TAG_BYTES))
        if in_list:
            if holder in keys_of and holder not in keys:
                keys[holder] = _keys(stream, keys_of[holder], out)
            tag = _item(box, part, keys.get(holder, []))
        else:
            text, others = _user_data(box[8:], part)
            name = _NAMES.get(part.label)
            tag = Tag(part, name or part.label, text, name is not None, others)
        if tag.text and part.end - part.start > _MAX_TAG_BYTES:
            out.unreadable(f"tags: {tag.name} has more than {_MAX_TAG_BYTES} bytes")
        yield tag


def _add_creation_time(body: bytes, part: Segment, out: FieldCollector) -> None:
    width = 8 if body[:1] == b"\1" else 4
    seconds = int.from_bytes(body[4 : 4 + width], "big")
    # Many writers leave it zero; others count from 1970.
    if not 0 < seconds < 2**33:
        return
    moment = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    out.add("container:creation_time", moment, "container", part.range)


def _keys(stream: BinaryIO, part: Segment, out: FieldCollector) -> list[str]:
    body = read_at(stream, part.data_start, min(part.end - part.data_start, _MAX_KEYS_BYTES))
    if part.end - part.data_start > _MAX_KEYS_BYTES:
        # A value whose name is not known cannot be told from any other.
        out.unreadable(f"tags: more than {_MAX_KEYS_BYTES} bytes of keys")
    found: list[str] = []
    at = 8
    while at + 8 <= len(body) and len(found) < _MAX_TAGS:
        size = int.from_bytes(body[at : at + 4], "big")
        if size < 8:
            break
        found.append(decode_text(body[at + 8 : at + size]))
        at += size
    return found


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_INNER_BOXES):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + 8 > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _item(box: bytes, part: Segment, keys: list[str]) -> Tag:
    kind = box[4:8]
    index = int.from_bytes(kind, "big")
    key = keys[index - 1] if 0 < index <= len(keys) else kind.decode("latin-1")
    values: list[str] = []
    for inner, body in _boxes(box[8:]):
        if inner == b"name" and kind == b"----":
            key = decode_text(body[4:])
        elif inner == b"data" and int.from_bytes(body[:4], "big") in _UTF8:
            values.append(decode_text(body[8:]))
        elif inner == b"data" and int.from_bytes(body[:4], "big") in _UTF16:
            values.append(body[8:].decode("utf-16-be", "replace"))
    # Other types are pictures, numbers and flags.
    is_descriptive = key in _NAMES or kind == b"----" or bool(keys)
    text = "; ".join(value for value in values if value)
    return Tag(part, _NAMES.get(key, key), text, is_descriptive)


def _user_data(body: bytes, part: Segment) -> tuple[str, str]:
    if part.label in _3GPP:
        text = body[6:]
        is_wide = text[:2] in {b"\xfe\xff", b"\xff\xfe"}
        value = text.decode("utf-16", "replace") if is_wide else decode_text(text)
        return value.partition("\0")[0], ""
    if part.label in _OTHER_TEXTS:
        return "", decode_text(body.replace(b"\0", b" "))
    if not part.label.startswith("\xa9") and part.label not in _NAMES:
        return "", ""
    # A text for each language, with its size and the language in front.
    texts: list[str] = []
    at = 0
    while at + 4 <= len(body) and len(texts) < _MAX_INNER_BOXES:
        size = int.from_bytes(body[at : at + 2], "big")
        texts.append(decode_text(body[at + 4 : at + 4 + size]))
        at += 4 + size
    first = texts[0] if texts else ""
    # Drones leave the head out: then what is taken for the size leads past the end.
    return first, "; ".join(texts[1:]) if at <= len(body) else decode_text(body)


def _add_location(body: bytes, part: Segment, out: FieldCollector) -> None:
    # Version, flags and language; a name; a role; three 16.16 fixed-point numbers.
    wide = body[6:8] in {b"\xfe\xff", b"\xff\xfe"}
    end = body.find(b"\0\0" if wide else b"\0", 6)
    numbers = body[end + (2 if wide else 1) + 1 :]
    if end < 0 or len(numbers) < 8:
        return
    longitude, latitude = (
        int.from_bytes(numbers[i : i + 4], "big", signed=True) / 65536 for i in (0, 4)
    )
    position = position_text(latitude, longitude)
    if position is not None:
        out.add(LOCATION, position, "container", part.range)
