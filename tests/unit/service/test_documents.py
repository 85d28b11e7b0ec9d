"""What documents of the API say of things that have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from provenance.records.reports import StoredReport
from provenance.runtime.report_desk import Standing
from provenance.service.documents import ReportStanding
from provenance.verdict import Verdict

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENTRY = StoredReport(
    id="r",
    owner=None,
    reader=None,
    document="{}",
    policy="default",
    judged_with="w",
    release_stamp="s",
    judged_at=NOW,
    created_at=NOW,
    ends_at=NOW,
)


def test_what_time_alone_has_ended_is_told_not_to_hold() -> None:
    """A directory that has grown too old is the one that it was judged with."""
    at_rest = Standing(entry=ENTRY, stale_because=(), holds=True)
    ended = ReportStanding.of(replace(at_rest, holds=False), Verdict.OFFICIAL)
    assert (ended.stale, ended.holds) == (False, False)
    twin = ReportStanding.of(at_rest, Verdict.OFFICIAL)
    assert (twin.stale, twin.holds) == (False, True)


def test_news_that_leave_the_verdict_as_it_was_are_told_to_hold() -> None:
    news = Standing(entry=ENTRY, stale_because=("engines",), holds=True)
    told = ReportStanding.of(news, Verdict.OFFICIAL)
    assert (told.stale, told.stale_because, told.holds) == (True, ("engines",), True)
