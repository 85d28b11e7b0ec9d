"""Moments and stretches of time, as a terminal shows them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["moment_text", "span_text"]


def moment_text(moment: datetime) -> str:
    """Which moment is this, in UTC?"""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        # A stranger's first or last representable day, moved over the edge.
        return moment.isoformat(sep=" ", timespec="seconds")
    return f"{moment.replace(tzinfo=None).isoformat(sep=' ', timespec='seconds')} UTC"


def span_text(start_s: float, end_s: float) -> str:
    """Which stretch of a recording is this? Minutes and seconds."""
    return f"{_clock(start_s)}-{_clock(end_s)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
