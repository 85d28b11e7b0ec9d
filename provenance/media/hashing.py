"""Our own recomputation of C2PA hard bindings.

It is used where the engine reports a mismatch, so that nobody is accused of
altering a file on one implementation's word.

Sources: C2PA 2.2 §18.5 "Data Hash", §18.6 "BMFF-Based Hash".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from provenance.errors import ProvenanceError
from provenance.media.containers.bmff_exclusions import BmffExclusion, excluded_bytes
from provenance.media.containers.pieces import iter_pieces
from provenance.media.layout import Layout
from provenance.media.ranges import ByteRange, subtract

__all__ = ["ALGORITHMS", "UnsupportedBindingError", "hash_bmff", "hash_ranges"]

ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
"""Hash algorithms of the specification's allowed list (C2PA 2.2 §13.1)."""


class UnsupportedBindingError(ProvenanceError):
    """This hard binding is of a kind that is not recomputed here: no answer, not a mismatch."""


def _check_algorithm(algorithm: str) -> None:
    if algorithm not in ALGORITHMS:
        raise UnsupportedBindingError(
            f"hash algorithm not supported: expected one of {sorted(ALGORITHMS)},"
            f" got {algorithm[:40]!r}"
        )


def hash_ranges(stream: BinaryIO, ranges: Iterable[ByteRange], algorithm: str) -> bytes:
    """What is the hash of these byte ranges, taken in the order given?

    For a data hash the ranges are the file minus its exclusions, sorted. The
    ranges are what is hashed, never what is left out.

    Raises:
        MalformedError: The stream ends inside a range.
        UnsupportedBindingError: The algorithm is not on the allowed list.
    """
    _check_algorithm(algorithm)
    digest = hashlib.new(algorithm)
    for item in ranges:
        for piece in iter_pieces(stream, item):
            digest.update(piece)
    return digest.digest()


def hash_bmff(
    stream: BinaryIO,
    layout: Layout,
    exclusions: Sequence[BmffExclusion],
    algorithm: str,
    *,
    version: int,
    has_merkle: bool = False,
) -> bytes:
    """What is the flat BMFF hash of this file?

    Everything that the exclusions do not leave out is hashed in file order. From
    version 2 on, the file offset of every top-level box that is not left out as
    a whole is hashed too, as 8 bytes big-endian, at the place where the box
    begins: a box cannot be moved unseen.

    Args:
        stream: The file.
        layout: What `containers.bmff.parse_layout` says of it.
        exclusions: The assertion's exclusion list.
        algorithm: The assertion's or the claim's `alg`.
        version: 1 for `c2pa.hash.bmff`, 2 and 3 for `.v2` and `.v3`.
        has_merkle: Whether the assertion holds a Merkle map; such a binding is
            not recomputed.

    Raises:
        UnsupportedBindingError: Merkle map, unknown version or algorithm.
        MalformedError: An exclusion breaks the specification's form, or the
            stream is shorter than the layout.
        LimitError: The exclusion list would take too many comparisons.
    """
    _check_algorithm(algorithm)
    if has_merkle:
        raise UnsupportedBindingError("bmff hash with a merkle map is not recomputed")
    if version not in {1, 2, 3}:
        raise UnsupportedBindingError(
            f"bmff hash version not supported: expected 1 to 3, got {version}"
        )
    left_out = excluded_bytes(layout, exclusions, stream)
    offsets: list[int] = []
    if version > 1:
        offsets = [
            box.start
            for box in layout.segments
            if box.depth == 0
            and box.start < layout.media_end
            and box.start not in left_out.whole_boxes
        ]
    digest = hashlib.new(algorithm)
    pending = iter(offsets)
    offset = next(pending, None)
    for kept in subtract([ByteRange(0, layout.size_bytes)], left_out.ranges):
        at = kept.start
        while at < kept.end:
            while offset is not None and offset <= at:
                digest.update(offset.to_bytes(8))
                offset = next(pending, None)
            end = kept.end if offset is None else min(kept.end, offset)
            for piece in iter_pieces(stream, ByteRange(at, end)):
                digest.update(piece)
            at = end
    while offset is not None:
        digest.update(offset.to_bytes(8))
        offset = next(pending, None)
    return digest.digest()
