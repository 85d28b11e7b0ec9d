"""Times as the database has them: whole seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["from_seconds", "to_seconds"]


def to_seconds(moment: datetime) -> int:
    """How many seconds since 1970? A fraction is cut off."""
    return int(moment.timestamp() // 1)


def from_seconds(seconds: int) -> datetime:
    """Which moment is that? Aware, UTC."""
    return datetime.fromtimestamp(seconds, UTC)
