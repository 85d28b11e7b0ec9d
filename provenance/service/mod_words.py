"""What the console says of clocks, locks and the steps that were taken, in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from provenance.moderation.model import AuditEvent, Case, Clock, Reviewer
from provenance.moderation.permissions import Permission, permissions_of
from provenance.moderation.vocabulary import AppealState, CaseState, ClockKind, Queue
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = [
    "EVENT_VERBS",
    "ClockWords",
    "EventWords",
    "claim_obstacle",
    "clock_words",
    "event_words",
    "held_by",
    "time_left",
    "training_words",
]

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_SOON_SHARE = 4
_SOON_AT_MOST = timedelta(hours=12)
_EXPIRES_SOON = timedelta(days=14)
_MAX_DETAIL = 400
# Of an entry's detail, what a person wrote: shown beside the sentence.
_SAID = ("why", "reason", "text")

_VERBS = (
    "action.done",
    "action.failed",
    "action.pending",
    "action.reversed",
    "appeal.assigned",
    "appeal.awaiting-second",
    "appeal.decided",
    "appeal.filed",
    "appeal.withdrawn",
    "bulk.previewed",
    "case.awaiting-second",
    "case.captured",
    "case.claimed",
    "case.closed",
    "case.decided",
    "case.enforcement-failed",
    "case.enforcing",
    "case.escalated",
    "case.graded",
    "case.interim-restricted",
    "case.joined-by",
    "case.kept",
    "case.lock-ended",
    "case.merged",
    "case.opened",
    "case.queued",
    "case.released",
    "case.reopened",
    "case.second-refused",
    "case.split",
    "case.triaged",
    "case.voided",
    "case.words-forgotten",
    "clock.breached",
    "clock.due-soon",
    "clock.expired",
    "clock.extended",
    "clock.joined",
    "clock.met",
    "clock.moved",
    "clock.paused",
    "clock.reopened",
    "clock.resumed",
    "clock.started",
    "clock.tightened",
    "complaint.acknowledged",
    "complaint.answered",
    "complaint.contested",
    "complaint.info-added",
    "complaint.linked",
    "complaint.needs-info",
    "complaint.received",
    "complaint.rejected-abusive",
    "complaint.withdrawn",
    "complaints.answered",
    "complaints.linked",
    "contact.seen",
    "decision.made",
    "decision.proposed",
    "evidence.bundled",
    "evidence.deleted",
    "evidence.seen",
    "hash-entry.added",
    "hash-entry.code-added",
    "hash-entry.disabled",
    "hash-entry.enabled",
    "hash-entry.quarantined",
    "hash-entry.withdrawn",
    "hold.lifted",
    "hold.placed",
    "interim.started",
    "label.made",
    "label.negated",
    "message.again",
    "notice.countered",
    "notice.ended",
    "notice.received",
    "notice.sent",
    "resemblance.confirmed",
    "resemblance.denied",
)
# An appeal that goes back to where it was before: nobody appealed, and nobody took it.
_BACK = {
    ("appeal.filed", AppealState.ASSIGNED.value): "mod.event.appeal.released",
    ("appeal.assigned", AppealState.AWAITING_SECOND.value): "mod.event.appeal.second-refused",
}
_CLOCKS = frozenset(kind.value for kind in ClockKind)
EVENT_VERBS = {verb: f"mod.event.{verb}" for verb in _VERBS}
"""Which message says a verb of the audit; the verb itself stands in where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWords:
    """A clock for people: never told apart by colour alone.

    Attributes:
        name: What it is about.
        says: How much time is left, or since when it is up.
        due: When it is up, ISO 8601.
        when: The same in words.
        late: Whether it was missed.
        soon: Whether little is left.
        more: Whether it stands still, or that nobody can stop it.
    """

    name: str
    says: Message
    due: str
    when: str
    late: bool
    soon: bool
    more: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWords:
    """One step that was taken.

    Attributes:
        iso: When, ISO 8601.
        when: The same in words.
        says: What.
        detail: What whoever took it wrote.
    """

    iso: str
    when: str
    says: Message
    detail: str | None


