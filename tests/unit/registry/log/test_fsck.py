from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.registry.log.errors import LogError
from provenance.registry.log.fsck import FsckFinding, FsckReport, check_log
from provenance.registry.log.leaf import make_leaf
from provenance.registry.log.merkle import hash_record
from provenance.registry.log.note import sign_note
from provenance.registry.log.store import LogStore
from tests.factory.release_log import Trial, note_key, register


def everything(trial: Trial) -> dict[str, bytes]:
    public = trial.folder.public
    return {
        p.relative_to(public).as_posix(): p.read_bytes() for p in public.rglob("*") if p.is_file()
    }


def spoil(path: Path, *statements: str) -> None:
    """Change the store as somebody does who takes the triggers away first."""
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_a_sound_log_is_sound(filled: Trial) -> None:
    assert check_log(filled.folder) == FsckReport(entries=300, signed=300, findings=())
    assert check_log(filled.folder).is_sound


def test_an_empty_log_is_sound(trial: Trial) -> None:
    assert check_log(trial.folder) == FsckReport(entries=0, signed=0, findings=())
    with trial.writing():
        pass
    assert check_log(trial.folder).is_sound


def remove_all_tiles(trial: Trial) -> None:
    shutil.rmtree(trial.folder.public / "tile")


def change_a_tile(trial: Trial) -> None:
    (trial.folder.public / "tile/0/000").write_bytes(bytes(8192))


def change_a_bundle(trial: Trial) -> None:
    path = trial.folder.public / "tile/entries/001.p/44"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def lengthen_a_tile(trial: Trial) -> None:
    with (trial.folder.public / "tile/1/000.p/1").open("ab") as stream:
        stream.write(bytes(32))


def leave_something(trial: Trial) -> None:
    (trial.folder.public / "tile/0/note.txt").write_text("?")


def leave_a_tile_of_another_tree(trial: Trial) -> None:
    (trial.folder.public / "tile/0/001.p/7").write_bytes(bytes(224))


def remove_the_checkpoint(trial: Trial) -> None:
    trial.folder.checkpoint.unlink()


def spoil_the_checkpoint(trial: Trial) -> None:
    trial.folder.checkpoint.write_bytes(trial.checkpoint[:-20])


def show_an_older_checkpoint(trial: Trial) -> None:
    store = LogStore(trial.folder.store, read_only=True)
    stored = store.checkpoint(260)
    store.close()
    assert stored is not None
    trial.folder.checkpoint.write_bytes(stored.note)


def forget_the_names(trial: Trial) -> None:
    spoil(trial.folder.store, "DELETE FROM named WHERE leaf_index > 200")


def invent_a_name(trial: Trial) -> None:
    spoil(trial.folder.store, "INSERT INTO named VALUES ('release', 'aurora/NOVA9-9999', 5)")


@pytest.mark.parametrize(
    ("damage", "message", "count"),
    [
        (remove_all_tiles, "tile/0/000: is missing", 7),
        (change_a_tile, "tile/0/000: is not what the entries give", 1),
        (change_a_bundle, "tile/entries/001.p/44: is not what the entries give", 1),
        (lengthen_a_tile, "more than the 32 bytes that are expected at most", 1),
        (leave_something, "tile/0/note.txt: does not belong to a log", 1),
        (leave_a_tile_of_another_tree, "tile/0/001.p/7: is not of this tree", 1),
        (remove_the_checkpoint, "checkpoint: is missing", 1),
        (spoil_the_checkpoint, "checkpoint: expected", 1),
        (show_an_older_checkpoint, "checkpoint: is of 260 entries, and 300 were signed", 1),
        (forget_the_names, "the names of entries are not those in the entries", 1),
        (invent_a_name, "the names of entries are not those in the entries", 1),
    ],
)
def test_what_follows_from_the_entries_is_made_again(
    old: Trial, damage: Callable[[Trial], None], message: str, count: int
) -> None:
    before = everything(old)
    damage(old)
    damaged = everything(old)
    report = check_log(old.folder)
    assert message in report.findings[0].what
    assert [(f.derived, f.repaired) for f in report.findings] == [(True, False)] * count
    assert not report.is_sound
    # Looking changes nothing.
    assert everything(old) == damaged
    report = check_log(old.folder, repair=True)
    assert [(f.derived, f.repaired) for f in report.findings] == [(True, True)] * count
    assert report.is_sound
    assert everything(old) == before
    assert check_log(old.folder).findings == ()
    assert old.fill(1, 300).indices == (300,)


