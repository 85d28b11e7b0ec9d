"""What people do to their own account: enrol, and change the ways in which they sign in.

Whoever came by an enrolment link may set up a password and a second factor, and is signed
in when both are there. Whoever is signed in may change them if they proved only lately who
they are: a browser left open is not enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import SignInRefusedError
from provenance.staff.accounts import Account, account_of, account_row, invited_row
from provenance.staff.doors import Begun, Doorkeeper, Refused, RefusedBecause, Visitor
from provenance.staff.entries import Entries
from provenance.staff.events import StaffEvent, events_of, record
from provenance.staff.once import OnceKind, drop_once
from provenance.staff.passkeys import Site, check_new, question_for_new
from provenance.staff.passwords import PasswordFault, Passwords, fault_of
from provenance.staff.proofs import Proofs, totp_place
from provenance.staff.recovery import new_codes, recovery_digest
from provenance.staff.sealing import Sealer
from provenance.staff.sessions import Session, Sessions, Stage
from provenance.staff.tables import accounts, identities, passkeys, recovery_codes, sessions
from provenance.staff.tokens import Random, digest_of
from provenance.staff.totp import new_secret, parse_code, provisioning_uri, step_of

__all__ = ["NewCodes", "OwnAccount", "PasskeyEntry", "WaysIn"]

_MAX_PASSKEYS = 20
_MAX_LABEL_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCodes:
    """A secret of codes by time that is being set up: for its holder's app, shown only now."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyEntry:
    """A passkey as it is listed.

    Attributes:
        id: Its name in lists.
        label: What its holder calls it.
        created_at: When it was added.
        used_at: When it was last used.
    """

    id: str
    label: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysIn:
    """How an account's holder signs in, and what happened lately.

    Attributes:
        passkeys: Their passkeys.
        recovery_codes: How many are left.
        provider: Whether a provider's identity is linked.
        sessions: Where they are signed in.
        events: The latest.
    """

    passkeys: Sequence[PasskeyEntry]
    recovery_codes: int
    provider: bool
    sessions: Sequence[Session]
    events: Sequence[StaffEvent]


