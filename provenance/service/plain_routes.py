"""For machines that look after the service, and a plain index."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import PlainTextResponse, Response

from provenance.records.scopes import Scope
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.metrics import Metrics
from provenance.service.problems import ProblemKind, responses

__all__ = ["router"]

router = APIRouter(tags=["operation"])

_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
}


class Alive(BaseModel):
    """The process runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Requests can be answered; `note` says what an operator should look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ready"] = "ready"
    test: bool
    note: str | None = None


@router.get("/healthz", responses=responses(ProblemKind.WRONG_HOST), operation_id="healthz")
async def healthz() -> Alive:
    """Say that the process runs."""
    return Alive()


@router.get(
    "/readyz",
    responses=responses(ProblemKind.WRONG_HOST, ProblemKind.UNAVAILABLE, ProblemKind.STORAGE_FULL),
    operation_id="readyz",
)
async def readyz(request: Request) -> Ready:
    """Say whether requests can be answered: the database is there, and room for uploads."""
    parts = parts_of(request)
    await asyncio.to_thread(parts.check_database)
    parts.uploads.check_room()
    why = parts.judges.why_not_official()
    note = None if why is None else f"nothing can be called official: {why}"
    return Ready(test=parts.settings.service.test, note=note)


@router.get(
    "/metrics",
    responses={
        **_TEXT,
        **responses(
            ProblemKind.UNAUTHORISED,
            ProblemKind.FORBIDDEN,
            ProblemKind.RATE_LIMITED,
            ProblemKind.WRONG_HOST,
            ProblemKind.UNAVAILABLE,
        ),
    },
    response_class=PlainTextResponse,
    operation_id="metrics",
)
async def metrics(
    request: Request, caller: Annotated[Caller, Depends(caller_for(Scope.METRICS))]
) -> Response:
    """Give the counters, for Prometheus with a key of the scope `metrics`."""
    del caller
    counted: Metrics = request.app.state.metrics
    return Response(counted.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
