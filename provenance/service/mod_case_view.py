"""What the page of one case shows, made from its file; nothing here is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from provenance.moderation.case_pages import CLAIMABLE
from provenance.moderation.model import Case, Contact, Reviewer
from provenance.moderation.permissions import Permission, permissions_of
from provenance.moderation.policies import PolicyBook
from provenance.moderation.views import CaseFile, Proposal
from provenance.moderation.vocabulary import Category, Queue, Severity
from provenance.pages.result import Place
from provenance.service.mod_case_moves import moves_of, why_no_look
from provenance.service.mod_case_rows import (
    AccessRow,
    AppealLink,
    ComplaintRow,
    DecisionRow,
    LinkRow,
    access_row,
    appeal_link,
    complaint_row,
    decision_row,
    link_row,
    makers_of,
)
from provenance.service.mod_legal_view import LegalView
from provenance.service.mod_words import (
    ClockWords,
    EventWords,
    claim_obstacle,
    clock_words,
    event_words,
    held_by,
)
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, say

__all__ = ["CaseView", "SubjectView", "case_view", "without_words"]

_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectView:
    """One thing a case is about.

    Attributes:
        id: Its name.
        url: Where it was seen: a stranger's text, and never a link.
        sha256: Digest of its bytes.
        kind: `none` where there are no bytes here; else `image`, `video`, `audio` or `file`.
        open: Whether whoever asks gave a reason to look, a short while ago.
        src: Where its bytes are, for them.
        verdict: The machine's verdict.
        known: What the machine's answer says in sentences.
        report: Name of that answer.
        release: The release it resembles.
        picture: Where the registered picture of that release is.
        places: Where it differs from it.
    """

    id: str
    url: str | None
    sha256: str | None
    kind: str = "none"
    open: bool = False
    src: str = ""
    verdict: str | None = None
    known: tuple[Message, ...] = ()
    report: str | None = None
    release: str | None = None
    picture: str | None = None
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """What the page shows.

    Attributes:
        id: Name of the case.
        category: What it is about.
        severity: How grave.
        rank: The same as a number from 0.
        state: Where it is.
        restricted: Whether nothing of it is shown but what is to be done.
        opened: When.
        people: How many complained.
        agencies: Ids of agencies it concerns.
        clocks: What runs.
        holder: Who has it.
        why_not: Why whoever asks cannot claim it.
        no_look: Why they cannot look at evidence.
        merged_into: The case that goes on in its place.
        moves: What they may do now.
        more: Whether there are moves beside the first ones.
        hand_over: Of the restricted queue: what is to be done.
        to_hand_over: Of the restricted queue: addresses and digests, and nothing else; what
            they are called (a message), and they.
        evidence: What it is about.
        proposal: The decision that waits for a second person.
        complaints: Those on this page.
        counts: How many there are, by kind.
        earlier: Address of the complaints before these.
        later: And after.
        may_contact: Whether they may ask who complained.
        may_ask: Whether they may ask whoever complained.
        may_mute: Whether they may reject a complaint as abusive.
        may_merge: Whether they may say what is alike.
        may_split: Whether they may make a case of some complaints.
        links: Resemblances.
        similar: Other cases.
        decisions: What was decided, the newest first.
        appeals: Appeals.
        events: What happened, the newest first.
        legal: What lawyers see beside.
        accesses: Who looked at evidence.
        severities: For the form: value and message.
        categories: For the form.
    """

    id: str
    category: str
    severity: str
    rank: int
    state: str
    restricted: bool
    opened: str
    people: Message
    agencies: tuple[str, ...]
    clocks: tuple[ClockWords, ...]
    holder: Message | None
    why_not: Message | None
    no_look: Message | None
    merged_into: str | None
    moves: frozenset[str]
    more: bool
    hand_over: tuple[str, ...]
    to_hand_over: tuple[tuple[str, str], ...]
    evidence: tuple[SubjectView, ...]
    proposal: Proposal | None
    complaints: tuple[ComplaintRow, ...]
    counts: tuple[Message, ...]
    earlier: str | None
    later: str | None
    may_contact: bool
    may_ask: bool
    may_mute: bool
    may_merge: bool
    may_split: bool
    links: tuple[LinkRow, ...]
    similar: tuple[str, ...]
    decisions: tuple[DecisionRow, ...]
    appeals: tuple[AppealLink, ...]
    events: tuple[EventWords, ...]
    legal: LegalView | None
    accesses: tuple[AccessRow, ...]
    severities: tuple[tuple[str, str], ...] = field(
        default_factory=lambda: tuple((s.value, f"mod.severity.{s.value}") for s in Severity)
    )
    categories: tuple[tuple[str, str], ...] = field(
        default_factory=lambda: tuple((c.value, f"category.{c.value}") for c in Category)
    )


def case_view(  # noqa: PLR0913 - one page, whole
    found: CaseFile,
    reviewer: Reviewer,
    wording: Wording,
    policies: PolicyBook,
    *,
    evidence: Sequence[SubjectView],
    contacts: Mapping[str, Contact],
    legal: LegalView | None,
    looks_left: int,
    offset: int,
    here: str,
    now: datetime,
) -> CaseView:
    """What does the page show this person of this case?

    Args:
        found: The case's file.
        reviewer: Who asks.
        wording: Their language.
        policies: For titles.
        evidence: What the case is about, as far as it may be shown.
        contacts: Who complained, as far as they asked for it just now.
        legal: What lawyers see, where whoever asks is one.
        looks_left: How many looks at evidence are left to them today.
        offset: How many complaints are left out before those in the file.
        here: Address of the page, to which `at=` can be added.
        now: What time it is.
    """
    case, held = found.case, permissions_of(reviewer.roles)
    earlier = makers_of(found.decisions)
    obstacle = claim_obstacle(case, reviewer, earlier=earlier, now=now)
    moves = moves_of(found, reviewer, obstacle, now)
    restricted = case.queue is Queue.RESTRICTED
    no_look = None
    if "unblur" not in moves:
        no_look = why_no_look(case, reviewer, held, looks_left)
    elif looks_left <= 0:
        moves, no_look = moves - {"unblur"}, say("mod.cannot.cap")
    total = case.complaints
    page = found.complaints[:_PAGE]
    shown = offset + len(page)
    compared = {other for link in found.links for other in link.cases}
    return CaseView(
        id=case.id,
        category=case.category.value,
        severity=case.severity.value,
        rank=case.severity.rank,
        state=case.state.value,
        restricted=restricted,
        opened=wording.moment(case.opened_at),
        people=say("mod.people", count=total),
        agencies=tuple(sorted(case.agencies)),
        clocks=tuple(
            clock_words(clock, wording, now=now) for clock in case.clocks if clock.met_at is None
        ),
        holder=held_by(case, reviewer, wording, now=now),
        why_not=obstacle if case.state in CLAIMABLE else None,
        no_look=no_look,
        merged_into=case.merged_into,
        moves=moves,
        more=bool(moves & {"escalate", "triage", "interim", "merge", "reopen", "void"}),
        hand_over=tuple((wording.in_language(found.hand_over) or "").splitlines()),
        to_hand_over=_places(case) if restricted else (),
        evidence=() if restricted else tuple(evidence),
        proposal=found.proposal,
        complaints=tuple(
            complaint_row(one, restricted, contacts.get(one.ref), wording) for one in page
        ),
        counts=_counts(found.counts),
        earlier=f"{here}at={max(offset - _PAGE, 0)}#complaints" if offset else None,
        later=f"{here}at={shown}#complaints" if shown < total else None,
        may_contact=Permission.SEE_CONTACT in held,
        may_ask=Permission.ASK_REPORTER in held,
        may_mute=Permission.MUTE in held,
        may_merge=Permission.MERGE in held,
        may_split=Permission.MERGE in held and total > 1 and "split" in moves,
        links=tuple(link_row(one) for one in found.links),
        # What a machine compared is told with what it found.
        similar=tuple(one for one in found.similar if one not in {case.id, *compared}),
        decisions=tuple(
            decision_row(one, found.actions, case, Permission.UNDO in held, policies, wording)
            for one in reversed(found.decisions)
        ),
        appeals=tuple(appeal_link(one) for one in found.appeals),
        events=tuple(event_words(event, wording) for event in found.events),
        legal=legal,
        accesses=tuple(access_row(one, wording) for one in found.accesses),
    )


def _places(case: Case) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value)
        for subject in case.subjects
        for name, value in (("mod.address", subject.url), ("row.digest", subject.sha256))
        if value
    )


def _counts(counts: Mapping[str, int]) -> tuple[Message, ...]:
    found = []
    for name, count in sorted(counts.items()):
        kind, _, value = name.partition(":")
        if kind in {"category", "role"} and count:
            what = f"category.{value}" if kind == "category" else f"mod.role.{value}"
            found.append(say("mod.count", what=say(what), number=count))
    return tuple(found)


def without_words(found: CaseFile) -> CaseFile:
    """The file; of a restricted case without anybody's words."""
    if found.case.queue is not Queue.RESTRICTED:
        return found
    bare = tuple(replace(one, explanation="", locators=()) for one in found.complaints)
    return replace(found, complaints=bare)
