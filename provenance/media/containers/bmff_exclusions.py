"""Which bytes the exclusion list of a C2PA BMFF hash leaves out.

An entry names boxes by a path and narrows the choice by further conditions. It
leaves out the whole box, or, with `subset`, parts of it.

Source: C2PA 2.2 §18.6 "BMFF-Based Hash" (`exclusions-map`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from provenance.errors import LimitError, MalformedError
from provenance.media.containers.bmff import C2PA_USER_TYPE, is_full_meta, user_type
from provenance.media.containers.pieces import read_exactly
from provenance.media.layout import Layout, Segment
from provenance.media.ranges import ByteRange, merge

__all__ = [
    "BmffExclusion",
    "DataMatch",
    "ExcludedBytes",
    "SubsetRange",
    "excluded_bytes",
    "excluded_ranges",
    "match_exclusion",
]

# A path step: a four-character type and, optionally, a 1-based index among the
# siblings of that type. Escaped characters of a label cannot be written here.
_STEP = re.compile(r"/([^/\[\]\\]{4})(?:\[([1-9][0-9]{0,8})\])?")
_LISTED_STEP = re.compile(r"/([^/\[\]]+)\[([0-9]+)\]")

# Boxes times entries, and bytes read to compare: what the author of a manifest
# may cost whoever verifies it.
_MAX_COMPARISONS = 500_000
_MAX_COMPARED_BYTES = 64 * 1024 * 1024

# ISO/IEC 14496-12:2022: boxes that begin with a version and flags.
_FULL_BOXES = frozenset(
    {
        *("assp", "bxml", "chnl", "co64", "cprt", "csch", "csgp", "cslg", "ctts", "dmix", "dref"),
        *("elng", "elst", "emsg", "fecr", "fiin", "fire", "fpar", "gitn", "hdlr", "hmhd", "iinf"),
        *("iloc", "infe", "ipma", "ipro", "iref", "kind", "leva", "mdhd", "medc", "mehd", "mere"),
        *("mfhd", "mfro", "mime", "mvhd", "nmhd", "padb", "pdin", "pitm", "pssh", "prft", "saio"),
        *("saiz", "sbgp", "schm", "sdtp", "sgpd", "sidx", "smhd", "srat", "srpp", "ssix", "stco"),
        *("stdp", "sthd", "stri", "stsc", "stsd", "stsg", "stsh", "stss", "stsz", "stts", "stvi"),
        *("stz2", "subs", "tfdt", "tfhd", "tfra", "tkhd", "trep", "trex", "trun", "tsel", "txtC"),
        *("uri ", "uriI", "url ", "urn ", "vmhd", "vvhd", "xml "),
    }
)


class DataMatch(NamedTuple):
    """Bytes a box must hold `offset` bytes after its own first byte."""

    offset: int
    value: bytes


class SubsetRange(NamedTuple):
    """A part of a box; a length of 0 reaches to the end of the box."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BmffExclusion:
    """One entry of the exclusion list, as it stands in the assertion.

    Attributes:
        xpath: Path of types, each with an optional 1-based index: `/moov[1]/pssh`.
        length: Size the whole box must have, in bytes.
        data: Bytes it must hold; offsets count from the first byte of its header.
        subset: Parts to leave out; the whole box where absent.
        version: Version the box must have, which makes it a FullBox.
        flags: The 3 bytes of flags it must have, which makes it a FullBox.
        exact: False: only the bits set in `flags` must be set. Else: all must agree.
    """

    xpath: str
    length: int | None = None
    data: tuple[DataMatch, ...] | None = None
    subset: tuple[SubsetRange, ...] | None = None
    version: int | None = None
    flags: bytes | None = None
    exact: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedBytes:
    """What an exclusion list leaves out of one file.

    Attributes:
        ranges: The bytes left out, sorted and disjoint.
        whole_boxes: First bytes of the boxes left out as a whole, which
            therefore give no offset to the hash either.
    """

    ranges: tuple[ByteRange, ...]
    whole_boxes: frozenset[int]


class _Budget:
    """What is left of the two bounds on one exclusion list."""

    __slots__ = ("_bytes", "_comparisons")

    def __init__(self) -> None:
        self._comparisons = _MAX_COMPARISONS
        self._bytes = _MAX_COMPARED_BYTES

    def spend(self, comparisons: int, compared_bytes: int = 0) -> None:
        self._comparisons -= comparisons
        self._bytes -= compared_bytes
        if self._comparisons < 0:
            raise LimitError(f"exclusion list too long: over {_MAX_COMPARISONS} comparisons")
        if self._bytes < 0:
            raise LimitError(
                f"exclusion list too long: over {_MAX_COMPARED_BYTES} bytes to compare"
            )


def _steps(xpath: str) -> tuple[tuple[str, int | None], ...]:
    steps = []
    at = 0
    while at < len(xpath):
        step = _STEP.match(xpath, at)
        if step is None:
            break
        steps.append((step[1], int(step[2]) if step[2] else None))
        at = step.end()
    if not steps or at != len(xpath):
        raise MalformedError(
            f"exclusion path not understood at character {at}: expected /type or /type[index],"
            f" got {xpath[at : at + 20]!r}"
        )
    return tuple(steps)


def _listed(path: str) -> tuple[tuple[str, int], ...]:
    return tuple((label, int(nth)) for label, nth in _LISTED_STEP.findall(path))


