"""Forms of the staff's pages: small, and from our own pages only.

A form counts if three things hold, each of which alone would do: the browser says that one
of our own pages sent it; it holds a token that only a page of ours could know; and the
cookie that the token belongs to came along, which browsers do not send for other websites.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from urllib.parse import parse_qsl

from fastapi import Request

from provenance.service.answers import url_of
from provenance.service.bodies import check_encoding, content_length, each_chunk
from provenance.service.problems import Problem, ProblemKind
from provenance.staff.tokens import csrf_of

__all__ = [
    "CSRF_FIELD",
    "CSRF_HEADER",
    "Fields",
    "check_own_form",
    "end_of_day",
    "fields_of",
    "is_own_form",
    "parse_pairs",
]

CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
_FORM = "application/x-www-form-urlencoded"
# The longest thing that people write here is why they decided something.
_MAX_BYTES = 512 * 1024
_MAX_FIELDS = 1000
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a form says, in the order of its fields."""

    pairs: tuple[tuple[str, str], ...] = ()

    def one(self, name: str) -> str:
        """The first value of this name; empty where there is none."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of this name."""
        return tuple(value for key, value in self.pairs if key == name)


def end_of_day(day: str) -> datetime | None:
    """When is the last second of the day that a form names, YYYY-MM-DD in UTC? None: it names none.

    Not midnight, which is the next day's: its date is what people are shown.
    """
    if not _DAY.fullmatch(day):
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), tzinfo=UTC)
    except ValueError:
        return None


async def fields_of(request: Request) -> Fields:
    """The form of this request, read once; empty where the body is of another kind.

    Raises:
        Problem: It is too long, has too many fields, or cannot be read.
    """
    state: dict[str, object] = request.scope["state"]
    found = state.get("fields")
    if isinstance(found, Fields):
        return found
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    fields = Fields(await _pairs(request)) if kind == _FORM else Fields()
    state["fields"] = fields
    return fields


async def _pairs(request: Request) -> tuple[tuple[str, str], ...]:
    check_encoding(request)
    announced = content_length(request)
    if announced is not None and announced > _MAX_BYTES:
        raise _too_long()
    body = bytearray()

    async def take(chunk: bytes) -> None:
        if len(body) + len(chunk) > _MAX_BYTES:
            raise _too_long()
        body.extend(chunk)

    await each_chunk(request, take)
    return parse_pairs(bytes(body))


def parse_pairs(body: bytes) -> tuple[tuple[str, str], ...]:
    """The fields of this form, in their order.

    Raises:
        Problem: It is malformed, or has too many.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Problem(ProblemKind.BAD_REQUEST, "the form cannot be read") from error
    # No database of ours takes it as text, and nobody types it.
    return tuple((name, value.replace("\x00", "")) for name, value in pairs)


def _too_long() -> Problem:
    return Problem(
        ProblemKind.TOO_LARGE,
        f"expected a form of at most {_MAX_BYTES} bytes",
        headers={"Connection": "close"},
    )


def is_own_form(request: Request, fields: Fields, token: str | None) -> bool:
    """Was this sent by a page of ours, to whoever holds this token?

    Args:
        request: The request.
        fields: Its form.
        token: What their cookie holds: a session's token, or that of a visit.
    """
    if token is None or not _from_own_page(request):
        return False
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        given = fields.one(CSRF_FIELD)
    return hmac.compare_digest(given.encode("utf-8", "replace"), csrf_of(token).encode())


async def check_own_form(request: Request, token: str | None) -> Fields:
    """The form of this request, if a page of ours sent it.

    Raises:
        Problem: None of ours did.
    """
    fields = await fields_of(request)
    if not is_own_form(request, fields, token):
        raise Problem(ProblemKind.FORBIDDEN, "the request came from no page of this website")
    return fields


def _from_own_page(request: Request) -> bool:
    """Does the browser say so? Each that says anything of it says one of the two."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or origin.lower() == url_of(request, "").rstrip("/").lower()
