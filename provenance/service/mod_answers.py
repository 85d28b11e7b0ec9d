"""How pages of the console are answered with: who looks at them, and what was just done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.overview import Overview
from provenance.moderation.permissions import Permission
from provenance.pages.rendering import PAGE_HEADERS
from provenance.service.callers import parts_of
from provenance.service.mod_moves import APPEAL_MOVE_TABLE, CASE_MOVE_TABLE
from provenance.service.mod_words import training_words
from provenance.service.moderation_access import moderation_of
from provenance.service.page_answers import page, page_request, wording_for
from provenance.service.staff_access import SignedIn
from provenance.untrusted import clean_text
from provenance.wording.messages import Message, Quoted

__all__ = [
    "Me",
    "clean_words",
    "console_links",
    "desk_page",
    "done",
    "incomplete",
    "later_page",
    "refused",
]

_MAX_CHARS = 20_000
_POLICY = (
    PAGE_HEADERS["Content-Security-Policy"]
    .replace("blob:", "")
    .replace("connect-src 'self'; ", "media-src 'self'; ")
)
_LINKS: tuple[tuple[str, str, frozenset[Permission]], ...] = (
    ("mod.queue", "/mod", frozenset({Permission.SEE_CASES})),
    ("mod.restricted", "/mod/restricted", frozenset({Permission.SEE_RESTRICTED})),
    ("mod.appeals", "/mod/appeals", frozenset({Permission.DECIDE_APPEALS})),
    ("mod.blocklist", "/mod/blocklist", frozenset({Permission.KEEP_HASH_LIST})),
    ("mod.messages", "/mod/messages", frozenset({Permission.KEEP_MESSAGES})),
    ("mod.audit", "/mod/audit", frozenset({Permission.READ_AUDIT})),
)
_ALWAYS = (("staff.account", "/mod/account"), ("mod.help", "/mod/help"))
_TOLD = {
    move.told.rpartition(".")[2]: move.told
    for table in (CASE_MOVE_TABLE, APPEAL_MOVE_TABLE)
    for move in table.values()
} | {name: f"mod.told.{name}" for name in ("waits", "bulk", "done")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Whoever looks at a page, as it tells them.

    Attributes:
        name: What colleagues call them.
        csrf: What every form of theirs holds.
        links: Pages that are there for them.
        looks: How many looks at evidence they had today.
        looks_cap: How many there may be; 0: the page does not say.
        trained: Until when their training holds.
        bulk: Whether they may decide about several cases at once.
    """

    name: str
    csrf: str = field(repr=False)
    links: tuple[tuple[str, str], ...]
    looks: int = 0
    looks_cap: int = 0
    trained: Message | None = None
    bulk: bool = False


def clean_words(text: str) -> str:
    """A stranger's text of several lines: without characters that hide or reorder."""
    lines = text[:_MAX_CHARS].replace("\r\n", "\n").split("\n")
    return "\n".join(clean_text(line, max_chars=_MAX_CHARS) for line in lines)


def console_links(who: SignedIn) -> tuple[tuple[str, str], ...]:
    """Pages of the console that are there for them: each one's key of wording and path."""
    return tuple((key, path) for key, path, needs in _LINKS if needs & who.permissions)


def _me(request: Request, who: SignedIn) -> Me:
    held = who.permissions
    values: dict[str, Any] = {}
    if Permission.UNBLUR in held:
        reviewer, now = who.reviewer, parts_of(request).clock()
        values = {
            "looks": Overview(moderation_of(request).office).looks_today(reviewer, now=now),
            "looks_cap": reviewer.exposure_cap,
            "trained": training_words(reviewer, wording_for(request), now=now),
        }
    return Me(
        name=who.account.display_name,
        csrf=who.csrf,
        links=(*console_links(who), *_ALWAYS),
        bulk=Permission.BULK in held,
        **values,
    )


def desk_page(
    request: Request,
    who: SignedIn,
    template: str,
    *,
    status: int = 200,
    trouble: Message | str | None = None,
    **values: Any,
) -> Response:
    """A page of the console. May ask the database: not on the event loop.

    Args:
        request: The request.
        who: Who asks.
        template: Which page.
        status: Of the answer.
        trouble: What did not work.
        values: What the template shows.
    """
    quoted: Callable[[str], Quoted] = lambda text: Quoted(clean_text(text))  # noqa: E731
    return page(
        request,
        template,
        status=status,
        headers={"Content-Security-Policy": _POLICY},
        me=_me(request, who),
        told=_TOLD.get(request.query_params.get("told", "")) if status < 400 else None,
        trouble=trouble,
        quoted=quoted,
        quoted_all=lambda texts: Quoted(tuple(clean_text(text) for text in texts)),
        clean=clean_words,
        **values,
    )


def done(request: Request, path: str, told: str | None = None) -> Response:
    """Go on to this page, which says what was done."""
    query: dict[str, str] = {} if told is None else {"told": told.rpartition(".")[2]}
    asked = page_request(request)
    if asked.asked:
        query["lang"] = asked.language.tag
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, status_code=303)


def later_page(request: Request, at: int, *kept: str) -> str:
    """This page's address with another beginning; of the rest of it only what is named."""
    known = {"lang", *kept}
    pairs = [(name, value) for name, value in request.query_params.items() if name in known]
    return f"{request.url.path}?{urlencode([*pairs, ('at', str(at))])}"


def incomplete(request: Request, who: SignedIn, back: str, *, typed: Sequence[str]) -> Response:
    """Say that something is missing or too long, and show again what was typed."""
    return desk_page(
        request,
        who,
        "mod_message.html",
        status=422,
        heading="mod.trouble.title",
        texts=("mod.trouble.incomplete",),
        detail=None,
        typed=[text for text in typed if text.strip()],
        ways=(("mod.back-case", back), ("mod.queue", "/mod")),
    )


def refused(
    request: Request,
    who: SignedIn,
    error: Exception,
    *,
    back: str,
    typed: Sequence[str] = (),
    says: Message | None = None,
) -> Response:
    """Say why something was not done, and show again what was typed.

    Args:
        request: The request.
        who: Who asks.
        error: Why it was not.
        back: Where to go from here.
        typed: What they wrote.
        says: The reason in their language, where it is known.
    """
    if isinstance(error, NotFoundError):
        heading, text, status = "error.missing", "mod.trouble.missing", 404
    elif isinstance(error, PermissionRefusedError):
        heading, text, status = "mod.trouble.title", "mod.trouble.may-not", 403
    elif isinstance(error, ConflictError):
        heading, text, status = "mod.trouble.title", "mod.trouble.conflict", 409
    else:
        raise error
    return desk_page(
        request,
        who,
        "mod_message.html",
        status=status,
        heading=heading,
        texts=(says or text,),
        detail=None if isinstance(error, NotFoundError) else str(error),
        typed=[text for text in typed if text.strip()],
        ways=(("mod.back-case", back), ("mod.queue", "/mod")),
    )
