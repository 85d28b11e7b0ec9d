"""The entries of ZIP files: DOCX, EPUB, ODT and their like.

The central directory says what the archive holds; local headers are compared
with it. Nothing is inflated. Bytes that belong to no entry are listed as
segments of kind UNKNOWN and in `Layout.gaps`: a stub in front, holes between
entries. Bytes behind the end record and its comment are a trailer.

Source: APPNOTE.TXT 6.3.10 (PKWARE) §4.3; C2PA 2.2 §A.6 "Embedding manifests
into ZIP-based formats", §18.8 "Collection Data Hash".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import LimitError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES
from provenance.media.containers.pieces import read_exactly
from provenance.media.containers.problems import Problems
from provenance.media.containers.zip_directory import (
    Directory,
    DirectoryEntry,
    read_directory,
    zip64_sizes,
)
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = [
    "MANIFEST_NAME",
    "CollectionRanges",
    "collection_ranges",
    "manifest_checksums",
    "parse_layout",
]

MANIFEST_NAME = "META-INF/content_credential.c2pa"

_LOCAL = b"PK\x03\x04"
_CENTRAL = b"PK\x01\x02"
_DESCRIPTOR = b"PK\x07\x08"
_HAS_DESCRIPTOR = 0x08
_CRC_OFFSET = 16
_LOCAL_CRC_OFFSET = 14


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where one entry lies: its local header, its data, its data descriptor."""

    entry: DirectoryEntry
    data: ByteRange
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRanges:
    """What a collection hash covers in one ZIP file.

    Attributes:
        entries: Name and bytes of each entry but the manifest, from its local
            header to the end of its data or data descriptor.
        directory: What `zip_central_directory_hash` covers: from the first
            record to the end of the file, but for the manifest's checksum.
    """

    entries: tuple[tuple[str, ByteRange], ...]
    directory: tuple[ByteRange, ...]


def collection_ranges(stream: BinaryIO, size_bytes: int, limits: Limits) -> CollectionRanges:
    """Which bytes does a collection hash of this ZIP file cover?

    An entry whose local header cannot be followed is missing from the list.

    Spec: C2PA 2.2 §18.8.

    Raises:
        MalformedError, LimitError: As `parse_layout`.
    """
    directory = read_directory(stream, size_bytes, limits)
    placed = _place_all(stream, directory, Problems())
    at = directory.records.start
    pieces = []
    for entry in directory.entries:
        if entry.text == MANIFEST_NAME:
            # The manifest holds this hash, so its own checksum cannot be in it.
            pieces.append(ByteRange(at, entry.central.start + _CRC_OFFSET))
            at = entry.central.start + _CRC_OFFSET + 4
    pieces.append(ByteRange(at, size_bytes))
    return CollectionRanges(
        entries=tuple(
            (p.entry.text, ByteRange(p.entry.local_start, p.end))
            for p in placed
            if p.entry.text != MANIFEST_NAME
        ),
        directory=tuple(pieces),
    )


