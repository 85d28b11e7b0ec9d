"""What was edited behind the register's back is named; what follows is made again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from provenance.database import migrations
from provenance.errors import RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.leaf import Leaf, make_leaf, reveal, sign_statement
from provenance.registry.log.statement import Register as Statement
from provenance.registry.register.fsck import LogEntries, RegisterReport, check_register
from provenance.registry.register.moments import to_seconds
from provenance.registry.register.register import Register
from provenance.registry.register.schema import (
    BINDING,
    CHANGE,
    COUNTER,
    FILE,
    FINGERPRINT,
    LOG_PLACE,
    MANIFEST,
    REFERENCE,
)
from provenance.registry.register.stating import state_reveal
from provenance.signing.dev_agency import create_dev_agency
from tests.factory.registers import AGENCY, AT, ISCC, Desk, digest_of, stated_file

HOUR = AT + timedelta(hours=1)
UNTIL = AT + timedelta(days=7)
DIGEST = digest_of("a")


@pytest.fixture
def full(register: Register, desk: Desk, store: tuple[str, bytes]) -> Register:
    register.take(desk.release("NOVA9-1", stated_file("a", store=store, iscc=ISCC)), at=HOUR)
    register.take(desk.release("NOVA9-2", embargo_until=UNTIL), at=HOUR)
    register.take([desk.withdraw("NOVA9-1")], at=HOUR)
    register.ledger.place("log", [(1, 0), (2, 1), (3, 2)], logged_at=HOUR)
    return register


def look(register: Register, agencies: AgencyChecker, **options: Any) -> RegisterReport:
    return check_register(register.database, agencies=agencies, **options)


def state_of(register: Register) -> list[tuple[Any, ...]]:
    with register.database.reading() as connection:
        tables = (CHANGE, FILE, BINDING, MANIFEST, COUNTER)
        return [
            tuple(row)
            for table in tables
            for row in connection.execute(table.select().order_by(*table.primary_key.columns))
        ]


def change(register: Register, *statements: Any) -> None:
    with register.database.writing() as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_register_that_is_as_signed_is_sound(full: Register, agencies: AgencyChecker) -> None:
    report = look(full, agencies)
    assert (report.changes, report.findings, report.is_sound) == (3, (), True)


OF_A = FILE.c.sha256 == DIGEST
DERIVED = {
    "the time of a change": (update(CHANGE).where(CHANGE.c.seq == 3).values(counts_from=1), "ch"),
    "the type of a change": (update(CHANGE).where(CHANGE.c.seq == 3).values(type="x"), "type"),
    "an embargo": (update(FILE).where(FILE.c.seq == 2).values(visible_from=0), "visible_from"),
    "a file": (update(FILE).where(OF_A).values(sha256="00" * 32), "is stated and not there"),
    "a media type": (update(FILE).where(OF_A).values(media_type="a/b"), "media_type"),
    "a rendition": (update(FILE).where(OF_A).values(rendition_of="b"), "rendition_of"),
    "a binding": (delete(BINDING), "follows from a statement and is not there"),
    "a label": (update(MANIFEST).values(label="other"), "its label is urn:"),
    "the counter": (update(COUNTER).values(value=1), "the counter says 1"),
}


@pytest.mark.parametrize("what", DERIVED)
def test_what_follows_from_statements_is_made_again(
    full: Register, agencies: AgencyChecker, what: str
) -> None:
    statement, says = DERIVED[what]
    before = state_of(full)
    change(full, statement)
    edited = state_of(full)
    report = look(full, agencies)
    assert any(says in finding.what for finding in report.findings)
    assert all(finding.derived and not finding.repaired for finding in report.findings)
    assert state_of(full) == edited
    report = look(full, agencies, repair=True)
    assert report.is_sound
    assert all(finding.repaired for finding in report.findings)
    assert look(full, agencies).findings == ()
    if what not in {"a file", "a binding"}:
        assert state_of(full) == before


def test_files_are_made_again_where_none_is_left(full: Register, agencies: AgencyChecker) -> None:
    change(full, delete(REFERENCE), delete(FINGERPRINT), delete(FILE))
    assert look(full, agencies, repair=True).is_sound
    assert look(full, agencies).findings == ()
    (file,) = full.view(clock=lambda: HOUR).files(DIGEST, at=HOUR)
    assert file.release.state == "withdrawn"


@pytest.mark.parametrize(
    "lost", [delete(FILE).where(OF_A), update(FILE).where(OF_A).values(manifest_sha256=None)]
)
def test_a_manifest_that_is_gone_is_named_and_the_rest_is_made_again(
    full: Register, agencies: AgencyChecker, lost: Any
) -> None:
    change(full, delete(REFERENCE), delete(FINGERPRINT), delete(BINDING), lost, delete(MANIFEST))
    change(full, update(COUNTER).values(value=1))
    report = look(full, agencies, repair=True)
    assert [finding.repaired for finding in report.findings] == [False, True]
    assert "is stated and not there: a backup has it" in report.findings[0].what
    assert not report.is_sound
    assert [finding.what for finding in look(full, agencies).findings] == [report.findings[0].what]


@pytest.mark.parametrize("forged", ["signature", "another release", None])
def test_no_repair_ends_an_embargo_that_its_agency_did_not(
    full: Register, desk: Desk, agencies: AgencyChecker, forged: str | None
) -> None:
    (placed,) = full.ledger.committed("log", AGENCY, "NOVA9-2")
    now = desk.later()
    told = state_reveal(placed, at=now, signer=desk.signer).signed
    if forged == "another release":
        statement = placed.signed.statement
        assert isinstance(statement, Statement)
        other = statement.model_copy(update={"release": "NOVA9-1"})
        told = sign_statement(reveal(other, placed.salt, entry=1, at=now), desk.signer)
    encoded = told.encoded
    if forged == "signature":
        cose = told.document["cose"]
        changed = cose[:-8] + ("AAAAAAA" if cose[-8:-1] != "AAAAAAA" else "BBBBBBB") + cose[-1]
        encoded = encoded.replace(cose.encode(), changed.encode())
    row = {
        "seq": 4, "digest": told.digest, "encoded": encoded, "taken_at": to_seconds(now),
        "release_id": 2, "type": "reveal", "claimed_at": to_seconds(now),
        "counts_from": to_seconds(now), "embargo_until": None,
    }  # fmt: skip
    change(full, insert(CHANGE).values(row), update(COUNTER).values(value=4))
    look(full, agencies, repair=True)
    shown = full.view(clock=lambda: now).release(AGENCY, "NOVA9-2", at=now)
    assert (shown is not None) is (forged is None)


def test_a_file_that_nobody_stated_goes(full: Register, agencies: AgencyChecker) -> None:
    values = {
        "id": 99, "seq": 1, "release_id": 1, "sha256": "11" * 32, "media_type": "image/png",
        "counts_from": 0, "visible_from": 0, "title": "{}", "channels": "[]",
    }  # fmt: skip
    change(full, insert(FILE).values(**values))
    view = full.view(clock=lambda: HOUR)
    assert view.files("11" * 32, at=HOUR)
    report = look(full, agencies, repair=True)
    assert [finding.what for finding in report.findings] == [
        f"change 1: file {'11' * 32} is there and was never stated"
    ]
    assert view.files("11" * 32, at=HOUR) == ()


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a statement": (
        lambda row: update(CHANGE).values(encoded=row.encoded.replace(b"NOVA9-1", b"NOVA9-7")),
        "signature: ",
    ),
    "half a statement": (
        lambda row: update(CHANGE).values(encoded=row.encoded[:-9]),
        "the statement was edited or is damaged",
    ),
    "another release": (
        lambda _: update(CHANGE).values(release_id=2),
        f"expected a change to {AGENCY}/NOVA9-1, got one to {AGENCY}/NOVA9-2",
    ),
    "a manifest": (lambda _: update(MANIFEST).values(store=b"x"), "was edited or is damaged"),
    "codes": (lambda _: update(FINGERPRINT).values(codes=b"x"), "codes"),
    "a salt": (lambda _: update(CHANGE).values(salt=bytes(32)), "salt and commitment"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_agencies_signed_is_never_repaired(
    full: Register, agencies: AgencyChecker, what: str
) -> None:
    make, says = WRONG[what]
    with full.database.reading() as connection:
        row = connection.execute(CHANGE.select().where(CHANGE.c.seq == 1)).one()
    statement = make(row)
    if statement.table is CHANGE:
        statement = statement.where(CHANGE.c.seq == 1)
    change(full, statement)
    edited = state_of(full)
    report = look(full, agencies, repair=True)
    assert not report.is_sound
    wrong = [finding for finding in report.findings if not finding.derived]
    assert any(says in finding.what for finding in wrong)
    if what != "a statement":
        assert state_of(full)[0] == edited[0]


def test_a_log_is_held_against_it(full: Register, agencies: AgencyChecker) -> None:
    entries: dict[int, Leaf] = {
        waiting.number - 1: make_leaf(waiting.signed, logged_at=HOUR)
        for waiting in full.ledger.waiting("another log")
    }
    logs = {"log": LogEntries(size=3, entry=entries.get)}
    assert look(full, agencies, logs=logs).findings == ()
    swapped = {**entries, 0: entries[2]}
    (finding,) = look(full, agencies, logs={"log": LogEntries(size=3, entry=swapped.get)}).findings
    assert finding.what == "change 1: entry 0 of log is another statement"
    del entries[1]
    (finding,) = look(full, agencies, logs=logs).findings
    assert finding.what == "change 2: entry 1 of log is missing in the log"
    change(full, update(LOG_PLACE).where(LOG_PLACE.c.seq == 1).values(logged_at=5))
    report = look(full, agencies, logs=logs, repair=True)
    assert [f.repaired for f in report.findings] == [True, False]


def test_what_the_log_holds_and_an_older_register_has_lost_is_named(
    register: Register, agencies: AgencyChecker, desk: Desk
) -> None:
    first = desk.release("NOVA9-1")
    register.take(first, at=HOUR)
    register.ledger.place("log", [(1, 0)], logged_at=HOUR)
    # The register is as it was before these; the log has gone on.
    lost = [desk.withdraw("NOVA9-1"), desk.supersede("NOVA9-1", "NOVA9-2")]
    taken = [*first, *lost, *desk.release("NOVA9-3", stated_file("z"))]
    # Another agency's, and one that the log's keeper wrote in this agency's name.
    taken += [Desk(desk.signer, agency="another").withdraw("NOVA9-1")]
    keeper = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    )
    taken += [Desk(keeper.signer()).withdraw("NOVA9-1")]
    leaves = {number: make_leaf(one.signed, logged_at=HOUR) for number, one in enumerate(taken)}

    def names(size: int) -> list[str]:
        log = LogEntries(size=size, entry=leaves.get)
        return [f.what for f in look(register, agencies, logs={"log": log}).findings]

    assert names(1) == []
    assert names(len(taken)) == [
        f"entry 1 of log: withdraw {AGENCY}/NOVA9-1 is not in the register",
        f"entry 2 of log: supersede {AGENCY}/NOVA9-1 is not in the register",
        f"entry 3 of log: register {AGENCY}/NOVA9-3 is not in the register",
    ]
    # Stated again, at another time and so in other words.
    register.take([desk.withdraw("NOVA9-1")], at=HOUR)
    assert names(len(taken)) == [
        f"entry 3 of log: register {AGENCY}/NOVA9-3 is not in the register"
    ]


@pytest.fixture
def sqlite_register(tmp_path: Path, desk: Desk) -> Path:
    path = tmp_path / "register.db"
    with Register(path) as register:
        register.take(desk.release("NOVA9-1"), at=HOUR)
    return path


def test_a_register_of_a_later_version_is_left_alone(sqlite_register: Path) -> None:
    with closing(sqlite3.connect(sqlite_register)) as db, db:
        db.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(RegisterError, match="was made by a later version of this program"):
        Register(sqlite_register)
    with pytest.raises(
        RegisterError, match=f"expected a register of version {migrations.HEAD}, got 9999"
    ):
        Register(sqlite_register, read_only=True)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE mine (x)")
    marked = tmp_path / "marked.db"
    with closing(sqlite3.connect(marked)) as db, db:
        db.execute("PRAGMA application_id = 7")
        db.execute("CREATE TABLE mine (x)")
    for path in (text, other, marked):
        before = path.read_bytes()
        with pytest.raises(RegisterError, match="expected a register, got another"):
            Register(path)
        assert path.read_bytes() == before
    with pytest.raises(RegisterError, match="there is no register here"):
        Register(tmp_path / "none.db", read_only=True)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(RegisterError, match="cannot be read: not a directory"):
        Register(text / "register.db")


def damage_header(data: bytearray) -> None:
    data[100:4000] = os.urandom(3900)


def damage_middle(data: bytearray) -> None:
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 100] = bytes(100)


def cut(data: bytearray) -> None:
    del data[len(data) // 2 :]


@pytest.mark.parametrize("damage", [damage_header, damage_middle, cut])
def test_a_damaged_database_is_a_clear_error(
    sqlite_register: Path, agencies: AgencyChecker, damage: Callable[[bytearray], None]
) -> None:
    data = bytearray(sqlite_register.read_bytes())
    damage(data)
    sqlite_register.write_bytes(data)
    said = ""
    try:
        with Register(sqlite_register, read_only=True) as register:
            report = look(register, agencies)
            assert not report.is_sound
            said = report.findings[0].what
    except RegisterError as error:
        said = str(error)
    assert "damaged" in said or "cannot be used" in said


def test_a_new_register_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "register.db"
    with Register(path):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("postgresql://keeper:hunter2@127.0.0.1:1/register", "postgresql://127.0.0.1/register"),
        ("postgresql://h:1/register?password=hunter2&host=127.0.0.1&port=1", "postgresql://"),
        ("postgresql://keeper:hunter2@[::1", "expected a path or a URL that can be read"),
        ("mysql://keeper:hunter2@db/register", "expected postgresql:// or a path, got mysql"),
    ],
)
def test_a_password_is_in_no_message(place: str, says: str) -> None:
    with pytest.raises(RegisterError, match=says.replace("?", ".")) as caught:
        Register(place)
    shown = str(caught.value)
    assert "hunter2" not in shown
