"""Everything that follows from decisions, put together from the operator's settings."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO, Self, cast

from sqlalchemy import Engine, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConfigurationError, ConflictError, FetchError
from provenance.jws.keys import ServiceKey
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.contacts import ContactStore
from provenance.moderation.evidence.bundle import EvidenceFile, write_evidence
from provenance.moderation.evidence.collecting import EvidenceCollector
from provenance.moderation.evidence.retention import RetentionDesk
from provenance.moderation.model import Subject
from provenance.moderation.outcomes.actions import OutcomeEffects, OutcomeSettings
from provenance.moderation.outcomes.block_keeper import BlockKeeper, tell_of_flood
from provenance.moderation.outcomes.hash_list import FloodRule, HashList
from provenance.moderation.outcomes.labels import LabelMaker, LabelStore
from provenance.moderation.outcomes.message_keeper import MessageKeeper
from provenance.moderation.outcomes.notices import NoticeDesk
from provenance.moderation.outcomes.receivers import Outbox
from provenance.moderation.outcomes.statements import StatementStore
from provenance.records.tables import reports as report_rows
from provenance.records.webhooks import Delivery
from provenance.runtime.page_parts import read_service_key
from provenance.runtime.receivers_file import load_receivers
from provenance.runtime.release_log_proofs import release_bundle
from provenance.runtime.service_database import open_database
from provenance.runtime.settings import Settings, load_settings
from provenance.runtime.time_stamp_client import HttpTimeStampAuthority
from provenance.runtime.uploads import UploadFolder
from provenance.signing.time_stamping import TimeStamper
from provenance.trust.lists import ListPurpose, load_trust_list
from provenance.wording.languages import language_of

__all__ = ["OutcomeParts", "contact_filler", "open_engine"]

_SPOOLED_BYTES = 8 * 1024**2


@contextmanager
def open_engine(register: str | None) -> Iterator[Engine]:
    """The database of the service, for a command, until the block ends.

    Raises:
        ConfigurationError: It cannot be named or made.
        RegisterError: It cannot be reached.
    """
    with open_database(load_settings(register=register)) as opened:
        yield opened.database.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeParts:
    """What follows from decisions.

    Attributes:
        effects: Told of every change, in its transaction.
        statements: Statements of reasons.
        labels: Labels.
        hashes: The block list.
        keeper: Changes of the block list by people.
        messages: Messages that people send again.
        notices: Notices to hosts.
        retention: Holds, and what is deleted.
        evidence: Collects what proves a case.
        audit: Where it is written down.
        key: What bundles and labels are signed with, if there is a key.
        issuer: The address of the service.
        test: Whether it is in test mode.
        stamper: Asks for time-stamps, if there is an authority.
    """

    effects: OutcomeEffects
    statements: StatementStore
    labels: LabelStore
    hashes: HashList
    keeper: BlockKeeper
    messages: MessageKeeper
    notices: NoticeDesk
    retention: RetentionDesk
    evidence: EvidenceCollector
    audit: AuditLog
    key: ServiceKey | None
    issuer: str
    test: bool
    stamper: TimeStamper | None

    @classmethod
    def open(
        cls,
        settings: Settings,
        engine: Engine,
        *,
        uploads: UploadFolder,
        clock: Callable[[], datetime],
        uploader_token: Callable[[str, str], str],
    ) -> Self:
        """All of it.

        Args:
            settings: The operator's.
            engine: The database.
            uploads: The folder of uploads.
            clock: Says what time it is.
            uploader_token: What lets whoever uploaded appeal a decision in a case.

        Raises:
            ConfigurationError: A key, list, language or the file of receivers cannot be used.
        """
        given, service = settings.moderation, settings.service
        issuer = service.base_url
        key = None if service.signing_key is None else read_service_key(service.signing_key)
        receivers = (
            ()
            if given.receivers is None
            else load_receivers(given.receivers, network_allow=settings.network_allow)
        )
        language = language_of(given.uploader_language)
        if language is None:
            raise ConfigurationError(
                f"moderation.uploader_language: expected a language of the pages, got "
                f"{given.uploader_language!r:.20}"
            )
        audit, outbox = AuditLog(engine), Outbox(receivers, os.urandom)
        labels = None
        if key is not None:
            labels = LabelMaker(key=key, issuer=issuer, lasts=timedelta(days=given.label_days))
        return cls(
            effects=OutcomeEffects(
                settings=OutcomeSettings(public_url=issuer, uploader_language=language),
                outbox=outbox,
                audit=audit,
                random=os.urandom,
                labels=labels,
                uploader_token=uploader_token,
            ),
            statements=StatementStore(engine),
            labels=LabelStore(engine),
            hashes=HashList(
                engine,
                flood=FloodRule(expected=given.flood_expected, factor=given.flood_factor),
                on_flood=partial(tell_of_flood, outbox, audit),
            ),
            keeper=BlockKeeper(engine, audit),
            messages=MessageKeeper(engine, audit),
            notices=NoticeDesk(engine, audit, os.urandom),
            retention=RetentionDesk(
                engine, audit, os.urandom, forget=partial(_forget, engine, clock)
            ),
            evidence=EvidenceCollector(
                engine,
                audit,
                public_url=issuer,
                report_of=partial(_report_of, engine),
                file_of=partial(_file_of, engine, uploads),
                log_of=(
                    (lambda _: None)
                    if given.release_log is None
                    else partial(release_bundle, given.release_log)
                ),
            ),
            audit=audit,
            key=key,
            issuer=issuer,
            test=service.test,
            stamper=_stamper(settings, clock),
        )

    def tidy(self, now: datetime) -> bool:
        """Keep the files of open matters, and delete what nothing holds: may there be more?"""
        self.retention.keep_reports(now=now)
        return bool(self.retention.delete_due(now=now))

    def media_type(self, subject: Subject) -> str | None:
        """What the machine's report says this subject is; None where there is none."""
        document = None if subject.report is None else self.evidence.report_of(subject.report)
        return None if document is None else json.loads(document)["asset"]["media_type"]

    def bundle(self, case: str, *, by: str, with_files: bool, now: datetime) -> BinaryIO:
        """The evidence of a case as one file, from its beginning; the caller closes it.

        Args:
            case: Of which.
            by: Who gets it; it is written down, and their right to is checked by the caller.
            with_files: Whether kept files are to be inside.
            now: The time.

        Raises:
            ConflictError: The service has no key, there is no such case, or a kept file is
                not the one that the case is about.
            TimeStampError: There is an authority, and it gave no time-stamp that counts.
        """
        if self.key is None:
            raise ConflictError("evidence: expected a signing key of the service, got none")
        self.evidence.note(case, by=by, now=now)
        parts = self.evidence.collect(case, with_files=with_files)
        stream = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES))  # noqa: SIM115
        try:
            stamper = self.stamper
            write_evidence(
                stream,
                parts,
                key=self.key,
                issuer=self.issuer,
                made_at=now,
                test=self.test,
                stamper=None if stamper is None else lambda data: stamper.stamp(data).token,
            )
        except BaseException:
            stream.close()
            raise
        finally:
            for file in parts.files:
                file.stream.close()
        stream.seek(0)
        return stream


