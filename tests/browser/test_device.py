"""Check on my device: the browser compares by itself, sends nothing, and gives no verdict."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, Request, Route, expect

from provenance.pages.assets import has_device_reader
from provenance.report import Report
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import IntegrityState
from tests.factory import judging, media, surgery
from tests.factory.bindings import box_hashed_jpeg, excluded_pixels_png
from tests.factory.fragments import sign_fragments
from tests.factory.sign import sign
from tests.factory.stage import Stage
from tests.factory.stores import Store

pytestmark = pytest.mark.skipif(
    not has_device_reader(), reason="the reader for browsers is not there: run `make assets`"
)
MakeContext = Callable[..., BrowserContext]
SAYS = {
    IntegrityState.INTACT: (
        "Matches: what was signed of this file fits the Content Credentials in it. "
        "Whether that is all of it, only this service can tell."
    ),
    IntegrityState.ALTERED: "Does not match: the file does not fit the Content Credentials in it.",
    IntegrityState.ABSENT: "None: your browser found no Content Credentials in it.",
}
NOTE_SAID = """() => {
    window.said = [];
    const answer = document.getElementById("device-answer");
    new MutationObserver(() => window.said.push(answer.textContent))
        .observe(answer, { childList: true });
}"""
PARTLY = (
    "Matches in part: what was signed fits, and the Content Credentials in this file leave out "
    "other parts of it."
)
UNREADABLE = "Your browser could not read this file."
NAMES = {"jpeg": "a.jpg", "png": "a.png", "mp4": "a.mp4"}


def spoilt(data: bytes, kind: str) -> bytes:
    changed = bytearray(data)
    after = {"jpeg": b"\xff\xda", "png": b"IDAT", "mp4": b"mdat"}[kind]
    changed[(data.rindex(after) + len(data)) // 2] ^= 1
    return bytes(changed)


@pytest.fixture(scope="module")
def verify(agency: DevAgency) -> Callable[..., Report]:
    """What the server finds."""
    return judging.verifier_of(judging.directory_of(agency)).verify


def asked(page: Page, name: str, data: bytes, expected: str) -> None:
    page.locator("#file").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})
    page.locator("#device-button").click()
    expect(page.locator("#device-answer")).to_have_text(expected, timeout=60_000)


def test_it_agrees_with_the_server_and_sends_no_byte(
    context: MakeContext,
    stage: Stage,
    signed: Callable[..., bytes],
    verify: Callable[..., Report],
) -> None:
    page = context().new_page()
    page.goto("/")
    files: Mapping[str, tuple[bytes, bytes, bytes]] = {
        kind: (signed(kind), spoilt(signed(kind), kind), media.make(kind, 5)) for kind in NAMES
    }
    sent: list[Request] = []
    page.context.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - it takes no built-in
    for kind, copies in files.items():
        for data, state in zip(
            copies,
            (IntegrityState.INTACT, IntegrityState.ALTERED, IntegrityState.ABSENT),
            strict=True,
        ):
            assert verify(data).integrity.state is state
            asked(page, NAMES[kind], data, SAYS[state])
    assert sent
    for request in sent:
        assert request.method == "GET", request.url
        assert request.post_data_buffer is None
        assert request.url.startswith((f"{stage.url}/static/", "blob:")), request.url
    expect(page.locator("#device")).to_contain_text("This is not a verdict.")


def test_what_is_said_of_one_file_is_not_said_of_the_next(
    context: MakeContext, signed: Callable[..., bytes]
) -> None:
    page = context().new_page()
    page.goto("/")
    other: FilePayload = {
        "name": "b.jpg",
        "mimeType": "image/jpeg",
        "buffer": spoilt(signed("jpeg"), "jpeg"),
    }
    asked(page, "a.jpg", signed("jpeg"), SAYS[IntegrityState.INTACT])
    page.locator("#file").set_input_files(other)
    expect(page.locator("#chosen")).to_have_text("b.jpg")
    expect(page.locator("#device-answer")).to_have_text("")
    # Nor what is found out when the next one is there already.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    late = context().new_page()
    late.goto("/")
    late.route("**/c2pa-reader.js", hold)
    late.locator("#file").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": signed("jpeg")}
    )
    with late.expect_request("**/c2pa-reader.js"):
        late.locator("#device-button").click()
    late.locator("#file").set_input_files(other)
    late.evaluate(NOTE_SAID)
    late.locator("#device-button").click()
    held[0].continue_()
    expect(late.locator("#device-answer")).to_have_text(SAYS[IntegrityState.ALTERED])
    assert SAYS[IntegrityState.INTACT] not in late.evaluate("window.said")


@pytest.mark.skipif(
    not os.environ.get("TEST_CORPUS"), reason="TEST_CORPUS names no folder of files to compare"
)
def test_it_agrees_with_the_server_on_files_made_by_others(
    context: MakeContext, verify: Callable[..., Report]
) -> None:
    page = context().new_page()
    page.goto("/")
    corpus = Path(os.environ["TEST_CORPUS"]) / "files"
    found = [path for kind in ("jpg", "png", "mp4") for path in sorted(corpus.rglob(f"*.{kind}"))]
    differing = []
    # A fifth of them, of every format.
    for path in [path for path in found if path.stat().st_size < 12_000_000][::5]:
        state = verify(path).integrity.state
        page.evaluate("document.getElementById('device-answer').textContent = ''")
        page.locator("#file").set_input_files(path)
        page.locator("#device-button").click()
        answer = page.locator("#device-answer")
        expect(answer).to_have_text(re.compile(r"[:.]"), timeout=60_000)
        # What the server could not read either way may be anything but a claim of ours.
        if state in SAYS and answer.inner_text() != SAYS[state]:
            differing.append((path.name, state, answer.inner_text()))
    assert differing == []


def test_an_initialisation_segment_alone_is_not_said_to_differ(
    context: MakeContext, agency_signer: MemorySigner
) -> None:
    init, fragments = sign_fragments(*media.fragmented_mp4(), signer=agency_signer)
    page = context().new_page()
    page.goto("/")
    for name in ("init.mp4", "init.m4a", "init.mov"):
        asked(page, name, init, UNREADABLE)
    # What any download of the whole presentation looks like.
    asked(page, "joined.mp4", init + b"".join(fragments), UNREADABLE)


def taken_out(store: Store) -> None:
    """Take a statement out, and leave the claim that lists it as it was signed."""
    size, claim = len(store.to_bytes()), store.claim_box.children[1].payload
    store.remove_assertion("c2pa.actions.v2")
    store.claim_box.children[1].payload = claim
    store.resize(size)


def bound_twice(store: Store) -> None:
    store.add_assertion("c2pa.hash.data__1", store.assertion("c2pa.hash.data"))


def test_credentials_that_lack_a_part_or_have_two_bindings_match_nothing(
    context: MakeContext,
    signed: Callable[..., bytes],
    agency_signer: MemorySigner,
    verify: Callable[..., Report],
) -> None:
    """The bytes may be those that were hashed; it is not said that they fit what was signed."""
    data = signed("jpeg")
    page = context().new_page()
    page.goto("/")
    for changed in (
        surgery.edit_store(data, "image/jpeg", taken_out),
        surgery.resign(data, "image/jpeg", signer=agency_signer, edit=bound_twice),
    ):
        assert verify(changed).integrity.state is IntegrityState.UNREADABLE
        asked(page, "a.jpg", changed, UNREADABLE)
    twin = surgery.resign(data, "image/jpeg", signer=agency_signer, edit=lambda _: None)
    assert verify(twin).integrity.state is IntegrityState.INTACT
    asked(page, "a.jpg", twin, SAYS[IntegrityState.INTACT])


def test_what_the_signer_left_out_is_not_said_to_match(
    context: MakeContext, agency_signer: MemorySigner, verify: Callable[..., Report]
) -> None:
    """Another picture is shown than the one that was hashed."""
    shown, hashed = media.png(2, compress_level=0), media.png(1, compress_level=0)
    data = excluded_pixels_png(shown, hashed, signer=agency_signer)
    page = context().new_page()
    page.goto("/")
    assert verify(data).integrity.state is IntegrityState.PARTIAL
    asked(page, "a.png", data, PARTLY)
    twin = sign(hashed, "image/png", signer=agency_signer)
    assert verify(twin).integrity.state is IntegrityState.INTACT
    asked(page, "a.png", twin, SAYS[IntegrityState.INTACT])


def test_a_match_does_not_say_that_all_of_the_file_was_signed(
    context: MakeContext, agency_signer: MemorySigner, verify: Callable[..., Report]
) -> None:
    """What stands behind the end of a picture whose parts are hashed, the reader cannot tell."""
    data = box_hashed_jpeg(media.jpeg(), signer=agency_signer)
    behind = data + media.jpeg(2)
    assert verify(data).integrity.state is IntegrityState.INTACT
    assert verify(behind).integrity.state is IntegrityState.PARTIAL
    page = context().new_page()
    page.goto("/")
    for copy in (data, behind):
        asked(page, "a.jpg", copy, SAYS[IntegrityState.INTACT])


def test_a_text_is_none_or_unreadable_and_never_a_match(context: MakeContext) -> None:
    page = context().new_page()
    page.goto("/")
    asked(page, "a.txt", b"no picture", "Your browser could not read this file.")


def test_the_reader_is_loaded_only_when_it_is_asked_for(context: MakeContext) -> None:
    page = context().new_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/", wait_until="networkidle")
    assert not [url for url in loaded if "c2pa" in url]
