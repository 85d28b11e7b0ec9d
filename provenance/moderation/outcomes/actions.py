"""What follows from a change, written with it or not at all.

A decision asks the platform for its actions and gives reasons; a reversal takes all of that
back: labels, entries of the block list, actions, and what people were told. Nothing here
waits for the network: messages are put in the outbox by the same transaction.

Of restricted cases nothing is sent but names of ours: no address, no digest, no facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from provenance.moderation.audit import SYSTEM, AuditLog
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
from provenance.moderation.personal_data import refuse_personal_data
from provenance.moderation.tables import actions as action_rows
from provenance.moderation.tables import case_subjects, complaints, contacts
from provenance.moderation.tables import cases as case_rows
from provenance.moderation.tables import subjects as subject_rows
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    Audience,
    Category,
    ComplaintState,
    Queue,
)
from provenance.records.tokens import Random, new_id
from provenance.wording.catalogue import Wording, wording_in
from provenance.wording.languages import DEFAULT, LANGUAGES, Language, language_of

__all__ = ["APPEAL_WINDOW", "AUTHORITY_ORDER_POLICY", "OutcomeEffects", "OutcomeSettings"]

APPEAL_WINDOW = timedelta(days=184)
"""DSA Art. 20 (1): at least six months, which 184 days are everywhere."""
AUTHORITY_ORDER_POLICY = "authority-order"
"""Name of the policy of decisions that do what an authority orders."""

_SILENT = {ComplaintState.WITHDRAWN.value, ComplaintState.REJECTED_ABUSIVE.value}
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
            "received_at": _zulu(complaint.received_at),
            "decision": complaint.decision,
        }
        self.outbox.put(connection, event, data, now=now)
        if event == "complaint.answered" and complaint.decision is not None:
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
        refuse_personal_data(
            [("facts", decision.facts), ("reference", decision.reference)]
        )
        told = {subject.id: subject for subject in case.subjects}
        mine = [action for action in _actions(connection, decision.id, case.id)
                if action.state is ActionState.PENDING]  # fmt: skip
        self._reasons(connection, decision, case, mine, told, now)
        for complaint in complaints:
            self._tell_reporter(connection, decision, case, complaint, now)
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
            self._enforce(connection, decision, case, action, subject, now)
            self.outbox.put(
                connection,
                "action.requested",
                {
                    **self._action(action, case, subject),
                    "territories": list(decision.territories),
                    "ends_at": None if decision.ends_at is None else _zulu(decision.ends_at),
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
            self._note(connection, "hash-entry.withdrawn", f"hash-entry:{entry.id}", case, now)
        if self.labels is not None:
            for label in self.labels.negate(
                connection, decision=old.id, case=case.id, new_id=self._id, now=now
            ):
                self._note(connection, "label.negated", f"label:{label.claims.jti}", case, now)
        told = {subject.id: subject for subject in case.subjects}
        done = _actions(connection, old.id, case.id)
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
        for name in restricted:
            self._tell_uploader(
                connection, old, case, StatementKind.REVERSAL, told.get(name), name, (), now
            )
        for row in connection.execute(
            select(complaints.c.ref, complaints.c.locale)
            .where(complaints.c.case == case.id, complaints.c.state.not_in(_SILENT))
            .order_by(complaints.c.received_at, complaints.c.ref)
        ).all():
            self._issue(
                connection,
                old,
                case,
                StatementKind.REVERSAL,
                Audience.REPORTER,
                f"complaint:{row.ref}",
                self._context(old, case, None, ()),
                language_of(row.locale) or DEFAULT,
                now,
            )

    def on_clock(self, connection: Connection, event: str, clock: Clock, now: datetime) -> None:
        """Tell of a clock that is nearly up, is up, or ends what held until then."""
        data: dict[str, Any] = {
            "case": clock.case,
            "kind": clock.kind.value,
            "due_at": _zulu(clock.due_at),
            "decision": clock.decision,
        }
        if event.startswith("interim."):
            data["subjects"] = self._subjects_of(connection, clock.case)
        self.outbox.put(connection, event, data, now=now, once=f"{clock.id} {_zulu(clock.due_at)}")

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

    # What people are told.

    def _reasons(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        mine: Sequence[Action],
        told: Mapping[str, Subject],
        now: datetime,
    ) -> None:
        """One statement to whoever uploaded each subject that something is done to."""
        by_subject: dict[str, list[ActionType]] = {}
        for action in mine:
            by_subject.setdefault(action.subject, []).append(action.type)
        for name, types in by_subject.items():
            if any(kind.restrictive for kind in types):
                self._tell_uploader(
                    connection,
                    decision,
                    case,
                    StatementKind.DECISION,
                    told.get(name),
                    name,
                    tuple(types),
                    now,
                )

    def _tell_uploader(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        kind: StatementKind,
        subject: Subject | None,
        name: str,
        types: tuple[ActionType, ...],
        now: datetime,
    ) -> None:
        self._issue(
            connection,
            decision,
            case,
            kind,
            Audience.UPLOADER,
            f"uploader:{name}",
            self._context(decision, case, subject, types or None),
            self.settings.uploader_language,
            now,
            exempt=self._exempt(decision, case),
        )

    def _tell_reporter(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        complaint: Complaint,
        now: datetime,
    ) -> None:
        about = next((one for one in case.subjects if one.id == complaint.subject), None)
        self._issue(
            connection,
            decision,
            case,
            StatementKind.DECISION,
            Audience.REPORTER,
            f"complaint:{complaint.ref}",
            self._context(decision, case, about, None),
            language_of(complaint.locale) or DEFAULT,
            now,
        )
