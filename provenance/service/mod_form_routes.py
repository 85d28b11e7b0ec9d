"""The console's forms: each does one thing, and goes on to a page that says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.decisions import check_seen
from provenance.moderation.permissions import Permission
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page, done, incomplete, refused
from provenance.service.mod_decide_view import decide_view
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_moves import (
    APPEAL_MOVE_TABLE,
    CASE_MOVE_TABLE,
    ContactLook,
    Draft,
    Move,
    Why,
    draft_of,
)
from provenance.service.mod_page_routes import CaseId, case_page
from provenance.service.mod_preview_view import preview_view
from provenance.service.mod_undecided import Undecided, appeal_subject, bulk_subject, case_subject
from provenance.service.mod_words import held_by
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import wording_for
from provenance.service.staff_access import SignedIn
from provenance.service.staff_forms import Fields
from provenance.wording.messages import Message

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_P = Permission
Decides = Annotated[SignedIn, Depends(desk_for(_P.DECIDE))]
DecidesAppeals = Annotated[SignedIn, Depends(desk_for(_P.DECIDE_APPEALS))]
Bulk = Annotated[SignedIn, Depends(desk_for(_P.BULK))]
Undoes = Annotated[SignedIn, Depends(desk_for(_P.UNDO))]
SeesContact = Annotated[SignedIn, Depends(desk_for(_P.SEE_CONTACT))]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MANY = {"complaints": "complaint"}
_REFUSALS = (ConflictError, PermissionRefusedError)
_WRITTEN = ("why", "text", "facts")


def _body(move: Move, fields: Fields) -> BaseModel:
    """What a move asks for, out of a form; fields that it does not ask for are not looked at.

    Raises:
        ValidationError: Something is missing or wrong.
    """
    values: dict[str, Any] = {}
    for name in move.body.model_fields:
        if name in _MANY:
            values[name] = fields.all(_MANY[name])
        elif value := fields.one(name):
            values[name] = value
    return move.body.model_validate(values)


def _typed(fields: Fields) -> list[str]:
    return [value for name, value in fields.pairs if name in _WRITTEN]


def _lost(request: Request, who: SignedIn, case: str) -> Message | None:
    """Who was faster, where a claim came too late?"""
    now = parts_of(request).clock()
    found = moderation_of(request).cases.get(case, who.reviewer, now=now).case
    if found.assignee in {None, who.reviewer.id}:
        return None
    return held_by(found, who.reviewer, wording_for(request), now=now)


def _case_form(name: str, move: Move) -> Callable[..., Response]:
    def endpoint(request: Request, id: str, who: Any) -> Response:  # noqa: A002
        back = f"/mod/cases/{id}"
        desk, now = moderation_of(request).cases, parts_of(request).clock()
        try:
            body = _body(move, who.fields)
        except ValidationError:
            return incomplete(request, who, back, typed=_typed(who.fields))
        try:
            made = move.run(desk, id, who.reviewer, body, now)
        except _REFUSALS as error:
            says = None
            if name == "claim" and isinstance(error, ConflictError):
                says = _lost(request, who, id)
            return refused(request, who, error, back=back, typed=_typed(who.fields), says=says)
        if name == "split":
            back = f"/mod/cases/{getattr(made, 'id', id)}"
        return done(request, back, move.told)

    endpoint.__name__ = f"case_{name}"
    endpoint.__doc__ = move.does
    endpoint.__annotations__ |= {
        "request": Request,
        "id": CaseId,
        "who": Annotated[SignedIn, Depends(desk_for(move.permission))],
    }
    return endpoint


def _appeal_form(name: str, move: Move) -> Callable[..., Response]:
    def endpoint(request: Request, id: str, who: Any) -> Response:  # noqa: A002
        back = f"/mod/appeals/{id}"
        desk, now = moderation_of(request).appeals, parts_of(request).clock()
        try:
            body = _body(move, who.fields)
        except ValidationError:
            return incomplete(request, who, back, typed=_typed(who.fields))
        try:
            move.run(desk, id, who.reviewer, body, now)
        except _REFUSALS as error:
            return refused(request, who, error, back=back, typed=_typed(who.fields))
        return done(request, back, move.told)

    endpoint.__name__ = f"appeal_{name}"
    endpoint.__doc__ = move.does
    endpoint.__annotations__ |= {
        "request": Request,
        "id": CaseId,
        "who": Annotated[SignedIn, Depends(desk_for(move.permission))],
    }
    return endpoint


def _add(
    table: Mapping[str, Move], path: str, make: Callable[[str, Move], Callable[..., Response]]
) -> None:
    for name, move in table.items():
        # A decision has a form of its own, which is seen once more before it counts.
        if name != "decide":
            router.add_api_route(f"{path}/{{id}}/{name}", make(name, move), methods=["POST"])


_add(CASE_MOVE_TABLE, "/mod/cases", _case_form)
_add(APPEAL_MOVE_TABLE, "/mod/appeals", _appeal_form)


@router.post("/mod/cases/{id}/contact")
def contact(request: Request, who: SeesContact, id: CaseId) -> Response:  # noqa: A002
    """Show who complained; that somebody asked, and why, is written down."""
    back = f"/mod/cases/{id}"
    try:
        look = ContactLook(complaint=who.fields.one("complaint"), why=who.fields.one("why"))
    except ValidationError:
        return incomplete(request, who, back, typed=_typed(who.fields))
    try:
        return case_page(request, who, id, contact=look.complaint, why=look.why)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=[look.why])


@router.post("/mod/decisions/{id}/undo")
def undo(request: Request, who: Undoes, id: CaseId) -> Response:  # noqa: A002
    """Take a decision back in all its cases where it still holds."""
    case = who.fields.one("case")
    back = f"/mod/cases/{case}" if _NAME.fullmatch(case) else "/mod"
    try:
        body = Why(why=who.fields.one("why"))
    except ValidationError:
        return incomplete(request, who, back, typed=_typed(who.fields))
    now = parts_of(request).clock()
    try:
        moderation_of(request).cases.undo(id, who.reviewer, why=body.why, now=now)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=[body.why])
    return done(request, back, "mod.told.done")


@router.post("/mod/cases/{id}/preview")
def preview(request: Request, who: Decides, id: CaseId) -> Response:  # noqa: A002
    """Show what a decision would do, and what people would be told."""
    return _previewed(request, who, lambda: case_subject(request, who, id), f"/mod/cases/{id}")


@router.post("/mod/cases/{id}/draft")
def draft(request: Request, who: Decides, id: CaseId) -> Response:  # noqa: A002
    """The form once more, as it was filled in."""
    return _again(request, who, lambda: case_subject(request, who, id), f"/mod/cases/{id}")


@router.post("/mod/cases/{id}/decide")
def decide(request: Request, who: Decides, id: CaseId) -> Response:  # noqa: A002
    """Decide what was shown."""

    def run(subject: Undecided, body: Draft) -> tuple[str, str]:
        now = parts_of(request).clock()
        made = moderation_of(request).cases.decide(id, who.reviewer, draft_of(body), now=now)
        return subject.back, "mod.told.waits" if made is None else "mod.told.decided"

    return _decided(request, who, lambda: case_subject(request, who, id), f"/mod/cases/{id}", run)


@router.post("/mod/appeals/{id}/preview")
def preview_appeal(request: Request, who: DecidesAppeals, id: CaseId) -> Response:  # noqa: A002
    """Show what would become of an appeal, and what people would be told."""
    return _previewed(request, who, lambda: appeal_subject(request, who, id), f"/mod/appeals/{id}")


@router.post("/mod/appeals/{id}/draft")
def draft_appeal(request: Request, who: DecidesAppeals, id: CaseId) -> Response:  # noqa: A002
    """The form once more, as it was filled in."""
    return _again(request, who, lambda: appeal_subject(request, who, id), f"/mod/appeals/{id}")


@router.post("/mod/appeals/{id}/decide")
def decide_appeal(request: Request, who: DecidesAppeals, id: CaseId) -> Response:  # noqa: A002
    """Decide an appeal as it was shown."""

    def run(subject: Undecided, body: Draft) -> tuple[str, str]:
        now = parts_of(request).clock()
        made = APPEAL_MOVE_TABLE["decide"].run(
            moderation_of(request).appeals, id, who.reviewer, body, now
        )
        waits = getattr(made, "state", None) == "awaiting-second"
        return subject.back, "mod.told.waits" if waits else "mod.told.decided"

    return _decided(
        request, who, lambda: appeal_subject(request, who, id), f"/mod/appeals/{id}", run
    )


def _chosen(who: SignedIn) -> list[str]:
    return list(dict.fromkeys(who.fields.all("case")))[:200]


@router.post("/mod/bulk/preview")
def preview_bulk(request: Request, who: Bulk) -> Response:
    """Show, case by case, what one decision about all of them would do."""
    return _previewed(request, who, lambda: bulk_subject(request, who, _chosen(who)), "/mod")


@router.post("/mod/bulk/draft")
def draft_bulk(request: Request, who: Bulk) -> Response:
    """The form once more, as it was filled in."""
    return _again(request, who, lambda: bulk_subject(request, who, _chosen(who)), "/mod")


@router.post("/mod/bulk/decide")
def decide_bulk(request: Request, who: Bulk) -> Response:
    """Decide what was shown, if nothing of it has changed."""
    now = parts_of(request).clock()
    try:
        made = moderation_of(request).cases.bulk_decide(
            who.fields.one("token")[:200], who.reviewer, now=now
        )
    except _REFUSALS as error:
        return refused(request, who, error, back="/mod", typed=_typed(who.fields))
    return done(request, f"/mod/cases/{made.case}", "mod.told.bulk")


Read = Callable[[], Undecided]


def _read(
    request: Request, who: SignedIn, find: Read
) -> tuple[Undecided, DraftForm, Draft | Mapping[str, str]]:
    subject, form = find(), DraftForm.of(who.fields)
    policy = moderation_of(request).policies.get(form.policy)
    if policy is None:
        return subject, form, {"policy": "mod.wrong.choose"}
    now = parts_of(request).clock()
    read = form.read(policy, now=now, appeal=subject.appeal is not None, bulk=bool(subject.cases))
    return subject, form, read


def _form_again(
    request: Request,
    who: SignedIn,
    subject: Undecided,
    form: DraftForm,
    errors: Mapping[str, str] | None = None,
) -> Response:
    view = decide_view(request, subject, form, errors)
    return desk_page(request, who, "mod_decide.html", view=view, status=422 if errors else 200)


def _again(request: Request, who: SignedIn, find: Read, back: str) -> Response:
    try:
        subject = find()
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=_typed(who.fields))
    return _form_again(request, who, subject, DraftForm.of(who.fields))


def _previewed(request: Request, who: SignedIn, find: Read, back: str) -> Response:
    now = parts_of(request).clock()
    try:
        subject, form, read = _read(request, who, find)
        if not isinstance(read, Draft):
            return _form_again(request, who, subject, form, read)
        bulk = None
        if not subject.cases:
            check_seen(draft_of(read), subject.about[0])
            form = replace(form, seen=subject.seen)
        else:
            bulk = moderation_of(request).cases.bulk_preview(
                subject.cases, draft_of(read), who.reviewer, now=now
            )
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=_typed(who.fields))
    view = preview_view(request, subject, form, read, bulk)
    return desk_page(request, who, "mod_preview.html", view=view)


def _decided(
    request: Request,
    who: SignedIn,
    find: Read,
    back: str,
    run: Callable[[Undecided, Draft], tuple[str, str]],
) -> Response:
    try:
        subject, form, read = _read(request, who, find)
        if not isinstance(read, Draft):
            return _form_again(request, who, subject, form, read)
        path, told = run(subject, read)
    except _REFUSALS as error:
        return refused(request, who, error, back=back, typed=_typed(who.fields))
    return done(request, path, told)
