"""How complaints join cases and leave them, and what that sets going."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from provenance.database.statements import insert_unless_there
from provenance.moderation.audit import SYSTEM
from provenance.moderation.clocks import (
    ACKNOWLEDGE_WITHIN,
    APPEAL_WINDOW,
    end_waiting,
    extend,
    meet,
    resume,
    start,
    start_for_complaint,
    tighten,
)
from provenance.moderation.model import Complaint, Decision, Locator, Subject
from provenance.moderation.moves import move_case, move_complaint
from provenance.moderation.office import Office
from provenance.moderation.rows import complaint_of, held_case, outward_complaint
from provenance.moderation.subjects import Place, subject_key
from provenance.moderation.tables import (
    case_agencies,
    case_subjects,
    cases,
    complaints,
    evidence_access,
    subjects,
)
from provenance.moderation.views import NewComplaint
from provenance.moderation.vocabulary import (
    CaseState,
    Category,
    Channel,
    ClockKind,
    ComplaintState,
    Queue,
    Severity,
)
from provenance.records.keys import ApiKey
from provenance.records.tables import reports

__all__ = [
    "answer_at_once",
    "end_reports",
    "held_complaint",
    "is_anybody_asked",
    "is_captured",
    "is_suspected",
    "join_case",
    "leave_case",
    "open_case",
    "restrict_case",
    "resume_if_nothing_is_asked",
    "tell_complaint",
    "unrestrict_case",
]

# Where nobody works on a case yet, it can end with its last complaint.
_UNTOUCHED = frozenset(
    {CaseState.OPEN, CaseState.TRIAGED, CaseState.INTERIM_RESTRICTED, CaseState.QUEUED}
)


def held_complaint(connection: Connection, ref: str) -> Row[Any]:
    """The row of this complaint, locked until the transaction ends."""
    return connection.execute(
        select(complaints).where(complaints.c.ref == ref).with_for_update()
    ).one()


def open_case(
    connection: Connection,
    office: Office,
    new: NewComplaint,
    queue: Queue,
    *,
    muted: bool,
    now: datetime,
) -> str:
    """A case of its own for this complaint: which one?"""
    case = office.new_id()
    severity = Severity.LOW if muted else office.rules.severities[new.category]
    connection.execute(
        insert(cases).values(
            id=case,
            category=new.category,
            severity=severity,
            severity_rank=severity.rank,
            queue=queue,
            opened_at=now,
        )
    )
    office.audit.append(
        connection,
        at=now,
        actor=SYSTEM,
        verb="case.opened",
        object=f"case:{case}",
        detail={"category": new.category.value, "severity": severity.value},
    )
    # What was received is acknowledged in this very transaction.
    start(
        connection,
        office,
        case,
        ClockKind.ACKNOWLEDGE,
        starts_at=now,
        due_at=now + ACKNOWLEDGE_WITHIN,
        now=now,
    )
    meet(connection, office, case, {ClockKind.ACKNOWLEDGE}, now=now)
    return case


def join_case(  # noqa: PLR0917 - the facts of one complaint
    connection: Connection,
    office: Office,
    ref: str,
    case: str,
    found: Sequence[Subject],
    places: Sequence[Place],
    key: ApiKey | None,
    *,
    now: datetime,
) -> None:
    """Let a complaint join a case, and set going what it sets going."""
    held = held_case(connection, case)
    row = held_complaint(connection, ref)
    for subject in found:
        insert_unless_there(connection, case_subjects, case=case, subject=subject.id)
    agencies = {agency for place in places if place.facts for agency in place.facts.agencies}
    if key is not None and key.agency is not None:
        agencies.add(key.agency)
    for agency in sorted(agencies):
        insert_unless_there(connection, case_agencies, case=case, agency=agency)
    category = Category(row.category)
    severity = Severity(held.severity)
    values: dict[str, Any] = {
        "complaints": held.complaints + 1,
        "muted": held.muted + int(row.muted),
        "trusted": held.trusted or row.channel == Channel.TRUSTED,
    }
    reported = office.rules.severities[category]
    if not row.muted and reported.rank > severity.rank:
        severity = reported
        values |= {
            "severity": severity,
            "severity_rank": severity.rank,
            "category": category,
        }
    connection.execute(update(cases).where(cases.c.id == case).values(values))
    move_complaint(
        connection,
        office.audit,
        ref,
        ComplaintState.LINKED,
        actor=SYSTEM,
        now=now,
        detail={"case": case},
        case=case,
    )
    start_for_complaint(
        connection,
        office,
        case,
        severity=severity,
        received_at=row.received_at,
        statutory=row.statutory,
        now=now,
    )
    if severity.rank > held.severity_rank:
        tighten(connection, office, case, severity=severity, now=now)
    tell_complaint(connection, office, "complaint.linked", ref, now)


def answer_at_once(
    connection: Connection,
    office: Office,
    ref: str,
    case: str,
    decision: Decision,
    *,
    now: datetime,
) -> None:
    """A person's decision about these very bytes stands: it is repeated, and said so."""
    row = held_complaint(connection, ref)
    held = held_case(connection, case)
    connection.execute(
        update(cases)
        .where(cases.c.id == case)
        .values(complaints=held.complaints + 1, muted=held.muted + int(row.muted))
    )
    move_complaint(
        connection,
        office.audit,
        ref,
        ComplaintState.LINKED,
        actor=SYSTEM,
        now=now,
        detail={"case": case},
        case=case,
    )
    move_complaint(
        connection,
        office.audit,
        ref,
        ComplaintState.ANSWERED,
        actor=SYSTEM,
        now=now,
        detail={"decision": decision.id, "repeated": True},
        decision=decision.id,
        answered_at=now,
    )
    # Six months for them too, from now on.
    extend(
        connection,
        office,
        case,
        ClockKind.APPEAL_WINDOW,
        decision=decision.id,
        until=now + APPEAL_WINDOW,
        now=now,
    )
    tell_complaint(connection, office, "complaint.answered", ref, now)


