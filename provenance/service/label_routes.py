"""Labels: for anybody who has a file, and wants to know what was decided about it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from provenance.service.answers import url_of
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.outcome_access import OUTCOME_PROBLEMS, outcomes_of
from provenance.service.outcome_documents import LabelDocument, LabelList

__all__ = ["router"]

router = APIRouter(tags=["labels"], prefix="/v1/labels")

Anybody = Annotated[Caller, Depends(caller_for(everybody=True))]
Digest = Annotated[str, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, hex.")]


@router.get("", responses=OUTCOME_PROBLEMS, operation_id="getLabels")
async def labels(
    request: Request, response: Response, caller: Anybody, sha256: Digest
) -> LabelList:
    """The labels about exactly these bytes that have not ended, with those that take back.

    A label is a policy's word. None says whether what can be seen or heard happened.
    """
    del caller
    outcomes = outcomes_of(request)
    now = parts_of(request).clock()
    found = await asyncio.to_thread(outcomes.labels.about, sha256, now=now)
    # One that was taken back a moment ago must not live on in between.
    response.headers["Cache-Control"] = "public, max-age=60"
    return LabelList(
        sha256=sha256,
        labels=tuple(LabelDocument(label=one.claims, jws=one.token) for one in found),
        keys=url_of(request, "/.well-known/provenance-keys.json"),
    )
