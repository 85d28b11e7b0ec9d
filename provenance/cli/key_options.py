"""Options of the commands that sign: the key, its certificate and what opens the key."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.runtime.signing_keys import KeySpec

__all__ = [
    "PASSPHRASE_VARIABLE",
    "CertificateOption",
    "KeyOption",
    "PassphraseFileOption",
    "UnsafePlainKeyOption",
    "first_line",
    "given_passphrase",
    "key_spec",
    "new_passphrase",
]

PASSPHRASE_VARIABLE = "PROVENANCE_KEY_PASSPHRASE"  # noqa: S105 - a name, no passphrase
_MAX_PASSPHRASE_BYTES = 4096

KeyOption = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Signing key: a file (PEM), a token (pkcs11:token=...;object=...?module-path=...), "
        "or python:MODULE:FUNCTION.",
    ),
]
CertificateOption = Annotated[
    Path,
    typer.Option(
        "--certificate",
        metavar="FILE",
        help="Certificate of the key and those above it (PEM), its own first.",
    ),
]
PassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File whose first line is the key's passphrase or the token's PIN. Otherwise "
        f"{PASSPHRASE_VARIABLE} has it, or the terminal is asked.",
    ),
]
UnsafePlainKeyOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-plain-key",
        help="Permit a key without a passphrase: whoever reads the file can sign.",
    ),
]


def key_spec(
    key: str,
    certificate: Path,
    passphrase_file: Path | None,
    unsafe_plain: bool,  # noqa: FBT001 - in the order of the options
    *,
    algorithm: str | None = None,
) -> KeySpec:
    """Which key do these options name, with what opens it?

    The terminal is asked only where the key is encrypted or in a token, and no file and
    no variable says it.

    Raises:
        ConfigurationError: A file cannot be read.
        SigningKeyError: The name of the key cannot be used.
    """
    from provenance.runtime.signing_keys import KeySpec, secret_of_key

    passphrase = None
    secret = secret_of_key(key)
    if secret is not None:
        passphrase = given_passphrase(passphrase_file)
        if passphrase is None and _on_a_terminal():
            # The query of a URI says where the module is; the PIN is for what comes before.
            typed = typer.prompt(
                f"{secret} of {key.partition('?')[0]}", hide_input=True, default="", err=True,
                show_default=False,
            )  # fmt: skip
            passphrase = typed.encode() or None
    return KeySpec(
        key=key,
        certificate=certificate,
        passphrase=passphrase,
        unsafe_plain=unsafe_plain,
        algorithm=algorithm,
    )


def given_passphrase(passphrase_file: Path | None) -> bytes | None:
    """What does the file say, or the environment, if nobody is to be asked?

    Raises:
        ConfigurationError: The file cannot be read, or is empty.
    """
    if passphrase_file is not None:
        return first_line(passphrase_file)
    return os.environ.get(PASSPHRASE_VARIABLE, "").encode() or None


def new_passphrase(passphrase_file: Path | None, *, name: str) -> bytes | None:
    """Which passphrase is a new key to have? The terminal is asked twice.

    Raises:
        ConfigurationError: The file cannot be read, or is empty.
    """
    given = given_passphrase(passphrase_file)
    if given is not None or not _on_a_terminal():
        return given
    typed: str = typer.prompt(
        f"New passphrase of {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return typed.encode()


def _on_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def first_line(path: Path) -> bytes:
    """Which passphrase is in the first line of this file?

    Raises:
        ConfigurationError: The file cannot be read, or the line is empty.
    """
    # Opened as it is: shells give a password manager's answer as a pipe.
    try:
        with path.open("rb") as stream:
            line = stream.readline(_MAX_PASSPHRASE_BYTES).rstrip(b"\r\n")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    if not line:
        raise ConfigurationError(f"{path}: expected a passphrase in its first line, got none")
    return line
