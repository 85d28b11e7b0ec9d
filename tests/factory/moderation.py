"""An office of moderation for tests: its staff, its reporters, and what follows written down."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, Engine

from provenance.moderation.appeals import AppealDesk
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.cases import CaseDesk
from provenance.moderation.clockwork import Clockwork
from provenance.moderation.complaints import ComplaintDesk
from provenance.moderation.contacts import ContactKeys, ContactStore
from provenance.moderation.model import (
    Appeal,
    Case,
    Clock,
    Complaint,
    Contact,
    Decision,
    Locator,
    Reviewer,
)
from provenance.moderation.office import Office, ReleaseLookup, Rules
from provenance.moderation.policies import load_policy_book
from provenance.moderation.resemblances import write_lead
from provenance.moderation.views import DecisionDraft, NewComplaint, ReportFacts
from provenance.moderation.vocabulary import (
    ActionType,
    Category,
    Ground,
    Outcome,
    ReporterRole,
    Role,
)

__all__ = [
    "ADDRESS",
    "CONTACT",
    "NOW",
    "Desks",
    "Told",
    "about",
    "draft",
    "linked",
    "nothing_found",
    "open_desks",
    "person",
    "random_bytes",
]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADDRESS = "203.0.113.7"
CONTACT = Contact(
    name="Han Areum", email="areum.han@mail.example", signature="/s/ Han Areum, in her own hand"
)


def random_bytes() -> Callable[[int], bytes]:
    """Bytes that look like chance, and are the same in each run."""
    numbers = itertools.count()

    def get(size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += sha256(b"%d" % next(numbers)).digest()
        return data[:size]

    return get


@dataclass
class Told:
    """Effects that write down what they were told."""

    events: list[tuple[object, ...]] = field(default_factory=list)
    fails_on: str | None = None

    def names(self) -> list[str]:
        return [str(event[0]) for event in self.events]

    def _take(self, *event: object) -> None:
        if event[0] == self.fails_on:
            raise RuntimeError("an effect that fails")
        self.events.append(event)

    def on_complaint(
        self, connection: Connection, event: str, complaint: Complaint, now: datetime
    ) -> None:
        del connection
        self._take(event, complaint, now)

    def on_decision(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        complaints: Sequence[Complaint],
        now: datetime,
    ) -> None:
        del connection
        self._take("decision", decision, case, tuple(complaints), now)

    def on_reversal(
        self, connection: Connection, old: Decision, new: Decision, case: Case, now: datetime
    ) -> None:
        del connection
        self._take("reversal", old, new, case, now)

    def on_clock(self, connection: Connection, event: str, clock: Clock, now: datetime) -> None:
        del connection
        self._take(event, clock, now)

    def on_appeal(
        self, connection: Connection, event: str, appeal: Appeal, case: Case, now: datetime
    ) -> None:
        del connection
        self._take(event, appeal, case, now)


@dataclass
class Desks:
    """All desks of one office, and what its effects were told."""

    office: Office
    told: Told
    complaints: ComplaintDesk
    cases: CaseDesk
    appeals: AppealDesk
    clockwork: Clockwork


def linked(office: Office, one: str, two: str, *, distance: int, now: datetime) -> int:
    """A machine's lead that two subjects are alike: its number."""
    with writing(office.engine) as connection:
        return write_lead(connection, one, two, algorithm="pdq", distance=distance, now=now)


def open_desks(
    engine: Engine,
    *,
    rules: Rules | None = None,
    reports: dict[str, ReportFacts] | None = None,
    told: Told | None = None,
    random: Callable[[int], bytes] | None = None,
    keys: ContactKeys | None = None,
    released: ReleaseLookup = lambda _: False,
) -> Desks:
    """An office with the packaged policies in this database."""
    told = told or Told()
    random = random or random_bytes()
    keys = keys or ContactKeys(keys={"2026-05": bytes(range(32))})
    office = Office(
        engine=engine,
        audit=AuditLog(engine),
        effects=told,
        policies=load_policy_book(),
        contacts=ContactStore(keys, random),
        random=random,
        reports=(reports or {}).get,
        released=released,
        rules=rules or Rules(),
    )
    complaints = ComplaintDesk(office)
    return Desks(
        office=office,
        told=told,
        complaints=complaints,
        cases=CaseDesk(office),
        appeals=AppealDesk(office, complaints),
        clockwork=Clockwork(office),
    )


def person(
    name: str, *roles: Role, conflicts: Sequence[str] = (), cap: int = 60, trained: bool = True
) -> Reviewer:
    """A member of the staff; a reviewer where no role is named."""
    return Reviewer(
        id=name,
        roles=frozenset(roles or {Role.REVIEWER}),
        trained_until=NOW + timedelta(days=3650) if trained else None,
        conflicts=frozenset(conflicts),
        exposure_cap=cap,
    )


def about(
    category: Category = Category.IMPERSONATION,
    *,
    url: str | None = "https://videos.example/watch?v=1",
    sha: str | None = None,
    report: str | None = None,
    role: ReporterRole = ReporterRole.ANYONE,
    contact: Contact | None = None,
    good_faith: bool = False,
    explanation: str = "",
    external_id: str | None = None,
) -> NewComplaint:
    """A complaint about one place; `sha` is the name of a file."""
    digest = None if sha is None else sha256(sha.encode()).hexdigest()
    return NewComplaint(
        category=category,
        locators=(Locator(url=url, sha256=digest, report=report),),
        role=role,
        contact=contact,
        good_faith=good_faith,
        explanation=explanation,
        external_id=external_id,
    )


_POLICIES = {
    Category.INTIMATE_IMAGE: "intimate-images@1",
    Category.CHILD_SAFETY: "child-safety@1",
}


def draft(
    *actions: ActionType,
    category: Category = Category.IMPERSONATION,
    outcome: Outcome = Outcome.VIOLATION,
    facts: str = "The account says it is the agency and is not.",
    subjects: Sequence[str] = (),
) -> DecisionDraft:
    """A decision under the policy for this category; by default it removes."""
    return DecisionDraft(
        outcome=outcome,
        policies=(_POLICIES.get(category, f"{category.value}@1"),),
        ground=Ground.TERMS,
        reference="Terms of use",
        facts=facts,
        actions=actions or (ActionType.REMOVE,),
        subjects=tuple(subjects),
    )


def nothing_found(category: Category = Category.IMPERSONATION) -> DecisionDraft:
    """A decision that there is no violation."""
    made = draft(category=category, outcome=Outcome.NO_VIOLATION)
    return DecisionDraft(
        outcome=made.outcome,
        policies=made.policies,
        ground=made.ground,
        reference=made.reference,
        facts="It says openly that it is a fan's work.",
    )
