"""Who asks, what they may, and how often."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from provenance.records.keys import ApiKey
from provenance.records.scopes import Scope
from provenance.runtime.service_parts import ServiceParts
from provenance.service.problems import Problem, ProblemKind

__all__ = ["Caller", "Parts", "RateLimits", "caller_for", "key_in", "network_of", "parts_of"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        key: Their key; None for those without.
    """

    key: ApiKey | None

    @property
    def owner(self) -> str | None:
        """What is theirs is kept under this name."""
        return None if self.key is None else self.key.id

    @property
    def reader(self) -> str | None:
        """The agency whose view of the register they have."""
        return None if self.key is None else self.key.agency

    @property
    def held_owner(self) -> str:
        """Their name, where only those with a key get so far."""
        if self.key is None:
            raise Problem(ProblemKind.UNAUTHORISED, "a key is needed")
        return self.key.id


class RateLimits:
    """How often a key, or an address without a key, may ask; counted in this process."""

    def __init__(self, *, per_key: str, per_address: str) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rules = {"key": parse_many(per_key), "address": parse_many(per_address)}

    def check(self, kind: str, who: str) -> None:
        """Count one request.

        Raises:
            Problem: It is one too many.
        """
        for rule in self._rules[kind]:
            if not self._limiter.hit(rule, kind, who):
                reset = self._limiter.get_window_stats(rule, kind, who).reset_time
                wait_s = max(1, int(reset - time.time()) + 1)
                raise Problem(ProblemKind.RATE_LIMITED, headers={"Retry-After": str(wait_s)})


def parts_of(request: Request) -> ServiceParts:
    """The parts of the service that got this request."""
    parts: ServiceParts = request.app.state.parts
    return parts


def caller_for(
    *scopes: Scope, anonymous: bool = False, everybody: bool = False
) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: whoever asks with a key of one of these scopes.

    Args:
        scopes: Any one of them does.
        anonymous: Whether those without a key may ask too, if the operator lets them.
        everybody: Whether they may, whatever the operator lets them do otherwise: to complain
            is open to all.
    """

    async def caller(request: Request) -> Caller:
        parts = parts_of(request)
        limits: RateLimits = request.app.state.rate_limits
        token = _token(request)
        if token is None:
            limits.check("address", network_of(request))
            if everybody or (anonymous and parts.settings.service.anonymous):
                return Caller(None)
            raise Problem(ProblemKind.UNAUTHORISED, "a key is needed")
        key = await key_in(parts, token)
        if key is None:
            # Guessing is counted too.
            limits.check("address", network_of(request))
            raise Problem(ProblemKind.UNAUTHORISED)
        limits.check("key", key.id)
        request.scope["state"]["key"] = key.id
        if scopes and not key.scopes & set(scopes):
            wanted = " or ".join(scope.value for scope in scopes)
            raise Problem(ProblemKind.FORBIDDEN, f"a key with the scope {wanted} is needed")
        return Caller(key)

    return caller


async def key_in(parts: ServiceParts, token: str) -> ApiKey | None:
    """Whose key or token is this, if it counts here?"""
    key = await asyncio.to_thread(parts.keys.recognise, token, now=parts.clock())
    # A test key opens nothing real, and a real one nothing that is a test.
    return key if key is not None and key.test == parts.settings.service.test else None


def _token(request: Request) -> str | None:
    given = request.headers.getlist("Authorization")
    if not given:
        return None
    kind, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) != 1 or not token:
        raise Problem(ProblemKind.UNAUTHORISED)
    if kind.lower() == "bearer":
        return token
    if kind.lower() == "basic":
        # Tools that know only names and passwords: the name is not looked at.
        try:
            return base64.b64decode(token, validate=True).decode("utf-8").partition(":")[2]
        except (ValueError, binascii.Error) as error:
            raise Problem(ProblemKind.UNAUTHORISED) from error
    raise Problem(ProblemKind.UNAUTHORISED)


def network_of(request: Request) -> str:
    """The address, of IPv6 its network: one host has all of it."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6:
        if address.ipv4_mapped is not None:
            # Who comes by IPv4 to a socket that listens on `::`: all of IPv4 is one such network.
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


Parts = Annotated[ServiceParts, Depends(parts_of)]
