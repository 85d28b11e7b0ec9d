"""Who is told of what: the platform's receivers, and what a message to them looks like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from provenance.records.tokens import Random, new_id
from provenance.records.webhooks import enqueue_webhook, time_in_message

__all__ = ["EVENTS", "Outbox", "Receiver", "ReceiverKind"]

EVENTS = (
    "complaint.received",
    "complaint.linked",
    "complaint.needs-info",
    "complaint.info-added",
    "complaint.withdrawn",
    "complaint.answered",
    "complaint.rejected-abusive",
    "case.decided",
    "action.requested",
    "action.reversed",
    "interim.started",
    "interim.ended",
    "statement.issued",
    "appeal.filed",
    "appeal.withdrawn",
    "appeal.decided",
    "clock.due-soon",
    "clock.breached",
    "clock.expired",
    "blocklist.quarantined",
)
"""Everything that somebody can be told of."""


class ReceiverKind(StrEnum):
    """What a receiver is there for."""

    PLATFORM = "platform"
    """It acts, and knows who uploaded what. It is never told who complained."""
    MAIL = "mail"
    """The operator's own: it writes to those who complained, and is told nothing but that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody who is told.

    Attributes:
        url: Where.
        secret: What the messages are signed with.
        events: Of what; empty: of everything.
        kind: What for.
    """

    url: str
    secret: bytes = field(repr=False)
    events: frozenset[str] = frozenset()
    kind: ReceiverKind = ReceiverKind.PLATFORM

    def wants(self, event: str) -> bool:
        """Is it told of this?"""
        return not self.events or event in self.events


class Outbox:
    """Puts messages where they are sent from, inside the transaction of what they tell.

    Args:
        receivers: Who is told.
        random: Names messages that may come twice.
    """

    def __init__(self, receivers: Sequence[Receiver], random: Random) -> None:
        self._receivers = tuple(receivers)
        self._random = random

    def reaches(self, event: str, kind: ReceiverKind = ReceiverKind.PLATFORM) -> bool:
        """Is anybody told of this?"""
        return any(one.kind is kind and one.wants(event) for one in self._receivers)

    def put(
        self,
        connection: Connection,
        event: str,
        data: Mapping[str, Any],
        *,
        now: datetime,
        once: str | None = None,
        kind: ReceiverKind = ReceiverKind.PLATFORM,
        contact: str | None = None,
    ) -> str | None:
        """Let everybody be told who wants to know.

        Args:
            connection: Of the transaction.
            event: Of what; one of `EVENTS`.
            data: The facts.
            now: The time.
            once: What is told of: the same is told once, however often it is put here.
            kind: To which receivers.
            contact: The complaint whose contact is put in when it is delivered; only for the
                operator's own mail.

        Returns:
            The name of the message, the same for all receivers but for its ending.
        """
        if event not in EVENTS:
            raise AssertionError(f"{event}: no event that anybody is told of")
        if contact is not None and kind is not ReceiverKind.MAIL:
            raise AssertionError("a contact is for the operator's own mail")
        stem = new_id(self._random) if once is None else _name(event, once)
        body = json.dumps(
            {
                "type": event,
                "timestamp": time_in_message(now),
                "data": data,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        told = False
        for number, receiver in enumerate(self._receivers):
            if receiver.kind is not kind or not receiver.wants(event):
                continue
            enqueue_webhook(
                connection,
                id=f"msg_{stem}_{number}",
                event=event,
                contact=contact,
                url=receiver.url,
                secret=receiver.secret,
                body=body,
                now=now,
            )
            told = True
        return f"msg_{stem}" if told else None


def _name(event: str, once: str) -> str:
    # 22 characters, like any other name here.
    return hashlib.sha256(f"{event} {once}".encode()).hexdigest()[:22]
