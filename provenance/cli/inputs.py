"""Which files does a command line name, and which sidecar lies beside each?"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from provenance.media.formats import FORMATS, MediaKind

__all__ = ["Input", "Notice", "find_inputs"]

_SIDECAR = ".c2pa"
_MEDIA_EXTENSIONS = frozenset(
    f".{extension}"
    for fmt in FORMATS.values()
    if fmt.kind is not MediaKind.SIDECAR
    for extension in fmt.extensions
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing to examine.

    Attributes:
        shown: What to call it: the path as given or found.
        path: Where it is; None for standard input.
        sidecar: A sidecar file that lies beside it.
    """

    shown: str
    path: str | None
    sidecar: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell, instead of a file.

    Attributes:
        message: One line.
        failed: Whether something that was asked for cannot be examined.
    """

    message: str
    failed: bool


def find_inputs(
    files: Iterable[str], *, recursive: bool, look_for_sidecars: bool = True
) -> Iterator[Input | Notice]:
    """Which files are to be examined, in order, without holding them all?

    In a folder, sorted by name: every file but hidden ones, and but sidecars of
    files beside them. Links to files are examined; links to folders are not
    followed, so no circle of links can be walked.

    A sidecar of `photo.jpg` is `photo.jpg.c2pa`, or else `photo.c2pa`, unless
    another media file (`photo.heic`) could claim that as well: credentials of
    another file would make this one look altered.
    """
    for name in files:
        if name == "-":
            yield Input(shown="(standard input)", path=None)
        elif not name:
            yield Notice(message="expected the name of a file, got an empty one", failed=True)
        elif not os.path.isdir(name):  # noqa: PTH112 - names stay as they were given
            yield from _single(name, look_for_sidecars=look_for_sidecars)
        elif recursive:
            yield from _walk(name)
        else:
            yield Notice(message=f"{name}: is a folder; -r examines what is in it", failed=True)


def _single(path: str, *, look_for_sidecars: bool) -> Iterator[Input | Notice]:
    folder, name = os.path.split(path)
    names: Collection[str] = ()
    if look_for_sidecars and (
        _is_file(f"{path}{_SIDECAR}") or _is_file(f"{_stem(path)}{_SIDECAR}")
    ):
        try:
            names = _names_of_files(folder or ".")
        except OSError:
            # A folder may allow opening a file and not listing it.
            names = {name, *([f"{name}{_SIDECAR}"] if _is_file(f"{path}{_SIDECAR}") else [])}
    yield from _with_sidecar(folder, name, _Siblings(names))


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - see find_inputs


def _names_of_files(folder: str) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file()}


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - see find_inputs


def _is_sidecar(name: str) -> bool:
    return name.lower().endswith(_SIDECAR)


def _is_media(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in _MEDIA_EXTENSIONS  # noqa: PTH122 - see find_inputs


class _Siblings:
    """The files of one folder, and which of them share a stem."""

    def __init__(self, names: Collection[str]) -> None:
        assets = [name for name in names if not _is_sidecar(name)]
        self.names = names
        self.assets_by_stem = Counter(map(_stem, assets))
        self.media_by_stem = Counter(_stem(name) for name in assets if _is_media(name))

    def claim(self, sidecar: str) -> bool:
        """Does any of them have this as its sidecar?"""
        base = _stem(sidecar)
        return base in self.names or self.assets_by_stem[base] > 0


def _with_sidecar(folder: str, name: str, siblings: _Siblings) -> Iterator[Input | Notice]:
    path = os.path.join(folder, name)  # noqa: PTH118 - see find_inputs
    stem = _stem(name)
    found = None
    if not _is_sidecar(name):
        if f"{name}{_SIDECAR}" in siblings.names:
            found = f"{name}{_SIDECAR}"
        elif f"{stem}{_SIDECAR}" in siblings.names and stem not in siblings.names:
            if siblings.media_by_stem[stem] > _is_media(name):
                yield Notice(
                    message=f"{path}: {stem}{_SIDECAR} may belong to another file of that name "
                    "and is not used; --sidecar uses it",
                    failed=False,
                )
            else:
                found = f"{stem}{_SIDECAR}"
    sidecar = os.path.join(folder, found) if found else None  # noqa: PTH118 - see find_inputs
    yield Input(shown=path, path=path, sidecar=sidecar)


def _walk(folder: str) -> Iterator[Input | Notice]:
    # A stack, since the depth of a folder is a stranger's choice.
    stack = [iter(_in_folder(folder))]
    while stack:
        item = next(stack[-1], None)
        if item is None:
            stack.pop()
        elif isinstance(item, str):
            stack.append(iter(_in_folder(item)))
        else:
            yield item


def _in_folder(folder: str) -> Iterator[Input | Notice | str]:
    """Inputs, notices and, as plain names, the folders to go into."""
    files: set[str] = set()
    folders: set[str] = set()
    others: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif _is_to_be_opened(entry):
                    files.add(entry.name)
                else:
                    others.add(entry.name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield Notice(message=f"{folder}: cannot be listed: {reason}", failed=True)
        return
    siblings = _Siblings(files)
    for name in sorted(files | folders | others):
        path = os.path.join(folder, name)  # noqa: PTH118 - see find_inputs
        if name in folders:
            yield path
        elif name in others:
            yield Notice(message=f"{path}: no file, skipped", failed=False)
        elif not (_is_sidecar(name) and siblings.claim(name)):
            yield from _with_sidecar(folder, name, siblings)


def _is_to_be_opened(entry: os.DirEntry[str]) -> bool:
    try:
        # A broken link is to be opened as well: that says what is wrong with it.
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))  # noqa: PTH110 - see find_inputs
    except OSError:
        return True
