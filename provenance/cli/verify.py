"""`provenance verify`: one verdict a file."""

from __future__ import annotations

import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provenance.cli.exit_codes import ExitCode, exit_code_of, worst
from provenance.cli.inputs import Input, Notice, find_inputs
from provenance.cli.options import (
    AtOption,
    DirectoryOption,
    FetchOption,
    FragmentOption,
    IdentityListOption,
    MaxDirectoryAgeOption,
    NetworkAllowOption,
    NoStoredListsOption,
    SecondEngineOption,
    SidecarOption,
    TimeStampListOption,
    TrustListOption,
)
from provenance.cli.streams import explain_bug, say, write_document, write_text
from provenance.cli.terminal import wants_colour
from provenance.errors import IsolationError, SourceError
from provenance.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    # Cryptography and the engine take long to import: `--help` does without them.
    from provenance.cli.progress import Progress
    from provenance.report import Report
    from provenance.runtime.verification_pool import VerificationPool

__all__ = ["Requirement", "verify"]

_PROGRESS_ABOVE_FILES = 20
# Inputs under way for each process.
_AHEAD = 4
_CHUNK_BYTES = 1024 * 1024


class Requirement(StrEnum):
    """What every file is asked to be."""

    OFFICIAL = "official"
    SIGNED = "signed"


def verify(  # noqa: PLR0913 - the options of the command
    *,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files; - is standard input.")
    ],
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="Examine what is in folders. Hidden files are left out, links to folders not "
            "followed, sidecars read with the file they belong to.",
        ),
    ] = False,
    directory: DirectoryOption = None,
    max_directory_age: MaxDirectoryAgeOption = None,
    trust_list: TrustListOption = None,
    time_stamp_list: TimeStampListOption = None,
    identity_list: IdentityListOption = None,
    no_stored_lists: NoStoredListsOption = False,
    require: Annotated[
        Requirement,
        typer.Option(
            "--require",
            help="What every file has to be: an official release that is not withdrawn, or "
            "signed by an agency or somebody on a trust list.",
        ),
    ] = Requirement.OFFICIAL,
    at: AtOption = None,
    fetch: FetchOption = False,
    network_allow: NetworkAllowOption = None,
    second_engine: SecondEngineOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a line.")
    ] = False,
    sidecar: SidecarOption = None,
    fragment: FragmentOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            max=1024,
            help="How many files are examined at a time, each in a process that is shut in; by "
            "default as many as there are cores.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", "-v", help="Print every finding in full.")
    ] = False,
) -> None:
    """Say who released each file, and whether it is unchanged.

    No credentials is not evidence against a file, and no answer here says whether what
    it shows is so.
    """
    _check_combination(files, sidecar, fragment, recursive=recursive)
    if network_allow and not fetch:
        raise typer.BadParameter("--network-allow goes with --fetch")
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.judge import make_pool, parse_time, setup_of

    moment = parse_time(at)
    setup = setup_of(
        directory=directory,
        max_directory_age_days=max_directory_age,
        trust_lists=trust_list or (),
        time_stamp_lists=time_stamp_list or (),
        identity_lists=identity_list or (),
        stored_lists=not no_stored_lists,
        fetch=fetch,
        network_allow=network_allow or (),
        second_engine=second_engine,
    )
    inputs = find_inputs(files, recursive=recursive, look_for_sidecars=sidecar is None)
    codes: set[ExitCode] = set()
    with ExitStack() as held:
        pool = held.enter_context(make_pool(setup, jobs=jobs, at=moment))
        progress = held.enter_context(_progress(files, recursive=recursive))
        examiner = _Examiner(
            pool, held, at=moment, sidecar=sidecar, fragments=tuple(fragment or ())
        )
        printer = _Printer(progress, require=require, as_json=as_json, explain=explain)
        for item, outcome in examiner.examine(inputs):
            code = printer.print(item, outcome)
            if code is not None:
                codes.add(code)
    if not codes:
        # Nothing examined is not "every file met the requirement".
        say(f"{files[0]}: no file to examine")
        codes.add(ExitCode.USAGE)
    raise typer.Exit(worst(codes))


def _check_combination(
    files: Sequence[str],
    sidecar: Path | None,
    fragments: Sequence[Path] | None,
    *,
    recursive: bool,
) -> None:
    if files.count("-") > 1:
        raise typer.BadParameter("standard input can be examined only once")
    one = len(files) == 1 and not recursive
    if sidecar is not None and not one:
        raise typer.BadParameter("--sidecar goes with exactly one file")
    if fragments and not one:
        raise typer.BadParameter("--fragment goes with exactly one initialisation segment")


_Outcome = Future["Report"] | SourceError | None
"""What becomes of an input: a report to come, a reason why there is none, or nothing."""


