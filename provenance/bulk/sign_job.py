"""One bulk job that signs: release by release, each of its files in the results once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from provenance.bulk.engine import BulkEngine
from provenance.bulk.fetching import is_remote
from provenance.bulk.listing import ListingProblem, Source, SourceFile
from provenance.bulk.releases import FoundRelease, find_releases
from provenance.bulk.results import Results
from provenance.bulk.rows import SignRow
from provenance.bulk.signing import SignedRelease
from provenance.errors import ConfigurationError, ReleaseError
from provenance.runtime.clock import system_clock
from provenance.signing.release import load_release, parse_release

__all__ = ["SignTally", "agency_of_first", "sign_source"]

_MAX_MANIFEST_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class SignTally:
    """How far a job is.

    Attributes:
        kept: Releases that an earlier run had signed whole.
        releases: Releases of this run that are signed whole.
        errors: Those that are not, and folders that could not be listed.
        done: Files of this run that have a row, whatever it says.
        outcomes: How many files were signed, or were there already.
        failed: How many files are not signed.
        stopped: Why the job had to stop.
    """

    kept: int = 0
    releases: int = 0
    errors: int = 0
    done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    stopped: str | None = None


def agency_of_first(source: Source, only: str | None) -> str:
    """Whose is the first release manifest that can be read?

    Raises:
        ConfigurationError: There is none.
    """
    last: Exception | None = None
    for found in find_releases(source, only):
        if isinstance(found, FoundRelease):
            try:
                return _agency_of(found)
            except Exception as error:  # noqa: BLE001 - a store's client raises what it likes
                last = error
    expected = only or "release.yaml"
    raise ConfigurationError(
        f"{source.name}: expected a release manifest that can be read, {expected}, "
        f"got {'none' if last is None else last}"
    ) from last


def _agency_of(release: FoundRelease) -> str:
    if not is_remote(release.manifest.path):
        return load_release(Path(release.manifest.path)).document.agency
    import fsspec

    with fsspec.open(release.manifest.path, "rb") as stream:
        data = stream.read(_MAX_MANIFEST_BYTES + 1)
    if len(data) > _MAX_MANIFEST_BYTES:
        raise ReleaseError(f"{release.manifest.path}: {len(data)} bytes are too many")
    is_json = release.name.lower().endswith(".json")
    return parse_release(data, where=release.manifest.path, json=is_json).agency


def sign_source(
    source: Source,
    only: str | None,
    engine: BulkEngine[FoundRelease, SignedRelease],
    results: Results,
    *,
    on_progress: Callable[[SignTally], None] = lambda _tally: None,
) -> SignTally:
    """Sign every release of a source that is not signed yet.

    The row of a release comes after those of its files; a release that has one is left out
    until something in its folder changes.

    Args:
        source: Listed once, as a stream.
        only: The one manifest in it that is meant, if it is one.
        engine: Runs releases.
        results: Where the rows go.
        on_progress: Told after each release.

    Raises:
        ConfigurationError: The results cannot be written.
    """
    tally = SignTally()
    for done in engine.run(_unsigned(source, only, results, tally)):
        for release, signed in zip(done.batch, done.rows, strict=True):
            for key, row in signed.files:
                tally.done += 1
                if row.outcome is None:
                    tally.failed += 1
                else:
                    tally.outcomes[row.outcome] += 1
                # Of a release that goes on, the files of the first run have their rows.
                if not results.has(key):
                    results.add(key, row)
            results.add(release.manifest.key, signed.release)
            if signed.release.error is None:
                tally.releases += 1
            else:
                tally.errors += 1
            tally.stopped = tally.stopped or signed.stopped
        results.flush_old()
        on_progress(tally)
        if tally.stopped is not None:
            break
    results.flush()
    return tally


def _unsigned(
    source: Source, only: str | None, results: Results, tally: SignTally
) -> Iterator[tuple[FoundRelease]]:
    for found in find_releases(source, only):
        if isinstance(found, ListingProblem):
            place = SourceFile(path=found.path, size_bytes=0, version="folder")
            results.add(
                place.key,
                SignRow(
                    path=place.shown,
                    size_bytes=0,
                    version=place.version,
                    answered_at=system_clock(),
                    kind="release",
                    error=found.why,
                ),
            )
            tally.errors += 1
        elif results.is_answered(found.manifest):
            tally.kept += 1
        else:
            yield (found,)
