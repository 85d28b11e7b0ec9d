"""Runs the steps in the transaction that Alembic was given."""

from __future__ import annotations

from alembic import context

from provenance.database.metadata import METADATA
from provenance.database.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
