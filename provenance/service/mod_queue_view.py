"""What the page of the queue shows, made from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.moderation.case_pages import CLAIMABLE
from provenance.moderation.model import Reviewer
from provenance.moderation.views import QueueFilters, QueueRow
from provenance.moderation.vocabulary import CaseState, Category, Queue, Severity
from provenance.service.mod_words import ClockWords, claim_obstacle, clock_words, held_by
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, say

__all__ = ["Chosen", "QueueView", "queue_view"]

_QUEUES = {Queue.GENERAL: "mod.queue.general", Queue.RESTRICTED: "mod.restricted"}

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was asked for, as the address says it.

    Attributes:
        state: Where cases are; empty: those that wait for somebody.
        category: What they are about.
        severity: How grave.
        queue: In which queue.
        agency: Which agency they concern.
        mine: Whether those that one has.
        overdue: Whether a clock of theirs is up.
        at: How many of the first are left out.
    """

    state: str = ""
    category: str = ""
    severity: str = ""
    queue: str = ""
    agency: str = ""
    mine: bool = False
    overdue: bool = False
    at: int = 0

    def filters(self, *, queue: Queue | None, limit: int) -> QueueFilters:
        """The same for the desk; what is no word of ours is left out.

        Args:
            queue: The queue of the page, where it has but one.
            limit: How many are shown at most.
        """
        states = {one.value: one for one in CaseState}
        categories = {one.value: one for one in Category}
        severities = {one.value: one for one in Severity}
        queues = {one.value: one for one in Queue}
        state = states.get(self.state)
        return QueueFilters(
            states=frozenset() if state is None else frozenset({state}),
            category=categories.get(self.category),
            severity=severities.get(self.severity),
            queue=queue or queues.get(self.queue),
            agency=self.agency or None,
            mine=self.mine,
            overdue=self.overdue,
            limit=limit,
            offset=self.at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowView:
    id: str
    category: str
    severity: str
    rank: int
    state: str
    clocks: tuple[ClockWords, ...]
    complaints: Message
    trusted: bool
    bulk: bool
    verdict: str | None
    holder: Message | None
    claimable: bool
    why_not: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """What the page shows.

    Attributes:
        title: Its heading.
        note: What has to be known here.
        restricted: Whether it is the restricted queue, which has no filters.
        counts: How many wait.
        chosen: What was asked for.
        filtered: Whether anything was.
        states: For the form.
        categories: For the form.
        severities: For the form.
        queues: For the form; none where there is but one.
        rows: The cases.
        earlier: Address of those before.
        later: And after.
    """

    title: str
    note: str | None
    restricted: bool
    counts: tuple[Message, ...]
    chosen: Chosen
    filtered: bool
    states: Options
    categories: Options
    severities: Options
    queues: Options
    rows: tuple[_RowView, ...]
    earlier: str | None
    later: str | None


def queue_view(  # noqa: PLR0913 - one page, whole
    rows: Sequence[QueueRow],
    chosen: Chosen,
    reviewer: Reviewer,
    wording: Wording,
    *,
    counts: Mapping[str, int],
    restricted: bool,
    queues: Sequence[Queue],
    earlier: str | None,
    later: str | None,
    now: datetime,
) -> QueueView:
    """What does the page show this person of the queue?"""
    return QueueView(
        title="mod.restricted" if restricted else "mod.queue",
        note="mod.restricted-note" if restricted else None,
        restricted=restricted,
        counts=tuple(say(f"mod.counts.{name}", count=count) for name, count in counts.items()),
        chosen=chosen,
        filtered=chosen != Chosen(at=chosen.at),
        states=tuple((one.value, f"mod.case.{one.value}") for one in CaseState),
        categories=tuple((one.value, f"category.{one.value}") for one in Category),
        severities=tuple((one.value, f"mod.severity.{one.value}") for one in reversed(Severity)),
        queues=tuple((one.value, _QUEUES[one]) for one in queues),
        rows=tuple(_row(row, reviewer, wording, now) for row in rows),
        earlier=earlier,
        later=later,
    )


def _row(row: QueueRow, reviewer: Reviewer, wording: Wording, now: datetime) -> _RowView:
    case = row.case
    running = [clock for clock in case.clocks if clock.met_at is None and not clock.kind.expires]
    verdict = next((one.verdict for one in case.subjects if one.verdict), None)
    # Who has it is said already; who had a part in it before is told on the case's own page.
    why_not = claim_obstacle(case, reviewer, now=now) if case.state in CLAIMABLE else None
    mine = case.state is CaseState.ASSIGNED and case.assignee == reviewer.id
    return _RowView(
        id=case.id,
        category=case.category.value,
        severity=case.severity.value,
        rank=case.severity.rank,
        state=case.state.value,
        clocks=tuple(clock_words(clock, wording, now=now) for clock in running),
        complaints=say("mod.people", count=case.complaints),
        trusted=case.trusted,
        # Restricted cases, and those that were handed up, are decided one by one.
        bulk=case.queue is Queue.GENERAL
        and case.state in CLAIMABLE
        and case.state is not CaseState.ESCALATED,
        verdict=f"label.{verdict}" if verdict and case.queue is Queue.GENERAL else None,
        holder=held_by(case, reviewer, wording, now=now),
        claimable=row.claimable and why_not is None and not mine,
        why_not=why_not,
    )
