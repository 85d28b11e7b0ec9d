"""One row of each list on the page of a case: a complaint, a decision, a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.moderation.model import Action, Appeal, Case, Complaint, Contact, Decision
from provenance.moderation.policies import PolicyBook
from provenance.moderation.references import shown_reference
from provenance.moderation.transitions import COMPLAINT_MOVES
from provenance.moderation.views import EvidenceAccess, SimilarityLink
from provenance.moderation.vocabulary import ComplaintState
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = [
    "AccessRow",
    "AppealLink",
    "ComplaintRow",
    "DecisionRow",
    "LinkRow",
    "access_row",
    "appeal_link",
    "appeal_title",
    "complaint_row",
    "decided_by",
    "decision_row",
    "link_row",
    "makers_of",
    "policy_title",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintRow:
    """A complaint: of a restricted case without anybody's words."""

    ref: str
    shown: str
    role: str
    category: str
    channel: str
    state: str
    when: str
    muted: bool
    explanation: str
    places: tuple[str, ...]
    contact: Contact | None
    askable: bool
    rejectable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A decision, and what was done because of it."""

    id: str
    outcome: str
    when: str
    by: Message
    policies: tuple[str, ...]
    ground: str
    reference: str
    facts: str
    actions: tuple[Action, ...]
    holds: bool
    undo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A resemblance that a machine found, and what a person says of it."""

    id: int
    algorithm: str
    distance: int
    cases: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealLink:
    """An appeal that has a page of its own."""

    id: str
    state: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """A look at evidence."""

    iso: str
    when: str
    reviewer: str
    why: str


def makers_of(decisions: Iterable[Decision]) -> frozenset[str]:
    """Who made or seconded any of these?"""
    people: set[str] = set()
    for decision in decisions:
        people.add(decision.maker)
        if decision.second is not None:
            people.add(decision.second)
    return frozenset(people)


def decided_by(decision: Decision) -> Message:
    """Who decided this?"""
    if decision.second is None:
        return say("mod.decision.by", name=Quoted(decision.maker))
    return say("mod.decision.by-two", name=Quoted(decision.maker), second=Quoted(decision.second))


def complaint_row(
    one: Complaint,
    restricted: bool,  # noqa: FBT001
    contact: Contact | None,
    wording: Wording,
) -> ComplaintRow:
    """What does the page show of this complaint?"""
    places = () if restricted else tuple(
        place for locator in one.locators for place in (locator.url, locator.sha256) if place
    )  # fmt: skip
    to = COMPLAINT_MOVES[one.state]
    return ComplaintRow(
        ref=one.ref,
        shown=shown_reference(one.ref),
        role=one.role.value,
        category=one.category.value,
        channel=one.channel.value,
        state=one.state.value,
        when=wording.moment(one.received_at),
        muted=one.muted,
        explanation="" if restricted else one.explanation,
        places=places,
        contact=contact,
        askable=ComplaintState.NEEDS_INFO in to,
        rejectable=ComplaintState.REJECTED_ABUSIVE in to,
    )


def link_row(one: SimilarityLink) -> LinkRow:
    """What does the page show of this resemblance?"""
    says = {None: "mod.similar.open", True: "mod.similar.confirmed", False: "mod.similar.denied"}
    return LinkRow(
        id=one.id,
        algorithm=one.algorithm,
        distance=one.distance,
        cases=one.cases,
        says=says[one.confirmed],
    )


def decision_row(  # noqa: PLR0917 - one row, whole
    one: Decision,
    actions: Sequence[Action],
    case: Case,
    may_undo: bool,  # noqa: FBT001 - of the page
    policies: PolicyBook,
    wording: Wording,
) -> DecisionRow:
    """What does the page show of this decision?"""
    holds = case.decision == one.id
    return DecisionRow(
        id=one.id,
        outcome=one.outcome.value,
        when=wording.moment(one.created_at),
        by=decided_by(one),
        policies=tuple(policy_title(id_, policies, wording) for id_ in one.policies),
        ground=one.ground.value,
        reference=one.reference,
        facts=one.facts,
        actions=tuple(action for action in actions if action.decision == one.id),
        holds=holds,
        undo=holds and may_undo,
    )


def policy_title(id_: str, policies: PolicyBook, wording: Wording) -> str:
    """What is this version of a policy called?"""
    found = policies.get(id_)
    return id_ if found is None else f"{found.words('title', wording.language.tag)} ({id_})"


def appeal_link(one: Appeal) -> AppealLink:
    """What does the page show of this appeal?"""
    return AppealLink(id=one.id, state=one.state.value, says=appeal_title(one))


def appeal_title(one: Appeal) -> str:
    """Who appeals?"""
    return "mod.appeal.by-uploader" if one.complaint is None else "mod.appeal.by-reporter"


def access_row(one: EvidenceAccess, wording: Wording) -> AccessRow:
    """What does the page show of this look?"""
    return AccessRow(
        iso=one.at.isoformat(timespec="seconds"),
        when=wording.moment(one.at),
        reviewer=one.reviewer,
        why=one.why,
    )
