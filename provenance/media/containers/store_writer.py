"""Putting a manifest store back in the place of one that is as long."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from provenance.errors import MalformedError, SigningError
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.containers import svg
from provenance.media.containers.extraction import extract_manifest
from provenance.media.containers.pieces import read_exactly
from provenance.media.containers.zip import manifest_checksums
from provenance.media.formats import Container, MediaFormat
from provenance.media.layout import Layout, SegmentKind
from provenance.media.ranges import ByteRange, total_bytes

__all__ = ["replace_manifest"]


def replace_manifest(
    stream: BinaryIO,
    media_format: MediaFormat,
    layout: Layout,
    store: bytes,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Write a manifest store over the one that is embedded, in place.

    Nothing moves: only the store's own bytes change, and a checksum that the container
    keeps of them (PNG, ZIP). No hard binding covers any of these.

    Args:
        stream: The file, readable, writable and seekable. After an error it may be
            half-written.
        media_format: What it is.
        layout: Its parts.
        store: As long as what `extract_manifest` gives.
        limits: As for `extract_manifest`.

    Raises:
        SigningError: None is embedded, or it has another length.
        MalformedError, LimitError: As `extract_manifest`.
    """
    old = extract_manifest(stream, layout, limits)
    if not old:
        raise SigningError("manifest store: expected an embedded one, got none")
    if len(store) != len(old):
        raise SigningError(f"manifest store: expected {len(old)} bytes, got {len(store)}")
    pieces = _as_stored(stream, layout, store)
    for where, piece in pieces:
        stream.seek(where.start)
        stream.write(piece)
    if media_format.container is Container.PNG:
        _write_png_checksum(stream, layout)
    elif media_format.container is Container.ZIP:
        _write_zip_checksum(stream, layout, store, limits)
    stream.flush()


def _as_stored(stream: BinaryIO, layout: Layout, store: bytes) -> Iterator[tuple[ByteRange, bytes]]:
    """What goes where: the store cut up, and as text where the container keeps it as text."""
    body = store
    if any(
        part.kind is SegmentKind.MANIFEST and part.label == svg.MANIFEST_LABEL
        for part in layout.segments
    ):
        body = _like_base64(stream, layout, store)
    at = 0
    for where in layout.manifest_payload:
        yield where, body[at : at + where.size_bytes]
        at += where.size_bytes


def _like_base64(stream: BinaryIO, layout: Layout, store: bytes) -> bytes:
    """The store in base64, with white space where the text had it."""
    text = b"".join(read_exactly(stream, r.start, r.size_bytes) for r in layout.manifest_payload)
    packed = iter(base64.b64encode(store))
    body = bytes(byte if byte in b" \t\r\n" else next(packed, 0) for byte in text)
    if len(body) != total_bytes(layout.manifest_payload) or next(packed, None) is not None:
        raise MalformedError("SVG: the manifest is not base64 as it is written")
    return body


def _write_png_checksum(stream: BinaryIO, layout: Layout) -> None:
    (chunk,) = layout.manifest
    # Of the type and the data; the length before and the checksum behind are left out.
    covered = read_exactly(stream, chunk.start + 4, chunk.size_bytes - 8)
    stream.seek(chunk.end - 4)
    stream.write(struct.pack(">I", zlib.crc32(covered)))


def _write_zip_checksum(stream: BinaryIO, layout: Layout, store: bytes, limits: Limits) -> None:
    """The entry's checksum: in the central directory, and wherever else the entry keeps it."""
    checksum = struct.pack("<I", zlib.crc32(store))
    for at in manifest_checksums(stream, layout.size_bytes, limits):
        stream.seek(at)
        stream.write(checksum)
