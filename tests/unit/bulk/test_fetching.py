"""Files of a store that are brought here, and what is left of those that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from provenance.bulk.listing import SourceFile, open_source
from provenance.bulk.work import jobs_for


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()


@pytest.mark.parametrize(("sidecar_bytes", "jobs"), [(3_000_000, 0), (300, 1)])
def test_nothing_is_left_of_a_file_whose_sidecar_cannot_be_fetched(
    memory: Any, tmp_path: Path, sidecar_bytes: int, jobs: int
) -> None:
    """Half of it stayed until the batch ended, for each file of the batch."""
    memory.pipe("/photos/a.jpg", b"picture")
    memory.pipe("/photos/a.jpg.c2pa", bytes(sidecar_bytes))
    files = [f for f in open_source("memory://photos").walk() if isinstance(f, SourceFile)]
    failed: list[str] = []
    made = list(
        jobs_for(
            files,
            tmp_path,
            {},
            lambda _file, why: failed.append(why),
            max_asset_bytes=2_500_000,
        )
    )
    assert len(made) == jobs
    assert len(failed) == 1 - jobs
    assert len(list(tmp_path.iterdir())) == 2 * jobs