def _check_numbers(exclusion: BmffExclusion) -> None:
    numbers = [exclusion.length or 0, exclusion.version or 0]
    numbers += [item.offset for item in exclusion.data or ()]
    numbers += [number for part in exclusion.subset or () for number in part]
    if min(numbers) < 0:
        raise MalformedError(
            f"exclusion for {exclusion.xpath!r} has a negative number: {min(numbers)}"
        )
    if exclusion.flags is not None and len(exclusion.flags) != 3:
        raise MalformedError(
            f"exclusion for {exclusion.xpath!r} has flags of {len(exclusion.flags)} bytes,"
            " expected 3"
        )


def _version_and_flags(segment: Segment, stream: BinaryIO) -> tuple[int, bytes] | None:
    """Which version and flags has this box? None if it is not a FullBox."""
    if segment.end - segment.data_start < 4:
        return None
    if segment.label == "uuid":
        full = user_type(stream, segment) == C2PA_USER_TYPE
    elif segment.label == "meta":
        left = min(8, segment.end - segment.data_start)
        full = is_full_meta(read_exactly(stream, segment.data_start, left))
    else:
        full = segment.label in _FULL_BOXES
    if not full:
        return None
    head = read_exactly(stream, segment.data_start, 4)
    return head[0], head[1:]


def match_exclusion(exclusion: BmffExclusion, segment: Segment, stream: BinaryIO) -> bool:
    """Does this entry mean this box?

    Every condition given must hold. A condition on version or flags never holds
    for a box that has none.

    Raises:
        MalformedError: The entry itself breaks the specification's form.
        LimitError: Comparing would read too much.
    """
    _check_numbers(exclusion)
    wanted = _steps(exclusion.xpath)
    here = _listed(segment.path)
    return (
        len(wanted) == len(here)
        and all(
            name == label and index in (None, nth)
            for (name, index), (label, nth) in zip(wanted, here, strict=True)
        )
        and _conditions_hold(exclusion, segment, stream, _Budget())
    )


def _head_matches(exclusion: BmffExclusion, segment: Segment, stream: BinaryIO) -> bool:
    if exclusion.version is None and exclusion.flags is None:
        return True
    own = _version_and_flags(segment, stream)
    if own is None:
        return False
    version, flags = own
    if exclusion.version not in (None, version):
        return False
    if exclusion.flags is None:
        return True
    wanted = int.from_bytes(exclusion.flags)
    mask = wanted if exclusion.exact is False else 0xFFFFFF
    return int.from_bytes(flags) & mask == wanted


def _conditions_hold(
    exclusion: BmffExclusion, segment: Segment, stream: BinaryIO, budget: _Budget
) -> bool:
    size = segment.end - segment.start
    if exclusion.length not in (None, size):
        return False
    if not _head_matches(exclusion, segment, stream):
        return False
    for offset, value in exclusion.data or ():
        budget.spend(1, len(value))
        # Bytes beyond the box are not the box's, whatever stands there.
        if offset + len(value) > size:
            return False
        if read_exactly(stream, segment.start + offset, len(value)) != value:
            return False
    return True


def _left_out(exclusion: BmffExclusion, segment: Segment, budget: _Budget) -> list[ByteRange]:
    if exclusion.subset is None:
        return [segment.range]
    budget.spend(len(exclusion.subset))
    parts = []
    for offset, length in exclusion.subset:
        start = min(segment.start + offset, segment.end)
        end = min(start + length, segment.end) if length else segment.end
        parts.append(ByteRange(start, end))
    return parts


def excluded_bytes(
    layout: Layout, exclusions: Sequence[BmffExclusion], stream: BinaryIO
) -> ExcludedBytes:
    """Which bytes of this file does the exclusion list leave out?

    Raises:
        MalformedError: An entry breaks the specification's form, or the stream
            is shorter than the layout says.
        LimitError: The list would take too many comparisons.
    """
    budget = _Budget()
    by_labels: dict[tuple[str, ...], list[tuple[tuple[int, ...], Segment]]] = {}
    for segment in layout.segments:
        here = _listed(segment.path)
        if here:
            labels = tuple(label for label, _ in here)
            by_labels.setdefault(labels, []).append((tuple(nth for _, nth in here), segment))
    ranges: list[ByteRange] = []
    whole: set[int] = set()
    for exclusion in exclusions:
        _check_numbers(exclusion)
        steps = _steps(exclusion.xpath)
        candidates = by_labels.get(tuple(label for label, _ in steps), [])
        budget.spend(len(candidates) + 1)
        for here_nth, segment in candidates:
            if any(
                index not in (None, nth) for (_, index), nth in zip(steps, here_nth, strict=True)
            ):
                continue
            if not _conditions_hold(exclusion, segment, stream, budget):
                continue
            ranges += _left_out(exclusion, segment, budget)
            if exclusion.subset is None:
                whole.add(segment.start)
    return ExcludedBytes(ranges=merge(ranges), whole_boxes=frozenset(whole))


def excluded_ranges(
    layout: Layout, exclusions: Sequence[BmffExclusion], stream: BinaryIO
) -> tuple[ByteRange, ...]:
    """Which byte ranges does the exclusion list leave out, sorted and disjoint?

    Raises:
        MalformedError, LimitError: As `excluded_bytes`.
    """
    return excluded_bytes(layout, exclusions, stream).ranges
