"""Splitting JUMBF (ISO 19566-5) into its boxes; nothing is decoded here."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits

__all__ = ["ContentBox", "SuperBox", "parse_jumbf"]

_TOGGLE_LABEL = 0x02


@dataclass(frozen=True, slots=True)
class ContentBox:
    """A box without children: its four-character type and its content."""

    type: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class SuperBox:
    """A JUMBF superbox.

    Attributes:
        uuid: Content type of the description box, 16 bytes.
        label: Label of the description box, or "" where it has none.
        children: Superboxes inside, in order.
        contents: Other boxes inside, in order; the description box is left out.
    """

    uuid: bytes
    label: str
    children: tuple[SuperBox, ...]
    contents: tuple[ContentBox, ...]
    _store: bytes = field(repr=False)
    _start: int
    _end: int

    @property
    def payload(self) -> bytes:
        """Everything after the superbox's own header.

        C2PA hashed URIs are digests of exactly these bytes (C2PA 2.5, "Hashing
        JUMBF boxes"). They are cut out when asked for: a copy at every level of
        nesting would multiply a store's size by its depth.
        """
        return self._store[self._start : self._end]

    @property
    def size_bytes(self) -> int:
        """How long is that?"""
        return self._end - self._start

    @property
    def kind(self) -> bytes:
        """The first four bytes of the content type, `c2pa`, `c2ma`, `cbor`, ..."""
        return self.uuid[:4]


class _Budget:
    """How many boxes may still be read."""

    def __init__(self, boxes: int) -> None:
        self.left = boxes

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LimitError("manifest store: more JUMBF boxes than max_jumbf_boxes")


def _box_header(data: bytes, at: int, end: int) -> tuple[bytes, int, int]:
    """Type, offset of the content and end of the box at `at`."""
    if end - at < 8:
        raise MalformedError(f"JUMBF box at {at}: expected 8 header bytes, got {end - at}")
    size, box_type = struct.unpack_from(">I4s", data, at)
    content = at + 8
    if size == 1:
        if end - at < 16:
            raise MalformedError(f"JUMBF box at {at}: its 64-bit size is cut off")
        (size,) = struct.unpack_from(">Q", data, at + 8)
        content = at + 16
    elif size == 0:
        size = end - at
    if size < content - at or at + size > end:
        raise MalformedError(f"JUMBF box at {at}: size {size} does not fit into {end - at} bytes")
    return box_type, content, at + size


def _description(data: bytes, start: int, end: int) -> tuple[bytes, str]:
    """Content type and label of a description box."""
    if end - start < 17:
        raise MalformedError(f"JUMBF description box at {start}: too short, {end - start} bytes")
    toggles = data[start + 16]
    label = ""
    if toggles & _TOGGLE_LABEL:
        stop = data.find(b"\0", start + 17, end)
        if stop < 0:
            raise MalformedError(f"JUMBF description box at {start}: its label has no end")
        try:
            label = data[start + 17 : stop].decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError(f"JUMBF label at {start + 17}: not UTF-8") from error
    return data[start : start + 16], label


def _superbox(data: bytes, start: int, end: int, depth: int, budget: _Budget) -> SuperBox:
    if depth < 0:
        raise LimitError("manifest store: JUMBF nested deeper than max_jumbf_depth")
    box_type, content, at = _box_header(data, start, end)
    if box_type != b"jumd":
        raise MalformedError(f"JUMBF superbox at {start}: expected jumd first, got {box_type!r}")
    uuid, label = _description(data, content, at)
    children: list[SuperBox] = []
    contents: list[ContentBox] = []
    while at < end:
        budget.take()
        box_type, content, box_end = _box_header(data, at, end)
        if box_type == b"jumb":
            children.append(_superbox(data, content, box_end, depth - 1, budget))
        else:
            contents.append(ContentBox(box_type, data[content:box_end]))
        at = box_end
    return SuperBox(uuid, label, tuple(children), tuple(contents), data, start, end)


def parse_jumbf(data: bytes, limits: Limits) -> tuple[SuperBox, int]:
    """Which superbox do these bytes begin with, and where does it end?

    Args:
        data: Bytes that begin with a JUMBF superbox; what follows it is not read.
        limits: `max_jumbf_depth`, `max_jumbf_boxes` and `max_manifest_store_bytes`.

    Raises:
        MalformedError: Not a superbox, or a box inside does not fit.
        LimitError: A limit is exceeded.
    """
    if len(data) > limits.max_manifest_store_bytes:
        raise LimitError(
            f"manifest store: {len(data)} bytes is more than max_manifest_store_bytes "
            f"({limits.max_manifest_store_bytes})"
        )
    box_type, content, end = _box_header(data, 0, len(data))
    if box_type != b"jumb":
        raise MalformedError(f"manifest store: expected a jumb box, got {box_type!r}")
    box = _superbox(data, content, end, limits.max_jumbf_depth, _Budget(limits.max_jumbf_boxes))
    return box, end
