"""The subcommands: what `--help` says of each, and where it is loaded from when it is asked for.

Twenty subcommands together load most of the program, and a command line runs one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

__all__ = ["COMMANDS", "CommandTable", "Subcommand", "load"]


@dataclass(frozen=True)
class Subcommand:
    """One subcommand, not loaded.

    Attributes:
        place: Module and name of its function, or of its own subcommands.
        summary: The first sentence of its help; a test holds it to be that.
        epilog: Module and name of what stands at the end of its help.
    """

    place: str
    summary: str
    epilog: str | None = None


COMMANDS: Mapping[str, Subcommand] = MappingProxyType(
    {
        "verify": Subcommand(
            "provenance.cli.verify:verify",
            "Say who released each file, and whether it is unchanged.",
            "provenance.cli.exit_codes:EXIT_CODES_HELP",
        ),
        "sign": Subcommand(
            "provenance.cli.sign:sign",
            "Sign a release: every output is verified, and kept only if it is official.",
            "provenance.cli.sign:SIGN_EXIT_CODES",
        ),
        "stamp": Subcommand(
            "provenance.cli.stamp:stamp",
            "Add a later time-stamp to a release, before its certificate expires.",
            "provenance.cli.stamp:STAMP_EXIT_CODES",
        ),
        "inspect": Subcommand(
            "provenance.cli.inspect:inspect",
            "Show what a file says of its making: actions, tools, times, signers, ingredients.",
        ),
        "compare": Subcommand(
            "provenance.cli.compare:compare",
            "Say how a copy differs from a release, and where.",
            "provenance.cli.compare:COMPARE_EXIT_CODES",
        ),
        "codes": Subcommand(
            "provenance.cli.codes:codes",
            "Print every finding that a report may hold, and what it means.",
        ),
        "replay": Subcommand(
            "provenance.cli.replay:replay",
            "Verify the files of old reports again, and print what would change and why.",
            "provenance.cli.replay:REPLAY_EXIT_CODES",
        ),
        "serve": Subcommand(
            "provenance.cli.serve:serve", "Verify uploads over HTTP, until stopped."
        ),
        "release": Subcommand(
            "provenance.cli.sign:release",
            "Plan a release: see what becomes public before it is signed.",
        ),
        "lists": Subcommand(
            "provenance.cli.lists:lists",
            "Keep trust lists, each apart from the others, to judge with.",
        ),
        "directory": Subcommand(
            "provenance.cli.directory:directory",
            "The agency directory: keep and publish one, or fetch, show and compare it.",
        ),
        "register": Subcommand(
            "provenance.cli.register:register",
            "The register of releases: keep one, look into it, mend it.",
        ),
        "log": Subcommand(
            "provenance.cli.log:log", "The release log: keep one, prove what is in it, watch it."
        ),
        "key": Subcommand("provenance.cli.key:key", "Make keys to sign releases with."),
        "cert": Subcommand(
            "provenance.cli.cert:cert", "Ask for a signing certificate, and check one."
        ),
        "report": Subcommand(
            "provenance.cli.report:report", "Sign reports, and check signed ones offline."
        ),
        "service": Subcommand(
            "provenance.cli.service_keys:service",
            "The HTTP API: who may use it, and its key for complaints.",
        ),
        "staff": Subcommand(
            "provenance.cli.staff:staff", "Members of the staff: who may sign in, and as what."
        ),
        "bulk": Subcommand(
            "provenance.cli.bulk:bulk",
            "Archives of any size: folders and object stores, on this machine or on a Ray cluster.",
        ),
        "evidence": Subcommand("provenance.cli.evidence:evidence", "Evidence of decided cases."),
        "audit": Subcommand("provenance.cli.audit:audit", "The audit of moderation."),
        "blocklist": Subcommand(
            "provenance.cli.blocklist:blocklist",
            "The block list of moderation: what it holds, and how it is stopped.",
        ),
        "dev": Subcommand(
            "provenance.cli.dev:dev", "TEST: try things out with a throw-away agency."
        ),
    }
)


class CommandTable(TyperGroup):
    """The group of all subcommands: lists them from the table, and loads the one asked for."""

    def __init__(self, **attributes: Any) -> None:
        stand_ins: dict[str, Any] = {
            name: TyperCommand(name, help=entry.summary) for name, entry in COMMANDS.items()
        }
        super().__init__(**{**attributes, "commands": stand_ins})
        self._stand_ins = stand_ins

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002
        """The subcommand of this name, loaded; None where there is none."""
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the list of subcommands, from the table."""
        # A group that knows only the stand-ins loads nothing to list them.
        TyperGroup(commands=self._stand_ins).format_commands(ctx, formatter)


def load(name: str) -> Command:
    """The subcommand of this name, ready to be called."""
    entry = COMMANDS[name]
    found = resolve_name(entry.place)
    group = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        group.add_typer(found, name=name)
    else:
        group.command(name, epilog=resolve_name(entry.epilog) if entry.epilog else None)(found)
    return typer.main.get_group(group).commands[name]
