"""Running services: one on SQLite and one on PostgreSQL, shared by all tests of a session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from provenance.records.scopes import Scope
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media
from tests.factory.registers import new_database as make_database
from tests.factory.service import RunningService, running_service
from tests.factory.sign import sidecar

STRICT = """\
schema_version: "1"
name: test-strict
version: "2026-11"
test: true
passes: [official]
keep_uploads: true
report_days: 7
texts:
  ko:
    official: "{agency}의 공식 게시물입니다"
    unverified: "확인되지 않았습니다. 진위를 뜻하지 않습니다"
"""


@pytest.fixture(scope="session")
def directory_file(agency: DevAgency, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample agency's directory."""
    path = tmp_path_factory.mktemp("directory") / "directory.json"
    path.write_text(json.dumps(agency.directory_entry()), "utf-8")
    return path


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one policy that keeps uploads."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "strict.yaml").write_text(STRICT, "utf-8")
    return folder


@pytest.fixture(scope="session")
def new_database(postgresql: str) -> Callable[[str], str]:
    """Makes an empty database of this name; its URL."""
    return lambda name: make_database(postgresql, name)


@pytest.fixture(scope="session")
def on_sqlite(
    directory_file: Path, policies: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service with SQLite inside."""
    home = tmp_path_factory.mktemp("sqlite")
    with running_service(
        home,
        directory=directory_file,
        service_policies=str(policies),
        service_max_upload_bytes=str(8 * 1024**2),
        service_idle_s="2",
        service_cors_origins="https://page.example",
        # Each test of complaints comes from an address of its own.
        service_trusted_proxies="127.0.0.1",
    ) as service:
        yield service


@pytest.fixture(scope="session")
def on_postgresql(
    directory_file: Path,
    policies: Path,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningService]:
    """A service behind PostgreSQL."""
    home = tmp_path_factory.mktemp("postgresql-service")
    with running_service(
        home,
        directory=directory_file,
        register=new_database("service"),
        service_policies=str(policies),
        service_max_upload_bytes=str(8 * 1024**2),
        service_idle_s="2",
        service_cors_origins="https://page.example",
        # Each test of complaints comes from an address of its own.
        service_trusted_proxies="127.0.0.1",
    ) as service:
        yield service


@pytest.fixture(scope="session")
def poor(
    directory_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that lets nobody ask often, on a disk without room, behind a proxy."""
    with running_service(
        tmp_path_factory.mktemp("poor"),
        directory=directory_file,
        service_rate_per_address="3/minute",
        service_rate_per_key="5/minute",
        service_min_free_bytes=str(2**60),
        service_trusted_proxies="127.0.0.1",
    ) as service:
        yield service


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> RunningService:
    """A running service, on each of the databases."""
    running: RunningService = request.getfixturevalue(f"on_{request.param}")
    return running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx2.Client]:
    """Somebody without a key."""
    with service.client() as client:
        yield client


@pytest.fixture
def token(service: RunningService) -> str:
    """A key for verifying and for jobs."""
    return service.key(Scope.VERIFY, Scope.JOBS)


@pytest.fixture
def platform(service: RunningService, token: str) -> Iterator[httpx2.Client]:
    """A platform with a key."""
    with service.client(token) as client:
        yield client


@pytest.fixture(scope="session")
def unsigned_jpeg() -> bytes:
    """A picture without credentials."""
    return media.make("jpeg", 77)


@pytest.fixture(scope="session")
def sidecar_pair(agency_signer: MemorySigner) -> tuple[bytes, bytes]:
    """A picture, and its credentials beside it."""
    picture = media.make("png", 5)
    return picture, sidecar(picture, "image/png", signer=agency_signer)
