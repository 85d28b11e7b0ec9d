"""A database of its own for each test, and an office in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from provenance.database.database import Database
from tests.factory.moderation import Desks, open_desks
from tests.factory.registers import new_database

_NUMBERS = itertools.count()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty database: SQLite."""
    with Database(tmp_path / "moderation.db") as database:
        yield database.engine


@pytest.fixture(params=["sqlite", "postgresql"])
def either_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database, of each kind."""
    place: Path | str = tmp_path / "moderation.db"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        place = new_database(server, f"moderation_{next(_NUMBERS)}")
    with Database(place) as database:
        yield database.engine


@pytest.fixture
def desks(engine: Engine) -> Desks:
    return open_desks(engine)
