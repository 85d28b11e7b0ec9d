"""Coverage: which bytes of this file does the hard binding stand for?

The engine says whether the covered bytes match. This says which bytes those
are. What is covered by nothing, is not the manifest and is not exempt by the
container's rules may have been put there by anybody, and makes a file `partial`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from provenance.credentials.cbor import decode_cbor
from provenance.errors import LimitError, MalformedError
from provenance.findings import FindingCode
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange, contains, merge, subtract, total_bytes
from provenance.report import Coverage, Finding, Part, finding
from provenance.untrusted import clean_text
from provenance.verification.bindings import (
    BmffHash,
    BoxesHash,
    CollectionHash,
    DataHash,
    HardBinding,
)

__all__ = ["CoverageAnswer", "judge_coverage", "unknown_coverage"]

_MAX_PARTS = 50
_EXEMPT_BOXES = {"ftyp", "styp", "free", "skip", "mfra"}
# Names that a general boxes hash uses where the container has none of its own.
_BOX_NAMES = {"signature": "PNGh"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageAnswer:
    """Which bytes are covered.

    Attributes:
        full: Whether everything is covered, manifest and harmless exempt parts apart.
        known: Whether it could be worked out at all.
        coverage: The same for the report.
        uncovered: What is not.
        findings: What led there.
    """

    full: bool
    known: bool = True
    coverage: Coverage
    uncovered: tuple[ByteRange, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Ledger:
    """What has been found out about the bytes nobody hashed."""

    covered: tuple[ByteRange, ...]
    exempt: list[Part] = field(default_factory=list)
    uncovered: list[tuple[ByteRange, str, str]] = field(default_factory=list)
    codes: dict[FindingCode, int] = field(default_factory=dict)
    in_fragments: list[tuple[ByteRange, str, str]] = field(default_factory=list)

    def add_fragment(self, number: int, other: _Ledger) -> None:
        """Take over what is not covered in a fragment, whose offsets are its own."""
        for code, size in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + size
        self.in_fragments += [
            (item, f"fragment {number}: {label}", why) for item, label, why in other.uncovered
        ]

    def leave_out(self, item: ByteRange, label: str, why: str, code: FindingCode) -> None:
        self.uncovered.append((item, label, why))
        self.codes[code] = self.codes.get(code, 0) + item.size_bytes

    def excuse(self, item: ByteRange, label: str, why: str) -> None:
        self.exempt.append(_part(item, label, why))


def _part(item: ByteRange, label: str, why: str) -> Part:
    return Part(
        offset=item.start,
        size_bytes=item.size_bytes,
        label=clean_text(label, max_chars=80),
        why=why,
    )


class _Labels:
    """What stands at an offset of the file, by the container's own names."""

    def __init__(self, layout: Layout) -> None:
        self._parts = [s for s in layout.segments if s.depth == 0]

    def at(self, offset: int) -> str:
        index = bisect_right(self._parts, offset, key=lambda part: part.start) - 1
        if index >= 0 and offset < self._parts[index].end:
            return self._parts[index].label
        return "between parts"


def _data_hash(binding: DataHash, layout: Layout) -> _Ledger:
    whole = [ByteRange(0, layout.size_bytes)]
    ledger = _Ledger(subtract(whole, binding.exclusions))
    inside = [ByteRange(r.start, min(r.end, layout.size_bytes)) for r in binding.exclusions]
    labels = _Labels(layout)
    for extra in subtract(inside, layout.manifest):
        label = labels.at(extra.start)
        ledger.leave_out(extra, label, "left out by the signer", FindingCode.EXTRA_EXCLUSIONS)
    return ledger


def _boxes_hash(binding: BoxesHash, layout: Layout) -> _Ledger:
    names = set(binding.names) - set(binding.excluded)
    covered = []
    outside = []
    for segment in layout.segments:
        if segment.depth or segment.kind is SegmentKind.MANIFEST:
            continue
        if segment.start >= layout.media_end or segment.kind is SegmentKind.TRAILER:
            outside.append((segment.range, segment.label, FindingCode.TRAILING_DATA))
        elif _BOX_NAMES.get(segment.label, segment.label) in names:
            covered.append(segment.range)
        else:
            outside.append((segment.range, segment.label, FindingCode.EXTRA_EXCLUSIONS))
    ledger = _Ledger(merge(covered))
    for item, label, code in outside:
        why = (
            "after the end of the content"
            if code is FindingCode.TRAILING_DATA
            else "left out by the signer"
        )
        ledger.leave_out(item, label, why, code)
    for gap in layout.gaps:
        ledger.leave_out(gap, "between parts", "part of no box", FindingCode.EXTRA_EXCLUSIONS)
    return ledger


