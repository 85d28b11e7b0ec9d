"""The pages on which members of the staff see to their own account."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from provenance.errors import SignInRefusedError
from provenance.service.mod_answers import console_links
from provenance.service.page_answers import page, page_request
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_access import (
    SignedIn,
    now_of,
    safe_next,
    signed_in,
    staff_at,
    staff_parts_of,
    visitor_of,
)
from provenance.service.staff_forms import Fields, check_own_form
from provenance.service.staff_routes import (
    begun,
    codes_page,
    credential_in,
    hashing,
    noted,
    refusal,
    site_of,
    status_of,
)
from provenance.staff.doors import Begun, Refused, RefusedBecause
from provenance.staff.passwords import MIN_PASSWORD_CHARS, PasswordFault
from provenance.staff.sessions import Stage

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Member = Annotated[SignedIn, Depends(signed_in)]

_ACCOUNT, _CODES, _CONFIRM = "/mod/account", "/mod/account/codes", "/mod/confirm"


def _confirm_first(request: Request) -> Response:
    path = page_request(request).link(_CONFIRM, next=_ACCOUNT)
    return RedirectResponse(path, status_code=303)


async def _account_page(
    request: Request, member: SignedIn, refused: Refused | PasswordFault | None = None
) -> Response:
    if isinstance(refused, Refused) and refused.because is RefusedBecause.STALE:
        return _confirm_first(request)
    ways = await asyncio.to_thread(
        staff_parts_of(request).own_account.ways_in, member.account.id, now=now_of(request)
    )
    return page(
        request,
        "staff_account.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        account=member.account,
        console=console_links(member),
        session=member.session,
        ways=ways,
        fresh=member.fresh,
        new=request.query_params.get("new") == "1",
        least=MIN_PASSWORD_CHARS,
        csrf=member.csrf,
    )


def _done(request: Request, entry: Begun | None = None) -> Response:
    path = page_request(request).link(_ACCOUNT)
    if entry is not None:
        return begun(request, entry, path)
    return RedirectResponse(path, status_code=303)


@router.get(_ACCOUNT)
async def account(request: Request, member: Member) -> Response:
    """Their account."""
    return await _account_page(request, member)


@router.post("/mod/account/password")
async def password(request: Request, member: Member) -> Response:
    """Another password."""
    fields = member.fields
    if fields.one("password") != fields.one("again"):
        return await _account_page(request, member, PasswordFault.DIFFERENT)
    entry = await hashing(
        staff_parts_of(request).own_account.change_password,
        member.token,
        fields.one("old"),
        fields.one("password"),
        visitor_of(request),
        now=now_of(request),
    )
    if not isinstance(entry, Begun):
        return await _account_page(request, member, entry)
    return _done(request, entry)


@router.post(_CODES)
async def codes_begin(request: Request, member: Member) -> Response:
    """Set up codes by time, in place of those that there are."""
    made = await asyncio.to_thread(
        staff_parts_of(request).own_account.begin_codes, member.token, now=now_of(request)
    )
    if isinstance(made, Refused):
        return await _account_page(request, member, made)
    return codes_page(request, member, made, path="/mod/account/codes/check")


@router.post("/mod/account/codes/check")
async def codes_check(request: Request, member: Member) -> Response:
    """The code that their app shows."""
    own, now = staff_parts_of(request).own_account, now_of(request)
    entry = await asyncio.to_thread(
        own.finish_codes, member.token, member.fields.one("code"), visitor_of(request), now=now
    )
    if isinstance(entry, Refused):
        codes = await asyncio.to_thread(own.codes_begun, member.token, now=now)
        if codes is None or entry.because is not RefusedBecause.CODE:
            return await _account_page(request, member, entry)
        return codes_page(request, member, codes, entry, path="/mod/account/codes/check")
    return _done(request, entry)


@router.post("/mod/account/recovery-codes")
async def recovery_codes(request: Request, member: Member) -> Response:
    """New recovery codes, shown this once."""
    codes = await asyncio.to_thread(
        staff_parts_of(request).own_account.new_recovery_codes, member.token, now=now_of(request)
    )
    if isinstance(codes, Refused):
        return await _account_page(request, member, codes)
    return page(request, "staff_recovery.html", codes=codes)


async def _setting_up(request: Request) -> tuple[SignedIn, Fields]:
    """Whoever is signed in, or is on the way to it by an enrolment link, and their form."""
    found = await staff_at(request, Stage.FULL, Stage.ENROLLING)
    if found is None:
        raise Problem(ProblemKind.UNAUTHORISED, "you are not signed in")
    return found, await check_own_form(request, found.token)


@router.post("/mod/account/passkey-question")
async def passkey_question(request: Request) -> Response:
    """What the page's script needs to make a passkey."""
    found, _ = await _setting_up(request)
    asked = await asyncio.to_thread(
        staff_parts_of(request).own_account.passkey_question,
        found.token,
        site_of(request),
        holder=found.session.id,
        now=now_of(request),
    )
    if isinstance(asked, Refused):
        raise Problem(ProblemKind.FORBIDDEN, "prove once more who you are, at /mod/confirm")
    return Response(asked, media_type="application/json")


