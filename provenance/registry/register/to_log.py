"""Giving a release log what the register has for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.leaf import SignedStatement
from provenance.registry.log.writer import LogWriter
from provenance.registry.register.ledger import LogLedger

__all__ = ["give_to_log"]

_AT_ONCE = 1_000


def give_to_log(
    ledger: LogLedger,
    writer: LogWriter,
    origin: str,
    *,
    at: datetime,
    agencies: AgencyChecker | None = None,
    leave_out: Callable[[int, str], None] = lambda _number, _why: None,
) -> int:
    """Give a log every change that it does not have yet; how many were there?

    What is under embargo is given as a commitment. Stopped at any moment, it is done again.

    Args:
        ledger: The register's side.
        writer: The log's, opened.
        origin: The log's name.
        at: Now, by the log's clock.
        agencies: Who says whose statements these are; without it, those of everybody whose
            signature is right are given.
        leave_out: Is told the number of a change that is not given, and why: no agency stands
            behind it. It does not keep what came after it from being given.

    Raises:
        LogError: The log does not take one of them.
        RegisterError: The register cannot be read or written.
    """
    count = after = 0
    while waiting := ledger.waiting(origin, after=after, most=_AT_ONCE):
        after = waiting[-1].number
        given = []
        for entry in waiting:
            why = None if writer.has(entry.signed) else _why_not(entry.signed, agencies, at)
            if why is None:
                given.append(entry)
            else:
                leave_out(entry.number, why)
        if not given:
            continue
        done = writer.append([entry.signed for entry in given], at=at)
        # One that it had already was logged earlier.
        by_time: dict[datetime, list[tuple[int, int]]] = {}
        for entry, index in zip(given, done.indices, strict=True):
            logged_at = writer.entry(index).logged_at
            by_time.setdefault(logged_at, []).append((entry.number, index))
        for logged_at, places in by_time.items():
            ledger.place(origin, places, logged_at=logged_at)
        count += len(given)
    return count


def _why_not(signed: SignedStatement, agencies: AgencyChecker | None, at: datetime) -> str | None:
    """Why does no agency stand behind this? None where one does, or nobody is there to ask."""
    if agencies is None or not agencies.has_directory:
        return None
    answer = agencies.check_statement(signed, taken_at=at)
    return None if answer.state is EntryState.AGENCY else answer.why
