"""Which private fields may stay, by name or by pattern."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

__all__ = ["is_kept"]


def is_kept(name: str, keep: Collection[str]) -> bool:
    """May a field of this name stay, by these names and patterns (`xmp:xmpMM:*`)?"""
    return any(fnmatchcase(name, pattern) for pattern in keep)
