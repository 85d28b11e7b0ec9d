"""`provenance key`: keys to sign releases with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.key_options import PassphraseFileOption, UnsafePlainKeyOption, new_passphrase
from provenance.cli.streams import write_text

__all__ = ["key"]

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
    write_text(
        f"{algorithm} key: {file}\n"
        f"  next: provenance cert request REQUEST.csr --key {file} --common-name ... "
        "--organization ... --country KR"
    )
