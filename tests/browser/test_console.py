"""The console in a browser: every page and role, the keyboard, one matter from end to end."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Response, expect

from provenance.moderation.vocabulary import ActionState, Category, Outcome
from provenance.runtime.clock import system_clock
from provenance.verdict import Verdict
from provenance.wording.languages import LANGUAGES
from tests.factory.accessible import NARROW, OPEN_ALL, barriers
from tests.factory.console import Console, keep_busy
from tests.factory.staff import PASSWORD, code_at
from tests.factory.stage import XSS, Stage

MakeContext = Callable[..., BrowserContext]
FACTS = "The account calls itself the agency and is not on its list of channels."


@pytest.fixture
def seat(context: MakeContext, console: Console) -> Callable[..., Page]:
    """A page of somebody who is signed in."""

    def sit(name: str, **options: object) -> Page:
        made = context(**options)
        made.add_cookies(
            [{"name": "staff", "value": console.members[name].begun.token, "url": console.url}]
        )
        page = made.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        return page

    return sit


@pytest.fixture(scope="session")
def lookalike(console: Console, stage: Stage) -> str:
    """A case about a kept copy of a registered picture."""
    data = stage.files[Verdict.LOOKALIKE].read_bytes()
    return console.case_of_file(data, "https://video.example/lookalike")


@pytest.fixture(scope="session")
def hostile(console: Console) -> str:
    """A case with a stranger's markup wherever strangers write."""
    case = console.case(
        "https://video.example/?q=" + "%3Cscript%3E<script>window.hacked=3</script>",
        explanation=f"{XSS}\nA second line\u202e reversed",
    )
    console.desks.cases.claim(case, console.reviewer("ro-reviewer"), now=system_clock())
    return case


def choose_policy(page: Page, policy: str = "impersonation@1") -> None:
    page.locator(f'input[name=policy][value="{policy}"]').check()
    page.locator(".policy-choice button").click()


def fill_decision(page: Page, *actions: str, outcome: Outcome = Outcome.VIOLATION) -> None:
    page.locator(f'input[name=outcome][value="{outcome.value}"]').check()
    for action in actions:
        page.locator(f'input[name=actions][value="{action}"]').check()
    page.locator("#facts").fill(FACTS)
    page.locator("form.decide button.strong").click()


def sign_in(page: Page, console: Console, name: str) -> None:
    """By the real pages, with a password and a code."""
    page.goto("/mod?lang=en")
    expect(page).to_have_url(re.compile(r"/mod/sign-in\?"))
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("form:has(#password) button").click()
    page.locator("#code").fill(code_at(console.members[name].secret, system_clock()))
    page.locator("form:has(#code) button.primary").click()
    expect(page).to_have_url(re.compile(r"/mod(\?|$)"))


@pytest.fixture(scope="session")
def kept(console: Console) -> tuple[str, str]:
    """A case with a hold and a notice: their names; and a full block list and outbox."""
    return keep_busy(console)


def paths_for(
    console: Console, lookalike: str, hostile: str, kept: tuple[str, str]
) -> dict[str, list[str]]:
    """Pages of each role."""
    decided, _ = console.decided("https://video.example/axe-decided", "rae-reviewer")
    restricted = console.case("https://video.example/axe-restricted", Category.CHILD_SAFETY)
    other = console.case("https://video.example/axe-bulk")
    return {
        "ro-reviewer": [
            "/mod",
            "/mod?state=closed&severity=high",
            f"/mod/cases/{lookalike}",
            f"/mod/cases/{hostile}",
            f"/mod/cases/{decided}",
            f"/mod/cases/{hostile}/decide?policy=impersonation@1",
            f"/mod/cases/{restricted}",
            "/mod/help",
        ],
        "sun-senior": [
            "/mod/restricted",
            f"/mod/cases/{restricted}",
            f"/mod/bulk?case={other}&case={lookalike}&policy=impersonation@1",
            "/mod/appeals",
            "/mod/blocklist",
            "/mod/messages",
        ],
        "lee-legal": [
            f"/mod/cases/{decided}",
            f"/mod/cases/{kept[0]}",
            f"/mod/cases/{kept[0]}/notice",
            f"/mod/cases/{kept[0]}/notices/{kept[1]}",
            "/mod/audit",
        ],
        "ana-admin": ["/mod"],
        "aud-auditor": ["/mod", "/mod/audit", "/mod/audit/check"],
    }


