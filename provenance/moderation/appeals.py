"""Appeals: filed by whoever complained or uploaded, decided by somebody else than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from provenance.moderation.model import Appeal, Reviewer
from provenance.moderation.views import DecisionDraft
from provenance.moderation.vocabulary import AppealOutcome

__all__ = ["AppealDesk", "ByReporter", "ByUploader"]


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
    """Where decisions are appealed."""

    def uploader_token(self, decision: str, case: str) -> str:
        """What lets whoever is told of this decision in this case appeal it as the uploader."""
        raise NotImplementedError

    def file(
        self,
        decision: str,
        *,
        by: ByReporter | ByUploader,
        text: str,
        now: datetime,
        address: str | None = None,
    ) -> Appeal:
        """Appeal a decision."""
        raise NotImplementedError

    def queue(self, reviewer: Reviewer, *, now: datetime, limit: int = 50) -> Sequence[Appeal]:
        """Which appeals wait for somebody, oldest first?"""
        raise NotImplementedError

    def claim(self, appeal: str, reviewer: Reviewer, *, now: datetime) -> Appeal:
        """Take an appeal to work on."""
        raise NotImplementedError

    def release(self, appeal: str, reviewer: Reviewer, *, now: datetime) -> Appeal:
        """Give it back."""
        raise NotImplementedError

    def decide(
        self,
        appeal: str,
        reviewer: Reviewer,
        outcome: AppealOutcome,
        draft: DecisionDraft,
        *,
        now: datetime,
    ) -> Appeal:
        """Decide an appeal; `awaiting-second` where a second person is needed."""
        raise NotImplementedError

    def second(
        self, appeal: str, reviewer: Reviewer, *, agree: bool, why: str = "", now: datetime
    ) -> Appeal:
        """Agree to the proposed decision, or give it back to whoever made it."""
        raise NotImplementedError
