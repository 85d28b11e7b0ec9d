"""Is a distributed copy of the directory exactly what its keepers signed?

The copy is checked whenever it is loaded, from the pinned root upwards, with
nothing but its own bytes. It is not asked here whether it is still fresh: that
depends on when one asks, so `LoadedDirectory.fresh_until` carries the answer.

Spec: The Update Framework 1.0.31 §5 (detailed client workflow).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

from tuf.api.exceptions import RepositoryError

# The documented names of the payload classes, which the module imports without saying so.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from provenance.errors import DirectoryError
from provenance.trust.directory import LoadedDirectory, parse_directory

__all__ = [
    "DIRECTORY_TARGET",
    "MAX_ROOT_BYTES",
    "MAX_ROOT_ROTATIONS",
    "DirectoryCopy",
    "check_root_successor",
    "load_signed_directory",
    "parse_metadata",
    "parse_pinned_root",
]

DIRECTORY_TARGET = "directory.json"
MAX_ROOT_BYTES = 512_000
MAX_ROOT_ROTATIONS = 256

_Role = TypeVar("_Role", Root, Timestamp, Snapshot, Targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryCopy:
    """Everything that proves one version of a directory, as bytes.

    Attributes:
        roots: Root metadata after the pinned one, oldest first.
        timestamp: Names the snapshot; signed most often.
        snapshot: Names the targets metadata.
        targets: Names the directory by length and digest.
        directory: The directory itself.
    """

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes
    directory: bytes


def load_signed_directory(
    copy: DirectoryCopy, *, pinned_root: bytes, where: str
) -> LoadedDirectory:
    """Which directory do these bytes prove, starting from a root that is trusted already?

    Args:
        copy: The bytes.
        pinned_root: Root metadata that the operator received by another way.
        where: What messages call the copy.

    Raises:
        DirectoryError: A signature is missing, a digest or version does not match, or
            something is not what it should be. Expiry is not looked at.
    """
    root = parse_pinned_root(pinned_root, where=f"{where}: trusted root")
    if len(copy.roots) > MAX_ROOT_ROTATIONS:
        raise DirectoryError(
            f"{where}: {len(copy.roots)} roots after the trusted one, expected "
            f"{MAX_ROOT_ROTATIONS} at most"
        )
    for data in copy.roots:
        root = check_root_successor(root, data, where=where)
    # §5.4 to §5.6: each is signed by keys of the root, and names the next by its digest.
    timestamp = _delegated(Timestamp, copy.timestamp, root, where)
    _matches(timestamp.snapshot_meta, copy.snapshot, f"{where}: snapshot")
    snapshot = _delegated(Snapshot, copy.snapshot, root, where)
    _same_version(snapshot, timestamp.snapshot_meta, where)
    named = snapshot.meta.get("targets.json")
    if named is None:
        raise DirectoryError(f"{where}: snapshot: expected an entry for targets.json, got none")
    _matches(named, copy.targets, f"{where}: targets")
    targets = _delegated(Targets, copy.targets, root, where)
    _same_version(targets, named, where)
    # §5.7
    target = targets.targets.get(DIRECTORY_TARGET)
    if target is None:
        raise DirectoryError(
            f"{where}: targets: expected an entry for {DIRECTORY_TARGET}, got none"
        )
    _matches(target, copy.directory, f"{where}: {DIRECTORY_TARGET}")
    loaded = parse_directory(
        copy.directory,
        where=f"{where}: {DIRECTORY_TARGET}",
        source=f"TUF, version {targets.version}",
    )
    if loaded.document.version != targets.version:
        # Otherwise an old document could be signed again under a newer number.
        raise DirectoryError(
            f"{where}: {DIRECTORY_TARGET}: expected version {targets.version}, "
            f"got {loaded.document.version}"
        )
    fresh_until = min(part.expires for part in (root, timestamp, snapshot, targets))
    return LoadedDirectory(loaded.document, loaded.sha256, loaded.source, fresh_until=fresh_until)


def parse_pinned_root(data: bytes, *, where: str) -> Root:
    """Which root do these bytes hold? It has to be signed by its own keys.

    Raises:
        DirectoryError: It is not root metadata, or not signed by enough of its own keys.
    """
    if len(data) > MAX_ROOT_BYTES:
        raise DirectoryError(f"{where}: {len(data)} bytes, expected {MAX_ROOT_BYTES} at most")
    metadata = parse_metadata(Root, data, where=where)
    _signed_by(metadata.signed, metadata, where)
    return metadata.signed


def check_root_successor(root: Root, data: bytes, *, where: str) -> Root:
    """Which root follows this one? Enough keys of both have to agree to it.

    Spec: The Update Framework §5.3.

    Raises:
        DirectoryError: It skips a version, or too few keys of the old or of the new signed.
    """
    where = f"{where}: root {root.version + 1}"
    if len(data) > MAX_ROOT_BYTES:
        raise DirectoryError(f"{where}: {len(data)} bytes, expected {MAX_ROOT_BYTES} at most")
    metadata = parse_metadata(Root, data, where=where)
    if metadata.signed.version != root.version + 1:
        raise DirectoryError(
            f"{where}: expected version {root.version + 1}, got {metadata.signed.version}"
        )
    _signed_by(root, metadata, f"{where}: by the keys of root {root.version}")
    _signed_by(metadata.signed, metadata, f"{where}: by its own keys")
    return metadata.signed


def parse_metadata(role: type[_Role], data: bytes, *, where: str) -> Metadata[_Role]:
    """Which metadata of this role do these bytes hold? Signatures are not looked at.

    Raises:
        DirectoryError: None of this role.
    """
    try:
        metadata: Metadata[_Role] = Metadata.from_bytes(data)
    except RepositoryError as error:
        raise DirectoryError(
            f"{where}: expected {role.type} metadata in JSON, got something else"
        ) from error
    # The class follows from what the bytes say they are.
    if not isinstance(cast("object", metadata.signed), role):
        raise DirectoryError(f"{where}: expected {role.type} metadata, got {metadata.signed.type}")
    return metadata


def _delegated(role: type[_Role], data: bytes, root: Root, where: str) -> _Role:
    metadata = parse_metadata(role, data, where=f"{where}: {role.type}")
    _signed_by(root, metadata, f"{where}: {role.type}")
    return metadata.signed


def _signed_by(root: Root, metadata: Metadata[_Role], where: str) -> None:
    try:
        root.verify_delegate(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise DirectoryError(f"{where}: {error}") from error


def _matches(named: MetaFile | TargetFile, data: bytes, where: str) -> None:
    # Without digests the keys of two roles would speak for different states (mix and match).
    if not named.hashes or named.length is None:
        raise DirectoryError(f"{where}: expected its length and digest to be signed, got none")
    try:
        named.verify_length_and_hashes(data)
    except RepositoryError as error:
        raise DirectoryError(f"{where}: is not what was signed: {error}") from error


def _same_version(part: Snapshot | Targets, named: MetaFile, where: str) -> None:
    if part.version != named.version:
        raise DirectoryError(
            f"{where}: {part.type}: expected version {named.version}, got {part.version}"
        )
