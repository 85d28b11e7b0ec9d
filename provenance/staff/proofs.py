"""Second factors of an account, tried: a code by time, a recovery code, a passkey."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from provenance.errors import SignInRefusedError
from provenance.staff.accounts import account_row
from provenance.staff.events import record
from provenance.staff.once import OnceKind, Taken, keep_once, take_once
from provenance.staff.passkeys import (
    Site,
    as_token,
    challenge_in,
    check_answer,
    credential_id,
    question,
    user_handle_in,
)
from provenance.staff.recovery import recovery_digest
from provenance.staff.sealing import Sealer
from provenance.staff.tables import accounts, passkeys, recovery_codes
from provenance.staff.tokens import Random, digest_of
from provenance.staff.totp import parse_code, step_of

__all__ = ["Proofs", "totp_place"]

_QUESTION_LASTS = timedelta(minutes=5)
_CHALLENGE_BYTES = 32


def totp_place(account: str) -> str:
    """Where a secret of codes by time is kept: it opens nowhere else."""
    return f"totp/{account}"


class Proofs:
    """Tries them, each inside a transaction of the caller; what counts once is used up.

    Args:
        sealer: Opens secrets.
        random: Where challenges come from.
    """

    def __init__(self, sealer: Sealer, random: Random) -> None:
        self._sealer = sealer
        self._random = random

    def code(
        self, connection: Connection, account: Row[Any], text: str, *, now: datetime
    ) -> str | None:
        """Which kind of code of this account is this: `code`, `recovery`, or none that counts?"""
        typed = parse_code(text)
        if typed is not None:
            return "code" if self._by_time(connection, account, typed, now) else None
        digest = recovery_digest(account.id, text)
        if digest is None:
            return None
        used = connection.execute(
            delete(recovery_codes).where(
                recovery_codes.c.sha256 == digest, recovery_codes.c.account == account.id
            )
        )
        if used.rowcount != 1:
            return None
        record(connection, account.id, "recovery-code-used", by=account.id, now=now)
        return "recovery"

    def _by_time(self, connection: Connection, account: Row[Any], code: str, now: datetime) -> bool:
        if account.totp is None:
            return False
        secret = self._sealer.open(account.totp, place=totp_place(account.id)).decode("ascii")
        step = step_of(secret, code, now=now, after=account.totp_step)
        if step is None:
            return False
        # Two at the same time: one of them is first.
        taken = connection.execute(
            update(accounts)
            .where(accounts.c.id == account.id)
            .where(or_(accounts.c.totp_step.is_(None), accounts.c.totp_step < step))
            .values(totp_step=step)
        )
        return taken.rowcount == 1

    def handle(self, account: str) -> bytes:
        """What the account is called inside an authenticator; tells nothing about it."""
        return bytes.fromhex(self._sealer.mark("passkey-handle", account))

    def challenge(
        self,
        connection: Connection,
        kind: OnceKind,
        *,
        holder: str,
        account: str | None,
        now: datetime,
    ) -> bytes:
        """A question that this browser may have answered once."""
        made = self._random(_CHALLENGE_BYTES)
        keep_once(
            connection,
            kind,
            as_token(made),
            holder=holder,
            account=account,
            ends_at=now + _QUESTION_LASTS,
        )
        return made

    def asked(
        self,
        connection: Connection,
        kind: OnceKind,
        credential: Mapping[str, Any],
        *,
        holder: str,
        now: datetime,
    ) -> tuple[bytes, Taken]:
        """Which of our questions is this the answer to? It is used up.

        Raises:
            SignInRefusedError: None that we asked this browser, or it was answered before.
        """
        challenge = challenge_in(credential)
        taken = take_once(connection, kind, as_token(challenge), holder=holder, now=now)
        if taken is None:
            raise SignInRefusedError("passkey: answers no question that was asked here")
        return challenge, taken

    def question(
        self,
        connection: Connection,
        site: Site,
        *,
        holder: str,
        account: str | None,
        now: datetime,
    ) -> str:
        """What a browser asks a passkey (JSON): one of this account, or any of this site."""
        challenge = self.challenge(
            connection, OnceKind.PASSKEY_USE, holder=holder, account=account, now=now
        )
        allowed: list[bytes] = []
        if account is not None:
            mine = passkeys.c.account == account
            allowed = list(connection.execute(select(passkeys.c.credential).where(mine)).scalars())
        return question(site, challenge=challenge, allowed=allowed)

    def passkey(
        self,
        connection: Connection,
        site: Site,
        credential: Mapping[str, Any],
        *,
        challenge: bytes,
        account: str | None,
        now: datetime,
    ) -> str:
        """Whose passkey answered? Its count is written down, and the account is held.

        Args:
            connection: A transaction.
            site: Ours.
            credential: What the browser sent.
            challenge: The question, from `asked`.
            account: Whose it has to be; None: anybody's.
            now: What time it is.

        Raises:
            SignInRefusedError: Nobody's, somebody else's, or it does not count.
        """
        this = passkeys.c.sha256 == digest_of(credential_id(credential).hex())
        owner: str | None = connection.execute(
            select(passkeys.c.account).where(this)
        ).scalar_one_or_none()
        if owner is None or (account is not None and owner != account):
            raise SignInRefusedError("passkey: is none of this account's")
        # Whoever takes passkeys away holds their account first: in the same order here, and
        # then it is looked at whether this one is still there.
        account_row(connection, owner)
        mine = and_(this, passkeys.c.account == owner)
        row = connection.execute(select(passkeys).where(mine).with_for_update()).one_or_none()
        if row is None:
            raise SignInRefusedError("passkey: was taken away meanwhile")
        handle = user_handle_in(credential)
        if handle is not None and handle != self.handle(owner):
            raise SignInRefusedError("passkey: was made for another account")
        count = check_answer(
            site,
            credential,
            challenge=challenge,
            public_key=row.public_key,
            sign_count=row.sign_count,
        )
        connection.execute(update(passkeys).where(mine).values(sign_count=count, used_at=now))
        return owner
