"""What a job has of its batches, and when."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from provenance.bulk.engine import LocalEngine
from provenance.bulk.job import verify_source
from provenance.bulk.listing import SourceFile
from provenance.bulk.results import Results
from provenance.bulk.rows import BulkRow, error_row

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class _Few:
    """A source of two files."""

    name = "few"

    def walk(self) -> Iterator[SourceFile]:
        for name in ("quick", "slow"):
            yield SourceFile(path=f"/photos/{name}", size_bytes=1, version="1")


class _Waits:
    """Answers about the slow file when it may."""

    def do(self, batch: Sequence[SourceFile], tool: threading.Event, /) -> list[BulkRow]:
        if batch[0].path.endswith("slow"):
            tool.wait(60)
        return [self.not_done(file, "so it goes") for file in batch]

    def not_done(self, item: SourceFile, why: str, /) -> BulkRow:
        return error_row(item, why, at=AT)


def test_a_row_does_not_wait_for_batches_that_are_slow(tmp_path: Path) -> None:
    """Killed meanwhile, a job lost what it had done long before."""
    go_on = threading.Event()
    seen: list[str] = []

    def look() -> None:
        if go_on.is_set():
            return
        for path in tmp_path.glob("part-*.jsonl"):
            seen.extend(json.loads(line)["path"] for line in path.read_text("utf-8").splitlines())
        if seen:
            go_on.set()

    with Results(tmp_path, {}, parquet=False, seconds_per_shard=0.2) as results:
        engine = LocalEngine(go_on, _Waits(), tick_s=0.1)
        tally = verify_source(
            _Few(), engine, results, batch_files=1, on_progress=lambda _tally: look()
        )
    assert seen == ["/photos/quick"]
    assert tally.done == 2
