"""Everything here runs on both databases; and a service key."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from provenance.database.database import Database
from provenance.jws.keys import ServiceKey
from tests.factory.registers import new_database
from tests.factory.service_keys import new_service_key

_NUMBERS = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    place: Path | str = tmp_path / "evidence.db"
    if request.param == "postgresql":
        server: str = request.getfixturevalue("postgresql")
        like = request.getfixturevalue("postgresql_template")
        place = new_database(server, f"evidence_{next(_NUMBERS)}", like=like)
    with Database(place) as database:
        yield database.engine


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """A database with all tables, to be copied: the steps take longer than the tests."""
    name = "evidence_template"
    with Database(new_database(postgresql, name)):
        return name


@pytest.fixture
def random() -> Callable[[int], bytes]:
    """Bytes that are other ones each time, and the same in each test."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture(scope="session")
def service_key() -> ServiceKey:
    """Signs what the service says."""
    return new_service_key()
