"""Reading the text tags of sounds and small pictures: ID3, Vorbis comments, RIFF, PNG, ID3v1.

Each function takes the bytes of one such record, as the layout cut it out.

Sources: ID3v2.2 §4, ID3v2.3 §4, ID3v2.4 §4; RFC 9639 §8.6 (Vorbis comment); RIFF (LIST
INFO); EBU Tech 3285 (`bext`); PNG (third edition) §11.3.3.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType

from provenance.media.metadata.model import FieldCollector, decode_text
from provenance.media.metadata.positions import iso6709_position
from provenance.media.ranges import ByteRange

__all__ = [
    "add_broadcast_extension",
    "add_id3_frame",
    "add_id3v1",
    "add_png_text",
    "add_riff_info",
    "add_tag",
    "add_vorbis_comment",
    "png_text",
]

LOCATION = "container:location"
_MAX_ITEMS = 1_000
_MAX_KEYWORD_BYTES = 79
_MAX_TEXT_BYTES = 256 * 1024

_FRAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("TIT2", "TT2"), "title"),
        **dict.fromkeys(("TPE1", "TP1"), "performer"),
        **dict.fromkeys(("TPE2", "TP2"), "album_artist"),
        **dict.fromkeys(("TALB", "TAL"), "album"),
        **dict.fromkeys(("TCOM", "TCM"), "composer"),
        **dict.fromkeys(("TEXT", "TXT"), "writer"),
        **dict.fromkeys(("TPUB", "TPB"), "publisher"),
        **dict.fromkeys(("TCOP", "TCR"), "copyright"),
        **dict.fromkeys(("TSRC", "TRC"), "isrc"),
        **dict.fromkeys(("TENC", "TEN"), "encoded_by"),
        **dict.fromkeys(("TSSE", "TSS"), "encoder"),
        **dict.fromkeys(("TDRC", "TYER", "TYE"), "recorded_date"),
        **dict.fromkeys(("TDRL",), "release_date"),
        **dict.fromkeys(("TCON", "TCO"), "genre"),
        **dict.fromkeys(("COMM", "COM"), "comment"),
        **dict.fromkeys(("TXXX", "TXX"), "user"),
    }
)
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        # RIFF LIST INFO.
        "INAM": "title",
        "IART": "performer",
        "ICMT": "comment",
        "ICOP": "copyright",
        "ICRD": "recorded_date",
        "IENG": "encoded_by",
        "IPRD": "album",
        "ISFT": "encoder",
        "ISBJ": "description",
        "ISRC": "source",
        "IKEY": "keywords",
        # Vorbis comments and PNG keywords, in lower case.
        "artist": "performer",
        "author": "author",
        "date": "recorded_date",
        "creation time": "creation_time",
        "organization": "publisher",
        "software": "encoder",
        "disclaimer": "disclaimer",
        "location": "location",
    }
)


def add_tag(key: str, value: str, out: FieldCollector, where: ByteRange | None) -> None:
    """Keep a tag under the name that all containers share, or under its own."""
    name = _NAMES.get(key) or _NAMES.get(key.lower()) or key.lower()[:_MAX_KEYWORD_BYTES]
    if name == "location":
        value = iso6709_position(value) or value
    out.add(f"container:{name}", value, "container", where)


def add_id3_frame(
    label: str, body: bytes, out: FieldCollector, where: ByteRange | None, *, unsynchronised: bool
) -> None:
    """Which text does this ID3v2 frame hold? Frames that hold none are left out."""
    name = _FRAMES.get(label)
    if name is None or not body:
        return
    if unsynchronised:
        body = body.replace(b"\xff\0", b"\xff")
    encoding = _ENCODINGS.get(body[0], "latin-1")
    text_at = 4 if name == "comment" else 1
    # Latin-1 is what the oldest writers said whatever they wrote.
    text = decode_text(body[text_at:]) if body[0] == 0 else _decode(body[text_at:], encoding)
    parts = [part.strip("\ufeff ") for part in text.split("\0")]
    if name in {"comment", "user"}:
        description, *parts = parts if len(parts) > 1 else ["", *parts]
        if name == "user":
            name = description.lower()[:_MAX_KEYWORD_BYTES] or "user"
        elif description.startswith("iTun"):
            return
    add_tag(name, "; ".join(part for part in parts if part), out, where)


def _decode(raw: bytes, encoding: str) -> str:
    return raw.decode(encoding, "replace")


def add_id3v1(tag: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which fields does this ID3v1 tag of 128 bytes hold?"""
    tag = tag[-128:]
    places = (("title", 3, 33), ("performer", 33, 63), ("album", 63, 93))
    for name, start, end in (*places, ("recorded_date", 93, 97), ("comment", 97, 125)):
        text = decode_text(tag[start:end].partition(b"\0")[0]).strip()
        out.add(f"container:{name}", text, "container", where)


