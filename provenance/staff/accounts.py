"""Accounts of the staff: made, listed and changed by whoever runs the service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.staff.events import OPERATOR, PROVIDER, StaffEvent, events_of, record
from provenance.staff.once import OnceKind, drop_once, keep_once, look_once
from provenance.staff.roles import Role
from provenance.staff.sessions import Sessions
from provenance.staff.tables import accounts, identities, passkeys, recovery_codes
from provenance.staff.tokens import Random, new_token

__all__ = [
    "EXPOSURE_CAP",
    "Account",
    "AccountStore",
    "account_of",
    "account_row",
    "add_identity",
    "invited_row",
    "set_roles",
]

_ID = re.compile(r"[a-z][a-z0-9._-]{1,31}")
# Whom records name beside members of the staff: nobody's doing, or somebody else's, would
# otherwise read as the doing of whoever has this name.
_NOBODYS = frozenset({OPERATOR, PROVIDER, "system", "reporter", "uploader"})
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_AGENCY = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_MAX_NAME_CHARS = 120
_MAX_SUBJECT_CHARS = 255
_MAX_CAP = 10_000
EXPOSURE_CAP = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A member of the staff, without their secrets.

    Attributes:
        id: Their name in records, and what they type to sign in; not a person's name.
        display_name: What colleagues call them.
        roles: What they are there for; none: they may do nothing.
        languages: BCP 47 tags of what they can judge in.
        conflicts: Ids of agencies they must not judge about.
        exposure_cap: How many unblurred looks a day are theirs at most.
        trained_until: Until when their training holds; None: they have none.
        created_at: When it was made.
        disabled_at: When it was disabled; None: it counts.
        has_password: Whether a password is set.
        has_codes: Whether codes by time are set up.
    """

    id: str
    display_name: str
    roles: frozenset[Role]
    languages: tuple[str, ...]
    conflicts: frozenset[str]
    exposure_cap: int
    trained_until: datetime | None
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool
    has_codes: bool


