from __future__ import annotations

import base64
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest

from provenance.database.migrations import VERSION_TABLE
from provenance.errors import ConfigurationError, RegisterError
from provenance.fingerprints.model import Algorithm
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.backup import backup_register, restore_register
from provenance.registry.register.exporting import export_register
from provenance.registry.register.fsck import check_register
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register
from provenance.registry.register.transfer_lines import MAX_LINE_BYTES, parse_line
from provenance.registry.search.projection import SearchProjection
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import parse_directory
from tests.factory.earlier_databases import EARLIER, fill_earlier
from tests.factory.registers import AGENCY, AT, ISCC, Desk, digest_of, stated_file

NOW = AT + timedelta(days=1)
HOUR = AT + timedelta(hours=1)


def exported(register: Register) -> bytes:
    stream = io.BytesIO()
    export_register(register.database, stream)
    return stream.getvalue()


def take_in(register: Register, data: bytes, *, believe_times: bool = False) -> tuple[int, int]:
    done = import_register(register, io.BytesIO(data), now=NOW, believe_times=believe_times)
    return done.changes, done.added


def fill(
    register: Register, desk: Desk, store: tuple[str, bytes], other_store: tuple[str, bytes]
) -> None:
    """Something of everything."""
    files = (stated_file("a", store=store, iscc=ISCC), stated_file("b", rendition_of="a"))
    register.take(desk.release("NOVA9-1", *files), at=HOUR)
    register.take(desk.release("NOVA9-2", stated_file("c", store=store)), at=HOUR)
    hidden = desk.release("NOVA9-3", embargo_until=NOW + timedelta(days=1))
    register.take([*hidden, *desk.release("NOVA9-4")], at=HOUR)
    register.take([desk.supersede("NOVA9-1", "NOVA9-2"), desk.withdraw("NOVA9-2")], at=HOUR)
    register.ledger.place("log", [(1, 0), (2, 1)], logged_at=HOUR)
    own = register.bindings(AGENCY, clock=lambda: NOW)
    own.bind("com.example.watermark", "17", own.store(other_store[1]).sha256)
    register.codes.add_negative([(Algorithm.PDQ, bytes(32))], why="black frame")


@pytest.fixture
def full(
    register: Register, desk: Desk, store: tuple[str, bytes], other_store: tuple[str, bytes]
) -> Register:
    fill(register, desk, store, other_store)
    return register


def test_what_is_exported_comes_back_the_same(
    full: Register, opened: Callable[..., Register]
) -> None:
    data = exported(full)
    assert exported(full) == data
    other = opened("other")
    assert take_in(other, data, believe_times=True) == (6, 6)
    assert exported(other) == data
    assert take_in(other, data, believe_times=True) == (6, 0)
    assert exported(other) == data
    (file,) = other.view(clock=lambda: NOW).files(digest_of("a"), at=NOW)
    assert file.release.log is not None
    assert (file.release.state, file.release.log.entry) == ("superseded", 0)
    assert other.view(clock=lambda: NOW).release(AGENCY, "NOVA9-3", at=NOW) is None
    assert check_register(other.database, agencies=AgencyChecker(None)).findings == ()


def test_times_are_not_believed_unless_told(
    full: Register, opened: Callable[..., Register], agency: DevAgency
) -> None:
    """A key that is disowned by now could have made an export of any time."""
    entry = agency.directory_entry()
    entry["agencies"][0]["anchors"][0]["compromised_since"] = "2026-05-01T18:00:00Z"
    document = json.dumps(entry).encode()
    later = AgencyChecker(parse_directory(document, where="sample", source="sample"))
    data = exported(full)
    with pytest.raises(RegisterError, match="is not one of aurora-entertainment: key-disowned"):
        take_in(opened("wary", agencies=later), data)
    assert take_in(opened("trusting", agencies=later), data, believe_times=True) == (6, 6)


