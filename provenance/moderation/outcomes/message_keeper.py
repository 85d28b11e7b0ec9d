"""Whoever looks after messages: what they send again is written down in the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from provenance.errors import NotFoundError
from provenance.moderation.audit import AuditLog, writing
from provenance.records.webhooks import retry_webhook

__all__ = ["MessageKeeper"]


class MessageKeeper:
    """What people do with messages that could not be delivered.

    Args:
        engine: The database.
        audit: Where it is written down.
    """

    def __init__(self, engine: Engine, audit: AuditLog) -> None:
        self._engine = engine
        self._audit = audit

    def again(self, message: str, *, by: str, now: datetime) -> None:
        """Let a message be tried once more that was given up.

        Args:
            message: Which one.
            by: Who; their right to is checked by whoever calls.
            now: The time.

        Raises:
            NotFoundError: There is none that was given up.
        """
        with writing(self._engine) as connection:
            if not retry_webhook(connection, message, now=now):
                raise NotFoundError(
                    f"message {message!r:.44}: expected one that was given up, got none"
                )
            self._audit.append(
                connection, at=now, actor=by, verb="message.again", object=f"message:{message}"
            )
