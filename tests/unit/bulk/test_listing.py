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
from fsspec.implementations.memory import MemoryFileSystem

from provenance.bulk.fetching import name_in
from provenance.bulk.listing import (
    ListingProblem,
    RemoteSource,
    Source,
    SourceFile,
    open_source,
)
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
    assert names(source, "memory://photos") == ["a.png", "b.jpg", "m/2.jpg"]
    assert [f.sidecar for f in files_of(source)] == [None, "memory://photos/b.jpg.c2pa", None]
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


class _Store(MemoryFileSystem):  # type: ignore[misc]
    """A store of which some folders cannot be listed, for one of many reasons."""

    store: dict[str, Any] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012 - likewise
    cachable = False
    protocol = "vault"
    refuses: dict[str, Exception] = {}  # noqa: RUF012 - likewise

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        """As clients of other machines do: the host is no part of the path."""
        if path.startswith("vault://"):
            path = path.removeprefix("vault://").partition("/")[2]
        return str(super()._strip_protocol(path))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:  # noqa: FBT001, FBT002
        if path in self.refuses:
            raise self.refuses[path]
        return super().ls(path, detail=detail, **options)


@pytest.fixture
def vault() -> Iterator[_Store]:
    fsspec.register_implementation("vault", _Store, clobber=True)
    made = _Store()
    yield made
    made.store.clear()
    made.pseudo_dirs[:] = [""]
    made.refuses.clear()


@pytest.mark.parametrize(
    "error",
    [PermissionError("not yours"), TimeoutError("too slow"), RuntimeError("no credentials")],
)
@pytest.mark.parametrize("folder", ["/photos", "/photos/m", "/photos/m/deep"])
def test_a_folder_of_a_store_that_cannot_be_listed_is_told(
    vault: _Store, folder: str, error: Exception
) -> None:
    """What a client raises there made everything below look as if it were not there."""
    for path in ("a.png", "m/2.jpg", "m/deep/3.jpg", "z/4.jpg"):
        vault.pipe(f"/photos/{path}", b"picture")
    source = open_source("vault://host/photos")
    assert len(files_of(source)) == 4
    vault.refuses[folder] = error
    found = list(source.walk())
    (problem,) = [one for one in found if isinstance(one, ListingProblem)]
    assert problem.path == f"vault://host{folder}"
    assert str(error) in problem.why
    told = {file.path for file in found if isinstance(file, SourceFile)}
    assert told == {
        f"vault://host/photos/{path}"
        for path in ("a.png", "m/2.jpg", "m/deep/3.jpg", "z/4.jpg")
        if not f"/photos/{path}".startswith(f"{folder}/")
    }


def test_a_file_of_another_machine_keeps_its_host(vault: _Store) -> None:
    vault.pipe("/photos/m/2.jpg", b"picture")
    (found,) = files_of(open_source("vault://host/photos/"))
    assert (found.path, found.inside) == ("vault://host/photos/m/2.jpg", "m/2.jpg")


def test_one_file_of_a_store_is_a_source(memory: Any) -> None:
    """It came to no file at all, and to an exit status that said that all was well."""
    memory.pipe("/photos/a.jpg", b"picture")
    memory.pipe("/photos/b.jpg", b"another")
    (found,) = files_of(open_source("memory://photos/a.jpg"))
    assert (found.path, found.size_bytes) == ("memory://photos/a.jpg", 7)
    assert (found.inside, found.sidecar) == ("a.jpg", None)
    memory.pipe("/photos/a.c2pa", b"its credentials")
    (with_sidecar,) = files_of(open_source("memory://photos/a.jpg"))
    assert with_sidecar.sidecar == "memory://photos/a.c2pa"
    assert with_sidecar.key != found.key


@pytest.mark.parametrize("sidecar", ["a.jpg.c2pa", "a.c2pa"])
def test_one_file_has_its_sidecar(tmp_path: Path, sidecar: str) -> None:
    write(tmp_path, "a.jpg", "b.jpg", sidecar)
    (found,) = files_of(open_source(str(tmp_path / "a.jpg")))
    assert found.sidecar == str(tmp_path / sidecar)
    assert found.key == files_of(open_source(str(tmp_path)))[0].key
    (alone,) = files_of(open_source(str(tmp_path / sidecar)))
    assert (alone.path, alone.sidecar) == (str(tmp_path / sidecar), None)


def test_colons_in_a_name_here_are_part_of_it(tmp_path: Path) -> None:
    """Taken for a chain of addresses, they made another path of it."""
    write(tmp_path, "2026::march/a.jpg", "2026::march/a.jpg.c2pa", "b::c.jpg", "2026/a.jpg::march")
    found = {file.path: file for file in files_of(open_source(str(tmp_path)))}
    assert sorted(path.removeprefix(f"{tmp_path}/") for path in found) == [
        "2026/a.jpg::march", "2026::march/a.jpg", "b::c.jpg",
    ]  # fmt: skip
    assert all(Path(path).is_file() for path in found)
    assert found[f"{tmp_path}/2026::march/a.jpg"].sidecar == f"{tmp_path}/2026::march/a.jpg.c2pa"
    assert name_in(f"{tmp_path}/b::c.jpg") == "b::c.jpg"
    assert name_in("zip://in/a.jpg::file:///x.zip") == "a.jpg"


