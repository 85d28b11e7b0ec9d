"""The file in which the operator says who is told what follows from decisions."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from provenance.errors import ConfigurationError
from provenance.moderation.outcomes.receivers import EVENTS, Receiver, ReceiverKind
from provenance.records.webhooks import parse_webhook_secret
from provenance.runtime.secret_key import read_secret

__all__ = ["load_receivers"]

_MOST = 20


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")]
    secret: Annotated[str, Field(max_length=100, repr=False)]
    events: Annotated[tuple[str, ...], Field(strict=False)] = ()
    kind: Annotated[ReceiverKind, Field(strict=False)] = ReceiverKind.PLATFORM

    @field_validator("secret")
    @classmethod
    def _secret(cls, text: str) -> str:
        parse_webhook_secret(text)
        return text

    @field_validator("events")
    @classmethod
    def _events(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(events) - set(EVENTS))
        if unknown:
            raise ValueError(f"expected some of {', '.join(EVENTS)}, got {unknown[0]!r:.60}")
        return events


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    receiver: Annotated[tuple[_Entry, ...], Field(strict=False, max_length=_MOST)] = ()


def load_receivers(path: Path, *, network_allow: Sequence[str]) -> tuple[Receiver, ...]:
    """Who is told, by this file?

    Args:
        path: TOML, readable by its owner alone.
        network_allow: `host:port` that the operator allows although they are not public. The
            operator's own mail has to be one of them: a contact goes nowhere else.

    Raises:
        ConfigurationError: It cannot be read, or says something else; secrets are not repeated.
    """
    try:
        data = _File.model_validate(tomllib.loads(read_secret(path).decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: expected TOML") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{path}: {place}: {message}") from error
    for entry in data.receiver:
        if entry.kind is ReceiverKind.MAIL and _host_and_port(entry.url) not in network_allow:
            raise ConfigurationError(
                f"{path}: receiver.kind: expected the host:port of a mail receiver in "
                f"network_allow, got {_host_and_port(entry.url)!r:.80}"
            )
    return tuple(
        Receiver(
            url=entry.url,
            secret=parse_webhook_secret(entry.secret),
            events=frozenset(entry.events),
            kind=entry.kind,
        )
        for entry in data.receiver
    )


def _host_and_port(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ""
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
