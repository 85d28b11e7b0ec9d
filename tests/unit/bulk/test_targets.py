"""Files get their names in a store when all of their bytes are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from provenance.bulk.targets import LocalTarget, RemoteTarget, open_target
from provenance.errors import ConfigurationError


class _Store(MemoryFileSystem):  # type: ignore[misc]
    """A store that may break off in the middle, and notes what had which name."""

    store: dict[str, Any] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012 - likewise
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.breaks_after: int | None = None
        self.names: list[str] = []

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.names.append(rpath)
        if self.breaks_after is not None:
            self.pipe_file(rpath, Path(lpath).read_bytes()[: self.breaks_after])
            raise OSError("the connection is gone")
        super().put_file(lpath, rpath, **options)


@pytest.fixture
def store() -> Iterator[_Store]:
    made = _Store()
    yield made
    made.store.clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"all of it")
    return path


def test_a_file_has_its_name_when_it_is_there_in_full(store: _Store, file: Path) -> None:
    target = RemoteTarget("memory://signed", store, "/signed")
    target.put(file, "one/a.jpg")
    assert store.cat_file("/signed/one/a.jpg") == b"all of it"
    assert target.files("one") == {"a.jpg": 9}
    assert target.files("none") == {}
    assert store.names[0].endswith(".provenance-tmp")
    file.write_bytes(b"another")
    target.put(file, "one/a.jpg")
    assert store.cat_file("/signed/one/a.jpg") == b"another"
    assert target.address("one/a.jpg") == "memory://signed/one/a.jpg"


def test_a_store_that_breaks_off_has_no_half_file(store: _Store, file: Path) -> None:
    target = RemoteTarget("memory://signed", store, "/signed")
    store.breaks_after = 3
    with pytest.raises(OSError, match="the connection is gone"):
        target.put(file, "one/a.jpg")
    assert target.files("one") == {}
    store.breaks_after = None
    target.put(file, "one/a.jpg")
    assert target.files("one") == {"a.jpg": 9}


def test_what_a_killed_run_left_without_a_name_is_taken_away(store: _Store) -> None:
    target = RemoteTarget("memory://signed", store, "/signed")
    store.pipe("/signed/one/.ab12.provenance-tmp", b"half")
    store.pipe("/signed/one/a.jpg", b"whole")
    assert target.files("one") == {"a.jpg": 5}
    assert store.find("/signed") == ["/signed/one/a.jpg"]


def test_an_object_store_gives_names_to_whole_uploads_itself(store: _Store, file: Path) -> None:
    """A rename there would be a second copy."""
    store.protocol = ("s3", "s3a")
    RemoteTarget("s3://signed", store, "/signed").put(file, "a.jpg")
    assert store.names == ["/signed/a.jpg"]


def test_folders_are_folders(tmp_path: Path) -> None:
    for given in (str(tmp_path), f"file://{tmp_path}"):
        target = open_target(given)
        assert isinstance(target, LocalTarget)
        assert target.address("one/a.jpg") == f"{tmp_path}/one/a.jpg"
    assert isinstance(open_target("memory://signed"), RemoteTarget)


@pytest.mark.parametrize("given", ["nothing://x", "zip://a::file:///x.zip"])
def test_what_cannot_be_written_to_is_refused_by_name(given: str) -> None:
    with pytest.raises(ConfigurationError, match=given):
        open_target(given)
