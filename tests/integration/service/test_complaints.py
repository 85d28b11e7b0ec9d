"""Complaints through the API and by form: filed, followed, appealed, and nobody's but their own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest

from provenance.moderation.references import new_reference, shown_reference
from provenance.records.scopes import Scope
from tests.factory.registers import AGENCY
from tests.factory.service import RunningService

URL = "https://video.example/watch?v="
CONTACT = {
    "name": "Haneul-Kim-Secret",
    "email": "secret-fan@mail.example",
    "signature": "Signed-Secretly",
}
FORM = {
    "category": "impersonation",
    "explanation": "It poses as NOVA9.",
    "role": "anyone",
    "good_faith": "yes",
}
STRANGERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


def complaint(**changes: Any) -> dict[str, Any]:
    """A complaint about an address that nobody else complains of."""
    return {
        "category": "impersonation",
        "locators": [{"url": URL + secrets.token_hex(8)}],
        "explanation": "It poses as NOVA9.",
        "good_faith": True,
        **changes,
    }


def filed(client: httpx2.Client, **changes: Any) -> tuple[str, str]:
    answer = client.post("/v1/complaints", json=complaint(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()["ref"], answer.json()["pin"]


def asked(client: httpx2.Client, ref: str, pin: str) -> httpx2.Response:
    return client.get(f"/v1/complaints/{ref}", headers={"Complaint-Pin": pin})


def other_than(pin: str) -> str:
    return f"{(int(pin) + 1) % 10**8:08}"


@pytest.fixture
def trusted(service: RunningService) -> Iterator[httpx2.Client]:
    """A trusted flagger with a key."""
    with service.client(service.key(Scope.COMPLAINTS_TRUSTED)) as client:
        yield client


def test_anybody_complains_and_follows_it(client: httpx2.Client) -> None:
    answer = client.post("/v1/complaints", json=complaint(contact=CONTACT, locale="ko"))
    assert answer.status_code == 201
    told = answer.json()
    assert set(told) == {"ref", "url", "pin", "due_at", "statutory", "missing"}
    assert answer.headers["location"] == f"/v1/complaints/{told['ref']}"
    assert told["url"].endswith(f"/report/{told['ref']}")
    assert answer.headers["cache-control"] == "no-store"
    ref, pin = told["ref"], told["pin"]
    known = asked(client, ref, pin).json()
    assert known["category"] == "impersonation"
    assert known["due_at"] == told["due_at"]
    assert known["messages"] == []
    # However it is typed.
    assert asked(client, ref.lower().replace("-", ""), pin).json()["ref"] == ref
    headers = {"Complaint-Pin": pin}
    added = client.post(
        f"/v1/complaints/{ref}/info", json={"text": "On a second site too."}, headers=headers
    )
    assert [(one["by_reporter"], one["text"]) for one in added.json()["messages"]] == [
        (True, "On a second site too.")
    ]
    gone = client.post(f"/v1/complaints/{ref}/withdraw", headers=headers)
    assert gone.json()["state"] == "withdrawn"
    late = client.post(f"/v1/complaints/{ref}/info", json={"text": "More."}, headers=headers)
    assert late.status_code == 409


def test_the_48_hours_run_for_a_request_that_has_all_the_law_asks_for(
    client: httpx2.Client,
) -> None:
    whole = complaint(category="intimate-image", role="depicted-person", contact=CONTACT)
    told = client.post("/v1/complaints", json=whole).json()
    assert (told["statutory"], told["missing"]) == (True, [])
    bare = client.post("/v1/complaints", json=complaint(category="intimate-image")).json()
    assert bare["statutory"] is False
    assert set(bare["missing"]) >= {"contact", "signature"}


def test_suspected_abuse_of_a_minor_is_reported_without_a_name(client: httpx2.Client) -> None:
    ref, pin = filed(client, category="child-safety", explanation="")
    assert asked(client, ref, pin).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"category": "fake"},
        {"locators": []},
        {"locators": [{}]},
        {"locators": [{"url": "javascript:alert(1)"}]},
        {"locators": [{"sha256": "abc"}]},
        {"locators": [{"url": URL}] * 21},
        {"explanation": "x" * 4001},
        {"explanation": "a\x00b"},
        {"contact": {"email": "none"}},
        {"good_faith": "yes"},
        {"external_id": "mine"},
        {"role": "nobody"},
        {"pin": "00000000"},
    ],
    ids=str,
)
def test_what_is_not_taken(client: httpx2.Client, changes: dict[str, Any]) -> None:
    answer = client.post("/v1/complaints", json=complaint(**changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_without_a_key_is_taken_for_somebody_with_one(
    service: RunningService, client: httpx2.Client
) -> None:
    for role in ("agency", "trusted-flagger"):
        assert client.post("/v1/complaints", json=complaint(role=role)).status_code == 409
    with service.client(service.key(Scope.VERIFY)) as other:
        assert other.post("/v1/complaints", json=complaint()).status_code == 403


def test_a_trusted_flagger_sends_the_same_twice_under_a_number_of_its_own(
    trusted: httpx2.Client,
) -> None:
    body = complaint(role="trusted-flagger", external_id=f"case-{secrets.token_hex(4)}")
    first, again = (trusted.post("/v1/complaints", json=body).json() for _ in range(2))
    assert first["ref"] == again["ref"]
    assert first["pin"] is not None
    assert again["pin"] is None
    changed = trusted.post("/v1/complaints", json={**body, "explanation": "Another."})
    assert changed.status_code == 409


def test_an_agency_complains_with_its_key(service: RunningService) -> None:
    with service.client(service.key(Scope.COMPLAINTS_TRUSTED, agency=AGENCY)) as agency:
        assert agency.post("/v1/complaints", json=complaint(role="agency")).status_code == 201


def test_a_request_that_is_sent_again_gets_the_same_answer_and_the_secret_is_not_kept(
    service: RunningService, client: httpx2.Client
) -> None:
    key, body = secrets.token_hex(16), complaint()
    headers = {"Idempotency-Key": key}
    first, again = (client.post("/v1/complaints", json=body, headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    other = client.post("/v1/complaints", json=complaint(), headers=headers)
    assert other.status_code == 422
    assert other.json()["type"].endswith("/key-reused")
    short = client.post("/v1/complaints", json=body, headers={"Idempotency-Key": "1"})
    assert short.status_code == 422
    # Another key holder's key of the same name is another.
    with service.client(service.key(Scope.COMPLAINTS)) as platform:
        theirs = platform.post("/v1/complaints", json=body, headers=headers).json()
    assert theirs["ref"] != first.json()["ref"]


def unlike(answer: httpx2.Response, ref: str) -> tuple[Any, ...]:
    """All of an answer but what every answer has of its own."""
    own = {"x-request-id", "date", "content-length"}
    body = re.sub(r'"request":"[^"]*"', "", answer.text).replace(ref, "REF")
    kept = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, body, kept


def test_references_cannot_be_found_out(client: httpx2.Client) -> None:
    ref, pin = filed(client)
    unknown = shown_reference(new_reference(secrets.token_bytes))
    wrong = other_than(pin)
    assert unlike(asked(client, ref, wrong), ref) == unlike(asked(client, unknown, wrong), unknown)
    pages = [
        unlike(client.get(f"/report/{one}", headers={"Accept": "text/html"}), one)
        for one in (ref, unknown)
    ]
    assert pages[0] == pages[1]
    forms = [
        unlike(client.post("/report/follow", data={"ref": one, "pin": wrong}), one)
        for one in (ref, unknown)
    ]
    assert forms[0] == forms[1]
    assert forms[0][0] == 404
    appeals = [
        client.post(
            "/v1/decisions/none/appeals",
            json={"text": "No.", "complaint": one},
            headers={"Complaint-Pin": wrong},
        ).status_code
        for one in (ref, unknown)
    ]
    assert appeals == [404, 404]


def test_a_pin_cannot_be_found_by_trying(client: httpx2.Client) -> None:
    ref, pin = filed(client)
    unknown = shown_reference(new_reference(secrets.token_bytes))
    tried = []
    for one in (ref, unknown):
        answers = [asked(client, one, other_than(pin)) for _ in range(12)]
        tried.append([answer.status_code for answer in answers])
        assert answers[-1].status_code == 429
        assert parsedate_to_datetime(answers[-1].headers["retry-after"]) > datetime.now(UTC)
    # What is not there is locked alike.
    assert tried[0] == tried[1]
    # Nor does the right one help while it is locked; on the page neither.
    assert asked(client, ref, pin).status_code == 429
    page = client.post("/report/follow?lang=en", data={"ref": ref, "pin": pin})
    assert page.status_code == 429
    assert "Too many tries" in page.text
    assert pin not in page.text


def test_who_complains_is_on_no_page_that_others_see_and_in_no_line_of_log(
    service: RunningService, client: httpx2.Client
) -> None:
    form = {**FORM, "url": URL + secrets.token_hex(8), **CONTACT}
    done = client.post("/report?lang=en", data=form)
    assert done.status_code == 201
    ref = re.search(r'id="ref">([^<]+)<', done.text)
    pin = re.search(r'id="pin">([^<]+)<', done.text)
    assert ref
    assert pin
    shown = [
        done.text,
        asked(client, ref[1], pin[1]).text,
        client.post("/report/follow", data={"ref": ref[1], "pin": pin[1]}).text,
        client.get(f"/report/{ref[1]}").text,
        client.get("/transparency").text,
        client.get("/transparency.json").text,
        "\n".join(service.lines),
    ]
    for secret in CONTACT.values():
        assert not any(secret in text for text in shown)
    assert pin[1] not in "\n".join(service.lines)
    assert ref[1] not in "\n".join(service.lines)


@pytest.mark.parametrize("headers", STRANGERS)
def test_no_other_website_makes_a_visitor_report_or_follow(
    client: httpx2.Client, headers: dict[str, str]
) -> None:
    ref, pin = filed(client)
    form = {**FORM, "url": URL + "csrf"}
    answers = [
        client.post("/report", data=form, headers=headers),
        client.post(
            "/report/follow", data={"ref": ref, "pin": pin, "do": "withdraw"}, headers=headers
        ),
        client.post("/decisions/x", data={"token": "x", "appeal": "No."}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert all('id="pin"' not in answer.text for answer in answers)
    assert asked(client, ref, pin).json()["state"] != "withdrawn"
    own = client.post("/report", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 201


def test_forms_that_are_none(client: httpx2.Client) -> None:
    for path in ("/report", "/report/follow"):
        assert client.post(path, json=FORM).status_code == 415
        assert client.post(path, files={"file": b"x"}).status_code == 415
        assert client.post(path, data={"explanation": "x" * 300_000}).status_code == 413
        twice = client.post(
            path,
            content="a=1&a=2",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert twice.status_code == 400


def test_what_fills_in_every_field_is_told_so_and_nothing_is_filed(client: httpx2.Client) -> None:
    form = {**FORM, "url": URL + "bot", "website": "https://spam.example"}
    answer = client.post("/report?lang=en", data=form)
    assert answer.status_code == 422
    assert "Leave this field empty" in answer.text
    assert 'id="pin"' not in answer.text


def test_headers_of_the_pages(client: httpx2.Client) -> None:
    ref, pin = filed(client)
    answers = [
        client.get("/report"),
        client.get("/report/follow"),
        client.get(f"/report/{ref}"),
        client.post("/report", data={**FORM, "url": URL + "headers"}),
        client.post("/report", data={"url": ""}),
        client.post("/report/follow", data={"ref": ref, "pin": pin}),
        client.get("/guidelines"),
        client.get("/policies"),
        client.get("/policies/intimate-images/1"),
        client.get("/transparency"),
        client.get("/decisions/none"),
    ]
    assert [answer.status_code for answer in answers] == [
        200, 200, 200, 201, 422, 200, 200, 200, 200, 200, 404,
    ]  # fmt: skip
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "set-cookie" not in answer.headers
        assert " style=" not in answer.text
        assert " onclick=" not in answer.text


def test_policies_are_there_in_every_version_and_say_in_which_language(
    client: httpx2.Client,
) -> None:
    listed = client.get("/policies?lang=ko").text
    assert "/policies/intimate-images/1?lang=ko" in listed
    korean = client.get("/policies/intimate-images/1?lang=ko").text
    assert "당사자가 동의하지 않은" in korean
    # Where nobody translated it, it is English, and says so to readers of the screen.
    spanish = client.get("/policies/intimate-images/1?lang=es").text
    assert '<h1 lang="en">Intimate pictures without consent</h1>' in spanish
    for path in ("/policies/none/1", "/policies/intimate-images/99", "/policies/x/%3Cscript%3E"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "<script>" not in answer.text


def test_the_numbers_on_the_page_are_those_of_its_twin(client: httpx2.Client) -> None:
    filed(client)
    twin = client.get("/transparency.json").json()
    text = client.get("/transparency?lang=en").text
    assert set(twin["complaints_by_category"]) >= {"impersonation", "child-safety"}
    shown = "Fewer than 5" if twin["complaints"] == "<5" else f"<td>{twin['complaints']}</td>"
    assert shown in text
