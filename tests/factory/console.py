"""The console on stage: the real service, its staff, and cases of every kind."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import insert, select, update

from provenance.database.database import Database
from provenance.database.transactions import transaction
from provenance.moderation.evidence.retention import RetentionDesk
from provenance.moderation.model import Contact, Locator, Reviewer
from provenance.moderation.outcomes.hash_list import EntryState, HashAlgorithm, HashList
from provenance.moderation.outcomes.notices import NoticeDesk, NoticeDraft
from provenance.moderation.outcomes.tables import hash_entries
from provenance.moderation.tables import cases, complaints
from provenance.moderation.views import DecisionDraft, Filed, NewComplaint
from provenance.moderation.vocabulary import (
    ActionType,
    Category,
    Ground,
    Outcome,
    ReporterRole,
)
from provenance.records.reports import ReportStore
from provenance.records.scopes import Scope
from provenance.records.tables import webhooks
from provenance.records.webhooks import DeliveryState, enqueue_webhook
from provenance.runtime.clock import system_clock
from provenance.runtime.moderation_parts import ModerationParts
from provenance.runtime.settings import load_settings
from provenance.runtime.staff_parts import StaffParts
from provenance.staff.roles import Role
from provenance.staff.tokens import csrf_of
from tests.factory.service import RunningService
from tests.factory.staff import Member, enrolled

__all__ = [
    "CONTACT",
    "STAFF",
    "Console",
    "console_on",
    "crowd",
    "impersonation",
    "keep_busy",
    "keeping_policies",
]

_KEEPING = """\
schema_version: "1"
name: test-keeping
version: "1"
passes: [official]
test: true
keep_uploads: true
report_days: 30
"""

STAFF: Mapping[str, frozenset[Role]] = {
    "ro-reviewer": frozenset({Role.REVIEWER}),
    "rae-reviewer": frozenset({Role.REVIEWER}),
    "sun-senior": frozenset({Role.SENIOR}),
    "sol-senior": frozenset({Role.SENIOR}),
    "lee-legal": frozenset({Role.LEGAL}),
    "ana-admin": frozenset({Role.ADMIN}),
    "aud-auditor": frozenset({Role.AUDITOR}),
    "nobody": frozenset(),
}
"""Accounts, by name, and their roles."""
CONTACT = Contact(name="Han Areum", email="areum.han@mail.example", signature="Han Areum")
_YEAR = timedelta(days=365)
# A code counts once; those of the enrolment lie before those of a test.
_AGO = timedelta(minutes=5)


def keeping_policies(folder: Path) -> Path:
    """A folder with a policy, `test-keeping`, under which files that were checked are kept."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "keeping.yaml").write_text(_KEEPING, "utf-8")
    return policies


