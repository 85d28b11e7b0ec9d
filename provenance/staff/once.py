"""What counts once: links for enrolment, questions to a passkey, visits to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from provenance.staff.tables import once
from provenance.staff.tokens import digest_of

__all__ = ["OnceKind", "Taken", "drop_once", "forget_once", "keep_once", "look_once", "take_once"]


class OnceKind(StrEnum):
    """What it is for; one of a kind is never taken as another."""

    ENROLMENT = "enrolment"
    PASSKEY_NEW = "passkey-new"
    PASSKEY_USE = "passkey-use"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was kept with it."""

    account: str | None
    data: Mapping[str, Any]
    digest: str


def keep_once(
    connection: Connection,
    kind: OnceKind,
    token: str,
    *,
    ends_at: datetime,
    holder: str | None = None,
    account: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Let this token count once, until then.

    Args:
        connection: A transaction.
        kind: What it is for.
        token: The token.
        ends_at: When it counts no more.
        holder: A secret of the browser that began: nobody else's counts.
        account: Whose it is, if it is known.
        data: What is needed when it comes back.
    """
    connection.execute(
        insert(once).values(
            sha256=digest_of(token),
            kind=kind.value,
            holder=None if holder is None else digest_of(holder),
            account=account,
            data=dict(data or {}),
            ends_at=ends_at,
        )
    )


def take_once(
    connection: Connection, kind: OnceKind, token: str, *, now: datetime, holder: str | None = None
) -> Taken | None:
    """What was kept with this token? It counts no more; None where it did not.

    Of two at the same time one gets it.
    """
    row = connection.execute(
        delete(once)
        .where(once.c.sha256 == digest_of(token), once.c.kind == kind.value, once.c.ends_at > now)
        .where(once.c.holder.is_(None) if holder is None else once.c.holder == digest_of(holder))
        .returning(once.c.account, once.c.data, once.c.sha256)
    ).one_or_none()
    return None if row is None else Taken(account=row.account, data=row.data, digest=row.sha256)


def look_once(
    connection: Connection, kind: OnceKind, digest: str, *, now: datetime
) -> Taken | None:
    """The same without taking it, by the token's digest."""
    row = connection.execute(
        select(once).where(once.c.sha256 == digest, once.c.kind == kind.value, once.c.ends_at > now)
    ).one_or_none()
    return None if row is None else Taken(account=row.account, data=row.data, digest=row.sha256)


def drop_once(connection: Connection, account: str) -> None:
    """Nothing of this account counts any more."""
    connection.execute(delete(once).where(once.c.account == account))


def forget_once(connection: Connection, *, now: datetime) -> None:
    """Drop what has ended."""
    connection.execute(delete(once).where(once.c.ends_at <= now))
