from __future__ import annotations

import re
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError, LimitError
from provenance.registry.log.errors import LogError
from provenance.registry.log.folder import LogFolder, create_log, is_log_folder
from provenance.registry.log.fsck import check_log
from provenance.registry.log.leaf import embargo, make_leaf, parse_leaf, reveal
from provenance.registry.log.merkle import (
    EMPTY_ROOT,
    hash_record,
    is_consistent,
    prove_consistency,
)
from provenance.registry.log.note import parse_note, sign_note
from provenance.registry.log.policy import check_checkpoint, parse_policy
from provenance.registry.log.reader import TileReader
from provenance.registry.log.store import LogStore
from provenance.registry.log.tiles import Tile
from provenance.registry.log.writer import MAX_BATCH, LogWriter
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from tests.factory.release_log import (
    AT,
    ORIGIN,
    HonestWitness,
    Trial,
    agencies_of,
    checkpoint_in,
    note_key,
    register,
    withdraw,
)

SALT = bytes(range(32))


def paths(trial: Trial) -> list[str]:
    public = trial.folder.public
    return sorted(p.relative_to(public).as_posix() for p in public.rglob("*") if p.is_file())


def test_an_empty_log_is_signed(trial: Trial) -> None:
    with trial.writing() as writer:
        assert (writer.size, writer.checkpoint) == (0, trial.checkpoint)
    assert (trial.head.origin, trial.head.size, trial.head.root) == (ORIGIN, 0, EMPTY_ROOT)
    assert paths(trial) == ["checkpoint"]
    policy = parse_policy((trial.folder.path / "policy").read_bytes(), where="policy")
    assert check_checkpoint(trial.checkpoint, policy, where="c").checkpoint == trial.head


def test_statements_become_entries_tiles_and_a_checkpoint(trial: Trial) -> None:
    done = trial.append(register(1), withdraw(1))
    assert (done.indices, done.added, done.not_cosigned) == ((0, 1), 2, ())
    assert done.checkpoint == trial.checkpoint
    assert paths(trial) == ["checkpoint", "tile/0/000.p/2", "tile/entries/000.p/2"]
    done = trial.append(register(2))
    assert done.indices == (2,)
    assert trial.head.size == 3
    store = LogStore(trial.folder.store, read_only=True)
    leaf = parse_leaf(store.record(2), where="l")
    assert (leaf.statement, leaf.logged_at) == (register(2), AT + timedelta(seconds=2))
    assert [c.size for c in store.checkpoints()] == [0, 2, 3]
    store.close()


def test_partial_tiles_go_when_the_full_one_is_there(trial: Trial) -> None:
    trial.fill(200)
    trial.fill(56, 200)
    assert paths(trial) == [
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/000",
    ]


def test_each_checkpoint_continues_those_before(filled: Trial) -> None:
    store = LogStore(filled.folder.store, read_only=True)
    heads = [checkpoint_in(stored.note) for stored in store.checkpoints()]
    store.close()
    assert [head.size for head in heads] == [0, 200, 260, 300]
    nodes = TileReader(filled.reader, 300)
    for old in heads:
        proof = prove_consistency(old.size, 300, nodes)
        assert is_consistent(old.size, 300, old.root, heads[-1].root, proof)


def test_what_is_in_the_log_is_not_added_again(trial: Trial) -> None:
    first = trial.append(register(1), register(2))
    again = trial.append(register(2), register(3), register(3), register(1))
    assert (again.indices, again.added) == ((1, 2, 2, 0), 1)
    nothing = trial.append(register(1))
    assert (nothing.added, nothing.checkpoint) == (0, again.checkpoint)
    assert first.checkpoint != again.checkpoint
    assert trial.append().indices == ()


def test_a_log_goes_on_where_it_was_left(old: Trial) -> None:
    with old.writing() as writer:
        assert writer.size == 300
    done = old.fill(300, 300)
    assert done.indices[-1] == 599
    assert old.head.size == 600
    assert check_log(old.folder).findings == ()