def test_everybody_can_use_every_page(
    seat: Callable[..., Page],
    console: Console,
    lookalike: str,
    hostile: str,
    kept: tuple[str, str],
) -> None:
    told = []
    for name, paths in paths_for(console, lookalike, hostile, kept).items():
        page = seat(name, viewport=NARROW, reduced_motion="reduce")
        for path in paths:
            page.goto(path)
            told += [(name, path, *one) for one in barriers(page)]
    assert told == []


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_every_language_has_its_words_and_its_room(
    seat: Callable[..., Page], console: Console, hostile: str, language: object
) -> None:
    tag = language.tag  # type: ignore[attr-defined]
    page = seat("sun-senior", viewport={"width": 320, "height": 700}, java_script_enabled=False)
    decided, _ = console.decided(f"https://video.example/{tag}", "rae-reviewer")
    for path in ("/mod", f"/mod/cases/{decided}", f"/mod/cases/{hostile}", "/mod/help"):
        answer = page.goto(f"{path}?lang={tag}")
        assert answer is not None
        assert answer.status == 200
        assert answer.headers["content-language"] == tag
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        # No key of a message is ever shown in place of it.
        assert not re.search(r"\bmod\.[a-z]", page.locator("body").inner_text())


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_the_keepers_pages_have_their_words_and_their_room(
    seat: Callable[..., Page], kept: tuple[str, str], language: object
) -> None:
    tag = language.tag  # type: ignore[attr-defined]
    case, notice = kept
    pages = {
        "sun-senior": ("/mod/blocklist", "/mod/messages"),
        "lee-legal": (
            f"/mod/cases/{case}",
            f"/mod/cases/{case}/notice",
            f"/mod/cases/{case}/notices/{notice}",
            "/mod/audit",
            "/mod/audit/check",
        ),
    }
    for name, paths in pages.items():
        page = seat(name, viewport={"width": 320, "height": 700}, java_script_enabled=False)
        for path in paths:
            answer = page.goto(f"{path}?lang={tag}")
            assert answer is not None
            assert answer.status == 200
            assert answer.headers["content-language"] == tag
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
            assert not re.search(r"\bmod\.[a-z]", page.locator("body").inner_text())


def test_legal_writes_a_notice_and_holds_a_case_without_a_program(
    seat: Callable[..., Page], console: Console
) -> None:
    case, _ = console.decided("https://video.example/watch/by-hand", "rae-reviewer")
    page = seat("lee-legal", java_script_enabled=False)
    page.goto(f"/mod/cases/{case}?lang=en")
    page.locator("summary", has_text="Hold it").click()
    page.locator("#hold-why").fill("A court asked for it.")
    page.get_by_role("button", name="Hold it").click()
    expect(page.locator("#legal")).to_contain_text("“lee-legal” has held it since")
    page.locator("#legal summary", has_text="Lift the hold").click()
    page.locator('#legal textarea[id^="lift-"]').fill("The court is done.")
    page.get_by_role("button", name="Lift the hold").click()
    expect(page.locator("#history")).to_contain_text("“lee-legal” lifted a legal hold.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Evidence in one file").click()
    assert download.value.suggested_filename == f"evidence-{case}.zip"
    page.goto(f"/mod/cases/{case}?lang=en")
    page.get_by_role("link", name="Write a notice").click()
    page.locator("#f-language").select_option("ko")
    page.locator("#sender").fill("오로라 엔터테인먼트")
    page.get_by_role("button", name="See the text").click()
    expect(page.locator(".letter").first).to_contain_text("video.example/watch/by-hand")
    page.get_by_role("button", name="I send it: write it down").click()
    expect(page.locator("#public-copy")).not_to_contain_text("by-hand")
    page.locator("#receipt").fill("77")
    page.locator("#receipt-form button").click()
    page.locator("#f-outcome").select_option("removed")
    page.locator("#outcome-form button").click()
    expect(page.locator(".facts")).to_contain_text("It removed it")
    expect(page.locator("#receipt-form, #outcome-form")).to_have_count(0)


