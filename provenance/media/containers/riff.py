"""The layout of a RIFF file: the chunks of WAV, AVI and WebP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from provenance.errors import MalformedError
from provenance.limits import Limits
from provenance.media.containers.collector import (
    MULTIPLE_STORES,
    PartCollector,
    label_of,
    read_at,
)
from provenance.media.layout import Layout, SegmentKind

__all__ = ["parse_layout"]

_UNKNOWN_SIZE = 0xFFFF_FFFF
_RIFF_IDS = (b"RIFF", b"RF64", b"BW64")
_KINDS = {
    SegmentKind.MANIFEST: b"C2PA",
    SegmentKind.EXIF: b"EXIF",
    SegmentKind.XMP: b"XMP _PMX",
    SegmentKind.ICC: b"ICCP",
    SegmentKind.PADDING: b"JUNKjunkPAD FLLR",
    SegmentKind.STRUCTURE: b"fmt factds64cue VP8Xidx1smplinstplstPEAK",
    SegmentKind.CONTENT: b"dataVP8 VP8LALPHANIMANMF",
    SegmentKind.TEXT: b"bextiXMLaxmlchnacartid3 ID3 ",
}
_KIND_OF_CHUNK = {
    ids[i : i + 4]: kind for kind, ids in _KINDS.items() for i in range(0, len(ids), 4)
}
_KIND_OF_LIST = {
    b"INFO": SegmentKind.TEXT,
    b"adtl": SegmentKind.TEXT,
    b"hdrl": SegmentKind.STRUCTURE,
    b"odml": SegmentKind.STRUCTURE,
    b"movi": SegmentKind.CONTENT,
    b"wavl": SegmentKind.CONTENT,
}


@dataclass(slots=True)
class _Walk:
    """What is known so far about one file."""

    form: str = ""
    data_bytes: int | None = None
    stores: int = 0
    is_first: bool = True


def parse_layout(stream: BinaryIO, size_bytes: int, limits: Limits) -> Layout:
    """Which chunks make this RIFF file?

    The 12 bytes of a RIFF header are one segment, each chunk in it another, padding
    byte included; lists are not opened. An AVI may go on in further RIFF chunks of
    the form `AVIX` (OpenDML); in every other form what follows the first RIFF chunk
    is the trailer. The sizes of an RF64 file are those of its `ds64` chunk.

    Spec: Multimedia Programming Interface 1.0 (RIFF); EBU Tech 3306 (RF64);
    C2PA 2.2 A.3.3 (chunk `C2PA`, outermost and in the first RIFF chunk).

    Raises:
        MalformedError: It does not start with a RIFF header.
        LimitError: More chunks than `max_segments`, or too large a manifest store.
    """
    head = read_at(stream, 0, 12)
    if head[:4] not in _RIFF_IDS or len(head) < 12:
        raise MalformedError("RIFF: expected a RIFF header of 12 bytes at offset 0")
    parts = PartCollector(size_bytes, limits)
    walk = _Walk(form=label_of(head[8:12]))
    at = 0
    while True:
        declared = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" and declared == _UNKNOWN_SIZE:
            declared, walk.data_bytes = _sizes_of_ds64(stream, at)
        end = at + 8 + declared
        label = f"{label_of(head[:4])}:{label_of(head[8:12])}"
        if declared in {0, _UNKNOWN_SIZE} and end != size_bytes:
            # Written by a programme that could not seek back.
            parts.problem(f"{label} does not say how long it is")
            end = size_bytes
        elif end > size_bytes:
            parts.problem(f"{label}: expected {declared} bytes, got {max(0, size_bytes - at - 8)}")
            end = size_bytes
        if end < at + 12:
            return parts.break_off(at, f"{label} is too short for its header")
        parts.add(at, at + 12, SegmentKind.STRUCTURE, label, header_bytes=12)
        broken = _walk_chunks(stream, parts, walk, at + 12, end)
        if broken is not None:
            return broken
        end += end & 1 if end < size_bytes else 0
        head = read_at(stream, end, 12)
        if not (walk.form == "AVI " and head[:4] == b"RIFF" and head[8:] == b"AVIX"):
            return parts.finish(end)
        at, walk.is_first = end, False


def _walk_chunks(
    stream: BinaryIO, parts: PartCollector, walk: _Walk, at: int, end: int
) -> Layout | None:
    while at < end:
        head = read_at(stream, at, min(12, end - at))
        name, length = head[:4], int.from_bytes(head[4:8], "little")
        if len(head) < 8:
            return parts.break_off(at, "the last bytes are too few for a chunk")
        if name == b"data" and walk.data_bytes is not None and length == _UNKNOWN_SIZE:
            length = walk.data_bytes
        stop = at + 8 + length
        if stop > end:
            parts.problem(f"chunk {label_of(name)} is longer than what holds it")
            stop = end
        padded = stop + (stop & 1) if stop < end else stop
        is_list = name == b"LIST" and len(head) == 12
        label = f"LIST:{label_of(head[8:12])}" if is_list else label_of(name)
        kind = (
            _KIND_OF_LIST.get(head[8:12], SegmentKind.UNKNOWN)
            if is_list
            else _KIND_OF_CHUNK.get(name, SegmentKind.UNKNOWN)
        )
        whole = parts.add(at, padded, kind, label, header_bytes=8, path=f"/{walk.form}/{label}")
        if kind is SegmentKind.MANIFEST:
            walk.stores += 1
            if walk.stores > 1:
                parts.problem(MULTIPLE_STORES)
            if not walk.is_first:
                parts.problem("the manifest store stands outside the first RIFF chunk")
            # The engine leaves the padding byte to the hash; a store of another
            # signer may not, and then the byte must say nothing.
            if padded > stop and read_at(stream, stop, 1) != b"\0":
                parts.problem("the padding byte after the manifest store is not zero")
            parts.add_manifest(whole)
            parts.add_payload(at + 8, stop)
        at = padded
    return None


def _sizes_of_ds64(stream: BinaryIO, at: int) -> tuple[int, int | None]:
    """How large are an RF64 file and its `data` chunk, by the `ds64` chunk?"""
    chunk = read_at(stream, at + 12, 24)
    if chunk[:4] != b"ds64" or len(chunk) < 24:
        return _UNKNOWN_SIZE, None
    return int.from_bytes(chunk[8:16], "little"), int.from_bytes(chunk[16:24], "little")
