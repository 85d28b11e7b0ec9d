"""Cases: queued, claimed, decided and closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.appeal_rules import check_no_appeal, check_outsider
from provenance.moderation.audit import SYSTEM, writing
from provenance.moderation.bulk import assign
from provenance.moderation.bulk_desk import BulkDesk
from provenance.moderation.case_access import reason_in
from provenance.moderation.case_pages import (
    CLAIMABLE,
    case_file,
    queue_rows,
    visible_case,
)
from provenance.moderation.clocks import (
    TEMPORARY_BLOCK,
    end_waiting,
    start,
    tighten,
)
from provenance.moderation.complainants import ComplainantDesk
from provenance.moderation.decisions import (
    Making,
    check_draft,
    check_seen,
    end_proposal,
    make_decision,
    needs_second,
    pinned,
    propose,
    settle_action,
)
from provenance.moderation.joining import (
    is_captured,
    restrict_case,
    tell_complaint,
    unrestrict_case,
)
from provenance.moderation.looks import EvidenceDesk, check_exposure
from provenance.moderation.merging import merge_cases, part_unseen, split_case
from provenance.moderation.model import Case, Decision, Reviewer
from provenance.moderation.moves import move_case, move_complaints
from provenance.moderation.permissions import (
    Permission,
    check_fit,
    check_no_conflict,
)
from provenance.moderation.requeuing import end_lock, give_back, requeue
from provenance.moderation.rows import case_named, held_case, proposal_of
from provenance.moderation.tables import (
    cases,
    complaints,
)
from provenance.moderation.transitions import JOINABLE, OPEN_COMPLAINTS
from provenance.moderation.views import (
    CaseFile,
    DecisionDraft,
    QueueFilters,
    QueueRow,
)
from provenance.moderation.vocabulary import (
    ActionState,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Queue,
    Role,
    Severity,
)

__all__ = ["CaseDesk"]

_ALL = QueueFilters()


class CaseDesk(BulkDesk, ComplainantDesk, EvidenceDesk):
    """Where the staff works on cases.

    Every method raises ConflictError for what the state of things does not allow,
    NotFoundError for a case that is not there or not for this reviewer,
    PermissionRefusedError where the reviewer may not, and StoreError where the database
    fails.

    Args:
        office: What all desks share.
    """

    def queue(
        self, reviewer: Reviewer, filters: QueueFilters = _ALL, *, now: datetime
    ) -> Sequence[QueueRow]:
        """Which cases wait, gravest and most urgent first?"""
        with transaction(self._office.engine, reads=True) as connection:
            return queue_rows(connection, reviewer, filters, now=now)

    def get(self, case: str, reviewer: Reviewer, *, now: datetime, offset: int = 0) -> CaseFile:
        """All about a case; `offset`: how many of its complaints are left out."""
        with transaction(self._office.engine, reads=True) as connection:
            check_no_conflict(reviewer, visible_case(connection, case, reviewer).agencies)
            return case_file(connection, self._office, case, reviewer, now=now, offset=offset)

    def triage(
        self,
        case: str,
        reviewer: Reviewer,
        *,
        severity: Severity,
        category: Category | None = None,
        now: datetime,
    ) -> Case:
        """Say how grave a case is, and of which kind; it is queued.

        What turns out to be suspected abuse of a minor goes to the restricted queue, and
        nothing of it is shown any more. What turns out to be none comes back, with what was
        kept of it.
        """
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.TRIAGE)
            if found.state not in CLAIMABLE or found.state is CaseState.ESCALATED:
                raise ConflictError(f"case: expected one that waits, got one {found.state.value}")
            self._check_lock(found, reviewer, now)
            kind = category or found.category
            queue = found.queue
            if kind is Category.CHILD_SAFETY:
                queue, severity = Queue.RESTRICTED, Severity.CRITICAL
            elif found.queue is Queue.RESTRICTED and category is not None:
                queue = Queue.GENERAL
            values = {
                "severity": severity,
                "severity_rank": severity.rank,
                "category": kind,
                "queue": queue,
            }
            connection.execute(update(cases).where(cases.c.id == case).values(values))
            self._write(
                connection,
                "case.graded",
                case,
                reviewer,
                now,
                category=kind.value,
                queue=queue.value,
                severity=severity.value,
            )
            tighten(connection, self._office, case, severity=severity, now=now)
            if queue is Queue.RESTRICTED and found.queue is not queue:
                restrict_case(connection, case, now=now)
            elif queue is Queue.GENERAL and found.queue is not queue:
                unrestrict_case(connection, self._office, case, now=now)
            for state in (CaseState.TRIAGED, CaseState.QUEUED):
                at = CaseState(held_case(connection, case).state)
                earlier = (CaseState.OPEN, CaseState.TRIAGED, CaseState.INTERIM_RESTRICTED)
                if at in earlier and at is not state:
                    move_case(
                        connection,
                        self._audit,
                        case,
                        state if at is not CaseState.INTERIM_RESTRICTED else CaseState.QUEUED,
                        actor=reviewer.id,
                        verb=f"case.{state.value}",
                        now=now,
                    )
            return case_named(connection, case)

    def claim(self, case: str, reviewer: Reviewer, *, now: datetime) -> Case:
        """Take a case to work on; nobody else has it until the lock ends.

        Whoever has it already holds it for longer by claiming it again.
        """
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.CLAIM)
            check_fit(reviewer, found.agencies, now=now)
            check_outsider(connection, case, reviewer)
            check_exposure(connection, reviewer, now)
            if found.state not in CLAIMABLE:
                raise ConflictError(f"case: expected one that waits, got one {found.state.value}")
            self._check_lock(found, reviewer, now)
            self._check_escalated(connection, found, reviewer)
            if found.state is CaseState.ASSIGNED and found.assignee == reviewer.id:
                until = now + self._office.rules.claim_lasts
                connection.execute(
                    update(cases).where(cases.c.id == case).values(locked_until=until)
                )
                self._write(connection, "case.kept", case, reviewer, now)
                return case_named(connection, case)
            if found.state is CaseState.ASSIGNED:
                end_lock(connection, self._office, case, now=now)
            assign(connection, self._office, case, reviewer, now=now)
            return case_named(connection, case)

    def release(self, case: str, reviewer: Reviewer, *, now: datetime) -> Case:
        """Give a case back: to the queue, or to whom it was escalated to."""
        with writing(self._office.engine) as connection:
            self._mine(connection, case, reviewer, Permission.CLAIM, now=now, fit=False)
            give_back(
                connection, self._office, case, actor=reviewer.id, verb="case.released", now=now
            )
            return case_named(connection, case)

    def escalate(self, case: str, reviewer: Reviewer, *, to: Role, why: str, now: datetime) -> Case:
        """Hand a case to somebody with the role `senior` or `legal`."""
        if to not in {Role.SENIOR, Role.LEGAL}:
            raise ConflictError(f"escalate: expected senior or legal, got {to.value}")
        with writing(self._office.engine) as connection:
            self._mine(connection, case, reviewer, Permission.ESCALATE, now=now, fit=False)
            move_case(
                connection,
                self._audit,
                case,
                CaseState.ESCALATED,
                actor=reviewer.id,
                verb="case.escalated",
                now=now,
                detail={"role": to.value, "why": reason_in(why)},
                assignee=None,
                locked_until=None,
                escalated_to=to,
            )
            return case_named(connection, case)

    def merge(self, case: str, reviewer: Reviewer, *, into: str, why: str, now: datetime) -> Case:
        """Let a case become part of another; every complaint keeps its own answer."""
        with writing(self._office.engine) as connection:
            for name in (case, into):
                found = self._open(connection, name, reviewer, Permission.MERGE)
                self._check_lock(found, reviewer, now)
                if name == case:
                    self._check_escalated(connection, found, reviewer)
            merge_cases(
                connection, self._office, case, into, actor=reviewer.id, why=reason_in(why), now=now
            )
            return case_named(connection, into)

    def split(
        self,
        case: str,
        reviewer: Reviewer,
        *,
        complaints: Collection[str],
        why: str,
        now: datetime,
    ) -> Case:
        """Make a case of its own of these complaints (references): which one?"""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.MERGE)
            self._check_lock(found, reviewer, now)
            new = split_case(
                connection,
                self._office,
                case,
                complaints,
                actor=reviewer.id,
                why=reason_in(why),
                now=now,
            )
            return case_named(connection, new)

    def decide(
        self, case: str, reviewer: Reviewer, draft: DecisionDraft, *, now: datetime
    ) -> Decision | None:
        """Decide a case that one has claimed. None: it waits for a second person.

        What joins it while it waits is not decided.
        """
        with writing(self._office.engine) as connection:
            found = self._mine(connection, case, reviewer, Permission.DECIDE, now=now)
            check_outsider(connection, case, reviewer)
            check_seen(draft, found)
            policies = check_draft(draft, found, self._office, now=now)
            draft = pinned(draft, found)
            if needs_second(draft, found.subjects, policies, released=self._office.released):
                propose(connection, self._office, case, draft, maker=reviewer.id, now=now)
                move_case(
                    connection,
                    self._audit,
                    case,
                    CaseState.AWAITING_SECOND,
                    actor=reviewer.id,
                    verb="case.awaiting-second",
                    now=now,
                    locked_until=None,
                )
                return None
            making = Making(draft=draft, cases=(case,), maker=reviewer.id)
            return make_decision(connection, self._office, making, now=now)

    def second(
        self, case: str, reviewer: Reviewer, *, agree: bool, why: str = "", now: datetime
    ) -> Decision | None:
        """Agree to the proposed decision, or give it back to whoever made it.

        What joined the case since it was proposed becomes a case of its own: nobody saw it.
        """
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.SECOND)
            check_fit(reviewer, found.agencies, now=now)
            check_outsider(connection, case, reviewer)
            if found.state is not CaseState.AWAITING_SECOND:
                raise ConflictError(
                    f"case: expected one that waits for a second person, got {found.state.value}"
                )
            waiting = proposal_of(connection, case, appeal=None)
            if waiting is not None and waiting.maker == reviewer.id:
                raise PermissionRefusedError(f"{reviewer.id}: proposed it; expected another person")
            proposal = end_proposal(connection, case, appeal=None, now=now)
            if not agree:
                move_case(
                    connection,
                    self._audit,
                    case,
                    CaseState.ASSIGNED,
                    actor=reviewer.id,
                    verb="case.second-refused",
                    now=now,
                    detail={"proposal": proposal.id, "why": reason_in(why)},
                    assignee=proposal.maker,
                    locked_until=now + self._office.rules.claim_lasts,
                )
                return None
            part_unseen(connection, self._office, proposal, now=now)
            # What was proposed is held against what is there now.
            check_draft(proposal.draft, found, self._office, now=now)
            making = Making(
                draft=proposal.draft, cases=(case,), maker=proposal.maker, second=reviewer.id
            )
            return make_decision(connection, self._office, making, now=now)

    def reopen(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """Look at a decided case once more; another person than before will.

        What was decided holds until then.
        """
        with writing(self._office.engine) as connection:
            self._open(connection, case, reviewer, Permission.REOPEN)
            check_no_appeal(connection, case)
            requeue(connection, self._office, case, actor=reviewer.id, why=reason_in(why), now=now)
            return case_named(connection, case)

    def void(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """End a case whose subject was gone before anything of it was captured."""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.VOID)
            self._check_lock(found, reviewer, now)
            if is_captured(connection, held_case(connection, case)) or found.decision is not None:
                raise ConflictError("case: there is evidence of it, so it is decided")
            move_case(
                connection,
                self._audit,
                case,
                CaseState.VOID,
                actor=reviewer.id,
                verb="case.voided",
                now=now,
                detail={"why": reason_in(why)},
                assignee=None,
                locked_until=None,
            )
            # What was missed before is not undone by it.
            end_waiting(connection, self._office, case, now=now)
            move_complaints(
                connection,
                self._audit,
                case,
                OPEN_COMPLAINTS - {ComplaintState.RECEIVED, ComplaintState.ACKNOWLEDGED},
                ComplaintState.ANSWERED,
                actor=SYSTEM,
                now=now,
                answered_at=now,
            )
            told = select(complaints.c.ref).where(
                complaints.c.case == case, complaints.c.state == ComplaintState.ANSWERED
            )
            for ref in connection.execute(told).scalars().all():
                tell_complaint(connection, self._office, "complaint.answered", ref, now)
            return case_named(connection, case)

    def interim_restrict(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """Let it be blocked for 30 days at most, until it is decided.

        It ends by itself, and is then not renewed.
        """
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.INTERIM_RESTRICT)
            check_fit(reviewer, found.agencies, now=now)
            self._check_lock(found, reviewer, now)
            if found.state not in JOINABLE or found.state is CaseState.REOPENED:
                raise ConflictError(f"case: expected one that waits, got one {found.state.value}")
            current = self._office.policies.current(now=now, category=found.category)
            if not any(policy.interim for policy in current):
                raise ConflictError(f"interim: no policy allows it for {found.category.value}")
            if any(clock.kind is ClockKind.TEMPORARY_BLOCK for clock in found.clocks):
                raise ConflictError("interim: it was blocked already, and that is not renewed")
            for old, new in (
                (CaseState.OPEN, CaseState.TRIAGED),
                (CaseState.TRIAGED, CaseState.INTERIM_RESTRICTED),
            ):
                if held_case(connection, case).state == old:
                    move_case(
                        connection,
                        self._audit,
                        case,
                        new,
                        actor=reviewer.id,
                        verb=f"case.{new.value}",
                        now=now,
                    )
            self._write(connection, "interim.started", case, reviewer, now, why=reason_in(why))
            clock = start(
                connection,
                self._office,
                case,
                ClockKind.TEMPORARY_BLOCK,
                starts_at=now,
                due_at=now + TEMPORARY_BLOCK,
                now=now,
            )
            self._office.effects.on_clock(connection, "interim.started", clock, now)
            return case_named(connection, case)

    def action_done(self, action: str, *, now: datetime) -> None:
        """What an action asks for was done."""
        with writing(self._office.engine) as connection:
            settle_action(connection, self._office, action, ActionState.DONE, now=now)

    def action_failed(self, action: str, why: str, *, now: datetime) -> None:
        """It was not, and will not be without somebody's help."""
        with writing(self._office.engine) as connection:
            settle_action(connection, self._office, action, ActionState.FAILED, why=why, now=now)

    def action_retried(self, action: str, *, now: datetime) -> None:
        """What failed is tried once more."""
        with writing(self._office.engine) as connection:
            settle_action(connection, self._office, action, ActionState.PENDING, now=now)
