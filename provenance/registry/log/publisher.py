"""From entries to a signed checkpoint: tiles first, the signature last, nothing signed twice.

1. Bundles and tiles are written, each whole or not at all.
2. What is on the disk now is held against every checkpoint signed before.
3. The checkpoint is signed, and the store remembers that it was.
4. Witnesses are asked, and the checkpoint is published.

Whoever opens the log next finishes what is unfinished.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from provenance.atomic_files import read_bounded, replace_file
from provenance.errors import FetchError, LimitError, MalformedError
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.errors import LogError, LogProofError
from provenance.registry.log.folder import LogFolder
from provenance.registry.log.keys import NoteSigner
from provenance.registry.log.merkle import hash_record, is_consistent, prove_consistency, tree_root
from provenance.registry.log.note import MAX_NOTE_BYTES, Note, NoteSignature, sign_note
from provenance.registry.log.policy import check_checkpoint, policy_of
from provenance.registry.log.proof import ConsistencyProof
from provenance.registry.log.reader import FolderReader, TileReader
from provenance.registry.log.store import LogStore, StoredCheckpoint
from provenance.registry.log.tiles import TILE_WIDTH, Tile, encode_bundle, tiles_between
from provenance.registry.log.tree import GrowingTree

__all__ = ["MEND", "Publisher", "WitnessClient", "own_checkpoint"]

MEND = "`provenance log fsck` says what is wrong, and mends what can be made from the entries"


class WitnessClient(Protocol):
    """Something that asks a witness to cosign."""

    def cosign(self, request: ConsistencyProof) -> Sequence[NoteSignature]:
        """Which signatures does it give, if the checkpoint continues what it has seen?

        The proof begins at the checkpoint published before; a witness that has seen less
        or more has to be served by the client.

        Raises:
            FetchError: None; it cannot be reached, or it refuses.
        """
        ...


class Publisher:
    """Holds the tree of one log, as far as the store has entries for it.

    Args:
        folder: The log, locked by whoever calls.
        store: Its entries.
        signer: Its key.
        seen: Checkpoints that others have seen, as signed notes.
        witnesses: Are asked before a checkpoint is published. One that fails delays nothing.

    Raises:
        LogError: The tiles are not those of the last checkpoint, or what was published is
            not what the store remembers.
    """

    def __init__(
        self,
        folder: LogFolder,
        store: LogStore,
        signer: NoteSigner,
        *,
        seen: Sequence[bytes] = (),
        witnesses: Sequence[WitnessClient] = (),
    ) -> None:
        self._folder = folder
        self._store = store
        self._signer = signer
        self._witnesses = tuple(witnesses)
        self._seen = [own_checkpoint(folder, note, "checkpoint seen elsewhere") for note in seen]
        stored = store.last_checkpoint()
        self._last: Checkpoint | None = None
        self.published = b""
        if stored is not None:
            self._last = own_checkpoint(folder, stored.note, "last checkpoint")
            self.published = stored.note
        self._check_published()
        self._tree = self._load()

    @property
    def size(self) -> int:
        """How many entries are in the tree?"""
        return self._tree.size

    def add(self, leaf_hashes: Sequence[bytes]) -> None:
        """Put these leaves, which the store has, at the end of the tree."""
        for leaf_hash in leaf_hashes:
            self._tree.append(leaf_hash)

    def add_unsigned(self) -> None:
        """Put the entries in the tree that the store has and nobody has signed yet.

        Raises:
            LogError: One is not what it was.
        """
        for row in self._store.rows(self._tree.size, self._store.size()):
            if hash_record(row.record) != row.leaf_hash:
                raise LogError(f"{self._store.path}: entry {row.index} was changed; {MEND}")
            self._tree.append(row.leaf_hash)

    def publish(self) -> tuple[str, ...]:
        """Sign and publish the tree as it is, if that has not been done.

        Returns:
            Why witnesses did not sign it, one line each.

        Raises:
            LogError: It must not be signed.
            ConfigurationError: A file cannot be written.
        """
        size = self._tree.size
        failed: tuple[str, ...] = ()
        if self._last is None or self._last.size < size:
            failed = self._sign(size)
        else:
            self._check_continues(self._last)
        path = self._folder.checkpoint
        if not path.exists() or read_bounded(path, MAX_NOTE_BYTES) != self.published:
            replace_file(path, self.published, staging=self._folder.staging)
        return failed

    def _sign(self, size: int) -> tuple[str, ...]:
        old_size = 0 if self._last is None else self._last.size
        self._write_files(old_size, size)
        checkpoint = Checkpoint(origin=self._folder.origin, size=size, root=self._tree.root())
        hashes = self._check_continues(checkpoint)
        note = sign_note(checkpoint.text, [self._signer])
        # Before anybody sees it: what was signed once is never forgotten.
        self._store.add_checkpoint(StoredCheckpoint(size, note.encoded))
        request = ConsistencyProof(old_size=old_size, hashes=hashes, checkpoint=note.encoded)
        note, failed = self._cosigned(note, request)
        self._last, self.published = checkpoint, note.encoded
        return failed

    def _cosigned(self, note: Note, request: ConsistencyProof) -> tuple[Note, tuple[str, ...]]:
        failed = []
        for witness in self._witnesses:
            try:
                note = note.with_signatures(witness.cosign(request))
            except FetchError as error:
                failed.append(str(error))
        return note, tuple(failed)

    def _load(self) -> GrowingTree:
        """Take up the tree where the last checkpoint left it, if the disk still has it."""
        last, public = self._last, self._folder.public
        size = 0 if last is None else last.size
        if self._store.size() < size:
            raise LogError(
                f"{self._store.path}: has {self._store.size()} entries, and {size} were signed; "
                "put the newest backup of it in place"
            )
        reader = TileReader(FolderReader(public), size)
        try:
            tree = GrowingTree(size, reader.edge(size))
            on_disk = tree_root(size, reader)
        except (MalformedError, FetchError) as error:
            raise LogError(f"{public}: {error}; {MEND}") from error
        if last is not None and not on_disk == tree.root() == last.root:
            raise LogError(
                f"{public}: refuses to sign: its tiles do not give the root of the last "
                f"checkpoint ({last}); {MEND}"
            )
        return tree

    def _check_published(self) -> None:
        """Is what was published something that the store knows of?"""
        path = self._folder.checkpoint
        if not path.exists():
            return
        data = read_bounded(path, MAX_NOTE_BYTES)
        published = own_checkpoint(self._folder, data, str(path))
        stored = self._store.checkpoint(published.size)
        if stored is None or own_checkpoint(self._folder, stored.note, "stored") != published:
            newest = "none" if self._last is None else str(self._last)
            raise LogError(
                f"{path}: refuses to sign: {published} was published, and the store does not have "
                f"it (its last: {newest}); the store was put back, or the log is forked"
            )
        if self._last == published:
            # It may carry more signatures than the store's.
            self.published = data

    def _check_continues(self, new: Checkpoint) -> tuple[bytes, ...]:
        """Does the tree on the disk have this root, and continue all that was signed?

        Returns:
            The proof from the last checkpoint on.
        """
        reader = TileReader(FolderReader(self._folder.public), new.size)
        proof: tuple[bytes, ...] = ()
        try:
            if tree_root(new.size, reader) != new.root:
                raise LogError(f"{self._folder.public}: refuses to sign: not the tiles of {new}")
            for old in (*self._seen, *([self._last] if self._last else [])):
                proof = ()
                if old.size <= new.size:
                    proof = prove_consistency(old.size, new.size, reader)
                if not is_consistent(old.size, new.size, old.root, new.root, proof):
                    raise LogError(
                        f"{self._folder.path}: refuses to sign: {new} does not continue {old}"
                    )
        except (MalformedError, FetchError) as error:
            raise LogError(f"{self._folder.public}: {error}; {MEND}") from error
        return proof

    def _write_files(self, old: int, new: int) -> None:
        filled = dict(self._tree.take_filled())
        hashes = {**filled, **dict(self._tree.partial())}
        for tile in tiles_between(old, new):
            if tile.is_bundle:
                start = tile.index * TILE_WIDTH
                rows = self._store.rows(start, start + tile.width)
                self._write(tile, encode_bundle([row.record for row in rows]))
            else:
                self._write(tile, hashes[tile])
        bundles = (Tile(-1, n) for n in range(old // TILE_WIDTH, new // TILE_WIDTH))
        for tile in (*filled, *bundles):
            self._drop_partial(tile)

    def _write(self, tile: Tile, data: bytes) -> None:
        path = self._folder.public / tile.path
        if path.exists():
            if read_bounded(path, tile.max_bytes) == data:
                return
            # Tiles never change: this is another tree, or a damaged file.
            raise LogError(f"{path}: is there with other content; {MEND}")
        _make_folder(path.parent)
        replace_file(path, data, staging=self._folder.staging)

    def _drop_partial(self, full: Tile) -> None:
        # Readers fall back to the full tile, which begins with all of these.
        path = self._folder.public / f"{full.path}.p"
        # One that stays, whatever the reason, does no harm.
        with suppress(OSError):
            for file in path.iterdir():
                file.unlink(missing_ok=True)
            path.rmdir()


def own_checkpoint(folder: LogFolder, note: bytes, where: str) -> Checkpoint:
    """Which checkpoint is this, if this log signed it?

    Raises:
        LogError: It did not, or it is none.
    """
    try:
        return check_checkpoint(note, policy_of(folder.key), where=where).checkpoint
    except (MalformedError, LimitError, LogProofError) as error:
        raise LogError(f"{folder.path}: {error}") from error


def _make_folder(path: Path) -> None:
    """Make a folder, and wait until its name is on the disk."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    try:
        path.mkdir(exist_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LogError(
            f"{path}: cannot be made: {(error.strerror or str(error)).lower()}"
        ) from error
