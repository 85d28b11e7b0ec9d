"""Somebody reports a problem: all the way, with and without scripts, in any language."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, Request, expect

from provenance.verdict import Verdict
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import LANGUAGES
from tests.browser.test_quality import WEIGHT_BYTES, widest
from tests.factory.accessible import NARROW, barriers
from tests.factory.deciding import Decided, decide
from tests.factory.stage import XSS, Stage

MakeContext = Callable[..., BrowserContext]
ENGLISH = wording_in(LANGUAGES[1])
PAGE = "https://video.example/watch?v=1"
REFERENCE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


def fill(page: Page, *, category: str = "impersonation", role: str = "anyone") -> None:
    page.locator(f"[name=category][value={category}]").check()
    page.locator("#explanation").fill("It poses as NOVA9.")
    page.locator(f"[name=role][value={role}]").check()
    page.locator("#good_faith").check()


def send(page: Page) -> tuple[str, str]:
    """Send what is filled in: reference and PIN."""
    page.locator("main form button.primary").click()
    expect(page.locator("#pin")).to_have_text(re.compile("[0-9]{8}"))
    ref = page.locator("#ref").inner_text()
    assert REFERENCE.fullmatch(ref)
    return ref, page.locator("#pin").inner_text()


def reported(page: Page, **filled: str) -> tuple[str, str]:
    page.goto("/report?lang=en")
    page.locator("#url").fill(PAGE)
    fill(page, **filled)
    return send(page)


def followed(page: Page, ref: str, pin: str) -> None:
    page.goto(f"/report/{ref}?lang=en")
    expect(page.locator("#ref")).to_have_value(ref)
    page.locator("#pin").fill(pin)
    page.get_by_role("button", name="Show my report").click()
    expect(page.locator("h1")).to_have_text(f"Report {ref}")


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_the_whole_way(context: MakeContext, *, scripts: bool) -> None:
    page = context(java_script_enabled=scripts).new_page()
    page.goto("/?lang=en")
    page.get_by_role("link", name="Report", exact=True).click()
    page.locator("#url").fill(PAGE)
    fill(page)
    ref, pin = send(page)
    expect(page.locator("main")).to_contain_text("You get an answer by")
    page.get_by_role("link", name="Follow this report").click()
    expect(page).to_have_url(re.compile(r"/report/.*lang=en"))
    page.locator("#pin").fill(pin)
    page.get_by_role("button", name="Show my report").click()
    expect(page.locator("h1")).to_have_text(f"Report {ref}")
    page.locator("#info").fill("It is on a second site too.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".notice")).to_have_text("It has been added.")
    expect(page.locator(".messages")).to_contain_text("It is on a second site too.")
    page.locator("summary", has_text="Withdraw the report").click()
    page.get_by_role("button", name="Withdraw the report").click()
    expect(page.locator(".state")).to_have_text("You have withdrawn it.")
    expect(page.locator("#info")).to_have_count(0)
    # Nothing was stored about this visitor, and the PIN stands in no address.
    assert page.context.cookies() == []
    assert pin not in page.url


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_one_tap_from_an_answer_attaches_it(
    context: MakeContext, stage: Stage, *, scripts: bool
) -> None:
    page = context(java_script_enabled=scripts).new_page()
    page.goto(f"/r/{stage.answers['lookalike']}?lang=en")
    page.get_by_role("link", name="Report a problem with this").click()
    data = (stage.files[Verdict.OFFICIAL].parent / "copy.jpg").read_bytes()
    expect(page.locator(".attached")).to_contain_text(hashlib.sha256(data).hexdigest())
    expect(page.locator(".attached")).to_contain_text("Unverified. Looks like a release")
    # Another language keeps it attached.
    page.get_by_role("link", name="Español").click()
    expect(page.locator(".attached")).to_contain_text(hashlib.sha256(data).hexdigest())
    # After an error too, where only the form has it.
    page.locator("main form button.primary").click()
    expect(page.locator("#errors")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.locator(".attached")).to_contain_text(hashlib.sha256(data).hexdigest())
    fill(page)
    send(page)


def test_a_report_that_is_not_there_attaches_nothing_and_says_nothing(
    context: MakeContext,
) -> None:
    page = context().new_page()
    page.goto(f"/report?r={'A' * 22}")
    expect(page.locator(".attached")).to_have_count(0)
    expect(page.locator("#digest")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_what_was_typed_stays_after_an_error_and_the_errors_lead_to_their_fields(
    context: MakeContext, *, scripts: bool
) -> None:
    page = context(java_script_enabled=scripts).new_page()
    page.goto("/report?lang=en")
    page.locator("#url").fill("video.example")
    page.locator("#explanation").fill('Two lines,\nand "quotes" & <b>marks</b>.')
    page.locator("#name").fill("A fan")
    page.get_by_role("button", name="Send the report").click()
    summary = page.locator("#errors")
    expect(summary).to_be_focused()
    told = summary.locator("a").all_inner_texts()
    assert told == [
        "The address has to begin with https:// or http://",
        "Choose what is wrong.",
        "Choose who you are in this.",
        "Please tick this box: the law asks for it.",
    ]
    expect(page.locator("#url")).to_have_value("video.example")
    expect(page.locator("#explanation")).to_have_value('Two lines,\nand "quotes" & <b>marks</b>.')
    expect(page.locator("#name")).to_have_value("A fan")
    expect(page.locator("#url")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#url")).to_have_attribute("aria-describedby", "url-wrong")
    for link in summary.locator("a").all():
        link.click()
        name = (link.get_attribute("href") or "").removeprefix("#")
        assert page.locator(f"#{name}").count() == 1
    page.locator("#url").fill(PAGE)
    fill(page)
    send(page)


@pytest.mark.parametrize("wrong", [True, False])
def test_what_is_wrong_with_more_is_told_where_the_page_begins(
    context: MakeContext,
    wrong: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    page = context(java_script_enabled=False).new_page()
    followed(page, *reported(page))
    if not wrong:
        # Arabic stands as it is read, from the right.
        page.locator("#info").fill("مرحبا")
    page.get_by_role("button", name="Send", exact=True).click()
    if wrong:
        expect(page.locator("#errors")).to_be_focused()
        expect(page.locator("#errors a")).to_have_attribute("href", "#info")
        expect(page.locator("#info")).to_have_attribute("aria-invalid", "true")
    else:
        expect(page.locator("#errors")).to_have_count(0)
        assert (
            page.locator(".messages .told").first.evaluate("(it) => getComputedStyle(it).direction")
            == "rtl"
        )


def test_the_form_says_what_each_category_needs(context: MakeContext) -> None:
    page = context(java_script_enabled=False).new_page()
    page.goto("/report?lang=en")
    needs = {
        "impersonation": "You may leave these empty.",
        "intimate-image": "48 hours",
        "child-safety": "You do not have to say who you are.",
        "copyright": "Name, email and signature are needed",
    }
    for category, words in needs.items():
        page.locator(f"[name=category][value={category}]").check()
        shown = page.locator(".need:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text(words)
        signs = category in {"intimate-image", "copyright"}
        expect(page.locator("#signature")).to_be_visible(visible=signs)
    page.locator("[name=role][value=agency]").check()
    expect(page.locator(".need.keyed")).to_be_visible()


def test_help_for_what_was_reported(context: MakeContext) -> None:
    page = context(locale="ko-KR").new_page()
    page.goto("/report")
    page.locator("#url").fill(PAGE)
    fill(page, category="intimate-image", role="depicted-person")
    page.locator("#email").fill("fan@mail.example")
    page.locator("#signature").fill("김하늘")
    page.locator("main form button.primary").click()
    helped = page.locator(".help")
    expect(helped).to_contain_text("당신 잘못이 아닙니다")
    links = helped.locator("a").evaluate_all("(all) => all.map((one) => one.href)")
    assert links == [
        "https://d4u.stop.or.kr/",
        "https://stopncii.org/",
        "https://takeitdown.ncmec.org/",
    ]
    assert all(
        rel == "noopener noreferrer"
        for rel in helped.locator("a").evaluate_all("(all) => all.map((one) => one.rel)")
    )
    # Who reports is not shown again.
    assert "fan@mail.example" not in page.content()
    assert "김하늘" not in page.content()


SIZES = [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1_000_003]


def test_the_fingerprint_is_made_on_the_device_and_no_byte_of_the_file_is_sent(
    context: MakeContext, tmp_path: Path
) -> None:
    page = context().new_page()
    sent: list[Request] = []
    page.goto("/report?lang=en", wait_until="networkidle")

    def note(request: Request) -> None:
        sent.append(request)

    page.context.on("request", note)
    data = b""
    for size in SIZES:
        data = os.urandom(size)
        file = tmp_path / f"{size}.bin"
        file.write_bytes(data)
        page.locator("#file").set_input_files(file)
        expect(page.locator("#digest")).to_have_value(hashlib.sha256(data).hexdigest())
    expect(page.locator("#file-status")).to_contain_text("The file stayed on your device.")
    assert sent == []
    fill(page)
    send(page)
    bodies = b"".join(request.post_data_buffer or b"" for request in sent)
    assert hashlib.sha256(data).hexdigest().encode() in bodies
    assert len(bodies) < 4000
    assert not any(data[at : at + 16] in bodies for at in range(0, len(data), 16))
    assert b"1000003.bin" not in bodies


SLOW = """() => {
    const stream = Blob.prototype.stream;
    const go = new Promise((resolve) => { window.go = resolve; });
    Blob.prototype.stream = function () {
        const source = stream.call(this).getReader();
        return new ReadableStream({ async pull(controller) {
            await go;
            const { done, value } = await source.read();
            if (done) controller.close(); else controller.enqueue(value);
        } });
    };
}"""


@pytest.mark.parametrize("waits", [True, False])
def test_a_report_waits_for_the_fingerprint_of_its_file(
    context: MakeContext,
    waits: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    page = context().new_page()
    page.add_init_script(f"({SLOW})()")
    page.goto("/report?lang=en", wait_until="networkidle")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    data = os.urandom(2000)
    page.locator("#url").fill(PAGE)
    page.locator("#file").set_input_files(
        {"name": "a.bin", "mimeType": "video/mp4", "buffer": data}
    )
    fill(page)
    if not waits:
        page.evaluate("window.go()")
        expect(page.locator("#file-status")).to_contain_text("stayed on your device")
    page.locator("main form button.primary").click()
    if waits:
        page.locator("main form button.primary").click()
        expect(page.locator("#file-status")).to_contain_text("fingerprint")
        assert sent == []
        page.evaluate("window.go()")
    expect(page.locator("#pin")).to_have_text(re.compile("[0-9]{8}"))
    assert len(sent) == 1
    assert hashlib.sha256(data).hexdigest() in (sent[0].post_data or "")


def test_the_fingerprint_goes_with_its_file_and_what_was_typed_stays(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/report?lang=en", wait_until="networkidle")
    one: FilePayload = {"name": "a.bin", "mimeType": "video/mp4", "buffer": b"a"}
    page.locator("#file").set_input_files(one)
    expect(page.locator("#digest")).to_have_value(hashlib.sha256(b"a").hexdigest())
    page.locator("#file").set_input_files([])
    expect(page.locator("#digest")).to_have_value("")
    page.locator("#file").set_input_files(one)
    expect(page.locator("#digest")).to_have_value(hashlib.sha256(b"a").hexdigest())
    page.locator("#digest").fill("b" * 64)
    page.locator("#file").set_input_files([])
    expect(page.locator("#digest")).to_have_value("b" * 64)


def test_the_same_pin_page_whether_there_is_such_a_report_or_not(context: MakeContext) -> None:
    page = context().new_page()
    ref, pin = reported(page)
    other = "0000-0000-0000"
    pages = []
    for asked in (ref, other):
        page.goto(f"/report/{asked}?lang=en")
        pages.append(page.locator("main").inner_html().replace(asked, "REF"))
    assert pages[0] == pages[1]
    told = []
    wrong = "0" * 8 if pin != "0" * 8 else "1" * 8
    for asked in (ref, other):
        page.goto("/report/follow?lang=en")
        page.locator("#ref").fill(asked)
        page.locator("#pin").fill(wrong)
        page.get_by_role("button", name="Show my report").click()
        told.append(page.locator("#errors").inner_text())
    assert told[0] == told[1] == "No report fits this reference and PIN. Please check both."
    followed(page, ref, pin)


def test_with_the_keyboard_alone(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/report?lang=en")
    page.locator("#url").focus()
    page.keyboard.type(PAGE)
    for _ in range(3):
        # The file, the fingerprint, the category.
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[name=category][value=impersonation]")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("It poses as NOVA9.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("[name=role][value=depicted-person]")).to_be_checked()
    for _ in range(3):
        # Name, email, the declaration: the field that is none is not among them.
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#good_faith")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_have_text(re.compile("[0-9]{8}"))


def every_page(page: Page, language: str = "en") -> Any:
    """Goes to each page of the way in turn, and names it."""
    page.goto(f"/report?lang={language}")
    yield "report"
    page.locator("#url").fill("x")
    page.locator("[name=category][value=copyright]").check()
    page.locator("main form button.primary").click()
    expect(page.locator("#errors")).to_be_visible()
    yield "errors"
    page.locator("#url").fill(PAGE)
    fill(page, category="intimate-image")
    ref, pin = send(page)
    yield "reported"
    page.goto(f"/report/{ref}?lang={language}")
    yield "follow"
    page.locator("#pin").fill("no")
    page.locator("main form button.primary").click()
    expect(page.locator("#errors")).to_be_visible()
    yield "wrong"
    page.locator("#pin").fill(pin)
    page.locator("main form button.primary").click()
    page.locator("#info").fill("More words.")
    page.locator("main form button").first.click()
    expect(page.locator(".messages")).to_contain_text("More words.")
    yield "followed"


def test_everybody_can_use_every_page_on_the_way(context: MakeContext) -> None:
    page = context(viewport=NARROW, reduced_motion="reduce").new_page()
    told = []
    for name in every_page(page):
        told += [(name, *one) for one in barriers(page)]
    assert told == []


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_nothing_overflows_at_320_pixels_on_the_way(context: MakeContext, language: Any) -> None:
    page = context(viewport={"width": 320, "height": 700}, java_script_enabled=False).new_page()
    for name in every_page(page, language.tag):
        page.locator("summary").evaluate_all("(all) => all.forEach((one) => one.click())")
        assert widest(page) <= 320, name
        expect(page.locator("html")).to_have_attribute("lang", language.tag)


def test_the_form_is_light(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/report", wait_until="networkidle")
    weight = page.evaluate(
        "performance.getEntries().filter((e) => e.transferSize)"
        ".reduce((sum, e) => sum + e.transferSize, 0)"
    )
    assert 0 < weight < WEIGHT_BYTES


@pytest.mark.parametrize("language", LANGUAGES[:4], ids=lambda language: language.tag)
def test_a_strangers_markup_stays_text_in_every_field(context: MakeContext, language: Any) -> None:
    page = context().new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))

    def check() -> None:
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script, main img").count() == 0

    page.goto(f"/report?lang={language.tag}")
    for name in ("url", "digest", "explanation", "name", "email"):
        page.locator(f"#{name}").fill(XSS)
    page.locator("[name=category][value=copyright]").check()
    page.locator("#signature").fill(XSS)
    page.locator("main form button.primary").click()
    expect(page.locator("#errors")).to_be_visible()
    check()
    for name in ("url", "explanation", "name", "email", "signature"):
        expect(page.locator(f"#{name}")).to_have_value(XSS)
    page.locator("#url").fill("https://video.example/<script>window.hacked=3</script>")
    page.locator("#digest").fill("")
    page.locator("#email").fill("fan@mail.example")
    page.locator("[name=role][value=anyone]").check()
    page.locator("#good_faith").check()
    ref, pin = send(page)
    check()
    page.goto(f"/report/{ref}?lang={language.tag}")
    page.locator("#pin").fill(pin)
    page.locator("main form button.primary").click()
    page.locator("#info").fill(XSS)
    page.locator("main form button").first.click()
    expect(page.locator(".messages")).to_contain_text("window.hacked=1")
    expect(page.locator(".messages")).to_contain_text("{{7*7}}")
    check()
    page.goto("/report/follow")
    page.locator("#ref").fill(XSS[:40])
    page.locator("#pin").fill(XSS[:40])
    page.locator("main form button.primary").click()
    expect(page.locator("#errors")).to_be_visible()
    check()
    assert problems == []


@pytest.fixture(scope="module")
def decided(stage: Stage) -> Decided:
    """A decision with markup in its facts, and the uploader's token for it."""
    body = {
        "category": "impersonation",
        "locators": [{"url": "https://video.example/decided"}],
        "good_faith": True,
    }
    with stage.service.client() as client:
        told = client.post("/v1/complaints", json=body).json()
    return decide(stage.service, told["ref"], told["pin"], facts=f"It poses as NOVA9. {XSS}")


