"""Complaints: filed by anybody, followed by reference and PIN, answered each for itself."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from provenance.database.transactions import transaction
from provenance.errors import ConflictError, NotFoundError
from provenance.moderation.appeal_rules import reporter_may_appeal_until
from provenance.moderation.attempts import AttemptCounter
from provenance.moderation.audit import SYSTEM, writing
from provenance.moderation.clocks import (
    running,
)
from provenance.moderation.complaint_checks import (
    MAX_TEXT_CHARS,
    canonical,
    check_complaint,
    missing_for_48h,
    network_of,
)
from provenance.moderation.joining import (
    answer_at_once,
    held_complaint,
    join_case,
    leave_case,
    open_case,
    resume_if_nothing_is_asked,
    tell_complaint,
)
from provenance.moderation.model import Contact
from provenance.moderation.moves import move_complaint
from provenance.moderation.office import Office
from provenance.moderation.references import new_pin, new_reference, parse_reference
from provenance.moderation.resemblances import lead_to_others
from provenance.moderation.rows import (
    appeal_of,
    complaint_of,
    decision_named,
    withholds_facts,
)
from provenance.moderation.subjects import (
    joinable_case,
    place_of,
    standing_decision,
    subject_for,
)
from provenance.moderation.tables import (
    appeals,
    complaints,
    messages,
    mutes,
)
from provenance.moderation.transitions import OPEN_COMPLAINTS
from provenance.moderation.views import Filed, Followed, Message, NewComplaint
from provenance.moderation.vocabulary import (
    Category,
    Channel,
    ClockKind,
    ComplaintState,
    Queue,
    ReporterRole,
)
from provenance.records.keys import ApiKey

__all__ = ["REPORTER", "ComplaintDesk"]

REPORTER = "reporter"
"""Who did it or wrote it, where whoever complained did."""
_MAX_MESSAGES = 50
# Whoever has no complaint of this reference takes as long as whoever has one.
_NO_PIN = f"none:{'0' * 64}"


class ComplaintDesk:
    """Where people complain.

    Args:
        office: What all desks share.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._attempts = AttemptCounter(office.engine)

    def file(
        self,
        new: NewComplaint,
        *,
        now: datetime,
        address: str | None = None,
        key: ApiKey | None = None,
        channel: Channel = Channel.PAGE,
    ) -> Filed:
        """Take a complaint, and acknowledge it.

        It joins the open case about the same bytes, the same address, or what a person has
        said is alike; or a decision that stands answers it; or it opens a case.

        Args:
            new: What is reported.
            now: When it came.
            address: From where, for the limits alone; its keyed digest is kept for a time.
            key: The API key it came with.
            channel: How it came, where there is no key.

        Raises:
            ConflictError: It is incomplete or malformed, its role needs a key that this is
                not, or something else was sent under its external id.
            TooOftenError: Too many came from this address.
            StoreError: The database cannot be written.
        """
        check_complaint(new, key)
        queue = Queue.RESTRICTED if new.category is Category.CHILD_SAFETY else Queue.GENERAL
        places = [place_of(locator, self._office, queue=queue) for locator in new.locators]
        if key is None:
            self._limit(address, now)
        request = self._office.keys.digest("request", canonical(new))
        with writing(self._office.engine) as connection:
            known = self._known(connection, new, key)
            if known is not None:
                if not self._office.keys.fits("request", canonical(new), known.request):
                    raise ConflictError(
                        "external_id: another complaint was filed under it; expected the same"
                    )
                return self._filed(connection, known.ref, pin=None, missing=missing_for_48h(new))
            ref = self._unused_reference(connection)
            pin = new_pin(self._office.random)
            missing = missing_for_48h(new)
            statutory = new.category is Category.INTIMATE_IMAGE and not missing
            trusted = key is not None and new.role in {
                ReporterRole.AGENCY,
                ReporterRole.TRUSTED_FLAGGER,
            }
            reporter, origin = self._who(new.contact, address)
            # What a law asks for is not put off because of who asks.
            spared = statutory or trusted or queue is Queue.RESTRICTED
            muted = not spared and self._is_muted(connection, new.contact, address, now)
            found = [
                subject_for(connection, self._office, place, queue=queue, now=now)
                for place in places
            ]
            connection.execute(
                insert(complaints).values(
                    ref=ref,
                    pin_hash=self._office.keys.digest("pin", f"{ref}:{pin}"),
                    channel=_channel(key, channel, trusted=trusted),
                    role=new.role,
                    category=new.category,
                    explanation=new.explanation,
                    locators=[asdict(place.locator) for place in places],
                    good_faith=new.good_faith,
                    statutory=statutory,
                    locale=new.locale,
                    received_at=now,
                    muted=muted,
                    subject=found[0].id,
                    external_id=new.external_id,
                    key=None if key is None else key.id,
                    request=request,
                    reporter_hash=reporter,
                    address_hash=origin,
                )
            )
            if new.contact is not None and _says_anything(new.contact):
                self._office.contacts.keep(connection, ref, new.contact)
            actor = REPORTER if key is None else f"key:{key.id}"
            self._office.audit.append(
                connection,
                at=now,
                actor=actor,
                verb="complaint.received",
                object=f"complaint:{ref}",
                detail={"category": new.category.value, "muted": muted, "role": new.role.value},
            )
            tell_complaint(connection, self._office, "complaint.received", ref, now)
            move_complaint(
                connection,
                self._office.audit,
                ref,
                ComplaintState.ACKNOWLEDGED,
                actor=SYSTEM,
                now=now,
                acknowledged_at=now,
            )
            standing = None
            if queue is Queue.GENERAL and not statutory:
                standing = standing_decision(
                    connection, places, found, category=new.category, role=new.role, now=now
                )
            case = joinable_case(connection, found, queue)
            if case is None and standing is not None:
                answer_at_once(connection, self._office, ref, *standing, now=now)
            else:
                if case is None:
                    case = open_case(connection, self._office, new, queue, muted=muted, now=now)
                join_case(connection, self._office, ref, case, found, places, key, now=now)
                if queue is Queue.GENERAL:
                    lead_to_others(connection, case, found, places, now=now)
            return self._filed(connection, ref, pin=pin, missing=missing)

    def follow(self, ref: str, pin: str, *, now: datetime, address: str | None = None) -> Followed:
        """How does this complaint stand?

        Raises:
            NotFoundError: There is none of this reference, or the PIN is another; which of
                the two is not said, and does not show in how long it takes.
            TooOftenError: It was tried too often, for this reference or from this address.
        """
        known = self.recognise(ref, pin, now=now, address=address)
        with transaction(self._office.engine, reads=True) as connection:
            return self._followed(connection, known, now=now)

    def recognise(self, ref: str, pin: str, *, now: datetime, address: str | None = None) -> str:
        """The reference of whoever proves that a complaint is theirs.

        Raises:
            NotFoundError: They do not.
            TooOftenError: It was tried too often.
        """
        keys, rules = self._office.keys, self._office.rules
        known = parse_reference(ref)
        typed = "".join(symbol for symbol in pin if symbol not in " -")[:40]
        named = known or ref[:40]
        from_bucket = None
        if address is not None:
            from_bucket = f"pin-from:{keys.digest('attempt', network_of(address))}"
            self._attempts.guess(
                from_bucket,
                free=rules.address_free,
                first=rules.pin_first,
                longest=rules.pin_longest,
                now=now,
            )
        ref_bucket = f"pin:{keys.digest('attempt', named)}"
        self._attempts.guess(
            ref_bucket,
            free=rules.pin_free,
            first=rules.pin_first,
            longest=rules.pin_longest,
            now=now,
        )
        with transaction(self._office.engine, reads=True) as connection:
            query = select(complaints.c.pin_hash).where(complaints.c.ref == (known or ""))
            kept = connection.execute(query).scalar_one_or_none()
        if not keys.fits("pin", f"{named}:{typed}", kept or _NO_PIN) or known is None:
            raise NotFoundError("complaint: there is none of this reference and PIN")
        self._attempts.forgive(ref_bucket)
        if from_bucket is not None:
            self._attempts.give_back(from_bucket)
        return known

    def add_info(
        self, ref: str, pin: str, text: str, *, now: datetime, address: str | None = None
    ) -> Followed:
        """Add to a complaint, in words.

        Raises:
            ConflictError: It is answered or withdrawn, or the text is empty or too long.
            NotFoundError: As `follow`.
            TooOftenError: As `follow`.
        """
        known = self.recognise(ref, pin, now=now, address=address)
        if not 0 < len(text.strip()) <= MAX_TEXT_CHARS:
            raise ConflictError(f"text: expected 1 to {MAX_TEXT_CHARS} characters, got {len(text)}")
        with writing(self._office.engine) as connection:
            row = held_complaint(connection, known)
            if ComplaintState(row.state) not in OPEN_COMPLAINTS:
                raise ConflictError(
                    f"complaint: expected one that waits, got one that is {row.state}"
                )
            count = select(func.count()).where(messages.c.complaint == known)
            if connection.execute(count).scalar_one() >= _MAX_MESSAGES:
                raise ConflictError(f"complaint: expected at most {_MAX_MESSAGES} additions")
            connection.execute(
                insert(messages).values(complaint=known, at=now, author=REPORTER, text=text)
            )
            self._office.audit.append(
                connection,
                at=now,
                actor=REPORTER,
                verb="complaint.info-added",
                object=f"complaint:{known}",
                detail={"characters": len(text)},
            )
            if row.state == ComplaintState.NEEDS_INFO:
                move_complaint(
                    connection,
                    self._office.audit,
                    known,
                    ComplaintState.LINKED,
                    actor=REPORTER,
                    now=now,
                )
                resume_if_nothing_is_asked(connection, self._office, row.case, now=now)
            tell_complaint(connection, self._office, "complaint.info-added", known, now)
            return self._followed(connection, known, now=now)

    def withdraw(
        self, ref: str, pin: str, *, now: datetime, address: str | None = None
    ) -> Followed:
        """Take a complaint back. The case goes on for others, or where the matter is grave.

        Raises:
            ConflictError: It is answered already.
            NotFoundError: As `follow`.
            TooOftenError: As `follow`.
        """
        known = self.recognise(ref, pin, now=now, address=address)
        with writing(self._office.engine) as connection:
            row = held_complaint(connection, known)
            if row.state == ComplaintState.CONTESTED:
                raise ConflictError("complaint: an appeal waits; it is the appeal to take back")
            move_complaint(
                connection,
                self._office.audit,
                known,
                ComplaintState.WITHDRAWN,
                actor=REPORTER,
                now=now,
            )
            # Nobody has to be answered any more.
            self._office.contacts.forget(connection, known)
            leave_case(connection, self._office, row, now=now)
            tell_complaint(connection, self._office, "complaint.withdrawn", known, now)
            return self._followed(connection, known, now=now)

    def _limit(self, address: str | None, now: datetime) -> None:
        if address is None:
            return
        rules = self._office.rules
        whose = self._office.keys.digest("attempt", network_of(address))
        hour, day = timedelta(hours=1), timedelta(days=1)
        # What the hour refuses does not count for the day.
        self._attempts.within(f"file-hour:{whose}", rules.complaints_per_hour, hour, now=now)
        self._attempts.within(f"file-day:{whose}", rules.complaints_per_day, day, now=now)

    def _known(
        self, connection: Connection, new: NewComplaint, key: ApiKey | None
    ) -> Row[Any] | None:
        if new.external_id is None or key is None:
            return None
        query = select(complaints).where(
            complaints.c.key == key.id, complaints.c.external_id == new.external_id
        )
        return connection.execute(query).one_or_none()

    def _unused_reference(self, connection: Connection) -> str:
        while True:
            ref = new_reference(self._office.random)
            taken = select(complaints.c.ref).where(complaints.c.ref == ref)
            if connection.execute(taken).first() is None:
                return ref

    def _who(self, contact: Contact | None, address: str | None) -> tuple[str | None, str | None]:
        keys = self._office.keys
        reporter = None
        if contact is not None and contact.email:
            reporter = keys.digest("reporter", contact.email.strip().casefold())
        return reporter, None if address is None else keys.digest("address", network_of(address))

    def _is_muted(
        self, connection: Connection, contact: Contact | None, address: str | None, now: datetime
    ) -> bool:
        keys, hashes = self._office.keys, list[str]()
        if contact is not None and contact.email:
            hashes += keys.digests("reporter", contact.email.strip().casefold())
        if address is not None:
            hashes += keys.digests("address", network_of(address))
        query = select(mutes.c.id).where(mutes.c.hash.in_(hashes), mutes.c.until > now)
        return bool(hashes) and connection.execute(query.limit(1)).first() is not None

    def _filed(
        self, connection: Connection, ref: str, *, pin: str | None, missing: tuple[str, ...]
    ) -> Filed:
        row = connection.execute(select(complaints).where(complaints.c.ref == ref)).one()
        return Filed(
            complaint=complaint_of(row),
            pin=pin,
            due_at=_due_at(connection, row),
            statutory=row.statutory,
            missing=missing,
            repeated=pin is None,
        )

    def _followed(self, connection: Connection, ref: str, *, now: datetime) -> Followed:
        row = connection.execute(select(complaints).where(complaints.c.ref == ref)).one()
        said = select(messages).where(messages.c.complaint == ref).order_by(messages.c.id)
        theirs = select(appeals).where(appeals.c.complaint == ref).order_by(appeals.c.filed_at)
        decision = None
        if row.decision is not None:
            decision = decision_named(connection, row.decision)
            if row.case in decision.cases:
                # It is in no other, where the case was looked at again and split since.
                decision = decision_named(connection, row.decision, row.case)
            if withholds_facts(connection, decision.id):
                decision = replace(decision, facts="")
        return Followed(
            complaint=complaint_of(row),
            messages=tuple(
                Message(at=m.at, by_reporter=m.author == REPORTER, text=m.text)
                for m in connection.execute(said)
            ),
            decision=decision,
            may_appeal_until=reporter_may_appeal_until(connection, row, now=now),
            due_at=_due_at(connection, row),
            appeals=tuple(appeal_of(a) for a in connection.execute(theirs)),
        )


def _due_at(connection: Connection, row: Row[Any]) -> datetime | None:
    if row.case is None or ComplaintState(row.state) not in OPEN_COMPLAINTS:
        return None
    kinds = {ClockKind.DECIDE, ClockKind.INTIMATE_48H}
    found = running(connection, row.case, kinds)
    return min((clock.due_at for clock in found), default=None)


def _channel(key: ApiKey | None, channel: Channel, *, trusted: bool) -> Channel:
    if key is None:
        return Channel.PAGE if channel is Channel.TRUSTED else channel
    return Channel.TRUSTED if trusted else Channel.API


def _says_anything(contact: Contact) -> bool:
    return any((contact.name, contact.email, contact.signature))
