"""What the console shows beside queue and cases: how many wait, how much one has seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from provenance.database.transactions import transaction
from provenance.moderation.appeals import AppealDesk
from provenance.moderation.case_pages import looks_today, queue_counts, visible_case
from provenance.moderation.model import Reviewer
from provenance.moderation.office import Office
from provenance.moderation.rows import proposal_of
from provenance.moderation.views import Proposal
from provenance.moderation.vocabulary import Queue

__all__ = ["Overview"]


class Overview:
    """Looks, and changes nothing.

    Args:
        office: What all desks share.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def counts(
        self, reviewer: Reviewer, *, queue: Queue | None = None, now: datetime
    ) -> Mapping[str, int]:
        """How many cases wait (`waiting`), are theirs (`mine`), are `overdue`?

        Raises:
            PermissionRefusedError: They may see no case.
        """
        with transaction(self._office.engine, reads=True) as connection:
            return queue_counts(connection, reviewer, queue, now=now)

    def looks_today(self, reviewer: Reviewer, *, now: datetime) -> int:
        """How many unblurred looks have they had in the last 24 hours?"""
        with transaction(self._office.engine, reads=True) as connection:
            return looks_today(connection, reviewer.id, now=now)

    def appeal_proposal(
        self, appeal: str, reviewer: Reviewer, *, desk: AppealDesk
    ) -> Proposal | None:
        """Which decision about an appeal waits for a second person?

        Args:
            appeal: Name of the appeal.
            reviewer: Who asks.
            desk: Where appeals are decided.

        Raises:
            NotFoundError: There is no such appeal, or it is not for them.
        """
        found = desk.get(appeal, reviewer)
        with transaction(self._office.engine, reads=True) as connection:
            visible_case(connection, found.case, reviewer)
            return proposal_of(connection, found.case, appeal=appeal)
