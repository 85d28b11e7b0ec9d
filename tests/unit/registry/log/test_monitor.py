from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from provenance.errors import FetchError, MalformedError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.alarms import Alarm, AlarmKind, MonitorReport
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.leaf import (
    Leaf,
    SignedStatement,
    embargo,
    make_leaf,
    reveal,
    sign_statement,
)
from provenance.registry.log.monitor import LogMonitor
from provenance.registry.log.policy import policy_of
from provenance.registry.log.reader import LogReader
from provenance.registry.log.statement import Statement
from provenance.registry.log.tiles import Tile, encode_bundle
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import (
    AT,
    MemoryLog,
    Trial,
    agencies_of,
    note_key,
    register,
    withdraw,
)

KEY = note_key()
POLICY = policy_of(KEY.key)
NOW = AT + timedelta(days=1)
SALT = bytes(range(32))


@pytest.fixture
def agencies(agency: DevAgency) -> AgencyChecker:
    return agencies_of(agency)


def look(
    reader: LogReader,
    agencies: AgencyChecker,
    seen: bytes | None = None,
    *,
    now: datetime = NOW,
    others: Sequence[bytes] = (),
) -> MonitorReport:
    return LogMonitor(reader, POLICY, agencies).look(seen, now=now, others=others)


def kinds(report: MonitorReport) -> list[AlarmKind]:
    return [alarm.kind for alarm in report.alarms]


class Records:
    """Entries of a log that somebody writes by hand."""

    def __init__(self, signer: MemorySigner) -> None:
        self.signer = signer
        self.records: list[bytes] = []

    def add(self, statement: Statement | SignedStatement | Leaf, *, at: datetime = AT) -> None:
        signed: object = statement
        if isinstance(statement, Leaf):
            self.records.append(statement.record)
            return
        if not isinstance(statement, SignedStatement):
            signed = sign_statement(statement, self.signer)
        assert isinstance(signed, SignedStatement)
        self.records.append(make_leaf(signed, logged_at=at).record)

    def log(self, count: int | None = None) -> MemoryLog:
        return MemoryLog.of(self.records[:count], KEY)


@pytest.fixture
def records(agency_signer: MemorySigner) -> Records:
    return Records(agency_signer)


def test_a_sound_log_gives_no_alarm(filled: Trial, agencies: AgencyChecker) -> None:
    report = look(filled.reader, agencies)
    assert report.alarms == ()
    assert (report.seen, report.entries, report.keys_checked) == (None, 300, True)
    assert report.current is not None
    assert report.current.checkpoint == filled.head
    assert report.next_seen == filled.checkpoint
    with pytest.raises(TypeError, match="look at its alarms"):
        bool(report)


def test_a_look_reads_what_is_new_alone(old: Trial, agencies: AgencyChecker) -> None:
    seen = old.checkpoint
    old.fill(3, 300)
    report = look(old.reader, agencies, seen)
    assert (report.alarms, report.entries) == ((), 3)
    report = look(old.reader, agencies, report.next_seen)
    assert (report.alarms, report.entries) == ((), 0)
    assert report.seen == old.head


@pytest.mark.parametrize("before", [0, 1, 255, 256, 257, 299])
def test_a_look_goes_on_from_any_size(before: int, records: Records, agency: DevAgency) -> None:
    for number in range(300):
        records.add(register(number))
    report = look(records.log(), agencies_of(agency), records.log(before).checkpoint)
    assert (report.alarms, report.entries) == ((), 300 - before)


def test_an_empty_log_gives_no_alarm(trial: Trial, agencies: AgencyChecker) -> None:
    with trial.writing():
        pass
    report = look(trial.reader, agencies)
    assert (report.alarms, report.entries) == ((), 0)
    assert look(trial.reader, agencies, report.next_seen).alarms == ()


def test_an_older_tree_is_a_regression(records: Records, agencies: AgencyChecker) -> None:
    for number in range(5):
        records.add(register(number))
    report = look(records.log(3), agencies, records.log(5).checkpoint)
    assert kinds(report) == [AlarmKind.REGRESSION]
    assert report.next_seen is None
    assert "shows log.aurora.example/releases, 3 entries" in report.alarms[0].text


def test_another_tree_is_a_fork(records: Records, agencies: AgencyChecker) -> None:
    for number in range(5):
        records.add(register(number))
    seen = records.log(5).checkpoint
    records.records[4] = make_leaf(
        sign_statement(register(99), records.signer), logged_at=AT
    ).record
    for more in (0, 1):
        report = look(records.log(5 + more), agencies, seen)
        assert kinds(report) == [AlarmKind.FORK]
        assert report.next_seen is None
        records.add(register(50))


