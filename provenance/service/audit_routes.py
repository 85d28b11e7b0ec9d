"""The audit for auditors, and the evidence of a case for legal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from provenance.moderation.evidence.audit_export import audit_line
from provenance.moderation.permissions import Permission
from provenance.records.scopes import Scope
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.outcome_access import OUTCOME_PROBLEMS, outcomes_of
from provenance.service.outcome_documents import AuditPage
from provenance.service.staff_access import SignedIn, staff_for

__all__ = ["bundle_file", "router"]

router = APIRouter(tags=["audit"], prefix="/v1")

_key_may = caller_for(Scope.AUDIT)
_staff_may = staff_for(Permission.READ_AUDIT)
_CHUNK_BYTES = 256 * 1024


async def _auditor(request: Request) -> Caller | SignedIn:
    """Whoever has a key for it, or is signed in as an auditor."""
    if "Authorization" in request.headers:
        return await _key_may(request)
    return await _staff_may(request)


Audits = Annotated[Caller | SignedIn, Depends(_auditor)]
MakesBundles = Annotated[SignedIn, Depends(staff_for(Permission.MAKE_BUNDLES, fresh=True))]
Since = Annotated[int, Query(ge=0, le=2**63 - 1, description="Only entries after this number.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
CaseName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="A case's name.")]


@router.get("/audit", responses=OUTCOME_PROBLEMS, operation_id="getAudit")
async def audit(request: Request, who: Audits, since: Since = 0, limit: Limit = 200) -> AuditPage:
    """Entries of the audit, each chained to the one before; none names who complained."""
    del who
    log = outcomes_of(request).audit
    events = await asyncio.to_thread(log.events, after=since, limit=limit)
    return AuditPage(
        entries=tuple(map(audit_line, events)),
        next=events[-1].seq if len(events) == limit else None,
    )


@router.get("/mod/cases/{case}/bundle", include_in_schema=False)
async def bundle(
    request: Request,
    member: MakesBundles,
    case: CaseName,
    files: bool = False,  # noqa: FBT001, FBT002 - a parameter of the address
) -> Response:
    """The evidence of a case in one file; `provenance evidence verify` checks it offline."""
    return await asyncio.to_thread(
        bundle_file, request, case, by=member.account.id, with_files=files
    )


def bundle_file(request: Request, case: str, *, by: str, with_files: bool) -> Response:
    """The evidence of a case as a file to be kept.

    Args:
        request: The request.
        case: Of which.
        by: Who gets it; their right to is checked by the caller.
        with_files: Whether kept files are to be inside.

    Raises:
        ConflictError: The service has no key, there is no such case, or a kept file is not
            the one that the case is about.
    """
    stream = outcomes_of(request).bundle(
        case, by=by, with_files=with_files, now=parts_of(request).clock()
    )
    return StreamingResponse(
        _pieces(stream),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="evidence-{case}.zip"',
            "Cache-Control": "no-store",
        },
    )


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_CHUNK_BYTES):
            yield piece
