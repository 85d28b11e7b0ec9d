"""Everything that signing in needs, put together from the operator's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy import Engine

from provenance.errors import ConfigurationError
from provenance.runtime.clock import system_clock
from provenance.runtime.provider_client import ProviderClient
from provenance.runtime.secret_key import read_or_make_key, read_secret
from provenance.runtime.service_database import open_database
from provenance.runtime.settings import Settings
from provenance.staff.accounts import AccountStore
from provenance.staff.attempts import Attempts
from provenance.staff.doors import COUNTS
from provenance.staff.oidc import OidcClient, OidcRules
from provenance.staff.own_account import OwnAccount
from provenance.staff.passwords import Passwords
from provenance.staff.provider_sign_in import ProviderSignIn
from provenance.staff.roles import Role
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import SessionLengths, Sessions
from provenance.staff.sign_in import SignIn

__all__ = ["StaffParts", "open_staff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffParts:
    """The staff of a service.

    Attributes:
        accounts: Their accounts.
        sign_in: Lets them in.
        own_account: What they do to their own account.
        provider: Lets them in for whom the operator's provider vouches, if there is one.
        sessions: Their sessions.
    """

    accounts: AccountStore
    sign_in: SignIn
    own_account: OwnAccount
    provider: ProviderSignIn | None
    sessions: Sessions

    @classmethod
    def open(cls, settings: Settings, engine: Engine) -> Self:
        """All of it.

        Raises:
            ConfigurationError: The key, or the provider's secret, cannot be used.
        """
        staff = settings.staff
        sealer = Sealer(read_or_make_key(staff.key_file or settings.home / "staff.key"), os.urandom)
        passwords = Passwords(os.urandom)
        sessions = Sessions(
            os.urandom,
            SessionLengths(
                whole=timedelta(hours=staff.session_hours),
                idle=timedelta(minutes=staff.idle_minutes),
                fresh=timedelta(minutes=staff.fresh_minutes),
            ),
        )
        sign_in = SignIn(
            engine,
            random=os.urandom,
            sealer=sealer,
            passwords=passwords,
            sessions=sessions,
            attempts=Attempts(engine, COUNTS),
        )
        own_account = OwnAccount(
            engine,
            random=os.urandom,
            sealer=sealer,
            passwords=passwords,
            proofs=sign_in.proofs,
            door=sign_in.door,
            entries=sign_in.entries,
            sessions=sessions,
        )
        rules = _rules(settings)
        provider = None
        if rules is not None:
            provider = ProviderSignIn(
                engine,
                OidcClient(rules, ProviderClient(network_allow=settings.network_allow)),
                random=os.urandom,
                sealer=sealer,
                sessions=sessions,
                entries=sign_in.entries,
            )
        return cls(
            accounts=AccountStore(engine, os.urandom, sessions),
            sign_in=sign_in,
            own_account=own_account,
            provider=provider,
            sessions=sessions,
        )

    def tidy(self) -> bool:
        """Drop what has ended; there is never more to do at once."""
        self.sign_in.forget(now=system_clock())
        return False


@contextmanager
def open_staff(settings: Settings) -> Iterator[AccountStore]:
    """The accounts, for whoever keeps them, until the block ends.

    Raises:
        ConfigurationError: The database cannot be named or made.
        RegisterError: It cannot be reached.
    """
    with open_database(settings) as register:
        sessions = Sessions(os.urandom, SessionLengths())
        yield AccountStore(register.database.engine, os.urandom, sessions)


def _rules(settings: Settings) -> OidcRules | None:
    staff = settings.staff
    if staff.oidc_issuer is None or staff.oidc_client_id is None:
        return None
    secret = None
    if staff.oidc_secret_file is not None:
        try:
            secret = read_secret(staff.oidc_secret_file).decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{staff.oidc_secret_file}: expected text") from error
    pairs = (entry.rpartition("=") for entry in staff.oidc_roles)
    return OidcRules(
        issuer=staff.oidc_issuer,
        client_id=staff.oidc_client_id,
        secret=secret,
        hosts=frozenset(host.lower() for host in staff.oidc_hosts),
        roles_claim=staff.oidc_roles_claim,
        roles={group: Role(role) for group, _, role in pairs},
    )
