"""Complaints through the API and by form: filed, followed, appealed, and nobody's but their own."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy import Engine, select, update

from provenance.errors import NotFoundError
from provenance.moderation.public_decisions import PublicDecisions
from provenance.moderation.references import new_reference, shown_reference
from provenance.moderation.tables import cases, decision_cases
from provenance.moderation.vocabulary import Category, Queue
from provenance.records.scopes import Scope
from provenance.records.tables import idempotency
from provenance.runtime.clock import system_clock
from provenance.runtime.service_database import open_database
from provenance.runtime.settings import load_settings
from provenance.service.complaint_documents import ComplaintRequest
from tests.factory.deciding import Decided, decide, overturn
from tests.factory.moderation import open_desks, person
from tests.factory.registers import AGENCY
from tests.factory.service import RunningService, running_service
from tests.factory.stage import XSS

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
def client(service: RunningService) -> Iterator[httpx2.Client]:
    """Somebody whose address nobody has tried a PIN from."""
    address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.7"
    with service.client(headers={"X-Forwarded-For": address}) as client:
        yield client


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
    # Nor a plain digest, by which a guess at who complained could be confirmed.
    plain = ComplaintRequest.model_validate_json(json.dumps(body)).model_dump_json().encode()
    with (
        open_database(load_settings(environ=service.settings)) as register,
        register.database.engine.connect() as connection,
    ):
        kept = set(connection.execute(select(idempotency.c.request)).scalars())
    assert kept
    assert not kept & {sha256(text).hexdigest() for text in (plain, b"complaint " + plain)}
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


FACTS = f"It poses as NOVA9. {XSS}"


@pytest.fixture
def complained(client: httpx2.Client) -> tuple[str, str]:
    """Reference and PIN of somebody who said who they are."""
    return filed(client, contact=CONTACT)


@pytest.fixture
def decided(service: RunningService, complained: tuple[str, str]) -> Decided:
    """The decision against what they complained of."""
    return decide(service, *complained, facts=FACTS)


def test_everybody_reads_a_decision_and_of_nobody_who_took_part(
    client: httpx2.Client, complained: tuple[str, str], decided: Decided
) -> None:
    page = client.get(f"/decisions/{decided.id}?lang=en")
    assert page.status_code == 200
    text = unescape(page.text)
    for words in (
        "It goes against the policy.",
        FACTS,
        "Terms of use: ",
        "It is taken down.",
        "/policies/impersonation/1?lang=en",
        "People reported it. A person decided.",
        "You can appeal until",
        "Everywhere",
    ):
        assert words in text, words
    assert "<script>window" not in page.text
    for secret in (*CONTACT.values(), *complained, decided.maker, URL, decided.token):
        assert secret not in page.text
    # Without the token there is nothing to appeal with.
    assert "<form" not in page.text.partition("<main")[2]
    korean = client.get(f"/decisions/{decided.id}?lang=ko").text
    assert "정책에 어긋납니다." in korean


def test_whoever_complained_is_answered_and_appeals(
    client: httpx2.Client, complained: tuple[str, str], decided: Decided
) -> None:
    ref, pin = complained
    known = asked(client, ref, pin).json()
    assert known["state"] == "answered"
    assert known["decision"]["id"] == decided.id
    assert known["decision"]["facts"] == FACTS
    assert decided.maker not in str(known)
    page = client.post("/report/follow?lang=en", data={"ref": ref, "pin": pin}).text
    assert FACTS in unescape(page)
    assert "<script>window" not in page
    asked_for = {"ref": ref, "pin": pin, "do": "appeal", "appeal": ""}
    empty = client.post("/report/follow?lang=en", data=asked_for)
    assert empty.status_code == 422
    assert "Please write something here." in empty.text
    done = client.post("/report/follow?lang=en", data={**asked_for, "appeal": "Look again."})
    assert done.status_code == 200
    assert "Your appeal has arrived." in done.text
    appeals = asked(client, ref, pin).json()["appeals"]
    assert [(one["decision"], one["state"]) for one in appeals] == [(decided.id, "filed")]
    again = client.post(
        f"/v1/decisions/{decided.id}/appeals",
        json={"text": "Once more.", "complaint": ref},
        headers={"Complaint-Pin": pin},
    )
    assert again.status_code == 409


def test_whoever_appealed_takes_it_back(
    client: httpx2.Client, complained: tuple[str, str], decided: Decided
) -> None:
    ref, pin = complained
    known = {"ref": ref, "pin": pin}
    asks = {**known, "do": "withdraw-appeal"}
    back, whole = 'value="withdraw-appeal"', 'value="withdraw"'
    # There is none yet.
    assert back not in client.post("/report/follow?lang=en", data=known).text
    assert client.post("/report/follow?lang=en", data=asks).status_code == 409
    words = {**known, "do": "appeal", "appeal": "Look again."}
    page = client.post("/report/follow?lang=en", data=words).text
    assert back in page
    # The report itself cannot be taken back: it is answered.
    assert whole not in page
    done = client.post("/report/follow?lang=en", data=asks)
    assert done.status_code == 200
    assert "Your appeal has been taken back." in done.text
    assert back not in done.text
    told = asked(client, ref, pin).json()
    assert (told["state"], told["appeals"][0]["state"]) == ("answered", "withdrawn")
    # It may be appealed again, and taken back by programs too.
    again = client.post(
        f"/v1/decisions/{decided.id}/appeals",
        json={"text": "Once more.", "complaint": ref},
        headers={"Complaint-Pin": pin},
    ).json()
    path = f"/v1/appeals/{again['id']}/withdraw"
    for body, headers, status in (
        ({"complaint": ref}, {}, 422),
        ({"complaint": ref}, {"Complaint-Pin": "00000000"}, 404),
        ({"token": decided.token}, {}, 404),
        ({"complaint": ref}, {"Complaint-Pin": pin}, 200),
        ({"complaint": ref}, {"Complaint-Pin": pin}, 409),
    ):
        assert client.post(path, json=body, headers=headers).status_code == status
    assert asked(client, ref, pin).json()["appeals"][1]["state"] == "withdrawn"
    # Whoever uploaded by their token, and nobody by another.
    body = {"text": "It is mine.", "token": decided.token}
    theirs = client.post(f"/v1/decisions/{decided.id}/appeals", json=body).json()
    path = f"/v1/appeals/{theirs['id']}/withdraw"
    for token, status in (("A" * 43, 404), (decided.token, 200), (decided.token, 409)):
        assert client.post(path, json={"token": token}).status_code == status


def test_whoever_uploaded_appeals_by_the_link_they_were_sent(
    service: RunningService,
    client: httpx2.Client,
    complained: tuple[str, str],
    decided: Decided,
) -> None:
    link = f"/decisions/{decided.id}?lang=en&token={decided.token}"
    page = client.get(link)
    assert f'name="token" value="{decided.token}"' in unescape(page.text)
    # The links to other languages go on holding it.
    assert f"token={quote(decided.token)}&lang=ko" in unescape(page.text)
    empty = client.post(link, data={"token": decided.token, "appeal": " "})
    assert empty.status_code == 422
    assert "Please write something here." in empty.text
    # Nor do they lose it where the form, which has it inside, comes back.
    form = f"/decisions/{decided.id}?lang=en"
    again = client.post(form, data={"token": decided.token, "appeal": " "})
    assert again.status_code == 422
    assert f"token={quote(decided.token)}&lang=ko" in unescape(again.text)
    other = client.post(form, data={"token": XSS, "appeal": " "})
    assert other.status_code == 422
    assert f'href="/decisions/{decided.id}?lang=ko"' in unescape(other.text)
    done = client.post(link, data={"token": decided.token, "appeal": "It is mine."})
    assert done.status_code == 201
    assert "Your appeal has arrived." in done.text
    again = client.post(link, data={"token": decided.token, "appeal": "It is mine."})
    assert again.status_code == 409
    with open_database(load_settings(environ=service.settings)) as register:
        reader = open_desks(register.database.engine)
        (appeal,) = [
            one.id
            for one in reader.appeals.queue(person("reader"), now=system_clock(), limit=50)
            if one.decision == decided.id
        ]
    newer = overturn(service, appeal)
    old = client.get(f"/decisions/{decided.id}?lang=en").text
    assert f"/decisions/{newer}?lang=en" in old
    assert "A newer decision has taken the place of this one." in old
    assert asked(client, *complained).json()["decision"]["id"] == newer


@pytest.mark.parametrize("token", ["", "x", "A" * 43, XSS])
def test_no_other_token_appeals(client: httpx2.Client, decided: Decided, token: str) -> None:
    page = client.get(f"/decisions/{decided.id}", params={"token": token})
    assert "<script>window" not in page.text
    answer = client.post(f"/decisions/{decided.id}", data={"token": token, "appeal": "Mine."})
    assert answer.status_code == 404
    if token.isalnum():
        body = {"text": "Mine.", "token": token}
        assert client.post(f"/v1/decisions/{decided.id}/appeals", json=body).status_code == 404


def test_what_an_appeal_through_the_api_needs(client: httpx2.Client, decided: Decided) -> None:
    path = f"/v1/decisions/{decided.id}/appeals"
    for body in (
        {"text": "No."},
        {"text": "No.", "complaint": "x", "token": "x"},
        {"text": "No.", "complaint": "x"},
        {"text": "", "token": "x"},
        {"text": "x" * 4001, "token": "x"},
    ):
        assert client.post(path, json=body).status_code == 422
    done = client.post(path, json={"text": "It is mine.", "token": decided.token})
    assert done.status_code == 201
    assert set(done.json()) == {"id", "decision", "state", "filed_at", "outcome", "new_decision"}


def test_a_decision_about_suspected_abuse_of_a_minor_is_on_no_page(
    service: RunningService, client: httpx2.Client, decided: Decided
) -> None:
    assert client.get(f"/decisions/{decided.id}").status_code == 200
    with open_database(load_settings(environ=service.settings)) as register:
        engine = register.database.engine
        reader = PublicDecisions(engine)
        case = reader_case(engine, decided.id)
        with engine.begin() as connection:
            connection.execute(
                update(cases).where(cases.c.id == case).values(queue=Queue.RESTRICTED.value)
            )
        with pytest.raises(NotFoundError, match="none of this name"):
            reader.get(decided.id, now=system_clock())
    assert client.get(f"/decisions/{decided.id}").status_code == 404


@pytest.mark.parametrize("minor", [True, False])
def test_facts_about_a_minor_are_not_told_to_whoever_complained_either(
    service: RunningService, client: httpx2.Client, *, minor: bool
) -> None:
    ref, pin = filed(client)
    words = "What a reviewer wrote about what can be seen there."
    made = decide(service, ref, pin, facts=words)
    if minor:
        with open_database(load_settings(environ=service.settings)) as register:
            engine = register.database.engine
            case = reader_case(engine, made.id)
            grave = {"queue": Queue.RESTRICTED, "category": Category.CHILD_SAFETY}
            with engine.begin() as connection:
                connection.execute(update(cases).where(cases.c.id == case).values(grave))
    told = asked(client, ref, pin)
    assert told.json()["decision"]["id"] == made.id
    assert told.json()["decision"]["facts"] == (None if minor else words)
    page = client.post("/report/follow?lang=en", data={"ref": ref, "pin": pin})
    assert made.id in page.text
    assert (words in page.text) is not minor
    assert ('<p class="told"></p>' in page.text) is False


def reader_case(engine: Engine, decision: str) -> str:
    with engine.begin() as connection:
        found: str = connection.execute(
            select(decision_cases.c.case).where(decision_cases.c.decision == decision)
        ).scalar_one()
        return found


def test_a_service_that_takes_no_complaints_says_so_and_does_not_invite_any(
    tmp_path: Path, directory_file: Path
) -> None:
    with (
        running_service(tmp_path, directory=directory_file, moderation=False) as service,
        service.client(headers={"Accept": "text/html"}) as client,
    ):
        assert "/report" not in client.get("/?lang=en").text
        page = client.get("/report?lang=en")
        assert page.status_code == 403
        assert "Reports are not taken here." in page.text
        told = client.post("/v1/complaints", json=complaint())
        assert told.status_code == 403
        assert told.json()["type"].endswith("/switched-off")
        assert client.post("/report", data=FORM).status_code == 403
        assert client.get("/transparency").status_code == 403
        assert client.get("/guidelines").status_code == 200


def test_too_many_complaints_from_one_address_lose_nothing_that_was_typed(
    tmp_path: Path, directory_file: Path
) -> None:
    with (
        running_service(
            tmp_path, directory=directory_file, moderation_complaints_per_hour="2"
        ) as service,
        service.client() as client,
    ):
        form = {**FORM, "url": URL + "many", "explanation": "What I typed."}
        answers = [client.post("/report?lang=en", data=form) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert "What I typed." in answers[-1].text
        assert "call the police" in answers[-1].text
        assert parsedate_to_datetime(answers[-1].headers["retry-after"]) > datetime.now(UTC)
