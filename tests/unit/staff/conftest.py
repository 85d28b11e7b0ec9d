"""Both databases, emptied for each test; a staff on it; a provider that may be spoiled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from provenance.database.database import Database
from provenance.runtime.staff_parts import StaffParts
from provenance.staff import tables
from tests.factory.identity_provider import IdentityProvider, running_provider
from tests.factory.registers import new_database
from tests.factory.staff import staff_on

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """SQLite."""
    place: Path = tmp_path_factory.mktemp("staff") / "staff.db"
    with Database(place) as database:
        yield database.engine


@pytest.fixture(scope="session")
def on_postgresql(postgresql: str) -> Iterator[Engine]:
    """PostgreSQL."""
    with Database(new_database(postgresql, "staff")) as database:
        yield database.engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of them, without any staff."""
    engine: Engine = request.getfixturevalue(f"on_{request.param}")
    empty(engine)
    return engine


def empty(engine: Engine) -> None:
    """Nobody is left, and nothing of them."""
    with engine.connect() as connection, connection.begin():
        for name in ("accounts", "once", "attempts", "events"):
            connection.execute(delete(getattr(tables, name)))


@pytest.fixture
def staff(engine: Engine) -> StaffParts:
    """A staff without members."""
    return staff_on(engine)


@pytest.fixture(scope="session")
def running() -> Iterator[IdentityProvider]:
    """The one provider of this run; tests take `provider`."""
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: IdentityProvider) -> IdentityProvider:
    """An honest provider on loopback, which the test may spoil."""
    running.reset()
    running.clock = NOW.timestamp
    return running
