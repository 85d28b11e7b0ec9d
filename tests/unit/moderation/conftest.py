"""A database of its own for each test, and an office in it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from provenance.database.database import Database
from provenance.jws.keys import ServiceKey
from tests.factory.moderation import Desks, open_desks
from tests.factory.registers import new_database
from tests.factory.service_keys import new_service_key

_NUMBERS = itertools.count()


# The steps that make the tables take longer than most tests: they are run once, and copied.


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    Database(path).close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The same, on the server: its name."""
    name = "moderation_template"
    with Database(new_database(postgresql, name)):
        return name


@pytest.fixture
def engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """An empty database: SQLite."""
    with Database(shutil.copyfile(sqlite_template, tmp_path / "moderation.db")) as database:
        yield database.engine


@pytest.fixture(params=["sqlite", "postgresql"])
def either_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database, of each kind."""
    if request.param == "sqlite":
        place: Path | str = request.getfixturevalue("tmp_path") / "either.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), place)
    else:
        server: str = request.getfixturevalue("postgresql")
        like: str = request.getfixturevalue("postgresql_template")
        place = new_database(server, f"moderation_{next(_NUMBERS)}", like=like)
    with Database(place) as database:
        yield database.engine


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
