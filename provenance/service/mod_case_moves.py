"""What somebody may do with a case now; of what they may not, why."""

from __future__ import annotations

from datetime import datetime

from provenance.moderation.case_pages import CLAIMABLE
from provenance.moderation.model import Case, Reviewer
from provenance.moderation.permissions import Permission, permissions_of
from provenance.moderation.transitions import CASE_MOVES
from provenance.moderation.views import CaseFile
from provenance.moderation.vocabulary import CaseState, Queue
from provenance.wording.messages import Message, say

__all__ = ["moves_of", "why_no_look"]


def moves_of(
    found: CaseFile, reviewer: Reviewer, obstacle: Message | None, now: datetime
) -> frozenset[str]:
    """What may this person do now, as far as the tables tell? The desks look again."""
    case, held = found.case, permissions_of(reviewer.roles)
    to = CASE_MOVES[case.state]
    mine = (
        case.state is CaseState.ASSIGNED
        and case.assignee == reviewer.id
        and case.locked_until is not None
        and case.locked_until > now
    )
    locked = case.locked_until is not None and case.locked_until > now
    # From `assigned` where whoever had it let the lock run out.
    waits = case.state in CLAIMABLE and not (case.state is CaseState.ASSIGNED and locked)
    general = case.queue is Queue.GENERAL
    proposal = found.proposal
    may: dict[str, bool] = {
        "claim": waits and obstacle is None,
        "release": mine,
        "decide": mine and Permission.DECIDE in held,
        "escalate": mine and Permission.ESCALATE in held,
        "second": proposal is not None
        and proposal.appeal is None
        and Permission.SECOND in held
        and proposal.maker != reviewer.id
        and not reviewer.conflicts & case.agencies,
        "triage": CaseState.TRIAGED in to and Permission.TRIAGE in held,
        "interim": CaseState.INTERIM_RESTRICTED in to and Permission.INTERIM_RESTRICT in held,
        "merge": CaseState.MERGED in to and Permission.MERGE in held,
        "split": CaseState.MERGED in to and Permission.MERGE in held,
        "void": CaseState.VOID in to and Permission.VOID in held and case.captured_at is None,
        "reopen": CaseState.REOPENED in to and Permission.REOPEN in held,
        "unblur": general
        and Permission.UNBLUR in held
        and obstacle is None
        and not reviewer.conflicts & case.agencies,
    }
    return frozenset(name for name, allowed in may.items() if allowed)


def why_no_look(
    case: Case, reviewer: Reviewer, held: frozenset[Permission], left: int
) -> Message | None:
    """Why can this person not look at the evidence now?"""
    if Permission.UNBLUR not in held:
        return say("mod.cannot.look")
    if reviewer.conflicts & case.agencies:
        return say("mod.cannot.conflict")
    return say("mod.cannot.cap") if left <= 0 else say("mod.cannot.look-now")
