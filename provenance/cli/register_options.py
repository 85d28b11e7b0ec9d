"""Options and small readings that the commands about the register share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.streams import say
from provenance.errors import ConfigurationError, RegisterError

if TYPE_CHECKING:
    # SQLAlchemy and cryptography take long to import: `--help` does without them.
    from provenance.credentials.engine_signing import ClaimSigner
    from provenance.registry.register.register import Register

__all__ = [
    "EmbargoOption",
    "LogKeyFileOption",
    "LogOption",
    "LogPassphraseFileOption",
    "MaybePassphraseFileOption",
    "RegisterOption",
    "ReleaseArgument",
    "give_log",
    "known_release",
    "moment_text",
    "register_at",
    "signer_at",
    "split_release_name",
    "stating",
]

_MOST_LEFT_OUT = 10

RegisterOption = Annotated[
    str | None,
    typer.Option(
        "--register",
        metavar="PLACE",
        help="The register: a file (SQLite), or postgresql://... . By default the one of the "
        "settings, else a file of this user's, made on first use.",
    ),
]
ReleaseArgument = Annotated[
    str, typer.Argument(metavar="AGENCY/RELEASE", help="The release, by its ids.")
]
LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="LOG",
        help="Also give this release log what it does not have yet; under embargo, a salted "
        "commitment.",
    ),
]
LogKeyFileOption = Annotated[
    Path | None,
    typer.Option("--log-key", metavar="FILE", help="The log's key, if it is not LOG/keys/log.pem."),
]
LogPassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--log-passphrase-file",
        metavar="FILE",
        help="File whose first line opens the log's key. Otherwise the terminal is asked.",
    ),
]
MaybePassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File whose first line is the key's passphrase or the token's PIN.",
    ),
]
EmbargoOption = Annotated[
    str | None,
    typer.Option(
        "--embargo-until",
        metavar="TIME",
        help="Until this time (RFC 3339) nobody but the agency is to hear of these files.",
    ),
]


def register_at(
    given: str | None, directory: Path | None = None, *, read_only: bool = False
) -> Register:
    """The register, which takes what the agencies of this directory sign.

    Raises:
        RegisterError, ConfigurationError: It, or the directory, cannot be used.
    """
    from provenance.cli.log_options import agencies_of
    from provenance.runtime.register_at import open_register

    agencies = None if read_only else agencies_of(directory, takes_in=True)
    return open_register(given, read_only=read_only, agencies=agencies)


def split_release_name(text: str) -> tuple[str, str]:
    """Agency and release.

    Raises:
        ConfigurationError: There are not two ids with a slash between.
    """
    agency, slash, release = text.partition("/")
    if not (slash and agency and release):
        raise ConfigurationError(f"expected AGENCY/RELEASE, got {text!r:.80}")
    return agency, release


@contextmanager
def signer_at(
    key: str, certificate: Path, passphrase_file: Path | None, *, unsafe_plain: bool
) -> Iterator[ClaimSigner]:
    """The agency's signer.

    Raises:
        SigningKeyError, ConfigurationError: It cannot be used.
    """
    from provenance.cli.key_options import key_spec
    from provenance.runtime.signing_keys import open_signer

    with open_signer(key_spec(key, certificate, passphrase_file, unsafe_plain)) as signer:
        yield signer


@contextmanager
def stating() -> Iterator[None]:
    """Let what cannot be stated end the command with a message.

    Raises:
        ConfigurationError: An id is none, or a statement too long.
    """
    from pydantic import ValidationError

    from provenance.errors import LimitError, MalformedError
    from provenance.registry.log.statement import validation_text

    try:
        yield
    except ValidationError as error:
        raise ConfigurationError(validation_text(error)) from error
    except (LimitError, MalformedError) as error:
        raise ConfigurationError(str(error)) from error


def give_log(
    register: Register, log: Path, key: Path | None, passphrase_file: Path | None, *, plain: bool
) -> int:
    """Give the log what it lacks; how many entries was that?

    What the register took while nobody said whose keys count is not given where somebody does
    now: everybody reads a log, for ever, and its watchers would be alarmed.

    Raises:
        LogError, RegisterError, SigningKeyError, ConfigurationError: It cannot be done.
    """
    from provenance.cli.log_options import log_signer_of, readable
    from provenance.registry.log.folder import LogFolder
    from provenance.registry.log.writer import LogWriter
    from provenance.registry.register.to_log import give_to_log
    from provenance.runtime.clock import system_clock

    folder = LogFolder.open(log)
    passphrases = None if passphrase_file is None else [str(passphrase_file)]
    signer = log_signer_of(key or folder.keys / "log.pem", folder.origin, passphrases, plain=plain)
    left_out: list[str] = []
    with readable(), LogWriter(folder, signer) as writer:
        count = give_to_log(
            register.ledger,
            writer,
            folder.origin,
            at=system_clock(),
            agencies=register.agencies,
            leave_out=lambda number, why: left_out.append(f"change {number}: {why}"),
        )
    for why in left_out[:_MOST_LEFT_OUT]:
        say(f"{log}: is not given {why}")
    if len(left_out) > _MOST_LEFT_OUT:
        say(f"{log}: is not given {len(left_out) - _MOST_LEFT_OUT} other changes either")
    return count


def moment_text(moment: datetime) -> str:
    """How is a time written for people?"""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def known_release(register: Register, text: str) -> tuple[str, str]:
    """Agency and release, if the register has it.

    Raises:
        RegisterError: It has not.
    """
    from provenance.runtime.clock import system_clock

    agency, release = split_release_name(text)
    now = system_clock()
    if register.view(agency, clock=system_clock).release(agency, release, at=now) is None:
        raise RegisterError(f"{register.name}: there is no release {text}")
    return agency, release
