"""What follows from decisions: asked for once, with reasons, and taken back as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError
from provenance.jws.keys import ServiceKey
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.model import Appeal, Clock
from provenance.moderation.outcomes.actions import OutcomeEffects, OutcomeSettings
from provenance.moderation.outcomes.hash_list import HashList
from provenance.moderation.outcomes.labels import LabelMaker, LabelStore, LabelValue, holding
from provenance.moderation.outcomes.receivers import Outbox, Receiver, ReceiverKind
from provenance.moderation.outcomes.statements import (
    Statement,
    StatementException,
    StatementKind,
    StatementStore,
)
from provenance.moderation.tables import complaints
from provenance.moderation.vocabulary import (
    ActionType,
    AppealOutcome,
    AppealState,
    Audience,
    Category,
    ClockKind,
    ComplaintState,
    Outcome,
    Queue,
)
from provenance.records.tables import webhooks
from tests.factory.moderation_rows import NOW, CaseOfRows

PLATFORM = Receiver(url="https://platform.example/hook", secret=b"s" * 24)
MAIL = Receiver(url="http://127.0.0.1:8025/hook", secret=b"m" * 24, kind=ReceiverKind.MAIL)
SHA = "ab" * 32
SECRETS = ("MINJI", "minji", "010-1234", "my own words", "depicted")


@pytest.fixture
def effects(
    engine: Engine, service_key: ServiceKey, random: Callable[[int], bytes]
) -> OutcomeEffects:
    return make_effects(engine, service_key, random, [PLATFORM, MAIL])


def make_effects(
    engine: Engine,
    key: ServiceKey,
    random: Callable[[int], bytes],
    receivers: Sequence[Receiver],
) -> OutcomeEffects:
    return OutcomeEffects(
        settings=OutcomeSettings(public_url="https://verify.example"),
        outbox=Outbox(receivers, random),
        audit=AuditLog(engine),
        random=random,
        labels=LabelMaker(key=key, issuer="https://verify.example", lasts=timedelta(days=30)),
        uploader_token=lambda decision, case: f"token-{decision}-{case}",
    )


def decide(
    effects: OutcomeEffects,
    connection: Connection,
    case: CaseOfRows,
    *types: ActionType,
    **more: Any,
) -> None:
    """As the desk does: first what no longer holds, then the new decision."""
    old = case.decided[-1] if case.decided else None
    new = case.decide(connection, *types, **more)
    if old is not None:
        effects.on_reversal(connection, old, new, case.case, NOW)
    effects.on_decision(connection, new, case.case, case.told, NOW)


def sent(engine: Engine, url: str = PLATFORM.url) -> list[dict[str, Any]]:
    with transaction(engine, reads=True) as connection:
        rows = connection.execute(
            select(webhooks).where(webhooks.c.url == url).order_by(webhooks.c.created_at)
        ).all()
    return [{**json.loads(row.body), "contact": row.contact} for row in rows]


def kinds(messages: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(message["type"] for message in messages)


def statements_of(engine: Engine, decision: str) -> list[Statement]:
    return list(StatementStore(engine).of_decision(decision))


def test_a_decision_asks_for_its_actions_and_gives_reasons(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        decide(effects, connection, case, ActionType.REMOVE, ActionType.HASH_BLOCK)
    messages = sent(engine)
    assert kinds(messages) == [
        "action.requested", "action.requested", "case.decided", "statement.issued",
    ]  # fmt: skip
    remove = next(m["data"] for m in messages if m["data"].get("type") == "remove")
    assert remove["subject"] == {
        "id": "case-s0",
        "url": "https://video.example/case/0",
        "sha256": SHA,
    }
    assert remove["confirm"] == "https://verify.example/v1/actions/case-d0-s0-remove"
    said = {m["data"]["recipient"]: m["data"] for m in messages if "recipient" in m["data"]}
    assert set(said) == {"uploader:case-s0"}
    mails = {m["data"]["recipient"]: m["data"] for m in sent(engine, MAIL.url)}
    assert set(mails) == {"complaint:CASER0", "complaint:CASER1"}
    said |= mails
    korean = said["complaint:CASER0"]
    assert (korean["language"], korean["title"]) == ("ko", "신고에 대한 답변")
    uploader = said["uploader:case-s0"]
    assert "It is taken down." in uploader["body"]
    assert "“It passes itself off as the group.”" in uploader["body"]
    assert "impersonation@2026-1" in uploader["body"]
    assert "A person decided." in uploader["body"]
    assert "November 1, 2026" in uploader["body"]  # 184 days
    assert uploader["appeal_token"] == "token-case-d0-case"
    page = "https://verify.example/decisions/case-d0"
    assert uploader["appeal_url"] == f"{page}?token=token-case-d0-case"
    assert page in uploader["body"]
    assert "token" not in uploader["body"]
    assert uploader["subject"] == remove["subject"]
    assert not {"subject", "appeal_url"} & set(korean)
    assert len(uploader["translations"]) == 10
    assert "appeal_token" not in korean
    assert HashList(engine).check(sha256=SHA, now=NOW).blocked


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "https://video.example/watch?v=1&from=areum.han%40mail.example",
            "https://video.example/watch?v=1",
        ),
        ("https://video.example/watch?by=@areum&v=1", "https://video.example/watch?v=1"),
        ("https://video.example/watch?@areum", "https://video.example/watch"),
        ("https://video.example/watch?v=1", "https://video.example/watch?v=1"),
        # What apps put into a link stands for the account that shared it.
        ("https://youtu.be/x1?si=Qa_b3&t=7", "https://youtu.be/x1?t=7"),
        ("https://www.youtube.com/watch?v=1&si=Qa_b3", "https://www.youtube.com/watch?v=1"),
        ("https://www.instagram.com/p/x1/?igsh=YXJldW0=", "https://www.instagram.com/p/x1/"),
        ("https://x.com/a/status/1?s=20&t=Qa_b3", "https://x.com/a/status/1"),
        ("https://www.tiktok.com/@u/video/1?_d=e3&u_code=d1", "https://www.tiktok.com/@u/video/1"),
        # Elsewhere the same letters may say what is there.
        ("https://video.example/watch?si=1&t=7", "https://video.example/watch?si=1&t=7"),
        ("https://notyoutube.com/watch?si=1", "https://notyoutube.com/watch?si=1"),
        # Whose account it is in is the uploader's own.
        ("https://video.example/@uploader/1", "https://video.example/@uploader/1"),
    ],
)
def test_whoever_shared_an_address_is_not_told_with_it(
    engine: Engine, effects: OutcomeEffects, url: str, told: str
) -> None:
    """Many sites write whoever shares a link into it, and complainants paste what they have."""
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        case.subjects = tuple(replace(one, url=url) for one in case.subjects)
        decide(effects, connection, case, ActionType.REMOVE)
    (uploader,) = (
        message["data"]
        for message in sent(engine)
        if message["data"].get("recipient") == "uploader:case-s0"
    )
    for text in (uploader["body"], *(one["body"] for one in uploader["translations"].values())):
        assert told in text
        assert "areum" not in text
    assert uploader["subject"]["url"] == told
    assert "areum" not in json.dumps(sent(engine))
    assert ("v=1" in uploader["body"]) == ("v=1" in told)


def test_every_restrictive_action_has_one_statement_and_it_is_there_before_it(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection, digests=(SHA, "cd" * 32))
        decide(effects, connection, case, ActionType.REMOVE, ActionType.LABEL)
    told = [s for s in statements_of(engine, "case-d0") if s.audience is Audience.UPLOADER]
    assert sorted(s.recipient for s in told) == ["uploader:case-s0", "uploader:case-s1"]
    for statement in told:
        assert "It is taken down." in statement.body
        assert "A label is put on it." in statement.body
    # The same told again is told once.
    with writing(engine) as connection:
        effects.on_decision(connection, case.decided[0], case.case, case.told, NOW)
    assert len(statements_of(engine, "case-d0")) == 4
    assert kinds(sent(engine)).count("action.requested") == 4


def test_where_nothing_is_restricted_only_those_who_complained_are_told(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        decide(effects, connection, case, ActionType.NOTIFY_HOST, outcome=Outcome.VIOLATION)
        other = CaseOfRows(connection, "other", digests=("cd" * 32,))
        decide(effects, connection, other, outcome=Outcome.NO_VIOLATION)
    for decision in ("case-d0", "other-d0"):
        assert {s.audience for s in statements_of(engine, decision)} == {Audience.REPORTER}
    told = statements_of(engine, "other-d0")
    assert any("found no rule that it breaks" in statement.body for statement in told)
    assert any("Nothing is changed." in statement.body for statement in told)


def test_the_exceptions_are_those_and_no_others(
    engine: Engine, service_key: ServiceKey, random: Callable[[int], bytes]
) -> None:
    silent = make_effects(engine, service_key, random, [])
    loud = make_effects(engine, service_key, random, [PLATFORM])
    with writing(engine) as connection:
        decide(silent, connection, CaseOfRows(connection, "a"), ActionType.REMOVE)
        order = CaseOfRows(connection, "b", digests=("cd" * 32,))
        decide(loud, connection, order, ActionType.REMOVE, policies=("authority-order@1",))
        child = CaseOfRows(
            connection,
            "c",
            digests=("ef" * 32,),
            category=Category.CHILD_SAFETY,
            queue=Queue.RESTRICTED,
        )
        decide(loud, connection, child, ActionType.REMOVE)
        plain = CaseOfRows(connection, "d", digests=("01" * 32,))
        decide(loud, connection, plain, ActionType.REMOVE)
    found = {
        name: [s.exempt for s in statements_of(engine, f"{name}-d0")
               if s.audience is Audience.UPLOADER]
        for name in "abcd"
    }  # fmt: skip
    assert found == {
        "a": [StatementException.NO_CONTACT],
        "b": [StatementException.AUTHORITY_ORDER],
        "c": [StatementException.CHILD_SAFETY],
        "d": [None],
    }
    told = {m["data"]["recipient"] for m in sent(engine) if "recipient" in m["data"]}
    assert {one for one in told if one.startswith("uploader:")} == {"uploader:d-s0"}


def test_overturn_restores_everything_it_touched(engine: Engine, effects: OutcomeEffects) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection, digests=(SHA, "cd" * 32))
        types = (ActionType.DISABLE, ActionType.LABEL, ActionType.HASH_BLOCK)
        decide(effects, connection, case, *types)
        untouched = CaseOfRows(connection, "other", digests=("ef" * 32,))
        decide(effects, connection, untouched, ActionType.LABEL, ActionType.HASH_BLOCK)
    hashes, labels = HashList(engine), LabelStore(engine)
    for digest in (SHA, "cd" * 32):
        assert hashes.check(sha256=digest, now=NOW).blocked
        assert holding([one.claims for one in labels.about(digest, now=NOW)], at=NOW)
    (lookalike,) = holding([one.claims for one in labels.about("cd" * 32, now=NOW)], at=NOW)
    assert lookalike.val is LabelValue.UNVERIFIED_LOOKALIKE
    before = sent(engine)

    with writing(engine) as connection:
        decide(effects, connection, case, outcome=Outcome.NO_VIOLATION, appeal="appeal")

    for digest in (SHA, "cd" * 32):
        assert not hashes.check(sha256=digest, now=NOW).blocked
        assert holding([one.claims for one in labels.about(digest, now=NOW)], at=NOW) == ()
    after = [message for message in sent(engine) if message not in before]
    requested = {m["data"]["action"] for m in before if m["type"] == "action.requested"
                 and m["data"]["case"] == "case"}  # fmt: skip
    reversed_ = [m["data"]["action"] for m in after if m["type"] == "action.reversed"]
    assert sorted(reversed_) == sorted(requested)
    told = [
        (m["data"]["recipient"], m["data"]["kind"])
        for m in [*after, *sent(engine, MAIL.url)]
        if m["type"] == "statement.issued" and m["data"]["case"] == "case"
    ]
    assert sorted(told) == [
        ("complaint:CASER0", "decision"),
        ("complaint:CASER0", "decision"),
        ("complaint:CASER0", "reversal"),
        ("complaint:CASER1", "decision"),
        ("complaint:CASER1", "decision"),
        ("complaint:CASER1", "reversal"),
        ("uploader:case-s0", "reversal"),
        ("uploader:case-s1", "reversal"),
    ]
    # Told again, nothing is told twice.
    mails = len(sent(engine, MAIL.url))
    with writing(engine) as connection:
        old, new = case.decided
        effects.on_reversal(connection, old, new, case.case, NOW)
    assert len(sent(engine)) == len(before) + len(after)
    assert len(sent(engine, MAIL.url)) == mails
    # What another decision did stays as it was.
    assert hashes.check(sha256="ef" * 32, now=NOW).blocked
    assert holding([one.claims for one in labels.about("ef" * 32, now=NOW)], at=NOW)
    assert AuditLog(engine).verify() == []


def test_whoever_withdrew_is_not_written_to_again(engine: Engine, effects: OutcomeEffects) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        decide(effects, connection, case, ActionType.REMOVE)
        connection.execute(
            update(complaints)
            .where(complaints.c.ref == "CASER0")
            .values(state=ComplaintState.WITHDRAWN.value)
        )
        old = case.decided[0]
        new = case.decide(connection, outcome=Outcome.NO_VIOLATION)
        effects.on_reversal(connection, old, new, case.case, NOW)
    told = [s.recipient for s in statements_of(engine, "case-d0")
            if s.kind is StatementKind.REVERSAL]  # fmt: skip
    assert sorted(told) == ["complaint:CASER1", "uploader:case-s0"]


def test_nothing_of_a_restricted_case_is_sent_but_names(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection, category=Category.CHILD_SAFETY, queue=Queue.RESTRICTED)
        types = (ActionType.REMOVE, ActionType.LABEL, ActionType.HASH_BLOCK)
        decide(effects, connection, case, *types, facts="what can be seen there")
        # Even where more were handed over than should be.
        full = replace(case.case, subjects=case.subjects)
        decide_again = case.decide(connection, ActionType.REMOVE, facts="what can be seen there")
        effects.on_reversal(connection, case.decided[0], decide_again, full, NOW)
        effects.on_decision(connection, decide_again, full, case.complaints, NOW)
        effects.on_clock(
            connection,
            "interim.started",
            Clock(case="case", kind=ClockKind.TEMPORARY_BLOCK, starts_at=NOW, due_at=NOW, id=1),
            NOW,
        )
    everything = json.dumps(sent(engine) + sent(engine, MAIL.url), ensure_ascii=False)
    for word in (SHA, "video.example", "what can be seen there", *SECRETS):
        assert word not in everything
    assert '"id": "case-s0"' in everything
    assert LabelStore(engine).about(SHA, now=NOW) == []


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rounds=st.lists(
        st.lists(st.sampled_from(list(ActionType)), max_size=4, unique=True), min_size=1, max_size=4
    )
)
def test_who_complained_is_in_nothing_that_anybody_else_can_see(
    engine: Engine, effects: OutcomeEffects, rounds: list[list[ActionType]]
) -> None:
    with transaction(engine, reads=True) as connection:
        number = connection.execute(select(complaints.c.ref)).all()
    name = f"c{len(number)}"
    with writing(engine) as connection:
        case = CaseOfRows(connection, name, digests=(f"{len(number):064x}",))
        for types in rounds:
            decide(effects, connection, case, *types)
        for complaint in case.complaints:
            effects.on_complaint(connection, "complaint.info-added", complaint, NOW)
        appeal = Appeal(
            id=f"{name}-a",
            decision=case.decided[-1].id,
            complaint=case.complaints[0].ref,
            text="my own words, MINJI KIM",
            filed_at=NOW,
            state=AppealState.DECIDED,
            outcome=AppealOutcome.UPHELD,
            case=name,
        )
        effects.on_appeal(connection, "appeal.decided", appeal, case.case, NOW)
    for message in sent(engine):
        text = json.dumps(message, ensure_ascii=False)
        assert not any(secret in text for secret in SECRETS), text
        assert message["contact"] is None
        # Whoever uploaded is never told so much as the reference of a complaint.
        if str(message["data"].get("recipient")).startswith("uploader:"):
            assert not any(one.ref in text for one in case.complaints)
    for event in AuditLog(engine).events(limit=10_000):
        assert not any(secret in event.detail for secret in SECRETS)
    for message in sent(engine, MAIL.url):
        # The contact itself is put in by whoever delivers it; here there is but a reference.
        assert message["contact"] is not None
        assert "minji" not in json.dumps(message)


def test_mail_is_for_those_who_complained_and_left_a_contact(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        decide(effects, connection, CaseOfRows(connection), ActionType.REMOVE)
    mails = sent(engine, MAIL.url)
    assert sorted(mail["contact"] for mail in mails) == ["CASER0", "CASER1"]
    assert {mail["type"] for mail in mails} == {"statement.issued"}
    assert {mail["data"]["audience"] for mail in mails} == {"reporter"}
    # Their words of where it is may name them: a platform gets what is for whoever uploaded.
    platform = [one for one in sent(engine) if one["type"] == "statement.issued"]
    assert [one["data"]["audience"] for one in platform] == ["uploader"]


def test_facts_that_name_somebody_undo_the_decision(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
    with (
        pytest.raises(ConflictError, match="facts: expected no personal data"),
        writing(engine) as connection,
    ):
        decide(effects, connection, case, ActionType.REMOVE, facts="see minji@mail.example")
    assert sent(engine) == []
    case.decided.clear()
    with writing(engine) as connection:
        decide(effects, connection, case, ActionType.REMOVE)
    assert sent(engine)


def test_whoever_appealed_in_vain_is_told(engine: Engine, effects: OutcomeEffects) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        decide(effects, connection, case, ActionType.REMOVE)
        for complaint in ("CASER0", None):
            appeal = Appeal(
                id=f"appeal-{complaint}",
                decision="case-d0",
                complaint=complaint,
                text="",
                filed_at=NOW,
                state=AppealState.DECIDED,
                outcome=AppealOutcome.UPHELD,
                case="case",
            )
            effects.on_appeal(connection, "appeal.decided", appeal, case.case, NOW)
    told = [s for s in statements_of(engine, "case-d0") if s.kind is StatementKind.UPHELD]
    assert sorted(s.recipient for s in told) == ["complaint:CASER0", "uploader:case-s0"]
    assert any("The decision stays as it is." in statement.body for statement in told)


def test_whoever_complains_after_the_decision_is_answered_too(
    engine: Engine, effects: OutcomeEffects
) -> None:
    with writing(engine) as connection:
        case = CaseOfRows(connection)
        decide(effects, connection, case, ActionType.REMOVE)
        late = replace(case.complaints[1], ref="LATE", decision="case-d0", locale="ja")
        effects.on_complaint(connection, "complaint.answered", late, NOW)
    (told,) = [s for s in statements_of(engine, "case-d0") if s.recipient == "complaint:LATE"]
    assert (told.language, told.title) == ("ja", "ご報告への回答")


def test_a_temporary_block_names_what_it_blocks(engine: Engine, effects: OutcomeEffects) -> None:
    clock = Clock(case="case", kind=ClockKind.TEMPORARY_BLOCK, starts_at=NOW, due_at=NOW, id=7)
    with writing(engine) as connection:
        CaseOfRows(connection)
        effects.on_clock(connection, "interim.started", clock, NOW)
        effects.on_clock(connection, "clock.breached", clock, NOW)
        effects.on_clock(connection, "clock.breached", clock, NOW)
    messages = sent(engine)
    assert kinds(messages) == ["clock.breached", "interim.started"]
    started = next(m["data"] for m in messages if m["type"] == "interim.started")
    assert [subject["sha256"] for subject in started["subjects"]] == [SHA]


def test_what_is_not_kept_is_not_sent(engine: Engine, effects: OutcomeEffects) -> None:
    """The outbox is written by the transaction of the decision: it goes back with it."""

    def undone() -> None:
        with writing(engine) as connection:
            decide(effects, connection, CaseOfRows(connection), ActionType.REMOVE)
            raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError, match="afterwards"):
        undone()
    assert sent(engine) == []
