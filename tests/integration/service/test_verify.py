"""Verifying over HTTP: what goes in, what comes out, and who may read it again."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import jsonschema
import pytest

from provenance.records.scopes import Scope
from provenance.report import Report
from provenance.verdict import Verdict
from tests.factory.service import RunningService

SCHEMAS = Path(__file__).parents[3] / "schemas"
ID = re.compile(r"[A-Za-z0-9_-]{22}")


def problem(answer: httpx2.Response) -> str:
    """The stable name of a problem, which is told as one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["request"] == answer.headers["x-request-id"]
    return str(document["type"]).rpartition("/")[2]


def test_a_raw_upload_gets_the_report_of_the_command_line(
    client: httpx2.Client, signed_jpeg: bytes
) -> None:
    answer = client.put("/v1/verify", content=signed_jpeg, params={"name": "teaser.jpg"})
    assert answer.status_code == 200
    report = Report.model_validate_json(answer.content)
    assert report.verdict is Verdict.OFFICIAL
    assert report.test
    assert report.asset.name == "teaser.jpg"
    assert report.asset.sha256 == hashlib.sha256(signed_jpeg).hexdigest()
    schema = json.loads((SCHEMAS / "report.schema.json").read_text("utf-8"))
    jsonschema.validate(answer.json(), schema)
    location = answer.headers["location"]
    assert ID.fullmatch(location.removeprefix("/v1/reports/"))
    again = client.get(location)
    assert again.status_code == 200
    assert again.content == answer.content
    assert "provenance-stale" not in again.headers


