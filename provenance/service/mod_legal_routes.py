"""What lawyers do with a case: take its evidence along, and hold it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.permissions import Permission
from provenance.service.audit_routes import bundle_file
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import done, incomplete, refused
from provenance.service.mod_page_routes import CaseId
from provenance.service.moderation_access import moderation_of
from provenance.service.outcome_access import outcomes_of
from provenance.service.staff_access import SignedIn, staff_for
from provenance.service.staff_forms import end_of_day

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

MakesBundles = Annotated[SignedIn, Depends(staff_for(Permission.MAKE_BUNDLES, fresh=True))]
Holds = Annotated[SignedIn, Depends(desk_for(Permission.LEGAL_HOLD))]

_REFUSALS = (ConflictError, PermissionRefusedError)
_MOST_CHARS = 400


@router.get("/mod/cases/{id}/bundle")
def bundle(request: Request, who: MakesBundles, id: CaseId, files: str = "") -> Response:  # noqa: A002
    """The evidence of a case in one file."""
    now = parts_of(request).clock()
    try:
        moderation_of(request).cases.get(id, who.reviewer, now=now)
        return bundle_file(request, id, by=who.account.id, with_files=files == "1")
    except _REFUSALS as error:
        return refused(request, who, error, back=f"/mod/cases/{id}")


@router.post("/mod/cases/{id}/hold")
def hold(request: Request, who: Holds, id: CaseId) -> Response:  # noqa: A002
    """Keep everything of a case until a day, or until it is lifted."""
    back, now = f"/mod/cases/{id}", parts_of(request).clock()
    why, day = who.fields.one("why"), who.fields.one("until")
    until = end_of_day(day)
    if (day and until is None) or not why.strip() or len(why) > _MOST_CHARS:
        return incomplete(request, who, back, typed=[why])
    try:
        moderation_of(request).cases.get(id, who.reviewer, now=now)
        outcomes_of(request).retention.hold(id, why, by=who.account.id, now=now, until=until)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=[why])
    return done(request, back, "mod.told.done")


@router.post("/mod/cases/{id}/holds/{hold}/lift")
def lift(request: Request, who: Holds, id: CaseId, hold: CaseId) -> Response:  # noqa: A002
    """Let a hold end now."""
    back, now, why = f"/mod/cases/{id}", parts_of(request).clock(), who.fields.one("why")
    if not why.strip() or len(why) > _MOST_CHARS:
        return incomplete(request, who, back, typed=[why])
    retention = outcomes_of(request).retention
    try:
        moderation_of(request).cases.get(id, who.reviewer, now=now)
        if all(one.id != hold for one in retention.holds(id)):
            raise NotFoundError(f"case {id}: hold {hold}: expected one of this case, got none")
        retention.lift(hold, why, by=who.account.id, now=now)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=[why])
    return done(request, back, "mod.told.done")
