"""A release log of the sample agency, its watchers and its forgers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.errors import FetchError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.checkpoint import Checkpoint, parse_checkpoint
from provenance.registry.log.folder import LogFolder, create_log
from provenance.registry.log.keys import Cosigner, NoteKey
from provenance.registry.log.leaf import SignedStatement, sign_statement
from provenance.registry.log.merkle import EMPTY_ROOT, hash_record, is_consistent
from provenance.registry.log.note import Note, NoteSignature, parse_note, sign_note
from provenance.registry.log.policy import Policy, policy_of
from provenance.registry.log.proof import ConsistencyProof
from provenance.registry.log.reader import FolderReader
from provenance.registry.log.statement import Register, ReleaseFile, Withdraw, WithdrawalReason
from provenance.registry.log.tiles import TILE_WIDTH, Tile, encode_bundle, tiles_between
from provenance.registry.log.tree import GrowingTree
from provenance.registry.log.writer import Appended, LogWriter
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import LoadedDirectory, parse_directory

__all__ = [
    "AT",
    "ORIGIN",
    "HonestWitness",
    "MemoryLog",
    "Trial",
    "agencies_of",
    "checkpoint_in",
    "directory_of",
    "note_key",
    "register",
    "tree_of",
    "withdraw",
]

ORIGIN = "log.aurora.example/releases"
AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def note_key(label: str = "log", *, name: str = ORIGIN) -> NoteKey:
    """The log's key that goes by this label; the same in every run."""
    private = Ed25519PrivateKey.from_private_bytes(sha256(label.encode()).digest())
    return NoteKey(name=name, private=private)


def directory_of(agency: DevAgency) -> LoadedDirectory:
    data = json.dumps(agency.directory_entry()).encode()
    return parse_directory(data, where="sample", source="sample")


def agencies_of(agency: DevAgency) -> AgencyChecker:
    return AgencyChecker(directory_of(agency))


def register(number: int, *, agency: str = "aurora-entertainment", at: datetime = AT) -> Register:
    """Release NOVA9-<number>, one picture."""
    picture = sha256(f"picture {number}".encode()).hexdigest()
    manifest = sha256(f"manifest {number}".encode()).hexdigest()
    file = ReleaseFile(
        sha256=picture,
        media_type="image/jpeg",
        manifest_sha256=manifest,
        active_manifest=f"urn:c2pa:00000000-0000-4000-8000-{number:012x}",
    )
    return Register(agency=agency, claimed_at=at, release=f"NOVA9-{number}", files=(file,))


def withdraw(number: int, *, at: datetime = AT) -> Withdraw:
    return Withdraw(
        agency="aurora-entertainment",
        claimed_at=at,
        release=f"NOVA9-{number}",
        reason=WithdrawalReason.RIGHTS,
    )


class Trial:
    """A log in a folder, whose agency signs what is put in."""

    def __init__(self, path: Path, signer: MemorySigner, *, label: str = "log") -> None:
        self.signer = signer
        self.key = note_key(label)
        self.folder = create_log(path, self.key.key)
        self.at = AT

    @property
    def policy(self) -> Policy:
        return policy_of(self.folder.key)

    @property
    def reader(self) -> FolderReader:
        return FolderReader(self.folder.public)

    @property
    def checkpoint(self) -> bytes:
        """The published note."""
        return self.folder.checkpoint.read_bytes()

    @property
    def head(self) -> Checkpoint:
        return checkpoint_in(self.checkpoint)

    def sign(self, *statements: object) -> list[SignedStatement]:
        return [sign_statement(statement, self.signer) for statement in statements]  # type: ignore[arg-type]

    @contextmanager
    def writing(self, **options: object) -> Iterator[LogWriter]:
        with LogWriter(self.folder, self.key, **options) as writer:  # type: ignore[arg-type]
            yield writer

    def append(self, *statements: object, **options: object) -> Appended:
        """Sign these and take them in, a second after the last."""
        self.at += timedelta(seconds=1)
        with self.writing(**options) as writer:
            return writer.append(self.sign(*statements), at=self.at)

    def fill(self, count: int, start: int = 0) -> Appended:
        """Take in so many releases."""
        return self.append(*(register(n) for n in range(start, start + count)))

    def copy(self, path: Path) -> Trial:
        """Another folder with the same log, and the same key: what a forger has."""
        shutil.copytree(self.folder.path, path)
        other = object.__new__(Trial)
        other.signer, other.key, other.at = self.signer, self.key, self.at
        other.folder = LogFolder.open(path)
        return other


def checkpoint_in(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note, where="note").text, where="note")


class MemoryLog:
    """The files of a log in memory, right or wrong; it satisfies `LogReader`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        self.asked.append(path)
        data = self.files.get(path)
        assert data is None or len(data) <= max_bytes
        return data

    @classmethod
    def of(cls, records: Sequence[bytes], key: NoteKey, *, origin: str | None = None) -> MemoryLog:
        """The log that has these records, signed with this key."""
        log = cls()
        tree = tree_of(records)
        hashes = {**dict(tree.take_filled()), **dict(tree.partial())}
        for tile in tiles_between(0, len(records)):
            start = tile.index * TILE_WIDTH
            part = records[start : start + tile.width] if tile.is_bundle else ()
            log.files[tile.path] = encode_bundle(part) if tile.is_bundle else hashes[tile]
        head = Checkpoint(origin=origin or key.name, size=len(records), root=tree.root())
        log.files["checkpoint"] = sign_note(head.text, [key]).encoded
        return log

    @property
    def checkpoint(self) -> bytes:
        return self.files["checkpoint"]

    def tile(self, tile: Tile) -> bytes:
        return self.files[tile.path]


def tree_of(records: Iterable[bytes]) -> GrowingTree:
    tree = GrowingTree()
    for record in records:
        tree.append(hash_record(record))
    return tree


class HonestWitness:
    """A witness that signs what continues what it has seen; it satisfies `WitnessClient`."""

    def __init__(self, name: str = "witness.fans.example/w1") -> None:
        private = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.cosigner = Cosigner(name=name, private=private)
        self.seen: Checkpoint | None = None

    def cosign(self, request: ConsistencyProof) -> tuple[NoteSignature, ...]:
        note: Note = parse_note(request.checkpoint, where="request")
        new = checkpoint_in(request.checkpoint)
        root = EMPTY_ROOT if self.seen is None else self.seen.root
        size = 0 if self.seen is None else self.seen.size
        if request.old_size != size or not is_consistent(
            size, new.size, root, new.root, request.hashes
        ):
            raise FetchError(f"{self.cosigner.name}: has seen {size} entries, not this tree")
        self.seen = new
        value = self.cosigner.cosign(note.text, at=AT)
        key = self.cosigner.key
        return (NoteSignature(name=key.name, key_id=key.key_id, value=value),)
