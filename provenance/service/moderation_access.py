"""Where the routes find moderation, if the operator has switched it on."""

from __future__ import annotations

from fastapi import Request

from provenance.moderation.public_decisions import PublicDecisions
from provenance.runtime.moderation_parts import ModerationParts
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind

__all__ = ["moderation_of", "public_decisions_of"]


def moderation_of(request: Request) -> ModerationParts:
    """The desks of moderation.

    Raises:
        Problem: It is switched off.
    """
    moderation = parts_of(request).moderation
    if moderation is None:
        raise Problem(ProblemKind.SWITCHED_OFF, "complaints are not taken here")
    return moderation


def public_decisions_of(request: Request) -> PublicDecisions:
    """What everybody may read of decisions.

    Raises:
        Problem: Moderation is switched off.
    """
    return PublicDecisions(moderation_of(request).office.engine)
