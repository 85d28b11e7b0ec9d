"""Merkle trees: hashes, roots, and proofs of inclusion and of consistency.

Nothing here recurses or knows where hashes are kept: whoever has the tree gives the
hash of any complete subtree, and a proof asks for about two of them a level.

Spec: RFC 6962 §2.1, RFC 9162 §2.1 (SHA-256).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_PROOF_HASHES",
    "MAX_TREE_SIZE",
    "NodeReader",
    "fold",
    "hash_children",
    "hash_record",
    "is_consistent",
    "is_included",
    "perfect_subtrees",
    "prove_consistency",
    "prove_inclusion",
    "tree_root",
]

HASH_BYTES = 32
# The largest tree that others count with too; a proof then has at most 63 hashes.
MAX_TREE_SIZE = 1 << 62
MAX_PROOF_HASHES = 63

EMPTY_ROOT = sha256().digest()


class NodeReader(Protocol):
    """Whoever has the hashes of a tree."""

    def node(self, level: int, index: int) -> bytes:
        """What is the root of the complete subtree over records [index << level, + 2**level)?"""
        ...


def hash_record(record: bytes) -> bytes:
    """What is the leaf hash of this record?"""
    return sha256(b"\x00" + record).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """What is the hash of the node above these two?"""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """What is the root over these hashes, taken as leaves? A last odd one moves up as it is.

    That gives the tree of the specification, which splits at the largest power of two:
    all but the last subtree of a level are complete.
    """
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        above = [hash_children(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            above.append(row[-1])
        row = above
    return row[0]


def perfect_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """Which complete subtrees cover these records, left to right, as (level, index)?

    `start` has to be a multiple of the largest power of two that fits between the two,
    as it is wherever the specification splits a tree.
    """
    found = []
    for level in range((end - start).bit_length() - 1, -1, -1):
        if (end - start) >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def tree_root(size: int, nodes: NodeReader) -> bytes:
    """What is the root of the first so many records?"""
    return _range_root(0, size, nodes) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, nodes: NodeReader) -> tuple[bytes, ...]:
    """Which hashes prove that this record is in the tree of this size? The lowest first.

    Spec: RFC 6962 §2.1.1.

    Raises:
        ValueError: There is no such record in that tree.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise ValueError(f"record {index} of a tree of {size}")
    path = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, nodes))
            high = middle
        else:
            path.append(_range_root(low, middle, nodes))
            low = middle
    return tuple(reversed(path))


def prove_consistency(old: int, new: int, nodes: NodeReader) -> tuple[bytes, ...]:
    """Which hashes prove that the tree of one size begins the tree of the other?

    None where either is empty or they are the same.

    Spec: RFC 6962 §2.1.2.

    Raises:
        ValueError: The old tree is larger than the new one.
    """
    if not 0 <= old <= new <= MAX_TREE_SIZE:
        raise ValueError(f"from a tree of {old} to one of {new}")
    if old in {0, new}:
        return ()
    path = []
    low, high = 0, new
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, nodes))
            high = middle
        else:
            path.append(_range_root(low, middle, nodes))
            low = middle
    if low:
        # The old tree's right edge; with `low` at 0 it is the old root, which is known.
        path.append(_range_root(low, high, nodes))
    return tuple(reversed(path))


def is_included(
    index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Does the proof lead from this leaf hash, at this place, to this root?

    Spec: RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE or not _are_hashes([leaf_hash, root, *proof]):
        return False
    at, last, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            computed = hash_children(sibling, computed)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            computed = hash_children(computed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and computed == root


def is_consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Does the proof show that the first tree begins the second?

    Every tree begins with the empty one, whose root has to be that of the empty tree.

    Spec: RFC 9162 §2.1.4.2.
    """
    if not 0 <= old <= new <= MAX_TREE_SIZE or not _are_hashes([old_root, new_root, *proof]):
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    if old == new:
        return not proof and old_root == new_root
    # A complete old tree is a node of the new one, and is left out of the proof.
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            from_old = hash_children(sibling, from_old)
            from_new = hash_children(sibling, from_new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            from_new = hash_children(from_new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


def _range_root(start: int, end: int, nodes: NodeReader) -> bytes:
    parts = [nodes.node(level, index) for level, index in perfect_subtrees(start, end)]
    root = parts.pop()
    while parts:
        root = hash_children(parts.pop(), root)
    return root


def _split(count: int) -> int:
    """The largest power of two smaller than this."""
    return 1 << ((count - 1).bit_length() - 1)


def _are_hashes(hashes: Sequence[bytes]) -> bool:
    # Longer than any tree needs: refused before anything is computed.
    return len(hashes) <= MAX_PROOF_HASHES + 3 and all(len(h) == HASH_BYTES for h in hashes)
