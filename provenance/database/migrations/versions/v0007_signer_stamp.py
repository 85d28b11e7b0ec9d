"""What the directory said of a report's signer when it was made.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; of the reports that are there, nobody knows."""
    with op.batch_alter_table("service_report") as batch:
        batch.add_column(sa.Column("signer_stamp", sa.String(length=64), nullable=True))
