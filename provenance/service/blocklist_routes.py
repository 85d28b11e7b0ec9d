"""The block list: asked about uploads by platforms, stopped by the staff."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from provenance.moderation.permissions import Permission
from provenance.records.scopes import Scope
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.outcome_access import OUTCOME_PROBLEMS, outcomes_of
from provenance.service.outcome_documents import (
    BlockDocument,
    BlockQuestion,
    CodeRequest,
    EntryDocument,
    block_document,
)
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import SignedIn, staff_for
from provenance.verdict import Verdict

__all__ = ["router", "staff_router"]

router = APIRouter(tags=["blocklist"], prefix="/v1/blocklist")
staff_router = APIRouter(prefix="/mod/blocklist", include_in_schema=False)

Asks = Annotated[Caller, Depends(caller_for(Scope.BLOCKLIST))]
Keeps = Annotated[SignedIn, Depends(staff_for(Permission.KEEP_HASH_LIST))]
EntryName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="An entry's name.")]

_MOST_HOURS = 24 * 365


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


@staff_router.post("/{entry}/disable")
async def disable(request: Request, member: Keeps, entry: EntryName) -> EntryDocument:
    """Let an entry block nothing from now on: form fields `why`, and `hours` for a time."""
    outcomes, now = outcomes_of(request), parts_of(request).clock()
    hours = member.fields.one("hours")
    if hours and not (hours.isascii() and hours.isdigit() and 0 < int(hours) <= _MOST_HOURS):
        raise Problem(ProblemKind.INVALID, f"hours: expected 1 to {_MOST_HOURS}")
    changed = await asyncio.to_thread(
        outcomes.keeper.disable,
        entry,
        why=member.fields.one("why"),
        by=member.account.id,
        now=now,
        until=now + timedelta(hours=int(hours)) if hours else None,
    )
    return EntryDocument(
        id=changed.id,
        decision=changed.decision,
        algorithm=changed.algorithm,
        state=changed.state,
        distance=0,
    )


@staff_router.post("/{entry}/enable")
async def enable(request: Request, member: Keeps, entry: EntryName) -> EntryDocument:
    """Let an entry count again."""
    changed = await asyncio.to_thread(
        outcomes_of(request).keeper.enable,
        entry,
        by=member.account.id,
        now=parts_of(request).clock(),
    )
    return EntryDocument(
        id=changed.id,
        decision=changed.decision,
        algorithm=changed.algorithm,
        state=changed.state,
        distance=0,
    )