def test_an_export_that_breaks_off_leaves_what_came_before(
    full: Register, opened: Callable[..., Register]
) -> None:
    lines = exported(full).splitlines(keepends=True)
    change = [n for n, line in enumerate(lines) if line.startswith(b'{"change"')]
    other = opened("other")
    cut = b"".join(lines[: change[2]]) + lines[change[2]][:50]
    with pytest.raises(RegisterError, match="the export breaks off here; what came before"):
        take_in(other, cut)
    assert other.size == 2
    assert take_in(other, b"".join(lines)) == (6, 4)


def edited(data: bytes, kind: str, edit: Callable[[dict[str, Any]], None]) -> bytes:
    lines = data.splitlines()
    for number, line in enumerate(lines):
        document = json.loads(line)
        if kind in document:
            edit(document[kind])
            lines[number] = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
            break
    return b"\n".join(lines) + b"\n"


def codes_at(at_ms: object) -> str:
    """One code of sound that begins there, as an export has it."""
    rows = [["chroma", bytes(32), b"\x64", ["whole"], [0], [at_ms]]]
    return base64.b64encode(cbor2.dumps(rows)).decode()


@pytest.mark.parametrize("at_ms", [None, 0, 2**31 - 1])
def test_a_code_of_a_moment_that_a_search_can_keep_is_taken(
    full: Register, opened: Callable[..., Register], at_ms: object
) -> None:
    other = opened("other")
    take_in(other, edited(exported(full), "file", lambda f: f.update(codes=codes_at(at_ms))))
    SearchProjection(other.codes).update()


@pytest.mark.parametrize(
    ("kind", "edit", "why"),
    [
        ("change", lambda c: c["signed"]["statement"].update(release="NOVA9-7"), "signature: "),
        ("change", lambda c: c["signed"].update(cose="AAAA"), "line 7"),
        ("manifest", lambda m: m.update(store="AAAA"), "the manifest is not the one of"),
        ("manifest", lambda m: m.update(store="!"), "line 2: store"),
        ("file", lambda f: f.update(codes="AAAA"), "line 7: codes"),
        ("file", lambda f: f.update(codes=codes_at(2**31)), "line 7: codes that mean nothing"),
        ("file", lambda f: f.update(codes=codes_at(-5)), "line 7: codes that mean nothing"),
        ("file", lambda f: f.update(codes=codes_at("x")), "line 7: codes that mean nothing"),
        ("negative", lambda n: n.update(algorithm="guess"), "unknown algorithm 'guess'"),
        ("negative", lambda n: n.update(bits="AAAA"), "expected 32 bytes, got 3"),
        ("binding", lambda b: b.update(manifest_sha256="0" * 64), "there is no manifest 000"),
        ("end", lambda e: e.update(changes=7), "expected 7 changes, got 6"),
        ("register", lambda r: r.update(v=2), "line 1: v"),
    ],
)
def test_an_edited_export_is_refused(
    full: Register,
    opened: Callable[..., Register],
    kind: str,
    edit: Callable[[dict[str, Any]], None],
    why: str,
) -> None:
    """The twin, the export as it was written, is taken."""
    data = exported(full)
    with pytest.raises(RegisterError, match=why):
        take_in(opened("other"), edited(data, kind, edit))
    assert take_in(opened("twin"), data) == (6, 6)


def test_a_time_to_come_is_not_believed(
    full: Register, opened: Callable[..., Register], agency_signer: MemorySigner
) -> None:
    """It would turn every change away until then, or for ever."""
    near = int((NOW + timedelta(days=900)).timestamp())
    for name, edit in {
        "far": lambda c: c.update(taken_at=2**52),
        "near": lambda c: c.update(taken_at=near),
    }.items():
        other = opened(name)
        data = edited(exported(full), "change", edit)
        assert take_in(other, data, believe_times=True) == (6, 6)
        late = Desk(agency_signer, at=NOW)
        other.take(late.release("NOVA9-9"), at=NOW + timedelta(hours=1))
    data = edited(exported(full), "change", lambda c: c["places"][0].update(logged_at=2**52))
    with pytest.raises(RegisterError, match=r"line \d+: places\.0\.logged_at"):
        take_in(opened("log"), data, believe_times=True)