def test_a_strangers_markup_stays_text(seat: Callable[..., Page], hostile: str) -> None:
    page = seat("ro-reviewer")
    for path in (f"/mod/cases/{hostile}", f"/mod/cases/{hostile}/decide?policy=impersonation@1"):
        page.goto(path)
        page.evaluate(OPEN_ALL)
        assert page.evaluate("window.hacked") is None
        assert page.locator("main script, main img[src=x]").count() == 0
    page.goto(f"/mod/cases/{hostile}")
    words = page.locator("blockquote").inner_text()
    assert "window.hacked=1" in words
    assert "{{7*7}}" in words
    assert "\u202e" not in words
    assert "A second line" in words
    # Where it was seen can be read, and not followed.
    assert page.locator('main a[href*="video.example"]').count() == 0
    page.goto(f"/mod/cases/{hostile}/decide?policy=impersonation@1")
    page.locator('input[name=outcome][value="violation"]').check()
    page.locator('input[name=actions][value="label"]').check()
    page.locator("#facts").fill(f"{XSS} and more words")
    page.locator("form.decide button.strong").click()
    expect(page.locator("dd.words")).to_contain_text("window.hacked=1")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main script, main img[src=x]").count() == 0
    # Whoever is told of it is shown in the preview, in a statement of its own.
    expect(page.locator("section.statement")).to_have_count(2)


def test_evidence_is_covered_until_a_reason_is_given(
    seat: Callable[..., Page], console: Console, lookalike: str
) -> None:
    page = seat("rae-reviewer")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/mod/cases/{lookalike}")
    expect(page.locator(".veil.is-blurred")).to_have_count(1)
    # Not only out of sight: nothing of it was loaded, and its address gives nothing.
    assert not [url for url in asked if "/evidence/" in url]
    subject = console.desks.cases.get(
        lookalike, console.reviewer("rae-reviewer"), now=system_clock()
    ).case.subjects[0]
    place = f"/mod/cases/{lookalike}/evidence/{subject.id}"
    refused = page.request.get(place)
    assert refused.status == 403
    before = page.locator(".me").inner_text()
    page.locator(".subject > details summary").click()
    page.locator(".subject > details button").click()
    # A reason is required, by the browser and by the service.
    expect(page.locator(".veil.is-blurred")).to_have_count(1)
    page.locator(".subject > details textarea").fill("To compare it with the release")
    page.locator(".subject > details button").click()
    expect(page.locator(".told")).to_be_visible()
    expect(page.locator(".veil.is-blurred")).to_have_count(0)
    expect(page.locator(".veil.is-grey img")).to_have_js_property("complete", True)  # noqa: FBT003
    assert page.locator(".veil img").evaluate("(one) => getComputedStyle(one).filter") == (
        "grayscale(1)"
    )
    page.locator(".colours").check()
    assert page.locator(".veil img").evaluate("(one) => getComputedStyle(one).filter") == "none"
    assert page.locator(".me").inner_text() != before
    expect(page.locator("#history")).to_contain_text("To compare it with the release")
    slider = page.locator(".slider-row input")
    slider.fill("80")
    assert page.locator(".stage").evaluate("(one) => one.style.getPropertyValue('--at')") == "80%"
    # Its bytes: nothing that runs, nothing that opens by itself, nothing that is kept.
    given = page.request.get(place)
    assert given.status == 200
    assert hashlib.sha256(given.body()).hexdigest() == subject.sha256
    assert given.headers["content-disposition"].startswith("attachment;")
    assert given.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in given.headers["content-security-policy"]
    assert given.headers["cache-control"] == "no-store"
    assert given.headers["content-type"] == "image/jpeg"
    # Another person has given no reason.
    other = seat("ro-reviewer")
    other.goto(f"/mod/cases/{lookalike}")
    expect(other.locator(".veil.is-blurred")).to_have_count(1)
    assert other.request.get(place).status == 403


