"""Options and small readings that the commands about the release log share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.streams import say
from provenance.errors import (
    ConfigurationError,
    FetchError,
    LimitError,
    MalformedError,
)

if TYPE_CHECKING:
    # Cryptography takes long to import: `--help` does without it.
    from provenance.registry.log.agencies import AgencyChecker
    from provenance.registry.log.keys import NoteSigner
    from provenance.registry.log.policy import Policy

__all__ = [
    "AllowOption",
    "AssetOption",
    "LogArgument",
    "LogKeyOption",
    "LogPassphraseOption",
    "MaybePolicyOption",
    "OutOption",
    "PlainKeyOption",
    "PolicyOption",
    "SourceArgument",
    "agencies_of",
    "log_signer_of",
    "opened",
    "policy_at",
    "policy_for",
    "read_note",
    "readable",
    "write_file",
]

_MAX_POLICY_BYTES = 256 * 1024
_MAX_NOTE_BYTES = 256 * 1024

AssetOption = Annotated[
    Path | None,
    typer.Option("--asset", metavar="FILE", help="The file that the release is about."),
]
LogArgument = Annotated[
    Path, typer.Argument(metavar="LOG", help="Folder of a log, made by `log init`.")
]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Where the log is: its https address, its folder, or a copy of what it serves.",
    ),
]
PolicyOption = Annotated[
    Path,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Which logs and witnesses are believed (c2sp.org/tlog-policy), received by "
        "another way than the log.",
    ),
]
MaybePolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Which logs and witnesses are believed; for a log's folder, by default the policy "
        "in it.",
    ),
]
LogKeyOption = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The log's key, if it is not LOG/keys/log.pem."),
]
LogPassphraseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="File whose first line opens the key. Otherwise the terminal is asked.",
    ),
]
PlainKeyOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-plain-key",
        help="A key without a passphrase: whoever reads the file can sign for the log.",
    ),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="HOST:PORT",
        help="May be asked without https; may be repeated.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Write it here, not to standard output."),
]


@contextmanager
def readable() -> Iterator[None]:
    """Let what the operator gave, and what cannot be had, end the command with a message.

    Raises:
        ConfigurationError: It is malformed, too long, or could not be fetched.
    """
    try:
        yield
    except (MalformedError, LimitError, FetchError) as error:
        raise ConfigurationError(str(error)) from error


def policy_at(path: Path) -> Policy:
    """Which policy is in this file?

    Raises:
        ConfigurationError: None.
    """
    from provenance.atomic_files import read_bounded
    from provenance.registry.log.policy import parse_policy

    with readable():
        return parse_policy(read_bounded(path, _MAX_POLICY_BYTES), where=str(path))


def policy_for(source: str, given: Path | None) -> Policy:
    """Which policy holds for a log: the one given, or that of its own folder?

    Raises:
        ConfigurationError: None is given, and the source is not the folder of a log.
    """
    from provenance.registry.log.folder import is_log_folder

    if given is not None:
        return policy_at(given)
    if "://" not in source and is_log_folder(Path(source)):
        return policy_at(Path(source) / "policy")
    raise ConfigurationError("--policy: expected one, since the log is not this machine's own")


def read_note(path: Path) -> bytes:
    """What is in this file, if it is no longer than a checkpoint may be?

    Raises:
        ConfigurationError: It cannot be read.
    """
    from provenance.atomic_files import read_bounded

    return read_bounded(path, _MAX_NOTE_BYTES)


def agencies_of(directory: Path | None, *, takes_in: bool = False) -> AgencyChecker:
    """Who says whose keys count? Says on standard error where nobody does.

    Args:
        directory: The agency directory; by default that of the settings, if there is one.
        takes_in: What is signed is to be taken in for good. By a directory that has expired
            every key would count.

    Raises:
        ConfigurationError: The directory cannot be used.
    """
    from provenance.registry.log.agencies import AgencyChecker
    from provenance.runtime.clock import system_clock
    from provenance.runtime.directory_at import load_directory_at
    from provenance.runtime.settings import load_settings

    place = load_settings(directory=directory).directory
    if place is None:
        say("no agency directory given (--directory): whose keys these are is not checked")
        return AgencyChecker(None)
    loaded = load_directory_at(place)
    if loaded.expires_at is not None and system_clock() > loaded.expires_at:
        if takes_in:
            raise ConfigurationError(
                f"agency directory {place}: has expired: nobody can tell whose keys these are; "
                "get the newest one"
            )
        say(f"agency directory {place}: has expired: whose keys these are is not checked")
        return AgencyChecker(None)
    return AgencyChecker(loaded)


def log_signer_of(
    path: Path, name: str, passphrases: list[str] | None, *, plain: bool
) -> NoteSigner:
    """Which signer is in this file?

    Raises:
        SigningKeyError: None that can sign for a log.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from provenance.cli.directory_options import passphrases_of
    from provenance.errors import SigningKeyError
    from provenance.registry.log.keys import NoteKey
    from provenance.signing.private_keys import load_key

    ask = passphrases_of(passphrases)
    key = load_key(path, lambda: ask(path.stem), unsafe_plain=plain)
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    return NoteKey(name=name, private=key)


def write_file(path: Path, data: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        ConfigurationError: It is there, or cannot be written.
    """
    from provenance.atomic_files import new_file

    with new_file(path, replace=False) as stream:
        stream.write(data)


def opened(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from error