def test_where_a_log_has_it_is_believed_with_the_times_alone(
    full: Register, opened: Callable[..., Register]
) -> None:
    """Nobody signed it, and it is shown as when a release was first stated."""
    data = edited(exported(full), "change", lambda c: c["places"][0].update(logged_at=0))
    wary, trusting = opened("wary"), opened("trusting")
    assert take_in(wary, data) == take_in(trusting, data, believe_times=True) == (6, 6)
    for register, logged in ((wary, None), (trusting, 1970)):
        (file,) = register.view(clock=lambda: NOW).files(digest_of("a"), at=NOW)
        log = file.release.log
        assert (None if log is None else log.logged_at.year) == logged
    # A log that is given what it lacks tells where it has it.
    assert wary.ledger.waiting("log")[0].number == 1


def code(**parts: object) -> str:
    """Codes of one picture, with these columns instead."""
    whole = {
        "algorithm": "pdq-frame",
        "bits": bytes(32),
        "qualities": b"\x50",
        "names": ["whole"],
        "views": [0],
        "at_ms": [1000],
    } | parts
    return base64.b64encode(cbor2.dumps([list(whole.values())])).decode()


@pytest.mark.parametrize(
    "parts",
    [
        {"qualities": b"\xff"},
        {"qualities": "P"},
        {"qualities": [80]},
        {"qualities": ["P"]},
        {"names": [7]},
        {"names": [["whole"]]},
        {"at_ms": ["soon"]},
        {"at_ms": [-1]},
        {"at_ms": [2**53]},
        {"at_ms": [0.5]},
    ],
)
def test_codes_that_mean_nothing_are_refused(
    full: Register, opened: Callable[..., Register], parts: dict[str, object]
) -> None:
    """Whoever searches has all of them in memory: one would stop every search."""
    with pytest.raises(RegisterError, match=r"line \d+: codes"):
        take_in(
            opened("other"), edited(exported(full), "file", lambda f: f.update(codes=code(**parts)))
        )
    twin = edited(exported(full), "file", lambda f: f.update(codes=code()))
    assert take_in(opened("twin"), twin) == (6, 6)


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"change":1}', b'{"what":{}}', b"\xff", b"[" * 9_999]
)
def test_a_line_of_something_else_is_refused(line: bytes) -> None:
    with pytest.raises(RegisterError, match=r"^line 1: "):
        parse_line(line, where="line 1")
    assert MAX_LINE_BYTES > 64 * 1024**2 * 4 // 3


def test_lines_in_another_order_are_refused(register: Register) -> None:
    start, end = b'{"register":{"v":1}}\n', b'{"end":{"changes":0}}\n'
    assert take_in(register, start + end) == (0, 0)
    for data in (end, start + start + end, start + end + start, end + start):
        with pytest.raises(RegisterError, match="expected another line here"):
            take_in(register, data)
    with pytest.raises(RegisterError, match="export: the export breaks off here"):
        take_in(register, b"")


def test_a_backup_is_restored(
    full: Register,
    places: Callable[[str], str],
    tmp_path: Path,
    agencies: AgencyChecker,
    agency_signer: MemorySigner,
) -> None:
    backup = tmp_path / "register.backup"
    backup_register(full.database, backup)
    assert backup.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="exists already"):
        backup_register(full.database, backup)
    place = places("restored") if full.database.path is None else tmp_path / "restored.db"
    assert restore_register(backup, place, agencies=agencies, now=NOW) == 6
    with Register(place, agencies=agencies) as restored:
        assert exported(restored) == exported(full)
        # It goes on from there.
        desk = Desk(agency_signer, at=NOW)
        restored.take(desk.release("NOVA9-9"), at=NOW + timedelta(hours=1))
    with pytest.raises((RegisterError, ConfigurationError), match=r"empty register|exists already"):
        restore_register(backup, place, agencies=agencies, now=NOW)