def _bmff_hash(binding: BmffHash, layout: Layout, stream: BinaryIO) -> _Ledger:
    # What only films need is loaded by the first of them.
    from provenance.media.containers.bmff_exclusions import excluded_ranges
    from provenance.media.containers.exempt import check_exempt_boxes

    left_out = excluded_ranges(layout, binding.exclusions, stream)
    ledger = _Ledger(subtract([ByteRange(0, layout.size_bytes)], left_out))
    own = [*layout.manifest]
    if binding.has_merkle:
        # Boxes with the inner nodes of the tree, each proven by its root.
        own += _inner_nodes(layout, stream)
    rest = subtract(left_out, own)
    # Hashed in part only: then nothing excuses the other part.
    boxes = [
        segment
        for segment in layout.segments
        if not segment.depth and segment.label in _EXEMPT_BOXES and contains(rest, segment.range)
    ]
    for seen in check_exempt_boxes(stream, layout, boxes):
        if seen.harmless:
            ledger.excuse(seen.range, seen.label, seen.why)
        else:
            ledger.leave_out(seen.range, seen.label, seen.why, FindingCode.EXEMPT_PART_NOT_HARMLESS)
    labels = _Labels(layout)
    for item in subtract(rest, [box.range for box in boxes]):
        label = labels.at(item.start)
        ledger.leave_out(item, label, "left out by the signer", FindingCode.EXTRA_EXCLUSIONS)
    return ledger


_MERKLE_KEYS = frozenset({"uniqueId", "localId", "location", "hashes"})
_MAX_MERKLE_BYTES = 8 * 1024
_MAX_HASHES, _MAX_HASH_BYTES = 64, 64


def _inner_nodes(layout: Layout, stream: BinaryIO) -> list[ByteRange]:
    """The one box with inner nodes of the tree that a file may have, if it holds nothing else.

    The engine looks into the box that it needs and at no other, and not at what
    stands beside the nodes in it.
    """
    boxes = [
        s
        for s in layout.segments
        if s.kind is SegmentKind.MANIFEST and s.range not in layout.manifest
    ]
    return [box.range for box in boxes[:1] if _holds_only_nodes(box.range, stream)]


def _holds_only_nodes(box: ByteRange, stream: BinaryIO) -> bool:
    if box.size_bytes > _MAX_MERKLE_BYTES:
        return False
    stream.seek(box.start)
    _, purpose, payload = stream.read(box.size_bytes).partition(b"merkle\0")
    try:
        nodes = decode_cbor(payload, where="merkle box", limits=DEFAULT_LIMITS)
    except (MalformedError, LimitError):
        return False
    if not purpose or not isinstance(nodes, dict) or not set(nodes) <= _MERKLE_KEYS:
        return False
    hashes = nodes.get("hashes") or []
    return (
        all(isinstance(nodes[key], int) for key in nodes if key != "hashes")
        and isinstance(hashes, list)
        and len(hashes) <= _MAX_HASHES
        and all(isinstance(h, bytes) and len(h) <= _MAX_HASH_BYTES for h in hashes)
    )


def _collection_hash(
    binding: CollectionHash, layout: Layout, stream: BinaryIO, limits: Limits
) -> _Ledger:
    # What only documents need is loaded by the first of them.
    from provenance.media.containers.exempt import check_old_directory
    from provenance.media.containers.zip import collection_ranges

    named = set(binding.uris)
    ranges = collection_ranges(stream, layout.size_bytes, limits)
    covered = [item for name, item in ranges.entries if name in named]
    if binding.has_directory:
        covered += ranges.directory
    ledger = _Ledger(merge(covered))
    whole = [ByteRange(0, layout.size_bytes)]
    # The checksum of the manifest's entry cannot be in a hash that the manifest holds.
    checksum = subtract(whole, [*ranges.directory, ByteRange(0, ranges.directory[0].start)])
    known = merge([*ledger.covered, *layout.manifest, *checksum])
    for segment in layout.segments:
        if segment.depth or contains(known, segment.range):
            continue
        if segment.kind is SegmentKind.UNKNOWN:
            continue  # a gap, looked at below
        if segment.label.endswith("/") and segment.data_start == segment.end:
            # The signer's own entry for the folder of the manifest: a name and no
            # data, and its record in the directory is hashed.
            ledger.excuse(segment.range, segment.label, "a folder, without content")
            continue
        for item in subtract([segment.range], known):
            ledger.leave_out(item, segment.label, "not hashed", _place(item, layout))
    for gap in subtract(layout.gaps, known):
        # Signing appends the manifest behind the central directory that was
        # there before, which stays as a hole in the archive.
        seen = check_old_directory(stream, layout.size_bytes, gap, limits)
        if seen.harmless:
            ledger.excuse(gap, seen.label, seen.why)
        else:
            ledger.leave_out(gap, "between entries", seen.why, _place(gap, layout))
    return ledger


def _place(item: ByteRange, layout: Layout) -> FindingCode:
    if item.start == 0:
        return FindingCode.LEADING_DATA
    if item.start >= layout.media_end:
        return FindingCode.TRAILING_DATA
    return FindingCode.EXTRA_EXCLUSIONS