def add_vorbis_comment(block: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which fields does this Vorbis comment hold?"""
    at = 4 + int.from_bytes(block[:4], "little")
    encoder = block[4:at].decode("utf-8", "replace")
    out.add("container:encoder", encoder, "container", where)
    count = int.from_bytes(block[at : at + 4], "little")
    at += 4
    for _ in range(min(count, _MAX_ITEMS)):
        size, at = int.from_bytes(block[at : at + 4], "little"), at + 4
        if at + size > len(block):
            out.unreadable("Vorbis comment: a field reaches past the end")
            return
        key, separator, value = block[at : at + size].partition(b"=")
        at += size
        # A picture in base64 is no text.
        if separator and key.upper() != b"METADATA_BLOCK_PICTURE":
            add_tag(decode_text(key), value.decode("utf-8", "replace"), out, where)
    if count > _MAX_ITEMS:
        out.unreadable(f"Vorbis comment: more than {_MAX_ITEMS} fields")


def add_riff_info(body: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which fields does this `INFO` list hold? `body` starts with `INFO`."""
    at = 4
    for _ in range(_MAX_ITEMS):
        head = body[at : at + 8]
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], "little")
        key = head[:4].decode("latin-1")
        if key in _NAMES:
            text = decode_text(body[at + 8 : at + 8 + size].partition(b"\0")[0])
            add_tag(key, text, out, where)
        at += 8 + size + size % 2


def add_broadcast_extension(body: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Which fields does this `bext` chunk of a WAV hold?"""
    places = (("description", 0, 256), ("author", 256, 288), ("recorded_date", 320, 330))
    for name, start, end in places:
        text = decode_text(body[start:end].partition(b"\0")[0])
        out.add(f"container:{name}", text, "container", where)


def png_text(kind: str, body: bytes, largest: int) -> tuple[str, bytes, bool] | None:
    """Which keyword and text does this `tEXt`, `zTXt` or `iTXt` chunk hold?

    Gives the keyword, the text as bytes, and whether it is UTF-8. None where it cannot be
    read: no keyword, compressed in another way, or more than `largest` bytes.
    """
    keyword, separator, rest = body.partition(b"\0")
    if not separator or not 0 < len(keyword) <= _MAX_KEYWORD_BYTES:
        return None
    is_compressed = kind == "zTXt"
    if is_compressed:
        rest = rest[1:]
    elif kind == "iTXt":
        is_compressed = rest[:1] == b"\1"
        _, _, rest = rest[2:].partition(b"\0")
        _, separator, rest = rest.partition(b"\0")
        if not separator:
            return None
    if is_compressed:
        try:
            inflater = zlib.decompressobj()
            rest = inflater.decompress(rest, largest)
        except zlib.error:
            return None
        if not inflater.eof:
            return None
    return keyword.decode("latin-1"), rest, kind == "iTXt"


def add_png_text(kind: str, body: bytes, out: FieldCollector, where: ByteRange | None) -> None:
    """Keep the text of this chunk under its keyword."""
    found = png_text(kind, body, _MAX_TEXT_BYTES)
    if found is None:
        out.unreadable(f"PNG: a {kind} chunk")
        return
    keyword, raw, is_utf8 = found
    # Other programmes' binary records, written as hexadecimal digits.
    if keyword.startswith("Raw profile type"):
        out.unreadable(f"PNG: {keyword}")
        return
    add_tag(keyword, raw.decode("utf-8", "replace") if is_utf8 else decode_text(raw), out, where)
