"""A badge on somebody's page: it shows the verdict where it belongs, and nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

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
    found = re.search(r'for="ID" token="([^"]+)"', _code(stage, report, origin))
    assert found
    return found.group(1)


def _code(stage: Stage, report: str, origin: str) -> str:
    """What is given to be put into a page."""
    with stage.service.client() as client:
        answer = client.post(f"/r/{report}/badge", data={"origin": origin})
    assert answer.status_code == 200, answer.text
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", answer.text, re.DOTALL)
    assert found
    return unescape(found.group(1))


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
    expect(page.locator("provenance-badge")).to_have_attribute("data-state", state)


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


def expect_text(page: Page, begins: str) -> None:
    page.wait_for_function("(begins) => window.badgeText().startsWith(begins)", arg=begins)


def test_a_badge_beside_its_file(page: Page, stage: Stage, site: Website, token: str) -> None:
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "official")
    assert text(page) == "TEST. Official releaseRe-checked now: the same file"
    answer = f"{stage.url}/r/{stage.answers['official']}"
    assert page.evaluate("window.badgeLink()") == answer


def test_all_of_the_code_in_a_page_is_one_badge(
    page: Page, stage: Stage, site: Website, context: MakeContext
) -> None:
    """The badge for places without scripts does not look at the file it stands beside."""
    code = _code(stage, stage.answers["official"], site.origin)
    for medium, state in zip(two(stage, site), ("official", "wrong"), strict=True):
        body = f"<!doctype html><html lang=en><title>x</title><img id=ID src='{medium}'>{code}"
        address = site.put("/whole.html", body, "text/html")
        page.goto(address)
        expect_badge(page, state)
        assert page.locator("img").count() == 1
    without = context(java_script_enabled=False).new_page()
    without.goto(address)
    expect(without.locator("img[src$='/badge.svg']")).to_be_visible()
    expect(without.get_by_role("button")).to_be_visible()


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


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/pjpeg", ""])
def test_the_same_bytes_under_another_name_of_their_type(
    page: Page, stage: Stage, site: Website, token: str, kind: str
) -> None:
    """Servers name types as they like; the bytes are what the token is about."""
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/named.bin", picture, kind))
    expect_badge(page, "official")
    shown(page, stage, site, token, site.put("/named.bin", picture + b"\0", kind))
    expect_badge(page, "wrong")
    assert text(page).startswith("Not re-checked here" if kind else WRONG)


def two(stage: Stage, site: Website) -> tuple[str, str]:
    """The official picture's address, and another one's."""
    official = stage.files[Verdict.OFFICIAL].read_bytes()
    other = stage.files[Verdict.SIGNED_UNRECOGNISED].read_bytes()
    return site.put("/a.jpg", official, "image/jpeg"), site.put("/b.jpg", other, "image/jpeg")


def test_a_badge_that_is_moved_is_checked_again(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    picture, _ = two(stage, site)
    shown(page, stage, site, token, picture)
    expect_badge(page, "official")
    move = """() => {
        const place = document.body.appendChild(document.createElement("div"));
        place.append(document.querySelector("provenance-badge"));
    }"""
    with page.expect_request("**/badge-standing?*"):
        page.evaluate(move)
    expect_badge(page, "official")
    # The same move, after the bytes at the address became others.
    site.files["/a.jpg"] = site.files["/b.jpg"]
    page.evaluate(move)
    expect_badge(page, "wrong")
    assert text(page).startswith(WRONG)
    two(stage, site)
    page.evaluate(move)
    expect_badge(page, "official")
    assert errors == []


SHOW = {
    "img": "(address) => { document.getElementById('it').src = address; }",
    "srcset": "(address) => { document.getElementById('it').srcset = address; }",
    "replaced": """(address) => {
        const fresh = document.createElement("img");
        fresh.id = "it";
        fresh.src = address;
        document.getElementById("it").replaceWith(fresh);
    }""",
    "video": "(address) => { document.getElementById('it').src = address; }",
    "source": """(address) => {
        const clip = document.getElementById("it");
        clip.replaceChildren(Object.assign(document.createElement("source"), { src: address }));
        clip.load();
    }""",
    "a": "(address) => { document.getElementById('it').href = address; }",
}


@pytest.mark.parametrize("how", list(SHOW))
def test_a_medium_that_shows_something_else_later(
    page: Page, stage: Stage, site: Website, token: str, how: str
) -> None:
    """A carousel: the badge stands there all the time, and the pictures change beside it."""
    picture, other = two(stage, site)
    tag = how if how in ("video", "a") else {"source": "video"}.get(how, "img")
    page.goto(
        site.put(
            "/carousel.html",
            f"<!doctype html><html lang=en><title>x</title><{tag} id=it></{tag}>"
            f"<provenance-badge for=it token='{token}'></provenance-badge>"
            f"<script type=module src='{stage.url}/badge.js'></script>",
            "text/html",
        )
    )
    for address, state in ((picture, "official"), (other, "wrong"), (picture, "official")):
        page.evaluate(SHOW[how], address)
        expect_badge(page, state)
        if state == "wrong":
            expect_text(page, WRONG)


def test_a_stream_is_no_file(page: Page, stage: Stage, site: Website, token: str) -> None:
    picture, _ = two(stage, site)
    page.goto(
        site.put(
            "/stream.html",
            f"<!doctype html><html lang=en><title>x</title><video id=it src='{picture}'></video>"
            f"<provenance-badge for=it token='{token}'></provenance-badge>"
            f"<script type=module src='{stage.url}/badge.js'></script>",
            "text/html",
        )
    )
    expect_badge(page, "official")
    page.evaluate("document.getElementById('it').srcObject = new MediaStream()")
    expect_text(page, "Not re-checked here")
    page.evaluate("document.getElementById('it').srcObject = null")
    expect_badge(page, "official")


def test_a_badge_that_is_given_another_token_or_medium(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    picture, other = two(stage, site)
    shown(page, stage, site, token, picture)
    page.evaluate(f"document.body.insertAdjacentHTML('beforeend', \"<img id=b src='{other}'>\")")
    badge = page.locator("provenance-badge")
    expect_badge(page, "official")
    for attribute, value, says in (
        ("token", "a.b.c", "This badge is not valid."),
        ("for", "b", WRONG),
    ):
        before = badge.get_attribute(attribute)
        badge.evaluate(f"(badge) => badge.setAttribute('{attribute}', '{value}')")
        expect_badge(page, "wrong")
        expect_text(page, says)
        badge.evaluate(f"(badge) => badge.setAttribute('{attribute}', '{before}')")
        expect_badge(page, "official")


def test_while_it_is_checked_again_it_says_nothing(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    """And an answer about what was there before comes too late."""
    picture, other = two(stage, site)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shown(page, stage, site, token, picture)
    expect_badge(page, "official")
    page.route("**/badge-standing?*", hold)
    with page.expect_request("**/badge-standing?*"):
        page.evaluate(f"document.getElementById('it').src = '{picture}?2'")
    expect_badge(page, "checking")
    expect_text(page, "Checking…")
    page.evaluate(f"document.getElementById('it').src = '{other}'")
    expect_badge(page, "wrong")
    expect_text(page, WRONG)
    with page.expect_response("**/badge-standing?*"):
        held[0].continue_()
    # Whatever follows from that answer has followed once another one is here.
    page.unroute("**/badge-standing?*")
    page.evaluate(f"fetch('{stage.url}/badge-standing?token=x')")
    expect_text(page, WRONG)
    page.evaluate(f"document.getElementById('it').src = '{picture}'")
    expect_badge(page, "official")


def test_a_picture_that_is_still_on_its_way_is_waited_for(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    picture, other = two(stage, site)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shown(page, stage, site, token, picture)
    expect_badge(page, "official")
    page.route("**/b.jpg", hold)
    with page.expect_request("**/b.jpg"):
        page.evaluate(f"document.getElementById('it').src = '{other}'")
    expect_badge(page, "checking")
    held[0].continue_()
    page.unroute("**/b.jpg")
    expect_badge(page, "wrong")
    expect_text(page, WRONG)


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


DAY_MS = 24 * 60 * 60 * 1000


HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize(
    ("days", "says"),
    [(0.01, "official"), (1, "official"), (31, "wrong")],
    ids=["for-minutes", "for-a-day", "longer-than-the-badge"],
)
def test_a_page_that_stays_open(
    page: Page, stage: Stage, site: Website, days: float, says: str
) -> None:
    """A page that is open for longer than its badge holds says so."""
    page.clock.install()
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    token = made(stage, "official", site.origin)
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "official")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(HIDDEN, arg=True)
    page.clock.fast_forward(int(days * DAY_MS))
    # What nobody sees asks nobody.
    assert (text(page).startswith("TEST. Official release"), asked) == (True, [])
    page.evaluate(HIDDEN, arg=False)
    expect_badge(page, says)
    assert bool(asked) is (days >= 1)
    if says == "wrong":
        expect_text(page, "This badge has expired.")


def test_a_page_that_is_looked_at_for_hours_is_checked_again(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    page.clock.install()
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "official")
    with page.expect_request("**/badge-standing?*"):
        page.clock.fast_forward(2 * 60 * 60 * 1000)
    expect_badge(page, "official")


@pytest.mark.parametrize("part", ["badge-words*", ".well-known/provenance-keys.json"])
def test_a_service_that_cannot_be_asked_accuses_no_badge(
    page: Page, stage: Stage, site: Website, token: str, part: str
) -> None:
    """Nor does it vouch for one: nobody knows. The next time it is asked again."""

    def busy(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=503, headers=headers, json={"title": "busy"})

    def cut(route: Route) -> None:
        route.abort()

    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    for refuse in (busy, cut):
        page.route(f"**/{part}", refuse)
        shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
        expect_badge(page, "wrong")
        assert text(page) == ("?" if "words" in part else "Not re-checked here")
        page.unroute(f"**/{part}")
        page.locator("provenance-badge").evaluate("(it) => it.setAttribute('for', 'it')")
        expect_badge(page, "official")


def test_a_page_without_tls_cannot_tell(
    page: Page, stage: Stage, site: Website, token: str
) -> None:
    page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    picture = stage.files[Verdict.OFFICIAL].read_bytes()
    shown(page, stage, site, token, site.put("/a.jpg", picture, "image/jpeg"))
    expect_badge(page, "wrong")
    assert text(page).startswith("Not re-checked here")


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
