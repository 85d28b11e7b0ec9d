"""One way to the database: its engine, and what becomes of its failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from provenance.errors import ConfigurationError, StoreError

__all__ = ["open_database", "transaction"]

_POOL_SIZE = 8
_POOL_OVERFLOW = 8
_POOL_WAIT_S = 10
_SQLITE_WAIT_MS = 10_000


def open_database(url: str) -> Engine:
    """An engine for this database; nothing is connected to yet.

    Args:
        url: `sqlite:///PATH` or `postgresql://...`; the latter goes through psycopg 3.

    Raises:
        ConfigurationError: The URL names no database that there is a driver for.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
            raise ConfigurationError(
                f"database: expected sqlite: or postgresql:, got {parsed.drivername!r:.40}"
            )
        engine = create_engine(
            parsed,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            pool_timeout=_POOL_WAIT_S,
            # A database that was away and is back must not cost the next question.
            pool_pre_ping=parsed.drivername.startswith("postgresql"),
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigurationError("database: expected a URL of a database") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    del record
    # The driver's own idea of when a transaction begins leaves gaps between read and write.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_SQLITE_WAIT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # Readers that later write would otherwise fail half-way on another's write.
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine, *, reads: bool = False) -> Iterator[Connection]:
    """A connection whose changes are all there after the block, or none of them.

    Args:
        engine: The database.
        reads: Whether nothing will be written.

    Raises:
        StoreError: The database cannot be reached, read or written.
    """
    try:
        with engine.connect() as connection:
            if reads:
                connection = connection.execution_options(reads=True)  # noqa: PLW2901
            with connection.begin():
                yield connection
    except (DBAPIError, PoolTimeoutError) as error:
        # Its text may hold the statement's values: the kind is enough.
        original = getattr(error, "orig", None) or error
        raise StoreError(f"the database failed: {type(original).__name__}") from error
