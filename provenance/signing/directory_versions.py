"""Signing one version of a directory, and storing it in an order that survives a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeVar

# A documented name, which the package imports without saying so.
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

# The documented names of the payload classes, which the module imports without saying so.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from provenance.errors import DirectoryError
from provenance.signing.directory_folder import WorkingFolder
from provenance.signing.directory_roots import RootProposal, activate_root
from provenance.signing.repository_files import RepositoryFiles, Roots
from provenance.trust.directory import LoadedDirectory
from provenance.trust.signed_directory import (
    DIRECTORY_TARGET,
    DirectoryCopy,
    load_signed_directory,
)

__all__ = ["SigningRound"]

_Part = TypeVar("_Part", Targets, Snapshot, Timestamp)


class SigningRound:
    """What one set of signers makes of one version, at one moment.

    Args:
        folder: The working folder, locked.
        roots: Those in force.
        pending: A root with enough signatures, which takes effect with this version.
        signers: Whose keys sign what they are asked for; others are ignored.
        now: Now, as metadata can hold it.
    """

    def __init__(
        self,
        folder: WorkingFolder,
        roots: Roots,
        pending: RootProposal | None,
        signers: Sequence[CryptoSigner],
        *,
        now: datetime,
    ) -> None:
        self._folder = folder
        self._files = RepositoryFiles(folder.repository)
        self._roots = roots
        self._pending = pending
        self._signers = signers
        self._now = now

    def everything(self, version: int, directory: bytes) -> DirectoryCopy:
        """Sign a new version of the directory."""
        target = TargetFile.from_data(DIRECTORY_TARGET, directory, ["sha256"])
        targets = self._sign(
            Targets(
                version=version,
                expires=self._expires("targets"),
                targets={DIRECTORY_TARGET: target},
            )
        )
        return self.online(targets, directory, version)

    def online(self, targets: bytes, directory: bytes, version: int) -> DirectoryCopy:
        """Sign snapshot and timestamp for this targets metadata."""
        number = self._files.next_version("snapshot")
        meta = MetaFile.from_data(version, targets, ["sha256"])
        snapshot = self._sign(
            Snapshot(version=number, expires=self._expires("snapshot"), meta={"targets.json": meta})
        )
        timestamp = self._sign(
            Timestamp(
                version=self._next_timestamp(),
                expires=self._expires("timestamp"),
                snapshot_meta=MetaFile.from_data(number, snapshot, ["sha256"]),
            )
        )
        later = self._roots.later
        if self._pending is not None:
            later = (*later, self._pending.metadata.to_bytes())
        return DirectoryCopy(
            roots=later,
            timestamp=timestamp,
            snapshot=snapshot,
            targets=targets,
            directory=directory,
        )

    def check(self, copy: DirectoryCopy) -> LoadedDirectory:
        """Would a client accept this version now?

        Raises:
            DirectoryError: Too few keys signed, or something in it has expired.
        """
        where = str(self._folder.path)
        result = load_signed_directory(copy, pinned_root=self._roots.first, where=where)
        if result.fresh_until is None or result.fresh_until <= self._now:
            raise DirectoryError(
                f"{where}: its root or targets metadata expired at {result.fresh_until}; "
                "propose a new root, or publish in full"
            )
        return result

    def store(self, copy: DirectoryCopy) -> None:
        """Store a version, so that a client finds the one before or this one at any instant."""
        write, metadata = self._folder.write, self._files.metadata
        targets = Metadata.from_bytes(copy.targets).signed
        snapshot = Metadata.from_bytes(copy.snapshot).signed
        write(
            self._files.targets / f"{sha256(copy.directory).hexdigest()}.{DIRECTORY_TARGET}",
            copy.directory,
        )
        write(metadata / f"{targets.version}.targets.json", copy.targets)
        write(metadata / f"{snapshot.version}.snapshot.json", copy.snapshot)
        # Nothing refers to what was written so far. The timestamp makes it the current
        # version. A new root comes after it where the root before accepts it as well;
        # where the old keys are gone, the new root has to come first.
        if self._pending is not None and not self._holds_without(copy):
            activate_root(self._folder, self._files, self._pending)
            write(self._files.timestamp, copy.timestamp)
        else:
            write(self._files.timestamp, copy.timestamp)
            if self._pending is not None:
                activate_root(self._folder, self._files, self._pending)

    def _holds_without(self, copy: DirectoryCopy) -> bool:
        """Would clients accept it that do not have the pending root yet?"""
        older = DirectoryCopy(
            roots=self._roots.later,
            timestamp=copy.timestamp,
            snapshot=copy.snapshot,
            targets=copy.targets,
            directory=copy.directory,
        )
        try:
            load_signed_directory(older, pinned_root=self._roots.first, where="")
        except DirectoryError:
            return False
        return True

    def _sign(self, part: _Part) -> bytes:
        metadata: Metadata[_Part] = Metadata(part)
        asked = set(self._roots.current.roles[part.type].keyids)
        if self._pending is not None:
            asked |= set(self._pending.metadata.signed.roles[part.type].keyids)
        for signer in self._signers:
            if signer.public_key.keyid in asked:
                metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _expires(self, role: str) -> datetime:
        return self._now + timedelta(days=self._folder.settings.lasts(role))

    def _next_timestamp(self) -> int:
        copy = self._files.copy(self._roots)
        return 1 if copy is None else int(Metadata.from_bytes(copy.timestamp).signed.version) + 1
