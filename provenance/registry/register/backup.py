"""One file that has all of a register, and a register made from it.

A backup of SQLite is the database as it stood at one moment, made while others write
(SQLite's online backup). A backup of PostgreSQL is an export, in one transaction: it needs
no tool of the server's version. An export can be restored into either database.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from provenance.atomic_files import new_file
from provenance.database.database import Database
from provenance.errors import ConfigurationError, RegisterError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.exporting import export_register
from provenance.registry.register.importing import import_register
from provenance.registry.register.register import Register

__all__ = ["backup_register", "restore_register"]

_SQLITE = b"SQLite format 3\0"


def backup_register(database: Database, out: Path) -> None:
    """Write a backup to a file that is not there yet; it is whole, or not there.

    Raises:
        RegisterError: The register cannot be read.
        ConfigurationError: The file is there, or cannot be written.
    """
    try:
        with new_file(out, replace=False, mode=0o600) as stream:
            if database.path is None:
                export_register(database, stream)
            else:
                _copy_sqlite(database.path, Path(stream.name))
    except sqlite3.Error as error:
        raise RegisterError(f"{database.name}: cannot be backed up: {error}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{out}: cannot be written: {reason}") from error


def restore_register(
    backup: Path, place: str | Path, *, agencies: AgencyChecker, now: datetime
) -> int:
    """Make a register from a backup or an export; how many changes has it?

    The times at which changes were taken are believed: a backup is the operator's own.

    Args:
        backup: The file.
        place: A path that is not there yet, or the URL of an empty database.
        agencies: Whose keys count, where the statements of an export are checked.
        now: What time it is.

    Raises:
        RegisterError: There is a register already, or the backup is damaged.
        ConfigurationError: The backup cannot be read.
    """
    _check_nothing_is_left(place)
    try:
        with backup.open("rb") as stream:
            is_sqlite = stream.read(len(_SQLITE)) == _SQLITE
            if is_sqlite:
                if not isinstance(place, Path) and "://" in place:
                    raise RegisterError(
                        f"{backup}: is a backup of SQLite: restore it to a path, export that, and "
                        "restore the export"
                    )
                # Looked at first: what is damaged gets no name.
                with Database(backup.absolute(), read_only=True, earlier=True) as found:
                    damage = found.integrity()
                if damage is not None:
                    raise RegisterError(f"{backup}: is damaged: {damage}")
                stream.seek(0)
                with new_file(Path(place), replace=False, mode=0o600) as target:
                    shutil.copyfileobj(stream, target)
            with Register(place, agencies=agencies) as register:
                if is_sqlite:
                    return register.size
                if register.size:
                    raise RegisterError(f"{register.name}: expected an empty register")
                stream.seek(0)
                return import_register(register, stream, now=now, believe_times=True).changes
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{backup}: cannot be read: {reason}") from error


def _check_nothing_is_left(place: str | Path) -> None:
    """SQLite plays the journal that it finds beside a database into it, whosever it is."""
    if (not isinstance(place, Path) and "://" in place) or Path(place).exists():
        return
    for suffix in ("-wal", "-journal"):
        left = Path(f"{place}{suffix}")
        if left.exists():
            raise RegisterError(
                f"{left}: is left of another database, and would be taken for the restored one's: "
                "move it away"
            )


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        # One file: no journal beside it.
        new.execute("PRAGMA journal_mode = DELETE")
