"""The words of complaints, cases, decisions and appeals, as they are stored and sent.

Sources of the obligations behind them: Regulation (EU) 2022/2065 (DSA) Art. 16, 17, 20, 22;
TAKE IT DOWN Act (US, Pub. L. 119-12) §3; Act on Promotion of Information and Communications
Network Utilization (KR) Art. 44-2.
"""

from __future__ import annotations

from enum import StrEnum

# A member of the staff has roles before there is a case to review.
from provenance.staff.roles import Role

__all__ = [
    "ActionState",
    "ActionType",
    "AppealOutcome",
    "AppealState",
    "Audience",
    "CaseState",
    "Category",
    "Channel",
    "ClockKind",
    "ComplaintState",
    "Ground",
    "Outcome",
    "Queue",
    "ReporterRole",
    "Role",
    "Severity",
]


class Category(StrEnum):
    """What a complaint says is wrong: a policy's matter, never whether something is so."""

    INTIMATE_IMAGE = "intimate-image"
    """Intimate pictures without consent, made or altered by a machine or not."""
    CHILD_SAFETY = "child-safety"
    """Suspected sexual abuse of a minor."""
    IMPERSONATION = "impersonation"
    """Passes itself off as an artist or an agency."""
    MISLEADING_MEDIA = "misleading-media"
    """Made or changed media of a person, shown so that it misleads."""
    HARASSMENT = "harassment"
    PRIVACY = "privacy"
    FRAUD = "fraud"
    COPYRIGHT = "copyright"
    OTHER = "other"


class ReporterRole(StrEnum):
    """Who complains, by their own word; a trusted flagger and an agency by their key."""

    ANYONE = "anyone"
    DEPICTED_PERSON = "depicted-person"
    REPRESENTATIVE = "representative"
    AGENCY = "agency"
    TRUSTED_FLAGGER = "trusted-flagger"


class Channel(StrEnum):
    """How a complaint came."""

    PAGE = "page"
    API = "api"
    TRUSTED = "trusted"
    """Through a key of an agency or a trusted flagger."""


class Severity(StrEnum):
    """How grave it is if it is so; what the queue is ordered by."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0: what is graver comes later."""
        return list(Severity).index(self)


class Queue(StrEnum):
    """Who may see a case at all."""

    GENERAL = "general"
    RESTRICTED = "restricted"
    """Suspected abuse of minors: nothing stored, nothing shown, handed over."""


class ComplaintState(StrEnum):
    """Where a complaint is."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    LINKED = "linked"
    NEEDS_INFO = "needs-info"
    ANSWERED = "answered"
    CONTESTED = "contested"
    WITHDRAWN = "withdrawn"
    REJECTED_ABUSIVE = "rejected-abusive"


class CaseState(StrEnum):
    """Where a case is."""

    OPEN = "open"
    TRIAGED = "triaged"
    INTERIM_RESTRICTED = "interim-restricted"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    ESCALATED = "escalated"
    AWAITING_SECOND = "awaiting-second"
    DECIDED = "decided"
    ENFORCING = "enforcing"
    ENFORCEMENT_FAILED = "enforcement-failed"
    CLOSED = "closed"
    REOPENED = "reopened"
    VOID = "void"
    """Its subject was gone before anything of it was captured."""
    MERGED = "merged"
    """It became part of another case, which goes on in its place."""


class AppealState(StrEnum):
    """Where an appeal is."""

    FILED = "filed"
    ASSIGNED = "assigned"
    AWAITING_SECOND = "awaiting-second"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class AppealOutcome(StrEnum):
    """What became of the decision that was appealed."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"
    PARTLY = "partly"


class Outcome(StrEnum):
    """What a decision finds, under a policy."""

    NO_VIOLATION = "no-violation"
    VIOLATION = "violation"
    OUT_OF_SCOPE = "out-of-scope"
    INSUFFICIENT_INFORMATION = "insufficient-information"


class Ground(StrEnum):
    """What a decision rests on (DSA Art. 17 (3) d, e)."""

    LAW = "law"
    TERMS = "terms"


class ActionType(StrEnum):
    """What is done to a subject because of a decision."""

    REMOVE = "remove"
    DISABLE = "disable"
    RESTRICT = "restrict"
    AGE_GATE = "age-gate"
    LABEL = "label"
    SUSPEND_ACCOUNT = "suspend-account"
    TERMINATE_ACCOUNT = "terminate-account"
    HASH_BLOCK = "hash-block"
    REFER_AUTHORITY = "refer-authority"
    NOTIFY_HOST = "notify-host"
    NONE = "none"

    @property
    def restrictive(self) -> bool:
        """Whether whoever uploaded it has to be given reasons, and may appeal."""
        return self not in {
            ActionType.NOTIFY_HOST,
            ActionType.REFER_AUTHORITY,
            ActionType.NONE,
        }


class ActionState(StrEnum):
    """Whether it has been done."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    REVERSED = "reversed"


class ClockKind(StrEnum):
    """Within which time something has to happen, or until when something holds."""

    ACKNOWLEDGE = "acknowledge"
    """DSA Art. 16 (4)."""
    INTIMATE_48H = "intimate-48h"
    """TAKE IT DOWN Act §3 (a) (3): removal within 48 hours of a valid request."""
    DECIDE = "decide"
    """Our own promise, by severity; the only one that can be paused."""
    ENFORCE = "enforce"
    """Our own, within as long: what was decided is done. No law's time begins again by it."""
    TEMPORARY_BLOCK = "temporary-block"
    """KR Art. 44-2 (4): at most 30 days."""
    APPEAL_WINDOW = "appeal-window"
    """DSA Art. 20 (1): at least six months; 184 days is six months everywhere."""
    RETENTION = "retention"

    @property
    def statutory(self) -> bool:
        """Whether a law asks for it; nobody can pause it."""
        return self not in {ClockKind.DECIDE, ClockKind.ENFORCE, ClockKind.RETENTION}

    @property
    def expires(self) -> bool:
        """Whether its end is no fault: something holds until then, and no longer."""
        return self in {
            ClockKind.TEMPORARY_BLOCK,
            ClockKind.APPEAL_WINDOW,
            ClockKind.RETENTION,
        }


class Audience(StrEnum):
    """Whom a statement of reasons is for."""

    UPLOADER = "uploader"
    REPORTER = "reporter"
    PUBLIC = "public"
