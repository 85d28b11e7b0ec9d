"""Cases become one, or two: every complaint keeps its own reference, deadline and answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from provenance.database.statements import insert_unless_there
from provenance.errors import ConflictError
from provenance.moderation.audit import SYSTEM
from provenance.moderation.clocks import (
    join_clocks,
    part_blocks,
    pause,
    running,
    start_for_complaint,
    tighten,
)
from provenance.moderation.joining import is_anybody_asked, resume_if_nothing_is_asked
from provenance.moderation.model import Locator
from provenance.moderation.moves import move_case
from provenance.moderation.office import Office
from provenance.moderation.outcomes.tables import legal_holds
from provenance.moderation.rows import held_case
from provenance.moderation.subjects import subject_key
from provenance.moderation.tables import (
    audit,
    case_agencies,
    case_subjects,
    cases,
    complaints,
    evidence_access,
    subjects,
)
from provenance.moderation.transitions import CASE_MOVES, OPEN_COMPLAINTS
from provenance.moderation.views import Proposal
from provenance.moderation.vocabulary import (
    CaseState,
    Category,
    Channel,
    ClockKind,
    ComplaintState,
    Queue,
    Severity,
)

__all__ = ["merge_cases", "part_unseen", "split_case"]

_GONE = (ComplaintState.WITHDRAWN, ComplaintState.REJECTED_ABUSIVE)
# Nobody has to be told twice where a decision is about to be made, or was.
_INTO = frozenset(
    {
        CaseState.OPEN,
        CaseState.TRIAGED,
        CaseState.INTERIM_RESTRICTED,
        CaseState.QUEUED,
        CaseState.ASSIGNED,
        CaseState.ESCALATED,
    }
)


def merge_cases(
    connection: Connection,
    office: Office,
    source: str,
    target: str,
    *,
    actor: str,
    why: str,
    now: datetime,
) -> None:
    """Let one case become part of another.

    Raises:
        ConflictError: They are the same, in different queues, escalated to different roles,
            or one is decided.
    """
    if source == target:
        raise ConflictError("merge: expected two cases, got the same twice")
    # Always in the same order, so that two merges do not wait for each other.
    held = {case: held_case(connection, case) for case in sorted((source, target))}
    ours, theirs = held[source], held[target]
    _check_mergeable(ours, theirs)
    connection.execute(update(complaints).where(complaints.c.case == source).values(case=target))
    for table, column in ((case_subjects, "subject"), (case_agencies, "agency")):
        own = select(table.c[column]).where(table.c.case == source)
        for value in connection.execute(own).scalars().all():
            insert_unless_there(connection, table, case=target, **{column: value})
    severity = max(Severity(ours.severity), Severity(theirs.severity), key=lambda s: s.rank)
    graver = ours.severity_rank > theirs.severity_rank
    if graver:
        # First: as long as a clock stood still comes on top.
        tighten(connection, office, target, severity=severity, now=now)
    join_clocks(connection, office, source, target, now=now)
    if is_anybody_asked(connection, target):
        pause(connection, office, target, now=now)
    connection.execute(
        update(cases)
        .where(cases.c.id == target)
        .values(
            complaints=ours.complaints + theirs.complaints,
            muted=ours.muted + theirs.muted,
            trusted=ours.trusted or theirs.trusted,
            severity=severity,
            severity_rank=severity.rank,
            category=ours.category if graver else theirs.category,
            captured_at=_first(ours.captured_at, theirs.captured_at),
            # What was escalated stays so until it is decided.
            escalated_to=theirs.escalated_to or ours.escalated_to,
        )
    )
    move_case(
        connection,
        office.audit,
        source,
        CaseState.MERGED,
        actor=actor,
        verb="case.merged",
        now=now,
        detail={"complaints": ours.complaints, "into": target, "why": why[:400]},
        merged_into=target,
        complaints=0,
        muted=0,
        assignee=None,
        locked_until=None,
    )
    office.audit.append(
        connection,
        at=now,
        actor=actor,
        verb="case.joined-by",
        object=f"case:{target}",
        detail={"case": source, "complaints": ours.complaints},
    )


def _check_mergeable(ours: Row[Any], theirs: Row[Any]) -> None:
    """Make sure that one case may become part of another, and nothing of it is lost."""
    if ours.queue != theirs.queue:
        raise ConflictError("merge: expected two cases of the same queue")
    if CaseState.MERGED not in CASE_MOVES[CaseState(ours.state)]:
        raise ConflictError(f"merge: case {ours.id} is {ours.state}")
    if CaseState(theirs.state) not in _INTO:
        raise ConflictError(f"merge: case {theirs.id} is {theirs.state}")
    if ours.decision is not None:
        raise ConflictError("merge: a case that was decided before stays by itself")
    if None not in {ours.escalated_to, theirs.escalated_to} and (
        ours.escalated_to != theirs.escalated_to
    ):
        raise ConflictError(
            f"merge: one was escalated to {ours.escalated_to}, the other to {theirs.escalated_to}"
        )


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    times = [time for time in (one, other) if time is not None]
    return min(times, default=None)


def split_case(
    connection: Connection,
    office: Office,
    source: str,
    refs: Collection[str],
    *,
    actor: str,
    why: str,
    now: datetime,
) -> str:
    """Make a case of its own of some of the complaints: which one?

    Raises:
        ConflictError: They are none of it or all of it, or it is decided.
    """
    held = held_case(connection, source)
    if CaseState(held.state) not in _INTO:
        raise ConflictError(f"split: case {source} is {held.state}")
    mine = and_(complaints.c.case == source, complaints.c.state.in_(OPEN_COMPLAINTS))
    rows = connection.execute(
        select(complaints).where(mine, complaints.c.ref.in_(list(refs))).with_for_update()
    ).all()
    if not rows or len(rows) != len(set(refs)):
        raise ConflictError("split: expected open complaints of this case")
    staying = connection.execute(select(func.count()).where(mine)).scalar_one() - len(rows)
    if staying < 1:
        raise ConflictError("split: expected at least one complaint to stay")
    case = _open_for(connection, office, held, rows, now=now)
    _part_subjects(connection, source, case, rows)
    _part_holds(connection, office, source, case, now=now)
    _pass_blocks(connection, office, source, case, now=now)
    _write_split(connection, office, source, case, rows, actor=actor, why=why, now=now)
    return case


def part_unseen(
    connection: Connection, office: Office, proposal: Proposal, *, now: datetime
) -> tuple[str, ...]:
    """Let what joined a case since this was proposed wait by itself: in which cases?

    Nobody saw it, and whoever agrees agrees to what was proposed. It is as if it had come a
    moment later; who complained about nothing else than what was seen is answered with all
    others. A block that began when it had joined was asked for it too, and goes with it; what
    joined a case that was blocked already is not blocked: none was asked for.
    """
    seen, source = set(proposal.draft.seen), proposal.case
    own = select(case_subjects.c.subject).where(case_subjects.c.case == source)
    unseen = set(connection.execute(own).scalars()) - seen
    if not seen or not unseen:
        return ()
    held = held_case(connection, source)
    rows = _about_any(connection, source, unseen, Queue(held.queue))
    covered = _joined_before_the_block(connection, source, rows)
    parted = []
    for blocked in (True, False):
        leaving = [row for row in rows if (row.ref in covered) is blocked]
        if leaving:
            case = _part_rows(connection, office, source, leaving, now=now)
            parted.append(case)
            if blocked:
                _pass_blocks(connection, office, source, case, now=now)
    looked_at = select(evidence_access.c.subject).where(evidence_access.c.case == source)
    gone = unseen - set(connection.execute(looked_at).scalars())
    connection.execute(
        delete(case_subjects).where(
            case_subjects.c.case == source, case_subjects.c.subject.in_(gone)
        )
    )
    _grade_as_proposed(connection, office, proposal, held, now=now)
    return tuple(parted)


def _part_rows(
    connection: Connection, office: Office, source: str, rows: Sequence[Row[Any]], *, now: datetime
) -> str:
    """A case of their own for complaints that joined unseen, about all that they name."""
    held = held_case(connection, source)
    case = _open_for(connection, office, held, rows, now=now)
    about = {one for row in rows for one in _subjects_of(connection, row, Queue(held.queue))}
    for subject in sorted(about):
        insert_unless_there(connection, case_subjects, case=case, subject=subject)
    _part_holds(connection, office, source, case, now=now)
    why = "it joined after a decision was proposed"
    _write_split(connection, office, source, case, rows, actor=SYSTEM, why=why, now=now)
    return case


def _joined_before_the_block(
    connection: Connection, case: str, rows: Collection[Row[Any]]
) -> set[str]:
    """Which of these complaints had joined a case when it was blocked, if it was?

    By the order in which both were written: their times are those of two requests, each of
    which may have waited for the other.
    """
    began = connection.execute(
        select(func.max(audit.c.seq)).where(
            audit.c.object == f"case:{case}", audit.c.verb == "interim.started"
        )
    ).scalar_one()
    joined = select(audit.c.object).where(
        audit.c.object.in_([f"complaint:{row.ref}" for row in rows]),
        audit.c.verb == f"complaint.{ComplaintState.LINKED}",
        audit.c.seq < (began or 0),
    )
    return {name.removeprefix("complaint:") for name in connection.execute(joined).scalars()}


def _pass_blocks(
    connection: Connection, office: Office, source: str, case: str, *, now: datetime
) -> None:
    for block in part_blocks(connection, office, source, case, now=now):
        # Whoever blocks it knows it by its case, and until when.
        office.effects.on_clock(connection, "interim.started", block, now)


def _grade_as_proposed(
    connection: Connection, office: Office, proposal: Proposal, held: Row[Any], *, now: datetime
) -> None:
    """What is decided is of the kind that it was proposed as, and as grave.

    Whoever joined since may have made it another; its clocks stay as tight as they became.
    """
    if proposal.graded is None or proposal.graded == (held.category, held.severity):
        return
    category, severity = proposal.graded
    values = {"category": category, "severity": severity, "severity_rank": severity.rank}
    connection.execute(update(cases).where(cases.c.id == held.id).values(values))
    office.audit.append(
        connection,
        at=now,
        actor=SYSTEM,
        verb="case.graded",
        object=f"case:{held.id}",
        detail={
            "category": category.value,
            "queue": held.queue,
            "severity": severity.value,
        },
    )


def _about_any(
    connection: Connection, case: str, about: Collection[str], queue: Queue
) -> list[Row[Any]]:
    """Which open complaints of a case name one of these subjects, wherever they name it?

    Not which came later: when a complaint came is when it was sent, and another may have
    been written before it that was sent after it.
    """
    keys = set(connection.execute(select(subjects.c.key).where(subjects.c.id.in_(about))).scalars())
    mine = and_(complaints.c.case == case, complaints.c.state.in_(OPEN_COMPLAINTS))
    query = select(complaints).where(mine).order_by(complaints.c.received_at, complaints.c.ref)
    return [
        row
        for row in connection.execute(query.with_for_update()).all()
        if row.subject in about
        or any(subject_key(Locator(**locator), queue) in keys for locator in row.locators)
    ]


def _subjects_of(connection: Connection, row: Row[Any], queue: Queue) -> set[str]:
    keys = [subject_key(Locator(**locator), queue) for locator in row.locators]
    found = select(subjects.c.id).where(subjects.c.key.in_(keys))
    return {row.subject, *connection.execute(found).scalars()}


def _open_for(
    connection: Connection,
    office: Office,
    held: Row[Any],
    rows: Sequence[Row[Any]],
    *,
    now: datetime,
) -> str:
    """A case for these complaints, which leave the one that they were in."""
    source: str = held.id
    case = office.new_id()
    # Whoever is muted hurries nobody, but where suspected abuse is looked at nobody is muted.
    heard = [row for row in rows if not row.muted or held.queue == Queue.RESTRICTED]
    graver = max(
        heard or rows, key=lambda row: office.rules.severities[Category(row.category)].rank
    )
    severity = office.rules.severities[Category(graver.category)] if heard else Severity.LOW
    connection.execute(
        insert(cases).values(
            id=case,
            category=graver.category,
            severity=severity,
            severity_rank=severity.rank,
            queue=held.queue,
            opened_at=now,
            complaints=len(rows),
            muted=sum(row.muted for row in rows),
            trusted=any(row.channel == Channel.TRUSTED for row in rows),
            captured_at=held.captured_at,
        )
    )
    connection.execute(
        update(complaints).where(complaints.c.ref.in_([row.ref for row in rows])).values(case=case)
    )
    connection.execute(
        update(cases)
        .where(cases.c.id == source)
        .values(
            complaints=held.complaints - len(rows),
            muted=held.muted - sum(row.muted for row in rows),
        )
    )
    for agency in connection.execute(
        select(case_agencies.c.agency).where(case_agencies.c.case == source)
    ).scalars():
        insert_unless_there(connection, case_agencies, case=case, agency=agency)
    for row in sorted(rows, key=lambda row: row.received_at):
        # By its own complaints: what ran for the case they come from goes on there.
        start_for_complaint(
            connection,
            office,
            case,
            severity=severity,
            received_at=row.received_at,
            statutory=row.statutory,
            now=now,
        )
    if is_anybody_asked(connection, case):
        # Nobody can work on it yet; they were asked while it was in that one.
        stood = [clock.paused_at for clock in running(connection, source, {ClockKind.DECIDE})]
        since = next(iter(stood), None)
        pause(connection, office, case, since=since, now=now)
    # What waited for somebody who leaves waits no longer.
    resume_if_nothing_is_asked(connection, office, source, now=now)
    return case


def _write_split(
    connection: Connection,
    office: Office,
    source: str,
    case: str,
    rows: Sequence[Row[Any]],
    *,
    actor: str,
    why: str,
    now: datetime,
) -> None:
    opened = select(cases.c.category, cases.c.severity).where(cases.c.id == case)
    own = connection.execute(opened).one()
    office.audit.append(
        connection,
        at=now,
        actor=actor,
        verb="case.split",
        object=f"case:{source}",
        detail={"case": case, "complaints": sorted(row.ref for row in rows), "why": why[:400]},
    )
    office.audit.append(
        connection,
        at=now,
        actor=actor,
        verb="case.opened",
        object=f"case:{case}",
        detail={"category": own.category, "from": source, "severity": own.severity},
    )


def _part_holds(
    connection: Connection, office: Office, source: str, case: str, *, now: datetime
) -> None:
    """What somebody has to keep they keep, whichever case it is in."""
    held = select(legal_holds).where(
        legal_holds.c.case == source,
        legal_holds.c.lifted_at.is_(None),
        or_(legal_holds.c.ends_at.is_(None), legal_holds.c.ends_at > now),
    )
    for row in connection.execute(held).all():
        hold = office.new_id()
        connection.execute(
            insert(legal_holds).values(
                id=hold,
                case=case,
                reason=row.reason,
                by=row.by,
                placed_at=now,
                ends_at=row.ends_at,
            )
        )
        office.audit.append(
            connection,
            at=now,
            actor=SYSTEM,
            verb="hold.placed",
            object=f"case:{case}",
            detail={"from": row.id, "hold": hold, "reason": row.reason},
        )


def _part_subjects(
    connection: Connection, source: str, case: str, rows: Collection[Row[Any]]
) -> None:
    """Each case keeps what its complaints are about; what somebody looked at stays, too."""
    gone = {row.subject for row in rows}
    for subject in gone:
        insert_unless_there(connection, case_subjects, case=case, subject=subject)
    staying = set(
        connection.execute(
            select(complaints.c.subject).where(
                complaints.c.case == source, complaints.c.state.not_in(_GONE)
            )
        ).scalars()
    )
    seen = set(
        connection.execute(
            select(evidence_access.c.subject).where(evidence_access.c.case == source)
        ).scalars()
    )
    leaving = gone - staying - seen
    connection.execute(
        delete(case_subjects).where(
            case_subjects.c.case == source, case_subjects.c.subject.in_(leaving)
        )
    )
