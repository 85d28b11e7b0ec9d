"""The pages on which members of the staff sign in and out, and enrol."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from provenance.errors import FetchError, SignInRefusedError
from provenance.pages.pictures import qr_svg
from provenance.service.answers import url_of
from provenance.service.callers import RateLimits, network_of, parts_of
from provenance.service.page_answers import message_page, page, page_request
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import (
    HOME_PATH,
    AnswerInsteadError,
    SignedIn,
    now_of,
    onward,
    safe_next,
    staff_at,
    staff_parts_of,
    visitor_of,
)
from provenance.service.staff_cookies import Cookie, clear_cookie, cookie_of, set_cookie
from provenance.service.staff_forms import Fields, check_own_form
from provenance.staff.doors import Begun, Refused, RefusedBecause
from provenance.staff.own_account import NewCodes
from provenance.staff.passkeys import Site, parse_credential
from provenance.staff.passwords import MIN_PASSWORD_CHARS, PasswordFault
from provenance.staff.sessions import Stage
from provenance.staff.tokens import csrf_of, new_token
from provenance.wording.messages import Message, say

__all__ = [
    "begun",
    "codes_page",
    "credential_in",
    "hashing",
    "noted",
    "refusal",
    "router",
    "site_of",
    "status_of",
]

router = APIRouter(include_in_schema=False)

Outcome = TypeVar("Outcome")
_PASSWORDS = ThreadPoolExecutor(4, thread_name_prefix="passwords")

_SIGN_IN, _SECOND = "/mod/sign-in", "/mod/sign-in/second"
_ENROL, _ENROL_SECOND = "/mod/enrol", "/mod/enrol/second"
_BACK = "/mod/provider/back"
_STATUS = {RefusedBecause.WAIT: 429, RefusedBecause.LINK: 410}
_REFUSED = {because: f"staff.refused.{because.value}" for because in RefusedBecause}


async def hashing(work: Callable[..., Outcome], *arguments: Any, **named: Any) -> Outcome:
    """Do this, which works out a password, where only such work waits for its turn.

    It takes long, and strangers can ask for it: nothing else may have to wait behind it.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_PASSWORDS, partial(work, *arguments, **named))


def site_of(request: Request) -> Site:
    """Where passkeys are used: here."""
    return Site(origin=url_of(request, "").rstrip("/"))


async def _visit(request: Request) -> str:
    """The secret of this browser, if it brought one."""
    return cookie_of(request, Cookie.VISIT) or new_token(os.urandom)


async def _form(request: Request) -> tuple[Fields, str]:
    """A form of somebody who is not signed in, and the secret of their browser.

    Raises:
        Problem: It comes from no page of ours, or there are too many.
    """
    limits: RateLimits = request.app.state.rate_limits
    limits.check("address", network_of(request))
    visit = cookie_of(request, Cookie.VISIT)
    try:
        fields = await check_own_form(request, visit)
    except Problem as problem:
        if problem.kind is not ProblemKind.FORBIDDEN:
            raise
        # Most often a page that was open for more than a day.
        raise AnswerInsteadError(
            message_page(request, "error.refused", "staff.form-old", status=403)
        ) from problem
    if visit is None:
        raise Problem(ProblemKind.FORBIDDEN)
    return fields, visit


async def _step(request: Request, stage: Stage) -> tuple[SignedIn, Fields]:
    """A form of somebody who has come so far with signing in.

    Raises:
        AnswerInsteadError: They have not.
    """
    found = await _come(request, stage)
    return found, await check_own_form(request, found.token)


async def _come(request: Request, stage: Stage) -> SignedIn:
    found = await staff_at(request, stage)
    if found is None:
        raise AnswerInsteadError(
            RedirectResponse(page_request(request).link(_SIGN_IN), status_code=303)
        )
    return found


def refusal(refused: Refused | PasswordFault) -> Message:
    """What somebody is told who was not let in."""
    if isinstance(refused, PasswordFault):
        return say(f"staff.password.{refused.value}", least=MIN_PASSWORD_CHARS)
    return say(_REFUSED[refused.because])


def status_of(refused: Refused | PasswordFault) -> int:
    """The HTTP status of that answer."""
    return 422 if isinstance(refused, PasswordFault) else _STATUS.get(refused.because, 403)


def noted(request: Request, refused: Refused | PasswordFault) -> dict[str, str]:
    """Write into the log that somebody was refused; the headers of the answer."""
    if isinstance(refused, PasswordFault):
        return {}
    parts = parts_of(request)
    parts.note("staff-refused", request=request.scope["state"]["request"], because=refused.why)
    if refused.until is None:
        return {}
    wait_s = max(1, int((refused.until - parts.clock()).total_seconds()) + 1)
    return {"Retry-After": str(wait_s)}


def begun(request: Request, entry: Begun, path: str) -> Response:
    """The answer to whoever was let in, or one step further: the new token, and where to go."""
    response = RedirectResponse(path, status_code=303)
    set_cookie(request, response, Cookie.SESSION, entry.token)
    if entry.session.stage is Stage.FULL:
        clear_cookie(request, response, Cookie.VISIT)
    if entry.device is not None:
        set_cookie(request, response, Cookie.DEVICE, entry.device)
    return response


