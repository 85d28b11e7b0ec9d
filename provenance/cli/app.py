"""The application that reads a command line: its own options, above those of the subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from provenance.cli.commands import CommandTable
from provenance.cli.streams import write_text

__all__ = ["app"]

app = typer.Typer(
    name="provenance",
    cls=CommandTable,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version_asked(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        # Reading the installed package's metadata is slow, and rarely asked for.
        from importlib.metadata import version

        write_text(f"provenance {version('provenance-verifier')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_version_asked, is_eager=True
        ),
    ] = False,
) -> None:
    """Say who released a photo, clip, track or document, and whether it is unchanged.

    Not whether what it shows is so, and nothing against a file without credentials.
    """
