"""Who of the staff asks, and whether they may: deny by default.

`staff_for(Permission.DECIDE)` is a dependency of a route. Whoever is not signed in is sent
to the page for it; whoever may not is told so; a request that changes something counts only
if a page of ours sent it; and what is grave asks for a proof that is fresh.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from provenance.moderation.model import Reviewer
from provenance.moderation.permissions import Permission, permissions_of
from provenance.runtime.staff_parts import StaffParts
from provenance.service.callers import RateLimits, network_of, parts_of
from provenance.service.page_answers import message_page, page, page_request, wants_page
from provenance.service.problems import Problem, ProblemKind
from provenance.service.staff_cookies import Cookie, cookie_of
from provenance.service.staff_forms import Fields, check_own_form
from provenance.staff.accounts import Account
from provenance.staff.doors import Visitor
from provenance.staff.roles import Role
from provenance.staff.sessions import Session, Stage
from provenance.staff.tokens import csrf_of

__all__ = [
    "HOME_PATH",
    "AnswerInsteadError",
    "SignedIn",
    "now_of",
    "onward",
    "safe_next",
    "signed_in",
    "staff_at",
    "staff_for",
    "staff_parts_of",
    "visitor_of",
]

HOME_PATH = "/mod"
"""Where whoever has signed in goes, unless they wanted to go elsewhere."""
_SIGN_IN, _CONFIRM = "/mod/sign-in", "/mod/confirm"
# Paths of the staff's pages, and nothing that a browser could read as another host's.
_NEXT = re.compile(r"/mod(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?(\?[A-Za-z0-9=&._~%+-]*)?")
_MAX_NEXT_CHARS = 500
_READS = {"GET", "HEAD"}
_NO_FIELDS = Fields()


class AnswerInsteadError(Exception):
    """A dependency has the answer already: the route is not asked.

    Args:
        response: The answer.
    """

    def __init__(self, response: Response) -> None:
        super().__init__("answered")
        self.response = response


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A member of the staff who is signed in.

    Attributes:
        account: Who.
        session: Their session.
        csrf: What every form of theirs has to hold, in the field `csrf`.
        fresh: Whether they proved only lately who they are.
        fields: The form that they sent, already found to be from a page of ours.
        token: Their session's token.
    """

    account: Account
    session: Session
    csrf: str = field(repr=False)
    fresh: bool
    fields: Fields = _NO_FIELDS
    token: str = field(repr=False)

    @property
    def reviewer(self) -> Reviewer:
        """What moderation needs to know of them."""
        account = self.account
        return Reviewer(
            id=account.id,
            roles=account.roles,
            trained_until=account.trained_until,
            conflicts=account.conflicts,
            exposure_cap=account.exposure_cap,
        )

    @property
    def permissions(self) -> frozenset[Permission]:
        """What their roles let them do."""
        return permissions_of(self.account.roles)

    def may(self, *needs: Role | Permission) -> bool:
        """Have they any one of these roles or rights?"""
        return bool(set(needs) & (self.permissions | self.account.roles))


def staff_parts_of(request: Request) -> StaffParts:
    """The staff of the service that got this request."""
    return parts_of(request).staff


def staff_for(
    *needs: Role | Permission, fresh: bool = False
) -> Callable[[Request], Awaitable[SignedIn]]:
    """A dependency: a member of the staff with any one of these rights or roles.

    Args:
        needs: At least one; with none nobody would be meant, or everybody.
        fresh: Whether they have to have proved only lately who they are.

    Raises:
        TypeError: None is given.
    """
    if not needs:
        raise TypeError("staff_for: expected at least one right or role, got none")

    async def member(request: Request) -> SignedIn:
        found = await _member(request)
        if not found.may(*needs):
            if wants_page(request):
                raise AnswerInsteadError(
                    message_page(request, "staff.may-not", "staff.may-not-text", status=403)
                )
            raise Problem(ProblemKind.FORBIDDEN, "your roles do not allow this")
        if fresh and not found.fresh:
            raise _prove_again(request)
        return found

    return member


async def signed_in(request: Request) -> SignedIn:
    """A dependency: whoever is signed in, with any role or none; for their own account alone."""
    return await _member(request)


async def _member(request: Request) -> SignedIn:
    found = await staff_at(request, Stage.FULL)
    if found is None:
        if request.method not in _READS:
            # Nothing is read of a form that is nobody's.
            raise Problem(ProblemKind.UNAUTHORISED, "you are not signed in")
        _bounce(request)
        if not wants_page(request):
            raise Problem(ProblemKind.UNAUTHORISED, "you are not signed in")
        raise AnswerInsteadError(_to(request, _SIGN_IN, next_path=_own_path(request)))
    if request.method in _READS:
        return found
    fields = await check_own_form(request, found.token)
    return SignedIn(
        account=found.account,
        session=found.session,
        csrf=found.csrf,
        fresh=found.fresh,
        fields=fields,
        token=found.token,
    )


async def staff_at(request: Request, *stages: Stage) -> SignedIn | None:
    """Whoever has come so far with signing in; nothing is said of what they may."""
    token = cookie_of(request, Cookie.SESSION)
    if token is None:
        return None
    parts = parts_of(request)
    now = parts.clock()
    found = await asyncio.to_thread(parts.staff.sign_in.who, token, now=now)
    if found is None:
        limits: RateLimits = request.app.state.rate_limits
        limits.check("address", network_of(request))
        return None
    account, session = found
    if session.stage not in stages:
        return None
    return SignedIn(
        account=account,
        session=session,
        csrf=csrf_of(token),
        fresh=parts.staff.sessions.is_fresh(session, now=now),
        token=token,
    )


def visitor_of(request: Request) -> Visitor:
    """Who tries to sign in."""
    return Visitor(
        address=network_of(request),
        agent=request.headers.get("User-Agent", ""),
        device=cookie_of(request, Cookie.DEVICE),
    )


def safe_next(text: str | None) -> str:
    """Where to go then: a page of the staff's own, whatever somebody wrote into the address."""
    if text and len(text) <= _MAX_NEXT_CHARS and _NEXT.fullmatch(text):
        return text
    return HOME_PATH


def onward(request: Request, url: str) -> Response:
    """A page that goes on to this address by itself.

    Where a redirection would not do: after it the browser still holds that another website
    began, and keeps our cookies back; and it lets no form end at another website.
    """
    return page(request, "staff_onward.html", url=url)


def _bounce(request: Request) -> None:
    """Who followed a link from elsewhere comes without cookies: once more, from our own page."""
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise AnswerInsteadError(onward(request, _own_path(request)))


def _own_path(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _to(request: Request, path: str, *, next_path: str) -> Response:
    query: dict[str, Any] = {"next": safe_next(next_path)}
    asked = page_request(request)
    if asked.asked:
        query["lang"] = asked.language.tag
    return RedirectResponse(f"{path}?{urlencode(query)}", status_code=303)


def _prove_again(request: Request) -> Exception:
    if request.method in _READS:
        return AnswerInsteadError(_to(request, _CONFIRM, next_path=_own_path(request)))
    if not wants_page(request):
        return Problem(ProblemKind.FORBIDDEN, "prove once more who you are, at /mod/confirm")
    # What they filled in is gone; the page where they did it is not.
    parts = urlsplit(request.headers.get("Referer", ""))
    back = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return AnswerInsteadError(_to(request, _CONFIRM, next_path=back))


def now_of(request: Request) -> datetime:
    """What time it is, by the service's clock."""
    return parts_of(request).clock()
