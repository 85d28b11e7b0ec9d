"""Badges: made for one website, checked here and on the page they stand on."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from provenance.jws.badge import (
    BadgeClaims,
    BadgeState,
    badge_claims,
    check_badge,
    parse_origin,
    sign_badge,
)
from provenance.pages.assets import asset_named
from provenance.records.scopes import Scope
from provenance.service.answers import url_of
from provenance.service.bodies import each_chunk
from provenance.service.callers import Caller, caller_for, parts_of
from provenance.service.page_answers import (
    is_own_site,
    message_page,
    page,
    page_parts_of,
    wording_for,
)
from provenance.service.page_routes import stored_entry
from provenance.service.problems import Problem, ProblemKind
from provenance.service.report_routes import ReportId
from provenance.wording.keys import LABELS

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Reads = Annotated[Caller, Depends(caller_for(anonymous=True))]
Verifies = Annotated[Caller, Depends(caller_for(Scope.VERIFY, anonymous=True))]
Token = Annotated[str, Query(max_length=4000)]

_MAX_FORM_BYTES = 4096
# Other websites load these; they hold nothing about anybody.
_OPEN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_WORDS = (
    "checking",
    "wrong",
    "expired",
    "changed",
    "invalid",
    "unchecked",
    "rechecked",
    "open",
)
_STATES = {
    BadgeState.HOLDS: "learn.badge.title",
    BadgeState.WRONG: "badge.wrong",
    BadgeState.EXPIRED: "badge.expired",
    BadgeState.INVALID: "badge.invalid",
}
_CODE = """\
<script type="module" src="{base}/badge.js"></script>
<!-- ID: the id of the picture, video or sound on your page -->
<provenance-badge for="ID" token="{token}">
  <form action="{base}/badge" method="get">
    <input type="hidden" name="token" value="{token}">
    <button>{label}</button>
  </form>
</provenance-badge>
<!-- where there are no scripts and no forms, the line between these two alone -->
<noscript>
<a href="{base}/r/{id}"><img src="{base}/r/{id}/badge.svg" alt="{label}"></a>
</noscript>
"""
# The picture is drawn without a look at what it stands beside: shown with the element, it would
# say "official" where that says that the badge belongs to another file.


@router.get("/.well-known/provenance-keys.json")
async def keys(request: Request) -> Response:
    """The public keys of this service (RFC 7517), for whoever checks what it signed."""
    key = page_parts_of(request).key
    listed = [] if key is None else [key.public]
    # One that is new has to be found at once: badges that it signed would not be believed.
    headers = {**_OPEN, "Cache-Control": "public, no-cache"}
    return JSONResponse({"keys": listed}, headers=headers, media_type="application/jwk-set+json")


@router.get("/badge.js")
async def script() -> Response:
    """The element that shows a badge on other websites."""
    found = asset_named("badge.js")
    if found is None:
        raise Problem(ProblemKind.NOT_FOUND)
    headers = {**_OPEN, "Cache-Control": "public, max-age=3600"}
    return Response(found.data, media_type=found.media_type, headers=headers)


@router.get("/badge-words")
async def words(request: Request) -> Response:
    """What the element says, in one language."""
    wording = wording_for(request)
    texts = {name: wording.text(f"badge.{name}") for name in _WORDS}
    texts |= {key: wording.text(key) for key in LABELS.values()}
    headers = {**_OPEN, "Cache-Control": "public, max-age=3600", "Vary": "Accept-Language"}
    return JSONResponse(texts, headers=headers)


@router.post("/r/{id}/badge")
async def make(request: Request, caller: Verifies, id: ReportId) -> Response:  # noqa: A002
    """Make a badge with this answer for one website."""
    if not is_own_site(request):
        return message_page(request, "error.refused", "error.refused-text", status=403)
    parts = page_parts_of(request)
    entry = await stored_entry(request, caller, id)
    if entry is None or parts.key is None:
        return message_page(request, "error.missing", "error.missing-text", status=404)
    standing = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    if not standing.holds:
        return message_page(request, "result.outdated", "result.stale", status=409)
    origin = parse_origin(await _field(request, "origin"))
    if origin is None:
        return message_page(request, "badge.title", "badge.bad-origin", status=422)
    claims = badge_claims(
        entry.report,
        id_=entry.id,
        issuer=url_of(request, ""),
        origin=origin,
        now=parts_of(request).clock(),
        days=parts.badge_days,
    )
    if claims is None:
        return message_page(request, "error.missing", "error.missing-text", status=404)
    code = _CODE.format(
        base=url_of(request, ""),
        token=sign_badge(claims, parts.key),
        id=entry.id,
        label=escape(wording_for(request).text("badge.open")),
    )
    return page(request, "badge.html", id=entry.id, until=claims.expires_at, code=code)


@router.get("/badge")
async def checked(request: Request, caller: Reads, token: Token = "") -> Response:
    """Say what a badge is for, to somebody who comes from a page without scripts."""
    state, claims = await _checked(request, token)
    shown = _STATES[state]
    if state is BadgeState.HOLDS and claims and not await _still(request, caller, claims):
        shown = "badge.changed"
    return page(request, "badge_checked.html", state=shown, claims=claims)


@router.get("/badge-standing")
async def standing(request: Request, caller: Reads, token: Token = "") -> Response:
    """Would the service still say what this badge says? Asked by the element, every time.

    Without it, a release that was withdrawn would go on being called official wherever a
    badge of it stands.
    """
    state, claims = await _checked(request, token)
    holds = state is BadgeState.HOLDS
    still = False if claims is None else holds and await _still(request, caller, claims)
    return JSONResponse({"stands": still}, headers={**_OPEN, "Cache-Control": "no-store"})


async def _checked(request: Request, token: str) -> tuple[BadgeState, BadgeClaims | None]:
    key = page_parts_of(request).key
    if key is None:
        return BadgeState.INVALID, None
    return await asyncio.to_thread(check_badge, token, key.key_set, at=parts_of(request).clock())


async def _still(request: Request, caller: Caller, claims: BadgeClaims) -> bool:
    """Is the answer there, the same, and of today?"""
    entry = await stored_entry(request, caller, claims.report)
    if entry is None or entry.report.verdict is not claims.verdict:
        return False
    now = await asyncio.to_thread(parts_of(request).desk.standing, entry)
    return now.holds


async def _field(request: Request, name: str) -> str:
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > _MAX_FORM_BYTES:
            raise Problem(ProblemKind.TOO_LARGE, headers={"Connection": "close"})

    await each_chunk(request, take)
    values = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return values.get(name, [""])[0]
