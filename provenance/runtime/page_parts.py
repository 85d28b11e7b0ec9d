"""What the pages need of the operator's disk: the key for badges, pictures of releases."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provenance.errors import ConfigurationError
from provenance.jws.keys import ServiceKey, load_service_key
from provenance.runtime.service_settings import ServiceSettings

__all__ = ["PageParts", "Preview", "read_service_key"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_KINDS = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_MAX_KEY_BYTES = 16 * 1024
_MAX_PREVIEW_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of a registered file, as the agency gave it to the operator."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """The key that badges are signed with, if any, and the folder of pictures, if any."""

    key: ServiceKey | None
    badge_days: int
    previews: Path | None

    @classmethod
    def open(cls, service: ServiceSettings) -> Self:
        """What the settings name.

        Raises:
            ConfigurationError: The key cannot be used.
        """
        key = None if service.signing_key is None else read_service_key(service.signing_key)
        return cls(key=key, badge_days=service.badge_days, previews=service.previews)

    def preview_name(self, sha256: str) -> str | None:
        """What is the picture of this file called, if there is one?"""
        if self.previews is None or not _DIGEST.fullmatch(sha256):
            return None
        names = (sha256 + ending for ending in _KINDS)
        return next((name for name in names if (self.previews / name).is_file()), None)

    def preview(self, name: str) -> Preview | None:
        """The picture of this name, if there is one that is not too large."""
        digest, ending = name[:64], name[64:]
        if self.previews is None or not _DIGEST.fullmatch(digest) or ending not in _KINDS:
            return None
        try:
            with (self.previews / name).open("rb") as file:
                data = file.read(_MAX_PREVIEW_BYTES + 1)
        except OSError:
            return None
        return None if len(data) > _MAX_PREVIEW_BYTES else Preview(data, _KINDS[ending])


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
