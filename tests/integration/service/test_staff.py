"""Signing in over HTTP: forms of strangers, cookies, redirections, and who gets where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from provenance.runtime.clock import system_clock
from provenance.runtime.settings import load_settings
from provenance.runtime.staff_parts import open_staff
from provenance.service.staff_access import HOME_PATH
from provenance.staff.accounts import AccountStore
from provenance.staff.roles import Role
from provenance.staff.tokens import csrf_of
from tests.factory.authenticator import Authenticator
from tests.factory.identity_provider import CLIENT, SECRET, IdentityProvider, running_provider
from tests.factory.service import RunningService, running_service
from tests.factory.staff import PASSWORD, code_at, csrf_in

_LINK = re.compile(r"/mod/enrol\?link=([\w-]{43})")
_SECRET = re.compile(r"<code>([A-Z2-7]{32})</code>")


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(
    provider: IdentityProvider, directory_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service with a provider, whose sessions are fresh for a minute."""
    home = tmp_path_factory.mktemp("staff-service")
    secret = home / "oidc.secret"
    secret.write_text(f"{SECRET}\n", "utf-8")
    secret.chmod(0o600)
    with running_service(
        home,
        directory=directory_file,
        network_allow=urlsplit(provider.issuer).netloc,
        staff_oidc_issuer=provider.issuer,
        staff_oidc_client_id=CLIENT,
        staff_oidc_secret_file=str(secret),
    ) as running:
        yield running


@contextmanager
def accounts_of(service: RunningService) -> Iterator[AccountStore]:
    with open_staff(load_settings(environ=service.settings)) as accounts:
        yield accounts


