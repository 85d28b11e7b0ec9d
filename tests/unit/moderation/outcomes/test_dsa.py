"""The EU's database: what it would refuse is refused here, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from provenance.errors import ConflictError
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.dsa import (
    DSA_ACTIONS,
    EEA,
    DsaCategory,
    DsaContentType,
    DsaFacts,
    DsaSource,
    DsaStatement,
    default_classification,
    dsa_statement,
    source_type_of,
)
from provenance.moderation.vocabulary import ActionType, Category, Channel, Ground, Outcome

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DECISION = Decision(
    id="dec-AbC_123",
    case="case",
    subjects=("subject",),
    outcome=Outcome.VIOLATION,
    policies=("impersonation@2026-1",),
    ground=Ground.TERMS,
    reference="Terms, 4.2",
    facts="A machine made a picture of a person of the group.",
    actions=(ActionType.REMOVE,),
    territories=("DE", "KR"),
    ends_at=NOW + timedelta(days=30),
    automated_detection=False,
    maker="reviewer-1",
    second=None,
    supersedes=None,
    created_at=NOW,
)
FACTS = DsaFacts(
    category=DsaCategory.CYBER_VIOLENCE,
    keywords=("KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",),
    content_types=(DsaContentType.SYNTHETIC_MEDIA, DsaContentType.IMAGE),
    content_date=datetime(2026, 4, 30, 23, 30, tzinfo=UTC),
    source=DsaSource.ARTICLE_16,
    explanation="Pictures of people that a machine made are not allowed without consent.",
)


def test_a_decision_is_the_document_that_the_database_documents() -> None:
    assert dsa_statement(DECISION, FACTS) == {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "decision_facts": "A machine made a picture of a person of the group.",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Terms, 4.2",
        "incompatible_content_explanation": FACTS.explanation,
        "content_type": ["CONTENT_TYPE_SYNTHETIC_MEDIA", "CONTENT_TYPE_IMAGE"],
        "category": "STATEMENT_CATEGORY_CYBER_VIOLENCE",
        "category_specification": ["KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE"],
        "territorial_scope": ["DE"],
        "content_date": "2026-04-30",
        "application_date": "2026-05-01",
        "end_date_visibility_restriction": "2026-05-31",
        "source_type": "SOURCE_ARTICLE_16",
        "automated_detection": "No",
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
        "puid": "dec-AbC_123",
    }


def test_the_ground_of_law_has_its_own_texts() -> None:
    decision = replace(
        DECISION,
        ground=Ground.LAW,
        territories=(),
        ends_at=None,
        automated_detection=True,
        actions=(ActionType.SUSPEND_ACCOUNT, ActionType.TERMINATE_ACCOUNT, ActionType.HASH_BLOCK),
    )
    document = dsa_statement(decision, replace(FACTS, repeats=True))
    assert document["illegal_content_legal_ground"] == "Terms, 4.2"
    assert "incompatible_content_ground" not in document
    assert document["decision_account"] == "DECISION_ACCOUNT_TERMINATED"
    assert document["decision_visibility"] == ["DECISION_VISIBILITY_OTHER"]
    assert document["decision_visibility_other"]
    assert document["territorial_scope"] == list(EEA)
    assert document["automated_detection"] == "Yes"
    assert document["automated_decision"] == "AUTOMATED_DECISION_PARTIALLY"
    assert "end_date_account_restriction" not in document


@pytest.mark.parametrize(
    ("decision", "facts", "why"),
    [
        ({"outcome": Outcome.NO_VIOLATION}, {}, "expected one that restricts"),
        ({"actions": (ActionType.NOTIFY_HOST,)}, {}, "at least one restriction"),
        ({"facts": "x" * 5001}, {}, "decision_facts: String should have at most 5000"),
        ({"facts": ""}, {}, "decision_facts"),
        ({"reference": "x" * 501}, {}, "incompatible_content_ground: String .* at most 500"),
        ({}, {"explanation": "x" * 2001}, "incompatible_content_explanation: .* at most 2000"),
        ({}, {"content_types": ()}, "content_type: Tuple should have at least 1"),
        ({}, {"content_types": (DsaContentType.OTHER,)}, "content_type_other: expected a text"),
        ({}, {"keywords": ("KEYWORD_DEEPFAKE",)}, "category_specification"),
        ({}, {"content_date": datetime(1999, 12, 31, tzinfo=UTC)}, "content_date"),
        ({"created_at": datetime(2019, 12, 31, tzinfo=UTC)}, {}, "application_date"),
        ({"ends_at": NOW - timedelta(days=2)}, {}, "expected none before the application_date"),
        ({"territories": ("KR", "US")}, {}, "territorial_scope: expected a country of the EEA"),
        ({"id": "has a space"}, {}, "puid"),
        ({}, {"reference_url": "ftp://law.example"}, "decision_ground_reference_url"),
        ({}, {"content_language": "eng"}, "content_language"),
        ({"facts": "by minji@mail.example"}, {}, "decision_facts: expected no personal data"),
        ({"facts": "call 010-1234-5678"}, {}, "decision_facts: .* a telephone number"),
        ({"facts": "see https://s.example/@minji"}, {}, "an address with a user in it"),
    ],
)
def test_what_the_database_would_refuse(
    decision: dict[str, Any], facts: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConflictError, match=why):
        dsa_statement(replace(DECISION, **decision), replace(FACTS, **facts))


@given(
    actions=st.lists(st.sampled_from(list(ActionType)), min_size=1, max_size=5),
    ground=st.sampled_from(Ground),
    territories=st.lists(st.sampled_from([*EEA, "KR"]), max_size=4),
    machine=st.booleans(),
)
def test_every_restriction_makes_a_document_that_is_valid_again(
    actions: list[ActionType], ground: Ground, territories: list[str], *, machine: bool
) -> None:
    decision = replace(
        DECISION,
        actions=tuple(actions),
        ground=ground,
        territories=tuple(territories),
        automated_detection=machine,
    )
    if not any(DSA_ACTIONS[action] for action in actions) or set(territories) == {"KR"}:
        with pytest.raises(ConflictError):
            dsa_statement(decision, FACTS)
        return
    document = dsa_statement(decision, FACTS)
    assert (
        DsaStatement.model_validate(document).model_dump(mode="json", exclude_none=True) == document
    )
    assert document == dsa_statement(decision, FACTS)


def test_the_fields_depend_on_each_other() -> None:
    document = dsa_statement(DECISION, FACTS)
    for changed, why in (
        ({"illegal_content_legal_ground": "x"}, "illegal_content_legal_ground: expected none"),
        ({"category_specification_other": "x"}, "expected none without KEYWORD_OTHER"),
        ({"decision_visibility_other": "x"}, "decision_visibility_other: expected none"),
        ({"source_type": "SOURCE_VOLUNTARY", "source_identity": "x"}, "source_identity"),
        ({"unknown": "x"}, "unknown"),
    ):
        with pytest.raises(ValidationError, match=why):
            DsaStatement.model_validate({**document, **changed})


def test_every_action_and_category_has_its_place() -> None:
    assert set(DSA_ACTIONS) == set(ActionType)
    for action, word in DSA_ACTIONS.items():
        assert (word is not None) is action.restrictive, action
    for category in Category:
        found, keywords = default_classification(category)
        document = dsa_statement(DECISION, replace(FACTS, category=found, keywords=keywords))
        assert document["category"] == found.value


def test_what_it_began_with() -> None:
    assert source_type_of([]) is DsaSource.VOLUNTARY
    assert source_type_of([Channel.PAGE, Channel.TRUSTED]) is DsaSource.ARTICLE_16
    assert source_type_of([Channel.TRUSTED]) is DsaSource.TRUSTED_FLAGGER
    assert source_type_of([Channel.TRUSTED], agency_only=True) is DsaSource.ARTICLE_16
