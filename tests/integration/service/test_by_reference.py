"""Files that a query names by where they are: fetched over TLS, bounded, and not kept."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from provenance.records.scopes import Scope
from provenance.signing.memory_signer import MemorySigner
from tests.factory.service import RunningService, running_service
from tests.factory.website import Website, running_website
from tests.integration.service.test_bindings import other_iscc, put_in
from tests.integration.service.test_verify import problem

_PATH = "/v1/matches/byReference"


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A service that may fetch from one place, and that place."""

    service: RunningService
    website: Website

    def ask(self, url: str, length: int, *scopes: Scope, most: int = 10) -> httpx2.Response:
        token = self.service.key(Scope.FETCH_MANIFESTS, *scopes)
        body = {"referenceUrl": url, "assetLength": length, "assetType": "image/jpeg"}
        with self.service.client(token) as client:
            return client.post(_PATH, json=body, params={"maxResults": most})


@pytest.fixture(scope="module")
def house(directory_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Its operator switched references on, and listed the website."""
    folder = tmp_path_factory.mktemp("by-reference")
    certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_website(context) as website, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        with running_service(
            folder / "home",
            directory=directory_file,
            network_allow=website.origin.partition("://")[2],
            service_by_reference="1",
            service_max_upload_bytes="1000000",
        ) as service:
            yield House(service=service, website=website)


def test_a_file_is_found_where_it_is(
    house: House, signed: Callable[..., bytes], agency_signer: MemorySigner
) -> None:
    data = signed("jpeg", 22)
    label = put_in(house.service, agency_signer, "referenced", data, other_iscc(22))
    url = house.website.put("/a.jpg", data, "image/jpeg")
    answer = house.ask(url, len(data), Scope.VERIFY_REFERENCE)
    assert [match["manifestId"] for match in answer.json()["matches"]] == [label]
    assert answer.json()["matches"][0]["similarityScore"] == 100
    assert list(house.service.uploads.iterdir()) == []
    with house.service.client() as client:
        told = client.get("/v1/services/capabilities").json()["supportedCapabilities"]
    assert "queryByReference" in told


def test_no_more_is_read_than_was_told(house: House, signed: Callable[..., bytes]) -> None:
    data = signed("jpeg", 22)
    url = house.website.put("/a.jpg", data, "image/jpeg")
    answer = house.ask(url, len(data) - 1, Scope.VERIFY_REFERENCE)
    assert (answer.status_code, problem(answer)) == (413, "too-large")
    assert list(house.service.uploads.iterdir()) == []


def test_nothing_is_fetched_for_a_key_without_the_scope(
    house: House, signed: Callable[..., bytes]
) -> None:
    url = house.website.put("/a.jpg", signed("jpeg", 22), "image/jpeg")
    answer = house.ask(url, 100_000)
    assert (answer.status_code, problem(answer)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("url", "status", "slug"),
    [
        ("https://127.0.0.1:1/a.jpg", 502, "unfetchable"),
        ("https://10.0.0.1/a.jpg", 502, "unfetchable"),
        ("http://localhost/a.jpg", 422, "invalid"),
        ("https://user@localhost/a.jpg", 502, "unfetchable"),
    ],
)
def test_addresses_that_are_not_asked(house: House, url: str, status: int, slug: str) -> None:
    answer = house.ask(url, 10, Scope.VERIFY_REFERENCE)
    assert (answer.status_code, problem(answer)) == (status, slug)


def test_what_is_not_there(house: House) -> None:
    answer = house.ask(f"{house.website.origin}/none.jpg", 10, Scope.VERIFY_REFERENCE)
    assert (answer.status_code, problem(answer)) == (502, "unfetchable")
