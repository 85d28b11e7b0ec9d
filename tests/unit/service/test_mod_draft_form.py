"""The form of a decision, field by field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.moderation.policies import load_policy_book
from provenance.moderation.vocabulary import ActionType, Ground, Outcome
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_moves import AppealDraft, BulkDraft, Draft
from provenance.service.staff_forms import Fields
from provenance.wording.catalogue import catalogue_keys
from provenance.wording.languages import DEFAULT

NOW = datetime(2026, 11, 30, tzinfo=UTC)
_FOUND = load_policy_book().get("impersonation@1")
assert _FOUND is not None
POLICY = _FOUND
GOOD = (
    ("policy", "impersonation@1"),
    ("outcome", "violation"),
    ("actions", "label"),
    ("actions", "remove"),
    ("ground", "1"),
    ("facts", "The account calls itself the agency."),
    ("territories", "kr, JP;us"),
    ("ends_at", "2026-12-31"),
)


def form(**changed: str | tuple[str, ...] | None) -> DraftForm:
    pairs = [(name, value) for name, value in GOOD if name not in changed]
    for name, value in changed.items():
        values = (value,) if isinstance(value, str) else value or ()
        pairs += [(name, one) for one in values]
    return DraftForm.of(Fields(tuple(pairs)))


def test_a_whole_form_is_a_draft() -> None:
    draft = form().read(POLICY, now=NOW)
    assert isinstance(draft, Draft)
    assert draft.outcome is Outcome.VIOLATION
    assert draft.actions == (ActionType.LABEL, ActionType.REMOVE)
    assert draft.ground is Ground.LAW
    assert draft.reference == POLICY.grounds[1].reference
    assert draft.territories == ("KR", "JP", "US")
    # The last day is the last on which it holds, and the one that people are shown.
    assert draft.ends_at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert draft.subjects == ()
    assert not draft.automated_detection


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"outcome": ""}, {"outcome": "mod.wrong.choose", "actions": "mod.wrong.no-actions"}),
        ({"outcome": "fake", "actions": None}, {"outcome": "mod.wrong.choose"}),
        ({"actions": None}, {"actions": "mod.wrong.actions"}),
        ({"outcome": "no-violation"}, {"actions": "mod.wrong.no-actions"}),
        ({"actions": ("label", "refer-authority")}, {"actions": "mod.wrong.not-allowed"}),
        ({"ground": ""}, {"ground": "mod.wrong.choose"}),
        ({"ground": "3"}, {"ground": "mod.wrong.choose"}),
        ({"ground": "-1"}, {"ground": "mod.wrong.choose"}),
        ({"ground": "²"}, {"ground": "mod.wrong.choose"}),
        ({"facts": "  short  "}, {"facts": "mod.wrong.facts"}),
        ({"facts": "with a control \x07 character"}, {"facts": "mod.wrong.facts"}),
        ({"facts": "x" * 5001}, {"facts": "mod.wrong.facts"}),
        ({"territories": "Korea"}, {"territories": "mod.wrong.territories"}),
        ({"ends_at": "2026-11-29"}, {"ends_at": "mod.wrong.ends"}),
        ({"ends_at": "tomorrow"}, {"ends_at": "mod.wrong.ends"}),
        ({"ends_at": "2026-02-30"}, {"ends_at": "mod.wrong.ends"}),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    changed: dict[str, str | None], wrong: dict[str, str]
) -> None:
    assert form(**changed).read(POLICY, now=NOW) == wrong


@pytest.mark.parametrize("day", ["2026-11-30", "9999-12-31"], ids=["today", "the last there is"])
def test_every_day_from_today_is_a_last_day(day: str) -> None:
    assert isinstance(form(ends_at=day).read(POLICY, now=NOW), Draft)


def test_no_violation_needs_no_action() -> None:
    draft = form(outcome="no-violation", actions=None).read(POLICY, now=NOW)
    assert isinstance(draft, Draft)
    assert draft.actions == ()


def test_an_appeal_says_what_becomes_of_the_decision() -> None:
    whole = form(verdict="overturned").read(POLICY, now=NOW, appeal=True)
    assert isinstance(whole, AppealDraft)
    assert form().read(POLICY, now=NOW, appeal=True) == {"verdict": "mod.wrong.choose"}


def test_several_cases_are_carried_on() -> None:
    several = form(case=("one", "two"))
    draft = several.read(POLICY, now=NOW, bulk=True)
    assert isinstance(draft, BulkDraft)
    assert draft.cases == ("one", "two")
    assert [value for name, value in several.pairs if name == "case"] == ["one", "two"]


PAIRS = st.lists(
    st.tuples(
        st.sampled_from([name for name, _ in GOOD] + ["verdict", "case", "subjects", "x"]),
        st.text(max_size=40) | st.sampled_from([value for _, value in GOOD]),
    ),
    max_size=20,
)


@given(PAIRS)
def test_whatever_is_sent_is_a_draft_or_has_errors_with_words(
    pairs: list[tuple[str, str]],
) -> None:
    known = catalogue_keys(DEFAULT)
    for options in ({}, {"appeal": True}, {"bulk": True}):
        sent = DraftForm.of(Fields(tuple(pairs)))
        read = sent.read(POLICY, now=NOW, **options)
        if isinstance(read, Draft):
            assert set(read.actions) <= set(POLICY.allowed_actions)
            assert (read.outcome is Outcome.VIOLATION) == bool(read.actions)
        else:
            assert read
            assert set(read.values()) <= known.keys()


@given(PAIRS)
def test_a_form_that_is_carried_on_stays_the_same(pairs: list[tuple[str, str]]) -> None:
    sent = DraftForm.of(Fields(tuple(pairs)))
    assert DraftForm.of(Fields(sent.pairs)) == sent
