"""The pages for people who report: the form, its reference and PIN, and following it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from provenance.errors import ConflictError, NotFoundError, TooOftenError
from provenance.moderation.appeals import ByReporter
from provenance.moderation.model import Appeal
from provenance.moderation.references import parse_reference, shown_reference
from provenance.moderation.transitions import APPEAL_MOVES, COMPLAINT_MOVES, OPEN_COMPLAINTS
from provenance.moderation.views import Filed, Followed
from provenance.moderation.vocabulary import AppealState, Category, ComplaintState, ReporterRole
from provenance.records.reports import StoredReport
from provenance.runtime.moderation_parts import ModerationParts
from provenance.service.callers import Caller, caller_for, network_of, parts_of
from provenance.service.complaint_forms import LIMITS, ReportForm
from provenance.service.field_forms import receive_fields
from provenance.service.help_lines import first_words, help_lines
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import (
    is_own_site,
    message_page,
    page,
    page_request,
    wording_for,
)
from provenance.service.page_routes import stored_entry
from provenance.service.translate import as_problem
from provenance.wording.catalogue import Wording
from provenance.wording.keys import label_of
from provenance.wording.messages import Message, say

__all__ = ["router", "when"]

router = APIRouter(include_in_schema=False)

Anybody = Annotated[Caller, Depends(caller_for(everybody=True))]
ReportName = Annotated[str, Query(max_length=64)]

_ROLES = (
    ReporterRole.DEPICTED_PERSON,
    ReporterRole.REPRESENTATIVE,
    ReporterRole.AGENCY,
    ReporterRole.TRUSTED_FLAGGER,
    ReporterRole.ANYONE,
)
# Before that, the hour matters.
_SOON = timedelta(days=4)


@router.get("/report")
async def report(request: Request, caller: Anybody, r: ReportName = "") -> Response:
    """The form; from the page of an answer, with that answer attached."""
    form = ReportForm(r=r)
    return _off(request) or _form(request, form, await _attached(request, caller, form), {})


@router.post("/report")
async def send_report(request: Request, caller: Anybody) -> Response:
    """Take the form; show reference and PIN, or the form again with what is wrong."""
    if not is_own_site(request):
        return _refused(request)
    moderation = moderation_of(request)
    form = ReportForm.of(await receive_fields(request))
    attached = await _attached(request, caller, form)
    errors = form.errors(attached=attached is not None)
    if errors:
        return _form(request, form, attached, errors, status=422)
    new = form.complaint(
        locale=page_request(request).language.tag,
        report=None if attached is None else attached.id,
        sha256=None if attached is None else attached.report.asset.sha256,
    )
    now = parts_of(request).clock()
    try:
        filed = await asyncio.to_thread(
            moderation.complaints.file, new, now=now, address=network_of(request)
        )
    except ConflictError:
        # What it is about was forgotten meanwhile.
        return _form(request, form, attached, {}, busy="home.failed", status=409)
    except TooOftenError as error:
        again = as_problem(error).headers
        return _form(request, form, attached, {}, busy="report.busy", status=429, headers=again)
    return _reported(request, filed, now)


@router.get("/report/follow")
async def follow_form(request: Request, caller: Anybody) -> Response:
    """Ask for reference and PIN."""
    del caller
    return _off(request) or _ask(request, "")


@router.get("/report/{ref}")
async def follow_one(request: Request, caller: Anybody, ref: str) -> Response:
    """Ask for the PIN; the page is the same whether there is such a complaint or not."""
    del caller
    known = parse_reference(ref)
    return _off(request) or _ask(request, "" if known is None else shown_reference(known))


@router.post("/report/follow")
async def follow(request: Request, caller: Anybody) -> Response:
    """Show how a complaint stands, after doing what its form asks for."""
    del caller
    if not is_own_site(request):
        return _refused(request)
    fields = await receive_fields(request)
    ref, pin = fields.get("ref", "").strip()[:40], fields.get("pin", "").strip()[:40]
    now = parts_of(request).clock()
    try:
        step = await asyncio.to_thread(_step, request, fields, ByReporter(ref=ref, pin=pin), now)
    except NotFoundError:
        return _ask(request, ref, wrong="follow.wrong", status=404)
    except TooOftenError as error:
        return _ask(
            request, ref, wrong="follow.locked", status=429, headers=as_problem(error).headers
        )
    return _followed(request, step, pin, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What became of what somebody asked for.

    Attributes:
        followed: How the complaint stands.
        notice: What they are told.
        errors: What is wrong with what they filled in.
        filled: What that was.
    """

    followed: Followed
    notice: str | None = None
    errors: Mapping[str, Message]
    filled: Mapping[str, str]


