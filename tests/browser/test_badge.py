"""A badge on somebody's page: it shows the verdict where it belongs, and nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from provenance.media.decoding.encoding import encode_picture
from provenance.registry.register.register import Register
from provenance.runtime.clock import system_clock
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import Verdict
from tests.factory.registers import Desk
from tests.factory.scenes import photo
from tests.factory.sign import sign
from tests.factory.stage import Stage, take_release
from tests.factory.website import Website, running_website

MakeContext = Callable[..., BrowserContext]
WRONG = "This badge does not belong to this page."


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    """The agency's website."""
    with running_website() as running:
        yield running


@pytest.fixture(scope="module")
def other() -> Iterator[Website]:
    """Anybody else's."""
    with running_website() as running:
        yield running


@pytest.fixture(scope="module")
def token(stage: Stage, site: Website) -> str:
    """A badge for the official picture on the agency's website."""
    return made(stage, "official", site.origin)


def made(stage: Stage, name: str, origin: str) -> str:
    return _token(stage, stage.answers[name], origin)


def _token(stage: Stage, report: str, origin: str) -> str:
    with stage.service.client() as client:
        answer = client.post(f"/r/{report}/badge", data={"origin": origin})
    assert answer.status_code == 200, answer.text
    found = re.search(r'for="ID" token="([^"]+)"', unescape(answer.text))
    assert found
    return found.group(1)


def shown(
    page: Page, stage: Stage, where: Website, token: str, medium: str, *, path: str = "/page.html"
) -> None:
    body = (
        f"<!doctype html><html lang=en><title>x</title><img id=it src='{medium}'>"
        f"<provenance-badge for=it token='{token}'><a href='{stage.url}'>plain</a>"
        f"</provenance-badge><script type=module src='{stage.url}/badge.js'></script>"
    )
    page.goto(where.put(path, body, "text/html"))


def expect_badge(page: Page, state: str) -> None:
    badge = page.locator("provenance-badge")
    expect(badge).to_have_attribute("data-state", state)
    if state == "wrong":
        # While it is still checking, it looks the same.
        page.wait_for_timeout(400)
        expect(badge).to_have_attribute("data-state", state)


PEEK = """() => {
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (options) {
        const root = attach.call(this, options);
        window.badgeText = () => root.textContent;
        window.badgeLink = () => root.querySelector("a").href;
        return root;
    };
}"""


@pytest.fixture
def page(context: MakeContext) -> Page:
    fresh = context().new_page()
    fresh.add_init_script(f"({PEEK})()")
    return fresh


def text(page: Page) -> str:
    said: str = page.evaluate("window.badgeText()")
    return said


def test_a_badge_beside_its_file(page: Page, stage: Stage, site: Website, token: str) -> None:
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "official")
    assert text(page) == "TEST. Official releaseRe-checked now: the same file"
    answer = f"{stage.url}/r/{stage.answers['official']}"
    assert page.evaluate("window.badgeLink()") == answer


def test_a_badge_of_a_release_that_was_withdrawn_since(
    page: Page, stage: Stage, site: Website, agency_signer: MemorySigner
) -> None:
    signed = sign(encode_picture(photo(603), "jpeg"), "image/jpeg", signer=agency_signer)
    desk = Desk(agency_signer)
    with Register(stage.register) as register:
        take_release(register, desk, "NOVA9-2026-603", signed)
        with stage.service.client() as client:
            answer = client.post("/check", files={"file": ("a.jpg", signed, "image/jpeg")})
        assert answer.status_code == 303, answer.text
        report = answer.headers["Location"].rpartition("/")[2]
        badge = _token(stage, report, site.origin)
        picture = site.put("/603.jpg", signed, "image/jpeg")
        shown(page, stage, site, badge, picture)
        expect_badge(page, "official")
        assert "Official release" in _drawn(stage, report)

        register.take([desk.withdraw("NOVA9-2026-603")], at=system_clock())

    shown(page, stage, site, badge, picture)
    expect_badge(page, "wrong")
    assert text(page).startswith("Out of date: see the answer again")
    with stage.service.client() as client:
        answer = client.get("/badge", params={"token": badge, "lang": "en"})
        assert "Out of date" in answer.text
        standing = client.get("/badge-standing", params={"token": badge})
    assert (standing.json(), standing.headers["Cache-Control"]) == ({"stands": False}, "no-store")
    assert "Out of date" in _drawn(stage, report)


def _drawn(stage: Stage, report: str) -> str:
    """The badge for places without scripts."""
    with stage.service.client() as client:
        return client.get(f"/r/{report}/badge.svg", params={"lang": "en"}).text


