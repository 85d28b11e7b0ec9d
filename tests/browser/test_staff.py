"""Signing in with a real browser: a passkey, the provider on another site, and what axe finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from provenance.runtime.clock import system_clock
from provenance.runtime.settings import load_settings
from provenance.runtime.staff_parts import open_staff
from provenance.staff.accounts import AccountStore
from provenance.staff.roles import Role
from tests.factory.accessible import NARROW, barriers
from tests.factory.identity_provider import CLIENT, SECRET, IdentityProvider, running_provider
from tests.factory.service import RunningService, running_service
from tests.factory.staff import PASSWORD, code_at

Make = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(
    provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    home: Path = tmp_path_factory.mktemp("staff-pages")
    secret = home / "oidc.secret"
    secret.write_text(SECRET, "utf-8")
    secret.chmod(0o600)
    with running_service(
        home,
        directory=None,
        network_allow=urlsplit(provider.issuer).netloc,
        staff_oidc_issuer=provider.issuer,
        staff_oidc_client_id=CLIENT,
        staff_oidc_secret_file=str(secret),
        service_test="0",
    ) as running:
        yield running


@pytest.fixture
def make(browser: Browser, service: RunningService) -> Iterator[Make]:
    """Makes a browser without memory, on the name of this machine: an address has no passkeys."""
    made: list[BrowserContext] = []

    def call(**options: object) -> BrowserContext:
        base = service.url.replace("127.0.0.1", "localhost")
        fresh = browser.new_context(**{"locale": "en-GB", "base_url": base, **options})  # type: ignore[arg-type]
        fresh.set_default_timeout(20_000)
        made.append(fresh)
        return fresh

    yield call
    for used in made:
        used.close()


@contextmanager
def accounts_of(service: RunningService) -> Iterator[AccountStore]:
    with open_staff(load_settings(environ=service.settings)) as accounts:
        yield accounts


def invited(service: RunningService, name: str) -> str:
    with accounts_of(service) as accounts:
        accounts.add(name, display_name=name, roles=[Role.REVIEWER], now=system_clock())
        link = accounts.invite(name, now=system_clock(), lasts=timedelta(hours=1))
    return f"/mod/enrol?link={link}"


def choose_password(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Codes from an app")


def give_passkeys(page: Page) -> None:
    """A telephone that looks at its holder's finger, in software."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def arrived(page: Page) -> None:
    """Signed in, which leads to the console; and on to one's own account."""
    expect(page).to_have_url(re.compile(r"/mod(\?.*)?$"))
    page.goto("/mod/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_a_passkey_is_made_and_lets_its_holder_in(make: Make, service: RunningService) -> None:
    page = make().new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    give_passkeys(page)
    choose_password(page, invited(service, "alice"))
    page.get_by_label("Name for the passkey").fill("telephone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    expect(page.get_by_text("telephone")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    # Without a name: the telephone knows whose it is.
    page.get_by_role("button", name="Use a passkey").click()
    arrived(page)
    # And as the second step after a password.
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Account name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One more step")
    page.get_by_role("button", name="Use a passkey").click()
    arrived(page)
    page.goto("/mod/confirm?next=/mod/account")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    assert [one for one in complaints if not one.startswith(("debug:", "info:"))] == []


def test_without_a_script_everything_but_passkeys_is_there(
    make: Make, service: RunningService
) -> None:
    page = make(java_script_enabled=False).new_page()
    choose_password(page, invited(service, "bob"))
    expect(page.locator("form[data-passkey]")).to_be_hidden()
    secret = page.locator("main code").inner_text()
    before = system_clock() - timedelta(seconds=30)
    page.get_by_label("Code that the app shows").fill(code_at(secret, before))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    page.get_by_role("button", name="Make new codes").click()
    listed = page.locator("main li code")
    expect(listed).to_have_count(10)
    codes = listed.all_inner_texts()
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Account name").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    arrived(page)
    expect(page.get_by_text("Unused codes: 9")).to_be_visible()


def test_a_failed_passkey_is_told(make: Make) -> None:
    page = make().new_page()
    give_passkeys(page)
    page.goto("/mod/sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("form[data-passkey] [role=status]")).to_have_text(
        "That did not work. Try again, or use another way."
    )


def test_the_provider_is_another_site_and_our_strict_cookies_come_back(
    make: Make, service: RunningService, provider: IdentityProvider
) -> None:
    provider.reset()
    with accounts_of(service) as accounts:
        accounts.add("carol", display_name="Carol", roles=[Role.LEGAL], now=system_clock())
        accounts.link("carol", issuer=provider.issuer, subject="subject-1", now=system_clock())
    page = make().new_page()
    page.goto("/mod/sign-in")
    page.get_by_role("button", name="Sign in through your organisation").click()
    arrived(page)
    assert "carol" in page.locator("main").inner_text()
    # The session's cookie is strict, and proving again needs it on the way back.
    page.goto("/mod/confirm?next=/mod/account")
    page.get_by_role("button", name="Sign in through your organisation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    assert provider.asked[-1]["max_age"] == "0"


def test_a_link_from_another_site_arrives_signed_in(
    make: Make, service: RunningService, provider: IdentityProvider
) -> None:
    provider.reset()
    provider.subject = "subject-of-dave"
    with accounts_of(service) as accounts:
        accounts.add("dave", display_name="Dave", roles=[Role.LEGAL], now=system_clock())
        accounts.link("dave", issuer=provider.issuer, subject=provider.subject, now=system_clock())
    page = make().new_page()
    page.goto("/mod/sign-in")
    page.get_by_role("button", name="Sign in through your organisation").click()
    arrived(page)
    there = page.url
    page.goto(f"{provider.issuer}/elsewhere")
    page.evaluate("(url) => { location.href = url; }", there)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_everybody_can_use_every_page(make: Make, service: RunningService) -> None:
    page = make(viewport=NARROW, reduced_motion="reduce").new_page()
    give_passkeys(page)
    told: list[object] = []

    def look(where: str) -> None:
        told.extend((where, *one) for one in barriers(page))

    page.goto("/mod/sign-in")
    look("sign-in")
    page.get_by_label("Account name").fill("nobody")
    page.get_by_label("Password").fill("another password")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("refused")
    link = invited(service, "erin")
    page.goto(link)
    look("enrol")
    choose_password(page, link)
    look("codes")
    page.get_by_label("Name for the passkey").fill("telephone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    look("account")
    page.goto("/mod/confirm")
    look("confirm")
    page.goto("/mod/account")
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator("main li code")).to_have_count(10)
    look("recovery")
    assert told == []
