"""A client's copy of a published directory: fetched, checked, kept, and checked again.

    client.json       where it comes from
    trusted-root.json the root that was pinned when the folder was set up
    copy.json         everything that proves the version in use, in one file

One file, so that a reader never meets half of one version and half of another.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from provenance.errors import DirectoryError
from provenance.runtime.directory_fetcher import DirectoryFetcher, check_source
from provenance.trust.directory import LoadedDirectory
from provenance.trust.directory_files import locked, read_bounded, replace_file
from provenance.trust.signed_directory import (
    DIRECTORY_TARGET,
    MAX_ROOT_BYTES,
    MAX_ROOT_ROTATIONS,
    DirectoryCopy,
    load_signed_directory,
    parse_pinned_root,
)

__all__ = [
    "DirectoryUpdate",
    "is_directory_client",
    "load_cached_directory",
    "set_up_directory_client",
    "update_directory",
]

_MAX_SETTINGS_BYTES = 64 * 1024
_MAX_COPY_BYTES = 256 * 1024 * 1024
_MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
_UNFINISHED = {".lock", ".new", "trusted-root.json"}
_CONFIG = UpdaterConfig(
    max_root_rotations=MAX_ROOT_ROTATIONS,
    max_delegations=0,
    root_max_length=MAX_ROOT_BYTES,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=64 * 1024,
    targets_max_length=256 * 1024,
)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    source: Annotated[str, Field(max_length=2000)]
    allow: tuple[Annotated[str, Field(pattern=r"^[^\s/@]{1,255}:[0-9]{1,5}$")], ...] = ()


class _Copy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    roots: tuple[str, ...]
    timestamp: str
    snapshot: str
    targets: str
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUpdate:
    """What an update came to.

    Attributes:
        before: The version in use before; None at first.
        directory: The one in use now.
    """

    before: int | None
    directory: LoadedDirectory


def is_directory_client(folder: Path) -> bool:
    """Is this a folder that `set_up_directory_client` made?"""
    return (folder / "client.json").is_file()


def set_up_directory_client(
    folder: Path, *, source: str, root: bytes, allow: Sequence[str] = ()
) -> None:
    """Make the folder of a client that trusts this root from now on. Fetches nothing.

    Args:
        folder: New or empty.
        source: Address of the repository, or a folder on this machine.
        root: Root metadata, which has to have come by another way than the source.
        allow: HOST:PORT that may be asked without https.

    Raises:
        DirectoryError: The root is none, the source may not be used, or the folder holds
            something or cannot be written.
    """
    parse_pinned_root(root, where="trusted root")
    if "://" not in source:
        source = Path(source).absolute().as_uri()
    check_source(source, allow)
    try:
        settings = _Settings(source=source.rstrip("/"), allow=tuple(allow))
        folder.mkdir(parents=True, exist_ok=True)
        # What a set-up that was interrupted leaves is no client's.
        if any(entry.name not in _UNFINISHED for entry in folder.iterdir()):
            raise DirectoryError(f"{folder}: expected a new or empty folder")
    except ValidationError as error:
        raise DirectoryError(f"--allow: {_first(error)}") from error
    except OSError as error:
        raise DirectoryError(
            f"{folder}: cannot be used: {(error.strerror or str(error)).lower()}"
        ) from error
    with _changing(folder) as staging:
        replace_file(folder / "trusted-root.json", root, staging=staging)
        # Last: it is what makes the folder a client's.
        data = settings.model_dump_json(indent=2).encode() + b"\n"
        replace_file(folder / "client.json", data, staging=staging)


def load_cached_directory(folder: Path) -> LoadedDirectory:
    """Which directory is kept here? Everything is checked again, without any network.

    Whether it is still fresh depends on the moment of asking: `fresh_until`.

    Raises:
        DirectoryError: There is none yet, or a file is not what it should be.
    """
    _settings(folder)
    path = folder / "copy.json"
    if not path.exists():
        raise DirectoryError(
            f"{folder}: holds no directory yet; get it with `provenance directory update`"
        )
    return load_signed_directory(_read_copy(path), pinned_root=_pinned(folder), where=str(path))


def update_directory(folder: Path) -> DirectoryUpdate:
    """Get the newest version that the pinned root's successors vouch for.

    Until everything has been fetched and checked, the version in use stays.

    Raises:
        DirectoryError: Nothing could be fetched, or it was refused: signed by too few,
            expired, older than what is known here, or not what was signed.
    """
    settings = _settings(folder)
    pinned = _pinned(folder)
    check_source(settings.source, settings.allow)
    with _changing(folder) as staging:
        path = folder / "copy.json"
        known = _read_copy(path) if path.exists() else None
        before = None
        if known is not None:
            before = load_signed_directory(known, pinned_root=pinned, where=str(path))
        try:
            with tempfile.TemporaryDirectory(dir=staging) as work:
                copy = _fetch(settings, pinned, known, Path(work))
        except (RepositoryError, DownloadError) as error:
            _refuse(settings.source, error)
        except (OSError, UnicodeDecodeError) as error:
            raise DirectoryError(f"{folder}: cannot be updated: {error}") from error
        loaded = load_signed_directory(copy, pinned_root=pinned, where=settings.source)
        data = _Copy(
            roots=tuple(root.decode() for root in copy.roots),
            timestamp=copy.timestamp.decode(),
            snapshot=copy.snapshot.decode(),
            targets=copy.targets.decode(),
            directory=copy.directory.decode(),
        )
        replace_file(path, data.model_dump_json().encode(), staging=staging)
    return DirectoryUpdate(
        before=None if before is None else before.document.version, directory=loaded
    )


@contextmanager
def _changing(folder: Path) -> Iterator[Path]:
    """Keep other processes out; gives a folder for what has no name yet, cleared of a crash's."""
    with locked(folder / ".lock"):
        staging = folder / ".new"
        shutil.rmtree(staging, ignore_errors=True)
        try:
            staging.mkdir(exist_ok=True)
        except OSError as error:
            raise DirectoryError(
                f"{staging}: cannot be made: {(error.strerror or str(error)).lower()}"
            ) from error
        yield staging


