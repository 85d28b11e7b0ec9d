"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AtOption",
    "DirectoryOption",
    "FetchOption",
    "FragmentOption",
    "IdentityListOption",
    "MaxDirectoryAgeOption",
    "NetworkAllowOption",
    "NoStoredListsOption",
    "RegisterToAskOption",
    "SecondEngineOption",
    "SidecarOption",
    "TimeStampListOption",
    "TrustListOption",
]

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="PLACE",
        help="Agency directory: a file (JSON), or a folder that `provenance directory update` "
        "keeps. Without one, nothing can be called official.",
    ),
]
MaxDirectoryAgeOption = Annotated[
    int | None,
    typer.Option(
        "--max-directory-age",
        metavar="DAYS",
        min=0,
        max=36_500,
        help="Call nothing official by a directory that was issued longer ago.",
    ),
]
RegisterToAskOption = Annotated[
    str | None,
    typer.Option(
        "--register",
        metavar="PLACE",
        help="Register of releases to ask: a file (SQLite), or postgresql://... . By default the "
        "one of the settings, else this user's, if there is one.",
    ),
]
TrustListOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-list",
        metavar="[NAME=]FILE",
        help="List (PEM or JSON) of anchors that vouch for signers; may be given several times.",
    ),
]
TimeStampListOption = Annotated[
    list[str] | None,
    typer.Option(
        "--time-stamp-list",
        metavar="[NAME=]FILE",
        help="List (PEM or JSON) of anchors that vouch for time-stamps; may be given several "
        "times.",
    ),
]
IdentityListOption = Annotated[
    list[str] | None,
    typer.Option(
        "--identity-list",
        metavar="[NAME=]FILE",
        help="List (PEM or JSON) of anchors that vouch for statements of identity (CAWG); may be "
        "given several times.",
    ),
]
NoStoredListsOption = Annotated[
    bool,
    typer.Option(
        "--no-stored-lists",
        help="Judge without the lists that `provenance lists` keeps.",
    ),
]
FetchOption = Annotated[
    bool,
    typer.Option(
        "--fetch",
        help="Ask the issuer of a recognised signer, over the network, whether the certificate "
        "was revoked. Tells the issuer that somebody examines a file of this signer.",
    ),
]
NetworkAllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--network-allow",
        metavar="HOST:PORT",
        help="With --fetch: also ask this host, although its address or port is not a public "
        "one; may be given several times.",
    ),
]
SecondEngineOption = Annotated[
    bool,
    typer.Option(
        "--second-engine",
        help="Also ask a second, independent C2PA engine about the bytes (offline). Where the "
        "two contradict each other, the file could not be checked.",
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
