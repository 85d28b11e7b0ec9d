"""Shards that are there in full or not at all, and what is answered by them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from provenance.bulk.listing import SourceFile, open_source
from provenance.bulk.results import Results
from provenance.bulk.rows import BulkRow, error_row
from provenance.errors import ConfigurationError
from provenance.verdict import Verdict

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
JOB: Mapping[str, Any] = {"source": "/photos", "directory_sha256": "ab"}


def file(number: int, version: str = "1") -> SourceFile:
    return SourceFile(path=f"/photos/{number:03}.jpg", size_bytes=number, version=version)


def row(one: SourceFile) -> BulkRow:
    return BulkRow(
        path=one.shown,
        size_bytes=one.size_bytes,
        version=one.version,
        sha256="c" * 64,
        verdict=Verdict.OFFICIAL,
        agency="aurora-entertainment",
        test=True,
        answered_at=AT,
    )


def fill(folder: Path, *numbers: int, rows_per_shard: int = 2, **options: Any) -> None:
    with Results(folder, JOB, rows_per_shard=rows_per_shard, **options) as results:
        for number in numbers:
            results.add(file(number).key, row(file(number)))


def lines(folder: Path) -> list[dict[str, Any]]:
    parts = sorted(folder.glob("part-*.jsonl"))
    return [json.loads(line) for part in parts for line in part.read_text("utf-8").splitlines()]


def answered(folder: Path, *numbers: int) -> list[int]:
    with Results(folder, JOB) as results:
        return [number for number in numbers if results.is_answered(file(number))]


def test_rows_come_in_shards_of_two_forms(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2, 3)
    assert sorted(path.name for path in tmp_path.glob("part-*")) == [
        "part-000000.jsonl", "part-000000.parquet", "part-000001.jsonl", "part-000001.parquet",
    ]  # fmt: skip
    assert [line["path"] for line in lines(tmp_path)] == [file(n).path for n in (1, 2, 3)]
    table = pq.read_table(tmp_path / "part-000000.parquet").to_pylist()
    for told, line in zip(table, lines(tmp_path), strict=False):
        assert told["answered_at"] == AT
        assert {k: v for k, v in told.items() if k != "answered_at"} == {
            name: line[name] for name in told if name != "answered_at"
        }


def test_what_was_answered_is_known_in_the_next_run(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2, 3)
    fill(tmp_path, 4)
    assert answered(tmp_path, 1, 2, 3, 4, 5) == [1, 2, 3, 4]
    with Results(tmp_path, JOB) as results:
        assert not results.is_answered(file(1, version="2"))
        assert results.answered == 4
    assert len(lines(tmp_path)) == 4


def test_an_error_is_no_answer(tmp_path: Path) -> None:
    with Results(tmp_path, JOB) as results:
        results.add(file(1).key, error_row(file(1), "permission denied", at=AT))
    assert answered(tmp_path, 1) == []
    assert [line["error"] for line in lines(tmp_path)] == ["permission denied"]
    (tmp_path / "index.sqlite").unlink()
    assert answered(tmp_path, 1) == []


@pytest.mark.parametrize("spoil", ["gone", "other bytes", "behind"])
def test_the_index_is_made_again_from_the_shards(tmp_path: Path, spoil: str) -> None:
    fill(tmp_path, 1, 2)
    before = (tmp_path / "index.sqlite").read_bytes()
    fill(tmp_path, 3, 4)
    index = tmp_path / "index.sqlite"
    index.unlink()
    if spoil != "gone":
        # Behind is what a process leaves that was killed after a shard had its name.
        index.write_bytes(before if spoil == "behind" else b"no database" * 100)
    assert answered(tmp_path, 1, 2, 3, 4, 5) == [1, 2, 3, 4]


def test_what_stood_in_a_shard_that_was_taken_away_is_asked_again(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2, 3, 4)
    (tmp_path / "part-000000.jsonl").unlink()
    assert answered(tmp_path, 1, 2, 3, 4) == [3, 4]


def test_what_a_killed_process_left_unnamed_is_no_result(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2)
    # Killed while writing: a file without its name, and columns without their lines.
    (tmp_path / ".part-000001.jsonl-x.provenance-tmp").write_bytes(b'{"path": "/phot')
    (tmp_path / "part-000001.parquet").write_bytes(b"PAR1")
    fill(tmp_path, 3, 4)
    assert answered(tmp_path, 1, 2, 3, 4) == [1, 2, 3, 4]
    assert pq.read_table(tmp_path / "part-000001.parquet").num_rows == 2
    assert not list(tmp_path.glob(".part-*"))


def test_a_shard_is_written_when_its_first_row_is_old(tmp_path: Path) -> None:
    with Results(tmp_path, JOB, seconds_per_shard=0.0) as results:
        results.add(file(1).key, row(file(1)))
        assert len(lines(tmp_path)) == 1


def test_without_parquet_there_are_lines_alone(tmp_path: Path) -> None:
    fill(tmp_path, 1, parquet=False)
    assert [path.name for path in tmp_path.glob("part-*")] == ["part-000000.jsonl"]


def test_the_answers_of_another_job_are_not_added_to(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with (
        pytest.raises(ConfigurationError, match="another job, which differs in directory_sha256"),
        Results(tmp_path, {**JOB, "directory_sha256": "cd"}),
    ):
        pass


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        Results(tmp_path, JOB),
        pytest.raises(ConfigurationError, match="another process is changing it"),
        Results(tmp_path, JOB),
    ):
        pass


@pytest.mark.parametrize("line", ["{", "[]", '{"path": "x"}', '{"path": 1, "size_bytes": 2}'])
def test_a_shard_that_is_no_shard_is_refused_by_name(tmp_path: Path, line: str) -> None:
    tmp_path.joinpath("part-000007.jsonl").write_text(line + "\n", "utf-8")
    with (
        pytest.raises(ConfigurationError, match=r"part-000007\.jsonl: line 1: expected a row"),
        Results(tmp_path, JOB),
    ):
        pass


def test_a_disk_that_is_full_for_the_index_alone_loses_no_row(tmp_path: Path) -> None:
    """The rows are on the disk by then; writing them once more failed by a name that is taken."""
    with Results(tmp_path, JOB) as results:
        results.add(file(1).key, row(file(1)))
        results.flush()
        (pages,) = results._index.execute("PRAGMA page_count").fetchone()
        results._index.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(2, 1000):
            results.add(file(number).key, row(file(number)))
        with pytest.raises(ConfigurationError, match=r"index\.sqlite: cannot be used: .*full"):
            results.flush()
    assert len(lines(tmp_path)) == 999
    assert answered(tmp_path, 1, 2, 999, 1000) == [1, 2, 999]


def test_the_index_survives_a_power_failure(tmp_path: Path) -> None:
    with Results(tmp_path, JOB) as results:
        (level,) = results._index.execute("PRAGMA synchronous").fetchone()
    # FULL: SQLite waits for the disk, and a failure leaves no database in disorder.
    assert level == 2


@pytest.mark.parametrize("how", ["folder", "disorder"])
def test_an_index_that_cannot_be_used_is_named(tmp_path: Path, how: str) -> None:
    fill(tmp_path, *range(1, 1000), rows_per_shard=1000)
    index = tmp_path / "index.sqlite"
    if how == "folder":
        index.unlink()
        index.mkdir()
    else:
        data = bytearray(index.read_bytes())
        data[2 * 4096 :] = bytes(b ^ 0x55 for b in data[2 * 4096 :])
        index.write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"index\.sqlite: cannot be"):
        answered(tmp_path, *range(1, 1000))
    index.rmdir() if how == "folder" else index.unlink()
    assert answered(tmp_path, 1, 999, 1000) == [1, 999]


@pytest.mark.parametrize("document", ["[]", "null", '"x"', "3"])
def test_a_job_that_is_none_is_refused_by_name(tmp_path: Path, document: str) -> None:
    (tmp_path / "job.json").write_text(document, "utf-8")
    with pytest.raises(ConfigurationError, match=r"job\.json: expected a JSON object"):
        fill(tmp_path, 1)


def test_either_form_of_the_results_has_every_row(tmp_path: Path) -> None:
    """Gone on with otherwise, a count over the Parquet files would be of a part of them."""
    fill(tmp_path / "both", 1)
    with pytest.raises(ConfigurationError, match="in Parquet files too: expected no --no-parquet"):
        fill(tmp_path / "both", 2, parquet=False)
    fill(tmp_path / "lines", 1, parquet=False)
    with pytest.raises(ConfigurationError, match="without Parquet files: expected --no-parquet"):
        fill(tmp_path / "lines", 2)
    fill(tmp_path / "both", 2)
    fill(tmp_path / "lines", 2, parquet=False)
    assert answered(tmp_path / "both", 1, 2) == [1, 2]


def test_a_source_whose_path_is_no_text_is_a_job(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    job = {**JOB, "source": open_source(str(folder)).name}
    for _ in range(2):
        with Results(tmp_path / "out", job, parquet=False):
            pass
    assert json.loads((tmp_path / "out" / "job.json").read_text("utf-8")) == job
