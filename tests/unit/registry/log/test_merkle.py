from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provenance.registry.log.merkle import (
    EMPTY_ROOT,
    hash_record,
    is_consistent,
    is_included,
    prove_consistency,
    prove_inclusion,
    tree_root,
)
from provenance.registry.log.reader import TileReader
from provenance.registry.log.tiles import Tile, parse_bundle
from tests.factory.release_log import MemoryLog, note_key, tree_of

VECTORS = Path(__file__).parent / "vectors"
GO = json.loads((VECTORS / "go_tlog.json").read_text())
ARGON = json.loads((VECTORS / "argon2020.json").read_text())

# The reference vectors of Certificate Transparency, as github.com/transparency-dev/merkle
# has them in proof/verify_test.go (Apache-2.0).
CT_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = [
    (0, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (5, 8, ["bc1a0643", "ca854ea1", "d37ee418"]),
    (2, 3, ["fac54203"]),
    (1, 5, ["6e340b9c", "5f083f0a", "bc1a0643"]),
]
CT_CONSISTENCY = [
    (1, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (6, 8, ["0ebc5d34", "ca854ea1", "d37ee418"]),
    (2, 5, ["5f083f0a", "bc1a0643"]),
    (6, 7, ["0ebc5d34", "b08693ec", "d37ee418"]),
]


def ct_nodes(size: int) -> TileReader:
    return nodes_of([bytes.fromhex(leaf) for leaf in CT_LEAVES[:size]])


def nodes_of(records: list[bytes]) -> TileReader:
    return TileReader(MemoryLog.of(records, note_key()), len(records))


@cache
def go_log(size: int) -> MemoryLog:
    return MemoryLog.of([b"iscc-log-entry-%d" % n for n in range(size)], note_key())


def test_the_empty_tree_has_the_digest_of_nothing() -> None:
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    assert tree_of([]).root() == EMPTY_ROOT == tree_root(0, nodes_of([]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    records = [bytes.fromhex(leaf) for leaf in CT_LEAVES[:size]]
    assert tree_of(records).root().hex() == CT_ROOTS[size - 1]
    assert tree_root(size, ct_nodes(size)).hex() == CT_ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "expected"), CT_INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference(
    index: int, size: int, expected: list[str]
) -> None:
    proof = prove_inclusion(index, size, ct_nodes(size))
    assert [h.hex()[:8] for h in proof] == expected
    leaf = hash_record(bytes.fromhex(CT_LEAVES[index]))
    assert is_included(index, size, leaf, proof, bytes.fromhex(CT_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "expected"), CT_CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(
    old: int, new: int, expected: list[str]
) -> None:
    proof = prove_consistency(old, new, ct_nodes(new))
    assert [h.hex()[:8] for h in proof] == expected
    roots = (bytes.fromhex(CT_ROOTS[old - 1]), bytes.fromhex(CT_ROOTS[new - 1]))
    assert is_consistent(old, new, *roots, proof)


def test_proofs_of_a_public_log_verify() -> None:
    def unpack(name: str) -> Any:
        value = ARGON[name]
        return [*map(base64.b64decode, value)] if isinstance(value, list) else value

    root, leaf = base64.b64decode(ARGON["root"]), hash_record(base64.b64decode(ARGON["record"]))
    place = (ARGON["index"], ARGON["size"])
    assert is_included(*place, leaf, unpack("inclusion"), root)
    assert not is_included(place[0] + 1, place[1], leaf, unpack("inclusion"), root)
    sizes, old = (ARGON["old_size"], ARGON["size"]), base64.b64decode(ARGON["old_root"])
    assert is_consistent(*sizes, old, root, unpack("consistency"))
    assert not is_consistent(sizes[0] - 1, sizes[1], old, root, unpack("consistency"))


@pytest.mark.parametrize("size", [int(size) for size in GO["roots"] if size != "70000"])
def test_roots_are_those_of_the_go_libraries(size: int) -> None:
    log = go_log(size)
    assert tree_root(size, TileReader(log, size)).hex() == GO["roots"][str(size)]


def test_a_tree_of_70000_is_that_of_the_go_libraries() -> None:
    log = go_log(70_000)
    nodes = TileReader(log, 70_000)
    assert tree_root(70_000, nodes).hex() == GO["roots"]["70000"]
    assert log.files["tile/2/000.p/1"].hex() == GO["tiles"]["tile/2/000.p/1"]
    # c2sp.org/tlog-tiles, "Partial Tiles": the example of a tree of this size.
    paths = [path for path in log.files if path.startswith("tile/") and "entries" not in path]
    full = [path for path in paths if ".p/" not in path]
    assert sorted({path.split("/")[1] for path in paths}) == ["0", "1", "2"]
    assert (len([p for p in full if p.startswith("tile/0/")]), len(full)) == (273, 274)
    assert {p for p in paths if ".p/" in p} == {
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    }
    for known in GO["inclusion"]:
        if known["size"] == 70_000:
            proof = prove_inclusion(known["index"], 70_000, nodes)
            assert [h.hex() for h in proof] == known["proof"]
    for known in GO["consistency"]:
        if known["new"] == 70_000:
            proof = prove_consistency(known["old"], 70_000, nodes)
            assert [h.hex() for h in proof] == known["proof"]


@pytest.mark.parametrize("known", [k for k in GO["inclusion"] if k["size"] < 1000])
def test_inclusion_proofs_are_those_of_the_go_libraries(known: dict[str, Any]) -> None:
    nodes = TileReader(go_log(known["size"]), known["size"])
    proof = prove_inclusion(known["index"], known["size"], nodes)
    assert [h.hex() for h in proof] == known["proof"]


@pytest.mark.parametrize("known", [k for k in GO["consistency"] if k["new"] < 1000])
def test_consistency_proofs_are_those_of_the_go_libraries(known: dict[str, Any]) -> None:
    nodes = TileReader(go_log(known["new"]), known["new"])
    proof = prove_consistency(known["old"], known["new"], nodes)
    assert [h.hex() for h in proof] == known["proof"]


def test_bundles_are_those_of_the_go_libraries() -> None:
    for path, data in GO["bundles"].items():
        assert go_log(2).files[path].hex() == data
        records = parse_bundle(bytes.fromhex(data), Tile(-1, 0, 2), where="bundle")
        assert records == (b"iscc-log-entry-0", b"iscc-log-entry-1")


def corrupt(proof: tuple[bytes, ...], root: bytes) -> list[tuple[bytes, ...]]:
    """As proof/verify_test.go of transparency-dev/merkle spoils them."""
    flipped = [
        (*proof[:n], bytes([h[0] ^ 8]) + h[1:], *proof[n + 1 :]) for n, h in enumerate(proof)
    ]
    ends: list[tuple[bytes, ...]] = [(*proof, b""), (*proof, root), (b"", *proof), (root, *proof)]
    return [*flipped, *ends, *([proof[:-1], proof[1:]] if proof else [])]


@pytest.mark.parametrize(("index", "size", "_expected"), CT_INCLUSION)
def test_a_spoilt_inclusion_proof_does_not_verify(
    index: int, size: int, _expected: list[str]
) -> None:
    root, leaf = bytes.fromhex(CT_ROOTS[size - 1]), hash_record(bytes.fromhex(CT_LEAVES[index]))
    proof = prove_inclusion(index, size, ct_nodes(size))
    assert not any(is_included(index, size, leaf, bad, root) for bad in corrupt(proof, root))
    for other in (index - 1, index + 1, index ^ 2):
        assert not is_included(other, size, leaf, proof, root)
    for other in (size * 2, size // 2, 0):
        assert not is_included(index, other, leaf, proof, root)
    for other_leaf in (b"", b"WrongLeaf", EMPTY_ROOT):
        assert not is_included(index, size, other_leaf, proof, root)
    assert not is_included(index, size, leaf, proof, EMPTY_ROOT)


@pytest.mark.parametrize(("old", "new", "_expected"), CT_CONSISTENCY)
def test_a_spoilt_consistency_proof_does_not_verify(
    old: int, new: int, _expected: list[str]
) -> None:
    roots = (bytes.fromhex(CT_ROOTS[old - 1]), bytes.fromhex(CT_ROOTS[new - 1]))
    proof = prove_consistency(old, new, ct_nodes(new))
    for bad in [(), *corrupt(proof, roots[0]), (*proof, roots[1]), (roots[1], *proof)]:
        assert not is_consistent(old, new, *roots, bad)
    for other in (old - 1, old + 1, old ^ 2):
        assert not is_consistent(other, new, *roots, proof)
    for other in (new * 2, new // 2):
        assert not is_consistent(old, other, *roots, proof)
    assert not is_consistent(old, new, roots[1], roots[0], proof)


def test_consistency_with_nothing_and_with_itself() -> None:
    root, other = bytes.fromhex(CT_ROOTS[2]), bytes.fromhex(CT_ROOTS[3])
    assert is_consistent(0, 0, EMPTY_ROOT, EMPTY_ROOT, ())
    assert is_consistent(0, 3, EMPTY_ROOT, root, ())
    assert is_consistent(3, 3, root, root, ())
    assert not is_consistent(0, 0, EMPTY_ROOT, root, ())
    assert not is_consistent(0, 3, root, root, ())
    assert not is_consistent(3, 3, root, other, ())
    assert not is_consistent(3, 3, root, root, (root,))
    assert not is_consistent(0, 3, EMPTY_ROOT, root, (root,))
    assert not is_consistent(4, 3, other, root, ())
    assert not is_consistent(-1, 3, root, root, ())
    assert prove_consistency(0, 3, ct_nodes(3)) == () == prove_consistency(3, 3, ct_nodes(3))


def test_an_endless_proof_is_refused_before_it_is_hashed() -> None:
    root = bytes.fromhex(CT_ROOTS[7])
    assert not is_included(0, 1 << 62, root, (root,) * 100, root)
    assert not is_included(0, (1 << 62) + 1, root, (root,) * 62, root)
    assert not is_consistent(1, 1 << 62, root, root, (root,) * 100)


def test_a_record_that_is_not_there_has_no_proof() -> None:
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ValueError, match="of a tree of"):
            prove_inclusion(index, size, ct_nodes(3))
    with pytest.raises(ValueError, match="from a tree of 4 to one of 3"):
        prove_consistency(4, 3, ct_nodes(3))