def test_evidence_of_another_shape_stands_below_the_release(
    seat: Callable[..., Page], lookalike: str
) -> None:
    """Under the slider it would be stretched, and its places be elsewhere."""
    page = seat("ro-reviewer")
    page.goto(f"/mod/cases/{lookalike}")
    page.locator(".subject > details summary").click()
    page.locator(".subject > details textarea").fill("To compare it with the release")
    page.locator(".subject > details button").click()
    release = page.locator(".stage img").first
    expect(release).to_have_js_property("complete", True)  # noqa: FBT003
    width, height = release.evaluate("(one) => [one.naturalWidth, one.naturalHeight]")
    shown: list[bytes] = []
    page.route(
        "**/evidence/**",
        lambda route: route.fulfill(body=shown[-1], content_type="image/jpeg"),
    )
    for shape, is_alike in (((width, height), True), ((height, 2 * width), False)):
        picture = io.BytesIO()
        Image.new("RGB", shape, "teal").save(picture, "JPEG")
        shown.append(picture.getvalue())
        page.reload()
        copy = page.locator(".stage .copy img")
        expect(copy).to_have_js_property("naturalWidth", shape[0])
        expect(page.locator(".slider-row")).to_be_visible(visible=is_alike)
        expect(page.locator(".stage.sliding")).to_have_count(int(is_alike))


def test_nothing_of_a_restricted_case_is_shown(seat: Callable[..., Page], console: Console) -> None:
    words = "words that only the police need"
    case = console.case(
        "https://video.example/restricted", Category.CHILD_SAFETY, explanation=words
    )
    page = seat("sun-senior")
    page.goto("/mod/restricted?lang=en")
    page.locator(f'li[data-case="{case}"] h2 a').click()
    expect(page.locator(".hand-over")).to_contain_text("What is to be done")
    expect(page.locator(".veil, video, audio, main img")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text(words)
    # Whoever may not see the queue learns nothing of it.
    other = seat("ro-reviewer")
    answer = other.goto(f"/mod/cases/{case}?lang=en")
    assert answer is not None
    assert answer.status == 404
    other.goto("/mod?lang=en")
    expect(other.locator(f'li[data-case="{case}"]')).to_have_count(0)


def test_who_comes_too_late_is_told_who_has_it(seat: Callable[..., Page], console: Console) -> None:
    case = console.case("https://video.example/late")
    first, second = seat("ro-reviewer"), seat("rae-reviewer")
    first.goto(f"/mod/cases/{case}?lang=en")
    second.goto(f"/mod/cases/{case}?lang=en")
    first.get_by_role("button", name="Claim").click()
    expect(first.locator(".told")).to_have_text("It is yours now.")
    second.get_by_role("button", name="Claim").click()
    expect(second.locator(".trouble")).to_contain_text("“ro-reviewer” has it until")
    second.goto("/mod?lang=en")
    expect(second.locator(f'li[data-case="{case}"] .lock')).to_contain_text("“ro-reviewer” has it")
    expect(second.locator(f'li[data-case="{case}"] button')).to_have_count(0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"until": None}, "you have no training yet"),
        ({"until": timedelta(days=-1)}, "your training is over"),
    ],
    ids=["untrained", "training-over"],
)
def test_who_cannot_claim_reads_why(
    seat: Callable[..., Page], console: Console, change: dict[str, timedelta | None], sentence: str
) -> None:
    case = console.case("https://video.example/untrained")
    now = system_clock()
    until = change["until"]
    name = "rae-reviewer"
    console.staff.accounts.train(name, None if until is None else now + until, now=now)
    try:
        page = seat(name)
        page.goto(f"/mod/cases/{case}?lang=en")
        expect(page.locator("#why-not")).to_contain_text(sentence)
        expect(page.get_by_role("button", name="Claim")).to_have_count(0)
        # The service says the same to whoever asks without a page.
        refused = page.request.post(
            f"/mod/cases/{case}/claim",
            form={"csrf": console.csrf(name)},
            headers={"Origin": console.url, "Sec-Fetch-Site": "same-origin"},
        )
        assert refused.status == 403
    finally:
        console.staff.accounts.train(name, now + timedelta(days=365), now=now)
    page.reload()
    expect(page.locator("#why-not")).to_have_count(0)
    expect(page.get_by_role("button", name="Claim")).to_be_visible()


