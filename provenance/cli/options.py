"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AtOption",
    "DirectoryOption",
    "FragmentOption",
    "SidecarOption",
    "TimeStampListOption",
    "TrustListOption",
]

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="FILE",
        help="Agency directory (JSON). Without one, nothing can be called official.",
    ),
]
TrustListOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-list",
        metavar="[NAME=]FILE",
        help="List (PEM) of anchors that vouch for signers; may be given several times.",
    ),
]
TimeStampListOption = Annotated[
    list[str] | None,
    typer.Option(
        "--time-stamp-list",
        metavar="[NAME=]FILE",
        help="List (PEM) of anchors that vouch for time-stamps; may be given several times.",
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="Judge as of this time (RFC 3339, 2026-05-01T12:00:00Z) instead of now.",
    ),
]
SidecarOption = Annotated[
    Path | None,
    typer.Option(
        "--sidecar",
        metavar="FILE",
        help="Credentials kept beside the one file that is examined. Without this option, "
        "NAME.EXT.c2pa or NAME.c2pa beside the file is used.",
    ),
]
FragmentOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--fragment",
        metavar="FILE",
        help="Fragment of the one initialisation segment that is examined; may be given "
        "several times, in order.",
    ),
]
