"""What everybody may read of a decision: what was decided and why, and of nobody who took part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from provenance.database.transactions import transaction
from provenance.errors import NotFoundError
from provenance.moderation.appeal_rules import appeal_open_until
from provenance.moderation.rows import decision_named, withholds_facts
from provenance.moderation.tables import decision_cases
from provenance.moderation.vocabulary import ActionType, Ground, Outcome

__all__ = ["PublicDecision", "PublicDecisions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDecision:
    """A decision as the public sees it.

    Who made it, who complained, who uploaded, and where it is are not in here.

    Attributes:
        id: Its name.
        outcome: What it finds.
        policies: Versions of policies, as `name@version`.
        ground: Law or terms.
        reference: Which article or clause.
        facts: What was found.
        actions: What is done.
        territories: Where it holds; empty: everywhere.
        ends_at: Until when; None: for good.
        automated_detection: Whether a machine led to it.
        created_at: When.
        newer: Decisions that have taken its place in all of its cases.
        may_appeal_until: Until when it may be appealed; None: it may not.
    """

    id: str
    outcome: Outcome
    policies: tuple[str, ...]
    ground: Ground
    reference: str
    facts: str
    actions: tuple[ActionType, ...]
    territories: tuple[str, ...]
    ends_at: datetime | None
    automated_detection: bool
    created_at: datetime
    newer: tuple[str, ...]
    may_appeal_until: datetime | None


class PublicDecisions:
    """Decisions, for everybody.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, id_: str, *, now: datetime) -> PublicDecision:
        """The decision of this name.

        Raises:
            NotFoundError: There is none, or it is about suspected abuse of a minor.
        """
        with transaction(self._engine, reads=True) as connection:
            decision = decision_named(connection, id_)
            if withholds_facts(connection, id_):
                raise NotFoundError(f"decision {id_!r:.40}: there is none of this name")
            later = connection.execute(
                select(decision_cases.c.case, decision_cases.c.decision)
                .where(decision_cases.c.supersedes == id_)
                .order_by(decision_cases.c.decision)
            ).all()
            # While it holds in one of its cases, it holds.
            newer = (
                {row.decision: None for row in later} if len(later) == len(decision.cases) else {}
            )
            times = [
                appeal_open_until(connection, decision, case, now=now) for case in decision.cases
            ]
            until = max((time for time in times if time is not None), default=None)
            return PublicDecision(
                id=decision.id,
                outcome=decision.outcome,
                policies=decision.policies,
                ground=decision.ground,
                reference=decision.reference,
                facts=decision.facts,
                actions=decision.actions,
                territories=decision.territories,
                ends_at=decision.ends_at,
                automated_detection=decision.automated_detection,
                created_at=decision.created_at,
                newer=tuple(newer),
                may_appeal_until=until,
            )
