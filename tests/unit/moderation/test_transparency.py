"""Numbers of a period: right, and about nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.moderation.transparency import (
    SMALL,
    AppealRow,
    ClockRow,
    ComplaintRow,
    DecisionRow,
    TransparencyReport,
    told_counts,
    transparency,
)
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    ClockKind,
    Outcome,
    Severity,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def complaint(category: Category, *, at: datetime = BEGIN, trusted: bool = False) -> ComplaintRow:
    return ComplaintRow(at=at, category=category, trusted=trusted)


def decision(hours: int, *, by_appeal: bool = False) -> DecisionRow:
    return DecisionRow(
        at=BEGIN + timedelta(hours=hours),
        outcome=Outcome.VIOLATION,
        category=Category.IMPERSONATION,
        severity=Severity.HIGH,
        actions=(ActionType.REMOVE, ActionType.LABEL),
        opened_at=BEGIN,
        automated_detection=True,
        by_appeal=by_appeal,
    )


def report(**rows: object) -> TransparencyReport:
    empty: dict[str, object] = {"complaints": [], "decisions": [], "appeals": [], "clocks": []}
    return transparency(begins_at=BEGIN, ends_at=END, **{**empty, **rows})  # type: ignore[arg-type]


def test_a_period_in_which_nothing_happened() -> None:
    told = report()
    assert told.complaints == 0
    assert set(told.complaints_by_category.values()) == {0}
    assert told.overturned_percent is None
    assert set(told.median_hours_to_decision.values()) == {None}


def test_the_numbers_of_a_period() -> None:
    told = report(
        complaints=[
            *[complaint(Category.FRAUD, trusted=True)] * 7,
            *[complaint(Category.PRIVACY)] * 30,
            complaint(Category.PRIVACY, at=END),
            complaint(Category.PRIVACY, at=BEGIN - DAY),
        ],
        decisions=[*map(decision, (2, 4, 6, 8, 11)), decision(999, by_appeal=True)],
        appeals=[
            AppealRow(filed_at=BEGIN, decided_at=BEGIN + DAY, outcome=outcome)
            for outcome in [AppealOutcome.UPHELD] * 6 + [AppealOutcome.OVERTURNED] * 6
        ],
        clocks=[
            ClockRow(kind=ClockKind.INTIMATE_48H, starts_at=BEGIN, met_at=met, breached_at=breached)
            for met, breached in [(BEGIN, None)] * 9 + [(None, BEGIN)] * 6 + [(BEGIN, BEGIN)]
        ],
    )
    assert told.complaints == 37
    assert told.complaints_by_category[Category.PRIVACY] == 30
    assert told.complaints_trusted == 7
    assert told.decisions == 6
    assert told.actions[ActionType.REMOVE] == 6
    assert told.median_hours_to_decision[Severity.HIGH] == 6.0
    assert told.median_hours_to_appeal_decision == 24.0
    assert told.overturned_percent == 50
    assert told.clocks_met[ClockKind.INTIMATE_48H] == 9
    assert told.clocks_breached[ClockKind.INTIMATE_48H] == 7


def test_few_people_cannot_be_told_apart() -> None:
    told = report(
        complaints=[
            *[complaint(Category.FRAUD)] * 3,
            *[complaint(Category.PRIVACY)] * 9,
            *[complaint(Category.COPYRIGHT)] * 50,
        ]
    )
    assert told.complaints_by_category[Category.FRAUD] == "<5"
    assert told.complaints_by_category[Category.PRIVACY] == "not-told"
    assert told.complaints_by_category[Category.COPYRIGHT] == 50
    assert told.complaints == 60
    assert report(complaints=[complaint(Category.FRAUD)]).complaints == "<5"


@given(st.dictionaries(st.sampled_from(list(Category)), st.integers(0, 40)))
def test_no_small_number_can_be_found_by_subtracting(counts: Mapping[Category, int]) -> None:
    """Whatever is told, at least two counts fit that differ in each hidden one."""
    told = told_counts(counts, list(Category))
    hidden = [word for word in Category if not isinstance(told[word], int)]
    for word, number in told.items():
        if isinstance(number, int):
            assert number == counts.get(word, 0)
            assert number == 0 or number >= SMALL
        elif number == "<5":
            assert 0 < counts[word] < SMALL
    if hidden and any(isinstance(number, int) and number for number in told.values()):
        assert len(hidden) > 1
        assert sum(counts[word] for word in hidden) >= SMALL


def test_a_period_has_a_length() -> None:
    with pytest.raises(ValueError, match="expected an end after"):
        transparency(
            begins_at=END, ends_at=BEGIN, complaints=[], decisions=[], appeals=[], clocks=[]
        )


def test_nothing_in_the_document_could_name_anybody() -> None:
    schema = str(TransparencyReport.model_json_schema())
    for word in ("maker", "reviewer", "ref", "url", "sha256", "facts", "email"):
        assert f"'{word}'" not in schema
