from __future__ import annotations

from datetime import timedelta

import pytest

from provenance.errors import FetchError
from provenance.registry.log.history import FirstStatement, entries_about, first_stated
from provenance.registry.log.leaf import embargo, make_leaf, reveal
from provenance.registry.log.merkle import hash_record
from provenance.registry.log.store import LogStore
from provenance.registry.log.time_stamps import (
    is_time_stamp_path,
    read_time_stamp,
    stamp_checkpoint,
    time_stamp_path,
)
from tests.factory.release_log import AT, Trial, register, withdraw

AURORA = "aurora-entertainment"
SALT = bytes(range(32))


def test_a_release_was_first_stated_when_the_log_first_took_it(trial: Trial) -> None:
    trial.append(register(1))
    trial.append(register(2))
    trial.append(withdraw(1))
    store = LogStore(trial.folder.store, read_only=True)
    assert first_stated(store, AURORA, "NOVA9-1") == FirstStatement(
        index=0, logged_at=AT + timedelta(seconds=1), under_embargo=False
    )
    entries = entries_about(store, AURORA, "NOVA9-1")
    assert [(e.index, e.leaf.statement.type) for e in entries] == [(0, "register"), (2, "withdraw")]
    assert first_stated(store, AURORA, "NOVA9-3") is None
    assert first_stated(store, "borealis", "NOVA9-1") is None
    store.close()


def test_an_embargoed_release_is_unknown_until_it_is_revealed(trial: Trial) -> None:
    hidden = register(7)
    trial.append(embargo(hidden, SALT, at=AT))
    trial.append(register(1))
    store = LogStore(trial.folder.store, read_only=True)
    assert first_stated(store, AURORA, "NOVA9-7") is None
    assert store.named("file", hidden.files[0].sha256) == ()
    trial.append(reveal(hidden, SALT, entry=0, at=AT))
    # Then it counts from the entry that committed to it.
    assert first_stated(store, AURORA, "NOVA9-7") == FirstStatement(
        index=0, logged_at=AT + timedelta(seconds=1), under_embargo=True
    )
    assert store.named("file", hidden.files[0].sha256) == (2,)
    store.close()


def test_what_nobody_can_check_yet_is_not_shown(trial: Trial) -> None:
    trial.append(register(1))
    store = LogStore(trial.folder.store)
    leaf = make_leaf(trial.sign(register(2))[0], logged_at=trial.at)
    store.add(1, [(leaf, hash_record(leaf.record))])
    assert first_stated(store, AURORA, "NOVA9-2") is None
    store.close()


def test_a_time_stamp_stands_beside_its_checkpoint(trial: Trial) -> None:
    trial.append(register(1))
    asked: list[bytes] = []

    def stamper(data: bytes) -> bytes:
        asked.append(data)
        return b"token"

    head = trial.head
    assert read_time_stamp(trial.reader, head) is None
    assert stamp_checkpoint(trial.folder, head, stamper) == b"token"
    assert asked == [head.text]
    trial.append(register(2))
    assert read_time_stamp(trial.reader, head) == b"token"
    assert read_time_stamp(trial.reader, trial.head) is None
    assert is_time_stamp_path(time_stamp_path(1))
    assert not is_time_stamp_path("time-stamp/01.tst")
    with pytest.raises(FetchError, match="time-stamp: expected 262144 bytes at most"):
        stamp_checkpoint(trial.folder, head, lambda _: bytes(300_000))
