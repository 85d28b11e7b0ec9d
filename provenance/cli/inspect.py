"""`provenance inspect`: what one file says of its own making."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.inputs import Input, find_inputs
from provenance.cli.options import (
    AtOption,
    DirectoryOption,
    FragmentOption,
    IdentityListOption,
    MaxDirectoryAgeOption,
    NoStoredListsOption,
    SidecarOption,
    TimeStampListOption,
    TrustListOption,
)
from provenance.cli.streams import say, write_document, write_text
from provenance.cli.terminal import wants_colour
from provenance.errors import ConfigurationError, LimitError, SourceError

if TYPE_CHECKING:
    # Cryptography and the engine take long to import: `--help` does without them.
    from provenance.report import Report

__all__ = ["inspect"]


def inspect(  # noqa: PLR0913 - the options of the command
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="File; - is standard input.")],
    directory: DirectoryOption = None,
    max_directory_age: MaxDirectoryAgeOption = None,
    trust_list: TrustListOption = None,
    time_stamp_list: TimeStampListOption = None,
    identity_list: IdentityListOption = None,
    no_stored_lists: NoStoredListsOption = False,
    at: AtOption = None,
    sidecar: SidecarOption = None,
    fragment: FragmentOption = None,
    crjson: Annotated[
        bool,
        typer.Option(
            "--crjson",
            help="Print the credentials as the engine reads them, in crJSON; exit status 3 if "
            "there are none.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="OUT", help="Draw the history into this file.")
    ] = None,
) -> None:
    """Show what a file says of its making: actions, tools, times, signers, ingredients.

    Exit status 0 whatever the verdict: `provenance verify` is for deciding.
    """
    if crjson and (as_json or svg is not None):
        raise typer.BadParameter("--crjson goes with neither --json nor --svg")
    item = _find(file, sidecar)
    beside = sidecar or item.sidecar
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.judge import make_verifier, parse_time, setup_of

    moment = parse_time(at)
    setup = setup_of(
        directory=directory,
        max_directory_age_days=max_directory_age,
        trust_lists=trust_list or (),
        time_stamp_lists=time_stamp_list or (),
        identity_lists=identity_list or (),
        stored_lists=not no_stored_lists,
    )
    verifier = make_verifier(setup, at=moment, judging=not crjson)
    if crjson:
        try:
            document = verifier.crjson(_source(item), sidecar=beside)
        except LimitError as error:
            say(str(error))
            raise typer.Exit(ExitCode.UNDETERMINED) from error
        _print_crjson(document, item)
        return
    report = verifier.verify(_source(item), sidecar=beside, fragments=fragment or (), at=moment)
    if svg is not None:
        _write_svg(report, svg, item, beside)
    if as_json:
        write_document(report.model_dump_json())
    else:
        write_text(_text(report, item.shown))


def _find(file: str, sidecar: Path | None) -> Input:
    for item in find_inputs([file], recursive=False, look_for_sidecars=sidecar is None):
        if isinstance(item, Input):
            return item
        if item.failed:
            raise SourceError(item.message)
        say(item.message)
    raise AssertionError("a name gives a file or a failure")


def _source(item: Input) -> Any:
    if item.path is not None:
        return item.path
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError("standard input: expected a file or a pipe, got a terminal or nothing")
    return sys.stdin.buffer


def _print_crjson(document: dict[str, Any] | None, item: Input) -> None:
    if document is None:
        say(f"{item.shown}: no credentials that can be read")
        raise typer.Exit(ExitCode.NO_CREDENTIALS)
    # Only this option needs it.
    import json

    write_document(json.dumps(document, ensure_ascii=True, indent=2))


def _text(report: Report, shown: str) -> str:
    # They name the report's models, which take long to import.
    from provenance.cli.history_tree import render_history
    from provenance.cli.render import render_heading, signer_text, time_text
    from provenance.cli.terminal import wrap

    lines = list(render_heading(report, name=shown, colour=wants_colour(sys.stdout)))
    if report.manifest is not None:
        lines += wrap(f"signed {time_text(report.time)}", first="      ")
        lines += wrap(f"signer: {signer_text(report.signer)}", first="      ")
    return "\n".join([*lines, "", render_history(report)])


def _is_svg(path: Path) -> bool:
    """Is this an earlier picture, which may be replaced?"""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return b"<svg" in stream.read(512)


def _write_svg(report: Report, out: Path, item: Input, sidecar: str | Path | None) -> None:
    for path in (item.path, sidecar):
        if path is not None and out.exists() and os.path.samefile(out, path):  # noqa: PTH121 - one of the two is a plain string
            raise ConfigurationError(f"{out}: is what is being inspected; it is not overwritten")
    if out.exists() and not _is_svg(out):
        raise ConfigurationError(f"{out}: is there already and is no SVG; it is not overwritten")
    # Only this option needs them.
    from provenance.atomic_files import new_file
    from provenance.cli.graph_svg import graph_svg

    with new_file(out, replace=True) as stream:
        stream.write(graph_svg(report, name=item.shown).encode())
