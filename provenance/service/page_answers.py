"""How pages are answered with: in the reader's language, under headers of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match

from provenance.pages.rendering import PAGE_HEADERS, PageRequest, render
from provenance.runtime.page_parts import PageParts
from provenance.service.answers import url_of
from provenance.service.callers import parts_of
from provenance.service.problems import Problem, ProblemKind
from provenance.wording.catalogue import Wording, wording_in
from provenance.wording.languages import language_of, negotiate

__all__ = [
    "is_own_site",
    "message_page",
    "page",
    "page_parts_of",
    "page_request",
    "problem_page",
    "wants_page",
    "wording_for",
]

_KEPT = {"/report": "r", "/decisions/": "token"}
_PLAIN = re.compile(r"[A-Za-z0-9._~=-]{1,400}")
_HOME_ERRORS = {
    ProblemKind.EMPTY_UPLOAD: "home.no-file",
    ProblemKind.TOO_LARGE: "home.too-large",
    ProblemKind.RATE_LIMITED: "home.busy",
    ProblemKind.OVERLOADED: "home.busy",
    ProblemKind.UNAVAILABLE: "home.busy",
}


def page_parts_of(request: Request) -> PageParts:
    """The pages' own parts of the service that got this request."""
    parts: PageParts = request.app.state.page_parts
    return parts


def page_request(request: Request) -> PageRequest:
    """What a page needs to know of this request."""
    asked = request.query_params.get("lang")
    parts = parts_of(request)
    return PageRequest(
        language=negotiate(request.headers.get("Accept-Language"), asked=asked),
        asked=language_of(asked) is not None,
        path=_asked_again(request),
        base=url_of(request, ""),
        test=parts.settings.service.test,
        reports=parts.moderation is not None,
        kept=_kept(request),
    )


def _asked_again(request: Request) -> str:
    """Where is this page, or what it is about, for whoever only follows a link?

    A page that answers a form may stand where nothing but forms is taken.
    """
    path = request.url.path
    if request.method in {"GET", "HEAD"}:
        return path
    while path and not _is_page(request, path):
        path = path.rpartition("/")[0]
    return path or "/"


def _is_page(request: Request, path: str) -> bool:
    # Each route is asked by itself: those of a router are not among the application's own.
    asked = {**request.scope, "method": "GET", "path": path}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def _kept(request: Request) -> tuple[tuple[str, str], ...]:
    # What is attached to a report, and what lets somebody appeal, do not end with a language.
    name = next((name for start, name in _KEPT.items() if request.url.path.startswith(start)), "")
    return _plain({name: request.query_params.get(name, "")})


def _plain(kept: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in kept.items() if _PLAIN.fullmatch(value))


def wording_for(request: Request) -> Wording:
    """All messages in the language of whoever asks."""
    return wording_in(page_request(request).language)


def wants_page(request: Request) -> bool:
    """Does a person ask, by a browser?"""
    return "text/html" in request.headers.get("Accept", "")


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The page of this template; `kept` came with a form, and goes into the page's own links."""
    asked = page_request(request)
    if came := _plain(kept or {}):
        asked = replace(asked, kept=came)
    return HTMLResponse(
        render(template, asked, **values),
        status_code=status,
        headers={**PAGE_HEADERS, "Content-Language": asked.language.tag, **(headers or {})},
    )


def message_page(request: Request, heading: str, text: str, *, status: int) -> Response:
    """A page with one message."""
    return page(request, "message.html", status=status, heading=heading, text=text)


def problem_page(request: Request, problem: Problem, **values: Any) -> Response:
    """The first page again, with what went wrong."""
    error = _HOME_ERRORS.get(problem.kind, "home.failed")
    return page(
        request,
        "home.html",
        status=problem.kind.status,
        headers=problem.headers,
        error=error,
        **values,
    )


def is_own_site(request: Request) -> bool:
    """Was this request made by a page of ours, or typed in, and not by another website?

    There are no cookies to ride on; but nobody else's page makes visitors send files here.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is None or origin == url_of(request, "").rstrip("/").lower()
