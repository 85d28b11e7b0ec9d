"""What the staff may do to cases and appeals: each move, what it asks for, and who may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from provenance.moderation.appeals import AppealDesk
from provenance.moderation.cases import CaseDesk
from provenance.moderation.model import Reviewer
from provenance.moderation.permissions import Permission
from provenance.moderation.views import DecisionDraft
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    Ground,
    Outcome,
    Role,
    Severity,
)

__all__ = [
    "APPEAL_MOVE_TABLE",
    "CASE_MOVE_TABLE",
    "AppealDraft",
    "BulkDraft",
    "BulkToken",
    "ContactLook",
    "Draft",
    "Move",
    "Nothing",
    "Why",
    "draft_of",
]

_MAX_REASON = 400
_MAX_WORDS = 4000
_MIN_FACTS, _MAX_FACTS = 10, 5000
_MAX_SUBJECTS = 200
_MAX_SEEN = 10_000


def _said(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValueError("expected words")
    return _printed(text)


def _printed(text: str) -> str:
    if any((c < " " and c not in "\n\t") or c == "\x7f" for c in text):
        raise ValueError("expected text without control characters")
    return text


Reason = Annotated[str, AfterValidator(_said), Field(max_length=_MAX_REASON)]
Words = Annotated[str, AfterValidator(_said), Field(max_length=_MAX_WORDS)]
Facts = Annotated[str, AfterValidator(_said), Field(min_length=_MIN_FACTS, max_length=_MAX_FACTS)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
PolicyId = Annotated[
    str, Field(min_length=3, max_length=110, pattern=r"^[a-z0-9-]+@[A-Za-z0-9._-]+$")
]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(_Body):
    """A move that asks for nothing."""


class Why(_Body):
    """A move with a reason."""

    why: Reason


class Triage(_Body):
    """How grave, and of which kind."""

    severity: Severity
    category: Category | None = None


class Escalate(_Body):
    """To whom, and why."""

    to: Literal[Role.SENIOR, Role.LEGAL]
    why: Reason


class Merge(_Body):
    """Into which case, and why."""

    into: Name
    why: Reason


class Split(_Body):
    """Which complaints become a case of their own, and why."""

    complaints: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000)]
    why: Reason


class Unblur(_Body):
    """At what, and for what reason."""

    subject: Name
    why: Reason


class Ask(_Body):
    """Whom, and what."""

    complaint: Name
    text: Words


class Reject(_Body):
    """Which complaint abuses the desk, and for how long its sender is not listened to."""

    complaint: Name
    why: Reason
    mute_days: Annotated[int, Field(ge=0, le=365)] = 0


class Resemblance(_Body):
    """Whether two subjects are alike."""

    link: Annotated[int, Field(ge=1)]
    alike: bool


class Second(_Body):
    """Whether one agrees; who does not says why."""

    agree: bool
    why: Annotated[str, AfterValidator(_printed), Field(max_length=_MAX_REASON)] = ""


class Draft(_Body):
    """What is to be decided."""

    outcome: Outcome
    policies: Annotated[tuple[PolicyId, ...], Field(min_length=1, max_length=5)]
    ground: Ground
    reference: Annotated[str, AfterValidator(_said), Field(max_length=500)]
    facts: Facts
    actions: Annotated[tuple[ActionType, ...], Field(max_length=len(ActionType))] = ()
    territories: Annotated[tuple[Country, ...], Field(max_length=250)] = ()
    ends_at: AwareDatetime | None = None
    subjects: Annotated[tuple[Name, ...], Field(max_length=_MAX_SUBJECTS)] = ()
    automated_detection: bool = False
    seen: Annotated[
        tuple[Name, ...],
        Field(
            max_length=_MAX_SEEN,
            description="Ids of all subjects that were shown: where there are others by now, "
            "nothing is decided. Empty: whatever is in the case by now.",
        ),
    ] = ()


class AppealDraft(Draft):
    """What becomes of an appeal."""

    verdict: AppealOutcome


class BulkDraft(Draft):
    """One decision about several cases."""

    cases: Annotated[tuple[Name, ...], Field(min_length=1, max_length=_MAX_SUBJECTS)]


class BulkToken(_Body):
    """What a preview gave."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class ContactLook(_Body):
    """Whose contact, and for what reason."""

    complaint: Name
    why: Reason


