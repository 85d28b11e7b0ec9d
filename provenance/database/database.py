"""The database that holds a register: SQLite in one file, or PostgreSQL by URL.

One writer at a time, in both: SQLite knows no other way, and in PostgreSQL whoever writes
first takes the counter's row. So numbers are given in the order in which changes become
visible, and whoever follows them misses none.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from provenance.database.metadata import COUNTER
from provenance.database.migrations import HEAD, VERSION_TABLE, upgrade
from provenance.errors import RegisterError

__all__ = ["WRITES", "Database"]

_APPLICATION_ID = 0x50524547  # PREG
_BUSY_S = 30
WRITES = "provenance_writes"
"""The execution option of a connection that will write."""
# Any number, the same for all of ours: they make a new database one after the other.
_MIGRATION_LOCK = 0x50524547
# A server that was cut off says nothing. Without these a connection to it is waited for more than
# two minutes, and an answer on one a quarter of an hour (libpq, "Parameter Key Words").
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Database:
    """A register's database, opened; a context manager.

    Args:
        place: A path, or a URL: `postgresql://...` or `sqlite:///...`.
        read_only: Nothing is made, brought up to date or written.
        earlier: One of an earlier version will do, to be copied.

    Raises:
        RegisterError: It is none of a register, damaged, of a later version of this
            program, or cannot be reached; the message holds no password.
    """

    def __init__(
        self, place: str | Path, *, read_only: bool = False, earlier: bool = False
    ) -> None:
        url = _url_of(place)
        self._earlier = earlier
        self.read_only = read_only
        self.path = Path(url.database) if _is_sqlite(url) and url.database else None
        self.name = _name_of(url)
        if self.path is not None:
            self._refuse_strangers(self.path)
        self._engine = _sqlite(url, read_only) if self.path is not None else _postgresql(url)
        try:
            self._prepare()
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's own, for what the two databases do in different ways."""
        return self._engine

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the database for as long as the block runs.

        Raises:
            RegisterError: It cannot be read.
        """
        # In SQLite every transaction sees one state.
        options = {"isolation_level": "REPEATABLE READ"} if self.path is None else {}
        with self._errors(), self._engine.connect() as connection:
            one_state = connection.execution_options(**options)
            with one_state.begin():
                yield one_state

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that keeps every other writer out: all of it happens, or nothing.

        Raises:
            RegisterError: It cannot be written, or was opened for reading.
        """
        if self.read_only:
            raise RegisterError(f"{self.name}: was opened for reading only")
        with self._errors(), self._engine.connect() as connection:
            held = connection.execution_options(**{WRITES: True})
            with held.begin():
                if self.path is None:
                    held.execute(select(COUNTER.c.value).with_for_update())
                yield held

    def integrity(self) -> str | None:
        """What does the database itself find wrong? None if nothing, or if it cannot say.

        Raises:
            RegisterError: So much that it cannot even look.
        """
        if self.path is None:
            return None
        with self.reading() as connection:
            found = str(connection.execute(text("PRAGMA integrity_check(1)")).scalar_one())
            if found != "ok":
                return found
            orphan = connection.execute(text("PRAGMA foreign_key_check")).first()
        return None if orphan is None else f"row {orphan[1]} of {orphan[0]} refers to nothing"

    def _refuse_strangers(self, path: Path) -> None:
        """Never make tables in somebody else's file.

        Asked through SQLite alone: where this process has the file open already, closing
        it by any other way would drop the locks of all its connections (fcntl(2)), and
        another process could take the write-ahead log away from under them.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            if self.read_only:
                raise RegisterError(f"{self.name}: there is no register here") from None
            self._make_private(path)
            return
        except OSError as error:
            raise self._cannot("read", error) from error
        if stat.S_ISDIR(status.st_mode):
            raise RegisterError(f"{self.name}: cannot be read: is a directory")
        if not status.st_size:
            return
        try:
            application = _application_of(path)
        except sqlite3.OperationalError as error:
            raise RegisterError(f"{self.name}: cannot be read: {error}") from error
        except sqlite3.DatabaseError as error:
            raise RegisterError(
                f"{self.name}: expected a register, got another kind of file"
            ) from error
        if application not in {0, _APPLICATION_ID}:
            raise RegisterError(f"{self.name}: expected a register, got another kind of file")
        # One that was killed while it made a register has left a database without anything,
        # and one that is running may have all of it in its write-ahead log still.
        if application == 0 and _is_foreign(path):
            raise RegisterError(f"{self.name}: expected a register, got another database")

    def _make_private(self, path: Path) -> None:
        """What is under embargo is nobody else's on this machine to read."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError as error:
            raise self._cannot("made", error) from error

    def _cannot(self, verb: str, error: OSError) -> RegisterError:
        reason = (error.strerror or str(error)).lower()
        return RegisterError(f"{self.name}: cannot be {verb}: {reason}")

    def _prepare(self) -> None:
        with self.reading() as connection:
            found = _version(connection)
        # They are numbered with four digits each.
        if found == HEAD or (self._earlier and found is not None and found < HEAD):
            return
        if found is not None and found > HEAD:
            raise RegisterError(
                f"{self.name}: was made by a later version of this program: expected a register "
                f"of version {HEAD}, got {found}"
            )
        if self.read_only:
            raise RegisterError(
                f"{self.name}: expected a register of version {HEAD}, got "
                f"{found or 'none'}; a command that writes brings it up to date"
            )
        with self._errors(), self._engine.connect() as connection:
            held = connection.execution_options(**{WRITES: True})
            with held.begin():
                if self.path is None:
                    held.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _MIGRATION_LOCK})
                upgrade(held, where=self.name)
                if held.execute(select(COUNTER.c.id)).first() is None:
                    held.execute(insert(COUNTER).values(id=1, value=0, clock=0))
                if self.path is not None:
                    held.execute(text(f"PRAGMA application_id = {_APPLICATION_ID}"))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise RegisterError(f"{self.name}: cannot be used: {_cause(error)}") from error
        except DBAPIError as error:
            raise RegisterError(f"{self.name}: is damaged, or refuses: {_cause(error)}") from error
        except SQLAlchemyError as error:
            raise RegisterError(f"{self.name}: cannot be used: {error}") from error


