"""Reading what a log serves: files by their paths, and the hashes in its tiles."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Protocol

from provenance.atomic_files import read_bounded
from provenance.errors import ConfigurationError, FetchError, MalformedError
from provenance.registry.log.merkle import HASH_BYTES, fold
from provenance.registry.log.note import MAX_NOTE_BYTES
from provenance.registry.log.tiles import Tile, parse_bundle, parse_tile, tile_over

__all__ = [
    "CHECKPOINT",
    "FolderReader",
    "LogReader",
    "TileReader",
    "read_bundle",
    "read_checkpoint",
    "read_tile_bytes",
]

CHECKPOINT = "checkpoint"
_KEPT_TILES = 128


class LogReader(Protocol):
    """Something that has the files of a log: a folder, a web server."""

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """What is at this path below the log's prefix? None if nothing is.

        Raises:
            FetchError: It could not be had, or is longer.
        """
        ...


class FolderReader:
    """Reads a folder on this machine; it satisfies `LogReader`.

    Args:
        path: The folder in which `checkpoint` and `tile` are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """What is in this file? None if there is none.

        Raises:
            FetchError: It cannot be read, or is longer.
        """
        file = self._path / path
        if not file.exists():
            return None
        try:
            return read_bounded(file, max_bytes)
        except ConfigurationError as error:
            raise FetchError(str(error)) from error


class TileReader:
    """The hashes of a tree of one size, from tiles that nobody has vouched for.

    Whoever uses them checks what they lead to against a signed root.

    Args:
        reader: Has the tiles.
        size: Of the tree.
    """

    def __init__(self, reader: LogReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._tiles: OrderedDict[Tile, bytes] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """What is the root of the complete subtree over records [index << level, + 2**level)?

        Raises:
            FetchError: A tile could not be had.
            MalformedError: It is missing, or not of the length it should be.
        """
        tile_level, height = divmod(level, 8)
        first = index << height
        tile = tile_over(tile_level, first, self._size)
        data = self._tile(tile)
        start = (first - tile.index * 256) * HASH_BYTES
        part = data[start : start + (HASH_BYTES << height)]
        return fold([part[at : at + HASH_BYTES] for at in range(0, len(part), HASH_BYTES)])

    def edge(self, size: int) -> list[list[bytes]]:
        """By level, which hashes are in the tile that is not full yet in a tree of this size?

        Args:
            size: Of a tree that begins this one, or is this one.
        """
        levels: list[list[bytes]] = []
        while not levels or size >> 8 * len(levels):
            level = len(levels)
            complete = size >> 8 * level
            hashes: tuple[bytes, ...] = ()
            if complete % 256:
                tile = tile_over(level, complete - 1, self._size)
                hashes = parse_tile(self._tile(tile), tile, where=tile.path)[: complete % 256]
            levels.append(list(hashes))
        return levels

    def _tile(self, tile: Tile) -> bytes:
        if tile in self._tiles:
            self._tiles.move_to_end(tile)
            return self._tiles[tile]
        data = read_tile_bytes(self._reader, tile)
        if len(data) != tile.width * HASH_BYTES:
            raise MalformedError(
                f"{tile.path}: expected {tile.width * HASH_BYTES} bytes, got {len(data)}"
            )
        self._tiles[tile] = data
        if len(self._tiles) > _KEPT_TILES:
            self._tiles.popitem(last=False)
        return data


def read_checkpoint(reader: LogReader) -> bytes:
    """Which checkpoint does the log show now? Not checked.

    Raises:
        FetchError: It could not be had.
        MalformedError: There is none.
    """
    data = reader.read(CHECKPOINT, max_bytes=MAX_NOTE_BYTES)
    if data is None:
        raise MalformedError(f"{CHECKPOINT}: there is none")
    return data


def read_tile_bytes(reader: LogReader, tile: Tile) -> bytes:
    """Which bytes does the log serve for this tile of hashes?

    A partial tile may be gone once the full one is there; then that one begins with it.

    Raises:
        FetchError: It could not be had.
        MalformedError: It is missing.
    """
    data = reader.read(tile.path, max_bytes=tile.max_bytes)
    if data is None and not tile.is_full:
        whole = reader.read(tile.full.path, max_bytes=tile.full.max_bytes)
        if whole is not None:
            data = whole[: tile.width * HASH_BYTES]
    if data is None:
        raise MalformedError(f"{tile.path}: is missing")
    return data


def read_bundle(reader: LogReader, tile: Tile) -> tuple[bytes, ...]:
    """Which entries does the log serve in this bundle?

    Raises:
        FetchError: It could not be had.
        MalformedError: It is missing, or not what its width asks for.
    """
    data = reader.read(tile.path, max_bytes=tile.max_bytes)
    if data is not None:
        return parse_bundle(data, tile, where=tile.path)
    whole = None if tile.is_full else reader.read(tile.full.path, max_bytes=tile.full.max_bytes)
    if whole is None:
        raise MalformedError(f"{tile.path}: is missing")
    return parse_bundle(whole, tile.full, where=tile.full.path)[: tile.width]
