"""Registers on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.register.register import Register
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.lent_databases import LentPostgresql
from tests.factory.registers import Desk, store_in
from tests.factory.release_log import agencies_of


@pytest.fixture(scope="session")
def agencies(agency: DevAgency) -> AgencyChecker:
    return agencies_of(agency)


@pytest.fixture
def desk(agency_signer: MemorySigner) -> Desk:
    return Desk(agency_signer)


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty register to copy: making one takes longer."""
    path = tmp_path_factory.mktemp("empty") / "register.db"
    Register(path).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives places of empty registers by name, on the database that the test runs on."""
    made: dict[str, str] = {}
    with ExitStack() as held:

        def place(name: str = "register") -> str:
            if name not in made:
                if request.param == "sqlite":
                    made[name] = str(tmp_path / f"{name}.db")
                    shutil.copy(request.getfixturevalue("empty_sqlite"), made[name])
                else:
                    lent: LentPostgresql = request.getfixturevalue("lent_postgresql")
                    made[name] = held.enter_context(lent.place())
            return made[name]

        yield place


@pytest.fixture
def opened(
    places: Callable[[str], str], agencies: AgencyChecker
) -> Iterator[Callable[..., Register]]:
    """Opens registers, and closes them in the end."""
    with ExitStack() as stack:

        def get(name: str = "register", **options: object) -> Register:
            options.setdefault("agencies", agencies)
            return stack.enter_context(Register(places(name), **options))  # type: ignore[arg-type]

        yield get


@pytest.fixture
def register(opened: Callable[..., Register]) -> Register:
    """An empty one."""
    return opened()


@pytest.fixture(scope="session")
def store(signed_jpeg: bytes) -> tuple[str, bytes]:
    """A manifest store of the agency: label and bytes."""
    return store_in(signed_jpeg)


@pytest.fixture(scope="session")
def other_store(signed_png: bytes) -> tuple[str, bytes]:
    """Another."""
    return store_in(signed_png)
