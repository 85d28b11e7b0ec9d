"""Does a draft judge the files that its keepers know as it should?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from provenance.errors import DirectoryError, SourceError
from provenance.report import Report
from provenance.trust.directory import Agency, LoadedDirectory
from provenance.trust.lists import TrustList
from provenance.verdict import Verdict
from provenance.verification.verifier import Verifier

__all__ = ["check_samples"]

_MAX_SAMPLES = 100


def check_samples(
    draft: LoadedDirectory,
    folder: Path,
    *,
    at: datetime,
    time_stamp_lists: Sequence[TrustList] = (),
    trust_lists: Sequence[TrustList] = (),
) -> tuple[str, ...]:
    """Judge every agency's known-good and known-bad files by the draft.

    A known-good file has to be that agency's official release, a known-bad one must be
    nobody's. An agency whose keys are all disowned cannot have a known-good file: for
    it, only the known-bad ones are judged.

    Args:
        draft: As it would be published.
        folder: Holds `AGENCY/good.*` and `AGENCY/bad.*`; by default one each, more as
            `good-2.jpg` and so on.
        at: Judge as of this time.
        time_stamp_lists: Vouch for the time-stamps of the samples.
        trust_lists: Vouch for products that carry an agency's identity.

    Returns:
        One sentence for each agency that was not judged in full.

    Raises:
        DirectoryError: A file is missing or comes back otherwise; names every one.
    """
    verifier = Verifier(
        directory=draft,
        time_stamp_lists=time_stamp_lists,
        trust_lists=trust_lists,
        clock=lambda: at,
    )
    problems: list[str] = []
    notes: list[str] = []
    for agency in draft.document.agencies:
        own = folder / agency.id
        if _can_speak(agency, at):
            problems += _judge_good(verifier, agency, own)
        else:
            notes.append(f"{agency.id}: has no key that counts now; its good files are not judged")
        problems += _judge_bad(verifier, own)
    if problems:
        raise DirectoryError("; ".join(problems))
    return tuple(notes)


def _can_speak(agency: Agency, at: datetime) -> bool:
    disowned = {
        entry.spki_sha256 for entry in agency.revoked if entry.since is None or entry.since <= at
    }
    keys = [key for key in agency.keys if key.spki_sha256 not in disowned]
    return any(
        entry.contains(at) and (entry.compromised_since is None or entry.compromised_since > at)
        for entry in (*keys, *agency.anchors)
    )


def _judge_good(verifier: Verifier, agency: Agency, folder: Path) -> list[str]:
    files = _samples(folder, "good")
    if not files:
        return [f"{folder}: expected a known-good file (good.*), got none"]
    problems = []
    for path in files:
        report = _verify(verifier, path)
        if report.verdict is not Verdict.OFFICIAL or not _is_by(report, agency):
            problems.append(
                f"{path}: expected official of {agency.id}, got {report.verdict.value}"
                f"{_reasons(report)}"
            )
    return problems


def _judge_bad(verifier: Verifier, folder: Path) -> list[str]:
    files = _samples(folder, "bad")
    if not files:
        return [f"{folder}: expected a known-bad file (bad.*), got none"]
    problems = []
    for path in files:
        report = _verify(verifier, path)
        if report.verdict in {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN}:
            problems.append(f"{path}: is known to be bad, and comes back {report.verdict.value}")
    return problems


def _samples(folder: Path, kind: str) -> list[Path]:
    try:
        files = sorted([*folder.glob(f"{kind}.*"), *folder.glob(f"{kind}-*.*")])
    except OSError as error:
        raise DirectoryError(
            f"{folder}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    if len(files) > _MAX_SAMPLES:
        raise DirectoryError(f"{folder}: {len(files)} files, expected {_MAX_SAMPLES} at most")
    return files


def _verify(verifier: Verifier, path: Path) -> Report:
    try:
        return verifier.verify(path)
    except SourceError as error:
        raise DirectoryError(f"{path}: cannot be judged: {error}") from error


def _is_by(report: Report, agency: Agency) -> bool:
    named = [report.signer.agency, *(identity.agency for identity in report.identity)]
    return any(entry is not None and entry.id == agency.id for entry in named)


def _reasons(report: Report) -> str:
    """Which failures and warnings explain the verdict?"""
    told = [f.code.value for f in report.findings if f.severity.value in {"failure", "warning"}]
    codes = [code for code in told if code != "test-directory"]
    return f" ({', '.join(codes)})" if codes else ""
