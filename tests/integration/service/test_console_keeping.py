"""The console's pages for lawyers, keepers and auditors over HTTP, on both databases."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import update

from provenance.database.transactions import transaction
from provenance.moderation.audit import AuditLog, event_digest
from provenance.moderation.evidence.bundle_check import check_evidence
from provenance.moderation.evidence.retention import RetentionDesk
from provenance.moderation.outcomes.hash_list import EntryState, HashAlgorithm, HashList
from provenance.moderation.outcomes.notices import NoticeDesk, NoticeOutcome
from provenance.moderation.outcomes.tables import hash_entries
from provenance.moderation.vocabulary import Category
from provenance.records.webhooks import WebhookStore, enqueue_webhook
from provenance.runtime.clock import system_clock
from tests.factory.console import CONTACT, Console, console_on
from tests.factory.service import running_service
from tests.factory.service_keys import service_key_pem

NOTICE = {
    "host": "video.example",
    "language": "en",
    "template": "removal@1",
    "sender": "Aurora Entertainment, notices@aurora.example",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def console(
    request: pytest.FixtureRequest,
    directory_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("keeping")
    place = str(folder / "service.sqlite")
    if request.param == "postgresql":
        place = new_database("keeping")
    (folder / "signing.pem").write_bytes(service_key_pem())
    (folder / "signing.pem").chmod(0o600)
    with (
        running_service(
            folder,
            directory=directory_file,
            register=place,
            service_signing_key=str(folder / "signing.pem"),
        ) as service,
        console_on(service) as opened,
    ):
        yield opened


def send(
    console: Console, client: httpx2.Client, name: str, path: str, **fields: str
) -> httpx2.Response:
    return client.post(path, data={"csrf": console.csrf(name), **fields})


def verbs(console: Console, object_: str) -> list[str]:
    return [one.verb for one in console.desks.audit.events(object=object_)]


def test_legal_takes_the_evidence_along_and_it_proves_itself(console: Console) -> None:
    case, _ = console.decided("https://video.example/bundle", "rae-reviewer")
    with console.client("lee-legal") as client:
        page = client.get(f"/mod/cases/{case}?lang=en").text
        assert f'href="/mod/cases/{case}/bundle' in page
        answer = client.get(f"/mod/cases/{case}/bundle")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["cache-control"] == "no-store"
        assert f"evidence-{case}.zip" in answer.headers["content-disposition"]
        missing = client.get("/mod/cases/AAAAAAAAAAAAAAAAAAAAAA/bundle")
        assert missing.status_code == 404
        assert "text/html" in missing.headers["content-type"]
    key = console.desks.key
    assert key is not None
    report = check_evidence(
        io.BytesIO(answer.content), keys=key.key_set, event_digest=event_digest, where="bundle"
    )
    assert report.is_proven, report.checks
    # The bytes of a complaint's sender are in no bundle.
    assert (CONTACT.email or "").encode() not in answer.content
    damaged = bytearray(answer.content)
    damaged[len(damaged) // 2] ^= 1
    assert not check_evidence(
        io.BytesIO(bytes(damaged)), keys=key.key_set, event_digest=event_digest, where="bundle"
    ).is_proven
    assert verbs(console, f"case:{case}")[-1] == "evidence.bundled"
    with console.client("ro-reviewer") as client:
        page = client.get(f"/mod/cases/{case}?lang=en").text
        assert 'id="legal"' not in page


def test_a_hold_is_placed_and_lifted_with_a_reason(console: Console) -> None:
    case, _ = console.decided("https://video.example/hold", "rae-reviewer")
    other, _ = console.decided("https://video.example/other-hold", "rae-reviewer")
    engine = console.desks.office.engine
    retention = RetentionDesk(engine, AuditLog(engine), lambda size: b"x" * size)
    path = f"/mod/cases/{case}"
    with console.client("lee-legal") as client:
        for wrong in (
            {"why": " "},
            {"why": "x" * 401},
            {"why": "an order", "until": "2026-02-30"},
            {"why": "an order", "until": "tomorrow"},
        ):
            assert send(console, client, "lee-legal", f"{path}/hold", **wrong).status_code == 422
        past = send(console, client, "lee-legal", f"{path}/hold", why="x", until="2020-01-01")
        assert past.status_code == 409
        assert retention.holds(case) == []
        day = (system_clock() + timedelta(days=30)).date()
        placed = send(
            console, client, "lee-legal", f"{path}/hold", why="An order <b>", until=str(day)
        )
        assert placed.status_code == 303
        (hold,) = retention.holds(case)
        assert hold.reason == "An order <b>"
        assert hold.by == "lee-legal"
        assert hold.ends_at is not None
        # The day that was meant is the day that is shown.
        assert hold.ends_at.date() == day
        assert "An order &lt;b&gt;" in client.get(path).text
        lift = f"{path}/holds/{hold.id}/lift"
        assert send(console, client, "lee-legal", lift).status_code == 422
        elsewhere = f"/mod/cases/{other}/holds/{hold.id}/lift"
        assert send(console, client, "lee-legal", elsewhere, why="x").status_code == 404
        assert send(console, client, "lee-legal", lift, why="It ended").status_code == 303
        assert send(console, client, "lee-legal", lift, why="Again").status_code == 409
    (hold,) = retention.holds(case)
    assert hold.lifted_at is not None
    lifted = console.desks.audit.events(object=f"case:{case}")[-1]
    assert (lifted.verb, json.loads(lifted.detail)["reason"]) == ("hold.lifted", "It ended")


def test_a_notice_is_seen_kept_and_followed(console: Console) -> None:
    address = "https://video.example/watch/notice"
    case, _ = console.decided(address, "rae-reviewer")
    path = f"/mod/cases/{case}"
    engine = console.desks.office.engine
    desk = NoticeDesk(engine, AuditLog(engine), lambda size: b"x" * size)
    fields = {**NOTICE, "addresses": f"{address}\r\n\r\n{address}"}
    with console.client("lee-legal") as client:
        form = client.get(f"{path}/notice?lang=en").text
        assert 'value="video.example"' in form
        assert address in form
        preview = f"{path}/notice/preview"
        for wrong in (
            {"addresses": "https://other.example/x"},
            {"addresses": " "},
            {"host": "not a host"},
            {"template": "removal@9"},
            {"language": "fr"},
            {"sender": " "},
        ):
            answer = send(console, client, "lee-legal", preview, **{**fields, **wrong})
            assert answer.status_code == 422, wrong
            assert 'id="make"' not in answer.text
        seen = send(console, client, "lee-legal", preview, **fields)
        assert seen.status_code == 200
        assert "Please remove the content" in seen.text
        assert desk.of_case(case) == []
        # What was not seen, or is about another decision, is not kept.
        unseen = send(console, client, "lee-legal", f"{path}/notice", **fields)
        assert unseen.status_code == 422
        found = re.search('name="decision" value="([^"]+)"', seen.text)
        assert found is not None
        made = send(
            console, client, "lee-legal", f"{path}/notice", **fields, decision=found.group(1)
        )
        assert made.status_code == 303
        (notice,) = desk.of_case(case)
        assert notice.addresses == (address,)
        assert address in notice.body
        place = f"{path}/notices/{notice.id}"
        shown = client.get(f"{place}?lang=en").text
        public = shown.partition('id="public-copy"')[2]
        assert public
        assert address not in public
        assert "notices@aurora.example" not in public
        assert send(console, client, "lee-legal", f"{place}/receipt").status_code == 422
        bad = send(console, client, "lee-legal", f"{place}/outcome", outcome="burned")
        assert bad.status_code == 422
        for step, given in (
            ("receipt", {"receipt": "Ticket 77"}),
            ("outcome", {"outcome": "refused"}),
            ("counter", {"text": "I made it <i>"}),
        ):
            done = send(console, client, "lee-legal", f"{place}/{step}", **given)
            assert done.status_code == 303, step
            again = send(console, client, "lee-legal", f"{place}/{step}", **given)
            assert again.status_code == 409, step
        shown = client.get(f"{place}?lang=en").text
        assert "“Ticket 77”" in shown
        assert "It refused" in shown
        assert "I made it &lt;i&gt;" in shown
        # Of another case there is no such notice.
        other, _ = console.decided("https://video.example/other-notice", "rae-reviewer")
        assert client.get(f"/mod/cases/{other}/notices/{notice.id}").status_code == 404
    (notice,) = desk.of_case(case)
    assert notice.outcome is NoticeOutcome.REFUSED
    assert verbs(console, f"case:{case}")[-4:] == [
        "notice.sent",
        "notice.received",
        "notice.ended",
        "notice.countered",
    ]


def test_no_notice_without_a_violation_and_none_of_a_restricted_case(console: Console) -> None:
    undecided = console.case("https://video.example/undecided")
    restricted = console.case("https://video.example/restricted-notice", Category.CHILD_SAFETY)
    with console.client("lee-legal") as client:
        for case in (undecided, restricted):
            assert client.get(f"/mod/cases/{case}/notice").status_code == 409
            page = client.get(f"/mod/cases/{case}?lang=en").text
            assert "A notice needs a decision that finds a violation" in page
            assert f"/mod/cases/{case}/notice" not in page


def test_an_entry_is_switched_off_and_on_with_a_reason(console: Console) -> None:
    case, _ = console.decided("https://video.example/blocked", "rae-reviewer")
    engine, now = console.desks.office.engine, system_clock()
    with transaction(engine) as connection:
        for name in ("entry-one", "entry-two"):
            HashList.add(
                connection,
                id=name,
                decision="decision",
                case=case,
                subject="subject",
                algorithm=HashAlgorithm.SHA256,
                value=hashlib.sha256(f"{name} {case}".encode()).hexdigest(),
                ends_at=None,
                now=now,
            )
        connection.execute(
            update(hash_entries)
            .where(hash_entries.c.id == "entry-two")
            .values(state=EntryState.QUARANTINED.value, why="more than 200 hits", hits=201)
        )
    path = "/mod/blocklist"
    with console.client("sun-senior") as client:
        page = client.get(f"{path}?lang=en").text
        assert "1 entry hit too often and waits for a person." in page
        assert "201 hits" in page
        assert "more than 200 hits" in page
        assert f"/mod/cases/{case}?lang=en#decisions" in page
        only = client.get(f"{path}?state=quarantined&lang=en").text
        assert 'data-entry="entry-two"' in only
        assert 'data-entry="entry-one"' not in only
        assert 'data-entry="entry-one"' in client.get(f"{path}?state=%3Cb%3E").text
        off, on = f"{path}/entry-one/disable", f"{path}/entry-one/enable"
        assert send(console, client, "sun-senior", off).status_code == 422
        for hours in ("0", "01", "9" * 6_000, "8761", "\N{ARABIC-INDIC DIGIT ONE}"):
            answer = send(console, client, "sun-senior", off, why="x", hours=hours)
            assert answer.status_code == 422, hours[:9]
        assert send(console, client, "sun-senior", off, why="A mistake").status_code == 303
        assert HashList(engine).entries(state=EntryState.DISABLED)[0].why == "A mistake"
        assert "A mistake" in client.get(path).text
        assert send(console, client, "sun-senior", on).status_code == 422
        assert send(console, client, "sun-senior", on, why="It was none").status_code == 303
        gone = send(console, client, "sun-senior", f"{path}/none/enable", why="x")
        assert gone.status_code == 409
        two = f"{path}/entry-two/enable"
        assert send(console, client, "sun-senior", two, why="Looked").status_code == 303
    assert HashList(engine).entries(state=EntryState.QUARANTINED) == []
    last = console.desks.audit.events(object=f"case:{case}")[-1]
    assert (last.verb, json.loads(last.detail)["why"]) == ("hash-entry.enabled", "Looked")


def test_auditors_read_every_step_and_check_the_chain(console: Console) -> None:
    case = console.claimed("https://video.example/audited", "ro-reviewer")
    for number in range(30):
        console.case(f"https://video.example/many/{number}")
    with console.client("aud-auditor") as client:
        first = client.get("/mod/audit?lang=en").text
        seqs = [int(seq) for seq in re.findall('data-seq="([0-9]+)"', first)]
        assert len(seqs) == 50
        assert seqs == sorted(seqs, reverse=True)
        assert seqs[0] == console.desks.audit.head()[0]
        # Auditors see steps, and no case.
        assert 'href="/mod/cases/' not in first
        later = client.get(f"/mod/audit?before={seqs[-1]}&lang=en").text
        assert f'data-seq="{seqs[-1] - 1}"' in later
        assert f'data-seq="{seqs[-1]}"' not in later
        of_case = client.get(f"/mod/audit?object=case:{case}&lang=en").text
        assert "“ro-reviewer” claimed it." in of_case
        assert set(re.findall("<code>(case:[^<]+)</code>", of_case)) == {f"case:{case}"}
        assert client.get("/mod/audit?object=%3Cscript%3E").status_code == 200
        assert client.get("/mod/audit?before=9223372036854775808").status_code == 422
        assert "No step fits." in client.get("/mod/audit?object=case:none&lang=en").text
        check = client.get("/mod/audit/check?lang=en").text
        assert 'id="whole"' in check
        assert "No day is over yet." in check
        console.desks.audit.close_days(now=system_clock() + timedelta(days=1))
        (root,) = console.desks.audit.roots()
        check = client.get("/mod/audit/check?lang=en").text
        assert root.root in check
        for text in (first, of_case, check):
            assert CONTACT.email is not None
            assert CONTACT.email not in text


def test_a_message_that_was_given_up_is_sent_again(console: Console) -> None:
    engine, now = console.desks.office.engine, system_clock()
    store = WebhookStore(engine, max_attempts=1)
    with transaction(engine) as connection:
        enqueue_webhook(
            connection,
            id="msg_given-up_0",
            url="https://user:secret-word@receiver.example/hidden-path",
            secret=b"s" * 24,
            body='{"type":"action.requested","data":{"about":"hidden-body"}}',
            event="action.requested",
            # Nobody takes it meanwhile.
            now=now + timedelta(days=1),
        )
    tomorrow = now + timedelta(days=2)
    (delivery,) = store.lease(now=tomorrow, until=tomorrow)
    store.failed(delivery, "no answer <b>", now=tomorrow)
    path = "/mod/messages"
    with console.client("sun-senior") as client:
        page = client.get(f"{path}?lang=en").text
        assert "receiver.example" in page
        assert "no answer &lt;b&gt;" in page
        for hidden in ("secret-word", "hidden-path", "hidden-body"):
            assert hidden not in page
        again = send(console, client, "sun-senior", f"{path}/msg_given-up_0/again")
        assert again.status_code == 303
        missing = send(console, client, "sun-senior", f"{path}/none/again")
        assert missing.status_code == 404
    assert verbs(console, "message:msg_given-up_0") == ["message.again"]
