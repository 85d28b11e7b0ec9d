"""Notices to hosts: what they say, what the public reads of them, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import AuditLog
from provenance.moderation.outcomes.notices import (
    TEMPLATES,
    NoticeDesk,
    NoticeDraft,
    NoticeOutcome,
    write_notice,
)
from provenance.moderation.vocabulary import Ground
from tests.factory.moderation_rows import NOW
from tests.unit.moderation.outcomes.test_dsa import DECISION

DRAFT = NoticeDraft(
    host="video.example",
    addresses=("https://www.video.example/minji/1", "https://video.example/2"),
    sender="Verify Ltd, answers@verify.example",
)


def test_what_it_says_and_what_the_public_reads() -> None:
    body, public = write_notice(DECISION, DRAFT, number="N1")
    for part in (*DRAFT.addresses, DRAFT.sender, DECISION.facts, "Terms, 4.2", "N1", DECISION.id):
        assert part in body
    assert "against the terms" in body
    assert "in good faith" in body
    for part in (*DRAFT.addresses, "minji", DRAFT.sender, "answers@"):
        assert part not in public
    assert "1. […]" in public
    assert DECISION.facts in public


def test_in_korean_and_on_the_ground_of_a_law() -> None:
    decision = replace(DECISION, ground=Ground.LAW, reference="정보통신망법 제44조의2")
    body, _ = write_notice(decision, replace(DRAFT, language="ko"), number="N1")
    assert "근거 법령: 정보통신망법 제44조의2" in body
    assert "against" not in body


def test_every_template_is_there_in_each_of_its_languages() -> None:
    folder = files("provenance.moderation.outcomes") / "notice_templates"
    names = {entry.name for entry in folder.iterdir()}
    assert names == {
        f"{name.replace('@', '-')}.{language}.txt"
        for name, languages in TEMPLATES.items()
        for language in languages
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"template": "removal@2"}, "expected one of the templates removal@1"),
        ({"template": "../../etc/passwd@1"}, "expected one of the templates"),
        ({"language": "de"}, "in en or ko"),
        ({"addresses": ()}, "expected 1 to 100, got 0"),
        ({"addresses": ("https://other.example/1",)}, "expected one at video.example"),
        ({"addresses": ("https://video.example.evil.example/1",)}, "expected one at"),
        ({"addresses": ("javascript:alert(1)",)}, "expected one at"),
        ({"host": "video.example/x"}, "expected a name like host.example"),
    ],
)
def test_what_is_not_written(changed: dict[str, object], why: str) -> None:
    with pytest.raises(ConflictError, match=why):
        write_notice(DECISION, replace(DRAFT, **changed), number="N1")  # type: ignore[arg-type]


@given(st.text(max_size=200))
def test_nobodys_words_are_run_as_a_template_or_look_like_lines_of_it(facts: str) -> None:
    hostile = "{{ 7 * 6 }}{% for x in y %}\nFrom: somebody else " + facts.replace("@", "")
    try:
        body, _ = write_notice(replace(DECISION, facts=hostile), DRAFT, number="N1")
    except ConflictError as error:
        assert "personal data" in str(error)  # noqa: PT017 - numbers may look like a telephone's
        return
    assert "{{ 7 * 6 }}{% for x in y %} From: somebody else" in body
    assert [line for line in body.splitlines() if line.startswith("From:")] == [
        f"From: {DRAFT.sender}"
    ]


def test_it_is_kept_with_what_came_of_it(engine: Engine, random: Callable[[int], bytes]) -> None:
    log = AuditLog(engine)
    desk = NoticeDesk(engine, log, random)
    notice = desk.make(DECISION, DRAFT, by="legal-1", now=NOW)
    later = NOW + timedelta(hours=1)
    assert desk.received(notice.id, "ticket 77", by="legal-1", now=later).receipt == "ticket 77"
    with pytest.raises(ConflictError, match="its receipt is written down already"):
        desk.received(notice.id, "ticket 78", by="legal-1", now=later)
    desk.countered(notice.id, "it is mine", by="legal-1", now=later)
    ended = desk.ended(notice.id, NoticeOutcome.REMOVED, by="legal-1", now=later)
    assert (ended.outcome, ended.outcome_at) == (NoticeOutcome.REMOVED, later)
    (kept,) = desk.of_case("case")
    assert kept == replace(ended, counter_notice="it is mine")
    with pytest.raises(NotFoundError):
        desk.ended("none", NoticeOutcome.REFUSED, by="legal-1", now=later)
    assert [event.verb for event in log.events()] == [
        "notice.sent", "notice.received", "notice.countered", "notice.ended",
    ]  # fmt: skip
    # The audit names the host; the addresses are in the notice alone.
    assert not any("minji" in event.detail for event in log.events())
