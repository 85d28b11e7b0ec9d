"""One file to verify, as whoever wants it verified describes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["VerificationJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationJob:
    """One file to verify.

    Attributes:
        path: Where it is. Opened here, when its turn comes; a worker sees no path.
        name: What the report calls it; the path's last part by default.
        sidecar: A manifest store kept beside it.
        fragments: Fragments of the initialisation segment that `path` is.
        at: Judge as of this time instead of now.
        descriptor: The file, open for reading already. `path` is then only what messages
            call it, and the report knows no name but the one given. It has to stay open
            until the job is done, and is not closed.
    """

    path: str | os.PathLike[str]
    name: str | None = None
    sidecar: str | os.PathLike[str] | None = None
    fragments: tuple[str | os.PathLike[str], ...] = ()
    at: datetime | None = None
    descriptor: int | None = None

    @property
    def called(self) -> str | None:
        """What the report calls it."""
        if self.name is not None or self.descriptor is not None:
            return self.name
        return Path(self.path).name