def _fetch(
    settings: _Settings, pinned: bytes, known: DirectoryCopy | None, work: Path
) -> DirectoryCopy:
    """Run the client workflow of the specification in a folder of its own."""
    metadata, history = work / "metadata", work / "metadata" / "root_history"
    history.mkdir(parents=True)
    first = parse_pinned_root(pinned, where="trusted root").version
    if known is not None:
        # What is known here is what an older answer is held against.
        for number, root in enumerate(known.roots, start=first + 1):
            (history / f"{number}.root.json").write_bytes(root)
        for role in ("timestamp", "snapshot", "targets"):
            (metadata / f"{role}.json").write_bytes(getattr(known, role))
    updater = Updater(
        metadata_dir=str(metadata),
        metadata_base_url=f"{settings.source}/metadata/",
        target_base_url=f"{settings.source}/targets/",
        fetcher=DirectoryFetcher(settings.source, allow=settings.allow),
        config=_CONFIG,
        bootstrap=pinned,
    )
    updater.refresh()
    target = updater.get_targetinfo(DIRECTORY_TARGET)
    if target is None:
        raise RepositoryError(f"there is no {DIRECTORY_TARGET}")
    if target.length > _MAX_DIRECTORY_BYTES:
        raise RepositoryError(
            f"{DIRECTORY_TARGET}: {target.length} bytes, expected {_MAX_DIRECTORY_BYTES} at most"
        )
    directory = work / DIRECTORY_TARGET
    updater.download_target(target, str(directory))
    roots = []
    for number in range(first + 1, first + 1 + MAX_ROOT_ROTATIONS):
        path = history / f"{number}.root.json"
        if not path.exists():
            break
        roots.append(path.read_bytes())
    return DirectoryCopy(
        roots=tuple(roots),
        timestamp=(metadata / "timestamp.json").read_bytes(),
        snapshot=(metadata / "snapshot.json").read_bytes(),
        targets=(metadata / "targets.json").read_bytes(),
        directory=directory.read_bytes(),
    )


def _refuse(source: str, error: RepositoryError | DownloadError) -> NoReturn:
    cause = error.__cause__
    because = f" ({cause})" if isinstance(cause, RepositoryError | DownloadError) else ""
    kind = "update refused"
    if isinstance(error, DownloadHTTPError):
        kind = "cannot be fetched"
    elif isinstance(error, DownloadError):
        kind = "fetching stopped"
    raise DirectoryError(f"{source}: {kind}: {error}{because}") from error


def _pinned(folder: Path) -> bytes:
    return read_bounded(folder / "trusted-root.json", MAX_ROOT_BYTES)


def _settings(folder: Path) -> _Settings:
    path = folder / "client.json"
    if not path.is_file():
        raise DirectoryError(
            f"{folder}: expected a folder made by `provenance directory update`, got another"
        )
    try:
        return _Settings.model_validate_json(read_bounded(path, _MAX_SETTINGS_BYTES))
    except ValidationError as error:
        raise DirectoryError(f"{path}: {_first(error)}") from error


def _read_copy(path: Path) -> DirectoryCopy:
    try:
        given = _Copy.model_validate_json(read_bounded(path, _MAX_COPY_BYTES))
    except ValidationError as error:
        raise DirectoryError(f"{path}: {_first(error)}") from error
    return DirectoryCopy(
        roots=tuple(root.encode() for root in given.roots),
        timestamp=given.timestamp.encode(),
        snapshot=given.snapshot.encode(),
        targets=given.targets.encode(),
        directory=given.directory.encode(),
    )


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "document"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
