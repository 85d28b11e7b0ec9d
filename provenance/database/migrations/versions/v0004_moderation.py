"""The tables of moderation, and what keeps two of them from being changed.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)

# Nobody edits what was decided or what was done, not even by hand and by mistake; whoever
# takes the trigger away first is found by the chain of digests.
_FROZEN = ("moderation_decision", "moderation_decision_case", "moderation_audit")
_STATUTORY = "OLD.kind NOT IN ('decide', 'retention')"


def upgrade() -> None:  # noqa: PLR0915 - one table after the other
    """Make them."""
    op.create_table(
        "moderation_attempt",
        sa.Column("bucket", sa.String(length=140), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_moderation_attempt"),
    )
    op.create_index("ix_moderation_attempt_ends_at", "moderation_attempt", ["ends_at"])
    op.create_table(
        "moderation_audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("verb", sa.String(length=60), nullable=False),
        sa.Column("object", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_moderation_audit"),
    )
    op.create_index("ix_moderation_audit_object_seq", "moderation_audit", ["object", "seq"])
    op.create_table(
        "moderation_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_audit_head"),
    )
    op.create_table(
        "moderation_audit_root",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_moderation_audit_root"),
    )
    op.create_table(
        "moderation_bulk_preview",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("cases", sa.JSON(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("contents", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("token", name="pk_moderation_bulk_preview"),
    )
    op.create_index("ix_moderation_bulk_preview_ends_at", "moderation_bulk_preview", ["ends_at"])
    op.create_table(
        "moderation_case",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("category", sa.String(length=24), nullable=False),
        sa.Column("severity", sa.String(length=12), nullable=False),
        sa.Column("severity_rank", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=12), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("complaints", sa.Integer(), nullable=False),
        sa.Column("muted", sa.Integer(), nullable=False),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("next_due_at", _TIME, nullable=True),
        sa.Column("assignee", sa.String(length=64), nullable=True),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.Column("escalated_to", sa.String(length=12), nullable=True),
        sa.Column("captured_at", _TIME, nullable=True),
        sa.Column("decision", sa.String(length=32), nullable=True),
        sa.Column("merged_into", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_case"),
    )
    op.create_index("ix_moderation_case_assignee", "moderation_case", ["assignee"])
    op.create_index(
        "ix_moderation_case_state_severity_rank_next_due_at",
        "moderation_case",
        ["state", "severity_rank", "next_due_at"],
    )
    op.create_table(
        "moderation_mute",
        sa.Column("id", _ID, nullable=False),
        sa.Column("hash", sa.String(length=120), nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_mute"),
    )
    op.create_index("ix_moderation_mute_hash", "moderation_mute", ["hash"])
    op.create_table(
        "moderation_policy_version",
        sa.Column("id", sa.String(length=110), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("first_used_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_policy_version"),
    )
    op.create_table(
        "moderation_subject",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("report", sa.String(length=32), nullable=True),
        sa.Column("verdict", sa.String(length=32), nullable=True),
        sa.Column("release", sa.String(length=400), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_subject"),
        sa.UniqueConstraint("key", name="uq_moderation_subject_key"),
    )
    op.create_index("ix_moderation_subject_release", "moderation_subject", ["release"])
    op.create_index("ix_moderation_subject_sha256", "moderation_subject", ["sha256"])
    op.create_table(
        "moderation_case_agency",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("agency", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_case_agency_case"
        ),
        sa.PrimaryKeyConstraint("case", "agency", name="pk_moderation_case_agency"),
    )
    op.create_table(
        "moderation_case_subject",
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_case_subject_case"
        ),
        sa.ForeignKeyConstraint(
            ["subject"], ["moderation_subject.id"], name="fk_moderation_case_subject_subject"
        ),
        sa.PrimaryKeyConstraint("case", "subject", name="pk_moderation_case_subject"),
    )
    op.create_index("ix_moderation_case_subject_subject", "moderation_case_subject", ["subject"])
    op.create_table(
        "moderation_clock",
        sa.Column("id", _ID, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=True),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("paused_at", _TIME, nullable=True),
        sa.Column("warned_at", _TIME, nullable=True),
        sa.Column("met_at", _TIME, nullable=True),
        sa.Column("breached_at", _TIME, nullable=True),
        sa.Column("joined", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('decide', 'retention') OR paused_at IS NULL",
            name="ck_moderation_clock_statutory_never_paused",
        ),
        sa.ForeignKeyConstraint(["case"], ["moderation_case.id"], name="fk_moderation_clock_case"),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_clock"),
    )
    op.create_index("ix_moderation_clock_case", "moderation_clock", ["case"])
    op.create_index(
        "ix_moderation_clock_met_at_breached_at_due_at",
        "moderation_clock",
        ["met_at", "breached_at", "due_at"],
    )
    op.create_table(
        "moderation_complaint",
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("pin_hash", sa.String(length=120), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("category", sa.String(length=24), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("locators", sa.JSON(), nullable=False),
        sa.Column("good_faith", sa.Boolean(), nullable=False),
        sa.Column("statutory", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=12), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("acknowledged_at", _TIME, nullable=True),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=True),
        sa.Column("subject", sa.String(length=32), nullable=True),
        sa.Column("decision", sa.String(length=32), nullable=True),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=True),
        sa.Column("key", sa.String(length=24), nullable=True),
        sa.Column("request", sa.String(length=120), nullable=True),
        sa.Column("reporter_hash", sa.String(length=120), nullable=True),
        sa.Column("address_hash", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_complaint_case"
        ),
        sa.ForeignKeyConstraint(
            ["subject"], ["moderation_subject.id"], name="fk_moderation_complaint_subject"
        ),
        sa.PrimaryKeyConstraint("ref", name="pk_moderation_complaint"),
        sa.UniqueConstraint("key", "external_id", name="uq_moderation_complaint_key_external_id"),
    )
    op.create_index(
        "ix_moderation_complaint_case_received_at", "moderation_complaint", ["case", "received_at"]
    )
    op.create_index("ix_moderation_complaint_case_state", "moderation_complaint", ["case", "state"])
    op.create_table(
        "moderation_decision",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("subjects", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=28), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.Column("ground", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=500), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("territories", sa.JSON(), nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.Column("automated_detection", sa.Boolean(), nullable=False),
        sa.Column("maker", sa.String(length=64), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=True),
        sa.Column("appeal", sa.String(length=32), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("facts <> ''", name="ck_moderation_decision_has_facts"),
        sa.CheckConstraint("maker <> ''", name="ck_moderation_decision_has_a_maker"),
        sa.CheckConstraint("reference <> ''", name="ck_moderation_decision_has_a_reference"),
        sa.CheckConstraint(
            "second IS NULL OR second <> maker", name="ck_moderation_decision_two_people"
        ),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_decision_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_decision"),
    )
    op.create_index("ix_moderation_decision_case", "moderation_decision", ["case"])
    op.create_index("ix_moderation_decision_created_at", "moderation_decision", ["created_at"])
    op.create_table(
        "moderation_evidence_access",
        sa.Column("id", _ID, nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_evidence_access_case"
        ),
        sa.ForeignKeyConstraint(
            ["subject"], ["moderation_subject.id"], name="fk_moderation_evidence_access_subject"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_evidence_access"),
    )
    op.create_index("ix_moderation_evidence_access_case", "moderation_evidence_access", ["case"])
    op.create_index(
        "ix_moderation_evidence_access_reviewer_at",
        "moderation_evidence_access",
        ["reviewer", "at"],
    )
    op.create_table(
        "moderation_proposal",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("appeal", sa.String(length=32), nullable=True),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("maker", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_proposal_case"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_proposal"),
    )
    op.create_index("ix_moderation_proposal_case", "moderation_proposal", ["case"])
    op.create_table(
        "moderation_similarity",
        sa.Column("id", _ID, nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("other", sa.String(length=32), nullable=False),
        sa.Column("algorithm", sa.String(length=60), nullable=False),
        sa.Column("distance", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["other"], ["moderation_subject.id"], name="fk_moderation_similarity_other"
        ),
        sa.ForeignKeyConstraint(
            ["subject"], ["moderation_subject.id"], name="fk_moderation_similarity_subject"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_similarity"),
        sa.UniqueConstraint(
            "subject", "other", "algorithm", name="uq_moderation_similarity_subject_other_algorithm"
        ),
    )
    op.create_index("ix_moderation_similarity_other", "moderation_similarity", ["other"])
    op.create_table(
        "moderation_action",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=400), nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["case"], ["moderation_case.id"], name="fk_moderation_action_case"),
        sa.ForeignKeyConstraint(
            ["decision"], ["moderation_decision.id"], name="fk_moderation_action_decision"
        ),
        sa.ForeignKeyConstraint(
            ["subject"], ["moderation_subject.id"], name="fk_moderation_action_subject"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_action"),
    )
    op.create_index("ix_moderation_action_case", "moderation_action", ["case"])
    op.create_index("ix_moderation_action_decision", "moderation_action", ["decision"])
    op.create_index("ix_moderation_action_subject", "moderation_action", ["subject"])
    op.create_table(
        "moderation_appeal",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("complaint", sa.String(length=16), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("filed_at", _TIME, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=True),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("new_decision", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["moderation_case.id"], name="fk_moderation_appeal_case"),
        sa.ForeignKeyConstraint(
            ["complaint"], ["moderation_complaint.ref"], name="fk_moderation_appeal_complaint"
        ),
        sa.ForeignKeyConstraint(
            ["decision"], ["moderation_decision.id"], name="fk_moderation_appeal_decision"
        ),
        sa.ForeignKeyConstraint(
            ["new_decision"], ["moderation_decision.id"], name="fk_moderation_appeal_new_decision"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_appeal"),
    )
    op.create_index("ix_moderation_appeal_case", "moderation_appeal", ["case"])
    op.create_index("ix_moderation_appeal_complaint", "moderation_appeal", ["complaint"])
    op.create_index("ix_moderation_appeal_decision", "moderation_appeal", ["decision"])
    op.create_index(
        "ix_moderation_appeal_state_filed_at", "moderation_appeal", ["state", "filed_at"]
    )
    op.create_table(
        "moderation_contact",
        sa.Column("complaint", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint"], ["moderation_complaint.ref"], name="fk_moderation_contact_complaint"
        ),
        sa.PrimaryKeyConstraint("complaint", name="pk_moderation_contact"),
    )
    op.create_table(
        "moderation_decision_case",
        sa.Column("decision", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("supersedes", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "supersedes IS NULL OR supersedes <> decision", name="ck_moderation_decision_case_line"
        ),
        sa.ForeignKeyConstraint(
            ["case"], ["moderation_case.id"], name="fk_moderation_decision_case_case"
        ),
        sa.ForeignKeyConstraint(
            ["decision"], ["moderation_decision.id"], name="fk_moderation_decision_case_decision"
        ),
        sa.ForeignKeyConstraint(
            ["supersedes"],
            ["moderation_decision.id"],
            name="fk_moderation_decision_case_supersedes",
        ),
        sa.PrimaryKeyConstraint("decision", "case", name="pk_moderation_decision_case"),
        sa.UniqueConstraint(
            "case", "supersedes", name="uq_moderation_decision_case_case_supersedes"
        ),
    )
    op.create_index("ix_moderation_decision_case_case", "moderation_decision_case", ["case"])
    op.create_table(
        "moderation_message",
        sa.Column("id", _ID, nullable=False),
        sa.Column("complaint", sa.String(length=16), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint"], ["moderation_complaint.ref"], name="fk_moderation_message_complaint"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_moderation_message"),
    )
    op.create_index("ix_moderation_message_complaint", "moderation_message", ["complaint"])
    op.execute(
        "INSERT INTO moderation_audit_head (id, seq, sha256) VALUES (1, 0, '" + "0" * 64 + "')"
    )
    if op.get_bind().dialect.name == "postgresql":
        _refuse_in_postgresql()
    else:
        _refuse_in_sqlite()


def _refuse_in_sqlite() -> None:
    for table in _FROZEN:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END"
            )
    op.execute(
        "CREATE TRIGGER moderation_clock_no_delete BEFORE DELETE ON moderation_clock "
        f"WHEN {_STATUTORY} "
        "BEGIN SELECT RAISE(ABORT, 'a statutory clock is never deleted'); END"
    )


def _refuse_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION moderation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$"
    )
    for table in _FROZEN:
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION moderation_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse()"
        )
    op.execute(
        "CREATE TRIGGER moderation_clock_no_delete BEFORE DELETE ON moderation_clock "
        f"FOR EACH ROW WHEN ({_STATUTORY}) EXECUTE FUNCTION moderation_refuse()"
    )
