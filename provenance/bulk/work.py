"""Verifying one batch of files: the same code on this machine and on many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from provenance.bulk.listing import SourceFile
from provenance.bulk.rows import BulkRow, error_row, report_row
from provenance.errors import ProvenanceError
from provenance.runtime.clock import system_clock
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.untrusted import clean_text

__all__ = ["VerifyWork"]

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyWork:
    """What is done with every batch; it can be pickled.

    Attributes:
        at: Judge as of this time instead of now.
        max_asset_bytes: Largest file that is fetched from a store.
    """

    at: datetime | None = None
    max_asset_bytes: int

    def do(self, files: Sequence[SourceFile], pool: VerificationPool) -> list[BulkRow]:
        """One row for each file, whatever happens to it."""
        rows: dict[str, BulkRow] = {}
        with tempfile.TemporaryDirectory(prefix="provenance-bulk-") as scratch:
            by_path: dict[str, SourceFile] = {}
            for job, outcome in pool.verify_many(self._jobs(files, Path(scratch), by_path, rows)):
                file = by_path[str(job.path)]
                if isinstance(outcome, ProvenanceError):
                    row = error_row(file, clean_text(outcome), at=system_clock())
                else:
                    row = report_row(file, outcome, at=system_clock())
                rows[file.path] = row
                if _is_remote(file.path):
                    _remove(Path(job.path), job.sidecar)
        return [rows[file.path] for file in files]

    def _jobs(
        self,
        files: Sequence[SourceFile],
        scratch: Path,
        by_path: dict[str, SourceFile],
        rows: dict[str, BulkRow],
    ) -> Iterator[VerificationJob]:
        for number, file in enumerate(files):
            path, sidecar = file.path, file.sidecar
            if _is_remote(path):
                # A few files lie here at a time: as many as the pool looks ahead.
                place = scratch / str(number)
                try:
                    path = str(self._fetch(path, place))
                    if sidecar is not None:
                        sidecar = str(self._fetch(sidecar, place.with_suffix(".sidecar")))
                except Exception as error:  # noqa: BLE001 - a store's client raises what it likes
                    why = f"cannot be fetched: {type(error).__name__}: {error}"
                    rows[file.path] = error_row(file, clean_text(why), at=system_clock())
                    _remove(place, None)
                    continue
            by_path[path] = file
            name = PurePosixPath(file.path.partition("::")[0]).name
            yield VerificationJob(path=path, name=name, sidecar=sidecar, at=self.at)

    def _fetch(self, address: str, place: Path) -> Path:
        import fsspec

        left = self.max_asset_bytes
        with fsspec.open(address, "rb") as source, place.open("wb") as target:
            while data := source.read(_CHUNK_BYTES):
                left -= len(data)
                if left < 0:
                    raise ValueError(f"more than {self.max_asset_bytes} bytes")
                target.write(data)
        return place


def _is_remote(path: str) -> bool:
    return "://" in path


def _remove(path: Path, sidecar: object) -> None:
    for one in (path, sidecar):
        if one is not None:
            with suppress(OSError):
                Path(str(one)).unlink()