class AccountStore:
    """The accounts, as the operator changes them.

    Whatever takes something away from an account ends its sessions in the same transaction.

    Args:
        engine: The database.
        random: Where tokens come from.
        sessions: Ends sessions.
    """

    def __init__(self, engine: Engine, random: Random, sessions: Sessions) -> None:
        self._engine = engine
        self._random = random
        self._sessions = sessions

    def add(
        self,
        id_: str,
        *,
        display_name: str,
        roles: Iterable[Role],
        now: datetime,
        languages: Iterable[str] = (),
        conflicts: Iterable[str] = (),
        exposure_cap: int = EXPOSURE_CAP,
        by: str = OPERATOR,
    ) -> Account:
        """A new account, with which nobody can sign in yet.

        Raises:
            ConflictError: There is one of this name, or a value cannot be used.
            StoreError: The database cannot be written.
        """
        if not _ID.fullmatch(id_) or id_ in _NOBODYS:
            raise ConflictError(
                "name of the account: expected 2 to 32 of a-z, 0-9, '.', '_', '-', beginning "
                f"with a letter, and none of {', '.join(sorted(_NOBODYS))}, got {id_!r:.60}"
            )
        held = sorted(set(roles))
        with transaction(self._engine) as connection:
            made = insert_unless_there(
                connection,
                accounts,
                id=id_,
                display_name=_name(display_name),
                roles=held,
                languages=_languages(languages),
                conflicts=_agencies(conflicts),
                exposure_cap=_cap(exposure_cap),
                created_at=now,
            )
            if not made:
                raise ConflictError(f"account {id_}: there is one of this name")
            record(connection, id_, "added", by=by, now=now, roles=held)
            return account_of(account_row(connection, id_))

    def all(self) -> Sequence[Account]:
        """Every account, disabled ones too, by name."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.id)).all()
        return [account_of(row) for row in rows]

    def get(self, id_: str) -> Account | None:
        """The account of this name."""
        with transaction(self._engine, reads=True) as connection:
            row = connection.execute(select(accounts).where(accounts.c.id == id_)).one_or_none()
        return None if row is None else account_of(row)

    def events(self, id_: str) -> Sequence[StaffEvent]:
        """What happened to it, the latest first."""
        with transaction(self._engine, reads=True) as connection:
            return events_of(connection, id_)

    def invite(self, id_: str, *, now: datetime, lasts: timedelta, by: str = OPERATOR) -> str:
        """A token with which this account's holder sets up how they sign in; told this once.

        Those before it count no more.

        Raises:
            ConflictError: There is no such account, or it is disabled.
        """
        token = new_token(self._random)
        with transaction(self._engine) as connection:
            row = account_row(connection, id_)
            if row.disabled_at is not None:
                raise ConflictError(f"account {id_}: expected one that counts, got a disabled one")
            drop_once(connection, id_)
            keep_once(connection, OnceKind.ENROLMENT, token, account=id_, ends_at=now + lasts)
            record(connection, id_, "invited", by=by, now=now)
        return token

    def reset(self, id_: str, *, now: datetime, by: str = OPERATOR) -> None:
        """Take away every way in: password, codes, recovery codes, passkeys, identities, sessions.

        Raises:
            ConflictError: There is no such account.
        """
        with transaction(self._engine) as connection:
            account_row(connection, id_)
            connection.execute(
                update(accounts)
                .where(accounts.c.id == id_)
                .values(password=None, totp=None, totp_step=None)
            )
            for table in (passkeys, recovery_codes, identities):
                connection.execute(delete(table).where(table.c.account == id_))
            drop_once(connection, id_)
            self._sessions.end_all(connection, id_)
            record(connection, id_, "reset", by=by, now=now)

    def set_roles(
        self, id_: str, roles: Iterable[Role], *, now: datetime, by: str = OPERATOR
    ) -> None:
        """Give it these roles instead of those it has; its sessions end.

        Raises:
            ConflictError: There is no such account.
        """
        with transaction(self._engine) as connection:
            account_row(connection, id_)
            set_roles(connection, self._sessions, id_, roles, now=now, by=by)

    def train(self, id_: str, until: datetime | None, *, now: datetime, by: str = OPERATOR) -> None:
        """Its holder's training holds until then; None: it holds no more.

        Raises:
            ConflictError: There is no such account.
        """
        self._change(
            id_,
            "trained",
            {"trained_until": until},
            now=now,
            by=by,
            until=None if until is None else until.isoformat(),
        )

    def describe(
        self,
        id_: str,
        *,
        now: datetime,
        display_name: str | None = None,
        languages: Iterable[str] | None = None,
        conflicts: Iterable[str] | None = None,
        exposure_cap: int | None = None,
        by: str = OPERATOR,
    ) -> None:
        """Change what is given of what is known of its holder.

        Raises:
            ConflictError: There is no such account, or a value cannot be used.
        """
        values: dict[str, Any] = {}
        if display_name is not None:
            values["display_name"] = _name(display_name)
        if languages is not None:
            values["languages"] = _languages(languages)
        if conflicts is not None:
            values["conflicts"] = _agencies(conflicts)
        if exposure_cap is not None:
            values["exposure_cap"] = _cap(exposure_cap)
        if values:
            self._change(id_, "described", values, now=now, by=by, **values)

    def disable(self, id_: str, *, now: datetime, by: str = OPERATOR) -> None:
        """Nobody signs in with it from now on, and whoever is signed in no longer is.

        Raises:
            ConflictError: There is no such account, or it is disabled already.
        """
        with transaction(self._engine) as connection:
            if account_row(connection, id_).disabled_at is not None:
                raise ConflictError(f"account {id_}: expected one that counts, got a disabled one")
            connection.execute(update(accounts).where(accounts.c.id == id_).values(disabled_at=now))
            drop_once(connection, id_)
            self._sessions.end_all(connection, id_)
            record(connection, id_, "disabled", by=by, now=now)

    def enable(self, id_: str, *, now: datetime, by: str = OPERATOR) -> None:
        """It counts again, with the ways in that it had.

        Raises:
            ConflictError: There is no such account.
        """
        self._change(id_, "enabled", {"disabled_at": None}, now=now, by=by)

    def link(
        self, id_: str, *, issuer: str, subject: str, now: datetime, by: str = OPERATOR
    ) -> None:
        """Let whoever this provider calls so sign in as this account.

        Raises:
            ConflictError: There is no such account, or that identity is somebody's.
        """
        with transaction(self._engine) as connection:
            account_row(connection, id_)
            add_identity(connection, id_, issuer, subject, now=now)
            record(connection, id_, "linked", by=by, now=now, issuer=issuer)

    def unlink(self, id_: str, *, now: datetime, by: str = OPERATOR) -> None:
        """No provider's word counts for this account any more; its sessions end.

        Raises:
            ConflictError: There is no such account.
        """
        with transaction(self._engine) as connection:
            account_row(connection, id_)
            connection.execute(delete(identities).where(identities.c.account == id_))
            self._sessions.end_all(connection, id_)
            record(connection, id_, "unlinked", by=by, now=now)

    def _change(
        self, id_: str, kind: str, values: dict[str, Any], *, now: datetime, by: str, **detail: Any
    ) -> None:
        with transaction(self._engine) as connection:
            account_row(connection, id_)
            connection.execute(update(accounts).where(accounts.c.id == id_).values(**values))
            record(connection, id_, kind, by=by, now=now, **detail)


def account_row(connection: Connection, id_: str) -> Row[Any]:
    """The row of this account, held until the transaction ends.

    Raises:
        ConflictError: There is none.
    """
    statement = select(accounts).where(accounts.c.id == id_).with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise ConflictError(f"account {id_!r:.40}: expected one that is there, got none")
    return row


def invited_row(connection: Connection, enrolment: str, *, now: datetime) -> Row[Any] | None:
    """The row, held, of the account whose enrolment link has this digest; None: it does not count.

    Whoever takes a link back holds the account first and then changes the link. Here it is in
    the same order, so that two never wait for each other, and the link is looked at once more
    when nobody else can take it back.
    """
    link = look_once(connection, OnceKind.ENROLMENT, enrolment, now=now)
    if link is None or link.account is None:
        return None
    row = account_row(connection, link.account)
    if look_once(connection, OnceKind.ENROLMENT, enrolment, now=now) is None:
        return None
    return None if row.disabled_at is not None else row


def account_of(row: Row[Any]) -> Account:
    """The account of this row."""
    return Account(
        id=row.id,
        display_name=row.display_name,
        roles=frozenset(map(Role, row.roles)),
        languages=tuple(row.languages),
        conflicts=frozenset(row.conflicts),
        exposure_cap=row.exposure_cap,
        trained_until=row.trained_until,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        has_password=row.password is not None,
        has_codes=row.totp is not None,
    )


def set_roles(
    connection: Connection,
    sessions: Sessions,
    id_: str,
    roles: Iterable[Role],
    *,
    now: datetime,
    by: str,
) -> None:
    """Give an account these roles; its sessions end, and begin again with what it may now."""
    held = sorted(set(roles))
    connection.execute(update(accounts).where(accounts.c.id == id_).values(roles=held))
    sessions.end_all(connection, id_)
    record(connection, id_, "roles", by=by, now=now, roles=held)


def add_identity(
    connection: Connection, account: str, issuer: str, subject: str, *, now: datetime
) -> None:
    """Write down that this account's holder is called so by this provider.

    Raises:
        ConflictError: It is somebody's already, or cannot be one.
    """
    if not 0 < len(subject) <= _MAX_SUBJECT_CHARS:
        raise ConflictError(
            f"subject: expected 1 to {_MAX_SUBJECT_CHARS} characters, got {len(subject)}"
        )
    made = insert_unless_there(
        connection, identities, issuer=issuer, subject=subject, account=account, created_at=now
    )
    if not made:
        raise ConflictError(f"account {account}: this identity is an account's already")


def _name(text: str) -> str:
    if not 0 < len(text) <= _MAX_NAME_CHARS or not text.isprintable():
        raise ConflictError(
            f"display name: expected 1 to {_MAX_NAME_CHARS} printable characters, got {len(text)}"
        )
    return text


def _languages(given: Iterable[str]) -> list[str]:
    found = sorted(set(given))
    for tag in found:
        if not _LANGUAGE.fullmatch(tag):
            raise ConflictError(f"language: expected a tag like ko or zh-Hant, got {tag!r:.40}")
    return found


def _agencies(given: Iterable[str]) -> list[str]:
    found = sorted(set(given))
    for agency in found:
        if not _AGENCY.fullmatch(agency):
            raise ConflictError(f"conflict: expected the id of an agency, got {agency!r:.40}")
    return found


def _cap(given: int) -> int:
    if not 0 <= given <= _MAX_CAP:
        raise ConflictError(f"exposure cap: expected 0 to {_MAX_CAP}, got {given}")
    return given
