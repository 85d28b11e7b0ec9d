"""Complaints and appeals through the API: filed by anybody, followed with a PIN."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request
from starlette.responses import Response

from provenance.database.transactions import transaction
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.references import shown_reference
from provenance.moderation.views import Followed
from provenance.moderation.vocabulary import Channel
from provenance.records.idempotency import record_answer
from provenance.records.scopes import Scope
from provenance.records.sealed_answers import key_digest, open_answer, seal_answer
from provenance.service.answers import url_of
from provenance.service.callers import Caller, caller_for, network_of, parts_of
from provenance.service.complaint_documents import (
    AppealDocument,
    AppealRequest,
    AppealWithdrawal,
    ComplaintDocument,
    ComplaintRequest,
    FiledDocument,
    InfoRequest,
)
from provenance.service.moderation_access import moderation_of
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["PIN_HEADER", "router"]

router = APIRouter(tags=["complaints"])

PIN_HEADER = "Complaint-Pin"

Files = Annotated[
    Caller, Depends(caller_for(Scope.COMPLAINTS, Scope.COMPLAINTS_TRUSTED, everybody=True))
]
Anybody = Annotated[Caller, Depends(caller_for(everybody=True))]
Ref = Annotated[
    str,
    Path(pattern="^[0-9A-Za-z -]{1,40}$", description="Reference of a complaint."),
]
DecisionId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="A decision's name.")]
AppealId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="An appeal's name.")]
Pin = Annotated[
    str,
    Header(
        alias=PIN_HEADER,
        description="What was told once when it was filed.",
        min_length=1,
        max_length=40,
        pattern="^[!-~]+$",
    ),
]
OptionalPin = Annotated[
    str | None,
    Header(
        alias=PIN_HEADER,
        description="For an appeal by whoever complained.",
        min_length=1,
        max_length=40,
        pattern="^[!-~]+$",
    ),
]
LongIdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same request with the same key gets the same answer, for a day. It "
        "opens that answer, so it is to be long and random, like a UUID.",
        min_length=16,
        max_length=128,
        pattern="^[!-~]+$",
    ),
]

_LEASE = timedelta(minutes=1)
_ANONYMOUS = "anonymous"
_PROBLEMS = responses(
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
_FILE: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    **responses(ProblemKind.INVALID, ProblemKind.KEY_REUSED),
}


@router.post("/v1/complaints", status_code=201, responses=_FILE, operation_id="fileComplaint")
async def file_complaint(
    request: Request,
    response: Response,
    caller: Files,
    body: ComplaintRequest,
    idempotency_key: LongIdempotencyKey = None,
) -> FiledDocument:
    """Report something. No account, no file: an address, a digest or a report is enough.

    With a key of the scope `complaints:trusted` it comes first, and from one who is trusted.
    """
    if body.external_id is not None and caller.key is None:
        raise Problem(ProblemKind.INVALID, "external_id: only with a key")
    response.headers["Cache-Control"] = "no-store"
    document = await asyncio.to_thread(_file_once, request, caller, body, idempotency_key)
    response.headers["Location"] = f"/v1/complaints/{document.ref}"
    return document


def _file_once(
    request: Request, caller: Caller, body: ComplaintRequest, key: str | None
) -> FiledDocument:
    if key is None:
        return _file(request, caller, body)
    parts = parts_of(request)
    owner, name = caller.owner or _ANONYMOUS, key_digest(key)
    # With the operator's key: a plain digest would confirm a guess at who complained.
    keys = moderation_of(request).office.keys
    digest = keys.digest("request", f"complaint {body.model_dump_json()}")
    begun = parts.requests.begin(
        owner=owner,
        key=name,
        request=hashlib.sha256(digest.encode()).hexdigest(),
        now=parts.clock(),
        lease=_LEASE,
    )
    if begun.answer is not None:
        return FiledDocument.model_validate(open_answer(begun.answer, key))
    try:
        document = _file(request, caller, body)
    except BaseException:
        parts.requests.abandoned(owner=owner, key=name, leased_until=begun.leased_until)
        raise
    kept = seal_answer(document.model_dump(mode="json"), key, random=secrets.token_bytes)
    with transaction(parts.register.database.engine) as connection:
        record_answer(connection, owner=owner, key=name, answer=kept)
    return document


def _file(request: Request, caller: Caller, body: ComplaintRequest) -> FiledDocument:
    filed = moderation_of(request).complaints.file(
        body.complaint(),
        now=parts_of(request).clock(),
        address=network_of(request),
        key=caller.key,
        channel=Channel.API,
    )
    shown = shown_reference(filed.complaint.ref)
    return FiledDocument.of(filed, url=url_of(request, f"/report/{shown}"))


@router.get("/v1/complaints/{ref}", responses=_PROBLEMS, operation_id="getComplaint")
async def get_complaint(request: Request, caller: Anybody, ref: Ref, pin: Pin) -> ComplaintDocument:
    """Say how a complaint stands, to whoever has its PIN."""
    del caller
    desk = moderation_of(request).complaints
    return await _followed(request, desk.follow, ref, pin)


@router.post("/v1/complaints/{ref}/info", responses=_PROBLEMS, operation_id="addComplaintInfo")
async def add_info(
    request: Request, caller: Anybody, ref: Ref, pin: Pin, body: InfoRequest
) -> ComplaintDocument:
    """Add to a complaint, in words."""
    del caller
    desk = moderation_of(request).complaints
    return await _followed(request, desk.add_info, ref, pin, body.text)


@router.post("/v1/complaints/{ref}/withdraw", responses=_PROBLEMS, operation_id="withdrawComplaint")
async def withdraw(request: Request, caller: Anybody, ref: Ref, pin: Pin) -> ComplaintDocument:
    """Take a complaint back. What others reported goes on."""
    del caller
    desk = moderation_of(request).complaints
    return await _followed(request, desk.withdraw, ref, pin)


async def _followed(
    request: Request, ask: Callable[..., Followed], *asked: str
) -> ComplaintDocument:
    followed = await asyncio.to_thread(
        ask, *asked, now=parts_of(request).clock(), address=network_of(request)
    )
    return ComplaintDocument.of(followed)


@router.post(
    "/v1/decisions/{id}/appeals",
    status_code=201,
    responses=_PROBLEMS,
    operation_id="appealDecision",
)
async def appeal(
    request: Request,
    caller: Anybody,
    id: DecisionId,  # noqa: A002 - the word of the address
    body: AppealRequest,
    pin: OptionalPin = None,
) -> AppealDocument:
    """Appeal a decision: whoever complained by their PIN, whoever uploaded by their token."""
    del caller
    by = _whose(body, pin)
    filed = await asyncio.to_thread(
        moderation_of(request).appeals.file,
        id,
        by=by,
        text=body.text,
        now=parts_of(request).clock(),
        address=network_of(request),
    )
    return AppealDocument.of(filed)


@router.post("/v1/appeals/{id}/withdraw", responses=_PROBLEMS, operation_id="withdrawAppeal")
async def withdraw_appeal(
    request: Request,
    caller: Anybody,
    id: AppealId,  # noqa: A002 - the word of the address
    body: AppealWithdrawal,
    pin: OptionalPin = None,
) -> AppealDocument:
    """Take an appeal back; what was decided stays, and can be appealed again in its time."""
    del caller
    by = _whose(body, pin)
    found = await asyncio.to_thread(
        moderation_of(request).appeals.withdraw,
        id,
        by,
        now=parts_of(request).clock(),
        address=network_of(request),
    )
    return AppealDocument.of(found)


def _whose(body: AppealWithdrawal, pin: str | None) -> ByReporter | ByUploader:
    if body.token is not None:
        return ByUploader(token=body.token)
    if body.complaint is not None and pin is not None:
        return ByReporter(ref=body.complaint, pin=pin)
    raise Problem(ProblemKind.INVALID, f"{PIN_HEADER}: it is needed with a complaint")
