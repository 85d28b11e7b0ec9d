"""Cookies of the staff's pages: names, and how each is set.

session   the session's token: sent to our own pages only, and gone with the browser
visit     a secret of this browser, before anybody is signed in: what it begins (a form,
a question to a passkey, a visit to the provider) counts in it alone
device    the mark of a browser somebody signed in with: strangers who guess at their
password do not make it wait
"""

from __future__ import annotations

from enum import Enum

from fastapi import Request
from starlette.responses import Response

from provenance.service.answers import url_of

__all__ = ["Cookie", "clear_cookie", "cookie_of", "set_cookie"]

_DEVICE_S = 180 * 24 * 3600
_VISIT_S = 24 * 3600
_MAX_CHARS = 200


class Cookie(Enum):
    """Each: its name, how long it stays, when it is sent."""

    SESSION = ("staff", None, "strict")
    # The provider sends people back here, and that is another website.
    VISIT = ("staff-visit", _VISIT_S, "lax")
    DEVICE = ("staff-device", _DEVICE_S, "strict")

    def __init__(self, label: str, max_age: int | None, same_site: str) -> None:
        self.label = label
        self.max_age = max_age
        self.same_site = same_site


def _secure(request: Request) -> bool:
    return url_of(request, "").startswith("https:")


def _name(request: Request, cookie: Cookie) -> str:
    # With this beginning a browser takes it from this very host by https alone, so that no
    # neighbour can plant one (RFC 6265bis §4.1.3.2).
    return f"__Host-{cookie.label}" if _secure(request) else cookie.label


def cookie_of(request: Request, cookie: Cookie) -> str | None:
    """What this cookie holds, if it came."""
    found = request.cookies.get(_name(request, cookie))
    return found if found and len(found) <= _MAX_CHARS else None


def set_cookie(request: Request, response: Response, cookie: Cookie, value: str) -> None:
    """Give the browser this cookie."""
    response.set_cookie(
        _name(request, cookie),
        value,
        max_age=cookie.max_age,
        path="/",
        secure=_secure(request),
        httponly=True,
        samesite="strict" if cookie.same_site == "strict" else "lax",
    )


def clear_cookie(request: Request, response: Response, cookie: Cookie) -> None:
    """Take it away."""
    response.delete_cookie(_name(request, cookie), path="/", secure=_secure(request), httponly=True)
