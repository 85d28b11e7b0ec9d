"""What follows, with the desks that decide: from the complaint to the end and back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.jws.keys import ServiceKey
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.audit import AuditLog, event_digest
from provenance.moderation.cases import CaseDesk
from provenance.moderation.evidence.bundle import write_evidence
from provenance.moderation.evidence.bundle_check import check_evidence
from provenance.moderation.evidence.collecting import EvidenceCollector
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.actions import OutcomeEffects, OutcomeSettings
from provenance.moderation.outcomes.dsa import dsa_statement
from provenance.moderation.outcomes.hash_list import HashList
from provenance.moderation.outcomes.labels import LabelMaker, LabelStore, holding
from provenance.moderation.outcomes.notices import NoticeDesk, NoticeDraft
from provenance.moderation.outcomes.published import dsa_facts, read_decision
from provenance.moderation.outcomes.receivers import Outbox, Receiver
from provenance.moderation.outcomes.statements import StatementStore
from provenance.moderation.policies import load_policy_book
from provenance.moderation.tables import cases as case_rows
from provenance.moderation.views import Filed
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    Category,
    ComplaintState,
    Outcome,
    Queue,
    Role,
    Severity,
)
from provenance.records.tables import webhooks
from tests.factory.moderation import (
    CONTACT,
    NOW,
    Desks,
    about,
    draft,
    nothing_found,
    open_desks,
    person,
)

KIM, LEE, PARK = person("kim"), person("lee"), person("park", Role.SENIOR)
ANN = person("ann", Role.LEGAL)


@pytest.fixture
def effects(
    engine: Engine, service_key: ServiceKey, random: Callable[[int], bytes]
) -> OutcomeEffects:
    return OutcomeEffects(
        settings=OutcomeSettings(public_url="https://verify.example"),
        outbox=Outbox([Receiver(url="https://platform.example/hook", secret=b"s" * 24)], random),
        audit=AuditLog(engine),
        random=random,
        labels=LabelMaker(
            key=service_key, issuer="https://verify.example", lasts=timedelta(days=30)
        ),
    )


@pytest.fixture
def desks(engine: Engine, effects: OutcomeEffects) -> Desks:
    return open_desks(engine, told=effects)  # type: ignore[arg-type]


def sent(engine: Engine) -> list[dict[str, Any]]:
    with transaction(engine, reads=True) as connection:
        rows = connection.execute(select(webhooks.c.body).order_by(webhooks.c.created_at)).all()
    return [json.loads(row.body) for row in rows]


def decided(desks: Desks, cases: CaseDesk, *actions: ActionType) -> tuple[str, str, list[str]]:
    """A case of two complaints that was decided: its name, the decision, the references."""
    refs = []
    for _ in range(2):
        filed = desks.complaints.file(
            about(sha="a picture", contact=CONTACT, explanation="It is me, Han Areum."), now=NOW
        )
        refs.append(filed.complaint.ref)
    case = filed.complaint.case
    assert case is not None
    cases.claim(case, KIM, now=NOW)
    made = cases.decide(case, KIM, draft(*actions), now=NOW)
    assert made is not None
    return case, made.id, refs


def test_overturn_restores_everything_it_touched(engine: Engine, desks: Desks) -> None:
    types = (ActionType.REMOVE, ActionType.LABEL, ActionType.HASH_BLOCK)
    case, decision, refs = decided(desks, desks.cases, *types)
    subject = desks.cases.get(case, KIM, now=NOW).case.subjects[0]
    assert subject.sha256 is not None
    hashes, labels = HashList(engine), LabelStore(engine)
    assert hashes.check(sha256=subject.sha256, now=NOW).blocked
    assert holding([one.claims for one in labels.about(subject.sha256, now=NOW)], at=NOW)
    before = sent(engine)
    asked = {m["data"]["action"] for m in before if m["type"] == "action.requested"}
    assert len(asked) == 3

    by = ByUploader(token=desks.appeals.uploader_token(decision, case))
    appeal = desks.appeals.file(decision, by=by, text="It is a fan's work.", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    done = desks.appeals.decide(appeal.id, LEE, AppealOutcome.OVERTURNED, nothing_found(), now=NOW)

    assert not hashes.check(sha256=subject.sha256, now=NOW).blocked
    assert holding([one.claims for one in labels.about(subject.sha256, now=NOW)], at=NOW) == ()
    after = [message for message in sent(engine) if message not in before]
    assert {m["data"]["action"] for m in after if m["type"] == "action.reversed"} == asked
    told = [
        (m["data"]["recipient"], m["data"]["kind"])
        for m in after
        if m["type"] == "statement.issued"
    ]
    assert told == [(f"uploader:{subject.id}", "reversal")]
    everybody = [*(f"complaint:{ref}" for ref in refs), f"uploader:{subject.id}"]
    kept = [s.recipient for s in StatementStore(engine).of_decision(decision)
            if s.kind.value == "reversal"]  # fmt: skip
    assert sorted(kept) == sorted(everybody)
    final = read_decision(engine, done.new_decision or "", now=NOW)
    assert final.decision.outcome is Outcome.NO_VIOLATION
    assert read_decision(engine, decision, now=NOW).superseded_by == final.decision.id
    assert AuditLog(engine).verify() == []


def test_undo_takes_back_as_much(engine: Engine, desks: Desks) -> None:
    case, decision, refs = decided(desks, desks.cases, ActionType.HASH_BLOCK)
    subject = desks.cases.get(case, KIM, now=NOW).case.subjects[0]
    desks.cases.undo(decision, PARK, why="the wrong case", now=NOW)
    assert not HashList(engine).check(sha256=subject.sha256 or "", now=NOW).blocked
    told = StatementStore(engine).of_decision(decision)
    reversals = [s.recipient for s in told if s.kind.value == "reversal"]
    assert sorted(reversals) == sorted(
        [*(f"complaint:{ref}" for ref in refs), f"uploader:{subject.id}"]
    )


@pytest.mark.parametrize("category", [Category.CHILD_SAFETY, Category.HARASSMENT])
def test_a_block_of_what_turned_out_to_be_restricted_ends_by_name_alone(
    engine: Engine, desks: Desks, category: Category
) -> None:
    """Also under the name of a case that had become part of it before."""
    names = []
    for url in ("https://x.example/1", "https://x.example/2"):
        filed = desks.complaints.file(about(Category.PRIVACY, url=url), now=NOW)
        names.append(filed.complaint.case or "")
    desks.cases.interim_restrict(names[0], KIM, why="an address", now=NOW)
    desks.cases.merge(names[0], KIM, into=names[1], why="the same", now=NOW)
    desks.cases.triage(names[1], PARK, severity=Severity.HIGH, category=category, now=NOW)
    desks.clockwork.tick(NOW + timedelta(days=31))
    told = {m["data"]["case"]: m["data"] for m in sent(engine) if m["type"] == "interim.ended"}
    assert set(told) == set(names)
    known = {"id"} if category is Category.CHILD_SAFETY else {"id", "url", "sha256"}
    assert [set(one) for data in told.values() for one in data["subjects"]] == [known] * 3


def test_who_complained_is_nowhere(engine: Engine, desks: Desks) -> None:
    case, _, _ = decided(desks, desks.cases, ActionType.REMOVE)
    parts = EvidenceCollector(
        engine, AuditLog(engine), public_url="https://verify.example"
    ).collect(case)
    exported = parts.case.model_dump_json() + "".join(map(str, parts.audit))
    everything = json.dumps(sent(engine), ensure_ascii=False) + exported
    for secret in ("Areum", "areum.han", "It is me", "203.0.113"):
        assert secret not in everything


@pytest.mark.parametrize("by", ["&shared_by=areum.han@mail.example", "&from=areum.han%40x", ""])
def test_an_address_that_names_whoever_shared_it_leaves_without_them(
    engine: Engine, desks: Desks, by: str
) -> None:
    """Complainants paste what their browser gives them; a platform is told what it is about."""
    new = about(Category.PRIVACY, url=f"https://videos.example/w?v=1{by}&t=7")
    first = desks.complaints.file(new, now=NOW)
    case = first.complaint.case
    assert case is not None
    desks.cases.interim_restrict(case, KIM, why="it spreads", now=NOW)
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, draft(category=Category.PRIVACY), now=NOW)
    assert made is not None
    desks.cases.undo(made.id, PARK, why="the wrong case", now=NOW)
    messages = sent(engine)
    about_it = [
        one for m in messages for one in [m["data"].get("subject")] if isinstance(one, dict)
    ]
    about_it += [one for m in messages for one in m["data"].get("subjects", ())]
    kinds = {m["type"] for m in messages if {"subject", "subjects"} & set(m["data"])}
    assert kinds >= {
        "case.decided", "action.requested", "action.reversed", "interim.started",
        "interim.ended", "statement.issued",
    }  # fmt: skip
    # What it is stays in it.
    assert {one["url"] for one in about_it} == {"https://videos.example/w?v=1&t=7"}
    collector = EvidenceCollector(engine, AuditLog(engine), public_url="https://verify.example")
    bundle = collector.collect(case).case
    assert [one.url for one in bundle.subjects] == ["https://videos.example/w?v=1&t=7"]
    assert "areum" not in json.dumps(messages) + bundle.model_dump_json()
    # The staff sees where it was seen; whoever complained reads their own words.
    (here,) = desks.cases.get(case, PARK, now=NOW).case.subjects
    assert here.url == new.locators[0].url
    (theirs, _) = (
        s for s in StatementStore(engine).of_decision(made.id) if s.audience.value == "reporter"
    )
    assert (new.locators[0].url or "") in theirs.body


def test_the_bundle_of_a_case_that_was_appealed_is_proven(
    engine: Engine, desks: Desks, service_key: ServiceKey
) -> None:
    case, decision, _ = decided(desks, desks.cases, ActionType.REMOVE, ActionType.HASH_BLOCK)
    by = ByUploader(token=desks.appeals.uploader_token(decision, case))
    appeal = desks.appeals.file(decision, by=by, text="x", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    desks.appeals.decide(appeal.id, LEE, AppealOutcome.OVERTURNED, nothing_found(), now=NOW)
    collector = EvidenceCollector(engine, AuditLog(engine), public_url="https://verify.example")
    bundles = []
    for _ in range(2):
        stream = io.BytesIO()
        write_evidence(
            stream,
            collector.collect(case),
            key=service_key,
            issuer="https://verify.example",
            made_at=NOW,
        )
        bundles.append(stream)
    assert bundles[0].getvalue() == bundles[1].getvalue()
    report = check_evidence(
        bundles[0], keys=service_key.key_set, event_digest=event_digest, where="bundle"
    )
    assert report.is_proven, [one for one in report.checks if one.state.value == "failed"]
    assert report.case is not None
    assert [one.supersedes for one in report.case.decisions] == [None, decision]
    assert len(report.case.complaints) == 2


@pytest.mark.parametrize("category", [c for c in Category if c is not Category.CHILD_SAFETY])
def test_every_packaged_policy_makes_a_statement_that_the_database_takes(
    engine: Engine, desks: Desks, category: Category
) -> None:
    filed = desks.complaints.file(about(category, sha="a picture"), now=NOW)
    case = filed.complaint.case
    assert case is not None
    desks.cases.claim(case, KIM, now=NOW)
    book = load_policy_book()
    policy = book.current(now=NOW, category=category)[0]
    restrictive = next(one for one in policy.allowed_actions if one.restrictive)
    made = desks.cases.decide(
        case, KIM, replace(draft(restrictive), policies=(policy.id,)), now=NOW
    )
    if made is None:
        made = desks.cases.second(case, PARK, agree=True, now=NOW)
    assert made is not None
    found = read_decision(engine, made.id, now=NOW)
    document = dsa_statement(found.decision, dsa_facts(found, book, media_type="image/jpeg"))
    assert document["category"] == policy.dsa_category
    assert document["source_type"] == "SOURCE_ARTICLE_16"


WORDS = "What a reviewer wrote about what can be seen there."


def about_a_minor(desks: Desks) -> tuple[str, str, Filed]:
    """A decision about suspected abuse of a minor, in which case, and who complained."""
    filed = desks.complaints.file(about(Category.CHILD_SAFETY), now=NOW)
    case = filed.complaint.case
    assert case is not None
    desks.cases.claim(case, PARK, now=NOW)
    made = draft(ActionType.REFER_AUTHORITY, category=Category.CHILD_SAFETY, facts=WORDS)
    assert desks.cases.decide(case, PARK, made, now=NOW) is None
    decision = desks.cases.second(case, ANN, agree=True, now=NOW)
    assert decision is not None
    return decision.id, case, filed


def test_a_decision_is_read_in_a_case_of_its_own_alone(engine: Engine, desks: Desks) -> None:
    """Read in any other, it would be held to be no more secret than that one."""
    decision, case, _ = about_a_minor(desks)
    other = desks.complaints.file(about(url="https://other.example/"), now=NOW).complaint.case
    for named in (None, case):
        assert read_decision(engine, decision, named, now=NOW).restricted
    for named in (other, "none"):
        with pytest.raises(NotFoundError, match="none of this name"):
            read_decision(engine, decision, named, now=NOW)
    plain_case, plain, _ = decided(desks, desks.cases, ActionType.REMOVE)
    assert not read_decision(engine, plain, plain_case, now=NOW).restricted


def test_who_complained_of_a_minor_is_told_no_facts(engine: Engine, desks: Desks) -> None:
    decision, _, filed = about_a_minor(desks)
    told = desks.complaints.follow(filed.complaint.ref, filed.pin or "", now=NOW).decision
    assert told is not None
    assert (told.id, told.facts) == (decision, "")
    # The statement that they are sent does not, either.
    for statement in StatementStore(engine).of_decision(decision):
        assert WORDS not in statement.body


@pytest.mark.parametrize("moved", [True, False])
def test_facts_are_withheld_in_all_cases_of_a_decision_or_in_none(
    engine: Engine, desks: Desks, *, moved: bool
) -> None:
    """One of many that were decided at once turns out to be about a minor."""
    cases = [
        desks.complaints.file(about(url=f"https://v.example/{n}"), now=NOW).complaint.case or ""
        for n in range(2)
    ]
    preview = desks.cases.bulk_preview(cases, draft(), PARK, now=NOW)
    made = desks.cases.bulk_decide(preview.token or "", PARK, now=NOW)
    if moved:
        grave = {"queue": Queue.RESTRICTED, "category": Category.CHILD_SAFETY}
        with transaction(engine) as connection:
            connection.execute(update(case_rows).where(case_rows.c.id == cases[1]).values(grave))
    for named in cases:
        assert read_decision(engine, made.id, named, now=NOW).restricted is moved


@dataclass
class Both:
    """Two cases that one decision decided; the other one was looked at again since."""

    case: str
    made: Decision


def decided_at_once(desks: Desks, *, grave: bool) -> Both:
    """The other one turns out to be about a minor, or to be as bad as something else."""
    case, other = (
        desks.complaints.file(about(sha=name, url=None), now=NOW).complaint.case or ""
        for name in ("A", "B")
    )
    preview = desks.cases.bulk_preview([case, other], draft(facts=WORDS), PARK, now=NOW)
    made = desks.cases.bulk_decide(preview.token or "", PARK, now=NOW)
    for name in (case, other):
        for action in desks.cases.get(name, PARK, now=NOW).actions:
            desks.cases.action_done(action.id, now=NOW)
    desks.cases.reopen(other, PARK, why="a second look", now=NOW)
    category = Category.CHILD_SAFETY if grave else Category.HARASSMENT
    desks.cases.triage(other, PARK, severity=Severity.HIGH, category=category, now=NOW)
    return Both(case, made)


@pytest.mark.parametrize("grave", [True, False])
def test_who_is_answered_by_a_decision_that_withholds_its_facts_is_told_none(
    engine: Engine, desks: Desks, *, grave: bool
) -> None:
    """Its other case is about a minor; this one, which they complain of, is not."""
    both = decided_at_once(desks, grave=grave)
    late = desks.complaints.file(about(sha="A", url=None), now=NOW).complaint
    assert (late.case, late.decision) == (both.case, both.made.id)
    (told,) = [
        statement
        for statement in StatementStore(engine).of_decision(both.made.id)
        if statement.recipient == f"complaint:{late.ref}"
    ]
    assert (WORDS in told.body) is not grave


@pytest.mark.parametrize("grave", [True, False])
def test_the_statement_in_a_bundle_withholds_what_everybody_is_not_told(
    engine: Engine, desks: Desks, *, grave: bool
) -> None:
    both = decided_at_once(desks, grave=grave)
    collector = EvidenceCollector(engine, AuditLog(engine), public_url="https://verify.example")
    (statement,) = collector.collect(both.case).statements
    assert (WORDS in statement) is not grave


@pytest.mark.parametrize("grave", [True, False])
def test_no_host_is_told_facts_that_nobody_is_told(
    engine: Engine, desks: Desks, random: Callable[[int], bytes], *, grave: bool
) -> None:
    both = decided_at_once(desks, grave=grave)
    notices = NoticeDesk(engine, AuditLog(engine), random)
    wanted = NoticeDraft(
        host="v.example", addresses=("https://v.example/1",), sender="Verify, answers@v.example"
    )
    if grave:
        with pytest.raises(ConflictError, match="notice: facts of this decision are told to nobod"):
            notices.make(both.made, wanted, by="ann", now=NOW)
        assert notices.of_case(both.made.case) == []
    else:
        assert WORDS in notices.make(both.made, wanted, by="ann", now=NOW).body


@pytest.mark.parametrize("answered_before", [True, False])
def test_a_case_that_was_split_off_a_decided_one_can_be_voided(
    engine: Engine, desks: Desks, *, answered_before: bool
) -> None:
    """What its complaints were told holds where they come from; there is no more to tell."""
    urls = ("https://x.example/1", "https://x.example/2")
    filed = [desks.complaints.file(about(url=url), now=NOW) for url in urls]
    first, last = filed[0].complaint, filed[1].complaint
    case = first.case or ""
    desks.cases.merge(last.case or "", PARK, into=case, why="the same", now=NOW)
    if answered_before:
        desks.cases.claim(case, KIM, now=NOW)
        assert desks.cases.decide(case, KIM, nothing_found(), now=NOW) is not None
        desks.cases.reopen(case, PARK, why="a second look", now=NOW)
    told = len(sent(engine))
    new = desks.cases.split(case, PARK, complaints=[last.ref], why="another matter", now=NOW)
    desks.cases.void(new.id, PARK, why="gone before anybody looked", now=NOW)
    followed = desks.complaints.follow(last.ref, filed[1].pin or "", now=NOW)
    assert followed.complaint.state is ComplaintState.ANSWERED
    assert (followed.decision is not None) is answered_before
    after = [message["type"] for message in sent(engine)[told:]]
    assert "complaint.answered" in after
    assert "statement.issued" not in after


@pytest.mark.parametrize(
    ("field", "written", "refused"),
    [
        ("facts", "Areum (areum.han@mail.example) complained again.", True),
        ("reference", "Terms of use, as told on +82 10-1234-5678", True),
        ("facts", "Whoever complained has complained again.", False),
    ],
)
def test_a_refused_appeal_publishes_nobody_either(
    engine: Engine, desks: Desks, field: str, written: str, *, refused: bool
) -> None:
    """What was done stays, so nothing follows; but the new reasons are published all the same."""
    filed = desks.complaints.file(about(), now=NOW)
    case = filed.complaint.case
    assert case is not None
    desks.cases.claim(case, KIM, now=NOW)
    made = desks.cases.decide(case, KIM, draft(ActionType.LABEL), now=NOW)
    assert made is not None
    by = ByReporter(ref=filed.complaint.ref, pin=filed.pin or "")
    appeal = desks.appeals.file(made.id, by=by, text="Remove it.", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    answer = draft(ActionType.LABEL)
    answer = replace(answer, **{field: written})  # type: ignore[arg-type]
    if refused:
        with pytest.raises(ConflictError, match=f"{field}: expected no personal data"):
            desks.appeals.decide(appeal.id, LEE, AppealOutcome.UPHELD, answer, now=NOW)
        return
    done = desks.appeals.decide(appeal.id, LEE, AppealOutcome.UPHELD, answer, now=NOW)
    assert read_decision(engine, done.new_decision or "", now=NOW).decision.facts == written


def test_the_uploader_may_appeal_what_answers_a_reporters_appeal(
    engine: Engine, desks: Desks
) -> None:
    filed = desks.complaints.file(about(sha="a picture"), now=NOW)
    case, pin = filed.complaint.case, filed.pin
    assert case is not None
    assert pin is not None
    desks.cases.claim(case, KIM, now=NOW)
    first = desks.cases.decide(case, KIM, nothing_found(), now=NOW)
    assert first is not None
    by = ByReporter(ref=filed.complaint.ref, pin=pin)
    appeal = desks.appeals.file(first.id, by=by, text="x", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    done = desks.appeals.decide(appeal.id, LEE, AppealOutcome.OVERTURNED, draft(), now=NOW)
    told = {
        statement.audience.value: statement.body
        for statement in StatementStore(engine).of_decision(done.new_decision or "")
    }
    assert "you can object until" in told["uploader"]
    assert "is final here" in told["reporter"]


@pytest.mark.parametrize("outcome", [AppealOutcome.UPHELD, AppealOutcome.OVERTURNED])
def test_everybody_is_told_of_the_time_that_they_really_have(
    engine: Engine, desks: Desks, outcome: AppealOutcome
) -> None:
    """Whoever was not heard yet may appeal what answers somebody else's appeal."""
    filed = [desks.complaints.file(about(sha="a picture"), now=NOW) for _ in range(2)]
    case = filed[0].complaint.case
    assert case is not None
    desks.cases.claim(case, KIM, now=NOW)
    first = desks.cases.decide(case, KIM, draft(), now=NOW)
    assert first is not None
    by = ByReporter(ref=filed[0].complaint.ref, pin=filed[0].pin or "")
    appeal = desks.appeals.file(first.id, by=by, text="x", now=NOW)
    desks.appeals.claim(appeal.id, LEE, now=NOW)
    upheld = outcome is AppealOutcome.UPHELD
    made = draft() if upheld else draft(ActionType.LABEL)
    new = desks.appeals.decide(appeal.id, LEE, outcome, made, now=NOW).new_decision or ""
    refs = [one.complaint.ref for one in filed]
    if not upheld:
        told = {s.recipient: s.body for s in StatementStore(engine).of_decision(new)}
        assert "is final here" in told[f"complaint:{refs[0]}"]
        assert "you can object until" in told[f"complaint:{refs[1]}"]
        return
    # By the link that they were sent of the first one; and they are told what came of it.
    token = desks.appeals.uploader_token(first.id, case)
    theirs = desks.appeals.file(first.id, by=ByUploader(token=token), text="Mine.", now=NOW)
    desks.appeals.claim(theirs.id, PARK, now=NOW)
    desks.appeals.decide(theirs.id, PARK, AppealOutcome.UPHELD, draft(), now=NOW)
    (told_uploader,) = [
        s for s in StatementStore(engine).of_decision(new) if s.audience == "uploader"
    ]
    assert told_uploader.kind == "upheld"
