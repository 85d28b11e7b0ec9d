"""At the door of the console: who may, and what they typed when their session had ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request

from provenance.moderation.permissions import Permission
from provenance.service.page_answers import page, wants_page
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import AnswerInsteadError, SignedIn, staff_for
from provenance.service.staff_forms import CSRF_FIELD, fields_of

__all__ = ["desk_for"]

_READS = {"GET", "HEAD"}
_MAX_KEPT = 8
_MAX_CHARS = 20_000
# What people wrote; everything else is quickly chosen again.
_WRITTEN = ("facts", "text", "why", "reference")


def desk_for(*needs: Permission) -> Callable[[Request], Awaitable[SignedIn]]:
    """A dependency of the console's pages: a member of the staff with one of these rights.

    A form whose sender is signed out meanwhile does nothing; what they wrote is shown to them
    again, if it is their own browser that sends it from our own page.
    """
    member = staff_for(*needs)

    async def at_the_desk(request: Request) -> SignedIn:
        try:
            return await member(request)
        except Problem as problem:
            if (
                problem.kind is not ProblemKind.UNAUTHORISED
                or request.method in _READS
                or not wants_page(request)
                or request.headers.get("Sec-Fetch-Site") != "same-origin"
            ):
                raise
            typed = await _typed(request)
            raise AnswerInsteadError(
                page(request, "mod_signed_out.html", status=401, typed=typed)
            ) from problem

    return at_the_desk


async def _typed(request: Request) -> tuple[str, ...]:
    fields = await fields_of(request)
    found = [
        value[:_MAX_CHARS]
        for name, value in fields.pairs
        if name in _WRITTEN and name != CSRF_FIELD and value.strip()
    ]
    return tuple(found[:_MAX_KEPT])
