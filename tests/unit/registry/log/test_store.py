from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from provenance.registry.log.errors import LogError
from provenance.registry.log.leaf import make_leaf
from provenance.registry.log.merkle import hash_record
from provenance.registry.log.store import LogStore, StoredCheckpoint, names_of
from tests.factory.release_log import AT, Trial, register, withdraw


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    path = tmp_path / "entries.sqlite"
    LogStore.create(path)
    return path


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE entry SET record = x'00' WHERE leaf_index = 5", "no entry is ever changed"),
        ("DELETE FROM entry WHERE leaf_index = 299", "no entry is ever removed"),
        (
            "INSERT INTO entry SELECT 301, record, leaf_hash, randomblob(32) FROM entry LIMIT 1",
            "at",
        ),
        ("INSERT INTO entry SELECT 300, record, leaf_hash, digest FROM entry LIMIT 1", "once each"),
        (
            "INSERT OR REPLACE INTO entry SELECT 5, x'', leaf_hash, randomblob(32) FROM entry",
            "added at the end",
        ),
        (
            "INSERT OR REPLACE INTO entry SELECT 300, record, leaf_hash, digest FROM entry LIMIT 1",
            "added at the end",
        ),
        ("UPDATE checkpoint SET note = x'00'", "no checkpoint is ever changed"),
        ("DELETE FROM checkpoint", "no checkpoint is ever removed"),
        ("INSERT INTO checkpoint VALUES (300, x'00')", "larger than those before"),
        ("INSERT OR REPLACE INTO checkpoint VALUES (200, x'00')", "larger than those before"),
    ],
)
def test_nothing_in_a_log_is_changed_by_mistake(old: Trial, statement: str, message: str) -> None:
    # By any program that opens the file, not just by this one.
    with (
        closing(sqlite3.connect(old.folder.store)) as db,
        pytest.raises(sqlite3.IntegrityError, match=message),
    ):
        db.execute(statement)


def test_entries_are_added_together_or_not_at_all(store_path: Path, trial: Trial) -> None:
    store = LogStore(store_path)
    first, second = (
        make_leaf(signed, logged_at=AT) for signed in trial.sign(register(1), register(2))
    )
    rows = [(leaf, hash_record(leaf.record)) for leaf in (first, second)]
    with pytest.raises(LogError, match="entries are added at the end, once each"):
        store.add(0, [rows[0], rows[0]])
    assert store.size() == 0
    store.add(0, rows)
    assert store.size() == 2
    assert [row.record for row in store.rows(0, 9)] == [first.record, second.record]
    assert store.find(second.signed.digest) == 1
    assert store.find(bytes(32)) is None
    with pytest.raises(LogError, match="there is no entry 2"):
        store.record(2)
    store.add_checkpoint(StoredCheckpoint(2, b"a"))
    with pytest.raises(LogError, match="larger than those before"):
        store.add_checkpoint(StoredCheckpoint(2, b"b"))
    assert store.last_checkpoint() == StoredCheckpoint(2, b"a") == store.checkpoint(2)
    assert store.checkpoint(1) is None
    store.close()


def test_entries_are_found_by_what_they_are_about(trial: Trial) -> None:
    trial.append(register(1), register(2), withdraw(1))
    store = LogStore(trial.folder.store, read_only=True)
    assert store.named("release", "aurora-entertainment/NOVA9-1") == (0, 2)
    assert store.named("file", register(2).files[0].sha256) == (1,)
    assert store.named("release", "aurora-entertainment/NOVA9-3") == ()
    assert names_of(withdraw(1)) == [("release", "aurora-entertainment/NOVA9-1")]
    with pytest.raises(LogError, match="readonly"):
        store.replace_names(iter([]))
    store.close()


def test_a_writer_and_a_reader_do_not_hinder_each_other(trial: Trial) -> None:
    with trial.writing() as writer:
        store = LogStore(trial.folder.store, read_only=True)
        writer.append(trial.sign(register(1)), at=AT)
        assert store.size() == 1
        store.close()


def test_what_is_no_store_is_refused(tmp_path: Path, store_path: Path) -> None:
    with pytest.raises(LogError, match="there is no log's store here"):
        LogStore(tmp_path / "none")
    with pytest.raises(LogError, match="exists already; it is not overwritten"):
        LogStore.create(store_path)
    with pytest.raises(LogError, match="cannot be made"):
        LogStore.create(tmp_path / "none" / "entries.sqlite")
    (tmp_path / "text").write_bytes(b"no database" * 1000)
    with pytest.raises(LogError, match="is damaged, or refuses: file is not a database"):
        LogStore(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "other")) as db:
        db.execute("CREATE TABLE entry (record BLOB)")
    with pytest.raises(LogError, match="expected the store of a log, version 1, got"):
        LogStore(tmp_path / "other")
    with closing(sqlite3.connect(store_path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(LogError, match="version 2"):
        LogStore(store_path)


def test_a_damaged_store_says_so(old: Trial) -> None:
    data = bytearray(old.folder.store.read_bytes())
    data[4096 : len(data) // 2] = bytes(len(data) // 2 - 4096)
    old.folder.store.write_bytes(data)
    with pytest.raises(LogError, match=r"entries\.sqlite: (is damaged|cannot be used)"):
        old.fill(1, 300)
