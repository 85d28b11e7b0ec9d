"""Descriptive metadata by hand: EXIF blocks, XMP packets, IPTC records, tags.

Byte by byte, so that a test can also make what no library would write.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal
from xml.sax.saxutils import escape

__all__ = [
    "HOSTILE_TEXTS",
    "NAMESPACES",
    "Entry",
    "box",
    "exif_block",
    "id3_tag",
    "iptc_records",
    "itunes_list",
    "pdf_with_objects",
    "ratios",
    "riff_chunk",
    "text",
    "xmp_packet",
]

Entry = tuple[int, int, bytes]
"""The type, the number of values, and the values as bytes."""

HOSTILE_TEXTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE releases; --",
    '" OR 1=1 --',
    "{{7*7}} ${jndi:ldap://x.example/a} %s%n",
    "\x1b[31mred\x1b[0m",
    "\u202eGPJ.exe",
    "a\u200bb",
    "오로라 엔터테인먼트 🎤",
    "ノヴァ九 👩‍👩‍👧",
    "=cmd|'/c calc'!A1",
)
"""Texts that somebody may put into any field: markup, commands, hidden characters, ours."""

NAMESPACES: Mapping[str, str] = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}


def text(value: str | bytes) -> Entry:
    """An ASCII entry, whatever the bytes are."""
    raw = (value.encode() if isinstance(value, str) else value) + b"\0"
    return 2, len(raw), raw


def ratios(*pairs: tuple[int, int], order: Literal["<", ">"] = "<") -> Entry:
    """Rational numbers."""
    return 5, len(pairs), b"".join(struct.pack(f"{order}II", *pair) for pair in pairs)


def exif_block(
    main: Mapping[int, Entry] | None = None,
    exif: Mapping[int, Entry] | None = None,
    gps: Mapping[int, Entry] | None = None,
    *,
    order: Literal["<", ">"] = "<",
) -> bytes:
    """A TIFF block with up to three directories, values after each of them."""
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    main = dict(main or {})
    pointers = [tag for tag, entries in ((0x8769, exif), (0x8825, gps)) if entries]
    for tag in pointers:
        main[tag] = (4, 1, bytes(4))
    body = _directory(main, 8, order)
    for tag, entries in ((0x8769, exif), (0x8825, gps)):
        if entries:
            main[tag] = (4, 1, struct.pack(f"{order}I", 8 + len(body)))
            body += _directory(entries, 8 + len(body), order)
    first = _directory(main, 8, order)
    return head + first + body[len(first) :]


def _directory(entries: Mapping[int, Entry], at: int, order: str) -> bytes:
    values_at = at + 2 + 12 * len(entries) + 4
    table, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, count, raw) in sorted(entries.items()):
        table += struct.pack(f"{order}HHI", tag, kind, count)
        if len(raw) <= 4:
            table += raw.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}I", values_at + len(values))
            values += raw + b"\0" * (len(raw) % 2)
    return table + bytes(4) + values


def xmp_packet(
    properties: str = "",
    *,
    attributes: Mapping[str, str] | None = None,
    prefixes: Mapping[str, str] = NAMESPACES,
) -> bytes:
    """An XMP packet with one description; attributes are escaped, properties are markup."""
    names = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in prefixes.items())
    values = "".join(
        f' {name}="{escape(value, {chr(34): "&quot;"})}"'
        for name, value in (attributes or {}).items()
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{names}{values}>{properties}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iptc_records(fields: Sequence[tuple[int, str | bytes]], *, utf8: bool = True) -> bytes:
    """Application records of IPTC-IIM, after an envelope that says UTF-8 on request."""
    head = b"\x1c\x01\x5a\0\x03\x1b%G" if utf8 else b""
    return head + b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(raw)) + raw
        for number, value in fields
        for raw in (value.encode() if isinstance(value, str) else value,)
    )


def box(kind: bytes, *parts: bytes) -> bytes:
    """An ISO base media box."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def itunes_list(tags: Mapping[bytes, str]) -> bytes:
    """A `udta` box with an iTunes list of texts."""
    items = b"".join(
        box(kind, box(b"data", struct.pack(">II", 1, 0), value.encode()))
        for kind, value in tags.items()
    )
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    return box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", items)))


def id3_tag(frames: Sequence[tuple[bytes, bytes]]) -> bytes:
    """An ID3v2.3 tag."""
    body = b"".join(name + struct.pack(">IH", len(raw), 0) + raw for name, raw in frames)
    size = len(body)
    syncsafe = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + syncsafe + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """A RIFF chunk with its padding byte."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def pdf_with_objects(
    objects: Mapping[int, bytes],
    *,
    trailer: bytes = b"",
    in_object_stream: Mapping[int, bytes] | None = None,
) -> bytes:
    """A PDF of these objects; those of an object stream are deflated together."""
    body = b"%PDF-1.7\n"
    for number, content in objects.items():
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    if in_object_stream:
        index, values = b"", b""
        for number, content in in_object_stream.items():
            index += b"%d %d " % (number, len(values))
            values += content + b" "
        raw = zlib.compress(index + values)
        body += b"99 0 obj<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>stream\n" % (
            len(in_object_stream),
            len(index),
            len(raw),
        )
        body += raw + b"\nendstream\nendobj\n"
    start = len(body)
    return body + b"xref\n0 1\n0000000000 65535 f \ntrailer<<%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        trailer,
        start,
    )
