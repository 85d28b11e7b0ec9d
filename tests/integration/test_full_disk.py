"""A disk that is full: said to be that, with nothing half-written, and gone on with later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.atomic_files import new_file
from provenance.bulk.listing import SourceFile
from provenance.bulk.results import Results
from provenance.bulk.rows import BulkRow
from provenance.errors import ConfigurationError
from provenance.verdict import Verdict
from tests.factory.archive import make_archive

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def fill(folder: Path, *, but_bytes: int = 0) -> Path:
    """Take all the room there is, but for so many bytes."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    os.truncate(filler, max(0, filler.stat().st_size - but_bytes))
    return filler


def lines(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("size", [100, 300_000], ids=["in the buffer", "in the block"])
def test_a_new_file_says_why_it_cannot_be_written(small_disk: Path, size: int) -> None:
    """Closing the stream writes once more, and raised the system's error over ours."""

    def write() -> None:
        with new_file(small_disk / "a", replace=False) as stream:
            stream.write(bytes(size))

    filler = fill(small_disk)
    with pytest.raises(ConfigurationError, match="a: cannot be written: no space left"):
        write()
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    filler.unlink()
    write()
    assert (small_disk / "a").stat().st_size == size


@pytest.mark.parametrize("parquet", [True, False])
def test_a_shard_is_written_when_there_is_room_again(small_disk: Path, *, parquet: bool) -> None:
    def add(results: Results, number: int) -> None:
        one = SourceFile(path=f"/photos/{number:05}.jpg", size_bytes=number, version="1")
        row = BulkRow(
            path=one.path,
            size_bytes=number,
            version="1",
            sha256=os.urandom(32).hex(),
            verdict=Verdict.OFFICIAL,
            answered_at=AT,
        )
        results.add(one.key, row)

    with Results(small_disk, {"source": "/photos"}, parquet=parquet) as results:
        add(results, 0)
        results.flush()
        filler = fill(small_disk, but_bytes=20_000)
        for number in range(1, 900):
            add(results, number)
        with pytest.raises(ConfigurationError, match="cannot be written: no space left"):
            results.flush()
        filler.unlink()
    assert len(lines(small_disk)) == 900
    assert not list(small_disk.glob(".part-*"))


def test_a_job_says_it_and_goes_on(tmp_path: Path, small_disk: Path) -> None:
    """It was said to be a bug of the program."""
    archive = make_archive(tmp_path / "files", 24)
    command = [
        *(sys.executable, "-m", "provenance.cli.main", "bulk", "verify", str(archive.folder)),
        *("--out", str(small_disk), "--directory", str(archive.directory_file)),
    ]
    filler = fill(small_disk, but_bytes=60_000)
    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 2, full.stderr
    assert "no space left on device" in full.stderr
    assert "bug" not in full.stderr
    assert lines(small_disk) == []
    filler.unlink()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(lines(small_disk)) == 24
