"""What follows from decisions, over HTTP: asked, confirmed, told, and taken back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.pool import QueuePool

from provenance.moderation.audit import event_digest
from provenance.moderation.contacts import new_key_line
from provenance.moderation.evidence.audit_export import check_audit_export
from provenance.moderation.evidence.bundle_check import check_evidence
from provenance.moderation.outcomes.labels import open_label
from provenance.moderation.tables import case_agencies
from provenance.moderation.vocabulary import ActionType, Category
from provenance.records.reports import ReportStore
from provenance.records.scopes import Scope
from provenance.runtime.clock import system_clock
from provenance.runtime.moderation_parts import ModerationParts
from provenance.runtime.outcome_parts import OutcomeParts
from provenance.runtime.service_database import open_database
from provenance.runtime.service_parts import ServiceParts, open_moderation
from provenance.runtime.settings import Settings, load_settings
from provenance.runtime.uploads import UploadFolder
from provenance.service.staff_cookies import Cookie
from provenance.signing.memory_signer import MemorySigner
from provenance.staff.roles import Role
from provenance.staff.tokens import csrf_of
from tests.factory.moderation import CONTACT, about, draft, person
from tests.factory.receiver import Receiver, running_receiver
from tests.factory.registers import Desk
from tests.factory.service import RunningService, running_service
from tests.factory.service_keys import service_key_pem
from tests.factory.staff import enrolled, staff_on

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
KIM = person("kim")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def moderated(
    request: pytest.FixtureRequest,
    receiver: Receiver,
    directory_file: Path,
    new_database: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningService]:
    """A service with moderation, whose receivers are on this machine."""
    home = tmp_path_factory.mktemp(f"moderated-{request.param}")
    files = {
        "contacts.key": new_key_line(os.urandom, "2026-05"),
        "signing.pem": service_key_pem().decode(),
        "receivers.toml": f"""
            [[receiver]]
            url = "{receiver.url}/platform"
            secret = "{SECRET}"

            [[receiver]]
            url = "{receiver.url}/mail"
            secret = "{SECRET}"
            kind = "mail"
        """,
    }
    for name, content in files.items():
        path = home / name
        path.write_text(content, "utf-8")
        path.chmod(0o600)
    more: dict[str, Any] = {}
    if request.param == "postgresql":
        more["register"] = new_database("moderated")
    with running_service(
        home,
        directory=directory_file,
        network_allow=receiver.place,
        moderation_contact_key=str(home / "contacts.key"),
        moderation_receivers=str(home / "receivers.toml"),
        service_signing_key=str(home / "signing.pem"),
        service_public_url="https://verify.example",
        **more,
    ) as service:
        yield service


@pytest.fixture(scope="module")
def inside(moderated: RunningService) -> Iterator[tuple[ModerationParts, OutcomeParts]]:
    """The desks on the same database, for those who decide: their pages are tested elsewhere."""
    settings: Settings = load_settings(environ=moderated.settings)
    with ExitStack() as stack:
        register = stack.enter_context(open_database(settings))
        engine: Engine = register.database.engine
        uploads = UploadFolder(moderated.home / "uploads", min_free_bytes=0)
        desks, outcomes = open_moderation(settings, register, ReportStore(engine), uploads)
        assert desks is not None
        assert outcomes is not None
        yield desks, outcomes


@pytest.mark.parametrize("released", [True, False])
def test_a_released_file_that_is_known_by_its_digest_alone_needs_two(
    moderated: RunningService,
    inside: tuple[ModerationParts, OutcomeParts],
    agency_signer: MemorySigner,
    *,
    released: bool,
) -> None:
    desks, name = inside[0], f"by-digest-{released}"
    if released:
        with open_database(load_settings(environ=moderated.settings)) as register:
            register.take([Desk(agency_signer).plain(name)], at=system_clock())
    now = system_clock()
    case = desks.complaints.file(about(sha=name, url=None), now=now).complaint.case
    assert case is not None
    desks.cases.claim(case, KIM, now=now)
    made = desks.cases.decide(case, KIM, draft(ActionType.REMOVE), now=now)
    assert (made is None) is released


def test_a_decision_needs_one_connection_of_those_that_all_decisions_share(
    moderated: RunningService, agency_signer: MemorySigner
) -> None:
    """Where each needed a second one to look the register up, fifteen waited for each other."""
    settings = load_settings(environ=moderated.settings)
    with ExitStack() as stack:
        register = stack.enter_context(open_database(settings))
        register.take([Desk(agency_signer).plain("busy")], at=system_clock())
        engine = register.database.engine
        uploads = UploadFolder(moderated.home / "uploads", min_free_bytes=0)
        desks, _ = open_moderation(settings, register, ReportStore(engine), uploads)
        assert desks is not None
        now = system_clock()
        case = desks.complaints.file(about(sha="busy", url=None), now=now).complaint.case
        assert case is not None
        desks.cases.claim(case, KIM, now=now)
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        # As many as there may be at once (SQLAlchemy adds ten to those it keeps), but for one.
        for _ in range(pool.size() + 10 - 1):
            stack.enter_context(engine.connect())
        begin = time.monotonic()
        assert desks.cases.decide(case, KIM, draft(ActionType.REMOVE), now=now) is None
        assert time.monotonic() - begin < pool.timeout() / 2


def test_a_start_tells_of_contacts_whose_key_is_not_in_the_file(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts], tmp_path: Path
) -> None:
    filed = inside[0].complaints.file(about(sha="kept", contact=CONTACT), now=system_clock())
    assert filed.complaint.case is not None

    def told(**changed: str) -> list[dict[str, Any]]:
        settings = load_settings(environ={**moderated.settings, **changed})
        lines: list[dict[str, Any]] = []
        ServiceParts.open(settings, note=lambda name, **more: lines.append({name: more})).close()
        return [line["contact-key-missing"] for line in lines if "contact-key-missing" in line]

    assert told() == []
    other = tmp_path / "other.key"
    other.write_text(new_key_line(os.urandom, "2026-06"), "utf-8")
    other.chmod(0o600)
    (line,) = told(PROVENANCE_MODERATION_CONTACT_KEY=str(other))
    assert line["key"] == "2026-05"
    assert line["contacts"] >= 1


def decide(desks: ModerationParts, name: str, *actions: ActionType) -> tuple[str, str, str]:
    """A case about the file of this name, decided: its name, the decision, the digest."""
    now = system_clock()
    filed = desks.complaints.file(about(sha=name, contact=CONTACT), now=now)
    case = filed.complaint.case
    assert case is not None
    desks.cases.claim(case, KIM, now=now)
    made = desks.cases.decide(case, KIM, draft(*actions), now=now)
    assert made is not None
    return case, made.id, hashlib.sha256(name.encode()).hexdigest()


def arrived(
    receiver: Receiver, path: str, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Messages of this kind, once there are any."""
    for _ in range(120):
        found = [json.loads(m.body) for m in list(receiver.received) if m.path == path]
        found = [one for one in found if wanted(one)]
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"nothing of the kind came to {path}")


