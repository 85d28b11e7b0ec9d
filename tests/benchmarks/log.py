"""How fast is the release log? Run it with `python -m tests.benchmarks.log`.

Statements are signed beforehand, as agencies do; what is timed is what the log does with
them: checking signature and key, the store, the tiles, the checkpoint. The log of a million
entries has made-up ones, of the usual length: hashing and proving do not look inside.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.folder import LogFolder, create_log
from provenance.registry.log.leaf import SignedStatement, make_leaf, sign_statement
from provenance.registry.log.merkle import hash_record, tree_root
from provenance.registry.log.monitor import LogMonitor
from provenance.registry.log.note import sign_note
from provenance.registry.log.policy import policy_of
from provenance.registry.log.proof import check_consistency, check_inclusion
from provenance.registry.log.prove import make_consistency_proof, make_inclusion_proof
from provenance.registry.log.reader import FolderReader, TileReader
from provenance.registry.log.tiles import TILE_WIDTH, Tile, encode_bundle
from provenance.registry.log.tree import GrowingTree
from provenance.registry.log.writer import LogWriter
from provenance.signing.dev_agency import create_dev_agency
from tests.factory import pki
from tests.factory.release_log import AT, agencies_of, note_key, register

__all__ = ["Measured", "main", "measure"]

_BATCH = 1_000
_PROOFS = 200
_NOW = AT + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came out.

    Attributes:
        appends_per_s: Entries taken a second, in batches of 1,000, agencies' keys checked.
        looks_per_s: Entries a watcher reads and checks a second, keys included.
        leaves: Size of the large log.
        open_ms: Opening it for writing.
        batch_ms: Adding one batch of 1,000 to it, checkpoint included.
        single_ms: Adding one entry to it, checkpoint included.
        inclusion_ms: Making one inclusion proof in it and checking it, from files, nothing
            kept from the one before; the median, and the slowest of 200.
        consistency_ms: The same for a consistency proof from a smaller tree.
    """

    appends_per_s: float
    looks_per_s: float
    leaves: int
    open_ms: float
    batch_ms: float
    single_ms: float
    inclusion_ms: tuple[float, float]
    consistency_ms: tuple[float, float]


def measure(folder: Path, *, appends: int = 10_000, leaves: int = 1_000_000) -> Measured:
    """Measure in this folder, which is best on the disk that a log would be on."""
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )
    agencies, signer = agencies_of(agency), agency.signer()
    statements = [sign_statement(register(n), signer) for n in range(appends + 2 * _BATCH)]
    small = _appends(folder / "small", statements[:appends], agencies)
    looks = _looks(folder / "small", agencies)
    large = _large_log(folder / "large", leaves, statements[-1])
    open_ms, batch_ms, single_ms = _writing(large, statements[appends:-1], agencies)
    inclusion_ms, consistency_ms = _proving(large)
    return Measured(
        appends_per_s=small,
        looks_per_s=looks,
        leaves=leaves,
        open_ms=open_ms,
        batch_ms=batch_ms,
        single_ms=single_ms,
        inclusion_ms=inclusion_ms,
        consistency_ms=consistency_ms,
    )


def _appends(path: Path, statements: Sequence[SignedStatement], agencies: AgencyChecker) -> float:
    key = note_key()
    with LogWriter(create_log(path, key.key), key, agencies=agencies) as writer:
        start = time.perf_counter()
        for at in range(0, len(statements), _BATCH):
            writer.append(statements[at : at + _BATCH], at=AT)
        return len(statements) / (time.perf_counter() - start)


def _looks(path: Path, agencies: AgencyChecker) -> float:
    folder = LogFolder.open(path)
    monitor = LogMonitor(FolderReader(folder.public), policy_of(folder.key), agencies)
    start = time.perf_counter()
    report = monitor.look(None, now=_NOW)
    assert not report.alarms
    return report.entries / (time.perf_counter() - start)


