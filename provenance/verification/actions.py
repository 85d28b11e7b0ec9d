"""The actions that a manifest says were taken on its asset.

Spec: C2PA 2.4 "Actions" (`c2pa.actions`, `c2pa.actions.v2`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from provenance.credentials.manifest_store import Assertion, Manifest
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.report import Action
from provenance.untrusted import clean_text

__all__ = ["ACTIONS_LABELS", "actions_of", "labelled_actions"]

ACTIONS_LABELS = ("c2pa.actions", "c2pa.actions.v2")
"""Labels of actions assertions, without instance numbers."""

_MAX_ACTIONS = 1_000


def actions_of(manifest: Manifest, limits: Limits = DEFAULT_LIMITS) -> tuple[Action, ...]:
    """Which actions does this manifest list, in order?

    The first thousand of them. What is no action is passed over, and an assertion that
    cannot be decoded lists none; whether any of it holds is not asked here.
    """
    return tuple(action for _, action in labelled_actions(manifest, limits))


def labelled_actions(manifest: Manifest, limits: Limits) -> tuple[tuple[str, Action], ...]:
    """The same, each with the label of the assertion that lists it."""
    return tuple(islice(_actions(manifest, limits), _MAX_ACTIONS))


def _actions(manifest: Manifest, limits: Limits) -> Iterator[tuple[str, Action]]:
    for assertion in manifest.of_type(*ACTIONS_LABELS):
        body = assertion.decode_map(limits)
        # After the type, a label may go on with anything.
        label = clean_text(assertion.label)
        listed, agents = body.get("actions"), body.get("softwareAgents")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("action"), str):
                yield label, _action(entry, agents, assertion, limits)


def _action(
    entry: Mapping[Any, Any], agents: object, assertion: Assertion, limits: Limits
) -> Action:
    parameters = entry.get("parameters")
    description = entry.get("description")
    if description is None and isinstance(parameters, Mapping):
        # Where version 1 of the assertion has it.
        description = parameters.get("description")
    return Action(
        action=_cleaned(entry["action"], limits) or "",
        when=_cleaned(entry.get("when"), limits),
        software=_cleaned(_software(entry, agents), limits),
        digital_source_type=_cleaned(entry.get("digitalSourceType"), limits),
        description=_cleaned(description, limits),
        created=assertion.created,
    )


def _software(entry: Mapping[Any, Any], agents: object) -> str | None:
    agent, index = entry.get("softwareAgent"), entry.get("softwareAgentIndex")
    if agent is None and isinstance(agents, list) and type(index) is int:
        agent = agents[index] if 0 <= index < len(agents) else None
    if isinstance(agent, Mapping):
        parts = (agent.get("name"), agent.get("version"))
        return " ".join(part for part in parts if isinstance(part, str)) or None
    return agent if isinstance(agent, str) else None


def _cleaned(value: object, limits: Limits) -> str | None:
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        return None
    return clean_text(value, max_chars=limits.max_text_chars) or None