@router.post("/mod/account/passkeys")
async def passkey_add(request: Request) -> Response:
    """The passkey that was made."""
    found, fields = await _setting_up(request)
    entry: Begun | Refused
    try:
        entry = await asyncio.to_thread(
            staff_parts_of(request).own_account.add_passkey,
            found.token,
            site_of(request),
            credential_in(fields),
            visitor_of(request),
            holder=found.session.id,
            label=fields.one("label"),
            now=now_of(request),
        )
    except SignInRefusedError as error:
        entry = Refused(because=RefusedBecause.PASSKEY, why=str(error))
    if isinstance(entry, Begun):
        return _done(request, entry)
    if found.session.stage is Stage.FULL:
        return await _account_page(request, found, entry)
    noted(request, entry)
    return RedirectResponse(page_request(request).link("/mod/enrol/second"), status_code=303)


@router.post("/mod/account/passkeys/remove")
async def passkey_remove(request: Request, member: Member) -> Response:
    """One passkey less."""
    entry = await asyncio.to_thread(
        staff_parts_of(request).own_account.remove_passkey,
        member.token,
        member.fields.one("passkey"),
        visitor_of(request),
        now=now_of(request),
    )
    if isinstance(entry, Refused):
        return await _account_page(request, member, entry)
    return _done(request, entry)


@router.post("/mod/account/sessions/end")
async def session_end(request: Request, member: Member) -> Response:
    """One session, or all others, are over."""
    own, now = staff_parts_of(request).own_account, now_of(request)
    wanted = member.fields.one("session")
    if wanted:
        await asyncio.to_thread(own.end_session, member.account.id, wanted, now=now)
    else:
        await asyncio.to_thread(
            own.end_other_sessions, member.account.id, member.session.id, now=now
        )
    return _done(request)


def _confirm_page(
    request: Request, member: SignedIn, next_path: str, refused: Refused | None = None
) -> Response:
    return page(
        request,
        "staff_confirm.html",
        status=200 if refused is None else status_of(refused),
        headers={} if refused is None else noted(request, refused),
        error=None if refused is None else refusal(refused),
        next=next_path,
        csrf=member.csrf,
        provider=staff_parts_of(request).provider is not None,
        by_provider=member.session.means == "provider",
    )


@router.get(_CONFIRM)
async def confirm(request: Request, member: Member) -> Response:
    """The page on which somebody who is signed in proves once more who they are."""
    return _confirm_page(request, member, safe_next(request.query_params.get("next")))


@router.post(_CONFIRM)
async def confirm_code(request: Request, member: Member) -> Response:
    """By a code."""
    entry = await asyncio.to_thread(
        staff_parts_of(request).sign_in.confirm_code,
        member.token,
        member.fields.one("code"),
        visitor_of(request),
        now=now_of(request),
    )
    return _confirmed(request, member, entry)


@router.post("/mod/confirm/passkey-question")
async def confirm_question(request: Request, member: Member) -> Response:
    """What the page's script asks a passkey."""
    asked = await asyncio.to_thread(
        staff_parts_of(request).sign_in.passkey_question,
        site_of(request),
        holder=member.session.id,
        token=member.token,
        now=now_of(request),
    )
    return Response(asked, media_type="application/json")


@router.post("/mod/confirm/passkey")
async def confirm_passkey(request: Request, member: Member) -> Response:
    """By a passkey."""
    entry: Begun | Refused
    try:
        entry = await asyncio.to_thread(
            staff_parts_of(request).sign_in.confirm_passkey,
            member.token,
            site_of(request),
            credential_in(member.fields),
            holder=member.session.id,
            now=now_of(request),
        )
    except SignInRefusedError as error:
        entry = Refused(because=RefusedBecause.PASSKEY, why=str(error))
    return _confirmed(request, member, entry)


def _confirmed(request: Request, member: SignedIn, entry: Begun | Refused) -> Response:
    next_path = safe_next(member.fields.one("next"))
    if isinstance(entry, Refused):
        return _confirm_page(request, member, next_path, entry)
    return begun(request, entry, next_path)
