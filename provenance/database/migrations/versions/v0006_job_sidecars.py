"""Credentials that travel beside the files of a job.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "service_job_sidecar",
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("upload", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["service_job.id"],
            name="fk_service_job_sidecar_job_service_job",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job", "name", name="pk_service_job_sidecar"),
    )
