"""Random sequences of everything that people do: a model and the service must agree.

The model below knows nothing of tables, transactions or the code under test: it says for
each step whether it is allowed, and what the world looks like afterwards. Whatever one of
the two allows and the other refuses, and every state that differs, is a failure.
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from provenance.database.database import Database
from provenance.errors import ConflictError, PermissionRefusedError
from provenance.moderation.appeals import ByReporter, ByUploader
from provenance.moderation.rows import decisions_of
from provenance.moderation.tables import actions, appeals, cases, clocks, complaints, decisions
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    AppealOutcome,
    CaseState,
    Category,
    ClockKind,
    ReporterRole,
    Role,
)
from tests.factory.moderation import CONTACT, NOW, about, draft, nothing_found, open_desks, person
from tests.factory.registers import new_database

STAFF = {
    "kim": person("kim"),
    "lee": person("lee"),
    "park": person("park", Role.SENIOR),
    "choi": person("choi", Role.SENIOR),
    "jung": person("jung", Role.SENIOR),
    "new": person("new", trained=False),
    "admin": person("admin", Role.ADMIN),
}
SENIORS = {"park", "choi", "jung"}
WORKERS = set(STAFF) - {"admin"}
FIT = WORKERS - {"new"}

IMP, INT, CHILD = Category.IMPERSONATION, Category.INTIMATE_IMAGE, Category.CHILD_SAFETY
RANK = {IMP: 1, INT: 3, CHILD: 3}
OPEN = {"open", "triaged", "interim-restricted", "queued", "assigned", "escalated"}
OPEN |= {"awaiting-second", "reopened"}
UNTOUCHED = {"open", "triaged", "interim-restricted", "queued"}
CLAIMABLE = {*UNTOUCHED, "escalated", "assigned"}
ENDED = {"closed", "enforcing", "enforcement-failed"}
LOCK = timedelta(minutes=30)
KINDS = ("remove", "nothing", "terminate")


@dataclass
class Made:
    id: str
    kind: str
    at: datetime
    appeal: bool = False
    until: datetime | None = None
    two: bool = False

    @property
    def restrictive(self) -> bool:
        return self.kind in {"remove", "terminate"}


@dataclass
class Clock48:
    due: datetime
    met: bool = False
    breached: bool = False


@dataclass
class Matter:
    id: str
    category: Category
    queue: str
    places: set[str]
    state: str = "open"
    refs: list[str] = field(default_factory=list)
    assignee: str | None = None
    until: datetime | None = None
    proposal: tuple[str, str] | None = None
    deciders: set[str] = field(default_factory=set)
    holds: Made | None = None
    pending: bool = False
    clocks: list[Clock48] = field(default_factory=list)
    block: datetime | None = None
    was_blocked: bool = False
    escalated: bool = False

    def visible(self, who: str) -> bool:
        return who in WORKERS and (self.queue == "general" or who in SENIORS)

    def locked_for(self, who: str, now: datetime) -> bool:
        return self.until is not None and self.until > now and self.assignee != who


@dataclass
class Filed:
    pin: str
    case: str
    state: str
    decision: str | None = None


@dataclass
class Contest:
    id: str
    case: str
    decision: Made
    ref: str | None
    state: str = "filed"
    reviewer: str | None = None
    until: datetime | None = None
    proposal: tuple[str, str, str] | None = None
    heard: bool = False


def of_kind(kind: str, category: Category) -> object:
    if kind == "nothing":
        return nothing_found(category)
    action = ActionType.REMOVE if kind == "remove" else ActionType.TERMINATE_ACCOUNT
    return draft(action, category=category)


class Peek(Exception):  # noqa: N818 - no error: an answer
    """Whether the model allows a step that is not taken."""


class Play:
    """People do things.

    A step that is drawn at random is mostly refused, and then nothing ever happens: most of
    the time one is looked for that the model allows.
    """

    def __init__(self, database: Database, chance: Random) -> None:
        self.database = database
        self.chance = chance
        self.peeks = False
        self.taken: Counter[str] = Counter()
        self.desks = open_desks(self.database.engine)
        self.now = NOW
        self.matters: dict[str, Matter] = {}
        self.filed: dict[str, Filed] = {}
        self.contests: dict[str, Contest] = {}
        self.breaches = 0
        self.doing = ""

    def go(self, steps: int) -> None:
        for _ in range(steps):
            name = self.chance.choices(list(STEPS), [weight for weight, _ in STEPS.values()])[0]
            arguments = self.arguments(name)
            self.doing = name
            getattr(self, name)(**arguments)
            self.both_agree()
            self.what_must_never_be_is_not()
        assert self.desks.office.audit.verify() == []

    def arguments(self, name: str) -> dict[str, object]:
        draw = STEPS[name][1]
        wanted = self.chance.random() < 0.8
        arguments: dict[str, object] = {}
        for _ in range(25 if wanted else 1):
            arguments = {key: self.chance.choice(among) for key, among in draw.items()}
            self.peeks = True
            try:
                if name in FREE:
                    break
                getattr(self, name)(**arguments)
            except Peek as peek:
                if peek.args[0]:
                    break
            finally:
                self.peeks = False
        return arguments

    # What both say of a step.

    def both(self, allowed: bool, step: Callable[[], object]) -> object:  # noqa: FBT001
        if self.peeks:
            raise Peek(allowed)
        self.taken[f"{self.doing}:{allowed}"] += 1
        try:
            result = step()
        except (ConflictError, PermissionRefusedError):
            if allowed:
                raise
            return None
        assert allowed, "the service allowed it"
        return result

    def pick(self, among: dict[str, object] | list[str], number: int) -> str | None:
        names = sorted(among)
        return names[number % len(names)] if names else None

    # Reporters.

    def file(self, *, category: Category, place: str, own: bool) -> None:
        statutory = category is INT and own
        queue = "restricted" if category is CHILD else "general"
        new = about(
            category,
            url=f"https://x.example/{place}" if place[0] == "u" else None,
            sha=place if place[0] == "s" else None,
            role=ReporterRole.DEPICTED_PERSON if own else ReporterRole.ANYONE,
            contact=CONTACT if own else None,
            good_faith=own,
        )
        filed = self.desks.complaints.file(new, now=self.now)
        assert filed.pin is not None
        ref, case = filed.complaint.ref, filed.complaint.case
        assert case is not None
        assert filed.statutory == statutory
        about_it = [m for m in self.matters.values() if m.queue == queue and place in m.places]
        joinable = [m for m in about_it if m.state in OPEN]
        if joinable:
            # Two may wait about one place, where one was reopened: either is right.
            matter = next((m for m in joinable if m.id == case), joinable[0])
        else:
            standing = self.standing(about_it, category, place, own=own, statutory=statutory)
            if standing is not None:
                assert standing.holds is not None
                assert case == standing.id
                standing.refs.append(ref)
                until = self.now + timedelta(days=184)
                if standing.holds.until is not None:
                    standing.holds.until = max(standing.holds.until, until)
                self.filed[ref] = Filed(filed.pin, case, "answered", standing.holds.id)
                return
            matter = Matter(case, category, queue, {place})
            self.matters[case] = matter
        assert case == matter.id
        matter.refs.append(ref)
        if RANK[category] > RANK[matter.category]:
            matter.category = category
        if statutory and all(clock.met for clock in matter.clocks):
            matter.clocks.append(Clock48(self.now + timedelta(hours=48)))
        self.filed[ref] = Filed(filed.pin, case, "linked")

    def standing(
        self, found: list[Matter], category: Category, place: str, *, own: bool, statutory: bool
    ) -> Matter | None:
        decided = [m for m in found if m.state in ENDED and m.holds and m.category is category]
        if place[0] != "s" or category is CHILD or statutory or not decided:
            return None
        matter = decided[-1]
        assert matter.holds is not None
        if matter.holds.kind == "undone" or (own and matter.holds.kind == "nothing"):
            return None
        return matter

    def withdraw(self, number: int) -> None:
        ref = self.pick(self.filed, number)  # type: ignore[arg-type]
        if ref is None:
            return
        filed = self.filed[ref]
        allowed = filed.state == "linked"
        self.both(allowed, lambda: self.desks.complaints.withdraw(ref, filed.pin, now=self.now))
        if not allowed:
            return
        filed.state = "withdrawn"
        matter = self.matters[filed.case]
        left = [r for r in matter.refs if self.filed[r].state != "withdrawn"]
        if not left and matter.category is IMP and matter.state in UNTOUCHED and not matter.holds:
            matter.state = "void"

    # The staff.

    def claim(self, number: int, who: str) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        allowed = (
            matter.visible(who)
            and who in FIT - matter.deciders
            and matter.state in CLAIMABLE
            and not matter.locked_for(who, self.now)
            and (not matter.escalated or who in SENIORS)
        )
        self.both(allowed, lambda: self.desks.cases.claim(matter.id, STAFF[who], now=self.now))
        if allowed:
            matter.state, matter.assignee, matter.until = "assigned", who, self.now + LOCK

    def release_or_escalate(self, *, number: int, who: str, up: bool) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        allowed = self.has(matter, who)
        desk = self.desks.cases
        if up:
            self.both(
                allowed,
                lambda: desk.escalate(
                    matter.id, STAFF[who], to=Role.SENIOR, why="hard", now=self.now
                ),
            )
        else:
            self.both(allowed, lambda: desk.release(matter.id, STAFF[who], now=self.now))
        if allowed:
            matter.escalated = matter.escalated or up
            matter.state = "escalated" if matter.escalated else "queued"
            matter.assignee = matter.until = None

    def has(self, matter: Matter, who: str) -> bool:
        return (
            matter.visible(who)
            and matter.state == "assigned"
            and matter.assignee == who
            and matter.until is not None
            and matter.until > self.now
        )

    def decide(self, number: int, who: str, kind: str) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        # Mostly whoever may: the rest is refused often enough as it is.
        who = matter.assignee if matter.assignee and number % 3 else who
        allowed = self.has(matter, who) and who in FIT - matter.deciders
        made = self.both(
            allowed,
            lambda: self.desks.cases.decide(
                matter.id,
                STAFF[who],
                of_kind(kind, matter.category),  # type: ignore[arg-type]
                now=self.now,
            ),
        )
        if not allowed:
            return
        if kind == "terminate" or matter.category is CHILD:
            assert made is None
            matter.state, matter.until, matter.proposal = "awaiting-second", None, (who, kind)
        else:
            self.decided(matter, made, kind, {who})

    def second(self, *, number: int, who: str, agree: bool) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        allowed = (
            matter.state == "awaiting-second"
            and who in (SENIORS & FIT) - matter.deciders
            and matter.proposal is not None
            and matter.proposal[0] != who
        )
        made = self.both(
            allowed,
            lambda: self.desks.cases.second(
                matter.id, STAFF[who], agree=agree, why="no", now=self.now
            ),
        )
        if not allowed or matter.proposal is None:
            return
        maker, kind = matter.proposal
        matter.proposal = None
        if agree:
            self.decided(matter, made, kind, {maker, who})
        else:
            matter.state, matter.assignee, matter.until = "assigned", maker, self.now + LOCK

    def decided(
        self, matter: Matter, made: object, kind: str, people: set[str], *, appeal: bool = False
    ) -> None:
        until = self.now + timedelta(days=184)
        matter.holds = Made(str(made.id), kind, self.now, appeal, until)  # type: ignore[attr-defined]
        matter.holds.two = len(people) == 2
        matter.deciders |= people
        matter.pending = matter.holds.restrictive
        matter.state = "enforcing" if matter.pending else "closed"
        matter.assignee = matter.until = matter.block = None
        matter.escalated = False
        for ref in matter.refs:
            if self.filed[ref].state in {"linked", "answered", "contested"}:
                self.filed[ref].decision = matter.holds.id
            if self.filed[ref].state == "linked":
                self.filed[ref].state = "answered"
        if matter.state == "closed":
            self.meet(matter)

    def meet(self, matter: Matter) -> None:
        for clock in matter.clocks:
            if not clock.met and clock.due <= self.now and not clock.breached:
                clock.breached = True
                self.breaches += 1
            clock.met = True

    def done(self, number: int) -> None:
        matter = self.any_matter(number)
        if matter is None or not matter.pending:
            return
        with self.database.engine.connect() as connection:
            names = connection.execute(
                select(actions.c.id).where(
                    actions.c.case == matter.id, actions.c.state == ActionState.PENDING
                )
            ).scalars()
            todo = list(names)
        assert todo
        for name in todo:
            self.desks.cases.action_done(name, now=self.now)
        matter.pending = False
        if matter.state == "enforcing":
            matter.state = "closed"
        self.meet(matter)

    def reopen(self, number: int, who: str) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        allowed = who in SENIORS and matter.state in ENDED and not self.waiting(matter)
        self.both(
            allowed,
            lambda: self.desks.cases.reopen(matter.id, STAFF[who], why="news", now=self.now),
        )
        if allowed:
            self.requeued(matter)

    def requeued(self, matter: Matter) -> None:
        matter.state = "queued"
        for ref in matter.refs:
            if self.filed[ref].state == "answered":
                self.filed[ref].state = "linked"

    def undo(self, number: int, who: str) -> None:
        matter = self.any_matter(number)
        if matter is None or matter.holds is None:
            return
        old = matter.holds
        allowed = who in SENIORS and matter.state in ENDED and not old.appeal and not old.two
        # Nobody answers an appeal against what they have decided.
        allowed = allowed and not (self.waiting(matter) and who in matter.deciders)
        made = self.both(
            allowed, lambda: self.desks.cases.undo(old.id, STAFF[who], why="slip", now=self.now)
        )
        if not allowed:
            return
        for contest in self.waiting(matter):
            self.answered(contest)
        unmet = [clock for clock in matter.clocks if not clock.met]
        self.decided(matter, made, "undone", {who})
        if matter.clocks and not unmet:
            matter.clocks[-1].met = False
        elif unmet:
            unmet[-1].met = False
        matter.pending = False
        self.requeued(matter)

    def merge(self, one: int, other: int, who: str) -> None:
        source, target = self.any_matter(one), self.any_matter(other)
        if source is None or target is None:
            return
        allowed = (
            source is not target
            and source.visible(who)
            and target.visible(who)
            and source.queue == target.queue
            and source.state in {*UNTOUCHED, "assigned"}
            and target.state in CLAIMABLE
            and source.holds is None
            and (not source.escalated or who in SENIORS)
            and not source.locked_for(who, self.now)
            and not target.locked_for(who, self.now)
        )
        self.both(
            allowed,
            lambda: self.desks.cases.merge(
                source.id, STAFF[who], into=target.id, why="the same", now=self.now
            ),
        )
        if not allowed:
            return
        source.state = "merged"
        source.assignee = source.until = None
        for ref in source.refs:
            self.filed[ref].case = target.id
        target.refs += source.refs
        target.places |= source.places
        if RANK[source.category] > RANK[target.category]:
            target.category = source.category
        target.was_blocked = target.was_blocked or source.was_blocked
        if source.block is not None:
            target.block = min(source.block, target.block or source.block)
        self.join(source, target)
        source.refs, source.block = [], None

    def join(self, source: Matter, target: Matter) -> None:
        theirs = [clock for clock in source.clocks if not clock.met]
        own = [clock for clock in target.clocks if not clock.met]
        source.clocks = []
        if theirs and not own:
            target.clocks.append(theirs[0])
        elif theirs and theirs[0].due < own[0].due:
            own[0].due = theirs[0].due
            own[0].breached = theirs[0].breached or own[0].breached

    def interim(self, number: int, who: str) -> None:
        matter = self.any_matter(number)
        if matter is None:
            return
        allowed = (
            matter.visible(who)
            and who in FIT
            and matter.state in OPEN - {"reopened"}
            and matter.category is not CHILD
            and not matter.was_blocked
            and not matter.locked_for(who, self.now)
        )
        self.both(
            allowed,
            lambda: self.desks.cases.interim_restrict(
                matter.id, STAFF[who], why="until we know", now=self.now
            ),
        )
        if allowed:
            matter.block, matter.was_blocked = self.now + timedelta(days=30), True
            if matter.state in {"open", "triaged"}:
                matter.state = "interim-restricted"

    # Appeals.

    def waiting(self, matter: Matter) -> list[Contest]:
        return [
            c
            for c in self.contests.values()
            if c.case == matter.id and c.state in {"filed", "assigned", "awaiting-second"}
        ]

    def heard(self, matter: Matter, ref: str | None) -> bool:
        return any(
            c.ref == ref and (c.heard or c.state != "decided")
            for c in self.contests.values()
            if c.case == matter.id
        )

    def appeal_as_reporter(self, number: int) -> None:
        ref = self.pick(self.filed, number)  # type: ignore[arg-type]
        if ref is None:
            return
        filed = self.filed[ref]
        matter = self.matters[filed.case]
        if matter.holds is None:
            return
        holds = matter.holds
        allowed = (
            filed.state == "answered"
            and filed.decision == holds.id
            and not (holds.appeal and self.heard(matter, ref))
            and matter.state in ENDED
            and holds.until is not None
            and holds.until > self.now
        )
        by = ByReporter(ref=ref, pin=filed.pin)
        made = self.both(
            allowed,
            lambda: self.desks.appeals.file(holds.id, by=by, text="Look again.", now=self.now),
        )
        if allowed:
            filed.state = "contested"
            self.contest(made, matter, holds, ref)

    def appeal_as_uploader(self, number: int) -> None:
        matter = self.any_matter(number)
        if matter is None or matter.holds is None:
            return
        holds = matter.holds
        allowed = (
            holds.restrictive
            and not self.heard(matter, None)
            and matter.state in ENDED
            and holds.until is not None
            and holds.until > self.now
        )
        by = ByUploader(token=self.desks.appeals.uploader_token(holds.id, matter.id))
        made = self.both(
            allowed, lambda: self.desks.appeals.file(holds.id, by=by, text="Mine.", now=self.now)
        )
        if allowed:
            self.contest(made, matter, holds, None)

    def contest(self, made: object, matter: Matter, holds: Made, ref: str | None) -> None:
        name = str(made.id)  # type: ignore[attr-defined]
        self.contests[name] = Contest(name, matter.id, holds, ref)

    def claim_appeal(self, number: int, who: str) -> None:
        contest = self.any_contest(number)
        if contest is None:
            return
        matter = self.matters[contest.case]
        locked = contest.until is not None and contest.until > self.now
        allowed = (
            matter.visible(who)
            and who in FIT - matter.deciders
            and contest.state in {"filed", "assigned"}
            and not (locked and contest.reviewer != who)
        )
        self.both(allowed, lambda: self.desks.appeals.claim(contest.id, STAFF[who], now=self.now))
        if allowed:
            contest.state, contest.reviewer, contest.until = "assigned", who, self.now + LOCK

    def decide_appeal(self, number: int, who: str, kind: str) -> None:
        contest = self.any_contest(number)
        if contest is None:
            return
        who = contest.reviewer if contest.reviewer and number % 3 else who
        matter = self.matters[contest.case]
        allowed = (
            matter.visible(who)
            and who in FIT - matter.deciders
            and contest.state == "assigned"
            and contest.reviewer == who
            and contest.until is not None
            and contest.until > self.now
        )
        upheld = kind == contest.decision.kind
        outcome = AppealOutcome.UPHELD if upheld else AppealOutcome.OVERTURNED
        self.both(
            allowed,
            lambda: self.desks.appeals.decide(
                contest.id,
                STAFF[who],
                outcome,
                of_kind(kind, matter.category),  # type: ignore[arg-type]
                now=self.now,
            ),
        )
        if not allowed:
            return
        if kind == "terminate" or matter.category is CHILD:
            contest.state, contest.proposal = "awaiting-second", (who, kind, outcome.value)
            contest.until = None
        else:
            self.settled(contest, matter, kind, {who}, upheld=upheld)

    def second_appeal(self, *, number: int, who: str, agree: bool) -> None:
        contest = self.any_contest(number)
        if contest is None:
            return
        matter = self.matters[contest.case]
        allowed = (
            contest.state == "awaiting-second"
            and contest.proposal is not None
            and who in (SENIORS & FIT) - matter.deciders
            and contest.proposal[0] != who
        )
        self.both(
            allowed,
            lambda: self.desks.appeals.second(
                contest.id, STAFF[who], agree=agree, why="no", now=self.now
            ),
        )
        if not allowed or contest.proposal is None:
            return
        maker, kind, outcome = contest.proposal
        contest.proposal = None
        if agree:
            self.settled(contest, matter, kind, {maker, who}, upheld=outcome == "upheld")
        else:
            contest.state, contest.until = "assigned", self.now + LOCK

    def settled(
        self, contest: Contest, matter: Matter, kind: str, people: set[str], *, upheld: bool
    ) -> None:
        with self.database.engine.connect() as connection:
            name = connection.execute(
                select(appeals.c.new_decision).where(appeals.c.id == contest.id)
            ).scalar_one()
            made = next(d for d in decisions_of(connection, matter.id) if d.id == name)
        for other in self.waiting(matter):
            self.answered(other)
            other.heard = True
        if upheld:
            assert matter.holds is not None
            until = matter.holds.until
            matter.holds = Made(made.id, kind, self.now, appeal=True, until=until)
            matter.deciders |= people
            for ref in matter.refs:
                if self.filed[ref].decision == contest.decision.id:
                    self.filed[ref].decision = made.id
        else:
            self.decided(matter, made, kind, people, appeal=True)

    def answered(self, contest: Contest) -> None:
        contest.state, contest.proposal, contest.until = "decided", None, None
        if contest.ref is not None:
            self.filed[contest.ref].state = "answered"

    # Time.

    def advance(self, step: timedelta) -> None:
        self.now += step
        self.desks.clockwork.tick(self.now)
        # Nothing happens twice.
        self.desks.clockwork.tick(self.now)
        for matter in self.matters.values():
            over = matter.until is not None and matter.until <= self.now
            if matter.state == "assigned" and over:
                matter.state = "escalated" if matter.escalated else "queued"
                matter.assignee = matter.until = None
            if matter.block is not None and matter.block <= self.now:
                matter.block = None
                if matter.state == "interim-restricted":
                    matter.state = "queued"
            for clock in matter.clocks:
                if not clock.met and clock.due <= self.now and not clock.breached:
                    clock.breached = True
                    self.breaches += 1
        for contest in self.contests.values():
            over = contest.until is not None and contest.until <= self.now
            if contest.state == "assigned" and over:
                contest.state, contest.reviewer, contest.until = "filed", None, None

    def any_matter(self, number: int) -> Matter | None:
        # Newest first, so that what is under way is gone on with.
        names = list(self.matters)[::-1]
        return self.matters[names[number % len(names)]] if names else None

    def any_contest(self, number: int) -> Contest | None:
        names = list(self.contests)[::-1]
        return self.contests[names[number % len(names)]] if names else None

    # What has to hold at any time.

    def both_agree(self) -> None:
        with self.database.engine.connect() as connection:
            found = {row.id: row for row in connection.execute(select(cases))}
            assert {n: r.state for n, r in found.items()} == {
                m.id: m.state for m in self.matters.values()
            }
            for name, matter in self.matters.items():
                holds = None if matter.holds is None else matter.holds.id
                assert found[name].decision == holds
                assert found[name].category == matter.category
                alive = [r for r in matter.refs if self.filed[r].state != "withdrawn"]
                assert found[name].complaints == len(alive)
            rows = connection.execute(select(complaints)).all()
            assert {r.ref: (r.state, r.case, r.decision) for r in rows} == {
                ref: (f.state, f.case, f.decision) for ref, f in self.filed.items()
            }
            rows = connection.execute(select(appeals)).all()
            assert {r.id: r.state for r in rows} == {c.id: c.state for c in self.contests.values()}
        told = [
            e
            for e in self.desks.told.events
            if e[0] == "clock.breached" and e[1].kind is ClockKind.INTIMATE_48H  # type: ignore[attr-defined]
        ]
        assert len(told) == self.breaches

    def what_must_never_be_is_not(self) -> None:
        with self.database.engine.connect() as connection:
            for row in connection.execute(select(decisions)):
                assert all((row.maker, row.policies, row.facts, row.reference, row.ground))
                needs = "terminate-account" in row.actions or "child-safety@1" in row.policies
                if needs:
                    assert row.second not in {None, row.maker}
            for name in self.matters:
                line = decisions_of(connection, name)
                ids = [decision.id for decision in line]
                # One line without a fork: each replaces the one before it.
                assert [decision.supersedes for decision in line] == [None, *ids][: len(ids)]
                seen: set[str] = set()
                for decision in line:
                    people = {decision.maker, decision.second or decision.maker}
                    if decision.appeal is not None:
                        assert not people & seen
                    seen |= people
            in_force = (ActionState.PENDING, ActionState.DONE, ActionState.FAILED)
            for row in connection.execute(select(actions).where(actions.c.state.in_(in_force))):
                holds = self.matters[row.case].holds
                assert holds is not None
                assert holds.restrictive
            paused = select(clocks).where(
                clocks.c.paused_at.is_not(None), clocks.c.kind != ClockKind.DECIDE
            )
            assert connection.execute(paused).first() is None


NUMBERS, WHO, BOTH = range(51), sorted(STAFF), (False, True)
STEPS: dict[str, tuple[int, dict[str, Sequence[object]]]] = {
    "file": (5, {"category": (IMP, INT, CHILD), "place": ("u1", "u2", "s1"), "own": BOTH}),
    "withdraw": (1, {"number": NUMBERS}),
    "claim": (6, {"number": NUMBERS, "who": WHO}),
    "release_or_escalate": (1, {"number": NUMBERS, "who": WHO, "up": BOTH}),
    "decide": (8, {"number": NUMBERS, "who": WHO, "kind": KINDS}),
    "second": (6, {"number": NUMBERS, "who": WHO, "agree": (True, True, False)}),
    "done": (3, {"number": NUMBERS}),
    "reopen": (1, {"number": NUMBERS, "who": WHO}),
    "undo": (1, {"number": NUMBERS, "who": WHO}),
    "merge": (1, {"one": NUMBERS, "other": NUMBERS, "who": WHO}),
    "interim": (1, {"number": NUMBERS, "who": WHO}),
    "appeal_as_reporter": (5, {"number": NUMBERS}),
    "appeal_as_uploader": (5, {"number": NUMBERS}),
    "claim_appeal": (6, {"number": NUMBERS, "who": WHO}),
    "decide_appeal": (8, {"number": NUMBERS, "who": WHO, "kind": KINDS}),
    "second_appeal": (6, {"number": NUMBERS, "who": WHO, "agree": (True, True, False)}),
    "advance": (
        3,
        {
            "step": (
                timedelta(minutes=10),
                timedelta(minutes=10),
                timedelta(minutes=31),
                timedelta(hours=20),
                timedelta(days=3),
                timedelta(days=31),
                timedelta(days=185),
            )
        },
    ),
}
# Steps that are always allowed.
FREE = {"file", "done", "advance"}
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Database]:
    folder = tmp_path_factory.mktemp("play")
    Database(folder / "empty.db").close()

    def make() -> Database:
        place = folder / f"{next(_NUMBERS)}.db"
        shutil.copyfile(folder / "empty.db", place)
        database = Database(place)
        # Nothing here has to survive a power failure.
        event.listen(
            database.engine, "connect", lambda db, _: db.execute("PRAGMA synchronous = OFF")
        )
        return database

    return make


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_the_model_and_the_service_agree(fresh: Callable[[], Database], seed: int) -> None:
    with fresh() as database:
        Play(database, Random(seed)).go(80)


def test_everything_that_may_happen_does_and_is_refused(fresh: Callable[[], Database]) -> None:
    wanted = {f"{name}:{done}" for name in set(STEPS) - FREE for done in BOTH}
    taken: Counter[str] = Counter()
    # Names are drawn anew in every run, so the same seed does not play the same game.
    for seed in range(30):
        if wanted <= taken.keys():
            break
        with fresh() as database:
            play = Play(database, Random(seed))
            play.go(120)
            taken += play.taken
    assert wanted - taken.keys() == set()


def test_they_agree_on_postgresql_too(postgresql: str) -> None:
    for seed in range(2):
        name = f"play_{next(_NUMBERS)}"
        with Database(new_database(postgresql, name)) as database:
            Play(database, Random(seed)).go(60)


def test_states_of_the_model_are_those_of_the_service() -> None:
    assert {*OPEN, *ENDED, "void", "merged", "decided"} == {state.value for state in CaseState}