def draft_of(body: Draft) -> DecisionDraft:
    """The draft that the desks take."""
    return DecisionDraft(
        outcome=body.outcome,
        policies=body.policies,
        ground=body.ground,
        reference=body.reference,
        facts=body.facts,
        actions=body.actions,
        territories=body.territories,
        ends_at=body.ends_at,
        subjects=body.subjects,
        automated_detection=body.automated_detection,
        seen=body.seen,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Something that may be done.

    Attributes:
        permission: Who may, at the door; the desks look again.
        body: What is asked for.
        run: Does it.
        does: What it does, for programmers.
        told: The message that says it was done.
    """

    permission: Permission
    body: type[BaseModel]
    run: Callable[[Any, str, Reviewer, Any, datetime], object]
    does: str
    told: str


def _case(
    permission: Permission,
    body: type[BaseModel],
    run: Callable[[CaseDesk, str, Reviewer, Any, datetime], object],
    does: str,
    told: str,
) -> Move:
    return Move(permission=permission, body=body, run=run, does=does, told=told)


CASE_MOVE_TABLE: Mapping[str, Move] = {
    "triage": _case(
        Permission.TRIAGE,
        Triage,
        lambda desk, case, me, body, now: desk.triage(
            case, me, severity=body.severity, category=body.category, now=now
        ),
        "Say how grave a case is, and of which kind; it is queued.",
        "mod.told.done",
    ),
    "claim": _case(
        Permission.CLAIM,
        Nothing,
        lambda desk, case, me, _, now: desk.claim(case, me, now=now),
        "Take a case to work on; nobody else has it until the lock ends.",
        "mod.told.claimed",
    ),
    "release": _case(
        Permission.CLAIM,
        Nothing,
        lambda desk, case, me, _, now: desk.release(case, me, now=now),
        "Give a case back to the queue.",
        "mod.told.done",
    ),
    "escalate": _case(
        Permission.ESCALATE,
        Escalate,
        lambda desk, case, me, body, now: desk.escalate(
            case, me, to=body.to, why=body.why, now=now
        ),
        "Hand a case to somebody with more experience, or to the lawyers.",
        "mod.told.done",
    ),
    "merge": _case(
        Permission.MERGE,
        Merge,
        lambda desk, case, me, body, now: desk.merge(
            case, me, into=body.into, why=body.why, now=now
        ),
        "Let a case become part of another; every complaint keeps its own answer.",
        "mod.told.done",
    ),
    "split": _case(
        Permission.MERGE,
        Split,
        lambda desk, case, me, body, now: desk.split(
            case, me, complaints=body.complaints, why=body.why, now=now
        ),
        "Make a case of its own of some complaints.",
        "mod.told.done",
    ),
    "void": _case(
        Permission.VOID,
        Why,
        lambda desk, case, me, body, now: desk.void(case, me, why=body.why, now=now),
        "End a case whose subject was gone before anything of it was captured.",
        "mod.told.done",
    ),
    "interim": _case(
        Permission.INTERIM_RESTRICT,
        Why,
        lambda desk, case, me, body, now: desk.interim_restrict(case, me, why=body.why, now=now),
        "Let it be blocked for 30 days at most, until it is decided.",
        "mod.told.done",
    ),
    "reopen": _case(
        Permission.REOPEN,
        Why,
        lambda desk, case, me, body, now: desk.reopen(case, me, why=body.why, now=now),
        "Look at a closed case once more; another person than before will.",
        "mod.told.done",
    ),
    "unblur": _case(
        Permission.UNBLUR,
        Unblur,
        lambda desk, case, me, body, now: desk.unblur(
            case, body.subject, me, why=body.why, now=now
        ),
        "Look at evidence; it is written down, and counts against the day's cap.",
        "mod.told.unblurred",
    ),
    "decide": _case(
        Permission.DECIDE,
        Draft,
        lambda desk, case, me, body, now: desk.decide(case, me, draft_of(body), now=now),
        "Decide a case that one has claimed; some decisions wait for a second person.",
        "mod.told.decided",
    ),
    "second": _case(
        Permission.SECOND,
        Second,
        lambda desk, case, me, body, now: desk.second(
            case, me, agree=body.agree, why=body.why, now=now
        ),
        "Agree to a proposed decision, or give it back to whoever made it.",
        "mod.told.done",
    ),
    "ask": _case(
        Permission.ASK_REPORTER,
        Ask,
        lambda desk, _, me, body, now: desk.ask_reporter(
            body.complaint, me, text=body.text, now=now
        ),
        "Ask whoever complained; only our own clock stands still.",
        "mod.told.done",
    ),
    "reject": _case(
        Permission.MUTE,
        Reject,
        lambda desk, _, me, body, now: desk.reject_abusive(
            body.complaint, me, why=body.why, mute_days=body.mute_days, now=now
        ),
        "Say that a complaint abuses the desk; perhaps mute its sender for a time.",
        "mod.told.done",
    ),
    "resemblance": _case(
        Permission.MERGE,
        Resemblance,
        lambda desk, _, me, body, now: desk.confirm_resemblance(
            body.link, me, alike=body.alike, now=now
        ),
        "Say whether two subjects are alike; then their open cases become one.",
        "mod.told.done",
    ),
}
"""The moves of cases, by the last part of their address."""


def _appeal(
    permission: Permission,
    body: type[BaseModel],
    run: Callable[[AppealDesk, str, Reviewer, Any, datetime], object],
    does: str,
    told: str,
) -> Move:
    return Move(permission=permission, body=body, run=run, does=does, told=told)


APPEAL_MOVE_TABLE: Mapping[str, Move] = {
    "claim": _appeal(
        Permission.DECIDE_APPEALS,
        Nothing,
        lambda desk, appeal, me, _, now: desk.claim(appeal, me, now=now),
        "Take an appeal to work on; never whoever made or seconded what is appealed.",
        "mod.told.claimed",
    ),
    "release": _appeal(
        Permission.DECIDE_APPEALS,
        Nothing,
        lambda desk, appeal, me, _, now: desk.release(appeal, me, now=now),
        "Give an appeal back.",
        "mod.told.done",
    ),
    "decide": _appeal(
        Permission.DECIDE_APPEALS,
        AppealDraft,
        lambda desk, appeal, me, body, now: desk.decide(
            appeal, me, body.verdict, draft_of(body), now=now
        ),
        "Decide an appeal; what it says of the case is a decision of its own, and final.",
        "mod.told.decided",
    ),
    "second": _appeal(
        Permission.SECOND,
        Second,
        lambda desk, appeal, me, body, now: desk.second(
            appeal, me, agree=body.agree, why=body.why, now=now
        ),
        "Agree to a proposed decision of an appeal, or give it back.",
        "mod.told.done",
    ),
}
"""The moves of appeals, by the last part of their address."""
