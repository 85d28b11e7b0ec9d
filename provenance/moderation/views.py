"""What the desks of moderation are given and give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from provenance.moderation.model import (
    Action,
    Appeal,
    AuditEvent,
    Case,
    Complaint,
    Contact,
    Decision,
    Locator,
    Subject,
)
from provenance.moderation.vocabulary import (
    ActionType,
    CaseState,
    Category,
    Ground,
    Outcome,
    Queue,
    ReporterRole,
    Severity,
)

__all__ = [
    "BulkItem",
    "BulkPreview",
    "CaseFile",
    "DecisionDraft",
    "EvidenceAccess",
    "Filed",
    "Followed",
    "Message",
    "NewComplaint",
    "Proposal",
    "QueueFilters",
    "QueueRow",
    "ReportFacts",
    "SimilarityLink",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComplaint:
    """What somebody reports.

    Attributes:
        category: What they say is wrong.
        locators: Where it is: an address, a digest or a report is enough.
        role: Who they say they are.
        explanation: In their words.
        good_faith: Whether they declare that they believe it in good faith.
        locale: The language they are to be answered in, BCP 47.
        contact: Who they are, where they say so.
        external_id: The sender's own number, with a key only.
    """

    category: Category
    locators: tuple[Locator, ...]
    role: ReporterRole = ReporterRole.ANYONE
    explanation: str = ""
    good_faith: bool = False
    locale: str = "en"
    contact: Contact | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A complaint that was taken.

    Attributes:
        complaint: As it is now.
        pin: What proves that it is theirs, told this once; None where it was filed before.
        due_at: By when it is decided; None where it is answered already.
        statutory: Whether the 48 hours of a request about intimate images run for it. Where
            it is about intimate images and this is not so, `missing` says why.
        missing: What the law asks for and the complaint has not: `contact`, `signature`,
            `good-faith`.
        repeated: Whether it was filed before under the same external id.
    """

    complaint: Complaint
    pin: str | None = field(repr=False)
    due_at: datetime | None
    statutory: bool = False
    missing: tuple[str, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was asked or added after a complaint was filed.

    Attributes:
        at: When.
        by_reporter: Whether whoever complains wrote it; else the staff did, and no name is said.
        text: What.
    """

    at: datetime
    by_reporter: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What whoever complained is told.

    Attributes:
        complaint: As it is now.
        messages: What was asked and added.
        decision: The decision that answers it; without facts where they are told to nobody.
        may_appeal_until: Until when they may appeal; None: they may not, or not any more.
        due_at: By when it is decided; None where it is.
        appeals: Their appeals.
    """

    complaint: Complaint
    messages: tuple[Message, ...]
    decision: Decision | None
    may_appeal_until: datetime | None
    due_at: datetime | None
    appeals: tuple[Appeal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """What a machine's report says that moderation needs: looked up, never written.

    Attributes:
        sha256: Digest of the file.
        verdict: The provenance verdict.
        release: The release that it is, or resembles, `AGENCY/RELEASE`.
        agencies: Ids of the agencies that it concerns.
        likeness: Where it but resembles the release: what found that, and how many bits of
            256 differ.
    """

    sha256: str | None
    verdict: str
    release: str | None = None
    agencies: frozenset[str] = frozenset()
    likeness: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDraft:
    """What somebody means to decide.

    Attributes:
        outcome: What is found.
        policies: Versions of policies, as `name@version`.
        ground: Law or terms.
        reference: Which article or clause.
        facts: What was found, in the maker's words.
        actions: What is to be done; none where no violation was found.
        territories: Where it holds; empty: everywhere.
        ends_at: Until when; None: for good.
        subjects: Ids of what it is about; empty: all of the case.
        automated_detection: Whether a machine led to it.
        seen: Ids of all that whoever decides was shown of the case; empty: what is in it now.
    """

    outcome: Outcome
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str
    actions: tuple[ActionType, ...] = ()
    territories: tuple[str, ...] = ()
    ends_at: datetime | None = None
    subjects: tuple[str, ...] = ()
    automated_detection: bool = False
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A decision that waits for a second person.

    Attributes:
        id: Its name.
        case: About which case.
        draft: What is to be decided.
        maker: Who proposes it.
        created_at: When.
        appeal: The appeal that it would answer.
        graded: Of which kind the case was when it was proposed, and how grave; None: that was
            not written down yet.
    """

    id: str
    case: str
    draft: DecisionDraft
    maker: str
    created_at: datetime
    appeal: str | None = None
    graded: tuple[Category, Severity] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilters:
    """Which cases are looked for; None: any.

    Attributes:
        states: Where they are; empty: those that wait for somebody.
        category: What they are about.
        severity: How grave.
        queue: In which queue.
        agency: Id of an agency that they concern.
        mine: Whether those that the reviewer has.
        overdue: Whether a clock of theirs is up.
        limit: How many at most.
        offset: How many of the first are left out.
    """

    states: frozenset[CaseState] = frozenset()
    category: Category | None = None
    severity: Severity | None = None
    queue: Queue | None = None
    agency: str | None = None
    mine: bool = False
    overdue: bool = False
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A case in the queue.

    Attributes:
        case: The case; `clocks` has those that still run.
        next_due_at: When the first of its clocks is up.
        claimable: Whether whoever asked may claim it now.
    """

    case: Case
    next_due_at: datetime | None
    claimable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityLink:
    """Two subjects look or sound alike: a machine's lead, until a person confirms it.

    Attributes:
        id: Its number.
        subject: One of them.
        other: The other.
        algorithm: What found it; `…-release`: by way of the release that both resemble.
        distance: How far apart they are, in bits; by way of a release, how far the later one is
            from that.
        confirmed: What a person said; None: nobody looked.
        cases: The open cases of the other subject.
    """

    id: int
    subject: str
    other: str
    algorithm: str
    distance: int
    confirmed: bool | None = None
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAccess:
    """Somebody looked at evidence that was not blurred.

    Attributes:
        case: Of which case.
        subject: At what.
        reviewer: Who.
        why: For what reason.
        at: When.
        left: How many such looks they have left today.
    """

    case: str
    subject: str
    reviewer: str
    why: str
    at: datetime
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """All that a case page shows.

    Attributes:
        case: The case.
        complaints: The first of its complaints, those that are listened to before the rest.
        counts: How many complaints there are, by category and by who complains
            (`category:...`, `role:...`), muted ones included.
        decisions: Its decisions, oldest first.
        actions: What is done because of them.
        appeals: Appeals against them.
        events: The last entries of the audit about it, newest first.
        similar: Ids of other cases about something alike, or the same release.
        links: Resemblances that were found, confirmed or not.
        proposal: The decision that waits for a second person.
        accesses: Who looked at unblurred evidence.
        hand_over: Of the restricted queue: what is to be done, by language.
    """

    case: Case
    complaints: tuple[Complaint, ...]
    counts: Mapping[str, int]
    decisions: tuple[Decision, ...]
    actions: tuple[Action, ...]
    appeals: tuple[Appeal, ...]
    events: tuple[AuditEvent, ...]
    similar: tuple[str, ...]
    links: tuple[SimilarityLink, ...] = ()
    proposal: Proposal | None = None
    accesses: tuple[EvidenceAccess, ...] = ()
    hand_over: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkItem:
    """What a bulk decision would do in one case.

    Attributes:
        case: Which.
        subjects: What of it.
        complaints: How many people would be answered.
        refused: Why it cannot be decided so; None: it can.
    """

    case: str
    subjects: tuple[Subject, ...]
    complaints: int
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPreview:
    """What a bulk decision would do.

    Attributes:
        token: What it is decided with, if nothing of what is shown changes until then; None
            where one of the cases cannot be decided so.
        n: How many subjects it is about.
        each: Case by case.
        ends_at: Until when the token holds.
    """

    token: str | None = field(repr=False)
    n: int
    each: tuple[BulkItem, ...]
    ends_at: datetime | None
