"""Many cases at once: previewed, decided as one, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from provenance.errors import ConflictError
from provenance.moderation.appeal_rules import appeal_waits, check_outsider
from provenance.moderation.appeals import answer_appeals
from provenance.moderation.audit import writing
from provenance.moderation.bulk import decide_bulk, preview_bulk
from provenance.moderation.case_access import CaseAccess, reason_in
from provenance.moderation.clocks import reopen_clock
from provenance.moderation.decisions import Making, make_decision
from provenance.moderation.model import Decision, Reviewer
from provenance.moderation.moves import move_case
from provenance.moderation.permissions import Permission, check_fit, check_permission
from provenance.moderation.requeuing import requeue
from provenance.moderation.rows import decision_named, held_case
from provenance.moderation.views import BulkPreview, DecisionDraft
from provenance.moderation.vocabulary import AppealOutcome, CaseState, ClockKind, Outcome

__all__ = ["BulkDesk"]

_ENDED = (CaseState.CLOSED, CaseState.ENFORCING, CaseState.ENFORCEMENT_FAILED)


class BulkDesk(CaseAccess):
    """Where one decision is made about many cases, and taken back."""

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
            PermissionRefusedError: They may not see one of them, or have an interest in it.
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
                found = self._open(connection, name, reviewer, Permission.UNDO)
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
                    detail={"undo": old.id, "why": reason_in(why)},
                )
            draft = DecisionDraft(
                outcome=Outcome.INSUFFICIENT_INFORMATION,
                policies=old.policies,
                ground=old.ground,
                reference=old.reference,
                facts=f"Decision {old.id} was taken back: {reason_in(why)}",
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