def test_a_verdict_is_200_whatever_it_is(
    client: httpx2.Client, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    altered = bytearray(signed_jpeg)
    altered[-100] ^= 0xFF
    for data, verdict in ((unsigned_jpeg, "unverified"), (bytes(altered), "altered")):
        answer = client.put("/v1/verify", content=data)
        assert answer.status_code == 200
        assert answer.json()["verdict"] == verdict


def test_a_browsers_form_and_a_sidecar(
    client: httpx2.Client, sidecar_pair: tuple[bytes, bytes]
) -> None:
    picture, sidecar = sidecar_pair
    alone = client.post("/v1/verify", files={"file": ("still.png", picture, "image/png")})
    assert alone.status_code == 200
    assert alone.json()["verdict"] == "unverified"
    assert alone.json()["asset"]["name"] == "still.png"
    both = client.post(
        "/v1/verify",
        files={
            "file": ("still.png", picture, "image/png"),
            "sidecar": ("still.c2pa", sidecar, "application/c2pa"),
        },
        data={"name": "공식.png"},
    )
    assert both.status_code == 200
    assert both.json()["verdict"] == "official"
    assert both.json()["integrity"]["credentials_from"] == "sidecar"
    assert both.json()["asset"]["name"] == "공식.png"


def test_the_upload_is_deleted_and_nothing_else_is_kept(
    service: RunningService, client: httpx2.Client, signed_jpeg: bytes
) -> None:
    kept = set(service.uploads.iterdir())
    assert client.put("/v1/verify", content=signed_jpeg).status_code == 200
    assert set(service.uploads.iterdir()) == kept


def test_a_policy_keeps_the_bytes_and_is_named_in_the_report(
    service: RunningService, platform: httpx2.Client, unsigned_jpeg: bytes
) -> None:
    kept = set(service.uploads.iterdir())
    answer = platform.put("/v1/verify", content=unsigned_jpeg, params={"policy": "test-strict"})
    assert answer.json()["context"]["policy"] == {"name": "test-strict", "version": "2026-11"}
    (new,) = set(service.uploads.iterdir()) - kept
    assert new.read_bytes() == unsigned_jpeg
    assert new.stat().st_mode & 0o077 == 0
    standing = platform.get(f"{answer.headers['location']}/standing").json()
    assert not standing["stale"]
    assert platform.delete(answer.headers["location"]).status_code == 204
    assert set(service.uploads.iterdir()) == kept
    assert problem(platform.get(answer.headers["location"])) == "not-found"


def test_only_the_key_that_uploaded_finds_by_digest(
    service: RunningService, platform: httpx2.Client, signed_png: bytes
) -> None:
    digest = hashlib.sha256(signed_png).hexdigest()
    location = platform.put("/v1/verify", content=signed_png).headers["location"]
    (found,) = platform.get("/v1/reports", params={"sha256": digest}).json()["reports"]
    assert found["url"] == f"{service.url}{location}"
    with service.client(service.key(Scope.VERIFY)) as other:
        assert other.get("/v1/reports", params={"sha256": digest}).json() == {"reports": []}
        # The other one does not learn that there is one to delete, either.
        assert problem(other.delete(location)) == "not-found"
    with service.client() as nobody:
        answer = nobody.get("/v1/reports", params={"sha256": digest})
        assert answer.status_code == 401
        assert problem(answer) == "unauthorised"


def test_the_same_key_and_request_get_the_same_report_once(
    platform: httpx2.Client, signed_jpeg: bytes, signed_png: bytes
) -> None:
    headers = {"Idempotency-Key": "upload-0001"}
    first = platform.put("/v1/verify", content=signed_jpeg, headers=headers)
    second = platform.put("/v1/verify", content=signed_jpeg, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.headers["location"] == second.headers["location"]
    assert first.content == second.content
    other = platform.put("/v1/verify", content=signed_png, headers=headers)
    assert other.status_code == 422
    assert problem(other) == "key-reused"
    digest = hashlib.sha256(signed_jpeg).hexdigest()
    found = platform.get("/v1/reports", params={"sha256": digest}).json()["reports"]
    assert len(found) == 1


def test_an_idempotency_key_needs_a_key(client: httpx2.Client, signed_jpeg: bytes) -> None:
    answer = client.put(
        "/v1/verify", content=signed_jpeg, headers={"Idempotency-Key": "upload-0001"}
    )
    assert answer.status_code == 400
    assert problem(answer) == "bad-request"


def test_what_to_show_beside_an_upload(
    client: httpx2.Client, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    schema = json.loads((SCHEMAS / "disclosure.schema.json").read_text("utf-8"))
    signed = client.put(
        "/v1/disclosures",
        content=signed_jpeg,
        params={"policy": "test-strict"},
        headers={"Accept-Language": "fr;q=0.9, ko-KR, en;q=0.5"},
    )
    assert signed.status_code == 200
    document = signed.json()
    jsonschema.validate(document, schema)
    assert document["verdict"] == "official"
    # Of a test it is said in every language.
    assert document["text"] == "TEST. 오로라 엔터테인먼트의 공식 게시물입니다"
    assert signed.headers["content-language"] == document["language"] == "ko"
    assert document["policy"] == {"name": "test-strict", "version": "2026-11", "passes": True}
    assert document["provenance_data_available"] is True
    assert document["digital_signature_available"] is True
    assert document["system_or_device"]["name"]
    report = client.get(document["report"]["url"])
    assert report.json()["verdict"] == "official"
    assert client.get(signed.headers["location"]).json()["report"] == document["report"]
    bare = client.post("/v1/disclosures", files={"file": unsigned_jpeg}).json()
    jsonschema.validate(bare, schema)
    assert bare["provenance_data_available"] is False
    assert bare["digital_signature_available"] is False
    assert bare["system_or_device"] is None
    assert bare["policy"]["passes"] is False
    assert bare["language"] == "en"


def test_policies_are_listed(client: httpx2.Client) -> None:
    policies = client.get("/v1/policies").json()["policies"]
    assert {(p["name"], p["default"]) for p in policies} == {
        ("default", True),
        ("test-strict", False),
    }


def test_test_mode_cannot_be_overlooked(client: httpx2.Client, signed_jpeg: bytes) -> None:
    for answer in (client.get("/"), client.get("/healthz"), client.get("/nothing-here")):
        assert answer.headers["provenance-test"] == "true"
    assert client.get("/").text.startswith("TEST.")
    assert client.get("/readyz").json()["test"] is True
    assert client.put("/v1/verify", content=signed_jpeg).json()["summary"].startswith("TEST.")


def test_by_reference_is_off(platform: httpx2.Client) -> None:
    answer = platform.post("/v1/verify", json={"url": "https://files.example/a.jpg"})
    assert answer.status_code == 403
    assert problem(answer) == "switched-off"


@pytest.mark.parametrize("kind", ["mp4", "wav", "pdf"])
def test_other_kinds_of_media(
    client: httpx2.Client, signed: Callable[..., bytes], kind: str
) -> None:
    assert client.put("/v1/verify", content=signed(kind)).json()["verdict"] == "official"


def test_headers_of_safety_and_one_log_line_about_nobody(
    service: RunningService, platform: httpx2.Client, signed_jpeg: bytes
) -> None:
    answer = platform.put(
        "/v1/verify",
        content=signed_jpeg,
        params={"name": "jane.jpg"},
        headers={"X-Request-Id": "my-request-1"},
    )
    assert answer.headers["x-request-id"] == "my-request-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    lines: list[dict[str, object]] = []
    for _ in range(100):
        # It is written after the answer.
        lines = [entry for entry in service.log if entry.get("request") == "my-request-1"]
        if lines:
            break
        time.sleep(0.05)
    (line,) = lines
    assert line["route"] == "/v1/verify"
    assert line["status"] == 200
    assert line["bytes_in"] == len(signed_jpeg)
    text = "\n".join(service.lines)
    assert "jane" not in text
    assert "127.0.0.1" not in text.replace('"host": "127.0.0.1"', "")
    assert answer.headers["location"].rpartition("/")[2] not in text


def test_cors_is_for_the_origins_that_were_named(client: httpx2.Client) -> None:
    ask = {"Access-Control-Request-Method": "PUT", "Origin": "https://page.example"}
    allowed = client.options("/v1/verify", headers=ask)
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    other = client.options("/v1/verify", headers={**ask, "Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/r/%00", "/r/none", "/decisions/%00", "/decisions/none"])
def test_what_can_be_no_name_leads_nowhere(client: httpx2.Client, path: str) -> None:
    """Not every text can be looked for in every database."""
    assert client.get(path).status_code == 404
    assert client.post(path, data={"appeal": "No."}).status_code in {404, 405}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/verify", {"POST", "PUT"}),
        ("PATCH", "/v1/disclosures", {"POST", "PUT"}),
        ("POST", f"/v1/reports/{'A' * 22}", {"GET", "HEAD", "DELETE"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("HEAD", "/v1/jobs", {"POST"}),
    ],
)
def test_what_can_be_done_instead_is_told(
    client: httpx2.Client, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert method == "HEAD" or problem(answer) == "method-not-allowed"
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/healthz", "/", "/learn", "/v1/policies", "/r/none"])
def test_the_head_of_every_answer_can_be_asked_for(client: httpx2.Client, path: str) -> None:
    """As monitors and whoever looks after links do."""
    head, whole = client.head(path), client.get(path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
    # Another request on the same connection is answered.
    assert client.get("/healthz").json() == {"status": "ok"}
