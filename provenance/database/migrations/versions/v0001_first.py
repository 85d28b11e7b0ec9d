"""The first tables.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "register_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_register_counter"),
    )
    op.create_table(
        "register_manifest",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("store", sa.LargeBinary(), nullable=False),
        sa.Column("stored_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_register_manifest"),
    )
    op.create_index("ix_register_manifest_label", "register_manifest", ["label"])
    op.create_table(
        "register_negative",
        sa.Column("id", _ID, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("added_seq", sa.BigInteger(), nullable=False),
        sa.Column("removed_seq", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_register_negative"),
    )
    op.create_index("ix_register_negative_added_seq", "register_negative", ["added_seq"])
    op.create_index("ix_register_negative_removed_seq", "register_negative", ["removed_seq"])
    op.create_table(
        "register_release",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_register_release"),
        sa.UniqueConstraint("agency", "name", name="uq_register_release_agency_name"),
    )
    op.create_table(
        "register_binding",
        sa.Column("id", _ID, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["manifest_sha256"],
            ["register_manifest.sha256"],
            name="fk_register_binding_manifest_sha256",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_register_binding"),
        sa.UniqueConstraint(
            "algorithm",
            "value",
            "manifest_sha256",
            name="uq_register_binding_algorithm_value_manifest_sha256",
        ),
    )
    op.create_index("ix_register_binding_manifest_sha256", "register_binding", ["manifest_sha256"])
    op.create_table(
        "register_change",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("encoded", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("release_id", _ID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("counts_from", sa.BigInteger(), nullable=False),
        sa.Column("embargo_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id"], ["register_release.id"], name="fk_register_change_release_id"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_register_change"),
        sa.UniqueConstraint("digest", name="uq_register_change_digest"),
    )
    op.create_index("ix_register_change_release_id", "register_change", ["release_id"])
    op.create_table(
        "register_file",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("release_id", _ID, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("rendition_of", sa.Text(), nullable=True),
        sa.Column("manifest_sha256", sa.Text(), nullable=True),
        sa.Column("active_manifest", sa.Text(), nullable=True),
        sa.Column("iscc", sa.Text(), nullable=True),
        sa.Column("counts_from", sa.BigInteger(), nullable=False),
        sa.Column("visible_from", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_sha256"],
            ["register_manifest.sha256"],
            name="fk_register_file_manifest_sha256",
        ),
        sa.ForeignKeyConstraint(
            ["release_id"], ["register_release.id"], name="fk_register_file_release_id"
        ),
        sa.ForeignKeyConstraint(["seq"], ["register_change.seq"], name="fk_register_file_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_register_file"),
        sa.UniqueConstraint("seq", "sha256", name="uq_register_file_seq_sha256"),
    )
    op.create_index("ix_register_file_active_manifest", "register_file", ["active_manifest"])
    op.create_index("ix_register_file_manifest_sha256", "register_file", ["manifest_sha256"])
    op.create_index("ix_register_file_release_id", "register_file", ["release_id"])
    op.create_index("ix_register_file_sha256", "register_file", ["sha256"])
    op.create_table(
        "register_log_place",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["register_change.seq"], name="fk_register_log_place_seq"),
        sa.PrimaryKeyConstraint("seq", "origin", name="pk_register_log_place"),
        sa.UniqueConstraint("origin", "entry", name="uq_register_log_place_origin_entry"),
    )
    op.create_table(
        "register_fingerprint",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("file_id", _ID, nullable=False),
        sa.Column("codes", sa.LargeBinary(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("added_seq", sa.BigInteger(), nullable=False),
        sa.Column("removed_seq", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["register_file.id"], name="fk_register_fingerprint_file_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_register_fingerprint"),
    )
    op.create_index("ix_register_fingerprint_added_seq", "register_fingerprint", ["added_seq"])
    op.create_index("ix_register_fingerprint_file_id", "register_fingerprint", ["file_id"])
    op.create_index("ix_register_fingerprint_removed_seq", "register_fingerprint", ["removed_seq"])
    op.create_table(
        "register_reference",
        sa.Column("id", _ID, nullable=False),
        sa.Column("fingerprint_id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["fingerprint_id"],
            ["register_fingerprint.id"],
            name="fk_register_reference_fingerprint_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_register_reference"),
    )
    op.create_index(
        "ix_register_reference_fingerprint_id", "register_reference", ["fingerprint_id"]
    )
