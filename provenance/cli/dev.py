"""`provenance dev`: a throw-away agency, for trials only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.streams import write_text
from provenance.errors import ConfigurationError

__all__ = ["dev"]

dev = typer.Typer(
    help="TEST: try things out with a throw-away agency. Never for releases.",
    rich_markup_mode=None,
)

# The common name of a certificate may have 64 characters, and more words follow the name.
# RFC 5280 appendix A.1 (ub-common-name).
_MAX_NAME = 40
_MAX_DAYS = 3650


@dev.command("new-agency")
def new_agency(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="English name.")
    ] = "Aurora Entertainment",
    name_ko: Annotated[
        str, typer.Option("--name-ko", metavar="NAME", help="Korean name.")
    ] = "오로라 엔터테인먼트",
    artist: Annotated[
        list[str] | None,
        typer.Option(
            "--artist",
            metavar="NAME",
            help="Artist it signs for; may be given several times. By default NOVA9.",
        ),
    ] = None,
    days: Annotated[
        int,
        typer.Option("--days", min=1, max=_MAX_DAYS, help="How long its signing key lasts."),
    ] = 90,
) -> None:
    """TEST: make a throw-away agency: keys, certificates and a directory that lists it."""
    for given in (name, name_ko):
        if not 0 < len(given) <= _MAX_NAME or not given.isprintable():
            raise ConfigurationError(
                f"name of the agency: expected 1 to {_MAX_NAME} printable characters, "
                f"got {len(given)}"
            )
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.runtime.clock import system_clock
    from provenance.signing.dev_agency import create_dev_agency
    from provenance.signing.dev_agency_folder import write_dev_agency

    agency = create_dev_agency(
        name=name,
        name_ko=name_ko,
        organization=name,
        artists=artist or ["NOVA9"],
        at=system_clock(),
        validity_days=days,
    )
    write_dev_agency(agency, folder, passphrase=None)
    write_text(
        f"TEST agency {name}, not for releases: {folder}\n"
        f"  sign:    provenance dev sign IN OUT --agency {folder}\n"
        f"  verify:  provenance verify OUT --directory {folder / 'directory.json'}"
    )


@dev.command("sign")
def sign(
    *,
    source: Annotated[Path, typer.Argument(metavar="IN", help="File to sign; it is not changed.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Signed copy; not overwritten.")],
    agency: Annotated[
        Path, typer.Option("--agency", metavar="DIR", help="Folder made by new-agency.")
    ],
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="Title; by default, IN's name.")
    ] = None,
    source_type: Annotated[
        str,
        typer.Option(
            "--source-type", metavar="TERM", help="How IN came to be, a term of the IPTC."
        ),
    ] = "digitalCapture",
) -> None:
    """TEST: sign a copy of a file as a throw-away agency. Nobody should believe it."""
    # Not at the top of the module: `--help` and a mistyped option answer at once.
    from provenance.cli.dev_signing import sign_copy

    sign_copy(
        source,
        out,
        agency=agency,
        title=title or source.name,
        source_type=source_type,
    )
    write_text(f"TEST signature, not for releases: {out}")
