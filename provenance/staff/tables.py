"""The tables of the staff."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from provenance.database.columns import UtcTime
from provenance.database.metadata import METADATA

__all__ = [
    "accounts",
    "attempts",
    "events",
    "identities",
    "once",
    "passkeys",
    "recovery_codes",
    "sessions",
]

_ACCOUNT = "staff_account.id"


def _account(*, nullable: bool = False) -> Column[str]:
    return Column(
        "account", ForeignKey(_ACCOUNT, ondelete="CASCADE"), nullable=nullable, index=True
    )


accounts = Table(
    "staff_account",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("display_name", String(120), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("languages", JSON, nullable=False),
    # Ids of agencies that they must not judge about.
    Column("conflicts", JSON, nullable=False),
    Column("exposure_cap", Integer, nullable=False),
    Column("trained_until", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    # An argon2id hash with its parameters and salt.
    Column("password", String(256)),
    # Encrypted with the operator's key.
    Column("totp", LargeBinary),
    # The last step of time whose code was taken: none counts twice.
    Column("totp_step", BigInteger),
)

identities = Table(
    "staff_identity",
    METADATA,
    Column("issuer", String(400), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _account(),
    Column("created_at", UtcTime, nullable=False),
)

passkeys = Table(
    "staff_passkey",
    METADATA,
    # A credential's id is as long as its maker likes: its SHA-256.
    Column("sha256", String(64), primary_key=True),
    _account(),
    Column("credential", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("label", String(120), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
)

recovery_codes = Table(
    "staff_recovery_code",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    _account(),
)

sessions = Table(
    "staff_session",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    # What it is called where its holder sees it; no secret.
    Column("id", String(24), nullable=False, unique=True),
    _account(),
    Column("stage", String(16), nullable=False),
    Column("means", String(40), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    # When its holder last proved who they are.
    Column("proved_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
    # A secret of time-based codes that is being set up, encrypted.
    Column("totp", LargeBinary),
    # The enrolment that it began with, which ends with it.
    Column("enrolment", String(64)),
)

once = Table(
    "staff_once",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String(24), nullable=False),
    # Digest of what the browser that began has to show.
    Column("holder", String(64)),
    _account(nullable=True),
    Column("data", JSON, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
)

attempts = Table(
    "staff_attempt",
    METADATA,
    Column("kind", String(16), primary_key=True),
    # A digest: what people type into a field for names may be a password.
    Column("who", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False, index=True),
    Column("locked_until", UtcTime),
)

events = Table(
    "staff_event",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcTime, nullable=False),
    # Not a reference: it outlives the account.
    Column("account", String(32), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("by", String(32), nullable=False),
    Column("detail", JSON, nullable=False),
    Index(None, "account", "id"),
)
