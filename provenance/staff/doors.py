"""What comes of an attempt to sign in, and who makes it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from provenance.staff.attempts import Attempts, PauseRule
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import Session

__all__ = ["COUNTS", "Begun", "Doorkeeper", "Refused", "RefusedBecause", "Visitor"]

_QUARTER = timedelta(minutes=15)
_HALF_MINUTE = timedelta(seconds=30)

COUNTS = {
    # A name, for whoever comes with a browser that its holder never signed in with.
    "name": PauseRule(free=5, first=_HALF_MINUTE, longest=_QUARTER),
    # A browser that they have.
    "device": PauseRule(free=5, first=_HALF_MINUTE, longest=_QUARTER),
    "address": PauseRule(free=20, first=_HALF_MINUTE, longest=_QUARTER),
    # Who gets so far knows the password: three codes of a million are right at a time.
    "code": PauseRule(free=5, first=timedelta(minutes=1), longest=timedelta(hours=6)),
    "device-code": PauseRule(free=5, first=timedelta(minutes=1), longest=timedelta(hours=1)),
}
"""How the pauses grow, by what is counted."""

_SHARED = "address"
_MARK_CHARS = 64


class RefusedBecause(StrEnum):
    """Why somebody was not let in, as far as they are told."""

    CREDENTIALS = "credentials"
    """There is no such account, it is disabled, or the password is another: never which."""
    WAIT = "wait"
    """There were too many attempts."""
    CODE = "code"
    """The code is wrong, too old, or was used."""
    PASSKEY = "passkey"
    PROVIDER = "provider"
    OVER = "over"
    """What was begun took too long, or was never begun here."""
    STALE = "stale"
    """They are signed in, and have to prove once more who they are."""
    LINK = "link"
    """The link for enrolment counts no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who tries.

    Attributes:
        address: Where from; of IPv6 the network.
        agent: What their browser calls itself.
        device: The mark that a browser got when somebody signed in with it.
    """

    address: str
    agent: str = ""
    device: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """They were let in, or one step further.

    Attributes:
        session: Their session.
        token: Its token, told this once.
        device: A mark for their browser, where they are signed in now.
        next_path: Where they wanted to go, if it was remembered on the way.
    """

    session: Session
    token: str = field(repr=False)
    device: str | None = field(default=None, repr=False)
    next_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """They were not.

    Attributes:
        because: As far as they are told.
        until: How long they have to wait.
        why: For the log: no name, no secret.
    """

    because: RefusedBecause
    until: datetime | None = None
    why: str = ""


class Doorkeeper:
    """Counts attempts, and knows browsers again.

    Args:
        attempts: The counts.
        sealer: Makes marks that nobody else can make.
    """

    def __init__(self, attempts: Attempts, sealer: Sealer) -> None:
        self._attempts = attempts
        self._sealer = sealer

    def begin_password(self, name: str, visitor: Visitor, *, now: datetime) -> Refused | None:
        """Count an attempt at this name, whether or not it is anybody's."""
        return self._begin(self._password_counts(name, visitor), now)

    def password_right(self, name: str, visitor: Visitor) -> None:
        """It was right."""
        self._attempts.succeeded(self._password_counts(name, visitor), shared=_SHARED)

    def begin_code(self, account: str, visitor: Visitor, *, now: datetime) -> Refused | None:
        """Count an attempt at a code of this account."""
        return self._begin(self._code_counts(account, visitor), now)

    def code_right(self, account: str, visitor: Visitor) -> None:
        """It was right."""
        self._attempts.succeeded(self._code_counts(account, visitor))

    def mark(self, account: str, number: str) -> str:
        """A mark for a browser with which this account was signed in to.

        Args:
            account: The account; the mark does not tell it.
            number: Random, hex.
        """
        return f"{number}.{self._sealer.mark('device', f'{account}/{number}')}"

    def _knows(self, account: str, visitor: Visitor) -> str | None:
        """The number of this browser, if this account was signed in to with it."""
        number, _, _ = (visitor.device or "").partition(".")
        if not number or len(number) > _MARK_CHARS:
            return None
        own = self.mark(account, number).encode()
        return number if hmac.compare_digest(own, (visitor.device or "").encode()) else None

    def _password_counts(self, name: str, visitor: Visitor) -> dict[str, str]:
        number = self._knows(name, visitor)
        if number is not None:
            return {"device": self._sealer.mark("count", number)}
        return {
            "name": self._sealer.mark("count", name),
            "address": self._sealer.mark("count", visitor.address),
        }

    def _code_counts(self, account: str, visitor: Visitor) -> dict[str, str]:
        number = self._knows(account, visitor)
        if number is not None:
            return {"device-code": self._sealer.mark("count", number)}
        return {"code": self._sealer.mark("count", account)}

    def _begin(self, counts: dict[str, str], now: datetime) -> Refused | None:
        until = self._attempts.begin(counts, now=now)
        if until is None:
            return None
        return Refused(because=RefusedBecause.WAIT, until=until, why="too many attempts")
