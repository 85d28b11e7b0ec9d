"""What follows from a change, inside the transaction of the change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from provenance.moderation.model import Appeal, Case, Clock, Complaint, Decision

__all__ = ["Effects", "NoEffects"]


class Effects(Protocol):
    """Told of every change while it is being written: what it writes is there with it, or not.

    Every method is called inside the change's own transaction, after the rows of the change
    were written; whatever it raises undoes the change. It must not wait for the network:
    what is to be sent is put in an outbox by the same connection.

    Of the restricted queue, whatever is handed over here has no explanation, no locator,
    and subjects of which nothing but the id is left: what is not here cannot be sent.
    """

    def on_complaint(
        self, connection: Connection, event: str, complaint: Complaint, now: datetime
    ) -> None:
        """A complaint came or changed.

        Args:
            connection: Of the transaction.
            event: `complaint.received`, `.linked`, `.needs-info`, `.info-added`,
                `.withdrawn`, `.rejected-abusive`, or `.answered`: at once, by a decision that
                was there already, or, where `decision` is None, because what it is about was
                gone before anything could be decided.
            complaint: As it is now.
            now: When.
        """

    def on_decision(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        complaints: Sequence[Complaint],
        now: datetime,
    ) -> None:
        """A decision was made; its actions are pending.

        A bulk decision is told once for each of its cases; what is to be done in this one
        are the pending actions of `actions_of(connection, decision.id, case.id)`.

        Args:
            connection: Of the transaction.
            decision: What was decided.
            case: In which case.
            complaints: Everybody who is to be answered, muted ones too; the state of each
                is already `answered`.
            now: When.
        """

    def on_reversal(
        self, connection: Connection, old: Decision, new: Decision, case: Case, now: datetime
    ) -> None:
        """A decision no longer holds in this case: whatever it did there is to be undone.

        Told once for each earlier decision of the case that something of is still in force,
        before `on_decision` is told of the new one. The actions of the old one are already
        `reversed`.
        """

    def on_clock(self, connection: Connection, event: str, clock: Clock, now: datetime) -> None:
        """Time passed.

        Args:
            connection: Of the transaction.
            event: `clock.due-soon`, `clock.breached`, `clock.expired` (a temporary block,
                the time to appeal), or `interim.started` and `interim.ended` (a temporary
                block begins; it is over: decided, void, or by itself, where `clock.expired`
                was told before).
            clock: Which one. Of a block of cases that were merged, `interim.ended` is told
                once for each case that it was of: also for one that it came to by the merge,
                for which `interim.started` was not told, since nobody asked to block that.
            now: When.
        """

    def on_appeal(
        self, connection: Connection, event: str, appeal: Appeal, case: Case, now: datetime
    ) -> None:
        """An appeal was filed, taken back or decided.

        Where the decision was overturned, `on_reversal` and `on_decision` are told too;
        where it was upheld only this is, and nothing is to be done but to tell whoever
        appealed.

        Args:
            connection: Of the transaction.
            event: `appeal.filed`, `appeal.withdrawn` or `appeal.decided`.
            appeal: As it is now.
            case: Whose decision it is about.
            now: When.
        """


class NoEffects:
    """Nothing follows."""

    def on_complaint(
        self, connection: Connection, event: str, complaint: Complaint, now: datetime
    ) -> None:
        """Nothing."""

    def on_decision(
        self,
        connection: Connection,
        decision: Decision,
        case: Case,
        complaints: Sequence[Complaint],
        now: datetime,
    ) -> None:
        """Nothing."""

    def on_reversal(
        self, connection: Connection, old: Decision, new: Decision, case: Case, now: datetime
    ) -> None:
        """Nothing."""

    def on_clock(self, connection: Connection, event: str, clock: Clock, now: datetime) -> None:
        """Nothing."""

    def on_appeal(
        self, connection: Connection, event: str, appeal: Appeal, case: Case, now: datetime
    ) -> None:
        """Nothing."""
