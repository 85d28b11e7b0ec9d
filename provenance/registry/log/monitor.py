"""Watching a log: does it still hold what it held, and is what it took in order?

The watcher keeps one thing, the checkpoint it saw last. From it, the log has to lead to
the newest one: the hashes at the right edge of the tree seen before are checked against its
root, every entry since is read and put behind them, and that has to give the new root.
So nothing is believed of the server but what its signature covers.

Two watchers who compare their checkpoints find out a log that shows them two faces. One
who never looks again does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.alarms import MAX_ALARMS, Alarm, AlarmKind, MonitorReport
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.leaf import Leaf, parse_leaf
from provenance.registry.log.merkle import (
    hash_record,
    is_consistent,
    is_included,
    prove_consistency,
    prove_inclusion,
    tree_root,
)
from provenance.registry.log.policy import CheckedCheckpoint, Policy, check_checkpoint
from provenance.registry.log.reader import (
    LogReader,
    TileReader,
    read_bundle,
    read_checkpoint,
    read_tile_bytes,
)
from provenance.registry.log.statement import Embargo, Reveal, opens
from provenance.registry.log.tiles import TILE_WIDTH, Tile, tile_over
from provenance.registry.log.tree import GrowingTree

__all__ = ["LogMonitor"]

_CLOCK_AHEAD = timedelta(minutes=5)


class _TreeAlarmError(Exception):
    def __init__(self, kind: AlarmKind, text: str) -> None:
        super().__init__(text)
        self.alarm = Alarm(kind=kind, text=text)


class LogMonitor:
    """Looks at one log.

    Args:
        reader: Has its files.
        policy: Whose signatures it takes.
        agencies: Whose keys count; one without a directory checks signatures alone.
    """

    def __init__(self, reader: LogReader, policy: Policy, agencies: AgencyChecker) -> None:
        self._reader = reader
        self._policy = policy
        self._agencies = agencies

    def look(
        self, seen: bytes | None, *, now: datetime, others: Sequence[bytes] = ()
    ) -> MonitorReport:
        """What is wrong with the log, as far as can be told from what was seen before?

        Args:
            seen: The signed note that the last look kept; None at first, when all of the log
                is read.
            now: The time, by the watcher's clock.
            others: Signed notes that others have seen, from a proof, a bundle, another
                watcher. The log has to continue them too.

        Raises:
            FetchError: A file could not be had: nothing can be said.
            MalformedError, LimitError, LogProofError: `seen` is no checkpoint that the policy
                lets count.
        """
        old: Checkpoint | None = None
        if seen is not None:
            old = check_checkpoint(seen, self._policy, where="checkpoint seen before").checkpoint
        alarms: list[Alarm] = []
        current: CheckedCheckpoint | None = None
        entries = 0
        try:
            current = self._current()
            new = current.checkpoint
            self._check_size(old, new)
            for note in others:
                self._check_other(note, new, alarms)
            found, entries = self._read_on(old, new, now)
            alarms += found
        except _TreeAlarmError as error:
            alarms.append(error.alarm)
        return MonitorReport(
            seen=old,
            current=current,
            entries=entries,
            keys_checked=self._agencies.has_directory,
            alarms=tuple(alarms[:MAX_ALARMS]),
        )

    def _current(self) -> CheckedCheckpoint:
        try:
            data = read_checkpoint(self._reader)
            return check_checkpoint(data, self._policy, where="checkpoint")
        except (MalformedError, LimitError, LogProofError) as error:
            raise _TreeAlarmError(AlarmKind.UNSIGNED, str(error)) from error

    @staticmethod
    def _check_size(old: Checkpoint | None, new: Checkpoint) -> None:
        if old is None:
            return
        if old.origin != new.origin:
            raise _TreeAlarmError(
                AlarmKind.UNSIGNED,
                f"is the log {new.origin!r:.100}, expected {old.origin!r:.100}",
            )
        if new.size < old.size:
            raise _TreeAlarmError(AlarmKind.REGRESSION, f"shows {new}, and has shown {old}")
        if new.size == old.size and new.root != old.root:
            raise _TreeAlarmError(AlarmKind.FORK, f"shows {new}, and has shown {old}")

    def _check_other(self, note: bytes, new: Checkpoint, alarms: list[Alarm]) -> None:
        """Does the log continue what somebody else has seen?"""
        where = "checkpoint seen elsewhere"
        try:
            other = check_checkpoint(note, self._policy, where=where).checkpoint
        except (MalformedError, LimitError, LogProofError) as error:
            # Not the log's doing: anybody can hand over anything.
            alarms.append(Alarm(kind=AlarmKind.ENTRY, text=str(error)))
            return
        small, large = sorted((other, new), key=lambda checkpoint: checkpoint.size)
        if small.origin != large.origin:
            alarms.append(Alarm(kind=AlarmKind.ENTRY, text=f"{where}: is of {other.origin!r:.100}"))
            return
        if large is other and other.size > new.size:
            alarms.append(
                Alarm(
                    kind=AlarmKind.REGRESSION, text=f"shows {new}, and has shown {other} elsewhere"
                )
            )
            return
        tiles = TileReader(self._reader, new.size)
        try:
            proof = prove_consistency(other.size, new.size, tiles)
        except MalformedError as error:
            raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
        if not is_consistent(other.size, new.size, other.root, new.root, proof):
            self._check_tiles_are_signed(tiles, new)
            raise _TreeAlarmError(
                AlarmKind.FORK, f"shows {new}, which does not continue {other}, seen elsewhere"
            )

    def _read_on(
        self, old: Checkpoint | None, new: Checkpoint, now: datetime
    ) -> tuple[list[Alarm], int]:
        """Read the entries since then, and check that they lead to the new root."""
        start = 0 if old is None else old.size
        tree = self._tree_seen(old, new)
        alarms: list[Alarm] = []
        reveals: list[tuple[int, Reveal]] = []
        last = self._time_of(start - 1, new) if start else None
        count = 0
        for record in self._records(start, new.size):
            tree.append(hash_record(record))
            self._check_tiles(tree.take_filled())
            leaf = self._check_entry(record, start + count, last, now, alarms)
            if leaf is not None:
                last = leaf.logged_at
                if isinstance(leaf.statement, Reveal):
                    reveals.append((start + count, leaf.statement))
            count += 1
        self._check_tiles(tree.partial())
        if tree.root() != new.root:
            raise _TreeAlarmError(
                AlarmKind.DAMAGED, f"the entries that it serves do not give the root of {new}"
            )
        for index, statement in reveals:
            if not self._was_embargoed(statement, index, new):
                text = (
                    f"entry {index}: reveals what entry {statement.entry} did not put under embargo"
                )
                alarms.append(Alarm(kind=AlarmKind.EMBARGO, text=text, index=index))
        return alarms, count

    def _was_embargoed(self, statement: Reveal, index: int, new: Checkpoint) -> bool:
        if statement.entry >= index:
            return False
        record = self._covered(statement.entry, new)
        try:
            earlier = parse_leaf(record, where="embargo").statement
        except (MalformedError, LimitError):
            return False
        return isinstance(earlier, Embargo) and opens(statement, earlier)

    def _covered(self, index: int, new: Checkpoint) -> bytes:
        """An entry of before, which is the one that the root covers."""
        record = next(self._records(index, new.size))
        try:
            proof = prove_inclusion(index, new.size, TileReader(self._reader, new.size))
        except MalformedError as error:
            raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
        if not is_included(index, new.size, hash_record(record), proof, new.root):
            raise _TreeAlarmError(
                AlarmKind.DAMAGED, f"entry {index} is not what the root of {new} covers"
            )
        return record

    def _tree_seen(self, old: Checkpoint | None, new: Checkpoint) -> GrowingTree:
        """The right edge of the tree seen before, checked against its root."""
        if old is None or not old.size:
            return GrowingTree()
        # Through the files of the new tree: the old one's partial tiles may be gone.
        tiles = TileReader(self._reader, new.size)
        try:
            tree = GrowingTree(old.size, tiles.edge(old.size))
            whole = tree_root(old.size, tiles)
        except MalformedError as error:
            raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
        if not whole == tree.root() == old.root:
            self._check_tiles_are_signed(tiles, new)
            raise _TreeAlarmError(
                AlarmKind.FORK, f"shows {new}, which does not continue {old}, seen before"
            )
        return tree

    @staticmethod
    def _check_tiles_are_signed(tiles: TileReader, new: Checkpoint) -> None:
        """Tell a log that signed another tree from one whose files are broken."""
        try:
            root = tree_root(new.size, tiles)
        except MalformedError as error:
            raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
        if root != new.root:
            raise _TreeAlarmError(
                AlarmKind.DAMAGED, f"the tiles that it serves do not give the root of {new}"
            )

    def _records(self, start: int, end: int) -> Iterator[bytes]:
        at = start
        while at < end:
            tile = tile_over(-1, at, end)
            try:
                records = read_bundle(self._reader, tile)
            except MalformedError as error:
                raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
            yield from records[at % TILE_WIDTH :]
            at = tile.index * TILE_WIDTH + tile.width

    def _check_tiles(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Does it serve the hashes of the entries that it serves?"""
        for tile, data in tiles:
            try:
                served = read_tile_bytes(self._reader, tile)
            except MalformedError as error:
                raise _TreeAlarmError(AlarmKind.DAMAGED, str(error)) from error
            if served != data:
                raise _TreeAlarmError(
                    AlarmKind.DAMAGED, f"{tile.path}: is not over the entries that it serves"
                )

    def _time_of(self, index: int, new: Checkpoint) -> datetime | None:
        record = self._covered(index, new)
        try:
            return parse_leaf(record, where=f"entry {index}").logged_at
        except (MalformedError, LimitError):
            return None

    def _check_entry(
        self, record: bytes, index: int, last: datetime | None, now: datetime, alarms: list[Alarm]
    ) -> Leaf | None:
        def alarm(kind: AlarmKind, text: str) -> None:
            if len(alarms) < MAX_ALARMS:
                alarms.append(Alarm(kind=kind, text=f"entry {index}: {text}", index=index))

        try:
            leaf = parse_leaf(record, where="")
        except (MalformedError, LimitError) as error:
            alarm(AlarmKind.ENTRY, str(error).removeprefix(": "))
            return None
        answer = self._agencies.check(leaf)
        if answer.state is EntryState.SIGNATURE:
            alarm(AlarmKind.AGENCY_SIGNATURE, answer.why)
        elif answer.state is EntryState.KEY:
            alarm(AlarmKind.AGENCY_KEY, answer.why)
        if last is not None and leaf.logged_at < last:
            alarm(
                AlarmKind.CLOCK,
                f"says it was taken at {leaf.logged_at.isoformat()}, after one of "
                f"{last.isoformat()}",
            )
        if leaf.logged_at > now + _CLOCK_AHEAD:
            alarm(AlarmKind.CLOCK, f"says it was taken at {leaf.logged_at.isoformat()}")
        return leaf
