"""What all tables share: how their keys and indexes are named, and the counter of changes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table

__all__ = ["COUNTER", "METADATA"]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
COUNTER = Table(
    "register_counter",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # Number of the last change of anything; whoever changes something holds this row.
    Column("value", BigInteger, nullable=False),
    # The latest time at which something was taken in.
    Column("clock", BigInteger, nullable=False),
)