class Browser:
    """Keeps cookies and says what a browser says, and follows nothing by itself."""

    def __init__(self, service: RunningService, client: httpx2.Client) -> None:
        self.base = service.url
        self.client = client
        self.page = ""

    def get(self, path: str, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.get(path, headers={"Accept": "text/html", **named})
        return self._shown(answer)

    def post(
        self, path: str, fields: dict[str, str] | None = None, *, own: bool = True, **headers: str
    ) -> httpx2.Response:
        said = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"} if own else {}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post(
            path, data={**(fields or {})}, headers={"Accept": "text/html", **said}
        )
        return self._shown(answer)

    def _shown(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            self.page = answer.text
        return answer

    def form(self, path: str, **fields: str) -> httpx2.Response:
        """Send the form of the page that was shown last."""
        return self.post(path, {"csrf": csrf_in(self.page), **fields})

    def cookie(self, name: str) -> str:
        return self.client.cookies.get(name) or ""


@contextmanager
def browser(service: RunningService) -> Iterator[Browser]:
    with service.client(follow_redirects=False) as client:
        yield Browser(service, client)


@pytest.fixture
def alices(service: RunningService) -> Iterator[Browser]:
    """A browser in which nobody is signed in yet."""
    with browser(service) as made:
        yield made


@dataclass(slots=True)
class Person:
    """Somebody who is enrolled.

    Attributes:
        name: Their account.
        secret: Of their app: a code every thirty seconds.
        passkey: Of their telephone: as often as a test likes.
    """

    name: str
    secret: str
    passkey: Authenticator


def enrol(service: RunningService, name: str, *roles: Role) -> tuple[Person, str]:
    """A new account, enrolled in a browser; its session's cookie there."""
    with accounts_of(service) as accounts:
        accounts.add(name, display_name=name, roles=roles, now=system_clock())
        link = accounts.invite(name, now=system_clock(), lasts=timedelta(hours=1))
    with browser(service) as fresh:
        assert fresh.get(f"/mod/enrol?link={link}").status_code == 200
        answer = fresh.form("/mod/enrol", link=link, password=PASSWORD, again=PASSWORD)
        assert answer.headers["Location"] == "/mod/enrol/second"
        fresh.get("/mod/enrol/second")
        found = _SECRET.search(fresh.page)
        assert found is not None
        # The step before: this one's code is left for signing in.
        now = system_clock() - timedelta(seconds=30)
        answer = fresh.form("/mod/enrol/second", code=code_at(found[1], now))
        assert answer.headers["Location"] == "/mod/account?new=1"
        shown = fresh.get("/mod/account")
        assert shown.status_code == 200
        assert ('href="/mod"' in shown.text) == (Role.REVIEWER in roles)
        passkey = Authenticator(origin=service.url, party="127.0.0.1")
        token = csrf_in(fresh.page)
        asked = fresh.post("/mod/account/passkey-question", {"csrf": token})
        made = json.dumps(passkey.make(asked.text))
        answer = fresh.post("/mod/account/passkeys", {"csrf": token, "credential": made})
        assert answer.headers["Location"] == "/mod/account"
        return Person(name, found[1], passkey), fresh.cookie("staff")


@pytest.fixture(scope="module")
def alice(service: RunningService) -> Person:
    return enrol(service, "alice", Role.REVIEWER)[0]


def half_way(made: Browser, person: Person, next_path: str = "") -> str:
    """The password is known; what the next form holds."""
    made.get("/mod/sign-in")
    answer = made.form("/mod/sign-in", name=person.name, password=PASSWORD, next=next_path)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith("/mod/sign-in/second?next=%2Fmod")
    made.get(answer.headers["Location"])
    return csrf_in(made.page)


def sign_in(made: Browser, person: Person, *, next_path: str = "") -> httpx2.Response:
    """A password, and a passkey after it."""
    token = half_way(made, person, next_path)
    asked = made.post("/mod/sign-in/passkey-question", {"csrf": token})
    credential = json.dumps(person.passkey.use(asked.text))
    return made.post(
        "/mod/sign-in/passkey", {"csrf": token, "credential": credential, "next": next_path}
    )


def test_in_and_out(alices: Browser, alice: Person) -> None:
    answer = alices.get("/mod/account")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/mod/sign-in?next=%2Fmod%2Faccount"
    half_way(alices, alice)
    wrong = alices.form("/mod/sign-in/second", code="no code")
    assert wrong.status_code == 403
    answer = alices.form("/mod/sign-in/second", code=code_at(alice.secret, system_clock()))
    assert (answer.status_code, answer.headers["Location"]) == (303, HOME_PATH)
    token = alices.cookie("staff")
    assert alices.get("/mod/account").status_code == 200
    assert "alice" in alices.page
    answer = alices.form("/mod/sign-out")
    assert answer.headers["Location"] == "/mod/sign-in"
    assert alices.cookie("staff") == ""
    alices.client.cookies.set("staff", token)
    assert alices.get("/mod/account").status_code == 303


def test_cookies_are_for_our_own_pages_alone(alices: Browser, alice: Person) -> None:
    answer = sign_in(alices, alice)
    given = [value for value in answer.headers.get_list("Set-Cookie") if value.startswith("staff=")]
    assert len(given) == 1
    attributes = {part.strip().lower() for part in given[0].split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=strict"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_behind_https_they_are_bound_to_the_host(
    directory_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("https")
    with (
        running_service(
            home, directory=directory_file, service_public_url="https://moderation.example"
        ) as running,
        browser(running) as made,
    ):
        answer = made.get("/mod/sign-in")
        (given,) = answer.headers.get_list("Set-Cookie")
        assert given.startswith("__Host-staff-visit=")
        attributes = {part.strip().lower() for part in given.split(";")[1:]}
        assert {"httponly", "path=/", "secure"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)


def test_session_fixation(service: RunningService, alices: Browser, alice: Person) -> None:
    """The attacker's token, planted before the victim signs in, opens nothing after."""
    with browser(service) as attackers:
        attackers.get("/mod/sign-in")
        attackers.form("/mod/sign-in", name="alice", password=PASSWORD)
        planted = attackers.cookie("staff")
        assert planted
        alices.client.cookies.set("staff", planted)
        sign_in(alices, alice)
        assert alices.get("/mod/account").status_code == 200
        assert alices.client.cookies.get("staff", domain="127.0.0.1") != planted
        attackers.client.cookies.set("staff", planted)
        assert attackers.get("/mod/account").status_code == 303
        assert attackers.get("/mod/sign-in/second").headers["Location"] == "/mod/sign-in"


class TestCsrf:
    """Each guard by itself; and the twin that has all of them."""

    @pytest.fixture
    def signed(self, alices: Browser, alice: Person) -> Browser:
        sign_in(alices, alice)
        alices.get("/mod/account")
        return alices

    def counts(self, signed: Browser, **request: str) -> int:
        fields = {"csrf": request.pop("csrf", csrf_in(signed.page))}
        return signed.post("/mod/account/sessions/end", fields, own=False, **request).status_code

    def test_the_twin(self, signed: Browser) -> None:
        assert self.counts(signed, Origin=signed.base, Sec_Fetch_Site="same-origin") == 303
        assert self.counts(signed, Origin=signed.base) == 303
        assert self.counts(signed, Sec_Fetch_Site="same-origin") == 303

    def test_another_website(self, signed: Browser) -> None:
        for said in (
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Sec_Fetch_Site": "none"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": f"{signed.base}.evil.example"},
            {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
            {},
        ):
            assert self.counts(signed, **said) == 403, said

    def test_no_token_or_another(self, service: RunningService, signed: Browser) -> None:
        own = {"Origin": signed.base, "Sec_Fetch_Site": "same-origin"}
        with browser(service) as attackers:
            attackers.get("/mod/sign-in")
            theirs = csrf_in(attackers.page)
        for token in ("", "0" * 64, theirs, csrf_in(signed.page)[:-1], "\u00e9"):
            assert self.counts(signed, csrf=token, **own) == 403

    def test_no_cookie(self, signed: Browser) -> None:
        """What a browser does with a form of another website."""
        signed.client.cookies.delete("staff")
        own = {"Origin": signed.base, "Sec_Fetch_Site": "same-origin"}
        assert self.counts(signed, **own) == 401

    def test_a_token_of_the_session_before(self, signed: Browser, alice: Person) -> None:
        old = csrf_in(signed.page)
        sign_in(signed, alice)
        own = {"Origin": signed.base, "Sec_Fetch_Site": "same-origin"}
        assert self.counts(signed, csrf=old, **own) == 403
        signed.get("/mod/account")
        assert self.counts(signed, **own) == 303

    def test_a_header_does_for_scripts(self, signed: Browser) -> None:
        own = {"Origin": signed.base, "Sec_Fetch_Site": "same-origin"}
        token = csrf_in(signed.page)
        assert self.counts(signed, csrf="", X_CSRF_Token=token, **own) == 303
        assert self.counts(signed, csrf=token, X_CSRF_Token="0" * 64, **own) == 403

    def test_signing_somebody_in_as_somebody_else(
        self, service: RunningService, alices: Browser
    ) -> None:
        """Nor is anybody signed in by another website, with a form of the attacker's visit."""
        with browser(service) as attackers:
            attackers.get("/mod/sign-in")
            theirs = csrf_in(attackers.page)
        alices.get("/mod/sign-in")
        fields = {"name": "alice", "password": PASSWORD}
        assert alices.post("/mod/sign-in", {**fields, "csrf": theirs}).status_code == 403
        right = {**fields, "csrf": csrf_of(alices.cookie("staff-visit"))}
        assert alices.post("/mod/sign-in", right, own=False).status_code == 403
        assert alices.post("/mod/sign-in", right).status_code == 303

    def test_nobody_is_signed_out_by_another_website(self, signed: Browser) -> None:
        assert signed.post("/mod/sign-out", {"csrf": "0" * 64}).status_code == 403
        assert signed.client.get("/mod/sign-out").status_code == 405
        assert signed.get("/mod/account").status_code == 200


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/mod//evil.example",
        "/mod/../../evil",
        "/mod/\r\nSet-Cookie: a=b",
        "/mod@evil.example",
        "/modern",
        "javascript:alert(1)",
        "/mod/" + "a" * 600,
    ],
)
def test_open_redirects_are_refused(alices: Browser, alice: Person, where: str) -> None:
    answer = sign_in(alices, alice, next_path=where)
    assert answer.headers["Location"] == HOME_PATH


