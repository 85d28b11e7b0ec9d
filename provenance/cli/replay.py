"""`provenance replay`: would the files of old reports get the same answers today?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provenance.cli.exit_codes import ExitCode, worst
from provenance.cli.inputs import Input
from provenance.cli.options import (
    DirectoryOption,
    FetchOption,
    IdentityListOption,
    MaxDirectoryAgeOption,
    NetworkAllowOption,
    NoStoredListsOption,
    TimeStampListOption,
    TrustListOption,
)
from provenance.cli.streams import explain_bug, say, write_document, write_text
from provenance.cli.terminal import printable, wrap
from provenance.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    # Cryptography and the engine take long to import: `--help` does without them.
    from provenance.cli.digest_index import DigestIndex
    from provenance.report import Report
    from provenance.verification.continuity import Change, Difference
    from provenance.verification.verifier import Verifier

__all__ = ["REPLAY_EXIT_CODES", "replay"]

REPLAY_EXIT_CODES = """\b
Exit status, the first that applies:
  70  internal error
  2   usage, configuration, or nothing that could be verified again
  1   a release that was official is so no longer
  0   otherwise, whatever else changed
"""
_MAX_SHOWN = 5


def replay(  # noqa: PLR0913 - the options of the command
    *,
    reports: Annotated[
        Path, typer.Argument(metavar="REPORTS", help="Reports of `verify --json`, one a line.")
    ],
    files: Annotated[
        Path,
        typer.Option(
            "--files",
            metavar="DIR",
            help="Where the files are; they are found by their SHA-256, whatever their names. "
            "Hidden files are left out.",
        ),
    ],
    directory: DirectoryOption = None,
    max_directory_age: MaxDirectoryAgeOption = None,
    trust_list: TrustListOption = None,
    time_stamp_list: TimeStampListOption = None,
    identity_list: IdentityListOption = None,
    no_stored_lists: NoStoredListsOption = False,
    fetch: FetchOption = False,
    network_allow: NetworkAllowOption = None,
    at_original_time: Annotated[
        bool,
        typer.Option(
            "--at-original-time",
            help="Judge as of the time of each report, so that nothing changes by time alone.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a report, one a line.")
    ] = False,
) -> None:
    """Verify the files of old reports again, and print what would change and why.

    With the engine, the directory and the trust lists of now; nothing is written.
    """
    if not files.is_dir():
        raise ConfigurationError(f"{files}: expected a folder")
    if network_allow and not fetch:
        raise typer.BadParameter("--network-allow goes with --fetch")
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.judge import make_verifier, setup_of

    index = _index(reports, files)
    setup = setup_of(
        directory=directory,
        trust_lists=trust_list or (),
        time_stamp_lists=time_stamp_list or (),
        identity_lists=identity_list or (),
        stored_lists=not no_stored_lists,
        max_directory_age_days=max_directory_age,
        fetch=fetch,
        network_allow=network_allow or (),
    )
    replayer = _Replayer(
        make_verifier(setup), index, files=files, at_original_time=at_original_time
    )
    raise typer.Exit(_run(replayer, reports, as_json=as_json))


def _index(reports: Path, files: Path) -> DigestIndex:
    # They name the report's models, which take long to import.
    from provenance.cli.digest_index import index_folder
    from provenance.cli.old_reports import read_reports

    digests: set[str] = set()
    sizes: set[int] = set()
    any_fragments = False
    # Every line is read before the first file is: a bad one is found at once.
    for _, report in read_reports(reports):
        digests.update(filter(None, [report.asset.sha256, *report.asset.fragments]))
        sizes.add(report.asset.size_bytes)
        any_fragments |= bool(report.asset.fragments)
    if not digests:
        raise ConfigurationError(f"{reports}: expected at least one report with a digest, got none")
    index = index_folder(str(files), digests=digests, sizes=None if any_fragments else sizes)
    for problem in index.problems:
        say(problem)
    return index


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """What became of one report: a difference, or why there is none."""

    line: int
    old: Report
    difference: Difference | None = None
    test: bool = False
    why_not: str | None = None
    bug: Exception | None = None

    @property
    def outcome(self) -> str:
        if self.difference is None:
            return "not-verified"
        return "changed" if self.difference.is_changed else "unchanged"

    @property
    def name(self) -> str:
        return self.old.asset.name or "(standard input)"


class _Replayer:
    """Verifies the file of one report after the other again; keeps nothing of any."""

    def __init__(
        self, verifier: Verifier, index: DigestIndex, *, files: Path, at_original_time: bool
    ) -> None:
        self._verifier = verifier
        self._index = index
        self._files = files
        self._at_original_time = at_original_time

    def again(self, line: int, old: Report) -> _Again:
        """What would be said of the file of this report today?"""
        # They name the report's models, which take long to import.
        from provenance.verification.continuity import compare, explain

        place, fragments, why_not = self._find(old)
        if place is None:
            return _Again(line=line, old=old, why_not=why_not)
        then = old.context.verified_at
        try:
            at = then if self._at_original_time else None
            new = self._verify(old, place, fragments, at=at)
            difference = compare(old, new)
            if difference.is_changed and at is None:
                as_of_old = self._verify(old, place, fragments, at=then)
                difference = explain(old, new, as_of_old=as_of_old)
        except SourceError as error:
            return _Again(line=line, old=old, why_not=str(error))
        except Exception as error:  # noqa: BLE001 - a bug met in one file must not hide the others
            return _Again(line=line, old=old, why_not="internal error", bug=error)
        return _Again(line=line, old=old, difference=difference, test=old.test or new.test)

    def _find(self, old: Report) -> tuple[Input | None, list[str], str]:
        """The file and its fragments; without a file, the reason."""
        asset = old.asset
        if asset.sha256 is None:
            return None, [], "the report has no digest to find its file by"
        # A sidecar that an old report knew nothing of would be another question.
        with_sidecar = _had_sidecar(old)
        place = self._index.find(asset.sha256, with_sidecar=with_sidecar)
        if place is None:
            what = "file with its sidecar" if with_sidecar else "file"
            return None, [], f"no {what} of SHA-256 {asset.sha256} in {self._files}"
        fragments = []
        for sha256 in asset.fragments:
            fragment = self._index.find(sha256)
            if fragment is None or fragment.path is None:
                return None, [], f"no fragment of SHA-256 {sha256} in {self._files}"
            fragments.append(fragment.path)
        return place, fragments, ""

    def _verify(
        self, old: Report, place: Input, fragments: Sequence[str], *, at: datetime | None
    ) -> Report:
        assert place.path is not None  # noqa: S101 - it was found in a folder
        with ExitStack() as held:
            source: Any = place.path
            if old.asset.name is None:
                # Without a name then: the one it has here must not be held against it.
                source = held.enter_context(_opened(place.path))
            return self._verifier.verify(
                source,
                name=old.asset.name,
                sidecar=place.sidecar if _had_sidecar(old) else None,
                fragments=fragments,
                at=at,
            )


def _had_sidecar(report: Report) -> bool:
    return report.integrity.credentials_from == "sidecar" or any(
        check.check == "sidecar" for check in report.checks_not_run
    )


def _opened(path: str) -> Any:
    try:
        return Path(path).open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceError(f"{path}: cannot be opened: {reason}") from error


def _run(replayer: _Replayer, reports: Path, *, as_json: bool) -> ExitCode:
    # They name the report's models, which take long to import.
    from provenance.cli.old_reports import read_reports
    from provenance.cli.render import TEST_LINE

    counts = {"unchanged": 0, "changed": 0, "not-verified": 0}
    codes = {ExitCode.MET}
    groups: dict[str, list[_Again]] = {}
    test = False
    for line, old in read_reports(reports):
        again = replayer.again(line, old)
        counts[again.outcome] += 1
        test |= again.test
        if again.bug is not None:
            explain_bug(again.bug, during=f"line {line}, {again.name}")
            codes.add(ExitCode.INTERNAL)
        elif again.why_not is not None:
            say(f"line {line}, {again.name}: not verified again: {again.why_not}")
        if again.difference is not None and again.difference.loses_official:
            codes.add(ExitCode.NOT_MET)
        if as_json:
            write_document(json.dumps(_document(again), ensure_ascii=False))
        elif again.difference is not None and again.difference.is_changed:
            groups.setdefault(_heading(again.difference), []).append(again)
    if counts["not-verified"] == sum(counts.values()):
        # Nothing verified is not "nothing changes".
        codes.add(ExitCode.USAGE)
    if not as_json:
        if test:
            write_text(TEST_LINE)
        write_text("\n".join(_text(groups, counts)))
    return worst(codes)


def _heading(difference: Difference) -> str:
    parts = [f"{cause.value} ({detail})" for cause, detail in difference.causes.items()]
    text = " or ".join(parts)
    if len(parts) > 1:
        text = f"one or more of {text}"
    if difference.also_time:
        text += ", and time"
    return f"Because of {text}:"


def _text(groups: dict[str, list[_Again]], counts: dict[str, int]) -> Iterator[str]:
    lost = 0
    for heading, members in groups.items():
        yield from wrap(printable(heading), rest="  ")
        # Those whose verdict changes come first.
        for again in sorted(members, key=_keeps_verdict):
            difference = again.difference
            assert difference is not None  # noqa: S101 - only what was verified is in a group
            lost += difference.loses_official
            verdicts = _verdicts(difference)
            yield from wrap(f"{printable(again.name)} (line {again.line}): {verdicts}", first="  ")
            for change in difference.changes:
                yield from wrap(printable(_change(change)), first=" " * 6)
        yield ""
    yield from wrap(
        f"{sum(counts.values())} reports: {counts['unchanged']} unchanged, {counts['changed']} "
        f"changed ({lost} of them official no longer), {counts['not-verified']} not verified again"
    )


def _keeps_verdict(again: _Again) -> bool:
    difference = again.difference
    return difference is not None and difference.old_verdict is difference.new_verdict


def _verdicts(difference: Difference) -> str:
    old, new = difference.old_verdict.value, difference.new_verdict.value
    text = f"{old} -> {new}" if old != new else f"still {new}"
    reason = difference.new_reason
    return text if reason is None else f"{text} ({reason.value})"


def _change(change: Change) -> str:
    def some(values: Sequence[str]) -> str:
        more = len(values) - _MAX_SHOWN
        return ", ".join(values[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")

    return (
        f"{change.axis.value}, {change.what}: {some(change.old) or 'none'} -> "
        f"{some(change.new) or 'none'}"
    )


def _document(again: _Again) -> dict[str, Any]:
    difference = again.difference
    document: dict[str, Any] = {
        "line": again.line,
        "name": again.old.asset.name,
        "sha256": again.old.asset.sha256,
        "test": again.test,
        "outcome": again.outcome,
        "why_not_verified": again.why_not,
        "old": {"verdict": again.old.verdict, "reason": again.old.reason},
        "new": None,
        "causes": {},
        "also_time": False,
        "changes": [],
    }
    if difference is not None:
        document |= {
            "new": {"verdict": difference.new_verdict, "reason": difference.new_reason},
            "causes": {cause.value: detail for cause, detail in difference.causes.items()},
            "also_time": difference.also_time,
            "changes": [
                {"axis": change.axis, "what": change.what, "old": change.old, "new": change.new}
                for change in difference.changes
            ],
        }
    return document
