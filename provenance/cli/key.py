"""`provenance key`: keys to sign releases with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.key_options import PassphraseFileOption, UnsafePlainKeyOption, new_passphrase
from provenance.cli.streams import write_text

__all__ = ["key"]

_OF_THE_SERVICE = "EdDSA"

key = typer.Typer(help="Make keys to sign releases with.", rich_markup_mode=None)


@key.callback()
def group() -> None:
    """Make keys to sign releases with."""


@key.command("new")
def new(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where it goes (PEM); not overwritten.")
    ],
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm", metavar="NAME", help="ES256, ES384, ES512, PS256, PS384, PS512, EdDSA."
        ),
    ] = "ES256",
    passphrase_file: PassphraseFileOption = None,
    unsafe_plain_key: UnsafePlainKeyOption = False,
) -> None:
    """Make a key, encrypted with a passphrase. Hardware keeps keys better."""
    from provenance.signing.private_keys import generate_key, write_new_key

    made = generate_key(algorithm)
    passphrase = None if unsafe_plain_key else new_passphrase(passphrase_file, name=str(file))
    write_new_key(file, made, passphrase=passphrase, unsafe_plain=unsafe_plain_key)
    request = (
        f"provenance cert request REQUEST.csr --key {file} --common-name ... --organization ... "
        "--country KR"
    )
    if algorithm == _OF_THE_SERVICE and unsafe_plain_key:
        # It is read at every start of the service, and nobody is there to open it.
        write_text(
            f"{algorithm} key: {file}\n"
            f"  for the service, next: name it as signing_key in its settings\n"
            f"  for releases, next: {request}"
        )
        return
    write_text(f"{algorithm} key: {file}\n  next: {request}")