def impersonation() -> DecisionDraft:
    """A decision that one person may make."""
    return DecisionDraft(
        outcome=Outcome.VIOLATION,
        policies=("impersonation@1",),
        ground=Ground.TERMS,
        reference="Impersonation policy, section 2",
        facts="The account calls itself the agency and is not on its list of channels.",
        actions=(ActionType.LABEL,),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """A running service with a staff.

    Attributes:
        service: It.
        desks: The same desks as the service has, on its database.
        staff: Their accounts.
        members: Who is enrolled, by name.
    """

    service: RunningService
    desks: ModerationParts
    staff: StaffParts
    members: Mapping[str, Member]

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.service.url

    def client(self, name: str | None, **options: Any) -> httpx2.Client:
        """A browser's requests of somebody who is signed in, or of nobody."""
        headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        headers |= options.pop("headers", {})
        cookies = {}
        if name is not None:
            token = self.members[name].begun.token
            cookies["staff"] = token
        return self.service.client(headers=headers, cookies=cookies, **options)

    def csrf(self, name: str) -> str:
        """What their forms hold."""
        return csrf_of(self.members[name].begun.token)

    def reviewer(self, name: str) -> Reviewer:
        """Somebody, as the desks know them."""
        return Reviewer(
            id=name, roles=STAFF[name], trained_until=system_clock() + _YEAR, exposure_cap=60
        )

    def file(
        self,
        url: str,
        category: Category = Category.IMPERSONATION,
        *,
        explanation: str = "It says it is the agency, and it is not.",
        contact: Contact | None = CONTACT,
        **members: Any,
    ) -> Filed:
        """A complaint, as somebody files it."""
        locators = members.pop("locators", (Locator(url=url),))
        return self.desks.complaints.file(
            NewComplaint(
                category=category,
                locators=locators,
                role=ReporterRole.DEPICTED_PERSON,
                explanation=explanation,
                good_faith=True,
                contact=contact,
                **members,
            ),
            now=system_clock(),
        )

    def case(self, url: str, category: Category = Category.IMPERSONATION, **members: Any) -> str:
        """A case about this address: its name."""
        filed = self.file(url, category, **members)
        assert filed.complaint.case is not None
        return filed.complaint.case

    def checked(self, data: bytes, *, name: str = "copy.jpg") -> str:
        """The report about a file that is kept: its name."""
        with self.service.client(self.service.key(Scope.VERIFY)) as client:
            answer = client.put(
                "/v1/verify", params={"policy": "test-keeping", "name": name}, content=data
            )
        answer.raise_for_status()
        return answer.headers["Location"].rpartition("/")[2]

    def case_of_file(self, data: bytes, url: str) -> str:
        """A case about a file that is kept here: its name."""
        report = self.checked(data)
        return self.case(url, locators=(Locator(url=url, report=report),))

    def claimed(self, url: str, by: str, category: Category = Category.IMPERSONATION) -> str:
        """A case that somebody has."""
        case = self.case(url, category)
        self.desks.cases.claim(case, self.reviewer(by), now=system_clock())
        return case

    def decided(self, url: str, by: str) -> tuple[str, Filed]:
        """A case that somebody decided, and the complaint behind it."""
        filed = self.file(url)
        assert filed.complaint.case is not None
        case, reviewer = filed.complaint.case, self.reviewer(by)
        self.desks.cases.claim(case, reviewer, now=system_clock())
        self.desks.cases.decide(case, reviewer, impersonation(), now=system_clock())
        return case, filed


def keep_busy(console: Console) -> tuple[str, str]:
    """Something on each page of lawyers, keepers and auditors: a case, and a notice about it."""
    address = "https://video.example/watch/kept"
    case, _ = console.decided(address, "rae-reviewer")
    engine, now = console.desks.office.engine, system_clock()
    audit = console.desks.audit
    decision = console.desks.cases.get(case, console.reviewer("lee-legal"), now=now).decisions[-1]
    RetentionDesk(engine, audit, os.urandom).hold(
        case, "A court asked for it.", by="lee-legal", now=now
    )
    notices = NoticeDesk(engine, audit, os.urandom)
    draft = NoticeDraft(host="video.example", addresses=(address,), sender="Aurora Entertainment")
    notice = notices.make(decision, draft, by="lee-legal", now=now)
    notices.received(notice.id, "Ticket 77", by="lee-legal", now=now)
    with transaction(engine) as connection:
        for number, state in enumerate(EntryState):
            HashList.add(
                connection, id=f"entry-{number}", decision=decision.id, case=case,
                subject="subject", algorithm=list(HashAlgorithm)[number % 2],
                value=f"{number:064x}", ends_at=None, now=now,
            )  # fmt: skip
            connection.execute(
                update(hash_entries)
                .where(hash_entries.c.id == f"entry-{number}")
                .values(state=state.value, hits=number * 100, why=f"It is {state.value}.")
            )
        for number in range(2):
            enqueue_webhook(
                connection, id=f"msg_kept_{number}", url="https://receiver.example/in",
                secret=os.urandom(24), body="{}", now=now + timedelta(days=9),
                event="action.requested",
            )  # fmt: skip
        connection.execute(
            update(webhooks)
            .where(webhooks.c.event == "action.requested", webhooks.c.id.like("msg_kept_%"))
            .values(state=DeliveryState.DEAD.value, attempts=12, why="connection refused")
        )
    return case, notice.id


@contextmanager
def console_on(service: RunningService) -> Iterator[Console]:
    """The staff and the desks of a service that runs, until the block ends."""
    settings = load_settings(environ=service.settings)
    with Database(service.settings["PROVENANCE_REGISTER"]) as database:
        engine = database.engine
        staff = StaffParts.open(settings, engine)
        desks = ModerationParts.open(
            settings,
            engine,
            reports=ReportStore(engine),
            released=lambda _: False,
            clock=system_clock,
        )
        assert desks is not None
        now = system_clock()
        members = {}
        for name, roles in STAFF.items():
            members[name] = enrolled(staff, name, now=now - _AGO, roles=tuple(roles))
            staff.accounts.train(name, now + _YEAR, now=now)
        yield Console(service=service, desks=desks, staff=staff, members=members)


def crowd(console: Console, case: str, count: int) -> None:
    """Let this case have so many complaints more, written as fast as a database can."""
    with console.desks.office.engine.begin() as connection:
        like = connection.execute(
            select(complaints).where(complaints.c.case == case).limit(1)
        ).one()
        rows = [
            {**like._mapping, "ref": f"{number:012d}", "external_id": None, "key": None}
            for number in range(count)
        ]
        for start in range(0, count, 500):
            connection.execute(insert(complaints), rows[start : start + 500])
        connection.execute(
            update(cases).where(cases.c.id == case).values(complaints=cases.c.complaints + count)
        )
