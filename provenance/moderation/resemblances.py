"""What looks or sounds alike: a machine's leads, which wait for a person's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from provenance.database.statements import insert_unless_there
from provenance.moderation.model import Subject
from provenance.moderation.subjects import OFFICIAL, Place
from provenance.moderation.tables import case_subjects, cases, similarities, subjects
from provenance.moderation.transitions import JOINABLE
from provenance.moderation.vocabulary import Queue

__all__ = ["lead_to_others", "open_case_about", "write_lead"]

# As many as the page of a case shows; who looks at those has looked at enough.
_MOST_LEADS = 20


def write_lead(
    connection: Connection,
    subject: str,
    other: str,
    *,
    algorithm: str,
    distance: int,
    now: datetime,
) -> int:
    """Write down that two subjects may be alike, once: under which number?"""
    one, two = sorted((subject, other))
    insert_unless_there(
        connection,
        similarities,
        subject=one,
        other=two,
        algorithm=algorithm,
        distance=distance,
        created_at=now,
        confirmed=None,
    )
    query = select(similarities.c.id).where(
        similarities.c.subject == one,
        similarities.c.other == two,
        similarities.c.algorithm == algorithm,
    )
    number: int = connection.execute(query).scalar_one()
    return number


def lead_to_others(
    connection: Connection,
    case: str,
    found: Sequence[Subject],
    places: Sequence[Place],
    *,
    now: datetime,
) -> None:
    """Write down which open cases of the general queue are about likenesses of the same release.

    A copy leads to other copies of what it was made from, never to the release itself: what
    an agency released is no more a matter of this case than of any other.
    """
    mine = select(case_subjects.c.subject).where(case_subjects.c.case == case)
    for subject, place in zip(found, places, strict=True):
        facts = place.facts
        if facts is None or facts.release is None or facts.likeness is None:
            continue
        others = (
            select(subjects.c.id)
            .join(case_subjects, case_subjects.c.subject == subjects.c.id)
            .join(cases, cases.c.id == case_subjects.c.case)
            .where(subjects.c.release == facts.release, subjects.c.id.not_in(mine))
            .where(subjects.c.verdict.is_not(None), subjects.c.verdict.not_in(OFFICIAL))
            .where(cases.c.state.in_(JOINABLE), cases.c.queue == Queue.GENERAL)
            .group_by(subjects.c.id)
            .order_by(subjects.c.created_at, subjects.c.id)
            .limit(_MOST_LEADS)
        )
        algorithm, distance = facts.likeness
        for other in connection.execute(others).scalars().all():
            write_lead(
                connection,
                subject.id,
                other,
                algorithm=f"{algorithm}-release",
                distance=distance,
                now=now,
            )


def open_case_about(connection: Connection, subject: str) -> str | None:
    """The case about this subject that nobody has decided yet, if there is one."""
    query = (
        select(cases.c.id)
        .join(case_subjects, case_subjects.c.case == cases.c.id)
        .where(case_subjects.c.subject == subject, cases.c.state.in_(JOINABLE))
        .order_by(cases.c.opened_at, cases.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()