def test_the_keyboard_is_enough(seat: Callable[..., Page], console: Console) -> None:
    console.case("https://video.example/keys", Category.HARASSMENT)
    page = seat("ro-reviewer")
    page.goto("/mod?severity=high&lang=en")
    page.keyboard.press("j")
    first = page.locator("#cases .case").first
    expect(first.locator("h2 a")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(first.locator("h2 a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#case")).to_be_visible()
    # Keys are listened to once the page has its script.
    page.wait_for_load_state()
    page.keyboard.press("c")
    expect(page.locator(".told")).to_have_text("It is yours now.")
    page.wait_for_load_state()
    page.keyboard.press("e")
    expect(page.locator("#escalate-why")).to_be_focused()
    # Who writes is not interrupted.
    page.keyboard.type("cdrj")
    expect(page.locator("#escalate-why")).to_have_value("cdrj")
    page.locator("main").focus()
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("/decide"))
    page.wait_for_load_state()
    page.keyboard.press("u")
    expect(page.locator("#case")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("r")
    expect(page.locator(".told")).to_have_text("Done.")
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page).to_have_url(re.compile("/mod/help"))
    page.wait_for_load_state()
    page.locator("#keys-on").uncheck()
    page.goto("/mod?severity=high&lang=en")
    page.keyboard.press("j")
    expect(page.locator("#cases .case").first.locator("h2 a")).not_to_be_focused()


def test_everything_works_without_scripts(seat: Callable[..., Page], console: Console) -> None:
    case = console.case("https://video.example/plain")
    page = seat("ro-reviewer", java_script_enabled=False)
    page.goto(f"/mod/cases/{case}?lang=en")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("link", name="Decide")).to_be_visible()
    assert "lang=en" in page.url
    page.get_by_role("link", name="Decide").click()
    choose_policy(page)
    fill_decision(page, "label")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("#facts")).to_have_value(FACTS)
    expect(page.locator('input[name=actions][value="label"]')).to_be_checked()
    page.locator("form.decide button.strong").click()
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(page.locator(".told")).to_contain_text("Decided.")
    expect(page.locator(".decision.holds")).to_contain_text(FACTS)


def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    seat: Callable[..., Page], console: Console
) -> None:
    case = console.claimed("https://video.example/missing", "ro-reviewer")
    page = seat("ro-reviewer")
    page.goto(f"/mod/cases/{case}/decide?policy=impersonation@1&lang=en")
    page.evaluate(
        "document.querySelectorAll('[required]').forEach((one) => one.removeAttribute('required'))"
    )
    page.locator("summary", has_text="Where and how long").click()
    page.locator("#territories").fill("Korea")
    page.locator("#ends_at").fill("2020-01-01")
    page.locator('input[name=outcome][value="violation"]').check()
    page.locator("#facts").fill("short")
    page.locator("form.decide button.strong").click()
    links = page.locator(".trouble a")
    expect(links).to_have_count(4)
    for link in links.all():
        target = (link.get_attribute("href") or "").removeprefix("#")
        assert page.locator(f"#{target}").count() == 1
    expect(page.locator("#territories")).to_have_value("Korea")
    expect(page.locator("#facts")).to_have_value("short")


def test_a_session_that_ended_loses_nothing_typed(context: MakeContext, console: Console) -> None:
    case = console.claimed("https://video.example/expired", "sol-senior")
    made = context()
    made.add_cookies(
        [{"name": "staff", "value": console.members["sol-senior"].begun.token, "url": console.url}]
    )
    page = made.new_page()
    page.goto(f"/mod/cases/{case}/decide?policy=impersonation@1&lang=en")
    page.locator('input[name=outcome][value="no-violation"]').check()
    page.locator("#facts").fill("Long words that took a while to write.")
    made.clear_cookies()
    page.locator("form.decide button.strong").click()
    expect(page.locator("h1")).to_have_text("You are signed out")
    expect(page.locator("textarea")).to_have_value("Long words that took a while to write.")
    expect(page.locator('main a[href*="/mod/sign-in"]')).to_be_visible()
    # A page of somebody else's gets nothing of what it sends shown.
    stranger = page.request.post(
        f"/mod/cases/{case}/preview",
        form={"facts": "buy this"},
        headers={"Sec-Fetch-Site": "cross-site", "Accept": "text/html"},
    )
    assert stranger.status == 401
    assert "buy this" not in stranger.text()


