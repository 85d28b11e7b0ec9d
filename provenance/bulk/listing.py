"""Which files does a source hold? Listed as a stream, folder by folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from provenance.bulk.fetching import join_path, split_chain
from provenance.bulk.stores import open_store
from provenance.errors import ConfigurationError
from provenance.untrusted import clean_text

__all__ = ["ListingProblem", "Source", "SourceFile", "key_of", "open_source", "shown_path"]

_SIDECAR = ".c2pa"
# What `Results` puts into its folder.
_RESULT = re.compile(r"part-\d{6,}\.(jsonl|parquet)|index\.sqlite(-journal)?|job\.json")
# What object stores and file systems call the mark of one state of a file, best first.
_MARKS = ("ETag", "etag", "md5Hash", "generation", "version_id")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created", "date_time")


def key_of(shown: str, size_bytes: int, version: str) -> bytes:
    """What stands for one state of one file: 16 bytes."""
    return blake2b(f"{shown}\0{size_bytes}\0{version}".encode(), digest_size=16).digest()


def shown_path(path: str) -> str:
    """How is this path written as text? One with bytes that are no text, as an address."""
    try:
        path.encode()
    except UnicodeEncodeError:
        # No path here begins like that, so nothing else is written this way.
        return "file://" + quote(os.fsencode(path))
    return path


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
        return shown_path(self.path)

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


def open_source(given: str, *, results: Path | None = None) -> Source:
    """Which source is this: a folder or file here, or an address that fsspec knows?

    Args:
        given: A path or an address.
        results: Where the results go: what is written there is not part of it.

    Raises:
        ConfigurationError: There is none, or its protocol is not installed.
    """
    filesystem, path = open_store(given)
    if filesystem is None:
        return LocalSource(path, results=results)
    return RemoteSource(given, filesystem, path)


class LocalSource:
    """A folder of this machine, or one file."""

    def __init__(self, path: str, *, results: Path | None = None) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
        if not os.path.exists(self._path):  # noqa: PTH110
            raise ConfigurationError(f"{path}: expected a folder or a file, there is none")
        # Where the results go, which may be in the source.
        self._results = None if results is None else os.path.abspath(results)  # noqa: PTH100

    @property
    def name(self) -> str:
        """The absolute path, as text."""
        return shown_path(self._path)

    def walk(self) -> Iterator[SourceFile | ListingProblem]:
        """See `Source`."""
        if not os.path.isdir(self._path):  # noqa: PTH112
            folder, name = os.path.split(self._path)
            status = Path(self._path).stat()
            files = {name: (status.st_size, str(status.st_mtime_ns))}
            # A folder may allow opening a file and not listing it.
            with suppress(OSError):
                files = _listed(folder)[0] | files
            yield _alone(self._path, name, files)
            return
        # A stack, since the depth of a folder is a stranger's choice.
        todo = [self._path]
        while todo:
            folder = todo.pop()
            try:
                files, below = _listed(folder)
            except OSError as error:
                yield ListingProblem(path=folder, why=(error.strerror or str(error)).lower())
                continue
            if folder == self._results:
                files = {name: files[name] for name in files if not _RESULT.fullmatch(name)}
            yield from _paired(folder, files, below=_below(folder, self._path))
            todo += sorted(below, reverse=True)


def _listed(folder: str) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """The files of a folder of this machine, and the folders in it."""
    files: dict[str, tuple[int, str]] = {}
    below: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                files.update(_local(entry))
    return files, below


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
        # Not by fsspec's own walk: below the first folder it passes over what cannot be listed.
        todo = [self._path]
        while todo:
            folder = todo.pop()
            address, root = self._address(folder), folder.rstrip("/")
            try:
                listed = self._listed(folder)
            except Exception as error:  # noqa: BLE001 - a store's client raises what it likes
                why = clean_text(f"{type(error).__name__}: {error}")
                yield ListingProblem(path=address, why=why)
                continue
            files: dict[str, tuple[int, str]] = {}
            below: list[str] = []
            for told in listed:
                place = told["name"].rstrip("/")
                name = place.rpartition("/")[2]
                if place == root:
                    # The mark of a folder, which is no file; or the source, which is one.
                    if told["type"] != "directory" and told["name"] == self._path:
                        yield _alone(address, name, self._beside(root) | {name: _state(told)})
                elif name.startswith("."):
                    continue
                elif "::" in name:
                    why = "its name holds ::, which in an address joins two of them"
                    yield ListingProblem(path=join_path(address, name), why=why)
                elif told["type"] != "directory":
                    files[name] = _state(told)
                elif not root or place.startswith(f"{root}/"):
                    # The page of a web server also leads to the folder above.
                    below.append(place)
            inside = _below(root.strip("/"), self._path.strip("/"))
            yield from _paired(address, files, below=inside)
            todo += sorted(below, reverse=True)

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._filesystem.ls(folder, detail=True)
        # A store's client keeps what it has listed: all of it, in the end.
        self._filesystem.invalidate_cache()
        if not listed and folder == self._path and not folder.endswith("/"):
            # A web server lists no file.
            return [self._filesystem.info(folder)]
        return listed

    def _beside(self, path: str) -> dict[str, tuple[int, str]]:
        """The files beside this one, where they can be listed."""
        try:
            listed = self._filesystem.ls(path.rpartition("/")[0], detail=True)
        except Exception:  # noqa: BLE001 - a store may allow fetching a file and not listing it
            return {}
        return {
            told["name"].rpartition("/")[2]: _state(told)
            for told in listed
            if told["type"] != "directory"
        }

    def _address(self, folder: str) -> str:
        if "::" in self._given:
            # Of a chain only the first link is a path inside.
            first, _, rest = self._given.partition("::")
            protocol = first.partition("://")[0]
            return f"{protocol}://{folder.strip('/')}::{rest}"
        # As it was given: the client's own spelling leaves out the host, and who asks.
        below = _below(folder.strip("/"), self._path.strip("/"))
        return join_path(self._given, below) if below else self._given


def _state(told: Mapping[str, Any]) -> tuple[int, str]:
    return int(told.get("size") or 0), _version(told)


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
            path=join_path(folder, name),
            size_bytes=size_bytes,
            version=version,
            sidecar=None if sidecar is None else join_path(folder, sidecar),
            inside=f"{below}/{name}" if below else name,
        )


def _alone(path: str, name: str, files: Mapping[str, tuple[int, str]]) -> SourceFile:
    """The one file that is the source, with its sidecar, if it is among the files beside it."""
    size_bytes, version = files[name]
    sidecar = _sidecars(files).get(name)
    inside, chain = split_chain(path)
    return SourceFile(
        path=path,
        size_bytes=size_bytes,
        version=version if sidecar is None else f"{version}+{files[sidecar][1]}",
        sidecar=None if sidecar is None else f"{inside.removesuffix(name)}{sidecar}{chain}",
        inside=name,
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
