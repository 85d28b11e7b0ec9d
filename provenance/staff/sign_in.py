"""The one door: a password and a second factor, or a passkey, or the operator's provider.

    password ──▶ session (stage `password`) ──▶ code or passkey ──▶ session (stage `full`)
    passkey, which verifies its holder ──────────────────────────▶ session (stage `full`)
    provider, which vouches for a linked identity ───────────────▶ session (stage `full`)

For a name that is nobody's, a wrong password and a disabled account there is one answer,
and the same work is done before it. Every arrow hands out a new token, and the one before
opens nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from provenance.database.transactions import transaction
from provenance.errors import SignInRefusedError
from provenance.staff.accounts import Account, account_of, account_row
from provenance.staff.attempts import Attempts
from provenance.staff.doors import Begun, Doorkeeper, Refused, RefusedBecause, Visitor
from provenance.staff.entries import Entries
from provenance.staff.events import record
from provenance.staff.once import OnceKind, Taken, forget_once
from provenance.staff.passkeys import Site
from provenance.staff.passwords import Passwords
from provenance.staff.proofs import Proofs
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import Session, Sessions, Stage
from provenance.staff.tables import accounts, passkeys
from provenance.staff.tokens import Random

__all__ = ["SignIn"]

_MAX_NAME_CHARS = 200


class SignIn:
    """Lets people in.

    Args:
        engine: The database.
        random: Where tokens come from.
        sealer: Opens secrets.
        passwords: Checks passwords.
        sessions: Begins and ends sessions.
        attempts: Counts attempts.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        random: Random,
        sealer: Sealer,
        passwords: Passwords,
        sessions: Sessions,
        attempts: Attempts,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self.sessions = sessions
        self._attempts = attempts
        self.door = Doorkeeper(attempts, sealer)
        self.proofs = Proofs(sealer, random)
        self.entries = Entries(sessions, self.door, random)

    def who(self, token: str, *, now: datetime) -> tuple[Account, Session] | None:
        """Whose session is this, as far as it has come? None where it counts for nobody."""
        with transaction(self._engine, reads=True) as connection:
            session = self.sessions.find(connection, token, now=now)
            if session is None:
                return None
            row = connection.execute(
                select(accounts).where(
                    accounts.c.id == session.account, accounts.c.disabled_at.is_(None)
                )
            ).one_or_none()
        if row is None:
            return None
        if self.sessions.is_seen_due(session, now=now):
            with transaction(self._engine) as connection:
                self.sessions.seen(connection, session, now=now)
        return account_of(row), session

    def password(
        self,
        name: str,
        password: str,
        visitor: Visitor,
        *,
        now: datetime,
        replaces: str | None = None,
    ) -> Begun | Refused:
        """One step further for whoever knows this account's password.

        Args:
            name: What they typed for a name.
            password: And for a password.
            visitor: Who they are.
            now: What time it is.
            replaces: The token that their browser had, which ends.
        """
        name = name.strip().casefold()[:_MAX_NAME_CHARS]
        refused = self.door.begin_password(name, visitor, now=now)
        if refused is not None:
            return refused
        with transaction(self._engine, reads=True) as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == name)).one_or_none()
        kept = None if row is None else row.password
        # The same work for a name that is nobody's.
        right = self._passwords.check(kept, password)
        if row is None or not right or row.disabled_at is not None:
            return Refused(because=RefusedBecause.CREDENTIALS, why="name or password")
        outdated = self._passwords.is_outdated(row.password)
        renewed = self._passwords.hash(password) if outdated else row.password
        with transaction(self._engine) as connection:
            held = account_row(connection, row.id)
            # It may have been changed while it was checked.
            same = held.password == row.password and held.disabled_at is None
            if not same or not self._has_second(connection, held):
                return Refused(because=RefusedBecause.CREDENTIALS, why="no second factor")
            if outdated:
                connection.execute(
                    update(accounts).where(accounts.c.id == row.id).values(password=renewed)
                )
            begun = self.entries.part_way(connection, row.id, visitor, now=now, replaces=replaces)
        self.door.password_right(name, visitor)
        return begun

    def code(self, token: str, text: str, visitor: Visitor, *, now: datetime) -> Begun | Refused:
        """In, for whoever knew the password and has a code by time, or a recovery code."""
        with transaction(self._engine, reads=True) as connection:
            session = self.sessions.find(connection, token, now=now)
        if session is None or session.stage is not Stage.PASSWORD:
            return Refused(because=RefusedBecause.OVER, why="no sign-in was begun")
        refused = self.door.begin_code(session.account, visitor, now=now)
        if refused is not None:
            return refused
        with transaction(self._engine) as connection:
            row = account_row(connection, session.account)
            # Again, now that nobody else can end it.
            if self.sessions.find(connection, token, now=now) is None:
                return Refused(because=RefusedBecause.OVER, why="no sign-in was begun")
            kind = self.proofs.code(connection, row, text, now=now)
            if kind is None:
                return Refused(because=RefusedBecause.CODE, why="code")
            begun = self.entries.let_in(
                connection, row.id, visitor, means=f"password+{kind}", now=now, replaces=token
            )
        self.door.code_right(session.account, visitor)
        return begun

    def passkey_question(self, site: Site, *, holder: str, token: str | None, now: datetime) -> str:
        """What a browser asks a passkey (JSON).

        Whoever has not shown a password is asked for any passkey of this site, so that
        nobody learns which account has one.

        Args:
            site: Ours.
            holder: A secret of this browser: its answer counts, and no other's.
            token: The token of its session, if it has one.
            now: What time it is.
        """
        with transaction(self._engine) as connection:
            session = None
            if token is not None:
                session = self.sessions.find(connection, token, now=now)
            return self.proofs.question(
                connection,
                site,
                holder=holder,
                account=None if session is None else session.account,
                now=now,
            )

    def passkey(
        self,
        site: Site,
        credential: Mapping[str, Any],
        visitor: Visitor,
        *,
        holder: str,
        now: datetime,
        replaces: str | None = None,
    ) -> Begun | Refused:
        """In, for whoever has a passkey, which verified them."""
        try:
            challenge, taken = self._asked(credential, holder=holder, now=now)
            # In one transaction: what an operator takes away between proof and entrance
            # lets nobody in.
            with transaction(self._engine) as connection:
                owner = self.proofs.passkey(
                    connection,
                    site,
                    credential,
                    challenge=challenge,
                    account=taken.account,
                    now=now,
                )
                if account_row(connection, owner).disabled_at is not None:
                    return Refused(because=RefusedBecause.PASSKEY, why="passkey: disabled account")
                return self.entries.let_in(
                    connection, owner, visitor, means="passkey", now=now, replaces=replaces
                )
        except SignInRefusedError as error:
            return Refused(because=RefusedBecause.PASSKEY, why=str(error))

    def _asked(
        self, credential: Mapping[str, Any], *, holder: str, now: datetime
    ) -> tuple[bytes, Taken]:
        # By itself: the question is used up whatever becomes of the answer.
        with transaction(self._engine) as connection:
            return self.proofs.asked(
                connection, OnceKind.PASSKEY_USE, credential, holder=holder, now=now
            )

    def confirm_code(
        self, token: str, text: str, visitor: Visitor, *, now: datetime
    ) -> Begun | Refused:
        """Proved again, by a code, for whoever is signed in."""
        with transaction(self._engine, reads=True) as connection:
            session = self.sessions.find(connection, token, now=now)
        if session is None or session.stage is not Stage.FULL:
            return Refused(because=RefusedBecause.OVER, why="not signed in")
        refused = self.door.begin_code(session.account, visitor, now=now)
        if refused is not None:
            return refused
        with transaction(self._engine) as connection:
            row = account_row(connection, session.account)
            if self.proofs.code(connection, row, text, now=now) is None:
                return Refused(because=RefusedBecause.CODE, why="code")
            begun = self.entries.again(connection, token, now=now)
        self.door.code_right(session.account, visitor)
        return begun

    def confirm_passkey(
        self, token: str, site: Site, credential: Mapping[str, Any], *, holder: str, now: datetime
    ) -> Begun | Refused:
        """Proved again, by a passkey, for whoever is signed in."""
        with transaction(self._engine, reads=True) as connection:
            session = self.sessions.find(connection, token, now=now)
        if session is None or session.stage is not Stage.FULL:
            return Refused(because=RefusedBecause.OVER, why="not signed in")
        try:
            challenge, taken = self._asked(credential, holder=holder, now=now)
            if taken.account != session.account:
                why = "passkey: answers a question of another account"
                return Refused(because=RefusedBecause.PASSKEY, why=why)
            with transaction(self._engine) as connection:
                self.proofs.passkey(
                    connection,
                    site,
                    credential,
                    challenge=challenge,
                    account=session.account,
                    now=now,
                )
                return self.entries.again(connection, token, now=now)
        except SignInRefusedError as error:
            return Refused(because=RefusedBecause.PASSKEY, why=str(error))

    def sign_out(self, token: str, *, now: datetime) -> None:
        """The session is over."""
        with transaction(self._engine) as connection:
            session = self.sessions.find(connection, token, now=now)
            self.sessions.end(connection, token)
            if session is not None:
                record(connection, session.account, "signed-out", by=session.account, now=now)

    def forget(self, *, now: datetime) -> None:
        """Drop everything that has ended."""
        with transaction(self._engine) as connection:
            self.sessions.forget(connection, now=now)
            forget_once(connection, now=now)
        self._attempts.forget(now=now)

    def _has_second(self, connection: Connection, row: Row[Any]) -> bool:
        if row.totp is not None:
            return True
        mine = select(passkeys.c.sha256).where(passkeys.c.account == row.id).limit(1)
        return connection.execute(mine).first() is not None
