"""The one table of problems: what can go wrong with a request, and how it is told.

Spec: RFC 9457 (problem details).
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "ProblemDocument",
    "ProblemKind",
    "problem_response",
    "responses",
]

MEDIA_TYPE = "application/problem+json"
_BASE = "https://provenance.example/problems/"


class ProblemKind(Enum):
    """Every problem: its status, and what it means."""

    BAD_REQUEST = (400, "The request cannot be understood.")
    EMPTY_UPLOAD = (400, "There is no file in the request.")
    TOO_MANY_PARTS = (400, "The form has more or other parts than are taken.")
    UNAUTHORISED = (401, "The key or token counts for nobody.")
    FORBIDDEN = (403, "The key may not be used for this.")
    SWITCHED_OFF = (403, "The operator has not switched this on.")
    NOT_FOUND = (404, "There is nothing here, or nothing for you.")
    METHOD_NOT_ALLOWED = (405, "This cannot be done here.")
    UPLOAD_TIMEOUT = (408, "The bytes did not arrive in time.")
    CONFLICT = (409, "This does not fit the state of things.")
    TOO_LARGE = (413, "The file is larger than is taken.")
    URI_TOO_LONG = (414, "The address is longer than is taken; send a body instead.")
    UNSUPPORTED_BODY = (415, "The body is of a kind that is not taken here.")
    UNSUPPORTED_CONTAINER = (415, "The file is of no kind whose credentials can be read.")
    WRONG_HOST = (421, "The request is addressed to another host.")
    INVALID = (422, "A value in the request is not valid.")
    KEY_REUSED = (422, "The idempotency key was used for another request.")
    RATE_LIMITED = (429, "There were too many requests.")
    INTERNAL = (500, "Something went wrong on our side.")
    UNFETCHABLE = (502, "What the reference names could not be fetched.")
    UNAVAILABLE = (503, "The service cannot answer now.")
    OVERLOADED = (503, "There is too much to do now.")
    STORAGE_FULL = (507, "There is no room for the file.")

    def __init__(self, status: int, title: str) -> None:
        self.status = status
        self.title = title

    @property
    def slug(self) -> str:
        """Its name in addresses and logs."""
        return self.name.lower().replace("_", "-")


class ProblemDocument(BaseModel):
    """A problem, as it is told."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Problem")

    type: str = Field(description="Which problem; the last part of it is its stable name.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str | None = None
    request: str | None = Field(default=None, description="Id of the request, for support.")


class Problem(Exception):  # noqa: N818 - it is an answer
    """A request that cannot be answered as it was meant.

    Args:
        kind: What it is.
        detail: What is wrong with this request; nothing that a stranger may not know.
        headers: Headers of the answer.
    """

    def __init__(
        self, kind: ProblemKind, detail: str | None = None, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}


def problem_response(problem: Problem, *, request: str | None) -> JSONResponse:
    """The answer that tells a problem."""
    kind = problem.kind
    document = ProblemDocument(
        type=_BASE + kind.slug,
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        request=request,
    )
    headers = dict(problem.headers)
    if kind.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if kind.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE}:
        headers.setdefault("Retry-After", "5")
    return JSONResponse(
        document.model_dump(exclude_none=True),
        status_code=kind.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def responses(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these problems."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = described.setdefault(
            kind.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
        entry["description"] = f"{entry['description']} `{kind.slug}`: {kind.title}".strip()
    return described
