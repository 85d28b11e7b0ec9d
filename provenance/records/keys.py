"""API keys: made, rotated, revoked, and recognised by the digest of their secret."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, or_, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.records.scopes import Scope
from provenance.records.tables import access_tokens, api_keys, api_secrets
from provenance.records.tokens import (
    Random,
    digest_of,
    looks_like_key,
    new_access_token,
    new_key_token,
)

__all__ = ["ApiKey", "KeyStore"]

_MAX_LABEL_CHARS = 120
_MAX_TOKEN_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without its secrets.

    Attributes:
        id: Its name in logs and lists; no secret.
        label: Whose it is and for what, in the operator's words.
        scopes: What it may be used for.
        agency: The agency of the directory whose view of the register it has.
        test: Whether it is for a service in test mode.
        created_at: When it was made.
        revoked_at: When it was revoked; None: it counts.
        secrets: How many of its secrets count now; two while it is being rotated.
    """

    id: str
    label: str
    scopes: frozenset[Scope]
    agency: str | None
    test: bool
    created_at: datetime
    revoked_at: datetime | None = None
    secrets: int = 0


class KeyStore:
    """The keys of a service.

    Args:
        engine: The database.
        random: Where secrets come from.
    """

    def __init__(self, engine: Engine, random: Random) -> None:
        self._engine = engine
        self._random = random

    def create(
        self,
        *,
        label: str,
        scopes: Iterable[Scope],
        now: datetime,
        agency: str | None = None,
        test: bool = False,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is told this once.

        Raises:
            ConflictError: The label is empty or too long, or there is no scope.
            StoreError: The database cannot be written.
        """
        held = frozenset(scopes)
        if not 0 < len(label) <= _MAX_LABEL_CHARS or not label.isprintable():
            raise ConflictError(
                f"label of the key: expected 1 to {_MAX_LABEL_CHARS} printable characters, "
                f"got {len(label)}"
            )
        if not held:
            raise ConflictError("key: expected at least one scope, got none")
        key, token = new_key_token(self._random, None, test=test)
        with transaction(self._engine) as connection:
            connection.execute(
                insert(api_keys).values(
                    id=key,
                    label=label,
                    scopes=sorted(held),
                    agency=agency,
                    test=test,
                    created_at=now,
                )
            )
            _add_secret(connection, key, token, now)
        made = ApiKey(
            id=key, label=label, scopes=held, agency=agency, test=test, created_at=now, secrets=1
        )
        return made, token

    def all(self, *, now: datetime) -> Sequence[ApiKey]:
        """Every key, revoked ones too, the oldest first."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at)).all()
            secrets = connection.execute(select(api_secrets.c.key).where(_counts(now))).scalars()
            held = list(secrets)
        return [_key(row, secrets=held.count(row.id)) for row in rows]

    def rotate(self, key: str, *, now: datetime, grace: timedelta) -> str:
        """A new secret for a key; the one before goes on counting for a while.

        At most two count at once: a rotation within the time of the last one ends the
        older secret now.

        Raises:
            ConflictError: There is no such key, or it is revoked.
            StoreError: The database cannot be written.
        """
        with transaction(self._engine) as connection:
            row = _row(connection, key)
            if row is None or row.revoked_at is not None:
                raise ConflictError(
                    f"key {key!r:.40}: expected one that counts, got "
                    f"{'none' if row is None else 'a revoked one'}"
                )
            _, token = new_key_token(self._random, key, test=row.test)
            mine = api_secrets.c.key == key
            connection.execute(
                update(api_secrets)
                .where(mine, api_secrets.c.ends_at.is_not(None))
                .values(ends_at=now)
            )
            connection.execute(
                update(api_secrets)
                .where(mine, api_secrets.c.ends_at.is_(None))
                .values(ends_at=now + grace)
            )
            _add_secret(connection, key, token, now)
        return token

    def revoke(self, key: str, *, now: datetime) -> None:
        """From now on none of the key's secrets counts, nor any token got with them.

        Raises:
            ConflictError: There is no such key, or it is revoked already.
            StoreError: The database cannot be written.
        """
        with transaction(self._engine) as connection:
            done = connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            if done.rowcount != 1:
                raise ConflictError(f"key {key!r:.40}: expected one that counts, got none")

    def recognise(self, token: str, *, now: datetime) -> ApiKey | None:
        """Whose secret or access token is this? None where it counts for nobody.

        Raises:
            StoreError: The database cannot be read.
        """
        if len(token) > _MAX_TOKEN_CHARS:
            return None
        digest = digest_of(token)
        with transaction(self._engine, reads=True) as connection:
            if looks_like_key(token):
                row = connection.execute(
                    select(api_keys)
                    .join(api_secrets, api_secrets.c.key == api_keys.c.id)
                    .where(api_secrets.c.sha256 == digest, _counts(now))
                    .where(api_keys.c.revoked_at.is_(None))
                ).one_or_none()
                return None if row is None else _key(row)
            found = connection.execute(
                select(api_keys, access_tokens.c.scopes.label("granted"))
                .join(access_tokens, access_tokens.c.key == api_keys.c.id)
                .join(api_secrets, api_secrets.c.sha256 == access_tokens.c.secret)
                .where(access_tokens.c.sha256 == digest, access_tokens.c.ends_at > now)
                .where(_counts(now), api_keys.c.revoked_at.is_(None))
            ).one_or_none()
        if found is None:
            return None
        return _key(found, scopes=frozenset(map(Scope, found.granted)))

    def grant(
        self, secret: str, *, scopes: frozenset[Scope], now: datetime, lasts: timedelta
    ) -> str:
        """An access token of short life for the holder of this secret, who was recognised.

        Spec: RFC 6749 §4.4.
        """
        token = new_access_token(self._random)
        digest = digest_of(secret)
        with transaction(self._engine) as connection:
            connection.execute(delete(access_tokens).where(access_tokens.c.ends_at <= now))
            key = connection.execute(
                select(api_secrets.c.key).where(api_secrets.c.sha256 == digest)
            ).scalar_one()
            connection.execute(
                insert(access_tokens).values(
                    sha256=digest_of(token),
                    key=key,
                    secret=digest,
                    scopes=sorted(scopes),
                    ends_at=now + lasts,
                )
            )
        return token


def _counts(now: datetime) -> ColumnElement[bool]:
    return or_(api_secrets.c.ends_at.is_(None), api_secrets.c.ends_at > now)


def _row(connection: Connection, key: str) -> Row[tuple[object, ...]] | None:
    statement = select(api_keys).where(api_keys.c.id == key).with_for_update()
    return connection.execute(statement).one_or_none()


def _add_secret(connection: Connection, key: str, token: str, now: datetime) -> None:
    connection.execute(insert(api_secrets).values(sha256=digest_of(token), key=key, created_at=now))


def _key(
    row: Row[tuple[object, ...]], *, secrets: int = 0, scopes: frozenset[Scope] | None = None
) -> ApiKey:
    return ApiKey(
        id=row.id,
        label=row.label,
        scopes=frozenset(map(Scope, row.scopes)) if scopes is None else scopes,
        agency=row.agency,
        test=row.test,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        secrets=secrets,
    )
