"""The tables of the service.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "service_idempotency",
        sa.Column("owner", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("leased_until", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_service_idempotency"),
    )
    op.create_index("ix_service_idempotency_ends_at", "service_idempotency", ["ends_at"])
    op.create_table(
        "service_job",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=24), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=True),
        sa.Column("policy", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("webhook_url", sa.String(length=2000), nullable=True),
        sa.Column("webhook_secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_job"),
    )
    op.create_index("ix_service_job_ends_at", "service_job", ["ends_at"])
    op.create_index("ix_service_job_owner", "service_job", ["owner"])
    op.create_table(
        "service_key",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("agency", sa.String(length=128), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_service_key"),
    )
    op.create_table(
        "service_report",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=24), nullable=True),
        sa.Column("reader", sa.String(length=128), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(length=120), nullable=False),
        sa.Column("judged_with", sa.String(length=64), nullable=False),
        sa.Column("release_stamp", sa.String(length=64), nullable=False),
        sa.Column("judged_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("upload", sa.String(length=64), nullable=True),
        sa.Column("sidecar", sa.String(length=64), nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_service_report"),
    )
    op.create_index("ix_service_report_ends_at", "service_report", ["ends_at"])
    op.create_index("ix_service_report_owner_sha256", "service_report", ["owner", "sha256"])
    op.create_index(
        "ix_service_report_policy_judged_with", "service_report", ["policy", "judged_with"]
    )
    op.create_table(
        "service_access_token",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=24), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["key"], ["service_key.id"], name="fk_service_access_token_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_service_access_token"),
    )
    op.create_index("ix_service_access_token_ends_at", "service_access_token", ["ends_at"])
    op.create_index("ix_service_access_token_key", "service_access_token", ["key"])
    op.create_table(
        "service_job_item",
        sa.Column("id", _ID, nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("upload", sa.String(length=64), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("report", sa.String(length=32), nullable=True),
        sa.Column("why", sa.String(length=400), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["job"], ["service_job.id"], name="fk_service_job_item_job", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_service_job_item"),
        sa.UniqueConstraint("job", "name", name="uq_service_job_item_job_name"),
    )
    op.create_index(
        "ix_service_job_item_state_leased_until", "service_job_item", ["state", "leased_until"]
    )
    op.create_table(
        "service_key_secret",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=24), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["key"], ["service_key.id"], name="fk_service_key_secret_key", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_service_key_secret"),
    )
    op.create_index("ix_service_key_secret_key", "service_key_secret", ["key"])
    op.create_table(
        "service_webhook",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("why", sa.String(length=400), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["job"], ["service_job.id"], name="fk_service_webhook_job", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_service_webhook"),
    )
    op.create_index("ix_service_webhook_job", "service_webhook", ["job"])
    op.create_index("ix_service_webhook_state_due_at", "service_webhook", ["state", "due_at"])
