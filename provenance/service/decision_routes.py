"""Decisions and their reasons for everybody; and what became of the actions they ask for."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from provenance.database.transactions import transaction
from provenance.moderation.outcomes.dsa import DsaStatement, dsa_statement
from provenance.moderation.outcomes.published import (
    PublishedDecision,
    dsa_facts,
    read_decision,
)
from provenance.moderation.outcomes.statements import StatementContext, write_statement
from provenance.moderation.rows import action_of
from provenance.moderation.tables import actions as action_rows
from provenance.moderation.vocabulary import Audience
from provenance.records.scopes import Scope
from provenance.service.answers import languages_of, url_of
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.outcome_access import OUTCOME_PROBLEMS, desks_of, outcomes_of
from provenance.service.outcome_documents import (
    ActionDocument,
    ActionRequest,
    DecisionDocument,
    StatementDocument,
)
from provenance.service.problems import Problem, ProblemKind
from provenance.wording.catalogue import Wording, wording_in
from provenance.wording.languages import DEFAULT, language_of

__all__ = ["router"]

router = APIRouter(tags=["decisions"], prefix="/v1")

Anybody = Annotated[Caller, Depends(caller_for(everybody=True))]
Acts = Annotated[Caller, Depends(caller_for(Scope.ACTIONS))]
DecisionName = Annotated[
    str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="A decision's name.")
]
CaseName = Annotated[
    str | None,
    Query(
        alias="case",
        pattern="^[A-Za-z0-9_-]{1,40}$",
        description="Which case of a decision about several; by default the first.",
    ),
]
Format = Annotated[
    str | None,
    Query(
        alias="format",
        pattern="^dsa$",
        description="`dsa`: the statement as the EU's transparency database takes it.",
    ),
]
ActionName = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", description="An action's name.")]


@router.get(
    "/decisions/{decision}",
    responses=OUTCOME_PROBLEMS,
    operation_id="getDecision",
    response_model=DecisionDocument | DsaStatement,
)
async def decision(
    request: Request,
    caller: Anybody,
    decision: DecisionName,
    case: CaseName = None,
    form: Format = None,
) -> Response:
    """What was decided and why, in the wanted language; neither by whom nor who complained."""
    del caller
    desks = desks_of(request)
    engine = desks.office.engine
    now = parts_of(request).clock()
    found = await asyncio.to_thread(read_decision, engine, decision, case, now=now)
    if form == "dsa":
        if found.restricted:
            raise Problem(ProblemKind.CONFLICT, "of this decision no facts are published")
        media_type = await asyncio.to_thread(_media_type, request, found)
        facts = dsa_facts(found, desks.policies, media_type=media_type)
        return JSONResponse(dsa_statement(found.decision, facts))
    wording = _wording(request)
    document = _document(request, found, wording)
    headers = {"Content-Language": wording.language.tag, "Vary": "Accept-Language"}
    return Response(document.model_dump_json(), media_type="application/json", headers=headers)


@router.post("/actions/{action}", responses=OUTCOME_PROBLEMS, operation_id="settleAction")
async def settle(
    request: Request, caller: Acts, action: ActionName, body: ActionRequest
) -> ActionDocument:
    """Say that a requested action is done, or why it failed. The same said twice is said once."""
    del caller
    if (body.state == "failed") is (body.why is None):
        raise Problem(ProblemKind.INVALID, "why: expected for what failed, and for nothing else")
    desks, now = desks_of(request), parts_of(request).clock()

    def settle_and_read() -> ActionDocument:
        known = _action(request, action)
        if known.state.value != body.state:
            if body.why is None:
                desks.cases.action_done(action, now=now)
            else:
                desks.cases.action_failed(action, body.why, now=now)
        return _action(request, action)

    return await asyncio.to_thread(settle_and_read)


def _action(request: Request, name: str) -> ActionDocument:
    with transaction(desks_of(request).office.engine, reads=True) as connection:
        row = connection.execute(action_rows.select().where(action_rows.c.id == name)).one_or_none()
    if row is None:
        raise Problem(ProblemKind.NOT_FOUND)
    found = action_of(row)
    return ActionDocument(
        id=found.id,
        decision=found.decision,
        case=found.case,
        type=found.type,
        state=found.state,
        why=found.why,
        done_at=found.done_at,
    )


def _document(request: Request, found: PublishedDecision, wording: Wording) -> DecisionDocument:
    made = found.decision
    until = found.appeal_until
    context = StatementContext(
        url=url_of(request, f"/decisions/{made.id}"),
        appeal_until=until,
        tells_facts=not found.restricted,
    )
    written = write_statement(made, Audience.PUBLIC, context, wording)
    return DecisionDocument(
        id=made.id,
        outcome=made.outcome,
        policies=made.policies,
        ground=made.ground,
        reference=made.reference,
        facts=None if found.restricted else made.facts,
        actions=made.actions,
        territories=made.territories,
        ends_at=made.ends_at,
        automated_detection=made.automated_detection,
        decided_at=made.created_at,
        supersedes=made.supersedes,
        superseded_by=found.superseded_by,
        appeal_until=until,
        statement=StatementDocument(
            language=written.language, title=written.title, body=written.body
        ),
    )


def _media_type(request: Request, found: PublishedDecision) -> str | None:
    outcomes = outcomes_of(request)
    for subject in found.case.subjects:
        media_type = outcomes.media_type(subject)
        if media_type is not None:
            return media_type
    return None


def _wording(request: Request) -> Wording:
    wanted = languages_of(request.headers.get("Accept-Language", ""))
    return wording_in(next(filter(None, map(language_of, wanted)), DEFAULT))