def test_and_our_own_are_not(alices: Browser, alice: Person) -> None:
    answer = sign_in(alices, alice, next_path="/mod/cases/c-1?tab=history&page=2")
    assert answer.headers["Location"] == "/mod/cases/c-1?tab=history&page=2"


def test_strangers_learn_nothing(service: RunningService, alice: Person) -> None:
    del alice
    enrol(service, "carol", Role.REVIEWER)
    with accounts_of(service) as accounts:
        accounts.disable("carol", now=system_clock())
    told = set()
    for name, password in (
        ("nobody-at-all", PASSWORD),
        ("alice", "another password"),
        ("carol", PASSWORD),
    ):
        with browser(service) as stranger:
            stranger.get("/mod/sign-in")
            answer = stranger.form("/mod/sign-in", name=name, password=password)
            shown = re.sub(r'value="[0-9a-f]{64}"', "", answer.text)
            told.add((answer.status_code, shown))
    assert len(told) == 1
    ((status, shown),) = told
    assert status == 403
    assert "The account name or the password is wrong." in shown


def test_a_stolen_session_ends_with_the_password(
    service: RunningService,
) -> None:
    person, stolen = enrol(service, "erin", Role.REVIEWER)
    with browser(service) as hers:
        sign_in(hers, person)
        hers.get("/mod/account")
        answer = hers.form(
            "/mod/account/password", old=PASSWORD, password="eight yellow umbrellas",
            again="eight yellow umbrellas",
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        assert hers.get("/mod/account").status_code == 200
        with browser(service) as thief:
            thief.client.cookies.set("staff", stolen)
            assert thief.get("/mod/account").status_code == 303


def test_a_person_without_a_role_sees_their_account_and_no_more(
    service: RunningService,
) -> None:
    person, _ = enrol(service, "frank")
    with browser(service) as made:
        sign_in(made, person)
        shown = made.get("/mod/account")
        assert shown.status_code == 200
        assert 'href="/mod"' not in shown.text
        assert "you may do nothing here yet" in made.page


def test_who_follows_a_link_from_elsewhere_comes_in_by_our_own_page(
    alices: Browser,
) -> None:
    answer = alices.get("/mod/account", Sec_Fetch_Site="cross-site")
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/mod/account">' in answer.text


def test_a_program_is_told_and_not_sent_anywhere(alices: Browser) -> None:
    answer = alices.client.get("/mod/account", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json()["type"].endswith("/unauthorised")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"csrf=%FF%FE", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * 1500), "application/x-www-form-urlencoded", 400),
        (b"a" * 600_000, "application/x-www-form-urlencoded", 413),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 403),
        (b"", "multipart/form-data; boundary=x", 403),
    ],
)
def test_forms_that_are_none(alices: Browser, body: bytes, kind: str, status: int) -> None:
    alices.get("/mod/sign-in")
    answer = alices.client.post(
        "/mod/sign-in",
        content=body,
        headers={
            "Content-Type": kind, "Origin": alices.base, "Sec-Fetch-Site": "same-origin",
            "Accept": "text/html",
        },
    )  # fmt: skip
    assert answer.status_code == status


