"""The console for programs: the queue, cases, appeals, and every move, as JSON.

Whoever asks is a member of the staff with a session, as in the browser: a key opens nothing
here. What changes something has the header `X-CSRF-Token`, which `/v1/mod/me` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from provenance.moderation.model import Appeal, Contact
from provenance.moderation.overview import Overview
from provenance.moderation.permissions import Permission
from provenance.moderation.views import BulkPreview, CaseFile, QueueFilters, QueueRow
from provenance.moderation.vocabulary import CaseState, Category, Queue, Role, Severity
from provenance.service.callers import parts_of
from provenance.service.mod_case_view import without_words
from provenance.service.mod_moves import (
    APPEAL_MOVE_TABLE,
    CASE_MOVE_TABLE,
    BulkDraft,
    BulkToken,
    Move,
    Why,
    draft_of,
)
from provenance.service.mod_page_routes import CaseId, evidence
from provenance.service.moderation_access import moderation_of
from provenance.service.problems import ProblemKind, responses
from provenance.service.staff_access import SignedIn, signed_in, staff_for

__all__ = ["router"]

router = APIRouter(
    tags=["moderation"],
    prefix="/v1/mod",
    responses=responses(
        ProblemKind.UNAUTHORISED,
        ProblemKind.FORBIDDEN,
        ProblemKind.SWITCHED_OFF,
        ProblemKind.NOT_FOUND,
        ProblemKind.CONFLICT,
        ProblemKind.WRONG_HOST,
        ProblemKind.INVALID,
        ProblemKind.INTERNAL,
        ProblemKind.UNAVAILABLE,
    ),
)

_P = Permission
Somebody = Annotated[SignedIn, Depends(signed_in)]
Sees = Annotated[SignedIn, Depends(staff_for(_P.SEE_CASES, _P.SEE_RESTRICTED))]
Looks = Annotated[SignedIn, Depends(staff_for(_P.UNBLUR))]
Bulk = Annotated[SignedIn, Depends(staff_for(_P.BULK))]
Undoes = Annotated[SignedIn, Depends(staff_for(_P.UNDO))]
SeesContact = Annotated[SignedIn, Depends(staff_for(_P.SEE_CONTACT))]
Appeals = Annotated[SignedIn, Depends(staff_for(_P.DECIDE_APPEALS))]

_Limit = Annotated[int, Query(ge=1, le=200)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]


class MeDocument(BaseModel):
    """Whoever asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="StaffMember")

    id: str
    roles: tuple[Role, ...]
    permissions: tuple[Permission, ...]
    csrf: str = Field(description="What `X-CSRF-Token` has to hold.")
    trained_until: datetime | None
    looks_today: int = Field(description="How often evidence was looked at in 24 hours.")
    exposure_cap: int


