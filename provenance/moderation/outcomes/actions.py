"""What follows from a change, written with it or not at all.

A decision asks the platform for its actions and gives reasons; a reversal takes all of that
back: labels, entries of the block list, actions, and what people were told. Nothing here
waits for the network: messages are put in the outbox by the same transaction.

Of restricted cases nothing is sent but names of ours: no address, no digest, no facts.
A platform is never told who complained: no address names whoever shared it, and the reasons
that complainants are given go to the operator's own mail alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, select

from provenance.moderation.appeal_rules import was_heard
from provenance.moderation.audit import SYSTEM, AuditLog
from provenance.moderation.clocks import APPEAL_WINDOW
from provenance.moderation.model import Action, Appeal, Case, Clock, Complaint, Decision, Subject
from provenance.moderation.outcomes.hash_list import HashAlgorithm, HashEntry, HashList
from provenance.moderation.outcomes.labels import LabelMaker, LabelValue
from provenance.moderation.outcomes.receivers import Outbox, ReceiverKind
from provenance.moderation.outcomes.statements import (
    Statement,
    StatementContext,
    StatementException,
    StatementKind,
    Written,
    keep_statement,
    write_reversal,
    write_statement,
    write_upheld,
)
from provenance.moderation.personal_data import refuse_personal_data, without_sharer
from provenance.moderation.rows import (
    actions_of,
    case_named,
    decision_named,
    outward_case,
    withholds_facts,
)
from provenance.moderation.tables import complaints, contacts
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    AppealOutcome,
    Audience,
    Category,
    ComplaintState,
    Queue,
)
from provenance.records.tokens import Random, new_id
from provenance.records.webhooks import time_in_message
from provenance.wording.catalogue import Wording, wording_in
from provenance.wording.languages import DEFAULT, LANGUAGES, Language, language_of

__all__ = [
    "AUTHORITY_ORDER_POLICY",
    "OutcomeEffects",
    "OutcomeSettings",
]

AUTHORITY_ORDER_POLICY = "authority-order"
"""Name of the policy of decisions that do what an authority orders."""

_SILENT = {ComplaintState.WITHDRAWN.value, ComplaintState.REJECTED_ABUSIVE.value}
_IN_FORCE = (ActionState.PENDING, ActionState.DONE, ActionState.FAILED)
_LABELS: Mapping[ActionType, LabelValue] = {
    ActionType.LABEL: LabelValue.RESTRICTED_POLICY,
    ActionType.RESTRICT: LabelValue.RESTRICTED_POLICY,
    ActionType.AGE_GATE: LabelValue.AGE_RESTRICTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSettings:
    """What the operator settled.

    Attributes:
        public_url: Where people reach the service.
        uploader_language: In which language whoever uploaded is written to; messages carry
            the others too, for the platform to choose by its own knowledge.
    """

    public_url: str
    uploader_language: Language = DEFAULT


@dataclass(frozen=True, slots=True)
class _Change:
    """A decision in a case that people are told of, and in which transaction."""

    connection: Connection
    decision: Decision
    case: Case
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeEffects:
    """What follows from changes of moderation (`effects.Effects`).

    Attributes:
        settings: The operator's.
        outbox: Where messages go.
        audit: Where it is written down.
        random: Names what is made.
        labels: Makes labels; None: the service has no key, and there are none.
        uploader_token: What lets whoever uploaded appeal a decision in a case.
    """

    settings: OutcomeSettings
    outbox: Outbox
    audit: AuditLog
    random: Random
    labels: LabelMaker | None = None
    uploader_token: Callable[[str, str], str] | None = None

    def on_complaint(
        self, connection: Connection, event: str, complaint: Complaint, now: datetime
    ) -> None:
        """Tell the platform that there is one, and of what; never by whom or in which words."""
        data = {
            "complaint": complaint.ref,
            "case": complaint.case,
            "subject": complaint.subject,
            "category": complaint.category.value,
            "state": complaint.state.value,
            "received_at": time_in_message(complaint.received_at),
            "decision": complaint.decision,
        }
        self.outbox.put(connection, event, data, now=now)
        if event == "complaint.answered":
            self._answer_late(connection, complaint, now)

    def on_decision(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        complaints: Sequence[Complaint],
        now: datetime,
    ) -> None:
        """Give reasons, then ask for the actions; make labels and entries of the block list.

        Raises:
            ConflictError: The facts or the reference name personal data: they are shown.
        """
        refuse_personal_data([("facts", decision.facts), ("reference", decision.reference)])
        told = {subject.id: subject for subject in case.subjects}
        mine = actions_of(connection, decision.id, case.id, states=[ActionState.PENDING])
        change = _Change(connection, decision, case, now)
        self._reasons(change, mine, told)
        for complaint in complaints:
            self._tell_reporter(change, complaint)
        self.outbox.put(
            connection,
            "case.decided",
            self._decision(decision, case),
            now=now,
            once=f"{decision.id} {case.id}",
        )
        for action in mine:
            if action.type is ActionType.NONE:
                continue
            subject = told.get(action.subject)
            self._enforce(change, action, subject)
            self.outbox.put(
                connection,
                "action.requested",
                {
                    **self._action(action, case, subject),
                    "territories": list(decision.territories),
                    "ends_at": None
                    if decision.ends_at is None
                    else time_in_message(decision.ends_at),
                    "confirm": f"{self.settings.public_url}/v1/actions/{action.id}",
                },
                now=now,
                once=action.id,
            )

    def on_reversal(
        self, connection: Connection, old: Decision, new: Decision, case: Case, now: datetime
    ) -> None:
        """Take back whatever the old decision did in this case, and tell everybody of it once."""
        entries = HashList.withdraw(
            connection, decision=old.id, case=case.id, why=f"replaced by decision {new.id}"
        )
        for entry in entries:
            self._note(connection, "hash-entry.withdrawn", case, now, entry=_entry_facts(entry))
        if self.labels is not None:
            for label in self.labels.negate(
                connection, decision=old.id, case=case.id, new_id=self._id, now=now
            ):
                self._note(connection, "label.negated", case, now, label=label.claims.jti)
        told = {subject.id: subject for subject in case.subjects}
        done = actions_of(connection, old.id, case.id)
        for action in done:
            if action.type is ActionType.NONE:
                continue
            subject = told.get(action.subject)
            self.outbox.put(
                connection,
                "action.reversed",
                {**self._action(action, case, subject), "replaced_by": new.id},
                now=now,
                once=action.id,
            )
        restricted = dict.fromkeys(action.subject for action in done if action.type.restrictive)
        change = _Change(connection, old, case, now)
        for name in restricted:
            subject = told.get(name) or Subject(id=name)
            self._tell_uploader(change, StatementKind.REVERSAL, subject)
        for row in connection.execute(
            select(complaints.c.ref, complaints.c.locale)
            .where(complaints.c.case == case.id, complaints.c.state.not_in(_SILENT))
            .order_by(complaints.c.received_at, complaints.c.ref)
        ).all():
            self._issue(
                change,
                StatementKind.REVERSAL,
                f"complaint:{row.ref}",
                self._context(change, None, final=True),
                language_of(row.locale) or DEFAULT,
            )

    def on_clock(self, connection: Connection, event: str, clock: Clock, now: datetime) -> None:
        """Tell of a clock that is nearly up, is up, or ends what held until then."""
        data: dict[str, Any] = {
            "case": clock.case,
            "kind": clock.kind.value,
            "due_at": time_in_message(clock.due_at),
            "decision": clock.decision,
        }
        if event.startswith("interim."):
            case = case_named(connection, clock.case)
            hidden = _is_hidden(connection, case)
            data["subjects"] = [_subject(one, restricted=hidden) for one in case.subjects]
        self.outbox.put(
            connection, event, data, now=now, once=f"{clock.id} {time_in_message(clock.due_at)}"
        )

    def on_appeal(
        self, connection: Connection, event: str, appeal: Appeal, case: Case, now: datetime
    ) -> None:
        """Tell of an appeal; whoever appealed in vain is told so."""
        by = "uploader" if appeal.complaint is None else "reporter"
        data = {
            "appeal": appeal.id,
            "case": case.id,
            "decision": appeal.decision,
            "by": by,
            "state": appeal.state.value,
            "outcome": None if appeal.outcome is None else appeal.outcome.value,
            "new_decision": appeal.new_decision,
        }
        self.outbox.put(connection, event, data, now=now, once=f"{appeal.id} {appeal.state.value}")
        if event == "appeal.decided" and appeal.outcome is AppealOutcome.UPHELD:
            self._tell_upheld(connection, appeal, case, now)

    # What people are told.

    def _reasons(
        self, change: _Change, mine: Sequence[Action], told: Mapping[str, Subject]
    ) -> None:
        """One statement to whoever uploaded each subject that something is done to."""
        by_subject: dict[str, list[ActionType]] = {}
        for action in mine:
            by_subject.setdefault(action.subject, []).append(action.type)
        for name, types in by_subject.items():
            if any(kind.restrictive for kind in types):
                subject = told.get(name) or Subject(id=name)
                self._tell_uploader(change, StatementKind.DECISION, subject, tuple(types))

    def _tell_uploader(
        self,
        change: _Change,
        kind: StatementKind,
        subject: Subject,
        types: tuple[ActionType, ...] | None = None,
    ) -> None:
        about = without_sharer(subject.url) or _digest_name(subject.sha256)
        # What answers somebody else's appeal they may still appeal themselves.
        final = was_heard(change.connection, change.case.id, None)
        self._issue(
            change,
            kind,
            f"uploader:{subject.id}",
            self._context(change, about, types, final=final),
            self.settings.uploader_language,
        )

    def _tell_reporter(self, change: _Change, complaint: Complaint) -> None:
        # In their own words of where it is: another may have told of another address.
        locator = next(iter(complaint.locators), None)
        about = None if locator is None else locator.url or _digest_name(locator.sha256)
        final = change.decision.appeal is not None and was_heard(
            change.connection, change.case.id, complaint.ref
        )
        self._issue(
            change,
            StatementKind.DECISION,
            f"complaint:{complaint.ref}",
            self._context(change, about, final=final),
            language_of(complaint.locale) or DEFAULT,
        )

    def _tell_upheld(
        self, connection: Connection, appeal: Appeal, case: Case, now: datetime
    ) -> None:
        decision = decision_named(connection, appeal.decision, case.id)
        change = _Change(connection, decision, case, now)
        final = self._context(change, None, final=True)
        if appeal.complaint is not None:
            locale = connection.execute(
                select(complaints.c.locale).where(complaints.c.ref == appeal.complaint)
            ).scalar_one_or_none()
            language = language_of(locale) or DEFAULT
            self._issue(
                change, StatementKind.UPHELD, f"complaint:{appeal.complaint}", final, language
            )
            return
        language = self.settings.uploader_language
        # What one that upholds left as it was is still an earlier one's.
        for action in actions_of(connection, None, case.id, states=_IN_FORCE):
            if action.type.restrictive:
                self._issue(
                    change, StatementKind.UPHELD, f"uploader:{action.subject}", final, language
                )

    def _answer_late(self, connection: Connection, complaint: Complaint, now: datetime) -> None:
        """Tell somebody who complained after it had been decided."""
        if complaint.decision is None or complaint.case is None:
            return
        if complaint.case not in decision_named(connection, complaint.decision).cases:
            # It was split off since: what they were told of then was of another case.
            return
        decision = decision_named(connection, complaint.decision, complaint.case)
        case = outward_case(case_named(connection, complaint.case))
        self._tell_reporter(_Change(connection, decision, case, now), complaint)

    def _issue(
        self,
        change: _Change,
        kind: StatementKind,
        recipient: str,
        context: StatementContext,
        language: Language,
    ) -> None:
        """Write a statement, keep it, and let it be delivered; a second of a kind is neither."""
        decision, case, now = change.decision, change.case, change.now
        who, _, ref = recipient.partition(":")
        audience = Audience.REPORTER if who == "complaint" else Audience.UPLOADER
        exempt = self._exempt(decision, case) if audience is Audience.UPLOADER else None
        written = _WRITERS[kind](decision, audience, context, wording_in(language))
        once = f"{decision.id} {case.id} {kind.value} {recipient}"
        statement = Statement(
            id=self._id(),
            decision=decision.id,
            case=case.id,
            kind=kind,
            audience=audience,
            recipient=recipient,
            language=written.language,
            title=written.title,
            body=written.body,
            issued_at=now,
            exempt=exempt,
        )
        if not keep_statement(change.connection, statement) or exempt is not None:
            return
        data: dict[str, Any] = {
            "statement": statement.id,
            "kind": kind.value,
            "audience": audience.value,
            "recipient": recipient,
            "decision": decision.id,
            "case": case.id,
            "language": written.language,
            "title": written.title,
            "body": written.body,
        }
        if audience is Audience.UPLOADER:
            # The platform knows whose it is by what it is.
            about = next((one for one in case.subjects if one.id == ref), Subject(id=ref))
            data["subject"] = _subject(about, restricted=_is_restricted(case))
            data["translations"] = {
                other.tag: {"title": text.title, "body": text.body}
                for other in LANGUAGES
                for text in [_WRITERS[kind](decision, audience, context, wording_in(other))]
            }
            if self.uploader_token is not None and context.appeal_until is not None:
                token = self.uploader_token(decision.id, case.id)
                data["appeal_token"] = token
                # The statement is kept, and links to what everybody may read; this is theirs.
                data["appeal_url"] = f"{context.url}?token={quote(token, safe='')}"
            self.outbox.put(change.connection, "statement.issued", data, now=now, once=once)
        elif self._has_contact(change.connection, ref):
            # No platform's: their own words of where it is may say who they are.
            self.outbox.put(
                change.connection,
                "statement.issued",
                data,
                now=now,
                once=once,
                kind=ReceiverKind.MAIL,
                contact=ref,
            )

    def _has_contact(self, connection: Connection, ref: str) -> bool:
        if not self.outbox.reaches("statement.issued", ReceiverKind.MAIL):
            return False
        found = select(contacts.c.complaint).where(contacts.c.complaint == ref)
        return connection.execute(found).first() is not None

    def _exempt(self, decision: Decision, case: Case) -> StatementException | None:
        if _is_restricted(case):
            return StatementException.CHILD_SAFETY
        if any(policy.partition("@")[0] == AUTHORITY_ORDER_POLICY for policy in decision.policies):
            return StatementException.AUTHORITY_ORDER
        if not self.outbox.reaches("statement.issued"):
            return StatementException.NO_CONTACT
        return None

    def _context(
        self,
        change: _Change,
        about: str | None,
        types: tuple[ActionType, ...] | None = None,
        *,
        final: bool,
    ) -> StatementContext:
        restricted = _is_restricted(change.case)
        return StatementContext(
            url=f"{self.settings.public_url}/decisions/{change.decision.id}",
            about=None if restricted else about,
            actions=types,
            appeal_until=None if final else change.now + APPEAL_WINDOW,
            # Another of its cases may have turned out to be restricted since.
            tells_facts=not (restricted or withholds_facts(change.connection, change.decision.id)),
        )

    # What is done.

    def _enforce(self, change: _Change, action: Action, subject: Subject | None) -> None:
        """What this service does by itself: labels, and entries of the block list."""
        connection, now = change.connection, change.now
        decision, case = change.decision, change.case
        sha256 = None if subject is None else subject.sha256
        if sha256 is None or subject is None:
            return
        if action.type is ActionType.HASH_BLOCK:
            HashList.add(
                connection,
                id=self._id(),
                decision=decision.id,
                case=case.id,
                subject=subject.id,
                algorithm=HashAlgorithm.SHA256,
                value=sha256,
                ends_at=decision.ends_at,
                now=now,
            )
            self._note(connection, "hash-entry.added", case, now, sha256=sha256)
        value = _LABELS.get(action.type)
        if value is not None and self.labels is not None and not _is_restricted(case):
            if action.type is ActionType.LABEL and subject.verdict == "lookalike":
                value = LabelValue.UNVERIFIED_LOOKALIKE
            label = self.labels.put(
                connection,
                id=self._id(),
                sha256=sha256,
                value=value,
                decision=decision.id,
                case=case.id,
                ends_at=decision.ends_at,
                now=now,
            )
            self._note(connection, "label.made", case, now, label=label.claims.jti, value=value)

    # What messages say.

    def _decision(self, decision: Decision, case: Case) -> dict[str, Any]:
        restricted = _is_restricted(case)
        return {
            "decision": decision.id,
            "case": case.id,
            "supersedes": decision.supersedes,
            "outcome": decision.outcome.value,
            "category": case.category.value,
            "policies": list(decision.policies),
            "ground": decision.ground.value,
            "reference": decision.reference,
            "facts": None if restricted else decision.facts,
            "actions": [action.value for action in decision.actions],
            "territories": list(decision.territories),
            "ends_at": None if decision.ends_at is None else time_in_message(decision.ends_at),
            "automated_detection": decision.automated_detection,
            "subjects": [_subject(one, restricted=restricted) for one in case.subjects],
        }

    def _action(self, action: Action, case: Case, subject: Subject | None) -> dict[str, Any]:
        bare = Subject(id=action.subject) if subject is None else subject
        return {
            "action": action.id,
            "type": action.type.value,
            "decision": action.decision,
            "case": case.id,
            "subject": _subject(bare, restricted=_is_restricted(case)),
        }

    def _note(
        self, connection: Connection, verb: str, case: Case, now: datetime, **detail: Any
    ) -> None:
        self.audit.append(
            connection,
            at=now,
            actor=SYSTEM,
            verb=verb,
            object=f"case:{case.id}",
            detail=detail,
        )

    def _id(self) -> str:
        return new_id(self.random)


_WRITERS: Mapping[
    StatementKind, Callable[[Decision, Audience, StatementContext, Wording], Written]
] = {
    StatementKind.DECISION: write_statement,
    StatementKind.REVERSAL: write_reversal,
    StatementKind.UPHELD: write_upheld,
}


def _is_restricted(case: Case) -> bool:
    return case.queue is Queue.RESTRICTED or case.category is Category.CHILD_SAFETY


def _is_hidden(connection: Connection, case: Case) -> bool:
    """Is it restricted, or what it became part of? That may have turned out to be since."""
    while not _is_restricted(case) and case.merged_into is not None:
        case = case_named(connection, case.merged_into)
    return _is_restricted(case)


def _subject(subject: Subject, *, restricted: bool) -> dict[str, Any]:
    if restricted:
        return {"id": subject.id}
    url = without_sharer(subject.url)
    return {"id": subject.id, "url": url, "sha256": subject.sha256}


def _entry_facts(entry: HashEntry) -> dict[str, str]:
    return {"id": entry.id, "algorithm": entry.algorithm.value, "value": entry.value}


def _digest_name(sha256: str | None) -> str | None:
    return None if sha256 is None else f"SHA-256 {sha256}"
