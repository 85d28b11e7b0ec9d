"""Everything that moderation needs, put together from the operator's settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from provenance.atomic_files import replace_file
from provenance.database.transactions import transaction
from provenance.errors import ConfigurationError
from provenance.jws.keys import ServiceKey, seal_statement
from provenance.moderation.appeals import AppealDesk
from provenance.moderation.audit import AuditLog, DayRoot
from provenance.moderation.cases import CaseDesk
from provenance.moderation.clockwork import Clockwork
from provenance.moderation.complaints import ComplaintDesk
from provenance.moderation.contacts import ContactStore, parse_contact_keys
from provenance.moderation.effects import Effects, NoEffects
from provenance.moderation.joining import is_suspected
from provenance.moderation.office import Office, ReleaseLookup, ReportLookup, Rules
from provenance.moderation.policies import PolicyBook, load_policy_book
from provenance.moderation.views import ReportFacts
from provenance.moderation.vocabulary import Severity
from provenance.records.reports import ReportStore
from provenance.runtime.page_parts import read_service_key
from provenance.runtime.secret_key import read_secret
from provenance.runtime.settings import Settings

__all__ = ["ROOT_KIND", "ModerationParts", "report_lookup", "write_root"]

# Whatever is older was written, or lies in a folder that somebody emptied.
_WRITTEN_BY_NOW = timedelta(days=31)
_MUCH = 50
# Bits of a code, all of which differ.
_FARTHEST = 256

ROOT_KIND = "provenance-audit-root+jwt"
"""`typ` of a signed root of a day: one kind of statement is never taken for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationParts:
    """The desks of a service.

    Attributes:
        office: What they share: database, audit, policies, keys.
        complaints: Where people complain.
        cases: Where the staff works.
        appeals: Where decisions are appealed.
        policies: The policies, as everybody may read them.
        audit: What was done.
        clockwork: Lets time pass.
        tick_s: How often.
        roots: Folder of the signed roots.
        key: What they are signed with, if there is a key.
    """

    office: Office
    complaints: ComplaintDesk
    cases: CaseDesk
    appeals: AppealDesk
    policies: PolicyBook
    audit: AuditLog
    clockwork: Clockwork
    tick_s: float
    roots: Path
    key: ServiceKey | None

    @classmethod
    def open(
        cls,
        settings: Settings,
        engine: Engine,
        *,
        reports: ReportStore,
        released: ReleaseLookup,
        clock: Callable[[], datetime],
        effects: Effects | None = None,
    ) -> Self | None:
        """All of it; None where no key for contacts is configured, and so no moderation.

        Args:
            settings: The operator's.
            engine: The database.
            reports: Machine reports, looked up and never written.
            released: Looks up a registered file.
            clock: Says what time it is.
            effects: What follows from changes; nothing by default.

        Raises:
            ConfigurationError: A key, a policy or a folder cannot be used, or a policy that
                decisions were made under has changed.
        """
        given = settings.moderation
        if given.contact_key is None:
            return None
        keys = parse_contact_keys(_text(given.contact_key), where=str(given.contact_key))
        book = load_policy_book(given.policies)
        with transaction(engine, reads=True) as connection:
            book.check_used(connection)
        key = settings.service.signing_key
        signing = None if key is None else read_service_key(key)
        roots = given.audit_roots or settings.home / "moderation" / "audit-roots"
        office = Office(
            engine=engine,
            audit=AuditLog(engine),
            effects=effects or NoEffects(),
            policies=book,
            contacts=ContactStore(keys, os.urandom),
            random=os.urandom,
            reports=report_lookup(reports, clock),
            released=released,
            rules=Rules(
                decide_within={
                    Severity.CRITICAL: timedelta(hours=given.decide_critical_hours),
                    Severity.HIGH: timedelta(hours=given.decide_high_hours),
                    Severity.MEDIUM: timedelta(hours=given.decide_medium_hours),
                    Severity.LOW: timedelta(hours=given.decide_low_hours),
                },
                claim_lasts=timedelta(minutes=given.claim_minutes),
                answer_within=timedelta(days=given.answer_days),
                due_soon=timedelta(hours=given.due_soon_hours),
                complaints_per_hour=given.complaints_per_hour,
                complaints_per_day=given.complaints_per_day,
                address_days=given.address_days,
                bulk_cap=given.bulk_cap,
            ),
        )
        desk = ComplaintDesk(office)
        return cls(
            office=office,
            complaints=desk,
            cases=CaseDesk(office),
            appeals=AppealDesk(office, desk),
            policies=book,
            audit=office.audit,
            clockwork=Clockwork(office),
            tick_s=given.tick_s,
            roots=roots,
            key=signing,
        )

    def is_suspected(self, sha256: str) -> bool:
        """Is there a restricted case about these bytes? Then they are neither shown nor kept.

        Raises:
            StoreError: The database cannot be read.
        """
        with transaction(self.office.engine, reads=True) as connection:
            return is_suspected(connection, sha256)

    def pass_time(self, now: datetime) -> bool:
        """Do what is due, and give out what is signed: may there be more at once?

        Raises:
            ConfigurationError: A root cannot be written; it is tried again next time.
            StoreError: The database cannot be read or written.
        """
        try:
            done = self.clockwork.tick(now)
        finally:
            # Nor does a root wait for what could not be done: a contact that does not open
            # is told of at every tick until somebody sees to it.
            self._give_out_roots(now)
        return done >= _MUCH

    def _give_out_roots(self, now: datetime) -> None:
        self.roots.mkdir(mode=0o755, parents=True, exist_ok=True)
        for root in self.audit.roots(since=(now - _WRITTEN_BY_NOW).date().isoformat()):
            path = self.roots / f"{root.day}.json"
            if not path.exists():
                write_root(root, self.roots, self.key)


def report_lookup(reports: ReportStore, clock: Callable[[], datetime]) -> ReportLookup:
    """Looks up what moderation needs of a machine's report, in everybody's view.

    A report that only one agency may read is none here: its complaint names the address.
    """

    def look_up(name: str) -> ReportFacts | None:
        stored = reports.get(name, reader=None, now=clock())
        if stored is None:
            return None
        report = stored.report
        named = [report.signer.agency, *(found.agency for found in report.resemblance)]
        agencies = {agency.id for agency in named if agency is not None}
        release = likeness = None
        if report.resemblance and report.resemblance[0].agency is not None:
            nearest = report.resemblance[0]
            release = f"{report.resemblance[0].agency.id}/{nearest.release}"
            # Where local features led to it alone, how far it is nobody knows.
            far = _FARTHEST if nearest.distance is None else nearest.distance
            likeness = (nearest.algorithm or "features", far)
        if report.release is not None and report.release.id is not None:
            owner = report.release.agency or report.signer.agency
            release = None if owner is None else f"{owner.id}/{report.release.id}"
            likeness = None
        return ReportFacts(
            sha256=report.asset.sha256,
            verdict=report.verdict.value,
            release=release,
            agencies=frozenset(agencies),
            likeness=likeness,
        )

    return look_up


def _text(path: Path) -> str:
    try:
        return read_secret(path).decode("ascii")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected lines of ASCII") from error


def write_root(root: DayRoot, folder: Path, key: ServiceKey | None) -> None:
    """Write the root of a day, signed, where whoever keeps a log, or a copy, finds it."""
    document = json.loads(root.document)
    if key is not None:
        document["jws"] = seal_statement(root.document, key, kind=ROOT_KIND)
    data = json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"
    replace_file(folder / f"{root.day}.json", data, staging=folder)
