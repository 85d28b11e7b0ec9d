"""Which problem is this error of ours?"""

from __future__ import annotations

from datetime import UTC
from email.utils import format_datetime

from starlette.requests import ClientDisconnect

from provenance.errors import (
    ConflictError,
    FetchError,
    LimitError,
    NotFoundError,
    PermissionRefusedError,
    ProvenanceError,
    RegisterError,
    StorageFullError,
    StoreError,
    TooOftenError,
)
from provenance.service.problems import Problem, ProblemKind

__all__ = ["as_problem"]

# The first that fits: a kind of error stands before what it is a kind of.
_TABLE: tuple[tuple[type[ProvenanceError], ProblemKind, bool], ...] = (
    (StorageFullError, ProblemKind.STORAGE_FULL, False),
    (StoreError, ProblemKind.UNAVAILABLE, False),
    (RegisterError, ProblemKind.UNAVAILABLE, False),
    (LimitError, ProblemKind.TOO_LARGE, True),
    # Which of several things is not there is nobody's to know.
    (NotFoundError, ProblemKind.NOT_FOUND, False),
    (ConflictError, ProblemKind.CONFLICT, True),
    (PermissionRefusedError, ProblemKind.FORBIDDEN, False),
    (FetchError, ProblemKind.UNFETCHABLE, True),
)


def as_problem(error: Exception) -> Problem:
    """The problem that this error is told as. What only the operator may know is left out."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ClientDisconnect):
        return Problem(ProblemKind.BAD_REQUEST, "the body ended before its end")
    if isinstance(error, TooOftenError):
        again = format_datetime(error.retry_at.astimezone(UTC), usegmt=True)
        return Problem(ProblemKind.RATE_LIMITED, headers={"Retry-After": again})
    for kind_of_error, kind, tell in _TABLE:
        if isinstance(error, kind_of_error):
            detail = str(error) if tell else None
            if kind is ProblemKind.CONFLICT and "used for another" in str(error):
                kind = ProblemKind.KEY_REUSED  # noqa: PLW2901 - the same table, one row finer
            closing = {"Connection": "close"} if kind is ProblemKind.TOO_LARGE else None
            return Problem(kind, detail, headers=closing)
    return Problem(ProblemKind.INTERNAL)
