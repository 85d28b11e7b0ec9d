"""Cases: queued, claimed, decided and closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.appeal_rules import appeal_waits, check_no_appeal, check_outsider
from provenance.moderation.appeals import answer_appeals
from provenance.moderation.audit import SYSTEM, writing
from provenance.moderation.bulk import assign, decide_bulk, preview_bulk
from provenance.moderation.case_pages import (
    CLAIMABLE,
    case_file,
    looks_today,
    queue_rows,
    visible_case,
)
from provenance.moderation.clocks import (
    TEMPORARY_BLOCK,
    meet,
    pause,
    reopen_clock,
    running,
    start,
    tighten,
)
from provenance.moderation.decisions import (
    Making,
    check_draft,
    end_proposal,
    make_decision,
    needs_second,
    propose,
    settle_action,
)
from provenance.moderation.joining import (
    is_captured,
    is_suspected,
    leave_case,
    restrict_case,
    tell_complaint,
)
from provenance.moderation.merging import merge_cases, split_case
from provenance.moderation.model import Case, Contact, Decision, Reviewer
from provenance.moderation.moves import move_case, move_complaint, move_complaints
from provenance.moderation.office import Office
from provenance.moderation.permissions import (
    Permission,
    check_fit,
    check_no_conflict,
    check_permission,
)
from provenance.moderation.rows import case_named, decision_named, held_case, proposal_of
from provenance.moderation.tables import (
    cases,
    complaints,
    evidence_access,
    messages,
    mutes,
    similarities,
)
from provenance.moderation.transitions import JOINABLE, OPEN_COMPLAINTS
from provenance.moderation.views import (
    BulkPreview,
    CaseFile,
    DecisionDraft,
    EvidenceAccess,
    QueueFilters,
    QueueRow,
)
from provenance.moderation.vocabulary import (
    ActionState,
    AppealOutcome,
    CaseState,
    Category,
    ClockKind,
    ComplaintState,
    Outcome,
    Queue,
    Role,
    Severity,
)

__all__ = ["CaseDesk"]

_ALL = QueueFilters()
_MAX_WHY_CHARS = 400
_MAX_TEXT_CHARS = 5_000
_MOST_MUTE_DAYS = 365
_ENDED = (CaseState.CLOSED, CaseState.ENFORCING, CaseState.ENFORCEMENT_FAILED)


class CaseDesk:
    """Where the staff works on cases.

    Every method raises ConflictError for what the state of things does not allow,
    NotFoundError for a case that is not there or not for this reviewer,
    PermissionRefusedError where the reviewer may not, and StoreError where the database
    fails.

    Args:
        office: What all desks share.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._audit = office.audit

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
        nothing of it is shown any more.
        """
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.TRIAGE, now=now)
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
            found = self._open(connection, case, reviewer, Permission.CLAIM, now=now)
            check_fit(reviewer, found.agencies, now=now)
            check_outsider(connection, case, reviewer)
            self._check_exposure(connection, reviewer, now)
            if found.state not in CLAIMABLE:
                raise ConflictError(f"case: expected one that waits, got one {found.state.value}")
            self._check_lock(found, reviewer, now)
            if found.state is CaseState.ESCALATED:
                self._check_escalated(connection, case, reviewer)
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
        """Give a case back to the queue."""
        with writing(self._office.engine) as connection:
            self._mine(connection, case, reviewer, Permission.CLAIM, now=now, fit=False)
            move_case(
                connection,
                self._audit,
                case,
                CaseState.QUEUED,
                actor=reviewer.id,
                verb="case.released",
                now=now,
                assignee=None,
                locked_until=None,
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
                detail={"role": to.value, "why": _why(why)},
                assignee=None,
                locked_until=None,
                escalated_to=to,
            )
            return case_named(connection, case)

    def merge(self, case: str, reviewer: Reviewer, *, into: str, why: str, now: datetime) -> Case:
        """Let a case become part of another; every complaint keeps its own answer."""
        with writing(self._office.engine) as connection:
            for name in (case, into):
                found = self._open(connection, name, reviewer, Permission.MERGE, now=now)
                self._check_lock(found, reviewer, now)
            merge_cases(
                connection, self._office, case, into, actor=reviewer.id, why=_why(why), now=now
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
            found = self._open(connection, case, reviewer, Permission.MERGE, now=now)
            self._check_lock(found, reviewer, now)
            new = split_case(
                connection,
                self._office,
                case,
                complaints,
                actor=reviewer.id,
                why=_why(why),
                now=now,
            )
            return case_named(connection, new)

    def decide(
        self, case: str, reviewer: Reviewer, draft: DecisionDraft, *, now: datetime
    ) -> Decision | None:
        """Decide a case that one has claimed. None: it waits for a second person."""
        with writing(self._office.engine) as connection:
            found = self._mine(connection, case, reviewer, Permission.DECIDE, now=now)
            check_outsider(connection, case, reviewer)
            policies = check_draft(draft, found, self._office, now=now)
            if needs_second(draft, found.subjects, policies):
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
        """Agree to the proposed decision, or give it back to whoever made it."""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.SECOND, now=now)
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
                    detail={"proposal": proposal.id, "why": _why(why)},
                    assignee=proposal.maker,
                    locked_until=now + self._office.rules.claim_lasts,
                )
                return None
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
            self._open(connection, case, reviewer, Permission.REOPEN, now=now)
            check_no_appeal(connection, case)
            requeue(connection, self._office, case, actor=reviewer.id, why=_why(why), now=now)
            return case_named(connection, case)

    def void(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """End a case whose subject was gone before anything of it was captured."""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.VOID, now=now)
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
                detail={"why": _why(why)},
                assignee=None,
                locked_until=None,
            )
            # There is nothing left that could be missed; what was is not undone.
            meet(
                connection,
                self._office,
                case,
                {ClockKind.DECIDE, ClockKind.INTIMATE_48H, ClockKind.TEMPORARY_BLOCK},
                now=now,
            )
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
            found = self._open(connection, case, reviewer, Permission.INTERIM_RESTRICT, now=now)
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
            self._write(connection, "interim.started", case, reviewer, now, why=_why(why))
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

    def unblur(
        self, case: str, subject: str, reviewer: Reviewer, *, why: str, now: datetime
    ) -> EvidenceAccess:
        """Write down that somebody looks at evidence, within what they may a day."""
        with writing(self._office.engine) as connection:
            found = self._open(connection, case, reviewer, Permission.UNBLUR, now=now)
            check_fit(reviewer, found.agencies, now=now)
            shown = next((s for s in found.subjects if s.id == subject), None)
            if shown is None:
                raise NotFoundError(f"subject {subject!r:.40}: is none of this case")
            if found.queue is Queue.RESTRICTED or (
                shown.sha256 is not None and is_suspected(connection, shown.sha256)
            ):
                raise PermissionRefusedError("evidence of this kind is shown to nobody")
            left = self._check_exposure(connection, reviewer, now)
            connection.execute(
                insert(evidence_access).values(
                    case=case, subject=subject, reviewer=reviewer.id, why=_why(why), at=now
                )
            )
            self._write(
                connection, "evidence.seen", case, reviewer, now, subject=subject, why=_why(why)
            )
            return EvidenceAccess(
                case=case,
                subject=subject,
                reviewer=reviewer.id,
                why=_why(why),
                at=now,
                left=left - 1,
            )

    def bulk_preview(
        self,
        cases: Sequence[str],
        draft: DecisionDraft,
        reviewer: Reviewer,
        *,
        now: datetime,
    ) -> BulkPreview:
        """What would one decision about all of these do?

        Raises:
            ConflictError: They are none, or have more subjects than one decision may.
        """
        check_permission(reviewer, Permission.BULK)
        with writing(self._office.engine) as connection:
            return preview_bulk(connection, self._office, cases, draft, reviewer, now=now)

    def bulk_decide(self, token: str, reviewer: Reviewer, *, now: datetime) -> Decision:
        """Decide what was shown in a preview, if nothing of it has changed since."""
        check_permission(reviewer, Permission.BULK)
        with writing(self._office.engine) as connection:
            return decide_bulk(connection, self._office, token, reviewer, now=now)

    def undo(self, decision: str, reviewer: Reviewer, *, why: str, now: datetime) -> Decision:
        """Take a decision back in all cases where it still holds; they are queued again.

        Returns:
            The decision that says so, which replaces it.

        Raises:
            ConflictError: It holds nowhere any more, answers an appeal, or two people made it.
            PermissionRefusedError: An appeal waits, and this person had a part in what was
                decided.
        """
        check_permission(reviewer, Permission.UNDO)
        with writing(self._office.engine) as connection:
            old = decision_named(connection, decision)
            if old.appeal is not None:
                raise ConflictError("undo: a decision on an appeal is final")
            if old.second is not None:
                raise ConflictError("undo: two people decided it; reopen the case instead")
            held = [name for name in old.cases if held_case(connection, name).decision == old.id]
            still = [n for n in held if CaseState(held_case(connection, n).state) in _ENDED]
            if not still:
                raise ConflictError("undo: the decision holds in no case any more")
            for name in still:
                found = self._open(connection, name, reviewer, Permission.UNDO, now=now)
                check_fit(reviewer, found.agencies, now=now)
                if appeal_waits(connection, name):
                    # To take it back answers the appeal, which is for somebody else.
                    check_outsider(connection, name, reviewer)
                move_case(
                    connection,
                    self._audit,
                    name,
                    CaseState.REOPENED,
                    actor=reviewer.id,
                    verb="case.reopened",
                    now=now,
                    detail={"undo": old.id, "why": _why(why)},
                )
            draft = DecisionDraft(
                outcome=Outcome.INSUFFICIENT_INFORMATION,
                policies=old.policies,
                ground=old.ground,
                reference=old.reference,
                facts=f"Decision {old.id} was taken back: {_why(why)}",
            )
            making = Making(draft=draft, cases=tuple(still), maker=reviewer.id)
            new = make_decision(connection, self._office, making, now=now)
            for name in still:
                here = decision_named(connection, new.id, name)
                overturned = AppealOutcome.OVERTURNED
                answer_appeals(connection, self._office, old.id, here, overturned, now=now)
                # The law's time goes on as if nothing had been decided.
                reopen_clock(connection, self._office, name, ClockKind.INTIMATE_48H, now=now)
                requeue(connection, self._office, name, actor=reviewer.id, why="undo", now=now)
            return new

    def ask_reporter(self, complaint: str, reviewer: Reviewer, *, text: str, now: datetime) -> None:
        """Ask whoever complained; only our own clock stands still."""
        if not 0 < len(text.strip()) <= _MAX_TEXT_CHARS:
            raise ConflictError(
                f"text: expected 1 to {_MAX_TEXT_CHARS} characters, got {len(text)}"
            )
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.ASK_REPORTER, now=now)
            move_complaint(
                connection,
                self._audit,
                complaint,
                ComplaintState.NEEDS_INFO,
                actor=reviewer.id,
                now=now,
            )
            connection.execute(
                insert(messages).values(complaint=complaint, at=now, author=reviewer.id, text=text)
            )
            pause(connection, self._office, case, now=now)
            tell_complaint(connection, self._office, "complaint.needs-info", complaint, now)

    def reject_abusive(
        self,
        complaint: str,
        reviewer: Reviewer,
        *,
        why: str,
        mute_days: int = 0,
        now: datetime,
    ) -> None:
        """Say that a complaint abuses the desk; nothing else changes. Perhaps mute its sender.

        Complaints of somebody muted are kept and decided, and nobody is hurried by them.
        """
        if not 0 <= mute_days <= _MOST_MUTE_DAYS:
            raise ConflictError(f"mute_days: expected 0 to {_MOST_MUTE_DAYS}, got {mute_days}")
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.MUTE, now=now)
            row = connection.execute(
                select(complaints).where(complaints.c.ref == complaint).with_for_update()
            ).one()
            was_open = ComplaintState(row.state) in OPEN_COMPLAINTS
            move_complaint(
                connection,
                self._audit,
                complaint,
                ComplaintState.REJECTED_ABUSIVE,
                actor=reviewer.id,
                now=now,
                detail={"mute_days": mute_days, "why": _why(why)},
            )
            hashes = [h for h in (row.reporter_hash, row.address_hash) if h and mute_days]
            for known in hashes:
                connection.execute(
                    insert(mutes).values(
                        hash=known,
                        until=now + timedelta(days=mute_days),
                        why=_why(why),
                        by=reviewer.id,
                        created_at=now,
                    )
                )
            if was_open:
                leave_case(connection, self._office, row, now=now)
            tell_complaint(connection, self._office, "complaint.rejected-abusive", complaint, now)

    def link_similar(
        self, subject: str, other: str, *, algorithm: str, distance: int, now: datetime
    ) -> int:
        """Write down a machine's lead that two subjects are alike: under which number?"""
        one, two = sorted((subject, other))
        with writing(self._office.engine) as connection:
            insert_unless_there(
                connection,
                similarities,
                subject=one,
                other=two,
                algorithm=algorithm,
                distance=distance,
                created_at=now,
                confirmed=None,
            )
            query = select(similarities.c.id).where(
                similarities.c.subject == one,
                similarities.c.other == two,
                similarities.c.algorithm == algorithm,
            )
            number: int = connection.execute(query).scalar_one()
            return number

    def confirm_resemblance(
        self, link: int, reviewer: Reviewer, *, alike: bool, now: datetime
    ) -> None:
        """Say whether two subjects are alike; then complaints about one join the other's case.

        Open cases about them are merged with `merge`, by whoever looked at both.
        """
        check_permission(reviewer, Permission.MERGE)
        with writing(self._office.engine) as connection:
            row = connection.execute(
                select(similarities).where(similarities.c.id == link).with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFoundError(f"resemblance {link}: there is none of this number")
            connection.execute(
                update(similarities)
                .where(similarities.c.id == link)
                .values(confirmed=alike, confirmed_by=reviewer.id, confirmed_at=now)
            )
            self._audit.append(
                connection,
                at=now,
                actor=reviewer.id,
                verb="resemblance.confirmed" if alike else "resemblance.denied",
                object=f"subject:{row.subject}",
                detail={"link": link, "other": row.other},
            )

    def contact_of(
        self, complaint: str, reviewer: Reviewer, *, why: str, now: datetime
    ) -> Contact | None:
        """Who complained, for whoever may know; that they looked is written down."""
        with writing(self._office.engine) as connection:
            case = self._case_of(connection, complaint)
            self._open(connection, case, reviewer, Permission.SEE_CONTACT, now=now)
            self._audit.append(
                connection,
                at=now,
                actor=reviewer.id,
                verb="contact.seen",
                object=f"complaint:{complaint}",
                detail={"why": _why(why)},
            )
            return self._office.contacts.get(connection, complaint)

    def captured(self, case: str, *, actor: str, now: datetime) -> None:
        """Something of its subjects was captured: from now on the case is decided."""
        with writing(self._office.engine) as connection:
            if held_case(connection, case).captured_at is None:
                connection.execute(update(cases).where(cases.c.id == case).values(captured_at=now))
                self._audit.append(
                    connection, at=now, actor=actor, verb="case.captured", object=f"case:{case}"
                )

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

    def _open(
        self,
        connection: Connection,
        case: str,
        reviewer: Reviewer,
        permission: Permission,
        *,
        now: datetime,
    ) -> Case:
        """The case, its row locked, if this person may see it and do this."""
        del now
        check_permission(reviewer, permission)
        held_case(connection, case)
        found = visible_case(connection, case, reviewer)
        check_no_conflict(reviewer, found.agencies)
        return found

    def _mine(
        self,
        connection: Connection,
        case: str,
        reviewer: Reviewer,
        permission: Permission,
        *,
        now: datetime,
        fit: bool = True,
    ) -> Case:
        """The case, if this person has claimed it and the lock has not ended."""
        found = self._open(connection, case, reviewer, permission, now=now)
        if fit:
            check_fit(reviewer, found.agencies, now=now)
        if found.state is not CaseState.ASSIGNED or found.assignee != reviewer.id:
            raise ConflictError(f"case: expected one that {reviewer.id} has claimed")
        if found.locked_until is None or found.locked_until <= now:
            raise ConflictError("case: the time it was claimed for is over; claim it again")
        return found

    def _case_of(self, connection: Connection, complaint: str) -> str:
        query = select(complaints.c.case).where(complaints.c.ref == complaint)
        case: str | None = connection.execute(query).scalar_one_or_none()
        if case is None:
            raise NotFoundError(f"complaint {complaint!r:.40}: there is none of this reference")
        return case

    def _check_lock(self, case: Case, reviewer: Reviewer, now: datetime) -> None:
        locked = case.locked_until is not None and case.locked_until > now
        if locked and case.assignee != reviewer.id:
            raise ConflictError(f"case: somebody else has it until {case.locked_until}")

    def _check_escalated(self, connection: Connection, case: str, reviewer: Reviewer) -> None:
        check_permission(reviewer, Permission.HANDLE_ESCALATED)
        to = held_case(connection, case).escalated_to
        if to is not None and Role(to) not in reviewer.roles:
            raise PermissionRefusedError(f"{reviewer.id}: it was escalated to {to}")

    def _check_exposure(self, connection: Connection, reviewer: Reviewer, now: datetime) -> int:
        left = reviewer.exposure_cap - looks_today(connection, reviewer.id, now=now)
        if left <= 0:
            raise PermissionRefusedError(
                f"{reviewer.id}: has looked {reviewer.exposure_cap} times within a day, which is "
                "enough"
            )
        return left

    def _write(
        self,
        connection: Connection,
        verb: str,
        case: str,
        reviewer: Reviewer,
        now: datetime,
        **detail: str,
    ) -> None:
        self._audit.append(
            connection,
            at=now,
            actor=reviewer.id,
            verb=verb,
            object=f"case:{case}",
            detail=detail,
        )


def end_lock(connection: Connection, office: Office, case: str, *, now: datetime) -> None:
    """A case that nobody works on any more goes back to the queue."""
    move_case(
        connection,
        office.audit,
        case,
        CaseState.QUEUED,
        actor=SYSTEM,
        verb="case.lock-ended",
        now=now,
        assignee=None,
        locked_until=None,
    )


def requeue(
    connection: Connection, office: Office, case: str, *, actor: str, why: str, now: datetime
) -> None:
    """A decided case is looked at once more, within our own promise from now on."""
    held = held_case(connection, case)
    for new in (CaseState.REOPENED, CaseState.QUEUED):
        move_case(
            connection,
            office.audit,
            case,
            new,
            actor=actor,
            verb=f"case.{new.value}",
            now=now,
            detail={"why": why},
        )
    move_complaints(
        connection,
        office.audit,
        case,
        {ComplaintState.ANSWERED},
        ComplaintState.LINKED,
        actor=SYSTEM,
        now=now,
    )
    if not running(connection, case, {ClockKind.DECIDE}):
        start(
            connection,
            office,
            case,
            ClockKind.DECIDE,
            starts_at=now,
            due_at=now + office.rules.decide_within[Severity(held.severity)],
            now=now,
        )


def _why(text: str) -> str:
    said = text.strip()
    if not 0 < len(said) <= _MAX_WHY_CHARS:
        raise ConflictError(f"why: expected 1 to {_MAX_WHY_CHARS} characters, got {len(said)}")
    return said
