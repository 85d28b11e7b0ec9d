"""Which files does a source hold? Listed as a stream, folder by folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from provenance.bulk.stores import open_store
from provenance.errors import ConfigurationError

__all__ = ["ListingProblem", "Source", "SourceFile", "key_of", "open_source"]

_SIDECAR = ".c2pa"
# What object stores and file systems call the mark of one state of a file, best first.
_MARKS = ("ETag", "etag", "md5Hash", "generation", "version_id")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created", "date_time")


def key_of(shown: str, size_bytes: int, version: str) -> bytes:
    """What stands for one state of one file: 16 bytes."""
    return blake2b(f"{shown}\0{size_bytes}\0{version}".encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file to verify.

    Attributes:
        path: A path, or an address.
        size_bytes: As it was listed.
        version: What tells this state of the file from another: the store's own mark, or
            the time of its last change; a sidecar's too.
        sidecar: A manifest store beside it.
        inside: Its path from the source, with forward slashes; not part of what it is.
    """

    path: str
    size_bytes: int
    version: str
    sidecar: str | None = None
    inside: str = ""

    @property
    def shown(self) -> str:
        """The path as text. One with bytes that are no text is written as an address."""
        try:
            self.path.encode()
        except UnicodeEncodeError:
            # No path here begins like that, so nothing else is written this way.
            return "file://" + quote(os.fsencode(self.path))
        return self.path

    @property
    def key(self) -> bytes:
        """What stands for this state of this file."""
        return key_of(self.shown, self.size_bytes, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingProblem:
    """A folder that could not be listed."""

    path: str
    why: str


class Source(Protocol):
    """Where the files are."""

    @property
    def name(self) -> str:
        """A path or an address, in one spelling."""
        ...

    def walk(self) -> Iterator[SourceFile | ListingProblem]:
        """Every file, sorted within its folder; one folder is held at a time.

        Hidden files and folders are left out, links to folders not followed. A sidecar
        (`photo.jpg.c2pa`, or `photo.c2pa` where no other file could claim it) is listed
        with the file that it belongs to.
        """
        ...


def open_source(given: str) -> Source:
    """Which source is this: a folder or file here, or an address that fsspec knows?

    Raises:
        ConfigurationError: There is none, or its protocol is not installed.
    """
    filesystem, path = open_store(given)
    return LocalSource(path) if filesystem is None else RemoteSource(given, filesystem, path)


class LocalSource:
    """A folder of this machine, or one file."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
        if not os.path.exists(self._path):  # noqa: PTH110
            raise ConfigurationError(f"{path}: expected a folder or a file, there is none")

    @property
    def name(self) -> str:
        """The absolute path."""
        return self._path

    def walk(self) -> Iterator[SourceFile | ListingProblem]:
        """See `Source`."""
        if not os.path.isdir(self._path):  # noqa: PTH112
            status = Path(self._path).stat()
            yield SourceFile(
                path=self._path,
                size_bytes=status.st_size,
                version=str(status.st_mtime_ns),
                inside=os.path.basename(self._path),  # noqa: PTH119
            )
            return
        # A stack, since the depth of a folder is a stranger's choice.
        todo = [self._path]
        while todo:
            folder = todo.pop()
            files: dict[str, tuple[int, str]] = {}
            below: list[str] = []
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.path)
                        else:
                            files.update(_local(entry))
            except OSError as error:
                yield ListingProblem(path=folder, why=(error.strerror or str(error)).lower())
                continue
            yield from _paired(folder, files, below=_below(folder, self._path))
            todo += sorted(below, reverse=True)


def _local(entry: os.DirEntry[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    """The file of an entry; none where it is neither a file nor a link to one."""
    try:
        status = entry.stat()
    except OSError:
        # A broken link, or gone since: opening it will say so.
        yield entry.name, (0, "gone")
        return
    if stat.S_ISREG(status.st_mode):
        yield entry.name, (status.st_size, str(status.st_mtime_ns))


class RemoteSource:
    """A place that fsspec lists: a bucket, an archive, another machine."""

    def __init__(self, given: str, filesystem: Any, path: str) -> None:
        self._given = given
        self._filesystem = filesystem
        self._path = path

    @property
    def name(self) -> str:
        """The address as it was given."""
        return self._given

    def walk(self) -> Iterator[SourceFile | ListingProblem]:
        """See `Source`."""
        problems: list[ListingProblem] = []

        def note(error: Exception) -> None:
            problems.append(ListingProblem(path=self._given, why=str(error)))

        walked = self._filesystem.walk(self._path, detail=True, on_error=note)
        for folder, folders, files in walked:
            for name in [name for name in folders if name.startswith(".")]:
                del folders[name]
            found = {
                name: (int(told.get("size") or 0), _version(told))
                for name, told in files.items()
                if not name.startswith(".") and name
            }
            below = _below(folder.strip("/"), self._path.strip("/"))
            yield from _paired(self._address(folder), found, below=below)
            yield from problems
            problems.clear()
            # A store's client keeps what it has listed: all of it, in the end.
            self._filesystem.invalidate_cache()
        yield from problems

    def _address(self, folder: str) -> str:
        if "::" in self._given:
            # Of a chain only the first link is a path inside.
            first, _, rest = self._given.partition("::")
            protocol = first.partition("://")[0]
            return f"{protocol}://{folder.strip('/')}::{rest}"
        return str(self._filesystem.unstrip_protocol(folder)).rstrip("/")


def _version(told: Mapping[str, Any]) -> str:
    for name in (*_MARKS, *_TIMES):
        value = told.get(name)
        if value is not None:
            return str(value)
    return "unknown"


def _below(folder: str, root: str) -> str:
    """The path of a folder from the source, which is the one above it or itself."""
    return folder.removeprefix(root).strip("/")


def _paired(
    folder: str, files: Mapping[str, tuple[int, str]], *, below: str
) -> Iterator[SourceFile]:
    """The files of one folder, each with its sidecar."""
    taken = _sidecars(files)
    beside = {sidecar: name for name, sidecar in taken.items()}
    for name in sorted(files):
        if name in beside:
            continue
        size_bytes, version = files[name]
        sidecar = taken.get(name)
        if sidecar is not None:
            version += "+" + files[sidecar][1]
        yield SourceFile(
            path=_join(folder, name),
            size_bytes=size_bytes,
            version=version,
            sidecar=None if sidecar is None else _join(folder, sidecar),
            inside=f"{below}/{name}" if below else name,
        )


def _sidecars(names: Collection[str]) -> dict[str, str]:
    """Which file has which sidecar? One that two files could claim belongs to none."""
    owners: dict[str, list[str]] = {}
    for name in names:
        if name.lower().endswith(_SIDECAR):
            continue
        stem = os.path.splitext(name)[0]  # noqa: PTH122 - a name in a bucket is no path
        if f"{name}{_SIDECAR}" in names:
            owners.setdefault(f"{name}{_SIDECAR}", []).insert(0, name)
        elif f"{stem}{_SIDECAR}" in names:
            owners.setdefault(f"{stem}{_SIDECAR}", []).append(name)
    return {
        claimed[0]: sidecar
        for sidecar, claimed in owners.items()
        if len(claimed) == 1 or f"{claimed[0]}{_SIDECAR}" == sidecar
    }


def _join(folder: str, name: str) -> str:
    inside, chain, rest = folder.partition("::")
    return f"{inside.rstrip('/')}/{name}{chain}{rest}"
