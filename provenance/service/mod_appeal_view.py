"""What the pages of appeals show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from provenance.errors import NotFoundError
from provenance.moderation.model import Appeal, Decision, Reviewer
from provenance.moderation.permissions import Permission, permissions_of
from provenance.moderation.views import CaseFile
from provenance.moderation.vocabulary import AppealState
from provenance.service.mod_case_rows import appeal_title, makers_of
from provenance.service.mod_words import claim_obstacle
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = ["AppealRow", "AppealView", "appeal_row", "appeal_view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRow:
    """An appeal in the list.

    Attributes:
        id: Its name.
        says: Who appeals.
        state: Where it is.
        when: When it was filed.
        holder: Who has it.
    """

    id: str
    says: str
    state: str
    when: str
    holder: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealView:
    """What the page of an appeal shows.

    Attributes:
        id: Its name.
        case: About which case.
        says: Who appeals.
        state: Where it is.
        when: When it was filed.
        holder: Who has it.
        why_not: Why whoever asks cannot claim it.
        moves: What they may do now.
        text: What whoever appeals wrote: a stranger's text.
        outcome: What became of it.
        decision: What is appealed.
    """

    id: str
    case: str
    says: str
    state: str
    when: str
    holder: Message | None
    why_not: Message | None
    moves: frozenset[str]
    text: str
    outcome: str | None
    decision: Decision


def _holder(one: Appeal, reviewer: Reviewer, wording: Wording, now: datetime) -> Message | None:
    if one.state is not AppealState.ASSIGNED or one.reviewer is None or one.locked_until is None:
        return None
    if one.locked_until <= now:
        return say("mod.lock.over", name=Quoted(one.reviewer))
    until = wording.moment(one.locked_until)
    if one.reviewer == reviewer.id:
        return say("mod.lock.mine", until=until)
    return say("mod.lock.theirs", name=Quoted(one.reviewer), until=until)


def appeal_row(one: Appeal, reviewer: Reviewer, wording: Wording, *, now: datetime) -> AppealRow:
    """What does the list show of this appeal?"""
    return AppealRow(
        id=one.id,
        says=appeal_title(one),
        state=one.state.value,
        when=wording.moment(one.filed_at),
        holder=_holder(one, reviewer, wording, now),
    )


def appeal_view(
    one: Appeal, about: CaseFile, reviewer: Reviewer, wording: Wording, *, now: datetime
) -> AppealView:
    """What does the page show this person of this appeal?

    Raises:
        NotFoundError: What is appealed is not there.
    """
    decision = next((d for d in about.decisions if d.id == one.decision), None)
    if decision is None:
        raise NotFoundError(f"appeal {one.id}: its decision is not there")
    held = permissions_of(reviewer.roles)
    # Never whoever made or seconded any decision of the line.
    obstacle = claim_obstacle(about.case, reviewer, earlier=makers_of(about.decisions), now=now)
    if Permission.DECIDE_APPEALS not in held:
        obstacle = say("mod.cannot.right")
    locked = one.locked_until is not None and one.locked_until > now
    mine = one.state is AppealState.ASSIGNED and one.reviewer == reviewer.id and locked
    waits = one.state is AppealState.FILED or (one.state is AppealState.ASSIGNED and not locked)
    may = {
        "claim": waits and obstacle is None,
        "release": mine,
        "decide": mine,
        "second": one.state is AppealState.AWAITING_SECOND
        and Permission.SECOND in held
        and one.reviewer != reviewer.id
        and reviewer.id not in makers_of(about.decisions),
    }
    return AppealView(
        id=one.id,
        case=one.case,
        says=appeal_title(one),
        state=one.state.value,
        when=wording.moment(one.filed_at),
        holder=_holder(one, reviewer, wording, now),
        why_not=obstacle if one.state is AppealState.FILED else None,
        moves=frozenset(name for name, allowed in may.items() if allowed),
        text=one.text,
        outcome=None if one.outcome is None else one.outcome.value,
        decision=decision,
    )
