"""The only moves there are, of complaints, cases, appeals and actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from provenance.errors import ConflictError
from provenance.moderation.vocabulary import ActionState, AppealState, CaseState, ComplaintState

__all__ = [
    "ACTION_MOVES",
    "APPEAL_MOVES",
    "CASE_MOVES",
    "COMPLAINT_MOVES",
    "JOINABLE",
    "OPEN_COMPLAINTS",
    "check_move",
]

_C = ComplaintState
COMPLAINT_MOVES: Mapping[ComplaintState, frozenset[ComplaintState]] = {
    _C.RECEIVED: frozenset({_C.ACKNOWLEDGED, _C.WITHDRAWN, _C.REJECTED_ABUSIVE}),
    _C.ACKNOWLEDGED: frozenset({_C.LINKED, _C.NEEDS_INFO, _C.WITHDRAWN, _C.REJECTED_ABUSIVE}),
    _C.LINKED: frozenset({_C.NEEDS_INFO, _C.ANSWERED, _C.WITHDRAWN, _C.REJECTED_ABUSIVE}),
    # Who does not answer a question is decided about all the same, and told.
    _C.NEEDS_INFO: frozenset({_C.LINKED, _C.ANSWERED, _C.WITHDRAWN, _C.REJECTED_ABUSIVE}),
    # Back to `linked` where the decision was taken back and another one is to come.
    _C.ANSWERED: frozenset({_C.CONTESTED, _C.LINKED, _C.REJECTED_ABUSIVE}),
    # Its appeal waits: that is taken back, or decided.
    _C.CONTESTED: frozenset({_C.ANSWERED}),
    _C.WITHDRAWN: frozenset(),
    _C.REJECTED_ABUSIVE: frozenset(),
}
"""Where a complaint may go from where it is."""

_S = CaseState
CASE_MOVES: Mapping[CaseState, frozenset[CaseState]] = {
    _S.OPEN: frozenset({_S.TRIAGED, _S.VOID, _S.MERGED}),
    _S.TRIAGED: frozenset({_S.QUEUED, _S.INTERIM_RESTRICTED, _S.VOID, _S.MERGED}),
    _S.INTERIM_RESTRICTED: frozenset({_S.QUEUED, _S.VOID, _S.MERGED}),
    _S.QUEUED: frozenset({_S.ASSIGNED, _S.VOID, _S.MERGED}),
    _S.ASSIGNED: frozenset(
        {_S.QUEUED, _S.ESCALATED, _S.DECIDED, _S.AWAITING_SECOND, _S.VOID, _S.MERGED}
    ),
    _S.ESCALATED: frozenset({_S.ASSIGNED, _S.VOID}),
    _S.AWAITING_SECOND: frozenset({_S.DECIDED, _S.ASSIGNED}),
    _S.DECIDED: frozenset({_S.ENFORCING, _S.CLOSED}),
    _S.ENFORCING: frozenset({_S.CLOSED, _S.ENFORCEMENT_FAILED, _S.REOPENED}),
    _S.ENFORCEMENT_FAILED: frozenset({_S.ENFORCING, _S.CLOSED, _S.REOPENED}),
    _S.CLOSED: frozenset({_S.REOPENED}),
    # Straight to `decided` by whoever decides an appeal.
    _S.REOPENED: frozenset({_S.QUEUED, _S.DECIDED}),
    _S.VOID: frozenset(),
    _S.MERGED: frozenset(),
}
"""Where a case may go from where it is."""

_A = AppealState
APPEAL_MOVES: Mapping[AppealState, frozenset[AppealState]] = {
    # Straight to `decided` where another appeal against the same decision was.
    _A.FILED: frozenset({_A.ASSIGNED, _A.DECIDED, _A.WITHDRAWN}),
    _A.ASSIGNED: frozenset({_A.FILED, _A.AWAITING_SECOND, _A.DECIDED, _A.WITHDRAWN}),
    _A.AWAITING_SECOND: frozenset({_A.ASSIGNED, _A.DECIDED}),
    _A.DECIDED: frozenset(),
    _A.WITHDRAWN: frozenset(),
}
"""Where an appeal may go from where it is."""

_T = ActionState
ACTION_MOVES: Mapping[ActionState, frozenset[ActionState]] = {
    _T.PENDING: frozenset({_T.DONE, _T.FAILED, _T.REVERSED}),
    _T.FAILED: frozenset({_T.PENDING, _T.DONE, _T.REVERSED}),
    _T.DONE: frozenset({_T.REVERSED}),
    _T.REVERSED: frozenset(),
}
"""Where an action may go from where it is."""

OPEN_COMPLAINTS = frozenset({_C.RECEIVED, _C.ACKNOWLEDGED, _C.LINKED, _C.NEEDS_INFO})
"""Complaints that wait for an answer."""
JOINABLE = frozenset(
    {
        _S.OPEN,
        _S.TRIAGED,
        _S.INTERIM_RESTRICTED,
        _S.QUEUED,
        _S.ASSIGNED,
        _S.ESCALATED,
        _S.AWAITING_SECOND,
        _S.REOPENED,
    }
)
"""Cases that nobody has decided yet: more complaints about the same join them."""

_State = TypeVar("_State", ComplaintState, CaseState, AppealState, ActionState)


def check_move(
    moves: Mapping[_State, frozenset[_State]], old: _State, new: _State, *, what: str
) -> None:
    """Make sure that there is such a move.

    Args:
        moves: The table.
        old: Where it is.
        new: Where it is to go.
        what: What moves, for the message.

    Raises:
        ConflictError: There is not.
    """
    if new not in moves[old]:
        raise ConflictError(f"{what}: is {old.value}, from where it cannot become {new.value}")
