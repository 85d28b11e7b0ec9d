"""Reading what was found: reports by their names, or by one's own files' digests."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from provenance.records.disclosure import Disclosure
from provenance.records.reports import StoredReport
from provenance.records.scopes import Scope
from provenance.report import Report
from provenance.service.answers import disclosure_answer, report_answer, url_of
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.documents import (
    FoundReport,
    FoundReports,
    PolicyDocument,
    PolicyList,
    ReportStanding,
)
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["router"]

router = APIRouter(tags=["reports"])

Reads = Annotated[Caller, Depends(caller_for(anonymous=True))]
Owner = Annotated[Caller, Depends(caller_for(Scope.VERIFY))]
ReportId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{22}$", description="A report's name.")]
Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file.")]

_PROBLEMS = responses(
    ProblemKind.BAD_REQUEST,
    ProblemKind.UNAUTHORISED,
    ProblemKind.FORBIDDEN,
    ProblemKind.NOT_FOUND,
    ProblemKind.WRONG_HOST,
    ProblemKind.INVALID,
    ProblemKind.RATE_LIMITED,
    ProblemKind.INTERNAL,
    ProblemKind.UNAVAILABLE,
)
_STALE = {
    "Provenance-Stale": {
        "description": "What is not as it was when this was judged; not there if nothing is.",
        "schema": {"type": "string"},
    }
}
_REPORT: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    200: {"model": Report, "description": "The report.", "headers": _STALE},
}
_DISCLOSURE: dict[int | str, dict[str, Any]] = {
    **_PROBLEMS,
    **responses(ProblemKind.CONFLICT),
    200: {"model": Disclosure, "description": "The compact form.", "headers": _STALE},
}


async def _entry(request: Request, caller: Caller, id_: str) -> StoredReport:
    desk = parts_of(request).desk
    entry = await asyncio.to_thread(desk.get, id_, reader=caller.reader)
    if entry is None:
        # Forgotten, never there, or in another's view: nobody learns which.
        raise Problem(ProblemKind.NOT_FOUND)
    return entry


@router.get("/v1/reports/{id}", responses=_REPORT, operation_id="getReport")
async def get_report(request: Request, caller: Reads, id: ReportId) -> Response:  # noqa: A002
    """Read a report by its name, which only those know who were told."""
    entry = await _entry(request, caller, id)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    return report_answer(request, entry, standing=standing)


@router.get("/v1/reports/{id}/standing", responses=_PROBLEMS, operation_id="getStanding")
async def get_standing(request: Request, caller: Reads, id: ReportId) -> ReportStanding:  # noqa: A002
    """Say whether a report would still come out the same, and when it is forgotten."""
    entry = await _entry(request, caller, id)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    return ReportStanding.of(standing, entry.report.verdict)


@router.get("/v1/disclosures/{id}", responses=_DISCLOSURE, operation_id="getDisclosure")
async def get_disclosure(request: Request, caller: Reads, id: ReportId) -> Response:  # noqa: A002
    """Read the compact form of a report by the report's name."""
    entry = await _entry(request, caller, id)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    return disclosure_answer(request, entry, standing=standing)


@router.delete(
    "/v1/reports/{id}", responses=_PROBLEMS, status_code=204, operation_id="deleteReport"
)
async def delete_report(request: Request, caller: Owner, id: ReportId) -> Response:  # noqa: A002
    """Forget a report of one's own, and the bytes if they were kept."""
    desk = parts_of(request).desk
    if not await asyncio.to_thread(desk.delete, id, owner=caller.held_owner):
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(status_code=204)


@router.get("/v1/reports", responses=_PROBLEMS, operation_id="findReports")
async def find_reports(request: Request, caller: Owner, sha256: Digest) -> FoundReports:
    """Find the reports of a file that this key uploaded; of others' files nobody learns."""
    desk = parts_of(request).desk
    entries = await asyncio.to_thread(
        desk.find, sha256, owner=caller.held_owner, reader=caller.reader
    )
    return FoundReports(
        reports=tuple(
            FoundReport(
                id=entry.id,
                url=url_of(request, f"/v1/reports/{entry.id}"),
                policy=entry.policy,
                verdict=entry.report.verdict,
                judged_at=entry.judged_at,
                ends_at=entry.ends_at,
            )
            for entry in entries
        )
    )


@router.get("/v1/policies", responses=_PROBLEMS, operation_id="listPolicies")
async def list_policies(request: Request, caller: Reads) -> PolicyList:
    """List the policies that uploads can be judged under."""
    del caller
    parts = parts_of(request)
    default = parts.settings.service.default_policy
    return PolicyList(
        policies=tuple(
            PolicyDocument.of(profile, default=profile.name == default)
            for profile in parts.judges.profiles.values()
        )
    )
