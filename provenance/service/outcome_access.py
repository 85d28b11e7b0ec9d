"""The parts that answer about what follows from decisions, where there are any."""

from __future__ import annotations

from fastapi import Request

from provenance.runtime.moderation_parts import ModerationParts
from provenance.runtime.outcome_parts import OutcomeParts
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["OUTCOME_PROBLEMS", "desks_of", "outcomes_of"]

OUTCOME_PROBLEMS = responses(
    ProblemKind.BAD_REQUEST,
    ProblemKind.UNAUTHORISED,
    ProblemKind.FORBIDDEN,
    ProblemKind.SWITCHED_OFF,
    ProblemKind.NOT_FOUND,
    ProblemKind.CONFLICT,
    ProblemKind.WRONG_HOST,
    ProblemKind.INVALID,
    ProblemKind.RATE_LIMITED,
    ProblemKind.INTERNAL,
    ProblemKind.UNAVAILABLE,
)


def outcomes_of(request: Request) -> OutcomeParts:
    """What follows from decisions here.

    Raises:
        Problem: The operator has not switched moderation on.
    """
    outcomes = parts_of(request).outcomes
    if outcomes is None:
        raise Problem(ProblemKind.SWITCHED_OFF)
    return outcomes


def desks_of(request: Request) -> ModerationParts:
    """The desks of moderation here.

    Raises:
        Problem: The operator has not switched moderation on.
    """
    moderation = parts_of(request).moderation
    if moderation is None:
        raise Problem(ProblemKind.SWITCHED_OFF)
    return moderation