def credential_in(fields: Fields) -> Any:
    """What the page's script got from a passkey.

    Raises:
        SignInRefusedError: It cannot be read.
    """
    return parse_credential(fields.one("credential"))


async def _sign_in_page(
    request: Request, next_path: str, refused: Refused | None = None
) -> Response:
    visit = await _visit(request)
    response = page(
        request,
        "staff_sign_in.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        next=next_path,
        csrf=csrf_of(visit),
        provider=staff_parts_of(request).provider is not None,
    )
    set_cookie(request, response, Cookie.VISIT, visit)
    return response


@router.get(_SIGN_IN)
async def sign_in(request: Request) -> Response:
    """The page for it."""
    return await _sign_in_page(request, safe_next(request.query_params.get("next")))


@router.post(_SIGN_IN)
async def sign_in_password(request: Request) -> Response:
    """A name and a password."""
    fields, _ = await _form(request)
    next_path = safe_next(fields.one("next"))
    found = await hashing(
        staff_parts_of(request).sign_in.password,
        fields.one("name"),
        fields.one("password"),
        visitor_of(request),
        now=now_of(request),
        replaces=cookie_of(request, Cookie.SESSION),
    )
    if isinstance(found, Refused):
        return await _sign_in_page(request, next_path, found)
    return begun(request, found, page_request(request).link(_SECOND, next=next_path))


@router.get(_SECOND)
async def second(request: Request) -> Response:
    """The page for the second factor."""
    found = await _come(request, Stage.PASSWORD)
    return _second_page(request, found, safe_next(request.query_params.get("next")))


def _second_page(
    request: Request, found: SignedIn, next_path: str, refused: Refused | None = None
) -> Response:
    return page(
        request,
        "staff_second.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        next=next_path,
        csrf=found.csrf,
    )


@router.post(_SECOND)
async def second_code(request: Request) -> Response:
    """A code by time, or a recovery code."""
    found, fields = await _step(request, Stage.PASSWORD)
    next_path = safe_next(fields.one("next"))
    entry = await asyncio.to_thread(
        staff_parts_of(request).sign_in.code,
        found.token,
        fields.one("code"),
        visitor_of(request),
        now=now_of(request),
    )
    if isinstance(entry, Refused):
        return _second_page(request, found, next_path, entry)
    return begun(request, entry, next_path)


@router.post("/mod/sign-in/passkey-question")
async def passkey_question(request: Request) -> Response:
    """What the page's script asks a passkey."""
    found = await staff_at(request, Stage.PASSWORD)
    if found is None:
        _, holder = await _form(request)
    else:
        await check_own_form(request, found.token)
        holder = found.session.id
    asked = await asyncio.to_thread(
        staff_parts_of(request).sign_in.passkey_question,
        site_of(request),
        holder=holder,
        token=None if found is None else found.token,
        now=now_of(request),
    )
    return Response(asked, media_type="application/json")


@router.post("/mod/sign-in/passkey")
async def sign_in_passkey(request: Request) -> Response:
    """What a passkey answered."""
    found = await staff_at(request, Stage.PASSWORD)
    if found is None:
        fields, holder = await _form(request)
    else:
        fields, holder = await check_own_form(request, found.token), found.session.id
    next_path = safe_next(fields.one("next"))
    entry: Begun | Refused
    try:
        entry = await asyncio.to_thread(
            staff_parts_of(request).sign_in.passkey,
            site_of(request),
            credential_in(fields),
            visitor_of(request),
            holder=holder,
            now=now_of(request),
            replaces=cookie_of(request, Cookie.SESSION),
        )
    except SignInRefusedError as error:
        entry = Refused(because=RefusedBecause.PASSKEY, why=str(error))
    if isinstance(entry, Refused):
        if found is not None:
            return _second_page(request, found, next_path, entry)
        return await _sign_in_page(request, next_path, entry)
    return begun(request, entry, next_path)


@router.post("/mod/provider")
async def provider(request: Request) -> Response:
    """Off to the operator's provider: to sign in, to prove again, or to link an identity."""
    signed = await staff_at(request, Stage.FULL)
    if signed is None:
        fields, _ = await _form(request)
    else:
        fields = await check_own_form(request, signed.token)
    staff = staff_parts_of(request)
    if staff.provider is None:
        raise Problem(ProblemKind.SWITCHED_OFF)
    visit = await _visit(request)
    link = fields.one("link") or None
    try:
        url = await asyncio.to_thread(
            staff.provider.visit,
            redirect=url_of(request, _BACK),
            holder=visit,
            now=now_of(request),
            next_path=safe_next(fields.one("next")),
            confirms=None if signed is None or link is not None else signed.token,
            enrolment=link,
        )
    except FetchError as error:
        parts_of(request).note("staff-provider", why=str(error))
        return message_page(request, "staff.sign-in", "staff.provider-away", status=503)
    response = onward(request, url)
    set_cookie(request, response, Cookie.VISIT, visit)
    return response