def test_a_badge_copied_to_another_page(
    page: Page, stage: Stage, other: Website, token: str
) -> None:
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, other, token, other.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "wrong")
    assert text(page).startswith(WRONG)


def test_a_badge_beside_another_file(page: Page, stage: Stage, site: Website, token: str) -> None:
    picture = stage.files[Verdict.SIGNED_UNRECOGNISED].read_bytes()
    shown(page, stage, site, token, site.put("/b.jpg", picture, "image/jpeg"))
    expect_badge(page, "wrong")
    assert text(page).startswith(WRONG)


def test_a_badge_beside_nothing(page: Page, stage: Stage, site: Website, token: str) -> None:
    body = (
        f"<provenance-badge token='{token}'></provenance-badge>"
        f"<script type=module src='{stage.url}/badge.js'></script>"
    )
    page.goto(site.put("/none.html", body, "text/html"))
    expect_badge(page, "wrong")


def test_a_badge_inside_a_frame_of_another_page(
    page: Page, stage: Stage, site: Website, other: Website, token: str
) -> None:
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"), path="/framed.html")
    expect_badge(page, "official")
    page.goto(
        other.put("/frame.html", f"<iframe src='{site.origin}/framed.html'></iframe>", "text/html")
    )
    badge = page.frame_locator("iframe").locator("provenance-badge")
    expect(badge).to_have_attribute("data-state", "wrong")
    page.wait_for_timeout(400)
    expect(badge).to_have_attribute("data-state", "wrong")
    said = page.frames[1].evaluate("window.badgeText()")
    assert said.startswith(WRONG)


def test_bytes_that_may_not_be_read(
    page: Page, stage: Stage, site: Website, other: Website, token: str
) -> None:
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, other.put("/cdn.jpg", picture, "image/jpeg"))
    expect_badge(page, "wrong")
    assert text(page).startswith("Not re-checked here")


def test_bytes_that_a_network_turned_into_another_format(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    shown(page, stage, site, token, site.put("/a.webp", b"RIFF....WEBP", "image/webp"))
    expect_badge(page, "wrong")
    assert text(page).startswith("Not re-checked here")


def forge(token: str, **changes: object) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims.update(changes)
    new = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{new}.{signature}"


def unsigned(token: str) -> str:
    _, body, _ = token.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"provenance-badge+jwt"}').rstrip(b"=")
    return f"{head.decode()}.{body}."


@pytest.mark.parametrize("kind", ["forged", "none", "nonsense"])
def test_a_token_that_the_service_did_not_sign(
    page: Page, stage: Stage, site: Website, token: str, kind: str
) -> None:
    bad = {
        "forged": forge(token, verdict="official", exp=4_000_000_000),
        "none": unsigned(token),
        "nonsense": "a.b.c",
    }[kind]
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, bad, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "wrong")
    assert text(page) == "This badge is not valid."
    with stage.service.client() as client:
        answer = client.get("/badge", params={"token": bad, "lang": "en"})
    assert "This badge is not valid." in answer.text


def test_an_expired_badge(page: Page, stage: Stage, site: Website, token: str) -> None:
    page.clock.install(time="2031-01-01T00:00:00Z")
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    badge = page.locator("provenance-badge")
    expect(badge).to_have_attribute("data-state", "wrong")
    page.wait_for_function("window.badgeText().startsWith('This badge has expired.')")


def test_without_scripts_a_badge_is_a_link_and_a_form(
    context: MakeContext, stage: Stage, site: Website
) -> None:
    with stage.service.client() as client:
        answer = client.post(
            f"/r/{stage.answers['unverified']}/badge?lang=en", data={"origin": site.origin}
        )
    code = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert code
    plain = context(java_script_enabled=False).new_page()
    plain.goto(site.put("/plain.html", unescape(code.group(1)), "text/html"))
    expect(plain.locator("img")).to_have_js_property("naturalHeight", 32)
    plain.get_by_role("button", name="See the answer").click()
    expect(plain.locator("main")).to_contain_text(site.origin)
    plain.get_by_role("link", name="See the answer").click()
    expect(plain.locator(".answer .label")).to_have_text("Unverified")


@pytest.mark.parametrize(
    "origin", ["http://aurora.example", "https://aurora.example/x", "javascript:alert(1)", ""]
)
def test_a_badge_is_only_for_a_website(stage: Stage, origin: str) -> None:
    with stage.service.client() as client:
        answer = client.post(f"/r/{stage.answers['official']}/badge", data={"origin": origin})
    assert answer.status_code == 422
    assert "token" not in answer.text
