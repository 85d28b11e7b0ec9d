"""The boxes of ISO base media files: MP4, MOV, M4A, HEIC, HEIF, AVIF, and fragments of them.

Every box inside a known container box is listed, in file order, parents before
children. `Segment.path` gives each step its 1-based index among the siblings of
the same type, always: `/moov[1]/trak[2]/mdia[1]`. That is the form in which the
C2PA specification addresses a single box; a path without indices addresses all
siblings (see `bmff_exclusions`).

`Segment.data_start` lies after size, type, 64-bit size and (for `uuid` boxes)
the 16-byte user type; the version and flags of a FullBox are data.

Sources: ISO/IEC 14496-12:2022 §4.2, §6.2, §8; QuickTime File Format (atoms);
C2PA 2.2 §A.4 "Embedding manifests into BMFF-based assets".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES
from provenance.media.containers.pieces import is_zero_filled, read_exactly
from provenance.media.containers.problems import Problems
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = ["C2PA_USER_TYPE", "XMP_USER_TYPE", "is_full_meta", "parse_layout", "user_type"]

C2PA_USER_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_USER_TYPE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

# Container boxes, with the bytes of payload before the first child.
_CONTAINERS = dict.fromkeys(
    (
        *("moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf", "mfra"),
        *("udta", "tref", "treg", "schi", "sinf", "rinf", "hnti", "hinf", "strk", "strd", "meco"),
        *("iprp", "ipco", "grpl", "ilst", "gmhd", "tapt", "wave"),
    ),
    0,
) | {"iref": 4, "dref": 8, "stsd": 8}

_PADDING = frozenset({"free", "skip", "wide"})
_CONTENT = frozenset({"mdat", "idat", "imda"})
# Types that may stand at the top of a file or of a fragment.
_TOP_LEVEL = frozenset(
    {
        *("ftyp", "styp", "pdin", "moov", "moof", "mfra", "meta", "meco", "sidx", "ssix", "prft"),
        *("emsg", "uuid", "udta", "otyp", "etyp", "pnot", "PICT"),
    }
)
# Purposes of a C2PA box that holds a manifest store, each followed by the
# 8-byte offset of the first Merkle box.
_STORE_PURPOSES = frozenset({b"manifest", b"update", b"original"})
_MERKLE_PURPOSE = b"merkle"
_MAX_PURPOSE_BYTES = 32


def user_type(stream: BinaryIO, segment: Segment) -> bytes | None:
    """Which 16-byte user type does this `uuid` box carry? None for any other box."""
    if segment.label != "uuid" or segment.data_start - segment.start < 24:
        return None
    return read_exactly(stream, segment.data_start - 16, 16)


def is_full_meta(first_payload: bytes) -> bool:
    """Does a `meta` box with these first 8 payload bytes have version and flags?

    ISO says so; QuickTime writes a plain atom that begins with its `hdlr` child.
    """
    return first_payload[4:8] != b"hdlr"


def _label(four_cc: bytes) -> str:
    # `/`, `[` and `]` would let a box pose as a path; they and control
    # characters are escaped, so no xpath can name such a box.
    return "".join(
        chr(b) if (0x20 <= b < 0x7F or b >= 0xA1) and b not in b"/[]" else f"\\x{b:02x}"
        for b in four_cc
    )


def _is_plausible_type(four_cc: bytes) -> bool:
    return len(four_cc) == 4 and all(0x20 <= b < 0x7F or b == 0xA9 for b in four_cc)


@dataclass(slots=True)
class _Level:
    """One box whose children are being listed; the file itself at the bottom."""

    end: int
    label: str
    path: str
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Header:
    label: str
    data_start: int
    declared_end: int
    user_type: bytes


class _Walk:
    """The state of one pass over a file."""

    def __init__(self, stream: BinaryIO, size_bytes: int, limits: Limits) -> None:
        self.stream = stream
        self.size = size_bytes
        self.limits = limits
        self.segments: list[Segment] = []
        self.problems = Problems()
        self.manifest: list[ByteRange] = []
        self.payload: list[ByteRange] = []
        self.media_end = size_bytes

    def run(self) -> None:
        """List every box."""
        levels = [_Level(self.size, "file", "")]
        at = 0
        while levels:
            level = levels[-1]
            if at >= level.end:
                levels.pop()
                continue
            header = self._header(at, level, nested=len(levels) > 1)
            if header is None:
                self._give_up(at, level, nested=len(levels) > 1)
                at = level.end
                continue
            end = min(header.declared_end, level.end)
            if header.declared_end > level.end:
                self.problems.add(
                    f"box {header.label} at offset {at} declares {header.declared_end - at} bytes,"
                    f" {level.end - at} are left in its {level.label}"
                )
            nth = level.counts[header.label] = level.counts.get(header.label, 0) + 1
            path = f"{level.path}/{header.label}[{nth}]"
            self._list(at, end, header, path, depth=len(levels) - 1)
            first_child = self._first_child(header, end)
            if first_child is None:
                at = end
                continue
            if len(levels) > self.limits.max_box_depth:
                raise LimitError(
                    f"boxes too deep: {header.label} at offset {at} is nested more than"
                    f" {self.limits.max_box_depth} deep"
                )
            levels.append(_Level(end, header.label, path))
            at = first_child

    def _header(self, at: int, level: _Level, *, nested: bool) -> _Header | None:
        left = level.end - at
        if left < 8:
            return None
        head = read_exactly(self.stream, at, min(32, left))
        size = int.from_bytes(head[:4])
        four_cc = head[4:8]
        length = 8
        if size == 1:
            if left < 16:
                return None
            size = int.from_bytes(head[8:16])
            length = 16
        elif size == 0:
            # "To the end of the file" is for the last box of the file only.
            if nested or not _is_plausible_type(four_cc):
                return None
            size = left
        own_type = b""
        if four_cc == b"uuid":
            own_type = head[length : length + 16]
            length += 16
        label = _label(four_cc)
        if size < length or left < length:
            return None
        if size > left:
            # Anything can be read as a box that is too long; only a cut-off
            # box that the format knows may begin a file.
            known = label in _TOP_LEVEL or label in _PADDING or label in _CONTENT
            if not _is_plausible_type(four_cc) or (at == 0 and not known):
                return None
        return _Header(label, at + length, at + size, own_type)

    def _give_up(self, at: int, level: _Level, *, nested: bool) -> None:
        if nested:
            # QuickTime closes a list of user data with a 32-bit zero.
            if level.end - at <= 8 and is_zero_filled(self.stream, ByteRange(at, level.end)):
                return
            self.problems.add(
                f"no box at offset {at} inside {level.label}: {level.end - at} bytes are not listed"
            )
            return
        if at == 0:
            got = read_exactly(self.stream, 0, min(8, self.size))
            raise MalformedError(f"no ISO base media box at offset 0: got {got!r}")
        self.media_end = at
        self._add(
            Segment(
                start=at,
                end=self.size,
                kind=SegmentKind.TRAILER,
                label="trailer",
                data_start=at,
                path="/trailer",
            )
        )
        self.problems.add(f"{self.size - at} bytes at offset {at} are no box")

    def _add(self, segment: Segment) -> None:
        if len(self.segments) >= self.limits.max_segments:
            raise LimitError(
                f"too many boxes: more than {self.limits.max_segments} up to offset {segment.start}"
            )
        self.segments.append(segment)

    def _list(self, at: int, end: int, header: _Header, path: str, *, depth: int) -> None:
        kind = SegmentKind.STRUCTURE
        if header.label in _PADDING:
            kind = SegmentKind.PADDING
        elif header.label in _CONTENT:
            kind = SegmentKind.CONTENT
        elif header.user_type == XMP_USER_TYPE or header.label == "XMP_":
            kind = SegmentKind.XMP
        elif header.user_type == C2PA_USER_TYPE:
            kind = self._c2pa_box(at, end, header, depth)
        elif depth == 0 and header.label not in _TOP_LEVEL:
            kind = SegmentKind.UNKNOWN
        self._add(
            Segment(
                start=at,
                end=end,
                kind=kind,
                label=header.label,
                depth=depth,
                path=path,
                data_start=min(header.data_start, end),
            )
        )

    def _c2pa_box(self, at: int, end: int, header: _Header, depth: int) -> SegmentKind:
        if depth:
            self.problems.add(f"c2pa box at offset {at} is not at the top level of the file")
            return SegmentKind.UNKNOWN
        after_flags = header.data_start + 4
        head = read_exactly(
            self.stream, after_flags, max(0, min(_MAX_PURPOSE_BYTES, end - after_flags))
        )
        purpose, terminator, _ = head.partition(b"\0")
        if terminator and purpose == _MERKLE_PURPOSE:
            return SegmentKind.MANIFEST
        payload = ByteRange(after_flags + len(purpose) + 1 + 8, end)
        if not terminator or purpose not in _STORE_PURPOSES or payload.start > end:
            self.problems.add(f"c2pa box at offset {at} has no purpose that is known")
            return SegmentKind.UNKNOWN
        if header.declared_end > end:
            self.problems.add(f"c2pa box at offset {at} is cut off")
        if self.manifest and purpose != b"update":
            self.problems.add(MULTIPLE_STORES)
        self.manifest.append(ByteRange(at, end))
        self.payload.append(payload)
        self._check_padding(payload)
        return SegmentKind.MANIFEST

    def _check_padding(self, payload: ByteRange) -> None:
        # Bytes after the store are left out of every hash with the box itself,
        # so they must carry nothing (C2PA 2.2 §A.4.1: padding is zero).
        if payload.size_bytes < 8:
            self.problems.add(f"manifest store at offset {payload.start} is empty")
            return
        store_bytes = int.from_bytes(read_exactly(self.stream, payload.start, 4))
        if store_bytes < 8 or store_bytes >= payload.size_bytes:
            return
        padding = ByteRange(payload.start + store_bytes, payload.end)
        if padding.size_bytes > self.limits.max_manifest_store_bytes:
            raise LimitError(
                f"padding after the manifest store too large: {padding.size_bytes} bytes, expected"
                f" at most {self.limits.max_manifest_store_bytes}"
            )
        if not is_zero_filled(self.stream, padding):
            self.problems.add(
                f"{padding.size_bytes} bytes after the manifest store at offset {padding.start}"
                " are not zero"
            )

    def _first_child(self, header: _Header, end: int) -> int | None:
        skip = _CONTAINERS.get(header.label)
        left = end - header.data_start
        if header.label == "meta" and left >= 8:
            skip = 4 if is_full_meta(read_exactly(self.stream, header.data_start, 8)) else 0
        elif header.label == "iinf" and left >= 8:
            # The number of items has 16 bits in version 0, 32 later.
            skip = 6 if read_exactly(self.stream, header.data_start, 1) == b"\0" else 8
        if skip is None or left <= skip:
            return None
        return header.data_start + skip


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which boxes make up this file?

    `manifest_payload` holds the bytes of each manifest store up to the end of
    its box, padding included. A file with an update has two stores, the
    original first: two complete JUMBF superboxes, to be merged by manifest, not
    by byte. Merkle boxes are segments of kind MANIFEST and in neither list.

    Bytes that are no box end the list: a trailer, with a line in `problems`.

    Raises:
        MalformedError: There is no box at offset 0, or the stream is shorter
            than `size_bytes`.
        LimitError: More boxes or deeper nesting than the limits allow.
    """
    if size_bytes < 8:
        raise MalformedError(
            f"file too short for a box: expected at least 8 bytes, got {size_bytes}"
        )
    walk = _Walk(stream, size_bytes, limits)
    walk.run()
    return Layout(
        size_bytes=size_bytes,
        segments=tuple(walk.segments),
        manifest=tuple(walk.manifest),
        manifest_payload=tuple(walk.payload),
        media_end=walk.media_end,
        problems=walk.problems.listed(),
    )
