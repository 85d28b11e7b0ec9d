"""What is wrong with a log's folder, and can it be made again from the entries?

Made again is only what follows from entries whose root the log has signed: tiles, bundles,
names to look entries up by, the published copy of a signed checkpoint. Entries and
signatures are never touched: if those are wrong, a backup is needed, and somebody to ask why.
Nor is anything that is served, where it has more entries than the store: then the store was
put back, and those bundles may be the last copy of what it has lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance.atomic_files import locked, read_bounded, replace_file
from provenance.credentials.cose import SignatureAnswer
from provenance.errors import ConfigurationError, FetchError, LimitError, MalformedError
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.errors import LogError
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.leaf import Leaf, parse_leaf
from provenance.registry.log.merkle import HASH_BYTES, hash_record
from provenance.registry.log.note import MAX_NOTE_BYTES
from provenance.registry.log.publisher import own_checkpoint
from provenance.registry.log.reader import FolderReader, read_bundle
from provenance.registry.log.store import LogStore, Row, names_of
from provenance.registry.log.tiles import (
    TILE_WIDTH,
    Tile,
    encode_bundle,
    parse_tile_path,
    tile_over,
    tiles_between,
)
from provenance.registry.log.tree import GrowingTree

__all__ = ["FsckFinding", "FsckReport", "check_log"]

_MOST_FINDINGS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckFinding:
    """One thing that is wrong.

    Attributes:
        what: What, where.
        derived: Whether it follows from the entries, and can be made again.
        repaired: Whether it has been.
    """

    what: str
    derived: bool
    repaired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """The state of a log's folder.

    Attributes:
        entries: How many the store has.
        signed: How many of them the last checkpoint covers; the others wait for a writer.
        findings: What is wrong; 1,000 at most.
    """

    entries: int
    signed: int
    findings: tuple[FsckFinding, ...]

    @property
    def is_sound(self) -> bool:
        """Is nothing wrong any more?"""
        return all(finding.repaired for finding in self.findings)


def check_log(folder: LogFolder, *, repair: bool = False) -> FsckReport:
    """What is wrong with this log? Reads all of it; the writer has to wait meanwhile.

    Raises:
        LogError: The store is so damaged that its entries cannot be read.
        ConfigurationError: Another process is writing, or a file cannot be read or written.
    """
    with locked(folder.lock):
        store = LogStore(folder.store)
        try:
            return _Check(folder, store, repair=repair).run()
        finally:
            store.close()


class _Check:
    def __init__(self, folder: LogFolder, store: LogStore, *, repair: bool) -> None:
        self._folder = folder
        self._store = store
        self._repair = repair
        self._findings: list[FsckFinding] = []
        self._signed: dict[int, Checkpoint] = {}

    def run(self) -> FsckReport:
        damage = self._store.integrity()
        if damage is not None:
            self._found(f"{self._store.path}: {damage}")
        size = self._store.size()
        self._check_checkpoints(size)
        covered = max(self._signed, default=0)
        sound = self._check_entries(covered)
        self._check_tail(covered, size)
        named = self._check_leaves(size)
        # Nothing is held against, or made again from, entries that are not those signed.
        whole = not self._serves_more(size)
        if sound:
            if whole:
                self._check_files(covered)
            if not named and self._derived(
                f"{self._store.path}: the names of entries are not those in the entries"
            ):
                self._store.replace_names(self._names(size))
        self._check_published(may_replace=whole)
        return FsckReport(entries=size, signed=covered, findings=tuple(self._findings))

    def _found(self, what: str) -> None:
        if len(self._findings) < _MOST_FINDINGS:
            self._findings.append(FsckFinding(what=what, derived=False))

    def _derived(self, what: str) -> bool:
        """Note what can be made again; says whether it is to be."""
        if len(self._findings) < _MOST_FINDINGS:
            self._findings.append(FsckFinding(what=what, derived=True, repaired=self._repair))
        return self._repair

    def _check_checkpoints(self, size: int) -> None:
        for stored in self._store.checkpoints():
            where = f"stored checkpoint {stored.size}"
            try:
                checkpoint = own_checkpoint(self._folder, stored.note, where)
            except LogError as error:
                self._found(str(error))
                continue
            if checkpoint.size != stored.size:
                self._found(f"{where}: is of size {checkpoint.size}")
            elif checkpoint.size > size:
                self._found(f"{where}: was signed, and the store has {size} entries only")
            else:
                self._signed[checkpoint.size] = checkpoint

    def _check_entries(self, covered: int) -> bool:
        """Do the entries give the root of every checkpoint that was signed?"""
        tree = GrowingTree()
        sound = self._is_root(tree)
        wrong: list[str] = []
        for row in self._store.rows(0, covered):
            if row.index != tree.size:
                self._found(f"entry {tree.size}: is missing from the store")
                return False
            leaf_hash = hash_record(row.record)
            if leaf_hash != row.leaf_hash:
                wrong.append(
                    f"entry {row.index}: is not what its hash says: it was changed"
                    f"{self._where_it_is_still(row)}"
                )
            tree.append(leaf_hash)
            tree.take_filled()
            sound = self._is_root(tree) and sound
        for what in wrong:
            self._found(what)
        if tree.size < covered:
            self._found(f"entry {tree.size}: is missing from the store")
        return sound and not wrong and tree.size == covered

    def _where_it_is_still(self, row: Row) -> str:
        tile = tile_over(-1, row.index, max(self._signed, default=0))
        try:
            records = read_bundle(FolderReader(self._folder.public), tile)
        except (FetchError, MalformedError):
            return ""
        if hash_record(records[row.index % TILE_WIDTH]) != row.leaf_hash:
            return ""
        return f"; {tile.path} still has it as it was"

    def _is_root(self, tree: GrowingTree) -> bool:
        signed = self._signed.get(tree.size)
        if signed is None or signed.root == tree.root():
            return True
        self._found(
            f"the entries up to {tree.size} do not give the root that was signed for them: "
            "one of them was changed, or the log is forked"
        )
        return False

    def _check_tail(self, covered: int, size: int) -> None:
        for row in self._store.rows(covered, size):
            if hash_record(row.record) != row.leaf_hash:
                self._found(f"entry {row.index}: is not what its hash says: it was changed")

    def _serves_more(self, size: int) -> bool:
        """Is there a file over entries that the store does not have?

        A writer that is killed leaves none: it gives entries to the store first.
        """
        for _, name in self._files():
            try:
                tile = parse_tile_path(name)
            except MalformedError:
                continue
            end = (tile.index * TILE_WIDTH + tile.width) << 8 * max(tile.level, 0)
            if end > size:
                self._found(
                    f"{name}: is over {end} entries, and the store has {size}: the store was put "
                    "back; put the newest backup of it in place. Nothing that is served is "
                    "touched: it may be the last copy"
                )
                return True
        return False

    def _check_files(self, covered: int) -> None:
        tree = GrowingTree()
        expected: set[Tile] = set()

        def expect(tile: Tile, data: bytes) -> None:
            expected.add(tile)
            self._check_file(tile, data)

        for row in self._store.rows(0, covered):
            tree.append(row.leaf_hash)
            for tile, data in tree.take_filled():
                expect(tile, data)
        for tile, data in tree.partial():
            for width in self._widths(tile):
                expect(Tile(tile.level, tile.index, width), data[: width * HASH_BYTES])
        for tile in tiles_between(0, covered):
            if tile.is_bundle:
                start = tile.index * TILE_WIDTH
                records = [row.record for row in self._store.rows(start, start + tile.width)]
                for width in self._widths(tile):
                    expect(Tile(-1, tile.index, width), encode_bundle(records[:width]))
        self._check_others(expected)

    def _widths(self, tile: Tile) -> list[int]:
        """How wide was this tile in each tree that was signed? Those that are full have one width.

        Whoever holds an older checkpoint asks for the tile as it was then.
        """
        if tile.is_full:
            return [tile.width]
        shift = 8 * max(tile.level, 0)
        widths = {(size >> shift) - tile.index * TILE_WIDTH for size in self._signed}
        return sorted(width for width in widths if 0 < width <= tile.width)

    def _check_file(self, tile: Tile, data: bytes) -> None:
        path = self._folder.public / tile.path
        if not path.exists():
            fix = self._derived(f"{tile.path}: is missing")
        else:
            try:
                if read_bounded(path, tile.max_bytes) == data:
                    return
            except ConfigurationError as error:
                fix = self._derived(str(error))
            else:
                fix = self._derived(f"{tile.path}: is not what the entries give")
        if fix:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folder.staging.mkdir(exist_ok=True)
            replace_file(path, data, staging=self._folder.staging)

    def _check_others(self, expected: set[Tile]) -> None:
        # Sorted, the widest form of a tile comes last.
        widest = {(tile.level, tile.index): tile for tile in sorted(expected)}
        for path, name in self._files():
            try:
                what = f"{name}: is not of this tree"
                tile = parse_tile_path(name)
            except MalformedError:
                what = f"{name}: does not belong to a log"
            else:
                whole = widest.get((tile.level, tile.index))
                if tile in expected or (whole is not None and self._begins(path, tile, whole)):
                    continue
            if self._derived(what):
                path.unlink(missing_ok=True)

    def _begins(self, path: Path, tile: Tile, whole: Tile) -> bool:
        """Is this a narrower form of a tile? One that was not removed in time does no harm."""
        try:
            wider = read_bounded(self._folder.public / whole.path, whole.max_bytes)
            return wider.startswith(read_bounded(path, tile.max_bytes))
        except ConfigurationError:
            return False

    def _files(self) -> Iterator[tuple[Path, str]]:
        folder = self._folder.public / "tile"
        for path in sorted(folder.rglob("*")):
            if not path.is_dir():
                yield path, path.relative_to(self._folder.public).as_posix()

    def _check_leaves(self, size: int) -> bool:
        """Are they entries that their agencies signed? Says whether they are found by name."""
        found = self._store.names()
        same = True
        for row in self._store.rows(0, size):
            try:
                leaf = parse_leaf(row.record, where=f"entry {row.index}")
            except (MalformedError, LimitError) as error:
                self._found(str(error))
                continue
            if leaf.signed.check_signature() is not SignatureAnswer.VALID:
                self._found(f"entry {row.index}: the agency's signature does not verify")
            for kind, name in _names_in(leaf):
                same = same and next(found, None) == (kind, name, row.index)
        return same and next(found, None) is None

    def _names(self, size: int) -> Iterator[tuple[str, str, int]]:
        for row in self._store.rows(0, size):
            try:
                leaf = parse_leaf(row.record, where=f"entry {row.index}")
            except (MalformedError, LimitError):
                continue  # found before
            for kind, name in _names_in(leaf):
                yield kind, name, row.index

    def _check_published(self, *, may_replace: bool) -> None:
        path = self._folder.checkpoint
        last = self._store.last_checkpoint()
        if last is None:
            if path.exists():
                self._found(f"{path}: was published, and the store has signed nothing")
            return
        if path.exists():
            try:
                published = own_checkpoint(
                    self._folder, read_bounded(path, MAX_NOTE_BYTES), str(path)
                )
            except ConfigurationError as error:
                what = str(error)
            else:
                if self._signed.get(published.size) != published:
                    self._found(
                        f"{path}: {published} was published, and the store does not have it: "
                        "the store was put back, or the log is forked"
                    )
                    return
                if published.size == last.size:
                    return
                what = f"{path}: is of {published.size} entries, and {last.size} were signed"
        else:
            what = f"{path}: is missing"
        if not may_replace:
            # An older one in its place would hide that entries were lost.
            self._found(what)
        elif self._derived(what):
            self._folder.staging.mkdir(exist_ok=True)
            replace_file(path, last.note, staging=self._folder.staging)


def _names_in(leaf: Leaf) -> list[tuple[str, str]]:
    return sorted(set(names_of(leaf.statement)))
