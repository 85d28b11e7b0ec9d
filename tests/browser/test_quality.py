"""What every page keeps to: accessible, light, in its language, and closed to strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from provenance.verdict import Verdict
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import LANGUAGES
from tests.factory.accessible import NARROW, OPEN_ALL, barriers
from tests.factory.console import Console
from tests.factory.stage import Stage

MakeContext = Callable[..., BrowserContext]
PLAIN_PAGES = ["/", "/learn", "/learn/sites", "/learn/lookalike", "/no-such", "/badge?token=x"]
PLAIN_PAGES += ["/report", "/report/follow", "/guidelines", "/policies"]
PLAIN_PAGES += ["/policies/intimate-images/1", "/transparency"]
STATIC = Path(__file__).parents[2] / "provenance" / "pages" / "static"
WEIGHT_BYTES = 100_000
FIRST_PAINT_MS = 1500


def paths(stage: Stage) -> list[str]:
    answers = [f"/r/{stage.answers[verdict.value]}" for verdict in Verdict]
    return [path for path in PLAIN_PAGES if path != "/no-such"] + [*answers, "/r/" + "A" * 22]


def test_everybody_can_use_every_page(context: MakeContext, stage: Stage) -> None:
    page = context(viewport=NARROW, reduced_motion="reduce").new_page()
    told = []
    for path in paths(stage):
        page.goto(path)
        told += [(path, *one) for one in barriers(page)]
    assert told == []


def test_no_style_depends_on_how_wide_a_screen_is() -> None:
    """What `barriers` goes by: a page is the same at every width, so one is looked at."""
    for path in sorted(STATIC.glob("*.css")):
        asked = re.findall(r"@(?:media|container)[^{]*", path.read_text("utf-8"))
        assert [one for one in asked if re.search("width|height|orientation|aspect", one)] == []


def widest(page: Page) -> int:
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    return wide


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_nothing_overflows_at_320_pixels(context: MakeContext, stage: Stage, language: Any) -> None:
    page = context(viewport={"width": 320, "height": 700}, java_script_enabled=False).new_page()
    looked = ["/", "/learn", *(f"/r/{stage.answers[name]}" for name in ("lookalike", "xss"))]
    looked += ["/guidelines", "/policies/intimate-images/1", "/transparency"]
    for path in looked:
        answer = page.goto(f"{path}?lang={language.tag}")
        assert answer is not None
        assert answer.headers["content-language"] == language.tag
        expect(page.locator("html")).to_have_attribute("lang", language.tag)
        page.locator("summary").evaluate_all("(all) => all.forEach((one) => one.click())")
        assert widest(page) <= 320, path
    expect(page.locator("header nav a").first).to_have_text(wording_in(language).text("nav.check"))


def test_the_browsers_language_is_spoken_and_can_be_switched(context: MakeContext) -> None:
    page = context(locale="ko-KR").new_page()
    page.goto("/learn")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.get_by_role("link", name="Español").click()
    expect(page.locator("h1")).to_have_text("Qué significan las respuestas")
    page.locator("header nav a").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    assert page.context.cookies() == []


def test_the_keyboard_reaches_everything_in_reading_order(
    context: MakeContext, stage: Stage
) -> None:
    page = context().new_page()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#file")).to_be_focused()
    page.goto(f"/r/{stage.answers['official']}")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details").first).to_have_attribute("open", "")


def test_weight_and_first_paint(context: MakeContext, stage: Stage) -> None:
    for path in ("/", f"/r/{stage.answers['lookalike']}"):
        paints = []
        # Twice, each time by a browser that has seen nothing: the machine may be busy once.
        for _ in range(2):
            page = context().new_page()
            page.goto(path, wait_until="networkidle")
            weight = page.evaluate(
                "performance.getEntries().filter((e) => e.transferSize)"
                ".reduce((sum, e) => sum + e.transferSize, 0)"
            )
            assert 0 < weight < WEIGHT_BYTES, path
            paints.append(
                page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
        assert min(paints) < FIRST_PAINT_MS, path


def test_a_strangers_markup_stays_text_in_every_field_and_language(
    context: MakeContext, stage: Stage
) -> None:
    page = context().new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    for name in ("xss", "official-withdrawn"):
        for language in LANGUAGES[:4]:
            page.goto(f"/r/{stage.answers[name]}?lang={language.tag}")
            page.evaluate(OPEN_ALL)
            assert page.evaluate("window.hacked") is None
            assert page.locator("main script, main img[src=x]").count() == 0
            assert "window.hacked=1" in page.locator("main").inner_text()
            assert "{{7*7}}" in page.locator("main").inner_text()
    page.goto(f"/r/{stage.answers['xss']}/history.svg")
    assert page.evaluate("document.querySelectorAll('script, image').length") == 0
    assert problems == []


@pytest.mark.parametrize(
    "query", ["lang=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "token=%3Cimg%20src=x%3E", "x=1"]
)
def test_what_an_address_says_is_never_repeated(stage: Stage, query: str) -> None:
    with stage.service.client() as client:
        for path in ("/", "/learn", "/badge", "/learn/%3Cscript%3E", "/r/%3Cscript%3E"):
            answer = client.get(f"{path}?{query}", headers={"Accept": "text/html"})
            assert "<script>" not in answer.text
            assert "<img src=x" not in answer.text


def test_headers_of_every_page(stage: Stage) -> None:
    with stage.service.client() as client:
        for path in paths(stage):
            answer = client.get(path, headers={"Accept": "text/html"})
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe-inline" not in policy
            assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "set-cookie" not in answer.headers
            assert " style=" not in answer.text
            assert " onclick=" not in answer.text


def test_a_page_cannot_be_framed(context: MakeContext, stage: Stage) -> None:
    page = context(bypass_csp=False).new_page()
    host = stage.url.replace("127.0.0.1", "localhost")
    page.route("**/host.html", lambda route: route.fulfill(
        content_type="text/html", body=f"<iframe src='{stage.url}/'></iframe>"))  # fmt: skip
    page.goto(f"{host}/host.html")
    framed = page.frames[1]
    assert framed.url == "chrome-error://chromewebdata/"
    assert "Who released" not in framed.content()


STRANGERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", STRANGERS)
def test_no_other_website_makes_a_visitor_send_a_file_or_make_a_badge(
    stage: Stage, headers: dict[str, str]
) -> None:
    file = {"file": ("x.jpg", stage.files[Verdict.UNVERIFIED].read_bytes(), "image/jpeg")}
    with stage.service.client() as client:
        answers = [
            client.post("/check", files=file, headers=headers),
            client.put("/check", content=b"x", headers=headers),
            client.post(
                f"/r/{stage.answers['official']}/badge",
                data={"origin": "https://evil.example"},
                headers=headers,
            ),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        own = client.post("/check", files=file, headers={"Sec-Fetch-Site": "same-origin"})
        assert own.status_code == 303


def test_what_answers_a_form_is_there_in_every_language(stage: Stage, console: Console) -> None:
    """A page at an address where only forms are taken leads to none where nothing is."""
    case = console.claimed("https://v.example/languages", "ro-reviewer")
    forms = {
        "/check": {"text": "no file"},
        f"/r/{stage.answers['official']}/badge": {"origin": "https://a.example"},
        "/report": {"url": "https://a.example"},
        f"/mod/cases/{case}/preview": {"csrf": console.csrf("ro-reviewer")},
    }
    with console.client("ro-reviewer") as client:
        for path, data in forms.items():
            page = client.post(f"{path}?lang=en", data=data).text
            links = re.findall(r'<a href="([^"]+)" lang="([^"]+)" hreflang', page)
            assert len(links) == len(LANGUAGES), path
            for link, tag in links:
                answer = client.get(unescape(link))
                assert answer.status_code == 200, link
                assert f'<html lang="{tag}">' in answer.text


def test_a_guessed_link_says_nothing(stage: Stage) -> None:
    known = stage.answers["official"]
    guesses = ["A" * 22, known[:-1], known[:-1] + ("A" if known[-1] != "A" else "B"), "%00"]
    with stage.service.client() as client:
        pages: list[httpx2.Response] = [client.get(f"/r/{guess}?lang=en") for guess in guesses]
        pictures = [client.get(f"/r/{'A' * 22}/{name}.svg") for name in ("qr", "history", "badge")]
    assert {answer.status_code for answer in [*pages, *pictures]} == {404}
    assert all("There is nothing here" in answer.text for answer in pages)
    assert all("Aurora" not in answer.text for answer in pages)


def test_pictures_and_static_files_are_only_those_that_are_there(stage: Stage) -> None:
    with stage.service.client() as client:
        for path in (
            "/static/x/../page.css",
            "/static/x/..%2fassets.py",
            "/static/x/.hidden.css",
            "/pictures/..%2f..%2fservice.pem",
            "/pictures/" + "a" * 64 + ".jpg",
            "/pictures/" + "a" * 64 + ".svg",
        ):
            assert client.get(path).status_code == 404, path
        answer = client.get("/static/wrong/page.css")
        assert answer.headers["cache-control"] == "public, no-cache"
