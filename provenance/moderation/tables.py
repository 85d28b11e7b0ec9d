"""The tables of moderation.

Two of them are never changed: decisions and the audit. The databases refuse it themselves,
by triggers that the step which makes the tables puts there.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from provenance.database.columns import UtcTime
from provenance.database.metadata import METADATA
from provenance.moderation.vocabulary import ActionState, AppealState, CaseState, ComplaintState

__all__ = [
    "actions",
    "appeals",
    "attempts",
    "audit",
    "audit_heads",
    "audit_roots",
    "bulk_previews",
    "case_agencies",
    "case_subjects",
    "cases",
    "clocks",
    "complaints",
    "contacts",
    "decision_cases",
    "decisions",
    "evidence_access",
    "messages",
    "mutes",
    "policy_versions",
    "proposals",
    "similarities",
    "subjects",
]

_ID = BigInteger().with_variant(Integer, "sqlite")

audit = Table(
    "moderation_audit",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("verb", String(60), nullable=False),
    Column("object", String(120), nullable=False),
    # Canonical JSON.
    Column("detail", Text, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index(None, "object", "seq"),
)

audit_heads = Table(
    "moderation_audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # The last entry. Whoever changes anything in moderation holds this row.
    Column("seq", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)

audit_roots = Table(
    "moderation_audit_root",
    METADATA,
    # The day, UTC, as 2026-05-01.
    Column("day", String(10), primary_key=True),
    # How many entries the day has, and the number of the last one up to its end.
    Column("entries", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("root", String(64), nullable=False),
    Column("head", String(64), nullable=False),
    Column("made_at", UtcTime, nullable=False),
)

subjects = Table(
    "moderation_subject",
    METADATA,
    Column("id", String(32), primary_key=True),
    # What makes it the same one: its bytes, or its address; and the queue.
    Column("key", String(80), nullable=False, unique=True),
    Column("url", String(2000)),
    Column("sha256", String(64), index=True),
    Column("report", String(32)),
    Column("verdict", String(32)),
    Column("release", String(400), index=True),
    Column("created_at", UtcTime, nullable=False),
)

cases = Table(
    "moderation_case",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("state", String(24), nullable=False, default=CaseState.OPEN),
    Column("category", String(24), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("severity_rank", Integer, nullable=False),
    Column("queue", String(12), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("complaints", Integer, nullable=False, default=0),
    Column("muted", Integer, nullable=False, default=0),
    Column("trusted", Boolean, nullable=False, default=False),
    # Of the clocks that can be missed: the first that is up.
    Column("next_due_at", UtcTime),
    Column("assignee", String(64), index=True),
    Column("locked_until", UtcTime),
    # Who has to take it now that it was escalated.
    Column("escalated_to", String(12)),
    # None until something of it was captured; from then on it is not void.
    Column("captured_at", UtcTime),
    Column("decision", String(32)),
    Column("merged_into", String(32)),
    Index(None, "state", "severity_rank", "next_due_at"),
)

case_agencies = Table(
    "moderation_case_agency",
    METADATA,
    Column("case", ForeignKey("moderation_case.id"), primary_key=True),
    Column("agency", String(128), primary_key=True),
)

case_subjects = Table(
    "moderation_case_subject",
    METADATA,
    Column("case", ForeignKey("moderation_case.id"), primary_key=True),
    Column("subject", ForeignKey("moderation_subject.id"), primary_key=True, index=True),
)

complaints = Table(
    "moderation_complaint",
    METADATA,
    Column("ref", String(16), primary_key=True),
    # With the id of the key that it was made with.
    Column("pin_hash", String(120), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("role", String(20), nullable=False),
    Column("category", String(24), nullable=False),
    Column("explanation", Text, nullable=False),
    Column("locators", JSON, nullable=False),
    Column("good_faith", Boolean, nullable=False),
    # Whether it is a request that the 48 hours run for.
    Column("statutory", Boolean, nullable=False),
    Column("locale", String(12), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("acknowledged_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("state", String(20), nullable=False, default=ComplaintState.RECEIVED),
    Column("case", ForeignKey("moderation_case.id")),
    Column("subject", ForeignKey("moderation_subject.id")),
    # The decision that it was answered with last.
    Column("decision", String(32)),
    Column("muted", Boolean, nullable=False, default=False),
    Column("external_id", String(128)),
    Column("key", String(24)),
    # Keyed digests: of what was sent under the external id, of whoever complains, of where from.
    Column("request", String(120)),
    Column("reporter_hash", String(120)),
    Column("address_hash", String(120)),
    UniqueConstraint("key", "external_id"),
    Index(None, "case", "received_at"),
    Index(None, "case", "state"),
)

messages = Table(
    "moderation_message",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("complaint", ForeignKey("moderation_complaint.ref"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    # `reporter`, or the id of a member of the staff.
    Column("author", String(64), nullable=False),
    Column("text", Text, nullable=False),
)

contacts = Table(
    "moderation_contact",
    METADATA,
    Column("complaint", ForeignKey("moderation_complaint.ref"), primary_key=True),
    Column("key", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

mutes = Table(
    "moderation_mute",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("hash", String(120), nullable=False, index=True),
    Column("until", UtcTime, nullable=False),
    Column("why", String(400), nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

attempts = Table(
    "moderation_attempt",
    METADATA,
    # What is counted, with a keyed digest of whose.
    Column("bucket", String(140), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("locked_until", UtcTime),
    Column("ends_at", UtcTime, nullable=False, index=True),
)

clocks = Table(
    "moderation_clock",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("decision", String(32)),
    Column("starts_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("paused_at", UtcTime),
    Column("warned_at", UtcTime),
    Column("met_at", UtcTime),
    Column("breached_at", UtcTime),
    # The clock of another case that runs in its place, since the two were merged.
    Column("joined", BigInteger),
    CheckConstraint(
        "kind IN ('decide', 'retention') OR paused_at IS NULL",
        name="ck_moderation_clock_statutory_never_paused",
    ),
    Index(None, "met_at", "breached_at", "due_at"),
)

policy_versions = Table(
    "moderation_policy_version",
    METADATA,
    # `name@version`.
    Column("id", String(110), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("first_used_at", UtcTime, nullable=False),
)

proposals = Table(
    "moderation_proposal",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("appeal", String(32)),
    Column("draft", JSON, nullable=False),
    Column("maker", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)

decisions = Table(
    "moderation_decision",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("subjects", JSON, nullable=False),
    Column("outcome", String(28), nullable=False),
    Column("policies", JSON, nullable=False),
    Column("ground", String(8), nullable=False),
    Column("reference", String(500), nullable=False),
    Column("facts", Text, nullable=False),
    Column("actions", JSON, nullable=False),
    Column("territories", JSON, nullable=False),
    Column("ends_at", UtcTime),
    Column("automated_detection", Boolean, nullable=False),
    Column("maker", String(64), nullable=False),
    Column("second", String(64)),
    Column("appeal", String(32)),
    Column("created_at", UtcTime, nullable=False, index=True),
    CheckConstraint("maker <> ''", name="ck_moderation_decision_has_a_maker"),
    CheckConstraint("facts <> ''", name="ck_moderation_decision_has_facts"),
    CheckConstraint("reference <> ''", name="ck_moderation_decision_has_a_reference"),
    CheckConstraint("second IS NULL OR second <> maker", name="ck_moderation_decision_two_people"),
)

decision_cases = Table(
    "moderation_decision_case",
    METADATA,
    Column("decision", ForeignKey("moderation_decision.id"), primary_key=True),
    Column("case", ForeignKey("moderation_case.id"), primary_key=True, index=True),
    # What it replaces in this case: one line of decisions in each, without a fork.
    Column("supersedes", ForeignKey("moderation_decision.id")),
    UniqueConstraint("case", "supersedes"),
    CheckConstraint(
        "supersedes IS NULL OR supersedes <> decision", name="ck_moderation_decision_case_line"
    ),
)

actions = Table(
    "moderation_action",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("decision", ForeignKey("moderation_decision.id"), nullable=False, index=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("subject", ForeignKey("moderation_subject.id"), nullable=False, index=True),
    Column("type", String(20), nullable=False),
    Column("state", String(12), nullable=False, default=ActionState.PENDING),
    Column("why", String(400)),
    Column("done_at", UtcTime),
)

appeals = Table(
    "moderation_appeal",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("decision", ForeignKey("moderation_decision.id"), nullable=False, index=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("complaint", ForeignKey("moderation_complaint.ref"), index=True),
    Column("text", Text, nullable=False),
    Column("filed_at", UtcTime, nullable=False),
    Column("state", String(20), nullable=False, default=AppealState.FILED),
    Column("reviewer", String(64)),
    Column("locked_until", UtcTime),
    Column("outcome", String(12)),
    Column("new_decision", ForeignKey("moderation_decision.id")),
    Index(None, "state", "filed_at"),
)

evidence_access = Table(
    "moderation_evidence_access",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("case", ForeignKey("moderation_case.id"), nullable=False, index=True),
    Column("subject", ForeignKey("moderation_subject.id"), nullable=False),
    Column("reviewer", String(64), nullable=False),
    Column("why", String(400), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "reviewer", "at"),
)

similarities = Table(
    "moderation_similarity",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("subject", ForeignKey("moderation_subject.id"), nullable=False),
    Column("other", ForeignKey("moderation_subject.id"), nullable=False, index=True),
    Column("algorithm", String(60), nullable=False),
    Column("distance", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # What a person said about it; None: nobody looked.
    Column("confirmed", Boolean),
    Column("confirmed_by", String(64)),
    Column("confirmed_at", UtcTime),
    UniqueConstraint("subject", "other", "algorithm"),
)

bulk_previews = Table(
    "moderation_bulk_preview",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("reviewer", String(64), nullable=False),
    Column("cases", JSON, nullable=False),
    Column("draft", JSON, nullable=False),
    # Of everything that was shown: a change of any of it makes the token worthless.
    Column("contents", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
    Column("decision", String(32)),
)
