"""What the pages show that lead to a decision: the form, the preview, the second look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request

from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.clocks import APPEAL_WINDOW
from provenance.moderation.decisions import needs_second
from provenance.moderation.model import Case, Decision, Subject
from provenance.moderation.outcomes.statements import (
    StatementContext,
    Written,
    write_statement,
)
from provenance.moderation.overview import Overview
from provenance.moderation.policies import PolicyDocument
from provenance.moderation.views import BulkPreview, CaseFile, DecisionDraft, Proposal
from provenance.moderation.vocabulary import (
    AppealOutcome,
    AppealState,
    Audience,
    CaseState,
    Ground,
    Outcome,
    Queue,
)
from provenance.service.answers import url_of
from provenance.service.callers import parts_of
from provenance.service.mod_case_view import policy_title
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_moves import Draft, draft_of
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import wording_for
from provenance.service.staff_access import SignedIn
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = [
    "DecideView",
    "PreviewView",
    "Undecided",
    "appeal_subject",
    "bulk_subject",
    "case_subject",
    "decide_view",
    "preview_view",
    "second_view",
]

_TO_COME = "…"
_MAX_PLACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """What is to be decided: a case, several, or an appeal.

    Attributes:
        id: Its name; of several cases how many.
        title: Heading of the form.
        path: Where its pages are.
        back: Where whoever does not decide goes back to.
        cases: The cases, where there are several.
        about: The cases themselves.
        appeal: The appeal's name, where it is one.
        appeal_text: What whoever appeals wrote.
    """

    id: str
    title: str
    path: str
    back: str
    about: tuple[Case, ...]
    cases: tuple[str, ...] = ()
    appeal: str | None = None
    appeal_text: str | None = None

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All that it is about."""
        return tuple(subject for case in self.about for subject in case.subjects)

    @property
    def restricted(self) -> bool:
        """Whether nothing of it is told."""
        return any(case.queue is Queue.RESTRICTED for case in self.about)


