"""How much was complained of, decided and taken back in a period, without telling of anybody.

Pure: from rows to numbers. A number from 1 to 4 is told as "<5", because few people can be
told apart; nought is told as nought, because it is about nobody. So that no hidden number can
be found by subtracting, a table whose hidden numbers come to less than 5 together, or that
has just one, does not tell its next smallest number either ("not-told"), and its total is
rounded down to a multiple of 5. Medians are told from five cases on.

Source of the rule: the threshold of 5 that statistical offices use for counts of people
("small cell suppression", with complementary suppression).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    ClockKind,
    Outcome,
    Severity,
)

__all__ = [
    "SMALL",
    "AppealRow",
    "ClockRow",
    "ComplaintRow",
    "Count",
    "DecisionRow",
    "TransparencyReport",
    "told_counts",
    "transparency",
]

SMALL = 5
"""Numbers below this one are not told, except nought."""

_K = TypeVar("_K", bound=str)
Count = Annotated[int, Field(ge=0)] | Literal["<5", "not-told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintRow:
    """A complaint, as far as it is counted.

    Attributes:
        at: When it came.
        category: What it was about.
        trusted: Whether a trusted flagger or an agency sent it.
    """

    at: datetime
    category: Category
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A decision in one case, as far as it is counted.

    Attributes:
        at: When it was made.
        outcome: What it found.
        category: Of the case.
        severity: Of the case.
        actions: What was done.
        opened_at: When the case was opened.
        automated_detection: Whether a machine led to it.
        by_appeal: Whether it answers an appeal; then it is no first decision.
    """

    at: datetime
    outcome: Outcome
    category: Category
    severity: Severity
    actions: tuple[ActionType, ...]
    opened_at: datetime
    automated_detection: bool
    by_appeal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRow:
    """An appeal.

    Attributes:
        filed_at: When it was filed.
        decided_at: When it was decided, if it was.
        outcome: What became of the decision.
    """

    filed_at: datetime
    decided_at: datetime | None
    outcome: AppealOutcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRow:
    """A clock that ended in one way or the other.

    Attributes:
        kind: What it is about.
        starts_at: Since when it ran.
        met_at: When it was met.
        breached_at: When it was up without.
    """

    kind: ClockKind
    starts_at: datetime
    met_at: datetime | None
    breached_at: datetime | None


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TransparencyReport(_Out):
    """The numbers of a period. None is about a person; small ones are told as `<5`."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    complaints: Count
    complaints_by_category: dict[Category, Count]
    complaints_trusted: Count
    decisions: Count
    decisions_by_outcome: dict[Outcome, Count]
    decisions_detected_by_machine: Count
    actions: dict[ActionType, Count]
    appeals: Count
    appeals_by_outcome: dict[AppealOutcome, Count]
    overturned_percent: int | None = Field(
        description="Of decided appeals; None where fewer than 5 were."
    )
    median_hours_to_decision: dict[Severity, float | None]
    median_hours_to_appeal_decision: float | None
    clocks_met: dict[ClockKind, Count]
    clocks_breached: dict[ClockKind, Count]


def transparency(
    *,
    begins_at: datetime,
    ends_at: datetime,
    complaints: Iterable[ComplaintRow],
    decisions: Iterable[DecisionRow],
    appeals: Iterable[AppealRow],
    clocks: Iterable[ClockRow],
) -> TransparencyReport:
    """What can be told of this period?

    Args:
        begins_at: Its first moment.
        ends_at: The first moment after it.
        complaints: Rows, of any time; those outside the period are not counted.
        decisions: The same.
        appeals: The same; counted when they were filed, and by outcome when decided.
        clocks: The same; counted when they were met or breached.

    Raises:
        ValueError: The period ends before it begins.
    """
    if ends_at <= begins_at:
        raise ValueError("period: expected an end after its beginning")

    def within(at: datetime | None) -> bool:
        return at is not None and begins_at <= at < ends_at

    filed = [row for row in complaints if within(row.at)]
    made = [row for row in decisions if within(row.at)]
    appealed = list(appeals)
    judged = [row for row in appealed if within(row.decided_at) and row.outcome is not None]
    ran = list(clocks)
    categories = told_counts(Counter(row.category for row in filed), list(Category))
    outcomes = told_counts(Counter(row.outcome for row in made), list(Outcome))
    answers = told_counts(
        Counter(row.outcome for row in judged if row.outcome is not None), list(AppealOutcome)
    )
    actions = told_counts(
        Counter(action for row in made for action in row.actions), list(ActionType)
    )
    met = Counter(row.kind for row in ran if within(row.met_at) and row.breached_at is None)
    breached = Counter(row.kind for row in ran if within(row.breached_at))
    first = [row for row in made if not row.by_appeal]
    return TransparencyReport(
        begins_at=begins_at,
        ends_at=ends_at,
        complaints=_total(len(filed), categories),
        complaints_by_category=categories,
        complaints_trusted=_told(sum(row.trusted for row in filed)),
        decisions=_total(len(made), outcomes),
        decisions_by_outcome=outcomes,
        decisions_detected_by_machine=_told(sum(row.automated_detection for row in made)),
        actions=actions,
        appeals=_told(sum(within(row.filed_at) for row in appealed)),
        appeals_by_outcome=answers,
        overturned_percent=_percent(
            sum(row.outcome is not AppealOutcome.UPHELD for row in judged), len(judged)
        ),
        median_hours_to_decision={
            severity: _median_hours(
                [(row.opened_at, row.at) for row in first if row.severity is severity]
            )
            for severity in Severity
        },
        median_hours_to_appeal_decision=_median_hours(
            [(row.filed_at, row.decided_at) for row in judged if row.decided_at is not None]
        ),
        clocks_met=told_counts(met, list(ClockKind)),
        clocks_breached=told_counts(breached, list(ClockKind)),
    )


def told_counts(counts: Mapping[_K, int], words: Sequence[_K]) -> dict[_K, Count]:
    """How are the numbers of one table told, so that no small one can be found out?"""
    told: dict[_K, Count] = {word: _told(counts.get(word, 0)) for word in words}
    hidden = [word for word in words if told[word] == "<5"]
    total = sum(counts.get(word, 0) for word in hidden)
    if hidden and (len(hidden) == 1 or total < SMALL):
        # With the total known, a single hidden number would be the difference.
        open_ = [word for word in words if isinstance(told[word], int) and told[word]]
        if open_:
            told[min(open_, key=lambda word: (counts[word], words.index(word)))] = "not-told"
    return told


def _total(count: int, parts: Mapping[_K, Count]) -> Count:
    if "<5" not in parts.values():
        return _told(count)
    return _told(count) if count < SMALL else count - count % SMALL


def _told(count: int) -> Count:
    return "<5" if 0 < count < SMALL else count


def _percent(part: int, whole: int) -> int | None:
    if whole < SMALL:
        return None
    # To steps of five: of few appeals, an exact share gives the number away.
    return round(part * 20 / whole) * 5


def _median_hours(spans: Sequence[tuple[datetime, datetime]]) -> float | None:
    if len(spans) < SMALL:
        return None
    hours = median((end - begin).total_seconds() / 3600 for begin, end in spans)
    return round(hours, 1)
