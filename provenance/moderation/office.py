"""What all desks of moderation share: the database, the audit, the policies, the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine

from provenance.moderation.audit import AuditLog
from provenance.moderation.contacts import ContactKeys, ContactStore
from provenance.moderation.effects import Effects
from provenance.moderation.policies import PolicyBook
from provenance.moderation.views import ReportFacts
from provenance.moderation.vocabulary import Category, Severity
from provenance.records.tokens import Random, new_id

__all__ = ["Office", "ReleaseLookup", "ReportLookup", "Rules"]

ReportLookup = Callable[[str], ReportFacts | None]
"""What does the machine's report of this name say? None: there is none."""

ReleaseLookup = Callable[[str], bool]
"""Has an agency released a file of exactly this digest, as far as everybody may know?"""


def _within() -> dict[Severity, timedelta]:
    return {
        Severity.CRITICAL: timedelta(hours=24),
        Severity.HIGH: timedelta(days=3),
        Severity.MEDIUM: timedelta(days=7),
        Severity.LOW: timedelta(days=14),
    }


def _severities() -> dict[Category, Severity]:
    return {
        Category.CHILD_SAFETY: Severity.CRITICAL,
        Category.INTIMATE_IMAGE: Severity.CRITICAL,
        Category.HARASSMENT: Severity.HIGH,
        Category.FRAUD: Severity.HIGH,
        Category.IMPERSONATION: Severity.MEDIUM,
        Category.PRIVACY: Severity.MEDIUM,
        Category.MISLEADING_MEDIA: Severity.MEDIUM,
        Category.COPYRIGHT: Severity.LOW,
        Category.OTHER: Severity.LOW,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator may set; what a law sets is in `clocks`.

    Attributes:
        decide_within: Our own promise, by severity.
        severities: How grave a complaint is taken to be until somebody looked.
        claim_lasts: How long a case is whose who claimed it.
        answer_within: How long our own promise waits for somebody who was asked.
        due_soon: How long before a clock is up it is said so.
        complaints_per_hour: How many an address may file in an hour.
        complaints_per_day: How many in a day.
        pin_free: How many wrong PINs in a row cost nothing, for one reference.
        address_free: How many for one address.
        pin_first: How long the first pause is; each further failure doubles it.
        pin_longest: How long it is at most.
        address_days: How long the digest of an address is kept with a complaint.
        bulk_cap: How many subjects one decision may have.
        preview_lasts: How long a preview holds.
    """

    decide_within: Mapping[Severity, timedelta] = field(default_factory=_within)
    severities: Mapping[Category, Severity] = field(default_factory=_severities)
    claim_lasts: timedelta = timedelta(minutes=30)
    answer_within: timedelta = timedelta(days=14)
    due_soon: timedelta = timedelta(hours=6)
    complaints_per_hour: int = 20
    complaints_per_day: int = 60
    pin_free: int = 5
    address_free: int = 20
    pin_first: timedelta = timedelta(minutes=1)
    pin_longest: timedelta = timedelta(hours=24)
    address_days: int = 90
    bulk_cap: int = 200
    preview_lasts: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What the desks work with.

    Attributes:
        engine: The database.
        audit: The audit.
        effects: What follows from changes.
        policies: The policies.
        contacts: Complainants' contacts, and the keys.
        random: Where secrets and names come from.
        reports: Looks up a machine's report.
        released: Looks up a registered file.
        rules: What the operator set.
    """

    engine: Engine
    audit: AuditLog
    effects: Effects
    policies: PolicyBook
    contacts: ContactStore
    random: Random
    reports: ReportLookup
    released: ReleaseLookup
    rules: Rules = field(default_factory=Rules)

    @property
    def keys(self) -> ContactKeys:
        """The operator's keys."""
        return self.contacts.keys

    def new_id(self) -> str:
        """A name for something new."""
        return new_id(self.random)
