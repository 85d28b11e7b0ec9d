"""What the staff sees: the queue, and all about one case, in a few questions to the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from provenance.errors import NotFoundError
from provenance.moderation.model import Case, Reviewer
from provenance.moderation.office import Office
from provenance.moderation.permissions import Permission, check_permission, permissions_of
from provenance.moderation.rows import (
    actions_of,
    appeal_of,
    case_named,
    cases_of,
    complaint_of,
    decisions_of,
    proposal_of,
)
from provenance.moderation.tables import (
    appeals,
    case_agencies,
    case_subjects,
    cases,
    complaints,
    evidence_access,
    similarities,
    subjects,
)
from provenance.moderation.views import (
    CaseFile,
    EvidenceAccess,
    QueueFilters,
    QueueRow,
    SimilarityLink,
)
from provenance.moderation.vocabulary import CaseState, Category, Queue

__all__ = [
    "CLAIMABLE",
    "case_file",
    "looks_today",
    "queue_counts",
    "queue_rows",
    "visible_case",
]

CLAIMABLE = frozenset(
    {
        CaseState.OPEN,
        CaseState.TRIAGED,
        CaseState.INTERIM_RESTRICTED,
        CaseState.QUEUED,
        CaseState.ESCALATED,
        CaseState.ASSIGNED,
    }
)
"""Where a case may be claimed from; from `assigned` when the other's lock is over."""
_WAITING = CLAIMABLE | {
    CaseState.AWAITING_SECOND,
    CaseState.REOPENED,
    CaseState.ENFORCEMENT_FAILED,
}
_MOST_ROWS, _MOST_COMPLAINTS, _MOST_EVENTS, _MOST_SIMILAR = 200, 50, 100, 20
_DAY = timedelta(hours=24)


def visible_case(connection: Connection, case: str, reviewer: Reviewer) -> Case:
    """The case of this name, if this person may see it.

    Raises:
        NotFoundError: There is none, or it is in a queue that is not for them.
        PermissionRefusedError: They may see no case at all.
    """
    check_permission(reviewer, Permission.SEE_CASES)
    found = case_named(connection, case)
    hidden = Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles)
    if found.queue is Queue.RESTRICTED and hidden:
        raise NotFoundError(f"case {case!r:.40}: there is none of this name")
    return found


def queue_rows(
    connection: Connection, reviewer: Reviewer, filters: QueueFilters, *, now: datetime
) -> Sequence[QueueRow]:
    """The cases that wait: those by people who are listened to, then gravest, then first due.

    Cases in which this person has a conflict of interest are not among them.
    """
    check_permission(reviewer, Permission.SEE_CASES)
    query = select(cases).where(*_conditions(reviewer, filters, now))
    query = (
        _ordered(query).limit(max(1, min(filters.limit, _MOST_ROWS))).offset(max(0, filters.offset))
    )
    rows = connection.execute(query).all()
    found = cases_of(connection, rows)
    return [
        QueueRow(
            case=case,
            next_due_at=row.next_due_at,
            claimable=case.state in CLAIMABLE and not _held_by_another(case, reviewer, now),
        )
        for case, row in zip(found, rows, strict=True)
    ]


def queue_counts(
    connection: Connection, reviewer: Reviewer, queue: Queue | None, *, now: datetime
) -> dict[str, int]:
    """How many cases wait, how many of them are this person's, and how many are overdue?"""
    check_permission(reviewer, Permission.SEE_CASES)
    counts = {}
    for name, filters in (
        ("waiting", QueueFilters(queue=queue)),
        ("mine", QueueFilters(queue=queue, mine=True)),
        ("overdue", QueueFilters(queue=queue, overdue=True)),
    ):
        query = select(func.count()).select_from(cases)
        query = query.where(*_conditions(reviewer, filters, now))
        counts[name] = connection.execute(query).scalar_one()
    return counts


def _held_by_another(case: Case, reviewer: Reviewer, now: datetime) -> bool:
    locked = case.locked_until is not None and case.locked_until > now
    return locked and case.assignee != reviewer.id


def _conditions(
    reviewer: Reviewer, filters: QueueFilters, now: datetime
) -> list[ColumnElement[bool]]:
    # What was decided and is not done in time is for somebody to see to.
    undone = and_(cases.c.state == CaseState.ENFORCING, cases.c.next_due_at <= now)
    found: list[ColumnElement[bool]] = [
        cases.c.state.in_(filters.states)
        if filters.states
        else or_(cases.c.state.in_(_WAITING), undone)
    ]
    if Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles):
        found.append(cases.c.queue == Queue.GENERAL)
    if reviewer.conflicts:
        concerned = exists().where(
            case_agencies.c.case == cases.c.id,
            case_agencies.c.agency.in_(sorted(reviewer.conflicts)),
        )
        found.append(~concerned)
    if filters.category is not None:
        found.append(cases.c.category == filters.category)
    if filters.severity is not None:
        found.append(cases.c.severity == filters.severity)
    if filters.queue is not None:
        found.append(cases.c.queue == filters.queue)
    if filters.agency is not None:
        theirs = exists().where(
            case_agencies.c.case == cases.c.id, case_agencies.c.agency == filters.agency
        )
        found.append(theirs)
    if filters.mine:
        found.append(cases.c.assignee == reviewer.id)
    if filters.overdue:
        found.append(cases.c.next_due_at <= now)
    return found


def _ordered(query: Select[Any]) -> Select[Any]:
    return query.order_by(
        (cases.c.complaints > cases.c.muted).desc(),
        cases.c.severity_rank.desc(),
        cases.c.trusted.desc(),
        cases.c.next_due_at.is_(None),
        cases.c.next_due_at,
        cases.c.opened_at,
        cases.c.id,
    )


