"""`provenance serve`: the HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.options import DirectoryOption

__all__ = ["serve"]


def serve(
    *,
    directory: DirectoryOption = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Listen here; by default on this machine only."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Listen on this port (8080); 0 for any."),
    ] = None,
    register: Annotated[
        str | None,
        typer.Option(
            "--register",
            metavar="PLACE",
            help="The database of register and service: a file, or postgresql://...; several "
            "processes on one PostgreSQL are one service. By default a file of its own.",
        ),
    ] = None,
    policies: Annotated[
        Path | None,
        typer.Option("--policies", metavar="DIR", help="Folder of policies (*.yaml)."),
    ] = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Test mode: only with a test directory, test policies and test keys, and every "
            "answer says so.",
        ),
    ] = False,
) -> None:
    """Verify uploads over HTTP, until stopped. The log goes to standard error.

    Everything else is in the settings: the table [service], or PROVENANCE_SERVICE_*.
    """
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.runtime.settings import load_settings
    from provenance.service.server import serve as run

    given = {
        "host": host,
        "port": port,
        "policies": policies,
        "test": test or None,
    }
    settings = load_settings(directory=directory, register=register)
    update = {name: value for name, value in given.items() if value is not None}
    run(settings.model_copy(update={"service": settings.service.model_copy(update=update)}))