def tell_complaint(
    connection: Connection, office: Office, event: str, ref: str, now: datetime
) -> Complaint:
    """Let what follows from a complaint follow; what is restricted is told without its words."""
    row = connection.execute(select(complaints).where(complaints.c.ref == ref)).one()
    queue = Queue.GENERAL
    if row.case is not None:
        query = select(cases.c.queue).where(cases.c.id == row.case)
        queue = Queue(connection.execute(query).scalar_one())
    complaint = complaint_of(row)
    office.effects.on_complaint(connection, event, outward_complaint(complaint, queue), now)
    return complaint


def leave_case(connection: Connection, office: Office, row: Row[Any], *, now: datetime) -> None:
    """A complaint no longer counts: its case ends with the last one, if nothing else holds it."""
    if row.case is None:
        return
    held = held_case(connection, row.case)
    left = held.complaints - 1
    connection.execute(
        update(cases)
        .where(cases.c.id == held.id)
        .values(complaints=left, muted=held.muted - int(row.muted))
    )
    resume_if_nothing_is_asked(connection, office, held.id, now=now)
    severe = held.severity_rank >= Severity.HIGH.rank
    untouched = CaseState(held.state) in _UNTOUCHED
    kept = severe or held.decision is not None or is_captured(connection, held)
    if left == 0 and untouched and not kept:
        move_case(
            connection,
            office.audit,
            held.id,
            CaseState.VOID,
            actor=SYSTEM,
            verb="case.voided",
            now=now,
            detail={"why": "every complaint was withdrawn"},
        )
        end_waiting(connection, office, held.id, now=now)


def is_captured(connection: Connection, case: Row[Any]) -> bool:
    """Is there evidence of what a case is about: something kept, or a machine's report?"""
    reported = (
        select(subjects.c.id)
        .join(case_subjects, case_subjects.c.subject == subjects.c.id)
        .where(case_subjects.c.case == case.id, subjects.c.report.is_not(None))
        .limit(1)
    )
    return case.captured_at is not None or connection.execute(reported).first() is not None


def resume_if_nothing_is_asked(
    connection: Connection, office: Office, case: str, *, now: datetime
) -> None:
    """Let our own clock go on, unless somebody else of the case is asked something."""
    if not is_anybody_asked(connection, case):
        resume(connection, office, case, now=now)


def is_anybody_asked(connection: Connection, case: str) -> bool:
    """Does a case wait for an answer of somebody who complained?"""
    asked = select(complaints.c.ref).where(
        complaints.c.case == case, complaints.c.state == ComplaintState.NEEDS_INFO
    )
    return connection.execute(asked.limit(1)).first() is not None


def is_suspected(connection: Connection, sha256: str) -> bool:
    """Is there a restricted case about these bytes? Then nobody is shown them."""
    query = (
        select(cases.c.id)
        .join(case_subjects, case_subjects.c.case == cases.c.id)
        .join(subjects, subjects.c.id == case_subjects.c.subject)
        .where(cases.c.queue == Queue.RESTRICTED, subjects.c.sha256 == sha256)
        .where(cases.c.state != CaseState.VOID)
        .limit(1)
    )
    return connection.execute(query).first() is not None


