"""Whether a release is current, withdrawn or superseded, from what its agency signed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from provenance.errors import MalformedError, RegisterError
from provenance.registry.log.statement import Statement, Supersede, Withdraw, parse_statement
from provenance.verdict import ReleaseState

__all__ = ["Status", "derive_status", "read_statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a release stands.

    Attributes:
        state: `current`, `withdrawn` or `superseded`.
        changed_at: When the agency said so.
        reason: Of a withdrawal.
        replaced_by: The newer release's id.
    """

    state: ReleaseState
    changed_at: datetime
    reason: str | None = None
    replaced_by: str | None = None


def derive_status(stated_at: datetime, later: Iterable[Statement]) -> Status:
    """How does a release stand after these statements?

    A withdrawal is final: no newer version takes it back.

    Args:
        stated_at: When the release was first stated.
        later: What was stated about it since, in that order.
    """
    status = Status(state=ReleaseState.CURRENT, changed_at=stated_at)
    for statement in later:
        match statement:
            case Withdraw() if status.state is not ReleaseState.WITHDRAWN:
                status = Status(
                    state=ReleaseState.WITHDRAWN,
                    changed_at=statement.claimed_at,
                    reason=statement.reason.value,
                    replaced_by=status.replaced_by,
                )
            case Supersede() if status.state is not ReleaseState.WITHDRAWN:
                status = Status(
                    state=ReleaseState.SUPERSEDED,
                    changed_at=statement.claimed_at,
                    replaced_by=statement.replaced_by,
                )
            case _:
                pass
    return status


def read_statement(encoded: bytes, *, where: str) -> Statement:
    """Which statement is in this stored change? Its signature is not looked at.

    Raises:
        RegisterError: None; the database was edited or is damaged.
    """
    try:
        return parse_statement(json.loads(encoded)["statement"], where=where)
    except (ValueError, KeyError, TypeError, RecursionError, MalformedError) as error:
        raise RegisterError(f"{where}: expected a signed statement; run fsck: {error}") from error
