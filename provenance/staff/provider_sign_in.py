"""Sign-in through the operator's provider: who comes back from it, and which account is theirs.

An account belongs to an identity because somebody linked the two here, by its issuer and
subject; a name or an address in a token links nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, FetchError, SignInRefusedError
from provenance.staff.accounts import (
    account_of,
    account_row,
    add_identity,
    invited_row,
    set_roles,
)
from provenance.staff.doors import Begun, Refused, RefusedBecause, Visitor
from provenance.staff.entries import Entries
from provenance.staff.events import PROVIDER, record
from provenance.staff.oidc import Identity, OidcClient, ProviderVisit
from provenance.staff.once import OnceKind, keep_once, take_once
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import Sessions
from provenance.staff.tables import identities, once
from provenance.staff.tokens import Random, digest_of

__all__ = ["ProviderSignIn"]

_VISIT_LASTS = timedelta(minutes=10)
_CLOCKS_DIFFER_S = 60
_PLACE = "oidc/verifier"


class ProviderSignIn:
    """Lets people in for whom the provider vouches.

    Args:
        engine: The database.
        client: Speaks with the provider.
        random: Where secrets come from.
        sealer: Keeps code verifiers.
        sessions: Finds and ends sessions.
        entries: Begins them.
    """

    def __init__(
        self,
        engine: Engine,
        client: OidcClient,
        *,
        random: Random,
        sealer: Sealer,
        sessions: Sessions,
        entries: Entries,
    ) -> None:
        self._engine = engine
        self._client = client
        self._random = random
        self._sealer = sealer
        self._sessions = sessions
        self._entries = entries

    def visit(
        self,
        *,
        redirect: str,
        holder: str,
        now: datetime,
        next_path: str,
        confirms: str | None = None,
        enrolment: str | None = None,
    ) -> str:
        """Where to send a browser that wants to sign in through the provider.

        Args:
            redirect: Where it comes back to.
            holder: A secret of this browser: what comes back counts with it alone.
            now: What time it is.
            next_path: Where they want to go then.
            confirms: The token of a session whose holder proves again who they are.
            enrolment: A link's token, whose account the identity is to be linked with.

        Raises:
            FetchError: The provider cannot be asked.
        """
        url, visit = self._client.visit(
            redirect=redirect, random=self._random, now=now, prove_again=confirms is not None
        )
        verifier = self._sealer.seal(visit.verifier.encode(), place=_PLACE)
        data = {
            "nonce": visit.nonce,
            "verifier": base64.b64encode(verifier).decode("ascii"),
            "redirect": redirect,
            "next": next_path,
            "begun": int(now.timestamp()),
            "confirms": None if confirms is None else digest_of(confirms),
            "enrolment": None if enrolment is None else digest_of(enrolment),
        }
        with transaction(self._engine) as connection:
            keep_once(
                connection,
                OnceKind.PROVIDER,
                visit.state,
                holder=holder,
                data=data,
                ends_at=now + _VISIT_LASTS,
            )
        return url

    def answer(
        self,
        query: Mapping[str, str],
        visitor: Visitor,
        *,
        holder: str,
        now: datetime,
        token: str | None = None,
    ) -> Begun | Refused:
        """In, for whoever comes back from the provider as somebody who is linked here.

        Args:
            query: What came back: `state`, `code`, perhaps `iss` or `error`.
            visitor: Who they are.
            holder: The secret of this browser.
            now: What time it is.
            token: The token of the browser's session, if it has one.
        """
        state = query.get("state", "")
        with transaction(self._engine) as connection:
            taken = take_once(connection, OnceKind.PROVIDER, state, holder=holder, now=now)
        if taken is None:
            return Refused(because=RefusedBecause.OVER, why="provider: a state of no visit of ours")
        try:
            identity = self._identity(taken.data, query, now)
        except (SignInRefusedError, FetchError) as error:
            return Refused(because=RefusedBecause.PROVIDER, why=str(error))
        with transaction(self._engine) as connection:
            return self._settle(
                connection, identity, taken.data, visitor=visitor, now=now, token=token
            )

    def _identity(
        self, data: Mapping[str, Any], query: Mapping[str, str], now: datetime
    ) -> Identity:
        if "error" in query:
            raise SignInRefusedError("provider: says that it failed")
        sealed = base64.b64decode(data["verifier"])
        visit = ProviderVisit(
            state=query["state"],
            nonce=data["nonce"],
            verifier=self._sealer.open(sealed, place=_PLACE).decode("ascii"),
            redirect=data["redirect"],
        )
        return self._client.identity(visit, query.get("code", ""), issuer=query.get("iss"), now=now)

    def _settle(
        self,
        connection: Connection,
        identity: Identity,
        data: Mapping[str, Any],
        *,
        visitor: Visitor,
        now: datetime,
        token: str | None,
    ) -> Begun | Refused:
        """What this visit was for, for whom the provider vouches."""
        if data["enrolment"] is not None:
            refused = self._link(connection, data["enrolment"], identity, now)
            if refused is not None:
                return refused
        owner = self._owner(connection, identity)
        if isinstance(owner, Refused):
            return owner
        if data["confirms"] is not None:
            return self._confirm(
                connection, identity, owner, data, visitor=visitor, now=now, token=token
            )
        self._give_roles(connection, identity, owner, now)
        return self._entries.let_in(
            connection,
            owner,
            visitor,
            means="provider",
            now=now,
            replaces=token,
            next_path=data["next"],
        )

    def _link(
        self, connection: Connection, enrolment: str, identity: Identity, now: datetime
    ) -> Refused | None:
        row = invited_row(connection, enrolment, now=now)
        if row is None:
            return Refused(because=RefusedBecause.LINK, why="link counts no more")
        try:
            add_identity(connection, row.id, identity.issuer, identity.subject, now=now)
        except ConflictError as error:
            return Refused(because=RefusedBecause.PROVIDER, why=str(error))
        connection.execute(delete(once).where(once.c.sha256 == enrolment))
        record(connection, row.id, "linked", by=row.id, now=now, issuer=identity.issuer)
        return None

    def _owner(self, connection: Connection, identity: Identity) -> str | Refused:
        linked = select(identities.c.account).where(
            identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
        )
        owner: str | None = connection.execute(linked).scalar_one_or_none()
        row = None if owner is None else account_row(connection, owner)
        # Again, now that nobody else can take it away.
        if owner is None or connection.execute(linked).scalar_one_or_none() != owner:
            return Refused(because=RefusedBecause.PROVIDER, why="provider: nobody's identity here")
        if row is None or row.disabled_at is not None:
            return Refused(because=RefusedBecause.PROVIDER, why="provider: disabled account")
        return owner

    def _give_roles(
        self, connection: Connection, identity: Identity, owner: str, now: datetime
    ) -> bool:
        """Give the account the roles that the operator's map gives it now: are they others?

        If so, every session of it has ended.
        """
        held = account_of(account_row(connection, owner)).roles
        if identity.roles is None or identity.roles == held:
            return False
        set_roles(connection, self._sessions, owner, identity.roles, now=now, by=PROVIDER)
        return True

    def _confirm(
        self,
        connection: Connection,
        identity: Identity,
        owner: str,
        data: Mapping[str, Any],
        *,
        visitor: Visitor,
        now: datetime,
        token: str | None,
    ) -> Begun | Refused:
        """The provider has to say that it asked anew, and the browser to be the same still."""
        session = None
        if token is not None and digest_of(token) == data["confirms"]:
            session = self._sessions.find(connection, token, now=now)
        if token is None or session is None or session.account != owner:
            return Refused(because=RefusedBecause.OVER, why="provider: confirms another session")
        earliest = data["begun"] - _CLOCKS_DIFFER_S
        if identity.proved_at is None or identity.proved_at < earliest:
            return Refused(because=RefusedBecause.PROVIDER, why="provider: did not ask anew")
        if self._give_roles(connection, identity, owner, now):
            # What they may now begins with a session of its own, as at any change of roles.
            return self._entries.let_in(
                connection,
                owner,
                visitor,
                means=session.means,
                now=now,
                replaces=None,
                next_path=data["next"],
            )
        return self._entries.again(connection, token, now=now, next_path=data["next"])
