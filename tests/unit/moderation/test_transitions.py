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


GUARDED = ("cases", "complaints", "appeals", "actions")


def writes_a_state(tree: ast.AST) -> list[int]:
    """Lines on which the state of one of the four tables is written."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        chain = ast.unparse(node.func)
        table = any(f"{verb}({name})" in chain for name in GUARDED for verb in ("update", "insert"))
        named = {keyword.arg for keyword in node.keywords}
        given = {
            key.value
            for argument in node.args
            if isinstance(argument, ast.Dict)
            for key in argument.keys
            if isinstance(key, ast.Constant)
        }
        if node.func.attr == "values" and table and "state" in named | given:
            found.append(node.lineno)
    return found


def test_only_one_module_writes_a_state() -> None:
    writers = {
        path.name
        for path in sorted(PACKAGE.rglob("*.py"))
        if "moderation" in (source := path.read_text("utf-8")) and writes_a_state(ast.parse(source))
    }
    assert writers == {"moves.py"}


def test_the_scan_sees_one() -> None:
    assert writes_a_state(ast.parse("update(cases).values(state=1, x=2)")) == [1]
    assert writes_a_state(ast.parse("update(cases).values({'state': 1})")) == [1]
    assert writes_a_state(ast.parse("update(cases).values(locked_until=1)")) == []
