"""Transactions of the service, which change nothing that the register counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from provenance.database.database import WRITES
from provenance.errors import StoreError

__all__ = ["transaction"]


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
            held = connection.execution_options(**{WRITES: not reads})
            with held.begin():
                yield held
    except (DBAPIError, PoolTimeoutError) as error:
        # Its text may hold the statement's values: the kind is enough.
        original = getattr(error, "orig", None) or error
        raise StoreError(f"the database failed: {type(original).__name__}") from error
