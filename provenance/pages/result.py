"""Everything the page of one answer shows, made from its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from provenance.pages.history import HistoryItem, history_items
from provenance.report import AgencyRef, MetadataField, Region, Report, Resemblance
from provenance.wording.answer import Answer, answer_of
from provenance.wording.catalogue import Wording
from provenance.wording.facts import FoundRow, Row, checks_not_made, found_rows, rows_of
from provenance.wording.messages import Message, Quoted, say

__all__ = ["Place", "ResultView", "result_view", "safe_channels"]

_MAX_METADATA = 100
_MAX_PLACES = 20
_META = {"signed": "meta.signed", "unsigned": "meta.unsigned"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy differs: a rectangle, and the same in words."""

    region: Region
    says: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """What the page shows.

    Attributes:
        answer: The four answers.
        rows: The details.
        found: Everything that was found.
        not_made: Checks that were not made.
        channels: Links of the agency whose release it is, or that it resembles.
        channels_of: That agency.
        nearest: The release it resembles most.
        places: Where it differs from that.
        history: What it was made from.
        history_left_out: How many of those are not shown.
        metadata: Field, value and who vouches for it.
    """

    answer: Answer
    rows: tuple[Row, ...]
    found: tuple[FoundRow, ...]
    not_made: tuple[Message, ...]
    channels: tuple[str, ...]
    channels_of: AgencyRef | None
    nearest: Resemblance | None
    places: tuple[Place, ...]
    history: tuple[HistoryItem, ...]
    history_left_out: int
    metadata: tuple[tuple[str, Message, Message], ...]


def result_view(report: Report, wording: Wording) -> ResultView:
    """What does the page show of this report?"""
    nearest = report.resemblance[0] if report.resemblance else None
    agency, channels = _channels(report, nearest)
    history, left_out = history_items(report)
    return ResultView(
        answer=answer_of(report),
        rows=rows_of(report, wording),
        found=found_rows(report),
        not_made=checks_not_made(report),
        channels=channels,
        channels_of=agency,
        nearest=nearest,
        places=_places(nearest, wording) if nearest else (),
        history=history,
        history_left_out=left_out,
        metadata=tuple(_metadata(field) for field in report.metadata[:_MAX_METADATA]),
    )


def safe_channels(channels: tuple[str, ...]) -> tuple[str, ...]:
    """Which of these may be links? Only whole https addresses."""
    return tuple(channel for channel in channels if _is_https(channel))


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None


def _channels(
    report: Report, nearest: Resemblance | None
) -> tuple[AgencyRef | None, tuple[str, ...]]:
    # The directory's and the register's: a file cannot put an address here.
    signer = report.signer.agency
    if signer is not None:
        return signer, safe_channels(report.release.channels or signer.channels)
    if nearest is not None and nearest.agency is not None:
        return nearest.agency, safe_channels(nearest.channels or nearest.agency.channels)
    return None, ()


def _places(nearest: Resemblance, wording: Wording) -> tuple[Place, ...]:
    return tuple(
        Place(
            region,
            say(
                "compare.place",
                number=number,
                left=wording.percent(region.left),
                top=wording.percent(region.top),
            ),
        )
        for number, region in enumerate(nearest.differs[:_MAX_PLACES], 1)
    )


def _metadata(field: MetadataField) -> tuple[str, Message, Message]:
    values: dict[str, Any] = {}
    if field.state == "contradicts":
        values["value"] = Quoted(field.against or "")
    key = _META.get(field.state, "meta.contradicts")
    return field.name, say("plain", value=Quoted(field.value)), say(key, **values)
