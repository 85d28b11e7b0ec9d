"""Verifying one batch of files: the same code on this machine and on many."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provenance.bulk.fetching import fetch_file, is_remote, name_in, remove_files
from provenance.bulk.listing import SourceFile
from provenance.bulk.rows import BulkRow, error_row, report_row
from provenance.errors import ProvenanceError
from provenance.runtime.clock import system_clock
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.untrusted import clean_text

__all__ = ["VerifyWork", "jobs_for"]


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
        by_path: dict[str, SourceFile] = {}

        def not_fetched(file: SourceFile, why: str) -> None:
            rows[file.path] = self.not_done(file, why)

        with tempfile.TemporaryDirectory(prefix="provenance-bulk-") as scratch:
            jobs = jobs_for(
                files,
                Path(scratch),
                by_path,
                not_fetched,
                at=self.at,
                max_asset_bytes=self.max_asset_bytes,
            )
            for job, outcome in pool.verify_many(jobs):
                file = by_path[str(job.path)]
                if isinstance(outcome, ProvenanceError):
                    row = self.not_done(file, clean_text(outcome))
                else:
                    row = report_row(file, outcome, at=system_clock())
                rows[file.path] = row
                if is_remote(file.path):
                    remove_files(Path(job.path), job.sidecar)
        return [rows[file.path] for file in files]

    def not_done(self, file: SourceFile, why: str) -> BulkRow:
        """The row of a file that could not be read, or that no node finished."""
        return error_row(file, why, at=system_clock())


def jobs_for(
    files: Sequence[SourceFile],
    scratch: Path,
    by_path: dict[str, SourceFile],
    not_fetched: Callable[[SourceFile, str], None],
    *,
    max_asset_bytes: int,
    at: datetime | None = None,
) -> Iterator[VerificationJob]:
    """One job for each file that is here or can be fetched, each fetched when it is asked for.

    Args:
        files: What to verify.
        scratch: Where files of a store lie for a while: as many as the pool looks ahead.
        by_path: Is filled: which file is behind the path of a job.
        not_fetched: Told of each file that cannot be fetched, and why.
        max_asset_bytes: Largest file that is fetched.
        at: Judge as of this time instead of now.
    """
    for number, file in enumerate(files):
        path, sidecar = file.path, file.sidecar
        if is_remote(path):
            place, beside = scratch / str(number), scratch / f"{number}.sidecar"
            try:
                path = str(fetch_file(path, place, max_bytes=max_asset_bytes))
                if sidecar is not None:
                    sidecar = str(fetch_file(sidecar, beside, max_bytes=max_asset_bytes))
            except Exception as error:  # noqa: BLE001 - a store's client raises what it likes
                why = f"cannot be fetched: {type(error).__name__}: {error}"
                not_fetched(file, clean_text(why))
                remove_files(place, beside)
                continue
        by_path[path] = file
        yield VerificationJob(path=path, name=name_in(file.path), sidecar=sidecar, at=at)
