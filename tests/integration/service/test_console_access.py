"""Every role against every route of the staff: what no row of the table allows, nobody may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from provenance.moderation.vocabulary import CaseState
from provenance.records.scopes import Scope
from provenance.runtime.clock import system_clock
from provenance.service.app import _routes
from provenance.staff.roles import Role
from tests.factory.console import Console, console_on
from tests.factory.service import running_service

OPEN, SIGNED = "open", "signed in"
R, S, L, A, U = Role.REVIEWER, Role.SENIOR, Role.LEGAL, Role.ADMIN, Role.AUDITOR
RSL, SL, RS = frozenset({R, S, L}), frozenset({S, L}), frozenset({R, S})
ONLY_S, ONLY_L = frozenset({S}), frozenset({L})

CASE_MOVES = {
    "triage": RSL,
    "claim": RSL,
    "release": RSL,
    "escalate": RSL,
    "merge": RS,
    "split": RS,
    "void": RS,
    "interim": RSL,
    "reopen": SL,
    "unblur": RSL,
    "decide": RSL,
    "second": SL,
    "ask": RSL,
    "reject": ONLY_S,
    "resemblance": RS,
}
APPEAL_MOVES = {"claim": RSL, "release": RSL, "decide": RSL, "second": SL}

TABLE: dict[tuple[str, str], object] = {
    # How people get in; nobody is anybody yet.
    ("GET", "/mod/sign-in"): OPEN,
    ("POST", "/mod/sign-in"): OPEN,
    ("GET", "/mod/sign-in/second"): OPEN,
    ("POST", "/mod/sign-in/second"): OPEN,
    ("POST", "/mod/sign-in/passkey-question"): OPEN,
    ("POST", "/mod/sign-in/passkey"): OPEN,
    ("POST", "/mod/provider"): OPEN,
    ("GET", "/mod/provider/back"): OPEN,
    ("POST", "/mod/sign-out"): OPEN,
    ("GET", "/mod/enrol"): OPEN,
    ("POST", "/mod/enrol"): OPEN,
    ("GET", "/mod/enrol/second"): OPEN,
    ("POST", "/mod/enrol/second"): OPEN,
    # Where whoever enrols adds the passkey that lets them in.
    ("POST", "/mod/account/passkey-question"): OPEN,
    ("POST", "/mod/account/passkeys"): OPEN,
    # One's own account.
    ("GET", "/mod/account"): SIGNED,
    ("POST", "/mod/account/password"): SIGNED,
    ("POST", "/mod/account/codes"): SIGNED,
    ("POST", "/mod/account/codes/check"): SIGNED,
    ("POST", "/mod/account/recovery-codes"): SIGNED,
    ("POST", "/mod/account/passkeys/remove"): SIGNED,
    ("POST", "/mod/account/sessions/end"): SIGNED,
    ("GET", "/mod/confirm"): SIGNED,
    ("POST", "/mod/confirm"): SIGNED,
    ("POST", "/mod/confirm/passkey-question"): SIGNED,
    ("POST", "/mod/confirm/passkey"): SIGNED,
    # The first page: who may see no case is told so there.
    ("GET", "/mod"): SIGNED,
    ("GET", "/mod/help"): SIGNED,
    ("GET", "/v1/mod/me"): SIGNED,
    ("GET", "/mod/restricted"): SL,
    ("GET", "/mod/cases/{id}"): RSL,
    ("GET", "/mod/cases/{id}/evidence/{subject}"): RSL,
    ("GET", "/mod/cases/{id}/decide"): RSL,
    ("GET", "/mod/cases/{id}/second"): SL,
    ("GET", "/mod/bulk"): ONLY_S,
    ("GET", "/mod/appeals"): RSL,
    ("GET", "/mod/appeals/{id}"): RSL,
    ("GET", "/mod/appeals/{id}/decide"): RSL,
    ("GET", "/mod/appeals/{id}/second"): SL,
    ("POST", "/mod/cases/{id}/preview"): RSL,
    ("POST", "/mod/cases/{id}/draft"): RSL,
    ("POST", "/mod/cases/{id}/contact"): ONLY_L,
    ("POST", "/mod/appeals/{id}/preview"): RSL,
    ("POST", "/mod/appeals/{id}/draft"): RSL,
    ("POST", "/mod/bulk/preview"): ONLY_S,
    ("POST", "/mod/bulk/draft"): ONLY_S,
    ("POST", "/mod/bulk/decide"): ONLY_S,
    ("POST", "/mod/decisions/{id}/undo"): ONLY_S,
    **{("POST", f"/mod/cases/{{id}}/{name}"): roles for name, roles in CASE_MOVES.items()},
    **{("POST", f"/mod/appeals/{{id}}/{name}"): roles for name, roles in APPEAL_MOVES.items()},
    ("GET", "/mod/cases/{id}/bundle"): ONLY_L,
    ("POST", "/mod/cases/{id}/hold"): ONLY_L,
    ("POST", "/mod/cases/{id}/holds/{hold}/lift"): ONLY_L,
    ("GET", "/mod/cases/{id}/notice"): ONLY_L,
    ("POST", "/mod/cases/{id}/notice"): ONLY_L,
    ("POST", "/mod/cases/{id}/notice/preview"): ONLY_L,
    ("GET", "/mod/cases/{id}/notices/{notice}"): ONLY_L,
    ("POST", "/mod/cases/{id}/notices/{notice}/receipt"): ONLY_L,
    ("POST", "/mod/cases/{id}/notices/{notice}/outcome"): ONLY_L,
    ("POST", "/mod/cases/{id}/notices/{notice}/counter"): ONLY_L,
    ("GET", "/mod/audit"): frozenset({L, U}),
    ("GET", "/mod/audit/check"): frozenset({L, U}),
    ("GET", "/mod/messages"): ONLY_S,
    ("POST", "/mod/messages/{message}/again"): ONLY_S,
    ("GET", "/mod/blocklist"): ONLY_S,
    ("POST", "/mod/blocklist/{entry}/disable"): ONLY_S,
    ("POST", "/mod/blocklist/{entry}/enable"): ONLY_S,
    # With a key for it, too.
    ("GET", "/v1/audit"): frozenset({L, U}),
    ("GET", "/v1/mod/cases/{case}/bundle"): ONLY_L,
    ("GET", "/v1/mod/queue"): RSL,
    ("GET", "/v1/mod/cases/{id}"): RSL,
    ("GET", "/v1/mod/cases/{id}/evidence/{subject}"): RSL,
    ("GET", "/v1/mod/appeals"): RSL,
    ("GET", "/v1/mod/appeals/{id}"): RSL,
    ("POST", "/v1/mod/complaints/{ref}/contact"): ONLY_L,
    ("POST", "/v1/mod/bulk"): ONLY_S,
    ("POST", "/v1/mod/bulk/decide"): ONLY_S,
    ("POST", "/v1/mod/decisions/{id}/undo"): ONLY_S,
    **{("POST", f"/v1/mod/cases/{{id}}/{name}"): roles for name, roles in CASE_MOVES.items()},
    **{("POST", f"/v1/mod/appeals/{{id}}/{name}"): roles for name, roles in APPEAL_MOVES.items()},
}
GUARDED = sorted(key for key, who in TABLE.items() if who != OPEN)
BY_ROLE = sorted(key for key, who in TABLE.items() if isinstance(who, frozenset))
POSTS = sorted(key for key in GUARDED if key[0] == "POST")

SEATS = {
    "ro-reviewer": R,
    "sun-senior": S,
    "lee-legal": L,
    "ana-admin": A,
    "aud-auditor": U,
    "nobody": None,
}


@pytest.fixture(scope="module")
def console(directory_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    with (
        running_service(
            folder,
            directory=directory_file,
            register=str(folder / "service.sqlite"),
        ) as service,
        console_on(service) as opened,
    ):
        yield opened


def routes_of(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner.routes)
        else:
            yield route


def dependencies(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from dependencies(one)


def is_staffs(route: Any) -> bool:
    """Is it under the staff's addresses, or does it ask who of the staff is there?"""
    asks = getattr(route, "dependant", None)
    modules = {call.__module__ for call in dependencies(asks)} if asks else set()
    named = route.path.startswith(("/mod", "/v1/mod", "/v1/audit"))
    return named or bool(
        modules & {"provenance.service.staff_access", "provenance.service.mod_access"}
    )


