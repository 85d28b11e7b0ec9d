"""A staff for tests: the parts of signing in on a database, with passwords that cost little."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import Engine

from provenance.runtime.staff_parts import StaffParts
from provenance.staff.accounts import AccountStore
from provenance.staff.attempts import Attempts
from provenance.staff.doors import COUNTS, Begun, Visitor
from provenance.staff.oidc import OidcClient
from provenance.staff.own_account import NewCodes, OwnAccount
from provenance.staff.passwords import Passwords
from provenance.staff.provider_sign_in import ProviderSignIn
from provenance.staff.roles import Role
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import SessionLengths, Sessions
from provenance.staff.sign_in import SignIn

__all__ = ["PASSWORD", "VISITOR", "Member", "code_at", "csrf_in", "enrolled", "staff_on"]

PASSWORD = "seven purple umbrellas"
VISITOR = Visitor(address="192.0.2.1", agent="A browser")
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


def code_at(secret: str, now: datetime) -> str:
    """What the app of this secret shows then."""
    return pyotp.TOTP(secret).at(now)


def csrf_in(page: str) -> str:
    """What the forms of this page hold."""
    found = _CSRF.search(page)
    assert found is not None, page
    return found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who is enrolled and signed in.

    Attributes:
        id: Their account.
        secret: Of their app.
        begun: Their session.
    """

    id: str
    secret: str
    begun: Begun


def staff_on(
    engine: Engine,
    *,
    key: bytes = bytes(range(32)),
    client: OidcClient | None = None,
    passwords: Passwords | None = None,
    lengths: SessionLengths | None = None,
) -> StaffParts:
    """All parts, as the service has them."""
    random = os.urandom
    sealer = Sealer(key, random)
    passwords = passwords or Passwords(random, passes=1, memory_kib=64, lanes=1)
    sessions = Sessions(random, lengths or SessionLengths())
    sign_in = SignIn(
        engine,
        random=random,
        sealer=sealer,
        passwords=passwords,
        sessions=sessions,
        attempts=Attempts(engine, COUNTS),
    )
    own_account = OwnAccount(
        engine,
        random=random,
        sealer=sealer,
        passwords=passwords,
        proofs=sign_in.proofs,
        door=sign_in.door,
        entries=sign_in.entries,
        sessions=sessions,
    )
    provider = None
    if client is not None:
        provider = ProviderSignIn(
            engine,
            client,
            random=random,
            sealer=sealer,
            sessions=sessions,
            entries=sign_in.entries,
        )
    return StaffParts(
        accounts=AccountStore(engine, random, sessions),
        sign_in=sign_in,
        own_account=own_account,
        provider=provider,
        sessions=sessions,
    )


def enrolled(
    staff: StaffParts,
    id_: str,
    *,
    now: datetime,
    roles: tuple[Role, ...] = (Role.REVIEWER,),
    **described: Mapping[str, object],
) -> Member:
    """A new member, enrolled with `PASSWORD` and codes by time, and signed in."""
    staff.accounts.add(id_, display_name=id_.title(), roles=roles, now=now, **described)  # type: ignore[arg-type]
    link = staff.accounts.invite(id_, now=now, lasts=timedelta(hours=1))
    begun = staff.own_account.enrol(link, PASSWORD, VISITOR, now=now)
    assert isinstance(begun, Begun)
    codes = staff.own_account.begin_codes(begun.token, now=now)
    assert isinstance(codes, NewCodes)
    done = staff.own_account.finish_codes(begun.token, code_at(codes.secret, now), VISITOR, now=now)
    assert isinstance(done, Begun)
    return Member(id=id_, secret=codes.secret, begun=done)
