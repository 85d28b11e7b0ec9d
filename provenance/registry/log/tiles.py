"""Where the parts of a log lie: tiles of hashes and bundles of entries, by path and size.

Spec: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.merkle import HASH_BYTES, MAX_TREE_SIZE

__all__ = [
    "MAX_BUNDLE_BYTES",
    "MAX_RECORD_BYTES",
    "TILE_WIDTH",
    "Tile",
    "encode_bundle",
    "parse_bundle",
    "parse_tile",
    "parse_tile_path",
    "tile_over",
    "tiles_between",
]

TILE_WIDTH = 256
MAX_RECORD_BYTES = 65_535
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_RECORD_BYTES)
_MAX_LEVEL = 63

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/"
    r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One file of a log: a tile of hashes, or a bundle of entries.

    Attributes:
        level: 0 for leaf hashes, each level above for roots of full tiles below; -1 for
            a bundle of entries.
        index: The how-manieth of its level, from 0.
        width: How many hashes or entries are in it; a full one has 256.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Its path below the log's prefix."""
        digits = f"{self.index:03}"
        groups = [digits[max(end - 3, 0) : end].zfill(3) for end in range(len(digits), 0, -3)]
        number = "/".join([*(f"x{group}" for group in reversed(groups[1:])), groups[0]])
        level = "entries" if self.level < 0 else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{number}{partial}"

    @property
    def is_bundle(self) -> bool:
        """Does it hold entries, not hashes?"""
        return self.level < 0

    @property
    def is_full(self) -> bool:
        """Is it of full width? Then it never changes; its narrower forms are superseded."""
        return self.width == TILE_WIDTH

    @property
    def max_bytes(self) -> int:
        """How long may the file be at most?"""
        return self.width * (2 + MAX_RECORD_BYTES if self.is_bundle else HASH_BYTES)

    @property
    def full(self) -> Tile:
        """The same place, once it has filled up."""
        return Tile(self.level, self.index)


def parse_tile_path(path: str) -> Tile:
    """Which file does this path name?

    Raises:
        MalformedError: None, or one written in another way than the specification's.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedError(f"tile path: expected tile/LEVEL/INDEX[.p/WIDTH], got {path!r:.80}")
    level = -1 if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if found["width"] is None else int(found["width"])
    tile = Tile(level, index, width)
    # Leading groups of zeros, a width of 256 and the like would be second names.
    if level > _MAX_LEVEL or width > TILE_WIDTH or tile.path != path:
        raise MalformedError(f"tile path: expected its one spelling, got {path!r:.80}")
    return tile


def tile_over(level: int, index: int, size: int) -> Tile:
    """Which tile holds this hash (or entry) of this level in a tree of this size?

    Args:
        level: As in `Tile`.
        index: The how-manieth hash of the level.
        size: Of the tree; it has to have that hash.
    """
    complete = size >> (8 * max(level, 0))
    number = index // TILE_WIDTH
    return Tile(level, number, min(TILE_WIDTH, complete - number * TILE_WIDTH))


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Which files does a tree of the new size have that one of the old size did not?

    Bundles first, then tiles from the lowest level up.
    """
    if not 0 <= old <= new <= MAX_TREE_SIZE:
        raise ValueError(f"from a tree of {old} to one of {new}")
    for level in range(-1, _MAX_LEVEL + 1):
        shift = 8 * max(level, 0)
        before, after = old >> shift, new >> shift
        if after == before:
            if level >= 0:
                return
            continue
        for index in range(before // TILE_WIDTH, (after + TILE_WIDTH - 1) // TILE_WIDTH):
            yield tile_over(level, index * TILE_WIDTH, new)


def parse_tile(data: bytes, tile: Tile, *, where: str) -> tuple[bytes, ...]:
    """Which hashes are in this tile?

    Raises:
        MalformedError: It is of another length than its width asks for.
    """
    expected = tile.width * HASH_BYTES
    if len(data) != expected:
        raise MalformedError(f"{where}: expected {expected} bytes, got {len(data)}")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, expected, HASH_BYTES))


def encode_bundle(records: Sequence[bytes]) -> bytes:
    """Which bytes hold these entries?

    Raises:
        LimitError: More than 256, or one that is too long.
    """
    if len(records) > TILE_WIDTH:
        raise LimitError(f"entry bundle: expected {TILE_WIDTH} entries at most, got {len(records)}")
    longest = max(map(len, records), default=0)
    if longest > MAX_RECORD_BYTES:
        raise LimitError(
            f"entry bundle: expected entries of {MAX_RECORD_BYTES} bytes at most, got {longest}"
        )
    return b"".join(struct.pack(">H", len(record)) + record for record in records)


def parse_bundle(data: bytes, tile: Tile, *, where: str) -> tuple[bytes, ...]:
    """Which entries are in this bundle?

    Raises:
        MalformedError: One is cut off, or there are more or fewer than its width says.
    """
    records: list[bytes] = []
    at = 0
    while at < len(data) and len(records) < tile.width:
        if at + 2 > len(data):
            raise MalformedError(f"{where}: entry {len(records)}: its length is cut off")
        (length,) = struct.unpack_from(">H", data, at)
        at += 2
        if at + length > len(data):
            raise MalformedError(
                f"{where}: entry {len(records)}: expected {length} bytes, got {len(data) - at}"
            )
        records.append(data[at : at + length])
        at += length
    if len(records) != tile.width or at != len(data):
        raise MalformedError(
            f"{where}: expected {tile.width} entries and nothing after them, got {len(records)} "
            f"and {len(data) - at} bytes more"
        )
    return tuple(records)
