"""The tables of what follows from decisions."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from provenance.database.columns import UtcTime
from provenance.database.metadata import METADATA

__all__ = ["deletions", "hash_entries", "labels", "legal_holds", "notices", "statements"]

statements = Table(
    "moderation_statement",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("decision", String(40), nullable=False),
    Column("case", String(40), nullable=False),
    # What it tells of: `decision`, `reversal` or `upheld`.
    Column("kind", String(12), nullable=False),
    Column("audience", String(16), nullable=False),
    # Whom the operator looks up: `complaint:REF` or `uploader:SUBJECT`. Never a person.
    Column("recipient", String(120), nullable=False),
    Column("language", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    # Why nobody is sent it; only the reasons of `StatementException`.
    Column("exempt", String(24)),
    UniqueConstraint("decision", "case", "kind", "audience", "recipient"),
    Index(None, "recipient"),
)

labels = Table(
    "moderation_label",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("decision", String(40), nullable=False),
    # A decision about several cases may be taken back in one of them.
    Column("case", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("value", String(40), nullable=False),
    Column("neg", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("token", Text, nullable=False),
    Index(None, "sha256", "expires_at"),
    Index(None, "decision", "case"),
)

hash_entries = Table(
    "moderation_hash_entry",
    METADATA,
    Column("id", String(40), primary_key=True),
    # There is none without.
    Column("decision", String(40), nullable=False),
    Column("case", String(40), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("algorithm", String(16), nullable=False),
    # Hex: 64 characters for both.
    Column("value", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", String(400)),
    # Until when it does not count although it is active.
    Column("disabled_until", UtcTime),
    Column("ends_at", UtcTime),
    Column("hits", Integer, nullable=False),
    Column("window_began_at", UtcTime, nullable=False),
    Column("window_hits", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("decision", "case", "algorithm", "value"),
    Index(None, "algorithm", "value"),
)

notices = Table(
    "moderation_notice",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("case", String(40), nullable=False, index=True),
    Column("decision", String(40), nullable=False),
    Column("host", String(253), nullable=False),
    Column("template", String(80), nullable=False),
    Column("language", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("public_copy", Text, nullable=False),
    Column("addresses", JSON, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("receipt", String(400)),
    Column("receipt_at", UtcTime),
    Column("outcome", String(24)),
    Column("outcome_at", UtcTime),
    Column("counter_notice", Text),
)

legal_holds = Table(
    "moderation_legal_hold",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("case", String(40), nullable=False, index=True),
    Column("reason", String(400), nullable=False),
    Column("by", String(64), nullable=False),
    Column("placed_at", UtcTime, nullable=False),
    # Until when; None: until it is lifted.
    Column("ends_at", UtcTime),
    Column("lifted_at", UtcTime),
)

deletions = Table(
    "moderation_deletion",
    METADATA,
    Column("case", String(40), primary_key=True),
    Column("deleted_at", UtcTime, nullable=False),
    # Digests of what it was about: all that is left to recognise it by.
    Column("digests", JSON, nullable=False),
)
