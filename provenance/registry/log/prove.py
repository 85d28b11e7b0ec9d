"""Making proofs from what a log serves."""

from __future__ import annotations

from provenance.errors import MalformedError
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.merkle import (
    hash_record,
    is_consistent,
    is_included,
    prove_consistency,
    prove_inclusion,
)
from provenance.registry.log.policy import Policy, check_checkpoint
from provenance.registry.log.proof import ConsistencyProof, InclusionProof
from provenance.registry.log.reader import LogReader, TileReader, read_bundle, read_checkpoint
from provenance.registry.log.tiles import TILE_WIDTH, tile_over

__all__ = ["make_consistency_proof", "make_inclusion_proof"]


def make_inclusion_proof(
    reader: LogReader, index: int, policy: Policy
) -> tuple[bytes, InclusionProof]:
    """Which entry has this number, and what proves it under the newest checkpoint?

    What is handed out has been checked: a log whose files are damaged gives no proof.

    Raises:
        FetchError: A file could not be had.
        MalformedError, LimitError: One is missing or damaged.
        LogProofError: The checkpoint does not count, there is no such entry yet, or the
            files are not those of the checkpoint.
    """
    note = read_checkpoint(reader)
    head = check_checkpoint(note, policy, where="checkpoint").checkpoint
    if not 0 <= index < head.size:
        raise LogProofError(f"entry {index}: is not in {head}")
    record = read_bundle(reader, tile_over(-1, index, head.size))[index % TILE_WIDTH]
    hashes = prove_inclusion(index, head.size, TileReader(reader, head.size))
    if not is_included(index, head.size, hash_record(record), hashes, head.root):
        raise LogProofError(f"entry {index}: the log's tiles do not lead from it to {head}")
    return record, InclusionProof(index=index, hashes=hashes, checkpoint=note)


def make_consistency_proof(reader: LogReader, seen: bytes, policy: Policy) -> ConsistencyProof:
    """What proves that the newest checkpoint continues the one that was seen?

    Args:
        reader: Has the log's files.
        seen: The signed note that was seen.
        policy: Whom to believe about either.

    Raises:
        FetchError: A file could not be had.
        MalformedError, LimitError: One is missing or damaged.
        LogProofError: A checkpoint does not count, or the newest does not continue it.
    """
    note = read_checkpoint(reader)
    old = check_checkpoint(seen, policy, where="checkpoint seen before").checkpoint
    new = check_checkpoint(note, policy, where="checkpoint").checkpoint
    if old.origin != new.origin or old.size > new.size:
        raise LogProofError(f"checkpoint: {new} does not continue {old}")
    try:
        hashes = prove_consistency(old.size, new.size, TileReader(reader, new.size))
    except MalformedError as error:
        raise MalformedError(f"{error}; no proof can be made without it") from error
    if not is_consistent(old.size, new.size, old.root, new.root, hashes):
        raise LogProofError(f"checkpoint: {new} does not continue {old}")
    return ConsistencyProof(old_size=old.size, hashes=hashes, checkpoint=note)