def test_an_export_is_restored_into_sqlite_whatever_made_it(
    full: Register, tmp_path: Path, agencies: AgencyChecker
) -> None:
    path = tmp_path / "export.jsonl"
    path.write_bytes(exported(full))
    assert restore_register(path, tmp_path / "new.db", agencies=agencies, now=NOW) == 6
    with Register(tmp_path / "new.db") as restored:
        assert exported(restored) == path.read_bytes()


def test_nothing_is_restored_beside_the_journal_of_another_database(
    empty_sqlite: Path, tmp_path: Path, agencies: AgencyChecker, desk: Desk
) -> None:
    """SQLite would play what a killed process left behind into the restored register."""
    source, place = tmp_path / "register.db", tmp_path / "killed.db"
    shutil.copy(empty_sqlite, source)
    with Register(source) as register:
        register.take(desk.release("NOVA9-1"), at=HOUR)
        backup_register(register.database, tmp_path / "backup")
        (tmp_path / "export").write_bytes(exported(register))
        register.take([desk.plain(f"NOVA9-{number}") for number in range(2, 900)], at=HOUR)
        left = tmp_path / "killed.db-wal"
        shutil.copy(tmp_path / "register.db-wal", left)
    for file in ("backup", "export"):
        with pytest.raises(RegisterError, match=r"killed\.db-wal: is left of another database"):
            restore_register(tmp_path / file, place, agencies=agencies, now=NOW)
        assert not place.exists()
    left.rename(tmp_path / "aside")
    assert restore_register(tmp_path / "backup", place, agencies=agencies, now=NOW) == 1
    with Register(place) as restored:
        assert (restored.size, restored.database.integrity()) == (1, None)


@pytest.mark.parametrize("step", EARLIER)
def test_a_backup_outlives_the_version_that_made_it(
    tmp_path: Path, agencies: AgencyChecker, step: str
) -> None:
    backup, place = tmp_path / "register.backup", tmp_path / "new.db"
    fill_earlier(step, f"sqlite:///{backup}")
    before = backup.read_bytes()
    assert restore_register(backup, place, agencies=agencies, now=NOW) == 1
    assert backup.read_bytes() == before
    # One of a version to come is not understood, and gets no name.
    with closing(sqlite3.connect(backup)) as db:
        db.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        db.commit()
    with pytest.raises(RegisterError, match="later version"):
        restore_register(backup, tmp_path / "later.db", agencies=agencies, now=NOW)
    assert not (tmp_path / "later.db").exists()


