"""Empty databases for tests: made once, lent to one test after the other, emptied in between.

To make one takes longer than most tests: PostgreSQL writes 600 files for each, and takes as
long again to delete them. SQLAlchemy compiles every statement anew for each engine, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy
from sqlalchemy import Engine, event

from provenance.database.database import Database
from tests.factory.registers import new_database

__all__ = ["LentPostgresql", "LentSqlite"]

_TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_SEQUENCES = """
SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'
"""
# What a test may have done to the tables themselves.
_SHAPE = """
SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
    SELECT format('%s %s %s %s', attrelid::regclass, attname, atttypid, attnotnull) AS line
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
    UNION ALL SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('%s %s', conrelid::regclass, conname) FROM pg_constraint
) AS lines
"""


class LentPostgresql:
    """Databases of a server, each with all tables and nothing in them.

    Args:
        server: The server's URL.
        name: What they are called, each with a number.
    """

    def __init__(self, server: str, name: str = "lent") -> None:
        self._server = server
        self._name = name
        self._made = 0
        self._free: list[_Kept] = []
        self._held = ExitStack()
        # The one that the others are like; nobody uses it.
        Database(new_database(server, name)).close()

    @contextmanager
    def place(self) -> Iterator[str]:
        """One of them for as long as the block runs: its URL."""
        with self._one() as kept:
            yield kept.url

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The same, opened."""
        with self._one() as kept:
            yield kept.engine(self._held)

    def close(self) -> None:
        """Let go of all that are opened."""
        self._held.close()

    @contextmanager
    def _one(self) -> Iterator[_Kept]:
        kept = self._free.pop() if self._free else self._make()
        yield kept
        if kept.empty():
            self._free.append(kept)

    def _make(self) -> _Kept:
        self._made += 1
        url = new_database(self._server, f"{self._name}_{self._made}", like=self._name)
        return _Kept(url, self._held)


class _Kept:
    """One database, and what it was like when nobody had used it."""

    def __init__(self, url: str, held: ExitStack) -> None:
        self.url = url
        self._database: Database | None = None
        plain = sqlalchemy.make_url(url).set(drivername="postgresql")
        self._db = held.enter_context(
            closing(psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True))
        )
        self._run("SET session_replication_role = replica; SET lock_timeout = '2s'")
        self._tables = [str(name) for (name,) in self._rows(_TABLES)]
        self._sequences = [str(name) for (name,) in self._rows(_SEQUENCES)]
        self._first = {
            table: rows for table in self._tables if (rows := self._rows(f"SELECT * FROM {table}"))
        }
        self._shape = self._rows(_SHAPE)

    def engine(self, held: ExitStack) -> Engine:
        if self._database is None:
            self._database = held.enter_context(Database(self.url))
        return self._database.engine

    def empty(self) -> bool:
        """Take out what was put in; False where a test has left more than rows."""
        try:
            if self._rows(_SHAPE) != self._shape:
                return False
            # With the role that was set, no trigger and no reference is in the way.
            self._run(
                ";".join(
                    [
                        *(f"DELETE FROM {table}" for table in self._tables),
                        *(f"ALTER SEQUENCE {name} RESTART" for name in self._sequences),
                    ]
                )
            )
            for table, rows in self._first.items():
                places = ", ".join(["%s"] * len(rows[0]))
                with self._db.cursor() as cursor:
                    cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        except psycopg.Error:
            return False
        return True

    def _run(self, statements: str) -> None:
        self._db.execute(statements)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._db.execute(query).fetchall()


class LentSqlite:
    """One database in a file, with all tables and nothing in them.

    Args:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        Database(folder / "empty.db").close()
        self._empty = sqlite3.connect(folder / "empty.db")
        self._database: Database | None = None

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """It, opened, for as long as the block runs."""
        if self._database is None:
            self._made += 1
            self._database = Database(self._folder / f"{self._made}.db")
            self._database.engine.dispose()
            event.listen(self._database.engine, "connect", _do_not_wait_for_the_disk)
            self._refill(self._database.engine)
        yield self._database.engine
        try:
            self._refill(self._database.engine)
        except sqlite3.Error:
            # A test has left a transaction open.
            self._database.close()
            self._database = None

    def close(self) -> None:
        """Let go of it."""
        self._empty.close()
        if self._database is not None:
            self._database.close()

    def _refill(self, engine: Engine) -> None:
        with closing(engine.raw_connection()) as connection:
            self._empty.backup(cast("sqlite3.Connection", connection.driver_connection))


def _do_not_wait_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    # Nothing here has to survive a power failure.
    connection.execute("PRAGMA synchronous = OFF")
