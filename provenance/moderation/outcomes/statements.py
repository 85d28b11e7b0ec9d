"""Statements of reasons: what was decided, on what ground, and what can be done against it.

Each restrictive action has exactly one for whoever uploaded, written in the transaction that
makes the action, so that it is there before anything is done. Whoever complained is told what
became of it. The reasons for which nobody is sent one are those of `StatementException`.

Spec: Regulation (EU) 2022/2065 (DSA), Art. 17 (3): restriction, territory and duration (a),
facts and whether anybody complained (b), automated means (c), legal or contractual ground (d,
e), redress (f); Art. 16 (5) for whoever complained. Who complained is never told (Art. 17 (3)
b: "where strictly necessary", which it is not here).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, select

from provenance.database.statements import insert_unless_there
from provenance.database.transactions import transaction
from provenance.moderation.model import Decision
from provenance.moderation.outcomes.tables import statements
from provenance.moderation.vocabulary import ActionType, Audience, Ground
from provenance.wording.catalogue import Wording
from provenance.wording.messages import Message, Quoted, say

__all__ = [
    "Statement",
    "StatementContext",
    "StatementException",
    "StatementKind",
    "StatementStore",
    "Written",
    "keep_statement",
    "write_reversal",
    "write_statement",
    "write_upheld",
]


class StatementException(StrEnum):
    """Why nobody is sent a statement. There is no other reason."""

    NO_CONTACT = "no-contact"
    """Nobody knows how to reach them (DSA Art. 17 (2)): the platform takes no messages."""
    AUTHORITY_ORDER = "authority-order"
    """An authority ordered it, and its order tells them (DSA Art. 17 (5), 9)."""
    CHILD_SAFETY = "child-safety"
    """Suspected abuse of a minor: whoever investigates must not be forestalled."""


class StatementKind(StrEnum):
    """What a statement tells of."""

    DECISION = "decision"
    REVERSAL = "reversal"
    UPHELD = "upheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementContext:
    """What a statement says beside the decision.

    Attributes:
        url: Where the decision can be read and objected to.
        about: What it is about: an address or the name of a digest; None: not told.
        actions: What is done to it; by default, whatever the decision says.
        appeal_until: Until when an objection is taken; None: it is final here.
        tells_facts: Whether facts are told; of a restricted case they are not.
    """

    url: str
    about: str | None = None
    actions: tuple[ActionType, ...] | None = None
    appeal_until: datetime | None = None
    tells_facts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A statement in one language.

    Attributes:
        language: BCP 47.
        title: Its first line.
        paragraphs: What it says, in order.
    """

    language: str
    title: str
    paragraphs: tuple[str, ...]

    @property
    def body(self) -> str:
        """The paragraphs as one text."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as it is kept.

    Attributes:
        id: Its name.
        decision: Of which decision.
        case: In which of its cases.
        kind: What it tells of.
        audience: For whom.
        recipient: `complaint:REF` or `uploader:SUBJECT`, for the operator to look up; for the
            public `public`.
        language: BCP 47.
        title: Its first line.
        body: What it says.
        issued_at: When.
        exempt: Why nobody is sent it.
    """

    id: str
    decision: str
    case: str
    kind: StatementKind
    audience: Audience
    recipient: str
    language: str
    title: str
    body: str
    issued_at: datetime
    exempt: StatementException | None = None


def write_statement(
    decision: Decision, audience: Audience, context: StatementContext, wording: Wording
) -> Written:
    """What does the statement say, to these people in this language?

    Pure. The same decision reads alike for everybody, but for its title; nobody is told who
    complained, or that anybody did.
    """
    said = [wording.text(message) for message in _messages(decision, context, wording)]
    return Written(
        language=wording.language.tag,
        title=wording.text(f"statement.title.{audience.value}"),
        paragraphs=tuple(said),
    )


def write_reversal(
    old: Decision, audience: Audience, context: StatementContext, wording: Wording
) -> Written:
    """What is said where a decision no longer holds, before the new one is told?"""
    whose = Audience.REPORTER if audience is Audience.REPORTER else Audience.UPLOADER
    messages = [say(f"statement.reversed.{whose.value}")]
    if context.about is not None:
        messages.append(say("statement.about", what=context.about))
    messages += [say("statement.number", id=old.id), say("statement.limits")]
    return Written(
        language=wording.language.tag,
        title=wording.text(f"statement.title.{audience.value}"),
        paragraphs=tuple(map(wording.text, messages)),
    )


