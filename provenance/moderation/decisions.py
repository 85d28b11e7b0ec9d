"""Decisions: checked against their policies, made by one person or two, never edited.

What the steps are, in the one transaction that makes a decision:

1. the row of the decision, which nothing changes any more, and the digests of its policies;
2. what it replaces: every action of earlier decisions that is still in force is reversed;
3. its own actions, pending;
4. the case goes on, its clocks are met, and the time to appeal begins;
5. everybody who complained is answered;
6. what follows from all that (`Effects`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import SYSTEM
from provenance.moderation.clocks import APPEAL_WINDOW, end_blocks, meet, start
from provenance.moderation.joining import end_reports
from provenance.moderation.model import Case, Complaint, Decision, Subject
from provenance.moderation.moves import move_action, move_case, move_complaints
from provenance.moderation.office import Office, ReleaseLookup
from provenance.moderation.personal_data import refuse_personal_data
from provenance.moderation.policies import PolicyDocument
from provenance.moderation.rows import (
    actions_of,
    case_named,
    complaint_of,
    decision_named,
    draft_values,
    held_case,
    outward_case,
    outward_complaint,
    proposal_of,
)
from provenance.moderation.subjects import OFFICIAL
from provenance.moderation.tables import (
    actions,
    cases,
    complaints,
    decision_cases,
    decisions,
    messages,
    proposals,
)
from provenance.moderation.transitions import OPEN_COMPLAINTS
from provenance.moderation.views import DecisionDraft, Proposal
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Outcome,
    Queue,
)

__all__ = [
    "Making",
    "check_draft",
    "check_seen",
    "end_proposal",
    "finish_if_done",
    "make_decision",
    "needs_second",
    "pinned",
    "propose",
    "reverse_earlier",
    "settle_action",
    "subjects_here",
]

_MIN_FACTS_CHARS, _MAX_FACTS_CHARS = 10, 5_000
_MAX_REFERENCE_CHARS = 500
_TERRITORY = re.compile(r"[A-Z]{2}")
_HIGH_IMPACT = frozenset({ActionType.TERMINATE_ACCOUNT, ActionType.REFER_AUTHORITY})
_IN_FORCE = (ActionState.PENDING, ActionState.DONE, ActionState.FAILED)
_ANSWERABLE = OPEN_COMPLAINTS - {ComplaintState.RECEIVED, ComplaintState.ACKNOWLEDGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Who makes a decision, and about what.

    Attributes:
        draft: What is decided.
        cases: In which cases.
        maker: Who decides.
        second: Who agrees.
        appeal: The appeal that it answers.
        keeps_actions: Whether what the earlier decision did stays as it is: an appeal was
            refused.
    """

    draft: DecisionDraft
    cases: tuple[str, ...]
    maker: str
    second: str | None = None
    appeal: str | None = None
    keeps_actions: bool = False


def check_draft(
    draft: DecisionDraft, case: Case, office: Office, *, now: datetime
) -> list[PolicyDocument]:
    """Make sure that a case may be decided so. Under which policies is it?

    Raises:
        ConflictError: Something is missing, the policies do not allow it, or what everybody
            may read of it names personal data.
    """
    facts = draft.facts.strip()
    if not _MIN_FACTS_CHARS <= len(facts) <= _MAX_FACTS_CHARS:
        raise ConflictError(
            f"facts: expected {_MIN_FACTS_CHARS} to {_MAX_FACTS_CHARS} characters, got {len(facts)}"
        )
    if not 0 < len(draft.reference.strip()) <= _MAX_REFERENCE_CHARS:
        raise ConflictError("reference: expected the article or clause that the decision rests on")
    refuse_personal_data([("facts", draft.facts), ("reference", draft.reference)])
    policies = _policies(draft, case, office, now=now)
    if draft.ground not in {ground.ground for policy in policies for ground in policy.grounds}:
        raise ConflictError(f"ground: the policies know no decision by {draft.ground.value}")
    _check_actions(draft, policies)
    if case.queue is Queue.RESTRICTED and not any(
        Category.CHILD_SAFETY in policy.categories for policy in policies
    ):
        raise ConflictError("policies: a restricted case is decided under a policy for it")
    strangers = set(draft.subjects) - {subject.id for subject in case.subjects}
    if strangers:
        raise ConflictError(f"subjects: {min(strangers)!r:.40} is none of this case")
    for territory in draft.territories:
        if _TERRITORY.fullmatch(territory) is None:
            raise ConflictError(f"territories: expected codes like KR, got {territory!r:.20}")
    if draft.ends_at is not None and draft.ends_at <= now:
        raise ConflictError("ends_at: expected a time to come")
    return policies


