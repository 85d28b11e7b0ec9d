"""Cases that were decided, as rows: for what follows from decisions, without the desks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, update

from provenance.moderation.model import Case, Complaint, Decision, Locator, Subject
from provenance.moderation.tables import (
    actions,
    case_subjects,
    cases,
    complaints,
    contacts,
    decision_cases,
    decisions,
    subjects,
)
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    CaseState,
    Category,
    Channel,
    ComplaintState,
    Ground,
    Outcome,
    Queue,
    ReporterRole,
    Severity,
)

__all__ = ["NOW", "CaseOfRows"]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class CaseOfRows:
    """One case with its subjects and complaints, and decisions one after the other.

    Args:
        connection: Where it is written.
        name: What everything of it is called after.
        digests: Of its subjects, one each.
        category: What it is about.
        queue: In which queue.
        locales: Of its complaints, one each.
    """

    def __init__(
        self,
        connection: Connection,
        name: str = "case",
        *,
        digests: tuple[str | None, ...] = ("ab" * 32,),
        category: Category = Category.IMPERSONATION,
        queue: Queue = Queue.GENERAL,
        locales: tuple[str, ...] = ("ko", "en"),
    ) -> None:
        self.name = name
        self.restricted = queue is Queue.RESTRICTED
        self.decided: list[Decision] = []
        self.subjects = tuple(
            Subject(
                id=f"{name}-s{number}",
                url=f"https://video.example/{name}/{number}",
                sha256=digest,
                verdict="lookalike" if number else "unverified",
            )
            for number, digest in enumerate(digests)
        )
        connection.execute(
            insert(cases).values(
                id=name,
                state=CaseState.ENFORCING.value,
                category=category.value,
                severity=Severity.HIGH.value,
                severity_rank=2,
                queue=queue.value,
                opened_at=NOW,
                complaints=len(locales),
            )
        )
        for subject in self.subjects:
            connection.execute(
                insert(subjects).values(
                    id=subject.id,
                    key=subject.id,
                    url=subject.url,
                    sha256=subject.sha256,
                    verdict=subject.verdict,
                    created_at=NOW,
                )
            )
            connection.execute(insert(case_subjects).values(case=name, subject=subject.id))
        self.complaints = tuple(
            Complaint(
                ref=f"{name[:8].upper()}R{number}",
                channel=Channel.PAGE,
                role=ReporterRole.DEPICTED_PERSON,
                category=category,
                explanation="my own words, MINJI KIM, 010-1234-5678",
                locators=(Locator(url=self.subjects[0].url),),
                good_faith=True,
                locale=locale,
                received_at=NOW,
                state=ComplaintState.ANSWERED,
                case=name,
                subject=self.subjects[0].id,
            )
            for number, locale in enumerate(locales)
        )
        for one in self.complaints:
            connection.execute(
                insert(complaints).values(
                    ref=one.ref,
                    pin_hash="x",
                    channel=one.channel.value,
                    role=one.role.value,
                    category=one.category.value,
                    explanation=one.explanation,
                    locators=[{"url": self.subjects[0].url}],
                    good_faith=True,
                    statutory=False,
                    locale=one.locale,
                    received_at=NOW,
                    state=one.state.value,
                    case=name,
                    subject=one.subject,
                    reporter_hash="x",
                    address_hash="x",
                )
            )
            connection.execute(
                insert(contacts).values(complaint=one.ref, key="k", sealed=b"minji@mail.example")
            )

    @property
    def case(self) -> Case:
        """The case, as effects are given it: of a restricted one hardly anything."""
        handed = (
            tuple(Subject(id=one.id) for one in self.subjects) if self.restricted else self.subjects
        )
        return Case(
            id=self.name,
            state=CaseState.DECIDED,
            category=self.complaints[0].category if self.complaints else Category.OTHER,
            severity=Severity.HIGH,
            queue=Queue.RESTRICTED if self.restricted else Queue.GENERAL,
            subjects=handed,
            opened_at=NOW,
            complaints=len(self.complaints),
        )

    @property
    def told(self) -> tuple[Complaint, ...]:
        """The complaints, as effects are given them."""
        if not self.restricted:
            return self.complaints
        return tuple(replace(one, explanation="", locators=()) for one in self.complaints)

    def decide(
        self,
        connection: Connection,
        *types: ActionType,
        outcome: Outcome = Outcome.VIOLATION,
        at: datetime = NOW,
        policies: tuple[str, ...] = ("impersonation@2026-1",),
        facts: str = "It passes itself off as the group.",
        ends_at: datetime | None = None,
        appeal: str | None = None,
    ) -> Decision:
        """Write a decision on top of the last one, with its actions pending."""
        before = self.decided[-1] if self.decided else None
        if before is not None:
            connection.execute(
                update(actions)
                .where(actions.c.decision == before.id)
                .values(state=ActionState.REVERSED.value)
            )
        decision = Decision(
            id=f"{self.name}-d{len(self.decided)}",
            case=self.name,
            subjects=tuple(subject.id for subject in self.subjects),
            outcome=outcome,
            policies=policies,
            ground=Ground.TERMS,
            reference="4.2",
            facts=facts,
            actions=types,
            territories=(),
            ends_at=ends_at,
            automated_detection=False,
            maker="reviewer-1",
            second=None,
            supersedes=None if before is None else before.id,
            created_at=at,
            cases=(self.name,),
            appeal=appeal,
        )
        connection.execute(
            insert(decisions).values(
                id=decision.id,
                case=decision.case,
                subjects=list(decision.subjects),
                outcome=outcome.value,
                policies=list(policies),
                ground=decision.ground.value,
                reference=decision.reference,
                facts=facts,
                actions=[one.value for one in types],
                territories=[],
                ends_at=ends_at,
                automated_detection=False,
                maker=decision.maker,
                appeal=appeal,
                created_at=at,
            )
        )
        connection.execute(
            insert(decision_cases).values(
                decision=decision.id, case=self.name, supersedes=decision.supersedes
            )
        )
        for subject in self.subjects:
            for kind in types:
                connection.execute(
                    insert(actions).values(
                        id=f"{decision.id}-{subject.id[-2:]}-{kind.value}"[:32],
                        decision=decision.id,
                        case=self.name,
                        subject=subject.id,
                        type=kind.value,
                        state=ActionState.PENDING.value,
                    )
                )
        self.decided.append(decision)
        return decision
