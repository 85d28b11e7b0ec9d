"""The console's pages: the queue, a case, appeals, and what is decided there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.overview import Overview
from provenance.moderation.permissions import Permission
from provenance.moderation.views import CaseFile
from provenance.moderation.vocabulary import Queue
from provenance.service.callers import parts_of
from provenance.service.mod_access import desk_for
from provenance.service.mod_answers import desk_page, later_page, refused
from provenance.service.mod_appeal_view import appeal_row, appeal_view
from provenance.service.mod_case_view import case_view
from provenance.service.mod_decide_view import decide_view
from provenance.service.mod_draft_form import DraftForm
from provenance.service.mod_evidence import held_evidence, is_open, subject_views
from provenance.service.mod_legal_view import LegalView, legal_view
from provenance.service.mod_preview_view import second_view
from provenance.service.mod_queue_view import Chosen, queue_view
from provenance.service.mod_undecided import appeal_subject, bulk_subject, case_subject
from provenance.service.moderation_access import moderation_of
from provenance.service.outcome_access import outcomes_of
from provenance.service.page_answers import page_request, wording_for
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import SignedIn, signed_in
from provenance.wording.catalogue import Wording

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_P = Permission
Somebody = Annotated[SignedIn, Depends(signed_in)]
Sees = Annotated[SignedIn, Depends(desk_for(_P.SEE_CASES, _P.SEE_RESTRICTED))]
SeesRestricted = Annotated[SignedIn, Depends(desk_for(_P.SEE_RESTRICTED))]
Looks = Annotated[SignedIn, Depends(desk_for(_P.UNBLUR))]
Decides = Annotated[SignedIn, Depends(desk_for(_P.DECIDE))]
Seconds = Annotated[SignedIn, Depends(desk_for(_P.SECOND))]
Bulk = Annotated[SignedIn, Depends(desk_for(_P.BULK))]
Appeals = Annotated[SignedIn, Depends(desk_for(_P.DECIDE_APPEALS))]

CaseId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PolicyId = Annotated[str, Query(max_length=110)]
Start = Annotated[int, Query(ge=0, le=1_000_000)]
Word = Annotated[str, Query(max_length=40)]
Agency = Annotated[str, Query(max_length=128)]
Cases = Annotated[list[CaseId] | None, Query(max_length=200)]

_ON_A_PAGE = 25
_FILTERS = ("state", "category", "severity", "queue", "agency", "mine", "overdue")
_COMPLAINTS_ON_A_PAGE = 20
_KEYS = (
    ("j", "mod.help.j"),
    ("k", "mod.help.k"),
    ("Enter", "mod.help.enter"),
    ("c", "mod.claim"),
    ("r", "mod.release"),
    ("e", "mod.escalate"),
    ("d", "mod.decide"),
    ("u", "mod.back"),
    ("?", "mod.help"),
)
_RULES = ("mod.rule.policy", "mod.rule.machine", "mod.rule.second", "mod.rule.look")
_EVIDENCE_HEADERS = {
    # Nothing in it runs, wherever it is opened; and it is opened nowhere by itself.
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


@router.get("/mod")
def queue(  # noqa: PLR0913, PLR0917 - what can be filtered by
    request: Request,
    who: Somebody,
    state: Word = "",
    category: Word = "",
    severity: Word = "",
    queue: Word = "",
    agency: Agency = "",
    mine: Word = "",
    overdue: Word = "",
    at: Start = 0,
) -> Response:
    """Cases that wait, gravest and most urgent first; or what else somebody may do here."""
    if not who.may(_P.SEE_CASES):
        return desk_page(
            request, who, "mod_message.html", heading="mod.nothing", texts=("mod.nothing-text",),
            detail=None, typed=(), ways=(("staff.account", "/mod/account"),),
        )  # fmt: skip
    chosen = Chosen(
        state=state, category=category, severity=severity, queue=queue, agency=agency.strip(),
        mine=bool(mine), overdue=bool(overdue), at=at,
    )  # fmt: skip
    queues = tuple(Queue) if who.may(_P.SEE_RESTRICTED) else ()
    return _queue(request, who, chosen, None, queues)


@router.get("/mod/restricted")
def restricted(request: Request, who: SeesRestricted, at: Start = 0) -> Response:
    """The queue of suspected abuse of minors: what is to be done, and nothing to see."""
    return _queue(request, who, Chosen(at=at), Queue.RESTRICTED, ())


def _queue(
    request: Request,
    who: SignedIn,
    chosen: Chosen,
    only: Queue | None,
    queues: tuple[Queue, ...],
) -> Response:
    desk, reviewer, now = moderation_of(request).cases, who.reviewer, parts_of(request).clock()
    # One more than is shown: then there are more.
    rows = desk.queue(reviewer, chosen.filters(queue=only, limit=_ON_A_PAGE + 1), now=now)
    counts = Overview(moderation_of(request).office).counts(reviewer, queue=only, now=now)
    earlier = later = None
    if chosen.at:
        earlier = later_page(request, max(chosen.at - _ON_A_PAGE, 0), *_FILTERS)
    if len(rows) > _ON_A_PAGE:
        later = later_page(request, chosen.at + _ON_A_PAGE, *_FILTERS)
    view = queue_view(
        rows[:_ON_A_PAGE],
        chosen,
        reviewer,
        wording_for(request),
        counts=counts,
        restricted=only is Queue.RESTRICTED,
        queues=queues,
        earlier=earlier,
        later=later,
        now=now,
    )
    return desk_page(request, who, "mod_queue.html", view=view)


@router.get("/mod/cases/{id}")
def case(request: Request, who: Sees, id: CaseId, at: Start = 0) -> Response:  # noqa: A002
    """One case; its evidence stays covered."""
    try:
        return case_page(request, who, id, at=at)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back="/mod")


def case_page(request: Request, who: SignedIn, id_: str, *, at: int = 0, contact: str | None = None,
              why: str = "") -> Response:  # fmt: skip
    """The page of a case.

    Args:
        request: The request.
        who: Who asks.
        id_: The case.
        at: How many complaints are left out.
        contact: The complaint whose sender they ask for: it is written down.
        why: For what reason.

    Raises:
        ConflictError: It is not there for them.
        PermissionRefusedError: They may not.
    """
    moderation, reviewer = moderation_of(request), who.reviewer
    now, wording = parts_of(request).clock(), wording_for(request)
    overview, contacts = Overview(moderation.office), {}
    if contact is not None:
        known = moderation.cases.contact_of(contact, reviewer, why=why, now=now)
        if known is not None:
            contacts[contact] = known
    found = moderation.cases.get(id_, reviewer, now=now, offset=at)
    query = "" if not page_request(request).asked else urlencode(
        {"lang": page_request(request).language.tag}
    ) + "&"  # fmt: skip
    view = case_view(
        found,
        reviewer,
        wording,
        moderation.policies,
        evidence=subject_views(request, found, reviewer, wording, now=now),
        contacts=contacts,
        legal=_legal(request, who, found, wording, now),
        looks_left=reviewer.exposure_cap - overview.looks_today(reviewer, now=now),
        offset=at,
        here=f"/mod/cases/{id_}?{query}",
        now=now,
    )
    return desk_page(request, who, "mod_case.html", view=view)


def _legal(
    request: Request, who: SignedIn, found: CaseFile, wording: Wording, now: datetime
) -> LegalView | None:
    outcomes, case = outcomes_of(request), found.case.id
    if not who.may(_P.MAKE_BUNDLES, _P.LEGAL_HOLD, _P.SEND_NOTICES):
        return None
    holds, notices = outcomes.retention.holds(case), outcomes.notices.of_case(case)
    return legal_view(found, who.permissions, holds, notices, wording, now=now)


@router.get("/mod/cases/{id}/evidence/{subject}")
def evidence(request: Request, who: Looks, id: CaseId, subject: CaseId) -> Response:  # noqa: A002
    """The bytes themselves, for whoever gave a reason to look a short while ago."""
    now = parts_of(request).clock()
    found = moderation_of(request).cases.get(id, who.reviewer, now=now)
    about = next((one for one in found.case.subjects if one.id == subject), None)
    if about is None or not is_open(found, subject, who.reviewer, now=now):
        raise Problem(ProblemKind.FORBIDDEN, "give a reason to look first")
    held = held_evidence(request, about, found.case.queue)
    if held is None:
        raise Problem(ProblemKind.NOT_FOUND)
    return FileResponse(
        held.path,
        media_type=held.media_type,
        headers=_EVIDENCE_HEADERS,
        # A name of ours: theirs could be anything.
        filename=f"evidence-{subject}",
        content_disposition_type="attachment",
    )


@router.get("/mod/cases/{id}/decide")
def decide(request: Request, who: Decides, id: CaseId, policy: PolicyId = "") -> Response:  # noqa: A002
    """The form of a decision, by policy."""
    try:
        subject = case_subject(request, who, id)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back=f"/mod/cases/{id}")
    view = decide_view(request, subject, DraftForm(policy=policy))
    return desk_page(request, who, "mod_decide.html", view=view)


@router.get("/mod/cases/{id}/second")
def second(request: Request, who: Seconds, id: CaseId) -> Response:  # noqa: A002
    """What somebody proposes to decide, for a second person."""
    try:
        view = second_view(request, who, case=id)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back=f"/mod/cases/{id}")
    return desk_page(request, who, "mod_preview.html", view=view)


@router.get("/mod/bulk")
def bulk(request: Request, who: Bulk, case: Cases = None, policy: PolicyId = "") -> Response:
    """One decision about several cases: chosen in the queue, decided after a preview."""
    if not case:
        return RedirectResponse(page_request(request).link("/mod"), status_code=303)
    try:
        subject = bulk_subject(request, who, tuple(dict.fromkeys(case)))
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back="/mod")
    view = decide_view(request, subject, DraftForm(policy=policy, cases=subject.cases))
    return desk_page(request, who, "mod_decide.html", view=view)


@router.get("/mod/appeals")
def appeals(request: Request, who: Appeals) -> Response:
    """Appeals that wait, oldest first."""
    now = parts_of(request).clock()
    rows = moderation_of(request).appeals.queue(who.reviewer, now=now)
    wording = wording_for(request)
    shown = tuple(appeal_row(one, who.reviewer, wording, now=now) for one in rows)
    return desk_page(request, who, "mod_appeals.html", rows=shown)


@router.get("/mod/appeals/{id}")
def appeal(request: Request, who: Appeals, id: CaseId) -> Response:  # noqa: A002
    """One appeal."""
    moderation, now = moderation_of(request), parts_of(request).clock()
    try:
        found = moderation.appeals.get(id, who.reviewer)
        about = moderation.cases.get(found.case, who.reviewer, now=now)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back="/mod/appeals")
    view = appeal_view(found, about, who.reviewer, wording_for(request), now=now)
    return desk_page(request, who, "mod_appeal.html", view=view)


@router.get("/mod/appeals/{id}/decide")
def decide_appeal(
    request: Request,
    who: Appeals,
    id: CaseId,  # noqa: A002
    policy: PolicyId = "",
) -> Response:
    """The form of what becomes of an appeal."""
    try:
        subject = appeal_subject(request, who, id)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back=f"/mod/appeals/{id}")
    view = decide_view(request, subject, DraftForm(policy=policy))
    return desk_page(request, who, "mod_decide.html", view=view)


@router.get("/mod/appeals/{id}/second")
def second_appeal(request: Request, who: Seconds, id: CaseId) -> Response:  # noqa: A002
    """What somebody proposes to decide about an appeal, for a second person."""
    try:
        view = second_view(request, who, appeal=id)
    except (ConflictError, PermissionRefusedError) as error:
        return refused(request, who, error, back=f"/mod/appeals/{id}")
    return desk_page(request, who, "mod_preview.html", view=view)


@router.get("/mod/help")
def help_page(request: Request, who: Somebody) -> Response:
    """Shortcuts, and how to switch them off."""
    return desk_page(request, who, "mod_help.html", keys=_KEYS, rules=_RULES)