def test_the_table_has_every_route_of_the_staff_and_no_other() -> None:
    found = {
        (method, route.path)
        for route in routes_of(_routes(None).routes)
        for method in route.methods - {"HEAD"}
        if is_staffs(route)
    }
    assert found == set(TABLE)


def path_of(path: str) -> str:
    return (
        path.replace("{id}", "AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{case}", "AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{entry}", "AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{subject}", "BBBBBBBBBBBBBBBBBBBBBB")
        .replace("{hold}", "CCCCCCCCCCCCCCCCCCCCCC")
        .replace("{notice}", "DDDDDDDDDDDDDDDDDDDDDD")
        .replace("{message}", "msg_EEEEEEEEEEEEEEEEEEEEEE_0")
        .replace("{ref}", "7K2Q9XM4TB3C")
    )


def ask(client: httpx2.Client, method: str, path: str, csrf: str | None) -> httpx2.Response:
    if path.startswith("/v1/"):
        headers = {"Accept": "application/json"}
        if csrf is not None:
            headers["X-CSRF-Token"] = csrf
        body: dict[str, str] | None = {} if method == "POST" else None
        return client.request(method, path_of(path), json=body, headers=headers)
    if method == "GET":
        return client.get(path_of(path))
    return client.post(path_of(path), data={} if csrf is None else {"csrf": csrf})


