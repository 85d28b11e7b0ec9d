"""The form of a complaint: what is taken, what is told, and what is never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.moderation.model import Contact, Locator
from provenance.moderation.vocabulary import Category, ReporterRole
from provenance.service.complaint_forms import LIMITS, ReportForm, parse_digest, parse_url
from provenance.service.field_forms import parse_fields
from provenance.service.help_lines import first_words, help_lines
from provenance.service.problems import Problem, ProblemKind
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import LANGUAGES

DIGEST = "0123456789abcdef" * 4
GOOD = {
    "url": "https://video.example/watch?v=1",
    "category": "impersonation",
    "explanation": "It poses as NOVA9.",
    "role": "anyone",
    "good_faith": "yes",
}


def wrong(**changes: str) -> dict[str, str]:
    form = ReportForm.of({**GOOD, **changes})
    return {name: message.key for name, message in form.errors(attached=False).items()}


def test_a_form_that_is_filled_in_has_no_errors_and_becomes_a_complaint() -> None:
    form = ReportForm.of({**GOOD, "email": "fan@mail.example", "website": ""})
    assert form.errors(attached=False) == {}
    new = form.complaint(locale="ko")
    assert new.category is Category.IMPERSONATION
    assert new.role is ReporterRole.ANYONE
    assert new.locators == (Locator(url="https://video.example/watch?v=1"),)
    assert new.contact == Contact(email="fan@mail.example")
    assert (new.good_faith, new.locale, new.external_id) == (True, "ko", None)
    assert ReportForm.of(GOOD).complaint(locale="en").contact is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"url": ""}, {"url": "wrong.where"}),
        ({"url": "video.example"}, {"url": "wrong.url"}),
        ({"url": "javascript:alert(1)"}, {"url": "wrong.url"}),
        ({"url": "https://user:pw@video.example/"}, {"url": "wrong.url"}),
        ({"url": "https://v.example/" + "a" * 2000}, {"url": "wrong.too-long"}),
        ({"digest": "abc"}, {"digest": "wrong.digest"}),
        ({"category": ""}, {"category": "wrong.category"}),
        ({"category": "fake"}, {"category": "wrong.category"}),
        ({"explanation": " \n"}, {"explanation": "wrong.explanation"}),
        ({"explanation": "x" * 4001}, {"explanation": "wrong.too-long"}),
        ({"role": ""}, {"role": "wrong.role"}),
        ({"name": "x" * 201}, {"name": "wrong.too-long"}),
        ({"email": "fan"}, {"email": "wrong.email"}),
        ({"email": "a@b.example\r\nBcc: x@y.example"}, {"email": "wrong.email"}),
        ({"good_faith": ""}, {"good_faith": "wrong.good_faith"}),
        ({"website": "https://spam.example"}, {"website": "report.trap"}),
    ],
)
def test_each_fault_is_told_at_its_field(changes: dict[str, str], expected: dict[str, str]) -> None:
    assert wrong(**changes) == expected


def test_what_a_law_asks_for_is_asked_for_where_it_does_and_nowhere_else() -> None:
    assert wrong(category="copyright") == {
        "name": "wrong.name",
        "email": "wrong.email-needed",
        "signature": "wrong.signature",
    }
    for category in ("child-safety", "intimate-image"):
        assert wrong(category=category, explanation="") == {}
    for category in set(Category) - {Category.COPYRIGHT}:
        assert wrong(category=category.value) == {}


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("agency", ReporterRole.REPRESENTATIVE),
        ("trusted-flagger", ReporterRole.ANYONE),
        ("depicted-person", ReporterRole.DEPICTED_PERSON),
    ],
)
def test_a_page_takes_nobody_for_somebody_with_a_key(said: str, taken: ReporterRole) -> None:
    form = ReportForm.of({**GOOD, "role": said})
    assert form.errors(attached=False) == {}
    assert form.complaint(locale="en").role is taken


def test_an_attached_answer_says_where_it_is() -> None:
    form = ReportForm.of({**GOOD, "url": "", "r": "A" * 22})
    assert form.errors(attached=True) == {}
    new = form.complaint(locale="en", report="A" * 22, sha256=DIGEST)
    assert new.locators == (Locator(sha256=DIGEST, report="A" * 22),)
    # The name of a report that is not there is not handed on.
    assert ReportForm.of({**GOOD, "r": "A" * 22}).complaint(locale="en").locators[0].report is None
    assert ReportForm.of({"r": "<script>"}).report is None


def test_errors_come_in_the_order_of_the_form() -> None:
    order = ["url", "digest", "category", "explanation", "role", "name", "email", "signature"]
    told = list(wrong(url="x", digest="x", category="copyright", explanation="", role=""))
    assert told == [name for name in order if name in told]


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" https://a.example/x ", "https://a.example/x"),
        ("https://영상.example/무대", "https://xn--hg4b19g.example/%EB%AC%B4%EB%8C%80"),
        # It is another website than the one that is written with ss.
        ("https://straße.example/", "https://xn--strae-oqa.example/"),
        ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("https://a.example/%EB%AC?q=1#x", "https://a.example/%EB%AC?q=1#x"),
        ("https://a.example/<script>", "https://a.example/%3Cscript%3E"),
        ("ftp://a.example/", None),
        ("https://", None),
        ("https://a.example:99999/", None),
        ("https://[::1", None),
        (f"https://{'a' * 64}.example/", None),
        ("https://a..example/", None),
        ("https://a.example/ x", None),
        ("data:text/html,x", None),
    ],
)
def test_addresses(typed: str, address: str | None) -> None:
    assert parse_url(typed) == address


@given(st.text(max_size=300))
def test_an_address_is_ascii_without_blanks_or_none(text: str) -> None:
    for typed in (text, f"https://a.example/{text}", f"https://{text}"):
        found = parse_url(typed)
        assert found is None or (
            found.isascii() and found.isprintable() and not set(' <>"\\') & set(found)
        )
        assert found is None or parse_url(found) == found


def test_a_digest_is_read_however_it_was_copied() -> None:
    pairs = ":".join(DIGEST[at : at + 2] for at in range(0, 64, 2))
    halves = f"SHA-256: {DIGEST[:32]} {DIGEST[32:]}"
    for typed in (DIGEST, DIGEST.upper(), pairs, f"sha256:{DIGEST}", halves):
        assert parse_digest(typed) == DIGEST
    for typed in ("", "0" * 63, "0" * 65, "g" * 64, "\uff10" * 64):
        assert parse_digest(typed) is None


@given(st.dictionaries(st.sampled_from(sorted({*GOOD, "name", "email", "digest"})), st.text()))
def test_whatever_is_typed_is_refused_or_taken_and_shown_again(fields: dict[str, str]) -> None:
    form = ReportForm.of(fields)
    if not form.errors(attached=False):
        new = form.complaint(locale="en")
        assert len(new.explanation) <= LIMITS["explanation"]
        assert new.locators[0] != Locator()
    assert form.explanation == fields.get("explanation", "").strip()


@given(st.binary(max_size=400))
def test_a_form_of_any_bytes_is_read_or_refused(body: bytes) -> None:
    try:
        fields = parse_fields(body)
    except Problem:
        return
    assert all("\x00" not in value and "\r\n" not in value for value in fields.values())


@pytest.mark.parametrize("body", [b"a=1&a=2", b"%ff=\xff", b"a=%ff", b"&".join([b"a=1"] * 30)])
def test_a_malformed_form(body: bytes) -> None:
    with pytest.raises(Problem) as told:
        parse_fields(body)
    assert told.value.kind is ProblemKind.BAD_REQUEST


@pytest.mark.parametrize("category", list(Category))
def test_help_is_near_kind_and_in_the_readers_language(category: Category) -> None:
    for language in LANGUAGES:
        wording = wording_in(language)
        lines = help_lines(category, language)
        assert all(line.url.startswith("https://") for line in lines)
        assert all(wording.text(line.says) for line in lines)
        assert len(lines) <= 3
        assert ("d4u.stop.or.kr" in str(lines)) == (
            language.tag == "ko" and category is Category.INTIMATE_IMAGE
        )
    english = [wording_in(LANGUAGES[1]).text(message) for message in first_words(category)]
    assert english[-1].startswith("If somebody is in danger now, call the police")
    own = help_lines(category, LANGUAGES[0], ["청소년 상담 https://help.example/"])
    assert [(line.name, line.url) for line in own] == [("청소년 상담", "https://help.example/")]
