"""Badge tokens: one answer for one file on one website, until a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from provenance.hosts import ascii_host
from provenance.jws.keys import ServiceKey, open_statement, seal_statement
from provenance.report import Report
from provenance.verdict import Verdict

__all__ = [
    "BadgeClaims",
    "BadgeState",
    "badge_claims",
    "check_badge",
    "parse_origin",
    "sign_badge",
]

KIND = "provenance-badge+jwt"
_MAX_TOKEN_CHARS = 4000
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]")
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}


class BadgeState(StrEnum):
    """Does a badge hold where it stands?"""

    HOLDS = "holds"
    INVALID = "invalid"
    EXPIRED = "expired"
    WRONG = "wrong"


class BadgeClaims(BaseModel):
    """What a badge says, and what it is bound to (RFC 7519 names where there are any)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    iss: Annotated[str, Field(max_length=300, description="The service that signed it.")]
    iat: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0, le=253_402_300_799)]
    origin: Annotated[str, Field(max_length=300, description="The website it is for.")]
    report: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{22}$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    media_type: Annotated[str | None, Field(max_length=100)]
    verdict: Annotated[Verdict, Field(strict=False)]
    test: bool

    @property
    def expires_at(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.exp, UTC)


def parse_origin(text: str) -> str | None:
    """Which website is this, as a browser writes its origin (RFC 6454 §6.2)? None if none.

    Without TLS only this machine itself: anybody between could put a file there.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    host = _ascii((parts.netloc.rpartition(":")[0] if port is not None else parts.netloc).lower())
    if parts.username is not None or not _HOST.fullmatch(host):
        return None
    if parts.scheme != "https" and (parts.scheme != "http" or host not in _LOCAL):
        return None
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return None
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in {None, default} else f":{port}")


def _ascii(host: str) -> str:
    """How does a browser spell this host? One that it takes for none: not at all."""
    try:
        return ascii_host(host)
    except ValueError:
        return ""


def badge_claims(
    report: Report,
    *,
    id_: str,
    issuer: str,
    origin: str,
    now: datetime,
    days: int,
) -> BadgeClaims | None:
    """What does a badge say of this report? None: its bytes have no digest to bind it to."""
    if report.asset.sha256 is None:
        return None
    return BadgeClaims(
        iss=issuer,
        iat=int(now.timestamp()),
        exp=int((now + timedelta(days=days)).timestamp()),
        origin=origin,
        report=id_,
        sha256=report.asset.sha256,
        media_type=report.asset.media_type,
        verdict=report.verdict,
        test=report.test,
    )


def sign_badge(claims: BadgeClaims, key: ServiceKey) -> str:
    """Which token says this?"""
    return seal_statement(claims.model_dump_json().encode(), key, kind=KIND)


def check_badge(
    token: str,
    keys: KeySet,
    *,
    at: datetime,
    origin: str | None = None,
    sha256: str | None = None,
) -> tuple[BadgeState, BadgeClaims | None]:
    """Does this token hold, here, for this file?

    Args:
        token: A stranger's text.
        keys: The service's.
        at: The time.
        origin: Where it stands; None where nobody knows.
        sha256: The file it stands beside; None where nobody knows.
    """
    payload = open_statement(token, keys, kind=KIND) if len(token) <= _MAX_TOKEN_CHARS else None
    if payload is None:
        return BadgeState.INVALID, None
    try:
        claims = BadgeClaims.model_validate_json(payload)
    except ValidationError:
        return BadgeState.INVALID, None
    if claims.expires_at <= at:
        return BadgeState.EXPIRED, claims
    elsewhere = origin is not None and origin != claims.origin
    other = sha256 is not None and sha256 != claims.sha256
    return (BadgeState.WRONG if elsewhere or other else BadgeState.HOLDS), claims
