"""The revisions of a PDF file and the C2PA manifest store embedded in it.

A PDF is read here by its landmarks only: header, end-of-file markers with the
cross-reference offsets in front of them, and the objects that lead to the
manifest. Nothing is inflated and no object graph is followed, so a hostile file
costs a few passes over its bytes, whatever it contains. A manifest that can be
reached only through compressed object streams is not found.

Sources: ISO 32000-2 §7.5 (file structure), §7.11 (file specifications), §14.13
(associated files); C2PA 2.2 §A.5 "Embedding manifests into PDFs".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import MULTIPLE_STORES
from provenance.media.containers.pdf_streams import AFTER_DICTIONARY, object_mark, stream_length
from provenance.media.containers.pieces import find_all, read_exactly
from provenance.media.containers.problems import Problems
from provenance.media.layout import Layout, Segment, SegmentKind
from provenance.media.ranges import ByteRange

__all__ = ["parse_layout"]

_HEADER = b"%PDF-"
_EOF = b"%%EOF"
_RELATIONSHIP = b"C2PA_Manifest"
_ENCODED_RELATIONSHIP = re.compile(rb"/AFRelationship\s*/C2PA_Manifest\b")

_HEADER_SEARCH_BYTES = 1024  # Readers accept junk before the header up to here.
_MAX_MARKERS = 10_000
_MAX_MANIFESTS = 16
_DICTIONARY_BYTES = 64 * 1024
_STARTXREF = re.compile(rb"startxref[ \t\r\n]+([0-9]{1,15})[ \t\r\n]+$")
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[ \t\r\n]+([0-9]{1,5})[ \t\r\n]+obj\b")
_EMBEDDED_FILE = re.compile(rb"/EF\s*<<[^>]{0,200}?/U?F\s+([0-9]{1,10})\s+([0-9]{1,5})\s+R")
_EMBEDDED_FILES = re.compile(rb"/EF\s+([0-9]{1,10})\s+([0-9]{1,5})\s+R")
_FILE = re.compile(rb"/U?F\s+([0-9]{1,10})\s+([0-9]{1,5})\s+R")


@dataclass(frozen=True, slots=True)
class _Manifest:
    whole: ByteRange
    data: ByteRange
    readable: bool


@dataclass(frozen=True, slots=True)
class _Object:
    """An object's offset, that of the byte after `n g obj`, and what follows."""

    start: int
    after_name: int
    head: bytes


@dataclass(frozen=True, slots=True)
class _Stream:
    """A stream object; its length is a number or the name of the object that holds it."""

    start: int
    data_start: int
    length: int | bytes
    compressed: bool


