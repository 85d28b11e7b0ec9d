"""Giving a release log what the register has for it."""

from __future__ import annotations

from datetime import datetime

from provenance.registry.log.writer import LogWriter
from provenance.registry.register.ledger import LogLedger

__all__ = ["give_to_log"]

_AT_ONCE = 1_000


def give_to_log(ledger: LogLedger, writer: LogWriter, origin: str, *, at: datetime) -> int:
    """Give a log every change that it does not have yet; how many were there?

    What is under embargo is given as a commitment. Stopped at any moment, it is done again.

    Args:
        ledger: The register's side.
        writer: The log's, opened.
        origin: The log's name.
        at: Now, by the log's clock.

    Raises:
        LogError: The log does not take one of them.
        RegisterError: The register cannot be read or written.
    """
    count = 0
    while waiting := ledger.waiting(origin, most=_AT_ONCE):
        done = writer.append([entry.signed for entry in waiting], at=at)
        # One that it had already was logged earlier.
        by_time: dict[datetime, list[tuple[int, int]]] = {}
        for entry, index in zip(waiting, done.indices, strict=True):
            logged_at = writer.entry(index).logged_at
            by_time.setdefault(logged_at, []).append((entry.number, index))
        for logged_at, places in by_time.items():
            ledger.place(origin, places, logged_at=logged_at)
        count += len(waiting)
    return count