def _large_log(path: Path, leaves: int, last: SignedStatement) -> LogFolder:
    """A log with made-up entries, of which the last alone is one."""
    key = note_key()
    folder = create_log(path, key.key)
    usual = make_leaf(last, logged_at=AT).record
    tree, bundle = GrowingTree(), list[bytes]()
    with closing(sqlite3.connect(folder.store)) as db:
        db.execute("DROP TRIGGER entry_is_next")
        for number in range(leaves):
            record = usual
            if number < leaves - 1:
                record = number.to_bytes(8, "big") + usual[8:]
            leaf_hash = hash_record(record)
            tree.append(leaf_hash)
            bundle.append(record)
            digest = number.to_bytes(32, "big")
            db.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", (number, record, leaf_hash, digest))
            if len(bundle) == TILE_WIDTH or number == leaves - 1:
                tile = Tile(-1, number // TILE_WIDTH, len(bundle))
                _write(folder.public / tile.path, encode_bundle(bundle))
                bundle.clear()
                for filled, data in tree.take_filled():
                    _write(folder.public / filled.path, data)
        head = Checkpoint(origin=key.name, size=leaves, root=tree.root())
        note = sign_note(head.text, [key]).encoded
        db.execute("INSERT INTO checkpoint VALUES (?, ?)", (leaves, note))
        db.commit()
    for partial, data in tree.partial():
        _write(folder.public / partial.path, data)
    folder.checkpoint.write_bytes(note)
    return folder


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _writing(
    folder: LogFolder, statements: Sequence[SignedStatement], agencies: AgencyChecker
) -> tuple[float, float, float]:
    start = time.perf_counter()
    with LogWriter(folder, note_key(), agencies=agencies) as writer:
        opened = time.perf_counter() - start
        start = time.perf_counter()
        writer.append(statements[:_BATCH], at=AT)
        batch = time.perf_counter() - start
        single = statistics.median(
            _timed(lambda one=one: writer.append([one], at=AT))  # type: ignore[misc]
            for one in statements[_BATCH : _BATCH + 20]
        )
    return opened * 1e3, batch * 1e3, single


def _proving(folder: LogFolder) -> tuple[tuple[float, float], tuple[float, float]]:
    rng, policy, reader = random.Random(1), policy_of(folder.key), FolderReader(folder.public)
    size = int(folder.checkpoint.read_bytes().splitlines()[1])

    def inclusion() -> None:
        record, proof = make_inclusion_proof(reader, rng.randrange(size), policy)
        check_inclusion(proof, record, policy, where="proof")

    nodes = TileReader(reader, size)
    sizes = [rng.randrange(1, size) for _ in range(20)]
    heads = [Checkpoint(origin=folder.origin, size=n, root=tree_root(n, nodes)) for n in sizes]
    seen = [sign_note(head.text, [note_key()]).encoded for head in heads]

    def consistency() -> None:
        old = rng.choice(seen)
        proof = make_consistency_proof(reader, old, policy)
        check_consistency(proof, old, policy, where="proof")

    return _many(inclusion), _many(consistency)


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1e3


def _many(action: Callable[[], object]) -> tuple[float, float]:
    times = [_timed(action) for _ in range(_PROOFS)]
    return statistics.median(times), max(times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the logs are made; emptied afterwards")
    parser.add_argument("--appends", type=int, default=10_000)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        found = measure(Path(folder), appends=given.appends, leaves=given.leaves)
    if given.json:
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        return 0
    inclusion, consistency = found.inclusion_ms, found.consistency_ms
    sys.stdout.write(
        f"appends, batches of 1,000, keys checked   {found.appends_per_s:10,.0f} /s\n"
        f"a watcher's first look                    {found.looks_per_s:10,.0f} entries/s\n"
        f"a log of {found.leaves:,} entries:\n"
        f"  opening it for writing                  {found.open_ms:10.1f} ms\n"
        f"  adding 1,000 entries                    {found.batch_ms:10.1f} ms\n"
        f"  adding one                              {found.single_ms:10.1f} ms\n"
        f"  inclusion proof, made and checked       {inclusion[0]:10.2f} ms "
        f"(slowest of {_PROOFS}: {inclusion[1]:.2f})\n"
        f"  consistency proof, made and checked     {consistency[0]:10.2f} ms "
        f"(slowest of {_PROOFS}: {consistency[1]:.2f})\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