def _url_of(place: str | Path) -> URL:
    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(place))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as error:
        # The text may hold a password.
        raise RegisterError("register: expected a path or a URL that can be read") from error
    if url.get_backend_name() == "sqlite" and url.database:
        return URL.create("sqlite", database=url.database)
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    raise RegisterError(f"register: expected postgresql:// or a path, got {url.drivername}://")


def _name_of(url: URL) -> str:
    if _is_sqlite(url):
        return str(url.database)
    # Neither user, password nor options, which may hold one.
    return f"postgresql://{url.host or ''}/{url.database or ''}"


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _postgresql(url: URL) -> Engine:
    # What the operator wrote into the URL comes before.
    url = url.set(query={**_PATIENCE, **url.query})
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ImportError as error:
        raise RegisterError(
            "register: PostgreSQL needs psycopg: pip install provenance-verifier[postgresql]"
        ) from error


def _sqlite(url: URL, read_only: bool) -> Engine:  # noqa: FBT001 - as it was asked for
    path = Path(str(url.database)).absolute()
    address = f"{path.as_uri()}?mode={'ro' if read_only else 'rwc'}"

    def connect() -> sqlite3.Connection:
        db = sqlite3.connect(
            address, uri=True, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
        )
        try:
            if not read_only:
                db.execute("PRAGMA journal_mode = WAL")
                # FULL: what was taken in survives a power failure, not just a crash.
                db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA trusted_schema = OFF")
        except BaseException:
            db.close()
            raise
        return db

    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, poolclass=QueuePool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that began as a reader could be refused in the middle of its work.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _version(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return found.scalar()


def _application_of(path: Path) -> int:
    """Whose SQLite database is this? SQLite file format, "The Database Header"."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("PRAGMA application_id").fetchone()[0])


def _is_foreign(path: Path) -> bool:
    """Is there anything of others in this SQLite database? Looking changes nothing in it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            some = db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            return some is not None and application != _APPLICATION_ID
    except sqlite3.Error as error:
        raise RegisterError(f"{path}: is damaged, or cannot be used: {error}") from error


def _cause(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:300]