@router.get(_BACK)
async def provider_back(request: Request) -> Response:
    """Back from the provider."""
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        # Once more from our own page, which our cookies come along with.
        return onward(request, f"{_BACK}?{request.url.query}")
    staff = staff_parts_of(request)
    visit = cookie_of(request, Cookie.VISIT)
    if staff.provider is None:
        raise Problem(ProblemKind.SWITCHED_OFF)
    limits: RateLimits = request.app.state.rate_limits
    limits.check("address", network_of(request))
    entry: Begun | Refused = Refused(because=RefusedBecause.OVER, why="provider: another browser")
    if visit is not None:
        entry = await asyncio.to_thread(
            staff.provider.answer,
            dict(request.query_params),
            visitor_of(request),
            holder=visit,
            now=now_of(request),
            token=cookie_of(request, Cookie.SESSION),
        )
    if isinstance(entry, Refused):
        return await _sign_in_page(request, HOME_PATH, entry)
    return begun(request, entry, safe_next(entry.next_path))


@router.post("/mod/sign-out")
async def sign_out(request: Request) -> Response:
    """No longer signed in, nor on the way to it."""
    response = RedirectResponse(page_request(request).link(_SIGN_IN), status_code=303)
    token = cookie_of(request, Cookie.SESSION)
    if token is not None:
        await check_own_form(request, token)
        await asyncio.to_thread(
            staff_parts_of(request).sign_in.sign_out, token, now=now_of(request)
        )
    clear_cookie(request, response, Cookie.SESSION)
    # What the browser keeps of the pages it showed.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def _enrol_page(
    request: Request, link: str, refused: Refused | PasswordFault | None = None
) -> Response:
    account = await asyncio.to_thread(
        staff_parts_of(request).own_account.invited, link, now=now_of(request)
    )
    if account is None:
        return message_page(request, "error.missing", "staff.refused.link", status=410)
    visit = await _visit(request)
    response = page(
        request,
        "staff_enrol.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        account=account,
        link=link,
        least=MIN_PASSWORD_CHARS,
        csrf=csrf_of(visit),
        provider=staff_parts_of(request).provider is not None,
    )
    set_cookie(request, response, Cookie.VISIT, visit)
    return response


@router.get(_ENROL)
async def enrol(request: Request) -> Response:
    """The page that an enrolment link leads to."""
    limits: RateLimits = request.app.state.rate_limits
    limits.check("address", network_of(request))
    return await _enrol_page(request, request.query_params.get("link", ""))


@router.post(_ENROL)
async def enrol_password(request: Request) -> Response:
    """The password they want."""
    fields, _ = await _form(request)
    link, password = fields.one("link"), fields.one("password")
    if password != fields.one("again"):
        return await _enrol_page(request, link, PasswordFault.DIFFERENT)
    entry = await hashing(
        staff_parts_of(request).own_account.enrol,
        link,
        password,
        visitor_of(request),
        now=now_of(request),
    )
    if not isinstance(entry, Begun):
        return await _enrol_page(request, link, entry)
    return begun(request, entry, page_request(request).link(_ENROL_SECOND))


def codes_page(
    request: Request,
    found: SignedIn,
    codes: NewCodes,
    refused: Refused | None = None,
    *,
    path: str,
) -> Response:
    """The page on which codes by time are set up."""
    return page(
        request,
        "staff_codes.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        # Drawn by us, of a text of ours.
        picture=Markup(qr_svg(codes.uri).decode("utf-8").partition("?>\n")[2]),  # noqa: S704
        secret=codes.secret,
        path=path,
        enrolling=found.session.stage is Stage.ENROLLING,
        csrf=found.csrf,
    )


@router.get(_ENROL_SECOND)
async def enrol_second(request: Request) -> Response:
    """The page on which somebody new sets up a second factor."""
    found = await _come(request, Stage.ENROLLING)
    own, now = staff_parts_of(request).own_account, now_of(request)
    codes = await asyncio.to_thread(own.codes_begun, found.token, now=now)
    if codes is None:
        made = await asyncio.to_thread(own.begin_codes, found.token, now=now)
        if isinstance(made, Refused):
            return message_page(request, "error.missing", "staff.refused.link", status=410)
        codes = made
    return codes_page(request, found, codes, path=_ENROL_SECOND)


@router.post(_ENROL_SECOND)
async def enrol_codes(request: Request) -> Response:
    """The code that their app shows."""
    found, fields = await _step(request, Stage.ENROLLING)
    own, now = staff_parts_of(request).own_account, now_of(request)
    entry = await asyncio.to_thread(
        own.finish_codes, found.token, fields.one("code"), visitor_of(request), now=now
    )
    if isinstance(entry, Refused):
        codes = await asyncio.to_thread(own.codes_begun, found.token, now=now)
        if codes is None:
            return message_page(request, "error.missing", "staff.refused.over", status=410)
        return codes_page(request, found, codes, entry, path=_ENROL_SECOND)
    return begun(request, entry, page_request(request).link("/mod/account", new="1"))
