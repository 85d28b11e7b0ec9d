"""Labels: what a decision says of a file, for anybody to read, signed, ending and revocable.

A label is a policy's word, never a word about whether something is so. It is bound to bytes,
by their SHA-256. A label is taken back by another one about the same bytes with `neg`; whoever
reads several goes by the newest of each value.

Source: the form follows the labels of the AT protocol (`com.atproto.label.defs`): source,
subject, value, `neg`, created, expires, signature.
Spec: RFC 7515 (JWS); RFC 7519 names where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from joserfc.jwk import KeySet
from joserfc.jws import extract_compact
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Engine, Row, insert, select

from provenance.database.transactions import transaction
from provenance.jws.keys import ServiceKey, open_statement, seal_statement
from provenance.moderation.outcomes.tables import labels

__all__ = [
    "KIND",
    "Label",
    "LabelClaims",
    "LabelMaker",
    "LabelStore",
    "LabelValue",
    "holding",
    "open_label",
    "sign_label",
]

KIND = "provenance-label+jwt"
_MAX_TOKEN_CHARS = 2000
_MOST = 200
NewId = Callable[[], str]
"""Gives a name that nobody can guess."""


class LabelValue(StrEnum):
    """What a label can say. Words about policies and proof, never about a picture's truth."""

    RESTRICTED_POLICY = "restricted-policy"
    """A decision under a policy restricts it."""
    AGE_RESTRICTED = "age-restricted"
    """A decision under a policy shows it to adults only."""
    UNVERIFIED_LOOKALIKE = "unverified-lookalike"
    """It resembles a registered release, and carries no proof of coming from there."""


class LabelClaims(BaseModel):
    """One label. It has no field for a person: a test holds that it stays so."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, title="Label")

    iss: Annotated[str, Field(max_length=300, description="The service that decided.")]
    jti: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{16,40}$", description="The label's name.")]
    iat: Annotated[int, Field(ge=0, description="When it was made.")]
    exp: Annotated[int, Field(ge=0, le=253_402_300_799, description="When it ends.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the file's bytes.")]
    val: Annotated[LabelValue, Field(strict=False, description="The policy's word.")]
    neg: Annotated[bool, Field(description="Whether it takes back the one of the same value.")]
    decision: Annotated[
        str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="The decision it follows from.")
    ]

    @property
    def expires_at(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.exp, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label as it is kept.

    Attributes:
        claims: What it says.
        token: The same, signed (compact JWS).
    """

    claims: LabelClaims
    token: str


def sign_label(claims: LabelClaims, key: ServiceKey) -> Label:
    """Which label says this?"""
    return Label(
        claims=claims, token=seal_statement(claims.model_dump_json().encode(), key, kind=KIND)
    )


def open_label(token: str, keys: KeySet, *, at: datetime) -> LabelClaims | None:
    """What does this label say, if one of these keys signed it and it has not ended? Else None.

    It says nothing about whether it was taken back since: only who made it can tell.
    """
    if len(token) > _MAX_TOKEN_CHARS:
        return None
    payload = open_statement(token, keys, kind=KIND)
    if payload is None:
        return None
    try:
        claims = LabelClaims.model_validate_json(payload)
    except ValidationError:
        return None
    return claims if at < claims.expires_at else None


def holding(claims: Sequence[LabelClaims], *, at: datetime) -> tuple[LabelClaims, ...]:
    """Which of these labels about one file hold at this time?

    Of each value and decision the newest, unless it takes the word back or has ended.
    """
    newest: dict[tuple[LabelValue, str], LabelClaims] = {}
    # Of two of one second, the one that takes back wins: nobody is restricted by a tie.
    for one in sorted(claims, key=lambda claim: (claim.iat, claim.neg)):
        newest[one.val, one.decision] = one
    return tuple(one for _, one in sorted(newest.items()) if not one.neg and at < one.expires_at)


class LabelStore:
    """The labels of a service.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def about(self, sha256: str, *, now: datetime) -> Sequence[Label]:
        """The labels about these bytes that have not ended, those that take back included.

        Raises:
            StoreError: The database cannot be read.
        """
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(labels)
                .where(labels.c.sha256 == sha256, labels.c.expires_at > now)
                .order_by(labels.c.created_at, labels.c.neg, labels.c.id)
                .limit(_MOST)
            ).all()
        return [_label(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMaker:
    """Makes labels inside the transaction of a decision.

    Attributes:
        key: Signs them.
        issuer: The address of the service.
        lasts: How long one holds that a decision does not end sooner.
    """

    key: ServiceKey
    issuer: str
    lasts: timedelta

    def put(
        self,
        connection: Connection,
        *,
        id: str,  # noqa: A002 - the column's name
        sha256: str,
        value: LabelValue,
        decision: str,
        case: str,
        ends_at: datetime | None,
        now: datetime,
    ) -> Label:
        """Make a label and keep it."""
        expires = min(filter(None, (ends_at, now + self.lasts)))
        claims = LabelClaims(
            iss=self.issuer,
            jti=id,
            iat=int(now.timestamp()),
            exp=int(expires.timestamp()),
            sha256=sha256,
            val=value,
            neg=False,
            decision=decision,
        )
        return self._keep(connection, claims, case, now)

    def negate(
        self, connection: Connection, *, decision: str, case: str, new_id: NewId, now: datetime
    ) -> Sequence[Label]:
        """Take back every label of a decision in a case that has not been; twice is once."""
        rows = connection.execute(
            select(labels)
            .where(labels.c.decision == decision, labels.c.case == case)
            .order_by(labels.c.created_at)
        ).all()
        gone = {(row.sha256, row.value) for row in rows if row.neg}
        made = []
        for row in rows:
            if row.neg or (row.sha256, row.value) in gone:
                continue
            gone.add((row.sha256, row.value))
            before = _label(row).claims
            claims = before.model_copy(
                update={
                    "jti": new_id(),
                    "iat": int(now.timestamp()),
                    # As long as what it takes back, and longer than any copy of it.
                    "exp": max(before.exp, int((now + self.lasts).timestamp())),
                    "neg": True,
                }
            )
            made.append(self._keep(connection, claims, case, now))
        return made

    def _keep(self, connection: Connection, claims: LabelClaims, case: str, now: datetime) -> Label:
        label = sign_label(claims, self.key)
        connection.execute(
            insert(labels).values(
                id=claims.jti,
                decision=claims.decision,
                case=case,
                sha256=claims.sha256,
                value=claims.val.value,
                neg=claims.neg,
                created_at=now,
                expires_at=claims.expires_at,
                token=label.token,
            )
        )
        return label


def _label(row: Row[tuple[object, ...]]) -> Label:
    # What was signed is what counts, so it is read from there; the columns only find it.
    payload = extract_compact(row.token.encode("ascii")).payload
    return Label(claims=LabelClaims.model_validate_json(payload or b""), token=row.token)
