"""Proofs that can be carried away and checked without a network.

`.tlog-proof`: an entry is in the log. A request to a witness: one checkpoint continues
another. Both are formats of C2SP, so that others' tools read them.

Spec: c2sp.org/tlog-proof, c2sp.org/tlog-witness ("add-checkpoint").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.encoding import base64_text, parse_base64, parse_decimal, parse_hash
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.merkle import (
    MAX_PROOF_HASHES,
    MAX_TREE_SIZE,
    hash_record,
    is_consistent,
    is_included,
)
from provenance.registry.log.note import MAX_NOTE_BYTES
from provenance.registry.log.policy import CheckedCheckpoint, Policy, check_checkpoint

__all__ = [
    "MAX_PROOF_BYTES",
    "ConsistencyProof",
    "InclusionProof",
    "check_consistency",
    "check_inclusion",
    "parse_consistency_proof",
    "parse_inclusion_proof",
]

MAX_PROOF_BYTES = MAX_NOTE_BYTES + 128 * 1024
_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That an entry stands in a log.

    Attributes:
        index: Where.
        hashes: From the leaf's sibling up.
        checkpoint: The signed note, as it was published.
        extra: Whatever the maker added; signed by nobody.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @property
    def encoded(self) -> bytes:
        """How it is written."""
        lines = [_HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64_text(self.extra)}")
        lines += [f"index {self.index}", *map(base64_text, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That one tree of a log begins another.

    Attributes:
        old_size: Of the smaller tree.
        hashes: As RFC 6962 has them.
        checkpoint: The signed note of the larger tree.
    """

    old_size: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def encoded(self) -> bytes:
        """How it is written, and sent to a witness."""
        lines = [f"old {self.old_size}", *map(base64_text, self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def parse_inclusion_proof(data: bytes, *, where: str) -> InclusionProof:
    """Which proof is this? Nothing about it is checked.

    Raises:
        MalformedError: It is none.
        LimitError: It is too long.
    """
    lines, checkpoint = _split(data, where)
    if lines[0] != _HEADER:
        raise MalformedError(f"{where}: expected {_HEADER!r} first, got {lines[0]!r:.60}")
    at, extra = 1, None
    if at < len(lines) and lines[at].startswith("extra "):
        extra = parse_base64(lines[at].removeprefix("extra "), where=f"{where}: extra")
        at += 1
    if at == len(lines) or not lines[at].startswith("index "):
        raise MalformedError(f"{where}: expected an index line")
    text = lines[at].removeprefix("index ")
    return InclusionProof(
        index=parse_decimal(text, most=MAX_TREE_SIZE, where=f"{where}: index"),
        hashes=_hashes(lines[at + 1 :], where),
        checkpoint=checkpoint,
        extra=extra,
    )


def parse_consistency_proof(data: bytes, *, where: str) -> ConsistencyProof:
    """Which proof is this? Nothing about it is checked.

    Raises:
        MalformedError: It is none.
        LimitError: It is too long.
    """
    lines, checkpoint = _split(data, where)
    if not lines[0].startswith("old "):
        raise MalformedError(f"{where}: expected 'old SIZE' first, got {lines[0]!r:.60}")
    text = lines[0].removeprefix("old ")
    return ConsistencyProof(
        old_size=parse_decimal(text, most=MAX_TREE_SIZE, where=f"{where}: old size"),
        hashes=_hashes(lines[1:], where),
        checkpoint=checkpoint,
    )


def check_inclusion(
    proof: InclusionProof, record: bytes, policy: Policy, *, where: str
) -> CheckedCheckpoint:
    """Under which checkpoint does this entry stand in a log of the policy?

    What the entry says, and who signed it, is another question; so is whether a later
    entry takes it back.

    Raises:
        MalformedError, LimitError: The checkpoint in it is none.
        LogProofError: The policy does not let it count, or it is not a proof for this entry.
    """
    checked = check_checkpoint(proof.checkpoint, policy, where=f"{where}: checkpoint")
    head = checked.checkpoint
    if not is_included(proof.index, head.size, hash_record(record), proof.hashes, head.root):
        raise LogProofError(
            f"{where}: does not prove that this entry is number {proof.index} of {head}"
        )
    return checked


def check_consistency(
    proof: ConsistencyProof, seen: bytes, policy: Policy, *, where: str
) -> CheckedCheckpoint:
    """Which checkpoint continues the one that was seen before?

    Args:
        proof: The proof, with the newer checkpoint.
        seen: The signed note that was seen.
        policy: Whom to believe about either.
        where: What messages call the proof.

    Raises:
        MalformedError, LimitError: One of the checkpoints is none.
        LogProofError: The policy does not let one count, they are of different logs, or
            the newer does not continue the older.
    """
    old = check_checkpoint(seen, policy, where=f"{where}: checkpoint seen before").checkpoint
    checked = check_checkpoint(proof.checkpoint, policy, where=f"{where}: checkpoint")
    new = checked.checkpoint
    if old.origin != new.origin:
        raise LogProofError(f"{where}: is of {new.origin!r:.100}, expected {old.origin!r:.100}")
    if old.size != proof.old_size:
        raise LogProofError(
            f"{where}: begins at {proof.old_size} entries, "
            f"and the checkpoint seen before has {old.size}"
        )
    if not is_consistent(old.size, new.size, old.root, new.root, proof.hashes):
        raise LogProofError(f"{where}: does not prove that {new} continues {old}")
    return checked


def _split(data: bytes, where: str) -> tuple[list[str], bytes]:
    if len(data) > MAX_PROOF_BYTES:
        raise LimitError(f"{where}: expected {MAX_PROOF_BYTES} bytes at most, got {len(data)}")
    head, found, checkpoint = data.partition(b"\n\n")
    if not found:
        raise MalformedError(f"{where}: expected an empty line and then a checkpoint")
    try:
        return head.decode("ascii").split("\n"), checkpoint
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: expected ASCII before the checkpoint") from error


def _hashes(lines: Sequence[str], where: str) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF_HASHES:
        raise LimitError(f"{where}: expected {MAX_PROOF_HASHES} hashes at most, got {len(lines)}")
    return tuple(parse_hash(line, where=f"{where}: hash {n}") for n, line in enumerate(lines))