def test_what_somebody_else_saw_is_compared(records: Records, agencies: AgencyChecker) -> None:
    for number in range(6):
        records.add(register(number))
    log = records.log()
    earlier, later = records.log(4).checkpoint, records.log()
    assert look(log, agencies, earlier, others=[earlier, later.checkpoint]).alarms == ()
    fork = MemoryLog.of([*records.records[:3], b"{}"], KEY).checkpoint
    report = look(log, agencies, others=[fork])
    assert kinds(report) == [AlarmKind.FORK]
    assert "which does not continue" in report.alarms[0].text
    report = look(records.log(4), agencies, others=[log.checkpoint])
    assert kinds(report) == [AlarmKind.REGRESSION]
    # Anybody can hand over anything: that says nothing against the log's tree.
    report = look(log, agencies, others=[b"no note", MemoryLog.of([], note_key("x")).checkpoint])
    assert kinds(report) == [AlarmKind.ENTRY, AlarmKind.ENTRY]
    assert report.next_seen == log.checkpoint


def test_a_checkpoint_that_does_not_count_is_an_alarm(
    records: Records, agencies: AgencyChecker
) -> None:
    records.add(register(1))
    log = records.log()
    for data, message in (
        (MemoryLog.of(records.records, note_key("thief")).checkpoint, "is not signed by a log"),
        (log.checkpoint.replace(b"\n1\n", b"\n2\n"), "does not verify"),
        (b"\xff", "expected UTF-8"),
    ):
        log.files["checkpoint"] = data
        report = look(log, agencies)
        assert (kinds(report), report.current, report.next_seen) == (
            [AlarmKind.UNSIGNED],
            None,
            None,
        )
        assert message in report.alarms[0].text
    del log.files["checkpoint"]
    assert kinds(look(log, agencies)) == [AlarmKind.UNSIGNED]


def test_what_was_seen_has_to_count_itself(records: Records, agencies: AgencyChecker) -> None:
    records.add(register(1))
    with pytest.raises(LogProofError, match="checkpoint seen before: is not signed by a log"):
        look(records.log(), agencies, MemoryLog.of([], note_key("thief")).checkpoint)
    with pytest.raises(MalformedError, match="checkpoint seen before"):
        look(records.log(), agencies, b"?")


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("tile/entries/000", None, "tile/entries/000: is missing"),
        ("tile/entries/000", b"", "expected 256 entries and nothing after them, got 0"),
        ("tile/0/000", None, "tile/0/000: is missing"),
        ("tile/0/000", bytes(8192), "tile/0/000: is not over the entries that it serves"),
        ("tile/0/001.p/44", bytes(44 * 32), "tile/0/001.p/44: is not over the entries"),
        ("tile/1/000.p/1", bytes(32), "tile/1/000.p/1: is not over the entries"),
        (
            "tile/entries/001.p/44",
            encode_bundle([b"{}"] * 44),
            "tile/0/001.p/44: is not over the entries that it serves",
        ),
    ],
)
def test_damaged_files_are_an_alarm(
    path: str, data: bytes | None, message: str, filled: Trial, agencies: AgencyChecker
) -> None:
    public = filled.folder.public
    log = MemoryLog()
    log.files = {
        file.relative_to(public).as_posix(): file.read_bytes()
        for file in public.rglob("*")
        if file.is_file()
    }
    if data is None:
        del log.files[path]
    else:
        log.files[path] = data
    report = look(log, agencies)
    assert AlarmKind.DAMAGED in kinds(report)
    assert message in report.alarms[-1].text
    assert report.next_seen is None


def test_damaged_tiles_are_told_from_a_fork(records: Records, agencies: AgencyChecker) -> None:
    for number in range(5):
        records.add(register(number))
    seen, log = records.log(4).checkpoint, records.log()
    log.files["tile/0/000.p/5"] = bytes(160)
    report = look(log, agencies, seen)
    assert kinds(report) == [AlarmKind.DAMAGED]
    assert "the tiles that it serves do not give the root" in report.alarms[0].text
    report = look(log, agencies, others=[seen])
    assert kinds(report) == [AlarmKind.DAMAGED]
    log.files["tile/0/000.p/5"] = bytes(7)
    for arguments in ({"seen": seen}, {"others": [seen]}):
        report = look(log, agencies, **arguments)
        assert "tile/0/000.p/5: expected 160 bytes, got 7" in report.alarms[0].text


