"""Reading one batch of files for the register: the same code on this machine and on many.

No key and no register is needed for it, so none is where strangers' bytes are opened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from provenance.bulk.fetching import is_remote, remove_files
from provenance.bulk.listing import SourceFile
from provenance.bulk.work import jobs_for
from provenance.errors import ProvenanceError, SourceError, WorkerBugError
from provenance.report import Report
from provenance.runtime.verification_pool import VerificationJob, VerificationPool
from provenance.untrusted import clean_text
from provenance.verdict import Verdict

__all__ = ["Examined", "ReadWork"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found out about one file.

    Attributes:
        sha256: Its digest.
        verdict: What it is; None where nothing can be said.
        says: The verdict in words, or why there is none.
        agency: Whose official release it is.
        stated: What a register keeps of it, as `stated_lines` writes it; None where it is
            not official, or known.
        known: Whether the register has it already, where that was asked.
    """

    sha256: str | None = None
    verdict: Verdict | None = None
    says: str
    agency: str | None = None
    stated: bytes | None = None
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWork:
    """What is done with every batch; it can be pickled where nobody is asked what is known.

    Attributes:
        max_asset_bytes: Largest file that is fetched from a store.
        is_known: Whether the register has this file of this digest already, so that it
            need not be read; for a machine that reaches the register.
    """

    max_asset_bytes: int
    is_known: Callable[[SourceFile, str], bool] | None = None

    def do(self, files: Sequence[SourceFile], pool: VerificationPool) -> list[Examined]:
        """What is found out about each file, whatever happens to it."""
        found: dict[str, Examined] = {}
        reading: dict[str, tuple[VerificationJob, Future[bytes]]] = {}
        by_path: dict[str, SourceFile] = {}

        def not_fetched(file: SourceFile, why: str) -> None:
            found[file.path] = self.not_done(file, why)

        with tempfile.TemporaryDirectory(prefix="provenance-bulk-") as scratch:
            jobs = jobs_for(
                files, Path(scratch), by_path, not_fetched, max_asset_bytes=self.max_asset_bytes
            )
            for job, outcome in pool.verify_many(jobs):
                file = by_path[str(job.path)]
                examined = self._judged(file, outcome)
                found[file.path] = examined
                if examined.verdict is Verdict.OFFICIAL and not examined.known:
                    reading[file.path] = job, pool.submit_reading(job)
                else:
                    _take_away(file, job)
                # Not more than a few fetched files lie here, and not more is held.
                if len(reading) > 2 * pool.processes:
                    self._finish(reading, found, by_path, leave=pool.processes)
            self._finish(reading, found, by_path, leave=0)
        return [found[file.path] for file in files]

    def not_done(self, _file: SourceFile, why: str) -> Examined:
        """The answer about a file that could not be read, or that no node finished."""
        return Examined(says=why)

    def _judged(self, file: SourceFile, outcome: Report | ProvenanceError) -> Examined:
        if isinstance(outcome, ProvenanceError):
            return self.not_done(file, clean_text(outcome))
        sha256, agency = outcome.asset.sha256, outcome.signer.agency
        official = outcome.verdict is Verdict.OFFICIAL and agency is not None
        asked = official and sha256 is not None and self.is_known is not None
        return Examined(
            sha256=sha256,
            verdict=outcome.verdict,
            says=outcome.summary,
            agency=agency.id if official and agency else None,
            known=bool(asked and self.is_known and sha256 and self.is_known(file, sha256)),
        )

    def _finish(
        self,
        reading: dict[str, tuple[VerificationJob, Future[bytes]]],
        found: dict[str, Examined],
        by_path: dict[str, SourceFile],
        *,
        leave: int,
    ) -> None:
        """Wait for the oldest readings, until no more than so many are left."""
        while len(reading) > leave:
            path = next(iter(reading))
            job, future = reading.pop(path)
            file, before = by_path[str(job.path)], found[path]
            try:
                stated = future.result()
            except (SourceError, WorkerBugError) as error:
                found[path] = self.not_done(file, clean_text(error))
            else:
                found[path] = Examined(
                    sha256=before.sha256,
                    verdict=before.verdict,
                    says=before.says,
                    agency=before.agency,
                    stated=stated,
                )
            _take_away(file, job)


def _take_away(file: SourceFile, job: VerificationJob) -> None:
    if is_remote(file.path):
        remove_files(Path(job.path), job.sidecar)
