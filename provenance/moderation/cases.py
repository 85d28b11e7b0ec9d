"""Cases: queued, claimed, decided and closed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from provenance.moderation.model import Case, Decision, Reviewer
from provenance.moderation.views import (
    BulkPreview,
    CaseFile,
    DecisionDraft,
    EvidenceAccess,
    QueueFilters,
    QueueRow,
)
from provenance.moderation.vocabulary import Category, Role, Severity

__all__ = ["CaseDesk"]


class CaseDesk:
    """Where the staff works on cases.

    Every method raises ConflictError for what the state of things does not allow,
    NotFoundError for a case that is not there or not for this reviewer, and
    PermissionRefusedError where the reviewer may not.
    """

    def queue(
        self, reviewer: Reviewer, filters: QueueFilters = QueueFilters(), *, now: datetime
    ) -> Sequence[QueueRow]:
        """Which cases wait, gravest and most urgent first?"""
        raise NotImplementedError

    def get(self, case: str, reviewer: Reviewer, *, now: datetime, offset: int = 0) -> CaseFile:
        """All about a case; `offset`: how many of its complaints are left out."""
        raise NotImplementedError

    def triage(
        self,
        case: str,
        reviewer: Reviewer,
        *,
        severity: Severity,
        category: Category | None = None,
        now: datetime,
    ) -> Case:
        """Say how grave a case is, and of which kind; it is queued."""
        raise NotImplementedError

    def claim(self, case: str, reviewer: Reviewer, *, now: datetime) -> Case:
        """Take a case to work on; nobody else has it until the lock ends."""
        raise NotImplementedError

    def release(self, case: str, reviewer: Reviewer, *, now: datetime) -> Case:
        """Give a case back to the queue."""
        raise NotImplementedError

    def escalate(self, case: str, reviewer: Reviewer, *, to: Role, why: str, now: datetime) -> Case:
        """Hand a case to somebody with the role `senior` or `legal`."""
        raise NotImplementedError

    def merge(self, case: str, reviewer: Reviewer, *, into: str, why: str, now: datetime) -> Case:
        """Let a case become part of another; every complaint keeps its own answer."""
        raise NotImplementedError

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
        raise NotImplementedError

    def decide(
        self, case: str, reviewer: Reviewer, draft: DecisionDraft, *, now: datetime
    ) -> Decision | None:
        """Decide a case that one has claimed. None: it waits for a second person."""
        raise NotImplementedError

    def second(
        self, case: str, reviewer: Reviewer, *, agree: bool, why: str = "", now: datetime
    ) -> Decision | None:
        """Agree to the proposed decision, or give it back to whoever made it."""
        raise NotImplementedError

    def reopen(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """Look at a closed case once more; another person than before will."""
        raise NotImplementedError

    def void(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """End a case whose subject was gone before anything of it was captured."""
        raise NotImplementedError

    def interim_restrict(self, case: str, reviewer: Reviewer, *, why: str, now: datetime) -> Case:
        """Let it be blocked for 30 days at most, until it is decided."""
        raise NotImplementedError

    def unblur(
        self, case: str, subject: str, reviewer: Reviewer, *, why: str, now: datetime
    ) -> EvidenceAccess:
        """Write down that somebody looks at evidence, within what they may a day."""
        raise NotImplementedError

    def bulk_preview(
        self,
        cases: Sequence[str],
        draft: DecisionDraft,
        reviewer: Reviewer,
        *,
        now: datetime,
    ) -> BulkPreview:
        """What would one decision about all of these do?"""
        raise NotImplementedError

    def bulk_decide(self, token: str, reviewer: Reviewer, *, now: datetime) -> Decision:
        """Decide what was shown in a preview."""
        raise NotImplementedError

    def undo(self, decision: str, reviewer: Reviewer, *, why: str, now: datetime) -> Decision:
        """Take a decision back in all cases where it still holds; they are queued again."""
        raise NotImplementedError

    def ask_reporter(self, complaint: str, reviewer: Reviewer, *, text: str, now: datetime) -> None:
        """Ask whoever complained; only our own clock stands still."""
        raise NotImplementedError

    def reject_abusive(
        self,
        complaint: str,
        reviewer: Reviewer,
        *,
        why: str,
        mute_days: int = 0,
        now: datetime,
    ) -> None:
        """Say that a complaint abuses the desk; nothing else changes. Perhaps mute its sender."""
        raise NotImplementedError

    def confirm_resemblance(
        self, link: int, reviewer: Reviewer, *, alike: bool, now: datetime
    ) -> None:
        """Say whether two subjects are alike; then their open cases become one."""
        raise NotImplementedError

    def action_done(self, action: str, *, now: datetime) -> None:
        """What an action asks for was done."""
        raise NotImplementedError

    def action_failed(self, action: str, why: str, *, now: datetime) -> None:
        """It was not, and will not be without somebody's help."""
        raise NotImplementedError
