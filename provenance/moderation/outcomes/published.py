"""A decision as everybody may read it, and as the EU's database takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from provenance.database.transactions import transaction
from provenance.moderation.appeal_rules import appeal_open_until
from provenance.moderation.model import Case, Decision
from provenance.moderation.outcomes.dsa import (
    DsaCategory,
    DsaContentType,
    DsaFacts,
    default_classification,
    source_type_of,
)
from provenance.moderation.policies import PolicyBook
from provenance.moderation.rows import case_named, decision_named, withholds_facts
from provenance.moderation.tables import complaints, decision_cases
from provenance.moderation.vocabulary import Channel, ReporterRole

__all__ = ["PublishedDecision", "dsa_facts", "read_decision"]

_MAX_EXPLANATION = 2000
_UNKNOWN_CONTENT = "Content at an address; its kind is not recorded."
_TYPES = {
    "image": DsaContentType.IMAGE,
    "video": DsaContentType.VIDEO,
    "audio": DsaContentType.AUDIO,
    "text": DsaContentType.TEXT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedDecision:
    """A decision in one of its cases.

    Attributes:
        decision: What was decided.
        case: In which case.
        superseded_by: The decision that holds in its place.
        channels: How complaints of the case came, the first first.
        agency_only: Whether all that came with a key are agencies'.
        first_at: When the first of them came.
        restricted: Whether facts of it are told to nobody, whichever of its cases this is.
        appeal_until: Until when somebody may appeal it; None: nobody may, or not any more.
    """

    decision: Decision
    case: Case
    superseded_by: str | None
    channels: tuple[Channel, ...]
    agency_only: bool
    first_at: datetime
    restricted: bool
    appeal_until: datetime | None = None


def read_decision(
    engine: Engine, decision: str, case: str | None = None, *, now: datetime
) -> PublishedDecision:
    """The decision of this name, in this case or in its first.

    Raises:
        NotFoundError: There is none, or it is not about this case.
        StoreError: The database cannot be read.
    """
    with transaction(engine, reads=True) as connection:
        return _read(connection, decision, case, now)


def _read(connection: Connection, name: str, case: str | None, now: datetime) -> PublishedDecision:
    decision = decision_named(connection, name, case)
    found = case_named(connection, decision.case)
    later = connection.execute(
        select(decision_cases.c.decision).where(
            decision_cases.c.case == decision.case, decision_cases.c.supersedes == decision.id
        )
    ).scalar_one_or_none()
    rows = connection.execute(
        select(complaints.c.channel, complaints.c.role, complaints.c.received_at)
        .where(complaints.c.case == decision.case)
        .order_by(complaints.c.received_at, complaints.c.ref)
    ).all()
    trusted = [row.role for row in rows if row.channel == Channel.TRUSTED.value]
    return PublishedDecision(
        decision=decision,
        case=found,
        superseded_by=later,
        channels=tuple(Channel(row.channel) for row in rows),
        agency_only=bool(trusted) and set(trusted) == {ReporterRole.AGENCY.value},
        first_at=rows[0].received_at if rows else found.opened_at,
        restricted=withholds_facts(connection, decision.id),
        appeal_until=appeal_open_until(connection, decision, decision.case, now=now),
    )


def dsa_facts(
    published: PublishedDecision, policies: PolicyBook, *, media_type: str | None
) -> DsaFacts:
    """What the database asks beside the decision, by the policy that was applied.

    Args:
        published: The decision.
        policies: All versions of all policies.
        media_type: Of the file that it is about, where a report says it.
    """
    category, keywords = default_classification(published.case.category)
    explanation = published.decision.reference
    policy = next(filter(None, map(policies.get, published.decision.policies)), None)
    if policy is not None:
        category, keywords = DsaCategory(policy.dsa_category), policy.dsa_keywords
        explanation = " ".join(policy.words("text", "en").split())
        if len(explanation) > _MAX_EXPLANATION:
            explanation = explanation[: _MAX_EXPLANATION - 1] + "…"
    kind = _TYPES.get((media_type or "").partition("/")[0], DsaContentType.OTHER)
    types = [kind]
    if any("DEEPFAKE" in keyword for keyword in keywords):
        # The policy's matter, not a finding about this file.
        types.append(DsaContentType.SYNTHETIC_MEDIA)
    return DsaFacts(
        category=category,
        keywords=tuple(keywords),
        content_types=tuple(types),
        content_type_other=_UNKNOWN_CONTENT if kind is DsaContentType.OTHER else None,
        # Nobody here knows when it was uploaded; it was there when it was first reported.
        content_date=published.first_at,
        source=source_type_of(published.channels, agency_only=published.agency_only),
        explanation=explanation,
    )
