"""Everybody who stored a manifest, or added a soft binding, beside statements.

There was room for the first one alone, and none where an agency had stated the same: who
came second was told so by what became of it.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, with those who are known."""
    op.create_table(
        "register_manifest_storer",
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_sha256"],
            ["register_manifest.sha256"],
            name="fk_register_manifest_storer_manifest_sha256",
        ),
        sa.PrimaryKeyConstraint("manifest_sha256", "agency", name="pk_register_manifest_storer"),
    )
    op.create_table(
        "register_binding_adder",
        sa.Column("binding_id", _ID, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["binding_id"], ["register_binding.id"], name="fk_register_binding_adder_binding_id"
        ),
        sa.PrimaryKeyConstraint("binding_id", "agency", name="pk_register_binding_adder"),
    )
    op.execute(
        "INSERT INTO register_manifest_storer (manifest_sha256, agency) "
        "SELECT sha256, stored_by FROM register_manifest WHERE stored_by IS NOT NULL"
    )
    op.execute(
        "INSERT INTO register_binding_adder (binding_id, agency) "
        "SELECT id, added_by FROM register_binding WHERE added_by IS NOT NULL"
    )
