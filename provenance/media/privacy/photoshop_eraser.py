"""Finding and erasing private records in Photoshop image resources and IPTC-IIM.

Source: Adobe Photoshop File Formats Specification, "Image Resource Blocks"; IIM 4.2 §1.5.
"""

from __future__ import annotations

import re

from provenance.media.metadata.model import decode_text
from provenance.media.privacy.exif_eraser import erase_exif
from provenance.media.privacy.model import Category, Finder
from provenance.media.privacy.xmp_eraser import erase_xmp

__all__ = ["erase_exif_and_blocks", "erase_iptc", "erase_resources"]

# The tags under which TIFF, and some JPEGs, keep the same records in EXIF.
_IPTC_TAG, _RESOURCES_TAG = 0x83BB, 0x8649
_IPTC, _DIGEST, _XMP, _EXIF = 0x0404, 0x0425, 0x0424, 0x0422
_THUMBNAILS = frozenset({0x0409, 0x040C})
# What a Mac, and Windows, call the printer; Photoshop's own settings; where it saves meanwhile.
_MAC_PRINTERS, _DEVICE, _PRINT, _AUTO_SAVE = frozenset({0x03E9, 0x043C}), 0x043D, 0x043A, 0x043E
# A descriptor has a text under this key: how many letters of two bytes, the last one zero.
_PRINTER = re.compile(rb"printerNameTEXT(.{4})((?:\0[^\0]|[^\0].){1,200})", re.DOTALL)
_MAX_RESOURCES = 1_000
_MAX_RECORDS = 5_000
_PRIVATE = {118: ("iptc:Contact", Category.CONTACT), 231: ("iptc:History", Category.HISTORY)}


def erase_exif_and_blocks(block: bytes, finder: Finder) -> bytes:
    """Which private tags has this EXIF block, and image resources and IPTC in tags of it?"""
    erasers = {_RESOURCES_TAG: erase_resources, _IPTC_TAG: erase_iptc}
    return erase_exif(block, finder, blocks=erasers)


def erase_resources(  # noqa: C901  # one loop over resources
    data: bytes, finder: Finder
) -> bytes:
    """Which private records do these image resources hold, and how are they without them?"""
    out: list[bytes] = []
    at = count = 0
    iptc_changed = False
    while data[at:].strip(b"\0") if len(data) - at < 64 else True:
        head = data[at : at + 7]
        count += 1
        if len(head) < 7 or head[:4] not in {b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa"}:
            finder.unreadable(f"Photoshop: no image resource at byte {at} of {len(data)}")
            return data
        start, kind = at, int.from_bytes(head[4:6], "big")
        at += 6 + head[6] + 1 + (head[6] + 1) % 2
        size_at, size = at, int.from_bytes(data[at : at + 4], "big")
        body, at = data[at + 4 : at + 4 + size], at + 4 + size + size % 2
        if len(body) < size or count > _MAX_RESOURCES:
            finder.unreadable("Photoshop: an image resource reaches past the end")
            return data
        new: bytes | None = body
        if kind in _THUMBNAILS:
            gone = finder.found("photoshop:Thumbnail", Category.PREVIEW, "a small picture")
            new = None if gone else body
        elif (told := _of_computer(kind, body)) is not None:
            name, preview = told
            new = None if finder.found(name, Category.TOOL, preview) else body
        elif kind == _IPTC:
            new = erase_iptc(body, finder)
            iptc_changed = new != body
        elif kind == _XMP:
            new = erase_xmp(body, finder)
        elif kind == _EXIF:
            new = erase_exif(body, finder)
        if new == body:
            out.append(data[start:at])
        elif new is not None:
            padded = new + b"\0" * (len(new) % 2)
            out.append(data[start:size_at] + len(new).to_bytes(4, "big") + padded)
    if iptc_changed:
        # The digest says which IPTC record this was; it would be wrong now.
        out = [item for item in out if int.from_bytes(item[4:6], "big") != _DIGEST]
    return b"".join(out)


def _of_computer(kind: int, body: bytes) -> tuple[str, str] | None:
    """Does this resource name a printer or a folder? Then how it counts, and what it says."""
    printer = _PRINTER.search(body) if kind == _PRINT else None
    if printer is not None:
        return "photoshop:Printer", printer[2].decode("utf-16-be", "replace")
    device = body[:64].decode("utf-16-le", "replace").partition("\0")[0]
    if kind == _DEVICE and device:
        return "photoshop:Printer", device
    if kind in _MAC_PRINTERS and b"Printer" in body:
        return "photoshop:Printer", "the settings of a printer"
    if kind == _AUTO_SAVE and body.strip(b"\0"):
        return "photoshop:AutoSaveFilePath", decode_text(body.replace(b"\0", b""))
    return None


def erase_iptc(records: bytes, finder: Finder) -> bytes:
    """Which private records does this IPTC-IIM hold, and how is it without them?"""
    out: list[bytes] = []
    at = 0
    for _ in range(_MAX_RECORDS):
        head = records[at : at + 5]
        if not head.strip(b"\0"):
            return b"".join([*out, records[at:]]) if out else records
        size = int.from_bytes(head[3:5], "big")
        if len(head) < 5 or head[0] != 0x1C or size & 0x8000 or at + 5 + size > len(records):
            break
        whole, at = records[at : at + 5 + size], at + 5 + size
        rule = _PRIVATE.get(head[2]) if head[1] == 2 else None
        if rule is None or not finder.found(*rule, decode_text(whole[5:])):
            out.append(whole)
    finder.unreadable(f"IPTC: no record at byte {at} of {len(records)}")
    return records