def test_a_damaged_backup_gets_no_name(
    empty_sqlite: Path, tmp_path: Path, agencies: AgencyChecker, desk: Desk
) -> None:
    """A backup of PostgreSQL is an export, whose damage is tested above."""
    backup, source = tmp_path / "register.backup", tmp_path / "register.db"
    shutil.copy(empty_sqlite, source)
    with Register(source) as register:
        register.take(desk.release("NOVA9-1"), at=HOUR)
        backup_register(register.database, backup)
    data = bytearray(backup.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = bytes(4096)
    backup.write_bytes(data)
    with pytest.raises(RegisterError, match=r"damaged|cannot be"):
        restore_register(backup, tmp_path / "new.db", agencies=agencies, now=NOW)
    assert not (tmp_path / "new.db").exists()
    with pytest.raises(ConfigurationError, match="cannot be read: no such file"):
        restore_register(tmp_path / "none", tmp_path / "new.db", agencies=agencies, now=NOW)
    with pytest.raises(RegisterError, match="is a backup of SQLite: restore it to a path"):
        restore_register(backup, "postgresql://localhost/x", agencies=agencies, now=NOW)


def test_who_else_put_a_manifest_in_comes_back(
    register: Register, opened: Callable[..., Register], desk: Desk, store: tuple[str, bytes]
) -> None:
    """Beside an embargo too, where the agency's entry must not be what shows it."""
    label, data = store
    hidden = desk.release(
        "NOVA9-1", stated_file("a", store=store, iscc=ISCC), embargo_until=NOW + timedelta(days=1)
    )
    register.take(hidden, at=HOUR)
    data_hidden = exported(register)
    for agency in ("borealis", "corona"):
        other = register.bindings(agency, clock=lambda: NOW)
        other.bind("io.iscc.v0", ISCC, other.store(data).sha256)
    again, alone = opened("again"), opened("alone")
    assert take_in(again, exported(register), believe_times=True) == (1, 1)
    assert exported(again) == exported(register)
    for reader in (None, "borealis", "corona"):
        shown = again.bindings(reader, clock=lambda: NOW)
        assert [kept.label for kept in shown.manifests(label)] == [label]
        assert [found.added_by for found in shown.find("io.iscc.v0", ISCC)] == [
            reader or "borealis"
        ]
    # The twin has what is under embargo alone.
    assert take_in(alone, data_hidden, believe_times=True) == (1, 1)
    assert alone.bindings(clock=lambda: NOW).manifests(label) == ()


def test_manifests_that_nobody_states_are_written_as_they_come(
    register: Register,
    opened: Callable[..., Register],
    store: tuple[str, bytes],
    other_store: tuple[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any number of them may come, and were all held in memory until the end."""
    own = register.bindings(AGENCY, clock=lambda: NOW)
    for _, data in (store, other_store):
        own.store(data)
    lines = exported(register).splitlines(keepends=True)
    broken = b"".join([*lines[:2], b'{"what":{}}\n'])

    def kept_of(name: str) -> set[str]:
        other = opened(name)
        with pytest.raises(RegisterError, match=r"line 3: "):
            take_in(other, broken)
        desk = other.bindings(clock=lambda: NOW)
        return {one.sha256 for label, _ in (store, other_store) for one in desk.manifests(label)}

    # A few are gathered, and of what breaks off within them nothing is there.
    assert kept_of("few") == set()
    monkeypatch.setattr("provenance.registry.register.importing._BYTES_AT_ONCE", 1)
    assert kept_of("many") == {json.loads(lines[1])["manifest"]["sha256"]}
    assert take_in(opened("whole"), b"".join(lines)) == (0, 0)


REFERENCE = {"kind": "sound", "data": "AAAAAA=="}


def with_references(export: bytes, *, count: int = 1, **parts: str) -> bytes:
    """The export with so many references more, of the first file that is stated."""
    lines = export.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"reference"'))
    sha256 = json.loads(lines[at])["reference"]["sha256"]
    more = json.dumps({"reference": {**REFERENCE, "sha256": sha256, **parts}}).encode() + b"\n"
    return b"".join([*lines[: at + 1], *[more] * count, *lines[at + 1 :]])


def test_more_than_a_statement_takes_up_is_refused(
    full: Register, opened: Callable[..., Register], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for its statement is held in memory: without end, if none comes."""
    data = exported(full)
    monkeypatch.setattr("provenance.registry.register.importing._WAITING_LINES", 16)
    other = opened("other")
    with pytest.raises(RegisterError, match=r"line \d+: 17 manifests, files and references of"):
        take_in(other, with_references(data, count=20))
    assert other.size == 0
    assert take_in(opened("twin"), with_references(data, count=10)) == (6, 6)
    monkeypatch.setattr("provenance.registry.register.importing._WAITING_BYTES", 1_000)
    with pytest.raises(RegisterError, match="and no statement has named them"):
        take_in(opened("third"), data)


@pytest.mark.parametrize(("data", "left_out"), [("AAA=", 1), ("", 1), ("AAAAAA==", 0)])
def test_a_track_that_is_kept_in_half_numbers_is_left_out(
    full: Register, opened: Callable[..., Register], data: str, left_out: int
) -> None:
    """Every look-up that came to it ended there; a backup is read again all the same."""
    other = opened("other")
    done = import_register(other, io.BytesIO(with_references(exported(full), data=data)), now=NOW)
    assert (done.added, done.left_out) == (6, left_out)
    kept = [json.loads(line) for line in exported(other).splitlines() if b'"sound"' in line]
    assert len(kept) == 1 - left_out