def test_two_writers_are_one_too_many(trial: Trial) -> None:
    with (
        trial.writing(),
        pytest.raises(ConfigurationError, match="another process is changing it"),
        trial.writing(),
    ):
        pass
    with trial.writing() as writer:
        pass
    with pytest.raises(LogError, match="is not open for writing; open it again"):
        writer.append([], at=AT)


def test_a_clock_that_goes_back_is_refused(trial: Trial) -> None:
    with trial.writing() as writer:
        writer.append(trial.sign(register(1)), at=AT)
        # A clock that is being set may jump a little; time stands still meanwhile.
        writer.append(trial.sign(register(2)), at=AT - timedelta(seconds=5))
        with pytest.raises(LogError, match="the clock has gone back: it says 2026-05-01T11:59:54"):
            writer.append(trial.sign(register(3)), at=AT - timedelta(seconds=6))
        assert writer.append(trial.sign(register(3)), at=AT).indices == (2,)
    # Nor does a new process forget.
    with trial.writing() as writer, pytest.raises(LogError, match="the clock has gone back"):
        writer.append(trial.sign(register(4)), at=AT - timedelta(hours=1))
    store = LogStore(trial.folder.store, read_only=True)
    times = [parse_leaf(store.record(n), where="l").logged_at for n in range(3)]
    store.close()
    assert times == [AT, AT, AT]


def test_a_log_goes_on_after_a_clock_that_was_a_year_ahead(trial: Trial) -> None:
    """Its keeper says so, naming the time: none goes back, and nothing is shown sooner."""
    ahead = AT + timedelta(days=365)
    until = AT + timedelta(days=30)
    hidden = register(4).model_copy(update={"embargo_until": until})
    with trial.writing() as writer:
        writer.append(trial.sign(register(1)), at=ahead)
        with pytest.raises(LogError, match=rf"wrong-time \S+ --time {re.escape(str(ahead)[:10])}"):
            writer.append(trial.sign(register(2)), at=AT)
        for wrong in (AT, ahead - timedelta(seconds=1)):
            with pytest.raises(LogError, match="expected the last entry's time, 2027-05-01T12:00"):
                writer.stand_still(wrong, now=AT)
        with pytest.raises(LogError, match="has come; nothing to be done"):
            writer.stand_still(ahead, now=ahead)
        writer.stand_still(ahead, now=AT)
    with trial.writing() as writer:
        assert writer.append(trial.sign(register(2)), at=AT).indices == (1,)
        # By the clock it is under embargo, whatever the entry would say.
        with pytest.raises(LogError, match="statement 0: is under embargo until"):
            writer.append(trial.sign(hidden), at=AT)
        with pytest.raises(LogError, match="and it is 2026-05-01T12:00:00"):
            writer.append(trial.sign(register(5, at=until)), at=AT)
        writer.append(trial.sign(register(3)), at=ahead + timedelta(days=1))
        times = [writer.entry(n).logged_at for n in range(3)]
        assert times == [ahead, ahead, ahead + timedelta(days=1)]
        # Another time that is wrong has to be named anew.
        with pytest.raises(LogError, match="the clock has gone back"):
            writer.append(trial.sign(register(6)), at=AT)


def test_a_claim_from_the_future_is_refused(trial: Trial) -> None:
    with trial.writing() as writer:
        soon = trial.sign(register(1, at=AT + timedelta(minutes=5)))
        assert writer.append(soon, at=AT).added == 1
        late = trial.sign(register(2, at=AT + timedelta(minutes=6)))
        with pytest.raises(LogError, match="statement 0: is claimed for 2026-05-01T12:06:00"):
            writer.append(late, at=AT)