def check_seen(draft: DecisionDraft, case: Case) -> None:
    """Make sure that a case is about what whoever decides was shown, where they say what it was.

    Anybody's complaint can add to a case that nobody has decided.

    Raises:
        ConflictError: Something has joined it, or left it.
    """
    if draft.seen and set(draft.seen) != {subject.id for subject in case.subjects}:
        raise ConflictError("case: what it is about has changed since it was shown; look again")


def pinned(draft: DecisionDraft, case: Case, *, upheld: Decision | None = None) -> DecisionDraft:
    """The same decision, about what the case is about now and nothing that joins it later.

    Args:
        draft: What is to be decided.
        case: The case.
        upheld: The decision that it upholds: then it is about what that one is about here.
    """
    all_of_it = tuple(subject.id for subject in case.subjects)
    chosen = draft.subjects or (all_of_it if upheld is None else subjects_here(upheld, case))
    return replace(draft, subjects=chosen, seen=all_of_it)


def subjects_here(decision: Decision, case: Case) -> tuple[str, ...]:
    """What of this case is a decision about? One of several cases is about theirs, too."""
    return tuple(subject.id for subject in case.subjects if subject.id in decision.subjects)


def _policies(
    draft: DecisionDraft, case: Case, office: Office, *, now: datetime
) -> list[PolicyDocument]:
    if not draft.policies:
        raise ConflictError("policies: expected at least one version of a policy, got none")
    if len(set(draft.policies)) != len(draft.policies):
        raise ConflictError("policies: expected each once")
    found = []
    for name in draft.policies:
        policy = office.policies.get(name)
        if policy is None:
            raise ConflictError(f"policies: there is no {name!r:.80}")
        if policy.effective_from > now:
            raise ConflictError(f"policies: {name} does not hold yet")
        replaced_at = office.policies.replaced_at(policy, now=now)
        if replaced_at is not None and replaced_at <= case.opened_at:
            raise ConflictError(f"policies: {name} was replaced before the case was opened")
        found.append(policy)
    return found


def _check_actions(draft: DecisionDraft, policies: Sequence[PolicyDocument]) -> None:
    if len(set(draft.actions)) != len(draft.actions):
        raise ConflictError("actions: expected each once")
    if draft.outcome is not Outcome.VIOLATION:
        if draft.actions:
            raise ConflictError(
                f"actions: expected none with the outcome {draft.outcome.value}, "
                f"got {draft.actions[0].value}"
            )
        return
    if not draft.actions:
        raise ConflictError("actions: a violation needs what is done about it, even if `none`")
    if ActionType.NONE in draft.actions and len(draft.actions) > 1:
        raise ConflictError("actions: expected nothing beside none")
    allowed = {action for policy in policies for action in policy.allowed_actions}
    for action in draft.actions:
        if action not in allowed:
            raise ConflictError(f"actions: the policies do not allow {action.value}")


def needs_second(
    draft: DecisionDraft,
    subjects: Iterable[Subject],
    policies: Iterable[PolicyDocument],
    *,
    released: ReleaseLookup,
) -> bool:
    """Does this decision need a second person?

    Where a policy says so, where an account ends or an authority is told, and where media
    would be restricted that an agency has released: by its report, or, where nobody attached
    one, by the register.
    """
    if any(policy.needs_second for policy in policies) or _HIGH_IMPACT & set(draft.actions):
        return True
    restricts = any(action.restrictive for action in draft.actions)
    chosen = [s for s in subjects if not draft.subjects or s.id in draft.subjects]
    return restricts and any(
        subject.verdict in OFFICIAL or (subject.sha256 is not None and released(subject.sha256))
        for subject in chosen
    )


