"""Appeals: filed by whoever complained or uploaded, decided by somebody else than before."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError, PermissionRefusedError
from provenance.moderation.appeal_rules import (
    appeal_open_until,
    check_outsider,
    decision_in_place,
    was_heard,
)
from provenance.moderation.audit import SYSTEM, writing
from provenance.moderation.case_pages import visible_case
from provenance.moderation.complaint_checks import MAX_TEXT_CHARS
from provenance.moderation.complaints import ComplaintDesk
from provenance.moderation.decisions import (
    Making,
    check_draft,
    check_seen,
    end_proposal,
    make_decision,
    needs_second,
    pinned,
    propose,
    subjects_here,
)
from provenance.moderation.model import Appeal, Case, Decision, Reviewer
from provenance.moderation.moves import move_appeal, move_case, move_complaint
from provenance.moderation.office import Office
from provenance.moderation.permissions import (
    Permission,
    check_fit,
    check_no_conflict,
    check_permission,
    permissions_of,
)
from provenance.moderation.rows import (
    appeal_of,
    case_named,
    decision_named,
    decisions_of,
    held_case,
    outward_case,
    proposal_of,
)
from provenance.moderation.tables import appeals, case_agencies, cases, complaints
from provenance.moderation.views import DecisionDraft
from provenance.moderation.vocabulary import (
    AppealOutcome,
    AppealState,
    CaseState,
    ComplaintState,
    Queue,
)

__all__ = ["AppealDesk", "ByReporter", "ByUploader", "answer_appeals"]

_UPLOADER = "uploader"
_WAITING = (AppealState.FILED, AppealState.ASSIGNED, AppealState.AWAITING_SECOND)
_DECIDED = (CaseState.CLOSED, CaseState.ENFORCING, CaseState.ENFORCEMENT_FAILED)
_MAX_WHY_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ByReporter:
    """Whoever complained.

    Attributes:
        ref: Reference of their complaint.
        pin: Its PIN.
    """

    ref: str
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByUploader:
    """Whoever uploaded it.

    Attributes:
        token: What the statement of reasons to them has: `uploader_token` of the desk.
    """

    token: str = field(repr=False)


class AppealDesk:
    """Where decisions are appealed.

    Args:
        office: What all desks share.
        desk: Recognises whoever complained.
    """

    def __init__(self, office: Office, desk: ComplaintDesk) -> None:
        self._office = office
        self._desk = desk

    def uploader_token(self, decision: str, case: str) -> str:
        """What lets whoever is told of this decision in this case appeal it as the uploader.

        It follows from the operator's key, so it can be said again and is stored nowhere.
        """
        return self._token(self._office.keys.current, decision, case)

    def file(
        self,
        decision: str,
        *,
        by: ByReporter | ByUploader,
        text: str,
        now: datetime,
        address: str | None = None,
    ) -> Appeal:
        """Appeal a decision, or the one that upheld it meanwhile for somebody else.

        Raises:
            ConflictError: It does not hold any more, is final, the time is over, or they
                have appealed it already.
            NotFoundError: There is none of this name for them.
            TooOftenError: A PIN was tried too often.
            StoreError: The database cannot be written.
        """
        if not 0 < len(text.strip()) <= MAX_TEXT_CHARS:
            raise ConflictError(f"text: expected 1 to {MAX_TEXT_CHARS} characters, got {len(text)}")
        ref = None
        if isinstance(by, ByReporter):
            ref = self._desk.recognise(by.ref, by.pin, now=now, address=address)
        with writing(self._office.engine) as connection:
            if isinstance(by, ByReporter):
                case = self._case_of_reporter(connection, ref or "", decision)
            else:
                case = self._case_of_uploader(connection, by.token, decision)
            held = held_case(connection, case)
            in_place = decision_in_place(connection, decision, case)
            if held.decision != in_place:
                raise ConflictError("appeal: another decision has taken the place of this one")
            appealed = decision_named(connection, in_place, case)
            self._check_may(connection, appealed, case, ref)
            if appeal_open_until(connection, appealed, case, now=now) is None:
                raise ConflictError("appeal: the time to appeal this decision is over")
            if CaseState(held.state) not in _DECIDED:
                raise ConflictError("appeal: the case is being looked at again already")
            appeal = self._office.new_id()
            connection.execute(
                insert(appeals).values(
                    id=appeal,
                    decision=appealed.id,
                    case=case,
                    complaint=ref,
                    text=text,
                    filed_at=now,
                )
            )
            actor = _UPLOADER if ref is None else "reporter"
            self._office.audit.append(
                connection,
                at=now,
                actor=actor,
                verb="appeal.filed",
                object=f"appeal:{appeal}",
                detail={"by": actor, "case": case, "decision": appealed.id},
            )
            if ref is not None:
                move_complaint(
                    connection,
                    self._office.audit,
                    ref,
                    ComplaintState.CONTESTED,
                    actor=actor,
                    now=now,
                    detail={"appeal": appeal},
                )
            return _tell(connection, self._office, "appeal.filed", appeal, now)

    def queue(self, reviewer: Reviewer, *, now: datetime, limit: int = 50) -> Sequence[Appeal]:
        """Which appeals wait for somebody, oldest first? None of what this person decided."""
        del now
        check_permission(reviewer, Permission.DECIDE_APPEALS)
        query = (
            select(appeals)
            .join(cases, cases.c.id == appeals.c.case)
            .where(appeals.c.state.in_(_WAITING))
            .order_by(appeals.c.filed_at, appeals.c.id)
        )
        if Permission.SEE_RESTRICTED not in permissions_of(reviewer.roles):
            query = query.where(cases.c.queue == Queue.GENERAL)
        if reviewer.conflicts:
            concerned = select(case_agencies.c.case).where(
                case_agencies.c.agency.in_(sorted(reviewer.conflicts))
            )
            query = query.where(cases.c.id.not_in(concerned))
        found = []
        with transaction(self._office.engine, reads=True) as connection:
            for row in connection.execute(query).all():
                try:
                    check_outsider(connection, row.case, reviewer)
                except PermissionRefusedError:
                    continue
                found.append(appeal_of(row))
                if len(found) >= limit:
                    break
        return found

    def get(self, appeal: str, reviewer: Reviewer) -> Appeal:
        """The appeal of this name, for whoever may see its case."""
        with transaction(self._office.engine, reads=True) as connection:
            found = _named(connection, appeal)
            check_no_conflict(reviewer, visible_case(connection, found.case, reviewer).agencies)
            return found

    def claim(self, appeal: str, reviewer: Reviewer, *, now: datetime) -> Appeal:
        """Take an appeal to work on; never one against what one has decided oneself."""
        with writing(self._office.engine) as connection:
            found, _ = self._judge(connection, appeal, reviewer, Permission.DECIDE_APPEALS, now)
            locked = found.locked_until is not None and found.locked_until > now
            if locked and found.reviewer != reviewer.id:
                raise ConflictError(f"appeal: somebody else has it until {found.locked_until}")
            if found.state not in {AppealState.FILED, AppealState.ASSIGNED}:
                raise ConflictError(f"appeal: expected one that waits, got {found.state.value}")
            until = now + self._office.rules.claim_lasts
            if found.state is AppealState.ASSIGNED:
                self._give_back(connection, appeal, SYSTEM, now)
            move_appeal(
                connection,
                self._office.audit,
                appeal,
                AppealState.ASSIGNED,
                actor=reviewer.id,
                now=now,
                reviewer=reviewer.id,
                locked_until=until,
            )
            return _named(connection, appeal)

    def release(self, appeal: str, reviewer: Reviewer, *, now: datetime) -> Appeal:
        """Give it back."""
        with writing(self._office.engine) as connection:
            found = _named(connection, appeal)
            if found.state is not AppealState.ASSIGNED or found.reviewer != reviewer.id:
                raise ConflictError(f"appeal: expected one that {reviewer.id} has claimed")
            self._give_back(connection, appeal, reviewer.id, now)
            return _named(connection, appeal)

    def withdraw(
        self,
        appeal: str,
        by: ByReporter | ByUploader,
        *,
        now: datetime,
        address: str | None = None,
    ) -> Appeal:
        """Take an appeal back; what was decided holds, and may be appealed again in its time.

        Raises:
            ConflictError: It was decided or taken back, or waits for a second person.
            NotFoundError: There is none of this name for them.
            TooOftenError: A PIN was tried too often.
            StoreError: The database cannot be written.
        """
        ref = None
        if isinstance(by, ByReporter):
            ref = self._desk.recognise(by.ref, by.pin, now=now, address=address)
        actor = _UPLOADER if ref is None else "reporter"
        with writing(self._office.engine) as connection:
            found = _named(connection, appeal)
            theirs = found.complaint == ref
            if isinstance(by, ByUploader):
                theirs = theirs and self._fits_appeal(connection, by.token, found)
            if not theirs:
                raise NotFoundError(f"appeal {appeal!r:.40}: there is none of this name")
            move_appeal(
                connection,
                self._office.audit,
                appeal,
                AppealState.WITHDRAWN,
                actor=actor,
                now=now,
                locked_until=None,
            )
            if ref is not None and _is_contested(connection, ref):
                move_complaint(
                    connection,
                    self._office.audit,
                    ref,
                    ComplaintState.ANSWERED,
                    actor=actor,
                    now=now,
                    detail={"appeal": appeal},
                )
            return _tell(connection, self._office, "appeal.withdrawn", appeal, now)

    def decide(
        self,
        appeal: str,
        reviewer: Reviewer,
        outcome: AppealOutcome,
        draft: DecisionDraft,
        *,
        now: datetime,
    ) -> Appeal:
        """Decide an appeal; `awaiting-second` where a second person is needed.

        Args:
            appeal: Its name.
            reviewer: Who has claimed it.
            outcome: Whether the decision stays, is overturned, or partly.
            draft: The decision that takes its place. Where it stays, outcome and actions
                are those of the old one, and the facts answer whoever appealed.
            now: When.
        """
        with writing(self._office.engine) as connection:
            found, case = self._judge(connection, appeal, reviewer, Permission.DECIDE_APPEALS, now)
            if found.state is not AppealState.ASSIGNED or found.reviewer != reviewer.id:
                raise ConflictError(f"appeal: expected one that {reviewer.id} has claimed")
            if found.locked_until is None or found.locked_until <= now:
                raise ConflictError("appeal: the time it was claimed for is over; claim it again")
            old = decision_named(connection, found.decision, found.case)
            _check_outcome(outcome, draft, old, case)
            check_seen(draft, case)
            policies = check_draft(draft, case, self._office, now=now)
            upheld = old if outcome is AppealOutcome.UPHELD else None
            draft = pinned(draft, case, upheld=upheld)
            if needs_second(draft, case.subjects, policies, released=self._office.released):
                propose(
                    connection,
                    self._office,
                    found.case,
                    draft,
                    maker=reviewer.id,
                    now=now,
                    appeal=appeal,
                )
                move_appeal(
                    connection,
                    self._office.audit,
                    appeal,
                    AppealState.AWAITING_SECOND,
                    actor=reviewer.id,
                    now=now,
                    outcome=outcome,
                    locked_until=None,
                )
                return _named(connection, appeal)
            self._settle(connection, found, outcome, draft, maker=reviewer.id, second=None, now=now)
            return _named(connection, appeal)

    def second(
        self, appeal: str, reviewer: Reviewer, *, agree: bool, why: str = "", now: datetime
    ) -> Appeal:
        """Agree to the proposed decision, or give it back to whoever made it."""
        with writing(self._office.engine) as connection:
            found, case = self._judge(connection, appeal, reviewer, Permission.SECOND, now)
            if found.state is not AppealState.AWAITING_SECOND or found.outcome is None:
                raise ConflictError(
                    f"appeal: expected one that waits for a second person, got {found.state.value}"
                )
            waiting = proposal_of(connection, found.case, appeal=appeal)
            if waiting is not None and waiting.maker == reviewer.id:
                raise PermissionRefusedError(f"{reviewer.id}: proposed it; expected another person")
            proposal = end_proposal(connection, found.case, appeal=appeal, now=now)
            if not agree:
                said = why.strip()
                if not 0 < len(said) <= _MAX_WHY_CHARS:
                    raise ConflictError(
                        f"why: expected 1 to {_MAX_WHY_CHARS} characters, got {len(said)}"
                    )
                move_appeal(
                    connection,
                    self._office.audit,
                    appeal,
                    AppealState.ASSIGNED,
                    actor=reviewer.id,
                    now=now,
                    detail={"proposal": proposal.id, "why": said},
                    outcome=None,
                    locked_until=now + self._office.rules.claim_lasts,
                )
                return _named(connection, appeal)
            check_draft(proposal.draft, case, self._office, now=now)
            self._settle(
                connection,
                found,
                found.outcome,
                proposal.draft,
                maker=proposal.maker,
                second=reviewer.id,
                now=now,
            )
            return _named(connection, appeal)

    def _settle(
        self,
        connection: Connection,
        appeal: Appeal,
        outcome: AppealOutcome,
        draft: DecisionDraft,
        *,
        maker: str,
        second: str | None,
        now: datetime,
    ) -> None:
        """Make the decision that answers this appeal and all others against the same one."""
        held = held_case(connection, appeal.case)
        stays = outcome is AppealOutcome.UPHELD
        if held.decision != appeal.decision:
            raise ConflictError("appeal: another decision has taken the place of this one")
        if not stays:
            move_case(
                connection,
                self._office.audit,
                appeal.case,
                CaseState.REOPENED,
                actor=maker,
                verb="case.reopened",
                now=now,
                detail={"appeal": appeal.id},
            )
        making = Making(
            draft=draft,
            cases=(appeal.case,),
            maker=maker,
            second=second,
            appeal=appeal.id,
            keeps_actions=stays,
        )
        new = make_decision(connection, self._office, making, now=now)
        answer_appeals(connection, self._office, appeal.decision, new, outcome, now=now)

    def _judge(
        self,
        connection: Connection,
        appeal: str,
        reviewer: Reviewer,
        permission: Permission,
        now: datetime,
    ) -> tuple[Appeal, Case]:
        """The appeal and its case, locked, if this person may judge it."""
        check_permission(reviewer, permission)
        found = _named(connection, appeal)
        held_case(connection, found.case)
        case = visible_case(connection, found.case, reviewer)
        check_fit(reviewer, case.agencies, now=now)
        check_outsider(connection, found.case, reviewer)
        return found, case

    def _give_back(self, connection: Connection, appeal: str, actor: str, now: datetime) -> None:
        move_appeal(
            connection,
            self._office.audit,
            appeal,
            AppealState.FILED,
            actor=actor,
            now=now,
            reviewer=None,
            locked_until=None,
        )

    def _case_of_reporter(self, connection: Connection, ref: str, decision: str) -> str:
        row = connection.execute(select(complaints).where(complaints.c.ref == ref)).one()
        if row.case is None or row.decision is None:
            raise NotFoundError("appeal: there is no such decision about this complaint")
        if decision_in_place(connection, decision, row.case) != row.decision:
            raise NotFoundError("appeal: there is no such decision about this complaint")
        if row.state != ComplaintState.ANSWERED:
            raise ConflictError(f"appeal: expected a complaint that is answered, got {row.state}")
        case: str = row.case
        return case

    def _case_of_uploader(self, connection: Connection, token: str, decision: str) -> str:
        try:
            named, _, _ = base64.urlsafe_b64decode(token.encode("ascii")).partition(b".")
            case = named.decode("ascii")
        except (ValueError, binascii.Error) as error:
            raise NotFoundError("appeal: there is no such decision for this token") from error
        fits = self._fits(token, decision, case)
        known = case in decision_named(connection, decision).cases if fits else False
        if not known:
            raise NotFoundError("appeal: there is no such decision for this token")
        return case

    def _fits_appeal(self, connection: Connection, token: str, appeal: Appeal) -> bool:
        """Does this token appeal what was appealed, or what that upheld?"""
        for decision in decisions_of(connection, appeal.case):
            known = decision_in_place(connection, decision.id, appeal.case)
            if known == appeal.decision and self._fits(token, decision.id, appeal.case):
                return True
        return False

    def _fits(self, token: str, decision: str, case: str) -> bool:
        fits = [
            hmac.compare_digest(self._token(key, decision, case).encode(), token.encode())
            for key in self._office.keys.keys
        ]
        return any(fits)

    def _token(self, key: str, decision: str, case: str) -> str:
        secret = self._office.keys.derived(key, "uploader-appeal")
        proof = hmac.digest(secret, f"{decision}.{case}".encode(), sha256)
        return base64.urlsafe_b64encode(case.encode() + b"." + proof).decode("ascii")

    def _check_may(
        self, connection: Connection, decision: Decision, case: str, ref: str | None
    ) -> None:
        if ref is not None:
            if decision.appeal is not None and was_heard(connection, case, ref):
                raise ConflictError("appeal: a decision on an appeal is final")
            return
        if not decision.restrictive:
            raise ConflictError("appeal: nothing of whoever uploaded it was restricted")
        if was_heard(connection, case, None):
            raise ConflictError("appeal: whoever uploaded it has appealed; what followed is final")


def answer_appeals(
    connection: Connection,
    office: Office,
    old: str,
    new: Decision,
    outcome: AppealOutcome,
    *,
    now: datetime,
) -> None:
    """Let a decision answer all appeals against the one whose place it has taken in its case."""
    query = (
        select(appeals)
        .where(
            appeals.c.case == new.case,
            appeals.c.decision == old,
            appeals.c.state.in_(_WAITING),
        )
        .order_by(appeals.c.filed_at, appeals.c.id)
    )
    for row in connection.execute(query).all():
        if proposal_of(connection, new.case, appeal=row.id) is not None:
            end_proposal(connection, new.case, appeal=row.id, now=now)
        move_appeal(
            connection,
            office.audit,
            row.id,
            AppealState.DECIDED,
            actor=new.maker,
            now=now,
            detail={"decision": new.id, "outcome": outcome.value},
            outcome=outcome,
            new_decision=new.id,
            reviewer=new.maker,
            locked_until=None,
        )
        if row.complaint is not None and _is_contested(connection, row.complaint):
            move_complaint(
                connection,
                office.audit,
                row.complaint,
                ComplaintState.ANSWERED,
                actor=SYSTEM,
                now=now,
                detail={"appeal": row.id, "decision": new.id},
                answered_at=now,
            )
        _tell(connection, office, "appeal.decided", row.id, now)
    connection.execute(
        update(complaints)
        .where(complaints.c.case == new.case, complaints.c.decision == old)
        .values(decision=new.id)
    )


def _is_contested(connection: Connection, ref: str) -> bool:
    """Does this complaint wait for its appeal? It did not always stay where it was for that."""
    state = select(complaints.c.state).where(complaints.c.ref == ref)
    return ComplaintState(connection.execute(state).scalar_one()) is ComplaintState.CONTESTED


def _named(connection: Connection, appeal: str) -> Appeal:
    row = connection.execute(select(appeals).where(appeals.c.id == appeal)).one_or_none()
    if row is None:
        raise NotFoundError(f"appeal {appeal!r:.40}: there is none of this name")
    return appeal_of(row)


def _tell(connection: Connection, office: Office, event: str, appeal: str, now: datetime) -> Appeal:
    found = _named(connection, appeal)
    case = outward_case(case_named(connection, found.case))
    # What somebody writes about suspected abuse of a minor stays here.
    told = replace(found, text="") if case.queue is Queue.RESTRICTED else found
    office.effects.on_appeal(connection, event, told, case, now)
    return found


def _check_outcome(outcome: AppealOutcome, draft: DecisionDraft, old: Decision, case: Case) -> None:
    same = draft.outcome is old.outcome and set(draft.actions) == set(old.actions)
    if same and draft.subjects:
        same = set(draft.subjects) == set(subjects_here(old, case))
    if same and (draft.territories, draft.ends_at) != (old.territories, old.ends_at):
        same = False
    if outcome is AppealOutcome.UPHELD and not same:
        raise ConflictError("appeal: upheld, but the draft decides something else than before")
    if outcome is not AppealOutcome.UPHELD and same:
        raise ConflictError(f"appeal: {outcome.value}, but the draft decides the same as before")
