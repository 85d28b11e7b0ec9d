"""What the form of a decision shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from fastapi import Request

from provenance.moderation.decisions import needs_second
from provenance.moderation.model import Subject
from provenance.moderation.office import Office
from provenance.moderation.policies import PolicyDocument
from provenance.moderation.views import DecisionDraft
from provenance.moderation.vocabulary import AppealOutcome, Ground, Outcome
from provenance.service.callers import parts_of
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_undecided import Undecided
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import wording_for
from provenance.wording.catalogue import Wording

__all__ = ["DecideView", "decide_view"]


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
        seen: Ids of all that is shown, where it is one case.
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
    seen: tuple[str, ...]
    typed: DraftForm
    errors: tuple[tuple[str, str], ...]


def decide_view(
    request: Request, subject: Undecided, typed: DraftForm, errors: Mapping[str, str] | None = None
) -> DecideView:
    """What does the form show?"""
    wording, now = wording_for(request), parts_of(request).clock()
    office = moderation_of(request).office
    book = office.policies
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
        high=frozenset() if chosen is None else _high(chosen, subject.subjects, office),
        subjects=tuple(one.id for one in subject.subjects) if whole else (),
        seen=subject.seen,
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


def _high(policy: PolicyDocument, subjects: Iterable[Subject], office: Office) -> frozenset[str]:
    """For which of these actions is a second person needed?"""
    empty = DecisionDraft(
        outcome=Outcome.VIOLATION,
        policies=(policy.id,),
        ground=Ground.TERMS,
        reference="",
        facts="",
    )
    about = tuple(subjects)
    # The register is asked once for each file, not for each action too.
    released = cache(office.released)
    return frozenset(
        action.value
        for action in policy.allowed_actions
        if needs_second(replace(empty, actions=(action,)), about, [policy], released=released)
    )
