"""Stored reports: who reads them, when they end, what makes them stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.records.idempotency import IdempotencyStore, record_answer
from provenance.records.judged_with import judged_by
from provenance.records.reports import ReportStore, StoredReport, stored
from provenance.report import Report
from tests.unit.records.conftest import NOW

DAY = timedelta(days=1)


@pytest.fixture
def reports(engine: Engine) -> ReportStore:
    return ReportStore(engine)


@pytest.fixture(scope="module")
def report(make_report: Callable[[bytes], Report], signed_jpeg: bytes) -> Report:
    return make_report(signed_jpeg)


def entry(report: Report, **facts: object) -> StoredReport:
    made = stored(
        report,
        report.model_dump_json(),
        id="r1",
        owner="k1",
        reader=None,
        policy="default",
        release_stamp="s",
        now=NOW,
        ends_at=NOW + 30 * DAY,
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def test_it_comes_back_as_it_was_until_it_ends(reports: ReportStore, report: Report) -> None:
    reports.keep(entry(report), report)
    found = reports.get("r1", reader=None, now=NOW)
    assert found == entry(report)
    assert found is not None
    assert found.report == report
    assert reports.get("r1", reader=None, now=NOW + 30 * DAY) is None


def test_what_was_judged_in_an_agencys_view_is_the_agencys(
    reports: ReportStore, report: Report
) -> None:
    reports.keep(entry(report, reader="aurora"), report)
    sha256 = str(report.asset.sha256)
    for reader in (None, "other"):
        assert reports.get("r1", reader=reader, now=NOW) is None
        assert reports.find(sha256, owner="k1", reader=reader, now=NOW) == []
    assert reports.get("r1", reader="aurora", now=NOW) is not None
    assert len(reports.find(sha256, owner="k1", reader="aurora", now=NOW)) == 1


def test_what_is_written_with_it_is_written_or_nothing_is(
    reports: ReportStore, report: Report
) -> None:
    def refuse(_: object) -> None:
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        reports.keep(entry(report), report, refuse)
    assert reports.get("r1", reader=None, now=NOW) is None


def test_only_kept_bytes_are_judged_again_and_by_one(reports: ReportStore, report: Report) -> None:
    reports.keep(entry(report, upload="u1"), report)
    reports.keep(entry(report, id="r2"), report)
    until = NOW + DAY

    def outdated(judged_with: str) -> list[str]:
        found = reports.lease_outdated(
            policy="default", judged_with=judged_with, now=NOW, until=until, most=10
        )
        return [one.id for one in found]

    assert outdated(judged_by(report.context).sha256) == []
    assert outdated("something else") == ["r1"]
    assert outdated("something else") == []
    assert reports.lease("r1", now=NOW, until=until) is None
    reports.replace(entry(report, upload="u1", judged_with="something else"), report)
    assert outdated("something else") == []
    assert outdated("a third") == ["r1"]


def test_forgotten_with_its_bytes(reports: ReportStore, report: Report) -> None:
    reports.keep(entry(report, upload="u1", sidecar="s1"), report)
    assert reports.in_use(["u1", "s1", "x"]) == {"u1", "s1"}
    assert reports.forget(now=NOW) == []
    assert reports.forget(now=NOW + 30 * DAY) == ["u1", "s1"]
    assert reports.in_use(["u1"]) == frozenset()


def test_time_alone_makes_nothing_stale(
    make_report: Callable[[bytes], Report], report: Report, signed_png: bytes
) -> None:
    other = make_report(signed_png)
    assert judged_by(other.context).sha256 == judged_by(report.context).sha256
    later = report.context.model_copy(update={"verified_at": NOW + DAY})
    assert judged_by(later).sha256 == judged_by(report.context).sha256
    without = report.context.model_copy(update={"directory": None})
    assert judged_by(without).differs_in(judged_by(report.context)) == ("directory",)
    renamed = report.context.policy.model_copy(update={"version": "2"})
    changed = report.context.model_copy(update={"policy": renamed})
    assert judged_by(changed).differs_in(judged_by(report.context)) == ("policy",)


def test_a_request_is_answered_once(engine: Engine) -> None:
    requests, lease = IdempotencyStore(engine), timedelta(minutes=5)

    def begin(request: str = "q", owner: str = "k", after: timedelta = timedelta()) -> object:
        now = NOW + after
        return requests.begin(owner=owner, key="1", request=request, now=now, lease=lease).answer

    assert begin() is None
    with pytest.raises(ConflictError, match="is being worked on"):
        begin()
    with pytest.raises(ConflictError, match="used for another request"):
        begin("other")
    assert begin(owner="another key") is None
    # Whoever worked on it is gone.
    assert begin(after=lease) is None
    # That one's late word does not end another's lease.
    requests.abandoned(owner="k", key="1", leased_until=NOW + lease)
    with pytest.raises(ConflictError, match="is being worked on"):
        begin(after=lease)
    requests.abandoned(owner="k", key="1", leased_until=NOW + 2 * lease)
    assert begin() is None
    with transaction(engine) as connection:
        record_answer(connection, owner="k", key="1", answer={"report": "r"})
    assert begin() == {"report": "r"}
    requests.abandoned(owner="k", key="1", leased_until=NOW + lease)
    assert begin() == {"report": "r"}
    assert begin("other", after=timedelta(hours=24)) is None


def test_whoever_answers_first_answers_for_all(engine: Engine, reports: ReportStore,
                                               report: Report) -> None:  # fmt: skip
    """Both wait longer than a lease for their turn: the request has one report, and keeps it."""
    requests, lease = IdempotencyStore(engine), timedelta(minutes=5)
    for now in (NOW, NOW + lease):
        begun = requests.begin(owner="k", key="1", request="q", now=now, lease=lease)
        assert begun.answer is None

    def answer(id_: str) -> None:
        reports.keep(
            entry(report, id=id_),
            report,
            lambda connection: record_answer(
                connection, owner="k", key="1", answer={"report": id_}
            ),
        )

    answer("first")
    with pytest.raises(ConflictError, match="was answered meanwhile"):
        answer("second")
    again = requests.begin(owner="k", key="1", request="q", now=NOW + lease, lease=lease)
    assert again.answer == {"report": "first"}
    assert reports.get("second", reader=None, now=NOW) is None


def test_twin_what_nobody_answered_is_answered_by_whoever_took_it_over(
    engine: Engine, reports: ReportStore, report: Report
) -> None:
    requests, lease = IdempotencyStore(engine), timedelta(minutes=5)
    for now in (NOW, NOW + lease):
        requests.begin(owner="k", key="1", request="q", now=now, lease=lease)
    reports.keep(
        entry(report, id="second"),
        report,
        lambda connection: record_answer(connection, owner="k", key="1", answer={"report": "r"}),
    )
    again = requests.begin(owner="k", key="1", request="q", now=NOW + lease, lease=lease)
    assert again.answer == {"report": "r"}
