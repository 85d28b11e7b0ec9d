"""The release log against an independent implementation, and against bytes of strangers."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
import scitt_cose  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.bundle import Bundle, read_bundle_file, write_bundle_file
from provenance.registry.log.checkpoint import parse_checkpoint
from provenance.registry.log.keys import parse_signer_key, parse_verifier_key
from provenance.registry.log.leaf import (
    embargo,
    make_leaf,
    parse_leaf,
    parse_signed_statement,
    reveal,
    sign_statement,
)
from provenance.registry.log.merkle import (
    hash_record,
    is_consistent,
    is_included,
    prove_consistency,
    prove_inclusion,
    tree_root,
)
from provenance.registry.log.note import parse_note
from provenance.registry.log.policy import parse_policy, policy_of
from provenance.registry.log.proof import parse_consistency_proof, parse_inclusion_proof
from provenance.registry.log.prove import make_consistency_proof, make_inclusion_proof
from provenance.registry.log.reader import TileReader
from provenance.registry.log.statement import Statement
from provenance.registry.log.tiles import Tile, encode_bundle, parse_bundle, parse_tile_path
from provenance.signing.dev_agency import create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import AT, HonestWitness, MemoryLog, note_key, register, tree_of

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEY = note_key()
SALT = bytes(range(32))


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[bytes], int, int]:
    """Records, the number of one of them, and the size of an earlier tree."""
    size = draw(st.one_of(st.integers(1, 40), st.integers(250, 260), st.integers(500, 530)))
    seed = draw(st.binary(max_size=4))
    records = [sha256(seed + n.to_bytes(4, "big")).digest()[: n % 33] for n in range(size)]
    return records, draw(st.integers(0, size - 1)), draw(st.integers(0, size))


@given(tree=trees())
@FEW
def test_roots_and_proofs_are_those_of_another_implementation(
    tree: tuple[list[bytes], int, int],
) -> None:
    """RFC 6962 §2.1, §2.1.1, §2.1.2 as `scitt-cose` computes them from all records."""
    records, index, old = tree
    size, texts = len(records), [record.hex() for record in records]
    nodes = TileReader(MemoryLog.of(records, KEY), size)
    root = tree_root(size, nodes)
    assert root == tree_of(records).root()
    assert root.hex() == scitt_cose.merkle_root(texts)
    proof = prove_inclusion(index, size, nodes)
    assert [h.hex() for h in proof] == scitt_cose.inclusion_proof(texts, index)
    assert is_included(index, size, hash_record(records[index]), proof, root)
    old_root = tree_root(old, nodes)
    assert old_root.hex() == scitt_cose.merkle_root(texts[:old])
    path = prove_consistency(old, size, nodes)
    assert [h.hex() for h in path] == scitt_cose.consistency_proof(texts, old, size)
    assert is_consistent(old, size, old_root, root, path)


@given(tree=trees(), data=st.data())
@FEW
def test_what_does_not_verify_there_does_not_verify_here(
    tree: tuple[list[bytes], int, int], data: st.DataObject
) -> None:
    records, index, old = tree
    size = len(records)
    nodes = TileReader(MemoryLog.of(records, KEY), size)
    root, old_root = tree_root(size, nodes), tree_root(old, nodes)
    proof = list(prove_inclusion(index, size, nodes))
    path = list(prove_consistency(old, size, nodes))
    spoil = data.draw(st.sampled_from(["drop", "add", "swap", "flip", "place"]))
    for hashes in (proof, path):
        at = data.draw(st.integers(0, max(0, len(hashes) - 1)))
        if spoil == "drop" and hashes:
            del hashes[at]
        elif spoil == "add":
            hashes.insert(at, data.draw(st.sampled_from([root, old_root])))
        elif spoil == "swap":
            hashes.reverse()
        elif spoil == "flip" and hashes:
            hashes[at] = bytes([hashes[at][0] ^ 1]) + hashes[at][1:]
    if spoil == "place":
        index = data.draw(st.integers(0, size - 1))
        old = data.draw(st.integers(0, size))
    leaf = records[index]
    assert is_included(index, size, hash_record(leaf), proof, root) is scitt_cose.verify_inclusion(
        leaf.hex(), index, size, [h.hex() for h in proof], root.hex()
    )
    # The other one leaves it to its caller that the empty tree has the empty tree's root.
    if old:
        assert is_consistent(old, size, old_root, root, path) is scitt_cose.verify_consistency(
            old_root.hex(), root.hex(), old, size, [h.hex() for h in path]
        )


@given(sizes=st.lists(st.integers(0, 700), min_size=1, max_size=4).map(sorted))
@FEW
def test_growing_in_steps_gives_the_tree_of_growing_at_once(sizes: list[int]) -> None:
    records = [b"%d" % n for n in range(sizes[-1])]
    whole = tree_of(records)
    tiles = {**dict(whole.take_filled()), **dict(whole.partial())}
    tree = tree_of([])
    filled: dict[Tile, bytes] = {}
    for size in sizes:
        for record in records[tree.size : size]:
            tree.append(hash_record(record))
        filled.update(tree.take_filled())
    assert tree.root() == whole.root()
    assert {**filled, **dict(tree.partial())} == tiles


@given(level=st.integers(-1, 63), index=st.integers(0, 10**15), width=st.integers(1, 256))
@MANY
def test_a_tile_has_one_path(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile_path(tile.path) == tile


@cache
def samples() -> dict[str, tuple[bytes, Callable[[bytes], Any]]]:
    """Good bytes of every kind, with what reads them."""
    signer = _signer()
    hidden = register(7)
    statements: list[Statement] = [
        register(1),
        embargo(hidden, SALT, at=AT),
        reveal(hidden, SALT, entry=1, at=AT),
    ]
    signed = [sign_statement(statement, signer) for statement in statements]
    records = [
        make_leaf(s, logged_at=AT + timedelta(seconds=n)).record for n, s in enumerate(signed)
    ]
    log = MemoryLog.of(records, KEY)
    policy = policy_of(KEY.key)
    record, proof = make_inclusion_proof(log, 0, policy)
    consistency = make_consistency_proof(log, MemoryLog.of(records[:2], KEY).checkpoint, policy)
    witness = HonestWitness()
    text = policy.text.replace("quorum none", f"witness w {witness.cosigner.key.text}\nquorum w")
    stream = io.BytesIO()
    bundle = Bundle(entry=record, proof=proof.encoded, policy=text.encode(), manifest=b"manifest")
    write_bundle_file(stream, bundle, io.BytesIO(b"asset"))
    note = parse_note(log.checkpoint, where="n")
    return {
        "note": (log.checkpoint, lambda d: parse_note(d, where="x").encoded),
        "checkpoint": (note.text, lambda d: parse_checkpoint(d, where="x").text),
        "key": (KEY.key.text.encode(), lambda d: _key(d).encode()),
        "policy": (text.encode(), _policy),
        "inclusion": (proof.encoded, lambda d: parse_inclusion_proof(d, where="x").encoded),
        "consistency": (
            consistency.encoded,
            lambda d: parse_consistency_proof(d, where="x").encoded,
        ),
        "leaf": (record, lambda d: parse_leaf(d, where="x").record),
        "reveal": (records[2], lambda d: parse_leaf(d, where="x").record),
        "statement": (
            signed[1].encoded,
            lambda d: parse_signed_statement(d, where="x").encoded,
        ),
        "tile path": (b"tile/0/x001/x234/067.p/8", _path),
        "bundle of entries": (
            encode_bundle(records),
            lambda d: encode_bundle(parse_bundle(d, Tile(-1, 0, 3), where="x")),
        ),
        "bundle": (stream.getvalue(), _bundle),
    }


def _signer() -> MemorySigner:
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT,
    ).signer()


def _key(data: bytes) -> str:
    return parse_verifier_key(data.decode("utf-8", "surrogateescape"), where="x").text


def _policy(data: bytes) -> bytes:
    """White space and comments come back otherwise; what it says, as it was."""
    policy = parse_policy(data, where="x")
    text = policy.text.encode("utf-8", "surrogateescape")
    assert parse_policy(text, where="x") == policy
    return data


def _path(data: bytes) -> bytes:
    return parse_tile_path(data.decode("utf-8", "surrogateescape")).path.encode()


def _bundle(data: bytes) -> bytes:
    read = read_bundle_file(io.BytesIO(data), where="x")
    stream = io.BytesIO()
    asset = None if read.asset_sha256 is None else io.BytesIO(b"asset")
    write_bundle_file(stream, read.bundle, asset)
    return stream.getvalue()


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """The bytes cut, with some of them replaced, doubled, or other bytes altogether."""
    at = draw(st.integers(0, len(good) - 1))
    match draw(st.sampled_from(["cut", "replaced", "doubled", "swapped", "other"])):
        case "cut":
            return good[:at]
        case "replaced":
            return good[:at] + draw(st.binary(max_size=8)) + good[at + draw(st.integers(0, 8)) :]
        case "doubled":
            end = draw(st.integers(at, len(good)))
            return good[:end] + good[at:end] + good[end:]
        case "swapped":
            piece = draw(
                st.sampled_from([b"\n", b"\n\n", b" ", b"+", b"\xff", b"[" * 900, b"-1", b"1e9"])
            )
            return good[:at] + piece + good[at + 1 :]
        case _:
            return draw(st.binary(max_size=200))


@pytest.mark.parametrize("kind", list(samples()))
@given(data=st.data())
@MANY
def test_whatever_the_bytes_they_are_refused_or_come_back_as_they_were(
    kind: str, data: st.DataObject
) -> None:
    good, read = samples()[kind]
    assert read(good) == good
    given_bytes = data.draw(spoilt(good))
    try:
        again = read(given_bytes)
    except (MalformedError, LimitError):
        return
    # One spelling each: nobody can write the same thing in two ways.
    assert again == given_bytes


@given(text=st.text(max_size=200))
@MANY
def test_no_text_is_a_private_key_by_accident(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_signer_key(text, where="x")
