"""The tables of the staff.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def _account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account"], ["staff_account.id"], name=f"fk_{table}_account", ondelete="CASCADE"
    )


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "staff_account",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("conflicts", sa.JSON(), nullable=False),
        sa.Column("exposure_cap", sa.Integer(), nullable=False),
        sa.Column("trained_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("disabled_at", _TIME, nullable=True),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_staff_account"),
    )
    op.create_table(
        "staff_identity",
        sa.Column("issuer", sa.String(length=400), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _account("staff_identity"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_staff_identity"),
    )
    op.create_index("ix_staff_identity_account", "staff_identity", ["account"])
    op.create_table(
        "staff_passkey",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        _account("staff_passkey"),
        sa.PrimaryKeyConstraint("sha256", name="pk_staff_passkey"),
    )
    op.create_index("ix_staff_passkey_account", "staff_passkey", ["account"])
    op.create_table(
        "staff_recovery_code",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        _account("staff_recovery_code"),
        sa.PrimaryKeyConstraint("sha256", name="pk_staff_recovery_code"),
    )
    op.create_index("ix_staff_recovery_code_account", "staff_recovery_code", ["account"])
    op.create_table(
        "staff_session",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("means", sa.String(length=40), nullable=False),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("proved_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=True),
        sa.Column("enrolment", sa.String(length=64), nullable=True),
        _account("staff_session"),
        sa.PrimaryKeyConstraint("sha256", name="pk_staff_session"),
        sa.UniqueConstraint("id", name="uq_staff_session_id"),
    )
    op.create_index("ix_staff_session_account", "staff_session", ["account"])
    op.create_index("ix_staff_session_ends_at", "staff_session", ["ends_at"])
    op.create_table(
        "staff_once",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        _account("staff_once"),
        sa.PrimaryKeyConstraint("sha256", name="pk_staff_once"),
    )
    op.create_index("ix_staff_once_account", "staff_once", ["account"])
    op.create_index("ix_staff_once_ends_at", "staff_once", ["ends_at"])
    op.create_table(
        "staff_attempt",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("kind", "who", name="pk_staff_attempt"),
    )
    op.create_index("ix_staff_attempt_last_at", "staff_attempt", ["last_at"])
    op.create_table(
        "staff_event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_event"),
    )
    op.create_index("ix_staff_event_account_id", "staff_event", ["account", "id"])