def test_a_batch_is_taken_whole_or_not_at_all(trial: Trial) -> None:
    good, other = trial.sign(register(1), register(2))
    forged = replace(other, statement=register(3))
    with trial.writing() as writer:
        with pytest.raises(LogError, match="statement 1: the agency's signature does not verify"):
            writer.append([good, forged], at=AT)
        assert writer.size == 0
        # A statement that was refused costs nothing: the log is still open.
        assert writer.append([good], at=AT).indices == (0,)
        with pytest.raises(LimitError, match=f"expected {MAX_BATCH} statements at most"):
            writer.append([good] * (MAX_BATCH + 1), at=AT)


def test_only_agencies_of_the_directory_are_taken(trial: Trial, agency: DevAgency) -> None:
    stranger = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    )
    options = {"agencies": agencies_of(agency)}
    assert trial.append(register(1), withdraw(1), **options).added == 2
    with pytest.raises(LogError, match="is of aurora-entertainment, not of another"):
        trial.append(register(2, agency="another"), **options)
    trial.signer = stranger.signer()
    with pytest.raises(LogError, match=r"statement 0: key \w+ is not one of aurora-entertainment"):
        trial.append(register(2), **options)


def test_a_reveal_needs_its_embargo(trial: Trial) -> None:
    hidden = register(7)
    trial.append(register(1), embargo(hidden, SALT, at=AT))
    for number, match in ((0, "what entry 0 did not put"), (9, "what entry 9 did not put")):
        with pytest.raises(LogError, match=match):
            trial.append(reveal(hidden, SALT, entry=number, at=AT))
    with pytest.raises(LogError, match="what entry 1 did not put under embargo"):
        trial.append(reveal(register(8), SALT, entry=1, at=AT))
    assert trial.append(reveal(hidden, SALT, entry=1, at=AT)).indices == (2,)


def test_another_key_than_the_logs_is_refused(trial: Trial) -> None:
    with pytest.raises(LogError, match=r"expected the key .* got"):
        LogWriter(trial.folder, note_key("other"))


