"""The layout of a `.c2pa` sidecar: one JUMBF superbox."""

from __future__ import annotations

from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import PartCollector, read_at
from provenance.media.layout import Layout, SegmentKind

__all__ = ["is_manifest_store", "parse_layout"]

_UUID = bytes.fromhex("63327061 0011 0010 8000 00aa00389b71")


def is_manifest_store(content: bytes) -> bool:
    """Is this the inside of a superbox that holds a C2PA manifest store?

    `content` is what follows the header of a `jumb` box; 30 bytes of it are enough.
    Only the description box is looked at: its type and its label `c2pa`.

    Spec: ISO/IEC 19566-5 A.3; C2PA 2.2 §11.1.4.2.
    """
    if content[4:8] != b"jumd" or content[8:24] != _UUID:
        return False
    return content[24:25] == b"\x03" and content[25:30] == b"c2pa\0"


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Where in this sidecar is the manifest store?

    The store is the whole superbox, header included; what follows it is the trailer.

    Spec: C2PA 2.2 §11.4 (external manifests).

    Raises:
        MalformedError: It does not start with a C2PA superbox.
        LimitError: The store is larger than `max_manifest_store_bytes`.
    """
    head = read_at(stream, 0, 64)
    length, header_bytes = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        length, header_bytes = int.from_bytes(head[8:16], "big"), 16
    elif length == 0:
        length = size_bytes
    if head[4:8] != b"jumb" or not is_manifest_store(head[header_bytes:]):
        raise MalformedError("sidecar: expected a C2PA superbox at offset 0")
    parts = PartCollector(size_bytes, limits)
    if length < header_bytes or length > size_bytes:
        parts.problem(f"the manifest store: expected {length} bytes, got {size_bytes}")
        length = size_bytes
    whole = parts.add(0, length, SegmentKind.MANIFEST, "jumb", header_bytes=header_bytes)
    parts.add_manifest(whole)
    parts.add_payload(whole.start, whole.end)
    return parts.finish(length)
