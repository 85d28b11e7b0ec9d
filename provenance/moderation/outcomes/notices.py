"""Notices to hosts: what a decision asks of a website that is not the platform's own.

Written from a versioned template, in English or Korean, and kept with what came of it. The
public copy says the same without the addresses: whoever reads it must not be led there, and
an address often names somebody. Nothing is sent from here: a member of the staff sends it by
whatever way the host asks for, and writes the receipt down.

Spec: Regulation (EU) 2022/2065 (DSA), Art. 16 (2): reasons, exact addresses, name and address
of whoever notifies, statement of good faith.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from urllib.parse import urlsplit

from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from sqlalchemy import Engine, Row, insert, select, update

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.audit import AuditLog, writing
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.tables import notices
from provenance.moderation.personal_data import refuse_personal_data
from provenance.moderation.rows import withholds_facts
from provenance.moderation.vocabulary import Ground
from provenance.records.tokens import Random, new_id

__all__ = ["TEMPLATES", "Notice", "NoticeDesk", "NoticeDraft", "NoticeOutcome", "write_notice"]

TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType({"removal@1": ("en", "ko")})
"""Versions of templates, with the languages of each. One that was used is never edited."""

_REDACTED = "[…]"
_MAX_ADDRESSES = 100
_MAX_COUNTER_CHARS = 20_000
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class NoticeOutcome(StrEnum):
    """What a host did."""

    REMOVED = "removed"
    REFUSED = "refused"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDraft:
    """What a notice says.

    Attributes:
        host: Name of the host, as in its addresses.
        addresses: Where it is, exactly.
        language: `en` or `ko`.
        template: Which one, with its version.
        sender: Who notifies: the operator's name and address for answers.
    """

    host: str
    addresses: tuple[str, ...]
    sender: str
    language: str = "en"
    template: str = "removal@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice as it is kept.

    Attributes:
        id: Its name.
        case: About which case.
        decision: Because of which decision.
        host: To whom.
        template: From which template, with its version.
        language: In which language.
        body: What it says.
        public_copy: The same without addresses and sender.
        addresses: Where it is.
        sent_at: When it was made to be sent.
        receipt: What the host answered with to say that it came: a number, a name.
        receipt_at: When.
        outcome: What the host did.
        outcome_at: When.
        counter_notice: What whoever uploaded answered, as the host passed it on.
    """

    id: str
    case: str
    decision: str
    host: str
    template: str
    language: str
    body: str
    public_copy: str
    addresses: tuple[str, ...]
    sent_at: datetime
    receipt: str | None = None
    receipt_at: datetime | None = None
    outcome: NoticeOutcome | None = None
    outcome_at: datetime | None = None
    counter_notice: str | None = None


def write_notice(decision: Decision, draft: NoticeDraft, *, number: str) -> tuple[str, str]:
    """What does the notice say, and what does its public copy?

    Pure: the same decision, draft and number give the same texts.

    Raises:
        ConflictError: There is no such template, an address is not the host's, or the facts
            name personal data.
    """
    languages = TEMPLATES.get(draft.template)
    if languages is None or draft.language not in languages:
        raise ConflictError(
            f"notice: expected one of the templates {', '.join(TEMPLATES)} in en or ko, got "
            f"{draft.template!r:.40} in {draft.language!r:.10}"
        )
    _check_addresses(draft)
    refuse_personal_data([("facts", decision.facts), ("reference", decision.reference)])

    def render(addresses: Sequence[str], sender: str) -> str:
        template = _template(draft.template, draft.language)
        values = {
            "number": number,
            "host": draft.host,
            "addresses": [_line(address) for address in addresses],
            "sender": _line(sender),
            "facts": _line(decision.facts),
            "reference": _line(decision.reference),
            "ground": "law" if decision.ground is Ground.LAW else "terms",
            "decision": decision.id,
            "decided_at": decision.created_at.date().isoformat(),
            "territories": list(decision.territories),
        }
        try:
            return _ENVIRONMENT.from_string(template).render(values).strip() + "\n"
        except TemplateError as error:
            raise AssertionError(f"{draft.template}: {error}") from error

    hidden = [_REDACTED] * len(draft.addresses)
    return render(draft.addresses, draft.sender), render(hidden, _REDACTED)