def test_a_folder_with_colons_in_its_name_is_a_source(tmp_path: Path) -> None:
    """fsspec opened the folder that the name begins with."""
    write(tmp_path, "2026/other.jpg", "2026::march/a.jpg")
    assert names(open_source(f"{tmp_path}/2026::march"), str(tmp_path)) == ["2026::march/a.jpg"]
    for given in (f"{tmp_path}/2026::april/b", f"file://{tmp_path}/2026::march/b"):
        with pytest.raises(ConfigurationError, match="no such folder or file here"):
            open_source(given)


def test_what_no_address_leads_to_is_told(memory: Any) -> None:
    """In a store, such a name would lead to other bytes."""
    memory.pipe("/photos/zip::memory/a.jpg", b"a stranger's")
    memory.pipe("/photos/zip/a.jpg", b"ours")
    memory.pipe("/photos/b::c.jpg", b"a stranger's")
    found = list(open_source("memory://photos").walk())
    assert [one.path for one in found if isinstance(one, SourceFile)] == [
        "memory://photos/zip/a.jpg"
    ]
    problems = [one for one in found if isinstance(one, ListingProblem)]
    assert sorted(one.path for one in problems) == [
        "memory://photos/b::c.jpg", "memory://photos/zip::memory",
    ]  # fmt: skip
    assert {one.why for one in problems} == {
        "its name holds ::, which in an address joins two of them"
    }


def test_files_at_the_top_of_an_archive_can_be_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.jpg", b"picture")
        archive.writestr("in/b.jpg", b"another")
    for given in (f"zip://::file://{tmp_path}/x.zip", f"zip::{tmp_path}/x.zip"):
        found = files_of(open_source(given))
        assert [file.inside for file in found] == ["a.jpg", "in/b.jpg"]
        with fsspec.open(found[0].path, "rb") as stream:
            assert stream.read() == b"picture"


def test_a_page_that_leads_upwards_is_not_followed(vault: _Store) -> None:
    """Web servers list the folder above too."""

    def listed(path: str, **_options: Any) -> Any:
        above = {"name": path.rpartition("/")[0] or "/", "type": "directory", "size": 0}
        return [above, *_Store.ls(vault, path)]

    vault.pipe("/site/photos/m/2.jpg", b"picture")
    vault.pipe("/site/1.jpg", b"picture")
    source = RemoteSource("vault://host/site/photos", _Paging(vault, listed), "/site/photos")
    assert [file.path for file in files_of(source)] == ["vault://host/site/photos/m/2.jpg"]


@pytest.mark.parametrize("path", ["/site/1.jpg", "/site/empty"])
def test_a_file_that_its_server_does_not_list_is_a_source(vault: _Store, path: str) -> None:
    vault.pipe("/site/1.jpg", b"picture")
    vault.mkdir("/site/empty")

    def listed(asked: str, **options: Any) -> Any:
        return [] if vault.isfile(asked) else _Store.ls(vault, asked, **options)

    source = RemoteSource(f"vault://host{path}", _Paging(vault, listed), path)
    files = [] if path.endswith("empty") else [f"vault://host{path}"]
    assert [one.path for one in source.walk()] == files


def test_the_mark_of_an_empty_folder_is_no_file(vault: _Store) -> None:
    """As the pages of an object store make it: of no bytes, and a name that ends in a slash."""

    def listed(asked: str, **_options: Any) -> Any:
        mark = {"name": f"{asked}/", "type": "file", "size": 0}
        below = {"name": f"{asked}/empty", "type": "directory", "size": 0}
        return [mark] if asked.endswith("/empty") else [mark, below]

    for path in ("/site", "/site/empty"):
        source = RemoteSource(f"vault://host{path}", _Paging(vault, listed), path)
        assert list(source.walk()) == []


class _Paging:
    """A store with listings of another's making."""

    def __init__(self, store: _Store, ls: Any) -> None:
        self._store = store
        self.ls = ls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_results_that_lie_in_the_source_are_not_part_of_it(tmp_path: Path) -> None:
    own = ("job.json", "index.sqlite", "part-000000.jsonl", "part-000000.parquet")
    write(tmp_path, "a.jpg", *(f"results/{name}" for name in own), "results/b.jpg", "job.json")
    source = open_source(str(tmp_path), results=tmp_path / "results")
    assert names(source, str(tmp_path)) == ["a.jpg", "job.json", "results/b.jpg"]
    assert len(files_of(open_source(str(tmp_path)))) == 7


def test_an_archive_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, "x.zip")
    with pytest.raises(ConfigurationError, match=r"x\.zip: cannot be opened"):
        open_source(f"zip://::file://{tmp_path}/x.zip")


def test_a_source_whose_path_is_no_text_has_a_name(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    write(folder, "a.jpg")
    source = open_source(str(folder))
    assert source.name == f"file://{tmp_path}/%FF"
    assert files_of(source)[0].shown == f"file://{tmp_path}/%FF/a.jpg"
