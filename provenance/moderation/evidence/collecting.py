"""What belongs into the evidence bundle of a case, as the database has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from provenance.database.transactions import transaction
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.evidence.audit_export import audit_line
from provenance.moderation.evidence.bundle import EvidenceFile, EvidenceParts
from provenance.moderation.evidence.documents import (
    AuditLine,
    EvidenceAction,
    EvidenceAppeal,
    EvidenceCase,
    EvidenceComplaint,
    EvidenceDecision,
    EvidenceSubject,
)
from provenance.moderation.model import Appeal, Case, Decision, Subject
from provenance.moderation.outcomes.statements import StatementContext, write_statement
from provenance.moderation.personal_data import without_sharer
from provenance.moderation.rows import (
    actions_of,
    appeal_of,
    case_named,
    decisions_of,
    withholds_facts,
)
from provenance.moderation.tables import appeals, complaints
from provenance.moderation.vocabulary import (
    Audience,
    Category,
    Channel,
    Queue,
    ReporterRole,
)
from provenance.wording.catalogue import wording_in
from provenance.wording.languages import DEFAULT

__all__ = ["EvidenceCollector"]

_PAGE = 200
# Whose names are known: entries of them say what was done in the case, and to whom nothing.
_OBJECTS = ("case", "decision", "action", "appeal")


class EvidenceCollector:
    """Collects what proves a case.

    Args:
        engine: The database.
        audit: The audit.
        public_url: Where people reach the service.
        report_of: The machine's report of this name as JSON; None: it is gone.
        file_of: The bytes of a subject, where they are kept.
        log_of: The log bundle of the release that a subject is, where there is one.
    """

    def __init__(
        self,
        engine: Engine,
        audit: AuditLog,
        *,
        public_url: str,
        report_of: Callable[[str], bytes | None] = lambda _: None,
        file_of: Callable[[Subject], EvidenceFile | None] = lambda _: None,
        log_of: Callable[[Subject], bytes | None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._audit = audit
        self._public_url = public_url
        self.report_of = report_of
        self._file_of = file_of
        self._log_of = log_of

    def collect(self, case: str, *, with_files: bool = False) -> EvidenceParts:
        """Everything about this case; files only where they are wanted and may be inside.

        Raises:
            NotFoundError: There is no such case.
            StoreError: The database cannot be read.
        """
        with transaction(self._engine, reads=True) as connection:
            found = case_named(connection, case)
            decisions = _in_order(decisions_of(connection, case))
            document = _document(connection, found, decisions)
            appealed = [appeal.id for appeal in document.appeals]
            statements = [
                self._statement(one, tells_facts=not withholds_facts(connection, one.id))
                for one in decisions
            ]
        named = {
            "case": [case],
            "decision": [decision.id for decision in decisions],
            "action": [action.id for action in document.actions],
            "appeal": appealed,
        }
        restricted = _is_restricted(found)
        return EvidenceParts(
            case=document,
            audit=self._entries(named),
            reports={} if restricted else self._each(found, self._report),
            statements=statements,
            logs={} if restricted else self._each(found, self._log_of),
            files=[
                file
                for subject in found.subjects
                if with_files and not restricted
                for file in [self._file_of(subject)]
                if file is not None
            ],
        )

    def note(self, case: str, *, by: str, now: datetime) -> None:
        """Write down who was given the evidence of a case.

        Raises:
            NotFoundError: There is no such case.
        """
        with writing(self._engine) as connection:
            case_named(connection, case)
            self._audit.append(
                connection, at=now, actor=by, verb="evidence.bundled", object=f"case:{case}"
            )

    def _entries(self, named: Mapping[str, Sequence[str]]) -> list[AuditLine]:
        lines: list[AuditLine] = []
        for kind in _OBJECTS:
            for name in named[kind]:
                after = 0
                while events := self._audit.events(
                    after=after, object=f"{kind}:{name}", limit=_PAGE
                ):
                    lines += map(audit_line, events)
                    after = events[-1].seq
        return sorted(lines, key=lambda line: line.seq)

    def _report(self, subject: Subject) -> bytes | None:
        return None if subject.report is None else self.report_of(subject.report)

    def _each(self, case: Case, get: Callable[[Subject], bytes | None]) -> dict[str, bytes]:
        found = {subject.id: get(subject) for subject in case.subjects}
        return {name: data for name, data in found.items() if data is not None}

    def _statement(self, decision: Decision, *, tells_facts: bool) -> str:
        context = StatementContext(
            url=f"{self._public_url}/decisions/{decision.id}",
            appeal_until=None,
            tells_facts=tells_facts,
        )
        written = write_statement(decision, Audience.PUBLIC, context, wording_in(DEFAULT))
        return f"{written.title}\n\n{written.body}\n"


def _document(connection: Connection, case: Case, decisions: Sequence[Decision]) -> EvidenceCase:
    filed = connection.execute(
        select(
            complaints.c.received_at, complaints.c.channel, complaints.c.role, complaints.c.category
        )
        .where(complaints.c.case == case.id)
        .order_by(complaints.c.received_at, complaints.c.ref)
    ).all()
    answered = connection.execute(
        select(appeals).where(appeals.c.case == case.id).order_by(appeals.c.filed_at, appeals.c.id)
    ).all()
    restricted = _is_restricted(case)
    return EvidenceCase(
        id=case.id,
        state=case.state,
        category=case.category,
        severity=case.severity,
        queue=Queue.RESTRICTED if restricted else case.queue,
        opened_at=case.opened_at,
        subjects=tuple(_subject(subject, restricted=restricted) for subject in case.subjects),
        complaints=tuple(
            EvidenceComplaint(
                received_at=row.received_at,
                channel=Channel(row.channel),
                role=ReporterRole(row.role),
                category=Category(row.category),
            )
            for row in filed
        ),
        decisions=tuple(
            EvidenceDecision.model_validate(
                {name: getattr(decision, name) for name in EvidenceDecision.model_fields}
            )
            for decision in decisions
        ),
        actions=tuple(
            EvidenceAction.model_validate(
                {name: getattr(action, name) for name in EvidenceAction.model_fields}
            )
            for action in actions_of(connection, None, case.id)
        ),
        appeals=tuple(_appeal(appeal_of(row)) for row in answered),
    )


def _subject(subject: Subject, *, restricted: bool) -> EvidenceSubject:
    if restricted:
        # Its digest stays, so that it can be recognised; nobody is led there.
        return EvidenceSubject(id=subject.id, sha256=subject.sha256)
    return EvidenceSubject(
        id=subject.id,
        url=without_sharer(subject.url),
        sha256=subject.sha256,
        report=subject.report,
        verdict=subject.verdict,
        release=subject.release,
    )


def _appeal(appeal: Appeal) -> EvidenceAppeal:
    return EvidenceAppeal(
        id=appeal.id,
        decision=appeal.decision,
        by="uploader" if appeal.complaint is None else "reporter",
        filed_at=appeal.filed_at,
        state=appeal.state,
        reviewer=appeal.reviewer,
        outcome=appeal.outcome,
        new_decision=appeal.new_decision,
    )


def _in_order(decisions: Sequence[Decision]) -> list[Decision]:
    """Each after the one that it replaces: two may have been made in one moment."""
    left = {decision.id: decision for decision in decisions}
    ordered: list[Decision] = []
    while left:
        ready = [one for one in left.values() if one.supersedes not in left]
        if not ready:
            # A ring: nothing here makes one, and whoever checks the bundle will see it.
            return [*ordered, *left.values()]
        ordered += [left.pop(one.id) for one in ready]
    return ordered


def _is_restricted(case: Case) -> bool:
    return case.queue is Queue.RESTRICTED or case.category is Category.CHILD_SAFETY