_Part = tuple[ByteRange, SegmentKind, str, int]


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which revisions does this PDF file have, and where is its manifest store?

    Each revision is one segment, split where a manifest object lies inside it.
    Of several manifest objects the last in the file is the active one; the
    others are segments of kind MANIFEST and a line in `problems`.

    Raises:
        MalformedError: No PDF header in the first kilobyte.
        LimitError: More end-of-file markers than any real file has.
    """
    head = read_exactly(stream, 0, min(_HEADER_SEARCH_BYTES, size_bytes))
    start = head.find(_HEADER)
    if start == -1:
        raise MalformedError(f"no pdf header: expected {_HEADER!r} in the first {len(head)} bytes")
    problems = Problems()
    whole = ByteRange(start, size_bytes)
    found = find_all(stream, whole, (_EOF, _RELATIONSHIP), at_most=_MAX_MARKERS)
    ends = _revision_ends(stream, size_bytes, found[_EOF])
    media_end = ends[-1] if ends else size_bytes
    if b"/Linearized" in head and len(ends) > 1:
        # The first marker of a linearized file ends its first page, not a revision.
        ends = ends[1:]
    if not ends:
        problems.add("no end-of-file marker with a cross-reference offset before it")
        ends = [size_bytes]
    manifests = _manifests(stream, ByteRange(start, media_end), found[_RELATIONSHIP], problems)
    if len(manifests) > 1:
        problems.add(MULTIPLE_STORES)
    active = manifests[-1] if manifests else None
    return Layout(
        size_bytes=size_bytes,
        segments=_segments(size_bytes, start, ends, manifests, limits),
        manifest=(active.whole,) if active else (),
        manifest_payload=(active.data,) if active and active.readable else (),
        media_end=media_end,
        gaps=(ByteRange(0, start),) if start else (),
        problems=problems.listed(),
    )


def _revision_ends(stream: BinaryIO, size_bytes: int, markers: list[int]) -> list[int]:
    ends = []
    for marker in markers:
        lead = min(64, marker)
        offset = _STARTXREF.search(read_exactly(stream, marker - lead, lead))
        # Content streams and embedded files may hold the same bytes; only a
        # marker behind an offset that leads somewhere ends a revision.
        if offset is None or not _leads_somewhere(stream, int(offset[1]), marker):
            continue
        end = marker + len(_EOF)
        after = read_exactly(stream, end, min(2, size_bytes - end))
        if after[:2] == b"\r\n":
            end += 2
        elif after[:1] in {b"\r", b"\n"}:
            end += 1
        ends.append(end)
    return ends


def _leads_somewhere(stream: BinaryIO, offset: int, marker: int) -> bool:
    # The first-page section of a linearized file says 0.
    if offset == 0:
        return True
    if offset + 10 > marker:
        return False
    there = read_exactly(stream, offset, min(40, marker - offset)).lstrip(b" \t\r\n\0\f")
    return there.startswith(b"xref") or _OBJECT.match(there) is not None


def _manifests(
    stream: BinaryIO, media: ByteRange, mentions: list[int], problems: Problems
) -> list[_Manifest]:
    references: set[bytes] = set()
    indirect: set[bytes] = set()
    for mention in mentions[-_MAX_MANIFESTS:]:
        specification = _enclosing_object(stream, mention, media)
        if specification is None or not _ENCODED_RELATIONSHIP.search(specification):
            continue
        file = _EMBEDDED_FILE.search(specification)
        files = _EMBEDDED_FILES.search(specification)
        if file:
            references.add(object_mark(file[1], file[2]))
        elif files:
            indirect.add(object_mark(files[1], files[2]))
        else:
            problems.add(f"file specification at offset {mention} names no embedded file")
    for item in _last_objects(stream, media, indirect).values():
        file = _FILE.search(item.head, 0, 4096)
        if file:
            references.add(object_mark(file[1], file[2]))
    objects = _last_objects(stream, media, references)
    if len(objects) < len(references) or (indirect and not references):
        problems.add("an embedded manifest file is missing")
    streams = [_opened(item, problems) for item in objects.values()]
    lengths = _last_objects(
        stream, media, {s.length for s in streams if s and isinstance(s.length, bytes)}
    )
    found = [_manifest(stream, media, s, lengths, problems) for s in streams if s]
    return sorted((m for m in found if m), key=lambda m: m.whole)


def _enclosing_object(stream: BinaryIO, at: int, media: ByteRange) -> bytes | None:
    """Which bytes make up the object around this offset, within 4 KiB each way?"""
    start = max(media.start, at - 4096)
    window = read_exactly(stream, start, min(media.end, at + 4096) - start)
    begins = [m.end() for m in _OBJECT.finditer(window, 0, at - start)]
    end = window.find(b"endobj", at - start)
    if not begins or end == -1:
        return None
    return window[begins[-1] : end]


def _last_objects(stream: BinaryIO, media: ByteRange, names: set[bytes]) -> dict[bytes, _Object]:
    """Where does each of these objects stand last in the file, as `n g obj`?

    A later revision replaces an object by writing it again.
    """
    if not names:
        return {}
    found: dict[bytes, _Object] = {}
    hits = find_all(stream, media, tuple(sorted(names)), at_most=_MAX_MARKERS)
    for name, offsets in hits.items():
        for at in reversed(offsets):
            # `11 0 obj` holds `1 0 obj`.
            if at > media.start and read_exactly(stream, at - 1, 1).isdigit():
                continue
            after = at + len(name)
            head = read_exactly(stream, after, min(_DICTIONARY_BYTES, media.end - after))
            found[name] = _Object(at, after, head)
            break
    return found


def _opened(item: _Object, problems: Problems) -> _Stream | None:
    opening = AFTER_DICTIONARY.search(item.head)
    closing = item.head.find(b"endobj")
    dictionary = item.head[: opening.start()] if opening else b""
    length = stream_length(dictionary)
    if opening is None or length is None or -1 < closing < opening.start():
        problems.add(f"embedded manifest at offset {item.start} is no stream with a length")
        return None
    return _Stream(
        start=item.start,
        data_start=item.after_name + opening.end(),
        length=length,
        compressed=b"/Filter" in dictionary,
    )


def _manifest(
    stream: BinaryIO,
    media: ByteRange,
    item: _Stream,
    lengths: dict[bytes, _Object],
    problems: Problems,
) -> _Manifest | None:
    length = item.length
    if isinstance(length, bytes):
        value = lengths.get(length)
        number = re.match(rb"\s*([0-9]{1,15})\s*endobj", value.head) if value else None
        length = int(number[1]) if number else -1
    data_end = item.data_start + length
    if length < 0 or data_end > media.end:
        problems.add(f"embedded manifest at offset {item.start} has no usable length")
        return None
    closing = read_exactly(stream, data_end, min(64, media.end - data_end))
    tail = re.match(rb"\s*endstream\s*(endobj)?", closing)
    if tail is None:
        problems.add(f"embedded manifest at offset {item.start} does not end where it says")
        return None
    if item.compressed:
        problems.add(f"embedded manifest at offset {item.start} is compressed")
    return _Manifest(
        ByteRange(item.start, data_end + tail.end()),
        ByteRange(item.data_start, data_end),
        not item.compressed,
    )


def _segments(
    size_bytes: int, start: int, ends: list[int], manifests: list[_Manifest], limits: Limits
) -> tuple[Segment, ...]:
    parts = [(ByteRange(0, start), SegmentKind.UNKNOWN, "stub", 0)]
    at = start
    for manifest in manifests:
        # Two names for one stream, or one stream inside another.
        if manifest.whole.start < at:
            continue
        parts += _revisions(at, manifest.whole.start, ends)
        parts.append((manifest.whole, SegmentKind.MANIFEST, "manifest", manifest.data.start))
        at = manifest.whole.end
    parts += _revisions(at, ends[-1], ends)
    parts.append((ByteRange(max(at, ends[-1]), size_bytes), SegmentKind.TRAILER, "trailer", 0))
    segments = [
        Segment(
            start=where.start,
            end=where.end,
            kind=kind,
            label=label,
            data_start=max(where.start, data_start),
            path=f"/{label}",
        )
        for where, kind, label, data_start in parts
        if where.size_bytes > 0
    ]
    if len(segments) > limits.max_segments:
        raise LimitError(f"too many pdf parts: {len(segments)}, limit {limits.max_segments}")
    return tuple(segments)


def _revisions(at: int, end: int, ends: list[int]) -> list[_Part]:
    """Which revisions, or pieces of them, lie between these offsets?"""
    parts = []
    while at < end:
        number = bisect_right(ends, at)
        stop = min(end, ends[number]) if number < len(ends) else end
        parts.append((ByteRange(at, stop), SegmentKind.CONTENT, f"revision {number + 1}", at))
        at = stop
    return parts