def test_who_complained_is_shown_to_whoever_may_know_and_written_down(
    seat: Callable[..., Page], console: Console
) -> None:
    case = console.case("https://video.example/contact")
    page = seat("lee-legal")
    page.goto(f"/mod/cases/{case}?lang=en")
    expect(page.locator("main")).not_to_contain_text("areum.han@mail.example")
    page.locator(".more-about summary").first.click()
    page.locator('textarea[id^="look-"]').fill("The court asked for the address")
    page.get_by_role("button", name="Show who complained").click()
    expect(page.locator(".contact")).to_contain_text("areum.han@mail.example")
    page.goto(f"/mod/cases/{case}?lang=en")
    expect(page.locator("main")).not_to_contain_text("areum.han@mail.example")
    verbs = [
        (event.actor, event.verb)
        for event in console.desks.audit.events(after=0, limit=100_000)
        if event.verb == "contact.seen"
    ]
    assert ("lee-legal", "contact.seen") in verbs
    other = seat("sun-senior")
    other.goto(f"/mod/cases/{case}?lang=en")
    other.evaluate(OPEN_ALL)
    expect(other.get_by_role("button", name="Show who complained")).to_have_count(0)


def test_several_cases_are_decided_together_and_taken_back(
    seat: Callable[..., Page], console: Console
) -> None:
    cases = [console.case(f"https://video.example/bulk/{n}", Category.COPYRIGHT) for n in (1, 2)]
    page = seat("sun-senior")
    page.goto("/mod?category=copyright&lang=en")
    for case in cases:
        page.locator(f'input[name=case][value="{case}"]').check()
    page.get_by_role("button", name="Decide the chosen ones together").click()
    choose_policy(page, "copyright@1")
    fill_decision(page, "remove")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".lead")).to_contain_text("One decision about 2 items")
    page.locator(".moves button.strong").click()
    expect(page.locator(".told")).to_contain_text("Decided together")

    def states() -> set[ActionState]:
        me = console.reviewer("sun-senior")
        files = [console.desks.cases.get(case, me, now=system_clock()) for case in cases]
        return {action.state for found in files for action in found.actions}

    assert ActionState.REVERSED not in states()
    page.locator(".decision summary", has_text="Take it back").click()
    page.locator(".decision textarea").fill("The licence was found")
    page.get_by_role("button", name="Take it back everywhere").click()
    expect(page.locator(".told")).to_have_text("Done.")
    assert states() == {ActionState.REVERSED}


def report(page: Page, digest: str) -> tuple[str, str]:
    """File a complaint by the pages: its reference and PIN."""
    page.goto("/report?lang=en")
    page.locator("#url").fill("https://video.example/whole-way")
    page.locator("#digest").fill(digest)
    page.locator('input[name=category][value="impersonation"]').check()
    page.locator("#explanation").fill("It pretends to be the agency.")
    page.locator('input[name=role][value="anyone"]').check()
    page.locator("#name").fill("A fan")
    page.locator("#email").fill("fan@mail.example")
    page.locator("#good_faith").check()
    page.get_by_role("button", name="Send the report").click()
    return (
        page.locator("#ref").inner_text().replace("-", ""),
        page.locator("#pin").inner_text(),
    )


def follow(page: Page, ref: str, pin: str) -> None:
    page.goto("/report/follow?lang=en")
    page.locator("#ref").fill(ref)
    page.locator("#pin").fill(pin)
    page.get_by_role("button", name="Show my report").click()


def answered(page: Page, path: str) -> Response:
    answer = page.goto(path)
    assert answer is not None
    return answer


