"""Changes of the block list by people are written down; a flood calls for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import AuditLog
from provenance.moderation.outcomes.block_keeper import BlockKeeper, tell_of_flood
from provenance.moderation.outcomes.hash_list import (
    EntryState,
    FloodRule,
    HashAlgorithm,
    HashList,
)
from provenance.moderation.outcomes.receivers import Outbox, Receiver
from provenance.records.webhooks import WebhookStore, retry_webhook
from tests.factory.moderation_rows import NOW

SHA, CODE = "ab" * 32, "0f" * 32


@pytest.fixture
def keeper(engine: Engine) -> BlockKeeper:
    with transaction(engine) as connection:
        HashList.add(
            connection,
            id="entry",
            decision="decision",
            case="case",
            subject="subject",
            algorithm=HashAlgorithm.SHA256,
            value=SHA,
            ends_at=None,
            now=NOW,
        )
    return BlockKeeper(engine, AuditLog(engine))


def test_who_stopped_an_entry_and_why_stays_known(engine: Engine, keeper: BlockKeeper) -> None:
    keeper.disable("entry", why=" a mistake ", by="park", now=NOW)
    assert not HashList(engine).check(sha256=SHA, now=NOW).blocked
    assert keeper.enable("entry", why="it was none", by="park", now=NOW).counts(NOW)
    log = AuditLog(engine)
    assert log.verify() == []
    off, on = log.events(object="case:case")
    assert (off.actor, off.verb, on.verb) == ("park", "hash-entry.disabled", "hash-entry.enabled")
    assert json.loads(off.detail)["why"] == "a mistake"
    assert json.loads(on.detail)["why"] == "it was none"


def test_entries_are_chosen_by_state(engine: Engine, keeper: BlockKeeper) -> None:
    listed = HashList(engine)
    assert [one.id for one in listed.entries(state=EntryState.ACTIVE)] == ["entry"]
    assert listed.entries(state=EntryState.QUARANTINED) == []
    keeper.disable("entry", why="a mistake", by="park", now=NOW)
    assert listed.entries(state=EntryState.ACTIVE) == []
    assert [one.id for one in listed.entries(state=EntryState.DISABLED)] == ["entry"]
    assert listed.entries(offset=1) == []


def test_what_makes_no_sense_changes_nothing(engine: Engine, keeper: BlockKeeper) -> None:
    with pytest.raises(ConflictError, match="expected a reason"):
        keeper.disable("entry", why=" ", by="park", now=NOW)
    with pytest.raises(ConflictError, match="expected a time that is to come"):
        keeper.disable("entry", why="x", by="park", now=NOW, until=NOW)
    with pytest.raises(ConflictError, match="got none"):
        keeper.disable("none", why="x", by="park", now=NOW)
    assert HashList(engine).check(sha256=SHA, now=NOW).blocked
    assert AuditLog(engine).events() == []


def test_a_code_is_added_to_a_blocked_file_only(
    engine: Engine, keeper: BlockKeeper, random: Callable[[int], bytes]
) -> None:
    keeper.add_code("entry", CODE, by="key:k", random=random, now=NOW)
    found = HashList(engine).check(sha256="cd" * 32, pdq=[CODE], now=NOW)
    assert [proposal.distance for proposal in found.proposals] == [0]
    code = next(e for e in keeper.entries() if e.algorithm is HashAlgorithm.PDQ)
    assert (code.decision, code.case) == ("decision", "case")
    with pytest.raises(ConflictError, match="expected one of a file that counts"):
        keeper.add_code(code.id, CODE, by="key:k", random=random, now=NOW)
    with pytest.raises(NotFoundError):
        keeper.add_code("none", CODE, by="key:k", random=random, now=NOW)
    # It goes with its decision, like the file's own entry.
    with transaction(engine) as connection:
        assert len(HashList.withdraw(connection, decision="decision", case="case", why="x")) == 2
    assert HashList(engine).check(sha256=SHA, pdq=[CODE], now=NOW).proposals == ()


def test_a_flood_is_told_and_written_down(
    engine: Engine, keeper: BlockKeeper, random: Callable[[int], bytes]
) -> None:
    outbox = Outbox([Receiver(url="https://platform.example/hook", secret=b"s" * 24)], random)
    log = AuditLog(engine)
    hashes = HashList(
        engine,
        flood=FloodRule(window=timedelta(hours=1), expected=1, factor=2),
        on_flood=partial(tell_of_flood, outbox, log),
    )
    for _ in range(4):
        hashes.check(sha256=SHA, now=NOW)
    (message,) = WebhookStore(engine, max_attempts=3).of_event("blocklist.quarantined")
    assert message.job is None
    assert json.loads(message.body)["data"]["entry"] == "entry"
    (event,) = log.events()
    assert event.verb == "hash-entry.quarantined"
    assert keeper.enable("entry", by="park", now=NOW).counts(NOW)


def test_a_message_that_was_given_up_can_be_tried_again(
    engine: Engine, random: Callable[[int], bytes]
) -> None:
    outbox = Outbox([Receiver(url="https://platform.example/hook", secret=b"s" * 24)], random)
    store = WebhookStore(engine, max_attempts=1)
    with transaction(engine) as connection:
        for _ in range(2):
            outbox.put(connection, "case.decided", {"a": 1}, now=NOW, once="the same")
    (delivery,) = store.lease(now=NOW, until=NOW + timedelta(minutes=2))
    assert store.failed(delivery, "nobody there", now=NOW).value == "dead"
    assert store.lease(now=NOW + timedelta(days=9), until=NOW + timedelta(days=10)) == []
    with transaction(engine) as connection:
        assert retry_webhook(connection, delivery.id, now=NOW)
        assert not retry_webhook(connection, delivery.id, now=NOW)
    (again,) = store.lease(now=NOW, until=NOW + timedelta(minutes=2))
    assert (again.id, again.attempts) == (delivery.id, 0)