def time_left(due: datetime, now: datetime) -> Message:
    """How much time is left, or how long it is up, in the largest unit that is not zero?"""
    late = due <= now
    span = now - due if late else due - now
    kind = "since" if late else "left"
    for unit, size, least in (("days", _DAY, 2 * _DAY), ("hours", _HOUR, _HOUR)):
        if span >= least:
            return say(f"mod.{kind}.{unit}", count=span // size)
    return say(f"mod.{kind}.minutes", count=span // _MINUTE)


def clock_words(clock: Clock, wording: Wording, *, now: datetime) -> ClockWords:
    """How does this clock stand?"""
    over = clock.due_at <= now
    whole = clock.due_at - clock.starts_at
    soon = not over and clock.due_at - now <= min(whole / _SOON_SHARE, _SOON_AT_MOST)
    if clock.paused_at is not None:
        says: Message = say("mod.clock.stands")
    elif clock.kind.expires and over:
        says = say("mod.clock.over")
    else:
        says = time_left(clock.due_at, now)
    more = "mod.clock.statutory" if clock.kind.statutory and not clock.kind.expires else None
    return ClockWords(
        name=f"mod.clock.{clock.kind.value}",
        says=says,
        due=clock.due_at.isoformat(timespec="seconds"),
        when=wording.moment(clock.due_at),
        late=over and not clock.kind.expires and clock.paused_at is None,
        soon=soon and not clock.kind.expires and clock.paused_at is None,
        more=more,
    )


def held_by(case: Case, reviewer: Reviewer, wording: Wording, *, now: datetime) -> Message | None:
    """Who has this case, and until when? Nobody has one that waits for a second person."""
    if case.assignee is None or case.state is not CaseState.ASSIGNED:
        return None
    if case.locked_until is None or case.locked_until <= now:
        return say("mod.lock.over", name=Quoted(case.assignee))
    until = wording.moment(case.locked_until)
    if case.assignee == reviewer.id:
        return say("mod.lock.mine", until=until)
    return say("mod.lock.theirs", name=Quoted(case.assignee), until=until)


def claim_obstacle(
    case: Case, reviewer: Reviewer, *, earlier: frozenset[str] = frozenset(), now: datetime
) -> Message | None:
    """Why can this person not claim this case now? None: nothing is in the way that we see.

    Args:
        case: The case.
        reviewer: Who would claim it.
        earlier: Who made or seconded a decision of it before.
        now: What time it is.
    """
    held = permissions_of(reviewer.roles)
    escalated = case.state is CaseState.ESCALATED
    rules: tuple[tuple[bool, str], ...] = (
        (Permission.CLAIM not in held, "mod.cannot.right"),
        (
            case.queue is Queue.RESTRICTED and Permission.SEE_RESTRICTED not in held,
            "mod.cannot.right",
        ),
        (reviewer.trained_until is None, "mod.cannot.untrained"),
        (
            reviewer.trained_until is not None and reviewer.trained_until <= now,
            "mod.cannot.training-over",
        ),
        (bool(reviewer.conflicts & case.agencies), "mod.cannot.conflict"),
        (reviewer.id in earlier, "mod.cannot.earlier"),
        (escalated and Permission.HANDLE_ESCALATED not in held, "mod.cannot.escalated"),
    )
    return next((say(key) for broken, key in rules if broken), None)


def training_words(reviewer: Reviewer, wording: Wording, *, now: datetime) -> Message:
    """Until when does this person's training hold?"""
    if reviewer.trained_until is None:
        return say("mod.training.none")
    key = "mod.training.until" if reviewer.trained_until > now else "mod.training.over"
    return say(key, date=wording.date(reviewer.trained_until))


def event_words(event: AuditEvent, wording: Wording) -> EventWords:
    """What does this entry of the audit say?"""
    actor: Message | Quoted = Quoted(event.actor)
    if event.actor in {"system", "reporter", "uploader"}:
        actor = say(f"mod.actor.{event.actor}")
    members = _members(event.detail)
    key, kind = EVENT_VERBS.get(event.verb), members.get("kind")
    if key is None or (event.verb.startswith("clock.") and kind not in _CLOCKS):
        says = say("mod.event.other", who=actor, verb=event.verb)
    elif event.verb.startswith("clock."):
        says = say(key, clock=say(f"mod.clock.{kind}"))
    else:
        says = say(_BACK.get((event.verb, str(members.get("from"))), key), who=actor)
    return EventWords(
        iso=event.at.isoformat(timespec="seconds"),
        when=wording.moment(event.at),
        says=says,
        detail=_said(members),
    )


def _members(detail: str) -> dict[str, Any]:
    try:
        members = json.loads(detail)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _said(members: dict[str, Any]) -> str | None:
    found = next((members[name] for name in _SAID if isinstance(members.get(name), str)), None)
    return found[:_MAX_DETAIL] if found else None
