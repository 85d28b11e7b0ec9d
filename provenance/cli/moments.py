"""Moments and stretches of time, as a terminal shows and takes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from provenance.errors import ConfigurationError

__all__ = ["end_of_day", "moment_text", "span_text"]


def end_of_day(text: str, *, option: str) -> datetime:
    """When is the last second of this day, in UTC?

    Raises:
        ConfigurationError: It is no date.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{option}: expected a date like 2027-03-31, got {text!r:.40}"
        ) from error
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


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
