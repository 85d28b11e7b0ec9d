"""The records of moderation, as everything above the tables sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    AppealOutcome,
    AppealState,
    CaseState,
    Category,
    Channel,
    ClockKind,
    ComplaintState,
    Ground,
    Outcome,
    Queue,
    ReporterRole,
    Role,
    Severity,
)

__all__ = [
    "Action",
    "Appeal",
    "AuditEvent",
    "Case",
    "Clock",
    "Complaint",
    "Contact",
    "Decision",
    "Locator",
    "Reviewer",
    "Subject",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Locator:
    """Where something is.

    Attributes:
        url: Its address; whoever complains need not know more.
        sha256: Digest of its bytes, hex.
        report: Name of the machine's report about it, from whose page it was complained of.
    """

    url: str | None = None
    sha256: str | None = None
    report: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a case is about: one file by its bytes, or one address.

    Attributes:
        id: Its name.
        url: Where it was seen.
        sha256: Digest of its bytes, hex; other bytes are another subject.
        report: Name of the machine's report about it.
        verdict: The provenance verdict of that report. Read here, never written.
        release: The registered release that it resembles, `AGENCY/RELEASE`.
    """

    id: str
    url: str | None = None
    sha256: str | None = None
    report: str | None = None
    verdict: str | None = None
    release: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who complains and how to answer; kept encrypted, and read by nobody but staff.

    Attributes:
        name: As they gave it.
        email: Where statements go.
        signature: A typed or other signature, where a law asks for one.
    """

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What somebody reported. Who they are is not in here.

    Attributes:
        ref: Its reference.
        channel: How it came.
        role: Who they say they are.
        category: What they say is wrong.
        explanation: In their words: a stranger's text.
        locators: Where it is.
        good_faith: Whether they declared that they believe it in good faith.
        locale: The language they are answered in.
        received_at: When it came.
        state: Where it is.
        case: The case it belongs to.
        subject: What it is about.
        muted: Whether they are not listened to at present.
        external_id: The sender's own number: the same twice is the same complaint.
        key: Id of the API key it came with.
        decision: The decision that they were answered with last.
    """

    ref: str
    channel: Channel
    role: ReporterRole
    category: Category
    explanation: str
    locators: tuple[Locator, ...]
    good_faith: bool
    locale: str
    received_at: datetime
    state: ComplaintState
    case: str | None = None
    subject: str | None = None
    muted: bool = False
    external_id: str | None = None
    key: str | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """By when something has to have happened.

    Attributes:
        case: Of which case.
        kind: What it is about.
        starts_at: Since when it runs: the first valid complaint.
        due_at: When it is up.
        paused_at: Since when it stands still; a statutory one never does.
        met_at: When what it is about happened; of one that expires: when it had.
        breached_at: When it was up without.
        decision: Of which decision, where it is about one (the time to appeal).
        id: Its number.
    """

    case: str
    kind: ClockKind
    starts_at: datetime
    due_at: datetime
    paused_at: datetime | None = None
    met_at: datetime | None = None
    breached_at: datetime | None = None
    decision: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One matter that is decided once.

    Attributes:
        id: Its name.
        state: Where it is.
        category: The gravest that was reported.
        severity: How grave.
        queue: Who may see it.
        subjects: What it is about.
        opened_at: When.
        clocks: What runs.
        complaints: How many belong to it.
        assignee: Which reviewer has it.
        locked_until: Until when it is theirs.
        agencies: Ids of agencies it concerns; their people do not review it.
        decision: The decision that holds.
        merged_into: The case that it became part of.
        muted: How many of its complaints are by people who are not listened to at present.
        trusted: Whether a trusted flagger or an agency complained.
        captured_at: When something of its subjects was first captured; then it is not void.
    """

    id: str
    state: CaseState
    category: Category
    severity: Severity
    queue: Queue
    subjects: tuple[Subject, ...]
    opened_at: datetime
    clocks: tuple[Clock, ...] = ()
    complaints: int = 0
    assignee: str | None = None
    locked_until: datetime | None = None
    agencies: frozenset[str] = frozenset()
    decision: str | None = None
    merged_into: str | None = None
    muted: int = 0
    trusted: bool = False
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """A member of the staff as far as moderation needs to know them.

    Attributes:
        id: Their name in records; not a person's name.
        roles: What they are there for.
        trained_until: Until when their training holds; None: they have none.
        conflicts: Ids of agencies they must not judge about.
        exposure_cap: How many unblurred looks a day are theirs at most.
    """

    id: str
    roles: frozenset[Role]
    trained_until: datetime | None = None
    conflicts: frozenset[str] = frozenset()
    exposure_cap: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a named person decided, under named versions of policies. Never edited.

    Attributes:
        id: Its name.
        case: About which case.
        subjects: Ids of what it is about.
        outcome: What it finds.
        policies: Versions of policies, as `name@version`.
        ground: Law or terms.
        reference: Which article or clause.
        facts: What was found, in the maker's words; shown in the statement of reasons.
        actions: What is done.
        territories: Where it holds, ISO 3166-1 alpha-2; empty: everywhere.
        ends_at: Until when it holds; None: for good.
        automated_detection: Whether a machine led to it.
        maker: Who decided.
        second: Who agreed, where a second person is needed.
        supersedes: The decision that it replaces.
        created_at: When.
        cases: All cases that it decides, where there are several (a bulk decision).
        appeal: The appeal that it answers; such a one is final.
    """

    id: str
    case: str
    subjects: tuple[str, ...]
    outcome: Outcome
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str
    actions: tuple[ActionType, ...]
    territories: tuple[str, ...]
    ends_at: datetime | None
    automated_detection: bool
    maker: str
    second: str | None
    supersedes: str | None
    created_at: datetime
    cases: tuple[str, ...] = ()
    appeal: str | None = None

    @property
    def restrictive(self) -> bool:
        """Whether it restricts anything of whoever uploaded it."""
        return any(action.restrictive for action in self.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that is done to one subject because of a decision.

    Attributes:
        id: Its name.
        decision: Because of which decision; there is none without.
        subject: To what.
        type: What.
        state: Whether it has been done.
        why: Why it failed.
        done_at: When it was done.
        case: In which case.
    """

    id: str
    decision: str
    subject: str
    type: ActionType
    state: ActionState
    why: str | None = None
    done_at: datetime | None = None
    case: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """Somebody does not agree with a decision.

    Attributes:
        id: Its name.
        decision: With which.
        complaint: Reference of the complaint of whoever appeals; None: the uploader does.
        text: Why, in their words: a stranger's text.
        filed_at: When.
        state: Where it is.
        reviewer: Who decides; never who made or seconded a decision of the chain.
        outcome: What became of the decision.
        new_decision: The decision that answers it.
        case: About which case.
        locked_until: Until when it is the reviewer's.
    """

    id: str
    decision: str
    complaint: str | None
    text: str
    filed_at: datetime
    state: AppealState
    reviewer: str | None = None
    outcome: AppealOutcome | None = None
    new_decision: str | None = None
    case: str = ""
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One step that was taken, chained to the one before it.

    Attributes:
        seq: Its number, from 1, without gaps.
        at: When.
        actor: Who: a reviewer's id, a key's id, `reporter`, `uploader` or `system`.
        verb: What, like `case.claimed`.
        object: To what, like `case:ID`.
        detail: What changed, as JSON; names no person.
        prev: SHA-256 of the entry before it, hex; zeros for the first.
        sha256: Its own, over all of the above.
    """

    seq: int
    at: datetime
    actor: str
    verb: str
    object: str
    detail: str
    prev: str
    sha256: str
