from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.atomic_files import append_lines, new_file
from provenance.errors import ConfigurationError


def test_a_file_appears_whole_and_with_ordinary_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        with new_file(tmp_path / "a", replace=False) as stream:
            stream.write(b"abc")
            assert not (tmp_path / "a").exists()
            stream.seek(0)
            assert stream.read() == b"abc"
    finally:
        os.umask(mask)
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_after_an_error_nothing_is_left(tmp_path: Path) -> None:
    def fail() -> None:
        with new_file(tmp_path / "a", replace=True) as stream:
            stream.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ConfigurationError, match="exists already"), new_file(path, replace=False):
        pass
    assert path.read_bytes() == b"old"
    with new_file(path, replace=True) as stream:
        stream.write(b"new")
    assert path.read_bytes() == b"new"


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def lose_the_race() -> None:
        with new_file(path, replace=False) as stream:
            stream.write(b"mine")
            path.write_bytes(b"theirs")

    with pytest.raises(ConfigurationError, match="exists already"):
        lose_the_race()
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_folder_that_is_not_there_is_the_operators_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="cannot be written: no such file"),
        new_file(tmp_path / "no" / "a", replace=True),
    ):
        pass


def test_another_error_of_the_block_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), new_file(tmp_path / "a", replace=False):
        (tmp_path / "none").read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_journal_is_on_the_disk_with_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was signed under it must not outlive the line that says so."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    append_lines(tmp_path / "journal", [b"one\n"])
    assert synced == [str(tmp_path / "journal"), str(tmp_path)]
    synced.clear()
    append_lines(tmp_path / "journal", [b"two\n"])
    assert synced == [str(tmp_path / "journal")]
    assert (tmp_path / "journal").read_bytes() == b"one\ntwo\n"
