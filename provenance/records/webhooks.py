"""Messages to those who asked for them: signed, tried again with back-off, given up at last."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, func, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.records.tables import jobs, webhooks

__all__ = [
    "Delivery",
    "DeliveryState",
    "WebhookStore",
    "enqueue_webhook",
    "parse_webhook_secret",
    "retry_webhook",
    "sign_webhook",
    "time_in_message",
    "wait_before",
]

_SECRET_PREFIX = "whsec_"  # noqa: S105 - how the standard writes secrets
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=6)


class DeliveryState(StrEnum):
    """What became of a message so far."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that is to be delivered.

    Attributes:
        id: The same in every attempt: whoever gets it twice can tell.
        job: The job it is about; None: about something else.
        url: Where it goes.
        secret: What it is signed with.
        body: The JSON document.
        attempts: How often it was tried.
        state: What became of it.
        why: Why the last attempt failed.
        event: What it tells of, where it is about no job.
        contact: The complaint whose contact is put in when it is delivered, and not before.
        created_at: Since when it is to be delivered.
    """

    id: str
    job: str | None
    url: str
    secret: bytes
    body: str
    attempts: int
    state: DeliveryState
    why: str | None = None
    event: str | None = None
    contact: str | None = None
    created_at: datetime | None = None


def parse_webhook_secret(text: str) -> bytes:
    """The bytes of a secret, which is `whsec_` and 24 to 64 bytes in Base64.

    Spec: Standard Webhooks 1.0, "Signature scheme".

    Raises:
        ValueError: It is none.
    """
    try:
        if not text.startswith(_SECRET_PREFIX):
            raise ValueError("no prefix")  # noqa: TRY301 - one way out
        secret = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"secret: expected {_SECRET_PREFIX} and Base64") from error
    if not _MIN_SECRET_BYTES <= len(secret) <= _MAX_SECRET_BYTES:
        raise ValueError(
            f"secret: expected {_MIN_SECRET_BYTES} to {_MAX_SECRET_BYTES} bytes, got {len(secret)}"
        )
    return secret


def sign_webhook(secret: bytes, *, id: str, at: datetime, body: str) -> dict[str, str]:  # noqa: A002
    """The headers that let a receiver check who sent a message, and when.

    Spec: Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.
    """
    timestamp = int(at.timestamp())
    signed = f"{id}.{timestamp}.{body}".encode()
    signature = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode("ascii")
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def wait_before(attempt: int) -> timedelta:
    """How long after the failure of attempt number `attempt` (from 1) is the next one due?"""
    if attempt > 20:
        return _LONGEST_WAIT
    return min(_FIRST_WAIT * int(3 ** (attempt - 1)), _LONGEST_WAIT)


def time_in_message(at: datetime) -> str:
    """How does a message write this moment? As documents do: in UTC, with `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def enqueue_webhook(  # noqa: PLR0913 - the facts of one row
    connection: Connection,
    *,
    id: str,  # noqa: A002 - the column's name
    url: str,
    secret: bytes,
    body: str,
    now: datetime,
    job: str | None = None,
    event: str | None = None,
    contact: str | None = None,
) -> bool:
    """Let a message be delivered, once what it tells of is written by the same transaction.

    Args:
        connection: Of that transaction.
        id: Its name; of one name there is one message.
        url: Where it goes.
        secret: What it is signed with.
        body: The JSON document.
        now: The time.
        job: The job it is about.
        event: What else it tells of.
        contact: The complaint whose contact is put in when it is delivered.

    Returns:
        Whether there was none of this name.
    """
    return insert_unless_there(
        connection,
        webhooks,
        id=id,
        job=job,
        event=event,
        contact=contact,
        state=DeliveryState.WAITING,
        url=url,
        secret=secret,
        body=body,
        attempts=0,
        due_at=now,
        created_at=now,
    )


def retry_webhook(connection: Connection, id: str, *, now: datetime) -> bool:  # noqa: A002 - the column's name
    """Let a message be tried once more that was given up: was there one?"""
    changed = connection.execute(
        update(webhooks)
        .where(webhooks.c.id == id, webhooks.c.state == DeliveryState.DEAD)
        .values(state=DeliveryState.WAITING, attempts=0, due_at=now)
    )
    return changed.rowcount > 0


class WebhookStore:
    """The messages of a service, delivered or not.

    Args:
        engine: The database.
        max_attempts: After how many failures a message is given up.
    """

    def __init__(self, engine: Engine, *, max_attempts: int) -> None:
        self._engine = engine
        self._max_attempts = max_attempts

    def lease(self, *, now: datetime, until: datetime, most: int = 10) -> Sequence[Delivery]:
        """Messages that are due, for one to deliver; nobody else gets them until then.

        Of everybody who is told the oldest comes first, then of everybody the next: one who does
        not answer keeps the messages of the others waiting no longer than their own. Those about
        jobs are told to the jobs' keys, all others to an address.
        """
        due = (webhooks.c.state == DeliveryState.WAITING) & (webhooks.c.due_at <= now)
        told = func.coalesce(jobs.c.owner, webhooks.c.url)
        turn = func.row_number().over(partition_by=told, order_by=webhooks.c.due_at)
        turns = (
            select(webhooks.c.id, turn.label("turn"))
            .join(jobs, jobs.c.id == webhooks.c.job, isouter=True)
            .where(due)
            .subquery()
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(webhooks)
                .join(turns, turns.c.id == webhooks.c.id)
                .where(due)
                .order_by(turns.c.turn, webhooks.c.due_at)
                .limit(most)
                .with_for_update(skip_locked=True, of=webhooks)
            ).all()
            connection.execute(
                update(webhooks)
                .where(webhooks.c.id.in_([row.id for row in rows]))
                .values(due_at=until)
            )
        return [_delivery(row) for row in rows]

    def delivered(self, id: str) -> None:  # noqa: A002 - the column's name
        """It arrived."""
        self._settle(id, state=DeliveryState.DELIVERED, attempts=webhooks.c.attempts + 1, why=None)

    def failed(self, delivery: Delivery, why: str, *, now: datetime) -> DeliveryState:
        """It did not arrive: it is due again later, or given up."""
        attempts = delivery.attempts + 1
        dead = attempts >= self._max_attempts
        state = DeliveryState.DEAD if dead else DeliveryState.WAITING
        self._settle(
            delivery.id,
            state=state,
            attempts=attempts,
            why=why[:400],
            due_at=now + wait_before(attempts),
        )
        return state

    def of_job(self, job: str) -> Sequence[Delivery]:
        """The messages about a job."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(webhooks).where(webhooks.c.job == job).order_by(webhooks.c.created_at)
            ).all()
        return [_delivery(row) for row in rows]

    def of_event(self, event: str, *, most: int = 500) -> Sequence[Delivery]:
        """The newest messages that tell of this, delivered, waiting and given up."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(webhooks)
                .where(webhooks.c.event == event)
                .order_by(webhooks.c.created_at.desc(), webhooks.c.id)
                .limit(most)
            ).all()
        return [_delivery(row) for row in rows]

    def dead(self, *, most: int = 50, offset: int = 0) -> Sequence[Delivery]:
        """The messages that were given up, the newest first."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(webhooks)
                .where(webhooks.c.state == DeliveryState.DEAD)
                .order_by(webhooks.c.created_at.desc(), webhooks.c.id)
                .limit(most)
                .offset(offset)
            ).all()
        return [_delivery(row) for row in rows]

    def _settle(self, id: str, **values: object) -> None:  # noqa: A002 - the column's name
        with transaction(self._engine) as connection:
            connection.execute(
                update(webhooks)
                .where(webhooks.c.id == id, webhooks.c.state == DeliveryState.WAITING)
                .values(**values)
            )


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    return Delivery(
        id=row.id,
        job=row.job,
        url=row.url,
        secret=row.secret,
        body=row.body,
        attempts=row.attempts,
        state=DeliveryState(row.state),
        why=row.why,
        event=row.event,
        contact=row.contact,
        created_at=row.created_at,
    )
