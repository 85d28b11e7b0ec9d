"""The rows that a period's numbers are made of, read from the tables."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, or_, select

from provenance.database.transactions import transaction
from provenance.moderation.tables import (
    appeals,
    cases,
    clocks,
    complaints,
    decision_cases,
    decisions,
)
from provenance.moderation.transparency import (
    AppealRow,
    ClockRow,
    ComplaintRow,
    DecisionRow,
    TransparencyReport,
    transparency,
)
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    Channel,
    ClockKind,
    Outcome,
    Severity,
)

__all__ = ["read_transparency"]


def read_transparency(
    engine: Engine, *, begins_at: datetime, ends_at: datetime
) -> TransparencyReport:
    """What can be told of this period, from the database?

    Args:
        engine: The database.
        begins_at: The first moment of the period.
        ends_at: The first moment after it.

    Raises:
        StoreError: The database cannot be read.
    """
    with transaction(engine, reads=True) as connection:
        return transparency(
            begins_at=begins_at,
            ends_at=ends_at,
            complaints=_complaints(connection, begins_at, ends_at),
            decisions=_decisions(connection, begins_at, ends_at),
            appeals=_appeals(connection, begins_at, ends_at),
            clocks=_clocks(connection, begins_at, ends_at),
        )


def _complaints(connection: Connection, begin: datetime, end: datetime) -> list[ComplaintRow]:
    of = complaints.c
    query = select(of.received_at, of.category, of.channel).where(
        of.received_at >= begin, of.received_at < end
    )
    return [
        ComplaintRow(
            at=row.received_at,
            category=Category(row.category),
            trusted=row.channel == Channel.TRUSTED.value,
        )
        for row in connection.execute(query)
    ]


def _decisions(connection: Connection, begin: datetime, end: datetime) -> list[DecisionRow]:
    query = (
        select(decisions, cases.c.category, cases.c.severity, cases.c.opened_at)
        .join(decision_cases, decision_cases.c.decision == decisions.c.id)
        .join(cases, cases.c.id == decision_cases.c.case)
        .where(decisions.c.created_at >= begin, decisions.c.created_at < end)
    )
    return [
        DecisionRow(
            at=row.created_at,
            outcome=Outcome(row.outcome),
            category=Category(row.category),
            severity=Severity(row.severity),
            actions=tuple(map(ActionType, row.actions)),
            opened_at=row.opened_at,
            automated_detection=row.automated_detection,
            by_appeal=row.appeal is not None,
        )
        for row in connection.execute(query)
    ]


def _appeals(connection: Connection, begin: datetime, end: datetime) -> list[AppealRow]:
    # Decided when the decision that answers it was made.
    query = (
        select(appeals.c.filed_at, appeals.c.outcome, decisions.c.created_at)
        .outerjoin(decisions, decisions.c.id == appeals.c.new_decision)
        .where(
            appeals.c.filed_at < end,
            or_(appeals.c.filed_at >= begin, decisions.c.created_at >= begin),
        )
    )
    return [
        AppealRow(
            filed_at=row.filed_at,
            decided_at=row.created_at,
            outcome=None if row.outcome is None else AppealOutcome(row.outcome),
        )
        for row in connection.execute(query)
    ]


def _clocks(connection: Connection, begin: datetime, end: datetime) -> list[ClockRow]:
    of = clocks.c
    query = select(of.kind, of.starts_at, of.met_at, of.breached_at).where(
        # One that runs in another's place is counted there.
        of.joined.is_(None),
        of.starts_at < end,
        or_(of.met_at >= begin, of.breached_at >= begin),
    )
    return [
        ClockRow(
            kind=ClockKind(row.kind),
            starts_at=row.starts_at,
            met_at=row.met_at,
            breached_at=row.breached_at,
        )
        for row in connection.execute(query)
    ]
