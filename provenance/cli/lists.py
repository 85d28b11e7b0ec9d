"""`provenance lists`: the trust lists that are judged with unless told otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.streams import say, write_document, write_text
from provenance.cli.terminal import printable, wrap
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.runtime.list_store import ListStore, StoredList
    from provenance.trust.certificates import Certificate

__all__ = ["lists"]

lists = typer.Typer(
    help="Keep trust lists, each apart from the others, to judge with.", rich_markup_mode=None
)


class Purpose(StrEnum):
    """What the anchors of a list may vouch for."""

    CLAIM = "claim"
    TIME_STAMP = "time-stamp"
    IDENTITY = "identity"


def _store() -> ListStore:
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.runtime.list_store import ListStore
    from provenance.runtime.settings import load_settings

    return ListStore(load_settings().home)


@lists.command("add")
def add(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What reports will call it.")],
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="PEM, or the JSON form of the C2PA trust list."),
    ],
    purpose: Annotated[
        Purpose, typer.Option("--purpose", help="What its certificates may vouch for.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="TEXT", help="Where it came from; by default, FILE's name."
        ),
    ] = None,
    dated: Annotated[
        str | None,
        typer.Option(
            "--dated",
            metavar="TIME",
            help="When it was issued or fetched (RFC 3339); by default, what the list says.",
        ),
    ] = None,
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="What readers of reports should know."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a list of that name.")
    ] = False,
) -> None:
    """Keep a copy of a trust list, to judge with from now on."""
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.judge import parse_time
    from provenance.runtime.clock import system_clock
    from provenance.trust.lists import ListPurpose

    added = _store().add(
        name,
        file,
        purpose=ListPurpose(purpose.value),
        at=system_clock(),
        source=source,
        dated=parse_time(dated, option="--dated"),
        note=note,
        replacing=replace,
    )
    write_text("\n".join(_lines(added, verbose=False)))


@lists.command("show")
def show(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a line.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print every certificate, and when it is trusted."),
    ] = False,
) -> None:
    """Show the trust lists that are kept; exit status 2 if one cannot be used."""
    store = _store()
    names = store.names()
    damaged = False
    for name in names:
        try:
            stored = store.load(name)
        except ConfigurationError as error:
            # The others are still worth showing.
            say(str(error))
            damaged = True
            continue
        if as_json:
            write_document(json.dumps(_document(stored), ensure_ascii=False))
        else:
            write_text("\n".join(_lines(stored, verbose=verbose)))
    if not names:
        say("no trust lists are kept")
    if damaged:
        raise typer.Exit(ExitCode.USAGE)


@lists.command("remove")
def remove(*, name: Annotated[str, typer.Argument(metavar="NAME", help="Which one.")]) -> None:
    """Take a trust list away; reports already made keep naming it."""
    _store().remove(name)
    write_text(f"removed: {printable(name)}")


def _lines(stored: StoredList, *, verbose: bool) -> Iterator[str]:
    # It names the report's models, which take long to import.
    from provenance.cli.moments import moment_text

    kept = stored.trust_list
    count = f"{kept.certificates} certificate{'' if kept.certificates == 1 else 's'}"
    yield f"{kept.name}: {kept.purpose.value}, {count}"
    facts = {
        "SHA-256": kept.sha256,
        "Source": printable(kept.source),
        "Dated": "unknown" if kept.dated is None else moment_text(kept.dated),
        "Added": moment_text(stored.added_at),
    }
    if kept.note:
        facts["Note"] = printable(kept.note)
    for label, text in facts.items():
        yield from wrap(text, first=f"  {label:<12}")
    if verbose:
        for anchor in kept.anchors:
            yield from _anchor_lines(stored, anchor)
        for sha256 in sorted(kept.end_entities):
            yield from wrap(f"only itself, SHA-256 {sha256}", first=f"  {'Certificate':<12}")


def _anchor_lines(stored: StoredList, anchor: Certificate) -> Iterator[str]:
    # It names the report's models, which take long to import.
    from provenance.cli.moments import moment_text

    yield from wrap(
        f"{printable(_name(anchor))}, valid {moment_text(anchor.not_before)} to "
        f"{moment_text(anchor.not_after)}, SHA-256 {anchor.sha256}",
        first=f"  {'Anchor':<12}",
    )
    windows = stored.trust_list.windows.get(anchor.sha256)
    if windows is None:
        return
    for start, end in windows:
        until = "until further notice" if end is None else f"to {moment_text(end)}"
        yield from wrap(f"trusted {moment_text(start)} {until}", first=" " * 14)
    if not windows:
        yield from wrap("no longer trusted at any time", first=" " * 14)


def _name(anchor: Certificate) -> str:
    return anchor.says_common_name or anchor.says_organization or "without a name"


def _document(stored: StoredList) -> dict[str, Any]:
    kept = stored.trust_list
    return {
        "name": kept.name,
        "purpose": kept.purpose.value,
        "certificates": kept.certificates,
        "sha256": kept.sha256,
        "source": kept.source,
        "dated": kept.dated and kept.dated.isoformat(),
        "added_at": stored.added_at.isoformat(),
        "note": kept.note,
        "anchors": [
            {
                "says_name": _name(anchor),
                "sha256": anchor.sha256,
                "not_before": anchor.not_before.isoformat(),
                "not_after": anchor.not_after.isoformat(),
                "windows": None
                if (windows := kept.windows.get(anchor.sha256)) is None
                else [
                    {"from": start.isoformat(), "to": end and end.isoformat()}
                    for start, end in windows
                ],
            }
            for anchor in kept.anchors
        ],
        "end_entities": sorted(kept.end_entities),
    }