class OwnAccount:
    """Changes ways in, for whoever shows a session's token.

    Args:
        engine: The database.
        random: Where secrets come from.
        sealer: Keeps them.
        passwords: Hashes and checks passwords.
        sessions: Finds and ends sessions.
        proofs: Tries second factors.
        door: Counts attempts.
        entries: Begins sessions.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        random: Random,
        sealer: Sealer,
        passwords: Passwords,
        proofs: Proofs,
        door: Doorkeeper,
        entries: Entries,
        sessions: Sessions,
    ) -> None:
        self._engine = engine
        self._random = random
        self._sealer = sealer
        self._passwords = passwords
        self._proofs = proofs
        self._door = door
        self._entries = entries
        self._sessions = sessions

    def invited(self, link: str, *, now: datetime) -> Account | None:
        """Whose enrolment link is this, if it counts?"""
        with transaction(self._engine, reads=True) as connection:
            row = invited_row(connection, digest_of(link), now=now)
        return None if row is None else account_of(row)

    def enrol(
        self, link: str, password: str, visitor: Visitor, *, now: datetime
    ) -> Begun | Refused | PasswordFault:
        """Set the password that the holder of this link wants; a second factor has to follow.

        The link counts until that is there.
        """
        account = self.invited(link, now=now)
        if account is None:
            return Refused(because=RefusedBecause.LINK, why="link counts no more")
        fault = fault_of(password, account=account.id)
        if fault is not None:
            return fault
        kept = self._passwords.hash(password)
        enrolment = digest_of(link)
        with transaction(self._engine) as connection:
            row = invited_row(connection, enrolment, now=now)
            if row is None:
                return Refused(because=RefusedBecause.LINK, why="link counts no more")
            connection.execute(
                update(accounts).where(accounts.c.id == row.id).values(password=kept)
            )
            self._sessions.end_all(connection, row.id)
            session, token = self._sessions.begin(
                connection,
                account=row.id,
                stage=Stage.ENROLLING,
                means="link",
                agent=visitor.agent,
                now=now,
                enrolment=enrolment,
            )
            record(connection, row.id, "password-set", by=row.id, now=now)
        return Begun(session=session, token=token)

    def change_password(
        self, token: str, old: str, new: str, visitor: Visitor, *, now: datetime
    ) -> Begun | Refused | PasswordFault:
        """Another password; every session ends, and one begins anew for whoever changed it."""
        with transaction(self._engine, reads=True) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            kept = connection.execute(
                select(accounts.c.password).where(accounts.c.id == session.account)
            ).scalar_one()
        refused = self._door.begin_code(session.account, visitor, now=now)
        if refused is not None:
            return refused
        if not self._passwords.check(kept, old):
            return Refused(because=RefusedBecause.CREDENTIALS, why="password")
        self._door.code_right(session.account, visitor)
        fault = fault_of(new, account=session.account)
        if fault is not None:
            return fault
        fresh = self._passwords.hash(new)
        with transaction(self._engine) as connection:
            row = account_row(connection, session.account)
            if row.password != kept or self._sessions.find(connection, token, now=now) is None:
                return Refused(because=RefusedBecause.OVER, why="changed meanwhile")
            connection.execute(
                update(accounts).where(accounts.c.id == row.id).values(password=fresh)
            )
            self._sessions.end_all(connection, row.id)
            record(connection, row.id, "password-changed", by=row.id, now=now)
            return self._entries.let_in(
                connection, row.id, visitor, means=session.means, now=now, replaces=None
            )

    def begin_codes(self, token: str, *, now: datetime) -> NewCodes | Refused:
        """A secret for codes by time. It counts when a code of it has come."""
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            secret = new_secret(self._random)
            sealed = self._sealer.seal(secret.encode(), place=f"totp-new/{session.id}")
            connection.execute(
                update(sessions).where(sessions.c.id == session.id).values(totp=sealed)
            )
        return NewCodes(secret=secret, uri=provisioning_uri(secret, account=session.account))

    def codes_begun(self, token: str, *, now: datetime) -> NewCodes | None:
        """The secret that is being set up in this session, if one is."""
        with transaction(self._engine, reads=True) as connection:
            session = self._may_change(connection, token, now)
            row = self._sessions.row(connection, token, now)
        if isinstance(session, Refused) or row is None or row.totp is None:
            return None
        secret = self._sealer.open(row.totp, place=f"totp-new/{session.id}").decode("ascii")
        return NewCodes(secret=secret, uri=provisioning_uri(secret, account=session.account))

    def finish_codes(
        self, token: str, text: str, visitor: Visitor, *, now: datetime
    ) -> Begun | Refused:
        """The app shows the right code: from now on its codes count, and those of before do not."""
        begun = self.codes_begun(token, now=now)
        if begun is None:
            return Refused(because=RefusedBecause.OVER, why="no codes are being set up")
        code = parse_code(text)
        step = None if code is None else step_of(begun.secret, code, now=now, after=None)
        if step is None:
            return Refused(because=RefusedBecause.CODE, why="code")
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            sealed = self._sealer.seal(begun.secret.encode(), place=totp_place(session.account))
            connection.execute(
                update(accounts)
                .where(accounts.c.id == session.account)
                .values(totp=sealed, totp_step=step)
            )
            record(connection, session.account, "codes-set", by=session.account, now=now)
            return self._changed(connection, session, visitor, now=now, means="password+code")

    def passkey_question(
        self, token: str, site: Site, *, holder: str, now: datetime
    ) -> str | Refused:
        """What a browser needs to make a passkey (JSON)."""
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            row = account_row(connection, session.account)
            mine = passkeys.c.account == row.id
            known = connection.execute(select(passkeys.c.credential).where(mine)).scalars()
            challenge = self._proofs.challenge(
                connection, OnceKind.PASSKEY_NEW, holder=holder, account=row.id, now=now
            )
            return question_for_new(
                site,
                account=row.id,
                display_name=row.display_name,
                handle=self._proofs.handle(row.id),
                challenge=challenge,
                known=list(known),
            )

    def add_passkey(
        self,
        token: str,
        site: Site,
        credential: Mapping[str, Any],
        visitor: Visitor,
        *,
        holder: str,
        label: str,
        now: datetime,
    ) -> Begun | Refused:
        """This passkey is theirs."""
        try:
            with transaction(self._engine) as connection:
                challenge, taken = self._proofs.asked(
                    connection, OnceKind.PASSKEY_NEW, credential, holder=holder, now=now
                )
            made = check_new(site, credential, challenge=challenge)
        except SignInRefusedError as error:
            return Refused(because=RefusedBecause.PASSKEY, why=str(error))
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            mine = passkeys.c.account == session.account
            count = connection.execute(select(func.count()).where(mine)).scalar_one()
            if taken.account != session.account or count >= _MAX_PASSKEYS:
                return Refused(because=RefusedBecause.PASSKEY, why="passkey: not for this account")
            added = insert_unless_there(
                connection,
                passkeys,
                sha256=digest_of(made.credential.hex()),
                account=session.account,
                credential=made.credential,
                public_key=made.public_key,
                sign_count=made.sign_count,
                label=_label(label),
                created_at=now,
            )
            if not added:
                return Refused(because=RefusedBecause.PASSKEY, why="passkey: is somebody's already")
            record(connection, session.account, "passkey-added", by=session.account, now=now)
            return self._changed(connection, session, visitor, now=now, means="passkey")

    def remove_passkey(
        self, token: str, id_: str, visitor: Visitor, *, now: datetime
    ) -> Begun | Refused:
        """It is theirs no more; the last second factor stays."""
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            row = account_row(connection, session.account)
            mine = passkeys.c.account == session.account
            count = connection.execute(select(func.count()).where(mine)).scalar_one()
            linked = select(identities.c.subject).where(identities.c.account == row.id)
            other = row.totp is not None or connection.execute(linked).first() is not None
            if count <= 1 and not other:
                return Refused(because=RefusedBecause.PASSKEY, why="passkey: is the last way in")
            connection.execute(delete(passkeys).where(mine, passkeys.c.sha256 == id_))
            record(connection, session.account, "passkey-removed", by=session.account, now=now)
            return self._changed(connection, session, visitor, now=now, means=session.means)

    def new_recovery_codes(self, token: str, *, now: datetime) -> list[str] | Refused:
        """Ten codes, shown this once; those of before count no more."""
        with transaction(self._engine) as connection:
            session = self._may_change(connection, token, now)
            if isinstance(session, Refused):
                return session
            if session.stage is not Stage.FULL:
                return Refused(because=RefusedBecause.OVER, why="not signed in")
            codes = new_codes(self._random)
            mine = recovery_codes.c.account == session.account
            connection.execute(delete(recovery_codes).where(mine))
            for code in codes:
                connection.execute(
                    insert(recovery_codes).values(
                        sha256=recovery_digest(session.account, code), account=session.account
                    )
                )
            record(connection, session.account, "recovery-codes-made", by=session.account, now=now)
        return codes

    def ways_in(self, account: str, *, now: datetime) -> WaysIn:
        """How this account's holder signs in."""
        with transaction(self._engine, reads=True) as connection:
            keys = connection.execute(
                select(passkeys).where(passkeys.c.account == account).order_by(passkeys.c.label)
            ).all()
            mine = recovery_codes.c.account == account
            left = connection.execute(select(func.count()).where(mine)).scalar_one()
            linked = select(identities.c.subject).where(identities.c.account == account)
            return WaysIn(
                passkeys=[
                    PasskeyEntry(
                        id=key.sha256,
                        label=key.label,
                        created_at=key.created_at,
                        used_at=key.used_at,
                    )
                    for key in keys
                ],
                recovery_codes=left,
                provider=connection.execute(linked).first() is not None,
                sessions=self._sessions.all(connection, account, now=now),
                events=events_of(connection, account),
            )

    def end_session(self, account: str, id_: str, *, now: datetime) -> bool:
        """One of an account's sessions is over: was there one?"""
        with transaction(self._engine) as connection:
            ended = self._sessions.end_named(connection, account, id_)
            if ended:
                record(connection, account, "session-ended", by=account, now=now)
        return ended

    def end_other_sessions(self, account: str, kept: str, *, now: datetime) -> None:
        """All of an account's sessions but this one are over."""
        with transaction(self._engine) as connection:
            self._sessions.end_all(connection, account, but=kept)
            record(connection, account, "other-sessions-ended", by=account, now=now)

    def _may_change(self, connection: Connection, token: str, now: datetime) -> Session | Refused:
        """The session of this token, if whoever shows it may change ways in now.

        Its account is held until the transaction ends.
        """
        found = self._sessions.find(connection, token, now=now)
        if found is not None:
            account_row(connection, found.account)
        # Again, now that nobody else can end it: an operator may have taken everything away.
        row = self._sessions.row(connection, token, now)
        session = self._sessions.find(connection, token, now=now)
        if row is None or session is None:
            return Refused(because=RefusedBecause.OVER, why="not signed in")
        if session.stage is Stage.ENROLLING:
            # The link may have been taken back.
            if invited_row(connection, row.enrolment, now=now) is None:
                return Refused(because=RefusedBecause.LINK, why="link counts no more")
            return session
        if session.stage is not Stage.FULL:
            return Refused(because=RefusedBecause.OVER, why="not signed in")
        if not self._sessions.is_fresh(session, now=now):
            return Refused(because=RefusedBecause.STALE, why="has to prove again")
        return session

    def _changed(
        self,
        connection: Connection,
        session: Session,
        visitor: Visitor,
        *,
        now: datetime,
        means: str,
    ) -> Begun:
        """Every session ends, and one begins for whoever changed something."""
        if session.stage is Stage.ENROLLING:
            drop_once(connection, session.account)
        else:
            means = session.means
        self._sessions.end_all(connection, session.account)
        return self._entries.let_in(
            connection, session.account, visitor, means=means, now=now, replaces=None
        )


def _label(text: str) -> str:
    shown = "".join(character for character in text if character.isprintable()).strip()
    return shown[:_MAX_LABEL_CHARS] or "passkey"
