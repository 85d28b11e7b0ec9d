"""The folder of uploads: all of the bytes, or nothing of them."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from provenance.errors import ConfigurationError, LimitError, StorageFullError, StoreError
from provenance.runtime.uploads import UploadFolder


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    return UploadFolder(tmp_path / "uploads", min_free_bytes=0)


def names(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "uploads").iterdir()]


def test_what_arrived_is_counted_and_hashed(uploads: UploadFolder, tmp_path: Path) -> None:
    with uploads.new(max_bytes=6) as new:
        new.write(b"abc")
        new.write(b"def")
        upload = new.finish()
    assert upload.size_bytes == 6
    assert upload.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert upload.path.read_bytes() == b"abcdef"
    assert uploads.path(upload.name) == upload.path
    uploads.remove(upload.name)
    uploads.remove(upload.name)
    assert names(tmp_path) == []


def test_too_much_leaves_nothing(uploads: UploadFolder, tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="at most 5 bytes"), uploads.new(max_bytes=5) as new:
        new.write(b"abcdef")
    with uploads.new(max_bytes=5) as new:
        new.write(b"abc")
    assert names(tmp_path) == []


def test_there_must_be_room(tmp_path: Path) -> None:
    full = UploadFolder(tmp_path / "uploads", min_free_bytes=2**60)
    with pytest.raises(StorageFullError, match="no room"):
        full.new(max_bytes=1)
    empty = UploadFolder(tmp_path / "uploads", min_free_bytes=0)
    with pytest.raises(StorageFullError, match="no room"):
        empty.new(max_bytes=2**62, expected_bytes=2**60)


@pytest.mark.parametrize("name", ["../secret", "", "a" * 32 + "/x", "A" * 32, "0" * 31])
def test_only_names_of_its_own(uploads: UploadFolder, name: str) -> None:
    with pytest.raises(StoreError, match="expected the name of an upload"):
        uploads.path(name)


def test_what_nobody_wrote_to_for_long(uploads: UploadFolder, tmp_path: Path) -> None:
    with uploads.new(max_bytes=1) as new:
        upload = new.finish()
    (tmp_path / "uploads" / "notes.txt").write_text("not ours")
    now = time.time()
    assert list(uploads.older_than(60, now=now)) == []
    os.utime(upload.path, (now - 100, now - 100))
    os.utime(tmp_path / "uploads" / "notes.txt", (now - 100, now - 100))
    assert list(uploads.older_than(60, now=now)) == [upload.name]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        UploadFolder(tmp_path / "file" / "uploads", min_free_bytes=0)


MIB = 1024**2


@pytest.mark.parametrize(("mib", "fits"), [(60, False), (40, True)])
def test_nobody_takes_the_last_room_by_not_saying_how_much_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mib: int, fits: bool
) -> None:
    """The database may lie on the same disk."""
    folder = UploadFolder(tmp_path / "uploads", min_free_bytes=256 * MIB)

    def room(_: object) -> SimpleNamespace:
        taken = sum(path.stat().st_size for path in (tmp_path / "uploads").iterdir())
        return SimpleNamespace(f_bavail=300 * MIB - taken, f_frsize=1)

    monkeypatch.setattr(os, "statvfs", room)
    refused = pytest.raises(StorageFullError, match="no room")
    with nullcontext() if fits else refused, folder.new(max_bytes=10**9) as new:
        for _ in range(mib):
            new.write(bytes(MIB))
        new.finish()
    assert len(names(tmp_path)) == fits
