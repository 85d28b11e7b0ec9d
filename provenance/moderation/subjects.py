"""What complaints are about: the same bytes are one subject, and the same address is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from provenance.errors import ConflictError
from provenance.hosts import ascii_host
from provenance.moderation.model import Decision, Locator, Subject
from provenance.moderation.office import Office
from provenance.moderation.rows import decision_named, subject_of
from provenance.moderation.tables import case_subjects, cases, similarities, subjects
from provenance.moderation.transitions import JOINABLE
from provenance.moderation.views import ReportFacts
from provenance.moderation.vocabulary import CaseState, Category, Outcome, Queue, ReporterRole
from provenance.verdict import Verdict

__all__ = [
    "OFFICIAL",
    "Place",
    "joinable_case",
    "place_of",
    "standing_decision",
    "subject_for",
    "subject_key",
]

OFFICIAL = frozenset({Verdict.OFFICIAL.value, Verdict.OFFICIAL_WITHDRAWN.value})
"""Verdicts about what an agency has proven to have released."""
_MAX_URL_CHARS = 2000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPORT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_PORTS = {"http": 80, "https": 443}
_DECIDED = (
    CaseState.DECIDED,
    CaseState.ENFORCING,
    CaseState.ENFORCEMENT_FAILED,
    CaseState.CLOSED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A locator that was looked at.

    Attributes:
        locator: As it is kept.
        facts: What the report says that it names.
    """

    locator: Locator
    facts: ReportFacts | None = None


def place_of(locator: Locator, office: Office, *, queue: Queue) -> Place:
    """What is meant by a locator?

    In the restricted queue the report itself is not kept: it may lead to a picture.

    Raises:
        ConflictError: It names nothing, or what it names is malformed or not here.
    """
    if locator.url is None and locator.sha256 is None and locator.report is None:
        raise ConflictError("locator: expected an address, a digest or a report, got none")
    digest = None if locator.sha256 is None else locator.sha256.lower()
    if digest is not None and _SHA256.fullmatch(digest) is None:
        raise ConflictError(f"locator: sha256: expected 64 hex digits, got {digest!r:.80}")
    facts = None
    if locator.report is not None:
        known = _REPORT.fullmatch(locator.report) is not None
        facts = office.reports(locator.report) if known else None
        if facts is None:
            raise ConflictError("locator: report: there is none of this name, or not any more")
        digest = facts.sha256 or digest
    url = None if locator.url is None else _address(locator.url)
    report = None if queue is Queue.RESTRICTED else locator.report
    return Place(locator=Locator(url=url, sha256=digest, report=report), facts=facts)


def _address(text: str) -> str:
    """The address in the spelling that it is compared in; what it means does not change."""
    text = text.strip()
    if len(text) > _MAX_URL_CHARS or not text.isprintable() or " " in text:
        raise ConflictError(
            f"locator: url: expected at most {_MAX_URL_CHARS} printable characters without spaces"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
        host = ascii_host(parts.hostname or "")
    except ValueError as error:
        raise ConflictError(f"locator: url: expected an address, got {text!r:.80}") from error
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not host or parts.username or parts.password:
        raise ConflictError(f"locator: url: expected http:// or https://, got {text!r:.80}")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        netloc = f"{netloc}:{port}"
    return urlunsplit((scheme, netloc, parts.path or "/", parts.query, ""))


def subject_key(locator: Locator, queue: Queue) -> str:
    """What makes two subjects one: the bytes, else the address; in each queue by itself."""
    if locator.sha256 is not None:
        return f"{queue.value[0]}:sha256:{locator.sha256}"
    url = locator.url or locator.report or ""
    return f"{queue.value[0]}:url:{sha256(url.encode()).hexdigest()}"


def subject_for(
    connection: Connection, office: Office, place: Place, *, queue: Queue, now: datetime
) -> Subject:
    """The subject of this place, made if there is none.

    What a report says of these bytes counts whoever attached it, and when: that they are
    official must not hang on who complained first.
    """
    key = subject_key(place.locator, queue)
    row = connection.execute(select(subjects).where(subjects.c.key == key)).one_or_none()
    shown = place.facts if queue is Queue.GENERAL else None
    if row is not None:
        if shown is None or not _says_more(shown, row):
            return subject_of(row)
        said = {
            "report": place.locator.report,
            "verdict": shown.verdict,
            "release": shown.release,
        }
        changed = update(subjects).where(subjects.c.id == row.id).values(said)
        return subject_of(connection.execute(changed.returning(subjects)).one())
    values = {
        "id": office.new_id(),
        "key": key,
        "url": place.locator.url,
        "sha256": place.locator.sha256,
        "report": place.locator.report,
        "verdict": shown.verdict if shown else None,
        "release": shown.release if shown else None,
        "created_at": now,
    }
    return subject_of(connection.execute(insert(subjects).values(values).returning(subjects)).one())


def _says_more(facts: ReportFacts, row: Row[Any]) -> bool:
    return row.report is None or (facts.verdict in OFFICIAL and row.verdict not in OFFICIAL)


def joinable_case(connection: Connection, found: Sequence[Subject], queue: Queue) -> str | None:
    """The open case that is about one of these, or about what a person said is alike."""
    ids = [subject.id for subject in found]
    alike = select(similarities).where(
        similarities.c.confirmed.is_(True),
        or_(similarities.c.subject.in_(ids), similarities.c.other.in_(ids)),
    )
    for row in connection.execute(alike):
        ids += [row.subject, row.other]
    query = (
        select(cases.c.id)
        .join(case_subjects, case_subjects.c.case == cases.c.id)
        .where(case_subjects.c.subject.in_(ids))
        .where(cases.c.state.in_(JOINABLE), cases.c.queue == queue)
        .order_by(cases.c.opened_at, cases.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def standing_decision(
    connection: Connection,
    places: Sequence[Place],
    found: Sequence[Subject],
    *,
    category: Category,
    role: ReporterRole,
    now: datetime,
) -> tuple[str, Decision] | None:
    """The case and the decision that answer this complaint already, if there are such.

    Only a person's decision about exactly these bytes, in the same matter, is repeated: not
    at an address that it did not know, whose contents may be other ones and where nothing
    was done, and not against the word of the person shown, which is something new.
    """
    subject = found[0]
    if len(found) != 1 or subject.sha256 is None:
        return None
    if any(place.locator.url not in {None, subject.url} for place in places):
        return None
    row = connection.execute(
        select(cases.c.id, cases.c.decision, cases.c.category)
        .join(case_subjects, case_subjects.c.case == cases.c.id)
        .where(case_subjects.c.subject == subject.id)
        .where(and_(cases.c.state.in_(_DECIDED), cases.c.decision.is_not(None)))
        .where(cases.c.queue == Queue.GENERAL, cases.c.category == category)
        .order_by(cases.c.opened_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    decision = decision_named(connection, row.decision, row.id)
    holds = decision.ends_at is None or decision.ends_at > now
    answers = decision.outcome in {Outcome.VIOLATION, Outcome.NO_VIOLATION}
    own = role in {ReporterRole.DEPICTED_PERSON, ReporterRole.REPRESENTATIVE}
    if not holds or not answers or subject.id not in decision.subjects:
        return None
    if own and decision.outcome is Outcome.NO_VIOLATION:
        return None
    return row.id, decision
