"""Kinds of values that settings have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from provenance.errors import ConfigurationError

__all__ = ["HostAndPort", "PathOrUrl", "SettingPath", "user_folder"]

_HOST_PORT = re.compile(
    r"(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[(?P<v6>[0-9a-f:.]+)\]):(?P<port>\d{1,5})"
)


def _usable_path(value: object, info: ValidationInfo) -> Path:
    """A path as its source means it: `~` is the user's folder, the rest is relative to `base`."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"expected a path, got {value!r:.60}")
    context = info.context or {}
    if value == "~" or value.startswith("~/"):
        return user_folder(context.get("environ", {})) / value[2:]
    base: Path = context.get("base", Path())
    return base / value


def _host_and_port(value: str) -> str:
    found = _HOST_PORT.fullmatch(value.lower())
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"expected host:port, got {value!r:.60}")
    if found["v6"] is not None:
        return f"[{IPv6Address(found['v6'])}]:{int(found['port'])}"
    return f"{found['host']}:{int(found['port'])}"


def _path_or_url(value: object, info: ValidationInfo) -> str:
    """A URL as it stands, or a path as its source means it."""
    if isinstance(value, str) and "://" in value:
        return value
    return str(_usable_path(value, info))


SettingPath = Annotated[Path, BeforeValidator(_usable_path)]
PathOrUrl = Annotated[str, BeforeValidator(_path_or_url)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]


def user_folder(environ: Mapping[str, str]) -> Path:
    """The folder of whoever runs this process, by its environment if that says so.

    Raises:
        ConfigurationError: Nothing says where it is.
    """
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError as error:
        raise ConfigurationError(
            "HOME: expected the user's folder, got none; set PROVENANCE_HOME and PROVENANCE_CONFIG"
        ) from error
