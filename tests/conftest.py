"""What every test may use: the sample agency, files it signed, and no network."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, pki
from tests.factory.lent_databases import LentPostgresql, LentSqlite
from tests.factory.registers import postgresql_server
from tests.factory.sign import sign
from tests.factory.tsa import TimeStampAuthority, running_authority

_TESTS = Path(__file__).parent

# How long an example takes says how busy the machine is; speed is measured elsewhere.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# What takes longest begins first: no worker is left alone with it in the end.
_LONGEST_FIRST = ("integration", "browser", "fuzz", "property")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests; files stay whole, and keep the order of theirs."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(_TESTS).parts[0]
        return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine.

    Python's sockets only: native code (the engine among it) opens its own, out of reach
    from here. Its settings are what keeps it offline, and they have tests of their own.
    """
    patch = pytest.MonkeyPatch()
    for method in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method)))
    patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no setting or stored list of whoever runs the tests have a say in them."""
    patch = pytest.MonkeyPatch()
    for variable in os.environ:
        if variable.startswith("PROVENANCE_"):
            patch.delenv(variable)
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        patch.setenv(variable, str(tmp_path_factory.mktemp(variable)))
    yield
    patch.undo()


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_unless_loopback(address[0])
        return original(self, *arguments)

    return call


def _guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(host: str | bytes | None, *arguments: Any, **options: Any) -> Any:
        if host is not None:
            _refuse_unless_loopback(host.decode() if isinstance(host, bytes) else host)
        return original(host, *arguments, **options)

    return call


def _refuse_unless_loopback(host: str) -> None:
    try:
        allowed = ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = host == "localhost"
    if not allowed:
        raise AssertionError(f"a test tried to reach {host!r}; tests stay on this machine")


@pytest.fixture(scope="session")
def agency() -> DevAgency:
    """Aurora Entertainment, 오로라 엔터테인먼트, with the group NOVA9."""
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=pki.NOT_BEFORE,
        # The engine judges by the machine's clock, so the certificates last.
        validity_days=19 * 365,
        authority_validity_days=20 * 365,
    )


@pytest.fixture(scope="session")
def agency_signer(agency: DevAgency) -> MemorySigner:
    """Signs as the sample agency."""
    return agency.signer()


@pytest.fixture(scope="session")
def signed(agency_signer: MemorySigner) -> Callable[..., bytes]:
    """A sample signed by the agency, by name and seed; each is signed once."""
    made: dict[tuple[str, int], bytes] = {}

    def get(kind: str, seed: int = 1) -> bytes:
        if (kind, seed) not in made:
            asset = media.make(kind, seed)
            made[kind, seed] = sign(asset, media.MEDIA_TYPES[kind], signer=agency_signer)
        return made[kind, seed]

    return get


@pytest.fixture(scope="session")
def signed_jpeg(signed: Callable[..., bytes]) -> bytes:
    return signed("jpeg")


@pytest.fixture(scope="session")
def signed_png(signed: Callable[..., bytes]) -> bytes:
    return signed("png")


@pytest.fixture(scope="session")
def signed_mp4(signed: Callable[..., bytes]) -> bytes:
    return signed("mp4")


@pytest.fixture(scope="session")
def signed_wav(signed: Callable[..., bytes]) -> bytes:
    return signed("wav")


@pytest.fixture(scope="session")
def signed_mp3(signed: Callable[..., bytes]) -> bytes:
    return signed("mp3")


@pytest.fixture(scope="session")
def signed_heic(signed: Callable[..., bytes]) -> bytes:
    return signed("heic")


@pytest.fixture(scope="session")
def signed_pdf(signed: Callable[..., bytes]) -> bytes:
    return signed("pdf")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The one PostgreSQL of this run, by its URL; each test makes databases of its own."""
    # Not below the folder of pytest: root's server runs as somebody else, and another run of
    # pytest closes that folder to everybody else.
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Where the server's package keeps its locks.
        patch.setenv("XDG_RUNTIME_DIR", folder)
        with postgresql_server(Path(folder)) as url:
            yield url


@pytest.fixture(scope="session")
def lent_postgresql(postgresql: str) -> Iterator[LentPostgresql]:
    """Lends empty databases of that server."""
    with closing(LentPostgresql(postgresql)) as lent:
        yield lent


@pytest.fixture(scope="session")
def lent_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LentSqlite]:
    """Lends an empty database in a file."""
    with closing(LentSqlite(tmp_path_factory.mktemp("lent"))) as lent:
        yield lent


@pytest.fixture(scope="session")
def running_tsa() -> Iterator[TimeStampAuthority]:
    """The one authority of this run; tests take `tsa_server`."""
    with running_authority() as authority:
        yield authority


@pytest.fixture
def tsa_server(running_tsa: TimeStampAuthority) -> TimeStampAuthority:
    """An honest time-stamp authority on loopback, which the test may spoil."""
    running_tsa.reset()
    return running_tsa
