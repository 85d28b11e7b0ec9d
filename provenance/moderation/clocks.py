"""Clocks: by when something has to have happened, and until when something holds.

What a law sets stands here as numbers with their source, and nobody can pause it: there is
no way to in this module, the table refuses it, and the database refuses to delete one. All
of it is aware UTC and differences of time, so no change of clocks and no leap day matters.

A clock runs until it is met. One that can be missed (`acknowledge`, `intimate-48h`,
`decide`, `enforce`) is breached when it is up before; that is written down once, and it goes
on until it is met. One that expires (`temporary-block`, `appeal-window`, `retention`) is met
by being up.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from provenance.moderation.audit import SYSTEM
from provenance.moderation.model import Clock
from provenance.moderation.office import Office
from provenance.moderation.rows import clock_of
from provenance.moderation.tables import cases, clocks
from provenance.moderation.vocabulary import ClockKind, Severity

__all__ = [
    "ACKNOWLEDGE_WITHIN",
    "APPEAL_WINDOW",
    "INTIMATE_WITHIN",
    "TEMPORARY_BLOCK",
    "breach",
    "breachable",
    "end_block",
    "end_blocks",
    "end_waiting",
    "extend",
    "join_clocks",
    "meet",
    "meet_one",
    "part_blocks",
    "pause",
    "reopen_clock",
    "resume",
    "running",
    "start",
    "start_for_complaint",
    "tighten",
]

INTIMATE_WITHIN = timedelta(hours=48)
"""TAKE IT DOWN Act (US, Pub. L. 119-12) §3 (a) (3) (A)."""
TEMPORARY_BLOCK = timedelta(days=30)
"""Network Act (KR) Art. 44-2 (4): at most 30 days."""
APPEAL_WINDOW = timedelta(days=184)
"""DSA Art. 20 (1): at least six months; no six months are longer than 184 days."""
ACKNOWLEDGE_WITHIN = timedelta(hours=24)
"""DSA Art. 16 (4): without undue delay. Ours is sent at once; this is when it is late."""


def breachable() -> ColumnElement[bool]:
    """Clocks that run and can be missed."""
    kinds = [kind for kind in ClockKind if not kind.expires]
    return and_(
        clocks.c.met_at.is_(None),
        clocks.c.joined.is_(None),
        clocks.c.paused_at.is_(None),
        clocks.c.kind.in_(kinds),
    )


def running(connection: Connection, case: str, kinds: Collection[ClockKind] = ()) -> list[Clock]:
    """The clocks of a case that are not met yet, of these kinds."""
    query = select(clocks).where(
        clocks.c.case == case, clocks.c.met_at.is_(None), clocks.c.joined.is_(None)
    )
    if kinds:
        query = query.where(clocks.c.kind.in_(list(kinds)))
    return [clock_of(row) for row in connection.execute(query.order_by(clocks.c.id))]


def start(
    connection: Connection,
    office: Office,
    case: str,
    kind: ClockKind,
    *,
    starts_at: datetime,
    due_at: datetime,
    now: datetime,
    decision: str | None = None,
) -> Clock:
    """Let a clock run."""
    added = connection.execute(
        insert(clocks)
        .values(case=case, kind=kind, starts_at=starts_at, due_at=due_at, decision=decision)
        .returning(clocks)
    ).one()
    _write(connection, office, clock_of(added), "clock.started", now)
    _refresh(connection, case)
    return clock_of(added)


def start_for_complaint(
    connection: Connection,
    office: Office,
    case: str,
    *,
    severity: Severity,
    received_at: datetime,
    statutory: bool,
    now: datetime,
) -> None:
    """Let run what a complaint that joins this case sets going, if it does not run already.

    A clock is due from the first complaint that sets it going; a later one changes nothing.
    """
    kinds = {clock.kind for clock in running(connection, case)}
    wanted = {ClockKind.DECIDE: office.rules.decide_within[severity]}
    if statutory:
        wanted[ClockKind.INTIMATE_48H] = INTIMATE_WITHIN
    for kind, within in wanted.items():
        if kind not in kinds:
            start(
                connection,
                office,
                case,
                kind,
                starts_at=received_at,
                due_at=received_at + within,
                now=now,
            )


def tighten(
    connection: Connection, office: Office, case: str, *, severity: Severity, now: datetime
) -> None:
    """What turned out to be graver is due earlier. It never becomes later."""
    within = office.rules.decide_within[severity]
    for clock in running(connection, case, {ClockKind.DECIDE}):
        due_at = clock.starts_at + within
        if due_at < clock.due_at:
            _change(connection, office, clock, "clock.tightened", now, due_at=due_at)
    _refresh(connection, case)


def meet(
    connection: Connection,
    office: Office,
    case: str,
    kinds: Collection[ClockKind],
    *,
    now: datetime,
) -> list[Clock]:
    """What these clocks are about has happened: which of them ran?"""
    met = []
    for clock in running(connection, case, kinds):
        if clock.due_at <= now:
            # Nobody looked since it was up; that it was is not lost.
            breach(connection, office, clock.id, now=now)
        met.append(_change(connection, office, clock, "clock.met", now, met_at=now))
    _refresh(connection, case)
    return met


def meet_one(
    connection: Connection, office: Office, clock: int, *, verb: str, now: datetime
) -> Clock | None:
    """Meet a clock by its number. None: it was met already."""
    query = select(clocks).where(clocks.c.id == clock).with_for_update()
    row = connection.execute(query).one()
    if row.met_at is not None or row.joined is not None or row.due_at > now:
        return None
    changed = _change(connection, office, clock_of(row), verb, now, met_at=now)
    _refresh(connection, changed.case)
    return changed


def end_waiting(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """A case ends undecided: nothing is left that could be missed, or blocked until then."""
    meet(connection, office, case, {ClockKind.DECIDE, ClockKind.INTIMATE_48H}, now=now)
    end_blocks(connection, office, case, now=now)


def end_blocks(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """What was blocked until this case is decided is not any more; whoever blocks is told."""
    for block in meet(connection, office, case, {ClockKind.TEMPORARY_BLOCK}, now=now):
        end_block(connection, office, block, now=now)


def end_block(connection: Connection, office: Office, block: Clock, *, now: datetime) -> None:
    """Tell whoever blocks that this temporary block, which was met, is over.

    They know a block by its case. Where cases were merged since, they are told of each that it
    was of: also of one that it came to by a merge, of which they were never told that it began.
    """
    told = [block]
    while told:
        ended = told.pop()
        office.effects.on_clock(connection, "interim.ended", ended, now)
        query = select(clocks).where(clocks.c.joined == ended.id).order_by(clocks.c.id)
        told += [clock_of(row) for row in connection.execute(query)]


def reopen_clock(
    connection: Connection, office: Office, case: str, kind: ClockKind, *, now: datetime
) -> None:
    """What met this clock was taken back: it runs again, since when and until when it did."""
    query = (
        select(clocks)
        .where(clocks.c.case == case, clocks.c.kind == kind, clocks.c.joined.is_(None))
        .order_by(clocks.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is not None and row.met_at is not None:
        _change(connection, office, clock_of(row), "clock.reopened", now, met_at=None)
        _refresh(connection, case)


def extend(
    connection: Connection,
    office: Office,
    case: str,
    kind: ClockKind,
    *,
    decision: str,
    until: datetime,
    now: datetime,
) -> None:
    """Somebody has time until then; nobody's becomes shorter by it.

    Where the time of those before them is over, another one begins.
    """
    own = [one for one in running(connection, case, {kind}) if one.decision == decision]
    for clock in own:
        if clock.due_at < until:
            _change(connection, office, clock, "clock.extended", now, due_at=until)
    if not own:
        start(
            connection,
            office,
            case,
            kind,
            starts_at=now,
            due_at=until,
            decision=decision,
            now=now,
        )


def breach(connection: Connection, office: Office, clock: int, *, now: datetime) -> bool:
    """Write down that a clock was up, if it was not yet: was it written now?"""
    query = select(clocks).where(clocks.c.id == clock).with_for_update()
    row = connection.execute(query).one()
    found = clock_of(row)
    stands = row.met_at is not None or row.joined is not None or row.paused_at is not None
    if stands or row.breached_at is not None or row.due_at > now or found.kind.expires:
        return False
    changed = _change(connection, office, found, "clock.breached", now, breached_at=now)
    office.effects.on_clock(connection, "clock.breached", changed, now)
    return True


def pause(
    connection: Connection,
    office: Office,
    case: str,
    *,
    now: datetime,
    since: datetime | None = None,
) -> None:
    """Let our own promise stand still; what the law sets goes on.

    Args:
        connection: Of the transaction.
        office: What all desks share.
        case: Whose.
        now: When.
        since: Since when it has stood still elsewhere; by default it does from now on.
    """
    for clock in running(connection, case, {ClockKind.DECIDE}):
        paused_at = max(since or now, clock.starts_at)
        if clock.paused_at is None and clock.due_at > paused_at:
            _change(connection, office, clock, "clock.paused", now, paused_at=paused_at)
    _refresh(connection, case)


def resume(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """Let it go on; it is due later by as long as it stood still."""
    for clock in running(connection, case, {ClockKind.DECIDE}):
        if clock.paused_at is not None:
            due_at = clock.due_at + max(now - clock.paused_at, timedelta())
            values = {"paused_at": None, "due_at": due_at}
            _change(connection, office, clock, "clock.resumed", now, **values)
    _refresh(connection, case)


def join_clocks(
    connection: Connection, office: Office, source: str, target: str, *, now: datetime
) -> None:
    """Two cases become one: of each kind the earliest clock wins, and none is lost.

    What stands still goes on first, due later by as long as it stood: whoever joins them says
    whether it is to stand still in the one case. A temporary block that is over comes along:
    there is none after it.
    """
    for case in (source, target):
        resume(connection, office, case, now=now)
    theirs = {clock.kind: clock for clock in running(connection, target)}
    for clock in running(connection, source):
        own = theirs.get(clock.kind)
        # The time to appeal one decision is not the time to appeal another one.
        moves = own is None or clock.kind is ClockKind.APPEAL_WINDOW
        if moves and clock.kind is not ClockKind.TEMPORARY_BLOCK:
            _change(connection, office, clock, "clock.moved", now, case=target)
            continue
        if own is None:
            # Its first case stays on record: whoever blocks knows it by that.
            own = _same_block(connection, office, clock, target, now=now)
        if clock.due_at < own.due_at:
            values = {
                "starts_at": min(clock.starts_at, own.starts_at),
                "due_at": clock.due_at,
                "breached_at": clock.breached_at or own.breached_at,
            }
            own = _change(connection, office, own, "clock.tightened", now, **values)
        _change(connection, office, clock, "clock.joined", now, joined=own.id)
    for clock in _blocks(connection, source):
        if clock.met_at is not None:
            _change(connection, office, clock, "clock.moved", now, case=target)
    _refresh(connection, source)
    _refresh(connection, target)


def part_blocks(
    connection: Connection, office: Office, source: str, case: str, *, now: datetime
) -> list[Clock]:
    """One case becomes two: what was blocked in it is blocked no longer for that.

    Each temporary block of the source, over or not, is one of the new case too, since when
    and until when it was: which of them run? A new one would be later than the law allows.
    """
    parted = [
        _same_block(connection, office, block, case, now=now)
        for block in _blocks(connection, source)
    ]
    return [block for block in parted if block.met_at is None]


def _same_block(
    connection: Connection, office: Office, block: Clock, case: str, *, now: datetime
) -> Clock:
    """A temporary block as one of another case: since when and until when it was."""
    added = connection.execute(
        insert(clocks)
        .values(
            case=case,
            kind=block.kind,
            starts_at=block.starts_at,
            due_at=block.due_at,
            met_at=block.met_at,
        )
        .returning(clocks)
    ).one()
    _write(connection, office, clock_of(added), "clock.started", now)
    return clock_of(added)


def _blocks(connection: Connection, case: str) -> list[Clock]:
    """Temporary blocks of a case, those that are over included."""
    query = select(clocks).where(
        clocks.c.case == case,
        clocks.c.kind == ClockKind.TEMPORARY_BLOCK,
        clocks.c.joined.is_(None),
    )
    return [clock_of(row) for row in connection.execute(query.order_by(clocks.c.id))]


def _change(
    connection: Connection,
    office: Office,
    clock: Clock,
    verb: str,
    now: datetime,
    **values: datetime | str | int | None,
) -> Clock:
    row = connection.execute(
        update(clocks).where(clocks.c.id == clock.id).values(**values).returning(clocks)
    ).one()
    changed = clock_of(row)
    _write(connection, office, changed, verb, now)
    return changed


def _write(connection: Connection, office: Office, clock: Clock, verb: str, now: datetime) -> None:
    office.audit.append(
        connection,
        at=now,
        actor=SYSTEM,
        verb=verb,
        object=f"case:{clock.case}",
        detail={
            "clock": clock.id,
            "decision": clock.decision,
            "due_at": clock.due_at.isoformat(),
            "kind": clock.kind.value,
        },
    )


def _refresh(connection: Connection, case: str) -> None:
    first = (
        select(func.min(clocks.c.due_at))
        .where(clocks.c.case == case, breachable())
        .scalar_subquery()
    )
    connection.execute(update(cases).where(cases.c.id == case).values(next_due_at=first))