class NoticeDesk:
    """The notices of a service.

    Args:
        engine: The database.
        audit: Where it is written down.
        random: Names notices.
    """

    def __init__(self, engine: Engine, audit: AuditLog, random: Random) -> None:
        self._engine = engine
        self._audit = audit
        self._random = random

    def make(self, decision: Decision, draft: NoticeDraft, *, by: str, now: datetime) -> Notice:
        """Write a notice, and keep it.

        Args:
            decision: Because of which.
            draft: What it is to say.
            by: Who sends it; their right to is checked by whoever calls.
            now: The time.

        Raises:
            ConflictError: As of `write_notice`, or facts of this decision are told to nobody.
        """
        number = new_id(self._random)
        body, public_copy = write_notice(decision, draft, number=number)
        notice = Notice(
            id=number,
            case=decision.case,
            decision=decision.id,
            host=draft.host,
            template=draft.template,
            language=draft.language,
            body=body,
            public_copy=public_copy,
            addresses=draft.addresses,
            sent_at=now,
        )
        with writing(self._engine) as connection:
            if withholds_facts(connection, decision.id):
                raise ConflictError(
                    "notice: facts of this decision are told to nobody, for one of its cases is "
                    "restricted"
                )
            connection.execute(
                insert(notices).values(
                    id=notice.id,
                    case=notice.case,
                    decision=notice.decision,
                    host=notice.host,
                    template=notice.template,
                    language=notice.language,
                    body=notice.body,
                    public_copy=notice.public_copy,
                    addresses=list(notice.addresses),
                    sent_at=now,
                )
            )
            self._audit.append(
                connection,
                at=now,
                actor=by,
                verb="notice.sent",
                object=f"case:{notice.case}",
                detail={"notice": notice.id, "host": notice.host, "template": notice.template},
            )
        return notice

    def received(self, notice: str, receipt: str, *, by: str, now: datetime) -> Notice:
        """The host said that it came.

        Raises:
            ConflictError: There is no such notice, or it has a receipt.
        """
        return self._settle(
            notice, "notice.received", by, now, "receipt", receipt=receipt[:400], receipt_at=now
        )

    def ended(self, notice: str, outcome: NoticeOutcome, *, by: str, now: datetime) -> Notice:
        """What the host did, or that it did not answer.

        Raises:
            ConflictError: There is no such notice, or it has an outcome.
        """
        return self._settle(
            notice, "notice.ended", by, now, "outcome", outcome=outcome.value, outcome_at=now
        )

    def countered(self, notice: str, text: str, *, by: str, now: datetime) -> Notice:
        """Whoever uploaded answered the host, and the host passed it on.

        Raises:
            ConflictError: There is no such notice, or it has a counter-notice.
        """
        return self._settle(
            notice,
            "notice.countered",
            by,
            now,
            "counter_notice",
            counter_notice=text[:_MAX_COUNTER_CHARS],
        )

    def of_case(self, case: str) -> Sequence[Notice]:
        """The notices of a case, the first first."""
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(notices)
                .where(notices.c.case == case)
                .order_by(notices.c.sent_at, notices.c.id)
            ).all()
        return [_notice(row) for row in rows]

    def _settle(
        self,
        name: str,
        verb: str,
        by: str,
        now: datetime,
        once: str,
        **values: object,
    ) -> Notice:
        with writing(self._engine) as connection:
            row = connection.execute(select(notices).where(notices.c.id == name)).one_or_none()
            if row is None:
                raise NotFoundError(f"notice {name!r:.44}: expected one that was sent, got none")
            if getattr(row, once) is not None:
                raise ConflictError(f"notice {name}: its {once} is written down already")
            connection.execute(update(notices).where(notices.c.id == name).values(**values))
            self._audit.append(
                connection,
                at=now,
                actor=by,
                verb=verb,
                object=f"case:{row.case}",
                detail={"notice": name, "outcome": values.get("outcome")},
            )
            changed = connection.execute(select(notices).where(notices.c.id == name)).one()
        return _notice(changed)


# No code of a template runs that could do more than put values into text.
_ENVIRONMENT = ImmutableSandboxedEnvironment(
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def _template(name: str, language: str) -> str:
    kind, _, version = name.partition("@")
    path = files("provenance.moderation.outcomes") / "notice_templates"
    return (path / f"{kind}-{version}.{language}.txt").read_text("utf-8")


def _check_addresses(draft: NoticeDraft) -> None:
    if not _HOST.fullmatch(draft.host):
        raise ConflictError(f"host: expected a name like host.example, got {draft.host!r:.80}")
    if not 0 < len(draft.addresses) <= _MAX_ADDRESSES:
        raise ConflictError(
            f"addresses: expected 1 to {_MAX_ADDRESSES}, got {len(draft.addresses)}"
        )
    for address in draft.addresses:
        try:
            found = urlsplit(address)
        except ValueError as error:
            raise ConflictError("addresses: expected https addresses") from error
        host = (found.hostname or "").lower()
        if found.scheme not in {"http", "https"} or not (
            host == draft.host or host.endswith(f".{draft.host}")
        ):
            raise ConflictError(f"addresses: expected one at {draft.host}, got one at {host!r:.80}")


def _line(text: str) -> str:
    """The text on one line, so that nobody's words look like the notice's own."""
    return " ".join(text.split())


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        id=row.id,
        case=row.case,
        decision=row.decision,
        host=row.host,
        template=row.template,
        language=row.language,
        body=row.body,
        public_copy=row.public_copy,
        addresses=tuple(row.addresses),
        sent_at=row.sent_at,
        receipt=row.receipt,
        receipt_at=row.receipt_at,
        outcome=None if row.outcome is None else NoticeOutcome(row.outcome),
        outcome_at=row.outcome_at,
        counter_notice=row.counter_notice,
    )