class DoneDocument(BaseModel):
    """What became of a move."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Moved")

    done: str = Field(description="The move.")
    made: dict[str, Any] | None = Field(
        description="What it made or changed; null where there is nothing, or where it waits "
        "for a second person."
    )


@router.get("/me", operation_id="whoAmI")
def me(request: Request, who: Somebody) -> MeDocument:
    """Say who asks, and what they may."""
    reviewer = who.reviewer
    now = parts_of(request).clock()
    return MeDocument(
        id=reviewer.id,
        roles=tuple(sorted(reviewer.roles)),
        permissions=tuple(sorted(who.permissions)),
        csrf=who.csrf,
        trained_until=reviewer.trained_until,
        looks_today=Overview(moderation_of(request).office).looks_today(reviewer, now=now),
        exposure_cap=reviewer.exposure_cap,
    )


@router.get("/queue", operation_id="listCases")
def queue(  # noqa: PLR0913, PLR0917 - what can be filtered by
    request: Request,
    who: Sees,
    state: Annotated[list[CaseState] | None, Query()] = None,
    category: Category | None = None,
    severity: Severity | None = None,
    queue: Queue | None = None,
    agency: Annotated[str | None, Query(max_length=128)] = None,
    mine: bool = False,  # noqa: FBT001, FBT002 - of the address
    overdue: bool = False,  # noqa: FBT001, FBT002
    limit: _Limit = 50,
    offset: _Offset = 0,
) -> list[QueueRow]:
    """Cases that wait, gravest and most urgent first."""
    filters = QueueFilters(
        states=frozenset(state or ()),
        category=category,
        severity=severity,
        queue=queue,
        agency=agency,
        mine=mine,
        overdue=overdue,
        limit=limit,
        offset=offset,
    )
    now = parts_of(request).clock()
    return list(moderation_of(request).cases.queue(who.reviewer, filters, now=now))


@router.get("/cases/{id}", operation_id="getCase")
def case(request: Request, who: Sees, id: CaseId, offset: _Offset = 0) -> CaseFile:  # noqa: A002
    """All about a case; of its complaints the first after `offset`."""
    now = parts_of(request).clock()
    return without_words(moderation_of(request).cases.get(id, who.reviewer, now=now, offset=offset))


@router.get("/cases/{id}/evidence/{subject}", operation_id="getEvidence", response_class=Response)
def evidence_bytes(request: Request, who: Looks, id: CaseId, subject: CaseId) -> Response:  # noqa: A002
    """Send the bytes, to whoever gave a reason to look (`unblur`) a short while ago."""
    return evidence(request, who, id, subject)


@router.post("/complaints/{ref}/contact", operation_id="lookAtContact")
def contact(request: Request, who: SeesContact, ref: CaseId, body: Why) -> Contact | None:
    """Say who complained; that somebody asked, and why, is written down."""
    now = parts_of(request).clock()
    return moderation_of(request).cases.contact_of(ref, who.reviewer, why=body.why, now=now)


@router.get("/appeals", operation_id="listAppeals")
def appeals(request: Request, who: Appeals) -> list[Appeal]:
    """Appeals that wait, oldest first."""
    now = parts_of(request).clock()
    return list(moderation_of(request).appeals.queue(who.reviewer, now=now))


@router.get("/appeals/{id}", operation_id="getAppeal")
def appeal(request: Request, who: Appeals, id: CaseId) -> Appeal:  # noqa: A002
    """One appeal."""
    return moderation_of(request).appeals.get(id, who.reviewer)


@router.post("/bulk", operation_id="previewBulk")
def preview_bulk(request: Request, who: Bulk, body: BulkDraft) -> BulkPreview:
    """Show, case by case, what one decision about all of them would do; nothing is done."""
    now = parts_of(request).clock()
    return moderation_of(request).cases.bulk_preview(
        body.cases, draft_of(body), who.reviewer, now=now
    )


@router.post("/bulk/decide", operation_id="decideBulk")
def decide_bulk(request: Request, who: Bulk, body: BulkToken) -> DoneDocument:
    """Decide what a preview showed, if nothing of it has changed."""
    now = parts_of(request).clock()
    made = moderation_of(request).cases.bulk_decide(body.token, who.reviewer, now=now)
    return _moved("bulk", made)


@router.post("/decisions/{id}/undo", operation_id="undoDecision")
def undo(request: Request, who: Undoes, id: CaseId, body: Why) -> DoneDocument:  # noqa: A002
    """Take a decision back in all its cases where it still holds."""
    now = parts_of(request).clock()
    made = moderation_of(request).cases.undo(id, who.reviewer, why=body.why, now=now)
    return _moved("undo", made)


def _moved(name: str, made: object) -> DoneDocument:
    fields: dict[str, Any] | None = None
    if made is not None and hasattr(made, "__dataclass_fields__"):
        fields = asdict(made)  # type: ignore[call-overload]
    return DoneDocument(done=name, made=fields)


def _endpoint(name: str, move: Move, desk: str) -> Callable[..., DoneDocument]:
    def endpoint(request: Request, who: Any, id: str, body: Any) -> DoneDocument:  # noqa: A002
        now = parts_of(request).clock()
        made = move.run(getattr(moderation_of(request), desk), id, who.reviewer, body, now)
        return _moved(name, made)

    endpoint.__doc__ = move.does
    endpoint.__annotations__ |= {
        "request": Request,
        "who": Annotated[SignedIn, Depends(staff_for(move.permission))],
        "id": CaseId,
        "body": move.body,
        "return": DoneDocument,
    }
    return endpoint


def _add(table: Mapping[str, Move], thing: str, desk: str) -> None:
    for name, move in table.items():
        router.add_api_route(
            f"/{thing}s/{{id}}/{name}",
            _endpoint(name, move, desk),
            methods=["POST"],
            operation_id=f"{name}{thing.capitalize()}",
            summary=f"{name.capitalize()} a {thing}"
            if thing == "case"
            else f"{name.capitalize()} an {thing}",
        )


_add(CASE_MOVE_TABLE, "case", "cases")
_add(APPEAL_MOVE_TABLE, "appeal", "appeals")