def test_the_platform_is_asked_and_says_what_it_did(
    moderated: RunningService,
    inside: tuple[ModerationParts, OutcomeParts],
    receiver: Receiver,
) -> None:
    desks, _ = inside
    case, decision, digest = decide(desks, f"asked {moderated.home}", ActionType.REMOVE)
    (asked,) = arrived(
        receiver,
        "/platform",
        lambda m: m["type"] == "action.requested" and m["data"]["decision"] == decision,
    )
    assert asked["data"]["subject"]["sha256"] == digest
    message = next(m for m in receiver.received if json.loads(m.body) == asked)
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode()
    expected = hmac.digest(base64.b64decode(SECRET[6:]), signed + message.body, hashlib.sha256)
    assert message.headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"

    path = f"/v1/actions/{asked['data']['action']}"
    assert asked["data"]["confirm"] == f"https://verify.example{path}"
    with moderated.client() as stranger:
        assert stranger.post(path, json={"state": "done"}).status_code == 401
    with moderated.client(moderated.key(Scope.VERIFY)) as other:
        assert other.post(path, json={"state": "done"}).status_code == 403
    with moderated.client(moderated.key(Scope.ACTIONS)) as platform:
        assert platform.post(path, json={"state": "failed"}).status_code == 422
        failed = platform.post(path, json={"state": "failed", "why": "it is gone"})
        assert (failed.json()["state"], failed.json()["why"]) == ("failed", "it is gone")
        for _ in range(2):
            done = platform.post(path, json={"state": "failed", "why": "it is gone"})
            assert done.status_code == 200
        assert platform.post("/v1/actions/none", json={"state": "done"}).status_code == 404
    assert case


