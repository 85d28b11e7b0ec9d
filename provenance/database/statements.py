"""Statements that the two databases spell differently."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, literal
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["insert_unless_there"]


def insert_unless_there(connection: Connection, table: Table, **values: Any) -> bool:
    """Add a row unless one with the same unique values is there: was it added?"""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # PostgreSQL counts no rows where it gives any back, and it may do so by itself.
    return connection.execute(statement.returning(literal(1))).first() is not None