def end_reports(connection: Connection, subject_ids: Sequence[str], *, now: datetime) -> None:
    """No machine's report about these bytes is kept any longer, nor a file kept with it.

    Whoever tidies reports deletes the bytes.
    """
    known = select(subjects.c.report, subjects.c.sha256).where(subjects.c.id.in_(subject_ids))
    rows = connection.execute(known).all()
    connection.execute(
        update(reports)
        .where(
            or_(
                reports.c.id.in_([row.report for row in rows if row.report]),
                reports.c.sha256.in_([row.sha256 for row in rows if row.sha256]),
            ),
            reports.c.ends_at > now,
        )
        .values(ends_at=now)
    )


def restrict_case(connection: Connection, case: str, *, now: datetime) -> None:
    """A case turns out to belong to the restricted queue: no report stays with it, or at all.

    Its subjects become the restricted queue's own, so that no other case is joined by them.
    """
    own = connection.execute(
        select(subjects)
        .join(case_subjects, case_subjects.c.subject == subjects.c.id)
        .where(case_subjects.c.case == case)
    ).all()
    end_reports(connection, [row.id for row in own], now=now)
    for row in own:
        key = f"{Queue.RESTRICTED.value[0]}{row.key[1:]}"
        taken = select(subjects.c.id).where(subjects.c.key == key, subjects.c.id != row.id)
        if connection.execute(taken).first() is not None:
            # There is one already; this one is told apart by its own name.
            key = f"{Queue.RESTRICTED.value[0]}:own:{row.id}"
        connection.execute(
            update(subjects)
            .where(subjects.c.id == row.id)
            .values(key=key, report=None, verdict=None, release=None)
        )
    for row in connection.execute(select(complaints).where(complaints.c.case == case)).all():
        kept = [{**locator, "report": None} for locator in row.locators]
        connection.execute(
            update(complaints).where(complaints.c.ref == row.ref).values(locators=kept)
        )


def unrestrict_case(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """A case turns out not to belong to the restricted queue: more about the same joins it again.

    Its subjects are the general queue's from now on. Where that has one of the same bytes or
    address by now, or another restricted case is about this one too, the case gets the
    general queue's own in its place; what somebody looked at or decided about stays beside it.
    """
    held = held_case(connection, case)
    own = connection.execute(
        select(subjects)
        .join(case_subjects, case_subjects.c.subject == subjects.c.id)
        .where(case_subjects.c.case == case)
    ).all()
    for row in own:
        key = _general_key(row)
        known = select(subjects.c.id).where(subjects.c.key == key, subjects.c.id != row.id)
        general = connection.execute(known).scalar_one_or_none()
        if general is None and not _is_of_another(connection, row.id, case):
            connection.execute(update(subjects).where(subjects.c.id == row.id).values(key=key))
            continue
        if general is None:
            general = office.new_id()
            connection.execute(
                insert(subjects).values(
                    id=general, key=key, url=row.url, sha256=row.sha256, created_at=now
                )
            )
        insert_unless_there(connection, case_subjects, case=case, subject=general)
        mine = (complaints.c.case == case, complaints.c.subject == row.id)
        connection.execute(update(complaints).where(*mine).values(subject=general))
        looks = select(evidence_access.c.id).where(
            evidence_access.c.case == case, evidence_access.c.subject == row.id
        )
        if held.decision is None and connection.execute(looks.limit(1)).first() is None:
            connection.execute(
                delete(case_subjects).where(
                    case_subjects.c.case == case, case_subjects.c.subject == row.id
                )
            )


def _general_key(row: Row[Any]) -> str:
    """What makes a subject of the restricted queue the same one in the general queue."""
    if row.sha256 is None and row.url is None:
        # It was known by a report alone, which is not kept.
        return f"{Queue.GENERAL.value[0]}{row.key[1:]}"
    return subject_key(Locator(url=row.url, sha256=row.sha256), Queue.GENERAL)


def _is_of_another(connection: Connection, subject: str, case: str) -> bool:
    """Is another restricted case about this subject, which goes on or was decided?"""
    ended = (CaseState.VOID, CaseState.MERGED)
    query = select(
        exists().where(
            case_subjects.c.subject == subject,
            case_subjects.c.case == cases.c.id,
            cases.c.id != case,
            cases.c.queue == Queue.RESTRICTED,
            cases.c.state.not_in(ended),
        )
    )
    return bool(connection.execute(query).scalar_one())
