"""Who may do what: keys, scopes, rotation, revocation, access tokens, rate limits."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from provenance.records.scopes import Scope
from provenance.runtime.clock import system_clock
from tests.factory.service import RunningService, running_service
from tests.integration.service.test_verify import problem

DIGEST = {"sha256": "0" * 64}


def status(service: RunningService, token: str | None, path: str = "/v1/reports") -> int:
    with service.client(token) as client:
        return client.get(path, params=DIGEST if path == "/v1/reports" else None).status_code


def test_a_key_without_the_scope(service: RunningService) -> None:
    token = service.key(Scope.METRICS)
    with service.client(token) as client:
        answer = client.get("/v1/reports", params=DIGEST)
        assert answer.status_code == 403
        assert problem(answer) == "forbidden"
        assert client.put("/v1/verify", content=b"x").status_code == 403
        assert client.post("/v1/jobs", json={}).status_code == 403
        assert client.get("/metrics").status_code == 200
    assert status(service, service.key(Scope.VERIFY)) == 200
    assert status(service, service.key(Scope.VERIFY), "/metrics") == 403
    assert status(service, None, "/metrics") == 401


@pytest.mark.parametrize(
    "token",
    [
        "pv_test_0123456789abcdef_" + "A" * 43,
        "pvt_" + "A" * 43,
        "nonsense",
        "x" * 5000,
        "\u00e9",
    ],
)
def test_an_unknown_key(service: RunningService, token: str) -> None:
    with service.client() as client:
        header = (b"Authorization", f"Bearer {token}".encode())
        answer = client.get("/v1/reports", params=DIGEST, headers=[header])
    assert answer.status_code == 401
    assert problem(answer) == "unauthorised"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_rotated_two_count_at_once_and_no_third(service: RunningService) -> None:
    keys, now = service.keys(), system_clock()
    made, first = keys.create(label="rotates", scopes=[Scope.VERIFY], now=now, test=True)
    second = keys.rotate(made.id, now=now, grace=timedelta(days=7))
    assert status(service, first) == status(service, second) == 200
    third = keys.rotate(made.id, now=now, grace=timedelta(days=7))
    assert [status(service, token) for token in (first, second, third)] == [401, 200, 200]
    fourth = keys.rotate(made.id, now=now, grace=timedelta())
    assert [status(service, token) for token in (second, third, fourth)] == [401, 401, 200]


def test_revoked_with_all_that_was_got_with_it(service: RunningService) -> None:
    keys = service.keys()
    made, token = keys.create(label="revoked", scopes=[Scope.VERIFY], now=system_clock(), test=True)
    with service.client() as client:
        granted = client.post(
            "/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(made.id, token),
        ).json()["access_token"]
    assert status(service, token) == status(service, granted) == 200
    keys.revoke(made.id, now=system_clock())
    assert status(service, token) == status(service, granted) == 401


def test_a_key_that_is_no_test_opens_no_test_service(service: RunningService) -> None:
    assert status(service, service.key(Scope.VERIFY, test=False)) == 401
    assert status(service, service.key(Scope.VERIFY, test=True)) == 200


def test_an_access_token_has_the_scopes_that_were_asked_for(service: RunningService) -> None:
    made, token = service.keys().create(
        label="oauth", scopes=[Scope.VERIFY, Scope.METRICS], now=system_clock(), test=True
    )
    form = {"grant_type": "client_credentials", "client_id": made.id, "client_secret": token}
    with service.client() as client:
        answer = client.post("/v1/oauth2/token", data={**form, "scope": "metrics"})
        assert answer.status_code == 200
        granted = answer.json()
        assert granted["token_type"] == "Bearer"
        assert granted["scope"] == "metrics"
        assert granted["expires_in"] == 3600
        assert status(service, granted["access_token"], "/metrics") == 200
        assert status(service, granted["access_token"]) == 403
        refused = {
            "invalid_scope": {**form, "scope": "jobs"},
            "unsupported_grant_type": {**form, "grant_type": "password"},
            "invalid_client": {**form, "client_secret": token[:-1] + "?"},
        }
        for error, wrong in refused.items():
            answer = client.post("/v1/oauth2/token", data=wrong)
            assert answer.json() == {"error": error}
            assert answer.status_code == (401 if error == "invalid_client" else 400)


def test_a_client_that_is_not_known_is_told_how_to_say_who_it_is(service: RunningService) -> None:
    """RFC 6749 §5.2: by the scheme that it used; RFC 7617 §2: which has a realm."""
    made, token = service.keys().create(
        label="challenged", scopes=[Scope.VERIFY], now=system_clock(), test=True
    )
    form = {"grant_type": "client_credentials"}
    with service.client() as client:
        refused = client.post("/v1/oauth2/token", data=form, auth=(made.id, "wrong"))
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="provenance"'
        granted = client.post("/v1/oauth2/token", data=form, auth=(made.id, token))
        assert granted.status_code == 200
        assert "www-authenticate" not in granted.headers


@pytest.mark.parametrize("trusted", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_proxy_that_comes_by_ipv4_to_a_socket_on_ipv6(
    directory_file: Path, tmp_path: Path, trusted: str
) -> None:
    """Linux tells it as `::ffff:127.0.0.1`: those behind it are still counted one by one."""
    with running_service(
        tmp_path,
        directory=directory_file,
        service_host="::",
        service_rate_per_address="1/minute",
        service_trusted_proxies=trusted,
    ) as service:
        service.url = f"http://127.0.0.1:{service.url.rpartition(':')[2]}"

        def ask(address: str) -> int:
            with service.client(headers={"X-Forwarded-For": address}) as client:
                return client.get("/v1/reports", params=DIGEST).status_code

        people = ["203.0.113.7", "203.0.113.8", "203.0.113.7"]
        assert [ask(address) for address in people] == [401, 401, 429]


def test_rates_are_limited_by_key_and_by_address(poor: RunningService) -> None:
    def ask(address: str, times: int, token: str | None = None) -> list[httpx2.Response]:
        # Behind a proxy that is trusted, the address is the one that it names.
        with poor.client(token, headers={"X-Forwarded-For": address}) as client:
            return [client.get("/v1/reports", params=DIGEST) for _ in range(times)]

    answers = ask("203.0.113.7", 4)
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert problem(answers[-1]) == "rate-limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 61
    assert [answer.status_code for answer in ask("203.0.113.8", 1)] == [401]
    # Of IPv6, one host has a whole network.
    assert [a.status_code for a in ask("2001:db8::1", 3)] == [401] * 3
    assert [a.status_code for a in ask("2001:db8::2", 1)] == [429]
    token = poor.key(Scope.VERIFY)
    answers = ask("203.0.113.7", 6, token)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    other = ask("203.0.113.7", 1, poor.key(Scope.VERIFY))
    assert [answer.status_code for answer in other] == [200]
    with poor.client(headers={"X-Forwarded-For": "203.0.113.7"}) as client:
        # Health is asked by machines that must get an answer.
        assert client.get("/healthz").status_code == 200


def test_metrics_name_no_file_and_no_report(
    service: RunningService, client: httpx2.Client, signed_jpeg: bytes
) -> None:
    location = client.put("/v1/verify", content=signed_jpeg).headers["location"]
    client.get(location)
    client.get("/v1/reports/not-an-id-at-all")
    client.get("/elsewhere/secret-name")
    with service.client(service.key(Scope.METRICS)) as machine:
        text = machine.get("/metrics").text
    assert 'route="/v1/reports/{id}"' in text
    assert 'provenance_worker_events_total{event="reports",policy="default"}' in text
    assert location.rpartition("/")[2] not in text
    assert "secret-name" not in text


def given(text: str, policy: str, verdict: str) -> float:
    """How often was this verdict given?"""
    found = re.search(
        rf'provenance_verdicts_total{{policy="{policy}",verdict="{verdict}"}} (\S+)', text
    )
    return 0.0 if found is None else float(found[1])


def test_metrics_count_the_verdicts_of_uploads_pages_and_jobs(
    service: RunningService, signed_jpeg: bytes, unsigned_jpeg: bytes
) -> None:
    token = service.key(Scope.METRICS, Scope.VERIFY, Scope.JOBS)
    with service.client(token) as client:

        def counted() -> tuple[float, float]:
            text = client.get("/metrics").text
            return given(text, "default", "official"), given(text, "default", "unverified")

        official, unverified = counted()
        client.put("/v1/verify", content=signed_jpeg)
        client.put("/check", content=signed_jpeg)
        client.put("/v1/verify", content=unsigned_jpeg)
        assert counted() == (official + 2, unverified + 1)
        url = client.post("/v1/jobs", json={}).headers["location"]
        client.put(f"{url}/files/a", content=signed_jpeg)
        for _ in range(100):
            if counted() == (official + 3, unverified + 1):
                break
            time.sleep(0.1)
        assert counted() == (official + 3, unverified + 1)
