"""Which releases are found in a source, and what stands for the state of each."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from provenance.bulk.listing import ListingProblem
from provenance.bulk.releases import FoundRelease, find_releases, open_releases


def write(folder: Path, *paths: str) -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.encode())


def found_in(given: str) -> list[FoundRelease]:
    source, only = open_releases(given)
    found = list(find_releases(source, only))
    assert all(isinstance(one, FoundRelease) for one in found), found
    return [one for one in found if isinstance(one, FoundRelease)]


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


def test_each_folder_with_a_manifest_is_one_release(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a/release.yaml", "a/1.jpg", "a/deep/2.jpg", "a/deep/release.yaml",
        "b/c/release.json", "b/c/3.jpg", "b/4.jpg", "z/release.yml",
    )  # fmt: skip
    found = found_in(str(tmp_path))
    # A manifest below another is a file of that release.
    assert [(one.inside, one.name) for one in found] == [
        ("a", "release.yaml"), ("b/c", "release.json"), ("z", "release.yml"),
    ]  # fmt: skip
    assert [Path(one.folder).name for one in found] == ["a", "c", "z"]


@pytest.mark.parametrize("changed", ["a/1.jpg", "a/deep/2.jpg", "a/release.yaml"])
def test_a_change_anywhere_in_its_folder_is_another_state(tmp_path: Path, changed: str) -> None:
    write(tmp_path, "a/release.yaml", "a/1.jpg", "a/deep/2.jpg", "b/release.yaml", "b/1.jpg")
    before = found_in(str(tmp_path))
    os.utime(tmp_path / changed, ns=(1, 1))
    after = found_in(str(tmp_path))
    assert before[0].manifest.key != after[0].manifest.key
    assert before[1].manifest.key == after[1].manifest.key


def test_the_source_itself_may_be_the_release(tmp_path: Path) -> None:
    write(tmp_path, "summer.yaml", "1.jpg", "deep/2.jpg", "deep/summer.yaml")
    assert found_in(str(tmp_path)) == []
    (one,) = found_in(str(tmp_path / "summer.yaml"))
    assert (one.inside, one.name, one.folder) == ("", "summer.yaml", str(tmp_path))


def test_two_manifests_in_one_folder_are_none(tmp_path: Path) -> None:
    write(tmp_path, "a/release.yaml", "a/release.json", "a/release.yml", "b/release.yaml")
    source, only = open_releases(str(tmp_path))
    problem, other = find_releases(source, only)
    assert isinstance(problem, ListingProblem)
    assert problem.why == "expected one release manifest, got release.json and release.yaml"
    assert isinstance(other, FoundRelease)
    assert other.inside == "b"


def test_a_store_is_searched_like_a_folder(memory: Any) -> None:
    for path in ("a/release.yaml", "a/1.jpg", "b/c/release.json"):
        memory.pipe(f"/archive/{path}", path.encode())
    found = found_in("memory://archive")
    assert [(one.inside, one.folder) for one in found] == [
        ("a", "memory://archive/a"), ("b/c", "memory://archive/b/c"),
    ]  # fmt: skip
    (one,) = found_in("memory://archive/a/release.yaml")
    assert one.folder == "memory://archive/a"


def test_a_release_manifest_at_the_root_is_not_looked_for_here() -> None:
    """`/release.yaml` lies in `/`, and not in the folder that the command is called in."""
    source, only = open_releases("/release.yaml")
    assert (source.name, only) == ("/", "release.yaml")
    source, only = open_releases("release.yaml")
    assert (source.name, only) == (os.getcwd(), "release.yaml")  # noqa: PTH109 - as text


def test_a_release_in_a_folder_with_colons_is_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, "2026::march/release.yaml", "2026::march/a.jpg")
    (one,) = found_in(str(tmp_path))
    assert one.folder == str(tmp_path / "2026::march")


def test_a_release_at_the_top_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("release.yaml", b"")
        archive.writestr("a.jpg", b"picture")
    for given in ("zip://", "zip://release.yaml"):
        (one,) = found_in(f"{given}::file://{tmp_path}/x.zip")
        assert one.folder == f"zip://::file://{tmp_path}/x.zip"
