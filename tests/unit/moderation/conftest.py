"""A database of its own for each test, and an office in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from provenance.jws.keys import ServiceKey
from tests.factory.lent_databases import LentPostgresql, LentSqlite
from tests.factory.moderation import Desks, open_desks
from tests.factory.service_keys import new_service_key


@pytest.fixture
def engine(lent_sqlite: LentSqlite) -> Iterator[Engine]:
    """An empty database: SQLite."""
    with lent_sqlite.engine() as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def either_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database, of each kind."""
    lent: LentSqlite | LentPostgresql = request.getfixturevalue(f"lent_{request.param}")
    with lent.engine() as engine:
        yield engine


@pytest.fixture
def desks(engine: Engine) -> Desks:
    return open_desks(engine)


@pytest.fixture
def random() -> Callable[[int], bytes]:
    """Bytes that are other ones each time, and the same in each test."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture(scope="session")
def service_key() -> ServiceKey:
    """Signs what the service says."""
    return new_service_key()
