"""The folder of a log: what is kept, and what a web server may show.

    log.json        origin and public key
    entries.sqlite  the entries and every checkpoint that was signed: the log itself
    keys/           log.pem (private, encrypted) and log.pub.pem
    wrong-time      a time of an entry that the keeper has said to be wrong, if there was one
    policy          a policy (c2sp.org/tlog-policy) that believes this log, to be given out
    public/         what is served: checkpoint, tile/..., time-stamp/...

Everything in `public` but signatures can be made again from the entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provenance.atomic_files import locked, read_bounded, replace_file
from provenance.errors import MalformedError
from provenance.registry.log.encoding import is_key_name
from provenance.registry.log.errors import LogError
from provenance.registry.log.keys import KeyKind, VerifierKey, parse_verifier_key
from provenance.registry.log.policy import policy_of
from provenance.registry.log.statement import validation_text
from provenance.registry.log.store import LogStore

__all__ = ["LogFolder", "create_log", "is_log_folder"]

_MAX_SETTINGS_BYTES = 64 * 1024


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1"] = "1"
    origin: Annotated[str, Field(min_length=1, max_length=255)]
    key: Annotated[str, Field(max_length=2000)]


@dataclass(frozen=True, slots=True)
class LogFolder:
    """The folder of one log.

    Attributes:
        path: Where.
        key: The log's public key; its name is the log's origin.
    """

    path: Path
    key: VerifierKey

    @classmethod
    def open(cls, path: Path) -> LogFolder:
        """Which log is in this folder?

        Raises:
            LogError: None.
        """
        settings = path / "log.json"
        if not settings.is_file():
            raise LogError(f"{path}: expected the folder of a log, made by `provenance log init`")
        try:
            found = _Settings.model_validate_json(read_bounded(settings, _MAX_SETTINGS_BYTES))
            key = parse_verifier_key(found.key, where=f"{settings}: key")
        except ValidationError as error:
            raise LogError(f"{settings}: {validation_text(error)}") from error
        except MalformedError as error:
            raise LogError(str(error)) from error
        if key.name != found.origin or key.kind is not KeyKind.ED25519:
            raise LogError(f"{settings}: expected an Ed25519 key named {found.origin!r}")
        return cls(path, key)

    @property
    def origin(self) -> str:
        """The log's name in every checkpoint."""
        return self.key.name

    @property
    def store(self) -> Path:
        """The entries."""
        return self.path / "entries.sqlite"

    @property
    def public(self) -> Path:
        """What is served."""
        return self.path / "public"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint that was published."""
        return self.public / "checkpoint"

    @property
    def keys(self) -> Path:
        """The log's key files."""
        return self.path / "keys"

    @property
    def wrong_time(self) -> Path:
        """The time of an entry that the keeper has said to be wrong; see `LogWriter`."""
        return self.path / "wrong-time"

    @property
    def staging(self) -> Path:
        """Files without a name yet; on the file system of those with one."""
        return self.path / ".new"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.path / ".lock"


def create_log(path: Path, key: VerifierKey, *, url: str | None = None) -> LogFolder:
    """Make the folder of an empty log, whose key this is. Nothing is signed yet.

    Args:
        path: New, or holding nothing but `keys`.
        key: Public half of the key that will sign; its name is the log's origin.
        url: Where the log will be served, for the policy.

    Raises:
        LogError: The folder holds something, or cannot be written.
    """
    if key.kind is not KeyKind.ED25519 or not is_key_name(key.name) or len(key.name) > 255:
        raise LogError(f"origin: expected a name without blanks and plus signs, got {key.name!r}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        left = sorted(entry.name for entry in path.iterdir() if entry.name not in {"keys", ".lock"})
        if left:
            raise LogError(f"{path}: expected a new or empty folder, got one with {left[0]}")
        with locked(path / ".lock"):
            folder = LogFolder(path, key)
            folder.staging.mkdir()
            folder.public.mkdir()
            LogStore.create(folder.store)
            believes = f"# Believes {key.name} without asking a witness.\n"
            policy = believes + policy_of(key, url=url).text
            replace_file(path / "policy", policy.encode(), staging=folder.staging)
            settings = _Settings(origin=key.name, key=key.text).model_dump_json(indent=2)
            # Last: it is what makes the folder a log's.
            replace_file(path / "log.json", f"{settings}\n".encode(), staging=folder.staging)
    except OSError as error:
        raise LogError(
            f"{path}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error
    return folder


def is_log_folder(path: Path) -> bool:
    """Is this the folder of a log?"""
    return (path / "log.json").is_file()
