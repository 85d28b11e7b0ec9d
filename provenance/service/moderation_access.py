"""Where the routes find moderation, if the operator has switched it on."""

from __future__ import annotations

from fastapi import Request

from provenance.runtime.moderation_parts import ModerationParts
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind

__all__ = ["moderation_of"]


def moderation_of(request: Request) -> ModerationParts:
    """The desks of moderation.

    Raises:
        Problem: It is switched off.
    """
    moderation = parts_of(request).moderation
    if moderation is None:
        raise Problem(ProblemKind.SWITCHED_OFF, "complaints are not taken here")
    return moderation
