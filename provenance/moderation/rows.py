"""Rows of the tables as the records that everything above sees."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from provenance.errors import NotFoundError
from provenance.moderation.model import (
    Action,
    Appeal,
    Case,
    Clock,
    Complaint,
    Decision,
    Locator,
    Subject,
)
from provenance.moderation.tables import (
    actions,
    case_agencies,
    case_subjects,
    cases,
    clocks,
    decision_cases,
    decisions,
    proposals,
    subjects,
)
from provenance.moderation.views import DecisionDraft, Proposal
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
    Severity,
)

__all__ = [
    "action_of",
    "actions_of",
    "appeal_of",
    "case_named",
    "cases_of",
    "clock_of",
    "complaint_of",
    "decision_named",
    "decisions_of",
    "draft_of",
    "draft_values",
    "held_case",
    "outward_case",
    "outward_complaint",
    "proposal_of",
    "subject_of",
    "withholds_facts",
]


def held_case(connection: Connection, case: str) -> Row[Any]:
    """The row of this case, locked until the transaction ends.

    Raises:
        NotFoundError: There is none.
    """
    query = select(cases).where(cases.c.id == case).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"case {case!r:.40}: there is none of this name")
    return row


def case_named(connection: Connection, case: str) -> Case:
    """The case of this name.

    Raises:
        NotFoundError: There is none.
    """
    found = cases_of(connection, connection.execute(select(cases).where(cases.c.id == case)).all())
    if not found:
        raise NotFoundError(f"case {case!r:.40}: there is none of this name")
    return found[0]


def cases_of(connection: Connection, rows: Sequence[Row[Any]]) -> list[Case]:
    """These cases with their subjects, agencies and clocks, in as few questions as for one."""
    ids = [row.id for row in rows]
    about: dict[str, list[Subject]] = defaultdict(list)
    query = (
        select(case_subjects.c.case, subjects)
        .join(subjects, subjects.c.id == case_subjects.c.subject)
        .where(case_subjects.c.case.in_(ids))
        .order_by(subjects.c.created_at, subjects.c.id)
    )
    for row in connection.execute(query):
        about[row.case].append(subject_of(row))
    concern: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(select(case_agencies).where(case_agencies.c.case.in_(ids))):
        concern[row.case].add(row.agency)
    running: dict[str, list[Clock]] = defaultdict(list)
    query_clocks = (
        select(clocks)
        .where(clocks.c.case.in_(ids), clocks.c.joined.is_(None))
        .order_by(clocks.c.due_at, clocks.c.id)
    )
    for row in connection.execute(query_clocks):
        running[row.case].append(clock_of(row))
    return [
        Case(
            id=row.id,
            state=CaseState(row.state),
            category=Category(row.category),
            severity=Severity(row.severity),
            queue=Queue(row.queue),
            subjects=tuple(about[row.id]),
            opened_at=row.opened_at,
            clocks=tuple(running[row.id]),
            complaints=row.complaints,
            assignee=row.assignee,
            locked_until=row.locked_until,
            agencies=frozenset(concern[row.id]),
            decision=row.decision,
            merged_into=row.merged_into,
            muted=row.muted,
            trusted=row.trusted,
            captured_at=row.captured_at,
        )
        for row in rows
    ]


def subject_of(row: Row[Any]) -> Subject:
    """A subject."""
    return Subject(
        id=row.id,
        url=row.url,
        sha256=row.sha256,
        report=row.report,
        verdict=row.verdict,
        release=row.release,
    )


def clock_of(row: Row[Any]) -> Clock:
    """A clock."""
    return Clock(
        id=row.id,
        case=row.case,
        kind=ClockKind(row.kind),
        decision=row.decision,
        starts_at=row.starts_at,
        due_at=row.due_at,
        paused_at=row.paused_at,
        met_at=row.met_at,
        breached_at=row.breached_at,
    )


def complaint_of(row: Row[Any]) -> Complaint:
    """A complaint."""
    return Complaint(
        ref=row.ref,
        channel=Channel(row.channel),
        role=ReporterRole(row.role),
        category=Category(row.category),
        explanation=row.explanation,
        locators=tuple(Locator(**locator) for locator in row.locators),
        good_faith=row.good_faith,
        locale=row.locale,
        received_at=row.received_at,
        state=ComplaintState(row.state),
        case=row.case,
        subject=row.subject,
        muted=row.muted,
        external_id=row.external_id,
        key=row.key,
        decision=row.decision,
    )


def decision_named(connection: Connection, decision: str, case: str | None = None) -> Decision:
    """The decision of this name, as it stands in this case (by default: its first).

    Raises:
        NotFoundError: There is none, or not in this case.
    """
    row = connection.execute(select(decisions).where(decisions.c.id == decision)).one_or_none()
    found = None if row is None else _decision(connection, row, case or row.case)
    if found is None or found.case not in found.cases:
        raise NotFoundError(f"decision {decision!r:.40}: there is none of this name")
    return found


def withholds_facts(connection: Connection, decision: str) -> bool:
    """Are facts of this decision told to nobody? They are, if one of its cases is restricted."""
    query = (
        select(cases.c.id)
        .join(decision_cases, decision_cases.c.case == cases.c.id)
        .where(decision_cases.c.decision == decision)
        .where(or_(cases.c.queue != Queue.GENERAL, cases.c.category == Category.CHILD_SAFETY))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def decisions_of(connection: Connection, case: str) -> list[Decision]:
    """All decisions about a case, oldest first: each replaces the one before it."""
    query = (
        select(decisions)
        .join(decision_cases, decision_cases.c.decision == decisions.c.id)
        .where(decision_cases.c.case == case)
    )
    found = [_decision(connection, row, case) for row in connection.execute(query).all()]
    next_of = {decision.supersedes: decision for decision in found}
    line: list[Decision] = []
    # Two of one moment are told apart by what they replace, not by the time.
    while len(line) < len(found):
        line.append(next_of[line[-1].id if line else None])
    return line


def _decision(connection: Connection, row: Row[Any], case: str) -> Decision:
    query = select(decision_cases).where(decision_cases.c.decision == row.id)
    lines = {line.case: line.supersedes for line in connection.execute(query)}
    return Decision(
        id=row.id,
        case=case,
        subjects=tuple(row.subjects),
        outcome=Outcome(row.outcome),
        policies=tuple(row.policies),
        ground=Ground(row.ground),
        reference=row.reference,
        facts=row.facts,
        actions=tuple(map(ActionType, row.actions)),
        territories=tuple(row.territories),
        ends_at=row.ends_at,
        automated_detection=row.automated_detection,
        maker=row.maker,
        second=row.second,
        supersedes=lines.get(case),
        created_at=row.created_at,
        cases=tuple(sorted(lines)),
        appeal=row.appeal,
    )


def action_of(row: Row[Any]) -> Action:
    """An action."""
    return Action(
        id=row.id,
        decision=row.decision,
        case=row.case,
        subject=row.subject,
        type=ActionType(row.type),
        state=ActionState(row.state),
        why=row.why,
        done_at=row.done_at,
    )


def actions_of(
    connection: Connection, decision: str | None, case: str, *, states: Sequence[ActionState] = ()
) -> list[Action]:
    """What is done in a case because of a decision; because of all of them where it is None."""
    query = select(actions).where(actions.c.case == case).order_by(actions.c.id)
    if decision is not None:
        query = query.where(actions.c.decision == decision)
    if states:
        query = query.where(actions.c.state.in_(states))
    return [action_of(row) for row in connection.execute(query)]


def appeal_of(row: Row[Any]) -> Appeal:
    """An appeal."""
    return Appeal(
        id=row.id,
        decision=row.decision,
        case=row.case,
        complaint=row.complaint,
        text=row.text,
        filed_at=row.filed_at,
        state=AppealState(row.state),
        reviewer=row.reviewer,
        outcome=None if row.outcome is None else AppealOutcome(row.outcome),
        new_decision=row.new_decision,
        locked_until=row.locked_until,
    )


def draft_values(draft: DecisionDraft) -> dict[str, Any]:
    """A draft as plain JSON."""
    values = asdict(draft)
    values["ends_at"] = None if draft.ends_at is None else draft.ends_at.isoformat()
    # Tuples and enumerations become lists and text, as they will be read again.
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def draft_of(values: Mapping[str, Any]) -> DecisionDraft:
    """A draft from plain JSON."""
    ends_at = values["ends_at"]
    return DecisionDraft(
        outcome=Outcome(values["outcome"]),
        policies=tuple(values["policies"]),
        ground=Ground(values["ground"]),
        reference=values["reference"],
        facts=values["facts"],
        actions=tuple(map(ActionType, values["actions"])),
        territories=tuple(values["territories"]),
        ends_at=None if ends_at is None else datetime.fromisoformat(ends_at),
        subjects=tuple(values["subjects"]),
        automated_detection=values["automated_detection"],
        # Those that waited when this was begun to be written down have none.
        seen=tuple(values.get("seen", ())),
    )


def proposal_of(connection: Connection, case: str, *, appeal: str | None) -> Proposal | None:
    """The proposal about this case, or this appeal, that waits for a second person."""
    query = select(proposals).where(proposals.c.case == case, proposals.c.ended_at.is_(None))
    query = query.where(
        proposals.c.appeal.is_(None) if appeal is None else proposals.c.appeal == appeal
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    graded = row.draft.get("graded")
    return Proposal(
        id=row.id,
        case=row.case,
        draft=draft_of(row.draft),
        maker=row.maker,
        created_at=row.created_at,
        appeal=row.appeal,
        graded=None if graded is None else (Category(graded[0]), Severity(graded[1])),
    )


def outward_case(case: Case) -> Case:
    """What leaves moderation of a case: of the restricted queue, that there is one."""
    if case.queue is not Queue.RESTRICTED:
        return case
    return replace(case, subjects=tuple(Subject(id=subject.id) for subject in case.subjects))


def outward_complaint(complaint: Complaint, queue: Queue) -> Complaint:
    """What leaves moderation of a complaint: of the restricted queue, no word and no place."""
    if queue is not Queue.RESTRICTED and complaint.category is not Category.CHILD_SAFETY:
        return complaint
    return replace(complaint, explanation="", locators=())