@pytest.mark.parametrize("name", SEATS)
def test_each_role_gets_as_far_as_the_table_says(console: Console, name: str) -> None:
    role, wrong = SEATS[name], []
    with console.client(name) as client:
        for method, path in BY_ROLE:
            roles = TABLE[method, path]
            assert isinstance(roles, frozenset)
            answer = ask(client, method, path, console.csrf(name))
            refused = answer.status_code in {401, 403} or "sign-in" in answer.headers.get(
                "Location", ""
            )
            if refused != (role not in roles) or answer.status_code >= 500:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_whoever_has_roles_has_what_each_of_them_allows(console: Console) -> None:
    with console.client("sun-senior") as client:
        assert client.get("/mod/restricted").status_code == 200
        assert client.get("/mod/bulk").status_code == 303


def test_nobody_gets_nowhere(console: Console) -> None:
    wrong = []
    with console.client(None) as client:
        for method, path in GUARDED:
            answer = ask(client, method, path, "0" * 64)
            if method == "GET" and not path.startswith("/v1/"):
                right = answer.status_code == 303 and answer.headers["Location"].startswith(
                    "/mod/sign-in?next="
                )
            else:
                right = answer.status_code == 401
            if not right:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_a_key_opens_nothing_of_the_staffs(console: Console) -> None:
    with console.service.client(console.service.key(Scope.VERIFY)) as client:
        for method, path in GUARDED:
            if path.startswith("/v1/"):
                assert ask(client, method, path, None).status_code in {401, 403}, path


def test_first_page_and_help_are_for_everybody_signed_in(console: Console) -> None:
    for name in SEATS:
        with console.client(name) as client:
            assert client.get("/mod").status_code == 200
            assert client.get("/mod/help").status_code == 200
            assert client.get("/v1/mod/me").json()["id"] == name


STRANGERS: dict[str, dict[str, str]] = {
    "another website": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "an opaque origin": {"Origin": "null"},
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_form_counts_that_another_website_sent(console: Console, stranger: str) -> None:
    """Attack: a page elsewhere sends a form in the name of whoever looks at it."""
    wrong = []
    name = "sun-senior"
    with console.client(name, headers=STRANGERS[stranger]) as client:
        for method, path in POSTS:
            answer = ask(client, method, path, console.csrf(name))
            if answer.status_code not in {401, 403}:
                wrong.append((path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("token", [None, "", "0" * 64, "another's"])
def test_no_form_counts_without_its_token(console: Console, token: str | None) -> None:
    given = console.csrf("lee-legal") if token == "another's" else token
    with console.client("sun-senior") as client:
        for method, path in POSTS:
            assert ask(client, method, path, given).status_code == 403, path


@pytest.mark.parametrize("api", [False, True])
def test_a_claim_counts_with_its_token_and_not_without(console: Console, *, api: bool) -> None:
    case = console.case(f"https://video.example/csrf/{api}")
    path = f"/v1/mod/cases/{case}/claim" if api else f"/mod/cases/{case}/claim"

    def state() -> CaseState:
        found = console.desks.cases.get(case, console.reviewer("ro-reviewer"), now=system_clock())
        return found.case.state

    with console.client("ro-reviewer") as client:
        assert ask(client, "POST", path, "0" * 64).status_code == 403
        assert state() is CaseState.OPEN
        done = ask(client, "POST", path, console.csrf("ro-reviewer"))
        assert done.status_code == (200 if api else 303)
        assert state() is CaseState.ASSIGNED


def test_no_page_of_the_staff_can_be_framed_or_kept(console: Console) -> None:
    case = console.claimed("https://video.example/headers", "sun-senior")
    with console.client("sun-senior") as client:
        for path in (
            "/mod",
            "/mod/restricted",
            "/mod/help",
            "/mod/appeals",
            "/mod/blocklist",
            "/mod/messages",
            f"/mod/cases/{case}",
            f"/mod/cases/{case}/decide?policy=impersonation@1",
            f"/mod/bulk?case={case}&policy=impersonation@1",
        ):
            answer = client.get(path)
            assert answer.status_code == 200, path
            policy = answer.headers["content-security-policy"]
            for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert rule in policy
            assert "unsafe" not in policy
            assert "blob:" not in policy
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"
            assert " style=" not in answer.text
            assert " onclick=" not in answer.text
            assert "http-equiv" not in answer.text
