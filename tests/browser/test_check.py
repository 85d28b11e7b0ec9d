"""A fan checks a file: every verdict, by every way in, without JavaScript too."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from provenance.verdict import Verdict
from provenance.wording.catalogue import wording_in
from provenance.wording.keys import label_of
from provenance.wording.languages import LANGUAGES
from tests.factory.stage import Stage

MakeContext = Callable[..., BrowserContext]
ENGLISH = wording_in(LANGUAGES[1])
RESULT = re.compile(r"/r/[A-Za-z0-9_-]{22}(\?|$)")


def expect_verdict(page: Page, verdict: Verdict) -> None:
    expect(page).to_have_url(RESULT)
    expect(page.locator(".answer .label")).to_have_text(ENGLISH.text(label_of(verdict)))
    expect(page.locator(".test").first).to_contain_text("TEST")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_choose_a_file(context: MakeContext, stage: Stage, verdict: Verdict) -> None:
    page = context().new_page()
    page.goto("/")
    page.locator("#file").set_input_files(stage.files[verdict])
    expect(page.locator("#chosen")).to_have_text(stage.files[verdict].name)
    page.get_by_role("button", name="Check it").click()
    expect_verdict(page, verdict)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_without_javascript(context: MakeContext, stage: Stage, verdict: Verdict) -> None:
    page = context(java_script_enabled=False).new_page()
    page.goto("/?lang=en")
    page.locator("#file").set_input_files(stage.files[verdict])
    page.get_by_role("button", name="Check it").click()
    expect_verdict(page, verdict)
    # The language stays, although nothing was stored about this visitor.
    assert "lang=en" in page.url
    page.get_by_role("link", name="Learn", exact=True).click()
    expect(page.locator("h1")).to_have_text("What the answers mean")


TRANSFER = """([data, name, kind]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: "image/jpeg"}));
    const made = kind === "drop"
        ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
        : new ClipboardEvent("paste", {clipboardData: files, bubbles: true});
    document.getElementById("drop").dispatchEvent(made);
}"""


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_drop_or_paste_a_file(context: MakeContext, stage: Stage, kind: str) -> None:
    page = context().new_page()
    page.goto("/")
    data = base64.b64encode(stage.files[Verdict.OFFICIAL].read_bytes()).decode()
    page.evaluate(TRANSFER, [data, "stage.jpg", kind])
    expect(page.locator("#chosen")).to_have_text("stage.jpg")
    page.get_by_role("button", name="Check it").click()
    expect_verdict(page, Verdict.OFFICIAL)


def test_a_large_file_shows_how_far_it_is(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.locator("#file").set_input_files(
        {"name": "large.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 800_000}
    )
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#status")).to_have_text(re.compile(r"Sending: [1-9]\d*%"))
    expect_verdict(page, Verdict.UNDETERMINED)


def test_a_file_that_did_not_arrive_is_told_where_the_keyboard_is(
    context: MakeContext, stage: Stage
) -> None:
    page = context().new_page()
    page.goto("/")
    page.route("**/check?*", lambda route: route.abort())
    page.locator("#file").set_input_files(stage.files[Verdict.OFFICIAL])
    page.get_by_role("button", name="Check it").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).not_to_have_text("")
    expect(page.locator("#status")).to_be_focused()
    page.unroute("**/check?*")
    # The next stop is where they were.
    page.locator("#file").focus()
    page.get_by_role("button", name="Check it").focus()
    page.keyboard.press("Enter")
    expect_verdict(page, Verdict.OFFICIAL)


def test_no_file_and_an_empty_file(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/")
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#status")).to_have_text("Please choose a file first.")
    page.locator("#file").set_input_files(
        {"name": "empty.jpg", "mimeType": "image/jpeg", "buffer": b""}
    )
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("#status")).to_have_text("Please choose a file first.")
    plain = context(java_script_enabled=False).new_page()
    plain.goto("/?lang=en")
    plain.locator("#file").set_input_files(
        {"name": "empty.jpg", "mimeType": "image/jpeg", "buffer": b""}
    )
    plain.get_by_role("button", name="Check it").click()
    expect(plain.locator("#status")).to_have_text("Please choose a file first.")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_link_to_an_answer_says_the_verdict_in_every_language(
    context: MakeContext, stage: Stage, verdict: Verdict
) -> None:
    page = context(java_script_enabled=False).new_page()
    for language in LANGUAGES[:2]:
        page.goto(f"/r/{stage.answers[verdict.value]}?lang={language.tag}")
        wording = wording_in(language)
        expect(page.locator(".answer .label")).to_have_text(wording.text(label_of(verdict)))
        headings = page.locator(".answer h2").all_text_contents()
        assert headings == [wording.text(f"heading.{part}") for part in ("how", "not", "do")]


def test_a_channel_is_linked_and_leaks_nothing(context: MakeContext, stage: Stage) -> None:
    page = context(java_script_enabled=False).new_page()
    page.goto(f"/r/{stage.answers['official']}")
    link = page.get_by_role("link", name="https://aurora.example/nova9")
    assert link.get_attribute("rel") == "noopener noreferrer"


def test_the_slider_by_keyboard_over_the_copy_that_was_just_checked(
    context: MakeContext, stage: Stage
) -> None:
    page = context().new_page()
    page.goto(f"/r/{stage.answers['lookalike']}")
    copy = stage.files[Verdict.OFFICIAL].parent / "copy.jpg"
    expect(page.locator("#slider-row")).to_be_hidden()
    page.locator("#copy-file").set_input_files(copy)
    slider = page.get_by_label("Move between the release and your copy")
    expect(slider).to_be_visible()
    expect(page.locator("#boxes rect")).to_have_count(2)
    expect(page.locator("#boxes")).to_be_visible()
    slider.focus()
    before = page.evaluate("getComputedStyle(document.getElementById('copy')).clipPath")
    page.keyboard.press("End")
    assert slider.input_value() == "100"
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "99"
    after = page.evaluate("getComputedStyle(document.getElementById('copy')).clipPath")
    assert before != after
    assert "99%" in after
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#boxes")).to_be_hidden()


@pytest.mark.parametrize("is_tall", [False, True])
def test_a_copy_is_shown_in_its_own_shape(
    context: MakeContext, stage: Stage, tmp_path: Path, *, is_tall: bool
) -> None:
    page = context().new_page()
    page.goto(f"/r/{stage.answers['lookalike']}?lang=en")
    copy = stage.files[Verdict.OFFICIAL].parent / "copy.jpg"
    if is_tall:
        with Image.open(copy) as picture:
            screen = Image.new("RGB", (picture.width, picture.width * 2))
            screen.paste(picture, (0, picture.width // 2))
        copy = tmp_path / "screenshot.png"
        screen.save(copy)
    page.locator("#copy-file").set_input_files(copy)
    shown = page.locator("#copy")
    expect(shown).to_be_visible()
    expect(page.locator("#slider")).to_be_visible(visible=not is_tall)
    expect(page.locator("#show-boxes")).to_be_visible()
    with Image.open(copy) as picture:
        shape = picture.width / picture.height
    box, marked = shown.bounding_box(), page.locator("#boxes").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(shape, rel=0.05)
    # What differs is told in shares of the copy, so it is marked over all of that.
    assert marked == pytest.approx(box, abs=1)
    released = page.locator("#release").bounding_box()
    assert released is not None
    is_below = box["y"] >= released["y"] + released["height"]
    assert is_below is is_tall


def test_a_copy_that_the_browser_cannot_show_is_said_to_be_none(
    context: MakeContext, stage: Stage
) -> None:
    page = context().new_page()
    page.goto(f"/r/{stage.answers['lookalike']}?lang=en")
    copy = stage.files[Verdict.OFFICIAL].parent / "copy.jpg"
    told = page.locator("#copy-unreadable")
    page.locator("#copy-file").set_input_files(copy)
    expect(page.locator("#slider-row")).to_be_visible()
    expect(told).to_have_text("")
    page.locator("#copy-file").set_input_files(
        {"name": "copy.jpg", "mimeType": "image/jpeg", "buffer": copy.read_bytes()[:100]}
    )
    expect(told).to_have_text("Your browser could not read this file.")
    # Nor does the one before stand there as if it were this one.
    for part in ("#slider-row", "#copy-figure", "#boxes"):
        expect(page.locator(part)).to_be_hidden()
    page.locator("#copy-file").set_input_files(copy)
    expect(page.locator("#slider-row")).to_be_visible()
    expect(told).to_have_text("")


def test_the_copy_stays_in_the_browser_that_checked_it(context: MakeContext, stage: Stage) -> None:
    used = context()
    page = used.new_page()
    page.goto("/")
    page.locator("#file").set_input_files(stage.files[Verdict.UNVERIFIED])
    page.get_by_role("button", name="Check it").click()
    expect_verdict(page, Verdict.UNVERIFIED)
    kept = """(id) => new Promise((resolve) => {
        const opening = indexedDB.open("provenance", 1);
        opening.onsuccess = () => {
            const asked = opening.result.transaction("copies").objectStore("copies").get(id);
            asked.onsuccess = () => resolve(asked.result ? asked.result.size : 0);
        };
    })"""
    name = page.url.rpartition("/r/")[2]
    assert page.evaluate(kept, name) == stage.files[Verdict.UNVERIFIED].stat().st_size
    assert not list(stage.service.uploads.glob("*.upload"))
