"""The pages: check a file, read an answer, learn what it means."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from provenance.errors import ProvenanceError, RegisterError
from provenance.pages.assets import asset_named, has_device_reader, packed_asset
from provenance.pages.history import history_svg
from provenance.pages.pictures import badge_svg, qr_svg
from provenance.pages.rendering import DEVICE_POLICY
from provenance.pages.result import result_view
from provenance.records.reports import StoredReport
from provenance.records.scopes import Scope
from provenance.records.tokens import looks_like_id
from provenance.runtime.report_desk import Question
from provenance.service.answers import policy_of, url_of
from provenance.service.bodies import Slots, receive_upload
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.documents import ShortText
from provenance.service.forms import FormUpload, receive_form
from provenance.service.page_answers import (
    is_own_site,
    message_page,
    page,
    page_parts_of,
    page_request,
    problem_page,
    wants_page,
    wording_for,
)
from provenance.service.problems import Problem, ProblemKind
from provenance.service.report_routes import ReportId
from provenance.service.translate import as_problem
from provenance.verdict import Verdict
from provenance.wording.keys import label_of
from provenance.wording.messages import Message, say

__all__ = ["router", "stored_entry"]

router = APIRouter(include_in_schema=False)

Reads = Annotated[Caller, Depends(caller_for(anonymous=True))]
Verifies = Annotated[Caller, Depends(caller_for(Scope.VERIFY, anonymous=True))]

_INDEX = """\
Provenance: who released a file, and is it unchanged?

PUT  /v1/verify         the file as body; the report as answer
GET  /v1/reports/{id}   the report again
GET  /openapi.json      everything else

The absence of credentials says nothing against a file.
"""
_SVG = "image/svg+xml"
# A picture opened by itself is a document of its own, and may do nothing.
_SVG_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Vary": "Accept-Language",
}
_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASKING_AGAIN = {"Cache-Control": "public, no-cache"}
_TOPICS = (("badge", 3), ("check", 3), ("unverified", 2), ("help", 3))


@router.get("/")
async def home(request: Request) -> Response:
    """The first page for a person; a plain index for a program."""
    if wants_page(request):
        device = has_device_reader()
        headers = {"Content-Security-Policy": DEVICE_POLICY} if device else {}
        return page(request, "home.html", headers=headers, error=None, device=device)
    test = parts_of(request).settings.service.test
    text = f"TEST. Nothing here is an answer.\n\n{_INDEX}" if test else _INDEX
    return PlainTextResponse(text, headers={"Vary": "Accept"})


@router.put("/check")
async def check(request: Request, caller: Verifies, name: ShortText | None = None) -> Response:
    """Judge a file that the page's script sends; the answer says where its page is."""
    _refuse_strangers(request)
    slots: Slots = request.app.state.slots
    async with slots.taken(request, caller):
        upload = await receive_upload(request)
        entry = await _judge(request, caller, FormUpload(file=upload, name=name))
    return JSONResponse({"id": entry.id, "url": page_request(request).link(f"/r/{entry.id}")})


@router.post("/check")
async def check_form(request: Request, caller: Verifies) -> Response:
    """Judge a file that the page's form sends without a script."""
    if not is_own_site(request):
        return message_page(request, "error.refused", "error.refused-text", status=403)
    slots: Slots = request.app.state.slots
    try:
        async with slots.taken(request, caller):
            entry = await _judge(request, caller, await receive_form(request))
    except (Problem, ProvenanceError) as error:
        problem = as_problem(error)
        if problem.kind is ProblemKind.INTERNAL:
            raise
        return problem_page(request, problem, device=False)
    return RedirectResponse(page_request(request).link(f"/r/{entry.id}"), status_code=303)


async def _judge(request: Request, caller: Caller, form: FormUpload) -> StoredReport:
    profile = policy_of(request, None)
    question = Question(
        policy=profile.name, owner=caller.owner, reader=caller.reader, name=form.name
    )
    # A file of no kind that we know is an answer here too: it could not be checked.
    return await parts_of(request).desk.judge(form.file, question, sidecar=form.sidecar)


def _refuse_strangers(request: Request) -> None:
    if not is_own_site(request):
        raise Problem(ProblemKind.FORBIDDEN, "the request came from another website")


async def stored_entry(request: Request, caller: Caller, id_: str) -> StoredReport | None:
    """The report of this name, if whoever asks may read it."""
    if not looks_like_id(id_):
        # No name of a report: no database has to be asked, nor can be with every text.
        return None
    return await asyncio.to_thread(parts_of(request).desk.get, id_, reader=caller.reader)


def _missing(request: Request) -> Response:
    return message_page(request, "error.missing", "error.missing-text", status=404)


