"""Which releases does a source hold? Each is a folder with a release manifest in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from provenance.bulk.fetching import folder_of, name_in, split_chain
from provenance.bulk.listing import ListingProblem, Source, SourceFile, open_source

__all__ = ["MANIFEST_NAMES", "FoundRelease", "find_releases", "open_releases"]

MANIFEST_NAMES = ("release.yaml", "release.yml", "release.json")
_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRelease:
    """A release that is to be signed; it can be pickled.

    Attributes:
        manifest: Its release manifest. The version stands for every file in its folder.
        folder: The folder's path or address.
        inside: The folder's path from the source; empty for the source itself.
        name: The manifest's name.
    """

    manifest: SourceFile
    folder: str
    inside: str
    name: str


def open_releases(given: str) -> tuple[Source, str | None]:
    """Which source is this, and which one manifest in it is meant, if it names one?

    Raises:
        ConfigurationError: There is none, or its protocol is not installed.
    """
    if split_chain(given)[0].lower().endswith(_ENDINGS):
        return open_source(folder_of(given) or "."), name_in(given)
    return open_source(given), None


def find_releases(source: Source, only: str | None) -> Iterator[FoundRelease | ListingProblem]:
    """Every release, in the order of the listing; one folder's names are held at a time.

    Args:
        source: Listed once, as a stream: a folder before those below it.
        only: The name of the one manifest that is meant, in the source itself.
    """
    names = MANIFEST_NAMES if only is None else (only,)
    folder: str | None = None
    digest = blake2b(digest_size=16)
    release: FoundRelease | None = None
    refused: str | None = None
    for found in source.walk():
        if isinstance(found, ListingProblem):
            yield found
            continue
        here = found.inside.rpartition("/")[0]
        if release is not None and not _is_below(here, release.inside):
            yield _finished(release, digest)
            release = None
        if release is None and here != folder:
            folder, digest = here, blake2b(digest_size=16)
        digest.update(found.key)
        name = name_in(found.path)
        if name not in names or here == refused or (only is not None and here):
            continue
        if release is None:
            release = _release(found, here, name)
        elif release.inside == here:
            # Which one is meant is not to be guessed.
            why = f"expected one release manifest, got {release.name} and {name}"
            yield ListingProblem(path=release.folder, why=why)
            release, refused = None, here
    if release is not None:
        yield _finished(release, digest)


def _release(manifest: SourceFile, inside: str, name: str) -> FoundRelease:
    folder = folder_of(manifest.path)
    return FoundRelease(manifest=manifest, folder=folder, inside=inside, name=name)


def _finished(release: FoundRelease, digest: Any) -> FoundRelease:
    """With what stands for the state of everything in its folder."""
    manifest = SourceFile(
        path=release.manifest.path,
        size_bytes=release.manifest.size_bytes,
        version=f"folder:{digest.hexdigest()}",
        inside=release.manifest.inside,
    )
    return FoundRelease(
        manifest=manifest, folder=release.folder, inside=release.inside, name=release.name
    )


def _is_below(folder: str, root: str) -> bool:
    return not root or folder == root or folder.startswith(f"{root}/")
