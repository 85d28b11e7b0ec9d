"""Clocks, locks and steps in words."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance.moderation
from provenance.moderation.model import AuditEvent, Case, Clock, Reviewer
from provenance.moderation.transitions import ACTION_MOVES, APPEAL_MOVES, COMPLAINT_MOVES
from provenance.moderation.vocabulary import (
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Queue,
    Role,
    Severity,
)
from provenance.service.mod_words import (
    EVENT_VERBS,
    claim_obstacle,
    clock_words,
    event_words,
    held_by,
    time_left,
)
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import LANGUAGES

_C = ComplaintState
NOW = datetime(2028, 2, 28, 12, tzinfo=UTC)
ENGLISH = next(wording_in(language) for language in LANGUAGES if language.tag == "en")
HOUR = timedelta(hours=1)


def clock(kind: ClockKind = ClockKind.DECIDE, *, due: timedelta, **members: object) -> Clock:
    return Clock(
        case="one",
        kind=kind,
        starts_at=NOW - timedelta(days=2),
        due_at=NOW + due,
        **members,  # type: ignore[arg-type]
    )


def case(state: CaseState = CaseState.QUEUED, **members: object) -> Case:
    return Case(
        id="one",
        state=state,
        category=Category.IMPERSONATION,
        severity=Severity.MEDIUM,
        subjects=(),
        opened_at=NOW,
        **{"queue": Queue.GENERAL, **members},  # type: ignore[arg-type]
    )


def person(*roles: Role, **members: object) -> Reviewer:
    held = frozenset(roles or (Role.REVIEWER,))
    given_members = {"trained_until": NOW + timedelta(days=1), **members}
    return Reviewer(id="ro", roles=held, **given_members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "says"),
    [
        (timedelta(days=3, hours=5), "3 days left"),
        (timedelta(hours=47), "47 hours left"),
        (timedelta(hours=1), "1 hour left"),
        (timedelta(minutes=59), "59 minutes left"),
        (timedelta(seconds=20), "0 minutes left"),
        (timedelta(0), "for 0 minutes"),
        (timedelta(minutes=-61), "for 1 hour"),
        (timedelta(days=-2), "for 2 days"),
    ],
)
def test_time_is_said_in_the_largest_unit(due: timedelta, says: str) -> None:
    assert ENGLISH.text(time_left(NOW + due, NOW)) == says


@given(st.integers(-10_000_000, 10_000_000))
def test_time_left_is_never_said_to_be_more_than_it_is(seconds: int) -> None:
    due = timedelta(seconds=seconds)
    message = time_left(NOW + due, NOW)
    unit = {
        "days": timedelta(days=1),
        "hours": timedelta(hours=1),
        "minutes": timedelta(minutes=1),
    }[message.key.rpartition(".")[2]]
    assert message.count is not None
    assert message.count * unit <= abs(due) < (message.count + 1) * unit
    assert message.key.startswith("mod.left." if seconds > 0 else "mod.since.")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
@pytest.mark.parametrize("kind", ClockKind)
def test_late_and_soon_are_words_and_never_colour_alone(kind: ClockKind, language: object) -> None:
    wording = wording_in(language)
    late = clock_words(clock(kind, due=-HOUR), wording, now=NOW)
    assert late.late == (not kind.expires)
    assert late.name == f"mod.clock.{kind.value}"
    assert wording.text(late.name)
    assert wording.text(late.says)
    for key in ("mod.late", "mod.soon", late.more or "mod.late"):
        assert wording.text(key)


def test_a_clock_that_stands_still_is_neither_late_nor_soon() -> None:
    stands = clock_words(clock(due=-HOUR, paused_at=NOW - 2 * HOUR), ENGLISH, now=NOW)
    assert (stands.late, stands.soon) == (False, False)
    assert ENGLISH.text(stands.says) == "stands still until somebody answers"
    runs = clock_words(clock(due=-HOUR), ENGLISH, now=NOW)
    assert runs.late


def test_only_what_a_law_set_says_so() -> None:
    assert clock_words(clock(ClockKind.INTIMATE_48H, due=HOUR), ENGLISH, now=NOW).more
    assert clock_words(clock(ClockKind.DECIDE, due=HOUR), ENGLISH, now=NOW).more is None


def test_whose_a_case_is() -> None:
    until = NOW + HOUR
    mine = case(CaseState.ASSIGNED, assignee="ro", locked_until=until)
    assert ENGLISH.text(held_by(mine, person(), ENGLISH, now=NOW) or "") == (
        "It is yours until February 28, 2028, 13:00 UTC."
    )
    theirs = case(CaseState.ASSIGNED, assignee="rae", locked_until=until)
    assert "“rae” has it until" in ENGLISH.text(held_by(theirs, person(), ENGLISH, now=NOW) or "")
    over = held_by(theirs, person(), ENGLISH, now=until)
    assert over is not None
    assert over.key == "mod.lock.over"
    assert held_by(case(), person(), ENGLISH, now=NOW) is None
    # Whoever proposed did not run out of time.
    proposed = case(CaseState.AWAITING_SECOND, assignee="rae", locked_until=None)
    assert held_by(proposed, person(), ENGLISH, now=NOW) is None


@pytest.mark.parametrize(
    ("reviewer", "of_case", "earlier", "key"),
    [
        (person(), {}, (), None),
        (person(trained_until=None), {}, (), "mod.cannot.untrained"),
        (person(trained_until=NOW), {}, (), "mod.cannot.training-over"),
        (
            person(conflicts=frozenset({"aurora"})),
            {"agencies": frozenset({"aurora"})},
            (),
            "mod.cannot.conflict",
        ),
        (person(conflicts=frozenset({"aurora"})), {"agencies": frozenset({"other"})}, (), None),
        (person(), {}, ("ro",), "mod.cannot.earlier"),
        (person(), {}, ("rae",), None),
        (person(), {"state": CaseState.ESCALATED}, (), "mod.cannot.escalated"),
        (person(Role.SENIOR), {"state": CaseState.ESCALATED}, (), None),
        (person(), {"queue": Queue.RESTRICTED}, (), "mod.cannot.right"),
        (person(Role.SENIOR), {"queue": Queue.RESTRICTED}, (), None),
        (person(Role.ADMIN), {}, (), "mod.cannot.right"),
        (person(Role.AUDITOR), {}, (), "mod.cannot.right"),
    ],
)
def test_why_a_case_cannot_be_claimed(
    reviewer: Reviewer, of_case: dict[str, Any], earlier: tuple[str, ...], key: str | None
) -> None:
    found = claim_obstacle(case(**of_case), reviewer, earlier=frozenset(earlier), now=NOW)
    assert (None if found is None else found.key) == key


def event(verb: str, detail: str = "{}", actor: str = "ro") -> AuditEvent:
    return AuditEvent(
        seq=1,
        at=NOW,
        actor=actor,
        verb=verb,
        object="case:one",
        detail=detail,
        prev="0" * 64,
        sha256="1" * 64,
    )


def test_every_state_that_something_goes_to_has_words() -> None:
    """What moves is written down by the state that it comes to, unless a desk says more."""
    states = {
        "complaint": frozenset[StrEnum]().union(*COMPLAINT_MOVES.values()),
        "appeal": frozenset[StrEnum]().union(*APPEAL_MOVES.values()),
        "action": frozenset[StrEnum]().union(*ACTION_MOVES.values()),
    }
    reached = {f"{what}.{state.value}" for what, all_ in states.items() for state in all_}
    reached |= {f"complaints.{state.value}" for state in (_C.ANSWERED, _C.LINKED)}
    assert {"complaint.contested", "appeal.withdrawn"} <= reached
    assert reached - set(EVENT_VERBS) == set()


@pytest.mark.parametrize(
    ("verb", "old", "says"),
    [
        ("appeal.filed", None, "“ro” appealed."),
        ("appeal.filed", "assigned", "“ro” gave an appeal back."),
        ("appeal.assigned", "filed", "“ro” took an appeal."),
        (
            "appeal.assigned",
            "awaiting-second",
            "“ro” did not agree to what was proposed about an appeal.",
        ),
    ],
)
def test_nobody_appeals_or_takes_an_appeal_by_giving_it_back(
    verb: str, old: str | None, says: str
) -> None:
    detail = json.dumps({} if old is None else {"from": old})
    assert ENGLISH.text(event_words(event(verb, detail), ENGLISH).says) == says


def test_every_step_that_a_desk_writes_about_a_case_has_words() -> None:
    folder = Path(provenance.moderation.__file__).parent
    written = {
        kept or case
        for path in folder.rglob("*.py")
        for kept, case in re.findall(
            r'"((?:hold|notice|hash-entry|label|message|resemblance|complaint)\.[a-z-]+)",'
            r'|"((?:case|clock|decision|evidence)\.(?!json)[a-z-]+|interim\.started)"[,)\s]',
            path.read_text("utf-8"),
        )
    }
    assert {"case.claimed", "decision.made"} <= written
    assert written - set(EVENT_VERBS) == set()


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_steps_in_words(language: object) -> None:
    wording = wording_in(language)
    for verb in EVENT_VERBS:
        for old in ("", "assigned", "awaiting-second"):
            detail = json.dumps({"kind": "decide", "from": old})
            assert wording.text(event_words(event(verb, detail), wording).says)
    other = event_words(event("something.new"), wording)
    assert "something.new" in wording.text(other.says)


@given(st.text() | st.from_regex(r'\{"(why|text|kind)": .*\}'))
def test_no_detail_breaks_a_page(detail: str) -> None:
    for verb in ("case.claimed", "clock.met"):
        words = event_words(event(verb, detail), ENGLISH)
        assert ENGLISH.text(words.says)
        assert words.detail is None or len(words.detail) <= 400


def test_a_reason_is_shown_beside_the_step() -> None:
    told = event_words(event("case.escalated", json.dumps({"why": "Too hard"})), ENGLISH)
    assert told.detail == "Too hard"
    assert ENGLISH.text(told.says) == "“ro” handed it up."