def propose(
    connection: Connection,
    office: Office,
    case: str,
    draft: DecisionDraft,
    *,
    maker: str,
    now: datetime,
    appeal: str | None = None,
) -> None:
    """Let a decision wait for a second person."""
    proposal = office.new_id()
    held = held_case(connection, case)
    connection.execute(
        insert(proposals).values(
            id=proposal,
            case=case,
            appeal=appeal,
            # What joins the case meanwhile may make it a graver one, of another kind.
            draft={**draft_values(draft), "graded": [held.category, held.severity]},
            maker=maker,
            created_at=now,
        )
    )
    office.audit.append(
        connection,
        at=now,
        actor=maker,
        verb="decision.proposed",
        object=f"case:{case}",
        detail={
            "actions": [action.value for action in draft.actions],
            "outcome": draft.outcome.value,
            "policies": list(draft.policies),
            "proposal": proposal,
        },
    )


def end_proposal(
    connection: Connection, case: str, *, appeal: str | None, now: datetime
) -> Proposal:
    """The proposal that waits, which does not any longer.

    Raises:
        ConflictError: There is none.
    """
    proposal = proposal_of(connection, case, appeal=appeal)
    if proposal is None:
        raise ConflictError("decision: there is none that waits for a second person")
    connection.execute(update(proposals).where(proposals.c.id == proposal.id).values(ended_at=now))
    return proposal


def make_decision(
    connection: Connection, office: Office, making: Making, *, now: datetime
) -> Decision:
    """Make a decision that was checked, in cases that are locked and can be decided."""
    decision = office.new_id()
    draft = making.draft
    before = {case: held_case(connection, case).decision for case in making.cases}
    about = {case: case_named(connection, case) for case in making.cases}
    chosen = [
        subject.id
        for case in about.values()
        for subject in case.subjects
        if not draft.subjects or subject.id in draft.subjects
    ]
    office.policies.use(connection, draft.policies, now=now)
    connection.execute(
        insert(decisions).values(
            id=decision,
            case=making.cases[0],
            subjects=list(dict.fromkeys(chosen)),
            outcome=draft.outcome,
            policies=list(draft.policies),
            ground=draft.ground,
            reference=draft.reference.strip(),
            facts=draft.facts.strip(),
            actions=[action.value for action in draft.actions],
            territories=list(draft.territories),
            ends_at=draft.ends_at,
            automated_detection=draft.automated_detection,
            maker=making.maker,
            second=making.second,
            appeal=making.appeal,
            created_at=now,
        )
    )
    connection.execute(
        insert(decision_cases),
        [{"decision": decision, "case": case, "supersedes": old} for case, old in before.items()],
    )
    for case in making.cases:
        _audit_decision(connection, office, decision, case, making, before[case], now=now)
        connection.execute(update(cases).where(cases.c.id == case).values(decision=decision))
        _decide_case(connection, office, decision, about[case], making, before, now=now)
    return decision_named(connection, decision, making.cases[0])


def _audit_decision(  # noqa: PLR0917 - one step, whole
    connection: Connection,
    office: Office,
    decision: str,
    case: str,
    making: Making,
    supersedes: str | None,
    *,
    now: datetime,
) -> None:
    draft = making.draft
    office.audit.append(
        connection,
        at=now,
        actor=making.maker,
        verb="decision.made",
        object=f"case:{case}",
        detail={
            "actions": [action.value for action in draft.actions],
            "appeal": making.appeal,
            "decision": decision,
            "ground": draft.ground.value,
            "outcome": draft.outcome.value,
            "policies": {p: _digest(office, p) for p in draft.policies},
            "second": making.second,
            "supersedes": supersedes,
        },
    )


def _digest(office: Office, policy: str) -> str:
    document = office.policies.get(policy)
    return "" if document is None else document.digest


