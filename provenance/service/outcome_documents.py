"""Documents of what follows from decisions, as the API takes and gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.moderation.evidence.documents import AuditLine
from provenance.moderation.outcomes.hash_list import BlockAnswer, EntryState, HashAlgorithm
from provenance.moderation.outcomes.labels import LabelClaims
from provenance.moderation.vocabulary import ActionState, ActionType, Ground, Outcome

__all__ = [
    "ActionDocument",
    "ActionRequest",
    "AuditPage",
    "BlockDocument",
    "BlockQuestion",
    "CodeRequest",
    "DecisionDocument",
    "EntryDocument",
    "LabelDocument",
    "LabelList",
    "StatementDocument",
    "block_document",
]

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ReportName = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{22}$")]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelDocument(_Out):
    """A label, and the same signed."""

    label: LabelClaims
    jws: str = Field(description="The label as its service's word: a compact JWS (RFC 7515).")


class LabelList(_Out):
    """Labels about one file; of each value and decision the newest counts."""

    sha256: Sha256
    labels: tuple[LabelDocument, ...]
    keys: str = Field(description="Where the keys are that they are checked with.")


class StatementDocument(_Out):
    """The reasons of a decision, in one language."""

    language: str
    title: str
    body: str


class DecisionDocument(_Out):
    """What was decided, and why; neither by whom nor who complained."""

    id: str
    outcome: Outcome
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str | None = Field(description="None where they are not told.")
    actions: tuple[ActionType, ...]
    territories: tuple[str, ...] = Field(description="Empty: everywhere.")
    ends_at: AwareDatetime | None
    automated_detection: bool
    decided_at: AwareDatetime
    supersedes: str | None
    superseded_by: str | None = Field(description="The decision that holds in its place.")
    appeal_until: AwareDatetime | None
    statement: StatementDocument


class ActionRequest(_In):
    """What became of an action."""

    state: Literal["done", "failed"]
    why: Annotated[str, Field(min_length=1, max_length=400)] | None = None


class ActionDocument(_Out):
    """An action that a decision asks for."""

    id: str
    decision: str
    case: str
    type: ActionType
    state: ActionState
    why: str | None
    done_at: AwareDatetime | None


class BlockQuestion(_In):
    """A file that is about to be published."""

    sha256: Sha256
    pdq: Annotated[tuple[Sha256, ...], Field(strict=False, max_length=16)] = ()
    report: ReportName | None = Field(
        default=None,
        description="The report of this very file: what is official is not held for likeness.",
    )


class EntryDocument(_Out):
    """An entry of the block list."""

    id: str
    decision: str
    algorithm: HashAlgorithm
    state: EntryState
    distance: int = Field(ge=0, description="In bits; 0 for equal bytes.")


class BlockDocument(_Out):
    """What the list says: `block` for equal bytes; `review` is for a person to decide."""

    answer: Literal["block", "review", "none"]
    entries: tuple[EntryDocument, ...]


class CodeRequest(_In):
    """A PDQ code of a blocked file, from whoever has the file."""

    pdq: Sha256


class AuditPage(_Out):
    """Entries of the audit, the oldest first."""

    entries: tuple[AuditLine, ...]
    next: int | None = Field(description="What to ask with as `since` for more; None: no more.")


def block_document(answer: BlockAnswer) -> BlockDocument:
    """The document of an answer."""
    blocked = [(entry, 0) for entry in answer.blocked_by]
    near = [(proposal.entry, proposal.distance) for proposal in answer.proposals]
    return BlockDocument(
        answer="block" if answer.blocked else "review" if near else "none",
        entries=tuple(
            EntryDocument(
                id=entry.id,
                decision=entry.decision,
                algorithm=entry.algorithm,
                state=entry.state,
                distance=distance,
            )
            for entry, distance in [*blocked, *near]
        ),
    )