def test_a_partial_tile_that_was_not_removed_in_time_is_no_fault(old: Trial) -> None:
    whole = (old.folder.public / "tile/0/000").read_bytes()
    path = old.folder.public / "tile/0/000.p/200"
    path.parent.mkdir()
    path.write_bytes(whole[: 200 * 32])
    assert check_log(old.folder).findings == ()
    path.write_bytes(bytes(200 * 32))
    (finding,) = check_log(old.folder, repair=True).findings
    assert finding.what == "tile/0/000.p/200: is not of this tree"
    assert not path.exists()


def test_an_entry_that_was_changed_is_named_and_left_alone(old: Trial) -> None:
    other = make_leaf(old.sign(register(999))[0], logged_at=old.at).record
    spoil(
        old.folder.store,
        f"UPDATE entry SET record = x'{other.hex()}' WHERE leaf_index = 77",
    )
    (old.folder.public / "tile/0/000").unlink()
    before = everything(old)
    report = check_log(old.folder, repair=True)
    assert report.findings == (
        FsckFinding(
            what="the entries up to 200 do not give the root that was signed for them: one of "
            "them was changed, or the log is forked",
            derived=False,
        ),
        *(replace(report.findings[0], what=f.what) for f in report.findings[1:3]),
        FsckFinding(
            what="entry 77: is not what its hash says: it was changed; tile/entries/000 still has "
            "it as it was",
            derived=False,
        ),
    )
    assert not report.is_sound
    # From such entries nothing is made, not even what is missing.
    assert everything(old) == before


def test_an_entry_that_was_changed_with_its_hash_is_found_by_the_signed_root(old: Trial) -> None:
    other = make_leaf(old.sign(register(999))[0], logged_at=old.at).record
    spoil(
        old.folder.store,
        f"UPDATE entry SET record = x'{other.hex()}', leaf_hash = x'{hash_record(other).hex()}' "
        "WHERE leaf_index = 270",
    )
    report = check_log(old.folder, repair=True)
    (finding,) = report.findings
    assert finding.what.startswith("the entries up to 300 do not give the root that was signed")
    assert not finding.derived


def test_an_entry_that_is_gone_is_named(old: Trial) -> None:
    spoil(old.folder.store, "DELETE FROM entry WHERE leaf_index = 100")
    report = check_log(old.folder, repair=True)
    assert [f.what for f in report.findings] == ["entry 100: is missing from the store"]


def test_entries_that_are_gone_from_the_end_are_missed(old: Trial) -> None:
    spoil(old.folder.store, "DELETE FROM entry WHERE leaf_index >= 280")
    report = check_log(old.folder, repair=True)
    assert "stored checkpoint 300: was signed, and the store has 280 entries only" in {
        f.what for f in report.findings
    }
    assert not report.is_sound


def test_a_checkpoint_of_another_key_is_named(old: Trial) -> None:
    note = sign_note(old.head.text, [note_key("thief")]).encoded
    spoil(old.folder.store, f"UPDATE checkpoint SET note = x'{note.hex()}' WHERE size = 260")
    report = check_log(old.folder, repair=True)
    (finding,) = report.findings
    assert "stored checkpoint 260: is not signed by a log of the policy" in finding.what


def test_a_checkpoint_under_another_size_is_named(old: Trial) -> None:
    spoil(old.folder.store, "UPDATE checkpoint SET size = 270 WHERE size = 260")
    (finding,) = check_log(old.folder).findings
    assert finding.what == "stored checkpoint 270: is of size 260"