@pytest.mark.parametrize("name", ["tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_missing_tile_stops_the_log(old: Trial, name: str) -> None:
    (old.folder.public / name).unlink()
    with pytest.raises(LogError, match=f"{name}: is missing; `provenance log fsck` says"):
        old.fill(1, 300)
    assert check_log(old.folder, repair=True).is_sound
    assert old.fill(1, 300).indices == (300,)


def test_a_changed_tile_stops_the_log(old: Trial) -> None:
    path = old.folder.public / "tile/1/000.p/1"
    path.write_bytes(bytes(32))
    with pytest.raises(LogError, match="refuses to sign: its tiles do not give the root of the"):
        old.fill(1, 300)


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """The store in the hands of somebody who takes the triggers away first."""
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {name}")
        yield db
        db.commit()


def test_entries_that_are_gone_stop_the_log(old: Trial) -> None:
    with tampering(old.folder.store) as db:
        db.execute("DELETE FROM entry WHERE leaf_index >= 299")
    with pytest.raises(LogError, match="has 299 entries, and 300 were signed; put the newest"):
        old.fill(1, 300)


def test_an_unsigned_entry_that_was_changed_stops_the_log(old: Trial) -> None:
    # As if the process had been killed just after its entries were committed.
    (leaf,) = old.sign(register(300))
    store = LogStore(old.folder.store)
    made = make_leaf(leaf, logged_at=old.at)
    store.add(300, [(made, hash_record(made.record))])
    store.close()
    with tampering(old.folder.store) as db:
        db.execute("UPDATE entry SET record = x'00' WHERE leaf_index = 300")
    with pytest.raises(LogError, match="entry 300"), old.writing():
        pass


def test_a_store_put_back_to_an_older_state_stops_the_log(old: Trial, tmp_path: Path) -> None:
    backup = tmp_path / "backup.sqlite"
    shutil.copy(old.folder.store, backup)
    old.fill(5, 300)
    for name in ("entries.sqlite", "entries.sqlite-wal", "entries.sqlite-shm"):
        (old.folder.path / name).unlink(missing_ok=True)
    shutil.copy(backup, old.folder.store)
    with pytest.raises(
        LogError, match=r"305 entries.* was published, and the store does not have it .* put back"
    ):
        old.fill(1, 300)


def test_a_log_put_back_as_a_whole_is_stopped_by_what_others_saw(
    filled: Trial, old: Trial, tmp_path: Path
) -> None:
    old.fill(5, 300)
    seen = old.checkpoint
    back = filled.copy(tmp_path / "back")
    with (
        pytest.raises(LogError, match=r"refuses to sign: .*300 entries.* does not continue .* 305"),
        back.writing(seen=[seen]),
    ):
        pass
    # Nor once it has grown past it with other entries.
    back.fill(6, 400)
    with (
        pytest.raises(LogError, match=r"refuses to sign: .*306 entries.* does not continue .* 305"),
        back.writing(seen=[seen]),
    ):
        pass
    with old.writing(seen=[filled.checkpoint, seen]) as writer:
        assert writer.size == 305


def test_a_forked_checkpoint_stops_the_log(old: Trial) -> None:
    other = replace(old.head, root=bytes(32))
    old.folder.checkpoint.write_bytes(sign_note(other.text, [old.key]).encoded)
    with pytest.raises(LogError, match="was published, and the store does not have it"):
        old.fill(1, 300)
    old.folder.checkpoint.write_bytes(sign_note(old.head.text, [note_key("thief")]).encoded)
    with pytest.raises(LogError, match="is not signed by a log of the policy"):
        old.fill(1, 300)
    old.folder.checkpoint.write_bytes(b"\xff")
    with pytest.raises(LogError, match="checkpoint: expected UTF-8"):
        old.fill(1, 300)


def test_a_tile_that_is_there_with_other_content_is_not_written_over(old: Trial) -> None:
    path = old.folder.public / Tile(0, 1, 45).path
    path.write_bytes(bytes(45 * 32))
    with pytest.raises(LogError, match="is there with other content"):
        old.fill(1, 300)
    assert path.read_bytes() == bytes(45 * 32)
    # The entry was committed; once the stray file is gone, it is signed.
    path.unlink()
    with old.writing() as writer:
        assert writer.size == 301


def test_a_published_copy_that_is_behind_is_brought_up_to_date(old: Trial) -> None:
    store = LogStore(old.folder.store, read_only=True)
    earlier = store.checkpoint(260)
    store.close()
    assert earlier is not None
    newest = old.checkpoint
    for state in (earlier.note, None):
        if state is None:
            old.folder.checkpoint.unlink()
        else:
            old.folder.checkpoint.write_bytes(state)
        with old.writing():
            pass
        assert old.checkpoint == newest


def test_a_full_disk_loses_nothing(trial: Trial) -> None:
    trial.fill(10)
    before = trial.checkpoint
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow: what a full disk does to every write, without filling one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ConfigurationError, match=r"cannot be (used|written)"):
            trial.fill(200, 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert trial.checkpoint == before
    assert trial.fill(200, 10).indices == tuple(range(10, 210))
    assert check_log(trial.folder).findings == ()


def fill_up(trial: Trial, writer: LogWriter) -> None:
    for start in range(3, 400, 40):
        statements = trial.sign(*(register(n) for n in range(start, start + 40)))
        writer.append(statements, at=AT + timedelta(seconds=start))


@pytest.mark.parametrize("limit", [40_000, 80_000, 120_000, 160_000])
def test_a_disk_that_fills_up_in_the_middle_loses_nothing(trial: Trial, limit: int) -> None:
    trial.fill(3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with trial.writing() as writer, pytest.raises(ConfigurationError, match="cannot be"):
            fill_up(trial, writer)
        # What failed half-way is not carried on in the same process.
        with pytest.raises(LogError, match="open it again"):
            writer.append([], at=AT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    trial.at += timedelta(hours=1)
    trial.fill(400)
    assert trial.head.size == 400
    assert check_log(trial.folder).findings == ()


def test_witnesses_sign_before_it_is_published(trial: Trial) -> None:
    witness, other = HonestWitness(), HonestWitness("witness.university.example")
    done = trial.append(register(1), witnesses=[witness, other])
    assert done.not_cosigned == ()
    names = [s.name for s in parse_note(trial.checkpoint, where="c").signatures]
    assert names == [ORIGIN, witness.cosigner.name, other.cosigner.name]
    text = trial.policy.text.replace("quorum none\n", "")
    text += f"witness w {witness.cosigner.key.text}\nquorum w\n"
    policy = parse_policy(text.encode(), where="p")
    assert check_checkpoint(trial.checkpoint, policy, where="c").witnesses == {"w": AT}
    # Opening the log again does not lose their signatures.
    with trial.writing():
        pass
    assert len(parse_note(trial.checkpoint, where="c").signatures) == 3


def test_a_witness_that_refuses_delays_nothing(trial: Trial) -> None:
    witness = HonestWitness()
    trial.append(register(1), witnesses=[witness])
    trial.append(register(2))
    done = trial.append(register(3), witnesses=[witness])
    assert done.not_cosigned == ("witness.fans.example/w1: has seen 1 entries, not this tree",)
    assert trial.head.size == 3


def test_a_folder_that_holds_something_is_no_new_log(tmp_path: Path, trial: Trial) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other").touch()
    with pytest.raises(LogError, match="expected a new or empty folder, got one with other"):
        create_log(tmp_path / "full", trial.key.key)
    with pytest.raises(LogError, match="expected a name without blanks"):
        create_log(tmp_path / "new", note_key(name="a b").key)
    with pytest.raises(LogError, match="expected a new or empty folder"):
        create_log(trial.folder.path, trial.key.key)
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match="file: cannot be written"):
        create_log(tmp_path / "file", trial.key.key)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ('{"origin":"a","key":"b","more":1}', "more: Extra inputs"),
        ('{"origin":"a","key":"b"}', "key: expected"),
        (f'{{"origin":"a","key":"{note_key().key.text}"}}', "expected an Ed25519 key named 'a'"),
    ],
)
def test_settings_that_are_none_are_refused(trial: Trial, text: str, message: str) -> None:
    (trial.folder.path / "log.json").write_text(text)
    with pytest.raises(LogError, match=message):
        LogFolder.open(trial.folder.path)


def test_another_folder_is_no_log(tmp_path: Path, trial: Trial) -> None:
    with pytest.raises(LogError, match="expected the folder of a log"):
        LogFolder.open(tmp_path)
    assert not is_log_folder(tmp_path)
    assert is_log_folder(trial.folder.path)
    assert LogFolder.open(trial.folder.path) == trial.folder
    assert trial.folder.origin == ORIGIN


def test_what_is_under_embargo_is_not_taken_in_plain(trial: Trial) -> None:
    """A log forgets nothing: what was meant as a commitment could not be taken back."""
    until = AT + timedelta(hours=1)
    hidden = register(1).model_copy(update={"embargo_until": until})
    with pytest.raises(LogError, match="statement 1: is under embargo until 2026-05-01T13:00:00"):
        trial.append(embargo(hidden, SALT, at=AT), hidden)
    assert trial.append(embargo(hidden, SALT, at=AT)).indices == (0,)
    assert trial.append(reveal(hidden, SALT, entry=0, at=AT)).indices == (1,)
    trial.at = until
    assert trial.append(hidden).indices == (2,)


def test_a_partial_tile_that_cannot_be_removed_stops_nothing(trial: Trial) -> None:
    """It does no harm: what is full begins with it."""
    trial.fill(200)
    (trial.folder.public / "tile/0/000.p/stray").mkdir()
    assert trial.fill(100, 200).added == 100
    assert check_log(trial.folder).is_sound
