"""Options and small readings that the directory commands share."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.key_options import first_line
from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.signing.directory_draft import Limits
    from provenance.signing.directory_folder import Account
    from provenance.signing.directory_keys import Passphrases

__all__ = [
    "ArtistOption",
    "ByOption",
    "EvidenceOption",
    "KindOption",
    "MaybeEvidenceOption",
    "NotAfterOption",
    "NotBeforeOption",
    "PassphraseOption",
    "WorkArgument",
    "account_of",
    "limits_of",
    "pairs_of",
    "passphrases_of",
]

WorkArgument = Annotated[
    Path, typer.Argument(metavar="WORK", help="Working folder, made by `directory init`.")
]
ByOption = Annotated[
    str, typer.Option("--by", metavar="PERSON", help="Who answers for it, for the journal.")
]
EvidenceOption = Annotated[
    str,
    typer.Option(
        "--evidence",
        metavar="TEXT",
        help="What was checked, by whom, where the record is; for the journal.",
    ),
]
MaybeEvidenceOption = Annotated[
    str, typer.Option("--evidence", metavar="TEXT", help="Why, for the journal.")
]
PassphraseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase-file",
        metavar="[KEY=]FILE",
        help="File whose first line opens the key of this name, or every key; may be given "
        "several times. Otherwise the terminal is asked.",
    ),
]
ArtistOption = Annotated[
    list[str] | None,
    typer.Option("--artist", metavar="NAME", help="Only for this artist; may be repeated."),
]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only for image, video, audio or document; may be repeated.",
    ),
]
NotBeforeOption = Annotated[
    str | None,
    typer.Option("--not-before", metavar="TIME", help="Counts from this time on (RFC 3339)."),
]
NotAfterOption = Annotated[
    str | None,
    typer.Option("--not-after", metavar="TIME", help="Counts until this time (RFC 3339)."),
]


def account_of(by: str, evidence: str = "") -> Account:
    """Who answers for what is done now, by the machine's clock?"""
    from provenance.runtime.clock import system_clock
    from provenance.signing.directory_folder import Account

    return Account(at=system_clock(), by=by, evidence=evidence)


def limits_of(
    not_before: str | None,
    not_after: str | None,
    artists: Sequence[str] | None,
    kinds: Sequence[str] | None,
) -> Limits:
    """Which limits do these options set?

    Raises:
        ConfigurationError: A time is none.
    """
    from provenance.cli.judge import parse_time
    from provenance.signing.directory_draft import Limits

    return Limits(
        not_before=parse_time(not_before, option="--not-before"),
        not_after=parse_time(not_after, option="--not-after"),
        artists=artists or None,
        media_kinds=kinds or None,
    )


def pairs_of(given: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Which pairs do entries of the form NAME=VALUE make?

    Raises:
        ConfigurationError: One of them is of another form.
    """
    pairs = []
    for entry in given:
        name, found, value = entry.partition("=")
        if not found or not name or not value:
            raise ConfigurationError(f"{option}: expected NAME=VALUE, got {entry!r:.60}")
        pairs.append((name, value))
    return pairs


def passphrases_of(files: Sequence[str] | None, *, new: bool = False) -> Passphrases:
    """How does a command come by the passphrase of a key?

    Args:
        files: What `--passphrase-file` was given.
        new: It is for a key that is being made: the terminal asks twice.
    """
    named: dict[str | None, Path] = {}
    for entry in files or ():
        name, found, file = entry.partition("=")
        named[name if found else None] = Path(file if found else entry)

    def ask(name: str) -> bytes | None:
        path = named.get(name, named.get(None))
        if path is not None:
            return first_line(path)
        if sys.stdin is None or not sys.stdin.isatty():
            return None
        typed = getpass.getpass(f"Passphrase of {name}: ")
        if new and getpass.getpass(f"Again, passphrase of {name}: ") != typed:
            raise ConfigurationError(f"key {name}: the two passphrases are not the same")
        return typed.encode() or None

    return ask