def test_one_matter_from_the_complaint_to_the_appeal(  # noqa: PLR0915 - one whole way
    context: MakeContext, console: Console
) -> None:
    """Filed, claimed, decided by two, followed, appealed, overturned by another; all is undone."""
    digest = hashlib.sha256(b"the whole way").hexdigest()
    somebody = context().new_page()
    ref, pin = report(somebody, digest)
    who = console.reviewer("sun-senior")
    case = next(
        row.case.id
        for row in console.desks.cases.queue(who, now=system_clock())
        if any(subject.sha256 == digest for subject in row.case.subjects)
    )

    maker = context().new_page()
    sign_in(maker, console, "ro-reviewer")
    maker.goto(f"/mod/cases/{case}?lang=en")
    maker.get_by_role("button", name="Claim").click()
    maker.get_by_role("link", name="Decide").click()
    choose_policy(maker)
    fill_decision(maker, "terminate-account", "label")
    expect(maker.locator(".lead")).to_have_text("It counts only when a second person agrees.")
    maker.get_by_role("button", name="Propose to a second person").click()
    expect(maker.locator(".told")).to_contain_text("It waits for a second person")
    expect(maker.get_by_role("link", name="A second look")).to_have_count(0)

    second = context().new_page()
    sign_in(second, console, "sun-senior")
    second.goto(f"/mod/cases/{case}?lang=en")
    second.get_by_role("link", name="A second look").click()
    expect(second.locator("main")).to_contain_text("Proposed by “ro-reviewer”.")
    second.get_by_role("button", name="I agree").click()
    expect(second.locator(".decision.holds")).to_contain_text("seconded by “sun-senior”")

    labelled = somebody.request.get(f"/v1/labels?sha256={digest}").json()
    follow(somebody, ref, pin)
    expect(somebody.locator("main")).to_contain_text("decided")
    somebody.locator("summary", has_text=re.compile("agree|appeal", re.IGNORECASE)).first.click()
    somebody.locator("#appeal").fill("The account is a fan club and says so.")
    somebody.locator("form:has(#appeal) button").last.click()

    # Neither of the two may decide about their own decision.
    appeal = console.desks.cases.get(case, who, now=system_clock()).appeals[0].id
    second.goto(f"/mod/appeals/{appeal}?lang=en")
    expect(second.locator("#why-not")).to_contain_text("You had a part in what was decided")
    expect(second.get_by_role("button", name="Claim")).to_have_count(0)
    maker.goto(f"/mod/appeals/{appeal}?lang=en")
    expect(maker.get_by_role("button", name="Claim")).to_have_count(0)

    other = context().new_page()
    sign_in(other, console, "sol-senior")
    other.goto("/mod/appeals?lang=en")
    other.locator(f'a[href^="/mod/appeals/{appeal}"]').click()
    expect(other.locator("blockquote")).to_contain_text("a fan club")
    other.get_by_role("button", name="Claim").click()
    other.get_by_role("link", name="Decide").click()
    choose_policy(other)
    other.locator('input[name=verdict][value="overturned"]').check()
    fill_decision(other, outcome=Outcome.NO_VIOLATION)
    other.get_by_role("button", name="Decide", exact=True).click()
    expect(other.locator(".told")).to_contain_text("Decided.")

    found = console.desks.cases.get(case, who, now=system_clock())
    assert {action.state for action in found.actions} == {ActionState.REVERSED}
    # The label, which everybody may read, says by itself that it holds no more.
    labels = somebody.request.get(f"/v1/labels?sha256={digest}").json()
    assert labelled["labels"] != []
    assert labels["labels"] != labelled["labels"]
    assert found.decisions[-1].outcome is Outcome.NO_VIOLATION
    assert found.decisions[-1].supersedes == found.decisions[0].id
    follow(somebody, ref, pin)
    expect(somebody.locator("main")).to_contain_text("Nothing in it goes against the policy")
    assert answered(other, f"/mod/cases/{case}?lang=en").status == 200
    expect(other.locator(".decision.holds h3")).to_have_text(
        re.compile("Nothing in it goes against")
    )
