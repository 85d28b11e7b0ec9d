"""Requests seen before: the same key with the same request gets the same answer, once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.records.tables import idempotency

__all__ = ["Begun", "IdempotencyStore", "is_idempotency_key", "record_answer"]

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_KEPT = timedelta(hours=24)


def is_idempotency_key(text: str) -> bool:
    """Can this be an idempotency key: 1 to 128 visible ASCII characters?"""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known of a request.

    Attributes:
        answer: Its answer; None where it is the caller's to answer.
        leased_until: Until when it is.
    """

    answer: dict[str, Any] | None
    leased_until: datetime


class IdempotencyStore:
    """The requests of the last day that carried a key.

    Spec: draft-ietf-httpapi-idempotency-key-header.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(
        self, *, owner: str, key: str, request: str, now: datetime, lease: timedelta
    ) -> Begun:
        """Has this request been answered? If not, it is the caller's to answer.

        Args:
            owner: Who asks; others may use the same key.
            key: The idempotency key.
            request: Digest of all that the answer depends on.
            now: The time.
            lease: After this time a request that was never answered may be taken over:
                whoever worked on it is gone.

        Raises:
            ConflictError: The key was used for another request, or the same one is being
                worked on.
            StoreError: The database cannot be used.
        """
        with transaction(self._engine) as connection:
            connection.execute(delete(idempotency).where(idempotency.c.ends_at <= now))
            mine = (idempotency.c.owner == owner) & (idempotency.c.key == key)
            until = now + lease
            if insert_unless_there(
                connection,
                idempotency,
                owner=owner,
                key=key,
                request=request,
                leased_until=until,
                ends_at=now + _KEPT,
            ):
                return Begun(None, until)
            row = connection.execute(select(idempotency).where(mine).with_for_update()).one()
            if row.request != request:
                raise ConflictError("Idempotency-Key: it was used for another request")
            if row.answer is not None:
                return Begun(row.answer, row.leased_until)
            if row.leased_until > now:
                raise ConflictError("Idempotency-Key: the same request is being worked on")
            connection.execute(update(idempotency).where(mine).values(leased_until=until))
            return Begun(None, until)

    def abandoned(self, *, owner: str, key: str, leased_until: datetime) -> None:
        """The request failed for a reason of ours: it may be sent again.

        Where the lease is another one by now, it is somebody else's, and stays.
        """
        with transaction(self._engine) as connection:
            mine = (idempotency.c.owner == owner) & (idempotency.c.key == key)
            connection.execute(
                delete(idempotency).where(
                    mine,
                    idempotency.c.answer.is_(None),
                    idempotency.c.leased_until == leased_until,
                )
            )


def record_answer(connection: Connection, *, owner: str, key: str, answer: dict[str, Any]) -> None:
    """Remember the answer, by the transaction that makes it true.

    Raises:
        ConflictError: It was answered meanwhile: whoever worked on it took longer than a lease.
    """
    mine = (idempotency.c.owner == owner) & (idempotency.c.key == key)
    first = connection.execute(
        update(idempotency).where(mine, idempotency.c.answer.is_(None)).values(answer=answer)
    )
    if first.rowcount == 0 and connection.execute(select(idempotency.c.key).where(mine)).first():
        raise ConflictError("Idempotency-Key: the same request was answered meanwhile")
