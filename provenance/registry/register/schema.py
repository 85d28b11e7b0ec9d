"""The tables of the register, one schema for SQLite and PostgreSQL.

What agencies signed stands in `register_change`, as they signed it. Columns and tables that
follow from it, and nothing else, are marked as derived: `fsck` makes them again. The rest
was handed over beside a statement and is tied to it by a digest in it (manifests), or is
the keeper's own (fingerprints, titles, soft bindings that were added later).

Times are whole seconds since 1970, UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from provenance.database.metadata import COUNTER, METADATA

__all__ = [
    "ADDER",
    "BINDING",
    "CHANGE",
    "COUNTER",
    "FILE",
    "FINGERPRINT",
    "LOG_PLACE",
    "MANIFEST",
    "METADATA",
    "NEGATIVE",
    "REFERENCE",
    "RELEASE",
    "STORER",
]

# SQLite numbers rows by itself only where the type is exactly INTEGER. Where many rows are
# added at once, the one writer numbers them.
_ID = BigInteger().with_variant(Integer, "sqlite")

RELEASE = Table(
    "register_release",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("agency", Text, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("agency", "name"),
)

CHANGE = Table(
    "register_change",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # Of statement, key and chain: what tells one statement from others.
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("encoded", LargeBinary, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    # Under embargo: the salt, and the signed commitment that a log is given instead.
    Column("salt", LargeBinary),
    Column("commitment", LargeBinary),
    # Derived.
    Column("release_id", ForeignKey(RELEASE.c.id), nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("claimed_at", BigInteger, nullable=False),
    Column("counts_from", BigInteger, nullable=False),
    Column("embargo_until", BigInteger),
)

MANIFEST = Table(
    "register_manifest",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("label", Text, nullable=False, index=True),
    Column("store", LargeBinary, nullable=False),
    # What there was before STORER, which says the same and more; nothing reads it.
    Column("stored_by", Text),
)

# Who put a manifest in without stating a file, be it there already or not: what becomes of
# that must not depend on what others have, which may be under embargo.
STORER = Table(
    "register_manifest_storer",
    METADATA,
    Column("manifest_sha256", ForeignKey(MANIFEST.c.sha256), primary_key=True),
    Column("agency", Text, primary_key=True),
)

FILE = Table(
    "register_file",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=False),
    # Derived, up to visible_from.
    Column("seq", ForeignKey(CHANGE.c.seq), nullable=False),
    Column("release_id", ForeignKey(RELEASE.c.id), nullable=False, index=True),
    Column("sha256", Text, nullable=False, index=True),
    Column("media_type", Text, nullable=False),
    Column("rendition_of", Text),
    Column("manifest_sha256", ForeignKey(MANIFEST.c.sha256), index=True),
    Column("active_manifest", Text, index=True),
    Column("iscc", Text),
    Column("counts_from", BigInteger, nullable=False),
    Column("visible_from", BigInteger, nullable=False),
    # The keeper's own, as JSON.
    Column("title", Text, nullable=False),
    Column("channels", Text, nullable=False),
    UniqueConstraint("seq", "sha256"),
)

LOG_PLACE = Table(
    "register_log_place",
    METADATA,
    Column("seq", ForeignKey(CHANGE.c.seq), primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("logged_at", BigInteger, nullable=False),
    UniqueConstraint("origin", "entry"),
)

BINDING = Table(
    "register_binding",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("manifest_sha256", ForeignKey(MANIFEST.c.sha256), nullable=False, index=True),
    # What there was before ADDER, which says the same and more; nothing reads it.
    Column("added_by", Text),
    UniqueConstraint("algorithm", "value", "manifest_sha256"),
)

# Who added it. One that nobody added follows from a statement, and is derived; one that
# somebody added may do so too.
ADDER = Table(
    "register_binding_adder",
    METADATA,
    Column("binding_id", ForeignKey(BINDING.c.id), primary_key=True, autoincrement=False),
    Column("agency", Text, primary_key=True),
)

FINGERPRINT = Table(
    "register_fingerprint",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("file_id", ForeignKey(FILE.c.id), nullable=False, index=True),
    # All of its codes in one piece: they are searched in memory, never here.
    Column("codes", LargeBinary, nullable=False),
    Column("duration_ms", BigInteger),
    Column("added_seq", BigInteger, nullable=False, index=True),
    Column("removed_seq", BigInteger, index=True),
)

REFERENCE = Table(
    "register_reference",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("fingerprint_id", ForeignKey(FINGERPRINT.c.id), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("at_ms", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
)

NEGATIVE = Table(
    "register_negative",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("bits", LargeBinary, nullable=False),
    Column("why", Text, nullable=False),
    Column("added_seq", BigInteger, nullable=False, index=True),
    Column("removed_seq", BigInteger, index=True),
)