def test_a_forked_checkpoint_is_not_replaced(old: Trial) -> None:
    forked = sign_note(replace(old.head, root=bytes(32)).text, [old.key]).encoded
    old.folder.checkpoint.write_bytes(forked)
    (finding,) = check_log(old.folder, repair=True).findings
    assert "the store was put back, or the log is forked" in finding.what
    assert not finding.derived
    assert old.checkpoint == forked


def test_what_a_store_that_was_put_back_has_lost_is_kept(old: Trial, tmp_path: Path) -> None:
    """The bundles of the entries it lacks are the last copy of them."""
    back = old.copy(tmp_path / "back")
    old.fill(300, 300)
    shutil.rmtree(back.folder.public)
    shutil.copytree(old.folder.public, back.folder.public)
    before = everything(back)
    report = check_log(back.folder, repair=True)
    assert [finding.derived for finding in report.findings] == [False, False]
    assert "tile/0/001: is over 512 entries, and the store has 300" in report.findings[0].what
    assert "the store was put back, or the log is forked" in report.findings[1].what
    assert not report.is_sound
    assert everything(back) == before
    # Nor does an older checkpoint take the place of one that is gone.
    back.folder.checkpoint.unlink()
    assert not check_log(back.folder, repair=True).is_sound
    assert not back.folder.checkpoint.exists()
    back.folder.checkpoint.write_bytes(old.checkpoint)
    # With the newest store in place, nothing was ever wrong.
    shutil.copy(old.folder.store, back.folder.store)
    assert check_log(back.folder, repair=True).findings == ()


def test_a_checkpoint_that_nobody_remembers_is_named(trial: Trial) -> None:
    with trial.writing():
        pass
    spoil(trial.folder.store, "DELETE FROM checkpoint")
    (finding,) = check_log(trial.folder, repair=True).findings
    assert "was published, and the store has signed nothing" in finding.what


def test_entries_that_wait_for_a_signature_are_no_fault(old: Trial) -> None:
    leaf = make_leaf(old.sign(register(300))[0], logged_at=old.at)
    store = LogStore(old.folder.store)
    store.add(300, [(leaf, hash_record(leaf.record))])
    store.close()
    assert check_log(old.folder) == FsckReport(entries=301, signed=300, findings=())
    spoil(old.folder.store, "UPDATE entry SET leaf_hash = zeroblob(32) WHERE leaf_index = 300")
    (finding,) = check_log(old.folder).findings
    assert finding.what == "entry 300: is not what its hash says: it was changed"


def test_an_entry_that_is_none_is_named(old: Trial) -> None:
    spoil(
        old.folder.store,
        f"INSERT INTO entry VALUES (300, x'7b7d', x'{hash_record(b'{}').hex()}', randomblob(32))",
    )
    (finding,) = check_log(old.folder).findings
    assert finding.what == "entry 300: cose: Field required"


def test_a_forged_entry_in_a_log_that_signed_it_is_named(trial: Trial) -> None:
    # The log's keeper has the key: what he cannot make is the agency's signature.
    good, other = trial.sign(register(1), register(2))
    forged = make_leaf(replace(good, statement=other.statement), logged_at=trial.at)
    store = LogStore(trial.folder.store)
    store.add(0, [(forged, hash_record(forged.record))])
    store.close()
    with trial.writing() as writer:
        assert writer.size == 1
    (finding,) = check_log(trial.folder).findings
    assert finding.what == "entry 0: the agency's signature does not verify"


def test_a_log_that_is_being_written_is_left_alone(trial: Trial) -> None:
    with (
        trial.writing(),
        pytest.raises(ConfigurationError, match="another process is changing it"),
    ):
        check_log(trial.folder)


def test_a_store_that_cannot_be_read_is_said_to_be_damaged(old: Trial) -> None:
    data = bytearray(old.folder.store.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    old.folder.store.write_bytes(data)
    with pytest.raises(LogError, match=r"entries\.sqlite: (is damaged|cannot be used)"):
        check_log(old.folder)
