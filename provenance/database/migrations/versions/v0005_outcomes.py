"""What follows from decisions; and messages that are about no job.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and let a message be without a job."""
    with op.batch_alter_table("service_webhook") as batch:
        batch.alter_column("job", existing_type=sa.String(length=32), nullable=True)
        batch.add_column(sa.Column("event", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("contact", sa.String(length=16), nullable=True))
    op.create_table(
        "moderation_statement",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("exempt", sa.String(length=24), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_statement"),
        sa.UniqueConstraint(
            "decision",
            "case",
            "kind",
            "audience",
            "recipient",
            name="uq_moderation_statement_decision_case_kind_audience_recipient",
        ),
    )
    op.create_index("ix_moderation_statement_recipient", "moderation_statement", ["recipient"])
    op.create_table(
        "moderation_label",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("neg", sa.Boolean(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_label"),
    )
    op.create_index("ix_moderation_label_decision_case", "moderation_label", ["decision", "case"])
    op.create_index(
        "ix_moderation_label_sha256_expires_at", "moderation_label", ["sha256", "expires_at"]
    )
    op.create_table(
        "moderation_hash_entry",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=True),
        sa.Column("disabled_until", _TIME, nullable=True),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("window_began_at", _TIME, nullable=False),
        sa.Column("window_hits", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_hash_entry"),
        sa.UniqueConstraint(
            "decision",
            "case",
            "algorithm",
            "value",
            name="uq_moderation_hash_entry_decision_case_algorithm_value",
        ),
    )
    op.create_index(
        "ix_moderation_hash_entry_algorithm_value", "moderation_hash_entry", ["algorithm", "value"]
    )
    op.create_table(
        "moderation_notice",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("template", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("public_copy", sa.Text(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("sent_at", _TIME, nullable=False),
        sa.Column("receipt", sa.String(length=400), nullable=True),
        sa.Column("receipt_at", _TIME, nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("outcome_at", _TIME, nullable=True),
        sa.Column("counter_notice", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_notice"),
    )
    op.create_index("ix_moderation_notice_case", "moderation_notice", ["case"])
    op.create_table(
        "moderation_legal_hold",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.Column("lifted_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_legal_hold"),
    )
    op.create_index("ix_moderation_legal_hold_case", "moderation_legal_hold", ["case"])
    op.create_table(
        "moderation_deletion",
        sa.Column("case", sa.String(length=40), nullable=False),
        sa.Column("deleted_at", _TIME, nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("case", name="pk_moderation_deletion"),
    )
