from __future__ import annotations

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.merkle import fold
from provenance.registry.log.tiles import (
    Tile,
    encode_bundle,
    parse_bundle,
    parse_tile,
    parse_tile_path,
    tile_over,
    tiles_between,
)
from provenance.registry.log.tree import GrowingTree
from tests.factory.release_log import tree_of


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        # c2sp.org/tlog-tiles, "Merkle Tree": "index 1234067 will be encoded as x001/x234/067".
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 1_234_067, 8), "tile/0/x001/x234/067.p/8"),
        (Tile(-1, 0), "tile/entries/000"),
        (Tile(-1, 999, 255), "tile/entries/999.p/255"),
        (Tile(63, 1_000), "tile/63/x001/000"),
        (Tile(5, 123_456_078, 2), "tile/5/x123/x456/078.p/2"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/1",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/data/001",
        "tile/0/123/456/078",
        "tile/0/x000/001",
        "tile/0/x001/x02/003",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/05",
        "tile/0/001.p/1/2",
        "tile/0/001/",
        "/tile/0/001",
        "tile/0/../0/001",
        "tile/0/\u0660\u0660\u0661",
        "checkpoint",
        "",
    ],
)
def test_other_spellings_are_no_paths(path: str) -> None:
    with pytest.raises(MalformedError, match="tile path: expected"):
        parse_tile_path(path)


def test_the_tiles_of_a_tree_and_those_that_growing_adds() -> None:
    assert list(tiles_between(0, 0)) == []
    assert list(tiles_between(0, 256)) == [Tile(-1, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_between(255, 257)) == [
        Tile(-1, 0),
        Tile(-1, 1, 1),
        Tile(0, 0),
        Tile(0, 1, 1),
        Tile(1, 0, 1),
    ]
    assert list(tiles_between(256, 257)) == [Tile(-1, 1, 1), Tile(0, 1, 1)]
    assert list(tiles_between(65_535, 65_536))[-1] == Tile(2, 0, 1)
    with pytest.raises(ValueError, match="from a tree of 2 to one of 1"):
        list(tiles_between(2, 1))


def test_which_tile_has_a_hash_depends_on_the_size() -> None:
    assert tile_over(0, 300, 301) == Tile(0, 1, 45)
    assert tile_over(0, 300, 600) == Tile(0, 1)
    assert tile_over(1, 0, 70_000) == Tile(1, 0)
    assert tile_over(-1, 299, 300) == Tile(-1, 1, 44)


def test_a_tile_is_as_long_as_its_width() -> None:
    assert parse_tile(b"a" * 32 + b"b" * 32, Tile(0, 0, 2), where="t") == (b"a" * 32, b"b" * 32)
    with pytest.raises(MalformedError, match="t: expected 64 bytes, got 63"):
        parse_tile(b"a" * 63, Tile(0, 0, 2), where="t")


def test_a_bundle_comes_back_as_it_was() -> None:
    records = (b"", b"a", b"b" * 65_535)
    assert parse_bundle(encode_bundle(records), Tile(-1, 0, 3), where="b") == records


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected 2 entries and nothing after them, got 0"),
        (b"\0\1a", "expected 2 entries and nothing after them, got 1"),
        (b"\0\1a\0", "entry 1: its length is cut off"),
        (b"\0\1a\0\2b", "entry 1: expected 2 bytes, got 1"),
        (b"\0\1a\0\1b\0", "got 2 and 1 bytes more"),
    ],
)
def test_a_damaged_bundle_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_bundle(data, Tile(-1, 0, 2), where="b")


def test_what_no_bundle_holds_is_refused() -> None:
    with pytest.raises(LimitError, match="expected 256 entries at most, got 257"):
        encode_bundle([b""] * 257)
    with pytest.raises(LimitError, match="of 65535 bytes at most, got 65536"):
        encode_bundle([bytes(65_536)])


def test_a_tree_fills_tiles_as_it_grows() -> None:
    tree = tree_of(b"%d" % n for n in range(257))
    filled = dict(tree.take_filled())
    assert list(filled) == [Tile(0, 0)]
    assert tree.take_filled() == []
    partial = dict(tree.partial())
    assert list(partial) == [Tile(0, 1, 1), Tile(1, 0, 1)]
    full = [filled[Tile(0, 0)][at : at + 32] for at in range(0, 8192, 32)]
    assert partial[Tile(1, 0, 1)] == fold(full)


def test_a_tree_goes_on_from_its_edge() -> None:
    tree = tree_of(b"%d" % n for n in range(300))
    edge = [[data[at : at + 32] for at in range(0, len(data), 32)] for _, data in tree.partial()]
    again = GrowingTree(300, edge)
    assert again.root() == tree.root()
    for other in (tree, again):
        other.append(bytes(32))
    assert again.root() == tree.root()
    with pytest.raises(ValueError, match="edge of a tree of 299"):
        GrowingTree(299, edge)
    with pytest.raises(ValueError, match="edge of a tree of 65536"):
        GrowingTree(65_536, [[], []])
