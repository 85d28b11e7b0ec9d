"""The block list as platforms ask it about uploads."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from provenance.records.scopes import Scope
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.outcome_access import OUTCOME_PROBLEMS, outcomes_of
from provenance.service.outcome_documents import (
    BlockDocument,
    BlockQuestion,
    CodeRequest,
    block_document,
)
from provenance.service.problems import Problem, ProblemKind
from provenance.verdict import Verdict

__all__ = ["router"]

router = APIRouter(tags=["blocklist"], prefix="/v1/blocklist")

Asks = Annotated[Caller, Depends(caller_for(Scope.BLOCKLIST))]
EntryName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="An entry's name.")]


@router.post("/check", responses=OUTCOME_PROBLEMS, operation_id="checkBlocklist")
async def check(request: Request, caller: Asks, body: BlockQuestion) -> BlockDocument:
    """Ask whether a file may be published, before it is.

    Equal bytes are blocked, because a person judged exactly these. Likeness is a lead: it is
    for a person to look at, and never counts against a file that is official.
    """
    outcomes, now = outcomes_of(request), parts_of(request).clock()

    def ask() -> BlockDocument:
        official = False
        if body.report is not None:
            stored = parts_of(request).desk.get(body.report, reader=caller.reader)
            if stored is None or stored.report.asset.sha256 != body.sha256:
                raise Problem(ProblemKind.INVALID, "report: expected one of this very file")
            official = stored.report.verdict is Verdict.OFFICIAL
        answer = outcomes.hashes.check(sha256=body.sha256, pdq=body.pdq, official=official, now=now)
        return block_document(answer)

    return await asyncio.to_thread(ask)


@router.post(
    "/{entry}/codes", status_code=204, responses=OUTCOME_PROBLEMS, operation_id="addBlocklistCode"
)
async def add_code(request: Request, caller: Asks, entry: EntryName, body: CodeRequest) -> None:
    """Add a PDQ code of a blocked file: what looks like it is then proposed to a person."""
    outcomes = outcomes_of(request)
    await asyncio.to_thread(
        outcomes.keeper.add_code,
        entry,
        body.pdq,
        by=f"key:{caller.held_owner}",
        random=os.urandom,
        now=parts_of(request).clock(),
    )