def contact_filler(engine: Engine, contacts: ContactStore) -> Callable[[Delivery], str]:
    """Puts the contact of whoever complained into a message, at the moment of delivery.

    What waits in the database has but a reference; what was delivered is not kept.
    """

    def fill(delivery: Delivery) -> str:
        if delivery.contact is None:
            return delivery.body
        with transaction(engine, reads=True) as connection:
            contact = contacts.get(connection, delivery.contact)
        if contact is None or contact.email is None:
            raise FetchError("whoever complained left no address, or it was forgotten")
        body = json.loads(delivery.body)
        body["data"]["to"] = {"email": contact.email, "name": contact.name}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    return fill


def _report_of(engine: Engine, name: str) -> bytes | None:
    with transaction(engine, reads=True) as connection:
        document = connection.execute(
            # What only one agency may read is nobody else's evidence.
            select(report_rows.c.document).where(
                report_rows.c.id == name, report_rows.c.reader.is_(None)
            )
        ).scalar_one_or_none()
    return None if document is None else document.encode("utf-8")


def _file_of(engine: Engine, uploads: UploadFolder, subject: Subject) -> EvidenceFile | None:
    with transaction(engine, reads=True) as connection:
        upload = connection.execute(
            select(report_rows.c.upload).where(
                report_rows.c.id == subject.report, report_rows.c.reader.is_(None)
            )
        ).scalar_one_or_none()
    if upload is None:
        return None
    try:
        stream = uploads.path(upload).open("rb")
    except OSError:
        return None
    return EvidenceFile(subject=subject.id, stream=stream)


def _forget(engine: Engine, clock: Callable[[], datetime], names: Sequence[str]) -> None:
    """Let these reports end now: whoever tidies the uploads deletes their bytes."""
    with writing(engine) as connection:
        connection.execute(
            update(report_rows).where(report_rows.c.id.in_(names)).values(ends_at=clock())
        )


def _stamper(settings: Settings, clock: Callable[[], datetime]) -> TimeStamper | None:
    given = settings.moderation
    if given.time_stamp_authority is None:
        return None
    if given.time_stamp_list is None:
        raise ConfigurationError(
            "moderation.time_stamp_list: expected the anchors of moderation.time_stamp_authority, "
            "got none"
        )
    authority = HttpTimeStampAuthority(
        url=given.time_stamp_authority, network_allow=settings.network_allow
    )
    anchors = load_trust_list(given.time_stamp_list, purpose=ListPurpose.TIME_STAMP)
    return TimeStamper([authority], [anchors], clock=clock)
