"""What happened to accounts: who changed what, and when. Written with the change, never edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from provenance.staff.tables import events

__all__ = ["OPERATOR", "PROVIDER", "StaffEvent", "events_of", "record"]

OPERATOR = "operator"
"""Who works on the command line; no account has this name."""
PROVIDER = "provider"
"""The operator's identity provider, whose groups give roles; nor has any this one."""
_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffEvent:
    """One of them.

    Attributes:
        at: When.
        account: To whose account.
        kind: What.
        by: The account that did it, or the operator.
        detail: More about it; never a secret.
    """

    at: datetime
    account: str
    kind: str
    by: str
    detail: dict[str, Any]


def record(
    connection: Connection, account: str, kind: str, *, by: str, now: datetime, **detail: Any
) -> None:
    """Write one down, in the transaction of what it tells."""
    connection.execute(
        insert(events).values(account=account, kind=kind, by=by, at=now, detail=detail)
    )


def events_of(connection: Connection, account: str) -> Sequence[StaffEvent]:
    """The latest of this account, the latest first."""
    rows = connection.execute(
        select(events).where(events.c.account == account).order_by(events.c.id.desc()).limit(_MOST)
    ).all()
    return [
        StaffEvent(at=row.at, account=row.account, kind=row.kind, by=row.by, detail=row.detail)
        for row in rows
    ]
