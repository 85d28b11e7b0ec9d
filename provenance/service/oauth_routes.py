"""Access tokens for clients that speak OAuth 2.0: the client-credentials grant.

Spec: RFC 6749 §4.4, §5; RFC 6750.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from provenance.records.scopes import Scope
from provenance.records.tokens import looks_like_key
from provenance.service.bodies import each_chunk
from provenance.service.callers import RateLimits, key_in, network_of, parts_of
from provenance.service.problems import Problem, ProblemKind, responses

__all__ = ["TOKEN_PATH", "parse_token_form", "router"]

TOKEN_PATH = "/v1/oauth2/token"  # noqa: S105 - an address

router = APIRouter(tags=["oauth"])

_LASTS = timedelta(hours=1)
_MAX_BODY_BYTES = 8 * 1024
_MAX_FIELDS = 8


class TokenAnswer(BaseModel):
    """An access token, and what it may be used for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind
    expires_in: int
    scope: str


class TokenError(BaseModel):
    """Why there is no token (RFC 6749 §5.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: str


_RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(
        ProblemKind.TOO_LARGE,
        ProblemKind.WRONG_HOST,
        ProblemKind.RATE_LIMITED,
        ProblemKind.INTERNAL,
        ProblemKind.UNAVAILABLE,
        ProblemKind.UPLOAD_TIMEOUT,
    ),
    200: {"model": TokenAnswer},
    400: {"model": TokenError, "description": "The grant cannot be given."},
    401: {"model": TokenError, "description": "The client is not known."},
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "scope": {"type": "string", "description": "Separated by spaces."},
                        "client_id": {"type": "string", "description": "The key's id."},
                        "client_secret": {"type": "string", "description": "The key."},
                    },
                }
            }
        },
    }
}


@router.post(TOKEN_PATH, responses=_RESPONSES, openapi_extra=_FORM, operation_id="getToken")
async def get_token(request: Request) -> Response:
    """Exchange a key for an access token of an hour."""
    parts = parts_of(request)
    limits: RateLimits = request.app.state.rate_limits
    limits.check("address", network_of(request))
    try:
        form = await _form(request)
        client, secret = _client(request, form)
    except ValueError:
        return _refused(400, "invalid_request")
    if form.get("grant_type") != "client_credentials":
        return _refused(400, "unsupported_grant_type")
    key = await key_in(parts, secret) if looks_like_key(secret) else None
    if key is None or key.id != client:
        return _refused(401, "invalid_client")
    try:
        wanted = frozenset(map(Scope, form.get("scope", "").split())) or key.scopes
    except ValueError:
        return _refused(400, "invalid_scope")
    if not wanted <= key.scopes:
        return _refused(400, "invalid_scope")
    token = await asyncio.to_thread(
        parts.keys.grant, secret, scopes=wanted, now=parts.clock(), lasts=_LASTS
    )
    answer = TokenAnswer(
        access_token=token,
        expires_in=int(_LASTS.total_seconds()),
        scope=" ".join(sorted(wanted)),
    )
    return JSONResponse(answer.model_dump())


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > _MAX_BODY_BYTES:
            raise Problem(ProblemKind.TOO_LARGE, headers={"Connection": "close"})

    await each_chunk(request, take)
    return parse_token_form(bytes(body))


def parse_token_form(body: bytes) -> dict[str, str]:
    """The fields of a request for a token.

    Raises:
        ValueError: It is no such form, or a field stands in it twice.
    """
    pairs = parse_qsl(
        body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
    )
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("a field stands twice")
    return form


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    given = request.headers.get("Authorization")
    if given is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    kind, _, value = given.partition(" ")
    if kind.lower() != "basic" or "client_secret" in form:
        raise ValueError("expected one way to say who asks")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("ascii")
    except binascii.Error as error:
        raise ValueError("expected Base64") from error
    client, _, secret = text.partition(":")
    return unquote_plus(client), unquote_plus(secret)


def _refused(status: int, error: str) -> JSONResponse:
    # RFC 7617 §2: without a realm it is no challenge.
    headers = {"WWW-Authenticate": 'Basic realm="provenance"'} if status == 401 else None
    return JSONResponse(TokenError(error=error).model_dump(), status_code=status, headers=headers)
