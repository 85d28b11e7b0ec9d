"""`provenance report sign | verify`: reports as somebody's word, checked without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.exit_codes import ExitCode
from provenance.cli.streams import say, write_text
from provenance.cli.terminal import printable

__all__ = ["REPORT_EXIT_CODES", "report"]

_MAX_BYTES = 64 * 1024**2
REPORT_EXIT_CODES = """\b
Exit status:
  0  the report is the word of a holder of one of these keys
  1  it is not
  2  usage, or a file that cannot be read
"""

report = typer.Typer(help="Sign reports, and check signed ones offline.", rich_markup_mode=None)


@report.callback()
def group() -> None:
    """Sign reports, and check signed ones offline."""


@report.command("sign")
def sign(
    *,
    file: Annotated[
        Path,
        typer.Argument(metavar="REPORT", help="One report as JSON, as `verify --json` has it."),
    ],
    key: Annotated[
        Path,
        typer.Option("--key", metavar="FILE", help="Ed25519 key (PEM, mode 600), not encrypted."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where it goes (JWS); not overwritten.")
    ],
) -> None:
    """Sign a report, byte for byte, as a compact JWS."""
    from provenance.atomic_files import new_file
    from provenance.errors import SourceError
    from provenance.jws.signed_report import sign_report
    from provenance.runtime.page_parts import read_service_key

    loaded = read_service_key(key)
    try:
        token = sign_report(_read(file), loaded)
    except ValueError as error:
        raise SourceError(f"{file}: {error}") from error
    with new_file(out, replace=False) as written:
        written.write(token.encode("ascii") + b"\n")
    write_text(f"signed report: {out}\n  key: {loaded.public['kid']}")


@report.command("verify", epilog=REPORT_EXIT_CODES)
def verify(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signed report (JWS).")],
    keys: Annotated[
        Path,
        typer.Option(
            "--keys",
            metavar="FILE",
            help="Public keys of whoever signed: a JWK set, as a service has it at "
            "/.well-known/provenance-keys.json, or PEM.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report itself.")] = False,
) -> int:
    """Say whose word a signed report is, and what it says. Asks nobody.

    It says what was judged then, not that it would still come out the same.
    """
    from provenance.jws.keys import load_public_keys
    from provenance.jws.signed_report import open_report

    known = load_public_keys(_read(keys), where=str(keys))
    opened = open_report(_read(file).decode("utf-8", "replace"), known)
    if opened is None:
        say(f"{file}: not signed with one of these keys, or not as a report")
        return ExitCode.NOT_MET
    found, document = opened
    if as_json:
        write_text(document.decode("utf-8"))
        return ExitCode.MET
    write_text(
        f"{printable(str(file))}: signed with a key of {printable(str(keys))}\n"
        f"  about SHA-256 {found.asset.sha256 or 'not known'}\n"
        f"  judged {found.context.verified_at.isoformat()}\n"
        f"  {found.verdict.value}: {printable(found.summary)}"
    )
    return ExitCode.MET


def _read(path: Path) -> bytes:
    from provenance.atomic_files import read_bounded

    return read_bounded(path, _MAX_BYTES)