def _step(request: Request, fields: Mapping[str, str], by: ByReporter, now: datetime) -> _Step:
    moderation, address = moderation_of(request), network_of(request)
    desk = moderation.complaints
    followed = desk.follow(by.ref, by.pin, now=now, address=address)
    wish = fields.get("do", "show")
    text = fields.get(wish, "").strip()
    if wish in {"info", "appeal"}:
        wrong = None
        if not text:
            wrong = say("wrong.text")
        elif len(text) > LIMITS["text"]:
            wrong = say("wrong.too-long", most=LIMITS["text"])
        if wrong is not None:
            return _Step(followed=followed, errors={wish: wrong}, filled={wish: text})
    notice = None
    try:
        if wish == "info":
            followed = desk.add_info(by.ref, by.pin, text, now=now, address=address)
            notice = "follow.added"
        elif wish == "withdraw":
            followed = desk.withdraw(by.ref, by.pin, now=now, address=address)
        elif told := _appeal_step(moderation, followed, wish, text, by, now, address):
            followed = desk.follow(by.ref, by.pin, now=now, address=address)
            notice = told
    except NotFoundError:
        raise
    except ConflictError:
        # It moved on between their page and this.
        followed = desk.follow(by.ref, by.pin, now=now, address=address)
        return _Step(followed=followed, notice="follow.conflict", errors={}, filled={wish: text})
    return _Step(followed=followed, notice=notice, errors={}, filled={})


def _appeal_step(  # noqa: PLR0917 - what somebody asked for
    moderation: ModerationParts,
    followed: Followed,
    wish: str,
    text: str,
    by: ByReporter,
    now: datetime,
    address: str | None,
) -> str | None:
    """Appeal, or take an appeal back: what are they told? None: they asked for neither."""
    if wish == "appeal" and followed.decision is not None:
        decision = followed.decision.id
        moderation.appeals.file(decision, by=by, text=text, now=now, address=address)
        return "follow.appealed"
    if wish == "withdraw-appeal":
        waits = _waiting(followed)
        if waits is None:
            raise ConflictError("appeal: there is none that can be taken back")
        moderation.appeals.withdraw(waits.id, by, now=now, address=address)
        return "follow.appeal-withdrawn"
    return None


def _waiting(followed: Followed) -> Appeal | None:
    """Their appeal that they can take back, if there is one."""
    found = (a for a in followed.appeals if AppealState.WITHDRAWN in APPEAL_MOVES[a.state])
    return next(found, None)


def _off(request: Request) -> Response | None:
    if page_request(request).reports:
        return None
    return message_page(request, "report.title", "report.off", status=403)


def _refused(request: Request) -> Response:
    return message_page(request, "error.refused", "error.refused-text", status=403)


async def _attached(request: Request, caller: Caller, form: ReportForm) -> StoredReport | None:
    name = form.report
    return None if name is None else await stored_entry(request, caller, name)


def _form(
    request: Request,
    form: ReportForm,
    attached: StoredReport | None,
    errors: Mapping[str, Message],
    *,
    busy: str | None = None,
    **answer: Any,
) -> Response:
    shown = None
    if attached is not None:
        shown = {
            "id": attached.id,
            "sha256": attached.report.asset.sha256,
            "label": label_of(attached.report.verdict),
        }
    return page(
        request,
        "report.html",
        kept={} if attached is None else {"r": attached.id},
        values=form,
        attached=shown,
        errors=errors,
        busy=busy,
        limits=LIMITS,
        categories=[category.value for category in Category],
        roles=[role.value for role in _ROLES],
        **answer,
    )


def _reported(request: Request, filed: Filed, now: datetime) -> Response:
    wording = wording_for(request)
    complaint = filed.complaint
    return page(
        request,
        "reported.html",
        status=201,
        ref=shown_reference(complaint.ref),
        pin=filed.pin,
        due=None if filed.due_at is None else when(wording, filed.due_at, now),
        no_clock=complaint.category is Category.INTIMATE_IMAGE and not filed.statutory,
        first=first_words(complaint.category),
        lines=help_lines(
            complaint.category, wording.language, parts_of(request).settings.moderation.help_lines
        ),
    )


def _ask(request: Request, ref: str, *, wrong: str | None = None, **answer: Any) -> Response:
    return page(request, "follow.html", ref=ref, wrong=wrong, **answer)


def _followed(request: Request, step: _Step, pin: str, now: datetime) -> Response:
    wording, followed = wording_for(request), step.followed
    complaint, decision = followed.complaint, followed.decision
    answer = None
    if decision is not None:
        answer = {
            "id": decision.id,
            "outcome": decision.outcome.value,
            "facts": decision.facts,
            "actions": [action.value for action in decision.actions],
        }
    status = 422 if step.errors else 409 if step.notice == "follow.conflict" else 200
    return page(
        request,
        "followed.html",
        status=status,
        ref=shown_reference(complaint.ref),
        pin=pin,
        notice=step.notice,
        errors=step.errors,
        filled=step.filled,
        limits=LIMITS,
        state=complaint.state.value,
        category=complaint.category.value,
        received=complaint.received_at,
        due=None if followed.due_at is None else when(wording, followed.due_at, now),
        decision=answer,
        messages=[
            {"at": one.at, "ours": not one.by_reporter, "text": one.text}
            for one in followed.messages
        ],
        may_add=complaint.state in OPEN_COMPLAINTS,
        may_withdraw=ComplaintState.WITHDRAWN in COMPLAINT_MOVES[complaint.state],
        may_withdraw_appeal=_waiting(followed) is not None,
        appeal_until=followed.may_appeal_until,
    )


def when(wording: Wording, moment: datetime, now: datetime) -> str:
    """How is this moment told: the day, and the hour too where it is near?"""
    return wording.moment(moment) if moment - now < _SOON else wording.date(moment)
