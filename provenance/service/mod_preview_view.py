"""What is shown once more before a decision counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.clocks import APPEAL_WINDOW
from provenance.moderation.decisions import needs_second
from provenance.moderation.model import Decision, Subject
from provenance.moderation.outcomes.statements import StatementContext, Written, write_statement
from provenance.moderation.overview import Overview
from provenance.moderation.views import BulkPreview, CaseFile, DecisionDraft, Proposal
from provenance.moderation.vocabulary import AppealOutcome, Audience
from provenance.service.answers import url_of
from provenance.service.callers import parts_of
from provenance.service.mod_case_rows import policy_title
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_moves import Draft, draft_of
from provenance.service.mod_undecided import Undecided
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import wording_for
from provenance.service.staff_access import SignedIn
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = ["PreviewView", "preview_view", "second_view"]

_TO_COME = "…"
_MAX_PLACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _StatementView:
    heading: str
    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _EachView:
    case: str
    places: tuple[str, ...]
    complaints: int
    refused: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemView:
    number: int
    where: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """What is shown before anything is decided.

    Attributes:
        title: Heading.
        note: What happens next.
        back: Where to go instead.
        appeal_text: What whoever appeals wrote, for whoever has not read it yet.
        verdict: What becomes of the appeal.
        items: What it is about, numbered as on the page of the case; of several cases none.
        outcome: What is found.
        policies: Titles.
        ground: Law or terms.
        reference: Which clause.
        facts: What was found, in words.
        actions: What is done.
        maker: Who proposes it.
        each: Case by case, where there are several.
        statements: What people will be told.
        confirm: Where the form goes that decides; None: there is nothing to confirm.
        confirm_says: What its button says.
        change: Where the form is filled in again.
        typed: Fields that the form carries on.
        second: Where a second person answers.
    """

    title: str
    note: Message
    back: str
    appeal_text: str | None = None
    verdict: str | None = None
    items: tuple[_ItemView, ...] = ()
    outcome: str
    policies: tuple[str, ...]
    ground: str
    reference: str
    facts: str
    actions: tuple[str, ...]
    maker: str | None = None
    each: tuple[_EachView, ...] = ()
    statements: tuple[_StatementView, ...] = ()
    confirm: str | None = None
    confirm_says: str = "mod.decide"
    change: str = ""
    typed: tuple[tuple[str, str], ...] = ()
    second: str | None = None


def preview_view(
    request: Request,
    subject: Undecided,
    typed: DraftForm,
    body: Draft,
    bulk: BulkPreview | None = None,
) -> PreviewView:
    """What is shown before this is decided?"""
    desks = moderation_of(request)
    draft, book = draft_of(body), desks.policies
    policies = [one for id_ in draft.policies if (one := book.get(id_)) is not None]
    waits = needs_second(draft, subject.subjects, policies, released=desks.office.released)
    note = say("mod.preview.waits" if waits else "mod.preview.at-once")
    if bulk is not None:
        note = say("mod.bulk.note", count=bulk.n)
    confirm: str | None = f"{subject.path}/decide"
    fields = typed.pairs
    if bulk is not None:
        if bulk.token is None:
            confirm, note = None, say("mod.bulk.refused")
        fields = (*fields, ("token", bulk.token or ""))
    return _shown(
        request,
        draft,
        subject,
        title="mod.preview.title",
        note=note,
        verdict=typed.verdict or None,
        each=() if bulk is None else _each(bulk),
        confirm=confirm,
        confirm_says="mod.propose" if waits else "mod.decide",
        change=f"{subject.path}/draft",
        typed=fields,
    )


def second_view(
    request: Request, who: SignedIn, *, case: str | None = None, appeal: str | None = None
) -> PreviewView:
    """What does a second person see?

    Raises:
        ConflictError: Nothing waits, or it is theirs.
        PermissionRefusedError: They may not see it.
    """
    moderation, now = moderation_of(request), parts_of(request).clock()
    text, verdict = None, None
    if appeal is not None:
        found_appeal = moderation.appeals.get(appeal, who.reviewer)
        case, text = found_appeal.case, found_appeal.text
        verdict = None if found_appeal.outcome is None else found_appeal.outcome.value
    if case is None:
        raise NotFoundError("case: expected one")
    found: CaseFile = moderation.cases.get(case, who.reviewer, now=now)
    proposal: Proposal | None = found.proposal
    if appeal is not None:
        proposal = Overview(moderation.office).appeal_proposal(
            appeal, who.reviewer, desk=moderation.appeals
        )
    if proposal is None:
        raise ConflictError(f"case {case}: nothing waits for a second person")
    path = f"/mod/cases/{case}" if appeal is None else f"/mod/appeals/{appeal}"
    subject = Undecided(
        id=case, title="mod.second", path=path, back=path, about=(found.case,),
        appeal=appeal, appeal_text=text,
    )  # fmt: skip
    mine = proposal.maker == who.reviewer.id
    return _shown(
        request,
        proposal.draft,
        subject,
        title="mod.second",
        note=say("mod.second.yours" if mine else "mod.second.note"),
        appeal_text=text,
        verdict=verdict,
        maker=proposal.maker,
        second=None if mine else f"{path}/second",
    )


def _shown(  # noqa: PLR0913 - one page, whole
    request: Request,
    draft: DecisionDraft,
    subject: Undecided,
    *,
    title: str,
    note: Message,
    appeal_text: str | None = None,
    verdict: str | None = None,
    maker: str | None = None,
    each: tuple[_EachView, ...] = (),
    confirm: str | None = None,
    confirm_says: str = "mod.decide",
    change: str = "",
    typed: tuple[tuple[str, str], ...] = (),
    second: str | None = None,
) -> PreviewView:
    wording, book = wording_for(request), moderation_of(request).policies
    now = parts_of(request).clock()
    told = verdict != AppealOutcome.UPHELD.value
    return PreviewView(
        title=title,
        note=note,
        back=subject.back,
        appeal_text=appeal_text,
        verdict=verdict,
        items=() if subject.cases else tuple(_items(draft, subject)),
        outcome=draft.outcome.value,
        policies=tuple(policy_title(one, book, wording) for one in draft.policies),
        ground=draft.ground.value,
        reference=draft.reference,
        facts=draft.facts,
        actions=tuple(action.value for action in draft.actions),
        maker=maker,
        each=each,
        statements=tuple(_statements(request, draft, subject, wording, now)) if told else (),
        confirm=confirm,
        confirm_says=confirm_says,
        change=change,
        typed=typed,
        second=second,
    )


def _decided(draft: DecisionDraft, subject: Undecided) -> tuple[Subject, ...]:
    """What of it is decided? What joined since it was proposed is not."""
    chosen = draft.subjects or draft.seen
    return tuple(one for one in subject.subjects if not chosen or one.id in chosen)


def _items(draft: DecisionDraft, subject: Undecided) -> Iterable[_ItemView]:
    decided = {one.id for one in _decided(draft, subject)}
    for number, one in enumerate(subject.subjects, 1):
        if one.id in decided:
            where = None if subject.restricted else one.url or one.sha256
            yield _ItemView(number=number, where=where)


def _each(preview: BulkPreview) -> tuple[_EachView, ...]:
    return tuple(
        _EachView(
            case=one.case,
            places=tuple((s.url or s.sha256 or s.id) for s in one.subjects[:_MAX_PLACES]),
            complaints=one.complaints,
            refused=None if one.refused is None else say("mod.bulk.no", why=Quoted(one.refused)),
        )
        for one in preview.each
    )


def _statements(
    request: Request, draft: DecisionDraft, subject: Undecided, wording: Wording, now: datetime
) -> Iterable[_StatementView]:
    """What will people be told, in the language of whoever looks?"""
    made = Decision(
        id=_TO_COME,
        case=subject.about[0].id,
        subjects=draft.subjects,
        outcome=draft.outcome,
        policies=draft.policies,
        ground=draft.ground,
        reference=draft.reference,
        facts=draft.facts,
        actions=draft.actions,
        territories=draft.territories,
        ends_at=draft.ends_at,
        automated_detection=draft.automated_detection,
        maker=_TO_COME,
        second=None,
        supersedes=None,
        created_at=now,
    )
    first = next(iter(_decided(draft, subject)), None)
    restricted = subject.restricted
    context = StatementContext(
        url=url_of(request, "/decisions/…"),
        about=None if restricted or first is None else first.url or first.sha256,
        appeal_until=None if subject.appeal else now + APPEAL_WINDOW,
        tells_facts=not restricted,
    )
    audiences = [Audience.REPORTER]
    # Whoever may be investigated is not forestalled.
    if made.restrictive and not restricted:
        audiences.insert(0, Audience.UPLOADER)
    for audience in audiences:
        written: Written = write_statement(made, audience, context, wording)
        yield _StatementView(
            heading=f"mod.preview.{audience.value}",
            language=written.language,
            title=written.title,
            body=written.body,
        )
