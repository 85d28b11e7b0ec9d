"""Finding and erasing private tags of an EXIF block, at the size and offsets it has.

An erased tag leaves the table of its directory; then every byte of the block that nothing
refers to any more is set to zero, which is where the values of erased tags lay.

Source: CIPA DC-008 (EXIF 3.0) §4.6; TIFF 6.0 §2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from provenance.media.metadata.exif_tags import EXIF_TAGS, MAIN_TAGS
from provenance.media.metadata.model import decode_text
from provenance.media.privacy.model import Category, Finder
from provenance.media.privacy.rules import category_of, category_of_value
from provenance.media.privacy.xmp_eraser import erase_xmp
from provenance.media.ranges import ByteRange, subtract

__all__ = [
    "PRIVATE_TAGS",
    "TEXT_TAGS",
    "TEXT_TYPES",
    "UNSHOWN_TAGS",
    "erase_exif",
    "text_name",
    "text_of",
]

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_BYTES |= {129: 1}
PRIVATE_TAGS = {
    0x013C: "HostComputer",
    0x0151: "TargetPrinter",
    0x927C: "MakerNote",
    0xA430: "CameraOwnerName",
    0xA431: "BodySerialNumber",
    0xA435: "LensSerialNumber",
    0xC62F: "CameraSerialNumber",
    0xC634: "DNGPrivateData",
    # The raw file as it came from the camera, with all that it says (DNG 1.7).
    0xC68C: "OriginalRawFileData",
    0xC68B: "OriginalRawFileName",
    # Written by raw converters for cameras that have no better place.
    0xFDE8: "OwnerName",
    0xFDE9: "SerialNumber",
    0xFE4C: "RawFile",
    0x9213: "ImageHistory",
    # Where on the globe a picture lies that is a map, or taken from the air (GeoTIFF 1.1).
    0x8482: "ModelTiePoint",
    0x85D8: "ModelTransform",
    0x87AF: "GeoTiffDirectory",
    0x87B0: "GeoTiffDoubleParams",
    0x87B1: "GeoTiffAsciiParams",
}
TEXT_TAGS = {
    0x010E: "ImageDescription",
    0x010D: "DocumentName",
    0x011D: "PageName",
    0x0131: "Software",
    0x9286: "UserComment",
    0x9C9C: "XPComment",
    0x9C9B: "XPTitle",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
UNSHOWN_TAGS = frozenset({0x927C, 0xC634, 0xC68C, 0x8482, 0x85D8, 0x87AF, 0x87B0})
TEXT_TYPES = frozenset({2, 129})
_NAMES = {**MAIN_TAGS, **EXIF_TAGS, **TEXT_TAGS}
_EXIF, _GPS, _INTEROP = 0x8769, 0x8825, 0xA005
_XMP = 700
# Whole records of others, in tags of the first directory: which function looks into one.
_BLOCK_TAGS = frozenset({0x8649, 0x83BB})
_MAX_ENTRIES = 2_000
_MAX_TEXTS = 64
# As many of the length of a whole EXIF block of a JPEG.
_MAX_TEXT_BYTES = 4 * 1024 * 1024
_BlockEraser = Callable[[bytes, Finder], bytes]


@dataclass(slots=True)
class _Directory:
    """One table: where it is, its entries, and what follows it."""

    at: int
    entries: list[bytes]
    next_at: int
    used: list[ByteRange] = field(default_factory=list)


class _Block:
    def __init__(self, data: bytes, order: Literal["little", "big"]) -> None:
        self.data = bytearray(data)
        self.order = order
        # Thousands of entries may all name the same text, each to be read and searched.
        self.texts_left = _MAX_TEXTS
        self.text_bytes_left = _MAX_TEXT_BYTES

    def number(self, raw: bytes | bytearray) -> int:
        return int.from_bytes(raw, self.order)

    def directory(self, at: int) -> _Directory | None:
        count = self.number(self.data[at : at + 2])
        end = at + 2 + 12 * count
        if at < 8 or end > len(self.data) or count > _MAX_ENTRIES:
            return None
        entries = [bytes(self.data[i : i + 12]) for i in range(at + 2, end, 12)]
        return _Directory(at, entries, self.number(self.data[end : end + 4]))

    def value_range(self, entry: bytes) -> ByteRange | None:
        """Where does a value lie that is not inside its entry? None where it is."""
        size = _TYPE_BYTES.get(self.number(entry[2:4]), 1) * self.number(entry[4:8])
        if size <= 4:
            return None
        at = self.number(entry[8:12])
        return ByteRange(min(at, len(self.data)), min(at + size, len(self.data)))

    def text(self, entry: bytes) -> str:
        place = self.value_range(entry)
        raw = entry[8:12] if place is None else bytes(self.data[place.start : place.end])
        return text_of(self.number(entry[:2]), raw, self.order)

    def write(self, directory: _Directory, old_count: int) -> None:
        at = directory.at
        body = len(directory.entries).to_bytes(2, self.order) + b"".join(directory.entries)
        body += directory.next_at.to_bytes(4, self.order)
        room = min(2 + 12 * old_count + 4, len(self.data) - at)
        self.data[at : at + room] = body.ljust(room, b"\0")[:room]


def text_name(tag: int) -> str:
    """Under which name does the text of this tag count, of which any may be private?"""
    return f"exif:{_NAMES.get(tag) or f'{tag:#06x}'}"


def text_of(tag: int, raw: bytes, order: Literal["little", "big"]) -> str:
    """Which text does the value of this tag hold?"""
    if 0x9C9B <= tag <= 0x9C9F:
        return raw.decode("utf-16-le", "replace").strip("\0")
    if raw[:8] == b"UNICODE\0":
        return raw[8:].decode("utf-16-le" if order == "little" else "utf-16-be", "replace")
    return decode_text(raw.removeprefix(b"ASCII\0\0\0")).strip("\0 ")


def erase_exif(
    block: bytes, finder: Finder, *, blocks: Mapping[int, _BlockEraser] | None = None
) -> bytes:
    """Which private tags does this EXIF block hold, and how is it without them?

    `block` starts with its TIFF header or with `Exif` and two zero bytes. What comes back
    has its size; where nothing is to be erased, it is the same. `blocks` tells who erases
    in the tags that hold image resources or IPTC records; what has nobody is named.
    """
    head = 6 if block.startswith(b"Exif\0") else 0
    tiff = block[head:]
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    if tiff[:2] not in {b"II", b"MM"} or int.from_bytes(tiff[2:4], order) != 42:
        finder.unreadable("EXIF: no TIFF header")
        return block
    work = _Block(tiff, order)
    main = work.directory(work.number(tiff[4:8]))
    if main is None:
        finder.unreadable("EXIF: its first directory reaches past the end")
        return block
    if not _erase(work, main, finder, blocks or {}):
        return block
    return block[:head] + bytes(work.data)


def _erase(
    work: _Block, main: _Directory, finder: Finder, blocks: Mapping[int, _BlockEraser]
) -> bool:
    inner = _child(work, main, _EXIF, finder)
    gps = _child(work, main, _GPS, finder)
    second = work.directory(main.next_at) if main.next_at else None
    if main.next_at and second is None:
        finder.unreadable("EXIF: its second directory reaches past the end")
    directories = [d for d in (main, inner, gps, second) if d is not None]
    old_counts = {id(d): len(d.entries) for d in directories}
    values_before = [
        place for d in directories for e in d.entries if (place := work.value_range(e)) is not None
    ] + [ByteRange(d.at, d.at + 6 + 12 * len(d.entries)) for d in directories]
    changed = _erase_packet(work, main, finder)
    changed = _erase_blocks(work, main, finder, blocks) or changed
    if (
        gps is not None
        and any(work.number(entry[:2]) for entry in gps.entries)
        and finder.found("exif:GPSPosition", Category.POSITION, f"{len(gps.entries)} tags")
    ):
        main.entries = [e for e in main.entries if work.number(e[:2]) != _GPS]
        directories.remove(gps)
        changed = True
    if second is not None and finder.found("exif:Thumbnail", Category.PREVIEW, _preview(second)):
        main.next_at = 0
        directories.remove(second)
        changed = True
    for directory in directories:
        if directory is gps:
            continue
        left = [entry for entry in directory.entries if not _is_erased(work, entry, finder)]
        if len(left) < len(directory.entries):
            directory.entries, changed = left, True
    if not changed:
        return False
    for directory in directories:
        work.write(directory, old_counts[id(directory)])
    keeps_maker_note = inner is not None and any(
        work.number(entry[:2]) == 0x927C for entry in inner.entries
    )
    _zero_unused(work, directories, values_before if keeps_maker_note else None)
    return True


def _erase_packet(work: _Block, main: _Directory, finder: Finder) -> bool:
    """Erase in an XMP packet that stands in a tag, as in a TIFF file, at its size."""
    changed = False
    for entry in main.entries:
        place = work.value_range(entry) if work.number(entry[:2]) == _XMP else None
        body = b"" if place is None else bytes(work.data[place.start : place.end])
        at, stop = body.find(b"<"), body.rfind(b">") + 1
        if place is not None and 0 <= at < stop:
            cleaned = erase_xmp(body[at:stop], finder)
            changed = changed or cleaned != body[at:stop]
            work.data[place.start + at : place.start + stop] = cleaned
    return changed


def _erase_blocks(
    work: _Block, main: _Directory, finder: Finder, blocks: Mapping[int, _BlockEraser]
) -> bool:
    """Erase in the records of others, which may get shorter; their places stay."""
    left: list[bytes] = []
    seen: set[int] = set()
    for entry in main.entries:
        tag, place = work.number(entry[:2]), work.value_range(entry)
        left.append(entry)
        if tag not in _BLOCK_TAGS or place is None:
            continue
        eraser = blocks.get(tag)
        if eraser is None or tag in seen:
            # One inside the other, or many tags for one record: each to be read again.
            finder.unreadable(f"EXIF: tag {tag:#06x} was not looked into")
            continue
        seen.add(tag)
        body = bytes(work.data[place.start : place.end])
        cleaned = eraser(body, finder)
        if cleaned == body:
            continue
        work.data[place.start : place.end] = cleaned.ljust(len(body), b"\0")
        del left[-1]
        if len(cleaned) > 4:
            # Bytes, whatever the type said: the length need be no multiple of four now.
            count = len(cleaned).to_bytes(4, work.order)
            left.append(entry[:2] + (7).to_bytes(2, work.order) + count + entry[8:])
    changed = left != main.entries
    main.entries = left
    return changed


def _preview(second: _Directory) -> str:
    return f"a small picture with {len(second.entries)} tags"


def _child(work: _Block, parent: _Directory, tag: int, finder: Finder) -> _Directory | None:
    for entry in parent.entries:
        if work.number(entry[:2]) == tag:
            found = work.directory(work.number(entry[8:12]))
            if found is None:
                finder.unreadable(f"EXIF: directory {tag:#06x} reaches past the end")
            return found
    return None


def _is_erased(work: _Block, entry: bytes, finder: Finder) -> bool:
    tag = work.number(entry[:2])
    name = PRIVATE_TAGS.get(tag)
    is_text = tag in TEXT_TAGS or work.number(entry[2:4]) in TEXT_TYPES
    if name is not None or is_text:
        place = work.value_range(entry)
        work.texts_left -= 1
        if tag not in UNSHOWN_TAGS and place is not None:
            work.text_bytes_left -= place.size_bytes
        if work.texts_left < 0 or work.text_bytes_left < 0:
            what = f"{_MAX_TEXTS} texts, or {_MAX_TEXT_BYTES} bytes of them"
            finder.unreadable(f"EXIF: there are more than {what}")
            return False
    if name is not None:
        category = category_of(f"exif:{name}") or Category.SERIAL_NUMBER
        preview = "" if tag in UNSHOWN_TAGS else work.text(entry)
        return finder.found(f"exif:{name}", category, preview)
    if is_text:
        text = work.text(entry)
        category_found = category_of_value(text)
        return category_found is not None and finder.found(text_name(tag), category_found, text)
    return False


def _zero_unused(  # one pass over the tables
    work: _Block, directories: list[_Directory], only: list[ByteRange] | None
) -> None:
    """Set to zero what nothing refers to: everywhere, or in some parts only."""
    used = [ByteRange(0, 8)]
    queue = list(directories)
    for directory in directories:
        for tag in (_INTEROP, 0x014A):
            for entry in directory.entries:
                if work.number(entry[:2]) == tag and work.number(entry[4:8]) == 1:
                    more = work.directory(work.number(entry[8:12]))
                    if more is not None:
                        queue.append(more)
    for directory in queue:
        used.append(ByteRange(directory.at, directory.at + 2 + 12 * len(directory.entries) + 4))
        values = {work.number(e[:2]): work.number(e[8:12]) for e in directory.entries}
        for offset, size in ((0x0201, 0x0202), (0x0111, 0x0117)):
            if offset in values and size in values:
                used.append(ByteRange(values[offset], values[offset] + values[size]))
        used += [p for e in directory.entries if (p := work.value_range(e)) is not None]
    # The offsets of a maker note may lead anywhere, and who keeps it keeps what it refers to.
    whole = [ByteRange(0, len(work.data))] if only is None else only
    for start, end in subtract(whole, used):
        stop = min(end, len(work.data))
        work.data[start:stop] = bytes(max(0, stop - start))
