"""Moments and stretches of time, as a terminal shows and takes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from provenance.errors import ConfigurationError

if TYPE_CHECKING:
    from provenance.report import Span

__all__ = ["end_of_day", "moment_text", "release_span_text", "span_text"]


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


def release_span_text(span: Span, edits: Sequence[str]) -> str:
    """Which stretch of a copy is which stretch of the release?

    Args:
        span: Both.
        edits: What happened to the copy. Where its speed was changed, the stretch of the
            release is longer or shorter than the copy's, and only its beginning is known.
    """
    copy = span_text(span.start_s, span.end_s)
    if {"sped up", "slowed down"} & set(edits):
        return f"{copy} is the release from {_clock(span.release_start_s)} on"
    end_s = span.release_start_s + span.end_s - span.start_s
    return f"{copy} is the release from {span_text(span.release_start_s, end_s)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