def _slack(
    layout: Layout, media_format: MediaFormat, store_bytes: int, stream: BinaryIO
) -> list[ByteRange]:
    """Bytes inside the manifest's own space that are neither the store nor zero."""
    if media_format.container is Container.SVG:
        return []  # text: its characters are the store, or it would not decode
    left, found = store_bytes, []
    # An update of an ISO BMFF file is a store of its own, in a box of its own.
    several = media_format.container is Container.BMFF and len(layout.manifest_payload) > 1
    for item in layout.manifest_payload:
        used = _box_bytes(stream, item) if several else min(left, item.size_bytes)
        left -= used
        rest = ByteRange(item.start + used, item.end)
        stream.seek(rest.start)
        if rest.size_bytes and stream.read(rest.size_bytes).strip(b"\0"):
            found.append(rest)
    return found


def _box_bytes(stream: BinaryIO, item: ByteRange) -> int:
    """How long does the box that begins here say it is? Never longer than the range."""
    stream.seek(item.start)
    head = stream.read(min(16, item.size_bytes))
    size = int.from_bytes(head[:4])
    if size == 1:
        size = int.from_bytes(head[8:16])
    return min(size, item.size_bytes) if size else item.size_bytes


def judge_coverage(
    binding: HardBinding,
    layout: Layout,
    stream: BinaryIO,
    *,
    media_format: MediaFormat,
    store_bytes: int,
    embedded: bool,
    limits: Limits,
    fragments: Sequence[tuple[BinaryIO, Layout]] = (),
) -> CoverageAnswer:
    """Which bytes of the file does this binding stand for?

    Says nothing about whether the covered bytes match.

    Args:
        binding: The judged manifest's hard binding.
        layout: The file's parts.
        stream: The file.
        media_format: Its format.
        store_bytes: Size of the manifest store.
        embedded: Whether that store stands in the file.
        limits: Bounds for looking at exempt parts.
        fragments: Fragments of the file, with their parts.

    Raises:
        MalformedError, LimitError: The binding or the file cannot be followed.
    """
    if not embedded:
        # What stands in the place for credentials is not those that are judged: nobody
        # vouches for it, and it may be anything.
        layout = _without_manifest(layout)
    if isinstance(binding, DataHash):
        ledger = _data_hash(binding, layout)
    elif isinstance(binding, BoxesHash):
        ledger = _boxes_hash(binding, layout)
    elif isinstance(binding, BmffHash):
        ledger = _bmff_hash(binding, layout, stream)
        for number, (piece, parts) in enumerate(fragments, 1):
            ledger.add_fragment(number, _bmff_hash(binding, parts, piece))
    else:
        ledger = _collection_hash(binding, layout, stream, limits)
    if embedded:
        for item in _slack(layout, media_format, store_bytes, stream):
            ledger.leave_out(
                item, "manifest", "in the space for the credentials", FindingCode.MANIFEST_SLACK
            )
    return _answer(binding, layout, ledger)


def _without_manifest(layout: Layout) -> Layout:
    segments = tuple(
        replace(segment, kind=SegmentKind.UNKNOWN)
        if segment.kind is SegmentKind.MANIFEST
        else segment
        for segment in layout.segments
    )
    return replace(layout, segments=segments, manifest=(), manifest_payload=())


def _answer(binding: HardBinding, layout: Layout, ledger: _Ledger) -> CoverageAnswer:
    uncovered = merge(item for item, _, _ in ledger.uncovered)
    coverage = Coverage(
        binding=binding.label,
        covered_bytes=total_bytes(subtract(ledger.covered, layout.manifest)),
        manifest_bytes=total_bytes(layout.manifest),
        exempt=tuple(ledger.exempt[:_MAX_PARTS]),
        uncovered=tuple(
            _part(item, label, why)
            for item, label, why in (*ledger.uncovered, *ledger.in_fragments)[:_MAX_PARTS]
        ),
    )
    findings = [finding(code, size_bytes=size) for code, size in ledger.codes.items()]
    # Nothing covered is never full, however little there was to leave out.
    full = not uncovered and not ledger.in_fragments and bool(ledger.covered)
    if full:
        findings.append(finding(FindingCode.FULLY_COVERED, covered_bytes=coverage.covered_bytes))
    else:
        findings.append(
            finding(
                FindingCode.PARTLY_COVERED,
                uncovered_bytes=total_bytes(uncovered)
                + sum(item.size_bytes for item, _, _ in ledger.in_fragments),
                covered_bytes=coverage.covered_bytes,
            )
        )
    if ledger.exempt:
        findings.append(finding(FindingCode.EXEMPT_PARTS, labels=_labels(ledger.exempt)))
    return CoverageAnswer(
        full=full, coverage=coverage, uncovered=uncovered, findings=tuple(findings)
    )


def _labels(parts: Iterable[Part]) -> list[str]:
    return sorted({part.label for part in parts})


def unknown_coverage(error: MalformedError | LimitError) -> CoverageAnswer:
    """What is said where coverage could not be worked out: nothing is covered."""
    return CoverageAnswer(
        full=False,
        known=False,
        coverage=Coverage(),
        uncovered=(),
        findings=(finding(FindingCode.COVERAGE_UNKNOWN, why=clean_text(error)),),
    )
