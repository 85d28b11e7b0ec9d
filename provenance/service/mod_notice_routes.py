"""Notices to hosts: written, seen before they count, and what came of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.notices import (
    TEMPLATES,
    Notice,
    NoticeOutcome,
    write_notice,
)
from provenance.moderation.permissions import Permission
from provenance.moderation.views import CaseFile
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page, done, incomplete, refused
from provenance.service.mod_legal_view import notice_steps, noticed_decision
from provenance.service.mod_notice_form import NoticeForm
from provenance.service.mod_page_routes import CaseId
from provenance.service.moderation_access import moderation_of
from provenance.service.outcome_access import outcomes_of
from provenance.service.page_answers import wording_for
from provenance.service.staff_access import SignedIn
from provenance.wording.languages import LANGUAGES

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Notifies = Annotated[SignedIn, Depends(desk_for(Permission.SEND_NOTICES))]

_REFUSALS = (ConflictError, PermissionRefusedError)
_TO_COME = "…"
_MOST_RECEIPT, _MOST_COUNTER = 400, 20_000


def _file(request: Request, who: SignedIn, id_: str) -> CaseFile:
    now = parts_of(request).clock()
    return moderation_of(request).cases.get(id_, who.reviewer, now=now)


def _form(
    request: Request,
    who: SignedIn,
    decision: Decision,
    form: NoticeForm,
    *,
    texts: tuple[str, str] | None = None,
    wrong: str | None = None,
) -> Response:
    known = {tag for tags in TEMPLATES.values() for tag in tags}
    return desk_page(
        request,
        who,
        "mod_notice_form.html",
        status=200 if wrong is None else 422,
        trouble=None if wrong is None else "mod.notice.wrong",
        base=f"/mod/cases/{decision.case}",
        decision=decision,
        form=form,
        texts=texts,
        detail=wrong,
        templates=tuple((id_, f"mod.notice.template.{id_.partition('@')[0]}") for id_ in TEMPLATES),
        tongues=tuple(one for one in LANGUAGES if one.tag in known),
    )


@router.get("/mod/cases/{id}/notice")
def write(request: Request, who: Notifies, id: CaseId) -> Response:  # noqa: A002
    """The form of a notice."""
    try:
        found = _file(request, who, id)
        decision = noticed_decision(found)
    except _REFUSALS as error:
        return refused(request, who, error, back=f"/mod/cases/{id}")
    return _form(request, who, decision, NoticeForm.about(found.case))


@router.post("/mod/cases/{id}/notice/preview")
def preview(request: Request, who: Notifies, id: CaseId) -> Response:  # noqa: A002
    """Show what a notice would say, and its copy for the public."""
    form = NoticeForm.of(who.fields)
    try:
        decision = noticed_decision(_file(request, who, id))
    except _REFUSALS as error:
        return refused(request, who, error, back=f"/mod/cases/{id}", typed=[form.addresses])
    if not form.draft.sender:
        return _form(request, who, decision, form, wrong="sender: expected one, got none")
    try:
        texts = write_notice(decision, form.draft, number=_TO_COME)
    except ConflictError as error:
        return _form(request, who, decision, form, wrong=str(error))
    return _form(request, who, decision, replace(form, decision=decision.id), texts=texts)


@router.post("/mod/cases/{id}/notice")
def make(request: Request, who: Notifies, id: CaseId) -> Response:  # noqa: A002
    """Keep a notice as it was shown."""
    form, now = NoticeForm.of(who.fields), parts_of(request).clock()
    try:
        decision = noticed_decision(_file(request, who, id))
        if not form.draft.sender or form.decision != decision.id:
            # It was not seen, or it was decided anew since.
            return _form(request, who, decision, form, wrong="expected a notice that was seen")
        made = outcomes_of(request).notices.make(decision, form.draft, by=who.account.id, now=now)
    except _REFUSALS as error:
        return refused(request, who, error, back=f"/mod/cases/{id}", typed=[form.addresses])
    return done(request, f"/mod/cases/{id}/notices/{made.id}", "mod.told.done")


def _named(request: Request, who: SignedIn, id_: str, notice: str) -> Notice:
    """This notice of this case, for whoever may see the case.

    Raises:
        NotFoundError: There is none.
    """
    _file(request, who, id_)
    for one in outcomes_of(request).notices.of_case(id_):
        if one.id == notice:
            return one
    raise NotFoundError(f"case {id_}: notice {notice}: expected one of this case, got none")


@router.get("/mod/cases/{id}/notices/{notice}")
def show(request: Request, who: Notifies, id: CaseId, notice: CaseId) -> Response:  # noqa: A002
    """One notice, and what came of it."""
    try:
        found = _named(request, who, id, notice)
    except _REFUSALS as error:
        return refused(request, who, error, back=f"/mod/cases/{id}")
    return desk_page(
        request,
        who,
        "mod_notice.html",
        notice=found,
        steps=notice_steps(found, wording_for(request)),
        outcomes=tuple((one.value, f"mod.notice.outcome.{one.value}") for one in NoticeOutcome),
    )


@router.post("/mod/cases/{id}/notices/{notice}/receipt")
def receipt(request: Request, who: Notifies, id: CaseId, notice: CaseId) -> Response:  # noqa: A002
    """The host said that it came."""
    return _settle(request, who, id, notice, "receipt")


@router.post("/mod/cases/{id}/notices/{notice}/outcome")
def outcome(request: Request, who: Notifies, id: CaseId, notice: CaseId) -> Response:  # noqa: A002
    """What the host did."""
    return _settle(request, who, id, notice, "outcome")


@router.post("/mod/cases/{id}/notices/{notice}/counter")
def counter(request: Request, who: Notifies, id: CaseId, notice: CaseId) -> Response:  # noqa: A002
    """What whoever uploaded it answered the host."""
    return _settle(request, who, id, notice, "text")


def _settle(request: Request, who: SignedIn, id_: str, notice: str, field: str) -> Response:
    back = f"/mod/cases/{id_}/notices/{notice}"
    desk, by, now = outcomes_of(request).notices, who.account.id, parts_of(request).clock()
    text = who.fields.one(field).strip()
    most = _MOST_COUNTER if field == "text" else _MOST_RECEIPT
    if not 0 < len(text) <= most or (field == "outcome" and text not in set(NoticeOutcome)):
        return incomplete(request, who, back, typed=[text])
    try:
        _named(request, who, id_, notice)
        if field == "receipt":
            desk.received(notice, text, by=by, now=now)
        elif field == "outcome":
            desk.ended(notice, NoticeOutcome(text), by=by, now=now)
        else:
            desk.countered(notice, text, by=by, now=now)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=[text])
    return done(request, back, "mod.told.done")