def _decide_case(  # noqa: PLR0917 - one step, whole
    connection: Connection,
    office: Office,
    decision: str,
    case: Case,
    making: Making,
    before: Mapping[str, str | None],
    *,
    now: datetime,
) -> None:
    """What a decision changes in one of its cases."""
    made = decision_named(connection, decision, case.id)
    todo = [action for action in made.actions if action is not ActionType.NONE]
    if not making.keeps_actions:
        reverse_earlier(connection, office, case, made, before[case.id], now=now)
        for subject in case.subjects:
            if subject.id in made.subjects:
                _add_actions(connection, office, made, case.id, subject.id, todo)
        state = CaseState(held_case(connection, case.id).state)
        if state is CaseState.REOPENED or state in {CaseState.ASSIGNED, CaseState.AWAITING_SECOND}:
            move_case(
                connection,
                office.audit,
                case.id,
                CaseState.DECIDED,
                actor=making.maker,
                verb="case.decided",
                now=now,
                detail={"decision": decision},
                assignee=None,
                locked_until=None,
                escalated_to=None,
            )
        move_case(
            connection,
            office.audit,
            case.id,
            CaseState.ENFORCING if todo else CaseState.CLOSED,
            actor=SYSTEM,
            verb="case.enforcing" if todo else "case.closed",
            now=now,
        )
    promised = _meet_clocks(connection, office, case.id, now=now)
    until = promised if making.keeps_actions else now + APPEAL_WINDOW
    if until is not None and until > now:
        start(
            connection,
            office,
            case.id,
            ClockKind.APPEAL_WINDOW,
            starts_at=now,
            due_at=until,
            decision=decision,
            now=now,
        )
    if making.keeps_actions:
        return
    _expect(connection, office, case, decision, todo=bool(todo), now=now)
    answered = _answer(connection, office, case, decision, now=now)
    outward = outward_case(case_named(connection, case.id))
    office.effects.on_decision(connection, made, outward, answered, now)
    finish_if_done(connection, office, case.id, now=now)


def _add_actions(  # noqa: PLR0917 - one step, whole
    connection: Connection,
    office: Office,
    decision: Decision,
    case: str,
    subject: str,
    todo: Sequence[ActionType],
) -> None:
    for action in todo:
        connection.execute(
            insert(actions).values(
                id=office.new_id(),
                decision=decision.id,
                case=case,
                subject=subject,
                type=action,
            )
        )


def reverse_earlier(
    connection: Connection,
    office: Office,
    case: Case,
    new: Decision,
    old: str | None,
    *,
    now: datetime,
) -> None:
    """Undo, in this case, whatever of earlier decisions is still in force."""
    if old is None:
        return
    in_force = actions_of(connection, None, case.id, states=_IN_FORCE)
    for action in in_force:
        move_action(
            connection,
            office.audit,
            action.id,
            ActionState.REVERSED,
            actor=SYSTEM,
            now=now,
            detail={"by": new.id},
        )
    # The one that held till now is told in any case: it may have had effects without actions.
    told = dict.fromkeys([*(a.decision for a in in_force if a.decision != new.id), old])
    outward = outward_case(case)
    for decision in told:
        earlier = decision_named(connection, decision, case.id)
        office.effects.on_reversal(connection, earlier, new, outward, now)


def _meet_clocks(
    connection: Connection, office: Office, case: str, *, now: datetime
) -> datetime | None:
    """Until when was the decision that held till now to be appealed, if there was one?"""
    meet(connection, office, case, {ClockKind.DECIDE}, now=now)
    # A decision takes the place of what was only until then.
    end_blocks(connection, office, case, now=now)
    # The time to appeal what no longer holds is over, too; the new one begins with its own.
    ended = meet(connection, office, case, {ClockKind.APPEAL_WINDOW}, now=now)
    return max((clock.due_at for clock in ended), default=None)


def _expect(
    connection: Connection, office: Office, case: Case, decision: str, *, todo: bool, now: datetime
) -> None:
    """What is to be done is to be done in time; nothing of an earlier decision is any more.

    The 48 hours alone do not push it: they were met where nothing had to be done, and an
    appeal that overturns that does not start a law's clock again.
    """
    meet(connection, office, case.id, {ClockKind.ENFORCE}, now=now)
    if todo:
        start(
            connection,
            office,
            case.id,
            ClockKind.ENFORCE,
            starts_at=now,
            due_at=now + office.rules.decide_within[case.severity],
            decision=decision,
            now=now,
        )


