"""The tables of the service."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

__all__ = [
    "access_tokens",
    "api_keys",
    "api_secrets",
    "idempotency",
    "job_items",
    "job_sidecars",
    "jobs",
    "reports",
    "webhooks",
]

api_keys = Table(
    "service_key",
    METADATA,
    Column("id", String(24), primary_key=True),
    Column("label", String(120), nullable=False),
    Column("scopes", JSON, nullable=False),
    # Whose view of the register: an agency sees its own embargoed releases.
    Column("agency", String(128)),
    Column("test", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

api_secrets = Table(
    "service_key_secret",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("key", ForeignKey("service_key.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime),
)

access_tokens = Table(
    "service_access_token",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("key", ForeignKey("service_key.id", ondelete="CASCADE"), nullable=False, index=True),
    # The secret that asked for it: a token ends with it.
    Column("secret", String(64), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
)

reports = Table(
    "service_report",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(24)),
    # The agency in whose view of the register it was judged; nobody else reads it.
    Column("reader", String(128)),
    Column("sha256", String(64)),
    Column("verdict", String(32), nullable=False),
    Column("document", Text, nullable=False),
    Column("policy", String(120), nullable=False),
    Column("judged_with", String(64), nullable=False),
    Column("release_stamp", String(64), nullable=False),
    # None: made by an earlier version, or with a directory that was not the one of then.
    Column("signer_stamp", String(64)),
    Column("judged_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
    # Names in the folder of uploads, where the policy keeps the bytes.
    Column("upload", String(64)),
    Column("sidecar", String(64)),
    Column("leased_until", UtcTime),
    Index(None, "owner", "sha256"),
    Index(None, "policy", "judged_with"),
)

idempotency = Table(
    "service_idempotency",
    METADATA,
    Column("owner", String(24), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("answer", JSON),
    Column("leased_until", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False, index=True),
)

jobs = Table(
    "service_job",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("owner", String(24), nullable=False, index=True),
    Column("reader", String(128)),
    Column("policy", String(120), nullable=False),
    Column("state", String(16), nullable=False),
    Column("webhook_url", String(2000)),
    Column("webhook_secret", LargeBinary),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("ends_at", UtcTime, nullable=False, index=True),
)

job_items = Table(
    "service_job_item",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job", ForeignKey("service_job.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(400), nullable=False),
    Column("state", String(16), nullable=False),
    Column("upload", String(64)),
    Column("url", String(2000)),
    Column("sha256", String(64)),
    Column("size_bytes", BigInteger),
    Column("report", String(32)),
    Column("why", String(400)),
    Column("attempts", Integer, nullable=False, default=0),
    Column("leased_until", UtcTime),
    UniqueConstraint("job", "name"),
    Index(None, "state", "leased_until"),
)

# By the file's name, not by the file: it comes before its file, which is judged at once.
job_sidecars = Table(
    "service_job_sidecar",
    METADATA,
    Column("job", ForeignKey("service_job.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(400), primary_key=True),
    Column("upload", String(64), nullable=False),
)

webhooks = Table(
    "service_webhook",
    METADATA,
    Column("id", String(40), primary_key=True),
    # The job that it is about; None: about something else, which `event` says.
    Column("job", ForeignKey("service_job.id", ondelete="CASCADE"), index=True),
    Column("event", String(40)),
    # The complaint whose contact is put in at the moment of delivery, and is not kept here.
    Column("contact", String(16)),
    Column("state", String(16), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("why", String(400)),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "state", "due_at"),
)
