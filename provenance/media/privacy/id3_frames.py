"""Which kinds of ID3 frames there are, and what a frame of any kind says.

Sources: ID3v2.2 §4, ID3v2.3 §4, ID3v2.4 §4; ID3v2 Chapter Frame Addendum §3; iTunes.
"""

from __future__ import annotations

import re

from provenance.media.metadata.model import decode_text
from provenance.media.privacy.model import Category
from provenance.media.privacy.rules import category_of_value, telling_part

__all__ = ["chapter_tag", "is_known_frame", "private_text"]

_KNOWN_FRAMES = frozenset(
    {
        *("AENC", "APIC", "ASPI", "CHAP", "COMM", "COMR", "CTOC", "ENCR", "EQU2", "EQUA", "ETCO"),
        *("GEOB", "GRID", "GRP1", "IPLS", "ITNU", "LINK", "MCDI", "MLLT", "MVIN", "MVNM", "OWNE"),
        *("PCNT", "PCST", "POPM", "POSS", "PRIV", "RBUF", "RGAD", "RVA2", "RVAD", "RVRB", "SEEK"),
        *("SIGN", "SYLT", "SYTC", "UFID", "USER", "USLT", "XDOR", "XOLY", "XSOA", "XSOP", "XSOT"),
        *("BUF", "CNT", "COM", "CRA", "CRM", "EQU", "ETC", "GEO", "GP1", "IPL", "ITU", "LNK"),
        *("MCI", "MLL", "MVI", "MVN", "PCS", "PIC", "POP", "REV", "RVA", "SLT", "STC", "UFI"),
        "ULT",
    }
)
_SEPARATORS = re.compile(rb"[\0-\3]")
_WIDE_STARTS = re.compile(rb"\0\0\0|\xff\xfe|\xfe\xff")


def is_known_frame(label: str) -> bool:
    """Is this a frame of a standard, or one that everybody writes? Texts and links all are."""
    return label[:1] in {"T", "W"} or label in _KNOWN_FRAMES


def private_text(body: bytes) -> tuple[Category, str] | None:
    """Is a text in this frame private for what it says? Then why, and from where on.

    Which part of it is text, and how it is encoded, is not asked.
    """
    plain = body.replace(b"\xff\0", b"\xff")
    # Letters of two bytes, each text with its mark or after the three zeros of the one before.
    wide = _WIDE_STARTS.sub(b" ", plain).replace(b"\0", b"")
    for raw in (_SEPARATORS.sub(b" ", plain), wide):
        text = decode_text(raw)
        category = category_of_value(text)
        if category is not None:
            return category, telling_part(text).strip()
    return None


def chapter_tag(label: str, version: int, body: bytes) -> bytes:
    """Which tag would the frames of this chapter, or of this table of contents, be?"""
    _, _, rest = body.partition(b"\0")
    if label == "CHAP":
        frames = rest[16:]
    else:
        frames = rest[2:]
        for _ in range(rest[1] if len(rest) > 1 else 0):
            _, _, frames = frames.partition(b"\0")
    size = len(frames)
    syncsafe = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, 0]) + syncsafe + frames
