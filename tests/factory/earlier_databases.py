"""Databases as earlier versions of the program left them, with a row in every table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from provenance.database import migrations
from provenance.database.database import Database
from provenance.database.metadata import METADATA
from provenance.database.migrations import VERSION_TABLE

__all__ = ["EARLIER", "check_that_nothing_is_lost", "fill_earlier"]

Rows = dict[str, list[dict[str, Any]]]

EARLIER = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every step but the last."""

_OURS = 0x50524547  # how SQLite's files of this program are marked
_VALUES: dict[type, object] = {
    int: 1,
    str: "x",
    bytes: b"x",
    bool: True,
    float: 0.5,
    object: {"x": 1},  # JSON
    datetime: datetime(2026, 5, 1, tzinfo=UTC),
}

# May be empty, and a check of the database refuses them beside the other values.
_LEFT_OUT = {
    ("moderation_clock", "paused_at"),
    ("moderation_decision", "second"),
    ("moderation_decision_case", "supersedes"),
}


def check_that_nothing_is_lost(step: str, place: str) -> None:
    """Fill a database of this step, open it as today's, and look for every value.

    Args:
        step: Up to where it was brought.
        place: An empty database's URL.
    """
    before = fill_earlier(step, place)
    with Database(place) as database, database.engine.connect() as connection:
        after = _rows(connection, list(before))
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
        assert database.integrity() is None
    for name, (row,) in before.items():
        (kept,) = after[name]
        # Columns may have come since; those that were there say what they said.
        assert {key: kept[key] for key in row} == row, name


def fill_earlier(step: str, place: str) -> Rows:
    """Make a database of this step, with a row in every table.

    Args:
        step: Up to where it is brought.
        place: An empty database's URL.
    """
    # The name of the driver, as the program itself completes it.
    engine = sqlalchemy.create_engine(place.replace("postgresql://", "postgresql+psycopg://"))
    try:
        return _filled(step, engine)
    finally:
        engine.dispose()


def _filled(step: str, engine: sqlalchemy.Engine) -> Rows:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, step)
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id = {_OURS}")
    with engine.connect() as connection, connection.begin():
        known = sqlalchemy.MetaData()
        known.reflect(connection)
        tables = [table for table in known.sorted_tables if table.name != VERSION_TABLE]
        for table in tables:
            # The steps themselves put a first row into some.
            if connection.execute(table.select()).first() is None:
                row = {
                    column.name: _VALUES[column.type.python_type]
                    for column in table.columns
                    if (table.name, column.name) not in _LEFT_OUT
                }
                connection.execute(table.insert().values(row))
        return _rows(connection, [table.name for table in tables])


def _rows(connection: sqlalchemy.Connection, names: list[str]) -> Rows:
    known = sqlalchemy.MetaData()
    known.reflect(connection)
    return {
        name: [dict(row) for row in connection.execute(known.tables[name].select()).mappings()]
        for name in names
    }
