from __future__ import annotations

import pytest

from provenance.limits import Limits
from provenance.report import Action
from provenance.signing.memory_signer import MemorySigner
from provenance.verification.actions import actions_of
from tests.factory.manifests import described_manifest, source_type
from tests.factory.metadata import HOSTILE_TEXTS
from tests.factory.stores import Store


def test_an_action_is_listed_with_what_it_says(agency_signer: MemorySigner) -> None:
    manifest = described_manifest(
        agency_signer,
        actions=[
            {
                "action": "c2pa.created",
                "when": "2026-01-31T12:00:00+09:00",
                "digitalSourceType": source_type("digitalCapture"),
                "softwareAgent": {"name": "오로라 Camera", "version": "1.2"},
                "description": "무대 🎤",
            },
            {"action": "c2pa.edited"},
        ],
    )
    assert actions_of(manifest) == (
        Action(
            action="c2pa.created",
            when="2026-01-31T12:00:00+09:00",
            software="오로라 Camera 1.2",
            digital_source_type=source_type("digitalCapture"),
            description="무대 🎤",
            created=True,
        ),
        Action(action="c2pa.edited", created=True),
    )


def test_actions_of_a_gathered_assertion_are_marked(agency_signer: MemorySigner) -> None:
    manifest = described_manifest(agency_signer, created=False)
    assert [action.created for action in actions_of(manifest)] == [False]


def test_software_agents_are_looked_up_by_number(agency_signer: MemorySigner) -> None:
    def edit(store: Store) -> None:
        body = store.assertion("c2pa.actions.v2")
        body["softwareAgents"] = [{"name": "Aurora Studio"}]
        body["actions"] = [
            {"action": "c2pa.created", "softwareAgentIndex": index} for index in (0, 1, -1, True)
        ]
        body["actions"].append({"action": "c2pa.edited", "softwareAgent": "Aurora Press"})
        store.set_assertion("c2pa.actions.v2", body)

    manifest = described_manifest(agency_signer, edit=edit)
    assert [action.software for action in actions_of(manifest)] == [
        "Aurora Studio",
        None,
        None,
        None,
        "Aurora Press",
    ]


def test_what_is_no_action_is_passed_over(agency_signer: MemorySigner) -> None:
    def edit(store: Store) -> None:
        listed = ["text", 7, {}, {"action": 7}, {"action": "c2pa.edited", "when": 7}]
        store.set_assertion("c2pa.actions.v2", {"actions": listed})

    manifest = described_manifest(agency_signer, edit=edit)
    assert actions_of(manifest) == (Action(action="c2pa.edited", created=True),)


@pytest.mark.parametrize("body", [[], "text", {"actions": "text"}, {"actions": {"action": "x"}}])
def test_an_assertion_without_a_list_of_actions_lists_none(
    agency_signer: MemorySigner, body: object
) -> None:
    def edit(store: Store) -> None:
        store.set_assertion("c2pa.actions.v2", body)

    assert actions_of(described_manifest(agency_signer, edit=edit)) == ()


def test_text_is_cleaned_and_the_list_bounded(agency_signer: MemorySigner) -> None:
    def edit(store: Store) -> None:
        listed = [{"action": "c2pa.edited", "description": hostile} for hostile in HOSTILE_TEXTS]
        store.set_assertion("c2pa.actions.v2", {"actions": listed * 1000})

    manifest = described_manifest(agency_signer, edit=edit)
    actions = actions_of(manifest, Limits(max_text_chars=20))
    assert len(actions) == 1000
    for action in actions[: len(HOSTILE_TEXTS)]:
        assert action.description is not None
        assert len(action.description) <= 20
        assert not set(action.description) & set("\x1b\u202e\u200b\n")
