"""`provenance blocklist list | disable | enable`: the brake on the block list."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.streams import write_text
from provenance.cli.terminal import printable
from provenance.errors import ConfigurationError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    # The database's library takes long to import: `--help` does without it.
    from provenance.moderation.outcomes.block_keeper import BlockKeeper

__all__ = ["blocklist"]

blocklist = typer.Typer(
    help="The block list of moderation: what it holds, and how it is stopped.",
    rich_markup_mode=None,
)
RegisterOption = Annotated[
    str | None, typer.Option("--register", metavar="PLACE", help="As for `provenance serve`.")
]
EntryArgument = Annotated[
    str, typer.Argument(metavar="ENTRY", help="The entry's name, from `blocklist list`.")
]


@blocklist.command("list")
def list_(
    *,
    decision: Annotated[
        str | None, typer.Option("--decision", metavar="ID", help="Only entries of this decision.")
    ] = None,
    register: RegisterOption = None,
) -> None:
    """List the entries: name, state, algorithm, value, hits, decision."""
    with _keeper(register) as keeper:
        for entry in keeper.entries(decision=decision):
            write_text("  ".join([
                entry.id,
                entry.state.value,
                entry.algorithm.value,
                entry.value,
                str(entry.hits),
                printable(entry.decision),
            ]))  # fmt: skip


@blocklist.command("disable")
def disable(
    *,
    entry: EntryArgument,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="For the audit.")],
    hours: Annotated[
        int | None,
        typer.Option("--hours", min=1, max=24 * 365, help="For so long; else until `enable`."),
    ] = None,
    register: RegisterOption = None,
) -> None:
    """Let an entry block nothing from now on. It is written down in the audit."""
    from datetime import timedelta

    from provenance.runtime.clock import system_clock

    now = system_clock()
    until = None if hours is None else now + timedelta(hours=hours)
    with _keeper(register) as keeper:
        changed = keeper.disable(entry, why=why, by="operator", now=now, until=until)
    write_text(f"{changed.id}: {changed.state.value}")


@blocklist.command("enable")
def enable(*, entry: EntryArgument, register: RegisterOption = None) -> None:
    """Let an entry count again that was disabled or quarantined."""
    from provenance.runtime.clock import system_clock

    with _keeper(register) as keeper:
        changed = keeper.enable(entry, by="operator", now=system_clock())
    write_text(f"{changed.id}: {changed.state.value}")


@contextmanager
def _keeper(register: str | None) -> Iterator[BlockKeeper]:
    from provenance.moderation.audit import AuditLog
    from provenance.moderation.outcomes.block_keeper import BlockKeeper
    from provenance.runtime.outcome_parts import open_engine

    try:
        with open_engine(register) as engine:
            yield BlockKeeper(engine, AuditLog(engine))
    except ConflictError as error:
        raise ConfigurationError(str(error)) from error
