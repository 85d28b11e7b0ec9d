"""The documents inside an evidence bundle.

None of them has a place for who complained, in which words, or how to reach them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    AppealOutcome,
    AppealState,
    CaseState,
    Category,
    Channel,
    Ground,
    Outcome,
    Queue,
    ReporterRole,
    Severity,
)

__all__ = [
    "AuditLine",
    "EvidenceAction",
    "EvidenceAppeal",
    "EvidenceCase",
    "EvidenceComplaint",
    "EvidenceDecision",
    "EvidenceManifest",
    "EvidenceMember",
    "EvidenceSeal",
    "EvidenceSubject",
]

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._/-]+$")]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EvidenceMember(_Document):
    """One member of the bundle."""

    name: Name
    kind: Literal["case", "audit", "report", "statement", "file", "log"]
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]
    subject: str | None = Field(default=None, description="Id of the subject it is about.")


class EvidenceManifest(_Document):
    """What is in a bundle, and what is only named by its digest."""

    format: Literal["provenance-evidence/1"] = "provenance-evidence/1"
    case: str
    made_at: AwareDatetime
    issuer: Annotated[str, Field(max_length=300)]
    test: bool
    restricted: bool = Field(description="Whether media of this case must never be inside.")
    members: tuple[EvidenceMember, ...]


class EvidenceSeal(_Document):
    """What the service signs: the digests of the manifest and of its time-stamp."""

    manifest_sha256: Sha256
    time_stamp_sha256: Sha256 | None


class EvidenceSubject(_Document):
    """What the case is about; other bytes are another subject."""

    id: str
    url: str | None = None
    sha256: Sha256 | None = None
    report: str | None = None
    verdict: str | None = Field(
        default=None, description="The machine's, about provenance; no part of any decision."
    )
    release: str | None = None


class EvidenceComplaint(_Document):
    """That somebody complained, and of what."""

    received_at: AwareDatetime
    channel: Channel
    role: ReporterRole
    category: Category


class EvidenceDecision(_Document):
    """One decision of the chain, the first first."""

    id: str
    subjects: tuple[str, ...]
    outcome: Outcome
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str
    actions: tuple[ActionType, ...]
    territories: tuple[str, ...]
    ends_at: AwareDatetime | None
    automated_detection: bool
    maker: str
    second: str | None
    supersedes: str | None
    created_at: AwareDatetime


class EvidenceAction(_Document):
    """What was done because of one."""

    id: str
    decision: str
    subject: str
    type: ActionType
    state: ActionState
    why: str | None = None
    done_at: AwareDatetime | None = None


class EvidenceAppeal(_Document):
    """That somebody appealed, and what became of it."""

    id: str
    decision: str
    by: Literal["reporter", "uploader"]
    filed_at: AwareDatetime
    state: AppealState
    reviewer: str | None = None
    outcome: AppealOutcome | None = None
    new_decision: str | None = None


class EvidenceCase(_Document):
    """`case.json`: the case, and everything that was decided in it."""

    id: str
    state: CaseState
    category: Category
    severity: Severity
    queue: Queue
    opened_at: AwareDatetime
    subjects: tuple[EvidenceSubject, ...]
    complaints: tuple[EvidenceComplaint, ...]
    decisions: tuple[EvidenceDecision, ...]
    actions: tuple[EvidenceAction, ...]
    appeals: tuple[EvidenceAppeal, ...] = ()


class AuditLine(_Document):
    """One line of `audit.jsonl`, and of the export of the audit."""

    seq: Annotated[int, Field(ge=1)]
    at: AwareDatetime
    actor: str
    verb: str
    object: str
    detail: str
    prev: Sha256
    sha256: Sha256