def manifest_checksums(stream: BinaryIO, size_bytes: int, limits: Limits) -> tuple[int, ...]:
    """At which offsets does this ZIP file keep the CRC-32 of its manifest?

    In the central directory, and in the entry's local header or data descriptor.

    Raises:
        MalformedError, LimitError: As `parse_layout`.
    """
    directory = read_directory(stream, size_bytes, limits)
    offsets = []
    for item in _place_all(stream, directory, Problems()):
        if item.entry.text != MANIFEST_NAME:
            continue
        offsets.append(item.entry.central.start + _CRC_OFFSET)
        descriptor = read_exactly(stream, item.data.end, item.end - item.data.end)
        if descriptor:
            offsets.append(item.data.end + (4 if descriptor.startswith(_DESCRIPTOR) else 0))
        else:
            offsets.append(item.entry.local_start + _LOCAL_CRC_OFFSET)
    return tuple(offsets)


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which entries and records make up this ZIP file?

    Raises:
        MalformedError: No end record, or no central directory where it points.
        LimitError: More entries than the limits allow.
    """
    directory = read_directory(stream, size_bytes, limits)
    problems = Problems()
    if directory.ambiguous:
        problems.add("two central directories: readers may disagree about the entries")
    if directory.shift:
        problems.add(f"offsets do not count the first {directory.shift} bytes of the file")
    placed = _place_all(stream, directory, problems)
    _check_names(directory, problems)
    builder = _Builder(stream, size_bytes, limits, problems)
    builder.add_entries(placed)
    builder.add_records(directory)
    manifest = [p for p in placed if p.entry.text == MANIFEST_NAME]
    payload = [p.data for p in manifest if p.entry.method == 0]
    if len(manifest) > 1:
        problems.add(MULTIPLE_STORES)
    if len(payload) < len(manifest):
        problems.add(f"{MANIFEST_NAME} is compressed: expected stored")
    return Layout(
        size_bytes=size_bytes,
        segments=tuple(builder.segments),
        manifest=tuple(ByteRange(p.entry.local_start, p.end) for p in manifest),
        manifest_payload=tuple(payload),
        media_end=directory.comment.end,
        gaps=tuple(builder.gaps),
        problems=problems.listed(),
    )


def _check_names(directory: Directory, problems: Problems) -> None:
    seen: set[bytes] = set()
    for entry in directory.entries:
        if entry.name in seen:
            problems.add(f"two entries named {entry.text[:80]!r}")
        seen.add(entry.name)


def _place_all(stream: BinaryIO, directory: Directory, problems: Problems) -> list[_Placed]:
    placed = []
    for entry in sorted(directory.entries, key=lambda e: e.local_start):
        found = _place(stream, entry, directory, problems)
        if found is not None:
            placed.append(found)
    return placed


def _place(
    stream: BinaryIO, entry: DirectoryEntry, directory: Directory, problems: Problems
) -> _Placed | None:
    what = f"entry {entry.text[:80]!r}"
    limit = directory.records.start
    start = entry.local_start
    if start < 0 or start + 30 > limit:
        problems.add(f"{what} has no local header at offset {start}")
        return None
    head = read_exactly(stream, start, 30)
    if head[:4] != _LOCAL:
        problems.add(f"{what} has no local header at offset {start}")
        return None
    name_bytes = int.from_bytes(head[26:28], "little")
    extra_bytes = int.from_bytes(head[28:30], "little")
    data_start = start + 30 + name_bytes + extra_bytes
    data_end = data_start + entry.compressed_bytes
    if data_end > limit:
        problems.add(f"{what} reaches beyond the central directory at offset {limit}")
        return None
    tail = read_exactly(stream, start + 30, name_bytes + extra_bytes)
    if tail[:name_bytes] != entry.name:
        problems.add(f"{what} has another name in its local header: {tail[:name_bytes][:80]!r}")
    _compare(entry, head, tail[name_bytes:], problems)
    end = data_end
    if int.from_bytes(head[6:8], "little") & _HAS_DESCRIPTOR:
        end += _descriptor_bytes(stream, entry, data_end, limit)
        # Some writers set the bit on folders, which have no data, and write none.
        if end == data_end and entry.compressed_bytes:
            problems.add(f"{what} has no data descriptor that agrees with the central directory")
    return _Placed(entry, ByteRange(data_start, data_end), end)


def _compare(entry: DirectoryEntry, head: bytes, extra: bytes, problems: Problems) -> None:
    what = f"entry {entry.text[:80]!r}"
    # Readers that stream see the local header, others the directory: an entry
    # that differs shows different content to each.
    if int.from_bytes(head[8:10], "little") != entry.method:
        problems.add(f"{what} has another compression method in its local header")
    content, compressed = zip64_sizes(
        extra, (int.from_bytes(head[22:26], "little"), int.from_bytes(head[18:22], "little"))
    )
    crc = int.from_bytes(head[14:18], "little")
    local = (crc, compressed, content)
    if int.from_bytes(head[6:8], "little") & _HAS_DESCRIPTOR and not any(local):
        return
    if local != (entry.crc, entry.compressed_bytes, entry.content_bytes):
        problems.add(f"{what} has another size or checksum in its local header")
    if entry.method == 0 and entry.compressed_bytes != entry.content_bytes:
        problems.add(f"{what} is stored, yet its two sizes differ")


def _descriptor_bytes(stream: BinaryIO, entry: DirectoryEntry, at: int, limit: int) -> int:
    """How long is the data descriptor at this offset? 0 if none agrees with the directory."""
    found = read_exactly(stream, at, max(0, min(24, limit - at)))
    for width in (4, 8):
        if entry.content_bytes >> (8 * width) or entry.compressed_bytes >> (8 * width):
            continue
        told = (
            entry.crc.to_bytes(4, "little")
            + entry.compressed_bytes.to_bytes(width, "little")
            + entry.content_bytes.to_bytes(width, "little")
        )
        for expected in (_DESCRIPTOR + told, told):
            if found.startswith(expected):
                return len(expected)
    return 0


class _Builder:
    """Puts segments in order and finds the holes between them."""

    def __init__(
        self, stream: BinaryIO, size_bytes: int, limits: Limits, problems: Problems
    ) -> None:
        self.stream = stream
        self.size = size_bytes
        self.limits = limits
        self.problems = problems
        self.segments: list[Segment] = []
        self.gaps: list[ByteRange] = []
        self.at = 0

    def add_entries(self, placed: list[_Placed]) -> None:
        """List the entries, sorted by offset."""
        for item in placed:
            entry = item.entry
            label = entry.text[: self.limits.max_text_chars]
            kind = SegmentKind.CONTENT
            if entry.text == MANIFEST_NAME:
                kind = SegmentKind.MANIFEST
            elif entry.text.endswith("/"):
                kind = SegmentKind.STRUCTURE
            if entry.local_start < self.at:
                self.problems.add(
                    f"entry {label[:80]!r} at offset {entry.local_start} overlaps another"
                )
            self._add(ByteRange(entry.local_start, item.end), kind, label, item.data.start)

    def add_records(self, directory: Directory) -> None:
        """List what stands behind the entries, and the trailer."""
        structure = SegmentKind.STRUCTURE
        self._add(directory.records, structure, "central directory")
        if directory.end64:
            self._add(directory.end64, structure, "zip64 end of central directory")
        self._add(directory.end, structure, "end of central directory")
        self._add(directory.comment, SegmentKind.TEXT, "comment")
        self._add(ByteRange(self.at, self.size), SegmentKind.TRAILER, "trailer")

    def _add(self, where: ByteRange, kind: SegmentKind, label: str, data: int = -1) -> None:
        if where.start > self.at:
            gap = ByteRange(self.at, where.start)
            self.gaps.append(gap)
            self._put(gap, SegmentKind.UNKNOWN, self._gap_label(gap), gap.start)
            # A part without bytes may follow: the gap is over all the same.
            self.at = where.start
        # Overlapping entries are clamped: parts of depth 0 never overlap.
        start = max(where.start, self.at)
        if start < where.end:
            self._put(ByteRange(start, where.end), kind, label, max(start, data))
            self.at = where.end

    def _put(self, where: ByteRange, kind: SegmentKind, label: str, data: int) -> None:
        # Each entry adds one gap at most, each record too.
        if len(self.segments) >= 2 * self.limits.max_segments + 10:
            raise LimitError(f"too many zip parts: more than {2 * self.limits.max_segments + 10}")
        self.segments.append(
            Segment(
                start=where.start,
                end=where.end,
                kind=kind,
                label=label,
                data_start=min(data, where.end),
                path=f"/{label}",
            )
        )

    def _gap_label(self, gap: ByteRange) -> str:
        if gap.start == 0:
            return "stub"
        signature = read_exactly(self.stream, gap.start, min(4, gap.size_bytes))
        if signature == _LOCAL:
            self.problems.add(f"entry at offset {gap.start} is not in the central directory")
        if signature == _CENTRAL:
            # Every archive that was signed has one; whether it is harmless is asked later.
            return "old central directory"
        return "gap"