def _answer(
    connection: Connection, office: Office, case: Case, decision: str, *, now: datetime
) -> list[Complaint]:
    """Everybody who complained is answered: who is?"""
    move_complaints(
        connection,
        office.audit,
        case.id,
        _ANSWERABLE,
        ComplaintState.ANSWERED,
        actor=SYSTEM,
        now=now,
        decision=decision,
        answered_at=now,
    )
    # Who was answered before is answered once more where the answer has changed.
    told = complaints.c.state.in_((ComplaintState.ANSWERED, ComplaintState.CONTESTED))
    connection.execute(
        update(complaints).where(complaints.c.case == case.id, told).values(decision=decision)
    )
    if case.queue is Queue.RESTRICTED:
        end_reports(connection, [subject.id for subject in case.subjects], now=now)
        _forget_words(connection, office, case.id, now=now)
    rows = connection.execute(
        select(complaints)
        .where(complaints.c.case == case.id, told)
        .order_by(complaints.c.received_at, complaints.c.ref)
    )
    return [outward_complaint(complaint_of(row), case.queue) for row in rows]


def _forget_words(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """What people wrote about suspected abuse was needed until it was handed over."""
    theirs = select(complaints.c.ref).where(complaints.c.case == case)
    connection.execute(update(complaints).where(complaints.c.case == case).values(explanation=""))
    connection.execute(update(messages).where(messages.c.complaint.in_(theirs)).values(text=""))
    office.audit.append(
        connection, at=now, actor=SYSTEM, verb="case.words-forgotten", object=f"case:{case}"
    )


def settle_action(
    connection: Connection,
    office: Office,
    action: str,
    state: ActionState,
    *,
    now: datetime,
    why: str | None = None,
) -> None:
    """Write down what became of an action; its case ends with the last one.

    Args:
        connection: Of a transaction of `audit.writing`, or of the one an effect is in.
        office: What all desks share.
        action: Its name.
        state: `done`, `failed`, or `pending` to try it once more.
        now: When.
        why: Why it failed.

    Raises:
        ConflictError: It was settled or reversed already.
        NotFoundError: There is none.
    """
    row = connection.execute(select(actions).where(actions.c.id == action)).one_or_none()
    if row is None:
        raise NotFoundError(f"action {action!r:.40}: there is none of this name")
    held = held_case(connection, row.case)
    done_at = now if state is ActionState.DONE else None
    move_action(
        connection,
        office.audit,
        action,
        state,
        actor=SYSTEM,
        now=now,
        detail={} if why is None else {"why": why[:400]},
        done_at=done_at,
        why=None if why is None else why[:400],
    )
    if state is not ActionState.FAILED and held.state == CaseState.ENFORCEMENT_FAILED:
        move_case(
            connection,
            office.audit,
            row.case,
            CaseState.ENFORCING,
            actor=SYSTEM,
            verb="case.enforcing",
            now=now,
        )
    finish_if_done(connection, office, row.case, now=now)


def finish_if_done(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """End a case of whose decision nothing is left to be done."""
    held = held_case(connection, case)
    states = {action.state for action in actions_of(connection, None, case)}
    if ActionState.PENDING in states:
        return
    failed = ActionState.FAILED in states
    if not failed:
        # What the law asks for within 48 hours is that it is gone, not that it is decided.
        kinds = {ClockKind.INTIMATE_48H, ClockKind.ENFORCE}
        meet(connection, office, case, kinds, now=now)
    # One that was opened again meanwhile is with somebody else by now.
    if held.state == CaseState.ENFORCING:
        move_case(
            connection,
            office.audit,
            case,
            CaseState.ENFORCEMENT_FAILED if failed else CaseState.CLOSED,
            actor=SYSTEM,
            verb="case.enforcement-failed" if failed else "case.closed",
            now=now,
        )