def case_file(
    connection: Connection,
    office: Office,
    case: str,
    reviewer: Reviewer,
    *,
    now: datetime,
    offset: int,
) -> CaseFile:
    """All about a case; of its complaints the first ones after `offset`, and how many there are."""
    found = visible_case(connection, case, reviewer)
    page = (
        select(complaints)
        .where(complaints.c.case == case)
        .order_by(complaints.c.muted, complaints.c.received_at, complaints.c.ref)
        .limit(_MOST_COMPLAINTS)
        .offset(max(0, offset))
    )
    against = select(appeals).where(appeals.c.case == case).order_by(appeals.c.filed_at)
    return CaseFile(
        case=found,
        complaints=tuple(complaint_of(row) for row in connection.execute(page)),
        counts=_counts(connection, case),
        decisions=tuple(decisions_of(connection, case)),
        actions=tuple(actions_of(connection, None, case)),
        appeals=tuple(appeal_of(row) for row in connection.execute(against)),
        events=tuple(office.audit.latest(connection, f"case:{case}", limit=_MOST_EVENTS)),
        similar=_similar(connection, found, reviewer),
        links=_links(connection, found, reviewer),
        proposal=proposal_of(connection, case, appeal=None),
        accesses=_accesses(connection, case),
        hand_over=_hand_over(office, found, now),
    )


def _counts(connection: Connection, case: str) -> dict[str, int]:
    query = (
        select(complaints.c.category, complaints.c.role, func.count().label("n"))
        .where(complaints.c.case == case)
        .group_by(complaints.c.category, complaints.c.role)
    )
    counts: dict[str, int] = defaultdict(int)
    for row in connection.execute(query):
        counts[f"category:{row.category}"] += row.n
        counts[f"role:{row.role}"] += row.n
    return dict(counts)


def _similar(connection: Connection, case: Case, reviewer: Reviewer) -> tuple[str, ...]:
    digests = [subject.sha256 for subject in case.subjects if subject.sha256]
    releases = [subject.release for subject in case.subjects if subject.release]
    ids = [subject.id for subject in case.subjects]
    alike = select(similarities.c.subject).where(similarities.c.other.in_(ids))
    alike_too = select(similarities.c.other).where(similarities.c.subject.in_(ids))
    query = (
        select(cases.c.id, cases.c.opened_at)
        .distinct()
        .join(case_subjects, case_subjects.c.case == cases.c.id)
        .join(subjects, subjects.c.id == case_subjects.c.subject)
        .where(cases.c.id != case.id, cases.c.state != CaseState.MERGED)
        .where(
            or_(
                subjects.c.sha256.in_(digests),
                subjects.c.release.in_(releases),
                subjects.c.id.in_([*ids]),
                subjects.c.id.in_(alike),
                subjects.c.id.in_(alike_too),
            )
        )
        .order_by(cases.c.opened_at.desc(), cases.c.id)
        .limit(_MOST_SIMILAR)
    )
    if Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles):
        query = query.where(cases.c.queue == Queue.GENERAL)
    return tuple(row.id for row in connection.execute(query))


def _links(connection: Connection, case: Case, reviewer: Reviewer) -> tuple[SimilarityLink, ...]:
    ids = [subject.id for subject in case.subjects]
    query = (
        select(similarities)
        .where(or_(similarities.c.subject.in_(ids), similarities.c.other.in_(ids)))
        .order_by(similarities.c.distance, similarities.c.id)
        .limit(_MOST_SIMILAR)
    )
    if Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles):
        # That a restricted case is about something alike is told to nobody else, whatever other
        # cases are about it too: nor could they say anything of it (`looks.confirm_resemblance`).
        query = query.where(
            ~exists()
            .where(case_subjects.c.subject.in_((similarities.c.subject, similarities.c.other)))
            .where(case_subjects.c.case == cases.c.id, cases.c.queue == Queue.RESTRICTED)
            .correlate(similarities)
        )
    found = []
    for row in connection.execute(query).all():
        other = row.other if row.subject in ids else row.subject
        theirs = (
            select(cases.c.id)
            .join(case_subjects, case_subjects.c.case == cases.c.id)
            .where(case_subjects.c.subject == other, cases.c.id != case.id)
        )
        their_cases = tuple(connection.execute(theirs).scalars())
        if not their_cases and other not in ids:
            continue
        found.append(
            SimilarityLink(
                id=row.id,
                subject=row.subject,
                other=row.other,
                algorithm=row.algorithm,
                distance=row.distance,
                confirmed=row.confirmed,
                cases=their_cases,
            )
        )
    return tuple(found)


def _accesses(connection: Connection, case: str) -> tuple[EvidenceAccess, ...]:
    query = (
        select(evidence_access)
        .where(evidence_access.c.case == case)
        .order_by(evidence_access.c.id.desc())
        .limit(_MOST_EVENTS)
    )
    return tuple(
        EvidenceAccess(
            case=row.case,
            subject=row.subject,
            reviewer=row.reviewer,
            why=row.why,
            at=row.at,
            left=0,
        )
        for row in connection.execute(query)
    )


def _hand_over(office: Office, case: Case, now: datetime) -> dict[str, str]:
    if case.queue is not Queue.RESTRICTED:
        return {}
    current = office.policies.current(now=now, category=Category.CHILD_SAFETY)
    return dict(current[0].hand_over) if current else {}


def looks_today(connection: Connection, reviewer: str, *, now: datetime) -> int:
    """How many unblurred looks has this person had in the last 24 hours?"""
    query = select(func.count()).where(
        evidence_access.c.reviewer == reviewer, evidence_access.c.at > now - _DAY
    )
    return connection.execute(query).scalar_one()
