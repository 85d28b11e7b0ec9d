"""The clock of the machine."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["system_clock"]


def system_clock() -> datetime:
    """What time is it, by this machine? Aware, UTC."""
    return datetime.now(UTC)
