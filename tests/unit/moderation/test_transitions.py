"""The tables of moves, and that nothing else writes a state."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import Any

import pytest

import provenance.moderation
from provenance.errors import ConflictError
from provenance.moderation.transitions import (
    ACTION_MOVES,
    APPEAL_MOVES,
    CASE_MOVES,
    COMPLAINT_MOVES,
    check_move,
)
from provenance.moderation.vocabulary import ActionState, AppealState, CaseState, ComplaintState

PACKAGE = Path(provenance.moderation.__file__).parents[1]
TABLES: dict[str, tuple[Any, Any, Any]] = {
    "complaint": (COMPLAINT_MOVES, ComplaintState, ComplaintState.RECEIVED),
    "case": (CASE_MOVES, CaseState, CaseState.OPEN),
    "appeal": (APPEAL_MOVES, AppealState, AppealState.FILED),
    "action": (ACTION_MOVES, ActionState, ActionState.PENDING),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_in_its_table_and_can_be_reached(name: str) -> None:
    moves, states, first = TABLES[name]
    assert set(moves) == set(states)
    reached, more = {first}, [first]
    while more:
        new = set(moves[more.pop()]) - reached
        reached |= new
        more += new
    assert reached == set(states)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_in_no_table_is_refused_with_both_states_named(name: str) -> None:
    moves, states, _ = TABLES[name]
    for old, new in itertools.product(states, states):
        if new in moves[old]:
            check_move(moves, old, new, what=name)
        else:
            with pytest.raises(ConflictError) as error:
                check_move(moves, old, new, what=name)
            assert str(error.value) == (
                f"{name}: is {old.value}, from where it cannot become {new.value}"
            )


def test_what_is_final_is_final() -> None:
    final = {s for moves in (COMPLAINT_MOVES, CASE_MOVES) for s, to in moves.items() if not to}
    assert final == {"withdrawn", "rejected-abusive", "void", "merged"}


def writes_a_state(tree: ast.AST) -> list[int]:
    """Lines on which `.values(...)` or a dictionary for it names a state."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {keyword.arg for keyword in node.keywords}
            if node.func.attr == "values" and "state" in named:
                found.append(node.lineno)
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if "state" in keys:
                found.append(node.lineno)
    return found


# What shows a state, or its own states: the outbox is none of the four tables.
def test_only_one_module_writes_a_state() -> None:
    writers = {}
    for path in sorted((PACKAGE / "moderation").rglob("*.py")):
        source = path.read_text("utf-8")
        if "moderation.tables" in source and writes_a_state(ast.parse(source)):
            writers[path.name] = writes_a_state(ast.parse(source))
    # In bulk.py a state is part of what was shown, and digested.
    assert set(writers) == {"moves.py", "bulk.py"}
    assert len(writers["bulk.py"]) == 1


def test_the_scan_sees_one() -> None:
    assert writes_a_state(ast.parse("update(cases).values(state=1, x=2)")) == [1]
    assert writes_a_state(ast.parse("update(cases).values({'state': 1})")) == [1]
    assert writes_a_state(ast.parse("update(cases).values(locked_until=1)")) == []