def test_a_wrong_entry_is_an_alarm_and_the_tree_goes_on(
    records: Records, agencies: AgencyChecker
) -> None:
    good, other = (sign_statement(register(n), records.signer) for n in (1, 2))
    stranger = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    )
    records.add(good)
    records.records.append(b"{}")
    records.add(replace(good, statement=other.statement))
    records.add(sign_statement(register(3), stranger.signer()))
    records.add(register(4, agency="borealis"))
    records.add(register(5), at=AT - timedelta(seconds=1))
    records.add(register(6), at=NOW + timedelta(minutes=6))
    report = look(records.log(), agencies)
    assert [(alarm.index, alarm.kind) for alarm in report.alarms] == [
        (1, AlarmKind.ENTRY),
        (2, AlarmKind.AGENCY_SIGNATURE),
        (3, AlarmKind.AGENCY_KEY),
        (4, AlarmKind.AGENCY_KEY),
        (5, AlarmKind.CLOCK),
        (6, AlarmKind.CLOCK),
    ]
    assert report.alarms[0] == Alarm(
        kind=AlarmKind.ENTRY, text="entry 1: cose: Field required", index=1
    )
    assert "taken at 2026-05-01T11:59:59+00:00, after one of 2026-05-01T12:00:00" in (
        report.alarms[4].text
    )
    # Each was said once; the tree itself holds.
    assert report.next_seen is not None
    assert look(records.log(), agencies, report.next_seen).alarms == ()


def test_the_clock_is_watched_from_one_look_to_the_next(
    records: Records, agencies: AgencyChecker
) -> None:
    records.add(register(1))
    seen = records.log().checkpoint
    records.add(withdraw(1), at=AT - timedelta(seconds=1))
    assert kinds(look(records.log(), agencies, seen)) == [AlarmKind.CLOCK]


@pytest.mark.parametrize("before", [3, 256])
def test_the_last_time_seen_is_that_of_the_entry_seen(
    before: int, records: Records, agencies: AgencyChecker
) -> None:
    """A log that shows another entry there could date the next one back."""
    for number in range(before):
        records.add(register(number))
    seen = records.log().checkpoint
    good = records.records[-1]
    (other,) = (register(before - 1),)
    records.records[-1] = make_leaf(
        sign_statement(other, records.signer), logged_at=AT - timedelta(days=9)
    ).record
    shown = records.records[:]
    records.records[-1] = good
    records.add(register(before), at=AT - timedelta(days=8))
    log = records.log()
    assert kinds(look(log, agencies, seen)) == [AlarmKind.CLOCK]
    whole = [*shown, records.records[-1]]
    for start in range(0, len(whole), 256):
        part = whole[start : start + 256]
        log.files[Tile(-1, start // 256, len(part)).path] = encode_bundle(part)
    report = look(log, agencies, seen)
    assert kinds(report) == [AlarmKind.DAMAGED]
    assert f"entry {before - 1} is not what the root of" in report.alarms[0].text
    assert report.next_seen is None


def test_a_reveal_without_its_embargo_is_an_alarm(
    records: Records, agencies: AgencyChecker
) -> None:
    hidden = register(7)
    records.add(register(1))
    records.add(embargo(hidden, SALT, at=AT))
    records.add(embargo(hidden, SALT[::-1], at=AT))
    records.add(reveal(hidden, SALT, entry=1, at=AT))
    seen = records.log(3).checkpoint
    assert look(records.log(), agencies, seen).alarms == ()
    for entry in (0, 2, 4, 99):
        records.records[3:] = []
        records.add(reveal(hidden, SALT, entry=entry, at=AT))
        records.add(register(8))
        report = look(records.log(), agencies, seen)
        assert kinds(report) == [AlarmKind.EMBARGO]
        assert f"reveals what entry {entry} did not put under embargo" in report.alarms[0].text


def test_without_a_directory_it_says_that_keys_were_not_checked(filled: Trial) -> None:
    report = look(filled.reader, AgencyChecker(None))
    assert (report.alarms, report.keys_checked) == ((), False)


def test_alarms_are_bounded(records: Records, agencies: AgencyChecker) -> None:
    records.records = [b"{}"] * 1_100
    report = look(records.log(), agencies)
    assert (len(report.alarms), report.entries) == (1_000, 1_100)


def test_a_log_that_cannot_be_read_gives_no_report(agencies: AgencyChecker) -> None:
    class Down:
        def read(self, path: str, *, max_bytes: int) -> bytes | None:
            raise FetchError(f"{path}: no answer, {max_bytes} bytes wanted")

    with pytest.raises(FetchError, match="checkpoint: no answer"):
        look(Down(), agencies)


def test_another_log_of_the_same_policy_is_not_the_one_seen(
    records: Records, agencies: AgencyChecker
) -> None:
    other = note_key("other", name="other.example")
    policy = replace(POLICY, logs=(*POLICY.logs, *policy_of(other.key).logs))
    seen = MemoryLog.of([], other).checkpoint
    report = LogMonitor(records.log(), policy, agencies).look(seen, now=NOW)
    assert kinds(report) == [AlarmKind.UNSIGNED]
    assert "is the log 'log.aurora.example/releases', expected 'other.example'" in (
        report.alarms[0].text
    )
    report = LogMonitor(records.log(), policy, agencies).look(None, now=NOW, others=[seen])
    assert kinds(report) == [AlarmKind.ENTRY]
