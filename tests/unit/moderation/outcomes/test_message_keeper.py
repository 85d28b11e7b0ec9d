"""What is sent again is written down, and only what was given up is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from provenance.database.transactions import transaction
from provenance.errors import NotFoundError
from provenance.moderation.audit import AuditLog
from provenance.moderation.outcomes.message_keeper import MessageKeeper
from provenance.records.webhooks import WebhookStore, enqueue_webhook
from tests.factory.moderation_rows import NOW


def test_only_what_was_given_up_is_sent_again(engine: Engine) -> None:
    store, keeper = WebhookStore(engine, max_attempts=1), MessageKeeper(engine, AuditLog(engine))
    for number in range(2):
        with transaction(engine) as connection:
            enqueue_webhook(
                connection, id=f"msg_{number}", url="https://host.example/in", secret=b"s" * 24,
                body="{}", event="action.requested", now=NOW + timedelta(seconds=number),
            )  # fmt: skip
    later = NOW + timedelta(minutes=1)
    assert store.dead() == []
    with pytest.raises(NotFoundError, match="expected one that was given up"):
        keeper.again("msg_0", by="sun", now=later)
    for delivery in store.lease(now=later, until=later):
        store.failed(delivery, "no answer", now=later)
    assert [one.id for one in store.dead()] == ["msg_1", "msg_0"]
    assert [(one.id, one.created_at) for one in store.dead(most=1, offset=1)] == [("msg_0", NOW)]
    keeper.again("msg_0", by="sun", now=later)
    assert [one.id for one in store.dead()] == ["msg_1"]
    assert [one.id for one in store.lease(now=later, until=later)] == ["msg_0"]
    log = AuditLog(engine)
    (event,) = log.events()
    assert (event.actor, event.verb, event.object) == ("sun", "message.again", "message:msg_0")
    assert log.verify() == []