class _Examiner:
    """Gives one input after the other to the pool; holds few of them at a time."""

    def __init__(
        self,
        pool: VerificationPool,
        held: ExitStack,
        *,
        at: datetime | None,
        sidecar: Path | None,
        fragments: tuple[Path, ...],
    ) -> None:
        self._pool = pool
        self._held = held
        self._at = at
        self._sidecar = sidecar
        self._fragments = fragments

    def examine(
        self, inputs: Iterable[Input | Notice]
    ) -> Iterator[tuple[Input | Notice, _Outcome]]:
        """Every input with what becomes of it, in order."""
        under_way: deque[tuple[Input | Notice, _Outcome]] = deque()
        for item in inputs:
            if isinstance(item, Input) and item.path is None:
                # Nobody knows for how long it has to be waited for.
                yield from under_way
                under_way.clear()
            under_way.append((item, self._begin(item)))
            if len(under_way) > _AHEAD * self._pool.processes:
                yield under_way.popleft()
        yield from under_way

    def _begin(self, item: Input | Notice) -> _Outcome:
        from provenance.runtime.verification_pool import VerificationJob

        if isinstance(item, Notice):
            return None
        try:
            descriptor = None if item.path is not None else self._standard_input()
        except SourceError as error:
            return error
        return self._pool.submit(
            VerificationJob(
                path="standard input" if item.path is None else item.path,
                # The path as given: two files of one name in a folder stay apart.
                name=None if item.path is None else item.shown,
                sidecar=self._sidecar or item.sidecar,
                fragments=self._fragments,
                at=self._at,
                descriptor=descriptor,
            )
        )

    def _standard_input(self) -> int:
        """A copy of it, since a worker has no terminal and no pipe of ours."""
        if sys.stdin is None or sys.stdin.isatty():
            raise SourceError(
                "standard input: expected a file or a pipe, got a terminal or nothing"
            )
        copy = self._held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - held by the stack
        try:
            # One byte more than is examined says that it is too large.
            left = DEFAULT_LIMITS.max_asset_bytes + 1
            while chunk := sys.stdin.buffer.read(min(_CHUNK_BYTES, left)):
                copy.write(chunk)
                left -= len(chunk)
            copy.flush()
        except OSError as error:
            raise SourceError(f"standard input: cannot be copied: {error.strerror}") from error
        return copy.fileno()


class _Printer:
    """Prints one outcome after the other; keeps nothing of any."""

    def __init__(
        self, progress: Progress | None, *, require: Requirement, as_json: bool, explain: bool
    ) -> None:
        self._progress = progress
        self._require = require
        self._as_json = as_json
        self._explain = explain
        self._examined = 0

    def print(self, item: Input | Notice, outcome: _Outcome) -> ExitCode | None:
        """Print what is known about one input; its exit code, if it has a say."""
        if isinstance(item, Notice):
            with self._hidden():
                say(item.message)
            return ExitCode.USAGE if item.failed else None
        if self._progress:
            self._progress.show(item.shown)
        complaint: Exception | None = None
        answer, code = "", ExitCode.INTERNAL
        try:
            report = _report_of(outcome)
            answer = self._render(report, item.shown)
            code = exit_code_of(report, self._require.value)
        except SourceError as error:
            complaint, code = error, ExitCode.USAGE
        except IsolationError:
            # Without workers there is no answer about any of the others either.
            raise
        except Exception as error:  # noqa: BLE001 - a bug met in one file must not hide the others
            complaint = error
        with self._hidden():
            if isinstance(complaint, SourceError):
                say(str(complaint))
            elif complaint is not None:
                explain_bug(complaint, during=item.shown)
            elif self._as_json:
                write_document(answer)
            else:
                # An empty line between two answers.
                write_text(f"\n{answer}" if self._examined else answer)
        self._examined += 1
        return code

    def _hidden(self) -> AbstractContextManager[None]:
        return self._progress.hidden() if self._progress else nullcontext()

    def _render(self, report: Report, shown: str) -> str:
        if self._as_json:
            return report.model_dump_json()
        # It names the report's models, which take long to import.
        from provenance.cli.render import render_report

        return render_report(
            report, name=shown, colour=wants_colour(sys.stdout), explain=self._explain
        )


def _report_of(outcome: _Outcome) -> Report:
    if isinstance(outcome, Future):
        return outcome.result()
    assert outcome is not None  # noqa: S101 - a notice has no outcome, and is told apart before
    raise outcome


def _progress(files: Sequence[str], *, recursive: bool) -> Any:
    if not sys.stderr.isatty():
        return nullcontext()
    count = 0
    for item in find_inputs(files, recursive=recursive, look_for_sidecars=False):
        count += isinstance(item, Input)
    if count <= _PROGRESS_ABOVE_FILES:
        return nullcontext()
    # Only a terminal needs rich.
    from provenance.cli.progress import Progress

    return Progress(count)