def test_whoever_complained_is_written_to_by_the_operators_own_mail_alone(
    moderated: RunningService,
    inside: tuple[ModerationParts, OutcomeParts],
    receiver: Receiver,
) -> None:
    desks, _ = inside
    _, decision, _ = decide(desks, f"mail {moderated.home}", ActionType.REMOVE)
    (mail,) = arrived(receiver, "/mail", lambda m: m["data"]["decision"] == decision)
    assert mail["data"]["to"] == {"email": CONTACT.email, "name": CONTACT.name}
    assert mail["type"] == "statement.issued"
    arrived(receiver, "/platform", lambda m: m["data"].get("decision") == decision)
    for message in receiver.received:
        if message.path == "/platform":
            assert (CONTACT.email or "-").encode() not in message.body
            assert (CONTACT.name or "-").encode() not in message.body


def test_labels_are_for_anybody_until_they_are_taken_back(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, outcomes = inside
    case, decision, digest = decide(desks, f"label {moderated.home}", ActionType.LABEL)
    assert outcomes.key is not None
    with moderated.client() as client:
        found = client.get("/v1/labels", params={"sha256": digest}).json()
        (label,) = found["labels"]
        listed = client.get("/.well-known/provenance-keys.json")
        keys = listed.json()
        # A key that replaces another is believed at once.
        assert listed.headers["cache-control"] == "public, no-cache"
        assert keys["keys"] == [outcomes.key.public]
        claims = open_label(label["jws"], outcomes.key.key_set, at=system_clock())
        assert claims is not None
        assert (claims.val.value, claims.decision, claims.neg) == (
            "restricted-policy", decision, False,
        )  # fmt: skip
        assert client.get("/v1/labels", params={"sha256": "ab" * 32}).json()["labels"] == []
        assert client.get("/v1/labels", params={"sha256": "x"}).status_code == 422
        desks.cases.undo(decision, person("park", Role.SENIOR), why="x", now=system_clock())
        after = client.get("/v1/labels", params={"sha256": digest}).json()["labels"]
        assert [one["label"]["neg"] for one in after] == [False, True]
    assert case


def test_no_facts_about_a_minor_are_read_by_way_of_another_case(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, _ = inside
    words = "What a reviewer wrote about what can be seen there."
    other, plain, _ = decide(desks, f"no minor {moderated.home}", ActionType.REMOVE)
    now, senior = system_clock(), person("park", Role.SENIOR)
    grave = about(Category.CHILD_SAFETY, sha=f"minor {moderated.home}")
    case = desks.complaints.file(grave, now=now).complaint.case
    assert case is not None
    desks.cases.claim(case, senior, now=now)
    found = draft(ActionType.REFER_AUTHORITY, category=Category.CHILD_SAFETY, facts=words)
    assert desks.cases.decide(case, senior, found, now=now) is None
    made = desks.cases.second(case, person("ann", Role.LEGAL), agree=True, now=now)
    assert made is not None
    place = f"/v1/decisions/{made.id}"
    with moderated.client() as client:
        for asked, status in (
            ({}, 200),
            ({"case": case}, 200),
            ({"case": case, "format": "dsa"}, 409),
            ({"case": other}, 404),
            ({"case": other, "format": "dsa"}, 404),
        ):
            answer = client.get(place, params=asked)
            assert answer.status_code == status, asked
            assert words not in answer.text
        assert client.get(place, params={"case": case}).json()["facts"] is None
        twin = client.get(f"/v1/decisions/{plain}", params={"case": other}).json()
        assert twin["facts"] == draft().facts
        assert client.get(f"/v1/decisions/{plain}", params={"case": case}).status_code == 404


def test_the_reasons_are_for_everybody_in_their_language(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, _ = inside
    _, decision, _ = decide(desks, f"reasons {moderated.home}", ActionType.REMOVE)
    with moderated.client() as client:
        answer = client.get(f"/v1/decisions/{decision}", headers={"Accept-Language": "ko"})
        document = answer.json()
        assert answer.headers["content-language"] == "ko"
        assert document["statement"]["title"] == "결정과 그 이유"
        assert document["appeal_until"]
        assert document["superseded_by"] is None
        assert "kim" not in answer.text
        dsa = client.get(f"/v1/decisions/{decision}", params={"format": "dsa"}).json()
        assert dsa["puid"] == decision
        assert dsa["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_REMOVED"]
        assert client.get("/v1/decisions/none").status_code == 404
        assert client.get(f"/v1/decisions/{decision}?format=xml").status_code == 422


def test_the_block_list_answers_platforms(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, outcomes = inside
    _, decision, digest = decide(desks, f"block {moderated.home}", ActionType.HASH_BLOCK)
    (entry,) = outcomes.keeper.entries(decision=decision)
    code, near = f"{1 << 200:064x}", f"{(1 << 200) | 3:064x}"
    with moderated.client() as stranger:
        assert stranger.post("/v1/blocklist/check", json={"sha256": digest}).status_code == 401
        # Only the staff stops an entry, and by its own door.
        assert stranger.post(f"/mod/blocklist/{entry.id}/disable").status_code == 401
    with moderated.client(moderated.key(Scope.BLOCKLIST)) as platform:
        answer = platform.post("/v1/blocklist/check", json={"sha256": digest}).json()
        assert (answer["answer"], answer["entries"][0]["decision"]) == ("block", decision)
        other = {"sha256": "cd" * 32, "pdq": [near]}
        assert platform.post("/v1/blocklist/check", json=other).json()["answer"] == "none"
        added = platform.post(f"/v1/blocklist/{entry.id}/codes", json={"pdq": code})
        assert added.status_code == 204
        answer = platform.post("/v1/blocklist/check", json=other).json()
        assert (answer["answer"], answer["entries"][0]["distance"]) == ("review", 2)
        assert platform.post(f"/mod/blocklist/{entry.id}/disable").status_code == 401
        wrong = {"sha256": digest, "report": "a" * 22}
        assert platform.post("/v1/blocklist/check", json=wrong).status_code == 422
        outcomes.keeper.disable(entry.id, why="a mistake", by="park", now=system_clock())
        answer = platform.post("/v1/blocklist/check", json={"sha256": digest}).json()
        assert answer["answer"] == "none"


def test_what_an_agency_released_is_not_held_for_looking_alike(
    moderated: RunningService,
    inside: tuple[ModerationParts, OutcomeParts],
    signed_jpeg: bytes,
) -> None:
    desks, outcomes = inside
    _, decision, _ = decide(desks, f"official {moderated.home}", ActionType.HASH_BLOCK)
    (entry,) = outcomes.keeper.entries(decision=decision)
    code = f"{(1 << 100) - 1:064x}"
    with moderated.client(moderated.key(Scope.BLOCKLIST, Scope.VERIFY)) as platform:
        platform.post(f"/v1/blocklist/{entry.id}/codes", json={"pdq": code})
        answer = platform.put(
            "/v1/verify", content=signed_jpeg, headers={"Content-Type": "image/jpeg"}
        )
        assert answer.json()["verdict"] == "official", answer.text
        name = answer.headers["location"].rpartition("/")[2]
        digest = hashlib.sha256(signed_jpeg).hexdigest()
        question = {"sha256": digest, "pdq": [code]}
        assert platform.post("/v1/blocklist/check", json=question).json()["answer"] == "review"
        question["report"] = name
        assert platform.post("/v1/blocklist/check", json=question).json()["answer"] == "none"


def test_auditors_read_the_audit_and_can_check_it(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, _ = inside
    decide(desks, f"audit {moderated.home}", ActionType.REMOVE)
    with moderated.client() as stranger:
        assert stranger.get("/v1/audit").status_code == 401
    with moderated.client(moderated.key(Scope.VERIFY)) as other:
        assert other.get("/v1/audit").status_code == 403
    lines: list[bytes] = []
    with moderated.client(moderated.key(Scope.AUDIT)) as auditor:
        since: int | None = 0
        while since is not None:
            page = auditor.get("/v1/audit", params={"since": since, "limit": 7}).json()
            lines += [json.dumps(entry).encode() for entry in page["entries"]]
            since = page["next"]
        far = auditor.get("/v1/audit", params={"since": 2**63 - 1})
        assert far.json() == {"entries": [], "next": None}
        # More than the database can count to.
        assert auditor.get("/v1/audit", params={"since": 2**63}).status_code == 422
    report = check_audit_export(lines)
    assert report.faults == ()
    assert report.is_whole
    for secret in (CONTACT.email, CONTACT.name):
        assert secret is not None
        assert secret.encode() not in b"".join(lines)


def test_evidence_is_legals_alone(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> None:
    desks, outcomes = inside
    case, _, _ = decide(desks, f"bundle {moderated.home}", ActionType.REMOVE)
    path = f"/v1/mod/cases/{case}/bundle"
    with moderated.client(moderated.key(*Scope)) as every_scope:
        assert every_scope.get(path).status_code == 401
    with outcomes.bundle(case, by="legal-1", with_files=True, now=system_clock()) as stream:
        assert outcomes.key is not None
        report = check_evidence(
            io.BytesIO(stream.read()),
            keys=outcomes.key.key_set,
            event_digest=event_digest,
            where="bundle",
        )
    assert report.is_proven, report.checks
    assert report.manifest is not None
    assert report.manifest.test
    assert [e.verb for e in desks.audit.events(object=f"case:{case}")][-1] == "evidence.bundled"


@pytest.fixture
def signed_in(
    moderated: RunningService, inside: tuple[ModerationParts, OutcomeParts]
) -> Callable[[Role], tuple[httpx2.Client, str]]:
    """Makes a member of the staff of this role, signed in: a browser, and what forms hold."""
    staff = staff_on(inside[0].office.engine)

    def make(role: Role) -> tuple[httpx2.Client, str]:
        member = enrolled(
            staff, f"{role.value}-{os.urandom(3).hex()}", now=system_clock(), roles=(role,)
        )
        headers = {
            "Cookie": f"__Host-{Cookie.SESSION.label}={member.begun.token}",
            "Sec-Fetch-Site": "same-origin",
        }
        return moderated.client(headers=headers), csrf_of(member.begun.token)

    return make


@pytest.mark.parametrize(("conflict", "status"), [("aurora", 403), ("another", 200)])
def test_evidence_is_not_for_whoever_has_an_interest_in_it(
    inside: tuple[ModerationParts, OutcomeParts],
    moderated: RunningService,
    conflict: str,
    status: int,
) -> None:
    desks, _ = inside
    engine = desks.office.engine
    case, _, _ = decide(desks, f"interest {conflict} {moderated.home}", ActionType.REMOVE)
    with engine.begin() as connection:
        connection.execute(insert(case_agencies).values(case=case, agency="aurora"))
    member = enrolled(
        staff_on(engine),
        f"legal-{os.urandom(3).hex()}",
        now=system_clock(),
        roles=(Role.LEGAL,),
        conflicts=(conflict,),  # type: ignore[arg-type]
    )
    headers = {
        "Cookie": f"__Host-{Cookie.SESSION.label}={member.begun.token}",
        "Sec-Fetch-Site": "same-origin",
    }
    with moderated.client(headers=headers) as client:
        assert client.get(f"/v1/mod/cases/{case}/bundle").status_code == status
        assert client.get(f"/v1/mod/cases/{case}").status_code == status


def test_every_role_against_the_doors_of_the_staff(
    inside: tuple[ModerationParts, OutcomeParts],
    moderated: RunningService,
    signed_in: Callable[[Role], tuple[httpx2.Client, str]],
) -> None:
    desks, outcomes = inside
    case, decision, digest = decide(desks, f"roles {moderated.home}", ActionType.HASH_BLOCK)
    (entry,) = outcomes.keeper.entries(decision=decision)
    bundles: set[Role] = set()
    audits: set[Role] = set()
    stops: set[Role] = set()
    for role in Role:
        client, csrf = signed_in(role)
        with client:
            answers = {
                "bundle": client.get(f"/v1/mod/cases/{case}/bundle"),
                "audit": client.get("/v1/audit"),
                "stop": client.post(
                    f"/mod/blocklist/{entry.id}/disable",
                    data={"csrf": csrf, "why": "a mistake", "hours": "1"},
                ),
            }
        for name, allowed in (("bundle", bundles), ("audit", audits), ("stop", stops)):
            assert answers[name].status_code in {200, 403}, answers[name].text
            if answers[name].status_code == 200:
                allowed.add(role)
        if role is Role.LEGAL:
            report = check_evidence(
                io.BytesIO(answers["bundle"].content),
                keys=outcomes.key.key_set if outcomes.key else None,
                event_digest=event_digest,
                where="bundle",
            )
            assert report.is_proven, report.checks
    assert bundles == {Role.LEGAL}
    assert audits == {Role.LEGAL, Role.AUDITOR}
    assert stops == {Role.SENIOR}
    assert not outcomes.hashes.check(sha256=digest, now=system_clock()).blocked


def test_a_form_of_another_website_stops_nothing(
    inside: tuple[ModerationParts, OutcomeParts],
    moderated: RunningService,
    signed_in: Callable[[Role], tuple[httpx2.Client, str]],
) -> None:
    desks, outcomes = inside
    _, decision, digest = decide(desks, f"forged {moderated.home}", ActionType.HASH_BLOCK)
    (entry,) = outcomes.keeper.entries(decision=decision)
    client, csrf = signed_in(Role.SENIOR)
    path = f"/mod/blocklist/{entry.id}/disable"
    with client:
        for fields, site in (
            ({"why": "x"}, "same-origin"),
            ({"why": "x", "csrf": "0" * 64}, "same-origin"),
            ({"why": "x", "csrf": csrf}, "cross-site"),
        ):
            answer = client.post(path, data=fields, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == 403, answer.text
        assert outcomes.hashes.check(sha256=digest, now=system_clock()).blocked
        good = client.post(path, data={"why": "x", "csrf": csrf})
        assert good.json()["state"] == "disabled"
        back = client.post(f"/mod/blocklist/{entry.id}/enable", data={"csrf": csrf, "why": "x"})
        assert back.json()["state"] == "active"
        wrong = client.post(path, data={"why": "x", "csrf": csrf, "hours": "-1"})
        assert wrong.status_code == 422


def test_where_there_is_no_moderation_nothing_of_it_answers(
    directory_file: Path, tmp_path: Path
) -> None:
    with (
        running_service(tmp_path, directory=directory_file, moderation=False) as service,
        service.client() as client,
    ):
        assert client.get("/v1/labels", params={"sha256": "ab" * 32}).status_code == 403
        assert client.get("/v1/decisions/none").status_code == 403


def test_an_overturned_decision_is_taken_back_everywhere(
    moderated: RunningService,
    inside: tuple[ModerationParts, OutcomeParts],
    receiver: Receiver,
) -> None:
    desks, _ = inside
    types = (ActionType.HASH_BLOCK, ActionType.LABEL)
    _, decision, digest = decide(desks, f"overturn {moderated.home}", *types)
    park = person("park", Role.SENIOR)
    desks.cases.undo(decision, park, why="the wrong case", now=system_clock())
    taken = arrived(
        receiver,
        "/platform",
        lambda m: m["type"] == "action.reversed" and m["data"]["decision"] == decision,
    )
    assert taken
    with moderated.client(moderated.key(Scope.BLOCKLIST)) as platform:
        answer = platform.post("/v1/blocklist/check", json={"sha256": digest}).json()
        assert answer["answer"] == "none"
