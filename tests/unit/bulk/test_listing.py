"""What is listed of a folder or a store, and what stands for the state of a file."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from provenance.bulk.listing import ListingProblem, Source, SourceFile, open_source
from provenance.errors import ConfigurationError


def files_of(source: Source) -> list[SourceFile]:
    return [found for found in source.walk() if isinstance(found, SourceFile)]


def names(source: Source, root: str) -> list[str]:
    return [file.path.removeprefix(root).lstrip("/") for file in files_of(source)]


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's store in this process's memory."""
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.encode())


def test_files_come_sorted_folder_by_folder(tmp_path: Path) -> None:
    write(tmp_path, "b.jpg", "a.png", "z/1.jpg", "m/2.jpg", "m/deep/3.jpg", ".hidden", ".no/4.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "m")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    source = open_source(str(tmp_path))
    # A broken link is a file that cannot be read, and not one that is not there.
    assert names(source, str(tmp_path)) == [
        "a.png", "b.jpg", "c.jpg", "gone.jpg", "m/2.jpg", "m/deep/3.jpg", "z/1.jpg",
    ]  # fmt: skip
    assert files_of(source)[0].size_bytes == 5


def test_a_sidecar_goes_with_its_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.jpg", "a.jpg.c2pa",  # its own
        "b.png", "b.c2pa",  # nobody else could claim it
        "c.jpg", "c.heic", "c.c2pa",  # two could
        "d.jpg", "d.png", "d.jpg.c2pa",  # the longer name tells
        "lonely.c2pa",
    )  # fmt: skip
    found = {Path(f.path).name: f.sidecar for f in files_of(open_source(str(tmp_path)))}
    assert {name: sidecar and Path(sidecar).name for name, sidecar in found.items()} == {
        "a.jpg": "a.jpg.c2pa",
        "b.png": "b.c2pa",
        "c.c2pa": None,
        "c.heic": None,
        "c.jpg": None,
        "d.jpg": "d.jpg.c2pa",
        "d.png": None,
        "lonely.c2pa": None,
    }


@pytest.mark.parametrize("changed", ["a.jpg", "a.jpg.c2pa"])
def test_a_change_of_a_file_or_its_sidecar_is_another_state(tmp_path: Path, changed: str) -> None:
    write(tmp_path, "a.jpg", "a.jpg.c2pa", "b.jpg")
    before = {file.path: file.key for file in files_of(open_source(str(tmp_path)))}
    os.utime(tmp_path / changed, ns=(1, 1))
    after = {file.path: file.key for file in files_of(open_source(str(tmp_path)))}
    differing = [Path(path).name for path in before if before[path] != after[path]]
    assert differing == ["a.jpg"]


def test_names_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    for name in (b"\xff.jpg", b"\xfe.jpg", "별.jpg".encode(), b"%FF.jpg"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"same")
    found = files_of(open_source(str(tmp_path)))
    shown = [file.shown.removeprefix("file://").removeprefix(f"{tmp_path}/") for file in found]
    assert sorted(shown) == ["%FE.jpg", "%FF.jpg", "%FF.jpg", "별.jpg"]
    assert len({file.key for file in found}) == len({file.shown for file in found}) == 4


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b/1.jpg", "c/2.jpg")
    walk = open_source(str(tmp_path)).walk()
    next(walk)
    shutil.rmtree(tmp_path / "b")
    rest = list(walk)
    assert rest[0] == ListingProblem(path=str(tmp_path / "b"), why="no such file or directory")
    assert [Path(found.path).name for found in rest[1:]] == ["2.jpg"]


def test_one_file_is_a_source(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg")
    assert names(open_source(str(tmp_path / "a.jpg")), str(tmp_path)) == ["a.jpg"]


def test_a_store_is_listed_like_a_folder(memory: Any) -> None:
    for path in ("a.png", "b.jpg", "b.jpg.c2pa", "m/2.jpg", ".no/3.jpg", "m/.hidden"):
        memory.pipe(f"/photos/{path}", path.encode())
    source = open_source("memory://photos")
    assert names(source, "memory:///photos") == ["a.png", "b.jpg", "m/2.jpg"]
    assert [f.sidecar for f in files_of(source)] == [None, "memory:///photos/b.jpg.c2pa", None]
    first = files_of(source)[0]
    assert first.size_bytes == 5
    memory.pipe("/photos/a.png", b"other")
    assert files_of(source)[0].key != first.key


def test_the_addresses_of_a_chain_can_be_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/a.jpg", b"picture")
    source = open_source(f"zip://::file://{tmp_path}/x.zip")
    (found,) = files_of(source)
    assert found.path == f"zip://in/a.jpg::file://{tmp_path}/x.zip"
    with fsspec.open(found.path, "rb") as stream:
        assert stream.read() == b"picture"


def test_file_addresses_are_paths_here(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg")
    assert names(open_source(f"file://{tmp_path}"), str(tmp_path)) == ["a.jpg"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere/at/all", "nowhere/at/all: expected a folder or a file, there is none"),
        ("nothing://x", "nothing://x: cannot be opened: Protocol not known"),
    ],
)
def test_what_is_no_source_is_refused_by_name(given: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_source(given)
