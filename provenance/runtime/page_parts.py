"""What the pages need of the operator's disk: the key that badges are signed with."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provenance.errors import ConfigurationError
from provenance.jws.keys import ServiceKey, load_service_key
from provenance.runtime.service_settings import ServiceSettings

__all__ = ["PageParts", "read_service_key"]

_MAX_KEY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """The key that badges are signed with, if any, and how long one holds."""

    key: ServiceKey | None
    badge_days: int

    @classmethod
    def open(cls, service: ServiceSettings) -> Self:
        """What the settings name.

        Raises:
            ConfigurationError: The key cannot be used.
        """
        key = None if service.signing_key is None else read_service_key(service.signing_key)
        return cls(key=key, badge_days=service.badge_days)


def read_service_key(path: Path) -> ServiceKey:
    """Which key is in this file?

    Raises:
        ConfigurationError: It cannot be read, others may read it, or it is of another kind.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_KEY_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{path}: cannot be read: {reason}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"{path}: expected a key that only its owner may read (mode 600), "
            f"got mode {stat.S_IMODE(mode):o}"
        )
    return load_service_key(data, where=str(path))
