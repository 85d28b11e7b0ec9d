"""The Soft Binding Resolution API on the register's store, and what an embargo hides."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from provenance.fingerprints.media import fingerprint_media
from provenance.fingerprints.model import MediaFingerprint
from provenance.media.decoding.encoding import encode_picture, scaled_down
from provenance.media.formats import FORMATS
from provenance.records.scopes import Scope
from provenance.registry.log.statement import ReleaseFile
from provenance.registry.register.records import FileFacts
from provenance.registry.register.register import Register
from provenance.registry.register.stating import StatedFile
from provenance.runtime.clock import system_clock
from provenance.signing.memory_signer import MemorySigner
from tests.factory.registers import AGENCY, ISCC, Desk, store_in
from tests.factory.scenes import photo
from tests.factory.service import RunningService, running_service
from tests.factory.sign import sign
from tests.integration.service.test_verify import problem

VALUE = base64.b64encode(ISCC.encode()).decode()


def other_iscc(last: int) -> str:
    data = bytearray(base64.b32decode(ISCC.removeprefix("ISCC:") + "=" * (-len(ISCC[5:]) % 8)))
    data[-1] = last
    return "ISCC:" + base64.b32encode(bytes(data)).decode().rstrip("=")


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def whole_second() -> datetime:
    return system_clock().replace(microsecond=0)


def put_in(
    service: RunningService,
    signer: MemorySigner,
    name: str,
    signed: bytes,
    iscc: str,
    *,
    days: int | None = None,
    fingerprint: MediaFingerprint | None = None,
) -> str:
    """Register a signed file, under embargo for so many days: the label of its manifest."""
    label, store = store_in(signed)
    digest = hashlib.sha256(signed).hexdigest()
    file = ReleaseFile(
        sha256=digest,
        media_type="image/jpeg",
        manifest_sha256=hashlib.sha256(store).hexdigest(),
        active_manifest=label,
        iscc=iscc,
    )
    facts = FileFacts(
        sha256=digest, manifest=store, title={"en": name}, channels=(), fingerprint=fingerprint
    )
    until = None if days is None else whole_second() + timedelta(days=days)
    changes = Desk(signer).release(name, StatedFile(file=file, facts=facts), embargo_until=until)
    with Register(service.settings.get("PROVENANCE_REGISTER", service.home / "register.db")) as r:
        r.take(changes, at=system_clock())
    return label


def everything(client: httpx2.Client, label: str, value: str, data: bytes) -> list[object]:
    """What every route that reads the register answers about this file."""
    query = {"alg": "io.iscc.v0", "value": value}
    image = {"Content-Type": "image/jpeg"}
    hint = {"hintAlg": "io.iscc.v0", "hintValue": value}
    return [
        client.get("/v1/matches/byBinding", params=query).json(),
        client.post("/v1/matches/byBinding", json=query).json(),
        client.post("/v1/matches/byContent", content=data, headers=image).json(),
        client.post("/v1/matches/byContent", content=b"x", headers=image, params=hint).json(),
        client.get(f"/v1/manifests/{label}").status_code,
    ]


@pytest.mark.parametrize("days", [None, 3], ids=["published", "embargo"])
def test_a_copy_leads_to_the_manifest_of_the_picture_that_it_looks_like(
    service: RunningService, client: httpx2.Client, agency_signer: MemorySigner, days: int | None
) -> None:
    picture = photo(410 if days is None else 411)
    signed = sign(encode_picture(picture, "jpeg"), "image/jpeg", signer=agency_signer)
    made = fingerprint_media(io.BytesIO(signed), FORMATS["jpeg"])
    assert made.iscc is not None
    name = f"alike-{days}"
    label = put_in(service, agency_signer, name, signed, made.iscc, days=days, fingerprint=made)
    copy = encode_picture(scaled_down(picture, 600), "jpeg", quality=60)
    stranger = encode_picture(photo(510), "jpeg")
    image = {"Content-Type": "image/jpeg"}

    def matches(data: bytes) -> list[dict[str, object]]:
        answer = client.post("/v1/matches/byContent", content=data, headers=image)
        found: list[dict[str, object]] = answer.json()["matches"]
        return found

    if days is not None:
        assert matches(copy) == []
        return
    (match,) = matches(copy)
    assert match["manifestId"] == label
    assert 75 <= int(str(match["similarityScore"])) < 100
    assert matches(stranger) == []
    assert list((service.home / "uploads").glob("*")) == []


def test_a_registered_manifest_is_found(
    service: RunningService,
    client: httpx2.Client,
    agency_signer: MemorySigner,
    signed: Callable[..., bytes],
) -> None:
    data, iscc = signed("jpeg", 21), other_iscc(21)
    label = put_in(service, agency_signer, "found", data, iscc)
    match = {
        "manifestId": label,
        "endpoint": f"{service.url}/v1",
        "similarityScore": 100,
    }
    *results, status = everything(client, label, in_base64(iscc), data)
    assert results == [{"matches": [match]}] * 4
    assert status == 200
    manifest = client.get(f"/v1/manifests/{label}")
    assert manifest.headers["content-type"] == "application/c2pa"
    assert manifest.content == store_in(data)[1]
    nothing = {"alg": "io.iscc.v0", "value": in_base64(other_iscc(99))}
    assert client.get("/v1/matches/byBinding", params=nothing).json() == {"matches": []}


def test_what_is_under_embargo_is_unknown_to_all_but_its_agency(
    service: RunningService,
    client: httpx2.Client,
    platform: httpx2.Client,
    agency_signer: MemorySigner,
    signed: Callable[..., bytes],
) -> None:
    data, iscc = signed("jpeg", 22), other_iscc(22)
    seen = client.put("/v1/verify", content=data)
    label = put_in(service, agency_signer, "secret", data, iscc, days=30)
    unknown = [*[{"matches": []}] * 4, 404]
    scopes = (Scope.FETCH_MANIFESTS, Scope.STORE_MANIFESTS, Scope.STORE_BINDINGS)
    with (
        service.client(service.key(*scopes, agency=AGENCY)) as own,
        service.client(service.key(*scopes, agency="someone-else")) as other,
    ):
        assert everything(own, label, in_base64(iscc), data)[-1] == 200
        for stranger in (client, other):
            assert everything(stranger, label, in_base64(iscc), data) == unknown
        binding = {"bindingValue": in_base64(other_iscc(23)), "manifestId": label}
        assert other.post("/v1/bindings", json=binding).status_code == 404
        assert other.delete(f"/v1/manifests/{label}").status_code == 404
    # Nor does a report that was made before tell that something has been registered.
    location = seen.headers["location"]
    assert "provenance-stale" not in client.get(location).headers
    assert client.get(f"{location}/standing").json()["stale_because"] == []
    again = platform.put("/v1/verify", content=data)
    assert again.json()["release"]["state"] == "unknown"
    assert "secret" not in again.text


def test_a_withdrawn_release_makes_reports_stale(
    service: RunningService,
    client: httpx2.Client,
    agency_signer: MemorySigner,
    signed: Callable[..., bytes],
) -> None:
    data = signed("jpeg", 24)
    put_in(service, agency_signer, "to-be-withdrawn", data, other_iscc(24))
    location = client.put("/v1/verify", content=data).headers["location"]
    assert "provenance-stale" not in client.get(location).headers
    desk = Desk(agency_signer, at=whole_second() - timedelta(minutes=2))
    with Register(service.settings.get("PROVENANCE_REGISTER", service.home / "register.db")) as r:
        r.take([desk.withdraw("to-be-withdrawn")], at=system_clock())
    standing = client.get(f"{location}/standing").json()
    assert standing["stale_because"] == ["releases"]
    assert client.get(location).headers["provenance-stale"] == "releases"


def test_an_agency_stores_binds_and_deletes(
    service: RunningService, client: httpx2.Client, signed: Callable[..., bytes]
) -> None:
    label, store = store_in(signed("png", 31))
    later, second = store_in(signed("png", 32))
    scopes = (Scope.STORE_MANIFESTS, Scope.STORE_BINDINGS)
    value, body = in_base64(other_iscc(31)), {"Content-Type": "application/c2pa"}
    with service.client(service.key(*scopes, agency=AGENCY)) as own:
        for one, data in ((label, store), (later, second)):
            stored = own.post("/v1/manifests", content=data, headers=body)
            assert stored.json() == {"manifestId": one}
        binding = {"bindingValue": value, "manifestId": label}
        assert own.post("/v1/bindings", json=binding).status_code == 204
        query = {"alg": "io.iscc.v0", "value": value}
        (match,) = client.post("/v1/matches/byBinding", json=query).json()["matches"]
        assert match["manifestId"] == label
        assert own.put("/v1/bindings", json={**binding, "manifestId": later}).status_code == 204
        (match,) = client.post("/v1/matches/byBinding", json=query).json()["matches"]
        assert match["manifestId"] == later
        with service.client(service.key(*scopes, agency="someone-else")) as other:
            assert other.delete(f"/v1/manifests/{later}").status_code == 404
        assert own.delete(f"/v1/manifests/{later}").status_code == 204
        assert client.post("/v1/matches/byBinding", json=query).json() == {"matches": []}
        assert client.get(f"/v1/manifests/{later}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/manifests", None),
        ("DELETE", "/v1/manifests/urn:c2pa:x", None),
        ("POST", "/v1/bindings", {"bindingValue": VALUE, "manifestId": "urn:c2pa:x"}),
        ("PUT", "/v1/bindings", {"bindingValue": VALUE, "manifestId": "urn:c2pa:x"}),
    ],
)
def test_who_may_write(
    service: RunningService,
    client: httpx2.Client,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    assert client.request(method, path, json=body).status_code == 401
    reads = service.key(Scope.FETCH_MANIFESTS, agency=AGENCY)
    nobodys = service.key(Scope.STORE_MANIFESTS, Scope.STORE_BINDINGS)
    headers = {"Content-Type": "application/c2pa"} if body is None else {}
    for token in (reads, nobodys):
        with service.client(token) as one:
            answer = one.request(method, path, json=body, headers=headers)
            assert answer.status_code == 403
            assert problem(answer) == "forbidden"


def test_what_the_standard_lets_nobody_be_asked_for(client: httpx2.Client) -> None:
    found = client.get("/.well-known/c2pa-soft-binding-resolution").json()
    assert found["c2paSpecificationVersion"] == "2.4.0"
    assert found["apiEndpoint"].endswith("/v1")
    capabilities = client.get(found["capabilitiesEndpoint"]).json()
    assert capabilities["c2paSpecificationVersion"] == "2.4.0"
    assert "storeBindings" in capabilities["supportedCapabilities"]
    assert "queryByReference" not in capabilities["supportedCapabilities"]
    assert client.get(found["statusEndpoint"]).json()["status"] == "ok"
    algorithms = client.get("/v1/services/supportedAlgorithms").json()
    assert algorithms == {"watermarks": [], "fingerprints": [{"alg": "io.iscc.v0"}]}


def test_bad_questions(client: httpx2.Client) -> None:
    def by_binding(**query: str | int) -> httpx2.Response:
        return client.get("/v1/matches/byBinding", params={"alg": "io.iscc.v0", **query})

    assert by_binding(value="!").status_code == 400
    assert by_binding(value=in_base64("ISCC:NONSENSE")).status_code == 400
    assert by_binding(value=VALUE, maxResults=0).status_code == 422
    assert by_binding(value="A" * 3000).status_code == 414
    text = client.post("/v1/matches/byContent", content=b"x", headers={"Content-Type": "x/y"})
    assert problem(text) == "unsupported-body"
    reference = {"referenceUrl": "https://files.example/a.jpg", "assetLength": 10}
    assert problem(client.post("/v1/matches/byReference", json=reference)) == "switched-off"
    assert client.get("/v1/manifests/urn:c2pa:none/receipts").status_code == 404


def test_no_manifest_store(service: RunningService) -> None:
    token = service.key(Scope.STORE_MANIFESTS, agency=AGENCY)
    with service.client(token) as own:
        body = {"Content-Type": "application/c2pa"}
        answer = own.post("/v1/manifests", content=b"no manifest", headers=body)
    assert answer.status_code == 400
    assert problem(answer) == "bad-request"


@pytest.mark.parametrize("name", ["default", "test-strict"])
def test_the_default_policy_may_have_any_name(
    name: str,
    *,
    directory_file: Path,
    policies: Path,
    agency_signer: MemorySigner,
    signed: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    data = signed("jpeg", 23)
    with (
        running_service(
            tmp_path / "home",
            directory=directory_file,
            moderation=False,
            service_policies=str(policies),
            service_default_policy=name,
        ) as service,
        service.client() as client,
    ):
        label = put_in(service, agency_signer, "any-name", data, other_iscc(23))
        image = {"Content-Type": "image/jpeg"}
        answer = client.post("/v1/matches/byContent", content=data, headers=image)
    assert answer.status_code == 200
    assert [match["manifestId"] for match in answer.json()["matches"]] == [label]
