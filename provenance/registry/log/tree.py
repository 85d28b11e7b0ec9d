"""A tree that grows by one leaf at a time, and the tiles it fills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.registry.log.merkle import EMPTY_ROOT, fold
from provenance.registry.log.tiles import TILE_WIDTH, Tile

__all__ = ["GrowingTree"]


class GrowingTree:
    """The right edge of a tree: at each level the hashes of the tile that is not full yet.

    That is all it needs to go on: 255 hashes a level at most, whatever the size.

    Args:
        size: How many leaves there are.
        edge: By level from 0, the hashes of its partial tile.

    Raises:
        ValueError: The edge is not that of a tree of this size.
    """

    def __init__(self, size: int = 0, edge: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self._levels = [list(hashes) for hashes in edge] or [[]]
        expected = [size >> 8 * level & 0xFF for level in range(len(self._levels))]
        if [len(hashes) for hashes in self._levels] != expected or size >> 8 * len(self._levels):
            raise ValueError(f"edge of a tree of {size}: {[len(h) for h in self._levels]}")
        self._filled: list[tuple[Tile, bytes]] = []

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf, and fill the tiles that it completes."""
        self.size += 1
        carried = leaf_hash
        for level in range(len(self._levels) + 1):
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(carried)
            if len(hashes) < TILE_WIDTH:
                return
            index = (self.size >> 8 * (level + 1)) - 1
            self._filled.append((Tile(level, index), b"".join(hashes)))
            carried = fold(hashes)
            hashes.clear()

    def root(self) -> bytes:
        """What is the root over all leaves?"""
        root: bytes | None = None
        for hashes in self._levels:
            # What is not full yet below stands as one more hash at the end.
            row = hashes if root is None else [*hashes, root]
            if row:
                root = fold(row)
        return EMPTY_ROOT if root is None else root

    def take_filled(self) -> list[tuple[Tile, bytes]]:
        """Which tiles have filled up since this was last asked?"""
        filled, self._filled = self._filled, []
        return filled

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """Which tiles are there that are not full?"""
        for level, hashes in enumerate(self._levels):
            if hashes:
                index = self.size >> 8 * (level + 1)
                yield Tile(level, index, len(hashes)), b"".join(hashes)