def write_upheld(
    decision: Decision, audience: Audience, context: StatementContext, wording: Wording
) -> Written:
    """What is whoever appealed told, where the decision stays as it is?"""
    messages = [say("statement.upheld")]
    if context.about is not None:
        messages.append(say("statement.about", what=context.about))
    messages += [
        say("statement.redress.final"),
        say("statement.redress.other"),
        say("statement.number", id=decision.id),
        say("statement.limits"),
    ]
    return Written(
        language=wording.language.tag,
        title=wording.text(f"statement.title.{audience.value}"),
        paragraphs=tuple(map(wording.text, messages)),
    )


def _messages(decision: Decision, context: StatementContext, wording: Wording) -> Iterator[Message]:
    if context.about is not None:
        yield say("statement.about", what=context.about)
    yield say(f"statement.outcome.{decision.outcome.value}")
    actions = decision.actions if context.actions is None else context.actions
    for action in actions or (ActionType.NONE,):
        yield say(f"statement.action.{action.value}")
    if any(action is not ActionType.NONE for action in actions):
        if decision.territories:
            countries = ", ".join(map(wording.country, decision.territories))
            yield say("statement.where.countries", countries=countries)
        else:
            yield say("statement.where.everywhere")
        if decision.ends_at is None:
            yield say("statement.until.always")
        else:
            yield say("statement.until.date", date=decision.ends_at)
    if context.tells_facts:
        yield say("statement.facts", facts=Quoted(decision.facts))
    law = decision.ground is Ground.LAW
    reference = Quoted(decision.reference)
    yield say(f"statement.ground.{'law' if law else 'terms'}", reference=reference)
    yield say("statement.policy", policies=", ".join(decision.policies))
    yield say(f"statement.machine.{'yes' if decision.automated_detection else 'no'}")
    if context.appeal_until is None:
        yield say("statement.redress.final")
    else:
        yield say("statement.redress.appeal", date=context.appeal_until, url=context.url)
    yield say("statement.redress.other")
    yield say("statement.number", id=decision.id)
    yield say("statement.limits")


def keep_statement(connection: Connection, statement: Statement) -> bool:
    """Keep a statement inside the transaction of its decision: is it the first of its kind?

    Of each kind, for each decision in each case, there is one for each recipient; a second
    is not kept.
    """
    return insert_unless_there(
        connection,
        statements,
        id=statement.id,
        decision=statement.decision,
        case=statement.case,
        kind=statement.kind.value,
        audience=statement.audience.value,
        recipient=statement.recipient,
        language=statement.language,
        title=statement.title,
        body=statement.body,
        issued_at=statement.issued_at,
        exempt=statement.exempt,
    )


class StatementStore:
    """The statements of a service.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_decision(
        self, decision: str, *, audience: Audience | None = None
    ) -> Sequence[Statement]:
        """The statements of a decision, all or those for some."""
        statement = select(statements).where(statements.c.decision == decision)
        if audience is not None:
            statement = statement.where(statements.c.audience == audience.value)
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                statement.order_by(statements.c.issued_at, statements.c.id)
            ).all()
        return [_statement(row) for row in rows]

    def for_recipient(self, recipient: str) -> Sequence[Statement]:
        """The statements for one recipient, the newest first.

        Args:
            recipient: `complaint:REF` or `uploader:SUBJECT`; whoever asks has shown that they
                are it.
        """
        with transaction(self._engine, reads=True) as connection:
            rows = connection.execute(
                select(statements)
                .where(statements.c.recipient == recipient)
                .order_by(statements.c.issued_at.desc(), statements.c.id)
                .limit(100)
            ).all()
        return [_statement(row) for row in rows]


def _statement(row: Row[tuple[object, ...]]) -> Statement:
    return Statement(
        id=row.id,
        decision=row.decision,
        case=row.case,
        kind=StatementKind(row.kind),
        audience=Audience(row.audience),
        recipient=row.recipient,
        language=row.language,
        title=row.title,
        body=row.body,
        issued_at=row.issued_at,
        exempt=None if row.exempt is None else StatementException(row.exempt),
    )
