"""Taking the manifest store out of a file whose layout is known."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from provenance.media.containers import svg
from provenance.media.containers.collector import MULTIPLE_STORES, read_at
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import total_bytes

__all__ = ["extract_manifest"]


def extract_manifest(stream: BinaryIO, layout: Layout, limits: Limits) -> bytes:
    """Which manifest store is embedded in this file?

    Empty where none is. The bytes are joined in order, from base64 where the container
    keeps it as text, and may be followed by padding. Whether they are what the engine
    read is for the caller to compare.

    Raises:
        MalformedError: There is more than one store, so nobody can say which one counts,
            or one that is compressed or otherwise not stored plainly.
        LimitError: It is larger than `max_manifest_store_bytes`.
    """
    if not layout.manifest:
        return b""
    if MULTIPLE_STORES in layout.problems:
        raise MalformedError(f"manifest store: {MULTIPLE_STORES}")
    if not layout.manifest_payload:
        raise MalformedError("manifest store: it is not stored plainly, or is empty")
    is_text = any(
        part.kind is SegmentKind.MANIFEST and part.label == svg.MANIFEST_LABEL
        for part in layout.segments
    )
    largest = limits.max_manifest_store_bytes * (2 if is_text else 1)
    if total_bytes(layout.manifest_payload) > largest:
        raise LimitError(
            f"manifest store: expected at most {limits.max_manifest_store_bytes} bytes"
        )
    joined = b"".join(read_at(stream, r.start, r.size_bytes) for r in layout.manifest_payload)
    return svg.decode_manifest(joined, limits) if is_text else joined