class TestProvider:
    def start(self, made: Browser, **fields: str) -> str:
        answer = made.form("/mod/provider", **fields)
        assert answer.status_code == 200, answer.text
        found = re.search(r'content="0; url=([^"]+)"', answer.text)
        assert found is not None
        return found[1].replace("&amp;", "&")

    def back(self, made: Browser, provider: IdentityProvider, url: str) -> httpx2.Response:
        returned = urlsplit(provider.authorize(url))
        path = f"{returned.path}?{returned.query}"
        # From the provider's page the browser keeps our strict cookies back.
        bounced = made.get(path, Sec_Fetch_Site="cross-site")
        assert bounced.status_code == 200
        assert 'http-equiv="refresh"' in bounced.text
        return made.get(path, Sec_Fetch_Site="same-origin")

    def test_in_through_it(
        self, service: RunningService, provider: IdentityProvider, alices: Browser
    ) -> None:
        provider.reset()
        provider.subject = "grace-of-the-company"
        with accounts_of(service) as accounts:
            accounts.add("grace", display_name="Grace", roles=[Role.LEGAL], now=system_clock())
            accounts.link(
                "grace", issuer=provider.issuer, subject=provider.subject, now=system_clock()
            )
        alices.get("/mod/sign-in?next=/mod/confirm")
        answer = self.back(alices, provider, self.start(alices, next="/mod/confirm"))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/mod/confirm")
        assert alices.get("/mod/account").status_code == 200
        assert "grace" in alices.page
        # Once more, because something grave comes.
        alices.get("/mod/confirm")
        before = alices.cookie("staff")
        url = self.start(alices, next="/mod/account")
        assert "max_age=0" in url
        answer = self.back(alices, provider, url)
        assert answer.status_code == 303
        assert alices.cookie("staff") != before

    def test_the_state_of_another_browser(
        self, service: RunningService, provider: IdentityProvider, alices: Browser
    ) -> None:
        provider.reset()
        with browser(service) as attackers:
            attackers.get("/mod/sign-in")
            returned = urlsplit(provider.authorize(self.start(attackers)))
        alices.get("/mod/sign-in")
        answer = alices.get(f"{returned.path}?{returned.query}", Sec_Fetch_Site="same-origin")
        assert answer.status_code == 403
        assert "begun in another browser" in answer.text
        assert alices.cookie("staff") == ""

    def test_a_stranger_of_the_provider(self, provider: IdentityProvider, alices: Browser) -> None:
        provider.reset()
        provider.subject = "nobody-here"
        alices.get("/mod/sign-in")
        answer = self.back(alices, provider, self.start(alices))
        assert answer.status_code == 403
        assert alices.cookie("staff") == ""


def test_what_is_logged_names_nobody(service: RunningService, alices: Browser) -> None:
    alices.get("/mod/sign-in")
    alices.form("/mod/sign-in", name="a-name-to-look-for", password="a password to look for")
    alices.get("/mod/enrol?link=a-link-to-look-for")
    assert any(entry.get("event") == "staff-refused" for entry in service.log)
    assert not any("to-look-for" in line or "to look for" in line for line in service.lines)


def test_an_account_is_made_on_the_command_line_and_set_up_on_the_page(
    service: RunningService,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", "staff", "add", "heidi", "--role", "admin"],
        env={**os.environ, **service.settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = _LINK.search(done.stdout)
    assert found is not None
    assert found[1] not in done.stderr
    with browser(service) as made:
        assert made.get(f"/mod/enrol?link={found[1]}").status_code == 200
        assert "heidi" in made.page
        assert made.get(f"/mod/enrol?link={found[1][:-1]}x").status_code == 410