@dataclass(frozen=True, slots=True, kw_only=True)
class _GroundView:
    ground: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _PolicyView:
    id: str
    title: str
    text: str
    second: bool
    actions: tuple[str, ...]
    grounds: tuple[_GroundView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideView:
    """What the form shows.

    Attributes:
        id: What is decided.
        title: Its heading.
        category: Of the (first) case.
        back: Where to go instead.
        here: Where another policy is chosen.
        preview: Where the form goes.
        cases: The cases, where there are several.
        appeal_text: What whoever appeals wrote.
        appeal_outcomes: What may become of the appeal.
        policies: Those that hold, the category's first.
        policy: The chosen one.
        outcomes: What may be found.
        high: Actions for which a second person is needed.
        subjects: Ids of what it is about, where it may be about less.
        typed: What was filled in.
        errors: What is wrong with it: place in the page, and the message.
    """

    id: str
    title: str
    category: str
    back: str
    here: str
    preview: str
    cases: tuple[str, ...]
    appeal_text: str | None
    appeal_outcomes: tuple[str, ...]
    policies: tuple[_PolicyView, ...]
    policy: _PolicyView | None
    outcomes: tuple[str, ...]
    high: frozenset[str]
    subjects: tuple[str, ...]
    typed: DraftForm
    errors: tuple[tuple[str, str], ...]


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
class PreviewView:
    """What is shown before anything is decided.

    Attributes:
        title: Heading.
        note: What happens next.
        back: Where to go instead.
        verdict: What becomes of the appeal.
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
    verdict: str | None = None
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


def case_subject(request: Request, who: SignedIn, id_: str) -> Undecided:
    """This case, for whoever has it.

    Raises:
        ConflictError: They have not claimed it.
        PermissionRefusedError: They may not see it.
    """
    now = parts_of(request).clock()
    found = moderation_of(request).cases.get(id_, who.reviewer, now=now)
    case = found.case
    mine = case.state is CaseState.ASSIGNED and case.assignee == who.reviewer.id
    if not mine or case.locked_until is None or case.locked_until <= now:
        raise ConflictError(f"case {id_}: claim it before you decide it")
    path = f"/mod/cases/{id_}"
    return Undecided(id=id_, title="mod.decide", path=path, back=path, about=(case,))


def appeal_subject(request: Request, who: SignedIn, id_: str) -> Undecided:
    """This appeal, for whoever has it.

    Raises:
        ConflictError: They have not claimed it.
        PermissionRefusedError: They may not see it.
    """
    moderation, now = moderation_of(request), parts_of(request).clock()
    found = moderation.appeals.get(id_, who.reviewer)
    if found.state is not AppealState.ASSIGNED or found.reviewer != who.reviewer.id:
        raise ConflictError(f"appeal {id_}: claim it before you decide it")
    about = moderation.cases.get(found.case, who.reviewer, now=now)
    path = f"/mod/appeals/{id_}"
    return Undecided(
        id=id_,
        title="mod.appeal.decide",
        path=path,
        back=path,
        about=(about.case,),
        appeal=id_,
        appeal_text=found.text,
    )


def bulk_subject(request: Request, who: SignedIn, cases: Sequence[str]) -> Undecided:
    """These cases.

    Raises:
        ConflictError: There is none, one of them is not there, or it is restricted.
        PermissionRefusedError: One of them is not for them.
    """
    if not cases:
        raise ConflictError("bulk: expected at least one case, got none")
    desk, now = moderation_of(request).cases, parts_of(request).clock()
    about = tuple(desk.get(case, who.reviewer, now=now).case for case in cases)
    if any(case.queue is Queue.RESTRICTED for case in about):
        raise ConflictError("bulk: restricted cases are decided one by one")
    return Undecided(
        id=str(len(about)),
        title="mod.bulk.title",
        path="/mod/bulk",
        back="/mod",
        about=about,
        cases=tuple(cases),
    )


def decide_view(
    request: Request, subject: Undecided, typed: DraftForm, errors: Mapping[str, str] | None = None
) -> DecideView:
    """What does the form show?"""
    wording, now = wording_for(request), parts_of(request).clock()
    book = moderation_of(request).policies
    categories = {case.category for case in subject.about}
    policies = sorted(
        book.current(now=now), key=lambda one: (not categories & set(one.categories), one.name)
    )
    if subject.restricted:
        policies = [one for one in policies if categories & set(one.categories)]
    chosen = next((one for one in policies if one.id == typed.policy), None)
    whole = not subject.appeal and not subject.cases
    return DecideView(
        id=subject.id,
        title=subject.title,
        category=subject.about[0].category.value,
        back=subject.back,
        here=subject.path if subject.cases else f"{subject.path}/decide",
        preview=f"{subject.path}/preview",
        cases=subject.cases,
        appeal_text=subject.appeal_text,
        appeal_outcomes=tuple(one.value for one in AppealOutcome) if subject.appeal else (),
        policies=tuple(_policy(one, wording) for one in policies),
        policy=None if chosen is None else _policy(chosen, wording),
        outcomes=tuple(one.value for one in Outcome),
        high=frozenset() if chosen is None else _high(chosen, subject.subjects),
        subjects=tuple(one.id for one in subject.subjects) if whole else (),
        typed=typed,
        errors=tuple((errors or {}).items()),
    )


def _policy(one: PolicyDocument, wording: Wording) -> _PolicyView:
    language = wording.language.tag
    return _PolicyView(
        id=one.id,
        title=one.words("title", language),
        text=one.words("text", language),
        second=one.needs_second,
        actions=tuple(action.value for action in one.allowed_actions),
        grounds=tuple(
            _GroundView(ground=g.ground.value, reference=g.reference) for g in one.grounds
        ),
    )


def _high(policy: PolicyDocument, subjects: Iterable[Subject]) -> frozenset[str]:
    """For which of these actions is a second person needed?"""
    empty = DecisionDraft(
        outcome=Outcome.VIOLATION,
        policies=(policy.id,),
        ground=Ground.TERMS,
        reference="",
        facts="",
    )
    about = tuple(subjects)
    return frozenset(
        action.value
        for action in policy.allowed_actions
        if needs_second(replace(empty, actions=(action,)), about, [policy])
    )


def preview_view(
    request: Request,
    subject: Undecided,
    typed: DraftForm,
    body: Draft,
    bulk: BulkPreview | None = None,
) -> PreviewView:
    """What is shown before this is decided?"""
    draft, book = draft_of(body), moderation_of(request).policies
    policies = [one for id_ in draft.policies if (one := book.get(id_)) is not None]
    waits = needs_second(draft, subject.subjects, policies)
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
    text = None
    if appeal is not None:
        found_appeal = moderation.appeals.get(appeal, who.reviewer)
        case, text = found_appeal.case, found_appeal.text
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
        verdict=verdict,
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
    first = next(iter(subject.subjects), None)
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
