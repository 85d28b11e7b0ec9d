"""The files that a release manifest names: each found, inside the folder, and named once.

Names are compared in Unicode's NFC: a Mac writes Korean and Japanese file names
decomposed, and whoever types the manifest does not.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import Path, PurePosixPath

from provenance.errors import ReleaseError
from provenance.signing.release import LoadedRelease
from provenance.signing.release_model import FileEntry

__all__ = ["ReleaseFile", "expand_files", "find_file", "look_for_files"]

_MAX_FILES = 100_000
_MAX_LOOKED_AT = 1_000_000
_MAX_FAULTS = 1_000
_ANY_FOLDERS = "**"
# What file managers leave behind, and credentials that stand beside a file.
_PASSED_OVER = {"thumbs.db", "desktop.ini"}
_SIDECAR = ".c2pa"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """One file to be signed.

    Attributes:
        path: Its path from the manifest's folder, with forward slashes, in NFC.
        source: Where it is.
        number: Its place among the files of one pattern, from 1; 1 for a single file.
        where: The place of its entry in the manifest, `files[2]`.
        entry: What the manifest says of it.
    """

    path: str
    source: Path
    number: int
    where: str
    entry: FileEntry


def expand_files(release: LoadedRelease) -> tuple[ReleaseFile, ...]:
    """Which files does the manifest name, in its order; those of a pattern sorted by path?

    A pattern passes over hidden files, sidecars, the manifest itself and what file
    managers leave behind. Links to folders are not followed; a link to a file counts if
    the file is inside the folder.

    Raises:
        ReleaseError: A file is missing, no plain file or outside the folder; a pattern
            matches nothing; a file is named twice; or there are too many.
    """
    found, faults = look_for_files(release)
    if faults:
        raise ReleaseError(*faults)
    return found


def look_for_files(release: LoadedRelease) -> tuple[tuple[ReleaseFile, ...], tuple[str, ...]]:
    """Which files that the manifest names are there, and what is wrong with the others?

    As `expand_files`, for whoever has more to say of the release than that a file is missing.
    """
    found: dict[Path, ReleaseFile] = {}
    faults: list[str] = []
    for number, entry in enumerate(release.document.files):
        where = f"files[{number}]"
        try:
            matches = _matches(release, entry, where)
        except ReleaseError as error:
            faults += error.faults
            continue
        for position, path in enumerate(matches, start=1):
            if len(found) >= _MAX_FILES or len(faults) >= _MAX_FAULTS:
                more = f"more than {_MAX_FILES} files" if len(found) >= _MAX_FILES else "and more"
                return tuple(found.values()), (*faults, f"{release.path}: {where}: {more}")
            try:
                source = find_file(release, path, where=where)
            except ReleaseError as error:
                faults += error.faults
                continue
            if source in found:
                other = found[source].where
                faults.append(
                    f"{release.path}: {where}: {path} is named twice"
                    + (f": by {other} too" if other != where else "")
                )
                continue
            found[source] = ReleaseFile(
                path=_nfc(path), source=source, number=position, where=where, entry=entry
            )
    return tuple(found.values()), tuple(faults)


def _matches(release: LoadedRelease, entry: FileEntry, where: str) -> list[str]:
    if entry.path is not None:
        return [entry.path]
    return sorted(_matching(release, entry.glob or "", where))


def find_file(release: LoadedRelease, path: str, *, where: str) -> Path:
    """Where is the file with this path, all links resolved?

    Raises:
        ReleaseError: It is missing, no plain file, or outside the manifest's folder.
    """
    try:
        path.encode()
        if any(ord(character) < 32 or ord(character) == 127 for character in path):
            raise ValueError("its name holds control characters")  # noqa: TRY301 - told below
        source = _located(release.folder, path)
        resolved = source.resolve(strict=True)
        mode = resolved.stat().st_mode
    except (OSError, ValueError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ReleaseError(f"{release.path}: {where}: {path!r}: {reason}") from error
    if not resolved.is_relative_to(release.folder):
        raise ReleaseError(
            f"{release.path}: {where}: {path} leads out of the folder of the release manifest"
        )
    if resolved == release.path:
        raise ReleaseError(f"{release.path}: {where}: {path} is the release manifest itself")
    if not stat.S_ISREG(mode):
        raise ReleaseError(f"{release.path}: {where}: {path}: expected a plain file")
    return resolved


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _located(folder: Path, path: str) -> Path:
    """The path as the disk spells it."""
    direct = folder / path
    if os.path.lexists(direct) or path.isascii():
        return direct
    here = folder
    for part in PurePosixPath(path).parts:
        if not os.path.lexists(here / part):
            names = [entry.name for entry in here.iterdir() if _nfc(entry.name) == _nfc(part)]
            # More than one: which is meant cannot be told.
            here = here / (names[0] if len(names) == 1 else part)
        else:
            here = here / part
    return here


@lru_cache(maxsize=256)
def _part(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(_nfc(pattern)), re.DOTALL)


def _matching(release: LoadedRelease, pattern: str, where: str) -> Iterator[str]:
    """Paths from the folder that the pattern matches, as the disk spells them."""
    parts = PurePosixPath(pattern).parts
    found = looked_at = 0
    # Folders still to be listed, each with the parts of the pattern that are left.
    open_: list[tuple[str, tuple[str, ...]]] = [("", parts)]
    while open_:
        folder, left = open_.pop()
        for entry in _listed(release, folder, where):
            looked_at += 1
            if looked_at > _MAX_LOOKED_AT:
                raise ReleaseError(f"{release.path}: {where}: {pattern} has too much to look at")
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry):
                if not entry.is_symlink():
                    open_ += [(path, rest) for rest in _steps(entry.name, left)]
            elif _is_last(entry.name, left) and path != _relative(release):
                found += 1
                yield path
    if not found:
        raise ReleaseError(f"{release.path}: {where}: {pattern} matches no file")


def _relative(release: LoadedRelease) -> str:
    return release.path.relative_to(release.folder).as_posix()


def _listed(release: LoadedRelease, folder: str, where: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(release.folder / folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and not _is_passed_over(entry.name):
                    yield entry
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ReleaseError(f"{release.path}: {where}: {folder or '.'}: {reason}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself; if it is meant, `find_file` says so.
        return False


def _is_passed_over(name: str) -> bool:
    return name.lower() in _PASSED_OVER or name.lower().endswith(_SIDECAR)


def _steps(name: str, left: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """What is left of the pattern inside a folder of this name?"""
    if left[0] == _ANY_FOLDERS:
        # It stands for this folder too, or for none. As it stands once, no file is reached
        # in two ways.
        yield left
        left = left[1:]
    if len(left) > 1 and _part(left[0]).match(_nfc(name)):
        yield left[1:]


def _is_last(name: str, left: tuple[str, ...]) -> bool:
    """Does a file of this name end the pattern?"""
    if left[0] == _ANY_FOLDERS:
        left = left[1:] or ("*",)
    return len(left) == 1 and _part(left[0]).match(_nfc(name)) is not None