@router.get("/r/{id_}")
async def result(request: Request, caller: Reads, id_: str) -> Response:
    """The page of one answer. Whoever guesses an address learns nothing from it."""
    entry = await stored_entry(request, caller, id_)
    if entry is None:
        return _missing(request)
    report = entry.report
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    view = result_view(report, wording_for(request))
    picture = None
    if view.nearest is not None and view.nearest.file_sha256 is not None:
        digest = view.nearest.file_sha256
        if await _registered_picture(request, digest) is not None:
            picture = f"/pictures/{digest}.jpg"
    return page(
        request,
        "result.html",
        id=entry.id,
        view=view,
        stale=bool(standing.stale_because),
        holds=standing.holds,
        judged_at=entry.judged_at,
        link=url_of(request, f"/r/{entry.id}"),
        picture=picture,
        badges=(
            standing.holds
            and page_parts_of(request).key is not None
            and report.asset.sha256 is not None
        ),
    )


@router.get("/r/{id}/history.svg")
async def history(request: Request, caller: Reads, id: ReportId) -> Response:  # noqa: A002
    """What the file was made from, as a picture."""
    entry = await stored_entry(request, caller, id)
    if entry is None:
        raise Problem(ProblemKind.NOT_FOUND)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    drawn = history_svg(entry.report, wording_for(request), holds=standing.holds)
    return Response(drawn, media_type=_SVG, headers=_SVG_HEADERS)


@router.get("/r/{id}/qr.svg")
async def qr(request: Request, caller: Reads, id: ReportId) -> Response:  # noqa: A002
    """The address of the answer as a QR code."""
    if await stored_entry(request, caller, id) is None:
        raise Problem(ProblemKind.NOT_FOUND)
    drawn = await asyncio.to_thread(qr_svg, url_of(request, f"/r/{id}"))
    return Response(drawn, media_type=_SVG, headers=_SVG_HEADERS)


@router.get("/r/{id}/badge.svg")
async def badge_picture(request: Request, caller: Reads, id: ReportId) -> Response:  # noqa: A002
    """The verdict in a few words, as a picture that other websites may show."""
    entry = await stored_entry(request, caller, id)
    if entry is None:
        raise Problem(ProblemKind.NOT_FOUND)
    report, wording = entry.report, wording_for(request)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    if not standing.holds:
        # Of a release that was withdrawn since, or of a key that counts no more, nobody is
        # told that it is official.
        verdict, label = Verdict.UNDETERMINED, wording.text("badge.changed")
    else:
        verdict, label = report.verdict, wording.text(label_of(report.verdict))
    return Response(
        badge_svg(verdict, label, test=report.test),
        media_type=_SVG,
        headers={**_SVG_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin"},
    )


@router.get("/learn")
async def learn(request: Request) -> Response:
    """What the answers mean."""
    verdicts = [verdict.value for verdict in Verdict]
    return page(request, "learn.html", topics=_TOPICS, verdicts=verdicts)


@router.get("/learn/sites")
async def sites(request: Request) -> Response:
    """For websites that show badges."""
    return page(request, "sites.html")


@router.get("/learn/{verdict}")
async def learn_verdict(request: Request, verdict: str) -> Response:
    """What one verdict means."""
    if verdict not in {known.value for known in Verdict}:
        return _missing(request)
    return page(request, "learn_verdict.html", verdict=verdict, to_do=_to_do(Verdict(verdict)))


def _to_do(verdict: Verdict) -> tuple[Message, ...]:
    if verdict is Verdict.UNDETERMINED:
        return say("do.undetermined.ours"), say("do.undetermined.file")
    return (say(f"do.{verdict.value}", agency=say("learn.the-agency")),)


@router.get("/pictures/{sha256}.jpg")
async def picture(
    request: Request, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
) -> Response:
    """What the registered file of this digest looks like, for comparison with a copy."""
    found = await _registered_picture(request, sha256)
    if found is None:
        raise Problem(ProblemKind.NOT_FOUND)
    return Response(found, media_type="image/jpeg", headers=_FOR_AN_HOUR)


async def _registered_picture(request: Request, sha256: str) -> bytes | None:
    """As the register keeps it, and as far as everybody may know of it."""
    parts = parts_of(request)
    view = parts.register.view(clock=parts.clock)
    try:
        return await asyncio.to_thread(view.picture, sha256, at=parts.clock())
    except RegisterError:
        # The answer stands without it.
        return None


@router.get("/static/{digest}/{name}")
async def static_file(request: Request, digest: str, name: str) -> Response:
    """A file that the pages load."""
    found = await asyncio.to_thread(asset_named, name)
    if found is None:
        raise Problem(ProblemKind.NOT_FOUND)
    # A script names its neighbours without their digests.
    headers = {"Vary": "Accept-Encoding"}
    headers |= _FOR_EVER if digest == found.digest else _ASKING_AGAIN
    data = found.data
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        packed = await asyncio.to_thread(packed_asset, name)
        if packed is not None:
            data, headers["Content-Encoding"] = packed, "gzip"
    return Response(data, media_type=found.media_type, headers=headers)