def test_everybody_can_use_the_page_of_a_decision(context: MakeContext, decided: Decided) -> None:
    page = context(viewport=NARROW, reduced_motion="reduce").new_page()
    for query in ("", f"?token={decided.token}"):
        page.goto(f"/decisions/{decided.id}{query}")
        assert barriers(page) == []
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script, main img").count() == 0


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_a_decision_fits_into_320_pixels(
    context: MakeContext, decided: Decided, language: Any
) -> None:
    page = context(viewport={"width": 320, "height": 700}, java_script_enabled=False).new_page()
    page.goto(f"/decisions/{decided.id}?lang={language.tag}&token={decided.token}")
    assert widest(page) <= 320
    expect(page.locator("#appeal")).to_be_visible()


def test_whoever_uploaded_appeals_without_scripts(context: MakeContext, decided: Decided) -> None:
    page = context(java_script_enabled=False).new_page()
    page.goto(f"/decisions/{decided.id}?lang=en&token={decided.token}")
    page.get_by_role("button", name="Appeal the decision").click()
    expect(page.locator("#appeal-wrong")).to_have_text("Please write something here.")
    expect(page.locator("#errors")).to_be_focused()
    page.locator("#appeal").fill("It is my own work.")
    page.get_by_role("button", name="Appeal the decision").click()
    expect(page.locator(".notice")).to_have_text("Your appeal has arrived.")
    expect(page.locator("#appeal")).to_have_count(0)
