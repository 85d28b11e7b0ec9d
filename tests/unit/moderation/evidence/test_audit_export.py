"""An exported audit: a row that was edited, removed, added or moved is found and named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.evidence.audit_export import check_audit_export, export_lines
from provenance.moderation.evidence.bundle import canonical
from tests.factory.moderation_rows import NOW
from tests.unit.moderation.evidence.test_bundle import audit

COUNT = 9
LINES = [canonical(line) + b"\n" for line in audit(COUNT)]


def test_the_untouched_one_has_no_fault() -> None:
    report = check_audit_export(LINES)
    assert report.faults == ()
    assert (report.entries, report.first, report.last) == (COUNT, 1, COUNT)
    assert report.is_whole
    later = check_audit_export(LINES[3:])
    assert later.faults == ()
    assert not later.is_whole


@given(st.integers(0, COUNT - 1), st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_found_at_its_entry(row: int, place: int, turn: int) -> None:
    line = bytearray(LINES[row])
    place %= len(line) - 1
    line[place] ^= turn
    lines = [*LINES[:row], bytes(line), *LINES[row + 1 :]]
    # One byte may have become the end of a line.
    report = check_audit_export(b"".join(lines).splitlines(keepends=True))
    assert report.faults
    assert any(abs(fault.seq - (row + 1)) <= 1 for fault in report.faults)


@given(st.integers(1, COUNT - 2))
def test_a_removed_one_is_found(row: int) -> None:
    (fault,) = check_audit_export(LINES[:row] + LINES[row + 1 :]).faults
    assert (fault.seq, fault.what) == (row + 1, f"expected this entry, got {row + 2}")


@given(st.permutations(range(COUNT)))
def test_moved_ones_are_found(order: list[int]) -> None:
    faults = check_audit_export([LINES[row] for row in order]).faults
    assert (faults == ()) is (order == sorted(order))


@given(st.binary(max_size=200))
def test_any_line_is_read(line: bytes) -> None:
    assert check_audit_export([line]).faults or line.strip() == b""


def test_what_the_database_gives_is_what_is_checked(
    engine: Engine, random: Callable[[int], bytes]
) -> None:
    del random
    log = AuditLog(engine)
    for number in range(3):
        with writing(engine) as connection:
            log.append(
                connection,
                at=NOW + timedelta(seconds=number, microseconds=7),
                actor="reviewer-1",
                verb="case.claimed",
                object="case:c",
                detail={"ñ": "값"},
            )
    report = check_audit_export(export_lines(log.events()))
    assert (report.entries, report.faults) == (3, ())
    assert (report.last, report.head) == log.head()


@pytest.mark.parametrize("lines", [[], [b"\n"]])
def test_nothing_is_no_audit(lines: list[bytes]) -> None:
    assert check_audit_export(lines).entries == 0
