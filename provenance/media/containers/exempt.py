"""Whether bytes that a hard binding leaves out are harmless.

A BMFF hash leaves out `ftyp`, `mfra`, `free` and `skip` boxes, because writers
must change them. Whoever alters a file can change them too, so they are looked
at: they may hold what such a box holds in any ordinary file, and nothing else.

A collection hash covers the entries of a ZIP file and its central directory,
not the holes between. Signing appends the manifest behind the directory that
was there before, which stays as such a hole.

Sources: ISO/IEC 14496-12:2022 §4.3 (ftyp), §8.1.2 (free, skip), §8.8.9 to
§8.8.11 (mfra, tfra, mfro); C2PA 2.2 §18.6 "BMFF-Based Hash", §18.8 "Collection Data Hash".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.pieces import is_zero_filled, read_exactly
from provenance.media.containers.zip_directory import read_directory, split_records
from provenance.media.layout import Layout, Segment
from provenance.media.ranges import ByteRange

__all__ = [
    "KNOWN_BRANDS",
    "ExemptFinding",
    "check_exempt_box",
    "check_exempt_boxes",
    "check_old_directory",
]

# Larger than any brand list or random-access table of an ordinary file.
_MAX_FTYP_BYTES = 4 * 1024
_MAX_MFRA_BYTES = 1024 * 1024
_MAX_UNREAD_PADDING_BYTES = 64 * 1024

# Brands of the registry of the MP4 registration authority (mp4ra.org, "Brands"),
# by the specification that defines them, and QuickTime's and cameras' own.
KNOWN_BRANDS = frozenset(
    {
        # ISO/IEC 14496-12 (base media), 14496-14 (MP4), 14496-15 (AVC, HEVC), 14496-1
        *("isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "isoa", "isob"),
        *("isoc", "mp41", "mp42", "mp71", "avc1", "hvt1", "relo", "unif", "comp", "hvce", "hvci"),
        # ISO/IEC 23000-19 (CMAF), 23009-1 (DASH)
        *("cmfc", "cmff", "cmfl", "cmfs", "cmf2", "cfhd", "cfsd", "chdf", "chhd", "chh1", "cud1"),
        *("cud8", "cvid", "caac", "caaa", "caac", "camc", "ceac", "im1t", "im1i", "cwvt", "cint"),
        *("dash", "dsms", "dums", "msdh", "msix", "risx", "lmsg", "simp", "sims", "ssss", "sisx"),
        # ISO/IEC 23008-12 (HEIF), AV1 image and ISOBMFF bindings, 23000-22 (MIAF)
        *("mif1", "mif2", "mif3", "msf1", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm"),
        *("hevs", "avif", "avis", "avio", "av01", "MA1A", "MA1B", "miaf", "MiHA", "MiHB", "MiHE"),
        *("MiPr", "MiAn", "MiAB", "MiAC", "MiBu", "MiCm", "1pic", "jpeg", "jpgs", "j2ki", "j2is"),
        *("vvic", "vvis", "evbi", "evbs", "pred", "geo1", "tmap", "unci", "avci", "avcs"),
        # Apple: QuickTime, iTunes audio, video, books, Live Photos
        *("qt  ", "M4A ", "M4B ", "M4P ", "M4V ", "M4VH", "M4VP"),
        # 3GPP and 3GPP2
        *("3gp4", "3gp5", "3gp6", "3gp7", "3gp8", "3gp9", "3ge6", "3ge7", "3ge9", "3gf9", "3gg6"),
        *("3gg9", "3gh9", "3gm9", "3gr6", "3gr9", "3gs6", "3gs7", "3gs9", "3g2a", "3g2b", "3g2c"),
        # Dolby, MPEG audio, DVB, cameras, and other registered brands
        *("dby1", "mpuf", "M4AE", "mp21", "MSNV", "NDSM", "NDSC", "NDSH", "NDSS", "XAVC", "CAEP"),
        *("crx ", "ccff", "dvr1", "dvt1", "emsg", "F4V ", "F4A ", "f4v ", "iso ", "isml", "piff"),
        *("MFSM", "MGSV", "mj2s", "mjp2", "nras", "nvr1", "odcf", "opf2", "opx2", "pana", "pnvi"),
        *("ROSS", "sdv ", "SEBK", "senv", "ssc1", "ssc2", "uvvu", "LCAG", "ifrm", "imgi", "niko"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptFinding:
    """What was seen in bytes that a hard binding leaves out.

    Attributes:
        range: The bytes looked at.
        label: The container's own name for them.
        harmless: Whether they hold only what such a part ordinarily holds.
        why: What they hold, or what is wrong with it, as one sentence.
    """

    range: ByteRange
    label: str
    harmless: bool
    why: str


def check_exempt_boxes(
    stream: BinaryIO, layout: Layout, boxes: Iterable[Segment]
) -> tuple[ExemptFinding, ...]:
    """Do these boxes hold only what boxes of their types ordinarily hold?

    Padding that is not zero is harmless up to 64 KiB in all boxes together:
    else any content could be cut into pieces that pass one by one.

    Says nothing about whether a box may be left out: that is a matter of the
    assertion's exclusion list. A type for which there is no rule is not harmless.

    Returns:
        One finding for each box, in their order.

    Raises:
        MalformedError: The stream is shorter than the layout says.
    """
    unread_padding = 0
    findings = []
    for box in boxes:
        harmless, why = False, f"no rule exempts a {box.label} box at this place"
        if box.depth:
            pass
        elif box.label in {"ftyp", "styp"}:
            harmless, why = _check_ftyp(stream, box)
        elif box.label in {"free", "skip"}:
            size = box.end - box.data_start
            if is_zero_filled(stream, ByteRange(box.data_start, box.end)):
                harmless, why = True, f"{size} bytes, all zero"
            else:
                unread_padding += size
                harmless = unread_padding <= _MAX_UNREAD_PADDING_BYTES
                why = f"{size} bytes that are not zero, {unread_padding} up to here"
        elif box.label == "mfra":
            harmless, why = _check_mfra(stream, layout, box)
        findings.append(ExemptFinding(range=box.range, label=box.label, harmless=harmless, why=why))
    return tuple(findings)


def check_exempt_box(stream: BinaryIO, layout: Layout, box: Segment) -> ExemptFinding:
    """Does this box, looked at alone, hold only what a box of its type ordinarily holds?

    Raises:
        MalformedError: As `check_exempt_boxes`.
    """
    return check_exempt_boxes(stream, layout, [box])[0]


def _check_ftyp(stream: BinaryIO, box: Segment) -> tuple[bool, str]:
    if box.label == "ftyp" and box.path != "/ftyp[1]":
        return False, "another ftyp box, expected one"
    size = box.end - box.data_start
    if box.end - box.start > _MAX_FTYP_BYTES:
        return False, f"brand list of {size} bytes, expected at most {_MAX_FTYP_BYTES}"
    if size < 8 or size % 4:
        return False, f"brand list of {size} bytes, expected 8 and a multiple of 4"
    payload = read_exactly(stream, box.data_start, size)
    # Major brand, its version (any number), compatible brands.
    brands = [payload[:4], *(payload[at : at + 4] for at in range(8, size, 4))]
    for number, brand in enumerate(brands):
        # QuickTime writers pad the list with empty brands.
        if brand.decode("latin-1") not in KNOWN_BRANDS and not (number and brand == bytes(4)):
            return False, f"unknown brand {brand!r}"
    return True, f"{len(brands)} known brands"


def _check_mfra(stream: BinaryIO, layout: Layout, box: Segment) -> tuple[bool, str]:
    size = box.end - box.start
    if size > _MAX_MFRA_BYTES:
        return False, f"random-access tables of {size} bytes, expected at most {_MAX_MFRA_BYTES}"
    # Parts stand in file order, so a file full of such boxes stays linear.
    parts = layout.segments
    at = bisect_left(parts, box.data_start, key=lambda s: s.start)
    children = []
    while at < len(parts) and parts[at].start < box.end:
        if parts[at].depth == 1:
            children.append(parts[at])
        at += 1
    covered = sum(child.end - child.start for child in children)
    if not children or children[-1].label != "mfro" or covered != box.end - box.data_start:
        return False, "expected tables and, last, the size of the whole, with nothing else"
    faults = [_tfra_fault(stream, child) for child in children[:-1]]
    faults.append(_mfro_fault(stream, children[-1], size))
    fault = next((f for f in faults if f), None)
    if fault:
        return False, fault
    return True, f"{len(children) - 1} random-access tables of the declared sizes"


def _mfro_fault(stream: BinaryIO, box: Segment, mfra_bytes: int) -> str | None:
    size = box.end - box.data_start
    if size != 8:
        return f"mfro of {size} bytes, expected 8"
    declared = int.from_bytes(read_exactly(stream, box.data_start + 4, 4))
    if declared != mfra_bytes:
        return f"mfro declares {declared} bytes, expected {mfra_bytes}"
    return None


def _tfra_fault(stream: BinaryIO, box: Segment) -> str | None:
    if box.label != "tfra":
        return f"holds a {box.label} box"
    size = box.end - box.data_start
    if size < 16:
        return f"tfra of {size} bytes, expected at least 16"
    head = read_exactly(stream, box.data_start, 16)
    lengths = int.from_bytes(head[8:12])
    if lengths >> 6:
        return "tfra with reserved bits set"
    # Time and offset of the fragment, then three numbers of 1 to 4 bytes each.
    entry = (16 if head[0] else 8) + sum(((lengths >> shift) & 3) + 1 for shift in (4, 2, 0))
    expected = 16 + entry * int.from_bytes(head[12:16])
    return None if size == expected else f"tfra of {size} bytes, its count asks for {expected}"


def check_old_directory(
    stream: BinaryIO, size_bytes: int, gap: ByteRange, limits: Limits
) -> ExemptFinding:
    """Does this hole in a ZIP file hold only an older copy of its central directory?

    It does if it is made of directory records alone, and each stands in the
    living directory too, field by field but for the writer's version numbers.

    Raises:
        MalformedError, LimitError: As `zip_directory.read_directory`.
    """
    directory = read_directory(stream, size_bytes, limits)
    label = "old central directory"
    if gap.size_bytes > directory.records.size_bytes:
        why = f"{gap.size_bytes} bytes, the directory has {directory.records.size_bytes}"
        return ExemptFinding(range=gap, label=label, harmless=False, why=why)
    living = split_records(
        read_exactly(stream, directory.records.start, directory.records.size_bytes)
    )
    # Bytes 4 to 8 are the versions made by and needed.
    known = {record[8:] for record in living}
    try:
        old = split_records(read_exactly(stream, gap.start, gap.size_bytes))
    except MalformedError:
        why = "holds something else than directory records"
        return ExemptFinding(range=gap, label=label, harmless=False, why=why)
    strange = sum(record[8:] not in known for record in old)
    why = f"{len(old)} records, {strange} of them not in the directory"
    return ExemptFinding(range=gap, label=label, harmless=not strange, why=why)
