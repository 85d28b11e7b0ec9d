"""Reading a folder that is served as a directory's repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import RepositoryError

# The documented names of the payload classes, which the module imports without saying so.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Root,
    Snapshot,
    Targets,
    Timestamp,
)

from provenance.errors import DirectoryError
from provenance.trust.directory import LoadedDirectory
from provenance.trust.directory_files import read_bounded
from provenance.trust.signed_directory import (
    DIRECTORY_TARGET,
    MAX_ROOT_BYTES,
    MAX_ROOT_ROTATIONS,
    DirectoryCopy,
    check_root_successor,
    load_signed_directory,
    parse_metadata,
    parse_pinned_root,
)

__all__ = ["RepositoryFiles", "Roots"]

_MAX_METADATA_BYTES = 5_000_000
_MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
_VERSIONED = re.compile(r"([1-9][0-9]{0,9})\.(root|targets|snapshot)\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The chain of roots of a repository, checked.

    Attributes:
        first: The bytes that clients pin.
        later: Those that followed.
        current: The last of them.
    """

    first: bytes
    later: tuple[bytes, ...]
    current: Root


class RepositoryFiles:
    """A folder with `metadata/` and `targets/`, as it is served."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metadata = path / "metadata"
        self.targets = path / "targets"
        self.timestamp = self.metadata / "timestamp.json"

    def roots(self) -> Roots | None:
        """Which roots are there? None before the first.

        Raises:
            DirectoryError: One of them does not follow from the one before it.
        """
        path = self.metadata / "1.root.json"
        if not path.exists():
            return None
        first = read_bounded(path, MAX_ROOT_BYTES)
        current = parse_pinned_root(first, where=str(path))
        later = []
        for number in range(2, MAX_ROOT_ROTATIONS + 2):
            path = self.metadata / f"{number}.root.json"
            if not path.exists():
                break
            later.append(read_bounded(path, MAX_ROOT_BYTES))
            current = check_root_successor(current, later[-1], where=str(path))
        return Roots(first=first, later=tuple(later), current=current)

    def copy(self, roots: Roots) -> DirectoryCopy | None:
        """What does a client get now? None before the first version is published.

        Raises:
            DirectoryError: A file is missing or not what it should be.
        """
        if not self.timestamp.exists():
            return None
        timestamp = read_bounded(self.timestamp, _MAX_METADATA_BYTES)
        signed = parse_metadata(Timestamp, timestamp, where=str(self.timestamp)).signed
        path = self.metadata / f"{signed.snapshot_meta.version}.snapshot.json"
        snapshot = read_bounded(path, _MAX_METADATA_BYTES)
        named = parse_metadata(Snapshot, snapshot, where=str(path)).signed.meta.get("targets.json")
        if named is None:
            raise DirectoryError(f"{path}: expected an entry for targets.json, got none")
        targets, directory = self.version(named.version)
        return DirectoryCopy(
            roots=roots.later,
            timestamp=timestamp,
            snapshot=snapshot,
            targets=targets,
            directory=directory,
        )

    def version(self, number: int) -> tuple[bytes, bytes]:
        """Which targets metadata and which directory make up this version?

        Raises:
            DirectoryError: There is no such version, or it is damaged.
        """
        path = self.metadata / f"{number}.targets.json"
        targets = read_bounded(path, _MAX_METADATA_BYTES)
        target = parse_metadata(Targets, targets, where=str(path)).signed.targets.get(
            DIRECTORY_TARGET
        )
        digest = (target.hashes or {}).get("sha256") if target else None
        if target is None or digest is None or not re.fullmatch("[0-9a-f]{64}", digest):
            raise DirectoryError(f"{path}: expected a digest of {DIRECTORY_TARGET}, got none")
        path = self.targets / f"{digest}.{DIRECTORY_TARGET}"
        directory = read_bounded(path, _MAX_DIRECTORY_BYTES)
        try:
            target.verify_length_and_hashes(directory)
        except RepositoryError as error:
            raise DirectoryError(f"{path}: is not what was signed: {error}") from error
        return targets, directory

    def load(self) -> LoadedDirectory:
        """Which directory does a client get now, judged from the first root?

        Raises:
            DirectoryError: Nothing is published, or it does not hold.
        """
        roots = self.roots()
        copy = None if roots is None else self.copy(roots)
        if roots is None or copy is None:
            raise DirectoryError(f"{self.path}: nothing has been published here")
        return load_signed_directory(copy, pinned_root=roots.first, where=str(self.path))

    def next_version(self, role: str) -> int:
        """Which number is free for metadata of this role?

        One above every file there is: a number once given never gets other bytes,
        whatever a crash left unfinished and a cache may have kept.
        """
        return 1 + max((number for number, name in self._files() if name == role), default=0)

    def _files(self) -> Iterator[tuple[int, str]]:
        for path in self.metadata.iterdir():
            matched = _VERSIONED.fullmatch(path.name)
            if matched:
                yield int(matched[1]), matched[2]
